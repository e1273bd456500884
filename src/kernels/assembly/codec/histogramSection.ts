// The values section of a chunk with native histograms (codec.ts has the section around it): a section of values, in which a
// mark without place stands for each histogram, and what these hold column by column, so that every bucket is packed as the
// values of a counter are.
//
//   body     u32 length of the values section, the section | shapes | columns
//   shapes   varint number, per shape zigzag varint schema, varint number of custom bounds, bounds f64, zero threshold f64; then
//            the positive and the negative buckets that any of the histograms has, as sides of an image (histogramImage.ts)
//   columns  byte 1 when counts are what they are beyond the sum of all buckets, else 0; then per column, of one value per
//            histogram: varint length, and kind and body of a values section. With several shapes the number of the shape comes
//            first; then count, sum, zero bucket, buckets

import { bytesEqual, readVarint, unzigzag, varintEnd, writeVarint, zigzag } from '../base/bytes'
import {
  hasRoom, newRow, placeOf, ROW_COUNT, ROW_HEADER, ROW_SUM, ROW_ZERO, rowBytes, rowOf, SHAPE_BOUNDS, SHAPE_NEGATIVE, SHAPE_POSITIVE, SHAPE_THRESHOLD, shapeBuckets, shapeBytes,
  shapeIndexes, shapeOf, take,
} from './histogramArena'
import { checkedSide, MAX_SIDE, readSide, sideLength, writeSide } from './histogramImage'
import { isMark, markAt } from './histogramMark'
import { SECTION_HEADER_BYTES, sealSection } from './section'
import { decodeOpened, encodeValues, KIND_HISTOGRAMS } from './values'

/** Numbers in one section with more than one histogram, which keeps sections short and what readers need for them. */
const MAX_NUMBERS: u32 = 32_768
/** No section has as many, whatever a damaged one says. */
const MAX_DECODED: u64 = 1 << 18
/** Bytes of a section of one histogram with the most buckets. */
export const MAX_SECTION_BYTES: u32 = 480 * 1024
/** What `encodeValues` may write beyond nine bytes a value, and what a column has before them. */
const COLUMN_MARGIN: u32 = 160
/** Above all buckets that fit into a section. */
const MAX_UNION: u32 = 32_768

/** Kind and count of a values section, which a column does without. */
const HEADER_BEFORE_KIND: usize = SECTION_HEADER_BYTES - 1
/** Bytes for `count` values besides what `encodeValues` needs. */
export function histogramWorkBytes(count: u32): u32 {
  return (MAX_UNION << 4) + (count << 5) + 64
}

// ---- encoding

/**
 * Encodes values among which are marks of an arena's rows. `work` has `histogramWorkBytes`, `scratch` what `encodeValues` needs.
 * Returns the length, -1 when they are too many for `capacity` or for a section.
 */
