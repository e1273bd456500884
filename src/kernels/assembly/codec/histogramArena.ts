// Histograms that have been decoded, in memory of whoever reads them: rows of doubles, and what the rows mean. A mark's place
// is that of its row; places are distances from the arena's beginning, so that it can be moved.
//
//   arena  { pointer u32, used u32, capacity u32, capacity needed u32 }
//   row    { shape u32, ROW u32, count f64, sum f64, zero bucket f64, buckets f64... }, those of the shape, which may count nothing
//   shape  { schema i32, custom bounds u32, zero threshold f64, positive buckets u32, negative buckets u32, bounds f64...,
//            indexes i32..., the positive ones first }, filled up to a multiple of 8 bytes

import { isMark, markPlace } from './histogramMark'

const A_USED: usize = 4
const A_CAPACITY: usize = 8
const A_NEEDED: usize = 12
/** No row is at the very beginning. */
export const ARENA_START: u32 = 8

export const ROW_COUNT: usize = 8
export const ROW_SUM: usize = 16
export const ROW_ZERO: usize = 24
export const ROW_HEADER: u32 = 32
/** Tells rows from what else may lie where a NaN from elsewhere seems to say. */
const ROW: u32 = 0x774f5221

export const SHAPE_BOUNDS: usize = 4
export const SHAPE_THRESHOLD: usize = 8
export const SHAPE_POSITIVE: usize = 16
export const SHAPE_NEGATIVE: usize = 20
export const SHAPE_HEADER: u32 = 24

/** Bytes of the arena itself, without what is in it. */
export const ARENA_BYTES: u32 = 16

export function openArena(arena: usize, pointer: usize, capacity: u32): void {
  store<u32>(arena, <u32>pointer)
  store<u32>(arena, capacity, A_CAPACITY)
  clearArena(arena)
}

export function clearArena(arena: usize): void {
  store<u32>(arena, ARENA_START, A_USED)
}

/** Whether anything was decoded. */
export function hasRows(arena: usize): bool {
  return load<u32>(arena, A_USED) > ARENA_START
}

/** Whether there is room for `bytes` more; if not, the arena says how much it needs. */
export function hasRoom(arena: usize, bytes: u64): bool {
  const needed = <u64>load<u32>(arena, A_USED) + bytes
  if (needed <= <u64>load<u32>(arena, A_CAPACITY)) return true
  store<u32>(arena, <u32>min<u64>(needed, u32.MAX_VALUE), A_NEEDED)
  return false
}

// @ts-ignore: decorator
@inline
export function shapeBytes(buckets: u32, bounds: u32): u32 {
  return SHAPE_HEADER + (bounds << 3) + (((buckets << 2) + 7) & ~7)
}

// @ts-ignore: decorator
@inline
export function rowBytes(buckets: u32): u32 {
  return ROW_HEADER + (buckets << 3)
}

/** Takes room that `hasRoom` has found. Returns the address. */
// @ts-ignore: decorator
@inline
export function take(arena: usize, bytes: u32): usize {
  const used = load<u32>(arena, A_USED)
  store<u32>(arena, used + bytes, A_USED)
  return <usize>load<u32>(arena) + <usize>used
}

/** A row of a shape, both by address. */
export function newRow(arena: usize, shape: usize): usize {
  const row = take(arena, rowBytes(shapeBuckets(shape)))
  store<u32>(row, placeOf(arena, shape))
  store<u32>(row, ROW, 4)
  return row
}

// @ts-ignore: decorator
@inline
export function placeOf(arena: usize, address: usize): u32 {
  return <u32>(address - load<u32>(arena))
}

// @ts-ignore: decorator
@inline
export function shapeBuckets(shape: usize): u32 {
  return load<u32>(shape, SHAPE_POSITIVE) + load<u32>(shape, SHAPE_NEGATIVE)
}

// @ts-ignore: decorator
@inline
export function shapeIndexes(shape: usize): usize {
  return shape + SHAPE_HEADER + (<usize>load<u32>(shape, SHAPE_BOUNDS) << 3)
}

/** The row that a value stands for, 0 when it is a number. */
// @ts-ignore: decorator
@inline
export function rowOf(arena: usize, bits: u64): usize {
  if (!isMark(bits)) return 0
  const place = markPlace(bits)
  const used = load<u32>(arena, A_USED)
  if (place < ARENA_START || (place & 7) != 0 || used < ROW_HEADER || place > used - ROW_HEADER) return 0
  const row = <usize>load<u32>(arena) + <usize>place
  return load<u32>(row, 4) == ROW ? row : 0
}

// @ts-ignore: decorator
@inline
export function shapeOf(arena: usize, row: usize): usize {
  return <usize>load<u32>(arena) + <usize>load<u32>(row)
}
