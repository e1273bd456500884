// A batch: samples staged as columns, then validated against their series, then appended and published. Nothing of it is
// visible before `appendBatch`. Long batches go in slices (`from`, `to`), so every slice looks at its series afresh.
//
//   0 refs u32, 4 times u32, 8 values u32, 12 outcomes u32: the columns (u32, i64, u64, u8)
//  16 count u32, 20 capacity u32
//  24 outcome counts, 12 x u32
//  72 first bad sample u32, its kind at 76 u32; kind 0: none
//  80 least time i64, 88 greatest time i64 of the stored samples
//  96 log record u32, 100 its length u32, 104 its allocated bytes u32, 108 new series in it u32
// 112 last value u64 of the first bad sample's series
// 120 next open batch u32, 124 the one before u32
// 128 images { pointer u32, bytes u32, capacity u32 } of the histograms that its marks stand for (batchImages.ts)
// 140 histograms that cannot be stored u32
// 144 zeros: a growing array of the samples, u32, that say that a counter was created
// 156 copies of the chunks that its samples went into at once (run.ts)
// 172 starts: a growing array of the samples that say when their counters began (startTimes.ts)

import { bytesEqual } from '../base/bytes'
import {
  ACTIVE_SAMPLES, APPENDED_SAMPLES, BATCHES, HEAD_MAX_TIME, HEAD_MIN_TIME, MIN_VALID_FLOOR, OUT_OF_ORDER_WINDOW,
} from '../base/layout'
import { freeList, link, push, unlink } from '../base/list'
import { alloc, free, usableBytes } from '../base/memory'
import { hasMarks, HINT_MASK, isMark, markPlace, NOT_A_NUMBER } from '../codec/histogramMark'
import { appendHistogram, appendInOrder, fence, isFull, publish, sealActive } from '../samples/append'
import { isNewestImage } from '../samples/histogramRows'
import { insertHistogram, insertOutOfOrder } from '../samples/outOfOrder'
import { FLAG_HAS_LAST, FLAG_LAST_VALUE_UNKNOWN, hasSeries, R_FLAGS, R_LAST_TIME, R_LAST_VALUE, R_SLOT, seriesRecord } from '../samples/seriesRecord'
import { BATCH_IMAGES, clearImages, imageLength, imageOf } from './batchImages'
import { appendRun, clearCopies, COPIES_BYTES, freeCopies, MIN_RUN } from './run'

export const BATCH_REFS: usize = 0
export const BATCH_TIMES: usize = 4
export const BATCH_VALUES: usize = 8
export const BATCH_OUTCOMES: usize = 12
export const BATCH_COUNT: usize = 16
export const BATCH_CAPACITY: usize = 20
export const BATCH_TALLY: usize = 24
export const BATCH_FIRST_BAD: usize = 72
export const BATCH_FIRST_BAD_KIND: usize = 76
export const BATCH_MIN_TIME: usize = 80
export const BATCH_MAX_TIME: usize = 88
export const BATCH_RECORD: usize = 96
export const BATCH_RECORD_LENGTH: usize = 100
export const BATCH_RECORD_BYTES: usize = 104
export const BATCH_NEW_SERIES: usize = 108
export const BATCH_LAST_VALUE: usize = 112
export const BATCH_LINK: usize = 120
const BATCH_BAD_HISTOGRAMS: usize = 140
const BATCH_ZEROS: usize = 144
export const BATCH_COPIES: usize = 156
export const BATCH_STARTS: usize = BATCH_COPIES + <usize>COPIES_BYTES
const BATCH_BYTES: u32 = <u32>BATCH_STARTS + 12

/** An entry of the starts: { index of the sample u32, zero u32, start f64 }. */
export const START_BYTES: u32 = 16

export const STORED: u8 = 0
export const REPEATED: u8 = 1 // same time and bits as the newest sample, or passed over: accepted, nothing to store
export const STORED_OUT_OF_ORDER: u8 = 2
export const DUPLICATE: u8 = 3
export const OUT_OF_ORDER: u8 = 4
export const TOO_OLD: u8 = 5
export const OUT_OF_BOUNDS: u8 = 6
export const TOO_FAR_AHEAD: u8 = 7
export const NO_SERIES: u8 = 8 // staged with ref 0: dropped by relabelling, or a zero that is not in order
export const TOO_LATE: u8 = 9 // was in order when validated, and another batch came in between
export const STORED_IN_CHUNK: u8 = 10 // stored, and the log record gets the chunk

