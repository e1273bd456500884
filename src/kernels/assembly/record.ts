// The sample log's record: one per commit, read back at start-up. Version 1:
//
//   +---------+--------+--------------+--------------------------------------------------------------+
//   | version | 3 zero | checksum u64 | new series | samples                                         |
//   +---------+--------+--------------+--------------------------------------------------------------+
//   new series: varint count, then per series: zigzag varint (ref - previous ref), varint label count, labels
//   label:      0                                   the same pair as the previous series' label at this place
//               1, varint length, value             the same name, another value
//               n + 2, name (n bytes), varint length, value
//   samples:    varint count, then, when there are any, three columns
//   refs:       zigzag varint (ref - previous ref - 1), previous starts at 0
//   times:      byte 0 and one i64: all at that time; byte 1 and one i64 base: zigzag varint (time - previous time) each
//   values:     varint (zigzag of the integer) << 1 for integers below 2^47; byte 1 and 8 bytes for all other doubles
//
// The checksum covers everything after it.

import { BATCH_COUNT, BATCH_NEW_SERIES, BATCH_OUTCOMES, BATCH_RECORD, BATCH_RECORD_BYTES, BATCH_RECORD_LENGTH, BATCH_REFS, BATCH_TIMES, BATCH_VALUES, reserveBatch, STORED, STORED_OUT_OF_ORDER } from './batch'
import { alloc, free, scratch } from './memory'
import { copyBytes, readVarint, unzigzag, varintEnd, writeVarint, zigzag } from './bytes'
import { checksum64 } from './hash'
import { pairName, pairValue, symbolBlob } from './labelIndex'
import { FLAG_LOGGED, hasSeries, LABEL_BYTES, LOAD_OK, LOAD_OTHER_LABELS, markLogged, MAX_LABELS, R_FLAGS, restoreSeries, seriesRecord, writeSymbol } from './series'
import { stage } from './batch'

const RECORD_VERSION: u8 = 1
const RECORD_HEADER: usize = 12
const MAX_INTEGER: f64 = 140737488355328 // 2^47

// @ts-ignore: decorator
@inline
function isStored(outcome: u8): bool {
  return outcome == STORED || outcome == STORED_OUT_OF_ORDER
}

/** Writes the record of the batch's stored samples and of the series among them that are not logged yet. Returns its length, 0 when there is nothing to log. */
export function encodeRecord(batch: usize): u32 {
  const count = load<u32>(batch, BATCH_COUNT)
  const refs: usize = load<u32>(batch, BATCH_REFS)
  const outcomes: usize = load<u32>(batch, BATCH_OUTCOMES)
  const unlogged = scratch(count << 2)
  let samples: u32 = 0
  let newSeries: u32 = 0
  let labelBytes: u32 = 0
  for (let i: u32 = 0; i < count; i++) {
    if (!isStored(load<u8>(outcomes + <usize>i))) continue
    samples++
    const ref = load<u32>(refs + (<usize>i << 2))
    if (i > 0 && load<u32>(refs + (<usize>(i - 1) << 2)) == ref && isStored(load<u8>(outcomes + <usize>(i - 1)))) continue
    if ((load<u32>(seriesRecord(ref), R_FLAGS) & FLAG_LOGGED) != 0) continue
    markLogged(ref)
    store<u32>(unlogged + (<usize>newSeries << 2), ref)
    newSeries++
    labelBytes += labelBound(ref)
  }
  if (samples == 0) return 0
  const bound = <u32>RECORD_HEADER + 32 + labelBytes + samples * 29
  const out = alloc(bound)
  let at = writeVarint(out + RECORD_HEADER, newSeries)
  let previousRef: u32 = 0
  let previousLabels: usize = 0
  for (let i: u32 = 0; i < newSeries; i++) {
    const ref = load<u32>(unlogged + (<usize>i << 2))
    const labels: usize = load<u32>(seriesRecord(ref))
    at = writeVarint(at, zigzag(<i64>ref - <i64>previousRef))
    at = writeLabels(at, labels, previousLabels)
    previousRef = ref
    previousLabels = labels
  }
  at = writeVarint(at, samples)
  at = writeRefs(at, refs, outcomes, count)
  at = writeTimes(at, load<u32>(batch, BATCH_TIMES), outcomes, count)
  at = writeValues(at, load<u32>(batch, BATCH_VALUES), outcomes, count)
  store<u32>(out, RECORD_VERSION)
  store<u64>(out, checksum64(out + RECORD_HEADER, <u32>(at - out - RECORD_HEADER)), 4)
  store<u32>(batch, <u32>out, BATCH_RECORD)
  store<u32>(batch, <u32>(at - out), BATCH_RECORD_LENGTH)
  store<u32>(batch, bound, BATCH_RECORD_BYTES)
  store<u32>(batch, newSeries, BATCH_NEW_SERIES)
  return <u32>(at - out)
}

