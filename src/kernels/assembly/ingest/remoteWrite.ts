// Remote write: one compressed body to a staged batch. A message of protocol 2.0 is first brought into the form of 1.0. Snappy, the walk over the protobuf message, the lookup of the
// series by the raw bytes of its labels and the staging are one pass, resumable so that a large body goes in slices. The
// labels are only looked into when their bytes were never seen before.
//
// State: { input u32, input bytes u32, output u32, output bytes u32, input next u32, output next u32, batch u32, phase u32,
//   position u32, series position u32, series end u32, series start u32, raw labels u32, raw labels bytes u32, ref u32,
//   staged before u32, hash 2 x u64, invalid series u32, histograms u32, exemplars u32, metadata u32,
//   first invalid labels u32, its bytes u32, its reason u32, unordered u32, work u32, rewrite u32,
//   exemplar list u32, its capacity u32, histogram list u32, its capacity u32, histograms before this series u32,
//   refused series u32, use of created times u32 }. An entry of a list is { ref u32, pointer u32, length u32 } of one Exemplar or Histogram message.

import { varintEnd, readVarint, copyBytes } from '../base/bytes'
import { hash128 } from '../base/hash'
import { alloc, free, scratch } from '../base/memory'
import { BATCH_CAPACITY, BATCH_COUNT, BATCH_REFS, BATCH_TIMES, BATCH_VALUES, reserveBatch, stage, stageZero, unstageFrom } from '../batch/batch'
import { CREATED_START, CREATED_ZERO, noteStart } from '../batch/startTimes'
import { numberOnly } from '../codec/histogramMark'
import { spare } from '../samples/seriesRecord'
import { findOrCreate } from '../series/series'
import { LABEL_BYTES, LABELS_BAD_UTF8, LABELS_TOO_MANY, MAX_LABELS, normalizeLabels } from '../series/seriesLabels'
import { afterLength, lengthOf, skipField } from './protobuf'
import { findRaw, insertRaw } from './rawTable'
import { freeRewrite, newRewrite, REWRITE_DONE, REWRITE_MORE, REWRITE_OUT, REWRITE_OUT_BYTES, REWRITE_TOO_LARGE, rewriteStep } from './remoteWriteV2'
import { SNAPPY_DONE, SNAPPY_MORE, snappyDecode, snappyLength, snappyStart } from './snappy'

const W_IN: usize = 0
const W_IN_BYTES: usize = 4
const W_OUT: usize = 8
const W_OUT_BYTES: usize = 12
const W_CURSOR: usize = 16 // input next, output next
const W_BATCH: usize = 24
const W_PHASE: usize = 28
const W_POSITION: usize = 32
const W_SERIES_POSITION: usize = 36
const W_SERIES_END: usize = 40
const W_SERIES_START: usize = 44
const W_LABELS: usize = 48
const W_LABELS_BYTES: usize = 52
const W_REF: usize = 56
const W_STAGED_BEFORE: usize = 60
const W_HASH: usize = 64
const W_INVALID: usize = 80
const W_HISTOGRAMS: usize = 84
const W_EXEMPLARS: usize = 88
const W_METADATA: usize = 92
const W_FIRST_INVALID: usize = 96
const W_FIRST_INVALID_BYTES: usize = 100
const W_FIRST_INVALID_REASON: usize = 104
const W_UNORDERED: usize = 108
const W_WORK: usize = 112
const W_REWRITE: usize = 116
const W_EXEMPLAR_LIST: usize = 120
const W_HISTOGRAM_LIST: usize = 128
const W_HISTOGRAMS_BEFORE: usize = 136
const W_REFUSED: usize = 140
const W_USES_CREATED: usize = 144
const WRITE_BYTES: u32 = 148

const ENTRY_BYTES: u32 = 12

const PHASE_SNAPPY: u32 = 0
const PHASE_WALK: u32 = 1
const PHASE_REWRITE: u32 = 2

export const WRITE_MORE: i32 = 0
export const WRITE_DONE: i32 = 1
export const WRITE_BAD_SNAPPY: i32 = -1
export const WRITE_TOO_LARGE: i32 = -2
export const WRITE_BAD_MESSAGE: i32 = -3

/** A ref that no series has: not looked up yet, or the labels are not valid. */
const REF_UNKNOWN: u32 = 0
const REF_INVALID: u32 = u32.MAX_VALUE
/** A limit on the number of series forbids it. */
const REF_REFUSED: u32 = u32.MAX_VALUE - 1

