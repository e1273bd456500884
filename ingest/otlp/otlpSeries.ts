// Metrics of OpenTelemetry as samples of Prometheus series: which labels, which series a histogram or summary becomes, and
// `target_info` for what is known of the resource. It does not store anything.

import { errorText } from '../../src/base/assert.ts'
import type { Exemplar } from '../../storage/exemplars.ts'
import { customSchema, type NativeHistogram } from '../../storage/model/histogram.ts'
import { compareBytes, sortLabels, type Label, type Labels } from '../../storage/model/labels.ts'
import { withTypeAndUnit } from '../exposition/metadata/typeAndUnit.ts'
import { checkedHistogram, emptyWireHistogram } from '../exposition/protobuf/histogramMessage.ts'
import { formatOpenMetricsFloat } from '../exposition/text/goFloat.ts'
import type { DeltaStreams } from './deltaStreams.ts'
import type { OtlpConfig } from './otlpConfig.ts'
import type { AnyValue, ExponentialPoint, HistogramPoint, KeyValue, Metric, NumberPoint, OtlpExemplar, OtlpRequest, Point, ResourceMetrics, Scope, SummaryPoint } from './otlpMessage.ts'
import { labelName, metricName, unitName } from './otlpNames.ts'
import { cumulative, delta } from './temporality.ts'

/** One sample; `value` is a staleness marker where the point says that nothing was recorded. */
export type OtlpSample = {
  readonly labels: Labels
  readonly timestampMs: number
  readonly value: number | 'stale' | NativeHistogram
  /** When what is counted began at zero, where that is known. */
  readonly createdMs?: number
  readonly exemplars?: readonly Exemplar[]
}

/** What cannot be translated is reported and left out. */
export type OtlpOptions = {
  readonly config: OtlpConfig
  readonly lookbackMs: number
  /** See ingest/exposition/metadata/typeAndUnit.ts. */
  readonly addsTypeAndUnit: boolean
  /** What was counted since the last export is stored as it comes. */
  readonly takesDeltas: boolean
  /** It is added up. */
  readonly deltaStreams: DeltaStreams | undefined
  readonly onProblem: (message: string) => void
}

const noRecordedValue = 1
const identifying: ReadonlySet<string> = new Set(['service.name', 'service.namespace', 'service.instance.id'])
const defaultZeroThreshold = 1e-128

/** The samples of the request in its order, `target_info` after those of its resource. */
export function* otlpSamples(request: OtlpRequest, options: OtlpOptions): Generator<OtlpSample> {
  for (const resource of request.resourceMetrics ?? []) {
    let earliestMs = Infinity
    let latestMs = -Infinity
    for (const sample of resourceSamples(resource, options)) {
      earliestMs = Math.min(earliestMs, sample.timestampMs)
      latestMs = Math.max(latestMs, sample.timestampMs)
      yield sample
    }
    if (latestMs > -Infinity) yield* targetInfo(resource, { earliestMs, latestMs }, options)
  }
}

function* resourceSamples(resource: ResourceMetrics, options: OtlpOptions): Generator<OtlpSample> {
  const { config, deltaStreams, onProblem } = options
  const attributes = resource.resource?.attributes ?? []
  const promoted = attributes.filter(({ key = '' }) => (config.promotesAll ? !config.ignored.includes(key) : config.promoted.includes(key)))
  for (const { scope, schemaUrl = '', metrics = [] } of resource.scopeMetrics ?? []) {
    const common = { own: identityLabels(attributes), attributes: [...promoted, ...(config.promotesScope && scope !== undefined ? scopeAttributes(scope, schemaUrl) : [])] }
    const origin = deltaStreams === undefined ? '' : JSON.stringify([attributes, scope, schemaUrl])
    for (const metric of metrics) {
      try {
        yield* metricSamples(deltaStreams?.addedUp(metric, origin) ?? metric, common, options)
      } catch (error) {
        onProblem(`metric ${JSON.stringify(metric.name ?? '')}: ${errorText(error)}`)
      }
    }
  }
}

/** What all series of a scope have: `job` and `instance`, and attributes that give way to those of a point. */
type Common = { readonly own: readonly Label[]; readonly attributes: readonly KeyValue[] }

