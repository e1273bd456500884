// A native histogram as bytes that stand alone: in batches, in the log, and as the rows of the head that others count from.
// The same histogram has the same bytes, which therefore tell whether two are equal. Populated buckets only.
//
//   shape    zigzag varint schema, varint number of custom bounds, the bounds f64, zero threshold f64, then per side, the positive
//            one first: varint number of runs, per run zigzag varint (first index - the one after the run before), varint length
//   counts   sum f64, then a number each: count, zero bucket, the positive buckets, the negative ones
//   number   varint (whole number << 1) for those below 2^52; byte 1 and 8 bytes for all other doubles

import { readVarint, unzigzag, varintEnd, writeVarint, zigzag } from '../base/bytes'

const MAX_WHOLE: f64 = 4503599627370496 // 2^52
const RAW: u8 = 1
/** Buckets of one side, or custom bounds; no sender may have as many. */
export const MAX_SIDE: u64 = 16_384

// @ts-ignore: decorator
@inline
export function writeNumber(at: usize, bits: u64): usize {
  const value = reinterpret<f64>(bits)
  // The comparison of bits keeps -0 out.
  if (value >= 0 && value < MAX_WHOLE && reinterpret<u64>(<f64><i64>value) == bits) return writeVarint(at, <u64>value << 1)
  store<u8>(at, RAW)
  store<u64>(at, bits, 1)
  return at + 9
}

/** The double of the number at `at`. */
// @ts-ignore: decorator
@inline
export function readNumber(at: usize): f64 {
  return load<u8>(at) == RAW ? load<f64>(at, 1) : <f64>(readVarint(at) >> 1)
}

// @ts-ignore: decorator
@inline
export function afterNumber(at: usize): usize {
  return load<u8>(at) == RAW ? at + 9 : afterVarint(at)
}

// @ts-ignore: decorator
@inline
export function isWholeNumber(at: usize): bool {
  return load<u8>(at) != RAW
}

// @ts-ignore: decorator
@inline
export function afterVarint(at: usize): usize {
  while (load<u8>(at) >= 0x80) at++
  return at + 1
}

/** Writes a side: ascending indexes, i32 each, `stride` bytes apart. */
export function writeSide(at: usize, indexes: usize, count: u32, stride: usize): usize {
  let runs: u32 = 0
  for (let i: u32 = 0; i < count; i++) if (i == 0 || indexAt(indexes, i, stride) != indexAt(indexes, i - 1, stride) + 1) runs++
  at = writeVarint(at, runs)
  let next: i64 = 0
  for (let i: u32 = 0; i < count; ) {
    const first = indexAt(indexes, i, stride)
    let length: u32 = 1
    while (i + length < count && indexAt(indexes, i + length, stride) == first + <i64>length) length++
    at = writeVarint(writeVarint(at, zigzag(first - next)), length)
    next = first + <i64>length
    i += length
  }
  return at
}

// @ts-ignore: decorator
@inline
function indexAt(indexes: usize, i: u32, stride: usize): i64 {
  return <i64>load<i32>(indexes + <usize>i * stride)
}

/** The buckets of the side at `at`. */
export function sideLength(at: usize): u32 {
  let total: u32 = 0
  const runs = <u32>readVarint(at)
  at = afterVarint(at)
  for (let run: u32 = 0; run < runs; run++) {
    const lengthAt = afterVarint(at)
    total += <u32>readVarint(lengthAt)
    at = afterVarint(lengthAt)
  }
  return total
}

export function afterSide(at: usize): usize {
  const runs = <u32>readVarint(at)
  at = afterVarint(at)
  for (let run: u32 = 0; run < runs; run++) at = afterVarint(afterVarint(at))
  return at
}

/** Writes the indexes of the side at `at`, i32 each. Returns where they end. */
export function readSide(at: usize, out: usize): usize {
  const runs = <u32>readVarint(at)
  at = afterVarint(at)
  let next: i64 = 0
  for (let run: u32 = 0; run < runs; run++) {
    next += unzigzag(readVarint(at))
    at = afterVarint(at)
    for (let left = <u32>readVarint(at); left > 0; left--) {
      store<i32>(out, <i32>next)
      next++
      out += 4
    }
    at = afterVarint(at)
  }
  return out
}

/** The end of the side at `at`, 0 when it is damaged. */
export function checkedSide(at: usize, end: usize): usize {
  let next = varintEnd(at, end)
  if (next == 0) return 0
  const runs = readVarint(at)
  if (runs > MAX_SIDE) return 0
  at = next
  let index: i64 = 0
  let total: u64 = 0
  for (let run: u64 = 0; run < runs; run++) {
    const lengthAt = varintEnd(at, end)
    next = lengthAt == 0 ? 0 : varintEnd(lengthAt, end)
    if (next == 0) return 0
    const gap = unzigzag(readVarint(at))
    const length = readVarint(lengthAt)
    if (gap < -0x7fffffff || gap > 0xffffffff || (run > 0 && gap < 1) || length == 0 || length > MAX_SIDE) return 0
    index += gap + <i64>length
    total += length
    if (index - <i64>length < -0x7fffffff || index > 0x7fffffff || total > MAX_SIDE) return 0
    at = next
  }
  return at
}

/** Bytes of the shape of an image. */
export function shapeLength(image: usize): u32 {
  return <u32>(afterSide(afterSide(sidesOf(image))) - image)
}

/** Where the sides of an image's shape begin. */
// @ts-ignore: decorator
@inline
export function sidesOf(image: usize): usize {
  const bounds = afterVarint(image)
  return afterVarint(bounds) + (<usize>readVarint(bounds) << 3) + 8
}

/** All buckets of an image. */
export function bucketsOf(image: usize): u32 {
  const sides = sidesOf(image)
  return sideLength(sides) + sideLength(afterSide(sides))
}

/** The end of the image at `at`, 0 when it is damaged. */
export function checkedImage(at: usize, end: usize): usize {
  const bounds = varintEnd(at, end)
  const boundsAt: usize = bounds == 0 ? 0 : varintEnd(bounds, end)
  if (boundsAt == 0) return 0
  const schema = unzigzag(readVarint(at))
  const boundCount = readVarint(bounds)
  if (schema < -128 || schema > 127 || boundCount > MAX_SIDE || boundsAt + <usize>(boundCount << 3) + 8 > end) return 0
  const sides = boundsAt + <usize>(boundCount << 3) + 8
  const second = checkedSide(sides, end)
  let next: usize = second == 0 ? 0 : checkedSide(second, end)
  if (next == 0 || next + 8 > end) return 0
  next += 8
  for (let left = 2 + sideLength(sides) + sideLength(second); left > 0; left--) {
    const after: usize = next >= end ? 0 : load<u8>(next) == RAW ? next + 9 : varintEnd(next, end)
    if (after == 0 || after > end || (load<u8>(next) & 1) != 0 && load<u8>(next) != RAW) return 0
    next = after
  }
  return next
}

/** Bytes that an image of so many buckets and bounds takes at most. */
// @ts-ignore: decorator
@inline
export function imageBound(buckets: u32, bounds: u32): u32 {
  // An index of its own takes six bytes, a number nine.
  return 64 + buckets * 15 + (bounds << 3)
}
