// What can be said of the observations behind a native histogram: quantiles, fractions, the spread around the mean, and the
// part below or above a value. Inside a bucket observations are taken as spread evenly: over its logarithm where buckets
// grow exponentially, over its width in the zero bucket and in custom buckets.

import type { Buckets, NativeHistogram } from '../../storage/model/histogram.ts'
import { nextCompensation } from '../values/kahan.ts'
import { isCustom } from './arithmetic.ts'
import { bucketsOf, exponentialBound, positiveBounds, type Bucket } from './bounds.ts'

/** How far the observations that are NaN, which lie in no bucket, matter: the quantile lies among them, or higher than it would without. */
export type NanEffect = 'result' | 'skew' | undefined

export function nativeQuantile(phi: number, histogram: NativeHistogram): { readonly value: number; readonly nanEffect: NanEffect } {
  const only = (value: number) => ({ value, nanEffect: undefined })
  if (phi < 0) return only(-Infinity)
  if (phi > 1) return only(Infinity)
  if (histogram.count === 0 || phi !== phi) return only(NaN)
  const hasNan = histogram.sum !== histogram.sum
  const isForward = hasNan || phi < 0.5
  const wanted = (isForward ? phi : 1 - phi) * histogram.count
  const buckets = bucketsOf(histogram)
  if (!isForward) buckets.reverse()
  let passed = 0
  let found: Bucket | undefined
  for (const bucket of buckets) {
    found = bucket
    passed += bucket.count
    if (passed >= wanted) break
  }
  if (found === undefined) return { value: NaN, nanEffect: hasNan ? 'result' : undefined }
  const nanEffect = hasNan ? 'skew' : undefined
  const bucket = bounded(found, histogram)
  if (isCustom(histogram) && bucket.lower === -Infinity) return { value: bucket.upper, nanEffect }
  if (isCustom(histogram) && bucket.upper === Infinity) return { value: bucket.lower, nanEffect }
  passed = Math.min(passed, histogram.count)
  if (passed < wanted && hasNan) return { value: NaN, nanEffect: 'result' }
  const rank = isForward ? wanted - (passed - bucket.count) : passed - wanted
  return { value: valueInside(bucket, rank / bucket.count, histogram), nanEffect }
}

/** The zero bucket of a histogram with only positive or only negative buckets ends at zero; so does the lowest custom bucket that reaches above it. */
function bounded(bucket: Bucket, histogram: NativeHistogram): Bucket {
  if (isCustom(histogram)) return bucket.lower === -Infinity && bucket.upper > 0 ? { ...bucket, lower: 0 } : bucket
  if (bucket.lower > 0 || bucket.upper < 0) return bucket
  const hasPositive = isPopulated(histogram.positive)
  const hasNegative = isPopulated(histogram.negative)
  if (hasPositive && !hasNegative) return { ...bucket, lower: 0 }
  return hasNegative && !hasPositive ? { ...bucket, upper: 0 } : bucket
}

function isPopulated({ counts }: Buckets): boolean {
  return counts.some((count) => count !== 0)
}

function isLinear({ lower, upper }: Bucket, histogram: NativeHistogram): boolean {
  return isCustom(histogram) || (lower <= 0 && upper >= 0)
}

/** The value below which `fraction` of the bucket lies. */
function valueInside(bucket: Bucket, fraction: number, histogram: NativeHistogram): number {
  const { lower, upper } = bucket
  if (isLinear(bucket, histogram)) return lower + (upper - lower) * fraction
  const logLower = Math.log2(Math.abs(lower))
  const logUpper = Math.log2(Math.abs(upper))
  return lower > 0 ? 2 ** (logLower + (logUpper - logLower) * fraction) : -(2 ** (logUpper + (logLower - logUpper) * (1 - fraction)))
}

/** The part of the bucket that lies below a value inside of it. */
function fractionBelow(bucket: Bucket, value: number, histogram: NativeHistogram): number {
  const { lower, upper } = bucket
  // Nothing is known about where in an infinite bucket its observations are.
  if (lower === -Infinity) return 1
  if (isLinear(bucket, histogram)) return (value - lower) / (upper - lower)
  const logLower = Math.log2(Math.abs(lower))
  const logUpper = Math.log2(Math.abs(upper))
  const logValue = Math.log2(Math.abs(value))
  return lower > 0 ? (logValue - logLower) / (logUpper - logLower) : 1 - (logValue - logUpper) / (logLower - logUpper)
}

