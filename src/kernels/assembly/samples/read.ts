// Reading samples of one series into columns, in any thread: encoded chunks, sealed chunks in memory, active blocks and
// the out-of-order part are added one after the other and merged; on the same time what was added later wins. The columns
// are the reader's own scratch. Nothing here writes to the head.
//
// Read state: { min f64, max f64, times u32, values u32, other times u32, other values u32, count u32, capacity u32,
// published u64, first sealed chunk u32, chunks decoded ever u32, flags of the series u32, zero u32, arena of histograms (histogramArena.ts) }. Published and first chunk are what `beginRead` saw of the series: a chunk that main drops
// from memory in the middle of a read is still there for this reader, who may have left out its copy on disk.
// Functions that add return OK, DAMAGED, or the capacity they need; after growing the columns they are called again,
// which adds the same samples again without harm. The same with NO_ARENA, after which the arena has to have what it says it needs.

import { DAY_MS } from '../base/layout'
import { chunkRoom, decodeChunk, valuesSection } from '../codec/codec'
import { clearArena } from '../codec/histogramArena'
import { decodeHistograms, DECODING_DAMAGED, DECODING_NO_ROOM, isHistogramSection } from '../codec/histogramSection'
import { B_BEFORE, copyBlocks, firstBlockTime } from './activeBlock'
import { C_COUNT, C_LENGTH, C_MAX_TIME, C_MIN_TIME, C_NEXT, CHUNK_HEADER } from './chunkChain'
import { decodeRows } from './histogramRows'
import { O_BUFFER, O_FIRST } from './outOfOrder'
import {
  FLAG_HAS_LAST, FLAG_HISTOGRAMS, hasHistograms, hasSeries, R_FIRST_DAY, R_FLAGS, R_LAST_TIME, R_OUT_OF_ORDER, R_PUBLISHED, R_SEALED_FIRST, seriesRecord,
} from './seriesRecord'

export const S_MIN: usize = 0
export const S_MAX: usize = 8
export const S_TIMES: usize = 16
export const S_VALUES: usize = 20
const S_OTHER_TIMES: usize = 24
const S_OTHER_VALUES: usize = 28
export const S_COUNT: usize = 32
export const S_CAPACITY: usize = 36
const S_PUBLISHED: usize = 40
const S_SEALED_FIRST: usize = 48
const S_FLAGS: usize = 56
export const S_CHUNKS: usize = 52
export const S_ARENA: usize = 64

const OK: i32 = 0
const DAMAGED: i32 = DECODING_DAMAGED
export const NO_ARENA: i32 = DECODING_NO_ROOM

/** Adds an encoded chunk. */
function addEncoded(state: usize, ptr: usize, length: i32): i32 {
  const room = chunkRoom(ptr, length)
  if (room < 0) return DAMAGED
  const count = load<i32>(state, S_COUNT)
  if (count + room > load<i32>(state, S_CAPACITY)) return count + room
  const samples = decodeChunk(ptr, length, tailTimes(state), tailValues(state), room)
  if (samples < 0) return DAMAGED
  const values = valuesSection(ptr)
  if (isHistogramSection(values)) {
    const status = decodeHistograms(values, <i32>(ptr + <usize>length - values), tailValues(state), samples, state + S_ARENA)
    if (status != OK) return status
  }
  store<u32>(state, load<u32>(state, S_CHUNKS) + 1, S_CHUNKS)
  addTail(state, samples)
  return OK
}

// @ts-ignore: decorator
@inline
export function tailTimes(state: usize): usize {
  return <usize>load<u32>(state, S_TIMES) + (<usize>load<u32>(state, S_COUNT) << 3)
}

// @ts-ignore: decorator
@inline
export function tailValues(state: usize): usize {
  return <usize>load<u32>(state, S_VALUES) + (<usize>load<u32>(state, S_COUNT) << 3)
}

/** Takes in the `samples` samples behind the columns: cuts them to the range, and merges when they do not simply follow. */
export function addTail(state: usize, samples: i32): void {
  const times = tailTimes(state)
  const values = tailValues(state)
  const count = load<i32>(state, S_COUNT)
  const first = count + lowerTime(times, samples, load<f64>(state, S_MIN))
  const end = count + upperTime(times, samples, load<f64>(state, S_MAX))
  const kept = end - first
  if (kept <= 0) return
  if (first > count) {
    const from = <usize>(first - count) << 3
    memory.copy(times, times + from, <usize>kept << 3)
    memory.copy(values, values + from, <usize>kept << 3)
  }
  if (count == 0 || load<f64>(times) > load<f64>(times - 8)) {
    store<i32>(state, count + kept, S_COUNT)
    return
  }
  mergeTail(state, count, kept)
}

function lowerTime(times: usize, count: i32, time: f64): i32 {
  if (count == 0 || load<f64>(times) >= time) return 0
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >> 1
    if (load<f64>(times + (<usize>middle << 3)) < time) low = middle + 1
    else high = middle
  }
  return low
}

function upperTime(times: usize, count: i32, time: f64): i32 {
  if (count == 0 || load<f64>(times + (<usize>(count - 1) << 3)) <= time) return count
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >> 1
    if (load<f64>(times + (<usize>middle << 3)) <= time) low = middle + 1
    else high = middle
  }
  return low
}

