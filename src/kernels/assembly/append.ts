// Samples of one series: in-order ones into active blocks, older ones into the out-of-order buffer, both sealed into
// compressed chunks. Main writes; readers follow what is published: `published` for active blocks (walked backwards from
// the tail, so that one word is a whole snapshot) and chains of chunks. A chunk is linked before the samples it holds
// leave the active blocks, so a reader that looks at the blocks first never misses one.
//
// Chunk: { next u32, data bytes u32, min time i64, max time i64, samples u16, flags u16 } and the encoded data.
// Out-of-order part: { buffer { ptr u32, count u32 }, capacity u32, first chunk u32, last chunk u32, zero u32 };
// the buffer holds { time i64, value u64 } ascending.

import { ACTIVE_SAMPLES, CHUNK_BYTES, CHUNK_COUNT, CHUNK_SAMPLES, DAY_MS, PUBLISH_FENCE } from './layout'
import { addToBlock, copyBlocks, startBlock } from './activeBlock'
import { alloc, BLOCK_CHAIN, free, retire, scratch } from './memory'
import { copyBytes } from './bytes'
import { chunkSampleCount, encodeChunk, encodeChunkOf, encodeHistogramChunk, valuesSection } from './codec'
import { ARENA_BYTES, ARENA_START, openArena } from './histogramArena'
import { hasMarks, isMark, markPlace } from './histogramMark'
import { addRow, decodeRows, lateRow, retireRows, rowRoom } from './histogramRows'
import { histogramWorkBytes, isHistogramSection, MAX_SECTION_BYTES } from './histogramSection'
import {
  FLAG_HAS_LAST, FLAG_HISTOGRAMS, FLAG_LAST_VALUE_UNKNOWN, noteHistograms, R_ACTIVE_COUNT, R_DAY, R_FIRST_DAY, R_FLAGS, R_LAST_TIME, R_LAST_VALUE, R_OUT_OF_ORDER,
  R_PUBLISHED, R_SEALED_FIRST, R_SEALED_LAST, R_TAIL, R_TAIL_COUNT,
} from './series'

export const C_NEXT: usize = 0
export const C_LENGTH: usize = 4
export const C_MIN_TIME: usize = 8
export const C_MAX_TIME: usize = 16
export const C_COUNT: usize = 24
export const C_FLAGS: usize = 26
export const CHUNK_HEADER: usize = 28
/** Decoders may read this far past the data. */
const CHUNK_PADDING: u32 = 8

export const CHUNK_OUT_OF_ORDER: u16 = 1
/** The chunk is in a flush plan, or was in one that succeeded. */
export const CHUNK_LISTED: u16 = 2
/** The same of checkpoints. */
export const CHUNK_SAVED: u16 = 4

export const O_BUFFER: usize = 0
export const O_CAPACITY: usize = 8
export const O_FIRST: usize = 12
export const O_LAST: usize = 16
export const OUT_OF_ORDER_BYTES: u32 = 24

/** Chunks are sealed at 112 to 143 samples: series that began together do not all seal in the same batch. */
export const SEAL_BASE: u32 = 112
const SEAL_SPREAD: u32 = 31
/** A batch with many samples of one series seals on the way; the active blocks never hold more. */
const MAX_ACTIVE: u16 = 240
const MAX_OUT_OF_ORDER: u32 = 128

// @ts-ignore: decorator
@inline
export function dayOf(time: i64): i32 {
  const day = time / DAY_MS
  return <i32>(day * DAY_MS > time ? day - 1 : day)
}

/** Appends a sample newer than the series' last one. Readers see it after `publish`. */
// @ts-ignore: decorator
@inline
export function appendInOrder(record: usize, time: i64, value: u64): void {
  if (beginsActive(record, time)) beginActive(record, time, value)
  else {
    if (!addToBlock(record, time, value)) startBlock(record, time, value)
    store<u16>(record, load<u16>(record, R_ACTIVE_COUNT) + 1, R_ACTIVE_COUNT)
  }
  store<i64>(record, time, R_LAST_TIME)
  store<u64>(record, value, R_LAST_VALUE)
  store<u32>(record, (load<u32>(record, R_FLAGS) | FLAG_HAS_LAST) & ~FLAG_LAST_VALUE_UNKNOWN, R_FLAGS)
}

