// Start-up: series from series.db and from the log, with the refs they had.

import { bytesEqual } from '../base/bytes'
import { hash64 } from '../base/hash'
import { HEAD_MAX_TIME, SERIES_COUNT } from '../base/layout'
import { scratch } from '../base/memory'
import {
  FLAG_FORGOTTEN, FLAG_HAS_LAST, FLAG_LAST_VALUE_UNKNOWN, hasSeries, markLogged, R_FIRST_DAY, R_FLAGS, R_LAST_TIME, seriesRecord,
} from '../samples/seriesRecord'
import { internPair, internSymbol, removePosting } from './labelIndex'
import { createSeries, findByPairs } from './series'
import { LABEL_BYTES, MAX_LABELS, parseLabelBytes } from './seriesLabels'

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
