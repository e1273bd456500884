// The `histogram_*` functions over native histograms: one number per histogram and step.

import type { NativeHistogram } from '../../storage/model/histogram.ts'
import { labelValue, metricNameLabel } from '../../storage/model/labels.ts'
import { presentNumbers } from '../histograms/columns.ts'
import { nativeFraction, nativeQuantile, nativeVariance } from '../histograms/estimates.ts'
import type { HistogramNotes } from '../histograms/notes.ts'
import { withoutMetricNames } from '../values/labelSets.ts'
import { newColumns, type VectorSeries } from '../values/value.ts'
import { vectorArg, type InstantFunction } from './elementwise.ts'

/** The series that have histograms, present only where they do. */
export function nativeSeries(series: readonly VectorSeries[]): readonly VectorSeries[] {
  return series.flatMap((one) => {
    const { histograms, present } = one
    if (histograms === undefined) return []
    const numbers = presentNumbers(present, histograms)
    return [{ ...one, present: present.map((isPresent, step) => (numbers[step] === 1 ? 0 : isPresent)) }]
  })
}

/** A series of numbers made of one of histograms; the name stays for now. */
function mapped({ labels, present, histograms }: VectorSeries, valueOf: (histogram: NativeHistogram, step: number) => number): VectorSeries {
  const columns = newColumns(present.length)
  for (let step = 0; step < present.length; step++) {
    const histogram = histograms?.[step]
    if (present[step] === 0 || histogram === undefined) continue
    columns.values[step] = valueOf(histogram, step)
    columns.present[step] = 1
  }
  return { labels, ...columns }
}

function each(valueOf: (histogram: NativeHistogram) => number): InstantFunction {
  return (args) => ({ kind: 'vector', series: withoutMetricNames(nativeSeries(vectorArg(args, 0).series).map((one) => mapped(one, valueOf))) })
}

export const histogramCount = each(({ count }) => count)
export const histogramSum = each(({ sum }) => sum)
export const histogramAvg = each(({ count, sum }) => sum / count)
export const histogramStdvar = each(nativeVariance)
export const histogramStddev = each((histogram) => Math.sqrt(nativeVariance(histogram)))

/** `phis` has one entry per step; steps without a histogram stay absent. */
export function nativeQuantileSeries(one: VectorSeries, phis: Float64Array, notes: HistogramNotes): VectorSeries {
  const metric = labelValue(one.labels, metricNameLabel)
  return mapped(one, (histogram, step) => {
    const { value, nanEffect } = nativeQuantile(phis[step] as number, histogram) // one entry per step
    if (nanEffect === 'result') notes.quantileIsNan(metric)
    if (nanEffect === 'skew') notes.quantileIsSkewed(metric)
    return value
  })
}

/** `lowers` and `uppers` have one entry per step; steps without a histogram stay absent. */
export function nativeFractionSeries(one: VectorSeries, lowers: Float64Array, uppers: Float64Array, notes: HistogramNotes): VectorSeries {
  const metric = labelValue(one.labels, metricNameLabel)
  return mapped(one, (histogram, step) => {
    if (histogram.sum !== histogram.sum) notes.fractionHasNan(metric)
    return nativeFraction(lowers[step] as number, uppers[step] as number, histogram) // one entry per step
  })
}
