// `rate`, `increase` and `delta` of native histograms: the difference of the last and the first of a window, what was lost
// in resets added, stretched to the window's ends as for numbers. `irate` and `idelta`: the difference of the last two.

import type { NativeHistogram } from '../../storage/model/histogram.ts'
import { addTo, asGauge, emptyFor, isCustom, ownCopy, scaleSum, subtract, subtractFrom, withSchema, type Combined } from '../histograms/arithmetic.ts'
import type { HistogramNotes } from '../histograms/notes.ts'
import { isReset, type Resets } from '../histograms/reset.ts'

/** Windows over the histograms of one series, as `WindowColumns` are over numbers. */
export type HistogramWindow = {
  readonly timestampsMs: Float64Array
  readonly histograms: readonly NativeHistogram[]
  readonly resets: Resets
  readonly from: Int32Array
  readonly to: Int32Array
  readonly windowEndMs: Float64Array
  readonly rangeMs: number
}

export type RateKind = { readonly isCounter: boolean; readonly perSecond: boolean }

type RateOptions = {
  readonly from: number
  readonly to: number
  readonly step: number
  readonly kind: RateKind
  readonly notes: HistogramNotes
  readonly metric: string
}

/** Undefined for a window of one, and where layouts do not go together. */
export function extrapolatedHistogram(window: HistogramWindow, { from, to, step, kind, notes, metric }: RateOptions): NativeHistogram | undefined {
  if (to - from < 2) return undefined
  const samples = window.histograms.slice(from, to)
  const wasReset = (k: number) => kind.isCounter && window.resets(from + k)
  const difference = change(samples, { isCounter: kind.isCounter, wasReset }, notes, metric)
  if (difference === undefined) return undefined
  const firstMs = window.timestampsMs[from] as number // from < to <= length
  const lastMs = window.timestampsMs[to - 1] as number
  const endMs = window.windowEndMs[step] as number // one entry per step
  const sampled = (lastMs - firstMs) / 1000
  const average = sampled / (to - from - 1)
  const threshold = average * 1.1
  let toStart = (firstMs - (endMs - window.rangeMs)) / 1000
  let toEnd = (endMs - lastMs) / 1000
  if (toStart >= threshold) toStart = average / 2
  const firstCount = samples[0]?.count ?? NaN
  if (kind.isCounter && difference.count > 0 && firstCount >= 0) {
    // A counter cannot have been below zero: no further back than where it would have been zero.
    toStart = Math.min(toStart, sampled * (firstCount / difference.count))
  }
  if (toEnd >= threshold) toEnd = average / 2
  let factor = sampled === 0 ? 1 : (sampled + toStart + toEnd) / sampled
  if (kind.perSecond) factor /= window.rangeMs / 1000
  return scaleSum(difference, factor)
}

/** In counts of its own. `wasReset(k)`: between samples k - 1 and k. */
function change(samples: readonly NativeHistogram[], { isCounter, wasReset }: { readonly isCounter: boolean; readonly wasReset: Resets }, notes: HistogramNotes, metric: string): NativeHistogram | undefined {
  const [first, second] = samples
  const last = samples.at(-1)
  if (first === undefined || second === undefined || last === undefined) return undefined
  const isGauge = (histogram: NativeHistogram) => histogram.counterReset === 'gauge'
  if (isCounter ? samples.some(isGauge) : !isGauge(first) || !isGauge(last)) {
    if (isCounter) notes.notACounter(metric)
    else notes.notAGauge(metric)
  }
  // What was before a reset right at the beginning does not matter, nor does its layout.
  const start = wasReset(1) ? emptyFor(second) : first
  const inside = isCounter ? samples.slice(1) : [last]
  if (inside.some((histogram) => isCustom(histogram) !== isCustom(start))) {
    notes.mixedSchemas(metric)
    return undefined
  }
  let schema = start.schema
  for (const histogram of inside) schema = Math.min(schema, histogram.schema)
  let result = combined(subtractFrom(ownCopy(withSchema(last, schema)), start), 'subtraction', notes)
  for (let k = 2; k < samples.length && result !== undefined; k++) {
    if (wasReset(k)) result = combined(addTo(result, samples[k - 1] as NativeHistogram), 'addition', notes) // k is below the length
  }
  return result
}

function combined(result: Combined, operation: 'addition' | 'subtraction', notes: HistogramNotes): NativeHistogram | undefined {
  // Hints of counters do not meet here: the result is a gauge.
  notes.combined({ ...result, resetsCollide: false }, operation)
  return result.histogram
}

/** The difference of two samples; after a reset the newer one. */
export function instantChange(before: NativeHistogram, after: NativeHistogram, isRate: boolean, notes: HistogramNotes, metric: string): NativeHistogram | undefined {
  const gauges = (before.counterReset === 'gauge' ? 1 : 0) + (after.counterReset === 'gauge' ? 1 : 0)
  if (isRate && gauges > 0) notes.notACounter(metric)
  if (!isRate && gauges < 2) notes.notAGauge(metric)
  if (isCustom(before) !== isCustom(after)) {
    notes.mixedSchemas(metric)
    return undefined
  }
  if (isRate && isReset(after, before)) return asGauge(after)
  const difference = combined(subtract(after, before), 'subtraction', notes)
  return difference && asGauge(difference)
}
