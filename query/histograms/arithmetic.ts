// Sums, differences, multiples and the test for equality of native histograms. Two that are combined are first brought to
// the coarser layout of both. Nothing is changed in place, but for running sums.

import { customSchema, noBounds, noBuckets, type Buckets, type CounterReset, type NativeHistogram } from '../../storage/model/histogram.ts'
import { exponentialBound } from './bounds.ts'

/** What a combination has to say besides its result. */
export type Combined = {
  /** Undefined when one has exponential and the other custom buckets. */
  readonly histogram: NativeHistogram | undefined
  /** One counter was reset and the other was not. */
  readonly resetsCollide: boolean
  /** Custom bounds differed; only those that both have are left. */
  readonly boundsReconciled: boolean
}

/** Whether its buckets have bounds of their own. */
export function isCustom({ schema }: NativeHistogram): boolean {
  return schema === customSchema
}

/** A new histogram; both stay as they are. */
export function add(a: NativeHistogram, b: NativeHistogram): Combined {
  return combine(a, b, 1)
}

/** The same for a running sum that began as an `ownCopy`: its counts may be overwritten. */
export function addTo(sum: NativeHistogram, b: NativeHistogram): Combined {
  return combine(sum, b, 1, true)
}

/** A histogram whose counts nobody else has. */
export function ownCopy(histogram: NativeHistogram): NativeHistogram {
  const { positive, negative } = histogram
  return { ...histogram, positive: { ...positive, counts: positive.counts.slice() }, negative: { ...negative, counts: negative.counts.slice() } }
}

/** A new histogram; both stay as they are. */
export function subtract(a: NativeHistogram, b: NativeHistogram): Combined {
  return combine(a, b, -1)
}

/** The same from an `ownCopy`, or a sum in one, whose counts may be overwritten. */
export function subtractFrom(sum: NativeHistogram, b: NativeHistogram): Combined {
  return combine(sum, b, -1, true)
}

/** `factor` times such a sum, whose counts are overwritten, as a gauge. */
export function scaleSum(sum: NativeHistogram, factor: number): NativeHistogram {
  scaleCounts(sum.positive.counts, factor)
  scaleCounts(sum.negative.counts, factor)
  return { ...sum, counterReset: 'gauge', zeroCount: sum.zeroCount * factor, count: sum.count * factor, sum: sum.sum * factor }
}

function scaleCounts(counts: Float64Array, factor: number): void {
  for (let k = 0; k < counts.length; k++) counts[k] = (counts[k] as number) * factor // k is below the length
}

function combine(a: NativeHistogram, b: NativeHistogram, sign: 1 | -1, inPlace = false): Combined {
  const { counterReset, resetsCollide } = commonReset(a.counterReset, b.counterReset)
  if (isCustom(a) !== isCustom(b)) return { histogram: undefined, resetsCollide: false, boundsReconciled: false }
  const boundsReconciled = isCustom(a) && !sameBounds(a.customBounds, b.customBounds)
  const [left, right] = boundsReconciled ? withCommonBounds(a, b) : inCommonLayout(a, b)
  const histogram: NativeHistogram = {
    ...left,
    counterReset,
    zeroCount: left.zeroCount + sign * right.zeroCount,
    count: left.count + sign * right.count,
    sum: left.sum + sign * right.sum,
    positive: combineBuckets(left.positive, right.positive, sign, inPlace),
    negative: combineBuckets(left.negative, right.negative, sign, inPlace),
  }
  return { histogram, resetsCollide, boundsReconciled }
}

function commonReset(a: CounterReset, b: CounterReset): { counterReset: CounterReset; resetsCollide: boolean } {
  if (a === b) return { counterReset: a, resetsCollide: false }
  if (a === 'gauge' || b === 'gauge') return { counterReset: 'gauge', resetsCollide: false }
  return { counterReset: 'unknown', resetsCollide: a !== 'unknown' && b !== 'unknown' }
}

/** Every count and the sum times `factor`; a negative one makes a gauge. */
export function multiply(histogram: NativeHistogram, factor: number): NativeHistogram {
  return {
    ...histogram,
    counterReset: factor < 0 ? 'gauge' : histogram.counterReset,
    zeroCount: histogram.zeroCount * factor,
    count: histogram.count * factor,
    sum: histogram.sum * factor,
    positive: scaled(histogram.positive, factor),
    negative: scaled(histogram.negative, factor),
  }
}

/** Divided by zero, no bucket is left, but the counts are infinite or NaN. */
export function divide(histogram: NativeHistogram, divisor: number): NativeHistogram {
  return {
    ...histogram,
    counterReset: divisor < 0 ? 'gauge' : histogram.counterReset,
    zeroCount: histogram.zeroCount / divisor,
    count: histogram.count / divisor,
    sum: histogram.sum / divisor,
    positive: divisor === 0 ? noBuckets : mapCounts(histogram.positive, (count) => count / divisor),
    negative: divisor === 0 ? noBuckets : mapCounts(histogram.negative, (count) => count / divisor),
  }
}

