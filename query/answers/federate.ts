// The answer of /federate: the newest sample of every matching series, for another Prometheus to scrape. Stale series are left
// out; external labels are added where the series does not have them. Native histograms are only in the protobuf format;
// those with custom buckets, which that format does not know, become classic ones there.

import { kept } from '../../storage/head/histogramReader.ts'
import { customSchema, type NativeHistogram } from '../../storage/model/histogram.ts'
import { compareBytes, compareLabels, labelsKey, labelValue, metricNameLabel, type Label, type Labels } from '../../storage/model/labels.ts'
import type { Matcher } from '../../storage/model/matcher.ts'
import { isStaleMarker } from '../../storage/model/sample.ts'
import type { Querier } from '../../storage/querier/querier.ts'
import { contentType, type ExposedFamily, type ExposedMetric, type ExposedValue } from '../exposition/family.ts'
import { writeProtobuf } from '../exposition/protobufWriter.ts'
import { writeText } from '../exposition/textWriter.ts'
import type { FederateRequest } from './api.ts'

type Latest = { readonly name: string; readonly labels: Labels; readonly timestampMs: number; readonly value: number; readonly histogram: NativeHistogram | undefined }

export type Federated = { readonly body: Uint8Array<ArrayBuffer>; readonly contentType: string }

/** Samples within `lookbackMs` before the request's time count. */
export type FederateDeps = {
  readonly querier: Querier
  readonly lookbackMs: number
  /** Called for each series; throws when nobody waits for the answer. */
  readonly check: () => void
}

export function federate(deps: FederateDeps, sets: readonly (readonly Matcher[])[], request: FederateRequest): Federated {
  const { format } = request
  const external = new Map(request.externalLabels.map(({ name, value }) => [name, value]))
  // Without an own instance the scraper would put its target's there, although it honors labels.
  if (!external.has('instance')) external.set('instance', '')
  const externalLabels = [...external].map(([name, value]) => ({ name, value })).sort((a, b) => compareBytes(a.name, b.name))
  const isProtobuf = format.kind === 'protobuf'
  const samples = latestSamples(deps, sets, request.nowMs).filter(({ histogram }) => isProtobuf || histogram === undefined)
  const families = familiesOf(samples, externalLabels)
  const body = isProtobuf ? writeProtobuf(families, format) : new Uint8Array(new TextEncoder().encode(writeText(families, format)))
  return { body, contentType: contentType(format) }
}

/** Sorted by metric name, then labels; of those with the same labels only one. */
function latestSamples({ querier, lookbackMs, check }: FederateDeps, sets: readonly (readonly Matcher[])[], nowMs: number): Latest[] {
  const found = new Map<string, Latest>()
  for (const matchers of sets) {
    const selection = querier.select(matchers, { minTimeMs: nowMs - lookbackMs, maxTimeMs: nowMs })
    for (let i = 0; i < selection.count; i++) {
      check()
      const labels = selection.labels(i)
      const name = labelValue(labels, metricNameLabel)
      const key = labelsKey(labels)
      if (name === '' || found.has(key)) continue
      const samples = selection.read(i)
      const last = samples.length - 1
      if (last < 0 || isStaleMarker(samples.valueWords, last)) continue
      const histogram = samples.histograms?.[last]
      found.set(key, { name, labels, timestampMs: samples.timestampsMs[last] ?? NaN, value: samples.values[last] ?? NaN, histogram: histogram && kept(histogram) })
    }
  }
  return [...found.values()].sort((a, b) => compareBytes(a.name, b.name) || typeOf(a.histogram).localeCompare(typeOf(b.histogram)) || compareLabels(a.labels, b.labels))
}

function typeOf(histogram: NativeHistogram | undefined): 'untyped' | 'histogram' | 'gaugeHistogram' {
  if (histogram === undefined) return 'untyped'
  return histogram.counterReset === 'gauge' ? 'gaugeHistogram' : 'histogram'
}

/** One family per name and type; `samples` are sorted so. */
function* familiesOf(samples: readonly Latest[], externalLabels: readonly Label[]): Generator<ExposedFamily> {
  let family: { readonly name: string; readonly type: ExposedFamily['type']; readonly help: ''; readonly metrics: ExposedMetric[] } | undefined
  for (const { name, labels, timestampMs, value, histogram } of samples) {
    const type = typeOf(histogram)
    if (family?.name !== name || family.type !== type) {
      if (family !== undefined) yield family
      family = { name, type, help: '', metrics: [] }
    }
    const own = labels.filter((label) => label.name !== metricNameLabel)
    const added = externalLabels.filter((label) => labelValue(own, label.name) === '')
    family.metrics.push({ labels: [...own, ...added], timestampMs, value: histogram === undefined ? { kind: 'number', value } : exposedHistogram(histogram) })
  }
  if (family !== undefined) yield family
}

function exposedHistogram(histogram: NativeHistogram): ExposedValue {
  if (histogram.schema !== customSchema) return { kind: 'nativeHistogram', histogram }
  const { count, sum, positive, customBounds } = histogram
  const counts = new Map<number, number>()
  positive.indexes.forEach((index, k) => counts.set(index, positive.counts[k] ?? 0))
  let below = 0
  const buckets = [...customBounds, Infinity].map((bound, i) => [bound, (below += counts.get(i) ?? 0)] as const)
  return { kind: 'classicHistogram', count, sum, buckets }
}
