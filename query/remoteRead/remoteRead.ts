// The answer to a remote read: all samples of the selected series, as one compressed message or as a stream of frames with
// XOR chunks, which never holds more than one frame of a series in memory.
//
//   frame   uvarint bytes of the message | u32 big-endian CRC-32C of the message | ChunkedReadResponse

import snappy from 'snappyjs'
import { compareLabels, labelValue, sortLabels, type Labels } from '../../storage/model/labels.ts'
import { createMatcher, type Matcher } from '../../storage/model/matcher.ts'
import type { SampleColumns } from '../../storage/model/sample.ts'
import type { Querier, SeriesSelection } from '../../storage/querier/querier.ts'
import type { RemoteReadRequest } from '../answers/api.ts'
import { ProtoWriter } from '../exposition/protoWriter.ts'
import type { Limits } from '../limits.ts'
import { QueryError } from '../queryError.ts'
import { crc32c } from './crc32c.ts'
import { encodeHistogramChunk, shareChunk, type TimedHistogram } from './histogramChunk.ts'
import { writeHistogram } from './histogramMessage.ts'
import { decodeReadRequest, type ReadQuery } from './readRequest.ts'
import { samplesPerChunk, XorChunkEncoder } from './xorChunk.ts'

export type RemoteReadAnswer = {
  readonly headers: Readonly<Record<string, string>>
  /** One piece after the other; each is valid until the next is asked for. */
  readonly pieces: Iterable<Uint8Array>
}

export type RemoteReadDeps = { readonly querier: Querier; readonly limits: Limits }

/** Frames are handed on in pieces of about this size. */
const pieceBytes = 256 * 1024

const xorEncoding = 1
const floatHistogramEncoding = 3

