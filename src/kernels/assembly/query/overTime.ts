// `sum_over_time`, `avg_over_time`, `min_over_time` and `max_over_time` over the windows of one series. Overlapping windows are
// put together from two parts, one that ends where the other begins, the pivot, so that a window costs the same whatever it
// holds; nothing is ever subtracted again. Sums are compensated as in accumulate.ts.

import { compensation } from './accumulate'

/** From this many samples per window on, on average, parts are used again; below, each window is computed by itself. */
const REUSE_FROM_SAMPLES: i64 = 16

// @ts-ignore: decorator
@inline
function indexAt(indexes: usize, step: i32): i32 {
  return load<i32>(indexes + (<usize>step << 2))
}

// @ts-ignore: decorator
@inline
function valueAt(values: usize, index: i32): f64 {
  return load<f64>(values + (<usize>index << 3))
}

function isWorthReuse(from: usize, to: usize, count: i32, length: i32): bool {
  let total: i64 = 0
  for (let step = 0; step < count; step++) total += indexAt(to, step) - indexAt(from, step)
  return total >= REUSE_FROM_SAMPLES * <i64>count && total >= 2 * <i64>length
}

/** Whether a sum of some of the values may be too large for a double: then the order in which they are added decides. */
function canOverflow(values: usize, length: i32): bool {
  let peaks = f64x2.splat(0)
  const infinity = f64x2.splat(Infinity)
  for (let i = 0; i < length - 1; i += 2) {
    const size = f64x2.abs(v128.load(values + (<usize>i << 3)))
    peaks = f64x2.pmax(peaks, v128.and(size, f64x2.lt(size, infinity)))
  }
  let peak = max(f64x2.extract_lane(peaks, 0), f64x2.extract_lane(peaks, 1))
  if ((length & 1) == 1) {
    const size = abs(valueAt(values, length - 1))
    if (size < Infinity) peak = max(peak, size)
  }
  return peak > f64.MAX_VALUE / 2 / <f64>length
}

/**
 * Sums, or where `isMean` means, of the windows that have samples: to `out`, with `present` (0 before) set. `parts` has room
 * for two f64 per sample.
 */
export function sumWindows(values: usize, length: i32, from: usize, to: usize, count: i32, isMean: i32, parts: usize, out: usize, present: usize): void {
  const reuses = isWorthReuse(from, to, count, length) && !canOverflow(values, length)
  const errors = parts + (<usize>length << 3)
  let pivot = 0
  let reached = 0
  let sum: f64 = 0
  let error: f64 = 0
  for (let step = 0; step < count; step++) {
    const first = indexAt(from, step)
    const end = indexAt(to, step)
    if (end == first) continue
    if (!reuses || first >= pivot) {
      // The window has left the part before the pivot: what it holds now becomes the next one, or is added up after it.
      pivot = reuses ? end : first
      reached = pivot
      if (reuses) sumBackwards(values, first, pivot, parts, errors)
      sum = 0
      error = 0
    }
    for (; reached < end; reached++) {
      const value = valueAt(values, reached)
      error = compensation(value, sum, error)
      sum += value
    }
    let result = sum + error
    if (first < pivot) {
      const part = valueAt(parts, first)
      const partError = valueAt(errors, first)
      result = end == pivot ? part + partError : part + sum + compensation(sum, part, partError + error)
    }
    if (isMean) result = isFinite(result) ? result / <f64>(end - first) : runningMean(values, first, end)
    store<f64>(out + (<usize>step << 3), result)
    store<u8>(present + <usize>step, 1)
  }
}

/** For each sample of [first, pivot) the sum from it on to the pivot, and its compensation. */
function sumBackwards(values: usize, first: i32, pivot: i32, parts: usize, errors: usize): void {
  let sum: f64 = 0
  let error: f64 = 0
  for (let i = pivot - 1; i >= first; i--) {
    const value = valueAt(values, i)
    error = compensation(value, sum, error)
    sum += value
    store<f64>(parts + (<usize>i << 3), sum)
    store<f64>(errors + (<usize>i << 3), error)
  }
}

/** The mean where a sum would overflow: from there on one that runs along. */
function runningMean(values: usize, first: i32, end: i32): f64 {
  let sum = valueAt(values, first)
  let error: f64 = 0
  let mean: f64 = 0
  let isRunning = false
  for (let i = first + 1; i < end; i++) {
    const value = valueAt(values, i)
    const number = <f64>(i - first + 1)
    if (!isRunning) {
      const total = sum + value
      if (abs(total) != Infinity) {
        error = compensation(value, sum, error)
        sum = total
        continue
      }
      isRunning = true
      mean = sum / (number - 1)
      error /= number - 1
    }
    const share = (number - 1) / number
    error = compensation(value / number, share * mean, share * error)
    mean = share * mean + value / number
  }
  const number = <f64>(end - first)
  return isRunning ? mean + error : sum / number + error / number
}

/** The least (`sign` -1) or greatest (1) values of the windows, as `sumWindows`; NaN only where there is nothing else. `parts` has room for an f64 per sample. */
export function extremeWindows(values: usize, length: i32, from: usize, to: usize, count: i32, sign: f64, parts: usize, out: usize, present: usize): void {
  const reuses = isWorthReuse(from, to, count, length)
  let pivot = 0
  let reached = 0
  let best: f64 = NaN
  for (let step = 0; step < count; step++) {
    const first = indexAt(from, step)
    const end = indexAt(to, step)
    if (end == first) continue
    if (!reuses || first >= pivot) {
      pivot = reuses ? end : first
      reached = pivot
      best = NaN
      if (reuses) {
        for (let i = pivot - 1; i >= first; i--) {
          best = better(valueAt(values, i), best, sign)
          store<f64>(parts + (<usize>i << 3), best)
        }
        best = NaN
      }
    }
    for (; reached < end; reached++) best = better(best, valueAt(values, reached), sign)
    store<f64>(out + (<usize>step << 3), first < pivot ? better(valueAt(parts, first), best, sign) : best)
    store<u8>(present + <usize>step, 1)
  }
}

/** The earlier one, `a`, of equals, as 0 and -0 are. */
// @ts-ignore: decorator
@inline
function better(a: f64, b: f64, sign: f64): f64 {
  return select<f64>(b, a, i32(b * sign > a * sign) | i32(a != a))
}
