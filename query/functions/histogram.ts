// `histogram_quantile`, `histogram_quantiles` and `histogram_fraction`. Of classic histograms, series that differ in `le` are
// one; which belong together is found once, and the buckets of each step are laid out in shared columns. Native histograms
// are taken one by one.

import { labelValue, metricNameLabel, type Label, type Labels } from '../../storage/model/labels.ts'
import { withoutHistograms } from '../histograms/columns.ts'
import { HistogramNotes } from '../histograms/notes.ts'
import { formatExposed } from '../language/numberText.ts'
import { goQuote } from '../language/stringLiteral.ts'
import { QueryError } from '../queryError.ts'
import { setLabel } from '../values/labelProjection.ts'
import { cachedLabelsKey, joinEqualSeries, withoutMetricNames } from '../values/labelSets.ts'
import { checkQuantiles } from '../values/quantile.ts'
import { newColumns, type EvalContext, type VectorSeries, type VectorValue } from '../values/value.ts'
import { bucketFraction, bucketQuantile, type Buckets, type Correction } from './classicHistogram.ts'
import { scalarArg, stringArg, vectorArg, type InstantFunction } from './elementwise.ts'
import { nativeFractionSeries, nativeQuantileSeries, nativeSeries } from './nativeHistogram.ts'

type BucketSeries = { readonly bound: number; readonly values: Float64Array; readonly present: Uint8Array }

/** One histogram: its labels without `le`, its buckets ascending by bound. */
type ClassicHistogram = { readonly labels: Labels; readonly buckets: BucketSeries[] }

const bucketLabel = 'le'

export const histogramQuantile: InstantFunction = (args, call, context) => {
  const phis = scalarArg(args, 0)
  checkQuantiles(phis, context.annotations, call.args[0]?.position.start)
  const position = call.args[1]?.position.start
  const { classic, native, notes } = histogramsOf(vectorArg(args, 1), position, context)
  const corrections = new Corrections(position, context)
  const series = [
    ...classic.map((histogram) => quantileSeries(histogram, phis, corrections, context)),
    ...native.map((one) => nativeQuantileSeries(one, phis, notes)),
  ]
  corrections.report()
  return { kind: 'vector', series: withoutMetricNames(series) }
}

export const histogramQuantiles: InstantFunction = (args, call, context) => {
  const label = stringArg(args, 1)
  if (label === '') throw new QueryError('execution', `invalid label name ${goQuote(label)}`)
  const position = call.args[0]?.position.start
  const corrections = new Corrections(position, context)
  const { classic, native, notes } = histogramsOf(vectorArg(args, 0), position, context)
  const series: VectorSeries[] = []
  for (let index = 2; index < args.length; index++) {
    const phis = scalarArg(args, index)
    checkQuantiles(phis, context.annotations, call.args[index]?.position.start)
    for (const histogram of classic) series.push(...splitByPhi(quantileSeries(histogram, phis, corrections, context), phis, label))
    for (const one of native) series.push(...splitByPhi(nativeQuantileSeries(one, phis, notes), phis, label))
  }
  corrections.report()
  // The new label may stand in place of the one that told two histograms apart.
  return { kind: 'vector', series: joinEqualSeries(withoutMetricNames(series)) }
}

/** Almost always one series; more when the quantile itself changes from step to step. */
function splitByPhi(one: VectorSeries, phis: Float64Array, label: string): readonly VectorSeries[] {
  return [...new Set(phis)].map((phi) => ({
    labels: setLabel(one.labels, label, formatPhi(phi)),
    values: one.values,
    present: one.present.map((isPresent, step) => (Object.is(phis[step], phi) ? isPresent : 0)),
  }))
}

/** OpenMetrics' form, with a point or exponent always: `0.5`, `1.0`. */
function formatPhi(phi: number): string {
  const text = formatExposed(phi)
  return /^-?\d+$/.test(text) ? `${text}.0` : text
}

export const histogramFraction: InstantFunction = (args, call, context) => {
  const lowers = scalarArg(args, 0)
  const uppers = scalarArg(args, 1)
  const { classic, native, notes } = histogramsOf(vectorArg(args, 2), call.args[2]?.position.start, context)
  const series = classic.map((histogram) =>
    perStep(histogram, context, (buckets, step) => bucketFraction(lowers[step] as number, uppers[step] as number, buckets)), // one entry per step
  )
  series.push(...native.map((one) => nativeFractionSeries(one, lowers, uppers, notes)))
  return { kind: 'vector', series: withoutMetricNames(series) }
}

function quantileSeries(histogram: ClassicHistogram, phis: Float64Array, corrections: Corrections, context: EvalContext): VectorSeries {
  const name = labelValue(histogram.labels, metricNameLabel)
  return perStep(histogram, context, (buckets, step) =>
    bucketQuantile(phis[step] as number, buckets, (correction) => corrections.add(name, correction, step)), // one entry per step
  )
}

function perStep({ labels, buckets }: ClassicHistogram, { steps }: EvalContext, compute: (buckets: Buckets, step: number) => number): VectorSeries {
  const { values, present } = newColumns(steps.count)
  const layout: Buckets = { length: 0, bounds: new Float64Array(buckets.length), counts: new Float64Array(buckets.length) }
  for (let step = 0; step < steps.count; step++) {
    let length = 0
    for (const bucket of buckets) {
      if (bucket.present[step] === 0) continue
      layout.bounds[length] = bucket.bound
      layout.counts[length] = bucket.values[step] as number // one entry per step
      length++
    }
    if (length === 0) continue
    layout.length = length
    values[step] = compute(layout, step)
    present[step] = 1
  }
  return { labels, values, present }
}

