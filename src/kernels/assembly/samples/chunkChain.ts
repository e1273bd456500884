// The head's chunks, in chains: a series has one of those it sealed in order and one in its out-of-order part. A chunk is
// linked before the samples it holds leave the place where readers saw them, so a reader that looks there first never misses
// one, and it is freed once no reader can see it.
//
// Chunk: { next u32, data bytes u32, min time i64, max time i64, samples u16, flags u16 } and the encoded data.

import { retire } from '../base/epochs'
import { CHUNK_BYTES, CHUNK_COUNT, CHUNK_SAMPLES } from '../base/layout'
import { alloc } from '../base/memory'

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

export function newChunk(encoded: usize, length: i32, count: u32, minTime: i64, maxTime: i64, flags: u16): usize {
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

export function linkChunk(firstAt: usize, lastAt: usize, chunk: usize): void {
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
