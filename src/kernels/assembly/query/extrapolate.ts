// `rate`, `increase`, `delta` and their instant forms over the windows of one series. What depends on the timestamps alone is
// prepared once for all series of a target; then a window costs a subtraction and a multiplication, unless a counter was reset
// in it or began at zero within the extrapolated part. Steps are looked at in blocks: where windows go on by the same number of
// samples from step to step, and one comparison says that a counter neither was reset nor began, there is nothing to decide per step.
//
// Prepared: a factor f64 per step, then per step { sampled seconds f64, seconds to the start f64, to the end f64 }, then per block
// { greatest share of the seconds to the start in the sampled ones f64, samples from one window to the next i32, 0 i32 }.

const BLOCK_STEPS: i32 = 32
const DETAIL_BYTES: usize = 24
const BLOCK_BYTES: usize = 16
/** In place of a number of samples: the windows do not go on evenly, or some have less than two samples. */
const UNEVEN: i32 = -1
/** So much greater, relatively, that rounding cannot turn a comparison round. */
const MARGIN: f64 = 1 + 1e-9

// @ts-ignore: decorator
@inline
function detailsOf(prepared: usize, count: i32, step: i32): usize {
  return prepared + (<usize>count << 3) + <usize>step * DETAIL_BYTES
}

// @ts-ignore: decorator
@inline
function blockOf(prepared: usize, count: i32, step: i32): usize {
  return prepared + <usize>count * (8 + DETAIL_BYTES) + <usize>(step / BLOCK_STEPS) * BLOCK_BYTES
}

// @ts-ignore: decorator
@inline
function indexAt(indexes: usize, step: i32): i32 {
  return load<i32>(indexes + (<usize>step << 2))
}

/** Bytes that `prepareExtrapolation` needs for `count` steps. */
export function extrapolationBytes(count: i32): i32 {
  return <i32>blockOf(0, count, count + BLOCK_STEPS - 1)
}

/** `divisor` is 1 for a difference, the range in seconds for a rate per second. Window ends are `startMs + step * stepMs`. */
export function prepareExtrapolation(
  times: usize, from: usize, to: usize, count: i32, startMs: f64, stepMs: f64, rangeMs: f64, divisor: f64, out: usize,
): void {
  // Scrapes are mostly as regular as steps are: then windows are like the one before, of which nothing has to be divided again.
  let samples = 0
  let sampledMs: f64 = 0
  let toStartMs: f64 = 0
  let toEndMs: f64 = 0
  let factor: f64 = 0
  let sampled: f64 = 0
  let toStart: f64 = 0
  let toEnd: f64 = 0
  let share: f64 = 0
  for (let begin = 0; begin < count; begin += BLOCK_STEPS) {
    const blockEnd = min(begin + BLOCK_STEPS, count)
    let stride = begin + 1 < blockEnd ? indexAt(from, begin + 1) - indexAt(from, begin) : 0
    let greatestShare: f64 = 0
    for (let step = begin; step < blockEnd; step++) {
      const first = indexAt(from, step)
      const end = indexAt(to, step)
      if (step > begin && (first - indexAt(from, step - 1) != stride || end - indexAt(to, step - 1) != stride)) stride = UNEVEN
      if (end - first < 2) {
        stride = UNEVEN
        continue
      }
      const firstMs = load<f64>(times + (<usize>first << 3))
      const lastMs = load<f64>(times + (<usize>(end - 1) << 3))
      const endMs = startMs + <f64>step * stepMs
      if (end - first != samples || lastMs - firstMs != sampledMs || firstMs - (endMs - rangeMs) != toStartMs || endMs - lastMs != toEndMs) {
        samples = end - first
        sampledMs = lastMs - firstMs
        toStartMs = firstMs - (endMs - rangeMs)
        toEndMs = endMs - lastMs
        sampled = sampledMs / 1000
        toStart = toStartMs / 1000
        toEnd = toEndMs / 1000
        const average = sampled / <f64>(samples - 1)
        const threshold = average * 1.1
        if (toStart >= threshold) toStart = average / 2
        if (toEnd >= threshold) toEnd = average / 2
        factor = (sampled == 0 ? 1 : (sampled + toStart + toEnd) / sampled) / divisor
        share = toStart / sampled
      }
      store<f64>(out + (<usize>step << 3), factor)
      const details = detailsOf(out, count, step)
      store<f64>(details, sampled)
      store<f64>(details, toStart, 8)
      store<f64>(details, toEnd, 16)
      greatestShare = max(greatestShare, share)
    }
    const block = blockOf(out, count, begin)
    store<f64>(block, greatestShare * MARGIN)
    store<i32>(block, stride, 8)
  }
}

/**
 * The differences of last and first sample, stretched as prepared. `breaks` has room for an i32 per sample. Sets values and
 * `present` (0 before) where a window has two samples; returns how many have.
 */
