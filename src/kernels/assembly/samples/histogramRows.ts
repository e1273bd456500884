// The newest histograms of a series in the head: rows in blocks, most of which say what has been counted since the row before.
// The series' active blocks have a mark for each, which says in which block it is, and its number there. A block begins with a
// whole image, so that each can be read without the others. Main writes; readers see the rows whose marks are published.
//
//   block  { bytes u32, owner u32, room in an arena for a row of it u32 } and up to MAX_ROWS rows
//   row    byte 0 and an image (histogramImage.ts), or, where the shape is the one before and all numbers are whole,
//          byte 1 or 2, the change of the sum, and in nibbles the changes of the zero bucket, of the buckets, and what that
//          of the count is beyond all of these, as zigzag. With 2 all changes are zigzag, with 1 none is negative
//   sum    byte 0, or byte 1 + low | bytes << 4 and the bytes of (sum xor sum before) without `low` lowest ones
//   nibble three bits of a number, lowest first, and whether more follow; filled up to a whole byte at the end of the row

import { bytesEqual, readVarint, unzigzag, zigzag } from '../base/bytes'
import { retire } from '../base/epochs'
import { checksum64 } from '../base/hash'
import { alloc, usableBytes } from '../base/memory'
import {
  hasRoom, newRow, placeOf, ROW_COUNT, ROW_HEADER, ROW_SUM, ROW_ZERO, rowBytes, SHAPE_BOUNDS, SHAPE_NEGATIVE, SHAPE_POSITIVE, SHAPE_THRESHOLD, shapeBuckets, shapeBytes, shapeIndexes,
  shapeOf, take,
} from '../codec/histogramArena'
import { afterNumber, afterSide, afterVarint, bucketsOf, isWholeNumber, readNumber, readSide, shapeLength, sideLength, sidesOf } from '../codec/histogramImage'
import { isMark, markAt, markPlace, markRow, MAX_ROWS, rowMark } from '../codec/histogramMark'
import { addOwner, findOwner, keepImage, P_BLOCK, P_IMAGE, P_LENGTH, P_ROWS, P_SHAPE, P_USED } from './histogramOwners'

const K_OWNER: usize = 4
const K_ROW_ROOM: usize = 8
const BLOCK_HEADER: u32 = 12

const WHOLE: u8 = 0
const GROWN: u8 = 1
const CHANGED: u8 = 2

/** Rows that a series' first block has room for, and later ones, as long as the buckets stay: most memory of a young head is in first ones. */
const FIRST_ROWS: u32 = 4
const LATER_ROWS: u32 = 24

/** Adds the newest histogram of a series, from a batch. Returns its mark. */
export function addRow(ref: u32, mark: u64, image: usize, length: u32): u64 {
  const owner = addOwner(ref)
  const shape = shapeLength(image)
  let block: usize = load<u32>(owner, P_BLOCK)
  let row = load<u32>(owner, P_ROWS)
  const at: usize = block == 0 ? 0 : block + load<u32>(owner, P_USED)
  let end: usize = block == 0 || row == MAX_ROWS ? 0 : writeRow(at, block + load<u32>(block), owner, image, length, shape)
  if (end == 0) {
    const rows = load<u32>(owner, P_IMAGE) == 0 ? FIRST_ROWS : LATER_ROWS
    const buckets = bucketsOf(image)
    block = newBlock(owner, image, length, rows * (12 + (buckets >> 1) + (buckets >> 3)))
    store<u32>(owner, <u32>block, P_BLOCK)
    end = block + BLOCK_HEADER + 1 + length
    row = 0
  } else if (load<u8>(at) == WHOLE) {
    store<u32>(block, max(load<u32>(block, K_ROW_ROOM), imageRoom(image)), K_ROW_ROOM)
  }
  keepImage(owner, image, length, shape)
  store<u32>(owner, <u32>(end - block), P_USED)
  store<u32>(owner, row + 1, P_ROWS)
  return rowMark(mark, block, row)
}

