// Native histograms as they come over the wire, in remote write and in scrapes: spans of buckets with deltas or counts. What
// is wrong with one is told here; what is right becomes the form that storage takes.

import { customSchema, noBounds, noBuckets, type Buckets, type CounterReset, type NativeHistogram } from '../../../storage/model/histogram.ts'
import { staleMarkerHighWord, staleMarkerLowWord } from '../../../storage/model/sample.ts'
import { ProtobufReader } from './protobufReader.ts'

export type Span = { readonly offset: number; readonly length: number }

/** One side of a histogram. Whole counts come as deltas, others as they are. */
export type WireBuckets = { readonly spans: Span[]; readonly deltas: number[]; readonly counts: number[] }

/** All fields as they came. */
export type WireHistogram = {
  schema: number
  zeroThreshold: number
  zeroCount: number
  count: number
  sum: number
  /** The counts came as doubles. */
  isFloat: boolean
  counterReset: CounterReset
  readonly positive: WireBuckets
  readonly negative: WireBuckets
  readonly customBounds: number[]
}

/** What a message without fields is. */
export function emptyWireHistogram(): WireHistogram {
  const buckets = (): WireBuckets => ({ spans: [], deltas: [], counts: [] })
  return {
    schema: 0, zeroThreshold: 0, zeroCount: 0, count: 0, sum: 0, isFloat: false, counterReset: 'unknown', positive: buckets(), negative: buckets(), customBounds: [],
  }
}

/** The same buckets before anything was observed. */
export function emptied({ schema, zeroThreshold, customBounds }: WireHistogram): WireHistogram {
  return { ...emptyWireHistogram(), schema, zeroThreshold, customBounds }
}

/** A histogram cannot be stored; the message says why. */
export class HistogramError extends Error {}

/** The most buckets of one side of a histogram that are stored. */
const maxBuckets = 10_000

/** Throws `HistogramError`. */
export function checkedHistogram(wire: WireHistogram): NativeHistogram {
  const { schema, zeroThreshold, zeroCount, count, sum, counterReset } = wire
  const isCustom = schema === customSchema
  // Up to 52 schemas are reserved for finer buckets, which are joined to the finest that is in use.
  if (!isCustom && (schema < -4 || schema > 52)) throw new HistogramError(`histogram has an invalid schema, which must be between -4 and 8 for exponential buckets, or -53 for custom buckets, got schema ${schema}`)
  if (isCustom) checkCustom(wire)
  const finer = Math.max(0, schema - 8)
  const positive = bucketsFrom(wire, 'positive', finer)
  const negative = bucketsFrom(wire, 'negative', finer)
  if (!(count >= 0)) throw new HistogramError(`histogram has an observation count whose value is negative: ${count}`)
  if (!(zeroCount >= 0)) throw new HistogramError(`histogram has a zero bucket whose observation count is negative: ${zeroCount}`)
  if (!wire.isFloat) {
    const found = totalOf(positive) + totalOf(negative) + zeroCount
    // Observations that are NaN are counted, but lie in no bucket.
    if (sum !== sum ? found > count : found !== count) {
      const rule = "histogram's observation count should equal the number of observations found in the buckets"
      throw new HistogramError(`${found} observations found in buckets, but the Count field is ${count}: ${rule}`)
    }
  }
  return {
    schema: isCustom ? schema : Math.min(schema, 8),
    counterReset,
    zeroThreshold: isCustom ? 0 : zeroThreshold,
    zeroCount,
    count,
    sum,
    positive,
    negative,
    customBounds: isCustom ? Float64Array.from(wire.customBounds.at(-1) === Infinity ? wire.customBounds.slice(0, -1) : wire.customBounds) : noBounds,
  }
}

function checkCustom({ customBounds, positive, negative, zeroCount, zeroThreshold }: WireHistogram): void {
  customBounds.forEach((bound, i) => {
    if (bound !== bound || (i > 0 && bound <= (customBounds[i - 1] ?? -Infinity))) throw new HistogramError('histogram custom bounds must be in strictly increasing order')
  })
  if (zeroCount !== 0) throw new HistogramError(`custom buckets: must have zero count of 0, got ${zeroCount}`)
  if (zeroThreshold !== 0) throw new HistogramError(`custom buckets: must have zero threshold of 0, got ${zeroThreshold}`)
  if (negative.spans.length + negative.deltas.length + negative.counts.length > 0) throw new HistogramError('custom buckets: must not have negative spans or buckets')
  const reach = positive.spans.reduce((end, { offset, length }) => end + offset + length, 0)
  if (positive.spans.some(({ offset }, i) => i === 0 && offset < 0) || reach > customBounds.length + 1) {
    throw new HistogramError(`custom buckets: only ${customBounds.length} custom bounds defined which is insufficient to cover total span length of ${reach}`)
  }
}

