// The protobuf exposition format, a row of io.prometheus.client.MetricFamily messages each behind its length, rewritten as
// the text format that the scrape cache reads. Native histograms, which text cannot say, come out beside it, and so do
// exemplars.

import { fromClassic } from './customBuckets.ts'
import { ExpositionError } from './text/expositionLexer.ts'
import { formatOpenMetricsFloat } from './text/goFloat.ts'
import type { CreatedLine } from './metadata/createdTimes.ts'
import { emptied, emptyWireHistogram, readBuckets, type WireHistogram } from './protobuf/histogramMessage.ts'
import { timestampMsOf } from './text/openMetricsParser.ts'
import { ProtobufReader } from './protobuf/protobufReader.ts'
import type { ExemplarLine } from './metadata/scrapeExemplars.ts'
import { labelText, quoted, seriesText, valueText, type LabelPair } from './text/seriesText.ts'
import type { Families, TypeAndUnit } from './metadata/typeAndUnit.ts'

/** A native histogram of a body. */
export type ExposedHistogram = {
  /** The series as the text format would write it, as bytes. */
  readonly series: Buffer
  readonly histogram: WireHistogram
  /** As the target gave it; most give none. */
  readonly timestampMs: number | undefined
}

export type ProtobufBody = {
  readonly text: Uint8Array
  readonly histograms: readonly ExposedHistogram[]
  readonly exemplars: readonly ExemplarLine[]
  readonly created: readonly CreatedLine[]
  readonly families?: Families | undefined
}

export type ProtobufOptions = {
  /** Otherwise only the classic part of a histogram is taken. */
  readonly takesNative: boolean
  /** Take the classic part of one that also has a native one, or becomes one. */
  readonly keepsClassic: boolean
  /** Make the classic part a native histogram with custom buckets, unless a native one is taken. */
  readonly convertsClassic: boolean
  /** Bring out when counters were created. */
  readonly takesCreated: boolean
  /** Bring out types and units of the metrics, see typeAndUnit.ts. */
  readonly takesFamilies?: boolean
}

/** By the number of MetricType; gauge histograms have no name in the text format. */
const typeNames = ['counter', 'gauge', 'summary', 'untyped', 'histogram', 'untyped']
const histogramType = 4
const gaugeHistogramType = 5

/** Throws `ExpositionError`. */
export function readProtobufBody(body: Uint8Array, options: ProtobufOptions): ProtobufBody {
  const writer = new BodyWriter(options)
  const lengths = new ProtobufReader(body)
  try {
    while (!lengths.isAtEnd) writer.family(lengths.delimited())
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new ExpositionError(`malformed protobuf exposition: ${error.message}`, 1)
  }
  return writer.finish()
}

class BodyWriter {
  readonly #options: ProtobufOptions
  readonly #lines: string[] = []
  readonly #histograms: ExposedHistogram[] = []
  readonly #exemplars: ExemplarLine[] = []
  readonly #created: CreatedLine[] = []
  readonly #families = new Map<string, TypeAndUnit>()
  #type = 0

  constructor(options: ProtobufOptions) {
    this.#options = options
  }

  finish(): ProtobufBody {
    return { text: Buffer.from(this.#lines.join('')), histograms: this.#histograms, exemplars: this.#exemplars, created: this.#created, families: this.#options.takesFamilies === true ? this.#families : undefined }
  }

  family(reader: ProtobufReader): void {
    let name = ''
    let help = ''
    let unit = ''
    const metrics: ProtobufReader[] = []
    this.#type = 0
    while (reader.next()) {
      if (reader.field === 1) name = reader.text()
      else if (reader.field === 2) help = reader.text()
      else if (reader.field === 3) this.#type = reader.varint()
      else if (reader.field === 4) metrics.push(reader.message())
      else if (reader.field === 5) unit = reader.text()
      else reader.skip()
    }
    if (this.#options.takesFamilies) this.#families.set(name, { type: this.#type === gaugeHistogramType ? 'gaugehistogram' : (typeNames[this.#type] ?? ''), unit })
    const shownName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name) ? name : quoted(name)
    if (help !== '') this.#lines.push(`# HELP ${shownName} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n`)
    this.#lines.push(`# TYPE ${shownName} ${typeNames[this.#type] ?? 'untyped'}\n`)
    for (const metric of metrics) this.#metric(name, metric)
  }

  #metric(name: string, reader: ProtobufReader): void {
    const labels: LabelPair[] = []
    let timestampMs: number | undefined
    let value: { readonly field: number; readonly message: ProtobufReader } | undefined
    while (reader.next()) {
      if (reader.field === 1) labels.push(readLabel(reader.message()))
      else if (reader.field === 6) timestampMs = reader.int()
      else if (reader.field >= 2 && reader.field <= 7) value = { field: reader.field, message: reader.message() }
      else reader.skip()
    }
    if (value === undefined) return
    const metric: Metric = { name, labels, timestampMs }
    if (value.field === 4) this.#summary(metric, value.message)
    else if (value.field === 7) this.#histogram(metric, value.message)
    else this.#single(metric, value.message)
  }

  /** Gauge, Counter and Untyped. */
  #single(metric: Metric, reader: ProtobufReader): void {
    let value = 0
    let exemplar: string | undefined
    let createdMs: number | undefined
    while (reader.next()) {
      if (reader.field === 1) value = reader.double()
      else if (reader.field === 2) exemplar = readExemplar(reader.message())
      else if (reader.field === 3) createdMs = timestampMsOf(readSeconds(reader.message()))
      else reader.skip()
    }
    this.#sample({ ...metric, createdMs }, '', [], value, exemplar)
  }