function scopeAttributes({ name = '', version = '', attributes = [] }: Scope, schemaUrl: string): KeyValue[] {
  const text = (key: string, stringValue: string) => ({ key, value: { stringValue } })
  return [text('otel_scope_name', name), text('otel_scope_version', version), text('otel_scope_schema_url', schemaUrl), ...attributes.map(({ key = '', value = {} }) => ({ key: `otel_scope_${key}`, value }))]
}

function identityLabels(attributes: readonly KeyValue[]): Label[] {
  const text = (key: string) => valueText(attributes.find((attribute) => attribute.key === key)?.value ?? {})
  const name = text('service.name')
  const namespace = text('service.namespace')
  const labels = [{ name: 'instance', value: text('service.instance.id') }]
  if (name !== '') labels.push({ name: 'job', value: namespace === '' ? name : `${namespace}/${name}` })
  return labels.filter(({ value }) => value !== '')
}

function* metricSamples(metric: Metric, common: Common, options: OtlpOptions): Generator<OtlpSample> {
  const { config } = options
  const { gauge, sum, histogram, exponentialHistogram } = metric
  const temporality = (sum ?? histogram ?? exponentialHistogram)?.aggregationTemporality
  const isDelta = temporality === delta
  const isCounting = sum !== undefined || histogram !== undefined || exponentialHistogram !== undefined
  if (isCounting && temporality !== cumulative && !(isDelta && options.takesDeltas)) throw new Error('invalid temporality and type combination: only cumulative is accepted')
  const name = metricName({ name: metric.name ?? '', unit: metric.unit ?? '', kind: gauge !== undefined ? 'gauge' : sum?.isMonotonic === true ? 'monotonicSum' : 'other' }, config)
  const typeAndUnit = { type: isDelta ? '' : typeOf(metric), unit: unitName(metric.unit ?? '') }
  const labelsOf = (point: Point, suffix = '', extra: readonly Label[] = []) => {
    const labels = seriesLabels(`${name}${suffix}`, [...common.own, ...extra], [...common.attributes, ...(point.attributes ?? [])], config)
    return options.addsTypeAndUnit ? sortLabels(withTypeAndUnit(labels, typeAndUnit)) : labels
  }
  const samples = pointSamples(metric, labelsOf, config)
  for (const sample of samples) yield isDelta ? asDelta(sample) : sample
}

/** The samples of all points; `labelsOf` gives them their labels. */
function* pointSamples({ gauge, sum, histogram, exponentialHistogram, summary }: Metric, labelsOf: LabelsOf, config: OtlpConfig): Generator<OtlpSample> {
  const isMonotonic = sum?.isMonotonic === true
  for (const point of gauge?.dataPoints ?? []) yield numberSample(point, labelsOf(point))
  for (const point of sum?.dataPoints ?? []) yield { ...numberSample(point, labelsOf(point)), ...createdAt(point), ...(isMonotonic && { exemplars: exemplarsOf(point.exemplars) }) }
  for (const point of histogram?.dataPoints ?? []) yield* config.convertsHistograms ? [customSample(point, labelsOf(point))] : classicSamples(point, labelsOf)
  for (const point of exponentialHistogram?.dataPoints ?? []) yield exponentialSample(point, labelsOf(point))
  for (const point of summary?.dataPoints ?? []) yield* summarySamples(point, labelsOf)
}

function typeOf({ sum, histogram, exponentialHistogram, summary }: Metric): string {
  if (sum?.isMonotonic === true) return 'counter'
  if (histogram !== undefined || exponentialHistogram !== undefined) return 'histogram'
  return summary === undefined ? 'gauge' : 'summary'
}

/** A delta is neither a counter, nor does it begin with zero; as a histogram it may fall. */
function asDelta({ createdMs: _, ...sample }: OtlpSample): OtlpSample {
  const { value } = sample
  return typeof value === 'object' ? { ...sample, value: { ...value, counterReset: 'gauge' } } : sample
}