export function encodeHistograms(values: usize, count: i32, arena: usize, out: usize, capacity: u32, work: usize, scratch: usize): i32 {
  const cleaned = work
  const rows = cleaned + (<usize>count << 3) // addresses u32
  const cursors = rows + (<usize>count << 2) // per row, the next bucket of its shape
  const numbers = cursors + (<usize>count << 2) // of one column
  const positives = numbers + (<usize>count << 3)
  const negatives = positives + (<usize>MAX_UNION << 2)
  const shapes = negatives + (<usize>MAX_UNION << 2) // addresses u32
  const limit = out + <usize>capacity
  let found: u32 = 0
  for (let i = 0; i < count; i++) {
    const bits = load<u64>(values + (<usize>i << 3))
    const row = rowOf(arena, bits)
    if (row != 0) {
      store<u32>(rows + (<usize>found << 2), <u32>row)
      found++
    }
    store<u64>(cleaned + (<usize>i << 3), row == 0 ? bits : markAt(bits, 0))
  }
  if (found == 0) return encodeValues(values, count, out, scratch)
  let at = out + SECTION_HEADER_BYTES + 4
  if (at + <usize>count * 9 + COLUMN_MARGIN > limit) return -1
  const marksLength = encodeValues(cleaned, count, at, scratch)
  store<u32>(at - 4, <u32>marksLength)
  at += <usize>marksLength
  const positiveCount = unite(arena, rows, found, positives, false, negatives)
  const negativeCount = unite(arena, rows, found, negatives, true, shapes)
  if (found > 1 && (positiveCount + negativeCount + 3) * found > MAX_NUMBERS) return -1
  const shapeCount = findShapes(arena, rows, found, shapes)
  at = writeShapes(at, limit, shapes, shapeCount)
  if (at == 0 || at + (<usize>(positiveCount + negativeCount) * 6 + 16) > limit) return -1
  at = writeSide(writeSide(at, positives, positiveCount, 4), negatives, negativeCount, 4)
  const isRest = areCountsWhole(arena, rows, found)
  store<u8>(at++, isRest ? 1 : 0)
  if (shapeCount > 1) {
    for (let k: u32 = 0; k < found; k++) store<f64>(numbers + (<usize>k << 3), <f64>shapeNumber(arena, rowAt(rows, k), shapes, shapeCount))
    at = writeColumn(at, limit, numbers, found, scratch)
  }
  for (let k: u32 = 0; k < found; k++) {
    const row = rowAt(rows, k)
    store<f64>(numbers + (<usize>k << 3), load<f64>(row, ROW_COUNT) - (isRest ? totalOf(arena, row) : 0))
  }
  at = writeColumn(at, limit, numbers, found, scratch)
  at = writeOwnColumn(at, limit, rows, found, ROW_SUM, numbers, scratch)
  at = writeOwnColumn(at, limit, rows, found, ROW_ZERO, numbers, scratch)
  memory.fill(cursors, 0, <usize>found << 2)
  for (let i: u32 = 0; i < positiveCount; i++) at = writeBucket(at, limit, arena, rows, found, cursors, load<i32>(positives + (<usize>i << 2)), false, numbers, scratch)
  for (let k: u32 = 0; k < found; k++) store<u32>(cursors + (<usize>k << 2), load<u32>(shapeOf(arena, rowAt(rows, k)), SHAPE_POSITIVE))
  for (let i: u32 = 0; i < negativeCount; i++) at = writeBucket(at, limit, arena, rows, found, cursors, load<i32>(negatives + (<usize>i << 2)), true, numbers, scratch)
  if (at == 0) return -1
  store<u16>(out, <u16>count, 4)
  store<u8>(out, KIND_HISTOGRAMS, 6)
  return sealSection(out, at)
}

// @ts-ignore: decorator
@inline
function rowAt(rows: usize, k: u32): usize {
  return load<u32>(rows + (<usize>k << 2))
}

/** Writes the indexes that occur on one side of the rows to `out`, ascending; `other` is as much room again. Returns their number, MAX_UNION when they are too many. */
function unite(arena: usize, rows: usize, count: u32, out: usize, isNegative: bool, other: usize): u32 {
  let united: u32 = 0
  let before: usize = 0
  for (let k: u32 = 0; k < count; k++) {
    const shape = shapeOf(arena, rowAt(rows, k))
    if (shape == before) continue
    before = shape
    const positives = load<u32>(shape, SHAPE_POSITIVE)
    const indexes = shapeIndexes(shape) + (isNegative ? <usize>positives << 2 : 0)
    const added = isNegative ? load<u32>(shape, SHAPE_NEGATIVE) : positives
    if (added == united && bytesEqual(indexes, out, added << 2)) continue
    if (united + added > MAX_UNION) return MAX_UNION
    let a: u32 = 0
    let b: u32 = 0
    let merged: u32 = 0
    while (a < united || b < added) {
      const x: i64 = a < united ? <i64>load<i32>(out + (<usize>a << 2)) : i64.MAX_VALUE
      const y: i64 = b < added ? <i64>load<i32>(indexes + (<usize>b << 2)) : i64.MAX_VALUE
      if (x <= y) a++
      if (y <= x) b++
      store<i32>(other + (<usize>merged << 2), <i32>min(x, y))
      merged++
    }
    memory.copy(out, other, <usize>merged << 2)
    united = merged
  }
  return united
}

