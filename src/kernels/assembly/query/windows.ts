// From the samples of one series to what a query sees of them at its steps: the windows of a range selector or of the
// lookback, and the newest sample in each. Columns are arrays of f64 or, for window bounds, i32, in the caller's scratch;
// `present` is a byte per step.
//
// Series of one target are scraped together and have the same timestamps, so that windows are kept for those to come.
// Kept windows: { start f64, step f64, width f64, steps u32, samples that a slot has room for u32, slots u32, of these in use u32,
//   next slot to be overwritten u32, slot used last u32 or 0, slides u32, most slots that there may be u32 }, then the slots:
//   { mark f64, samples over all windows f64, divisor that the extrapolation is prepared for f64 or 0, times u32, from u32, to u32,
//   extrapolation u32 or 0, samples u32, number of the slide u32 }

import { extrapolationBytes, prepareExtrapolation } from './extrapolate'

const STALE_MARKER: u64 = 0x7ff0000000000002

const W_START: usize = 0
const W_STEP: usize = 8
const W_WIDTH: usize = 16
export const W_STEPS: usize = 24
const W_ROOM: usize = 28
const W_SLOTS: usize = 32
const W_USED: usize = 36
const W_NEXT: usize = 40
const W_CURRENT: usize = 44
const W_SLIDES: usize = 48
const W_MOST: usize = 52
const WINDOWS_HEADER: usize = 56

const K_MARK: usize = 0
export const K_TOTAL: usize = 8
const K_DIVISOR: usize = 16
const K_TIMES: usize = 24
export const K_FROM: usize = 28
export const K_TO: usize = 32
const K_EXTRAPOLATION: usize = 36
const K_SAMPLES: usize = 40
const K_SLIDE: usize = 44
const SLOT_BYTES: usize = 48

/** The slot with the windows over a column of timestamps; 0 when it takes a new slot, or one with more room, to slide them. */
export function windowsOver(windows: usize, times: usize, length: i32): usize {
  const current: usize = load<u32>(windows, W_CURRENT)
  if (current != 0 && isOver(current, times, length)) return current
  const mark = markOf(times, length)
  const slots = windows + WINDOWS_HEADER
  const used = load<u32>(windows, W_USED)
  for (let slot = slots; slot < slots + <usize>used * SLOT_BYTES; slot += SLOT_BYTES) {
    if (load<f64>(slot, K_MARK) != mark || !isOver(slot, times, length)) continue
    store<u32>(windows, <u32>slot, W_CURRENT)
    return slot
  }
  let next = load<u32>(windows, W_NEXT)
  const slotCount = load<u32>(windows, W_SLOTS)
  if (length > load<i32>(windows, W_ROOM)) return 0
  if (next == slotCount) {
    if (slotCount < load<u32>(windows, W_MOST)) return 0
    next = 0
  }
  const slot = slots + <usize>next * SLOT_BYTES
  const slides = load<u32>(windows, W_SLIDES) + 1
  const kept: usize = load<u32>(slot, K_TIMES)
  memory.copy(kept, times, <usize>length << 3)
  const total = slideWindows(times, length, load<f64>(windows, W_START), load<f64>(windows, W_STEP), load<i32>(windows, W_STEPS), load<f64>(windows, W_WIDTH), load<u32>(slot, K_FROM), load<u32>(slot, K_TO))
  store<f64>(slot, mark, K_MARK)
  store<f64>(slot, total, K_TOTAL)
  store<f64>(slot, 0, K_DIVISOR)
  store<i32>(slot, length, K_SAMPLES)
  store<u32>(slot, slides, K_SLIDE)
  store<u32>(windows, slides, W_SLIDES)
  store<u32>(windows, max(used, next + 1), W_USED)
  store<u32>(windows, next + 1, W_NEXT)
  store<u32>(windows, <u32>slot, W_CURRENT)
  return slot
}

/** Bytes of windows with one slot, whose columns are of `count` steps, for series of up to `room` samples. */
export function windowsBytes(count: i32, room: i32, extrapolates: bool): i32 {
  return <i32>(WINDOWS_HEADER + SLOT_BYTES) + (room << 3) + (((count + 1) & ~1) << 3) + (extrapolates ? extrapolationBytes(count) : 0)
}

/** Makes windows in so many bytes at `windows`, a multiple of 8. */
export function openWindows(windows: usize, startMs: f64, stepMs: f64, count: i32, widthMs: f64, room: i32, extrapolates: bool): void {
  memory.fill(windows, 0, WINDOWS_HEADER + SLOT_BYTES)
  store<f64>(windows, startMs, W_START)
  store<f64>(windows, stepMs, W_STEP)
  store<f64>(windows, widthMs, W_WIDTH)
  store<i32>(windows, count, W_STEPS)
  store<i32>(windows, room, W_ROOM)
  store<u32>(windows, 1, W_SLOTS)
  store<u32>(windows, 1, W_MOST)
  const slot = windows + WINDOWS_HEADER
  const times = slot + SLOT_BYTES
  const from = times + (<usize>room << 3)
  const to = from + (<usize>((count + 1) & ~1) << 2)
  store<u32>(slot, <u32>times, K_TIMES)
  store<u32>(slot, <u32>from, K_FROM)
  store<u32>(slot, <u32>to, K_TO)
  if (extrapolates) store<u32>(slot, <u32>(to + (<usize>((count + 1) & ~1) << 2)), K_EXTRAPOLATION)
}

/** What the windows of a slot have prepared for `rate` and the like, for windows that reach as far back as they are wide. */
export function extrapolationOf(windows: usize, slot: usize, divisor: f64): usize {
  const prepared: usize = load<u32>(slot, K_EXTRAPOLATION)
  if (load<f64>(slot, K_DIVISOR) != divisor) {
    const step = load<f64>(windows, W_STEP)
    prepareExtrapolation(load<u32>(slot, K_TIMES), load<u32>(slot, K_FROM), load<u32>(slot, K_TO), load<i32>(windows, W_STEPS), load<f64>(windows, W_START), step, load<f64>(windows, W_WIDTH), divisor, prepared)
    store<f64>(slot, divisor, K_DIVISOR)
  }
  return prepared
}

// @ts-ignore: decorator
@inline
function isOver(slot: usize, times: usize, length: i32): bool {
  return load<i32>(slot, K_SAMPLES) == length && sameColumn(times, load<u32>(slot, K_TIMES), length)
}

/** A number that differs for most columns that differ. */
function markOf(times: usize, length: i32): f64 {
  if (length == 0) return 0
  return timeAt(times, 0) + 3 * timeAt(times, length >> 2) + 5 * timeAt(times, length >> 1) + 7 * timeAt(times, length - 1) + <f64>length
}

// @ts-ignore: decorator
@inline
function timeAt(times: usize, index: i32): f64 {
  return load<f64>(times + (<usize>index << 3))
}

/** Whether two columns hold the same bits. */
function sameColumn(a: usize, b: usize, length: i32): bool {
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
function slideWindows(times: usize, length: i32, startMs: f64, stepMs: f64, count: i32, widthMs: f64, from: usize, to: usize): f64 {
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

/** Moves the samples that are no staleness markers to the front, the first marker being at `stale`. Returns how many there are. */
export function removeStale(times: usize, values: usize, length: i32, stale: i32): i32 {
  let kept = stale
  for (let i = stale + 1; i < length; i++) {
    const bits = load<u64>(values + (<usize>i << 3))
    if (bits == STALE_MARKER) continue
    store<f64>(times + (<usize>kept << 3), timeAt(times, i))
    store<u64>(values + (<usize>kept << 3), bits)
    kept++
  }
  return kept
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