const SLACK: u32 = 64
const SNAPPY_STEP: u32 = 4 << 20
/** Work of one slice, in known series; a new series counts as ten of them. */
const STEP_WORK: u32 = 8000
const NEW_SERIES_WORK: u32 = 10

/**
 * Room for a body of `bytes` bytes; `writeInput` is where it goes. `isV2`: the message is of protocol 2.0. `usesCreated`:
 * what becomes of the time at which a sample's counter was created, CREATED_ZERO and CREATED_START. `addsTypeAndUnit`: what a message of
 * 2.0 says of a metric become labels.
 */
export function newWrite(bytes: u32, batch: usize, isV2: bool, usesCreated: u32, addsTypeAndUnit: bool): usize {
  const write = alloc(WRITE_BYTES)
  memory.fill(write, 0, WRITE_BYTES)
  store<u32>(write, <u32>alloc(bytes + SLACK), W_IN)
  store<u32>(write, bytes, W_IN_BYTES)
  store<u32>(write, <u32>batch, W_BATCH)
  if (isV2) store<u32>(write, <u32>newRewrite(addsTypeAndUnit), W_REWRITE)
  store<u32>(write, usesCreated, W_USES_CREATED)
  return write
}

export function freeWrite(write: usize): void {
  free(load<u32>(write, W_IN), load<u32>(write, W_IN_BYTES) + SLACK)
  const out: usize = load<u32>(write, W_OUT)
  if (out != 0) free(out, load<u32>(write, W_OUT_BYTES) + SLACK)
  const rewrite: usize = load<u32>(write, W_REWRITE)
  if (rewrite != 0) freeRewrite(rewrite)
  freeList(write, W_EXEMPLAR_LIST)
  freeList(write, W_HISTOGRAM_LIST)
  free(write, WRITE_BYTES)
}

/** Goes on with the body. `maxBytes` is the most it may decompress to. */
export function writeStep(write: usize, maxBytes: u32): i32 {
  if (load<u32>(write, W_PHASE) == PHASE_SNAPPY) {
    const status = decompress(write, maxBytes)
    if (status != WRITE_DONE) return status
    store<u32>(write, load<u32>(write, W_REWRITE) == 0 ? PHASE_WALK : PHASE_REWRITE, W_PHASE)
    // A small body goes through in one step.
    if (load<u32>(write, W_OUT_BYTES) > SNAPPY_STEP >> 1) return WRITE_MORE
  }
  if (load<u32>(write, W_PHASE) == PHASE_REWRITE) {
    const status = rewriteToV1(write)
    if (status != WRITE_DONE) return status
    store<u32>(write, PHASE_WALK, W_PHASE)
  }
  return walk(write)
}

/** Exchanges the decompressed message for one of protocol 1.0 that says the same. */
function rewriteToV1(write: usize): i32 {
  const rewrite: usize = load<u32>(write, W_REWRITE)
  const message: usize = load<u32>(write, W_OUT)
  const status = rewriteStep(rewrite, message, message + <usize>load<u32>(write, W_OUT_BYTES))
  if (status == REWRITE_MORE) return WRITE_MORE
  if (status != REWRITE_DONE) return status == REWRITE_TOO_LARGE ? WRITE_TOO_LARGE : WRITE_BAD_MESSAGE
  store<u32>(write, load<u32>(rewrite, REWRITE_OUT), W_POSITION)
  return WRITE_DONE
}

/** Where the message that is walked begins. */
// @ts-ignore: decorator
@inline
function messageStart(write: usize): usize {
  const rewrite: usize = load<u32>(write, W_REWRITE)
  return rewrite != 0 ? load<u32>(rewrite, REWRITE_OUT) : load<u32>(write, W_OUT)
}

/** Where it ends. */
// @ts-ignore: decorator
@inline
function messageEnd(write: usize): usize {
  const rewrite: usize = load<u32>(write, W_REWRITE)
  if (rewrite != 0) return <usize>load<u32>(rewrite, REWRITE_OUT) + <usize>load<u32>(rewrite, REWRITE_OUT_BYTES)
  return <usize>load<u32>(write, W_OUT) + <usize>load<u32>(write, W_OUT_BYTES)
}

