// The remote-write receiver, protocols 1.0 and 2.0: checks the request, runs the body through the write kernel, commits, and
// answers as Prometheus does. Of a 1.0 body all samples are stored or none, and series with bad labels are left out and
// counted. Of a 2.0 body what is good is stored; the answer says how much, and what was wrong with the rest.

import { setImmediate } from 'node:timers/promises'
import { errorText, unreachable } from '../../src/base/assert.ts'
import type { Logger } from '../../src/base/log.ts'
import type { MetricRegistry } from '../../src/base/selfMetrics.ts'
import type { ExemplarOutcome } from '../../storage/exemplars.ts'
import type { BadSample, BatchOutcome, HeadBatch } from '../../storage/head/headBatch.ts'
import { decodeLabels } from '../../storage/head/headLabels.ts'
import { formatLabels } from '../../storage/model/labels.ts'
import { StorageUnavailableError } from '../../storage/model/storageError.ts'
import type { Storage } from '../../storage/storage.ts'
import { createdFlags, type CreatedUse } from '../exposition/metadata/createdTimes.ts'
import type { FoundExemplar } from '../exposition/metadata/scrapeExemplars.ts'
import { formatOpenMetricsFloat } from '../exposition/text/goFloat.ts'
import { readExemplars } from './remoteWriteExemplars.ts'
import { messageOf, remoteWriteMessages, type RemoteWriteHeaders, type RemoteWriteMessage } from './remoteWriteHeaders.ts'
import { createSparseWarner } from './sparseWarner.ts'
import { stageHistograms, type HistogramList, type StagedHistograms } from './writtenHistograms.ts'

export type RemoteWriteAnswer = { readonly status: number; readonly body?: string; readonly headers?: Readonly<Record<string, string>> }

export type RemoteWrite = {
  /** Takes one request's body. Resolves once its samples survive a process crash, or with the reason why not. */
  receive(body: WriteBody, headers: RemoteWriteHeaders): Promise<RemoteWriteAnswer>
}

/** A compressed body: bytes, or something that can be moved into the shared memory once. */
export type WriteBody = Uint8Array | { readonly length: number; moveTo(target: Uint8Array, at: number): void }

export type RemoteWriteOptions = {
  readonly storage: Pick<Storage, 'head' | 'exemplars'>
  readonly registry: MetricRegistry
  readonly logger: Logger
  /** Bodies in work and records not yet written; beyond this, senders are asked to wait. */
  readonly maxPendingBytes?: number
  /** What becomes of it that a sample of protocol 2.0 says when its counter was created; nothing by default. */
  readonly created?: CreatedUse
  /** The metadata that a series of protocol 2.0 brings become labels, see typeAndUnit.ts. */
  readonly addsTypeAndUnit?: boolean
  /** All by default. */
  readonly acceptedMessages?: readonly RemoteWriteMessage[]
}

/** What the body held besides good samples. */
type BodyNotes = {
  /** Series with bad labels, and why the first of them is. */
  readonly invalidSeries: number
  readonly invalidReason: string
  readonly exemplars: readonly FoundExemplar[]
  /** New series that a limit forbids. */
  readonly refusedSeries: number
  /** Only in 2.0: series whose labels name symbols that are not there, and series with labels alone. */
  readonly badSymbols: number
  readonly withoutSamples: number
  /** Samples of the sender that are numbers, and what became of the histograms so far. */
  readonly numbers: number
  readonly histograms: StagedHistograms
}

const maxCompressedBytes = 32 * 1024 * 1024
const maxDecodedBytes = 32 * 1024 * 1024

const defaultMaxPendingBytes = 256 * 1024 * 1024

/** Layout of the kernel's state, as in assembly/ingest/remoteWrite.ts. */
const inputAt = 0
const invalidAt = 80
const histogramsAt = 84
const firstInvalidAt = 96
const rewriteAt = 116
const histogramListAt = 128
const histogramEntryBytes = 12
const refusedAt = 140

/** And of its rewriting of a 2.0 message, as in assembly/ingest/remoteWriteV2.ts. */
const badSymbolsAt = 32
const withoutSamplesAt = 36

const invalidReasons = ['', 'no metric name', 'empty name', 'not valid UTF-8', 'a label name comes twice', 'more than 1024 labels']