/** A histogram that is not the newest, by itself. */
export function lateRow(mark: u64, image: usize, length: u32): u64 {
  return rowMark(mark, newBlock(0, image, length, 0), 0)
}

function newBlock(owner: usize, image: usize, length: u32, room: u32): usize {
  const bytes = usableBytes(BLOCK_HEADER + 1 + length + room)
  const block = alloc(bytes)
  store<u32>(block, bytes)
  store<u32>(block, <u32>owner, K_OWNER)
  store<u32>(block, imageRoom(image), K_ROW_ROOM)
  store<u8>(block, WHOLE, BLOCK_HEADER)
  memory.copy(block + BLOCK_HEADER + 1, image, length)
  return block
}

/** What a row of these buckets may take in an arena, with a shape of its own. */
function imageRoom(image: usize): u32 {
  const buckets = bucketsOf(image)
  return rowBytes(buckets) + shapeBytes(buckets, <u32>readVarint(afterVarint(image)))
}

/** A series' newest value as the next process can compare it with another, see `isNewestImage`: of a histogram a checksum of its image. */
export function comparableValue(ref: u32, value: u64): u64 {
  const owner = isMark(value) ? findOwner(ref) : 0
  // Without an owner it is that of the process before.
  return owner == 0 ? value : markAt(value, imageChecksum(load<u32>(owner, P_IMAGE), load<u32>(owner, P_LENGTH)))
}

/** Whether a series' newest value, a mark, stands for this histogram. */
export function isNewestImage(ref: u32, value: u64, image: usize, length: u32): bool {
  const owner = findOwner(ref)
  if (owner == 0) return markPlace(value) == imageChecksum(image, length)
  return load<u32>(owner, P_LENGTH) == length && bytesEqual(load<u32>(owner, P_IMAGE), image, length)
}

function imageChecksum(image: usize, length: u32): u32 {
  return <u32>checksum64(image, length)
}

/** Gives the blocks back that the marks among some values of the head are in, all of whose rows these are. */
export function retireRows(values: usize, count: u32): void {
  let before: u32 = 0
  for (let i: u32 = 0; i < count; i++) {
    const bits = load<u64>(values + (<usize>i << 3))
    if (!isMark(bits) || markPlace(bits) == before) continue
    before = markPlace(bits)
    const owner: usize = load<u32>(before, K_OWNER)
    if (owner != 0 && load<u32>(owner, P_BLOCK) == before) store<u32>(owner, 0, P_BLOCK)
    retire(before, load<u32>(before))
  }
}

// ---- writing

/** Writes a row. Returns its end, 0 when there is no room for it. */
function writeRow(at: usize, blockEnd: usize, owner: usize, image: usize, length: u32, shape: u32): usize {
  const before: usize = load<u32>(owner, P_IMAGE)
  if (load<u32>(owner, P_SHAPE) == shape && bytesEqual(before, image, shape)) {
    const end = writeChange(at, blockEnd, before + shape, image + shape, image + length)
    if (end != 0) return end
  }
  if (at + 1 + length > blockEnd) return 0
  store<u8>(at, WHOLE)
  memory.copy(at + 1, image, length)
  return at + 1 + length
}

