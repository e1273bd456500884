// Aggregations over series, column by column: each kernel takes in one more series, two steps at a time where it has both.
// `seen` is a byte per step, 1 where anything came in.
// Sums are compensated (Kahan's, in Neumaier's form); sums start as -0, which adds nothing to any value.
//
// An accumulator is one piece of memory at a multiple of 8: columns of f64, then bytes per step.
//   sum                  sums | compensations | seen
//   mean                 sums | compensations | counts | running, seen
//   least, greatest      best | seen
//   count, group         counts | seen
//   variance, deviation  means | squares | counts | seen

const SUM: i32 = 1
const MEAN: i32 = 2
const LEAST: i32 = 3
const GREATEST: i32 = 4
const COUNT: i32 = 5
const VARIANCE: i32 = 6
/** 1 wherever anything is present. */
const GROUP: i32 = 7
/** The root of the variance. */
const DEVIATION: i32 = 8

// @ts-ignore: decorator
@inline
function hasVariance(operation: i32): bool {
  return operation == VARIANCE || operation == DEVIATION
}

/** Bytes of an accumulator for `count` steps, a multiple of 8. */
export function accumulatorBytes(operation: i32, count: i32): i32 {
  const columns = operation == SUM ? 2 : operation == MEAN || hasVariance(operation) ? 3 : 1
  return ((columns << 3) * count + (operation == MEAN ? 2 * count : count) + 7) & ~7
}

/** Makes an accumulator empty. */
export function beginAccumulator(operation: i32, count: i32, at: usize): void {
  const first: f64 = operation == SUM || operation == MEAN ? -0.0 : operation == LEAST || operation == GREATEST ? NaN : 0
  const two = f64x2.splat(first)
  let i = 0
  for (; i + 1 < count; i += 2) v128.store(at + (<usize>i << 3), two)
  if (i < count) store<f64>(at + (<usize>i << 3), first)
  const filled = <usize>count << 3
  memory.fill(at + filled, 0, <usize>accumulatorBytes(operation, count) - filled)
}

/** Takes in what `other` has gathered, of series that come after. */
export function mergeAccumulators(operation: i32, other: usize, count: i32, at: usize): void {
  const stride = <usize>count << 3
  if (operation == SUM) mergeSums(other, other + stride, other + 2 * stride, count, at, at + stride, at + 2 * stride)
  else if (operation == MEAN) mergeMeans(other, other + stride, other + 2 * stride, other + 3 * stride, count, at, at + stride, at + 2 * stride, at + 3 * stride)
  else if (operation == LEAST || operation == GREATEST) addColumn(operation, other, other + stride, count, at)
  else if (hasVariance(operation)) mergeVariances(other, other + stride, other + 2 * stride, count, at, at + stride, at + 2 * stride)
  else mergeCounts(other, other + stride, count, at, at + stride)
}

/** Once, at the end: makes the group's column in place. Returns where its values are; the flags are at `accumulatedFlags`. */
export function finishAccumulator(operation: i32, count: i32, at: usize): usize {
  const stride = <usize>count << 3
  const flags = accumulatedFlags(operation, count, at)
  if (operation == SUM) finishSums(count, at, at + stride)
  else if (operation == MEAN) finishMeans(count, at, at + stride, at + 2 * stride, at + 3 * stride, flags)
  else if (operation == GROUP) for (let i = 0; i < count; i++) store<f64>(at + (<usize>i << 3), 1)
  else if (hasVariance(operation)) {
    finishVariances(count, at + stride, at + 2 * stride, operation == DEVIATION, flags)
    return at + stride
  }
  return at
}

export function accumulatedFlags(operation: i32, count: i32, at: usize): usize {
  const stride = <usize>count << 3
  if (operation == SUM) return at + 2 * stride
  if (operation == MEAN) return at + 3 * stride + <usize>count
  return hasVariance(operation) ? at + 3 * stride : at + stride
}

/** Takes one more series into the accumulator at `at`. */
export function addColumn(operation: i32, values: usize, present: usize, count: i32, at: usize): void {
  const stride = <usize>count << 3
  if (operation == SUM) addToSums(values, present, count, at, at + stride, at + 2 * stride)
  else if (operation == MEAN) addToMeans(values, present, count, at, at + stride, at + 2 * stride, at + 3 * stride)
  else if (operation == LEAST) addToExtremes(values, present, count, -1, at, at + stride)
  else if (operation == GREATEST) addToExtremes(values, present, count, 1, at, at + stride)
  else if (hasVariance(operation)) addToVariances(values, present, count, at, at + stride, at + 2 * stride)
  else addToCounts(present, count, at, at + stride)
}

