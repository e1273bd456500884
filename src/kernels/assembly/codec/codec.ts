// The sample codec: timestamps and values of one series to one chunk and back, lossless to the bit. A chunk is two
// sections that stand alone, because all series of one target share their timestamps: a partition stores such a section
// once. Scratch and output are the caller's; decoding may read up to 8 bytes past the input and ignores them.
//
//   chunk    u8 version | u8 0 | u16 count | u32 timesLength | times section | values section
//   section  u32 checksum of the rest | u16 count | u8 kind | body
//
// Timestamps and values are both turned into integers (values as decimals, `v = x / 10^e`, or as their own 64 bits) and
// packed by the same integer column (integerColumn.ts). docs/data-format.md is the same for people who do not read this.

import { readVarint, varintEnd, writeVarint } from '../base/bytes'
import { encodeHistograms } from './histogramSection'
import { columnFirst, columnSlope, columnStep, decodeColumn, encodeColumn } from './integerColumn'
import { openSection, SECTION_HEADER_BYTES, sealSection } from './section'
import { decodeValues, encodeValues } from './values'

/** Version of the chunk's header. The sections belong to it: a change of either is a new version. */
const CHUNK_VERSION: u8 = 1
const CHUNK_HEADER_BYTES: usize = 8
const MAX_COUNT: i32 = 65535

/** Encodes `count` samples. Returns the length, or -1 when `outCapacity` or `count` is out of bounds. */
export function encodeChunk(timestampsPtr: usize, valuesPtr: usize, count: i32, outPtr: usize, outCapacity: i32, scratchPtr: usize): i32 {
  return encodeChunkOf<f64>(timestampsPtr, valuesPtr, count, outPtr, outCapacity, scratchPtr)
}

/** The same for timestamps that are doubles or integers. */
export function encodeChunkOf<T>(timestampsPtr: usize, valuesPtr: usize, count: i32, outPtr: usize, outCapacity: i32, scratchPtr: usize): i32 {
  if (count < 1 || count > MAX_COUNT || outCapacity < 24 * count + 256) return -1
  const timesPtr = outPtr + CHUNK_HEADER_BYTES
  const timesLength = encodeTimes<T>(timestampsPtr, count, timesPtr, scratchPtr)
  const valuesLength = encodeValues(valuesPtr, count, timesPtr + <usize>timesLength, scratchPtr)
  return writeHeader(outPtr, count, timesLength) + timesLength + valuesLength
}

function writeHeader(out: usize, count: i32, timesLength: i32): i32 {
  store<u8>(out, CHUNK_VERSION)
  store<u8>(out, 0, 1)
  store<u16>(out, <u16>count, 2)
  store<u32>(out, <u32>timesLength, 4)
  return <i32>CHUNK_HEADER_BYTES
}

/** The same for values among which are marks of an arena's rows; `work` as for `encodeHistograms`. -1 also when they are too many for a chunk. */
export function encodeHistogramChunk(timestampsPtr: usize, valuesPtr: usize, count: i32, arena: usize, outPtr: usize, outCapacity: i32, work: usize, scratchPtr: usize): i32 {
  if (count < 1 || count > MAX_COUNT || outCapacity < 24 * count + 256) return -1
  const timesPtr = outPtr + CHUNK_HEADER_BYTES
  const timesLength = encodeTimes<f64>(timestampsPtr, count, timesPtr, scratchPtr)
  const valuesAt = timesPtr + <usize>timesLength
  const valuesLength = encodeHistograms(valuesPtr, count, arena, valuesAt, <u32>(outPtr + outCapacity - valuesAt), work, scratchPtr)
  if (valuesLength < 0) return -1
  return writeHeader(outPtr, count, timesLength) + timesLength + valuesLength
}

/** Decodes a chunk. Returns the count, or -1 when it is damaged, of another version, or needs more room (`chunkRoom`) than `capacity`. */
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

/** How many samples a reader needs room for, at least the count; -1 when the headers cannot be right. */
export function chunkRoom(ptr: usize, length: i32): i32 {
  const count = chunkSampleCount(ptr, length)
  return count < 0 ? -1 : max(count, timesRoom(ptr + CHUNK_HEADER_BYTES, load<i32>(ptr, 4)))
}

