// Range functions over downsampled series: windows over entries, which are buckets or single samples. Exact where a window
// holds whole buckets; a bucket at its edge counts in part, as if its samples were evenly spaced and linear.

import type { Entries } from '../../storage/partitions/buckets.ts'
import { extrapolationFactor } from './extrapolation.ts'
import type { RangeOutput } from './range.ts'

/** As in `WindowColumns`. */
export type BucketWindows = { readonly windowEndMs: Float64Array; readonly rangeMs: number }

/** Writes one column. `from` and `to` get the entries that each window saw, [from, to). */
export type BucketKernel = (entries: Entries, windows: BucketWindows, out: RangeOutput, seen: { readonly from: Int32Array; readonly to: Int32Array }) => void

/** What a window holds. */
class Holdings {
  count = 0
  sum = 0
  min = NaN
  max = NaN
  firstMs = 0
  lastMs = 0
  first = 0
  last = 0
  /** Of a counter: what it had reached before each reset in between. */
  drops = 0
  readonly #isCounter: boolean

  constructor(isCounter: boolean) {
    this.#isCounter = isCounter
  }

  clear(): void {
    this.count = 0
    this.sum = 0
    this.min = NaN
    this.max = NaN
    this.drops = 0
  }

  addWhole(entries: Entries, k: number): void {
    const first = entries.first[k] as number // k is the index of an entry
    this.#begin(first, first, entries.firstMs[k] as number)
    this.#extend(entries, k, entries.count[k] as number, entries.sum[k] as number)
    this.last = entries.last[k] as number
    this.lastMs = entries.lastMs[k] as number
    if (this.#isCounter) this.drops += entries.drops[k] as number
  }

  /** Adds the samples of a bucket that lie in (afterMs, untilMs]; at least one of both is inside the bucket. */
  addPart(entries: Entries, k: number, afterMs: number, untilMs: number): void {
    const firstMs = entries.firstMs[k] as number
    const count = entries.count[k] as number
    const gaps = count - 1
    const gapMs = ((entries.lastMs[k] as number) - firstMs) / gaps
    const from = Math.max(0, Math.floor((afterMs - firstMs) / gapMs) + 1)
    const to = Math.min(gaps, Math.floor((untilMs - firstMs) / gapMs))
    if (to < from) return
    const first = entries.first[k] as number
    const last = entries.last[k] as number
    const perGap = (last - first + (this.#isCounter ? (entries.drops[k] as number) : 0)) / gaps
    // From the end that is inside, so that what comes before and after fits.
    const base = to === gaps ? last - perGap * gaps : first
    this.#begin(first, base + perGap * from, firstMs + gapMs * from)
    const part = to - from + 1
    // The mean moves with the line, within what the bucket has.
    const mean = (entries.sum[k] as number) / count + ((last - first) / gaps) * ((from + to) / 2 - gaps / 2)
    this.#extend(entries, k, part, part * Math.min(entries.max[k] as number, Math.max(entries.min[k] as number, mean)))
    this.last = to === gaps ? last : base + perGap * to
    this.lastMs = firstMs + gapMs * to
  }

  /** `followsLast` is the value that is compared with the last one to see a reset. */
  #begin(followsLast: number, first: number, firstMs: number): void {
    if (this.count > 0) {
      if (this.#isCounter && followsLast < this.last) this.drops += this.last
      return
    }
    this.first = first
    this.firstMs = firstMs
  }

  #extend(entries: Entries, k: number, count: number, sum: number): void {
    const min = entries.min[k] as number
    const max = entries.max[k] as number
    // A number beats NaN.
    if (min < this.min || this.min !== this.min) this.min = min
    if (max > this.max || this.max !== this.max) this.max = max
    this.count += count
    this.sum += sum
  }
}

/** A kernel that computes each window of at least `least` samples from what it holds. */
function perHoldings(least: number, compute: (held: Holdings, startMs: number, endMs: number) => number, isCounter = false): BucketKernel {
  return (entries, { windowEndMs, rangeMs }, out, seen) => {
    const held = new Holdings(isCounter)
    const { length, firstMs, lastMs } = entries
    let wholeFrom = 0
    let wholeTo = 0
    for (let step = 0; step < out.values.length; step++) {
      const endMs = windowEndMs[step] as number // one entry per step; k below is the index of an entry
      const startMs = endMs - rangeMs
      while (wholeFrom < length && (firstMs[wholeFrom] as number) <= startMs) wholeFrom++
      while (wholeTo < length && (lastMs[wholeTo] as number) <= endMs) wholeTo++
      held.clear()
      const hasLeft = wholeFrom > 0 && (lastMs[wholeFrom - 1] as number) > startMs
      if (hasLeft) held.addPart(entries, wholeFrom - 1, startMs, endMs)
      for (let k = wholeFrom; k < wholeTo; k++) held.addWhole(entries, k)
      const hasRight = wholeTo >= wholeFrom && wholeTo < length && (firstMs[wholeTo] as number) <= endMs
      if (hasRight) held.addPart(entries, wholeTo, startMs, endMs)
      seen.from[step] = hasLeft ? wholeFrom - 1 : wholeFrom
      seen.to[step] = Math.max(seen.from[step] as number, hasRight ? wholeTo + 1 : Math.max(wholeTo, hasLeft ? wholeFrom : 0))
      if (held.count < least) continue
      out.values[step] = compute(held, startMs, endMs)
      out.present[step] = 1
    }
  }
}

function extrapolated(isCounter: boolean, isPerSecond: boolean): BucketKernel {
  return perHoldings(2, (held, startMs, endMs) => {
    const result = held.last - held.first + held.drops
    const factor = extrapolationFactor(startMs, held.firstMs, held.lastMs, endMs, held.count, held.first, result, isCounter)
    return result * (isPerSecond ? factor / ((endMs - startMs) / 1000) : factor)
  }, isCounter)
}

/** By name, the functions that buckets can answer. */
export const bucketKernels: ReadonlyMap<string, BucketKernel> = new Map([
  ['avg_over_time', perHoldings(1, (held) => held.sum / held.count)],
  ['count_over_time', perHoldings(1, (held) => held.count)],
  ['delta', extrapolated(false, false)],
  ['first_over_time', perHoldings(1, (held) => held.first)],
  ['increase', extrapolated(true, false)],
  ['last_over_time', perHoldings(1, (held) => held.last)],
  ['max_over_time', perHoldings(1, (held) => held.max)],
  ['min_over_time', perHoldings(1, (held) => held.min)],
  ['present_over_time', perHoldings(1, () => 1)],
  ['rate', extrapolated(true, true)],
  ['sum_over_time', perHoldings(1, (held) => held.sum)],
])