/** The same buckets, no longer those of a counter. */
export function asGauge(histogram: NativeHistogram): NativeHistogram {
  return histogram.counterReset === 'gauge' ? histogram : { ...histogram, counterReset: 'gauge' }
}

function scaled(buckets: Buckets, factor: number): Buckets {
  if (buckets.counts.length === 0) return buckets
  const counts = new Float64Array(buckets.counts.length)
  for (let k = 0; k < counts.length; k++) counts[k] = (buckets.counts[k] as number) * factor // k is below the length of both
  return { indexes: buckets.indexes, counts }
}

function mapCounts({ indexes, counts }: Buckets, change: (count: number) => number): Buckets {
  return { indexes, counts: counts.map(change) }
}

/** Whether both hold the same; hints about counters do not matter. */
export function equalHistograms(a: NativeHistogram, b: NativeHistogram): boolean {
  return (
    a.schema === b.schema &&
    Object.is(a.count, b.count) &&
    Object.is(a.sum, b.sum) &&
    (isCustom(a)
      ? sameBounds(a.customBounds, b.customBounds)
      : a.zeroThreshold === b.zeroThreshold && Object.is(a.zeroCount, b.zeroCount)) &&
    sameBuckets(a.positive, b.positive) &&
    sameBuckets(a.negative, b.negative)
  )
}

/** Equal one by one. */
export function sameBounds(a: Float64Array, b: Float64Array): boolean {
  return a === b || (a.length === b.length && a.every((bound, i) => bound === b[i]))
}

function sameBuckets(a: Buckets, b: Buckets): boolean {
  let j = 0
  for (let i = 0; i < a.indexes.length; i++) {
    if (a.counts[i] === 0) continue
    while (b.counts[j] === 0) j++
    if (a.indexes[i] !== b.indexes[j] || !Object.is(a.counts[i], b.counts[j])) return false
    j++
  }
  while (b.counts[j] === 0) j++
  return j === b.indexes.length
}

/** Without buckets that count nothing. */
export function populated(buckets: Buckets): Buckets {
  const { indexes, counts } = buckets
  if (!counts.includes(0)) return buckets
  const kept = [...indexes.keys()].filter((k) => counts[k] !== 0)
  return { indexes: Int32Array.from(kept, (k) => indexes[k] ?? 0), counts: Float64Array.from(kept, (k) => counts[k] ?? 0) }
}

/** Two exponential histograms, or two with the same custom bounds, with one schema and one zero threshold. */
function inCommonLayout(a: NativeHistogram, b: NativeHistogram): readonly [NativeHistogram, NativeHistogram] {
  if (isCustom(a)) return [a, b]
  let [left, right] = [a, b]
  while (left.zeroThreshold !== right.zeroThreshold) {
    if (left.zeroThreshold < right.zeroThreshold) left = withZeroThreshold(left, right.zeroThreshold)
    else right = withZeroThreshold(right, left.zeroThreshold)
  }
  const schema = Math.min(left.schema, right.schema)
  return [withSchema(left, schema), withSchema(right, schema)]
}

/** In a coarser exponential schema. */
export function withSchema(histogram: NativeHistogram, schema: number): NativeHistogram {
  const steps = histogram.schema - schema
  if (steps <= 0) return histogram
  return { ...histogram, schema, positive: mergeNeighbours(histogram.positive, steps), negative: mergeNeighbours(histogram.negative, steps) }
}

/** Each step joins two buckets into one. */
function mergeNeighbours(buckets: Buckets, steps: number): Buckets {
  return regrouped(buckets, (index) => ((index - 1) >> steps) + 1)
}

/** Buckets under new indexes that ascend as the old ones do; those that get the same one are added up. */
function regrouped({ indexes, counts }: Buckets, newIndex: (index: number) => number): Buckets {
  const newIndexes = new Int32Array(indexes.length)
  const newCounts = new Float64Array(indexes.length)
  let used = 0
  for (let k = 0; k < indexes.length; k++) {
    const index = newIndex(indexes[k] as number) // k is below the length of both
    if (used === 0 || newIndexes[used - 1] !== index) newIndexes[used++] = index
    newCounts[used - 1] = (newCounts[used - 1] as number) + (counts[k] as number)
  }
  return { indexes: newIndexes.subarray(0, used), counts: newCounts.subarray(0, used) }
}

/** With a zero bucket that reaches at least to `threshold`: further, to its end, when that lies inside a populated bucket. */
export function withZeroThreshold(histogram: NativeHistogram, threshold: number): NativeHistogram {
  const { positive, negative, schema } = histogram
  let reach = threshold
  for (;;) {
    const inPositive = countBelow(positive, schema, reach)
    const inNegative = countBelow(negative, schema, Math.max(reach, inPositive.reach))
    reach = inNegative.reach
    if (reach === inPositive.reach) {
      if (reach === histogram.zeroThreshold && inPositive.length + inNegative.length === 0) return histogram
      return {
        ...histogram,
        zeroThreshold: reach,
        zeroCount: histogram.zeroCount + inPositive.count + inNegative.count,
        positive: from(positive, inPositive.length),
        negative: from(negative, inNegative.length),
      }
    }
  }
}

