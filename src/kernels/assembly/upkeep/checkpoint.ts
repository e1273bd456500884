// Chunks of the head on their way to a checkpoint and back. A packed chunk, not aligned:
//
//    0 ref u32
//    4 data bytes u32
//    8 min time i64
//   16 max time i64
//   24 samples u16, 26 flags u16     1: out of order; 2: `last value` counts
//   28 last value u64                of the newest sample in order, where this chunk has it
//   36 the data of the chunk

import { APPENDED_SAMPLES, HEAD_MAX_TIME, HEAD_MIN_TIME } from '../base/layout'
import { chunkSampleCount, valuesSection } from '../codec/codec'
import { isHistogramSection } from '../codec/histogramSection'
import { CHUNK_OUT_OF_ORDER, CHUNK_SAVED, linkChunk, newChunk } from '../samples/chunkChain'
import { O_FIRST, O_LAST, outOfOrderPart } from '../samples/outOfOrder'
import {
  dayOf, FLAG_HAS_LAST, FLAG_LAST_VALUE_UNKNOWN, hasSeries, noteHistograms, R_FIRST_DAY, R_FLAGS, R_LAST_TIME, R_LAST_VALUE, R_SEALED_FIRST, R_SEALED_LAST,
  seriesRecord,
} from '../samples/seriesRecord'
import { ENTRY_BYTES, ENTRY_HAS_LAST_VALUE } from './flush'

const P_LENGTH: usize = 4
const P_MIN_TIME: usize = 8
const P_MAX_TIME: usize = 16
const P_COUNT: usize = 24
const P_FLAGS: usize = 26
const P_LAST_VALUE: usize = 28
const PACKED_HEADER: usize = 36

/**
 * Packs the chunks of entries `from` to `to` of a flush's list, as many as fit into `capacity` bytes at `out`. Returns the
 * first entry that is not packed; the length (u32) goes to `length`. Any thread, while the flush lasts.
 */
export function packEntries(list: usize, from: u32, to: u32, out: usize, capacity: u32, length: usize): u32 {
  let at = out
  for (; from < to; from++) {
    const entry = list + <usize>from * ENTRY_BYTES
    const bytes = load<u32>(entry, 28)
    if (at + PACKED_HEADER + bytes > out + capacity) break
    store<u32>(at, load<u32>(entry))
    store<u32>(at, bytes, P_LENGTH)
    store<i64>(at, <i64>load<f64>(entry, 8), P_MIN_TIME)
    store<i64>(at, <i64>load<f64>(entry, 16), P_MAX_TIME)
    store<u16>(at, load<u16>(entry, 32), P_COUNT)
    store<u16>(at, load<u16>(entry, 4), P_FLAGS)
    store<u64>(at, load<u64>(entry, 40), P_LAST_VALUE)
    memory.copy(at + PACKED_HEADER, load<u32>(entry, 24), bytes)
    at += PACKED_HEADER + bytes
  }
  store<u32>(length, <u32>(at - out))
  return from
}

/**
 * Start-up: adds the packed chunks from `at` to `end`, oldest first. Those of series that nobody knows are left out. The
 * number of samples (u32) goes to `samples`. False when the last one ends behind `end`; those before it are added.
 */
export function restoreChunks(at: usize, end: usize, samples: usize): bool {
  let total: u32 = 0
  let least = load<i64>(HEAD_MIN_TIME)
  let greatest = load<i64>(HEAD_MAX_TIME)
  while (at + PACKED_HEADER <= end && <usize>load<u32>(at, P_LENGTH) <= end - at - PACKED_HEADER) {
    const ref = load<u32>(at)
    const data = at + PACKED_HEADER
    if (hasSeries(ref)) {
      const count = load<u16>(at, P_COUNT)
      least = min(least, load<i64>(at, P_MIN_TIME))
      greatest = max(greatest, load<i64>(at, P_MAX_TIME))
      restoreChunk(seriesRecord(ref), at, data, count)
      total += count
    }
    at = data + load<u32>(at, P_LENGTH)
  }
  store<i64>(HEAD_MIN_TIME, least)
  store<i64>(HEAD_MAX_TIME, greatest)
  store<i64>(APPENDED_SAMPLES, load<i64>(APPENDED_SAMPLES) + <i64>total)
  store<u32>(samples, total)
  return at == end
}

function restoreChunk(record: usize, packed: usize, data: usize, count: u16): void {
  const minTime = load<i64>(packed, P_MIN_TIME)
  const maxTime = load<i64>(packed, P_MAX_TIME)
  const flags = load<u32>(record, R_FLAGS)
  // As in the replay of a record: what is not newer than all before it is out of order.
  const isLate = (flags & FLAG_HAS_LAST) != 0 && minTime <= load<i64>(record, R_LAST_TIME)
  const isOutOfOrder = isLate || (load<u16>(packed, P_FLAGS) & CHUNK_OUT_OF_ORDER) != 0
  addLoadedChunk(record, data, load<u32>(packed, P_LENGTH), minTime, maxTime, count, isOutOfOrder)
  if (isOutOfOrder) return
  store<i64>(record, maxTime, R_LAST_TIME)
  store<u64>(record, load<u64>(packed, P_LAST_VALUE), R_LAST_VALUE)
  const isKnown = (load<u16>(packed, P_FLAGS) & ENTRY_HAS_LAST_VALUE) != 0
  store<u32>(record, isKnown ? (flags | FLAG_HAS_LAST) & ~FLAG_LAST_VALUE_UNKNOWN : flags | FLAG_HAS_LAST | FLAG_LAST_VALUE_UNKNOWN, R_FLAGS)
}

/** Adds a chunk that is in a checkpoint behind the others of the series. */
function addLoadedChunk(record: usize, data: usize, length: u32, minTime: i64, maxTime: i64, count: u16, isOutOfOrder: bool): void {
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
