// Columns that hold numbers and histograms side by side, taken apart: operators and functions that know numbers only see
// none of the histograms.

import type { NativeHistogram } from '../../storage/model/histogram.ts'
import type { HistogramColumn } from '../../storage/model/sample.ts'
import type { Value, VectorSeries } from '../values/value.ts'

/** The same value at the steps at which it is a number. */
export function withoutHistograms<V extends Value>(value: V): V {
  if (value.kind !== 'vector' || value.series.every((one) => one.histograms === undefined)) return value
  const series = value.series.flatMap((one): VectorSeries[] => {
    if (one.histograms === undefined) return [one]
    const present = presentNumbers(one.present, one.histograms)
    return present.includes(1) ? [{ labels: one.labels, values: one.values, present }] : []
  })
  return { ...value, series }
}

/** The steps at which there is a number. */
export function presentNumbers(present: Uint8Array, histograms: HistogramColumn): Uint8Array {
  return present.map((isPresent, step) => (histograms[step] === undefined ? isPresent : 0))
}

const histogramBytes = 168
const sampleBytes = 16

/** How many more samples the histograms of a column count as than one each, by their size in Prometheus. */
export function samplesBeyondOne(histograms: HistogramColumn | undefined): number {
  let more = 0
  for (const histogram of histograms ?? []) {
    if (histogram === undefined) continue
    const slots = histogram.positive.counts.length + histogram.negative.counts.length + histogram.customBounds.length
    more += Math.floor((histogramBytes + 8 + 8 * slots) / sampleBytes) - 1
  }
  return more
}

/** Whether any step has a histogram. */
export function hasPresentHistogram(present: Uint8Array, histograms: HistogramColumn): boolean {
  return histograms.some((histogram, step) => histogram !== undefined && present[step] === 1)
}

/** What a step of a series holds; undefined when it is absent. */
export function elementAt({ values, present, histograms }: Omit<VectorSeries, 'labels'>, step: number): number | NativeHistogram | undefined {
  if (present[step] !== 1) return undefined
  return histograms?.[step] ?? values[step]
}

/** Builds the columns of one series from what `elementOf` gives for each step. */
export function columnsOf(count: number, elementOf: (step: number) => number | NativeHistogram | undefined): Omit<VectorSeries, 'labels'> {
  const values = new Float64Array(count)
  const present = new Uint8Array(count)
  const histograms: (NativeHistogram | undefined)[] = []
  let hasHistograms = false
  for (let step = 0; step < count; step++) {
    const element = elementOf(step)
    const histogram = typeof element === 'object' ? element : undefined
    histograms.push(histogram)
    if (element === undefined) continue
    present[step] = 1
    values[step] = typeof element === 'number' ? element : NaN
    hasHistograms ||= histogram !== undefined
  }
  return hasHistograms ? { values, present, histograms } : { values, present }
}