export function createRemoteWrite(options: RemoteWriteOptions): RemoteWrite {
  const { head } = options.storage
  const { kernels } = head
  const { exports } = kernels
  const warn = createSparseWarner(options.logger)
  const invalidSeries = options.registry.counter(
    'prometheus_api_remote_write_invalid_labels_samples_total',
    'The total number of received remote write samples and histogram samples which contained invalid labels.',
  )
  invalidSeries.inc({}, 0)
  const maxPendingBytes = options.maxPendingBytes ?? defaultMaxPendingBytes
  let bytesInWork = 0

  /** Reads the body into the batch. Returns the answer when it cannot be read. */
  const read = async (body: WriteBody, message: RemoteWriteMessage, batch: HeadBatch): Promise<RemoteWriteAnswer | BodyNotes> => {
    const isV2 = message !== 'prometheus.WriteRequest'
    const created = isV2 && options.created !== undefined ? options.created : {}
    const write = exports.newWrite(body.length, batch.pointer, Number(isV2), createdFlags(created), Number(options.addsTypeAndUnit === true))
    try {
      const at = kernels.word(write + inputAt)
      if (body instanceof Uint8Array) kernels.bytes.set(body, at)
      else body.moveTo(kernels.bytes, at)
      let status = exports.writeStep(write, maxDecodedBytes)
      while (status === 0) {
        await setImmediate()
        status = exports.writeStep(write, maxDecodedBytes)
      }
      switch (status) {
        case 1: {
          const numbers = batch.count - batch.zeroCount
          const histograms = await stageHistograms(histogramsOf(write), batch, { kernels, created })
          return { ...notesOf(write), numbers, histograms, exemplars: await readExemplars(kernels, write) }
        }
        case -1:
          return refuse(400, 'snappy: corrupt input')
        case -2:
          return refuse(400, `snappy: decoded block is too large, at most ${maxDecodedBytes} bytes are accepted`)
        case -3:
          return refuse(400, `proto: the message is not a valid ${message}`)
        default:
          throw new Error(`bug: write kernel answered ${status}`)
      }
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      batch.rollback()
      return refuse(400, `proto: a histogram is malformed: ${error.message}`)
    } finally {
      exports.freeWrite(write)
    }
  }

  const histogramsOf = (write: number): HistogramList => ({
    pointer: kernels.word(write + histogramListAt),
    count: kernels.word(write + histogramsAt),
    at(index) {
      const entry = kernels.word(write + histogramListAt) + index * histogramEntryBytes
      const from = kernels.word(entry + 4)
      return { ref: kernels.word(entry), bytes: kernels.bytes.subarray(from, from + kernels.word(entry + 8)) }
    },
  })

  const notesOf = (write: number): Omit<BodyNotes, 'numbers' | 'histograms' | 'exemplars'> => {
    const invalid = kernels.word(write + invalidAt)
    let invalidReason = ''
    if (invalid > 0) {
      invalidSeries.inc({}, invalid)
      const bytesAt = kernels.word(write + firstInvalidAt)
      const series = labelText(kernels.bytes.subarray(bytesAt, bytesAt + kernels.word(write + firstInvalidAt + 4)))
      const reason = invalidReasons[kernels.word(write + firstInvalidAt + 8)] ?? ''
      warn('Invalid labels in remote write', { series, reason, skipped: invalid })
      invalidReason = `invalid metric name or labels, got ${series}: ${reason}`
    }
    const rewrite = kernels.word(write + rewriteAt)
    return {
      invalidSeries: invalid,
      invalidReason,
      refusedSeries: kernels.word(write + refusedAt),
      badSymbols: rewrite === 0 ? 0 : kernels.word(rewrite + badSymbolsAt),
      withoutSamples: rewrite === 0 ? 0 : kernels.word(rewrite + withoutSamplesAt),
    }
  }

  const reasonOf = (bad: BadSample): string => {
    const reason = badSampleText(bad)
    const series = formatLabels(decodeLabels(head.seriesLabelBytes(bad.ref)))
    warn('Out of order sample from remote write', { err: reason, series, timestamp: bad.timestampMs })
    return reason
  }

  /** Returns how many the sender need not send again. What is wrong with the others is no reason to refuse samples. */
  const appendExemplars = ({ exemplars }: BodyNotes): number => {
    const refusals: readonly ExemplarOutcome[] = ['outOfOrder', 'labelsTooLong', 'unknownSeries']
    const refused = exemplars.filter(({ ref, exemplar }) => refusals.includes(options.storage.exemplars.append(ref, exemplar))).length
    if (refused > 0) warn('Error on ingesting exemplars from remote write', { num_dropped: refused })
    return exemplars.length - refused
  }

  const commitV1 = async (batch: HeadBatch, notes: BodyNotes): Promise<RemoteWriteAnswer> => {
    if (notes.histograms.firstProblem !== undefined) {
      batch.rollback()
      return refuse(400, notes.histograms.firstProblem)
    }
    const { firstBad } = await batch.commit('allOrNothing', { lenient: true })
    if (firstBad !== undefined) return refuse(400, reasonOf(firstBad))
    appendExemplars(notes)
    // The others are stored; a 400, so that the sender says so and does not try again and again.
    return notes.refusedSeries > 0 ? refuse(400, refusalText(notes.refusedSeries)) : { status: 204 }
  }

  const commitV2 = async (batch: HeadBatch, notes: BodyNotes): Promise<RemoteWriteAnswer> => {
    const outcome = await batch.commit('skipBad', { lenient: true })
    const problems = [
      ...(notes.badSymbols > 0 ? [`parsing labels for ${notes.badSymbols} series: their symbol references are not in the symbols table`] : []),
      ...(notes.withoutSamples > 0 ? [`TimeSeries must contain at least one sample or histogram; ${notes.withoutSamples} series have none`] : []),
      ...(notes.invalidSeries > 0 ? [notes.invalidReason] : []),
      ...(notes.histograms.firstProblem === undefined ? [] : [notes.histograms.firstProblem]),
      ...(notes.refusedSeries > 0 ? [refusalText(notes.refusedSeries)] : []),
      ...(outcome.firstBad === undefined ? [] : [reasonOf(outcome.firstBad)]),
    ]
    const samples = notes.numbers - badCount(outcome) + outcome.badHistograms
    const headers = writtenHeaders({ samples, histograms: notes.histograms.staged - outcome.badHistograms, exemplars: appendExemplars(notes) })
    return problems.length === 0 ? { status: 204, headers } : { ...refuse(400, problems.join('\n')), headers }
  }

  return {
    async receive(body, headers) {
      const message = messageOf(headers, options.acceptedMessages ?? remoteWriteMessages)
      if (typeof message !== 'string') return refuse(415, message.refused)
      if (body.length > maxCompressedBytes) return refuse(413, `http: request body too large, at most ${maxCompressedBytes} bytes are accepted`)
      if (bytesInWork + head.pendingLogBytes > maxPendingBytes) return { ...refuse(503, 'too many samples wait for the disk'), headers: { 'retry-after': '1' } }
      bytesInWork += body.length
      const batch = head.batch()
      try {
        const notes = await read(body, message, batch)
        if ('status' in notes) return notes
        return await (message === 'prometheus.WriteRequest' ? commitV1(batch, notes) : commitV2(batch, notes))
      } catch (error) {
        if (error instanceof StorageUnavailableError) return { ...refuse(503, error.message), headers: { 'retry-after': '5' } }
        if (errorText(error).startsWith('bug:') || !(error instanceof Error)) throw error
        options.logger.error('Remote write failed', { err: error.message })
        return refuse(500, error.message)
      } finally {
        bytesInWork -= body.length
        batch.close()
      }
    },
  }
}

