// Reading a record of the sample log back into a batch, as start-up does. What it looks like is in record.ts.

import { readVarint, unzigzag, varintEnd } from '../base/bytes'
import { checksum64 } from '../base/hash'
import { scratch } from '../base/memory'
import { chunkSampleCount, decodeChunk } from '../codec/codec'
import { checkedImage } from '../codec/histogramImage'
import { isMark, markAt, NOT_A_NUMBER, numberOnly } from '../codec/histogramMark'
import { hasSeries, markLogged } from '../samples/seriesRecord'
import { LOAD_OK, LOAD_OTHER_LABELS, restoreSeries } from '../series/restoreSeries'
import { internLabels } from '../series/series'
import { LABEL_BYTES, MAX_LABELS } from '../series/seriesLabels'
import { BATCH_COUNT, BATCH_REFS, BATCH_TIMES, BATCH_VALUES, reserveBatch } from './batch'
import { addImage, closeImage, imageOf } from './batchImages'
import { RECORD_HEADER, RECORD_VERSION, VERSION_WITH_HISTOGRAMS, VERSION_WITHOUT_CHUNKS } from './record'

const RECORD_OK: i32 = 0
const RECORD_DAMAGED: i32 = -1
const RECORD_UNKNOWN_VERSION: i32 = -2

/** No commit is as large. */
const MAX_SAMPLES: u64 = 1 << 25

/**
 * Reads a record: creates its series and stages its samples. A sample of a series that nobody knows is staged with ref 0.
 * Returns RECORD_OK or what is wrong; then nothing is staged, but series may have been created. `created` (u32) gets the
 * number of series in the record.
 */
export function decodeRecord(ptr: usize, length: u32, batch: usize, created: usize): i32 {
  store<u32>(created, 0)
  if (length < <u32>RECORD_HEADER + 2) return RECORD_DAMAGED
  const version = load<u32>(ptr)
  if (version < <u32>VERSION_WITHOUT_CHUNKS || version > <u32>VERSION_WITH_HISTOGRAMS) return RECORD_UNKNOWN_VERSION
  if (checksum64(ptr + RECORD_HEADER, length - <u32>RECORD_HEADER) != load<u64>(ptr, 4)) return RECORD_DAMAGED
  const end = ptr + length
  const chunks = readSeries(ptr + RECORD_HEADER, end, created)
  if (chunks == 0) return RECORD_DAMAGED
  const hasChunks = version >= <u32>RECORD_VERSION
  const samplesAt = hasChunks ? afterChunks(chunks, end) : chunks
  const columns: usize = samplesAt == 0 ? 0 : varintEnd(samplesAt, end)
  if (columns == 0) return RECORD_DAMAGED
  const samples = readVarint(samplesAt)
  const inChunks = hasChunks ? samplesInChunks(chunks) : 0
  if (samples > <u64>(end - columns) || samples + inChunks > MAX_SAMPLES) return RECORD_DAMAGED
  reserveBatch(batch, <u32>(samples + inChunks))
  // The samples go behind the room for those in chunks, and then to their places from the front.
  const images = readColumns(columns, end, batch, <u32>inChunks, <u32>samples)
  if (images == 0 || !readImages(images, end, batch, <u32>inChunks, <u32>samples, version == <u32>VERSION_WITH_HISTOGRAMS)) return RECORD_DAMAGED
  if (inChunks > 0 && !readChunks(chunks, batch, <u32>inChunks, <u32>samples)) return RECORD_DAMAGED
  store<u32>(batch, <u32>(samples + inChunks), BATCH_COUNT)
  return RECORD_OK
}