  #summary(own: Metric, reader: ProtobufReader): void {
    let createdMs: number | undefined
    let count = 0
    let sum = 0
    const quantiles: [quantile: number, value: number][] = []
    while (reader.next()) {
      if (reader.field === 1) count = reader.varint()
      else if (reader.field === 2) sum = reader.double()
      else if (reader.field === 3) quantiles.push(readPair(reader.message()))
      else if (reader.field === 4) createdMs = timestampMsOf(readSeconds(reader.message()))
      else reader.skip()
    }
    const metric = { ...own, createdMs }
    this.#sample(metric, '_count', [], count)
    this.#sample(metric, '_sum', [], sum)
    for (const [quantile, value] of quantiles) this.#sample(own, '', [['quantile', formatOpenMetricsFloat(quantile)]], value)
  }

  #histogram(own: Metric, reader: ProtobufReader): void {
    const { wire, buckets, exemplars, isNative, createdMs } = readHistogram(reader)
    const metric = { ...own, createdMs }
    const { takesNative, keepsClassic, convertsClassic } = this.#options
    const series = seriesText(metric.name, metric.labels)
    const takeHistogram = (histogram: WireHistogram) => {
      this.#histograms.push({ series: Buffer.from(series), histogram, timestampMs: metric.timestampMs })
      this.#noteCreated(series, createdMs, histogram)
    }
    const usesNative = isNative && takesNative
    if (usesNative) {
      if (this.#type === gaugeHistogramType) wire.counterReset = 'gauge'
      takeHistogram(wire)
      for (const exemplar of exemplars) this.#exemplar(series, exemplar, series)
      if (!keepsClassic || buckets.length === 0) return
    }
    const made = !usesNative && convertsClassic && this.#type === histogramType ? fromClassic({ count: wire.count, sum: wire.sum, buckets: buckets.map(({ bound, count }) => [bound, count]) }) : undefined
    if (made !== undefined) takeHistogram(made)
    const showsClassic = made === undefined || keepsClassic
    if (showsClassic) {
      this.#sample(metric, '_count', [], wire.count)
      this.#sample(metric, '_sum', [], wire.sum)
      if (buckets.at(-1)?.bound !== Infinity) buckets.push({ bound: Infinity, count: wire.count, exemplar: undefined })
    }
    for (const { bound, count, exemplar } of buckets) {
      const bucket: LabelPair = ['le', formatOpenMetricsFloat(bound)]
      if (showsClassic) this.#sample(metric, '_bucket', [bucket], count)
      if (exemplar === undefined) continue
      const bucketSeries = seriesText(`${metric.name}_bucket`, [...metric.labels, bucket])
      if (showsClassic) this.#exemplar(bucketSeries, exemplar)
      if (made !== undefined) this.#exemplar(bucketSeries, exemplar, series)
    }
  }

  #sample({ name, labels, timestampMs, createdMs }: Metric, suffix: string, added: readonly LabelPair[], value: number, exemplar?: string): void {
    const series = seriesText(name + suffix, [...labels, ...added])
    this.#lines.push(`${series} ${valueText(value)}${timestampMs === undefined ? '' : ` ${timestampMs}`}\n`)
    if (exemplar !== undefined) this.#exemplar(series, exemplar)
    this.#noteCreated(series, createdMs)
  }

  #noteCreated(series: string, createdMs: number | undefined, histogram?: WireHistogram): void {
    if (createdMs === undefined || !this.#options.takesCreated) return
    const ofHistogram = histogram && { histogram: emptied(histogram) }
    this.#created.push({ series: asLatin1(series), familyType: typeNames[this.#type] ?? 'untyped', createdMs, ...ofHistogram })
  }

  #exemplar(series: string, exemplar: string, histogram?: string): void {
    const ofHistogram = histogram !== undefined && { histogram: asLatin1(histogram) }
    this.#exemplars.push({ series: asLatin1(series), exemplar: asLatin1(exemplar), familyType: typeNames[this.#type] ?? 'untyped', ...ofHistogram })
  }
}

