// The series of a part of a query in one call: of each the samples are read, windows slid over them and a column computed, which
// is kept or added to the accumulator of the part. What takes memory or the disk is the caller's: the kernel leaves
// off, says what it needs, and is called again from that series on.
//
// Task: { read state u32 (read.ts), windows u32 (windows.ts), refs u32, partitions u32, of these how many u32, function i32, its
//   variant i32, operation i32 (accumulate.ts, 0 to keep columns), values u32, present u32, found u32, seen u32, held u32,
//   scratch u32, samples that scratch has room for i32, most samples of a series i32, whether the accumulator is empty i32,
//   what is needed i32, how much of it or of which partition i32, zero u32, from f64, to f64, divisor f64 }
// Of columns that are kept those of the first series are named, else those of every series. Per partition
//   { entries u32 -> a u32 per series, of stored.ts, 0 or UNKNOWN; whether it has chunks out of order u32 }.
// `found` is an i32 per series: the steps that have a value; `seen` and `held` are f64: the samples that the steps saw, and those that were in memory.

import { hasRows } from '../codec/histogramArena'
import { addInOrder, addOutOfOrder, beginRead, S_ARENA, S_CHUNKS, S_COUNT, S_TIMES, S_VALUES } from '../samples/read'
import { addColumn, flagsOfFirst } from './accumulate'
import { extrapolate, lastTwo } from './extrapolate'
import { extremeWindows, sumWindows } from './overTime'
import { addStored } from './stored'
import { countFlags, extrapolationOf, firstStale, K_FROM, K_TO, K_TOTAL, removeStale, takeNewest, W_STEPS, windowsOver } from './windows'

const T_READ: usize = 0
export const T_WINDOWS: usize = 4
const T_REFS: usize = 8
const T_PARTITIONS: usize = 12
const T_PARTITION_COUNT: usize = 16
const T_FUNCTION: usize = 20
const T_VARIANT: usize = 24
const T_OPERATION: usize = 28
export const T_VALUES: usize = 32
export const T_PRESENT: usize = 36
export const T_FOUND: usize = 40
export const T_SEEN: usize = 44
export const T_HELD: usize = 48
export const T_SCRATCH: usize = 52
export const T_SCRATCH_ROOM: usize = 56
const T_MOST_SAMPLES: usize = 60
const T_IS_EMPTY: usize = 64
export const T_NEED: usize = 68
export const T_AMOUNT: usize = 72
export const T_MIN: usize = 80
export const T_MAX: usize = 88
const T_DIVISOR: usize = 96

// Functions, and what their variants mean.
const NEWEST: i32 = 0
/** `rate`, `increase` and `delta`; whether of counters. */
const EXTRAPOLATED: i32 = 1
/** `irate` and `idelta`; whether a rate. */
const LAST_TWO: i32 = 2
/** Whether a mean. */
const SUMS: i32 = 3
/** The sign of the greater one. */
const EXTREMES: i32 = 4

// What may be needed.
const NOTHING: i32 = 0
/** The entry of a partition. */
const ENTRY: i32 = 1
/** Columns to read into. */
const COLUMNS: i32 = 2
/** Scratch of 16 bytes for each of so many samples. */
const SCRATCH: i32 = 3
/** A slot for windows over so many samples. */
const WINDOWS: i32 = 4
/** Another way: the series has histograms, more samples than it may, or is damaged. */
const ANOTHER_WAY: i32 = 5

/** In place of an entry that nobody has looked for. */
const UNKNOWN: u32 = 1

/** Evaluates the series from `index` on and returns the one before which it left off, `end` when all are done. `at` is the part's accumulator. */
export function evaluatePart(task: usize, index: i32, end: i32, at: usize): i32 {
  const state: usize = load<u32>(task, T_READ)
  for (; index < end; index++) {
    const chunks = load<u32>(state, S_CHUNKS)
    const need = evaluate(task, index, at)
    if (need == NOTHING) continue
    store<i32>(task, need, T_NEED)
    // They will be decoded again.
    store<u32>(state, chunks, S_CHUNKS)
    return index
  }
  return end
}