/** Half of Prometheus's 2 h chunk range: without a window, samples older than this before the newest are out of bounds. */
const IN_BOUNDS_MS: i64 = 3_600_000

export function newBatch(): usize {
  const batch = alloc(BATCH_BYTES)
  memory.fill(batch, 0, BATCH_BYTES)
  clearBatch(batch)
  link(BATCHES, batch, BATCH_LINK)
  return batch
}

export function freeBatch(batch: usize): void {
  unlink(BATCHES, batch, BATCH_LINK)
  freeColumns(batch)
  freeCopies(batch + BATCH_COPIES)
  freeList(batch + BATCH_IMAGES, 1)
  freeList(batch + BATCH_ZEROS, 4)
  freeList(batch + BATCH_STARTS, START_BYTES)
  free(batch, BATCH_BYTES)
}

function freeColumns(batch: usize): void {
  const capacity = load<u32>(batch, BATCH_CAPACITY)
  if (capacity != 0) free(load<u32>(batch, BATCH_TIMES), columnBytes(capacity))
  store<u32>(batch, 0, BATCH_CAPACITY)
}

/** Empties the batch; gives the columns back when they are larger than `keep` samples. */
export function clearBatch(batch: usize): void {
  if (load<u32>(batch, BATCH_CAPACITY) > 65536) freeColumns(batch)
  clearCopies(batch + BATCH_COPIES)
  memory.fill(batch + BATCH_COUNT, 0, 4)
  memory.fill(batch + BATCH_TALLY, 0, BATCH_LINK - BATCH_TALLY)
  clearImages(batch)
  store<u32>(batch, 0, BATCH_ZEROS + 4)
  store<u32>(batch, 0, BATCH_STARTS + 4)
  store<u32>(batch, 0, BATCH_BAD_HISTOGRAMS)
  store<i64>(batch, i64.MAX_VALUE, BATCH_MIN_TIME)
  store<i64>(batch, i64.MIN_VALUE, BATCH_MAX_TIME)
}

// @ts-ignore: decorator
@inline
function columnBytes(capacity: u32): u32 {
  return capacity * 21
}

/** Makes room for `more` samples. The four columns lie in one block. */
export function reserveBatch(batch: usize, more: u32): void {
  const count = load<u32>(batch, BATCH_COUNT)
  const old = load<u32>(batch, BATCH_CAPACITY)
  if (count + more <= old) return
  let capacity = (max(max(count + more, old << 1), 64) + 7) & ~7
  capacity = (usableBytes(columnBytes(capacity)) / 21) & ~7
  const block = alloc(columnBytes(capacity))
  const times = block
  const values = times + (<usize>capacity << 3)
  const refs = values + (<usize>capacity << 3)
  const outcomes = refs + (<usize>capacity << 2)
  if (old != 0) {
    memory.copy(times, load<u32>(batch, BATCH_TIMES), count << 3)
    memory.copy(values, load<u32>(batch, BATCH_VALUES), count << 3)
    memory.copy(refs, load<u32>(batch, BATCH_REFS), count << 2)
    memory.copy(outcomes, load<u32>(batch, BATCH_OUTCOMES), count)
    free(load<u32>(batch, BATCH_TIMES), columnBytes(old))
  }
  store<u32>(batch, <u32>refs, BATCH_REFS)
  store<u32>(batch, <u32>times, BATCH_TIMES)
  store<u32>(batch, <u32>values, BATCH_VALUES)
  store<u32>(batch, <u32>outcomes, BATCH_OUTCOMES)
  store<u32>(batch, capacity, BATCH_CAPACITY)
}

// @ts-ignore: decorator
@inline
export function stage(batch: usize, ref: u32, time: i64, value: u64): void {
  const count = load<u32>(batch, BATCH_COUNT)
  if (count == load<u32>(batch, BATCH_CAPACITY)) reserveBatch(batch, 1)
  store<u32>(<usize>load<u32>(batch, BATCH_REFS) + (<usize>count << 2), ref)
  store<i64>(<usize>load<u32>(batch, BATCH_TIMES) + (<usize>count << 3), time)
  store<u64>(<usize>load<u32>(batch, BATCH_VALUES) + (<usize>count << 3), value)
  store<u32>(batch, count + 1, BATCH_COUNT)
}

