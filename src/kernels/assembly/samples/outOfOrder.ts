// Samples of a series that are not newer than its last one: a buffer that is kept in the order of time and sealed into chunks
// of its own. Readers may be in the buffer at any moment, so it grows by a copy but at its end.
//
// Out-of-order part: { buffer { ptr u32, count u32 }, capacity u32, first chunk u32, last chunk u32, zero u32 };
// the buffer holds { time i64, value u64 } ascending.

import { copyBytes } from '../base/bytes'
import { retire } from '../base/epochs'
import { ACTIVE_SAMPLES } from '../base/layout'
import { alloc } from '../base/memory'
import { isMark, markPlace } from '../codec/histogramMark'
import { CHUNK_OUT_OF_ORDER, linkChunk } from './chunkChain'
import { lateRow } from './histogramRows'
import { columnsToSeal, encodeColumns, mayHaveMarks, sealHistograms } from './seal'
import { dayOf, noteHistograms, R_FIRST_DAY, R_OUT_OF_ORDER } from './seriesRecord'

export const O_BUFFER: usize = 0
export const O_CAPACITY: usize = 8
export const O_FIRST: usize = 12
export const O_LAST: usize = 16
export const OUT_OF_ORDER_BYTES: u32 = 24

const MAX_OUT_OF_ORDER: u32 = 128

/** The series' out-of-order part, new if need be. */
export function outOfOrderPart(record: usize): usize {
  let part: usize = load<u32>(record, R_OUT_OF_ORDER)
  if (part == 0) {
    part = alloc(OUT_OF_ORDER_BYTES)
    memory.fill(part, 0, OUT_OF_ORDER_BYTES)
    atomic.store<u32>(record, <u32>part, R_OUT_OF_ORDER)
  }
  return part
}

/** Inserts a histogram of a batch, by its image: see `insertOutOfOrder`. */
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