/** Whether two shapes mean the same, whatever buckets they have. */
function isSameLayout(a: usize, b: usize): bool {
  return load<u64>(a) == load<u64>(b) && load<u64>(a, SHAPE_THRESHOLD) == load<u64>(b, SHAPE_THRESHOLD) && bytesEqual(a + 24, b + 24, load<u32>(a, SHAPE_BOUNDS) << 3)
}

/** Lists the shapes that differ in more than their buckets. Returns their number. */
function findShapes(arena: usize, rows: usize, count: u32, shapes: usize): u32 {
  let found: u32 = 0
  let before: usize = 0
  for (let k: u32 = 0; k < count; k++) {
    const shape = shapeOf(arena, rowAt(rows, k))
    if (shape == before) continue
    before = shape
    if (shapeNumber(arena, rowAt(rows, k), shapes, found) < found) continue
    store<u32>(shapes + (<usize>found << 2), <u32>shape)
    found++
  }
  return found
}

/** The number of a row's shape among those listed; `count` when it is not there. */
function shapeNumber(arena: usize, row: usize, shapes: usize, count: u32): u32 {
  const shape = shapeOf(arena, row)
  let i: u32 = 0
  while (i < count && !isSameLayout(load<u32>(shapes + (<usize>i << 2)), shape)) i++
  return i
}

function writeShapes(at: usize, limit: usize, shapes: usize, count: u32): usize {
  at = writeVarint(at, count)
  for (let i: u32 = 0; i < count; i++) {
    const shape: usize = load<u32>(shapes + (<usize>i << 2))
    const bounds = load<u32>(shape, SHAPE_BOUNDS)
    if (at + (<usize>bounds << 3) + 32 > limit) return 0
    at = writeVarint(writeVarint(at, zigzag(<i64>load<i32>(shape))), bounds)
    memory.copy(at, shapeIndexes(shape) - (<usize>bounds << 3), bounds << 3)
    at += <usize>bounds << 3
    store<u64>(at, load<u64>(shape, SHAPE_THRESHOLD))
    at += 8
  }
  return at
}

/** The sum of the buckets of a row, which is exact where all are whole. */
function totalOf(arena: usize, row: usize): f64 {
  const end = row + rowBytes(shapeBuckets(shapeOf(arena, row)))
  let total: f64 = 0
  for (let at = row + ROW_ZERO; at < end; at += 8) total += load<f64>(at)
  return total
}

/** Whether all counts of all rows are whole and add up without rounding. */
function areCountsWhole(arena: usize, rows: usize, count: u32): bool {
  const limit: f64 = 4503599627370496 // 2^52
  for (let k: u32 = 0; k < count; k++) {
    const row = rowAt(rows, k)
    const end = row + rowBytes(shapeBuckets(shapeOf(arena, row)))
    let total: f64 = 0
    for (let at = row + ROW_ZERO; at < end; at += 8) {
      const value = load<f64>(at)
      if (!(value >= 0 && value < limit) || floor(value) != value) return false
      total += value
    }
    const own = load<f64>(row, ROW_COUNT)
    // A rest of -0 would not come back, but for whole numbers it is 0.
    if (!(own >= 0 && own < limit) || floor(own) != own || !(total < limit)) return false
  }
  return true
}

function writeOwnColumn(at: usize, limit: usize, rows: usize, count: u32, field: usize, numbers: usize, scratch: usize): usize {
  for (let k: u32 = 0; k < count; k++) store<u64>(numbers + (<usize>k << 3), load<u64>(rowAt(rows, k) + field))
  return writeColumn(at, limit, numbers, count, scratch)
}