/** How many buckets begin below `threshold`, what they count, and where the last populated one ends. */
function countBelow({ indexes, counts }: Buckets, schema: number, threshold: number): { length: number; count: number; reach: number } {
  let count = 0
  let reach = threshold
  let k = 0
  for (; k < indexes.length; k++) {
    const index = indexes[k] as number // k is below the length of both
    if (exponentialBound(index - 1, schema) >= threshold) break
    const bucketCount = counts[k] as number
    count += bucketCount
    if (bucketCount !== 0) reach = Math.max(reach, exponentialBound(index, schema))
  }
  return { length: k, count, reach }
}

function from({ indexes, counts }: Buckets, start: number): Buckets {
  return { indexes: indexes.subarray(start), counts: counts.subarray(start) }
}

function withCommonBounds(a: NativeHistogram, b: NativeHistogram): readonly [NativeHistogram, NativeHistogram] {
  const bounds = commonBounds(a.customBounds, b.customBounds)
  return [withBounds(a, bounds), withBounds(b, bounds)]
}

/** Ascending, as both are. */
export function commonBounds(a: Float64Array, b: Float64Array): Float64Array {
  return a.filter((bound) => b.includes(bound))
}

/** Custom buckets joined so that only `bounds`, which are among its own, are left. */
export function withBounds(histogram: NativeHistogram, bounds: Float64Array): NativeHistogram {
  const newIndexes = Int32Array.from({ length: histogram.customBounds.length + 1 }, (_, index) => {
    const upper = histogram.customBounds[index] ?? Infinity
    const at = bounds.findIndex((bound) => bound >= upper)
    return at === -1 ? bounds.length : at
  })
  return { ...histogram, customBounds: bounds, positive: regrouped(histogram.positive, (index) => newIndexes[index] ?? bounds.length) }
}

/** Bucket by bucket `a` + `sign` * `b`. */
function combineBuckets(a: Buckets, b: Buckets, sign: 1 | -1, inPlace: boolean): Buckets {
  if (b.indexes.length === 0 || (inPlace && combinedInPlace(a, b, sign))) return a
  if (!sameIndexes(a.indexes, b.indexes)) return mergeBuckets(a, b, sign)
  const counts = new Float64Array(a.counts.length)
  for (let k = 0; k < counts.length; k++) counts[k] = (a.counts[k] as number) + sign * (b.counts[k] as number) // all have the same length
  return { indexes: a.indexes, counts }
}

/** Puts the sum into `a`. False, with nothing changed, when `b` has buckets that `a` does not list. */
function combinedInPlace(a: Buckets, b: Buckets, sign: 1 | -1): boolean {
  if (!sameIndexes(a.indexes, b.indexes) && !listsAll(a.indexes, b.indexes)) return false
  let i = 0
  for (let k = 0; k < b.indexes.length; k++, i++) {
    while (a.indexes[i] !== b.indexes[k]) i++
    a.counts[i] = (a.counts[i] as number) + sign * (b.counts[k] as number) // both are below their lengths
  }
  return true
}

/** Whether all of `some` are among `indexes`. */
function listsAll(indexes: Int32Array, some: Int32Array): boolean {
  let i = 0
  for (let k = 0; k < some.length; k++, i++) {
    while (i < indexes.length && (indexes[i] as number) < (some[k] as number)) i++ // both are below their lengths
    if (indexes[i] !== some[k]) return false
  }
  return true
}

function sameIndexes(a: Int32Array, b: Int32Array): boolean {
  if (a === b) return true
  if (a.length !== b.length) return false
  for (let k = 0; k < a.length; k++) if (a[k] !== b[k]) return false
  return true
}

function mergeBuckets(a: Buckets, b: Buckets, sign: 1 | -1): Buckets {
  const indexes = new Int32Array(a.indexes.length + b.indexes.length)
  const counts = new Float64Array(indexes.length)
  let i = 0
  let j = 0
  let used = 0
  while (i < a.indexes.length || j < b.indexes.length) {
    const inA = i < a.indexes.length ? (a.indexes[i] as number) : Infinity
    const inB = j < b.indexes.length ? (b.indexes[j] as number) : Infinity
    indexes[used] = Math.min(inA, inB)
    counts[used++] = (inA <= inB ? (a.counts[i++] as number) : 0) + (inB <= inA ? sign * (b.counts[j++] as number) : 0) // below their lengths
  }
  return { indexes: indexes.subarray(0, used), counts: counts.subarray(0, used) }
}

/** A histogram without observations that goes together with `histogram` and does not make its zero bucket wider. */
export function emptyFor(histogram: NativeHistogram): NativeHistogram {
  return { ...histogram, counterReset: 'unknown', zeroThreshold: 0, zeroCount: 0, count: 0, sum: 0, positive: noBuckets, negative: noBuckets, customBounds: isCustom(histogram) ? histogram.customBounds : noBounds }
}