/** The part of all observations from `lower` to `upper`; those that are NaN are in none. */
export function nativeFraction(lower: number, upper: number, histogram: NativeHistogram): number {
  if (histogram.count === 0 || lower !== lower || upper !== upper) return NaN
  if (lower >= upper) return 0
  const buckets = bucketsOf(histogram).map((bucket) => bounded(bucket, histogram))
  return (countBelow(upper, buckets, histogram) - countBelow(lower, buckets, histogram)) / histogram.count
}

function countBelow(value: number, buckets: readonly Bucket[], histogram: NativeHistogram): number {
  let passed = 0
  for (const bucket of buckets) {
    if (bucket.lower >= value) return Math.min(passed, histogram.count)
    if (bucket.upper > value) return Math.min(passed + bucket.count * fractionBelow(bucket, value, histogram), histogram.count)
    passed += bucket.count
  }
  return histogram.sum === histogram.sum ? histogram.count : passed
}

/** Population variance, each observation taken as lying in the middle of its bucket. */
export function nativeVariance(histogram: NativeHistogram): number {
  const mean = histogram.sum / histogram.count
  let total = 0
  let compensation = 0
  for (const bucket of bucketsOf(histogram)) {
    const delta = middle(bucket, histogram) - mean
    const term = bucket.count * delta * delta
    compensation = nextCompensation(term, total, compensation)
    total += term
  }
  return (total + compensation) / histogram.count
}

function middle(bucket: Bucket, histogram: NativeHistogram): number {
  const { lower, upper } = bucket
  if (isCustom(histogram)) return (upper + lower) / 2
  if (lower <= 0 && upper >= 0) return 0
  return upper < 0 ? -Math.sqrt(upper * lower) : Math.sqrt(upper * lower)
}

/** The observations below `bound`, or those above it; the sum is estimated anew unless all are. */
export function trim(histogram: NativeHistogram, bound: number, keep: 'below' | 'above'): NativeHistogram {
  const share = (bucket: Bucket) => {
    const below = bucket.upper <= bound ? 1 : bucket.lower >= bound ? 0 : fractionBelow(bounded(bucket, histogram), bound, histogram)
    const part = Math.min(1, Math.max(0, below))
    return bucket.count * (keep === 'below' ? part : 1 - part)
  }
  const trimmed = (buckets: Buckets, boundsAt: (index: number) => { readonly lower: number; readonly upper: number }): Buckets => ({
    indexes: buckets.indexes,
    counts: buckets.counts.map((count, k) => share({ ...boundsAt(buckets.indexes[k] ?? 0), includesLower: false, includesUpper: true, count })),
  })
  const { schema, zeroThreshold, zeroCount } = histogram
  const positive = trimmed(histogram.positive, (index) => positiveBounds(histogram, index))
  const negative = trimmed(histogram.negative, (index) => ({ lower: -exponentialBound(index, schema), upper: -exponentialBound(index - 1, schema) }))
  const zero = isCustom(histogram) ? 0 : share({ lower: -zeroThreshold, upper: zeroThreshold, includesLower: true, includesUpper: true, count: zeroCount })
  const result = { ...histogram, positive, negative, zeroCount: zero }
  const buckets = bucketsOf(result)
  const before = bucketsOf(histogram)
  if (buckets.length === before.length && buckets.every((bucket, i) => bucket.count === before[i]?.count)) return histogram
  let count = 0
  let sum = 0
  for (const bucket of buckets) {
    count += bucket.count
    sum += bucket.count * middleWithin(bucket, histogram, bound)
  }
  return { ...result, count, sum }
}

/** Like `middle`, of the part of the bucket that can be meant: infinite ends count as the finite one, or as `bound`. */
function middleWithin(bucket: Bucket, histogram: NativeHistogram, bound: number): number {
  const { lower, upper } = bounded(bucket, histogram)
  if (lower === -Infinity) return Number.isFinite(upper) ? upper : bound
  if (upper === Infinity) return lower
  return middle({ ...bucket, lower, upper }, histogram)
}
