// Remote write 2.0 rewritten as 1.0: the labels of each series, which are numbers of symbols there, are written out, so that
// their bytes are the key to the series as they are for 1.0. Everything else is copied. Resumable, and bounded: a few bytes
// of symbol numbers can stand for megabytes of text.
//
// State: { output u32, output bytes u32, output capacity u32, phase u32, position u32, symbols u32, symbol count u32,
//   symbol capacity u32, series with bad symbols u32, series without samples u32, adds type and unit u32, type of the series u32,
//   symbol of its unit u32 }. A symbol is { pointer u32, length u32 }.

import { copyBytes, readVarint, varintEnd, varintLength, writeVarint } from '../base/bytes'
import { freeList, push } from '../base/list'
import { alloc, free } from '../base/memory'
import { afterLength, skipField } from './protobuf'
import { labelSize, symbolLength, symbolText, V1_LABEL, V1_LABEL_NAME, V1_LABEL_VALUE, V_SYMBOL_COUNT, V_SYMBOLS } from './writtenLabels'
import { hidesLabel, knowsUnit, metadataSize, readMetadata, writeMetadata } from './writtenMetadata'

export const REWRITE_OUT: usize = 0
export const REWRITE_OUT_BYTES: usize = 4
const V_CAPACITY: usize = 8
const V_PHASE: usize = 12
const V_POSITION: usize = 16
const V_BAD_SYMBOLS: usize = 32
const V_EMPTY: usize = 36
const V_ADDS_TYPE: usize = 40
const REWRITE_BYTES: u32 = 52

const PHASE_START: u32 = 0
const PHASE_SYMBOLS: u32 = 1
const PHASE_SERIES: u32 = 2

export const REWRITE_MORE: i32 = 0
export const REWRITE_DONE: i32 = 1
const REWRITE_BAD: i32 = -1
export const REWRITE_TOO_LARGE: i32 = -2

/** The most that a message may become. */
const MAX_OUT_BYTES: u64 = 256 << 20
/** Decoders may read this far past the message. */
const SLACK: u32 = 64
/** Bytes written, and symbols found, in one step. */
const STEP_BYTES: u32 = 4 << 20
const STEP_SYMBOLS: u32 = 200_000

// Tags of the message io.prometheus.write.v2.Request and what is in it: field number << 3 | wire type.
const TAG_SYMBOL: u8 = 0x22
const TAG_SERIES: u8 = 0x2a
const TAG_LABEL_REFS: u8 = 0x0a
const TAG_LABEL_REF: u8 = 0x08
const TAG_SAMPLE: u8 = 0x12
const TAG_HISTOGRAM: u8 = 0x1a
const TAG_EXEMPLAR: u8 = 0x22

// And of prometheus.WriteRequest.
const V1_SERIES: u8 = 0x0a
const V1_SAMPLE: u8 = 0x12
const V1_EXEMPLAR: u8 = 0x1a
const V1_HISTOGRAM: u8 = 0x22

/** `addsTypeAndUnit`: the type and the unit that a series brings become its labels `__type__` and `__unit__`. */
export function newRewrite(addsTypeAndUnit: bool): usize {
  const state = alloc(REWRITE_BYTES)
  memory.fill(state, 0, REWRITE_BYTES)
  store<u32>(state, addsTypeAndUnit ? 1 : 0, V_ADDS_TYPE)
  return state
}

export function freeRewrite(state: usize): void {
  freeList(state + V_SYMBOLS, 8)
  const out: usize = load<u32>(state, REWRITE_OUT)
  if (out != 0) free(out, load<u32>(state, V_CAPACITY) + SLACK)
  free(state, REWRITE_BYTES)
}

/** Goes on with the message between `start` and `end`. */
export function rewriteStep(state: usize, start: usize, end: usize): i32 {
  if (load<u32>(state, V_PHASE) == PHASE_START) {
    store<u32>(state, <u32>start, V_POSITION)
    store<u32>(state, PHASE_SYMBOLS, V_PHASE)
    growOut(state, <u32>(end - start) * 2)
  }
  if (load<u32>(state, V_PHASE) == PHASE_SYMBOLS) {
    const status = collectSymbols(state, end)
    if (status != REWRITE_DONE) return status
    store<u32>(state, <u32>start, V_POSITION)
    store<u32>(state, PHASE_SERIES, V_PHASE)
  }
  return rewriteSeries(state, end)
}

