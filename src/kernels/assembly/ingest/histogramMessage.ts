// The Histogram messages of a remote-write body, either protocol, straight into a batch. Only what every sender writes all
// day is read here. What is malformed, not valid or unusual is left to ingest/exposition/protobuf/histogramMessage.ts, which says why; what is
// read here has to come out as it would there.

import { readVarint, unzigzag, varintEnd } from '../base/bytes'
import { scratch } from '../base/memory'
import { BATCH_COUNT, stage, takesZero } from '../batch/batch'
import { BUCKET_BYTES, D_BOUND_COUNT, D_BOUNDS, D_BUCKETS, D_COUNT, D_HINT, D_NEGATIVE, D_POSITIVE, D_SCHEMA, D_SUM, D_ZERO_COUNT, D_ZERO_THRESHOLD, reserveDraft, stageHistogram } from '../batch/histogramDraft'
import { CREATED_START, CREATED_ZERO, noteStart } from '../batch/startTimes'
import { hasSeries } from '../samples/seriesRecord'
import { afterLength, lengthOf, skipField } from './protobuf'

/** Samples staged before the caller looks at its event loop. */
const STEP_SAMPLES: u32 = 65_536

// A histogram while its fields are read, in scratch. A side is { spans from, to; deltas from, to; counts from, to }, u32 each.
const M_TIME: usize = 0
const M_BOUNDS: usize = 8
const M_IS_FLOAT: usize = 16
const M_NEGATIVE: usize = 24
const M_POSITIVE: usize = 48
const M_CREATED: usize = 72
const MESSAGE_BYTES: u32 = 80
const SIDE_DELTAS: usize = 8
const SIDE_COUNTS: usize = 16

/** The first bytes of fields 16 and 17; the second is 1. */
const TAG_BOUNDS: u8 = 0x82
const TAG_CREATED: u8 = 0x88

const STALE_MARKER: u64 = 0x7ff0000000000002
const CUSTOM_SCHEMA: i64 = -53
const MAX_BUCKETS: u32 = 10_000
/** Whole numbers are doubles outside. */
const MAX_WHOLE: u64 = 1 << 53
const RESET_HINT: u64 = 1
const GAUGE_HINT: u64 = 3

/**
 * Stages messages from `from` on of a list of { ref u32, pointer u32, length u32 }. Returns the number of the next one, which is
 * `count` at the end of the list, or, as a negative number, the complement of that of one that has to be read elsewhere. `usesCreated` is
 * as for `newWrite`; one that needs a zero because its counter was created since the last has to be read elsewhere, too.
 */
export function stageMessages(list: usize, from: u32, count: u32, batch: usize, usesCreated: u32): i32 {
  const limit = load<u32>(batch, BATCH_COUNT) + STEP_SAMPLES
  const message = scratch(MESSAGE_BYTES)
  for (let i = from; i < count; i++) {
    if (load<u32>(batch, BATCH_COUNT) >= limit) return i
    const entry = list + <usize>i * 12
    const ref = load<u32>(entry)
    const at: usize = load<u32>(entry, 4)
    if (!readFields(message, at, at + load<u32>(entry, 8))) return ~i
    const histogram = reserveDraft(0, 0)
    const time = load<i64>(message, M_TIME)
    const created = load<i64>(message, M_CREATED)
    const use = created == 0 ? 0 : usesCreated
    if ((use & CREATED_ZERO) != 0 && takesZero(ref, created, time)) return ~i
    if (load<u64>(histogram, D_SUM) == STALE_MARKER) stage(batch, hasSeries(ref) ? ref : 0, time, STALE_MARKER)
    else if (!readBuckets(message)) return ~i
    else {
      stageHistogram(batch, ref, time)
      if ((use & CREATED_START) != 0) noteStart(batch, load<u32>(batch, BATCH_COUNT) - 1, created)
    }
  }
  return count
}