/** Whether a sample does not go beside those that the series has active. */
// @ts-ignore: decorator
@inline
function beginsActive(record: usize, time: i64): bool {
  const offset = time - <i64>load<i32>(record, R_DAY) * DAY_MS
  const active = load<u16>(record, R_ACTIVE_COUNT)
  return active == 0 || active >= MAX_ACTIVE || <u64>offset >= <u64>DAY_MS
}

/** The same for a histogram of a batch, by its image. */
export function appendHistogram(record: usize, ref: u32, time: i64, mark: u64, image: usize, length: u32): void {
  // Sealed first, as rows that are sealed are given back.
  if (beginsActive(record, time)) endActive(record)
  noteHistograms(record)
  appendInOrder(record, time, addRow(ref, mark, image, length))
}

function endActive(record: usize): void {
  if (load<u16>(record, R_ACTIVE_COUNT) == 0) return
  fence()
  publish(record)
  sealActive(record)
}

/** Appends the first of a series' active samples; those that are active go into a chunk. */
function beginActive(record: usize, time: i64, value: u64): void {
  endActive(record)
  const day = dayOf(time)
  store<i32>(record, day, R_DAY)
  if (day < load<i32>(record, R_FIRST_DAY)) store<i32>(record, day, R_FIRST_DAY)
  startBlock(record, time, value)
  store<u16>(record, 1, R_ACTIVE_COUNT)
}

/** Stands between a batch's samples and their `publish`: whoever sees a count sees the samples it counts. */
// @ts-ignore: decorator
@inline
export function fence(): void {
  atomic.store<u32>(PUBLISH_FENCE, 0)
}

// @ts-ignore: decorator
@inline
export function publish(record: usize): void {
  store<u64>(record, <u64>load<u32>(record, R_TAIL) | (<u64>load<u8>(record, R_TAIL_COUNT) << 32), R_PUBLISHED)
}

// @ts-ignore: decorator
@inline
export function isFull(record: usize, ref: u32): bool {
  const spread = (ref * 0x9e3779b1) >> 27
  return <u32>load<u16>(record, R_ACTIVE_COUNT) >= SEAL_BASE + (spread & SEAL_SPREAD)
}

/** Seals the active blocks, which must be published, into one chunk. */
export function sealActive(record: usize): void {
  const count = <u32>load<u16>(record, R_ACTIVE_COUNT)
  if (count == 0) return
  const tail: usize = load<u32>(record, R_TAIL)
  const columns = columnsToSeal(record, count)
  const values = columns + (<usize>count << 3)
  copyBlocks(tail, <u32>load<u8>(record, R_TAIL_COUNT), -Infinity, columns, values)
  if (mayHaveMarks(record, values, count)) sealHistograms(columns, count, 0, count, record + R_SEALED_FIRST, record + R_SEALED_LAST, 0)
  else linkChunk(record + R_SEALED_FIRST, record + R_SEALED_LAST, encodeColumns(columns, count, 0, count, 0))
  atomic.store<u64>(record, 0, R_PUBLISHED)
  store<u32>(record, 0, R_TAIL)
  store<u32>(record, 0, R_TAIL_COUNT) // tail count, bytes used and active samples
  store<i64>(ACTIVE_SAMPLES, load<i64>(ACTIVE_SAMPLES) - <i64>count)
  retire(tail, BLOCK_CHAIN)
}

// Scratch while sealing: times, values, the encoded chunk, the codec's own scratch.

function columnsToSeal(record: usize, count: u32): usize {
  const hasHistograms = (load<u32>(record, R_FLAGS) & FLAG_HISTOGRAMS) != 0
  return scratch((count << 4) + sealScratch(count) + (hasHistograms ? MAX_SECTION_BYTES + histogramWorkBytes(count) + 16 : encodedCapacity(count)))
}

/** What the codec works in, and some for alignment. */
// @ts-ignore: decorator
@inline
function sealScratch(count: u32): u32 {
  return (count << 6) + 8192
}