/** `finer`: how many times two neighbours are joined into one bucket. */
function bucketsFrom(wire: WireHistogram, side: 'positive' | 'negative', finer: number): Buckets {
  const { spans, deltas, counts: given } = wire[side]
  const wanted = spans.reduce((sum, { length }) => sum + length, 0)
  const have = wire.isFloat ? given.length : deltas.length
  if (wanted !== have) throw new HistogramError(`${side} side: spans need ${wanted} buckets, have ${have} buckets: histogram spans specify different number of buckets than provided`)
  if (have > maxBuckets) throw new HistogramError(`${side} side: ${have} buckets are more than the ${maxBuckets} that are stored`)
  if (have === 0) return noBuckets
  const indexes: number[] = []
  const counts: number[] = []
  // Indexes of exponential buckets count from one end of the first bucket, those of custom ones from zero.
  let next = 0
  let place = 0
  let running = 0
  spans.forEach(({ offset, length }, number) => {
    if (number > 0 && offset < 0) throw new HistogramError(`${side} side: span number ${number + 1} with offset ${offset}: histogram has a span whose offset is negative`)
    next += offset
    for (let i = 0; i < length; i++, next++, place++) {
      running += deltas[place] ?? 0
      const count = wire.isFloat ? (given[place] ?? 0) : running
      if (!(count >= 0)) throw new HistogramError(`${side} side: bucket number ${place + 1} has observation count of ${count}: histogram has a bucket whose observation count is negative`)
      if (count === 0) continue
      const index = finer === 0 ? next : Math.floor((next - 1) / 2 ** finer) + 1
      if (indexes.at(-1) === index) counts[counts.length - 1] = (counts.at(-1) ?? 0) + count
      else {
        indexes.push(index)
        counts.push(count)
      }
    }
  })
  return { indexes: Int32Array.from(indexes), counts: Float64Array.from(counts) }
}

function totalOf({ counts }: Buckets): number {
  return counts.reduce((sum, count) => sum + count, 0)
}

/** The field of one side that `reader` is at: spans, deltas and counts are numbered one after the other, from `spansField` on. */
export function readBuckets(reader: ProtobufReader, spansField: number, { spans, deltas, counts }: WireBuckets): void {
  if (reader.field === spansField) spans.push(readSpan(reader.message()))
  else if (reader.field === spansField + 1) reader.zigzagsInto(deltas)
  else reader.doublesInto(counts)
}

/** A BucketSpan message. */
function readSpan(reader: ProtobufReader): Span {
  let offset = 0
  let length = 0
  while (reader.next()) {
    if (reader.field === 1) offset = reader.zigzag()
    else if (reader.field === 2) length = reader.varint()
    else reader.skip()
  }
  return { offset, length }
}

// That there was no reset is seen in the counts, between whatever is stored.
const resetHints: Readonly<Record<number, CounterReset>> = { 1: 'reset', 3: 'gauge' }

/** `createdMs` is 0 when the message does not say when its counter was created. */
export type WrittenHistogram = { readonly timestampMs: number; readonly createdMs: number; readonly histogram: WireHistogram | 'stale' }

/** A Histogram message of remote write, either protocol. Hints other than that of a gauge are left to what the counts say. Throws `RangeError`. */
export function readWrittenHistogram(bytes: Uint8Array): WrittenHistogram {
  const reader = new ProtobufReader(bytes)
  const histogram = emptyWireHistogram()
  let timestampMs = 0
  let createdMs = 0
  let isStale = false
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        histogram.count = reader.varint()
        break
      case 2:
        histogram.count = reader.double()
        histogram.isFloat = true
        break
      case 3: {
        const { low, high } = reader.doubleWords()
        isStale = low === staleMarkerLowWord && high === staleMarkerHighWord
        histogram.sum = doubleOf(low, high)
        break
      }
      case 4:
        histogram.schema = reader.zigzag()
        break
      case 5:
        histogram.zeroThreshold = reader.double()
        break
      case 6:
        histogram.zeroCount = reader.varint()
        break
      case 7:
        histogram.zeroCount = reader.double()
        break
      case 8:
      case 9:
      case 10:
        readBuckets(reader, 8, histogram.negative)
        break
      case 11:
      case 12:
      case 13:
        readBuckets(reader, 11, histogram.positive)
        break
      case 14:
        histogram.counterReset = resetHints[reader.varint()] ?? 'unknown'
        break
      case 15:
        timestampMs = reader.int()
        break
      case 16:
        reader.doublesInto(histogram.customBounds)
        break
      case 17:
        createdMs = reader.int()
        break
      default:
        reader.skip()
    }
  }
  return { timestampMs, createdMs, histogram: isStale ? 'stale' : histogram }
}

const doubleView = new DataView(new ArrayBuffer(8))

function doubleOf(low: number, high: number): number {
  doubleView.setUint32(0, low, true)
  doubleView.setUint32(4, high, true)
  return doubleView.getFloat64(0, true)
}