/** Reads the single fields into the draft and finds the lists; false when something is unusual. */
function readFields(message: usize, at: usize, end: usize): bool {
  memory.fill(message, 0, MESSAGE_BYTES)
  const histogram = reserveDraft(0, 0)
  memory.fill(histogram, 0, D_BUCKETS)
  store<u32>(histogram, 0, D_BOUND_COUNT)
  while (at < end) {
    const start = at
    const tag = load<u8>(at++)
    // Field 16 is the first whose tag takes two bytes, field 17 the last that is known.
    const isBounds = tag == TAG_BOUNDS && load<u8>(at) == 1
    if (tag == TAG_CREATED && load<u8>(at) == 1) {
      const next = varintEnd(at + 1, end)
      if (next == 0) return false
      store<u64>(message, readVarint(at + 1), M_CREATED)
      at = next
    } else if (tag >= 0x80 && !isBounds) {
      at = skipField(start, end, 16)
      if (at == 0) return false
    } else if ((tag & 7) == 1) {
      if (at + 8 > end || !readDouble(histogram, message, tag, load<u64>(at))) return false
      at += 8
    } else if ((tag & 7) == 0) {
      const next = varintEnd(at, end)
      if (next == 0 || !readWhole(histogram, message, tag, readVarint(at))) return false
      at = next
    } else {
      if (isBounds) at++
      const length = lengthOf(at, end)
      if (length == u64.MAX_VALUE) return false
      const from = afterLength(at)
      if (length > <u64>(end - from)) return false
      at = from + <usize>length
      if (!findList(message, tag, start, from, at)) return false
    }
  }
  return true
}

// @ts-ignore: decorator
@inline
function readDouble(histogram: usize, message: usize, tag: u8, bits: u64): bool {
  if (tag == 0x11) {
    store<u64>(histogram, bits, D_COUNT)
    store<u32>(message, 1, M_IS_FLOAT)
  } else if (tag == 0x19) store<u64>(histogram, bits, D_SUM)
  else if (tag == 0x29) store<u64>(histogram, bits, D_ZERO_THRESHOLD)
  else if (tag == 0x39) store<u64>(histogram, bits, D_ZERO_COUNT)
  else return false
  return true
}

// @ts-ignore: decorator
@inline
function readWhole(histogram: usize, message: usize, tag: u8, value: u64): bool {
  if (tag == 0x08 || tag == 0x30) {
    if (value >= MAX_WHOLE) return false
    store<f64>(histogram + (tag == 0x08 ? D_COUNT : D_ZERO_COUNT), <f64>value)
  } else if (tag == 0x20) {
    const schema = unzigzag(value)
    if (schema != CUSTOM_SCHEMA && (schema < -4 || schema > 8)) return false
    store<i32>(histogram, <i32>schema, D_SCHEMA)
  } else if (tag == 0x70) store<u32>(histogram, value == RESET_HINT || value == GAUGE_HINT ? <u32>value : 0, D_HINT)
  else if (tag == 0x78) {
    if (value >= MAX_WHOLE) return false
    store<u64>(message, value, M_TIME)
  } else return false
  return true
}

/** Keeps where a list is. All spans of a side follow each other, and its numbers are one packed field. */
// @ts-ignore: decorator
@inline
function findList(message: usize, tag: u8, start: usize, from: usize, to: usize): bool {
  let list = message
  if (tag == 0x42) list += M_NEGATIVE
  else if (tag == 0x4a) list += M_NEGATIVE + SIDE_DELTAS
  else if (tag == 0x52) list += M_NEGATIVE + SIDE_COUNTS
  else if (tag == 0x5a) list += M_POSITIVE
  else if (tag == 0x62) list += M_POSITIVE + SIDE_DELTAS
  else if (tag == 0x6a) list += M_POSITIVE + SIDE_COUNTS
  else if (tag == TAG_BOUNDS) list += M_BOUNDS
  else return false
  const isSpan = tag == 0x42 || tag == 0x5a
  if (load<u32>(list) == 0) store<u32>(list, <u32>(isSpan ? start : from))
  else if (!isSpan || load<u32>(list, 4) != <u32>start) return false
  store<u32>(list, <u32>to, 4)
  return true
}