function writeBucket(at: usize, limit: usize, arena: usize, rows: usize, count: u32, cursors: usize, index: i32, isNegative: bool, numbers: usize, scratch: usize): usize {
  for (let k: u32 = 0; k < count; k++) {
    const row = rowAt(rows, k)
    const shape = shapeOf(arena, row)
    const cursor = load<u32>(cursors + (<usize>k << 2))
    const end = isNegative ? shapeBuckets(shape) : load<u32>(shape, SHAPE_POSITIVE)
    const isThere = cursor < end && load<i32>(shapeIndexes(shape) + (<usize>cursor << 2)) == index
    store<u64>(numbers + (<usize>k << 3), isThere ? load<u64>(row + <usize>ROW_HEADER + (<usize>cursor << 3)) : 0)
    if (isThere) store<u32>(cursors + (<usize>k << 2), cursor + 1)
  }
  return writeColumn(at, limit, numbers, count, scratch)
}

/** 0 when there is no room, or was none before. */
function writeColumn(at: usize, limit: usize, numbers: usize, count: u32, scratch: usize): usize {
  if (at == 0 || at + <usize>count * 9 + COLUMN_MARGIN > limit) return 0
  // Behind the room for the length, which is known afterwards.
  const section = at + 8
  const length = <usize>encodeValues(numbers, <i32>count, section, scratch) - HEADER_BEFORE_KIND
  at = writeVarint(at, <u64>length)
  memory.copy(at, section + HEADER_BEFORE_KIND, length)
  return at + length
}

// ---- decoding

export function isHistogramSection(section: usize): bool {
  return load<u8>(section, 6) == KIND_HISTOGRAMS
}

export const DECODED: i32 = 0
export const DECODING_DAMAGED: i32 = -1
export const DECODING_NO_ROOM: i32 = -2

/**
 * Decodes the histograms of a section whose values have been decoded to `values`, and puts their places in the arena into the
 * marks. DECODING_NO_ROOM: the arena says how much it needs.
 */
export function decodeHistograms(section: usize, length: i32, values: usize, count: i32, arena: usize): i32 {
  const end = section + <usize>length
  let at = section + SECTION_HEADER_BYTES + 4
  if (at > end || <usize>load<u32>(at - 4) > end - at) return DECODING_DAMAGED
  at += <usize>load<u32>(at - 4)
  let found: u32 = 0
  for (let i = 0; i < count; i++) if (isMark(load<u64>(values + (<usize>i << 3)))) found++
  const shapesAt = varintEnd(at, end)
  if (shapesAt == 0 || found == 0) return DECODING_DAMAGED
  const shapeCount = readVarint(at)
  if (shapeCount == 0 || shapeCount > <u64>found) return DECODING_DAMAGED
  let boundTotal: u64 = 0
  at = shapesAt
  for (let i: u64 = 0; i < shapeCount; i++) {
    const boundsAt = varintEnd(at, end)
    const from: usize = boundsAt == 0 ? 0 : varintEnd(boundsAt, end)
    if (from == 0) return DECODING_DAMAGED
    const bounds = readVarint(boundsAt)
    if (bounds > MAX_SIDE || <u64>from + (bounds << 3) + 8 > <u64>end) return DECODING_DAMAGED
    boundTotal += bounds
    at = from + (<usize>bounds << 3) + 8
  }
  const sides = at
  const second = checkedSide(sides, end)
  at = second == 0 ? 0 : checkedSide(second, end)
  if (at == 0 || at >= end) return DECODING_DAMAGED
  const positives = sideLength(sides)
  const buckets = positives + sideLength(second)
  const width = <u64>(buckets + 3)
  if (width * <u64>found > MAX_DECODED || shapeCount * width > MAX_DECODED) return DECODING_DAMAGED
  const column = <u64>found << 3
  if (!hasRoom(arena, shapeCount * <u64>shapeBytes(buckets, 0) + (boundTotal << 3) + <u64>found * <u64>rowBytes(buckets) + column + (shapeCount << 3) + 16)) return DECODING_NO_ROOM
  const isRest = load<u8>(at++) == 1
  const numbers = take(arena, <u32>column + 8)
  const shapes = take(arena, <u32>((shapeCount << 2) + 7) & ~7)
  readShapes(shapesAt, <u32>shapeCount, shapes, arena, sides, second, positives, buckets)
  if (shapeCount > 1) at = readColumn(at, end, numbers, found)
  else memory.fill(numbers, 0, <usize>column)
  if (at == 0) return DECODING_DAMAGED
  const stride = <usize>rowBytes(buckets)
  let first: usize = 0
  for (let i = 0, k: usize = 0; i < count; i++) {
    const mark = values + (<usize>i << 3)
    if (!isMark(load<u64>(mark))) continue
    const number = load<f64>(numbers + (k++ << 3))
    if (!(number >= 0 && number < <f64>shapeCount)) return DECODING_DAMAGED
    const row = newRow(arena, load<u32>(shapes + (<usize>(<u32>number) << 2)))
    if (first == 0) first = row
    store<u64>(mark, markAt(load<u64>(mark), placeOf(arena, row)))
  }
  at = readRows(at, end, first + ROW_COUNT, stride, numbers, found)
  at = readRows(at, end, first + ROW_SUM, stride, numbers, found)
  for (let field = ROW_ZERO; field < stride; field += 8) at = readRows(at, end, first + field, stride, numbers, found)
  if (at != end) return DECODING_DAMAGED
  if (!isRest) return DECODED
  for (let k: u32 = 0, row = first; k < found; k++) {
    store<f64>(row, load<f64>(row, ROW_COUNT) + totalOf(arena, row), ROW_COUNT)
    row += stride
  }
  return DECODED
}