function asLatin1(text: string): string {
  return Buffer.from(text).toString('latin1')
}

type Metric = { readonly name: string; readonly labels: readonly LabelPair[]; readonly timestampMs: number | undefined; readonly createdMs?: number | undefined }

type ClassicBucket = { readonly bound: number; readonly count: number; readonly exemplar: string | undefined }

type ReadHistogram = { readonly wire: WireHistogram; readonly buckets: ClassicBucket[]; readonly exemplars: string[]; readonly isNative: boolean; readonly createdMs: number | undefined }

function readHistogram(reader: ProtobufReader): ReadHistogram {
  const wire = emptyWireHistogram()
  const buckets: ClassicBucket[] = []
  const exemplars: string[] = []
  let createdMs: number | undefined
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        wire.count ||= reader.varint()
        break
      case 2:
        wire.sum = reader.double()
        break
      case 3:
        buckets.push(readBucket(reader.message()))
        break
      case 4: {
        const count = reader.double()
        if (count === 0) break
        wire.count = count
        wire.isFloat = true
        break
      }
      case 5:
        wire.schema = reader.zigzag()
        break
      case 6:
        wire.zeroThreshold = reader.double()
        break
      case 7:
        wire.zeroCount ||= reader.varint()
        break
      case 8: {
        const count = reader.double()
        if (count !== 0) wire.zeroCount = count
        break
      }
      case 9:
      case 10:
      case 11:
        readBuckets(reader, 9, wire.negative)
        break
      case 12:
      case 13:
      case 14:
        readBuckets(reader, 12, wire.positive)
        break
      case 15:
        createdMs = timestampMsOf(readSeconds(reader.message()))
        break
      case 16:
        exemplars.push(readExemplar(reader.message()))
        break
      default:
        reader.skip()
    }
  }
  const isNative = wire.positive.spans.length + wire.negative.spans.length > 0 || wire.zeroThreshold > 0 || wire.zeroCount > 0
  return { wire, buckets, exemplars, isNative, createdMs }
}

function readBucket(reader: ProtobufReader): ClassicBucket {
  let count = 0
  let bound = 0
  let exemplar: string | undefined
  while (reader.next()) {
    if (reader.field === 1) count ||= reader.varint()
    else if (reader.field === 2) bound = reader.double()
    else if (reader.field === 3) exemplar = readExemplar(reader.message())
    else if (reader.field === 4) count = reader.double() || count
    else reader.skip()
  }
  return { bound, count, exemplar }
}

/** A Quantile message. */
function readPair(reader: ProtobufReader): [number, number] {
  const pair: [number, number] = [0, 0]
  while (reader.next()) {
    if (reader.field === 1 || reader.field === 2) pair[reader.field - 1] = reader.double()
    else reader.skip()
  }
  return pair
}

function readLabel(reader: ProtobufReader): LabelPair {
  let name = ''
  let value = ''
  while (reader.next()) {
    if (reader.field === 1) name = reader.text()
    else if (reader.field === 2) value = reader.text()
    else reader.skip()
  }
  return [name, value]
}

/** As OpenMetrics writes it behind a sample. */
function readExemplar(reader: ProtobufReader): string {
  const labels: LabelPair[] = []
  let value = 0
  let seconds: number | undefined
  while (reader.next()) {
    if (reader.field === 1) labels.push(readLabel(reader.message()))
    else if (reader.field === 2) value = reader.double()
    else if (reader.field === 3) seconds = readSeconds(reader.message())
    else reader.skip()
  }
  return ` # {${labels.map(labelText).join(',')}} ${valueText(value)}${seconds === undefined ? '' : ` ${seconds}`}`
}

/** A google.protobuf.Timestamp. */
function readSeconds(reader: ProtobufReader): number {
  let seconds = 0
  let nanos = 0
  while (reader.next()) {
    if (reader.field === 1) seconds = reader.int()
    else if (reader.field === 2) nanos = reader.int()
    else reader.skip()
  }
  return seconds + nanos / 1e9
}