/** Creates the series of the record. Returns their end, 0 when they are damaged. */
function readSeries(start: usize, end: usize, created: usize): usize {
  let at = start
  let next = varintEnd(at, end)
  if (next == 0) return 0
  const series = readVarint(at)
  at = next
  let ref: i64 = 0
  let previousCount: u32 = 0
  // The labels of this series, and before them those of the previous one, which they may refer to. `internLabels`
  // works in place, so the labels go to a third array for it.
  const labels = scratch(3 * MAX_LABELS * <u32>LABEL_BYTES)
  const work = labels + <usize>MAX_LABELS * LABEL_BYTES
  for (let s: u64 = 0; s < series; s++) {
    next = varintEnd(at, end)
    if (next == 0) return 0
    ref += unzigzag(readVarint(at))
    at = next
    if (ref <= 0 || ref > <i64>u32.MAX_VALUE) return 0
    next = varintEnd(at, end)
    if (next == 0) return 0
    const count = readVarint(at)
    at = next
    if (count == 0 || count > <u64>MAX_LABELS) return 0
    for (let i: u32 = 0; i < <u32>count; i++) {
      const label = labels + <usize>i * LABEL_BYTES
      next = varintEnd(at, end)
      if (next == 0) return 0
      const code = readVarint(at)
      at = next
      if (code < 2 && i >= previousCount) return 0
      if (code == 0) continue
      if (code >= 2) {
        if (code - 2 > <u64>(end - at)) return 0
        store<u32>(label, <u32>at)
        store<u32>(label, <u32>code - 2, 4)
        at += <usize>code - 2
      }
      next = varintEnd(at, end)
      if (next == 0) return 0
      const bytes = readVarint(at)
      if (bytes > <u64>(end - next)) return 0
      store<u32>(label, <u32>next, 8)
      store<u32>(label, <u32>bytes, 12)
      at = next + <usize>bytes
    }
    previousCount = <u32>count
    memory.copy(work, labels, <usize>count * LABEL_BYTES)
    const status = restoreSeries(<u32>ref, internLabels(work, <u32>count), <u32>count)
    if (status == LOAD_OTHER_LABELS) return 0
    // Else the labels have a newer ref: retention has dropped what this one had.
    if (status == LOAD_OK) markLogged(<u32>ref)
    store<u32>(created, load<u32>(created) + 1)
  }
  return at
}

/** The end of the chunks at `at`, 0 when they are damaged. */
function afterChunks(at: usize, end: usize): usize {
  let next = varintEnd(at, end)
  if (next == 0) return 0
  const count = readVarint(at)
  at = next
  for (let k: u64 = 0; k < count; k++) {
    const refAt = varintEnd(at, end)
    const lengthAt: usize = refAt == 0 ? 0 : varintEnd(refAt, end)
    next = lengthAt == 0 ? 0 : varintEnd(lengthAt, end)
    if (next == 0) return 0
    const length = readVarint(lengthAt)
    if (length > <u64>(end - next) || chunkSampleCount(next, <i32>length) < 0) return 0
    at = next + <usize>length
  }
  return at
}

/** How many samples are in the chunks at `at`, which `afterChunks` has checked. */
function samplesInChunks(at: usize): u64 {
  let samples: u64 = 0
  const count = readVarint(at)
  at = afterVarint(at)
  for (let k: u64 = 0; k < count; k++) {
    const lengthAt = afterVarint(afterVarint(at))
    const chunk = afterVarint(lengthAt)
    samples += <u64>load<u16>(chunk, 2)
    at = chunk + <usize>readVarint(lengthAt)
  }
  return samples
}

/**
 * Puts the samples of the chunks at `at` into the first `inChunks` places of the batch, and between them, where they belong, the
 * `samples` others, which lie behind. False when a chunk is damaged.
 */
function readChunks(at: usize, batch: usize, inChunks: u32, samples: u32): bool {
  const refs: usize = load<u32>(batch, BATCH_REFS)
  const times: usize = load<u32>(batch, BATCH_TIMES)
  const values: usize = load<u32>(batch, BATCH_VALUES)
  const count = readVarint(at)
  at = afterVarint(at)
  let to: usize = 0
  let from = <usize>inChunks
  let left = samples
  for (let k: u64 = 0; k < count; k++) {
    const gap = readVarint(at)
    if (gap > <u64>left) return false
    moveSamples(batch, to, from, <usize>gap)
    to += <usize>gap
    from += <usize>gap
    left -= <u32>gap
    const refAt = afterVarint(at)
    const lengthAt = afterVarint(refAt)
    const chunk = afterVarint(lengthAt)
    const length = readVarint(lengthAt)
    const inChunk = <usize>load<u16>(chunk, 2)
    const firstTime = times + (to << 3)
    if (decodeChunk(chunk, <i32>length, firstTime, values + (to << 3), <i32>inChunk) < 0) return false
    const known = readVarint(refAt)
    const ref = known <= <u64>u32.MAX_VALUE && hasSeries(<u32>known) ? <u32>known : 0
    for (let i: usize = 0; i < inChunk; i++) {
      store<i64>(firstTime + (i << 3), <i64>load<f64>(firstTime + (i << 3)))
      const value = values + ((to + i) << 3)
      store<u64>(value, numberOnly(load<u64>(value)))
      store<u32>(refs + ((to + i) << 2), ref)
    }
    to += inChunk
    at = chunk + <usize>length
  }
  moveSamples(batch, to, from, left)
  return true
}

