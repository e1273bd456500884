// The one native histogram that is on its way into a batch: written here by whoever has it, from a message or from outside
// the module, then staged as a mark and its image among those of the batch.
//
// Draft: { sum f64, count f64, zero count f64, zero threshold f64, schema i32, hint u32, positive buckets u32,
//   negative buckets u32, buckets u32, their capacity u32, custom bounds u32, their number u32, their capacity u32 }
// Bucket: { count f64, index i32, zero u32 }, the positive ones first. Those that count nothing are left out.

import { writeVarint, zigzag } from '../base/bytes'
import { HISTOGRAM_DRAFT } from '../base/layout'
import { alloc, free, usableBytes } from '../base/memory'
import { imageBound, writeNumber, writeSide } from '../codec/histogramImage'
import { markOf, NOT_A_NUMBER } from '../codec/histogramMark'
import { hasSeries } from '../samples/seriesRecord'
import { stage } from './batch'
import { addImage, closeImage, imageOf } from './batchImages'

export const D_SUM: usize = 0
export const D_COUNT: usize = 8
export const D_ZERO_COUNT: usize = 16
export const D_ZERO_THRESHOLD: usize = 24
export const D_SCHEMA: usize = 32
export const D_HINT: usize = 36
export const D_POSITIVE: usize = 40
export const D_NEGATIVE: usize = 44
export const D_BUCKETS: usize = 48
const D_BUCKET_CAPACITY: usize = 52
export const D_BOUNDS: usize = 56
export const D_BOUND_COUNT: usize = 60
const D_BOUND_CAPACITY: usize = 64
const DRAFT_BYTES: u32 = 72

export const BUCKET_BYTES: usize = 16

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
export function stageDraft(batch: usize, ref: u32, time: f64): void {
  stageHistogram(batch, ref, <i64>time)
}

/** Stages the draft. A ref that no series has any more counts as dropped. */
export function stageHistogram(batch: usize, ref: u32, time: i64): void {
  const draft: usize = load<u32>(HISTOGRAM_DRAFT)
  const place = addImage(batch, imageBound(load<u32>(draft, D_POSITIVE) + load<u32>(draft, D_NEGATIVE), load<u32>(draft, D_BOUND_COUNT)))
  const image = imageOf(batch, place)
  closeImage(batch, image, writeImage(draft, image))
  stage(batch, hasSeries(ref) ? ref : 0, time, markOf(<u64>load<u32>(draft, D_HINT), place))
}

function writeImage(draft: usize, image: usize): usize {
  const buckets: usize = load<u32>(draft, D_BUCKETS)
  const positives = withoutEmpty(buckets, buckets, load<u32>(draft, D_POSITIVE))
  const negative = buckets + <usize>positives * BUCKET_BYTES
  const negatives = withoutEmpty(negative, buckets + <usize>load<u32>(draft, D_POSITIVE) * BUCKET_BYTES, load<u32>(draft, D_NEGATIVE))
  const bounds = load<u32>(draft, D_BOUND_COUNT)
  let at = writeVarint(writeVarint(image, zigzag(<i64>load<i32>(draft, D_SCHEMA))), bounds)
  memory.copy(at, load<u32>(draft, D_BOUNDS), bounds << 3)
  at += <usize>bounds << 3
  store<u64>(at, load<u64>(draft, D_ZERO_THRESHOLD))
  at = writeSide(at + 8, buckets + 8, positives, BUCKET_BYTES)
  at = writeSide(at, negative + 8, negatives, BUCKET_BYTES)
  store<u64>(at, bitsOf(load<f64>(draft, D_SUM)))
  at = writeNumber(at + 8, bitsOf(load<f64>(draft, D_COUNT)))
  at = writeNumber(at, bitsOf(load<f64>(draft, D_ZERO_COUNT)))
  for (let left = positives + negatives, bucket = buckets; left > 0; left--) {
    at = writeNumber(at, bitsOf(load<f64>(bucket)))
    bucket += BUCKET_BYTES
  }
  return at
}

/** Moves the populated ones of `count` buckets at `from` to `to`. Returns their number. */
function withoutEmpty(to: usize, from: usize, count: u32): u32 {
  let kept: u32 = 0
  for (; count > 0; count--) {
    if (load<f64>(from) != 0) {
      if (to != from) memory.copy(to, from, BUCKET_BYTES)
      to += BUCKET_BYTES
      kept++
    }
    from += BUCKET_BYTES
  }
  return kept
}

// @ts-ignore: decorator
@inline
function bitsOf(value: f64): u64 {
  return value == value ? reinterpret<u64>(value) : NOT_A_NUMBER
}