/** Attributes with the same label name are joined in the order of their keys; `fixed` labels win. */
function seriesLabels(name: string, fixed: readonly Label[], attributes: readonly KeyValue[], config: OtlpConfig): Labels {
  const values = new Map<string, string>()
  const byKey = new Map(attributes.map(({ key = '', value = {} }) => [key, valueText(value)]))
  for (const [key, value] of [...byKey].sort(([a], [b]) => compareBytes(a, b))) {
    const label = labelName(key, config)
    const before = values.get(label)
    values.set(label, before === undefined ? value : `${before};${value}`)
  }
  for (const label of fixed) values.set(label.name, label.value)
  values.set('__name__', name)
  return sortLabels([...values].map(([label, value]) => ({ name: label, value })))
}

function numberSample(point: NumberPoint, labels: Labels): OtlpSample {
  return { labels, timestampMs: timeMs(point), value: valueOf(point, () => numberOf(point.asDouble ?? point.asInt)) }
}

type LabelsOf = (point: Point, suffix?: string, extra?: readonly Label[]) => Labels

function* classicSamples(point: HistogramPoint, labelsOf: LabelsOf): Generator<OtlpSample> {
  const times = { timestampMs: timeMs(point), ...createdAt(point) }
  const sample = (suffix: string, value: () => number, extra?: readonly Label[]): OtlpSample => ({ labels: labelsOf(point, suffix, extra), ...times, value: valueOf(point, value) })
  if (point.sum !== undefined) yield sample('_sum', () => numberOf(point.sum))
  yield sample('_count', () => numberOf(point.count))
  const exemplars = exemplarsOf(point.exemplars)
  const bounds = (point.explicitBounds ?? []).map(numberOf)
  let cumulative = 0
  for (const [i, bound] of [...bounds.filter((one) => one !== Infinity), Infinity].entries()) {
    cumulative += numberOf(point.bucketCounts?.[i])
    const lower = i === 0 ? -Infinity : (bounds[i - 1] ?? -Infinity)
    const inBucket = exemplars.filter(({ value }) => value > lower && value <= bound)
    const count = bound === Infinity ? numberOf(point.count) : cumulative
    yield { ...sample('_bucket', () => count, [{ name: 'le', value: formatOpenMetricsFloat(bound) }]), exemplars: inBucket }
  }
}

function customSample(point: HistogramPoint, labels: Labels): OtlpSample {
  const value = valueOf(point, () => {
    const wire = { ...emptyWireHistogram(), isFloat: true, schema: customSchema, count: numberOf(point.count), sum: numberOf(point.sum), customBounds: (point.explicitBounds ?? []).map(numberOf) }
    const counts = (point.bucketCounts ?? []).map(numberOf)
    wire.positive.counts.push(...counts)
    if (counts.length > 0) wire.positive.spans.push({ offset: 0, length: counts.length })
    return checkedHistogram(wire)
  })
  return { labels, timestampMs: timeMs(point), ...createdAt(point), value, exemplars: exemplarsOf(point.exemplars) }
}

function exponentialSample(point: ExponentialPoint, labels: Labels): OtlpSample {
  const value = valueOf(point, () => {
    const zeroThreshold = numberOf(point.zeroThreshold) || defaultZeroThreshold
    const wire = { ...emptyWireHistogram(), isFloat: true, schema: point.scale ?? 0, count: numberOf(point.count), sum: numberOf(point.sum), zeroCount: numberOf(point.zeroCount), zeroThreshold }
    for (const side of ['positive', 'negative'] as const) {
      const counts = (point[side]?.bucketCounts ?? []).map(numberOf)
      wire[side].counts.push(...counts)
      // A bucket has the number of its upper bound here, there that of its lower one.
      if (counts.length > 0) wire[side].spans.push({ offset: (point[side]?.offset ?? 0) + 1, length: counts.length })
    }
    return checkedHistogram(wire)
  })
  return { labels, timestampMs: timeMs(point), ...createdAt(point), value, exemplars: exemplarsOf(point.exemplars) }
}