/** Where the values section of a chunk begins that has been decoded. */
// @ts-ignore: decorator
@inline
export function valuesSection(ptr: usize): usize {
  return ptr + CHUNK_HEADER_BYTES + <usize>load<u32>(ptr, 4)
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

// Kinds of times sections.
const TIMES_COLUMN: u8 = 0
const TIMES_WITHIN: u8 = 1

/** Encodes timestamps (whole milliseconds, ascending) to a section. `out` needs 9 bytes a sample and 128 more. */
function encodeTimes<T>(timesPtr: usize, count: i32, out: usize, scratch: usize): i32 {
  const first = <i64>load<T>(timesPtr)
  // The line through the first and the last sample: a steady interval costs nothing, and jitter does not add up.
  let slope: i64 = 0
  if (count > 1) {
    const span = <i64>load<T>(timesPtr + (<usize>(count - 1) << 3)) - first
    slope = (span + <i64>((count - 1) >> 1)) / <i64>(count - 1)
  }
  const y = scratch
  let line = first
  for (let i = 0; i < count; i++) {
    const offset = <usize>i << 3
    store<i64>(y + offset, <i64>load<T>(timesPtr + offset) - line)
    line += slope
  }
  store<u16>(out, <u16>count, 4)
  store<u8>(out, TIMES_COLUMN, 6)
  return sealSection(out, encodeColumn(y, count, first, slope, out + SECTION_HEADER_BYTES, scratch + (<usize>count << 3)))
}

/** Own part of a section of times within others: header and the length of its ranges, u16. */
const WITHIN_HEADER_BYTES: usize = SECTION_HEADER_BYTES + 2

/**
 * Encodes timestamps that all occur among `baseCount` others, as those of a series that came later than the rest of its
 * target: how many of the others to leave out and to take, in turns. To decode it, the section of the others has to lie
 * behind it. Returns 0 when one of them does not occur or the result would not be below `capacity`.
 */
export function encodeTimesWithin(timesPtr: usize, count: i32, basePtr: usize, baseCount: i32, out: usize, capacity: i32): i32 {
  const limit = out + <usize>min(capacity, 65535) - 20
  let at = out + WITHIN_HEADER_BYTES
  let from = 0
  let i = 0
  while (i < count) {
    const time = load<f64>(timesPtr + (<usize>i << 3))
    let next = from
    while (next < baseCount && load<f64>(basePtr + (<usize>next << 3)) < time) next++
    let end = next
    while (i < count && end < baseCount && load<f64>(basePtr + (<usize>end << 3)) == load<f64>(timesPtr + (<usize>i << 3))) {
      i++
      end++
    }
    if (end == next || at > limit) return 0
    at = writeVarint(at, <u64>(next - from))
    at = writeVarint(at, <u64>(end - next))
    from = end
  }
  store<u16>(out, <u16>count, 4)
  store<u8>(out, TIMES_WITHIN, 6)
  store<u16>(out, <u16>(at - out - WITHIN_HEADER_BYTES), SECTION_HEADER_BYTES)
  return sealSection(out, at)
}

/** How many samples a reader of these times needs room for; -1 when the section cannot be right. */
export function timesRoom(section: usize, length: i32): i32 {
  if (length < <i32>WITHIN_HEADER_BYTES) return -1
  if (load<u8>(section, 6) != TIMES_WITHIN) return <i32>load<u16>(section, 4)
  const base = WITHIN_HEADER_BYTES + <usize>load<u16>(section, SECTION_HEADER_BYTES)
  return <usize>length < base + SECTION_HEADER_BYTES ? -1 : <i32>load<u16>(section + base, 4)
}

/** Decodes a section of timestamps into doubles. `capacity` is that of the others when they are times within others. Returns the count or -1. */
export function decodeTimes(section: usize, length: i32, out: usize, capacity: i32): i32 {
  if (length > <i32>WITHIN_HEADER_BYTES && load<u8>(section, 6) == TIMES_WITHIN) return decodeTimesWithin(section, length, out, capacity)
  const count = openSection(section, length, capacity)
  if (count < 0) return -1
  if (load<u8>(section, 6) != TIMES_COLUMN) return -1
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

function decodeTimesWithin(section: usize, length: i32, out: usize, capacity: i32): i32 {
  const ownLength = <i32>WITHIN_HEADER_BYTES + <i32>load<u16>(section, SECTION_HEADER_BYTES)
  if (ownLength >= length) return -1
  const count = openSection(section, ownLength, capacity)
  const base = section + <usize>ownLength
  if (count < 0 || length - ownLength < <i32>SECTION_HEADER_BYTES || load<u8>(base, 6) != TIMES_COLUMN) return -1
  const baseCount = decodeTimes(base, length - ownLength, out, capacity)
  if (baseCount < 0) return -1
  let at = section + WITHIN_HEADER_BYTES
  let from: u64 = 0
  let filled: u64 = 0
  while (at < base) {
    const second = varintEnd(at, base)
    const end: usize = second == 0 ? 0 : varintEnd(second, base)
    if (end == 0) return -1
    const skip = readVarint(at)
    const take = readVarint(second)
    if (skip > <u64>baseCount - from || take > <u64>baseCount - from - skip || take > <u64>count - filled) return -1
    from += skip
    memory.copy(out + (<usize>filled << 3), out + (<usize>from << 3), <usize>take << 3)
    from += take
    filled += take
    at = end
  }
  return filled == <u64>count ? count : -1
}
