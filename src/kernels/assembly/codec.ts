// The sample codec: timestamps and values of one series to one chunk and back, lossless to the bit. A chunk is two
// sections that stand alone, because all series of one target share their timestamps: a partition stores such a section
// once. Scratch and output are the caller's; decoding may read up to 8 bytes past the input and ignores them.
//
//   chunk    u8 version | u8 0 | u16 count | u32 timesLength | times section | values section
//   section  u32 checksum of the rest | u16 count | u8 kind | body
//
// Timestamps and values are both turned into integers (values as decimals, `v = x / 10^e`, or as their own 64 bits) and
// packed by the same integer column (integerColumn.ts). docs/data-format.md is the same for people who do not read this.

import { readVarint, unzigzag, varintEnd, varintLength, writeVarint, zigzag } from './bytes'
import { COLUMN_WORK_BYTES, columnFirst, columnSlope, columnStep, decodeColumn, encodeColumn, fillWords } from './integerColumn'

/** Version of the chunk's header. The sections belong to it: a change of either is a new version. */
const CHUNK_VERSION: u8 = 1
const CHUNK_HEADER_BYTES: usize = 8
const SECTION_HEADER_BYTES: usize = 7
const MAX_COUNT: i32 = 65535

// Kinds of sections: the low five bits say how values became integers.
const KIND_EXPONENT_MASK: u8 = 31
const KIND_RAW_BITS: u8 = 31
const KIND_RUNS: u8 = 32
const KIND_EXCEPTIONS: u8 = 64
const MAX_EXPONENT: i32 = 22

/** Whole numbers below this are exact as doubles, with a margin for the rounding of the multiplication. */
const MAX_SCALED: f64 = 4503599627370496.0

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

/** Encodes values (doubles, moved as 64-bit words) to a section. `out` needs 9 bytes a sample and 128 more. */
export function encodeValues(valuesPtr: usize, count: i32, out: usize, scratch: usize): i32 {
  const column = scratch + SCALED_BYTES
  const marks = column + (<usize>count << 3) // positions of exceptions, u16 each
  const work = marks + (((<usize>count << 1) + 15) & ~15)
  const exponent = scaleValues(valuesPtr, count, column, marks, scratch)
  if (exponent < 0) return encodeRawBits(valuesPtr, count, out, scratch)
  const exceptionCount = load<i32>(scratch, SCALED_MARKS)
  let end = out + SECTION_HEADER_BYTES
  const isRuns = encodeIntegers(column, count, load<i32>(scratch, SCALED_RUNS), end, work)
  end = load<u32>(work)
  if (exceptionCount > 0) end = writeExceptions(valuesPtr, marks, exceptionCount, end)
  const kind = <u8>exponent | (isRuns ? KIND_RUNS : 0) | (exceptionCount > 0 ? KIND_EXCEPTIONS : 0)
  const length = finishValues(out, count, kind, end)
  // Decimals with many digits: the bits themselves may be as small.
  if (length > 4 * count && exponent > 0) {
    const second = work + (<usize>count << 3) + COLUMN_WORK_BYTES
    const rawLength = encodeRawBits(valuesPtr, count, second, work)
    if (rawLength < length) {
      memory.copy(out, second, <usize>rawLength)
      return rawLength
    }
  }
  return length
}

/** Decodes a section of values. Returns the count or -1. */
export function decodeValues(section: usize, length: i32, out: usize, capacity: i32): i32 {
  const count = openSection(section, length, capacity)
  if (count < 0) return -1
  const kind = load<u8>(section, 6)
  if (kind & 128) return -1
  const exponent = <i32>(kind & KIND_EXPONENT_MASK)
  if (exponent > MAX_EXPONENT && exponent != <i32>KIND_RAW_BITS) return -1
  const end = section + <usize>length
  const body = section + SECTION_HEADER_BYTES
  let at: usize
  if (kind & KIND_RUNS) {
    at = decodeRuns(body, end, out, count, exponent)
  } else {
    at = decodeColumn(body, end, out, count)
    if (at != 0) finishColumn(body, out, count, exponent)
  }
  if (at == 0) return -1
  if (kind & KIND_EXCEPTIONS) at = applyExceptions(at, end, out, count)
  return at == end ? count : -1
}

// ---- values to integers

// What scaleValues leaves beside its result.
const SCALED_MARKS: usize = 0
const SCALED_RUNS: usize = 4
const SCALED_BYTES: usize = 16

function powerOfTen(exponent: i32): f64 {
  let power: f64 = 1
  for (let e = 0; e < exponent; e++) power *= 10
  return power
}

/** Whether a whole number `x` near `v * power` gives back the bits of `v` as `x / power`. */
// @ts-ignore: decorator
@inline
function isDecimal(v: f64, power: f64): bool {
  const scaled = v * power
  if (!(abs(scaled) < MAX_SCALED)) return false
  return reinterpret<i64>(<f64>(<i64>nearest(scaled)) / power) == reinterpret<i64>(v)
}