/** Throws a `QueryError` for a request that cannot be read; later ones come out of `pieces`. */
export function answerRemoteRead(request: RemoteReadRequest, deps: RemoteReadDeps): RemoteReadAnswer {
  const { queries, responseType } = decodeReadRequest(request.body)
  switch (responseType) {
    case 'samples':
      return { headers: { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' }, pieces: sampledPieces(queries, request, deps) }
    case 'streamedChunks':
      return { headers: { 'content-type': 'application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse' }, pieces: framePieces(queries, request, deps) }
  }
}

function* sampledPieces(queries: readonly ReadQuery[], request: RemoteReadRequest, deps: RemoteReadDeps): Iterable<Uint8Array> {
  const { sampleLimit } = request
  const out = new ProtoWriter()
  let sampleCount = 0
  for (const query of queries) {
    const result = out.open(1)
    for (const { labels, samples } of selectSeries(query, request.externalLabels, deps)) {
      sampleCount += samples.length
      if (sampleLimit > 0 && sampleCount > sampleLimit) throw new QueryError('bad_data', `exceeded sample limit (${sampleLimit})`)
      const series = out.open(1)
      writeLabels(out, labels)
      for (let i = 0; i < samples.length; i++) {
        if (samples.histograms?.[i] !== undefined) continue
        const sample = out.open(2)
        out.double(1, samples.valueWords[2 * i] ?? 0, samples.valueWords[2 * i + 1] ?? 0)
        out.int(2, samples.timestampsMs[i] ?? 0)
        out.close(sample)
      }
      samples.histograms?.forEach((histogram, i) => {
        if (histogram !== undefined) writeHistogram(out, samples.timestampsMs[i] ?? 0, histogram)
      })
      out.close(series)
    }
    out.close(result)
  }
  yield snappy.compress(out.view())
}

function* framePieces(queries: readonly ReadQuery[], request: RemoteReadRequest, deps: RemoteReadDeps): Iterable<Uint8Array> {
  const piece = new ProtoWriter(2 * pieceBytes)
  for (const [queryIndex, query] of queries.entries()) {
    for (const { labels, samples } of selectSeries(query, request.externalLabels, deps)) {
      for (const message of seriesFrames({ labels, samples, queryIndex, maxBytes: request.maxFrameBytes })) {
        piece.varint(message.length)
        piece.bigEndian32(crc32c(message))
        piece.raw(message)
        if (piece.length < pieceBytes) continue
        yield piece.view()
        piece.clear()
      }
    }
  }
  yield piece.view()
}

type FramedSeries = { readonly labels: Labels; readonly samples: SampleColumns; readonly queryIndex: number; readonly maxBytes: number }

/** The series as one message, or as several when its chunks are more than a frame may hold. */
function* seriesFrames({ labels, samples, queryIndex, maxBytes }: FramedSeries): Iterable<Uint8Array> {
  const message = new ProtoWriter()
  const encoder = new XorChunkEncoder()
  let series = 0
  for (let from = 0, to = 0; from < samples.length; from = to) {
    to = chunkEnd(samples, from)
    if (message.length === 0) {
      series = message.open(1)
      writeLabels(message, labels)
    }
    writeChunk(message, encoder, samples, from, to)
    if (message.length < maxBytes && to < samples.length) continue
    message.close(series)
    if (queryIndex > 0) message.int(2, queryIndex)
    yield message.view()
    message.clear()
  }
}

function writeChunk(out: ProtoWriter, encoder: XorChunkEncoder, samples: SampleColumns, from: number, to: number): void {
  const { timestampsMs, valueWords, histograms } = samples
  const isHistogram = histograms?.[from] !== undefined
  if (!isHistogram) for (let i = from; i < to; i++) encoder.append(timestampsMs[i] ?? 0, valueWords[2 * i] ?? 0, valueWords[2 * i + 1] ?? 0)
  const chunk = out.open(2)
  out.int(1, timestampsMs[from] ?? 0)
  out.int(2, timestampsMs[to - 1] ?? 0)
  out.int(3, isHistogram ? floatHistogramEncoding : xorEncoding)
  out.bytes(4, isHistogram ? encodeHistogramChunk(histogramsBetween(samples, from, to)) : encoder.finish())
  out.close(chunk)
}

/** Where the chunk that begins at `from` ends: one chunk holds numbers, or histograms with the same buckets. */
function chunkEnd({ length, histograms }: SampleColumns, from: number): number {
  const full = Math.min(length, from + samplesPerChunk)
  if (histograms === undefined) return full
  for (let i = from + 1; i < full; i++) {
    const [before, here] = [histograms[i - 1], histograms[i]]
    if (before === undefined ? here !== undefined : here === undefined || !shareChunk(before, here)) return i
  }
  return full
}

function histogramsBetween({ timestampsMs, histograms = [] }: SampleColumns, from: number, to: number): TimedHistogram[] {
  return histograms.slice(from, to).flatMap((histogram, i) => (histogram === undefined ? [] : [{ timeMs: timestampsMs[from + i] ?? 0, histogram }]))
}

function writeLabels(out: ProtoWriter, labels: Labels): void {
  for (const { name, value } of labels) {
    const label = out.open(1)
    out.text(1, name)
    out.text(2, value)
    out.close(label)
  }
}

/** The series that have samples in the range, sorted by their labels, external ones included. Samples are valid until the next series. */
function* selectSeries({ matchers, range }: ReadQuery, externalLabels: Labels, { querier, limits }: RemoteReadDeps): Iterable<{ labels: Labels; samples: SampleColumns }> {
  const selection: SeriesSelection = querier.select(matchers.map((matcher) => withoutExternal(matcher, externalLabels)), range)
  const found = Array.from({ length: selection.count }, (_, index) => ({ index, labels: withExternal(selection.labels(index), externalLabels) }))
  found.sort((a, b) => compareLabels(a.labels, b.labels))
  for (const { index, labels } of found) {
    limits.check()
    const samples = selection.read(index)
    if (samples.length > 0) yield { labels, samples }
  }
}

/** Series are stored without external labels: who asks for exactly those asks for series that do not have the label. */
function withoutExternal(matcher: Matcher, externalLabels: Labels): Matcher {
  const isOwn = matcher.op === '=' && labelValue(externalLabels, matcher.name) === matcher.value
  return isOwn ? createMatcher(matcher.name, '=', '') : matcher
}

function withExternal(labels: Labels, externalLabels: Labels): Labels {
  if (externalLabels.length === 0) return labels
  return sortLabels([...labels, ...externalLabels.filter(({ name }) => labelValue(labels, name) === '')])
}