/** For callers outside the module, whose numbers are doubles. A ref that no series has any more counts as dropped. */
export function stageSample(batch: usize, ref: u32, time: f64, value: f64): void {
  let bits = reinterpret<u64>(value)
  // A NaN that went through JavaScript has lost its payload; the staleness marker has `stageStale`.
  if (value != value) bits = 0x7ff8000000000001
  stage(batch, hasSeries(ref) ? ref : 0, <i64>time, bits)
}

export function stageStale(batch: usize, ref: u32, time: f64): void {
  stage(batch, hasSeries(ref) ? ref : 0, <i64>time, 0x7ff0000000000002)
}

/** Takes back the samples from index `count` on. */
export function unstageFrom(batch: usize, count: u32): void {
  if (count < load<u32>(batch, BATCH_COUNT)) store<u32>(batch, count, BATCH_COUNT)
  const zeros: usize = load<u32>(batch, BATCH_ZEROS)
  let left = load<u32>(batch, BATCH_ZEROS + 4)
  while (left > 0 && load<u32>(zeros + (<usize>(left - 1) << 2)) >= count) left--
  store<u32>(batch, left, BATCH_ZEROS + 4)
  const starts: usize = load<u32>(batch, BATCH_STARTS)
  left = load<u32>(batch, BATCH_STARTS + 4)
  while (left > 0 && load<u32>(starts + <usize>(left - 1) * START_BYTES) >= count) left--
  store<u32>(batch, left, BATCH_STARTS + 4)
}

/** The least time a sample may have without an out-of-order window. */
function minValidTime(): i64 {
  const newest = load<i64>(HEAD_MAX_TIME)
  const floor = load<i64>(MIN_VALID_FLOOR)
  return newest == i64.MIN_VALUE ? floor : max(newest - IN_BOUNDS_MS, floor)
}

/**
 * Whether a counter that was created at `time`, of which there is a sample of `sampleTime`, can have a zero then: before
 * that sample, after all that its series has, and not out of bounds.
 */
export function takesZero(ref: u32, time: i64, sampleTime: i64): bool {
  if (time >= sampleTime || !hasSeries(ref)) return false
  // The first sample of all says where the head begins.
  const oldest = load<i64>(HEAD_MAX_TIME) == i64.MIN_VALUE ? max(minValidTime(), sampleTime - IN_BOUNDS_MS) : minValidTime()
  if (time < oldest) return false
  const record = seriesRecord(ref)
  return (load<u32>(record, R_FLAGS) & FLAG_HAS_LAST) == 0 || time > load<i64>(record, R_LAST_TIME)
}

/** For callers outside the module, whose times are doubles. */
export function takesZeroAt(ref: u32, time: f64, sampleTime: f64): bool {
  return takesZero(ref, <i64>time, <i64>sampleTime)
}

/** Stages the zero, where there can be one. */
export function stageZero(batch: usize, ref: u32, time: i64, sampleTime: i64): void {
  if (!takesZero(ref, time, sampleTime)) return
  const count = load<u32>(batch, BATCH_COUNT)
  // Counters that were not created again since the sample before say the same once more.
  if (count > 0 && load<u32>(<usize>load<u32>(batch, BATCH_REFS) + (<usize>(count - 1) << 2)) == ref && load<i64>(<usize>load<u32>(batch, BATCH_TIMES) + (<usize>(count - 1) << 3)) >= time) return
  stage(batch, ref, time, 0)
  markZeros(batch, count)
}

/** The samples from index `from` on are zeros: stored where they are in order, and no problem where they are not. */
export function markZeros(batch: usize, from: u32): void {
  const count = load<u32>(batch, BATCH_COUNT)
  for (let i = from; i < count; i++) store<u32>(push(batch + BATCH_ZEROS, 4), i)
}

/** How many of the samples are zeros of counters that were created. */
export function zeroCount(batch: usize): u32 {
  return load<u32>(batch, BATCH_ZEROS + 4)
}

function isZero(batch: usize, index: u32): bool {
  const zeros: usize = load<u32>(batch, BATCH_ZEROS)
  let low: u32 = 0
  let high = load<u32>(batch, BATCH_ZEROS + 4)
  while (low < high) {
    const middle = (low + high) >> 1
    const found = load<u32>(zeros + (<usize>middle << 2))
    if (found == index) return true
    if (found < index) low = middle + 1
    else high = middle
  }
  return false
}

