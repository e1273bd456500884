// A native histogram as the message that a sampled remote read carries, with counts that are doubles.

import type { Buckets, NativeHistogram } from '../../storage/model/histogram.ts'
import type { ProtoWriter } from '../exposition/protoWriter.ts'
import { writeSpans } from '../exposition/protobufWriter.ts'

const resetHints = { unknown: 0, reset: 1, notReset: 2, gauge: 3 } as const

// Field numbers of prometheus.Histogram.
const fields = { countFloat: 2, sum: 3, schema: 4, zeroThreshold: 5, zeroCountFloat: 7, negative: { spans: 8, counts: 10 }, positive: { spans: 11, counts: 13 }, resetHint: 14, timestamp: 15, customValues: 16 }
/** Of prometheus.TimeSeries. */
const histogramsField = 4

/** Adds it to an open TimeSeries message. */
export function writeHistogram(out: ProtoWriter, timestampMs: number, histogram: NativeHistogram): void {
  const message = out.open(histogramsField)
  out.number(fields.countFloat, histogram.count)
  out.number(fields.sum, histogram.sum)
  out.sint(fields.schema, histogram.schema)
  out.number(fields.zeroThreshold, histogram.zeroThreshold)
  out.number(fields.zeroCountFloat, histogram.zeroCount)
  writeBuckets(out, histogram.negative, fields.negative)
  writeBuckets(out, histogram.positive, fields.positive)
  out.int(fields.resetHint, resetHints[histogram.counterReset])
  out.int(fields.timestamp, timestampMs)
  if (histogram.customBounds.length > 0) out.numbers(fields.customValues, histogram.customBounds)
  out.close(message)
}

function writeBuckets(out: ProtoWriter, buckets: Buckets, { spans, counts }: { readonly spans: number; readonly counts: number }): void {
  writeSpans(out, spans, buckets)
  if (buckets.counts.length > 0) out.numbers(counts, buckets.counts)
}
