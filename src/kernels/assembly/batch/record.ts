// The sample log's record: one per commit, or for several that may wait, read back at start-up. Version 3, version 2 without
// histograms, and version 1 without chunks, too:
//
//   +---------+--------+--------------+--------------------------------------------------------------+
//   | version | 3 zero | checksum u64 | new series | chunks | samples | histograms                   |
//   +---------+--------+--------------+--------------------------------------------------------------+
//   new series: varint count, then per series: zigzag varint (ref - previous ref), varint label count, labels
//   label:      0                                   the same pair as the previous series' label at this place
//               1, varint length, value             the same name, another value
//               n + 2, name (n bytes), varint length, value
//   chunks:     varint count, then per chunk: varint number of samples (below) since the chunk before, varint ref,
//               varint length, the chunk (codec.ts)
//   samples:    varint count, then, when there are any, three columns
//   refs:       zigzag varint (ref - previous ref - 1), previous starts at 0
//   times:      byte 0 and one i64: all at that time; byte 1 and one i64 base: zigzag varint (time - previous time) each
//   values:     varint (zigzag of the integer) << 1 for integers below 2^47; byte 1 and 8 bytes for all other doubles, and for
//               the marks of histograms, without place
//   histograms: for each mark in turn: varint length, the image (histogramImage.ts)
//
// What was appended in runs is in chunks, everything else in samples; both together are in the order in which they were
// appended. The checksum covers everything after it.

import { copyBytes, writeVarint, zigzag } from '../base/bytes'
import { checksum64 } from '../base/hash'
import { alloc, free, scratch } from '../base/memory'
import { isMark, markAt, markPlace } from '../codec/histogramMark'
import { FLAG_LOGGED, markLogged, R_FLAGS, seriesRecord } from '../samples/seriesRecord'
import { pairName, pairValue, symbolBlob } from '../series/labelIndex'
import { labelBound, writeSymbol } from '../series/seriesLabels'
import {
  BATCH_COPIES, BATCH_COUNT, BATCH_MAX_TIME, BATCH_MIN_TIME, BATCH_NEW_SERIES, BATCH_OUTCOMES, BATCH_RECORD, BATCH_RECORD_BYTES, BATCH_RECORD_LENGTH, BATCH_REFS, BATCH_TIMES, BATCH_VALUES,
  reserveBatch, STORED, STORED_IN_CHUNK, STORED_OUT_OF_ORDER,
} from './batch'
import { addImage, BATCH_IMAGES, closeImage, imageLength, imageOf } from './batchImages'
import { afterCopy, COPIES_NUMBER, COPIES_USED, COPY_HEADER, COPY_LENGTH, COPY_REF, COPY_SAMPLES } from './run'

export const VERSION_WITH_HISTOGRAMS: u8 = 3
export const RECORD_VERSION: u8 = 2
export const VERSION_WITHOUT_CHUNKS: u8 = 1
export const RECORD_HEADER: usize = 12
const MAX_INTEGER: f64 = 140737488355328 // 2^47

/** Writes the record of the batch's stored samples and of the series among them that are not logged yet. Returns its length, 0 when there is nothing to log. */
export function encodeRecord(batch: usize): u32 {
  const count = load<u32>(batch, BATCH_COUNT)
  const copies = batch + BATCH_COPIES
  const chunks = load<u32>(copies, COPIES_NUMBER)
  const unlogged = scratch(count * 24)
  let times: usize = load<u32>(batch, BATCH_TIMES)
  let values: usize = load<u32>(batch, BATCH_VALUES)
  let refs: usize = load<u32>(batch, BATCH_REFS)
  let samples = count
  if (!isAllStored(load<u32>(batch, BATCH_OUTCOMES), count)) {
    times = unlogged + (<usize>count << 2)
    values = times + (<usize>count << 3)
    refs = values + (<usize>count << 3)
    samples = gatherSamples(batch, times, values, refs)
  }
  if (samples == 0 && chunks == 0) return 0
  let newSeries: u32 = 0
  let previousRef: u32 = 0
  for (let i: u32 = 0; i < samples; i++) {
    const ref = load<u32>(refs + (<usize>i << 2))
    if (ref != previousRef && noteUnlogged(ref, unlogged + (<usize>newSeries << 2))) newSeries++
    previousRef = ref
  }
  let copy: usize = load<u32>(copies)
  for (let k: u32 = 0; k < chunks; k++) {
    if (noteUnlogged(load<u32>(copy, COPY_REF), unlogged + (<usize>newSeries << 2))) newSeries++
    copy = afterCopy(copy)
  }
  // Each behind its ref, a varint.
  let labelBytes: u32 = newSeries * 10
  for (let i: u32 = 0; i < newSeries; i++) labelBytes += labelBound(load<u32>(unlogged + (<usize>i << 2)))
  // What is written about a chunk takes less than the header of its copy.
  const bound = <u32>RECORD_HEADER + 48 + labelBytes + load<u32>(copies, COPIES_USED) + samples * 29 + load<u32>(batch, BATCH_IMAGES + 4)
  const out = alloc(bound)
  let at = writeSeries(out + RECORD_HEADER, unlogged, newSeries)
  at = writeChunks(at, load<u32>(copies), chunks)
  at = writeVarint(at, samples)
  if (samples > 0) {
    at = writeRefs(at, refs, samples)
    at = writeTimes(at, times, samples)
    at = writeValues(at, values, samples)
  }
  const hasHistograms = load<u32>(batch, BATCH_IMAGES + 4) != 0
  if (hasHistograms) at = writeImages(at, batch, values, samples)
  store<u32>(out, hasHistograms ? VERSION_WITH_HISTOGRAMS : RECORD_VERSION)
  store<u64>(out, checksum64(out + RECORD_HEADER, <u32>(at - out - RECORD_HEADER)), 4)
  store<u32>(batch, <u32>out, BATCH_RECORD)
  store<u32>(batch, <u32>(at - out), BATCH_RECORD_LENGTH)
  store<u32>(batch, bound, BATCH_RECORD_BYTES)
  store<u32>(batch, newSeries, BATCH_NEW_SERIES)
  return <u32>(at - out)
}