export function extrapolate(
  values: usize, length: i32, from: usize, to: usize, count: i32, prepared: usize, isCounter: i32, divisor: f64, breaks: usize, out: usize, present: usize,
): i32 {
  const breakCount = isCounter ? findBreaks(values, length, breaks) : 0
  let nextBreak = 0
  let found = 0
  for (let begin = 0; begin < count; begin += BLOCK_STEPS) {
    const blockEnd = min(begin + BLOCK_STEPS, count)
    const block = blockOf(prepared, count, begin)
    const stride = load<i32>(block, 8)
    const first = indexAt(from, begin)
    while (nextBreak < breakCount && indexAt(breaks, nextBreak) <= first) nextBreak++
    if (stride != UNEVEN) {
      const end = indexAt(to, blockEnd - 1)
      const ascends = nextBreak == breakCount || indexAt(breaks, nextBreak) >= end
      const least = load<f64>(values + (<usize>first << 3))
      const most = load<f64>(values + (<usize>(end - 1) << 3))
      if (!isCounter || (ascends && least >= load<f64>(block) * (most - least))) {
        const last = indexAt(to, begin) - 1
        stretchEvenly(values + (<usize>first << 3), values + (<usize>last << 3), stride, prepared + (<usize>begin << 3), blockEnd - begin, out + (<usize>begin << 3))
        markPresent(present + <usize>begin, blockEnd - begin)
        found += blockEnd - begin
        continue
      }
    }
    let windowBreak = nextBreak
    for (let step = begin; step < blockEnd; step++) {
      const first = indexAt(from, step)
      const end = indexAt(to, step)
      if (end - first < 2) continue
      const firstValue = load<f64>(values + (<usize>first << 3))
      let result = load<f64>(values + (<usize>(end - 1) << 3)) - firstValue
      let factor = load<f64>(prepared + (<usize>step << 3))
      if (isCounter) {
        while (windowBreak < breakCount && indexAt(breaks, windowBreak) <= first) windowBreak++
        for (let i = windowBreak; i < breakCount && indexAt(breaks, i) < end; i++) {
          const at = values + (<usize>indexAt(breaks, i) << 3)
          const before = load<f64>(at - 8)
          if (load<f64>(at) < before) result += before
        }
        const details = detailsOf(prepared, count, step)
        const sampled = load<f64>(details)
        // A counter cannot have been below zero: no further back than where it would have been zero.
        if (result > 0 && firstValue >= 0 && sampled * firstValue < load<f64>(details, 8) * result) {
          const toZero = sampled * (firstValue / result)
          factor = (sampled == 0 ? 1 : (sampled + toZero + load<f64>(details, 16)) / sampled) / divisor
        }
      }
      store<f64>(out + (<usize>step << 3), result * factor)
      store<u8>(present + <usize>step, 1)
      found++
    }
  }
  return found
}

/** `memory.fill` takes as long as all the rest of a block. */
// @ts-ignore: decorator
@inline
function markPresent(present: usize, count: i32): void {
  if (count == BLOCK_STEPS) {
    v128.store(present, i8x16.splat(1))
    v128.store(present, i8x16.splat(1), 16)
  } else {
    for (let i = 0; i < count; i++) store<u8>(present + <usize>i, 1)
  }
}

/** `first` and `last` of the windows of `count` steps are `stride` samples further at each. */
function stretchEvenly(first: usize, last: usize, stride: i32, factors: usize, count: i32, out: usize): void {
  let i = 0
  if (stride == 1) {
    for (; i + 1 < count; i += 2) {
      const at = <usize>i << 3
      v128.store(out + at, f64x2.mul(f64x2.sub(v128.load(last + at), v128.load(first + at)), v128.load(factors + at)))
    }
  }
  for (; i < count; i++) {
    const at = <usize>(i * stride) << 3
    store<f64>(out + (<usize>i << 3), (load<f64>(last + at) - load<f64>(first + at)) * load<f64>(factors + (<usize>i << 3)))
  }
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

/** Indexes of the samples that are not at least as large as the one before: resets, and what is next to a NaN. */
function findBreaks(values: usize, length: i32, breaks: usize): i32 {
  let count = 0
  let i = 1
  for (; i + 7 < length; i += 8) {
    const at = values + (<usize>i << 3)
    const four = v128.and(notBelowBefore(at), notBelowBefore(at + 16))
    if (i64x2.all_true(v128.and(four, v128.and(notBelowBefore(at + 32), notBelowBefore(at + 48))))) continue
    for (let k = i; k < i + 8; k++) if (isBreak(values, k)) store<i32>(breaks + (<usize>(count++) << 2), k)
  }
  for (; i < length; i++) if (isBreak(values, i)) store<i32>(breaks + (<usize>(count++) << 2), i)
  return count
}

// @ts-ignore: decorator
@inline
function notBelowBefore(at: usize): v128 {
  return f64x2.ge(v128.load(at), v128.load(at - 8))
}

// @ts-ignore: decorator
@inline
function isBreak(values: usize, i: i32): bool {
  const at = values + (<usize>i << 3)
  return !(load<f64>(at) >= load<f64>(at - 8))
}