/** Writes what changed between two lists of numbers; 0 when there is no room, or some are not whole. */
function writeChange(at: usize, blockEnd: usize, before: usize, now: usize, end: usize): usize {
  let grown: u32 = 0
  let changed: u32 = 0
  let hasFallen = false
  let rest: i64 = 0
  const sumBefore = load<u64>(before)
  const sum = load<u64>(now)
  before += 8
  now += 8
  const from = before
  const to = now
  for (let isCount = true; now < end; isCount = false) {
    if (!isWholeNumber(before) || !isWholeNumber(now)) return 0
    const change = changeAt(before, now)
    if (isCount) rest = change
    else {
      rest -= change
      if (change < 0) hasFallen = true
      grown += nibblesOf(<u64>change)
      changed += nibblesOf(zigzag(change))
    }
    before = afterNumber(before)
    now = afterNumber(now)
  }
  const nibbles = (hasFallen ? changed : grown) + nibblesOf(zigzag(rest))
  // The sum is written as eight bytes, whatever of them counts.
  if (at + 2 + 8 + ((nibbles + 1) >> 1) > blockEnd) return 0
  store<u8>(at, hasFallen ? CHANGED : GROWN)
  const nibblesAt = writeSum(at + 1, sum ^ sumBefore)
  let place: u32 = 0
  before = afterNumber(from)
  now = afterNumber(to)
  while (now < end) {
    const change = changeAt(before, now)
    place = writeNibbles(nibblesAt, place, hasFallen ? zigzag(change) : <u64>change)
    before = afterNumber(before)
    now = afterNumber(now)
  }
  return nibblesAt + ((writeNibbles(nibblesAt, place, zigzag(rest)) + 1) >> 1)
}

// @ts-ignore: decorator
@inline
function changeAt(before: usize, now: usize): i64 {
  return <i64>(readVarint(now) >> 1) - <i64>(readVarint(before) >> 1)
}

// @ts-ignore: decorator
@inline
function nibblesOf(value: u64): u32 {
  return value < 8 ? 1 : (66 - <u32>clz(value)) / 3
}

/** `place` counts half bytes from `from` on. Returns the place after the number. */
// @ts-ignore: decorator
@inline
function writeNibbles(from: usize, place: u32, value: u64): u32 {
  do {
    const nibble = <u8>(value & 7) | (value > 7 ? 8 : 0)
    const at = from + (place >> 1)
    store<u8>(at, (place & 1) == 0 ? nibble : load<u8>(at) | (nibble << 4))
    value >>= 3
    place++
  } while (value != 0)
  return place
}

function writeSum(at: usize, difference: u64): usize {
  if (difference == 0) {
    store<u8>(at, 0)
    return at + 1
  }
  const low = <u32>ctz(difference) >> 3
  const bytes = 8 - (<u32>clz(difference) >> 3) - low
  store<u8>(at, <u8>(1 + low + (bytes << 4)))
  store<u64>(at, difference >> (low << 3), 1)
  return at + 1 + <usize>bytes
}

// ---- reading

/** What an arena needs for the histograms whose marks are among some values of the head. */
export function rowRoom(values: usize, count: u32): u32 {
  let room: u32 = 0
  let before: u32 = 0
  let decoded: u32 = 0
  for (let i: u32 = 0; i < count; i++) {
    const bits = load<u64>(values + (<usize>i << 3))
    if (!isMark(bits)) continue
    if (markPlace(bits) != before) decoded = 0
    before = markPlace(bits)
    room += (markRow(bits) + 1 - decoded) * load<u32>(before, K_ROW_ROOM)
    decoded = markRow(bits) + 1
  }
  return room
}

/**
 * Decodes the histograms whose marks are among some values of the head, and puts their places in an arena into the marks. False
 * when the arena has no room for them; then nothing has changed.
 */
export function decodeRows(values: usize, count: u32, arena: usize): bool {
  if (!hasRoom(arena, rowRoom(values, count))) return false
  let before: u32 = 0
  let decoded: u32 = 0
  let at: usize = 0
  let row: usize = 0
  let shapeImage: usize = 0
  for (let i: u32 = 0; i < count; i++) {
    const bits = load<u64>(values + (<usize>i << 3))
    if (!isMark(bits)) continue
    if (markPlace(bits) != before) {
      before = markPlace(bits)
      at = before + BLOCK_HEADER
      decoded = 0
    }
    for (; decoded <= markRow(bits); decoded++) {
      if (load<u8>(at) == WHOLE) {
        const image = at + 1
        const isSame = row != 0 && bytesEqual(shapeImage, image, shapeLength(image))
        row = newRow(arena, isSame ? shapeOf(arena, row) : newShape(arena, image))
        shapeImage = image
        at = readImage(image, row, shapeBuckets(shapeOf(arena, row)))
      } else {
        const next = newRow(arena, shapeOf(arena, row))
        at = readChange(at, row, next, shapeBuckets(shapeOf(arena, row)))
        row = next
      }
    }
    store<u64>(values + (<usize>i << 3), markAt(bits, placeOf(arena, row)))
  }
  return true
}

