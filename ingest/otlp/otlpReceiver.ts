// The OTLP receiver: metrics that OpenTelemetry SDKs and collectors export over HTTP, as protobuf or JSON. All samples of a
// request are stored or none.

import { setImmediate } from 'node:timers/promises'
import { promisify } from 'node:util'
import { gunzip, type ZlibOptions } from 'node:zlib'
import { errorText } from '../../src/base/assert.ts'
import type { Logger } from '../../src/base/log.ts'
import type { HeadBatch } from '../../storage/head/headBatch.ts'
import { StorageUnavailableError } from '../../storage/model/storageError.ts'
import type { Storage } from '../../storage/storage.ts'
import type { CreatedUse } from '../exposition/metadata/createdTimes.ts'
import type { FoundExemplar } from '../exposition/metadata/scrapeExemplars.ts'
import { badSampleText } from '../remoteWrite/remoteWrite.ts'
import { createSparseWarner } from '../remoteWrite/sparseWarner.ts'
import { DeltaStreams } from './deltaStreams.ts'
import type { OtlpConfig } from './otlpConfig.ts'
import { decodeOtlpJson, decodeOtlpProtobuf, type OtlpRequest } from './otlpMessage.ts'
import { otlpSamples, type OtlpSample } from './otlpSeries.ts'

export type OtlpAnswer = { readonly status: number; readonly body?: string; readonly headers?: Readonly<Record<string, string>> }

export type OtlpHeaders = { readonly contentType: string; readonly contentEncoding: string }

export type OtlpReceiver = {
  /** Resolves once the request's samples survive a process crash, or with the reason why not. */
  receive(body: Uint8Array, headers: OtlpHeaders): Promise<OtlpAnswer>
}

export type OtlpReceiverOptions = {
  readonly storage: Pick<Storage, 'head' | 'exemplars'>
  /** Of the configuration that runs. */
  readonly config: () => OtlpConfig
  readonly lookbackMs: number
  /** What becomes of it that a sample says when it began at zero; nothing by default. */
  readonly created?: CreatedUse
  /** See ingest/exposition/metadata/typeAndUnit.ts. */
  readonly addsTypeAndUnit?: boolean
  /** What becomes of what was counted since the last export: refused by default. */
  readonly deltas?: 'refused' | 'asGiven' | 'addedUp'
  readonly logger: Logger
}

/** The most that a body may decompress to. */
const maxBytes = 64 * 1024 * 1024
/** Time spent between two looks at the event loop. */
const sliceMs = 4

const decoders = new Map([['application/x-protobuf', decodeOtlpProtobuf], ['application/json', decodeOtlpJson]])

const gunzipAsync = promisify<Uint8Array, ZlibOptions, Buffer>(gunzip)

export function createOtlpReceiver({ storage, config, lookbackMs, created = {}, addsTypeAndUnit = false, deltas = 'refused', logger }: OtlpReceiverOptions): OtlpReceiver {
  const { head, exemplars } = storage
  const warn = createSparseWarner(logger)
  const takesDeltas = deltas === 'asGiven'
  const deltaStreams = deltas === 'addedUp' ? new DeltaStreams(Date.now) : undefined

  /** Stages everything and returns the exemplars, which go in after the commit. Throws for a sample that cannot be stored. */
  const stage = async (request: OtlpRequest, batch: HeadBatch): Promise<FoundExemplar[]> => {
    const found: FoundExemplar[] = []
    const onProblem = (message: string) => warn('Error translating OTLP metrics', { err: message })
    let pauseMs = performance.now() + sliceMs
    for (const sample of otlpSamples(request, { config: config(), lookbackMs, addsTypeAndUnit, takesDeltas, deltaStreams, onProblem })) {
      const ref = head.findOrCreate(sample.labels)
      if (ref === 0) throw new RefusedError('the limit on series does not allow a new one')
      if (created.becomesZero === true) stageZero(batch, ref, sample)
      stageSample(batch, ref, sample)
      if (created.becomesStart === true && sample.createdMs !== undefined && sample.value !== 'stale') batch.noteStart(sample.createdMs)
      for (const exemplar of sample.exemplars ?? []) found.push({ ref, exemplar })
      if (performance.now() < pauseMs) continue
      await setImmediate()
      pauseMs = performance.now() + sliceMs
    }
    return found
  }

  return {
    async receive(body, { contentType, contentEncoding }) {
      const decode = decoders.get(contentType)
      if (decode === undefined) return refuse(`unsupported content type: ${contentType}, supported: [${[...decoders.keys()].join(', ')}]`)
      if (contentEncoding !== '' && contentEncoding !== 'gzip') return refuse(`unsupported compression: ${contentEncoding}. Only "gzip" or no compression supported`)
      let request: OtlpRequest
      try {
        request = decode(contentEncoding === 'gzip' ? await gunzipAsync(body, { maxOutputLength: maxBytes }) : body)
      } catch (error) {
        return refuse(errorText(error))
      }
      const batch = head.batch()
      try {
        const found = await stage(request, batch)
        const { firstBad } = await batch.commit('allOrNothing')
        if (firstBad !== undefined) return refuse(badSampleText(firstBad))
        for (const { ref, exemplar } of found) exemplars.append(ref, exemplar)
        return { status: 200 }
      } catch (error) {
        if (error instanceof StorageUnavailableError) return { status: 503, body: `${error.message}\n`, headers: { 'retry-after': '5' } }
        if (error instanceof RefusedError) return refuse(error.message)
        throw error
      } finally {
        batch.close()
      }
    },
  }
}

/** The request asks for something that is not allowed. */
class RefusedError extends Error {}

function stageZero(batch: HeadBatch, ref: number, { timestampMs, createdMs, value }: OtlpSample): void {
  if (createdMs === undefined || value === 'stale') return
  batch.appendZero(ref, createdMs, { timestampMs, histogram: typeof value === 'number' ? undefined : value })
}

function stageSample(batch: HeadBatch, ref: number, { timestampMs, value }: OtlpSample): void {
  if (value === 'stale') batch.appendStale(ref, timestampMs)
  else if (typeof value === 'number') batch.append(ref, timestampMs, value)
  else batch.appendHistogram(ref, timestampMs, value)
}

function refuse(reason: string): OtlpAnswer {
  return { status: 400, body: `${reason}\n` }
}