/** The first day that has a name, 100 million days before 1970: no file could take what lies before it. */
const EARLIEST_MS: i64 = -8640000000000000

/**
 * Decides what becomes of samples `from` to `to`; `latest` is the greatest time allowed (ten minutes ahead). With `lenient` a
 * sample that is only late or double beside earlier ones of the same batch is passed over, as Prometheus does with remote
 * write, and is not bad.
 */
export function validateBatch(batch: usize, from: u32, to: u32, latest: f64, lenient: bool): void {
  const refs: usize = load<u32>(batch, BATCH_REFS)
  const times: usize = load<u32>(batch, BATCH_TIMES)
  const values: usize = load<u32>(batch, BATCH_VALUES)
  const outcomes: usize = load<u32>(batch, BATCH_OUTCOMES)
  const window = load<i64>(OUT_OF_ORDER_WINDOW)
  const newest = load<i64>(HEAD_MAX_TIME)
  const hasWindow = window > 0
  const oldest = max(EARLIEST_MS, !hasWindow ? minValidTime() : newest < i64.MIN_VALUE + window ? i64.MIN_VALUE : newest - window)
  // A sample in order needs no window.
  const oldestInOrder = hasWindow ? max(EARLIEST_MS, min(minValidTime(), oldest)) : oldest
  const limit = <i64>latest
  for (let i = from; i < to; i++) {
    const ref = load<u32>(refs + (<usize>i << 2))
    const time = load<i64>(times + (<usize>i << 3))
    const value = load<u64>(values + (<usize>i << 3))
    let outcome: u8 = STORED
    let existing: u64 = 0
    if (ref == 0) outcome = NO_SERIES
    else if (time > limit) outcome = TOO_FAR_AHEAD
    else {
      const record = seriesRecord(ref)
      const flags = load<u32>(record, R_FLAGS)
      let hasLast = (flags & FLAG_HAS_LAST) != 0
      let lastTime = load<i64>(record, R_LAST_TIME)
      let lastValue = load<u64>(record, R_LAST_VALUE)
      let anyValue = (flags & FLAG_LAST_VALUE_UNKNOWN) != 0
      // The series may have an earlier sample in this very batch: its slot then points at it.
      const slot = load<u32>(record, R_SLOT)
      let passedOver = false
      let passesLast = false
      if (slot < i && load<u32>(refs + (<usize>slot << 2)) == ref && load<u8>(outcomes + <usize>slot) == STORED) {
        // With `lenient`, only what is in order beside the stored samples is judged by the batch.
        if (!lenient || !hasLast || time > lastTime) {
          passedOver = lenient
          passesLast = true
          hasLast = true
          lastTime = load<i64>(times + (<usize>slot << 3))
          lastValue = load<u64>(values + (<usize>slot << 3))
          anyValue = false
        }
      }
      const isLate = hasLast && time < lastTime
      const bound = isLate ? oldest : oldestInOrder
      if (time < bound) outcome = hasWindow ? TOO_OLD : OUT_OF_BOUNDS
      else if (!hasLast || time > lastTime) store<u32>(record, i, R_SLOT)
      else if (passedOver && (!isLate || !hasWindow)) outcome = REPEATED
      else if (!isLate) {
        outcome = anyValue || isSame(batch, ref, value, lastValue, passesLast) ? REPEATED : DUPLICATE
        existing = isMark(lastValue) ? NOT_A_NUMBER : lastValue
      }
      else outcome = hasWindow ? STORED_OUT_OF_ORDER : OUT_OF_ORDER
    }
    if (outcome != STORED && outcome < NO_SERIES && isZero(batch, i)) outcome = NO_SERIES
    store<u8>(outcomes + <usize>i, outcome)
    const tally = batch + BATCH_TALLY + (<usize>outcome << 2)
    store<u32>(tally, load<u32>(tally) + 1)
    if (outcome == STORED && i + 1 < to && load<u32>(refs + (<usize>(i + 1) << 2)) == ref) {
      const last = storedRun(batch, i, to, limit)
      store<u32>(tally, load<u32>(tally) + last - i)
      store<u32>(seriesRecord(ref), last, R_SLOT)
      i = last
      continue
    }
    if (outcome < DUPLICATE || outcome >= NO_SERIES) continue
    if (isMark(value)) store<u32>(batch, load<u32>(batch, BATCH_BAD_HISTOGRAMS) + 1, BATCH_BAD_HISTOGRAMS)
    if (load<u32>(batch, BATCH_FIRST_BAD_KIND) == 0) {
      store<u32>(batch, i, BATCH_FIRST_BAD)
      store<u32>(batch, <u32>outcome, BATCH_FIRST_BAD_KIND)
      store<u64>(batch, existing, BATCH_LAST_VALUE)
    }
  }
}