/** The smallest number of decimals that fits `v`, above `exponent`; -1 when there is none. */
function findExponent(v: f64, exponent: i32): i32 {
  let power = powerOfTen(exponent)
  for (let e = exponent + 1; e <= MAX_EXPONENT; e++) {
    power *= 10
    if (!(abs(v) * power < MAX_SCALED)) return -1
    if (isDecimal(v, power)) return e
  }
  return -1
}

/**
 * Fills `column` with `v * 10^e`, with the smallest e that fits nearly all values. A value that has no such integer repeats
 * the one before and its position goes to `marks`. Returns e and leaves the number of marks and of runs of equal integers;
 * -1 when too many values are no decimals.
 */
function scaleValues(valuesPtr: usize, count: i32, column: usize, marks: usize, scaled: usize): i32 {
  const marksAllowed = 1 + (count >> 4)
  let exponent = 0
  let power: f64 = 1
  let marked = 0
  let runs = 1
  let integer: i64 = 0
  let integerBits: i64 = 0
  // Where the first integer is; before it everything was marked.
  let start = -1
  for (let i = 0; i < count; i++) {
    const offset = <usize>i << 3
    const bits = load<i64>(valuesPtr + offset)
    if (bits != integerBits || start < 0) {
      const v = reinterpret<f64>(bits)
      if (isDecimal(v, power)) {
        const next = <i64>nearest(v * power)
        if (start < 0) {
          start = i
          for (let j = 0; j < i; j++) store<i64>(column + (<usize>j << 3), next)
        } else if (next != integer) {
          runs++
        }
        integer = next
        integerBits = bits
      } else {
        const higher = findExponent(v, exponent)
        if (higher >= 0) {
          // All over again with more decimals.
          exponent = higher
          power = powerOfTen(higher)
          marked = 0
          runs = 1
          start = -1
          i = -1
          continue
        }
        if (marked == marksAllowed) return -1
        store<u16>(marks + (<usize>marked << 1), <u16>i)
        marked++
      }
    }
    store<i64>(column + offset, integer)
  }
  store<i32>(scaled, marked, SCALED_MARKS)
  store<i32>(scaled, runs, SCALED_RUNS)
  return exponent
}

function encodeRawBits(valuesPtr: usize, count: i32, out: usize, work: usize): i32 {
  let runs = 1
  for (let i = 1; i < count; i++) {
    const at = valuesPtr + (<usize>i << 3)
    if (load<i64>(at) != load<i64>(at - 8)) runs++
  }
  const isRuns = encodeIntegers(valuesPtr, count, runs, out + SECTION_HEADER_BYTES, work)
  return finishValues(out, count, KIND_RAW_BITS | (isRuns ? KIND_RUNS : 0), load<u32>(work))
}

/** Writes the smaller of runs and packed column. Returns whether it was the runs; the end is left in `work`. */
function encodeIntegers(column: usize, count: i32, runs: i32, out: usize, work: usize): bool {
  if (runs == 1) {
    store<u32>(work, <u32>encodeRuns(column, count, runs, out))
    return true
  }
  const first = load<i64>(column)
  const y = work + COLUMN_WORK_BYTES
  for (let i = 0; i < count; i++) {
    const offset = <usize>i << 3
    store<i64>(y + offset, load<i64>(column + offset) - first)
  }
  const end = encodeColumn(y, count, first, 0, out, work)
  // A run takes at least two bytes.
  const isRuns = <usize>(runs << 1) < end - out && runsLength(column, count, runs) < end - out
  store<u32>(work, <u32>(isRuns ? encodeRuns(column, count, runs, out) : end))
  return isRuns
}

function writeExceptions(valuesPtr: usize, marks: usize, number: i32, out: usize): usize {
  let at = writeVarint(out, <u64>number)
  let last: i32 = 0
  for (let k = 0; k < number; k++) {
    const position = <i32>load<u16>(marks + (<usize>k << 1))
    at = writeVarint(at, <u64>(position - last))
    store<i64>(at, load<i64>(valuesPtr + (<usize>position << 3)))
    at += 8
    last = position
  }
  return at
}

function finishValues(out: usize, count: i32, kind: u8, end: usize): i32 {
  store<u16>(out, <u16>count, 4)
  store<u8>(out, kind, 6)
  return sealSection(out, end)
}

function applyExceptions(start: usize, end: usize, out: usize, count: i32): usize {
  let at = varintEnd(start, end)
  if (at == 0) return 0
  const number = readVarint(start)
  if (number < 1 || number > <u64>count) return 0
  let position: u64 = 0
  for (let k: u64 = 0; k < number; k++) {
    const next = varintEnd(at, end)
    if (next == 0 || next + 8 > end) return 0
    const gap = readVarint(at)
    if (gap >= <u64>count - position) return 0
    position += gap
    store<i64>(out + (<usize>position << 3), load<i64>(next))
    at = next + 8
  }
  return at
}

