// Many samples of one series in one batch, as a backlog brings them: whole chunks are sealed straight from the batch's
// columns. The batch keeps a copy of these chunks, because its log record carries them as they are (record.ts); the head's
// own may be flushed and freed before a long batch is through.
//
// Copies: { pointer u32, capacity u32, used u32, number u32 }, entries one after the other:
//   { index in the batch u32, ref u32, samples u32, bytes u32 } and the encoded chunk.

import { alloc, free, usableBytes } from '../base/memory'
import { appendInOrder, fence, isFull, publish, SEAL_BASE, sealActive } from '../samples/append'
import { C_LENGTH, CHUNK_HEADER } from '../samples/chunkChain'
import { sealColumns } from '../samples/seal'
import { dayOf, R_ACTIVE_COUNT } from '../samples/seriesRecord'

/** As many samples of a series at once are worth a look at how to append them together. */
export const MIN_RUN: u32 = 16
/** A backlog of which a sender puts 500 samples into a body becomes one chunk per body. */
const MAX_RUN: u32 = 512

export const COPIES_BYTES: u32 = 16
const COPIES_CAPACITY: usize = 4
export const COPIES_USED: usize = 8
export const COPIES_NUMBER: usize = 12

export const COPY_REF: usize = 4
export const COPY_SAMPLES: usize = 8
export const COPY_LENGTH: usize = 12
export const COPY_HEADER: usize = 16

/** Above this the memory of the copies is given back with each record. */
const MAX_KEPT_COPIES: u32 = 65536

/**
 * Appends samples `from` to `to` of a batch, which are of one series, ascending and newer than its last one. What does not
 * fill a chunk goes through the active blocks. Those that do are marked with `mark` in `outcomes`. Returns how many.
 */
export function appendRun(record: usize, ref: u32, times: usize, values: usize, outcomes: usize, from: u32, to: u32, copies: usize, mark: u8): u32 {
  let sealed: u32 = 0
  let at = from
  while (at < to) {
    const left = to - at
    const time = times + (<usize>at << 3)
    const value = values + (<usize>at << 3)
    if (left >= SEAL_BASE && load<u16>(record, R_ACTIVE_COUNT) == 0) {
      const samples = samplesOfDay(time, min(left, MAX_RUN))
      if (samples >= SEAL_BASE) {
        copyChunk(copies, sealColumns(record, time, value, samples), at, ref, samples)
        memory.fill(outcomes + <usize>at, mark, samples)
        sealed += samples
        at += samples
        continue
      }
    }
    appendInOrder(record, load<i64>(time), load<u64>(value))
    at++
    if (to - at >= SEAL_BASE && isFull(record, ref)) {
      fence()
      publish(record)
      sealActive(record)
    }
  }
  return sealed
}

/** How many of the `count` times are of the UTC day of the first. */
function samplesOfDay(times: usize, count: u32): u32 {
  const day = dayOf(load<i64>(times))
  while (dayOf(load<i64>(times + (<usize>(count - 1) << 3))) != day) count--
  return count
}

function copyChunk(copies: usize, chunk: usize, index: u32, ref: u32, samples: u32): void {
  const length = load<u32>(chunk, C_LENGTH)
  const used = load<u32>(copies, COPIES_USED)
  const needed = used + <u32>COPY_HEADER + length
  const capacity = load<u32>(copies, COPIES_CAPACITY)
  if (needed > capacity) {
    const grown = usableBytes(max(needed, capacity << 1))
    const fresh = alloc(grown)
    if (capacity != 0) {
      memory.copy(fresh, load<u32>(copies), used)
      free(load<u32>(copies), capacity)
    }
    store<u32>(copies, <u32>fresh)
    store<u32>(copies, grown, COPIES_CAPACITY)
  }
  const entry = <usize>load<u32>(copies) + <usize>used
  store<u32>(entry, index)
  store<u32>(entry, ref, COPY_REF)
  store<u32>(entry, samples, COPY_SAMPLES)
  store<u32>(entry, length, COPY_LENGTH)
  memory.copy(entry + COPY_HEADER, chunk + CHUNK_HEADER, length)
  store<u32>(copies, needed, COPIES_USED)
  store<u32>(copies, load<u32>(copies, COPIES_NUMBER) + 1, COPIES_NUMBER)
}

/** The entry behind `copy`. */
// @ts-ignore: decorator
@inline
export function afterCopy(copy: usize): usize {
  return copy + COPY_HEADER + <usize>load<u32>(copy, COPY_LENGTH)
}

export function clearCopies(copies: usize): void {
  if (load<u32>(copies, COPIES_CAPACITY) > MAX_KEPT_COPIES) freeCopies(copies)
  store<u64>(copies, 0, COPIES_USED)
}

export function freeCopies(copies: usize): void {
  const capacity = load<u32>(copies, COPIES_CAPACITY)
  if (capacity != 0) free(load<u32>(copies), capacity)
  store<u32>(copies, 0, COPIES_CAPACITY)
}