/** What a 2.0 sender is told, on success and on partial success. */
function writtenHeaders(written: { readonly samples: number; readonly histograms: number; readonly exemplars: number }): Record<string, string> {
  return {
    'x-prometheus-remote-write-samples-written': String(written.samples),
    'x-prometheus-remote-write-histograms-written': String(written.histograms),
    'x-prometheus-remote-write-exemplars-written': String(written.exemplars),
  }
}

function badCount({ duplicate, outOfOrder, tooOld, outOfBounds, tooFarAhead }: BatchOutcome): number {
  return duplicate + outOfOrder + tooOld + outOfBounds + tooFarAhead
}

function refuse(status: number, reason: string): RemoteWriteAnswer {
  return { status, body: `${reason}\n` }
}

function refusalText(count: number): string {
  return `${count} new series are refused: a limit on the number of series is reached; the samples of all others are stored`
}

/** Why a sample was not stored, in Prometheus's words. */
export function badSampleText({ kind, timestampMs, value, lastValue }: BadSample): string {
  switch (kind) {
    case 'duplicate':
      // Of a histogram there is no single value.
      if (value !== value && lastValue !== lastValue) return `duplicate sample for timestamp ${timestampMs}`
      return `duplicate sample for timestamp ${timestampMs}; overrides not allowed: existing ${goFloat(lastValue)}, new value ${goFloat(value)}`
    case 'outOfOrder':
      return 'out of order sample'
    case 'tooOld':
      return 'too old sample'
    case 'outOfBounds':
      return 'out of bounds'
    case 'tooFarAhead':
      return 'out of bounds: timestamp is too far in the future'
    default:
      return unreachable(kind)
  }
}

/** A double as Go's `%g` prints it. */
function goFloat(value: number): string {
  return formatOpenMetricsFloat(value).replace(/\.0$/, '')
}

/** The labels of a TimeSeries message as text, as far as they can be read; for a log line. */
function labelText(bytes: Uint8Array): string {
  const pairs: string[] = []
  const text = new TextDecoder()
  // The kernel has walked these bytes before, so the outer lengths are right; the inner ones may not be.
  const read = (at: number) => {
    let length = 0
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++] ?? 0
      length += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return { from: at, to: Math.min(bytes.length, at + length) }
    }
  }
  for (let at = 0; at < bytes.length && pairs.length < 64; ) {
    const label = read(at + 1)
    const parts = ['', '']
    for (let inner = label.from; inner < label.to; ) {
      const field = (bytes[inner] ?? 0) >> 3
      const part = read(inner + 1)
      if (field === 1 || field === 2) parts[field - 1] = text.decode(Uint8Array.from(bytes.subarray(part.from, part.to)))
      inner = part.to
    }
    pairs.push(`${parts[0]}=${JSON.stringify(parts[1])}`)
    at = label.to
  }
  return `{${pairs.join(', ')}}`
}
