// A classic histogram as a native one with custom buckets.

import { customSchema } from '../../storage/model/histogram.ts'
import { emptyWireHistogram, type WireHistogram } from './protobuf/histogramMessage.ts'

/** Cumulative counts by upper bound, in any order; `undefined` is what was not shown. */
export type ClassicHistogram = { readonly buckets: readonly (readonly [bound: number, count: number])[]; readonly count: number | undefined; readonly sum: number | undefined }

/** `undefined` when the counts contradict each other. */
export function fromClassic({ buckets, count, sum = 0 }: ClassicHistogram): WireHistogram | undefined {
  const sorted = [...buckets].sort(([a], [b]) => a - b)
  const total = count ?? sorted.at(-1)?.[1]
  if (total === undefined) return undefined
  if (sorted.at(-1)?.[0] !== Infinity) sorted.push([Infinity, total])
  const histogram = emptyWireHistogram()
  histogram.schema = customSchema
  histogram.isFloat = !Number.isInteger(total)
  let before = 0
  const counts: number[] = []
  for (const [i, [bound, cumulative]] of sorted.entries()) {
    const isRepeated = i > 0 && sorted[i - 1]?.[0] === bound
    if (bound !== bound || !(cumulative >= before) || (isRepeated && cumulative !== before)) return undefined
    if (isRepeated) continue
    histogram.isFloat ||= !Number.isInteger(cumulative)
    counts.push(cumulative - before)
    if (bound !== Infinity) histogram.customBounds.push(bound)
    before = cumulative
  }
  if (before !== total) return undefined
  histogram.count = total
  histogram.sum = sum
  histogram.positive.spans.push({ offset: 0, length: counts.length })
  if (histogram.isFloat) histogram.positive.counts.push(...counts)
  else histogram.positive.deltas.push(...counts.map((one, i) => one - (counts[i - 1] ?? 0)))
  return histogram
}
