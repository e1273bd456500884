// The one native histogram that is on its way into a batch: written here by whoever has it, from a message or from outside
// the module, then staged as a sample of each of its parts and the mark of its series (storage/histogramParts.ts).
//
// Draft: { sum f64, count f64, zero count f64, zero threshold f64, schema i32, gauge u32, positive buckets u32,
//   negative buckets u32, buckets u32, their capacity u32, custom bounds u32, their number u32, their capacity u32 }
// Bucket: { count f64, index i32, ref u32 }, the positive ones first.

import { BATCH_BAD_HISTOGRAMS, BATCH_COUNT, BATCH_FIRST_BAD, BATCH_FIRST_BAD_KIND, BATCH_HISTOGRAMS, BATCH_LAST_VALUE, BATCH_OUTCOMES, BATCH_TALLY, DUPLICATE, NO_SERIES, REPEATED, reserveBatch, stage, STORED, STORED_OUT_OF_ORDER, TOO_FAR_AHEAD } from './batch'
import { addOwner, findBucket, findOwner, hasLayout, P_COUNT, P_NEGATIVE, P_POSITIVE, P_SUM, P_ZERO, setBucket, setLayout } from './histogramParts'
import { HISTOGRAM_DRAFT } from './layout'
import { push } from './list'
import { alloc, free, usableBytes } from './memory'
import { useSeries } from './series'

export const D_SUM: usize = 0
export const D_COUNT: usize = 8
export const D_ZERO_COUNT: usize = 16
export const D_ZERO_THRESHOLD: usize = 24
export const D_SCHEMA: usize = 32
export const D_GAUGE: usize = 36
export const D_POSITIVE: usize = 40
export const D_NEGATIVE: usize = 44
export const D_BUCKETS: usize = 48
const D_BUCKET_CAPACITY: usize = 52
export const D_BOUNDS: usize = 56
export const D_BOUND_COUNT: usize = 60
const D_BOUND_CAPACITY: usize = 64
const DRAFT_BYTES: u32 = 72

export const BUCKET_BYTES: usize = 16

/** The upper word of a mark; the lowest bit is set for a gauge. */
const MARK: u64 = 0x7ffc4800
const NOT_A_NUMBER: u64 = 0x7ff8000000000001

// What `stageDraft` may miss, and from PLACE_BUCKETS on one place for each bucket.
const PLACE_COUNT: u32 = 0
const PLACE_SUM: u32 = 1
const PLACE_ZERO: u32 = 2
const PLACE_BUCKETS: u32 = 3

/** The draft, with room for so many buckets and custom bounds; what is in it stays. */
export function reserveDraft(buckets: u32, bounds: u32): usize {
  let draft: usize = load<u32>(HISTOGRAM_DRAFT)
  if (draft == 0) {
    draft = alloc(DRAFT_BYTES)
    memory.fill(draft, 0, DRAFT_BYTES)
    store<u32>(HISTOGRAM_DRAFT, <u32>draft)
  }
  if (buckets > load<u32>(draft, D_BUCKET_CAPACITY)) grow(draft + D_BUCKETS, draft + D_BUCKET_CAPACITY, buckets, <u32>BUCKET_BYTES)
  if (bounds > load<u32>(draft, D_BOUND_CAPACITY)) grow(draft + D_BOUNDS, draft + D_BOUND_CAPACITY, bounds, 8)
  return draft
}

function grow(pointerAt: usize, capacityAt: usize, needed: u32, bytes: u32): void {
  const capacity = load<u32>(capacityAt)
  const size = usableBytes(max(needed, capacity << 1) * bytes)
  const grown = alloc(size)
  if (capacity != 0) {
    memory.copy(grown, load<u32>(pointerAt), capacity * bytes)
    free(load<u32>(pointerAt), capacity * bytes)
  }
  store<u32>(pointerAt, <u32>grown)
  store<u32>(capacityAt, size / bytes)
}

/** For callers outside the module, whose times are doubles. */
export function stageDraft(batch: usize, owner: u32, time: f64): u32 {
  return stageHistogram(batch, owner, <i64>time)
}

/** Stages the draft: all its parts, then the mark. Returns 0, or 1 + the place of a part whose series is not known; then nothing is staged. */
export function stageHistogram(batch: usize, owner: u32, time: i64): u32 {
  const draft: usize = load<u32>(HISTOGRAM_DRAFT)
  const parts = findOwner(owner)
  const isKnown = parts != 0 && hasLayout(parts, load<i32>(draft, D_SCHEMA), load<u64>(draft, D_ZERO_THRESHOLD), load<u32>(draft, D_BOUNDS), load<u32>(draft, D_BOUND_COUNT))
  if (!isKnown || !useSeries(load<u32>(parts, P_COUNT))) return 1 + PLACE_COUNT
  if (!useSeries(load<u32>(parts, P_SUM))) return 1 + PLACE_SUM
  const zeroCount = load<f64>(draft, D_ZERO_COUNT)
  if (zeroCount != 0 && !useSeries(load<u32>(parts, P_ZERO))) return 1 + PLACE_ZERO
  const positives = load<u32>(draft, D_POSITIVE)
  const buckets = positives + load<u32>(draft, D_NEGATIVE)
  const missing = findBuckets(parts + P_POSITIVE, 0, positives)
  const missed = missing < positives ? missing : findBuckets(parts + P_NEGATIVE, positives, buckets)
  if (missed < buckets) return 1 + PLACE_BUCKETS + missed
  const from = load<u32>(batch, BATCH_COUNT)
  reserveBatch(batch, buckets + 4)
  stage(batch, load<u32>(parts, P_COUNT), time, bitsOf(load<f64>(draft, D_COUNT)))
  stage(batch, load<u32>(parts, P_SUM), time, bitsOf(load<f64>(draft, D_SUM)))
  if (zeroCount != 0) stage(batch, load<u32>(parts, P_ZERO), time, bitsOf(zeroCount))
  let bucket: usize = load<u32>(draft, D_BUCKETS)
  for (let i: u32 = 0; i < buckets; i++) {
    const count = load<f64>(bucket)
    if (count != 0) stage(batch, load<u32>(bucket, 12), time, bitsOf(count))
    bucket += BUCKET_BYTES
  }
  const mark = MARK | <u64>load<u32>(draft, D_GAUGE)
  stage(batch, owner, time, (mark << 32) | <u64>(load<u32>(batch, BATCH_COUNT) - from))
  const entry = push(batch + BATCH_HISTOGRAMS, 8)
  store<u32>(entry, from)
  store<u32>(entry, load<u32>(batch, BATCH_COUNT), 4)
  return 0
}