function mergeTail(state: usize, count: i32, added: i32): void {
  const times: usize = load<u32>(state, S_TIMES)
  const values: usize = load<u32>(state, S_VALUES)
  const outTimes: usize = load<u32>(state, S_OTHER_TIMES)
  const outValues: usize = load<u32>(state, S_OTHER_VALUES)
  const total = count + added
  let a = 0
  let b = count
  let out: usize = 0
  while (a < count || b < total) {
    let from: i32
    if (b == total) from = a++
    else if (a == count) from = b++
    else {
      const x = load<f64>(times + (<usize>a << 3))
      const y = load<f64>(times + (<usize>b << 3))
      if (x < y) from = a++
      else {
        if (x == y) a++
        from = b++
      }
    }
    store<f64>(outTimes + out, load<f64>(times + (<usize>from << 3)))
    store<u64>(outValues + out, load<u64>(values + (<usize>from << 3)))
    out += 8
  }
  store<u32>(state, <u32>outTimes, S_TIMES)
  store<u32>(state, <u32>outValues, S_VALUES)
  store<u32>(state, <u32>times, S_OTHER_TIMES)
  store<u32>(state, <u32>values, S_OTHER_VALUES)
  store<i32>(state, <i32>(out >> 3), S_COUNT)
}

/**
 * Starts reading: remembers the range and the series' in-order samples in memory as they are now. Of in-order samples those
 * from the time on that it returns are all in memory; Infinity when none are.
 */
export function beginRead(state: usize, ref: u32, minTime: f64, maxTime: f64): f64 {
  store<f64>(state, minTime, S_MIN)
  store<f64>(state, maxTime, S_MAX)
  store<i32>(state, 0, S_COUNT)
  clearArena(state + S_ARENA)
  if (!hasSeries(ref)) {
    store<u64>(state, 0, S_PUBLISHED)
    store<u32>(state, 0, S_SEALED_FIRST)
    return Infinity
  }
  // The active blocks first: what leaves them afterwards is in a chunk by then.
  const record = seriesRecord(ref)
  const published = atomic.load<u64>(record, R_PUBLISHED)
  const chunk: usize = atomic.load<u32>(record, R_SEALED_FIRST)
  store<u64>(state, published, S_PUBLISHED)
  // After what is published: a histogram among it has set the flag.
  store<u32>(state, load<u32>(record, R_FLAGS), S_FLAGS)
  store<u32>(state, <u32>chunk, S_SEALED_FIRST)
  if (chunk != 0) return <f64>load<i64>(chunk, C_MIN_TIME)
  const tail: usize = <u32>published
  return tail == 0 ? Infinity : <f64>firstBlockTime(tail)
}

/** Adds the in-order samples that are in memory. */
export function addInOrder(state: usize): i32 {
  const published = load<u64>(state, S_PUBLISHED)
  const status = addChain(state, load<u32>(state, S_SEALED_FIRST))
  if (status != OK) return status
  const tail: usize = <u32>published
  if (tail == 0) return OK
  const tailCount = <u32>(published >> 32)
  const samples = <i32>load<u16>(tail, B_BEFORE) + <i32>tailCount
  const count = load<i32>(state, S_COUNT)
  if (count + samples > load<i32>(state, S_CAPACITY)) return count + samples
  const copied = copyBlocks(tail, tailCount, load<f64>(state, S_MIN), tailTimes(state), tailValues(state))
  if (load<u32>(state, S_FLAGS) & FLAG_HISTOGRAMS && !decodeRows(tailValues(state), copied, state + S_ARENA)) return NO_ARENA
  addTail(state, copied)
  return OK
}

/** Adds the out-of-order samples that are in memory. */
export function addOutOfOrder(state: usize, ref: u32): i32 {
  if (!hasSeries(ref)) return OK
  const part: usize = atomic.load<u32>(seriesRecord(ref), R_OUT_OF_ORDER)
  if (part == 0) return OK
  const word = atomic.load<u64>(part, O_BUFFER)
  const status = addChain(state, atomic.load<u32>(part, O_FIRST))
  if (status != OK) return status
  const samples = <i32>(word >> 32)
  if (samples == 0) return OK
  const count = load<i32>(state, S_COUNT)
  if (count + samples > load<i32>(state, S_CAPACITY)) return count + samples
  const times = tailTimes(state)
  const values = tailValues(state)
  let from: usize = <u32>word
  for (let i = 0; i < samples; i++) {
    store<f64>(times + (<usize>i << 3), <f64>load<i64>(from))
    store<u64>(values + (<usize>i << 3), load<u64>(from, 8))
    from += 16
  }
  if (hasHistograms(ref) && !decodeRows(values, <u32>samples, state + S_ARENA)) return NO_ARENA
  addTail(state, samples)
  return OK
}

function addChain(state: usize, first: usize): i32 {
  const minTime = load<f64>(state, S_MIN)
  const maxTime = load<f64>(state, S_MAX)
  for (let chunk = first; chunk != 0; chunk = atomic.load<u32>(chunk, C_NEXT)) {
    if (<f64>load<i64>(chunk, C_MAX_TIME) < minTime || <f64>load<i64>(chunk, C_MIN_TIME) > maxTime) continue
    const status = addEncoded(state, chunk + CHUNK_HEADER, load<i32>(chunk, C_LENGTH))
    if (status != OK) return status
  }
  return OK
}

/** Start of the UTC day of the oldest sample ever seen: Infinity when none was, -Infinity when it is not known. */
export function firstTime(ref: u32): f64 {
  const day = load<i32>(seriesRecord(ref), R_FIRST_DAY)
  if (day == i32.MAX_VALUE) return Infinity
  return day == i32.MIN_VALUE ? -Infinity : <f64>day * <f64>DAY_MS
}

/** Time of the newest in-order sample ever seen; -Infinity when none was. */
export function lastTime(ref: u32): f64 {
  if (!hasSeries(ref)) return -Infinity
  const record = seriesRecord(ref)
  if ((load<u32>(record, R_FLAGS) & FLAG_HAS_LAST) == 0) return -Infinity
  return <f64>load<i64>(record, R_LAST_TIME)
}