function decompress(write: usize, maxBytes: u32): i32 {
  const input: usize = load<u32>(write, W_IN)
  const inputBytes = load<u32>(write, W_IN_BYTES)
  if (load<u32>(write, W_OUT) == 0) {
    const length = snappyLength(input, inputBytes)
    if (length < 0) return WRITE_BAD_SNAPPY
    if (length > <i64>maxBytes) return WRITE_TOO_LARGE
    // Nothing expands more than 64 bytes from a 3-byte copy: do not reserve what the input cannot fill.
    if (length > (<i64>inputBytes << 5)) return WRITE_BAD_SNAPPY
    const out = alloc(<u32>length + SLACK)
    store<u32>(write, <u32>out, W_OUT)
    store<u32>(write, <u32>length, W_OUT_BYTES)
    store<u32>(write, <u32>snappyStart(input), W_CURSOR)
    store<u32>(write, <u32>out, W_CURSOR + 4)
    store<u32>(write, <u32>out, W_POSITION)
  }
  const out: usize = load<u32>(write, W_OUT)
  const status = snappyDecode(write + W_CURSOR, input + inputBytes, out, out + load<u32>(write, W_OUT_BYTES), SNAPPY_STEP)
  return status == SNAPPY_DONE ? WRITE_DONE : status == SNAPPY_MORE ? WRITE_MORE : WRITE_BAD_SNAPPY
}

// Protobuf tags: field number << 3 | wire type.
const TAG_SERIES: u8 = 0x0a
const TAG_METADATA: u8 = 0x1a
const TAG_LABEL: u8 = 0x0a
const TAG_SAMPLE: u8 = 0x12
const TAG_EXEMPLAR: u8 = 0x1a
const TAG_HISTOGRAM: u8 = 0x22

function walk(write: usize): i32 {
  const end = messageEnd(write)
  store<u32>(write, 0, W_WORK)
  while (true) {
    if (load<u32>(write, W_SERIES_POSITION) != 0) {
      const status = walkSeries(write)
      if (status != WRITE_DONE) return status
    }
    const at: usize = load<u32>(write, W_POSITION)
    if (at == end) return WRITE_DONE
    if (load<u32>(write, W_WORK) >= STEP_WORK) return WRITE_MORE
    if (load<u8>(at) != TAG_SERIES) {
      if (load<u8>(at) == TAG_METADATA) store<u32>(write, load<u32>(write, W_METADATA) + 1, W_METADATA)
      const next = skipField(at, end, 1)
      if (next == 0) return WRITE_BAD_MESSAGE
      store<u32>(write, <u32>next, W_POSITION)
      continue
    }
    const length = lengthOf(at + 1, end)
    if (length == u64.MAX_VALUE) return WRITE_BAD_MESSAGE
    const start = afterLength(at + 1)
    if (length > <u64>(end - start)) return WRITE_BAD_MESSAGE
    store<u32>(write, <u32>(start + <usize>length), W_POSITION)
    if (length > 0 && !beginSeries(write, start, start + <usize>length)) return WRITE_BAD_MESSAGE
  }
}

/** Finds the labels, which nearly always come first and together. */
function beginSeries(write: usize, start: usize, end: usize): bool {
  let at = start
  while (at < end && load<u8>(at) == TAG_LABEL) {
    const length = lengthOf(at + 1, end)
    if (length == u64.MAX_VALUE) return false
    at = afterLength(at + 1)
    if (length > <u64>(end - at)) return false
    at += <usize>length
  }
  store<u32>(write, <u32>start, W_SERIES_START)
  store<u32>(write, <u32>at, W_SERIES_POSITION)
  store<u32>(write, <u32>end, W_SERIES_END)
  store<u32>(write, <u32>start, W_LABELS)
  store<u32>(write, <u32>(at - start), W_LABELS_BYTES)
  store<u32>(write, REF_UNKNOWN, W_REF)
  store<u32>(write, 0, W_UNORDERED)
  store<u32>(write, load<u32>(<usize>load<u32>(write, W_BATCH), BATCH_COUNT), W_STAGED_BEFORE)
  store<u32>(write, load<u32>(write, W_HISTOGRAMS), W_HISTOGRAMS_BEFORE)
  store<u32>(write, load<u32>(write, W_WORK) + 1, W_WORK)
  return true
}