// @ts-ignore: decorator
@inline
function encodedCapacity(count: u32): u32 {
  return (count * 24 + 256 + 15) & ~15
}

// @ts-ignore: decorator
@inline
function mayHaveMarks(record: usize, values: usize, count: u32): bool {
  return (load<u32>(record, R_FLAGS) & FLAG_HISTOGRAMS) != 0 && hasMarks(values, count)
}

/**
 * Encodes samples `from` to `to` of the columns (of `total` samples each), among which are marks, into chunks, more than one where
 * histograms have very many buckets, and gives the rows back. The columns are those of `columnsToSeal`.
 */
function sealHistograms(columns: usize, total: u32, from: u32, to: u32, firstAt: usize, lastAt: usize, flags: u16): void {
  const times = columns
  const values = columns + (<usize>total << 3)
  const own = values + (<usize>from << 3)
  retireRows(own, to - from)
  const room = ARENA_START + rowRoom(own, to - from)
  const arena = alloc(ARENA_BYTES + room)
  openArena(arena, arena + <usize>ARENA_BYTES, room)
  if (!decodeRows(own, to - from, arena)) unreachable()
  const out = (columns + (<usize>total << 4) + 15) & ~15
  const work = out + <usize>MAX_SECTION_BYTES
  while (from < to) {
    let end = to
    let length = -1
    while (true) {
      const at = <usize>from << 3
      length = encodeHistogramChunk(times + at, values + at, <i32>(end - from), arena, out, <i32>MAX_SECTION_BYTES, work, work + <usize>histogramWorkBytes(total))
      if (length >= 0 || end == from + 1) break
      end = from + ((end - from) >> 1)
    }
    linkChunk(firstAt, lastAt, newChunk(out, length, end - from, <i64>load<f64>(times + (<usize>from << 3)), <i64>load<f64>(times + (<usize>(end - 1) << 3)), flags))
    from = end
  }
  free(arena, ARENA_BYTES + room)
}

/** Encodes samples `from` to `to` of the columns (of `total` samples each) into a chunk of its own. */
function encodeColumns(columns: usize, total: u32, from: u32, to: u32, flags: u16): usize {
  const times = columns + (<usize>from << 3)
  const values = columns + (<usize>(total + from) << 3)
  const count = to - from
  const out = (columns + (<usize>total << 4) + 15) & ~15
  const capacity = encodedCapacity(count)
  const length = encodeChunk(times, values, <i32>count, out, <i32>capacity, out + encodedCapacity(total))
  return newChunk(out, length, count, <i64>load<f64>(times), <i64>load<f64>(times + (<usize>(count - 1) << 3)), flags)
}

/** Makes a chunk of a series' samples, which are of one day and newer than all it has; it must have none that are active. Returns it. */
export function sealColumns(record: usize, times: usize, values: usize, count: u32): usize {
  const out = scratch(encodedCapacity(count) + sealScratch(count))
  const capacity = encodedCapacity(count)
  const length = encodeChunkOf<i64>(times, values, <i32>count, out, <i32>capacity, out + capacity)
  const first = load<i64>(times)
  const last = <usize>(count - 1) << 3
  const chunk = newChunk(out, length, count, first, load<i64>(times + last), 0)
  linkChunk(record + R_SEALED_FIRST, record + R_SEALED_LAST, chunk)
  const day = dayOf(first)
  if (day < load<i32>(record, R_FIRST_DAY)) store<i32>(record, day, R_FIRST_DAY)
  store<i64>(record, load<i64>(times + last), R_LAST_TIME)
  store<u64>(record, load<u64>(values + last), R_LAST_VALUE)
  store<u32>(record, (load<u32>(record, R_FLAGS) | FLAG_HAS_LAST) & ~FLAG_LAST_VALUE_UNKNOWN, R_FLAGS)
  return chunk
}

