// Series by their labels: found, created within the limits, and given back when they are gone. What a series is: seriesRecord.ts.

import { bytesEqual, copyBytes } from '../base/bytes'
import { retire } from '../base/epochs'
import { hash64 } from '../base/hash'
import {
  EMPTY_SEGMENT, LISTED, MAX_REF, NEXT_REF, SERIES_COUNT, SERIES_DIRECTORY, SERIES_DIRECTORY_LENGTH, SERIES_FILLS, SERIES_SEGMENT_BITS, SERIES_TABLE,
} from '../base/layout'
import { alloc, free } from '../base/memory'
import { shardWord, slotIdAt, tableInsert } from '../base/table'
import { OUT_OF_ORDER_BYTES } from '../samples/outOfOrder'
import { FLAG_FORGOTTEN, R_FIRST_DAY, R_FLAGS, R_LABELS, R_OUT_OF_ORDER, SEGMENT_BYTES, SERIES_BYTES, seriesRecord, spare } from '../samples/seriesRecord'
import { addPosting, ensureSegment, findPair, findSymbol, internPair, internSymbol } from './labelIndex'
import { countRefusal, isOneTooMany, jobLabel } from './limits'
import { LABEL_BYTES } from './seriesLabels'

/** The ref of the series with these labels, which are sorted, unique and not empty; new if need be, 0 when a limit forbids that; `beyondLimits`: see limits.ts. */
export function findOrCreate(labels: usize, count: u32, beyondLimits: bool): u32 {
  if (isOneTooMany(labels, count, beyondLimits)) return findOrRefuse(labels, count)
  const pairs = internLabels(labels, count)
  const hash = <u32>hash64(pairs, count << 2)
  const known = findByPairs(pairs, count, hash)
  if (known != 0) return known
  const ref = load<u32>(NEXT_REF)
  createSeries(ref, pairs, count, hash)
  return ref
}

/** The ref of the series with these labels; 0, counted as a refusal, when there is none. Interns nothing. */
function findOrRefuse(labels: usize, count: u32): u32 {
  const job = jobLabel(labels, count)
  const jobName: usize = job == 0 ? 0 : load<u32>(job, 8)
  const jobLength: u32 = job == 0 ? 0 : load<u32>(job, 12)
  let found: u32 = 0
  for (; found < count; found++) {
    const label = labels + <usize>found * LABEL_BYTES
    const name = findSymbol(load<u32>(label), load<u32>(label, 4))
    const value = findSymbol(load<u32>(label, 8), load<u32>(label, 12))
    const pair = name == 0 || value == 0 ? 0 : findPair(name, value)
    if (pair == 0) break
    store<u32>(labels + (<usize>found << 2), pair)
  }
  const known = found < count ? 0 : findByPairs(labels, count, <u32>hash64(labels, count << 2))
  if (known == 0) countRefusal(jobName, jobLength)
  return known
}

/** Interns the labels in place: the array of labels becomes an array of pair ids. */
export function internLabels(labels: usize, count: u32): usize {
  for (let i: u32 = 0; i < count; i++) {
    const label = labels + <usize>i * LABEL_BYTES
    const name = internSymbol(load<u32>(label), load<u32>(label, 4))
    const value = internSymbol(load<u32>(label, 8), load<u32>(label, 12))
    store<u32>(labels + (<usize>i << 2), internPair(name, value))
  }
  return labels
}

export function findByPairs(pairs: usize, count: u32, hash: u32): u32 {
  const word = shardWord(SERIES_TABLE, hash)
  if (word == 0) return 0
  let index = hash
  while (true) {
    const entry = slotIdAt(word, index++)
    if (entry == 0) return 0
    if (<u32>entry != hash) continue
    const ref = <u32>(entry >> 32)
    const record = seriesRecord(ref)
    const labels: usize = load<u32>(record)
    if ((load<u32>(record, R_FLAGS) & FLAG_FORGOTTEN) != 0) continue
    if (load<u32>(labels) == count && bytesEqual(labels + 4, pairs, count << 2)) {
      spare(ref)
      return ref
    }
  }
}

export function createSeries(ref: u32, pairs: usize, count: u32, hash: u32): void {
  ensureSegment(SERIES_DIRECTORY, SERIES_DIRECTORY_LENGTH, SERIES_SEGMENT_BITS, <u32>SERIES_BYTES, ref)
  const record = seriesRecord(ref)
  const labels = alloc(4 + (count << 2))
  store<u32>(labels, count)
  copyBytes(labels + 4, pairs, count << 2)
  store<i32>(record, i32.MAX_VALUE, R_FIRST_DAY)
  store<u32>(record, <u32>labels, R_LABELS)
  if (ref > load<u32>(MAX_REF)) atomic.store<u32>(MAX_REF, ref)
  if (ref >= load<u32>(NEXT_REF)) store<u32>(NEXT_REF, ref + 1)
  store<u32>(SERIES_COUNT, load<u32>(SERIES_COUNT) + 1)
  const fill = SERIES_FILLS + (<usize>(ref >> SERIES_SEGMENT_BITS) << 1)
  store<u16>(fill, load<u16>(fill) + 1)
  tableInsert(SERIES_TABLE, hash, ref)
  // The postings come last: they are how readers find the series.
  for (let i: u32 = 0; i < count; i++) addPosting(load<u32>(labels + 4 + (<usize>i << 2)), ref)
  atomic.add<u32>(LISTED, 1)
}

/** Gives back the record of a forgotten series that no reader can have, and its segment with the last of its series. */
export function freeSeries(ref: u32): void {
  const record = seriesRecord(ref)
  const labels: usize = load<u32>(record)
  free(labels, 4 + (load<u32>(labels) << 2))
  const part: usize = load<u32>(record, R_OUT_OF_ORDER)
  if (part != 0) free(part, OUT_OF_ORDER_BYTES)
  memory.fill(record, 0, SERIES_BYTES)
  const number = ref >> SERIES_SEGMENT_BITS
  const fill = SERIES_FILLS + (<usize>number << 1)
  store<u16>(fill, load<u16>(fill) - 1)
  if (load<u16>(fill) != 0 || number == load<u32>(NEXT_REF) >> SERIES_SEGMENT_BITS) return
  const entry = SERIES_DIRECTORY + (<usize>number << 2)
  const segment = load<u32>(entry)
  atomic.store<u32>(entry, <u32>emptySegment())
  retire(segment, SEGMENT_BYTES)
}

/** Stands for segments without series, so that nobody who looks a ref up has to ask whether there is a segment. */
function emptySegment(): usize {
  if (load<u32>(EMPTY_SEGMENT) == 0) {
    const segment = alloc(SEGMENT_BYTES)
    memory.fill(segment, 0, SEGMENT_BYTES)
    store<u32>(EMPTY_SEGMENT, <u32>segment)
  }
  return load<u32>(EMPTY_SEGMENT)
}
