// The sample codec: timestamps and values of one series to one chunk and back, lossless to the bit. A chunk is two
// sections that stand alone, because all series of one target share their timestamps: a partition stores such a section
// once. Scratch and output are the caller's; decoding may read up to 8 bytes past the input and ignores them.
//
//   chunk    u8 version | u8 0 | u16 count | u32 timesLength | times section | values section
//   section  u32 checksum of the rest | u16 count | u8 kind | body
//
// Timestamps and values are both turned into integers (values as decimals, `v = x / 10^e`, or as their own 64 bits) and
// packed by the same integer column (integerColumn.ts). docs/data-format.md is the same for people who do not read this.

import { columnFirst, columnSlope, columnStep, decodeColumn, encodeColumn } from './integerColumn'
import { openSection, SECTION_HEADER_BYTES, sealSection } from './section'
import { decodeValues, encodeValues } from './values'

/** Version of the chunk's header. The sections belong to it: a change of either is a new version. */
const CHUNK_VERSION: u8 = 1
const CHUNK_HEADER_BYTES: usize = 8
const MAX_COUNT: i32 = 65535

/** Encodes `count` samples. Returns the length, or -1 when `outCapacity` or `count` is out of bounds. */
export function encodeChunk(timestampsPtr: usize, valuesPtr: usize, count: i32, outPtr: usize, outCapacity: i32, scratchPtr: usize): i32 {
  if (count < 1 || count > MAX_COUNT || outCapacity < 24 * count + 256) return -1
  const timesPtr = outPtr + CHUNK_HEADER_BYTES
  const timesLength = encodeTimes(timestampsPtr, count, timesPtr, scratchPtr)
  const valuesLength = encodeValues(valuesPtr, count, timesPtr + <usize>timesLength, scratchPtr)
  store<u8>(outPtr, CHUNK_VERSION)
  store<u8>(outPtr, 0, 1)
  store<u16>(outPtr, <u16>count, 2)
  store<u32>(outPtr, <u32>timesLength, 4)
  return <i32>CHUNK_HEADER_BYTES + timesLength + valuesLength
}

/** Decodes a chunk. Returns the count, or -1 when it is damaged, of another version, or longer than `capacity`. */
export function decodeChunk(ptr: usize, length: i32, timestampsOutPtr: usize, valuesOutPtr: usize, capacity: i32): i32 {
  const count = chunkSampleCount(ptr, length)
  if (count < 0 || count > capacity) return -1
  const timesLength = load<i32>(ptr, 4)
  const timesPtr = ptr + CHUNK_HEADER_BYTES
  if (decodeTimes(timesPtr, timesLength, timestampsOutPtr, capacity) != count) return -1
  const valuesLength = length - <i32>CHUNK_HEADER_BYTES - timesLength
  if (decodeValues(timesPtr + <usize>timesLength, valuesLength, valuesOutPtr, capacity) != count) return -1
  return count
}

/** The count from the header alone; -1 when the header cannot be right. */
export function chunkSampleCount(ptr: usize, length: i32): i32 {
  if (length < <i32>(CHUNK_HEADER_BYTES + 2 * SECTION_HEADER_BYTES)) return -1
  if (load<u8>(ptr) != CHUNK_VERSION || load<u8>(ptr, 1) != 0) return -1
  const count = <i32>load<u16>(ptr, 2)
  const timesLength = load<u32>(ptr, 4)
  if (count == 0 || timesLength > <u32>(length - <i32>CHUNK_HEADER_BYTES)) return -1
  return count
}

/** Encodes timestamps (whole milliseconds as doubles, ascending) to a section. `out` needs 9 bytes a sample and 128 more. */
export function encodeTimes(timesPtr: usize, count: i32, out: usize, scratch: usize): i32 {
  const first = <i64>load<f64>(timesPtr)
  // The line through the first and the last sample: a steady interval costs nothing, and jitter does not add up.
  let slope: i64 = 0
  if (count > 1) {
    const span = <i64>load<f64>(timesPtr + (<usize>(count - 1) << 3)) - first
    slope = (span + <i64>((count - 1) >> 1)) / <i64>(count - 1)
  }
  const y = scratch
  let line = first
  for (let i = 0; i < count; i++) {
    const offset = <usize>i << 3
    store<i64>(y + offset, <i64>load<f64>(timesPtr + offset) - line)
    line += slope
  }
  store<u16>(out, <u16>count, 4)
  store<u8>(out, 0, 6)
  return sealSection(out, encodeColumn(y, count, first, slope, out + SECTION_HEADER_BYTES, scratch + (<usize>count << 3)))
}

/** Decodes a section of timestamps into doubles. Returns the count or -1. */
export function decodeTimes(section: usize, length: i32, out: usize, capacity: i32): i32 {
  const count = openSection(section, length, capacity)
  if (count < 0) return -1
  if (load<u8>(section, 6) != 0) return -1
  const end = section + <usize>length
  const column = section + SECTION_HEADER_BYTES
  if (decodeColumn(column, end, out, count) != end) return -1
  const step = columnStep(column)
  const slope = columnSlope(column)
  let line = columnFirst(column)
  for (let i = 0; i < count; i++) {
    const at = out + (<usize>i << 3)
    store<f64>(at, <f64>(line + step * load<i64>(at)))
    line += slope
  }
  return count
}

