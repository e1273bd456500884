// Series records and their creation. A record is 64 bytes in a segmented array indexed by the series ref, so it never
// moves and its cache line is all that an in-order append touches besides the sample's own.
//
//    0 labels u32        -> { count u32, pair ids u32... }, ordered by label name; 0: no such series
//    4 flags u32
//    8 last time i64     newest in-order sample
//   16 last value u64
//   24 published u64     { tail block u32, samples in it u32 }: what readers see of the active blocks
//   32 tail u32          the same, ahead of what is published
//   36 tail count u8, 37 bytes used in it u8, 38 active samples u16
//   40 first sealed chunk u32, 44 last sealed chunk u32
//   48 out of order u32  -> out-of-order part, see append.ts
//   52 slot u32          index in the batch that is being validated
//   56 day i32           UTC day of the active blocks
//   60 first day i32     UTC day of the oldest sample ever seen

import {
  CANDIDATES, CANDIDATES_COUNT, CANDIDATES_FROM, EMPTY_SEGMENT, HEAD_MAX_TIME, HISTOGRAM_SERIES, LISTED, MAX_REF, NEXT_REF, SERIES_COUNT, SERIES_DIRECTORY,
  SERIES_DIRECTORY_LENGTH, SERIES_FILLS, SERIES_SEGMENT_BITS, SERIES_TABLE,
} from './layout'
import { OUT_OF_ORDER_BYTES } from './append'
import { alloc, free, retire, scratch } from './memory'
import { bytesEqual, compareBytes, copyBytes, isUtf8, readVarint, varintEnd, writeVarint } from './bytes'
import { hash64 } from './hash'
import { countRefusal, isOneTooMany, jobLabel } from './limits'
import { addPosting, ensureSegment, findPair, findSymbol, internPair, internSymbol, pairName, pairValue, removePosting, symbolBlob } from './labelIndex'
import { shardWord, slotIdAt, tableInsert } from './table'

export const SERIES_BYTES: usize = 64
const SEGMENT_BYTES: u32 = <u32>SERIES_BYTES << SERIES_SEGMENT_BITS
export const R_LABELS: usize = 0
export const R_FLAGS: usize = 4
export const R_LAST_TIME: usize = 8
export const R_LAST_VALUE: usize = 16
export const R_PUBLISHED: usize = 24
export const R_TAIL: usize = 32
export const R_TAIL_COUNT: usize = 36
export const R_TAIL_USED: usize = 37
export const R_ACTIVE_COUNT: usize = 38
export const R_SEALED_FIRST: usize = 40
export const R_SEALED_LAST: usize = 44
export const R_OUT_OF_ORDER: usize = 48
export const R_SLOT: usize = 52
export const R_DAY: usize = 56
export const R_FIRST_DAY: usize = 60

/** The labels are in the sample log or in the series table. */
export const FLAG_LOGGED: u32 = 1
/** `last time` counts. */
export const FLAG_HAS_LAST: u32 = 2
/** `last value` is not known: the newest sample is on disk. */
export const FLAG_LAST_VALUE_UNKNOWN: u32 = 4
/** Removed; the record stays until no reader can have its ref. */
export const FLAG_FORGOTTEN: u32 = 8
/** Some of its samples in memory are, or were, histograms. */
export const FLAG_HISTOGRAMS: u32 = 16

/** A label while a series is being looked up: { name ptr, name length, value ptr, value length }, u32 each. */
export const LABEL_BYTES: usize = 16
/** More labels than this make a label set invalid. */
export const MAX_LABELS: u32 = 1024

// @ts-ignore: decorator
@inline
export function seriesRecord(ref: u32): usize {
  const segment: usize = load<u32>(SERIES_DIRECTORY + (<usize>(ref >> SERIES_SEGMENT_BITS) << 2))
  return segment + (<usize>(ref & ((1 << SERIES_SEGMENT_BITS) - 1)) << 6)
}

/** Whether a series with this ref exists. Any thread. */
export function hasSeries(ref: u32): bool {
  if (ref == 0 || ref > atomic.load<u32>(MAX_REF)) return false
  if (load<u32>(SERIES_DIRECTORY + (<usize>(ref >> SERIES_SEGMENT_BITS) << 2)) == 0) return false
  const record = seriesRecord(ref)
  return load<u32>(record) != 0 && (load<u32>(record, R_FLAGS) & FLAG_FORGOTTEN) == 0
}

