// Flushing: seals all samples and lists the chunks that are not in a partition yet (or, for a checkpoint, in neither), in steps
// that the main thread can take between other work; later drops the chunks of a finished flush from memory.
//
// Flush state: { next ref u32, mark u32, list u32, count u32, capacity u32, zero, min time f64, max time f64,
// samples f64 }. The mark is
// CHUNK_LISTED for a flush, CHUNK_SAVED for a checkpoint.
// Entry: { ref u32, flags u32, min time f64, max time f64, data u32, data bytes u32, samples u32, zero, last value u64 }; flags
// as in checkpoint.ts, and so is the last value.

import { MAX_REF } from '../base/layout'
import { alloc, free, usableBytes } from '../base/memory'
import { sealActive } from '../samples/append'
import {
  C_COUNT, C_FLAGS, C_LENGTH, C_MAX_TIME, C_MIN_TIME, C_NEXT, CHUNK_HEADER, CHUNK_LISTED, CHUNK_OUT_OF_ORDER, CHUNK_SAVED, dropChunk,
} from '../samples/chunkChain'
import { comparableValue } from '../samples/histogramRows'
import { O_BUFFER, O_FIRST, O_LAST, sealOutOfOrder } from '../samples/outOfOrder'
import {
  FLAG_LAST_VALUE_UNKNOWN, nextSeries, R_ACTIVE_COUNT, R_FLAGS, R_LAST_TIME, R_LAST_VALUE, R_OUT_OF_ORDER, R_SEALED_FIRST, R_SEALED_LAST, seriesRecord,
} from '../samples/seriesRecord'

const F_NEXT_REF: usize = 0
const F_MARK: usize = 4
const F_LIST: usize = 8
const F_COUNT: usize = 12
const F_CAPACITY: usize = 16
const F_MIN: usize = 24
const F_MAX: usize = 32
const F_SAMPLES: usize = 40
const FLUSH_BYTES: u32 = 48
export const ENTRY_BYTES: usize = 48
/** Beside CHUNK_OUT_OF_ORDER. */
export const ENTRY_HAS_LAST_VALUE: u16 = 2

/** What one series costs in a step even when it has nothing to do, in samples. */
const SERIES_COST: u32 = 8

export function newFlush(isCheckpoint: bool): usize {
  const flush = alloc(FLUSH_BYTES)
  memory.fill(flush, 0, FLUSH_BYTES)
  store<u32>(flush, <u32>(isCheckpoint ? CHUNK_SAVED : CHUNK_LISTED), F_MARK)
  store<u32>(flush, 1, F_NEXT_REF)
  store<f64>(flush, Infinity, F_MIN)
  store<f64>(flush, -Infinity, F_MAX)
  return flush
}

/** Seals and lists series until about `budget` samples are encoded. Returns whether all series are done. */
export function flushStep(flush: usize, budget: u32): bool {
  const maxRef = load<u32>(MAX_REF)
  let ref = load<u32>(flush, F_NEXT_REF)
  let spent: u32 = 0
  while (spent < budget) {
    const next = nextSeries(ref)
    if (next == 0) {
      ref = maxRef + 1
      break
    }
    spent += flushSeries(flush, next) + SERIES_COST
    ref = next + 1
  }
  store<u32>(flush, ref, F_NEXT_REF)
  return ref > maxRef
}

function flushSeries(flush: usize, ref: u32): u32 {
  const record = seriesRecord(ref)
  let spent = <u32>load<u16>(record, R_ACTIVE_COUNT)
  if (spent > 0) sealActive(record)
  const part: usize = load<u32>(record, R_OUT_OF_ORDER)
  if (part != 0 && load<u32>(part, O_BUFFER) != 0) {
    sealOutOfOrder(record)
    spent += 64
  }
  listChain(flush, ref, load<u32>(record, R_SEALED_FIRST))
  if (part != 0) listChain(flush, ref, load<u32>(part, O_FIRST))
  return spent
}