/** Reads the lists into the draft; false when the histogram is not valid or unusual. */
function readBuckets(message: usize): bool {
  const histogram = reserveDraft(0, 0)
  const isFloat = load<u32>(message, M_IS_FLOAT) != 0
  const isCustom = load<i32>(histogram, D_SCHEMA) == <i32>CUSTOM_SCHEMA
  const count = load<f64>(histogram, D_COUNT)
  const zeroCount = load<f64>(histogram, D_ZERO_COUNT)
  if (!(count >= 0) || !(zeroCount >= 0)) return false
  let reach: i64 = -1
  if (isCustom) {
    const isPlain = zeroCount == 0 && load<f64>(histogram, D_ZERO_THRESHOLD) == 0 && load<u32>(message, M_NEGATIVE) == 0
    if (!isPlain || !readBounds(message)) return false
    reach = <i64>load<u32>(histogram, D_BOUND_COUNT) + 1
  }
  const positives = readSide(message + M_POSITIVE, 0, isFloat, reach)
  if (positives < 0) return false
  const negatives = readSide(message + M_NEGATIVE, positives, isFloat, -1)
  if (negatives < 0) return false
  store<i32>(histogram, positives, D_POSITIVE)
  store<i32>(histogram, negatives, D_NEGATIVE)
  if (isFloat) return true
  let found = zeroCount
  let bucket: usize = load<u32>(histogram, D_BUCKETS)
  for (let i = positives + negatives; i > 0; i--) {
    found += load<f64>(bucket)
    bucket += BUCKET_BYTES
  }
  const sum = load<f64>(histogram, D_SUM)
  // Observations that are NaN are counted, but lie in no bucket.
  return sum == sum ? found == count : found <= count
}

/**
 * Adds the populated buckets of a side to the draft, behind the `before` that are there. `reach` is the number of custom
 * buckets, -1 for others. Returns how many it added, -1 when something is unusual.
 */
function readSide(side: usize, before: i32, isFloat: bool, reach: i64): i32 {
  let span: usize = load<u32>(side)
  const spansEnd: usize = load<u32>(side, 4)
  const numbers = side + (isFloat ? SIDE_COUNTS : SIDE_DELTAS)
  if (load<u32>(side + (isFloat ? SIDE_DELTAS : SIDE_COUNTS)) != 0) return -1
  let at: usize = load<u32>(numbers)
  const end: usize = load<u32>(numbers, 4)
  let added: u32 = 0
  let index: i64 = 0
  let running: i64 = 0
  for (let number = 0; span < spansEnd; number++) {
    const length = lengthOf(span + 1, spansEnd)
    span = afterLength(span + 1)
    const spanEnd = span + <usize>length
    let offset: i64 = 0
    let buckets: u64 = 0
    while (span < spanEnd) {
      const tag = load<u8>(span)
      const next = varintEnd(span + 1, spanEnd)
      if (next == 0) return -1
      if (tag == 0x08) offset = unzigzag(readVarint(span + 1))
      else if (tag == 0x10) buckets = readVarint(span + 1)
      else return -1
      span = next
    }
    if (((number > 0 || reach >= 0) && offset < 0) || buckets > <u64>MAX_BUCKETS) return -1
    index += offset
    if (reach >= 0 && index + <i64>buckets > reach) return -1
    if (index < -0x3fffffff || index > 0x3fffffff) return -1
    const histogram = reserveDraft(<u32>before + added + <u32>buckets, 0)
    let bucket = <usize>load<u32>(histogram, D_BUCKETS) + <usize>(<u32>before + added) * BUCKET_BYTES
    for (let i: u32 = 0; i < <u32>buckets; i++, index++) {
      let count: f64
      if (isFloat) {
        if (at + 8 > end) return -1
        count = load<f64>(at)
        if (!(count >= 0)) return -1
        at += 8
      } else {
        const next = varintEnd(at, end)
        if (next == 0) return -1
        running += unzigzag(readVarint(at))
        if (<u64>running >= MAX_WHOLE) return -1
        count = <f64>running
        at = next
      }
      if (count == 0) continue
      store<f64>(bucket, count)
      store<i32>(bucket, <i32>index, 8)
      bucket += BUCKET_BYTES
      added++
    }
    if (added > MAX_BUCKETS) return -1
  }
  return at == end ? <i32>added : -1
}

function readBounds(message: usize): bool {
  const from: usize = load<u32>(message, M_BOUNDS)
  const bytes = load<u32>(message, M_BOUNDS + 4) - <u32>from
  const count = bytes >> 3
  if ((bytes & 7) != 0 || count > MAX_BUCKETS) return false
  const histogram = reserveDraft(0, count)
  for (let at = from; at < from + bytes; at += 8) if (!(load<f64>(at) < Infinity) || (at > from && load<f64>(at) <= load<f64>(at - 8))) return false
  memory.copy(load<u32>(histogram, D_BOUNDS), from, bytes)
  store<u32>(histogram, count, D_BOUND_COUNT)
  store<u64>(histogram, 0, D_ZERO_THRESHOLD)
  return true
}