/** Where the flags of an accumulator begin that may be given its first series in place, nothing of it present yet; 0 for the others. */
export function flagsOfFirst(operation: i32, count: i32, at: usize): usize {
  const stride = <usize>count << 3
  if (operation == SUM) return at + 2 * stride
  return operation == LEAST || operation == GREATEST ? at + stride : 0
}

/** The error term after `value` was added to `sum`, as in query/values/kahan.ts. */
// @ts-ignore: decorator
@inline
export function compensation(value: f64, sum: f64, before: f64): f64 {
  const total = sum + value
  if (abs(total) == Infinity) return 0
  return abs(sum) >= abs(value) ? before + (sum - total + value) : before + (value - total + sum)
}

/** Whether a series has values at two steps. */
// @ts-ignore: decorator
@inline
function hasBoth(present: usize, i: i32): bool {
  return load<u16>(present + <usize>i) == 0x0101
}

/** Whether a series has values at eight steps. */
// @ts-ignore: decorator
@inline
function hasEight(present: usize, i: i32): bool {
  return load<u64>(present + <usize>i) == 0x0101010101010101
}

function addToSums(values: usize, present: usize, count: i32, sums: usize, compensations: usize, seen: usize): void {
  let i = 0
  while (i + 1 < count) {
    if (i + 7 < count && hasEight(present, i)) {
      const at = <usize>i << 3
      for (let pair: usize = at; pair < at + 64; pair += 16) addPairToSums(values + pair, sums + pair, compensations + pair)
      store<u64>(seen + <usize>i, 0x0101010101010101)
      i += 8
      continue
    }
    if (hasBoth(present, i)) {
      const at = <usize>i << 3
      addPairToSums(values + at, sums + at, compensations + at)
      store<u16>(seen + <usize>i, 0x0101)
    } else {
      addToSum(values, present, i, sums, compensations, seen)
      addToSum(values, present, i + 1, sums, compensations, seen)
    }
    i += 2
  }
  if (i < count) addToSum(values, present, i, sums, compensations, seen)
}

// @ts-ignore: decorator
@inline
function addPairToSums(values: usize, sums: usize, compensations: usize): void {
  const value = v128.load(values)
  const sum = v128.load(sums)
  const total = f64x2.add(sum, value)
  const isLarger = f64x2.ge(f64x2.abs(sum), f64x2.abs(value))
  const large = v128.bitselect(sum, value, isLarger)
  const small = v128.bitselect(value, sum, isLarger)
  const error = f64x2.add(v128.load(compensations), f64x2.add(f64x2.sub(large, total), small))
  v128.store(sums, total)
  v128.store(compensations, v128.andnot(error, f64x2.eq(f64x2.abs(total), f64x2.splat(Infinity))))
}

function addToSum(values: usize, present: usize, i: i32, sums: usize, compensations: usize, seen: usize): void {
  if (load<u8>(present + <usize>i) == 0) return
  const at = <usize>i << 3
  const value = load<f64>(values + at)
  const sum = load<f64>(sums + at)
  store<f64>(compensations + at, compensation(value, sum, load<f64>(compensations + at)))
  store<f64>(sums + at, sum + value)
  store<u8>(seen + <usize>i, 1)
}

/** Takes the sums of other series, as `addToSums` left them, into these. */
function mergeSums(otherSums: usize, otherCompensations: usize, otherSeen: usize, count: i32, sums: usize, compensations: usize, seen: usize): void {
  for (let i = 0; i < count; i++) {
    if (load<u8>(otherSeen + <usize>i) == 0) continue
    const at = <usize>i << 3
    const value = load<f64>(otherSums + at)
    const sum = load<f64>(sums + at)
    const error = load<f64>(compensations + at) + load<f64>(otherCompensations + at)
    store<f64>(compensations + at, compensation(value, sum, error))
    store<f64>(sums + at, sum + value)
    store<u8>(seen + <usize>i, 1)
  }
}

/** Adds the compensations, which ends the sums. */
function finishSums(count: i32, sums: usize, compensations: usize): void {
  for (let i = 0; i < count; i++) {
    const at = <usize>i << 3
    store<f64>(sums + at, load<f64>(sums + at) + load<f64>(compensations + at))
  }
}

