// From the samples of one series to what a query sees of them at its steps: the windows of a range selector or of the
// lookback, and the newest sample in each. Columns are arrays of f64 or, for window bounds, i32, in the caller's scratch;
// `present` is a byte per step.

const STALE_MARKER: u64 = 0x7ff0000000000002

/** Whether two columns hold the same bits. */
export function sameColumn(a: usize, b: usize, length: i32): bool {
  const end = a + (<usize>length << 3)
  while (a + 64 <= end) {
    const four = v128.or(v128.xor(v128.load(a), v128.load(b)), v128.xor(v128.load(a, 16), v128.load(b, 16)))
    if (v128.any_true(v128.or(four, v128.or(v128.xor(v128.load(a, 32), v128.load(b, 32)), v128.xor(v128.load(a, 48), v128.load(b, 48)))))) return false
    a += 64
    b += 64
  }
  while (a + 16 <= end) {
    if (v128.any_true(v128.xor(v128.load(a), v128.load(b)))) return false
    a += 16
    b += 16
  }
  return a == end || load<u64>(a) == load<u64>(b)
}

/** For each of `count` times the window (time - width, time] as sample indexes [from, to). Returns the samples over all windows. */
export function slideWindows(times: usize, length: i32, startMs: f64, stepMs: f64, count: i32, widthMs: f64, from: usize, to: usize): f64 {
  let first = 0
  let next = 0
  let total: i64 = 0
  for (let step = 0; step < count; step++) {
    const timeMs = startMs + <f64>step * stepMs
    while (next < length && load<f64>(times + (<usize>next << 3)) <= timeMs) next++
    const afterMs = timeMs - widthMs
    while (first < next && load<f64>(times + (<usize>first << 3)) <= afterMs) first++
    store<i32>(from + (<usize>step << 2), first)
    store<i32>(to + (<usize>step << 2), next)
    total += next - first
  }
  return <f64>total
}

/** Index of the first staleness marker, `length` when there is none. */
export function firstStale(values: usize, length: i32): i32 {
  const marker = i64x2.splat(<i64>STALE_MARKER)
  let i = 0
  for (; i + 7 < length; i += 8) {
    const at = values + (<usize>i << 3)
    const four = v128.or(i64x2.eq(v128.load(at), marker), i64x2.eq(v128.load(at, 16), marker))
    if (v128.any_true(v128.or(four, v128.or(i64x2.eq(v128.load(at, 32), marker), i64x2.eq(v128.load(at, 48), marker))))) break
  }
  for (; i < length; i++) if (load<u64>(values + (<usize>i << 3)) == STALE_MARKER) return i
  return length
}

/** The newest sample in each window, unless it is a staleness marker, to `out`. `present` is 0 before. Returns how many are present. */
export function takeNewest(values: usize, from: usize, to: usize, count: i32, out: usize, present: usize): i32 {
  let found = 0
  for (let step = 0; step < count; step++) {
    const next = load<i32>(to + (<usize>step << 2))
    if (next == load<i32>(from + (<usize>step << 2))) continue
    const bits = load<u64>(values + (<usize>(next - 1) << 3))
    if (bits == STALE_MARKER) continue
    store<u64>(out + (<usize>step << 3), bits)
    store<u8>(present + <usize>step, 1)
    found++
  }
  return found
}

/** How many of the bytes, each 0 or 1, are 1. */
export function countFlags(flags: usize, count: i32): i32 {
  let sum = i64x2.splat(0)
  let i = 0
  for (; i + 15 < count; i += 16) {
    const pairs = i16x8.extadd_pairwise_i8x16_u(v128.load(flags + <usize>i))
    sum = i32x4.add(sum, i32x4.extadd_pairwise_i16x8_u(pairs))
  }
  let total = i32x4.extract_lane(sum, 0) + i32x4.extract_lane(sum, 1) + i32x4.extract_lane(sum, 2) + i32x4.extract_lane(sum, 3)
  for (; i < count; i++) total += <i32>load<u8>(flags + <usize>i)
  return total
}