/** Whether a value of the batch is another one, which is its series' newest one or, with `isStaged`, one of the batch too. */
function isSame(batch: usize, ref: u32, value: u64, other: u64, isStaged: bool): bool {
  if (!isMark(value) || !isMark(other)) return value == other
  if (((value ^ other) & HINT_MASK) != 0) return false
  const image = imageOf(batch, markPlace(value))
  if (isStaged) {
    const before = imageOf(batch, markPlace(other))
    return imageLength(image) == imageLength(before) && bytesEqual(image, before, imageLength(image))
  }
  return isNewestImage(ref, other, image, imageLength(image))
}

/** Marks the samples after `first`, which is stored, as long as they are of its series and each is newer than the one before. Returns the last of them. */
function storedRun(batch: usize, first: u32, to: u32, limit: i64): u32 {
  const refs: usize = load<u32>(batch, BATCH_REFS)
  const times: usize = load<u32>(batch, BATCH_TIMES)
  const outcomes: usize = load<u32>(batch, BATCH_OUTCOMES)
  const ref = load<u32>(refs + (<usize>first << 2))
  let before = load<i64>(times + (<usize>first << 3))
  let i = first + 1
  while (i < to && load<u32>(refs + (<usize>i << 2)) == ref) {
    const time = load<i64>(times + (<usize>i << 3))
    if (time <= before || time > limit) break
    before = time
    i++
  }
  memory.fill(outcomes + <usize>first, STORED, i - first)
  return i - 1
}

/** Takes back what `validateBatch` found. */
export function forgetOutcomes(batch: usize): void {
  memory.fill(batch + BATCH_TALLY, 0, BATCH_MIN_TIME - BATCH_TALLY)
  store<u32>(batch, 0, BATCH_BAD_HISTOGRAMS)
}

/** Samples that would be stored out of order are not stored after all. */
export function discardOutOfOrder(batch: usize): void {
  const outcomes: usize = load<u32>(batch, BATCH_OUTCOMES)
  const count = load<u32>(batch, BATCH_COUNT)
  for (let i: u32 = 0; i < count; i++) if (load<u8>(outcomes + <usize>i) == STORED_OUT_OF_ORDER) store<u8>(outcomes + <usize>i, OUT_OF_ORDER)
}

/** Replay: every sample of a series that is known is taken, whatever the window is now. Returns how many are of none. */
export function acceptAll(batch: usize): u32 {
  const count = load<u32>(batch, BATCH_COUNT)
  const refs: usize = load<u32>(batch, BATCH_REFS)
  const outcomes: usize = load<u32>(batch, BATCH_OUTCOMES)
  memory.fill(outcomes, STORED, count)
  let unknown: u32 = 0
  for (let i: u32 = 0; i < count; i++) {
    if (load<u32>(refs + (<usize>i << 2)) != 0) continue
    store<u8>(outcomes + <usize>i, NO_SERIES)
    unknown++
  }
  return unknown
}

// @ts-ignore: decorator
@inline
function hasHistograms(batch: usize, values: usize, from: u32, to: u32): bool {
  return load<u32>(batch, BATCH_IMAGES + 4) != 0 && hasMarks(values + (<usize>from << 3), to - from)
}

/** The end of the samples from `first` on that are stored, of one series and ascending in time. */
function endOfRun(batch: usize, first: u32, to: u32): u32 {
  const refs: usize = load<u32>(batch, BATCH_REFS)
  const times: usize = load<u32>(batch, BATCH_TIMES)
  const outcomes: usize = load<u32>(batch, BATCH_OUTCOMES)
  const ref = load<u32>(refs + (<usize>first << 2))
  let before = load<i64>(times + (<usize>first << 3))
  let i = first + 1
  while (i < to && load<u32>(refs + (<usize>i << 2)) == ref && load<u8>(outcomes + <usize>i) == STORED) {
    const time = load<i64>(times + (<usize>i << 3))
    if (time <= before) break
    before = time
    i++
  }
  return i
}

/**
 * Appends and publishes the good samples from `from` to `to`. A sample that is no longer in order goes out of order when
 * `late` is set, else it is marked TOO_LATE.
 */