/** The sum to be divided by the count, until the sum would overflow; from there on, where `running` is 1, a running mean. Sums start as -0. */
function addToMeans(values: usize, present: usize, count: i32, sums: usize, compensations: usize, counts: usize, running: usize): void {
  const infinity = f64x2.splat(Infinity)
  const one = f64x2.splat(1)
  let i = 0
  for (; i + 1 < count; i += 2) {
    const at = <usize>i << 3
    const value = v128.load(values + at)
    const sum = v128.load(sums + at)
    const total = f64x2.add(sum, value)
    if (!hasBoth(present, i) || load<u16>(running + <usize>i) != 0 || v128.any_true(f64x2.eq(f64x2.abs(total), infinity))) {
      addToMean(values, present, i, sums, compensations, counts, running)
      addToMean(values, present, i + 1, sums, compensations, counts, running)
      continue
    }
    const isLarger = f64x2.ge(f64x2.abs(sum), f64x2.abs(value))
    const large = v128.bitselect(sum, value, isLarger)
    const small = v128.bitselect(value, sum, isLarger)
    v128.store(compensations + at, f64x2.add(v128.load(compensations + at), f64x2.add(f64x2.sub(large, total), small)))
    v128.store(sums + at, total)
    v128.store(counts + at, f64x2.add(v128.load(counts + at), one))
  }
  if (i < count) addToMean(values, present, i, sums, compensations, counts, running)
}

function addToMean(values: usize, present: usize, i: i32, sums: usize, compensations: usize, counts: usize, running: usize): void {
  if (load<u8>(present + <usize>i) == 0) return
  const at = <usize>i << 3
  const value = load<f64>(values + at)
  const number = load<f64>(counts + at) + 1
  store<f64>(counts + at, number)
  if (number == 1) {
    store<f64>(sums + at, value)
    return
  }
  let before = load<f64>(sums + at)
  let error = load<f64>(compensations + at)
  if (load<u8>(running + <usize>i) == 0) {
    const total = before + value
    if (abs(total) != Infinity) {
      store<f64>(compensations + at, compensation(value, before, error))
      store<f64>(sums + at, total)
      return
    }
    store<u8>(running + <usize>i, 1)
    before /= number - 1
    error /= number - 1
  }
  const share = (number - 1) / number
  store<f64>(compensations + at, compensation(value / number, share * before, share * error))
  store<f64>(sums + at, share * before + value / number)
}

/** Takes the means of other series, as `addToMeans` left them, into these. */
function mergeMeans(
  otherSums: usize, otherCompensations: usize, otherCounts: usize, otherRunning: usize,
  count: i32, sums: usize, compensations: usize, counts: usize, running: usize,
): void {
  for (let i = 0; i < count; i++) {
    const at = <usize>i << 3
    const added = load<f64>(otherCounts + at)
    if (added == 0) continue
    const before = load<f64>(counts + at)
    let value = load<f64>(otherSums + at)
    let valueError = load<f64>(otherCompensations + at)
    let sum = load<f64>(sums + at)
    let error = load<f64>(compensations + at)
    const number = before + added
    store<f64>(counts + at, number)
    if (before == 0) {
      store<f64>(sums + at, value)
      store<f64>(compensations + at, valueError)
      store<u8>(running + <usize>i, load<u8>(otherRunning + <usize>i))
      continue
    }
    const isRunning = load<u8>(running + <usize>i) == 1
    const isOtherRunning = load<u8>(otherRunning + <usize>i) == 1
    if (!isRunning && !isOtherRunning && abs(sum + value) != Infinity) {
      store<f64>(compensations + at, compensation(value, sum, error + valueError))
      store<f64>(sums + at, sum + value)
      continue
    }
    // Both as means, each with its share.
    const share = before / number
    const otherShare = added / number
    const divisor: f64 = isRunning ? 1 : before
    const otherDivisor: f64 = isOtherRunning ? 1 : added
    sum = (sum / divisor) * share
    error = (error / divisor) * share
    value = (value / otherDivisor) * otherShare
    valueError = (valueError / otherDivisor) * otherShare
    store<u8>(running + <usize>i, 1)
    store<f64>(compensations + at, compensation(value, sum, error + valueError))
    store<f64>(sums + at, sum + value)
  }
}

/** The means to `sums`; sets `seen`. */
function finishMeans(count: i32, sums: usize, compensations: usize, counts: usize, running: usize, seen: usize): void {
  for (let i = 0; i < count; i++) {
    const at = <usize>i << 3
    const number = load<f64>(counts + at)
    if (number == 0) continue
    store<u8>(seen + <usize>i, 1)
    const divisor: f64 = load<u8>(running + <usize>i) == 1 ? 1 : number
    store<f64>(sums + at, load<f64>(sums + at) / divisor + load<f64>(compensations + at) / divisor)
  }
}

