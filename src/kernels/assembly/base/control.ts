// Start of a memory, and the settings and counters that the main thread reads and writes from outside.

import {
  ACTIVE_SAMPLES, ALLOCATED_BYTES, APPENDED_SAMPLES, CHUNK_BYTES, CHUNK_COUNT, CHUNK_SAMPLES, EPOCH, FIXED_END,
  FREE_PAIR_COUNT, FREE_SYMBOL_COUNT, HASH_SECRET, HEAD_MAX_TIME,
  HEAD_MIN_TIME, LISTED, MAX_REF, MIN_VALID_FLOOR, NAME_COUNT, NEXT_REF, OUT_OF_ORDER_WINDOW, PAIR_COUNT, POWERS_OF_TEN, READER_SLOT_COUNT,
  RETIRED_BYTES, SERIES_COUNT, SYMBOL_COUNT,
} from './layout'

/** Where `initialize` wants the hash secret (32 random bytes) and the table of powers of ten. */
export function hashSecretAddress(): usize {
  return HASH_SECRET
}

export function powersOfTenAddress(): usize {
  return POWERS_OF_TEN
}

export function fixedBytes(): usize {
  return FIXED_END
}

export function readerSlotCount(): i32 {
  return READER_SLOT_COUNT
}

/** Makes fresh (zero) memory a head's memory. Once, on the main thread, before any other call. */
export function initialize(): void {
  atomic.store<u32>(EPOCH, 1)
  store<u32>(NEXT_REF, 1)
  store<i64>(HEAD_MAX_TIME, i64.MIN_VALUE)
  store<i64>(HEAD_MIN_TIME, i64.MAX_VALUE)
  store<i64>(MIN_VALID_FLOOR, i64.MIN_VALUE)
  // The multipliers of the hash must be odd.
  store<u64>(HASH_SECRET, load<u64>(HASH_SECRET) | 1)
  store<u64>(HASH_SECRET, load<u64>(HASH_SECRET, 8) | 1, 8)
}

export function setOutOfOrderWindow(windowMs: f64): void {
  store<i64>(OUT_OF_ORDER_WINDOW, i64(windowMs))
}

export function raiseMaxTime(time: f64): void {
  const value = i64(time)
  if (value > load<i64>(HEAD_MAX_TIME)) store<i64>(HEAD_MAX_TIME, value)
}

export function raiseNextRef(ref: u32): void {
  if (ref > load<u32>(NEXT_REF)) store<u32>(NEXT_REF, ref)
}

export function maxRef(): u32 {
  return atomic.load<u32>(MAX_REF)
}

/** Has grown when there are series that readers could not find before. */
export function listedCount(): u32 {
  return atomic.load<u32>(LISTED)
}

export function seriesCount(): u32 {
  return load<u32>(SERIES_COUNT)
}

export function symbolCount(): u32 {
  return load<u32>(SYMBOL_COUNT) - load<u32>(FREE_SYMBOL_COUNT)
}

export function pairCount(): u32 {
  return atomic.load<u32>(PAIR_COUNT) - load<u32>(FREE_PAIR_COUNT)
}

/** The greatest id of a pair; some below may be free. */
export function maxPair(): u32 {
  return atomic.load<u32>(PAIR_COUNT)
}

export function nameCount(): u32 {
  return atomic.load<u32>(NAME_COUNT)
}

/** -Infinity when there was no sample. */
export function headMaxTime(): f64 {
  const time = load<i64>(HEAD_MAX_TIME)
  return time == i64.MIN_VALUE ? -Infinity : f64(time)
}

/** Of all samples appended since the start; Infinity when there was none. */
export function headMinTime(): f64 {
  const time = load<i64>(HEAD_MIN_TIME)
  return time == i64.MAX_VALUE ? Infinity : f64(time)
}

export function chunkCount(): u32 {
  return load<u32>(CHUNK_COUNT)
}

export function chunkBytes(): f64 {
  return f64(load<i64>(CHUNK_BYTES))
}

export function samplesInMemory(): f64 {
  return f64(load<i64>(ACTIVE_SAMPLES) + load<i64>(CHUNK_SAMPLES))
}

export function appendedSamples(): f64 {
  return f64(load<i64>(APPENDED_SAMPLES))
}

export function allocatedBytes(): f64 {
  return f64(load<i64>(ALLOCATED_BYTES))
}

export function retiredBytes(): f64 {
  return f64(load<i64>(RETIRED_BYTES))
}