/** Finds the series of the populated buckets `from` to `to`. Returns `to`, or the first that is not known. */
function findBuckets(table: usize, from: u32, to: u32): u32 {
  let bucket = <usize>load<u32>(<usize>load<u32>(HISTOGRAM_DRAFT), D_BUCKETS) + <usize>from * BUCKET_BYTES
  for (let i = from; i < to; i++) {
    if (load<f64>(bucket) != 0) {
      const ref = findBucket(table, load<i32>(bucket, 8))
      if (!useSeries(ref)) return i
      store<u32>(bucket, ref, 12)
    }
    bucket += BUCKET_BYTES
  }
  return to
}

// @ts-ignore: decorator
@inline
function bitsOf(value: f64): u64 {
  return value == value ? reinterpret<u64>(value) : NOT_A_NUMBER
}

/** Keeps the series of the part at a place of the draft, as `stageDraft` tells places. */
export function learnPart(owner: u32, place: u32, ref: u32): void {
  const draft: usize = load<u32>(HISTOGRAM_DRAFT)
  const parts = addOwner(owner)
  if (place == PLACE_COUNT) setLayout(parts, load<i32>(draft, D_SCHEMA), load<u64>(draft, D_ZERO_THRESHOLD), load<u32>(draft, D_BOUNDS), load<u32>(draft, D_BOUND_COUNT), ref)
  else if (place == PLACE_SUM) store<u32>(parts, ref, P_SUM)
  else if (place == PLACE_ZERO) store<u32>(parts, ref, P_ZERO)
  else {
    const index = place - PLACE_BUCKETS
    const bucket = <usize>load<u32>(draft, D_BUCKETS) + <usize>index * BUCKET_BYTES
    setBucket(parts + (index < load<u32>(draft, D_POSITIVE) ? P_POSITIVE : P_NEGATIVE), load<i32>(bucket, 8), ref)
  }
}

/**
 * After `validateBatch`: judges the histograms from sample `from` on as wholes. Each counts once, and of one with a part that
 * cannot be stored no part is.
 */
export function judgeHistograms(batch: usize, from: u32): void {
  const outcomes: usize = load<u32>(batch, BATCH_OUTCOMES)
  const tally = batch + BATCH_TALLY
  let entry: usize = load<u32>(batch, BATCH_HISTOGRAMS)
  const end = entry + (<usize>load<u32>(batch, BATCH_HISTOGRAMS + 4) << 3)
  forgetBadPart(batch, entry, end)
  for (; entry < end; entry += 8) {
    const first = load<u32>(entry)
    const last = load<u32>(entry, 4) - 1
    if (first < from) continue
    let bad = STORED
    let isStored = false
    for (let i = first; i <= last; i++) {
      const outcome = load<u8>(outcomes + <usize>i)
      count(tally, outcome, -1)
      if (bad == STORED && outcome >= DUPLICATE && outcome <= TOO_FAR_AHEAD) bad = outcome
      if (outcome == STORED || outcome == STORED_OUT_OF_ORDER) isStored = true
    }
    const mark = load<u8>(outcomes + <usize>last)
    // The same time again, but with other buckets.
    if (bad == STORED && mark == REPEATED && isStored) bad = DUPLICATE
    count(tally, bad == STORED ? mark : bad, 1)
    if (bad == STORED && mark != NO_SERIES) continue
    memory.fill(outcomes + <usize>first, NO_SERIES, last + 1 - first)
    if (bad == STORED) continue
    store<u32>(batch, load<u32>(batch, BATCH_BAD_HISTOGRAMS) + 1, BATCH_BAD_HISTOGRAMS)
    if (load<u32>(batch, BATCH_FIRST_BAD_KIND) != 0) continue
    store<u32>(batch, last, BATCH_FIRST_BAD)
    store<u32>(batch, <u32>bad, BATCH_FIRST_BAD_KIND)
    store<u64>(batch, NOT_A_NUMBER, BATCH_LAST_VALUE)
  }
}

// @ts-ignore: decorator
@inline
function count(tally: usize, outcome: u8, by: i32): void {
  const at = tally + (<usize>outcome << 2)
  store<i32>(at, load<i32>(at) + by)
}

/** When the first bad sample is a part, the histogram takes its place. */
function forgetBadPart(batch: usize, entry: usize, end: usize): void {
  if (load<u32>(batch, BATCH_FIRST_BAD_KIND) == 0) return
  const index = load<u32>(batch, BATCH_FIRST_BAD)
  for (; entry < end; entry += 8) {
    if (index >= load<u32>(entry) && index < load<u32>(entry, 4)) store<u32>(batch, 0, BATCH_FIRST_BAD_KIND)
  }
}
