// Series records. A record is 64 bytes in a segmented array indexed by the series ref, so it never moves and its cache line
// is all that an in-order append touches besides the sample's own.
//
//    0 labels u32        -> { count u32, pair ids u32... }, ordered by label name; 0: no such series
//    4 flags u32
//    8 last time i64     newest in-order sample
//   16 last value u64
//   24 published u64     { tail block u32, samples in it u32 }: what readers see of the active blocks
//   32 tail u32          the same, ahead of what is published
//   36 tail count u8, 37 bytes used in it u8, 38 active samples u16
//   40 first sealed chunk u32, 44 last sealed chunk u32
//   48 out of order u32  -> out-of-order part, see outOfOrder.ts
//   52 slot u32          index in the batch that is being validated
//   56 day i32           UTC day of the active blocks
//   60 first day i32     UTC day of the oldest sample ever seen

import {
  CANDIDATES, CANDIDATES_COUNT, CANDIDATES_FROM, DAY_MS, HISTOGRAM_SERIES, MAX_REF, SERIES_DIRECTORY, SERIES_FILLS, SERIES_SEGMENT_BITS,
} from '../base/layout'

// @ts-ignore: decorator
@inline
export function dayOf(time: i64): i32 {
  const day = time / DAY_MS
  return <i32>(day * DAY_MS > time ? day - 1 : day)
}

export const SERIES_BYTES: usize = 64
export const SEGMENT_BYTES: u32 = <u32>SERIES_BYTES << SERIES_SEGMENT_BITS
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

export function markLogged(ref: u32): void {
  const record = seriesRecord(ref)
  store<u32>(record, load<u32>(record, R_FLAGS) | FLAG_LOGGED, R_FLAGS)
}