function newShape(arena: usize, image: usize): usize {
  const boundsAt = afterVarint(image)
  const bounds = <u32>readVarint(boundsAt)
  const sides = sidesOf(image)
  const positives = sideLength(sides)
  const second = afterSide(sides)
  const negatives = sideLength(second)
  const shape = take(arena, shapeBytes(positives + negatives, bounds))
  store<i32>(shape, <i32>unzigzag(readVarint(image)))
  store<u32>(shape, bounds, SHAPE_BOUNDS)
  store<u64>(shape, load<u64>(sides - 8), SHAPE_THRESHOLD)
  store<u32>(shape, positives, SHAPE_POSITIVE)
  store<u32>(shape, negatives, SHAPE_NEGATIVE)
  const indexes = shapeIndexes(shape)
  memory.copy(indexes - (<usize>bounds << 3), afterVarint(boundsAt), bounds << 3)
  readSide(second, readSide(sides, indexes))
  return shape
}

/** Reads the numbers of an image. Returns its end. */
function readImage(image: usize, row: usize, buckets: u32): usize {
  let at = image + shapeLength(image)
  store<u64>(row, load<u64>(at), ROW_SUM)
  at += 8
  store<f64>(row, readNumber(at), ROW_COUNT)
  at = afterNumber(at)
  const end = row + rowBytes(buckets)
  for (let to = row + ROW_ZERO; to < end; to += 8) {
    store<f64>(to, readNumber(at))
    at = afterNumber(at)
  }
  return at
}

/** Reads a row that says what changed since `before`. Returns its end. */
function readChange(at: usize, before: usize, row: usize, buckets: u32): usize {
  const isZigzag = load<u8>(at) == CHANGED
  const code = <u32>load<u8>(at, 1)
  at += 2
  let sum = load<u64>(before, ROW_SUM)
  if (code != 0) {
    const bytes = code >> 4
    const low = (code & 15) - 1
    sum ^= (load<u64>(at) & (<u64>-1 >> (64 - (bytes << 3)))) << (low << 3)
    at += <usize>bytes
  }
  store<u64>(row, sum, ROW_SUM)
  let place: u32 = 0
  let total: i64 = 0
  const end = <usize>(ROW_HEADER + (buckets << 3))
  for (let to = ROW_ZERO; to < end; to += 8) {
    const change = readNibbles(at, place, isZigzag)
    place = afterNibbles(at, place)
    store<f64>(row + to, load<f64>(before + to) + <f64>change)
    total += change
  }
  total += readNibbles(at, place, true)
  store<f64>(row, load<f64>(before, ROW_COUNT) + <f64>total, ROW_COUNT)
  return at + ((afterNibbles(at, place) + 1) >> 1)
}

// @ts-ignore: decorator
@inline
function nibbleAt(from: usize, place: u32): u64 {
  return <u64>(load<u8>(from + (place >> 1)) >> <u8>((place & 1) << 2)) & 15
}

// @ts-ignore: decorator
@inline
function readNibbles(from: usize, place: u32, isZigzag: bool): i64 {
  let nibble = nibbleAt(from, place)
  let value = nibble & 7
  for (let shift: u64 = 3; (nibble & 8) != 0; shift += 3) {
    nibble = nibbleAt(from, ++place)
    value |= (nibble & 7) << shift
  }
  return isZigzag ? unzigzag(value) : <i64>value
}

// @ts-ignore: decorator
@inline
function afterNibbles(from: usize, place: u32): u32 {
  while ((nibbleAt(from, place) & 8) != 0) place++
  return place + 1
}
