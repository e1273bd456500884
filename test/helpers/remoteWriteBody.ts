// Remote-write bodies of both protocols, made the slow and obvious way with the stock libraries: protobufjs and snappyjs.

import protobuf from 'protobufjs'
import snappy from 'snappyjs'
import { customSchema, type Buckets, type NativeHistogram } from '../../storage/model/histogram.ts'
import { staleMarkerHighWord, staleMarkerLowWord } from '../../storage/model/sample.ts'
import { stale } from './memoryQuerier.ts'

const schema = protobuf.parse(`
  syntax = "proto3";
  message WriteRequest { repeated TimeSeries timeseries = 1; }
  message TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; repeated Histogram histograms = 4; }
  message Label { string name = 1; string value = 2; }
  message Sample { double value = 1; int64 timestamp = 2; int64 start_timestamp = 3; }
  message Histogram {
    oneof count { uint64 count_int = 1; double count_float = 2; }
    double sum = 3; sint32 schema = 4; double zero_threshold = 5;
    oneof zero_count { uint64 zero_count_int = 6; double zero_count_float = 7; }
    repeated BucketSpan negative_spans = 8; repeated sint64 negative_deltas = 9; repeated double negative_counts = 10;
    repeated BucketSpan positive_spans = 11; repeated sint64 positive_deltas = 12; repeated double positive_counts = 13;
    int32 reset_hint = 14; int64 timestamp = 15; repeated double custom_values = 16; int64 start_timestamp = 17;
  }
  message BucketSpan { sint32 offset = 1; uint32 length = 2; }
  message RequestV2 { repeated string symbols = 4; repeated TimeSeriesV2 timeseries = 5; }
  message TimeSeriesV2 { repeated uint32 labels_refs = 1; repeated Sample samples = 2; repeated Histogram histograms = 3; repeated ExemplarV2 exemplars = 4; Metadata metadata = 5; }
  message ExemplarV2 { repeated uint32 labels_refs = 1; double value = 2; int64 timestamp = 3; }
  message Metadata { int32 type = 1; uint32 help_ref = 3; uint32 unit_ref = 4; }
`).root

const requestV1 = schema.lookupType('WriteRequest')
const requestV2 = schema.lookupType('RequestV2')

export type WrittenSeries = {
  readonly labels: Readonly<Record<string, string>>
  /** `createdMs` is for protocol 2.0, and of long ago by default. */
  readonly samples: readonly { readonly timestampMs: number; readonly value: number | typeof stale; readonly createdMs?: number }[]
  readonly histograms?: readonly WrittenHistogram[]
}

/** `asFloat`: with counts that are doubles. */
export type WrittenHistogram = { readonly timestampMs: number; readonly histogram: NativeHistogram | typeof stale; readonly asFloat?: boolean; readonly createdMs?: number }

const resetHints = { unknown: 0, reset: 1, notReset: 2, gauge: 3 }

function histogramMessage({ timestampMs, histogram, asFloat = false, createdMs = 1 }: WrittenHistogram): object {
  if (histogram === stale) return { sum: stalePlaceholder, timestamp: timestampMs, countInt: 0 }
  const { count, sum, schema, zeroThreshold, zeroCount, counterReset, customBounds } = histogram
  const positive = wireBuckets(histogram.positive, schema === customSchema)
  const negative = wireBuckets(histogram.negative, false)
  return {
    sum, schema, zeroThreshold, resetHint: resetHints[counterReset], timestamp: timestampMs, customValues: [...customBounds], startTimestamp: createdMs,
    positiveSpans: positive.spans, negativeSpans: negative.spans,
    ...(asFloat
      ? { countFloat: count, zeroCountFloat: zeroCount, positiveCounts: positive.counts, negativeCounts: negative.counts }
      : { countInt: count, zeroCountInt: zeroCount, positiveDeltas: positive.deltas, negativeDeltas: negative.deltas }),
  }
}