function newChunk(encoded: usize, length: i32, count: u32, minTime: i64, maxTime: i64, flags: u16): usize {
  if (length < 0) unreachable()
  const chunk = alloc(<u32>CHUNK_HEADER + <u32>length + CHUNK_PADDING)
  store<u32>(chunk, 0, C_NEXT)
  store<u32>(chunk, <u32>length, C_LENGTH)
  store<i64>(chunk, minTime, C_MIN_TIME)
  store<i64>(chunk, maxTime, C_MAX_TIME)
  store<u16>(chunk, <u16>count, C_COUNT)
  store<u16>(chunk, flags, C_FLAGS)
  memory.copy(chunk + CHUNK_HEADER, encoded, length)
  store<u64>(chunk + CHUNK_HEADER + <usize>length, 0)
  store<u32>(CHUNK_COUNT, load<u32>(CHUNK_COUNT) + 1)
  store<i64>(CHUNK_BYTES, load<i64>(CHUNK_BYTES) + <i64>length + <i64>CHUNK_HEADER)
  store<i64>(CHUNK_SAMPLES, load<i64>(CHUNK_SAMPLES) + <i64>count)
  return chunk
}

/** Start-up: adds a chunk that is in a checkpoint behind the others of the series. */
export function addLoadedChunk(record: usize, data: usize, length: u32, minTime: i64, maxTime: i64, count: u16, isOutOfOrder: bool): void {
  const day = dayOf(minTime)
  if (day < load<i32>(record, R_FIRST_DAY)) store<i32>(record, day, R_FIRST_DAY)
  const chunk = newChunk(data, <i32>length, count, minTime, maxTime, isOutOfOrder ? CHUNK_SAVED | CHUNK_OUT_OF_ORDER : CHUNK_SAVED)
  if (chunkSampleCount(data, <i32>length) > 0 && isHistogramSection(valuesSection(data))) noteHistograms(record)
  if (!isOutOfOrder) {
    linkChunk(record + R_SEALED_FIRST, record + R_SEALED_LAST, chunk)
    return
  }
  const part = outOfOrderPart(record)
  linkChunk(part + O_FIRST, part + O_LAST, chunk)
}

function linkChunk(firstAt: usize, lastAt: usize, chunk: usize): void {
  const last: usize = load<u32>(lastAt)
  atomic.store<u32>(last == 0 ? firstAt : last, <u32>chunk)
  store<u32>(lastAt, <u32>chunk)
}

/** Takes a chunk out of the chain and frees it once no reader can see it. */
export function dropChunk(firstAt: usize, lastAt: usize, chunk: usize): void {
  let previous: usize = 0
  let at: usize = load<u32>(firstAt)
  while (at != chunk) {
    if (at == 0) unreachable()
    previous = at
    at = load<u32>(at, C_NEXT)
  }
  atomic.store<u32>(previous == 0 ? firstAt : previous, load<u32>(chunk, C_NEXT))
  if (load<u32>(lastAt) == <u32>chunk) store<u32>(lastAt, <u32>previous)
  const length = load<u32>(chunk, C_LENGTH)
  store<u32>(CHUNK_COUNT, load<u32>(CHUNK_COUNT) - 1)
  store<i64>(CHUNK_BYTES, load<i64>(CHUNK_BYTES) - <i64>length - <i64>CHUNK_HEADER)
  store<i64>(CHUNK_SAMPLES, load<i64>(CHUNK_SAMPLES) - <i64>load<u16>(chunk, C_COUNT))
  retire(chunk, <u32>CHUNK_HEADER + length + CHUNK_PADDING)
}

/** The series' out-of-order part, new if need be. */
function outOfOrderPart(record: usize): usize {
  let part: usize = load<u32>(record, R_OUT_OF_ORDER)
  if (part == 0) {
    part = alloc(OUT_OF_ORDER_BYTES)
    memory.fill(part, 0, OUT_OF_ORDER_BYTES)
    atomic.store<u32>(record, <u32>part, R_OUT_OF_ORDER)
  }
  return part
}

/** The same for a histogram of a batch, by its image. */
export function insertHistogram(record: usize, time: i64, mark: u64, image: usize, length: u32): void {
  noteHistograms(record)
  insertOutOfOrder(record, time, lateRow(mark, image, length))
}

