// Metric families as delimited io.prometheus.client.MetricFamily messages, the one format that has native histograms. Their
// counts are written as doubles.

import type { Buckets, NativeHistogram } from '../../storage/model/histogram.ts'
import { spansOf } from '../histograms/spans.ts'
import { shownName, type ExposedFamily, type ExposedMetric, type ExposedType, type ExpositionFormat } from './family.ts'
import { ProtoWriter } from './protoWriter.ts'

const typeNumbers: Readonly<Record<ExposedType, number>> = { counter: 0, gauge: 1, summary: 2, untyped: 3, histogram: 4, gaugeHistogram: 5 }

const familyFields = { name: 1, help: 2, type: 3, metric: 4 } as const
const metricFields = { label: 1, gauge: 2, counter: 3, summary: 4, untyped: 5, timestampMs: 6, histogram: 7 } as const
const histogramFields = {
  count: 1, sum: 2, bucket: 3, countFloat: 4, schema: 5, zeroThreshold: 6, zeroCountFloat: 8, negative: { span: 9, counts: 11 }, positive: { span: 12, counts: 14 },
} as const

/** The field of a Metric message that a number of this type is in. */
const numberFields: Partial<Record<ExposedType, number>> = { counter: metricFields.counter, gauge: metricFields.gauge }

/** MetricFamily messages, each behind its length. */
export function writeProtobuf(families: Iterable<ExposedFamily>, format: ExpositionFormat): Uint8Array<ArrayBuffer> {
  const out = new ProtoWriter()
  const message = new ProtoWriter()
  for (const family of families) {
    message.clear()
    message.text(familyFields.name, shownName(family.name, 'metric', format))
    if (family.help !== '') message.text(familyFields.help, family.help)
    message.int(familyFields.type, typeNumbers[family.type])
    for (const metric of family.metrics) writeMetric(message, family.type, metric, format)
    out.varint(message.length)
    out.raw(message.view())
  }
  return Uint8Array.from(out.view())
}

function writeMetric(out: ProtoWriter, type: ExposedType, { labels, timestampMs, value }: ExposedMetric, format: ExpositionFormat): void {
  const metric = out.open(familyFields.metric)
  for (const label of labels) {
    const pair = out.open(metricFields.label)
    out.text(1, shownName(label.name, 'label', format))
    out.text(2, label.value)
    out.close(pair)
  }
  switch (value.kind) {
    case 'number': {
      const message = out.open(numberFields[type] ?? metricFields.untyped)
      out.number(1, value.value)
      out.close(message)
      break
    }
    case 'summary': {
      const message = out.open(metricFields.summary)
      if (value.count !== undefined) out.int(1, value.count)
      if (value.sum !== undefined) out.number(2, value.sum)
      for (const pair of value.quantiles) writePair(out, 3, pair)
      out.close(message)
      break
    }
    case 'classicHistogram': {
      const message = out.open(metricFields.histogram)
      const isWhole = Number.isSafeInteger(value.count) && value.buckets.every(([, count]) => Number.isSafeInteger(count))
      if (isWhole) out.int(histogramFields.count, value.count)
      else out.number(histogramFields.countFloat, value.count)
      out.number(histogramFields.sum, value.sum)
      for (const [bound, count] of value.buckets) {
        const bucket = out.open(histogramFields.bucket)
        if (isWhole) out.int(1, count)
        out.number(2, bound)
        if (!isWhole) out.number(4, count)
        out.close(bucket)
      }
      out.close(message)
      break
    }
    case 'nativeHistogram': {
      const message = out.open(metricFields.histogram)
      writeNative(out, value.histogram)
      out.close(message)
      break
    }
  }
  if (timestampMs !== undefined) out.int(metricFields.timestampMs, timestampMs)
  out.close(metric)
}

function writePair(out: ProtoWriter, field: number, [first, second]: readonly [number, number]): void {
  const pair = out.open(field)
  out.number(1, first)
  out.number(2, second)
  out.close(pair)
}

function writeNative(out: ProtoWriter, histogram: NativeHistogram): void {
  const { positive, negative } = histogram
  out.number(histogramFields.sum, histogram.sum)
  out.number(histogramFields.countFloat, histogram.count)
  out.sint(histogramFields.schema, histogram.schema)
  out.number(histogramFields.zeroThreshold, histogram.zeroThreshold)
  out.number(histogramFields.zeroCountFloat, histogram.zeroCount)
  writeSide(out, negative, histogramFields.negative)
  writeSide(out, positive, histogramFields.positive)
  if (positive.indexes.length + negative.indexes.length === 0) {
    // A span of nothing tells an empty native histogram from a classic one.
    const span = out.open(histogramFields.positive.span)
    out.sint(1, 0)
    out.int(2, 0)
    out.close(span)
  }
}

function writeSide(out: ProtoWriter, buckets: Buckets, fields: { readonly span: number; readonly counts: number }): void {
  writeSpans(out, fields.span, buckets)
  if (buckets.counts.length > 0) out.numbers(fields.counts, buckets.counts)
}

/** BucketSpan messages, one per row of neighbouring buckets. */
export function writeSpans(out: ProtoWriter, field: number, buckets: Buckets): void {
  for (const { offset, length } of spansOf(buckets)) {
    const span = out.open(field)
    out.sint(1, offset)
    out.int(2, length)
    out.close(span)
  }
}
