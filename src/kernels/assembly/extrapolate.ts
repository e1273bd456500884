// `rate`, `increase`, `delta` and their instant forms over the windows of one series. What depends on the timestamps alone is
// prepared once for all series of a target; then a window costs a subtraction and a multiplication, unless a counter was reset
// in it or began at zero within the extrapolated part.
//
// Prepared, per step: { sampled seconds f64, seconds to the start f64, to the end f64, factor f64 }.

const PREPARED_SHIFT: usize = 5

/** `divisor` is 1 for a difference, the range in seconds for a rate per second. Window ends are `startMs + step * stepMs`. */
export function prepareExtrapolation(
  times: usize, from: usize, to: usize, count: i32, startMs: f64, stepMs: f64, rangeMs: f64, divisor: f64, out: usize,
): void {
  for (let step = 0; step < count; step++) {
    const first = load<i32>(from + (<usize>step << 2))
    const end = load<i32>(to + (<usize>step << 2))
    if (end - first < 2) continue
    const firstMs = load<f64>(times + (<usize>first << 3))
    const lastMs = load<f64>(times + (<usize>(end - 1) << 3))
    const endMs = startMs + <f64>step * stepMs
    const sampled = (lastMs - firstMs) / 1000
    const average = sampled / <f64>(end - first - 1)
    const threshold = average * 1.1
    let toStart = (firstMs - (endMs - rangeMs)) / 1000
    let toEnd = (endMs - lastMs) / 1000
    if (toStart >= threshold) toStart = average / 2
    if (toEnd >= threshold) toEnd = average / 2
    const prepared = out + (<usize>step << PREPARED_SHIFT)
    store<f64>(prepared, sampled)
    store<f64>(prepared, toStart, 8)
    store<f64>(prepared, toEnd, 16)
    store<f64>(prepared, (sampled == 0 ? 1 : (sampled + toStart + toEnd) / sampled) / divisor, 24)
  }
}

/**
 * The differences of last and first sample, stretched as prepared. `resets` has room for an i32 per sample. Sets values and
 * `present` (0 before) where a window has two samples; returns how many have.
 */
export function extrapolate(
  values: usize, length: i32, from: usize, to: usize, count: i32, prepared: usize, isCounter: i32, divisor: f64, resets: usize, out: usize, present: usize,
): i32 {
  const resetCount = isCounter ? findResets(values, length, resets) : 0
  let nextReset = 0
  let found = 0
  for (let step = 0; step < count; step++) {
    const first = load<i32>(from + (<usize>step << 2))
    const end = load<i32>(to + (<usize>step << 2))
    if (end - first < 2) continue
    const firstValue = load<f64>(values + (<usize>first << 3))
    let result = load<f64>(values + (<usize>(end - 1) << 3)) - firstValue
    const entry = prepared + (<usize>step << PREPARED_SHIFT)
    let factor = load<f64>(entry, 24)
    if (isCounter) {
      if (resetCount > 0) {
        while (nextReset < resetCount && load<i32>(resets + (<usize>nextReset << 2)) <= first) nextReset++
        for (let i = nextReset; i < resetCount; i++) {
          const at = load<i32>(resets + (<usize>i << 2))
          if (at >= end) break
          result += load<f64>(values + (<usize>(at - 1) << 3))
        }
      }
      const sampled = load<f64>(entry)
      // A counter cannot have been below zero: no further back than where it would have been zero.
      if (result > 0 && firstValue >= 0 && sampled * firstValue < load<f64>(entry, 8) * result) {
        const toZero = sampled * (firstValue / result)
        factor = (sampled == 0 ? 1 : (sampled + toZero + load<f64>(entry, 16)) / sampled) / divisor
      }
    }
    store<f64>(out + (<usize>step << 3), result * factor)
    store<u8>(present + <usize>step, 1)
    found++
  }
  return found
}

/** `irate` and `idelta`: the difference of a window's last two samples, for a rate by the seconds between them. `present` is 0 before. */
export function lastTwo(times: usize, values: usize, from: usize, to: usize, count: i32, isRate: i32, out: usize, present: usize): void {
  for (let step = 0; step < count; step++) {
    const end = load<i32>(to + (<usize>step << 2))
    if (end - load<i32>(from + (<usize>step << 2)) < 2) continue
    const at = <usize>(end - 1) << 3
    const last = load<f64>(values + at)
    const previous = load<f64>(values + at - 8)
    let result = last - previous
    if (isRate) {
      if (last < previous) result = last
      result /= (load<f64>(times + at) - load<f64>(times + at - 8)) / 1000
    }
    store<f64>(out + (<usize>step << 3), result)
    store<u8>(present + <usize>step, 1)
  }
}

/** Indexes of the samples that are smaller than the one before. */
function findResets(values: usize, length: i32, resets: usize): i32 {
  let count = 0
  let i = 1
  for (; i + 1 < length; i += 2) {
    const at = values + (<usize>i << 3)
    if (!v128.any_true(f64x2.lt(v128.load(at), v128.load(at - 8)))) continue
    if (load<f64>(at) < load<f64>(at - 8)) store<i32>(resets + (<usize>(count++) << 2), i)
    if (load<f64>(at, 8) < load<f64>(at)) store<i32>(resets + (<usize>(count++) << 2), i + 1)
  }
  if (i < length) {
    const at = values + (<usize>i << 3)
    if (load<f64>(at) < load<f64>(at - 8)) store<i32>(resets + (<usize>(count++) << 2), i)
  }
  return count
}