/** The least ref in use that is not below `ref`, 0 when there is none. Any thread. */
export function nextSeries(ref: u32): u32 {
  const last = atomic.load<u32>(MAX_REF)
  while (ref <= last) {
    if (load<u16>(SERIES_FILLS + (<usize>(ref >> SERIES_SEGMENT_BITS) << 1)) == 0) {
      ref = ((ref >> SERIES_SEGMENT_BITS) + 1) << SERIES_SEGMENT_BITS
      continue
    }
    if (hasSeries(ref)) return ref
    ref++
  }
  return 0
}

/** Takes a series out of the removal that runs: somebody has its ref. */
// @ts-ignore: decorator
@inline
export function spare(ref: u32): void {
  const bits: usize = load<u32>(CANDIDATES)
  const index = ref - load<u32>(CANDIDATES_FROM)
  if (bits == 0 || index >= load<u32>(CANDIDATES_COUNT)) return
  const word = bits + (<usize>(index >> 5) << 2)
  store<u32>(word, load<u32>(word) & ~(1 << (index & 31)))
}

/** Whether the series is to go. */
// @ts-ignore: decorator
@inline
export function isCandidate(ref: u32): bool {
  const index = ref - load<u32>(CANDIDATES_FROM)
  if (index >= load<u32>(CANDIDATES_COUNT)) return false
  return (load<u32>(<usize>load<u32>(CANDIDATES) + (<usize>(index >> 5) << 2)) & (1 << (index & 31))) != 0
}

/** Notes that a series has histograms. */
export function noteHistograms(record: usize): void {
  const flags = load<u32>(record, R_FLAGS)
  if ((flags & FLAG_HISTOGRAMS) != 0) return
  store<u32>(record, flags | FLAG_HISTOGRAMS, R_FLAGS)
  atomic.add<u32>(HISTOGRAM_SERIES, 1)
}

/** How many series have had histograms in memory. Any thread. */
export function histogramSeries(): u32 {
  return atomic.load<u32>(HISTOGRAM_SERIES)
}

/** Whether this one has. Any thread. */
export function hasHistograms(ref: u32): bool {
  return hasSeries(ref) && (load<u32>(seriesRecord(ref), R_FLAGS) & FLAG_HISTOGRAMS) != 0
}

/** Whether the series is still there; then its ref can be used until the next turn of the event loop. */
export function useSeries(ref: u32): bool {
  if (!hasSeries(ref)) return false
  spare(ref)
  return true
}

export const LABELS_OK: i32 = 0
export const LABELS_NO_NAME: i32 = 1
export const LABELS_BAD_NAME: i32 = 2
export const LABELS_BAD_UTF8: i32 = 3
export const LABELS_DUPLICATE: i32 = 4
export const LABELS_TOO_MANY: i32 = 5

// @ts-ignore: decorator
@inline
function isMetricNameLabel(ptr: usize, length: u32): bool {
  return length == 8 && load<u64>(ptr) == 0x5f5f656d616e5f5f // "__name__"
}

/** Sorts the labels by name, drops those with an empty value, and checks them. Returns their number, or -(reason). */
export function normalizeLabels(labels: usize, count: u32): i32 {
  if (count > MAX_LABELS) return -LABELS_TOO_MANY
  let named = false
  let kept: u32 = 0
  for (let i: u32 = 0; i < count; i++) {
    const label = labels + <usize>i * LABEL_BYTES
    const name: usize = load<u32>(label)
    const nameLength = load<u32>(label, 4)
    const value: usize = load<u32>(label, 8)
    const valueLength = load<u32>(label, 12)
    if (nameLength == 0) return -LABELS_BAD_NAME
    if (!isUtf8(name, nameLength) || !isUtf8(value, valueLength)) return -LABELS_BAD_UTF8
    if (isMetricNameLabel(name, nameLength)) {
      if (valueLength == 0) return -LABELS_BAD_NAME
      named = true
    }
    // Insertion from the end: labels nearly always arrive sorted.
    let at: u32 = kept
    while (at > 0) {
      const before = labels + <usize>(at - 1) * LABEL_BYTES
      const order = compareBytes(load<u32>(before), load<u32>(before, 4), name, nameLength)
      if (order == 0) return -LABELS_DUPLICATE
      if (order < 0) break
      const to = labels + <usize>at * LABEL_BYTES
      store<u64>(to, load<u64>(before))
      store<u64>(to, load<u64>(before, 8), 8)
      at--
    }
    const to = labels + <usize>at * LABEL_BYTES
    store<u32>(to, <u32>name)
    store<u32>(to, nameLength, 4)
    store<u32>(to, <u32>value, 8)
    store<u32>(to, valueLength, 12)
    kept++
  }
  if (!named) return -LABELS_NO_NAME
  return dropEmptyValues(labels, kept)
}