function evaluate(task: usize, index: i32, at: usize): i32 {
  const need = read(task, index)
  if (need != NOTHING) return need
  const state: usize = load<u32>(task, T_READ)
  const times: usize = load<u32>(state, S_TIMES)
  const values: usize = load<u32>(state, S_VALUES)
  let length = load<i32>(state, S_COUNT)
  if (hasRows(state + S_ARENA)) return ANOTHER_WAY
  const code = load<i32>(task, T_FUNCTION)
  if (code != NEWEST) {
    const stale = firstStale(values, length)
    if (stale < length) length = removeStale(times, values, length, stale)
    if (length > load<i32>(task, T_MOST_SAMPLES)) return ANOTHER_WAY
  }
  let seen: f64 = 0
  let found = 0
  if (length > 0) {
    const windows: usize = load<u32>(task, T_WINDOWS)
    const count = load<i32>(windows, W_STEPS)
    if (code != NEWEST && length > load<i32>(task, T_SCRATCH_ROOM)) return needs(task, SCRATCH, length)
    const slot = windowsOver(windows, times, length)
    if (slot == 0) return needs(task, WINDOWS, length)
    const operation = load<i32>(task, T_OPERATION)
    const kept = operation == 0 ? <usize>index * <usize>count : 0
    const first: usize = operation != 0 && load<i32>(task, T_IS_EMPTY) ? flagsOfFirst(operation, count, at) : 0
    const out = first != 0 ? at : <usize>load<u32>(task, T_VALUES) + (kept << 3)
    const present = first != 0 ? first : <usize>load<u32>(task, T_PRESENT) + kept
    if (first == 0) memory.fill(present, 0, count)
    found = compute(task, slot, length, out, present)
    seen = code == NEWEST ? <f64>found : load<f64>(slot, K_TOTAL)
    if (found > 0 && operation != 0) {
      if (first == 0) addColumn(operation, out, present, count, at)
      store<i32>(task, 0, T_IS_EMPTY)
    }
  }
  store<i32>(<usize>load<u32>(task, T_FOUND) + (<usize>index << 2), found)
  store<f64>(<usize>load<u32>(task, T_SEEN) + (<usize>index << 3), seen)
  store<f64>(<usize>load<u32>(task, T_HELD) + (<usize>index << 3), code == NEWEST ? 0 : <f64>length)
  return NOTHING
}

/** The function's values at the steps of the slot's windows; how many there are. */
function compute(task: usize, slot: usize, length: i32, out: usize, present: usize): i32 {
  const code = load<i32>(task, T_FUNCTION)
  const variant = load<i32>(task, T_VARIANT)
  const state: usize = load<u32>(task, T_READ)
  const values: usize = load<u32>(state, S_VALUES)
  const scratch: usize = load<u32>(task, T_SCRATCH)
  const windows: usize = load<u32>(task, T_WINDOWS)
  const count = load<i32>(windows, W_STEPS)
  const from: usize = load<u32>(slot, K_FROM)
  const to: usize = load<u32>(slot, K_TO)
  if (code == NEWEST) return takeNewest(values, from, to, count, out, present)
  if (code == EXTRAPOLATED) {
    const divisor = load<f64>(task, T_DIVISOR)
    return extrapolate(values, length, from, to, count, extrapolationOf(windows, slot, divisor), variant, divisor, scratch, out, present)
  }
  if (code == LAST_TWO) lastTwo(load<u32>(state, S_TIMES), values, from, to, count, variant, out, present)
  else if (code == SUMS) sumWindows(values, length, from, to, count, variant, scratch, out, present)
  else if (code == EXTREMES) extremeWindows(values, length, from, to, count, <f64>variant, scratch, out, present)
  return countFlags(present, count)
}

/** The series' samples, as `readSeries` in storage/querier/seriesReads.ts reads them. */
function read(task: usize, index: i32): i32 {
  const state: usize = load<u32>(task, T_READ)
  const ref = load<u32>(<usize>load<u32>(task, T_REFS) + (<usize>index << 2))
  const minTime = load<f64>(task, T_MIN)
  const inMemoryFrom = beginRead(state, ref, minTime, load<f64>(task, T_MAX))
  const partitions: usize = load<u32>(task, T_PARTITIONS)
  const partitionCount = load<i32>(task, T_PARTITION_COUNT)
  let hasLate = false
  for (let i = 0; i < partitionCount; i++) {
    const partition = partitions + (<usize>i << 3)
    const isLate = load<u32>(partition, 4) != 0
    // Disk in order may only be left out where no late samples can be.
    if (inMemoryFrom <= minTime && !isLate) continue
    const entry = load<u32>(<usize>load<u32>(partition) + (<usize>index << 2))
    if (entry == UNKNOWN) return needs(task, ENTRY, i)
    if (isLate) hasLate = true
    const status = entry == 0 ? 0 : addStored(state, entry, 0, inMemoryFrom)
    if (status != 0) return status < 0 ? ANOTHER_WAY : needs(task, COLUMNS, status)
  }
  let status = addInOrder(state)
  if (status != 0) return status < 0 ? ANOTHER_WAY : needs(task, COLUMNS, status)
  for (let i = 0; hasLate && i < partitionCount; i++) {
    const partition = partitions + (<usize>i << 3)
    if (load<u32>(partition, 4) == 0) continue
    const entry = load<u32>(<usize>load<u32>(partition) + (<usize>index << 2))
    status = entry == 0 ? 0 : addStored(state, entry, 1, Infinity)
    if (status != 0) return status < 0 ? ANOTHER_WAY : needs(task, COLUMNS, status)
  }
  status = addOutOfOrder(state, ref)
  if (status == 0) return NOTHING
  return status < 0 ? ANOTHER_WAY : needs(task, COLUMNS, status)
}

// @ts-ignore: decorator
@inline
function needs(task: usize, need: i32, amount: i32): i32 {
  store<i32>(task, amount, T_AMOUNT)
  return need
}