function walkSeries(write: usize): i32 {
  const end: usize = load<u32>(write, W_SERIES_END)
  let at: usize = load<u32>(write, W_SERIES_POSITION)
  let ref = load<u32>(write, W_REF)
  let samples: u32 = 0
  while (at < end) {
    const tag = load<u8>(at)
    if (ref == REF_UNKNOWN && (tag == TAG_SAMPLE || tag == TAG_HISTOGRAM)) {
      ref = lookUp(write)
      if (ref == REF_UNKNOWN) {
        // A series is made of all its labels, or there would be another one without samples.
        if (load<u32>(write, W_UNORDERED) == 0 && hasLabel(at, end)) {
          if (!gatherLabels(write, at)) return WRITE_BAD_MESSAGE
          at = load<u32>(write, W_SERIES_POSITION)
          continue
        }
        ref = resolve(write)
      }
      store<u32>(write, ref, W_REF)
    }
    if (tag == TAG_SAMPLE) {
      const length = lengthOf(at + 1, end)
      if (length == u64.MAX_VALUE) return WRITE_BAD_MESSAGE
      const start = afterLength(at + 1)
      if (length > <u64>(end - start)) return WRITE_BAD_MESSAGE
      if (ref < REF_REFUSED && isRegular(at, end)) {
        const from = at
        at = stageRegular(write, ref, at, min(end, at + REGULAR_BYTES * <usize>(STEP_WORK << 2)))
        samples += <u32>((at - from) / REGULAR_BYTES)
        if (samples > STEP_WORK << 2) {
          store<u32>(write, <u32>at, W_SERIES_POSITION)
          return WRITE_MORE
        }
        continue
      }
      at = start + <usize>length
      if (!walkSample(write, ref, start, at)) return WRITE_BAD_MESSAGE
      if (++samples > STEP_WORK << 2) {
        store<u32>(write, <u32>at, W_SERIES_POSITION)
        return WRITE_MORE
      }
      continue
    }
    if (tag == TAG_LABEL && load<u32>(write, W_UNORDERED) == 0) {
      // Labels after other fields: take back the samples staged so far and begin again with all labels gathered.
      if (!gatherLabels(write, at)) return WRITE_BAD_MESSAGE
      at = load<u32>(write, W_SERIES_POSITION)
      ref = load<u32>(write, W_REF)
      continue
    }
    const next = skipField(at, end, 4)
    if (next == 0) return WRITE_BAD_MESSAGE
    if (tag == TAG_EXEMPLAR) listExemplar(write, at, next)
    else if (tag == TAG_HISTOGRAM) {
      if (ref < REF_REFUSED) listMessage(write, W_HISTOGRAM_LIST, W_HISTOGRAMS, ref, afterLength(at + 1), next)
    }
    at = next
  }
  store<u32>(write, load<u32>(write, W_WORK) + (samples >> 2), W_WORK)
  store<u32>(write, 0, W_SERIES_POSITION)
  return WRITE_DONE
}

/** Adds the exemplar at `at` to the list. Its series must be known: an exemplar alone makes none. */
function listExemplar(write: usize, at: usize, next: usize): void {
  let ref = load<u32>(write, W_REF)
  if (ref == REF_UNKNOWN) ref = lookUp(write)
  listMessage(write, W_EXEMPLAR_LIST, W_EXEMPLARS, ref < REF_REFUSED ? ref : 0, afterLength(at + 1), next)
}

/** Adds an entry to the list at `listAt`, whose capacity is kept behind it. */
function listMessage(write: usize, listAt: usize, countAt: usize, ref: u32, start: usize, end: usize): void {
  const count = load<u32>(write + countAt)
  const capacity = load<u32>(write + listAt, 4)
  let list: usize = load<u32>(write + listAt)
  if (count == capacity) {
    const grown = max<u32>(64, capacity << 1)
    const fresh = alloc(grown * ENTRY_BYTES)
    if (capacity != 0) {
      memory.copy(fresh, list, capacity * ENTRY_BYTES)
      free(list, capacity * ENTRY_BYTES)
    }
    list = fresh
    store<u32>(write + listAt, <u32>fresh)
    store<u32>(write + listAt, grown, 4)
  }
  // Staged later only, so no batch shows yet that the series is in use.
  spare(ref)
  const entry = list + <usize>(count * ENTRY_BYTES)
  store<u32>(entry, ref)
  store<u32>(entry, <u32>start, 4)
  store<u32>(entry, <u32>(end - start), 8)
  store<u32>(write + countAt, count + 1)
}

function freeList(write: usize, listAt: usize): void {
  const list: usize = load<u32>(write + listAt)
  if (list != 0) free(list, load<u32>(write + listAt, 4) * ENTRY_BYTES)
}

// What nearly every sample is: tag and length 16, the value's tag and 8 bytes, the time's tag and a varint of six bytes.

