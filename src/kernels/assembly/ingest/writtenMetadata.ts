// Type and unit that a series of remote write 2.0 brings, as its labels `__type__` and `__unit__`, in place of labels of these
// names.

import { copyBytes, readVarint, varintLength, writeVarint } from '../base/bytes'
import { afterLength, skipField } from './protobuf'
import { labelSize, symbolLength, symbolText, V1_LABEL, V1_LABEL_NAME, V1_LABEL_VALUE, V_SYMBOL_COUNT } from './writtenLabels'

/** Where the state of the rewriting has them: a number of the enum, and that of a symbol. */
const V_TYPE: usize = 44
const V_UNIT: usize = 48

// Tags of io.prometheus.write.v2.TimeSeries and Metadata: field number << 3 | wire type.
const TAG_METADATA: u8 = 0x2a
const TAG_TYPE: u8 = 0x08
const TAG_UNIT: u8 = 0x20

// `__type__` and `__unit__`.
const TYPE_NAME: u64 = 0x5f5f657079745f5f
const UNIT_NAME: u64 = 0x5f5f74696e755f5f
const NAME_LENGTH: u32 = 8

/** Finds what the series says of its metric; false when that is malformed. */
export function readMetadata(state: usize, start: usize, end: usize): bool {
  store<u32>(state, 0, V_TYPE)
  store<u32>(state, 0, V_UNIT)
  let next: usize = 0
  for (let at = start; at < end; at = next) {
    next = skipField(at, end, 0)
    if (next == 0) return false
    if (load<u8>(at) != TAG_METADATA) continue
    let field = afterLength(at + 1)
    while (field < next) {
      const after = skipField(field, next, 0)
      if (after == 0) return false
      const tag = load<u8>(field)
      if (tag == TAG_TYPE) store<u32>(state, <u32>readVarint(field + 1), V_TYPE)
      else if (tag == TAG_UNIT) store<u32>(state, <u32>min<u64>(readVarint(field + 1), u32.MAX_VALUE), V_UNIT)
      field = after
    }
  }
  return true
}

/** Length of the type's name; 0 when it is not known. */
function typeLength(state: usize): u32 {
  switch (load<u32>(state, V_TYPE)) {
    case 1: return 7
    case 2: return 5
    case 3: return 9
    case 4: return 14
    case 5: return 7
    case 6: return 4
    case 7: return 8
    default: return 0
  }
}

/** Writes the type's name; up to 16 bytes are touched. */
function writeType(state: usize, to: usize): usize {
  let low: u64 = 0
  let high: u64 = 0
  switch (load<u32>(state, V_TYPE)) {
    case 1: low = 0x7265746e756f63; break // counter
    case 2: low = 0x6567756167; break // gauge
    case 3: low = 0x6172676f74736968; high = 0x6d; break // histogram
    case 4: low = 0x7369686567756167; high = 0x6d6172676f74; break // gaugehistogram
    case 5: low = 0x7972616d6d7573; break // summary
    case 6: low = 0x6f666e69; break // info
    default: low = 0x7465736574617473 // stateset
  }
  store<u64>(to, low)
  store<u64>(to, high, 8)
  return to + typeLength(state)
}

/** Whether the unit is a symbol that is there. */
export function knowsUnit(state: usize): bool {
  const unit = load<u32>(state, V_UNIT)
  return unit == 0 || unit < load<u32>(state, V_SYMBOL_COUNT)
}

function unitLength(state: usize): u32 {
  const unit = load<u32>(state, V_UNIT)
  return unit == 0 ? 0 : symbolLength(state, unit)
}

/** Whether labels of a series are to be left out, as there are others of these names. */
export function hidesLabel(state: usize, symbol: u32): bool {
  if (load<u64>(state, V_TYPE) == 0 || (typeLength(state) == 0 && unitLength(state) == 0)) return false
  if (symbolLength(state, symbol) != NAME_LENGTH) return false
  const name = load<u64>(symbolText(state, symbol))
  return name == TYPE_NAME || name == UNIT_NAME
}

/** Bytes of the labels for type and unit. */
export function metadataSize(state: usize): u64 {
  return textLabelSize(typeLength(state)) + textLabelSize(unitLength(state))
}

function textLabelSize(length: u32): u64 {
  if (length == 0) return 0
  const inner = labelSize(NAME_LENGTH, length)
  return 1 + <u64>varintLength(inner) + inner
}

export function writeMetadata(state: usize, to: usize): usize {
  const type = typeLength(state)
  if (type > 0) to = writeType(state, writeTextLabel(to, TYPE_NAME, type))
  const unit = unitLength(state)
  if (unit == 0) return to
  to = writeTextLabel(to, UNIT_NAME, unit)
  copyBytes(to, symbolText(state, load<u32>(state, V_UNIT)), unit)
  return to + unit
}

/** All of a label but the value, which has `length` bytes. */
function writeTextLabel(to: usize, name: u64, length: u32): usize {
  store<u8>(to, V1_LABEL)
  to = writeVarint(to + 1, labelSize(NAME_LENGTH, length))
  store<u8>(to, V1_LABEL_NAME)
  store<u8>(to, <u8>NAME_LENGTH, 1)
  store<u64>(to, name, 2)
  store<u8>(to, V1_LABEL_VALUE, 10)
  return writeVarint(to + 11, length)
}