/** Inserts a sample that is not newer than the series' last one. A sample of the same time is replaced: the last write wins. */
export function insertOutOfOrder(record: usize, time: i64, value: u64): void {
  const part = outOfOrderPart(record)
  const day = dayOf(time)
  if (day < load<i32>(record, R_FIRST_DAY)) store<i32>(record, day, R_FIRST_DAY)
  let word = load<u64>(part, O_BUFFER)
  if (<u32>(word >> 32) >= MAX_OUT_OF_ORDER) {
    sealOutOfOrder(record)
    word = 0
  }
  const buffer: usize = <u32>word
  const count = <u32>(word >> 32)
  const at = lowerBound(buffer, count, time)
  if (at < count && load<i64>(buffer + (<usize>at << 4)) == time) {
    const before = buffer + (<usize>at << 4) + 8
    const replaced = load<u64>(before)
    atomic.store<u64>(before, value)
    if (isMark(replaced)) retire(markPlace(replaced), load<u32>(markPlace(replaced)))
    return
  }
  store<i64>(ACTIVE_SAMPLES, load<i64>(ACTIVE_SAMPLES) + 1)
  const capacity = load<u32>(part, O_CAPACITY)
  if (at == count && count < capacity) {
    store<i64>(buffer + (<usize>at << 4), time)
    store<u64>(buffer + (<usize>at << 4), value, 8)
    atomic.store<u64>(part, word + (1 << 32), O_BUFFER)
    return
  }
  // In the middle, or no room: a new buffer, since readers may be in the old one.
  const grown = count < capacity ? capacity : count == 0 ? 4 : count << 1
  const fresh = alloc(grown << 4)
  copyBytes(fresh, buffer, at << 4)
  const place = fresh + (<usize>at << 4)
  store<i64>(place, time)
  store<u64>(place, value, 8)
  copyBytes(place + 16, buffer + (<usize>at << 4), (count - at) << 4)
  atomic.store<u64>(part, <u64>(<u32>fresh) | (<u64>(count + 1) << 32), O_BUFFER)
  store<u32>(part, grown, O_CAPACITY)
  if (capacity != 0) retire(buffer, capacity << 4)
}

function lowerBound(buffer: usize, count: u32, time: i64): u32 {
  if (count == 0 || load<i64>(buffer + (<usize>(count - 1) << 4)) < time) return count
  let low: u32 = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >> 1
    if (load<i64>(buffer + (<usize>middle << 4)) < time) low = middle + 1
    else high = middle
  }
  return low
}

/** Seals the out-of-order buffer, one chunk per UTC day. */
export function sealOutOfOrder(record: usize): void {
  const part: usize = load<u32>(record, R_OUT_OF_ORDER)
  if (part == 0) return
  const word = load<u64>(part, O_BUFFER)
  const count = <u32>(word >> 32)
  if (count == 0) return
  const buffer: usize = <u32>word
  const columns = columnsToSeal(record, count)
  const values = columns + (<usize>count << 3)
  for (let i: u32 = 0; i < count; i++) {
    store<f64>(columns + (<usize>i << 3), <f64>load<i64>(buffer + (<usize>i << 4)))
    store<u64>(values + (<usize>i << 3), load<u64>(buffer + (<usize>i << 4), 8))
  }
  let from: u32 = 0
  while (from < count) {
    const day = dayOf(load<i64>(buffer + (<usize>from << 4)))
    let to = from + 1
    while (to < count && dayOf(load<i64>(buffer + (<usize>to << 4))) == day) to++
    if (mayHaveMarks(record, values + (<usize>from << 3), to - from)) sealHistograms(columns, count, from, to, part + O_FIRST, part + O_LAST, CHUNK_OUT_OF_ORDER)
    else linkChunk(part + O_FIRST, part + O_LAST, encodeColumns(columns, count, from, to, CHUNK_OUT_OF_ORDER))
    from = to
  }
  atomic.store<u64>(part, 0, O_BUFFER)
  const capacity = load<u32>(part, O_CAPACITY)
  store<u32>(part, 0, O_CAPACITY)
  store<i64>(ACTIVE_SAMPLES, load<i64>(ACTIVE_SAMPLES) - <i64>count)
  retire(buffer, capacity << 4)
}