/** Neighbouring buckets form a span. */
function wireBuckets({ indexes, counts }: Buckets, isCustom: boolean): { spans: { offset: number; length: number }[]; deltas: number[]; counts: number[] } {
  const spans: { offset: number; length: number }[] = []
  let next = 0
  if (isCustom && indexes.length > 0) spans.push({ offset: 0, length: 0 })
  indexes.forEach((index) => {
    const last = spans.at(-1)
    if (last !== undefined && index === next) last.length++
    else spans.push({ offset: index - next, length: 1 })
    next = index + 1
  })
  return { spans, counts: [...counts], deltas: [...counts].map((count, k) => count - (counts[k - 1] ?? 0)) }
}

/** Written for a staleness marker and exchanged afterwards: JavaScript does not promise to keep the bits of a NaN. */
const stalePlaceholder = -1.2345678901234567e-250

function compressed(type: protobuf.Type, message: object): Uint8Array {
  return snappy.compress(encoded(type, message))
}

function encoded(type: protobuf.Type, message: object): Uint8Array {
  const body = Buffer.from(type.encode(type.fromObject(message)).finish())
  const placeholder = Buffer.from(new Float64Array([stalePlaceholder]).buffer)
  for (let at = body.indexOf(placeholder); at >= 0; at = body.indexOf(placeholder, at + 8)) {
    body.writeUInt32LE(staleMarkerLowWord, at)
    body.writeUInt32LE(staleMarkerHighWord, at + 4)
  }
  return body
}

/** One Histogram message, not compressed. */
export function histogramBytes(written: WrittenHistogram): Uint8Array {
  return encoded(schema.lookupType('Histogram'), histogramMessage(written))
}

function wireValue(value: number | typeof stale): number {
  return value === stale ? stalePlaceholder : value
}

/** One snappy-compressed body; labels are sorted by name as senders do. */
export function remoteWriteBody(series: readonly WrittenSeries[]): Uint8Array {
  const timeseries = series.map((one) => ({
    labels: Object.entries(one.labels).sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => ({ name, value })),
    samples: one.samples.map((sample) => ({ value: wireValue(sample.value), timestamp: sample.timestampMs })),
    histograms: (one.histograms ?? []).map(histogramMessage),
  }))
  return compressed(requestV1, { timeseries })
}

/** The same in protocol 2.0, with metadata and created timestamps. `change` gets the message before it is encoded, for what is not as it should be. */
export function remoteWriteBodyV2(series: readonly WrittenSeries[], change: (message: RemoteWriteMessageV2) => void = () => {}): Uint8Array {
  const symbols = ['']
  const known = new Map([['', 0]])
  const symbolOf = (text: string): number => {
    const symbol = known.get(text) ?? symbols.push(text) - 1
    known.set(text, symbol)
    return symbol
  }
  const timeseries = series.map((one) => ({
    labelsRefs: Object.entries(one.labels).sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([name, value]) => [symbolOf(name), symbolOf(value)]),
    samples: one.samples.map((sample) => ({ value: wireValue(sample.value), timestamp: sample.timestampMs, startTimestamp: sample.createdMs ?? 1 })),
    histograms: (one.histograms ?? []).map(histogramMessage),
    exemplars: [{ labelsRefs: [symbolOf('trace_id'), symbolOf('abc')], value: 1, timestamp: one.samples[0]?.timestampMs ?? 0 }],
    metadata: { type: 1, helpRef: symbolOf('Some help.'), unitRef: 0 },
  }))
  const message = { symbols, timeseries }
  change(message)
  return compressed(requestV2, message)
}

export type RemoteWriteMessageV2 = { symbols: string[]; timeseries: { labelsRefs: number[]; samples: { value: number; timestamp: number }[]; metadata: { type: number; helpRef: number; unitRef: number } }[] }

export const remoteWriteHeaders = {
  'content-type': 'application/x-protobuf',
  'content-encoding': 'snappy',
  'x-prometheus-remote-write-version': '0.1.0',
} as const

/** Posts a body to a server's remote-write endpoint. */
export async function postRemoteWrite(url: string, body: Uint8Array): Promise<Response> {
  return fetch(`${url}/api/v1/write`, { method: 'POST', headers: remoteWriteHeaders, body: body as Uint8Array<ArrayBuffer> })
}