const REGULAR_BYTES: usize = 18

// @ts-ignore: decorator
@inline
function isRegular(at: usize, end: usize): bool {
  // The slack behind the message makes the last load safe: tag and time are seven bytes.
  return at + REGULAR_BYTES <= end && (load<u32>(at) & 0xffffff) == 0x091012 && (load<u64>(at, 11) & 0x808080808080ff) == 0x00808080808010
}

/** Stages samples of that form as long as they follow each other. Returns where they end. */
function stageRegular(write: usize, ref: u32, at: usize, end: usize): usize {
  const batch: usize = load<u32>(write, W_BATCH)
  const before = load<u32>(batch, BATCH_COUNT)
  const most = <u32>((end - at) / REGULAR_BYTES)
  if (before + most > load<u32>(batch, BATCH_CAPACITY)) reserveBatch(batch, max(most, likelySamples(write, before + most)))
  let refs = <usize>load<u32>(batch, BATCH_REFS) + (<usize>before << 2)
  let times = <usize>load<u32>(batch, BATCH_TIMES) + (<usize>before << 3)
  let values = <usize>load<u32>(batch, BATCH_VALUES) + (<usize>before << 3)
  const start = at
  do {
    store<u32>(refs, ref)
    store<u64>(times, sixByteVarint(load<u64>(at, 12)))
    store<u64>(values, numberOnly(load<u64>(at, 3)))
    refs += 4
    times += 8
    values += 8
    at += REGULAR_BYTES
  } while (isRegular(at, end))
  store<u32>(batch, before + <u32>((at - start) / REGULAR_BYTES), BATCH_COUNT)
  return at
}

/** How many samples are still to come, if the rest of the message is like what has led to `count` samples so far. */
function likelySamples(write: usize, count: u32): u32 {
  const end = messageEnd(write)
  const seriesEnd: usize = load<u32>(write, W_SERIES_END)
  const left = <u64>(end - seriesEnd)
  return <u32>(left * <u64>count / <u64>(seriesEnd - messageStart(write))) + count
}

/** The seven-bit groups of a varint of six bytes, put together two by two. */
// @ts-ignore: decorator
@inline
function sixByteVarint(bytes: u64): u64 {
  const pairs = (bytes & 0x007f007f007f) | ((bytes & 0x7f007f007f00) >> 1)
  return (pairs & 0x3fff) | ((pairs >> 2) & (<u64>0x3fff << 14)) | ((pairs >> 4) & (<u64>0x3fff << 28))
}

// @ts-ignore: decorator
@inline
function walkSample(write: usize, ref: u32, start: usize, end: usize): bool {
  let value: u64 = 0
  let time: u64 = 0
  let created: u64 = 0
  let at = start
  while (at < end) {
    const tag = load<u8>(at)
    if (tag == 0x09) {
      if (at + 9 > end) return false
      value = load<u64>(at, 1)
      at += 9
    } else if (tag == 0x10) {
      const next = varintEnd(at + 1, end)
      if (next == 0) return false
      time = readVarint(at + 1)
      at = next
    } else if (tag == 0x18) {
      const next = varintEnd(at + 1, end)
      if (next == 0) return false
      created = readVarint(at + 1)
      at = next
    } else {
      // Fields 1 and 2 with another wire type are malformed, fields beyond them are for later versions.
      if (tag >> 3 <= 2) return false
      at = skipField(at, end, 0)
      if (at == 0) return false
    }
  }
  if (ref < REF_REFUSED) {
    const batch: usize = load<u32>(write, W_BATCH)
    const use = created == 0 ? 0 : load<u32>(write, W_USES_CREATED)
    if ((use & CREATED_ZERO) != 0) stageZero(batch, ref, <i64>created, <i64>time)
    stage(batch, ref, <i64>time, numberOnly(value))
    if ((use & CREATED_START) != 0) noteStart(batch, load<u32>(batch, BATCH_COUNT) - 1, <i64>created)
  }
  return true
}

/** The series that is known by the bytes of the labels; REF_UNKNOWN when there is none. */
function lookUp(write: usize): u32 {
  hash128(load<u32>(write, W_LABELS), load<u32>(write, W_LABELS_BYTES), write + W_HASH)
  return findRaw(write + W_HASH)
}

/** Whether a label is among the fields from `at` on. */
function hasLabel(at: usize, end: usize): bool {
  while (at != 0 && at < end) {
    if (load<u8>(at) == TAG_LABEL) return true
    at = skipField(at, end, 4)
  }
  return false
}