/** The largest value so far (`sign` 1) or the smallest (-1); NaN only where there is nothing else. `best` starts as NaN. */
function addToExtremes(values: usize, present: usize, count: i32, sign: f64, best: usize, seen: usize): void {
  const signs = f64x2.splat(sign)
  let i = 0
  for (; i + 1 < count; i += 2) {
    if (!hasBoth(present, i)) {
      addToExtreme(values, present, i, sign, best, seen)
      addToExtreme(values, present, i + 1, sign, best, seen)
      continue
    }
    const at = <usize>i << 3
    const value = v128.load(values + at)
    const before = v128.load(best + at)
    const takes = v128.or(f64x2.gt(f64x2.mul(value, signs), f64x2.mul(before, signs)), f64x2.ne(before, before))
    v128.store(best + at, v128.bitselect(value, before, takes))
    store<u16>(seen + <usize>i, 0x0101)
  }
  if (i < count) addToExtreme(values, present, i, sign, best, seen)
}

function addToExtreme(values: usize, present: usize, i: i32, sign: f64, best: usize, seen: usize): void {
  if (load<u8>(present + <usize>i) == 0) return
  const at = <usize>i << 3
  const value = load<f64>(values + at)
  const before = load<f64>(best + at)
  if (value * sign > before * sign || before != before) store<f64>(best + at, value)
  store<u8>(seen + <usize>i, 1)
}

/** Adds 1 where the series is present. */
function addToCounts(present: usize, count: i32, counts: usize, seen: usize): void {
  for (let i = 0; i < count; i++) {
    const one = load<u8>(present + <usize>i)
    store<f64>(counts + (<usize>i << 3), load<f64>(counts + (<usize>i << 3)) + <f64>one)
    store<u8>(seen + <usize>i, load<u8>(seen + <usize>i) | one)
  }
}

/** Adds the counts of other series. */
function mergeCounts(otherCounts: usize, otherSeen: usize, count: i32, counts: usize, seen: usize): void {
  for (let i = 0; i < count; i++) {
    const at = <usize>i << 3
    store<f64>(counts + at, load<f64>(counts + at) + load<f64>(otherCounts + at))
    store<u8>(seen + <usize>i, load<u8>(seen + <usize>i) | load<u8>(otherSeen + <usize>i))
  }
}

/** Welford's running variance; an infinite or missing value makes it NaN. `squares` are those of the distances to the mean, added. */
function addToVariances(values: usize, present: usize, count: i32, means: usize, squares: usize, counts: usize): void {
  for (let i = 0; i < count; i++) {
    if (load<u8>(present + <usize>i) == 0) continue
    const at = <usize>i << 3
    const value = load<f64>(values + at)
    const number = load<f64>(counts + at) + 1
    store<f64>(counts + at, number)
    if (number == 1) {
      store<f64>(means + at, value)
      store<f64>(squares + at, isFinite(value) ? 0 : NaN)
      continue
    }
    const before = load<f64>(means + at)
    const delta = value - before
    const mean = before + delta / number
    store<f64>(means + at, mean)
    store<f64>(squares + at, load<f64>(squares + at) + delta * (value - mean))
  }
}

/** Takes the variances of other series into these (Chan's formula). */
function mergeVariances(otherMeans: usize, otherSquares: usize, otherCounts: usize, count: i32, means: usize, squares: usize, counts: usize): void {
  for (let i = 0; i < count; i++) {
    const at = <usize>i << 3
    const added = load<f64>(otherCounts + at)
    if (added == 0) continue
    const before = load<f64>(counts + at)
    const number = before + added
    const mean = load<f64>(means + at)
    const delta = load<f64>(otherMeans + at) - mean
    store<f64>(counts + at, number)
    if (before == 0) {
      store<f64>(means + at, load<f64>(otherMeans + at))
      store<f64>(squares + at, load<f64>(otherSquares + at))
      continue
    }
    store<f64>(means + at, mean + delta * (added / number))
    store<f64>(squares + at, load<f64>(squares + at) + load<f64>(otherSquares + at) + delta * delta * ((before * added) / number))
  }
}

/** The variances to `squares`, or their roots; sets `seen`. */
function finishVariances(count: i32, squares: usize, counts: usize, isRoot: bool, seen: usize): void {
  for (let i = 0; i < count; i++) {
    const at = <usize>i << 3
    const number = load<f64>(counts + at)
    if (number == 0) continue
    const variance = load<f64>(squares + at) / number
    store<f64>(squares + at, isRoot ? sqrt(variance) : variance)
    store<u8>(seen + <usize>i, 1)
  }
}