export function freeRecord(ptr: usize, bytes: u32): void {
  free(ptr, bytes)
}

function labelBound(ref: u32): u32 {
  const labels: usize = load<u32>(seriesRecord(ref))
  const count = load<u32>(labels)
  let bound: u32 = 15
  for (let i: u32 = 0; i < count; i++) {
    const pair = load<u32>(labels + 4 + (<usize>i << 2))
    bound += 10 + load<u32>(symbolBlob(pairName(pair))) + load<u32>(symbolBlob(pairValue(pair)))
  }
  return bound
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

function writeRefs(at: usize, refs: usize, outcomes: usize, count: u32): usize {
  let previous: u32 = 0
  for (let i: u32 = 0; i < count; i++) {
    if (!isStored(load<u8>(outcomes + <usize>i))) continue
    const ref = load<u32>(refs + (<usize>i << 2))
    at = writeVarint(at, zigzag(<i64>ref - <i64>previous - 1))
    previous = ref
  }
  return at
}

function writeTimes(at: usize, times: usize, outcomes: usize, count: u32): usize {
  let first: i64 = 0
  let found = false
  let same = true
  for (let i: u32 = 0; i < count; i++) {
    if (!isStored(load<u8>(outcomes + <usize>i))) continue
    const time = load<i64>(times + (<usize>i << 3))
    if (!found) {
      first = time
      found = true
    } else if (time != first) {
      same = false
      break
    }
  }
  store<u8>(at, same ? 0 : 1)
  store<i64>(at, first, 1)
  at += 9
  if (same) return at
  for (let i: u32 = 0; i < count; i++) {
    if (!isStored(load<u8>(outcomes + <usize>i))) continue
    const time = load<i64>(times + (<usize>i << 3))
    at = writeVarint(at, zigzag(time - first))
    first = time
  }
  return at
}

function writeValues(at: usize, values: usize, outcomes: usize, count: u32): usize {
  for (let i: u32 = 0; i < count; i++) {
    if (!isStored(load<u8>(outcomes + <usize>i))) continue
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
    store<u64>(at, bits, 1)
    at += 9
  }
  return at
}

export const RECORD_OK: i32 = 0
export const RECORD_DAMAGED: i32 = -1
export const RECORD_UNKNOWN_VERSION: i32 = -2

/**
 * Reads a record: creates its series and stages its samples. A sample of a series that nobody knows is staged with ref 0.
 * Returns RECORD_OK or what is wrong; then nothing is staged, but series may have been created. `created` (u32) gets the
 * number of series in the record.
 */
export function decodeRecord(ptr: usize, length: u32, batch: usize, created: usize): i32 {
  store<u32>(created, 0)
  if (length < <u32>RECORD_HEADER + 2) return RECORD_DAMAGED
  if (load<u32>(ptr) != <u32>RECORD_VERSION) return RECORD_UNKNOWN_VERSION
  if (checksum64(ptr + RECORD_HEADER, length - <u32>RECORD_HEADER) != load<u64>(ptr, 4)) return RECORD_DAMAGED
  const end = ptr + length
  let at = ptr + RECORD_HEADER
  let next = varintEnd(at, end)
  if (next == 0) return RECORD_DAMAGED
  const series = readVarint(at)
  at = next
  let ref: i64 = 0
  let previousCount: u32 = 0
  // The labels of this series, and before them those of the previous one, which they may refer to. `restoreSeries`
  // works in place, so the labels go to a third array for it.
  const labels = scratch(3 * MAX_LABELS * <u32>LABEL_BYTES)
  const work = labels + <usize>MAX_LABELS * LABEL_BYTES
  for (let s: u64 = 0; s < series; s++) {
    next = varintEnd(at, end)
    if (next == 0) return RECORD_DAMAGED
    ref += unzigzag(readVarint(at))
    at = next
    if (ref <= 0 || ref > <i64>u32.MAX_VALUE) return RECORD_DAMAGED
    next = varintEnd(at, end)
    if (next == 0) return RECORD_DAMAGED
    const count = readVarint(at)
    at = next
    if (count == 0 || count > <u64>MAX_LABELS) return RECORD_DAMAGED
    for (let i: u32 = 0; i < <u32>count; i++) {
      const label = labels + <usize>i * LABEL_BYTES
      next = varintEnd(at, end)
      if (next == 0) return RECORD_DAMAGED
      const code = readVarint(at)
      at = next
      if (code < 2 && i >= previousCount) return RECORD_DAMAGED
      if (code == 0) continue
      if (code >= 2) {
        if (code - 2 > <u64>(end - at)) return RECORD_DAMAGED
        store<u32>(label, <u32>at)
        store<u32>(label, <u32>code - 2, 4)
        at += <usize>code - 2
      }
      next = varintEnd(at, end)
      if (next == 0) return RECORD_DAMAGED
      const bytes = readVarint(at)
      if (bytes > <u64>(end - next)) return RECORD_DAMAGED
      store<u32>(label, <u32>next, 8)
      store<u32>(label, <u32>bytes, 12)
      at = next + <usize>bytes
    }
    previousCount = <u32>count
    memory.copy(work, labels, <usize>count * LABEL_BYTES)
    const status = restoreSeries(<u32>ref, work, <u32>count)
    if (status == LOAD_OTHER_LABELS) return RECORD_DAMAGED
    // Else the labels have a newer ref: retention has dropped what this one had.
    if (status == LOAD_OK) markLogged(<u32>ref)
    store<u32>(created, load<u32>(created) + 1)
  }
  next = varintEnd(at, end)
  if (next == 0) return RECORD_DAMAGED
  const samples = readVarint(at)
  if (samples > <u64>(end - next)) return RECORD_DAMAGED
  at = next
  if (!stageColumns(at, end, batch, <u32>samples)) {
    store<u32>(batch, 0, BATCH_COUNT)
    return RECORD_DAMAGED
  }
  return RECORD_OK
}

/** Stages the sample columns; false when they are damaged. */
function stageColumns(at: usize, end: usize, batch: usize, samples: u32): bool {
  if (samples == 0) return at == end
  reserveBatch(batch, samples)
  let next: usize = 0
  const start = load<u32>(batch, BATCH_COUNT)
  let ref: i64 = 0
  for (let i: u32 = 0; i < samples; i++) {
    next = varintEnd(at, end)
    if (next == 0) return false
    ref += unzigzag(readVarint(at)) + 1
    at = next
    if (ref <= 0 || ref > <i64>u32.MAX_VALUE) return false
    stage(batch, hasSeries(<u32>ref) ? <u32>ref : 0, 0, 0)
  }
  const times = <usize>load<u32>(batch, BATCH_TIMES) + (<usize>start << 3)
  if (at + 9 > end) return false
  const mode = load<u8>(at)
  let time = load<i64>(at, 1)
  at += 9
  if (mode > 1) return false
  for (let i: u32 = 0; i < samples; i++) {
    if (mode == 1) {
      next = varintEnd(at, end)
      if (next == 0) return false
      time += unzigzag(readVarint(at))
      at = next
    }
    store<i64>(times + (<usize>i << 3), time)
  }
  const values = <usize>load<u32>(batch, BATCH_VALUES) + (<usize>start << 3)
  for (let i: u32 = 0; i < samples; i++) {
    next = varintEnd(at, end)
    if (next == 0) return false
    const code = readVarint(at)
    if ((code & 1) == 0) {
      store<f64>(values + (<usize>i << 3), <f64>unzigzag(code >> 1))
      at = next
    } else {
      if (code != 1 || next + 8 > end) return false
      store<u64>(values + (<usize>i << 3), load<u64>(next))
      at = next + 8
    }
  }
  return at == end
}