/** Empty values are dropped only after the check for duplicates, which counts them. */
function dropEmptyValues(labels: usize, count: u32): i32 {
  let kept: u32 = 0
  for (let i: u32 = 0; i < count; i++) {
    const from = labels + <usize>i * LABEL_BYTES
    if (load<u32>(from, 12) == 0) continue
    if (i != kept) {
      const to = labels + <usize>kept * LABEL_BYTES
      store<u64>(to, load<u64>(from))
      store<u64>(to, load<u64>(from, 8), 8)
    }
    kept++
  }
  return <i32>kept
}

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

function findByPairs(pairs: usize, count: u32, hash: u32): u32 {
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

function createSeries(ref: u32, pairs: usize, count: u32, hash: u32): void {
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

// Labels as bytes: varint pair count, then per pair varint length and bytes of the name and of the value.

/** Reads labels as bytes into an array of labels. Returns their number, -1 when the bytes are damaged. */
export function parseLabelBytes(ptr: usize, length: u32, labels: usize): i32 {
  const end = ptr + length
  let next = varintEnd(ptr, end)
  if (next == 0) return -1
  const count = readVarint(ptr)
  if (count == 0 || count > <u64>MAX_LABELS) return -1
  let at = next
  for (let i: u32 = 0; i < <u32>count; i++) {
    const label = labels + <usize>i * LABEL_BYTES
    for (let part: usize = 0; part < 2; part++) {
      next = varintEnd(at, end)
      if (next == 0) return -1
      const bytes = readVarint(at)
      if (bytes == 0 || bytes > <u64>(end - next)) return -1
      store<u32>(label + (part << 3), <u32>next)
      store<u32>(label + (part << 3), <u32>bytes, 4)
      at = next + <usize>bytes
    }
    if (i > 0) {
      const before = label - LABEL_BYTES
      if (compareBytes(load<u32>(before), load<u32>(before, 4), load<u32>(label), load<u32>(label, 4)) >= 0) return -1
    }
  }
  return at == end ? <i32>count : -1
}

/** Writes a series' labels as bytes. Returns their length; when that exceeds `capacity`, nothing was written. Any thread. */
export function seriesLabelBytes(ref: u32, out: usize, capacity: u32): u32 {
  const labels: usize = load<u32>(seriesRecord(ref))
  const count = load<u32>(labels)
  let bound: u32 = 5
  for (let i: u32 = 0; i < count; i++) {
    const pair = load<u32>(labels + 4 + (<usize>i << 2))
    bound += 10 + load<u32>(symbolBlob(pairName(pair))) + load<u32>(symbolBlob(pairValue(pair)))
  }
  if (bound > capacity) return bound
  let at = writeVarint(out, count)
  for (let i: u32 = 0; i < count; i++) {
    const pair = load<u32>(labels + 4 + (<usize>i << 2))
    at = writeSymbol(at, pairName(pair))
    at = writeSymbol(at, pairValue(pair))
  }
  return <u32>(at - out)
}

/** A symbol's length and bytes. */
export function writeSymbol(at: usize, symbol: u32): usize {
  const blob = symbolBlob(symbol)
  const length = load<u32>(blob)
  at = writeVarint(at, length)
  copyBytes(at, blob + 4, length)
  return at + length
}

export const LOAD_OK: i32 = 0
export const LOAD_DAMAGED: i32 = -1
export const LOAD_OTHER_LABELS: i32 = -2
export const LOAD_OTHER_REF: i32 = -3

/**
 * Start-up: adds the series `ref` with these labels, interned in the order of their names. A repetition of what is known
 * is no error. A crash may come between the removal of a series and the end of its row on disk, and its labels may have
 * got a new ref meanwhile: the greater ref is the one that counts.
 */
export function restoreSeries(ref: u32, pairs: usize, count: u32): i32 {
  const hash = <u32>hash64(pairs, count << 2)
  const known = findByPairs(pairs, count, hash)
  if (hasSeries(ref)) return known == ref ? LOAD_OK : LOAD_OTHER_LABELS
  if (known > ref) return LOAD_OTHER_REF
  if (known != 0) supersede(known)
  createSeries(ref, pairs, count, hash)
  return LOAD_OK
}

/** Takes a series out of sight whose labels now belong to another ref. The ref is not used again. */
function supersede(ref: u32): void {
  const record = seriesRecord(ref)
  store<u32>(record, load<u32>(record, R_FLAGS) | FLAG_FORGOTTEN, R_FLAGS)
  store<u32>(SERIES_COUNT, load<u32>(SERIES_COUNT) - 1)
  const labels: usize = load<u32>(record)
  const count = load<u32>(labels)
  for (let i: u32 = 0; i < count; i++) removePosting(load<u32>(labels + 4 + (<usize>i << 2)), ref)
}

/** Start-up: the newest persisted sample of a series, if known: older samples are then out of order. */
function setPersistedTime(ref: u32, time: i64): void {
  const record = seriesRecord(ref)
  const flags = load<u32>(record, R_FLAGS)
  if ((flags & FLAG_HAS_LAST) != 0 && load<i64>(record, R_LAST_TIME) >= time) return
  store<u32>(record, flags | FLAG_HAS_LAST | FLAG_LAST_VALUE_UNKNOWN, R_FLAGS)
  store<i64>(record, time, R_LAST_TIME)
  store<i32>(record, i32.MIN_VALUE, R_FIRST_DAY)
  if (time > load<i64>(HEAD_MAX_TIME)) store<i64>(HEAD_MAX_TIME, time)
}

/**
 * Start-up: adds the series of a page of series.db, { ref u32, length u32, label bytes } each, from the entry at `at` on.
 * `lifetimes` is 0, or the address of first and last time on disk (f64) of each ref of the page. Returns `end`, or the
 * address of the first entry that cannot be added, with the reason (i32) at `status`.
 */
export function restorePage(at: usize, end: usize, lifetimes: usize, refsPerPage: u32, status: usize): usize {
  const labels = scratch(MAX_LABELS * <u32>LABEL_BYTES + KNOWN_LABELS * <u32>KNOWN_BYTES)
  const known = labels + <usize>MAX_LABELS * LABEL_BYTES
  memory.fill(known, 0, <usize>KNOWN_LABELS * KNOWN_BYTES)
  for (; at < end; at += 8 + <usize>load<u32>(at, 4)) {
    const ref = load<u32>(at)
    // Stands for a ref that was never used.
    if (load<u32>(at, 4) == 0) continue
    const count = parseLabelBytes(at + 8, load<u32>(at, 4), labels)
    const reason = count < 0 ? LOAD_DAMAGED : restoreSeries(ref, internPageLabels(labels, count, known), count)
    if (reason != LOAD_OK) {
      store<i32>(status, reason)
      return at
    }
    markLogged(ref)
    if (lifetimes == 0) continue
    const last = load<f64>(lifetimes + (<usize>(ref % refsPerPage) << 4), 8)
    if (last > -Infinity && last < Infinity) setPersistedTime(ref, <i64>last)
  }
  return end
}

// Series of a page have most of their labels in common. Those of it that were interned last, by hash:
// { address of the name u32, bytes up to the end of the value u32, bytes of the name u32, pair id u32 }.
const KNOWN_LABELS: u32 = 4096
const KNOWN_BYTES: usize = 16

/** `internLabels` of label bytes: a label that is in `known` is not looked up. */
function internPageLabels(labels: usize, count: u32, known: usize): usize {
  for (let i: u32 = 0; i < count; i++) {
    const label = labels + <usize>i * LABEL_BYTES
    const name: usize = load<u32>(label)
    const nameLength = load<u32>(label, 4)
    const value: usize = load<u32>(label, 8)
    const valueLength = load<u32>(label, 12)
    const bytes = <u32>(value - name) + valueLength
    const slot = known + <usize>(<u32>hash64(name, bytes) & (KNOWN_LABELS - 1)) * KNOWN_BYTES
    if (load<u32>(slot, 4) != bytes || load<u32>(slot, 8) != nameLength || !bytesEqual(load<u32>(slot), name, bytes)) {
      store<u32>(slot, <u32>name)
      store<u32>(slot, bytes, 4)
      store<u32>(slot, nameLength, 8)
      store<u32>(slot, internPair(internSymbol(name, nameLength), internSymbol(value, valueLength)), 12)
    }
    store<u32>(labels + (<usize>i << 2), load<u32>(slot, 12))
  }
  return labels
}

export function markLogged(ref: u32): void {
  const record = seriesRecord(ref)
  store<u32>(record, load<u32>(record, R_FLAGS) | FLAG_LOGGED, R_FLAGS)
}
