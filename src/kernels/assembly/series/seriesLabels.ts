// A series' labels on their way in and out: an array of labels while it is looked up, checked and in order, and labels as bytes,
// the form in which they go to disk: varint pair count, then per pair varint length and bytes of the name and of the value.

import { compareBytes, copyBytes, isUtf8, readVarint, varintEnd, writeVarint } from '../base/bytes'
import { seriesRecord } from '../samples/seriesRecord'
import { pairName, pairValue, symbolBlob } from './labelIndex'

/** A label while a series is being looked up: { name ptr, name length, value ptr, value length }, u32 each. */
export const LABEL_BYTES: usize = 16
/** More labels than this make a label set invalid. */
export const MAX_LABELS: u32 = 1024

export const LABELS_OK: i32 = 0
export const LABELS_NO_NAME: i32 = 1
export const LABELS_BAD_NAME: i32 = 2
export const LABELS_BAD_UTF8: i32 = 3
export const LABELS_DUPLICATE: i32 = 4
export const LABELS_TOO_MANY: i32 = 5

// @ts-ignore: decorator
@inline
function isMetricNameLabel(ptr: usize, length: u32): bool {
  return length == 8 && load<u64>(ptr) == 0x5f5f656d616e5f5f // "__name__"
}

/** Sorts the labels by name, drops those with an empty value, and checks them. Returns their number, or -(reason). */
export function normalizeLabels(labels: usize, count: u32): i32 {
  if (count > MAX_LABELS) return -LABELS_TOO_MANY
  let named = false
  let kept: u32 = 0
  for (let i: u32 = 0; i < count; i++) {
    const label = labels + <usize>i * LABEL_BYTES
    const name: usize = load<u32>(label)
    const nameLength = load<u32>(label, 4)
    const value: usize = load<u32>(label, 8)
    const valueLength = load<u32>(label, 12)
    if (nameLength == 0) return -LABELS_BAD_NAME
    if (!isUtf8(name, nameLength) || !isUtf8(value, valueLength)) return -LABELS_BAD_UTF8
    if (isMetricNameLabel(name, nameLength)) {
      if (valueLength == 0) return -LABELS_BAD_NAME
      named = true
    }
    // Insertion from the end: labels nearly always arrive sorted.
    let at: u32 = kept
    while (at > 0) {
      const before = labels + <usize>(at - 1) * LABEL_BYTES
      const order = compareBytes(load<u32>(before), load<u32>(before, 4), name, nameLength)
      if (order == 0) return -LABELS_DUPLICATE
      if (order < 0) break
      const to = labels + <usize>at * LABEL_BYTES
      store<u64>(to, load<u64>(before))
      store<u64>(to, load<u64>(before, 8), 8)
      at--
    }
    const to = labels + <usize>at * LABEL_BYTES
    store<u32>(to, <u32>name)
    store<u32>(to, nameLength, 4)
    store<u32>(to, <u32>value, 8)
    store<u32>(to, valueLength, 12)
    kept++
  }
  if (!named) return -LABELS_NO_NAME
  return dropEmptyValues(labels, kept)
}

/** Empty values are dropped only after the check for duplicates, which counts them. */
function dropEmptyValues(labels: usize, count: u32): i32 {
  let kept: u32 = 0
  for (let i: u32 = 0; i < count; i++) {
    const from = labels + <usize>i * LABEL_BYTES
    if (load<u32>(from, 12) == 0) continue
    if (i != kept) {
      const to = labels + <usize>kept * LABEL_BYTES
      store<u64>(to, load<u64>(from))
      store<u64>(to, load<u64>(from, 8), 8)
    }
    kept++
  }
  return <i32>kept
}

/** Reads labels as bytes into an array of labels. Returns their number, -1 when the bytes are damaged. */
export function parseLabelBytes(ptr: usize, length: u32, labels: usize): i32 {
  const end = ptr + length
  let next = varintEnd(ptr, end)
  if (next == 0) return -1
  const count = readVarint(ptr)
  if (count == 0 || count > <u64>MAX_LABELS) return -1
  let at = next
  for (let i: u32 = 0; i < <u32>count; i++) {
    const label = labels + <usize>i * LABEL_BYTES
    for (let part: usize = 0; part < 2; part++) {
      next = varintEnd(at, end)
      if (next == 0) return -1
      const bytes = readVarint(at)
      if (bytes == 0 || bytes > <u64>(end - next)) return -1
      store<u32>(label + (part << 3), <u32>next)
      store<u32>(label + (part << 3), <u32>bytes, 4)
      at = next + <usize>bytes
    }
    if (i > 0) {
      const before = label - LABEL_BYTES
      if (compareBytes(load<u32>(before), load<u32>(before, 4), load<u32>(label), load<u32>(label, 4)) >= 0) return -1
    }
  }
  return at == end ? <i32>count : -1
}

/** What a series' labels take as bytes at the most: a length before each name and value, and the number of labels. */
export function labelBound(ref: u32): u32 {
  const labels: usize = load<u32>(seriesRecord(ref))
  const count = load<u32>(labels)
  let bound: u32 = 5
  for (let i: u32 = 0; i < count; i++) {
    const pair = load<u32>(labels + 4 + (<usize>i << 2))
    bound += 10 + load<u32>(symbolBlob(pairName(pair))) + load<u32>(symbolBlob(pairValue(pair)))
  }
  return bound
}

/** Writes a series' labels as bytes. Returns their length; when that exceeds `capacity`, nothing was written. Any thread. */
export function seriesLabelBytes(ref: u32, out: usize, capacity: u32): u32 {
  const bound = labelBound(ref)
  if (bound > capacity) return bound
  const labels: usize = load<u32>(seriesRecord(ref))
  const count = load<u32>(labels)
  let at = writeVarint(out, count)
  for (let i: u32 = 0; i < count; i++) {
    const pair = load<u32>(labels + 4 + (<usize>i << 2))
    at = writeSymbol(at, pairName(pair))
    at = writeSymbol(at, pairValue(pair))
  }
  return <u32>(at - out)
}

/** A symbol's length and bytes. */
export function writeSymbol(at: usize, symbol: u32): usize {
  const blob = symbolBlob(symbol)
  const length = load<u32>(blob)
  at = writeVarint(at, length)
  copyBytes(at, blob + 4, length)
  return at + length
}