function readShapes(at: usize, count: u32, shapes: usize, arena: usize, sides: usize, second: usize, positives: u32, buckets: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    const boundsAt = varintEnd(at, at + 10)
    const from = varintEnd(boundsAt, boundsAt + 10)
    const bounds = <u32>readVarint(boundsAt)
    const shape = take(arena, shapeBytes(buckets, bounds))
    store<u32>(shapes + (<usize>i << 2), <u32>shape)
    store<i32>(shape, <i32>unzigzag(readVarint(at)))
    store<u32>(shape, bounds, SHAPE_BOUNDS)
    const threshold = from + (<usize>bounds << 3)
    store<u64>(shape, load<u64>(threshold), SHAPE_THRESHOLD)
    store<u32>(shape, positives, SHAPE_POSITIVE)
    store<u32>(shape, buckets - positives, SHAPE_NEGATIVE)
    const indexes = shapeIndexes(shape)
    memory.copy(indexes - (<usize>bounds << 3), from, bounds << 3)
    readSide(second, readSide(sides, indexes))
    at = threshold + 8
  }
}

/** Reads a column into one field of all rows. 0 when it is damaged, or was before. */
function readRows(at: usize, end: usize, field: usize, stride: usize, numbers: usize, count: u32): usize {
  at = readColumn(at, end, numbers, count)
  if (at == 0) return 0
  const last = numbers + (<usize>count << 3)
  for (let from = numbers; from < last; from += 8) {
    store<u64>(field, load<u64>(from))
    field += stride
  }
  return at
}

function readColumn(at: usize, end: usize, out: usize, count: u32): usize {
  const body: usize = at == 0 ? 0 : varintEnd(at, end)
  if (body == 0) return 0
  const length = readVarint(at)
  if (length < 1 || length > <u64>(end - body) || load<u8>(body) == KIND_HISTOGRAMS) return 0
  return decodeOpened(body - HEADER_BEFORE_KIND, <i32>(length + HEADER_BEFORE_KIND), out, <i32>count) < 0 ? 0 : body + <usize>length
}
