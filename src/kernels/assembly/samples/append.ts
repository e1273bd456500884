// Samples of one series that come in order: into active blocks, and from there into a compressed chunk when they are many
// or a day is over. Main writes; readers follow what is published: `published` is walked backwards from the tail, so that
// one word is a whole snapshot. Older samples: outOfOrder.ts.

import { BLOCK_CHAIN, retire } from '../base/epochs'
import { ACTIVE_SAMPLES, DAY_MS, PUBLISH_FENCE } from '../base/layout'
import { addToBlock, copyBlocks, startBlock } from './activeBlock'
import { linkChunk } from './chunkChain'
import { addRow } from './histogramRows'
import { columnsToSeal, encodeColumns, mayHaveMarks, sealHistograms } from './seal'
import {
  dayOf, FLAG_HAS_LAST, FLAG_LAST_VALUE_UNKNOWN, noteHistograms, R_ACTIVE_COUNT, R_DAY, R_FIRST_DAY, R_FLAGS, R_LAST_TIME, R_LAST_VALUE, R_PUBLISHED,
  R_SEALED_FIRST, R_SEALED_LAST, R_TAIL, R_TAIL_COUNT,
} from './seriesRecord'

/** Chunks are sealed at 112 to 143 samples: series that began together do not all seal in the same batch. */
export const SEAL_BASE: u32 = 112
const SEAL_SPREAD: u32 = 31
/** A batch with many samples of one series seals on the way; the active blocks never hold more. */
const MAX_ACTIVE: u16 = 240

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