export function appendBatch(batch: usize, from: u32, to: u32, late: bool): void {
  const refs: usize = load<u32>(batch, BATCH_REFS)
  const times: usize = load<u32>(batch, BATCH_TIMES)
  const values: usize = load<u32>(batch, BATCH_VALUES)
  const outcomes: usize = load<u32>(batch, BATCH_OUTCOMES)
  let least = load<i64>(batch, BATCH_MIN_TIME)
  let greatest = load<i64>(batch, BATCH_MAX_TIME)
  let appended: i64 = 0
  let inserted: i64 = 0
  /** Of the appended ones, those that went into chunks at once. */
  let sealed: i64 = 0
  /** And those that are not published yet. */
  let unpublished: u32 = 0
  for (let i = from; i < to; i++) {
    let outcome = load<u8>(outcomes + <usize>i)
    if (outcome != STORED && outcome != STORED_OUT_OF_ORDER) continue
    const record = seriesRecord(load<u32>(refs + (<usize>i << 2)))
    const time = load<i64>(times + (<usize>i << 3))
    const value = load<u64>(values + (<usize>i << 3))
    if (outcome == STORED) {
      const flags = load<u32>(record, R_FLAGS)
      const lastTime = load<i64>(record, R_LAST_TIME)
      if ((flags & FLAG_HAS_LAST) == 0 || time > lastTime) {
        const ref = load<u32>(refs + (<usize>i << 2))
        const end = i + 1 < to && load<u32>(refs + (<usize>(i + 1) << 2)) == ref ? endOfRun(batch, i, to) : i + 1
        if (end - i >= MIN_RUN && !hasHistograms(batch, values, i, end)) {
          sealed += appendRun(record, ref, times, values, outcomes, i, end, batch + BATCH_COPIES, STORED_IN_CHUNK)
          fence()
          publish(record)
          if (isFull(record, ref)) sealActive(record)
          appended += <i64>(end - i)
          least = min(least, time)
          greatest = max(greatest, load<i64>(times + (<usize>(end - 1) << 3)))
          i = end - 1
          continue
        }
        if (isMark(value)) appendHistogram(record, ref, time, value, imageOf(batch, markPlace(value)), imageLength(imageOf(batch, markPlace(value))))
        else appendInOrder(record, time, value)
        appended++
        unpublished++
      } else {
        outcome = time == lastTime && (flags & FLAG_LAST_VALUE_UNKNOWN) == 0 && isSame(batch, load<u32>(refs + (<usize>i << 2)), value, load<u64>(record, R_LAST_VALUE), false) ? REPEATED : late ? STORED_OUT_OF_ORDER : TOO_LATE
        store<u8>(outcomes + <usize>i, outcome)
      }
    }
    if (outcome == STORED_OUT_OF_ORDER) {
      if (isMark(value)) insertHistogram(record, time, value, imageOf(batch, markPlace(value)), imageLength(imageOf(batch, markPlace(value))))
      else insertOutOfOrder(record, time, value)
      inserted++
    }
    if (outcome == STORED || outcome == STORED_OUT_OF_ORDER) {
      least = min(least, time)
      greatest = max(greatest, time)
    }
  }
  fence()
  store<i64>(ACTIVE_SAMPLES, load<i64>(ACTIVE_SAMPLES) + appended - sealed)
  for (let i = unpublished == 0 ? to : from; i < to; i++) {
    if (load<u8>(outcomes + <usize>i) != STORED) continue
    const ref = load<u32>(refs + (<usize>i << 2))
    // Once per run of a series.
    if (i + 1 < to && load<u32>(refs + (<usize>(i + 1) << 2)) == ref && load<u8>(outcomes + <usize>(i + 1)) == STORED) continue
    const record = seriesRecord(ref)
    publish(record)
    if (isFull(record, ref)) sealActive(record)
  }
  store<i64>(APPENDED_SAMPLES, load<i64>(APPENDED_SAMPLES) + appended + inserted)
  store<i64>(batch, least, BATCH_MIN_TIME)
  store<i64>(batch, greatest, BATCH_MAX_TIME)
  if (greatest > load<i64>(HEAD_MAX_TIME)) store<i64>(HEAD_MAX_TIME, greatest)
  if (least < load<i64>(HEAD_MIN_TIME)) store<i64>(HEAD_MIN_TIME, least)
}