function moveSamples(batch: usize, to: usize, from: usize, count: usize): void {
  const refs: usize = load<u32>(batch, BATCH_REFS)
  const times: usize = load<u32>(batch, BATCH_TIMES)
  const values: usize = load<u32>(batch, BATCH_VALUES)
  memory.copy(refs + (to << 2), refs + (from << 2), count << 2)
  memory.copy(times + (to << 3), times + (from << 3), count << 3)
  memory.copy(values + (to << 3), values + (from << 3), count << 3)
}

function afterVarint(at: usize): usize {
  while (load<u8>(at) >= 0x80) at++
  return at + 1
}

/** Reads the columns of samples to the places from index `first` on. Returns their end, 0 when they are damaged. */
function readColumns(at: usize, end: usize, batch: usize, first: u32, samples: u32): usize {
  if (samples == 0) return at
  const refs = <usize>load<u32>(batch, BATCH_REFS) + (<usize>first << 2)
  const times = <usize>load<u32>(batch, BATCH_TIMES) + (<usize>first << 3)
  const values = <usize>load<u32>(batch, BATCH_VALUES) + (<usize>first << 3)
  let next: usize = 0
  let ref: i64 = 0
  for (let i: u32 = 0; i < samples; i++) {
    next = varintEnd(at, end)
    if (next == 0) return 0
    ref += unzigzag(readVarint(at)) + 1
    at = next
    if (ref <= 0 || ref > <i64>u32.MAX_VALUE) return 0
    store<u32>(refs + (<usize>i << 2), hasSeries(<u32>ref) ? <u32>ref : 0)
  }
  if (at + 9 > end) return 0
  const mode = load<u8>(at)
  let time = load<i64>(at, 1)
  at += 9
  if (mode > 1) return 0
  for (let i: u32 = 0; i < samples; i++) {
    if (mode == 1) {
      next = varintEnd(at, end)
      if (next == 0) return 0
      time += unzigzag(readVarint(at))
      at = next
    }
    store<i64>(times + (<usize>i << 3), time)
  }
  for (let i: u32 = 0; i < samples; i++) {
    next = varintEnd(at, end)
    if (next == 0) return 0
    const code = readVarint(at)
    if ((code & 1) == 0) {
      store<f64>(values + (<usize>i << 3), <f64>unzigzag(code >> 1))
      at = next
    } else {
      if (code != 1 || next + 8 > end) return 0
      store<u64>(values + (<usize>i << 3), load<u64>(next))
      at = next + 8
    }
  }
  return at
}

/**
 * Gives the marks among the samples the images that follow them and end the record; without histograms, what looks like a mark is
 * a NaN. False when they are damaged.
 */
function readImages(at: usize, end: usize, batch: usize, first: u32, samples: u32, hasHistograms: bool): bool {
  const values = <usize>load<u32>(batch, BATCH_VALUES) + (<usize>first << 3)
  for (let i: u32 = 0; i < samples; i++) {
    const value = values + (<usize>i << 3)
    const bits = load<u64>(value)
    if (!isMark(bits)) continue
    if (!hasHistograms) {
      store<u64>(value, NOT_A_NUMBER)
      continue
    }
    const from = varintEnd(at, end)
    if (from == 0) return false
    const length = readVarint(at)
    if (length > <u64>(end - from) || checkedImage(from, from + <usize>length) != from + <usize>length) return false
    const place = addImage(batch, <u32>length)
    const image = imageOf(batch, place)
    memory.copy(image, from, <usize>length)
    closeImage(batch, image, image + <usize>length)
    store<u64>(value, markAt(bits, place))
    at = from + <usize>length
  }
  return at == end
}