function* summarySamples(point: SummaryPoint, labelsOf: LabelsOf): Generator<OtlpSample> {
  const timestampMs = timeMs(point)
  const sample = (suffix: string, value: number | string | undefined, extra?: readonly Label[]): OtlpSample => ({ labels: labelsOf(point, suffix, extra), timestampMs, value: valueOf(point, () => numberOf(value)) })
  yield { ...sample('_sum', point.sum), ...createdAt(point) }
  yield { ...sample('_count', point.count), ...createdAt(point) }
  for (const { quantile, value } of point.quantileValues ?? []) yield sample('', value, [{ name: 'quantile', value: formatOpenMetricsFloat(numberOf(quantile)) }])
}

/** Often enough between the first and the last sample that a query always finds one. */
function* targetInfo({ resource }: ResourceMetrics, { earliestMs, latestMs }: { earliestMs: number; latestMs: number }, { config, lookbackMs, onProblem }: OtlpOptions): Generator<OtlpSample> {
  const attributes = resource?.attributes ?? []
  const identity = identityLabels(attributes)
  const others = attributes.filter(({ key = '' }) => config.keepsIdentifying || !identifying.has(key))
  if (identity.length === 0 || others.length === 0) return
  try {
    const labels = seriesLabels('target_info', identity, others, config)
    for (let timestampMs = earliestMs; timestampMs < latestMs; timestampMs += Math.max(1, lookbackMs / 2)) yield { labels, timestampMs: Math.floor(timestampMs), value: 1 }
    yield { labels, timestampMs: latestMs, value: 1 }
  } catch (error) {
    onProblem(`target_info: ${errorText(error)}`)
  }
}

function valueOf<T>({ flags = 0 }: Point, read: () => T): T | 'stale' {
  return (flags & noRecordedValue) !== 0 ? 'stale' : read()
}

function exemplarsOf(list: readonly OtlpExemplar[] = []): Exemplar[] {
  return list.map(({ filteredAttributes = [], timeUnixNano, asDouble, asInt, traceId = '', spanId = '' }) => {
    const ids = sortLabels([{ name: 'span_id', value: spanId }, { name: 'trace_id', value: traceId }])
    const all = sortLabels([...ids, ...filteredAttributes.flatMap(({ key = '', value = {} }) => (key === 'span_id' || key === 'trace_id' ? [] : [{ name: key, value: valueText(value) }]))])
    // The ids matter most: attributes come along where all fits.
    const length = all.reduce((sum, label) => sum + label.name.length + label.value.length, 0)
    return { labels: length <= 128 ? all : ids, value: numberOf(asDouble ?? asInt), timestampMs: nanosToMs(timeUnixNano), hasTimestamp: true }
  })
}

/** Where the point says it, and does not say the time of its own, as it does when that is not known. */
function createdAt(point: Point): { readonly createdMs?: number } {
  const createdMs = nanosToMs(point.startTimeUnixNano)
  return createdMs === 0 || createdMs >= timeMs(point) ? {} : { createdMs }
}

function timeMs({ timeUnixNano }: Point): number {
  return nanosToMs(timeUnixNano)
}

/** Nanoseconds are more than a number holds exactly. */
function nanosToMs(nanos: number | string | undefined): number {
  return Number(BigInt(nanos ?? 0) / 1_000_000n)
}

function numberOf(value: number | string | undefined): number {
  return Number(value ?? 0)
}

/** As the OpenTelemetry collector prints values. */
function valueText(value: AnyValue): string {
  if (value.stringValue !== undefined) return value.stringValue
  if (value.boolValue !== undefined) return String(value.boolValue)
  if (value.intValue !== undefined) return String(value.intValue)
  if (value.doubleValue !== undefined) return String(value.doubleValue)
  if (value.bytesValue !== undefined) return value.bytesValue
  return value.arrayValue !== undefined || value.kvlistValue !== undefined ? JSON.stringify(plainValue(value)) : ''
}

function plainValue(value: AnyValue): unknown {
  if (value.arrayValue !== undefined) return (value.arrayValue.values ?? []).map(plainValue)
  if (value.kvlistValue !== undefined) return Object.fromEntries((value.kvlistValue.values ?? []).map(({ key = '', value: inner = {} }) => [key, plainValue(inner)]))
  return value.stringValue ?? value.boolValue ?? (value.intValue === undefined ? undefined : Number(value.intValue)) ?? value.doubleValue ?? value.bytesValue ?? null
}