function listChain(flush: usize, ref: u32, first: usize): void {
  const mark = load<u16>(flush, F_MARK)
  const record = seriesRecord(ref)
  for (let chunk = first; chunk != 0; chunk = load<u32>(chunk, C_NEXT)) {
    const flags = load<u16>(chunk, C_FLAGS)
    if ((flags & (CHUNK_LISTED | mark)) != 0) continue
    store<u16>(chunk, flags | mark, C_FLAGS)
    const minTime = <f64>load<i64>(chunk, C_MIN_TIME)
    const maxTime = <f64>load<i64>(chunk, C_MAX_TIME)
    const isOutOfOrder = (flags & CHUNK_OUT_OF_ORDER) != 0
    const isLastKnown = (load<u32>(record, R_FLAGS) & FLAG_LAST_VALUE_UNKNOWN) == 0
    const hasLast = !isOutOfOrder && isLastKnown && load<i64>(chunk, C_MAX_TIME) == load<i64>(record, R_LAST_TIME)
    const entry = nextEntry(flush)
    store<u32>(entry, ref)
    store<u32>(entry, (isOutOfOrder ? <u32>CHUNK_OUT_OF_ORDER : 0) | (hasLast ? <u32>ENTRY_HAS_LAST_VALUE : 0), 4)
    store<f64>(entry, minTime, 8)
    store<f64>(entry, maxTime, 16)
    store<u32>(entry, <u32>(chunk + CHUNK_HEADER), 24)
    store<u32>(entry, load<u32>(chunk, C_LENGTH), 28)
    store<u32>(entry, <u32>load<u16>(chunk, C_COUNT), 32)
    store<u32>(entry, 0, 36)
    store<u64>(entry, hasLast ? comparableValue(ref, load<u64>(record, R_LAST_VALUE)) : 0, 40)
    store<f64>(flush, load<f64>(flush, F_SAMPLES) + <f64>load<u16>(chunk, C_COUNT), F_SAMPLES)
    if (minTime < load<f64>(flush, F_MIN)) store<f64>(flush, minTime, F_MIN)
    if (maxTime > load<f64>(flush, F_MAX)) store<f64>(flush, maxTime, F_MAX)
  }
}

function nextEntry(flush: usize): usize {
  const count = load<u32>(flush, F_COUNT)
  const capacity = load<u32>(flush, F_CAPACITY)
  const list: usize = load<u32>(flush, F_LIST)
  store<u32>(flush, count + 1, F_COUNT)
  if (count < capacity) return list + <usize>count * ENTRY_BYTES
  const bytes = usableBytes(max(capacity << 1, 64) * <u32>ENTRY_BYTES)
  const grown = alloc(bytes)
  if (capacity > 0) {
    memory.copy(grown, list, <usize>count * ENTRY_BYTES)
    free(list, capacity * <u32>ENTRY_BYTES)
  }
  store<u32>(flush, <u32>grown, F_LIST)
  store<u32>(flush, bytes / <u32>ENTRY_BYTES, F_CAPACITY)
  return grown + <usize>count * ENTRY_BYTES
}

/** The chunks of entries `from` to `to` are not flushed after all. */
export function unlistEntries(flush: usize, from: u32, to: u32): void {
  const mark = load<u16>(flush, F_MARK)
  const list: usize = load<u32>(flush, F_LIST)
  for (let i = from; i < to; i++) {
    const chunk = <usize>load<u32>(list + <usize>i * ENTRY_BYTES, 24) - CHUNK_HEADER
    store<u16>(chunk, load<u16>(chunk, C_FLAGS) & ~mark, C_FLAGS)
  }
}

/** Takes the chunks of entries `from` to `to` out of memory. */
export function dropEntries(flush: usize, from: u32, to: u32): void {
  const list: usize = load<u32>(flush, F_LIST)
  for (let i = from; i < to; i++) {
    const entry = list + <usize>i * ENTRY_BYTES
    const record = seriesRecord(load<u32>(entry))
    const chunk = <usize>load<u32>(entry, 24) - CHUNK_HEADER
    if ((load<u32>(entry, 4) & CHUNK_OUT_OF_ORDER) == 0) {
      dropChunk(record + R_SEALED_FIRST, record + R_SEALED_LAST, chunk)
    } else {
      const part: usize = load<u32>(record, R_OUT_OF_ORDER)
      dropChunk(part + O_FIRST, part + O_LAST, chunk)
    }
  }
}

export function freeFlush(flush: usize): void {
  const capacity = load<u32>(flush, F_CAPACITY)
  if (capacity > 0) free(load<u32>(flush, F_LIST), capacity * <u32>ENTRY_BYTES)
  free(flush, FLUSH_BYTES)
}