/** Adds what `encodeRecord` would write of `batch` to that of `into`. Does nothing and returns false when there are chunks in it. */
export function gatherRecord(batch: usize, into: usize): bool {
  if (load<u32>(batch + BATCH_COPIES, COPIES_NUMBER) != 0) return false
  reserveBatch(into, load<u32>(batch, BATCH_COUNT))
  const before: usize = load<u32>(into, BATCH_COUNT)
  const times = <usize>load<u32>(into, BATCH_TIMES) + (before << 3)
  const values = <usize>load<u32>(into, BATCH_VALUES) + (before << 3)
  const samples = gatherSamples(batch, times, values, <usize>load<u32>(into, BATCH_REFS) + (before << 2))
  memory.fill(<usize>load<u32>(into, BATCH_OUTCOMES) + before, STORED, samples)
  if (load<u32>(batch, BATCH_IMAGES + 4) != 0) gatherImages(batch, into, values, samples)
  store<u32>(into, <u32>before + samples, BATCH_COUNT)
  store<i64>(into, min<i64>(load<i64>(into, BATCH_MIN_TIME), load<i64>(batch, BATCH_MIN_TIME)), BATCH_MIN_TIME)
  store<i64>(into, max<i64>(load<i64>(into, BATCH_MAX_TIME), load<i64>(batch, BATCH_MAX_TIME)), BATCH_MAX_TIME)
  return true
}

/** Copies the images that marks among the `count` values stand for. */
function gatherImages(batch: usize, into: usize, values: usize, count: u32): void {
  for (let i: usize = 0; i < <usize>count; i++) {
    const bits = load<u64>(values + (i << 3))
    if (!isMark(bits)) continue
    const image = imageOf(batch, markPlace(bits))
    const length = imageLength(image)
    const place = addImage(into, length)
    memory.copy(imageOf(into, place), image, length)
    closeImage(into, imageOf(into, place), imageOf(into, place) + length)
    store<u64>(values + (i << 3), markAt(bits, place))
  }
}

/** Whether all samples are stored, none of them in a chunk: then the batch's columns are those of the record. */
function isAllStored(outcomes: usize, count: u32): bool {
  let i: usize = 0
  for (; i + 8 <= <usize>count; i += 8) if ((load<u64>(outcomes + i) & ~(<u64>STORED_OUT_OF_ORDER * 0x0101010101010101)) != STORED) return false
  for (; i < <usize>count; i++) if (load<u8>(outcomes + i) != STORED && load<u8>(outcomes + i) != STORED_OUT_OF_ORDER) return false
  return true
}

/** Copies the columns of the stored samples that are not in chunks, and notes at each chunk how many come before it. Returns their number. */
function gatherSamples(batch: usize, times: usize, values: usize, refs: usize): u32 {
  const count = load<u32>(batch, BATCH_COUNT)
  const outcomes: usize = load<u32>(batch, BATCH_OUTCOMES)
  let copy: usize = load<u32>(batch + BATCH_COPIES)
  let samples: usize = 0
  for (let i: u32 = 0; i < count; i++) {
    const outcome = load<u8>(outcomes + <usize>i)
    if (outcome == STORED_IN_CHUNK) {
      i += load<u32>(copy, COPY_SAMPLES) - 1
      store<u32>(copy, <u32>samples)
      copy = afterCopy(copy)
    } else if (outcome == STORED || outcome == STORED_OUT_OF_ORDER) {
      store<i64>(times + (samples << 3), load<i64>(<usize>load<u32>(batch, BATCH_TIMES) + (<usize>i << 3)))
      store<u64>(values + (samples << 3), load<u64>(<usize>load<u32>(batch, BATCH_VALUES) + (<usize>i << 3)))
      store<u32>(refs + (samples << 2), load<u32>(<usize>load<u32>(batch, BATCH_REFS) + (<usize>i << 2)))
      samples++
    }
  }
  return <u32>samples
}

