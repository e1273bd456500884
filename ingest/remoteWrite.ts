// The remote-write receiver, protocol 1.0: checks the request, runs the body through the write kernel, commits, and answers
// as Prometheus does. All samples of a body are stored or none; series with bad labels are left out and counted.

import { setImmediate } from 'node:timers/promises'
import { errorText, unreachable } from '../src/base/assert.ts'
import type { LogFields, Logger } from '../src/base/log.ts'
import type { MetricRegistry } from '../src/base/selfMetrics.ts'
import type { BadSample, HeadBatch } from '../storage/headBatch.ts'
import { decodeLabels } from '../storage/headLabels.ts'
import { formatLabels } from '../storage/labels.ts'
import { StorageUnavailableError } from '../storage/storageError.ts'
import type { Storage } from '../storage/storage.ts'
import { formatOpenMetricsFloat } from './goFloat.ts'

export type RemoteWriteAnswer = { readonly status: number; readonly body?: string; readonly headers?: Readonly<Record<string, string>> }

export type RemoteWriteHeaders = { readonly 'content-type'?: string; readonly 'content-encoding'?: string }

export type RemoteWrite = {
  /** Takes one request's body. Resolves once its samples survive a process crash, or with the reason why not. */
  receive(body: Uint8Array, headers: RemoteWriteHeaders): Promise<RemoteWriteAnswer>
}

export type RemoteWriteOptions = {
  readonly storage: Pick<Storage, 'head'>
  readonly registry: MetricRegistry
  readonly logger: Logger
  /** Bodies in work and records not yet written; beyond this, senders are asked to wait. */
  readonly maxPendingBytes?: number
}

const maxCompressedBytes = 32 * 1024 * 1024
const maxDecodedBytes = 32 * 1024 * 1024

const defaultMaxPendingBytes = 256 * 1024 * 1024

const protobufType = 'application/x-protobuf'
const messageV1 = 'prometheus.WriteRequest'
const messageV2 = 'io.prometheus.write.v2.Request'

/** Layout of the kernel's state, as in assembly/remoteWrite.ts. */
const inputAt = 0
const invalidAt = 80
const histogramsAt = 84
const firstInvalidAt = 96

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
  const skippedHistograms = options.registry.counter(
    'solowatch_remote_write_skipped_histograms_total',
    'Native histogram samples in remote write bodies, which are not stored.',
  )
  skippedHistograms.inc({}, 0)
  const maxPendingBytes = options.maxPendingBytes ?? defaultMaxPendingBytes
  let bytesInWork = 0

  /** Reads the body into the batch. Returns the answer when it cannot be read. */
  const read = async (body: Uint8Array, batch: HeadBatch): Promise<RemoteWriteAnswer | undefined> => {
    const write = exports.newWrite(body.length, batch.pointer)
    try {
      kernels.bytes.set(body, kernels.word(write + inputAt))
      let status = exports.writeStep(write, maxDecodedBytes)
      while (status === 0) {
        await setImmediate()
        status = exports.writeStep(write, maxDecodedBytes)
      }
      switch (status) {
        case 1:
          report(write)
          return undefined
        case -1:
          return refuse(400, 'snappy: corrupt input')
        case -2:
          return refuse(400, `snappy: decoded block is too large, at most ${maxDecodedBytes} bytes are accepted`)
        case -3:
          return refuse(400, 'proto: the message is not a valid prometheus.WriteRequest')
        default:
          throw new Error(`bug: write kernel answered ${status}`)
      }
    } finally {
      exports.freeWrite(write)
    }
  }

  const report = (write: number) => {
    const invalid = kernels.word(write + invalidAt)
    if (invalid > 0) {
      invalidSeries.inc({}, invalid)
      const bytesAt = kernels.word(write + firstInvalidAt)
      const bytes = kernels.bytes.subarray(bytesAt, bytesAt + kernels.word(write + firstInvalidAt + 4))
      warn('Invalid labels in remote write', { series: labelText(bytes), reason: invalidReasons[kernels.word(write + firstInvalidAt + 8)], skipped: invalid })
    }
    const histograms = kernels.word(write + histogramsAt)
    if (histograms > 0) {
      skippedHistograms.inc({}, histograms)
      warn('Native histograms in remote write are not stored yet', { skipped: histograms })
    }
  }

  return {
    async receive(body, headers) {
      const refusal = checkHeaders(headers)
      if (refusal !== undefined) return refusal
      if (body.length > maxCompressedBytes) return refuse(413, `http: request body too large, at most ${maxCompressedBytes} bytes are accepted`)
      if (bytesInWork + head.stats().pendingLogBytes > maxPendingBytes) return { ...refuse(503, 'too many samples wait for the disk'), headers: { 'retry-after': '1' } }
      bytesInWork += body.length
      const batch = head.batch()
      try {
        const unreadable = await read(body, batch)
        if (unreadable !== undefined) return unreadable
        const outcome = await batch.commit('allOrNothing')
        if (outcome.firstBad === undefined) return { status: 204 }
        const reason = badSampleText(outcome.firstBad)
        const series = formatLabels(decodeLabels(head.seriesLabelBytes(outcome.firstBad.ref)))
        warn('Out of order sample from remote write', { err: reason, series, timestamp: outcome.firstBad.timestampMs })
        return refuse(400, reason)
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

function refuse(status: number, reason: string): RemoteWriteAnswer {
  return { status, body: `${reason}\n` }
}

/** The answer to a request that is not a remote write 1.0, `undefined` when it is one. */
function checkHeaders(headers: RemoteWriteHeaders): RemoteWriteAnswer | undefined {
  const encoding = headers['content-encoding'] ?? ''
  if (encoding !== '' && encoding !== 'snappy') return refuse(415, `${encoding} encoding (compression) is not accepted by this server; only snappy is acceptable`)
  const type = (headers['content-type'] ?? '').trim()
  if (type === '') return undefined
  const [media, ...parameters] = type.split(';')
  if (media !== protobufType) return refuse(415, `expected ${protobufType} as the first (media) part, got ${type} content-type`)
  for (const parameter of parameters) {
    const [name = '', value, ...rest] = parameter.trim().split('=')
    if (value === undefined || rest.length > 0) {
      return refuse(415, `as per https://www.rfc-editor.org/rfc/rfc9110#parameter expected parameters to be key-values, got ${parameter} in ${type} content-type`)
    }
    if (name !== 'proto') continue
    if (value === messageV1) return undefined
    if (value === messageV2) return refuse(415, `${messageV2} protobuf message is not accepted by this server; only accepts ${messageV1}`)
    return refuse(415, `got ${type} content type; unknown type for remote write protobuf message ${value}, supported: ${messageV1}`)
  }
  return undefined
}

function badSampleText({ kind, timestampMs, value, lastValue }: BadSample): string {
  switch (kind) {
    case 'duplicate':
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

const warnEveryMs = 10_000

/** Logs each message at most every ten seconds: a sender that does something wrong does it with every request. */
function createSparseWarner(logger: Logger): (message: string, fields: LogFields) => void {
  const nextMs = new Map<string, number>()
  return (message, fields) => {
    const nowMs = performance.now()
    if (nowMs < (nextMs.get(message) ?? 0)) return
    nextMs.set(message, nowMs + warnEveryMs)
    logger.warn(message, fields)
  }
}