/** Turns what `decodeColumn` left into values. */
function finishColumn(column: usize, out: usize, count: i32, exponent: i32): void {
  const first = columnFirst(column)
  const slope = columnSlope(column)
  const step = columnStep(column)
  let line = first
  if (exponent == <i32>KIND_RAW_BITS) {
    for (let i = 0; i < count; i++) {
      const at = out + (<usize>i << 3)
      store<i64>(at, line + step * load<i64>(at))
      line += slope
    }
    return
  }
  if (exponent == 0) {
    for (let i = 0; i < count; i++) {
      const at = out + (<usize>i << 3)
      store<f64>(at, <f64>(line + step * load<i64>(at)))
      line += slope
    }
    return
  }
  const power = powerOfTen(exponent)
  for (let i = 0; i < count; i++) {
    const at = out + (<usize>i << 3)
    store<f64>(at, <f64>(line + step * load<i64>(at)) / power)
    line += slope
  }
}

// ---- runs: varint number of runs, then per run zigzag varint difference to the run before and varint length; the last run
// fills the rest and has no length

function encodeRuns(column: usize, count: i32, runs: i32, out: usize): usize {
  let at = writeVarint(out, <u64>runs)
  let previous: i64 = 0
  let start = 0
  for (let i = 0; i < count; i++) {
    const value = load<i64>(column + (<usize>i << 3))
    if (i + 1 < count && load<i64>(column + (<usize>(i + 1) << 3)) == value) continue
    at = writeVarint(at, zigzag(value - previous))
    if (i + 1 < count) at = writeVarint(at, <u64>(i + 1 - start))
    previous = value
    start = i + 1
  }
  return at
}

function runsLength(column: usize, count: i32, runs: i32): usize {
  let length: usize = varintLength(<u64>runs)
  let previous: i64 = 0
  let start = 0
  for (let i = 0; i < count; i++) {
    const value = load<i64>(column + (<usize>i << 3))
    if (i + 1 < count && load<i64>(column + (<usize>(i + 1) << 3)) == value) continue
    length += varintLength(zigzag(value - previous))
    if (i + 1 < count) length += varintLength(<u64>(i + 1 - start))
    previous = value
    start = i + 1
  }
  return length
}

function decodeRuns(start: usize, end: usize, out: usize, count: i32, exponent: i32): usize {
  const power = exponent == <i32>KIND_RAW_BITS ? 1.0 : powerOfTen(exponent)
  let at = varintEnd(start, end)
  if (at == 0) return 0
  const runs = readVarint(start)
  if (runs < 1 || runs > <u64>count) return 0
  let value: i64 = 0
  let filled = 0
  for (let left = <i32>runs - 1; left >= 0; left--) {
    let next = varintEnd(at, end)
    if (next == 0) return 0
    value += unzigzag(readVarint(at))
    at = next
    let length = count - filled
    if (left > 0) {
      next = varintEnd(at, end)
      if (next == 0) return 0
      // Each run after this one needs a place.
      const stated = readVarint(at)
      if (stated < 1 || stated > <u64>(length - left)) return 0
      length = <i32>stated
      at = next
    }
    fillWords(out + (<usize>filled << 3), length, exponent == <i32>KIND_RAW_BITS ? value : reinterpret<i64>(<f64>value / power))
    filled += length
  }
  return at
}

// ---- sections

/** Writes the checksum of `section`, which ends at `end`. Returns the length. */
function sealSection(section: usize, end: usize): i32 {
  store<u32>(section, checksum(section + 4, end))
  return <i32>(end - section)
}

/** The count of a section whose checksum is right; -1 otherwise. */
function openSection(section: usize, length: i32, capacity: i32): i32 {
  if (length < <i32>SECTION_HEADER_BYTES) return -1
  if (load<u32>(section) != checksum(section + 4, section + <usize>length)) return -1
  const count = <i32>load<u16>(section, 4)
  return count >= 1 && count <= capacity ? count : -1
}

/** Multiply and fold, eight bytes a step; each step is a bijection of the word, so no single change goes unseen before the last fold. */
function checksum(start: usize, end: usize): u32 {
  let hash: u64 = <u64>(end - start) * 0x9e3779b97f4a7c15
  let at = start
  for (; at + 8 <= end; at += 8) {
    hash = (hash ^ load<u64>(at)) * 0xff51afd7ed558ccd
    hash ^= hash >> 32
  }
  let rest: u64 = 0
  let shift: u64 = 0
  for (; at < end; at++) {
    rest |= <u64>load<u8>(at) << shift
    shift += 8
  }
  hash = (hash ^ rest) * 0xc4ceb9fe1a85ec53
  return <u32>(hash >> 32) ^ <u32>hash
}