type Histograms = { readonly classic: readonly ClassicHistogram[]; readonly native: readonly VectorSeries[]; readonly notes: HistogramNotes }

/** Where a classic and a native histogram have the same labels, neither can be meant. */
function histogramsOf(vector: VectorValue, position: number | undefined, context: EvalContext): Histograms {
  const notes = new HistogramNotes(context.annotations, position)
  const classic = classicHistogramsOf(withoutHistograms(vector).series, position, context)
  const native = nativeSeries(vector.series)
  if (native.length === 0 || classic.length === 0) return { classic, native, notes }
  const byKey = new Map(classic.map((histogram) => [cachedLabelsKey(histogram.labels), histogram]))
  const alone = native.map((one) => {
    const twin = byKey.get(cachedLabelsKey(one.labels))
    const isDouble = (step: number) => one.present[step] === 1 && twin !== undefined && twin.buckets.some((bucket) => bucket.present[step] === 1)
    const doubled = one.present.map((_, step) => (isDouble(step) ? 1 : 0))
    if (twin === undefined || !doubled.includes(1)) return one
    notes.mixedWithClassic(labelValue(one.labels, metricNameLabel))
    const others = (present: Uint8Array) => present.map((isPresent, step) => (doubled[step] === 1 ? 0 : isPresent))
    const buckets = twin.buckets.map((bucket) => ({ ...bucket, present: others(bucket.present) }))
    byKey.set(cachedLabelsKey(one.labels), { ...twin, buckets })
    return { ...one, present: others(one.present) }
  })
  return { classic: [...byKey.values()], native: alone, notes }
}

function classicHistogramsOf(series: readonly VectorSeries[], position: number | undefined, { annotations }: EvalContext): readonly ClassicHistogram[] {
  const histograms = new Map<string, ClassicHistogram>()
  for (const { labels, values, present } of series) {
    const text = labelValue(labels, bucketLabel)
    const bound = parseBound(text)
    if (bound === undefined) {
      const name = labelValue(labels, metricNameLabel)
      const metric = name === '' ? '' : ` for metric name ${goQuote(name)}`
      annotations.warn(`bucket label "le" is missing or has a malformed value of ${goQuote(text)}${metric}`, position)
      continue
    }
    const rest = withoutBucketLabel(labels)
    const key = cachedLabelsKey(rest)
    let histogram = histograms.get(key)
    if (histogram === undefined) {
      histogram = { labels: rest, buckets: [] }
      histograms.set(key, histogram)
    }
    histogram.buckets.push({ bound, values, present })
  }
  for (const { buckets } of histograms.values()) buckets.sort((a, b) => (a.bound === b.bound ? 0 : a.bound < b.bound ? -1 : 1))
  return [...histograms.values()]
}

const withoutBucket = new WeakMap<Labels, Labels>()

function withoutBucketLabel(labels: Labels): Labels {
  let rest = withoutBucket.get(labels)
  if (rest === undefined) {
    rest = labels.filter((label: Label) => label.name !== bucketLabel)
    withoutBucket.set(labels, rest)
  }
  return rest
}

function parseBound(text: string): number | undefined {
  if (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)) return Number(text)
  const infinity = /^([+-]?)inf(?:inity)?$/i.exec(text)
  if (infinity !== null) return infinity[1] === '-' ? -Infinity : Infinity
  return /^[+-]?nan$/i.test(text) ? NaN : undefined
}

/** What was corrected over all steps, per metric, to say it once. */
class Corrections {
  readonly #position: number | undefined
  readonly #context: EvalContext
  readonly #byName = new Map<string, Correction & { count: number; firstStep: number; lastStep: number }>()

  constructor(position: number | undefined, context: EvalContext) {
    this.#position = position
    this.#context = context
  }

  add(name: string, correction: Correction, step: number): void {
    const known = this.#byName.get(name)
    if (known === undefined) {
      this.#byName.set(name, { ...correction, count: 1, firstStep: step, lastStep: step })
      return
    }
    known.minBound = Math.min(known.minBound, correction.minBound)
    known.maxBound = Math.max(known.maxBound, correction.maxBound)
    known.maxDifference = Math.max(known.maxDifference, correction.maxDifference)
    known.count++
    known.firstStep = Math.min(known.firstStep, step)
    known.lastStep = Math.max(known.lastStep, step)
  }

  report(): void {
    const { steps, annotations } = this.#context
    const timeOf = (step: number) => new Date(steps.startMs + step * steps.stepMs).toISOString().replace(/\.\d+Z$/, 'Z')
    for (const [name, { minBound, maxBound, maxDifference, count, firstStep, lastStep }] of this.#byName) {
      const metric = name === '' ? '' : ` for metric name ${goQuote(name)}`
      const difference = formatExposed(Number(maxDifference.toPrecision(2)))
      annotations.info(
        'input to histogram_quantile needed to be fixed for monotonicity ' +
          `(see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)${metric}, ` +
          `from buckets ${formatExposed(minBound)} to ${formatExposed(maxBound)}, with a max diff of ${difference}, ` +
          `over ${count} samples from ${timeOf(firstStep)} to ${timeOf(lastStep)}`,
        this.#position,
      )
    }
  }
}