function collectSymbols(state: usize, end: usize): i32 {
  let at: usize = load<u32>(state, V_POSITION)
  for (let budget = STEP_SYMBOLS; at < end; budget--) {
    if (budget == 0) {
      store<u32>(state, <u32>at, V_POSITION)
      return REWRITE_MORE
    }
    const next = skipField(at, end, 0)
    if (next == 0) return REWRITE_BAD
    if (load<u8>(at) == TAG_SYMBOL) {
      const text = afterLength(at + 1)
      const symbol = push(state + V_SYMBOLS, 8)
      store<u32>(symbol, <u32>text)
      store<u32>(symbol, <u32>(next - text), 4)
    }
    at = next
  }
  return REWRITE_DONE
}

function rewriteSeries(state: usize, end: usize): i32 {
  let at: usize = load<u32>(state, V_POSITION)
  const startBytes = load<u32>(state, REWRITE_OUT_BYTES)
  while (at < end) {
    if (load<u32>(state, REWRITE_OUT_BYTES) - startBytes > STEP_BYTES) {
      store<u32>(state, <u32>at, V_POSITION)
      return REWRITE_MORE
    }
    const next = skipField(at, end, 0)
    if (next == 0) return REWRITE_BAD
    if (load<u8>(at) == TAG_SERIES) {
      const status = rewriteOne(state, afterLength(at + 1), next)
      if (status != REWRITE_DONE) return status
    }
    at = next
  }
  return REWRITE_DONE
}

const SIZE_MALFORMED: u64 = u64.MAX_VALUE
const SIZE_BAD_SYMBOL: u64 = u64.MAX_VALUE - 1

function rewriteOne(state: usize, start: usize, end: usize): i32 {
  if (load<u32>(state, V_ADDS_TYPE) != 0 && !readMetadata(state, start, end)) return REWRITE_BAD
  const size = seriesSize(state, start, end)
  if (size == SIZE_MALFORMED) return REWRITE_BAD
  if (size == SIZE_BAD_SYMBOL) {
    store<u32>(state, load<u32>(state, V_BAD_SYMBOLS) + 1, V_BAD_SYMBOLS)
    return REWRITE_DONE
  }
  if (!hasSamples(start, end)) {
    store<u32>(state, load<u32>(state, V_EMPTY) + 1, V_EMPTY)
    return REWRITE_DONE
  }
  const used = load<u32>(state, REWRITE_OUT_BYTES)
  const total = <u64>used + 11 + size
  if (total > MAX_OUT_BYTES) return REWRITE_TOO_LARGE
  growOut(state, <u32>total)
  const out = <usize>load<u32>(state, REWRITE_OUT)
  let to = out + used
  store<u8>(to++, V1_SERIES)
  to = writeSeries(state, writeVarint(to, size), start, end)
  store<u32>(state, <u32>(to - out), REWRITE_OUT_BYTES)
  return REWRITE_DONE
}

function growOut(state: usize, needed: u32): void {
  const capacity = load<u32>(state, V_CAPACITY)
  const old: usize = load<u32>(state, REWRITE_OUT)
  if (old != 0 && needed <= capacity) return
  const grown = max(needed, capacity << 1)
  const fresh = alloc(grown + SLACK)
  if (old != 0) {
    memory.copy(fresh, old, load<u32>(state, REWRITE_OUT_BYTES))
    free(old, capacity + SLACK)
  }
  store<u32>(state, <u32>fresh, REWRITE_OUT)
  store<u32>(state, grown, V_CAPACITY)
}

function hasSamples(start: usize, end: usize): bool {
  for (let at = start; at < end; at = skipField(at, end, 0)) {
    const tag = load<u8>(at)
    if (tag == TAG_SAMPLE || tag == TAG_HISTOGRAM) return true
  }
  return false
}

/** Bytes of the series in the other form, or why it has none. */
function seriesSize(state: usize, start: usize, end: usize): u64 {
  let size: u64 = 0
  let at = start
  while (at < end) {
    const next = skipField(at, end, 0)
    if (next == 0) return SIZE_MALFORMED
    const tag = load<u8>(at)
    if (tag == TAG_SAMPLE || tag == TAG_HISTOGRAM) size += <u64>(next - at)
    else if (tag == TAG_EXEMPLAR) {
      const inner = exemplarSize(state, afterLength(at + 1), next)
      if (inner >= SIZE_BAD_SYMBOL) return inner
      size += 1 + <u64>varintLength(inner) + inner
    }
    at = next
  }
  if (!knowsUnit(state)) return SIZE_BAD_SYMBOL
  const labels = labelsSize(state, start, end, true)
  return labels >= SIZE_BAD_SYMBOL ? labels : size + labels + metadataSize(state)
}

