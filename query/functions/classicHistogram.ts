// Quantiles and fractions of one classic histogram at one step, from its cumulative buckets.

/** Buckets in columns, ascending by bound; the first `length` entries count. Reused from step to step. */
export type Buckets = { length: number; readonly bounds: Float64Array; readonly counts: Float64Array }

/** How the counts had to be corrected because they fell from one bucket to the next. */
export type Correction = { minBound: number; maxBound: number; maxDifference: number }

/** A relative difference of this size is rounding, not a counter that fell. */
const rounding = 1e-12

/** Adds up buckets with one bound. They must be sorted. */
function joinEqualBounds(buckets: Buckets): void {
  const { bounds, counts } = buckets
  let last = 0
  for (let i = 1; i < buckets.length; i++) {
    if (bounds[i] === bounds[last]) {
      counts[last] = (counts[last] as number) + (counts[i] as number) // i < length
    } else {
      last++
      bounds[last] = bounds[i] as number
      counts[last] = counts[i] as number
    }
  }
  buckets.length = Math.min(buckets.length, last + 1)
}

/** Raises counts that fall to the one before. Returns what was raised, if it was more than rounding. */
function makeMonotonic({ length, bounds, counts }: Buckets): Correction | undefined {
  let correction: Correction | undefined
  let previous = counts[0] as number // called with at least one bucket
  for (let i = 1; i < length; i++) {
    const count = counts[i] as number
    if (count === previous) continue
    if (isRoundingOf(previous, count)) {
      counts[i] = previous
    } else if (count < previous) {
      counts[i] = previous
      const bound = bounds[i] as number
      correction ??= { minBound: bound, maxBound: bound, maxDifference: 0 }
      correction.minBound = Math.min(correction.minBound, bound)
      correction.maxBound = Math.max(correction.maxBound, bound)
      correction.maxDifference = Math.max(correction.maxDifference, previous - count)
    } else {
      previous = count
    }
  }
  return correction
}

function isRoundingOf(a: number, b: number): boolean {
  const sum = Math.abs(a) + Math.abs(b)
  const difference = Math.abs(a - b)
  if (a === 0 || b === 0 || sum < 2.2250738585072014e-308) return difference < rounding * 2.2250738585072014e-308
  return difference / Math.min(sum, Number.MAX_VALUE) < rounding
}

/** Changes `buckets` (sorted) in place. `onCorrection` hears of counts that had to be raised. */
export function bucketQuantile(phi: number, buckets: Buckets, onCorrection: (correction: Correction) => void): number {
  if (phi !== phi) return NaN
  if (phi < 0) return -Infinity
  if (phi > 1) return Infinity
  const { bounds, counts } = buckets
  if (bounds[buckets.length - 1] !== Infinity) return NaN
  joinEqualBounds(buckets)
  const correction = makeMonotonic(buckets)
  if (correction !== undefined) onCorrection(correction)
  const { length } = buckets
  if (length < 2) return NaN
  const total = counts[length - 1] as number // entries below `length` are set
  if (total === 0) return NaN
  const rank = phi * total
  let bucket = 0
  while (bucket < length - 1 && !((counts[bucket] as number) >= rank)) bucket++
  if (bucket === length - 1) return bounds[length - 2] as number
  const upper = bounds[bucket] as number
  if (bucket === 0 && upper <= 0) return upper
  const lower = bucket > 0 ? (bounds[bucket - 1] as number) : 0
  const below = bucket > 0 ? (counts[bucket - 1] as number) : 0
  return lower + (upper - lower) * ((rank - below) / ((counts[bucket] as number) - below))
}

/** The share of observations in [lower, upper], with values spread evenly inside a bucket. */
export function bucketFraction(lower: number, upper: number, buckets: Buckets): number {
  const { bounds, counts } = buckets
  if (bounds[buckets.length - 1] !== Infinity) return NaN
  joinEqualBounds(buckets)
  const total = counts[buckets.length - 1] as number // at least one bucket
  if (total === 0 || lower !== lower || upper !== upper) return NaN
  if (lower >= upper) return 0
  return (rankOf(upper, buckets, total) - rankOf(lower, buckets, total)) / total
}

/** How many observations are below `value`. */
function rankOf(value: number, { length, bounds, counts }: Buckets, total: number): number {
  let below = 0
  for (let i = 0; i < length; i++) {
    const end = bounds[i] as number // i < length
    const count = counts[i] as number
    const start = i > 0 ? (bounds[i - 1] as number) : end > 0 ? 0 : -Infinity
    if (start >= value) return Math.min(below, total)
    if (end > value) return Math.min(start === -Infinity ? count : below + ((count - below) * (value - start)) / (end - start), total)
    below = count
  }
  return total
}