/** Whether the series is not in the log yet; then it is in this record, and noted at `to`. */
function noteUnlogged(ref: u32, to: usize): bool {
  if ((load<u32>(seriesRecord(ref), R_FLAGS) & FLAG_LOGGED) != 0) return false
  markLogged(ref)
  store<u32>(to, ref)
  return true
}

export function freeRecord(ptr: usize, bytes: u32): void {
  free(ptr, bytes)
}

function writeLabels(at: usize, labels: usize, previous: usize): usize {
  const count = load<u32>(labels)
  const previousCount: u32 = previous == 0 ? 0 : load<u32>(previous)
  at = writeVarint(at, count)
  for (let i: u32 = 0; i < count; i++) {
    const pair = load<u32>(labels + 4 + (<usize>i << 2))
    const before = i < previousCount ? load<u32>(previous + 4 + (<usize>i << 2)) : 0
    if (pair == before) {
      store<u8>(at++, 0)
    } else if (before != 0 && pairName(pair) == pairName(before)) {
      store<u8>(at++, 1)
      at = writeSymbol(at, pairValue(pair))
    } else {
      const blob = symbolBlob(pairName(pair))
      const length = load<u32>(blob)
      at = writeVarint(at, <u64>length + 2)
      copyBytes(at, blob + 4, length)
      at = writeSymbol(at + length, pairValue(pair))
    }
  }
  return at
}

function writeSeries(at: usize, list: usize, count: u32): usize {
  at = writeVarint(at, count)
  let previousRef: u32 = 0
  let previousLabels: usize = 0
  for (let i: u32 = 0; i < count; i++) {
    const ref = load<u32>(list + (<usize>i << 2))
    const labels: usize = load<u32>(seriesRecord(ref))
    at = writeVarint(at, zigzag(<i64>ref - <i64>previousRef))
    at = writeLabels(at, labels, previousLabels)
    previousRef = ref
    previousLabels = labels
  }
  return at
}

function writeChunks(at: usize, copy: usize, count: u32): usize {
  at = writeVarint(at, count)
  let before: u32 = 0
  for (let k: u32 = 0; k < count; k++) {
    const samplesBefore = load<u32>(copy)
    const length = load<u32>(copy, COPY_LENGTH)
    at = writeVarint(at, samplesBefore - before)
    at = writeVarint(at, load<u32>(copy, COPY_REF))
    at = writeVarint(at, length)
    memory.copy(at, copy + COPY_HEADER, length)
    at += length
    before = samplesBefore
    copy = afterCopy(copy)
  }
  return at
}

function writeRefs(at: usize, refs: usize, count: u32): usize {
  let previous: u32 = 0
  for (let i: u32 = 0; i < count; i++) {
    const ref = load<u32>(refs + (<usize>i << 2))
    at = writeVarint(at, zigzag(<i64>ref - <i64>previous - 1))
    previous = ref
  }
  return at
}

function writeTimes(at: usize, times: usize, count: u32): usize {
  let previous = load<i64>(times)
  let i: u32 = 1
  while (i < count && load<i64>(times + (<usize>i << 3)) == previous) i++
  store<u8>(at, i == count ? 0 : 1)
  store<i64>(at, previous, 1)
  at += 9
  if (i == count) return at
  for (i = 0; i < count; i++) {
    const time = load<i64>(times + (<usize>i << 3))
    at = writeVarint(at, zigzag(time - previous))
    previous = time
  }
  return at
}

function writeValues(at: usize, values: usize, count: u32): usize {
  for (let i: u32 = 0; i < count; i++) {
    const bits = load<u64>(values + (<usize>i << 3))
    const value = reinterpret<f64>(bits)
    if (abs<f64>(value) < MAX_INTEGER) {
      const integer = <i64>value
      // The comparison of bits keeps -0 out.
      if (reinterpret<u64>(<f64>integer) == bits) {
        at = writeVarint(at, zigzag(integer) << 1)
        continue
      }
    }
    store<u8>(at, 1)
    store<u64>(at, isMark(bits) ? markAt(bits, 0) : bits, 1)
    at += 9
  }
  return at
}

function writeImages(at: usize, batch: usize, values: usize, count: u32): usize {
  for (let i: u32 = 0; i < count; i++) {
    const bits = load<u64>(values + (<usize>i << 3))
    if (!isMark(bits)) continue
    const image = imageOf(batch, markPlace(bits))
    at = writeVarint(at, imageLength(image))
    memory.copy(at, image, imageLength(image))
    at += <usize>imageLength(image)
  }
  return at
}