function writeSeries(state: usize, to: usize, start: usize, end: usize): usize {
  to = writeMetadata(state, writeLabels(state, to, start, end, true))
  let at = start
  while (at < end) {
    const next = skipField(at, end, 0)
    const tag = load<u8>(at)
    if (tag == TAG_SAMPLE || tag == TAG_HISTOGRAM) {
      copyBytes(to, at, <u32>(next - at))
      store<u8>(to, tag == TAG_SAMPLE ? V1_SAMPLE : V1_HISTOGRAM)
      to += next - at
    } else if (tag == TAG_EXEMPLAR) {
      store<u8>(to, V1_EXEMPLAR)
      to = writeVarint(to + 1, exemplarSize(state, afterLength(at + 1), next))
      to = writeExemplar(state, to, afterLength(at + 1), next)
    }
    at = next
  }
  return to
}

/** An exemplar's labels, and its other fields, which have the same numbers in both forms. */
function exemplarSize(state: usize, start: usize, end: usize): u64 {
  let size: u64 = 0
  let at = start
  while (at < end) {
    const next = skipField(at, end, 0)
    if (next == 0) return SIZE_MALFORMED
    if (!isLabelRefs(load<u8>(at))) size += <u64>(next - at)
    at = next
  }
  const labels = labelsSize(state, start, end, false)
  return labels >= SIZE_BAD_SYMBOL ? labels : size + labels
}

function writeExemplar(state: usize, to: usize, start: usize, end: usize): usize {
  to = writeLabels(state, to, start, end, false)
  let at = start
  while (at < end) {
    const next = skipField(at, end, 0)
    if (!isLabelRefs(load<u8>(at))) {
      copyBytes(to, at, <u32>(next - at))
      to += next - at
    }
    at = next
  }
  return to
}

// @ts-ignore: decorator
@inline
function isLabelRefs(tag: u8): bool {
  return tag == TAG_LABEL_REFS || tag == TAG_LABEL_REF
}

/** Bytes of all labels of a message whose field 1 holds pairs of symbol numbers, packed or one by one. `ofSeries`: some may be hidden. */
function labelsSize(state: usize, start: usize, end: usize, ofSeries: bool): u64 {
  let size: u64 = 0
  let name: u64 = 0
  let isHidden = false
  let isName = true
  for (let at = start; at < end; at = skipField(at, end, 0)) {
    const tag = load<u8>(at)
    if (!isLabelRefs(tag)) continue
    let ref = tag == TAG_LABEL_REFS ? afterLength(at + 1) : at + 1
    const stop = skipField(at, end, 0)
    while (ref < stop) {
      const next = varintEnd(ref, stop)
      if (next == 0) return SIZE_MALFORMED
      const symbol = readVarint(ref)
      ref = next
      if (symbol >= <u64>load<u32>(state, V_SYMBOL_COUNT)) return SIZE_BAD_SYMBOL
      const length = <u64>symbolLength(state, <u32>symbol)
      if (isName) isHidden = ofSeries && hidesLabel(state, <u32>symbol)
      else if (!isHidden) {
        const inner = labelSize(name, length)
        size += 1 + <u64>varintLength(inner) + inner
      }
      name = length
      isName = !isName
    }
  }
  return isName ? size : SIZE_BAD_SYMBOL
}

function writeLabels(state: usize, to: usize, start: usize, end: usize, ofSeries: bool): usize {
  let name: u32 = 0
  let isName = true
  for (let at = start; at < end; at = skipField(at, end, 0)) {
    const tag = load<u8>(at)
    if (!isLabelRefs(tag)) continue
    let ref = tag == TAG_LABEL_REFS ? afterLength(at + 1) : at + 1
    const stop = skipField(at, end, 0)
    while (ref < stop) {
      const symbol = <u32>readVarint(ref)
      ref = varintEnd(ref, stop)
      if (!isName && !(ofSeries && hidesLabel(state, name))) {
        store<u8>(to, V1_LABEL)
        to = writeVarint(to + 1, labelSize(<u64>symbolLength(state, name), <u64>symbolLength(state, symbol)))
        to = writeText(state, to, V1_LABEL_NAME, name)
        to = writeText(state, to, V1_LABEL_VALUE, symbol)
      }
      name = symbol
      isName = !isName
    }
  }
  return to
}

function writeText(state: usize, to: usize, tag: u8, symbol: u32): usize {
  const length = symbolLength(state, symbol)
  store<u8>(to, tag)
  to = writeVarint(to + 1, length)
  copyBytes(to, symbolText(state, symbol), length)
  return to + length
}