/** Labels never seen in these bytes: parse, check, intern. */
function resolve(write: usize): u32 {
  const start: usize = load<u32>(write, W_LABELS)
  const bytes = load<u32>(write, W_LABELS_BYTES)
  store<u32>(write, load<u32>(write, W_WORK) + NEW_SERIES_WORK, W_WORK)
  const list = scratch((MAX_LABELS + 1) * <u32>LABEL_BYTES)
  const end = start + bytes
  let at = start
  let count: u32 = 0
  while (at < end) {
    // `beginSeries` or `gatherLabels` has checked the lengths.
    const length = <usize>lengthOf(at + 1, end)
    at = afterLength(at + 1)
    if (count > MAX_LABELS) break
    if (!parseLabel(at, at + length, list + <usize>count * LABEL_BYTES)) return invalid(write, start, bytes, LABELS_BAD_UTF8)
    at += length
    count++
  }
  if (count > MAX_LABELS) return invalid(write, start, bytes, LABELS_TOO_MANY)
  const kept = normalizeLabels(list, count)
  if (kept < 0) return invalid(write, start, bytes, -kept)
  const ref = findOrCreate(list, <u32>kept, false)
  if (ref == 0) {
    store<u32>(write, load<u32>(write, W_REFUSED) + 1, W_REFUSED)
    return REF_REFUSED
  }
  insertRaw(write + W_HASH, ref)
  return ref
}

function parseLabel(start: usize, end: usize, label: usize): bool {
  store<u64>(label, 0)
  store<u64>(label, 0, 8)
  store<u32>(label, <u32>start)
  store<u32>(label, <u32>start, 8)
  let at = start
  while (at < end) {
    const tag = load<u8>(at)
    const next = skipField(at, end, 2)
    if (next == 0) return false
    if (tag == 0x0a || tag == 0x12) {
      const from = afterLength(at + 1)
      store<u32>(label + (tag == 0x0a ? 0 : 8), <u32>from)
      store<u32>(label + (tag == 0x0a ? 0 : 8), <u32>(next - from), 4)
    }
    at = next
  }
  return true
}

function invalid(write: usize, labels: usize, bytes: u32, reason: i32): u32 {
  const count = load<u32>(write, W_INVALID)
  store<u32>(write, count + 1, W_INVALID)
  if (count == 0) {
    store<u32>(write, <u32>labels, W_FIRST_INVALID)
    store<u32>(write, bytes, W_FIRST_INVALID_BYTES)
    store<u32>(write, <u32>reason, W_FIRST_INVALID_REASON)
  }
  return REF_INVALID
}

/** Rewrites the series in place with its labels first, and starts it again. `found` is where a late label was met. */
function gatherLabels(write: usize, found: usize): bool {
  const start: usize = load<u32>(write, W_SERIES_START)
  const end: usize = load<u32>(write, W_SERIES_END)
  if (load<u32>(write, W_REF) == REF_INVALID) store<u32>(write, load<u32>(write, W_INVALID) - 1, W_INVALID)
  if (load<u32>(write, W_REF) == REF_REFUSED) store<u32>(write, load<u32>(write, W_REFUSED) - 1, W_REFUSED)
  unstageFrom(load<u32>(write, W_BATCH), load<u32>(write, W_STAGED_BEFORE))
  const bytes = <u32>(end - start)
  const ordered = alloc(bytes)
  let to = ordered
  for (let pass = 0; pass < 2; pass++) {
    let at = start
    while (at < end) {
      const tag = load<u8>(at)
      const next = skipField(at, end, 4)
      if (next == 0) {
        free(ordered, bytes)
        return false
      }
      if ((tag == TAG_LABEL) == (pass == 0)) {
        copyBytes(to, at, <u32>(next - at))
        to += next - at
      }
      // These will be counted again.
      if (pass == 0 && at < found && tag == TAG_EXEMPLAR) store<u32>(write, load<u32>(write, W_EXEMPLARS) - 1, W_EXEMPLARS)
      at = next
    }
  }
  memory.copy(start, ordered, bytes)
  free(ordered, bytes)
  store<u32>(write, load<u32>(write, W_HISTOGRAMS_BEFORE), W_HISTOGRAMS)
  if (!beginSeries(write, start, end)) return false
  store<u32>(write, 1, W_UNORDERED)
  return true
}
