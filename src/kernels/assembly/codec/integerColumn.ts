// A column of 64-bit integers, packed: what timestamps and values become after codec.ts has turned them into integers.
// Blocks of 128 choose for themselves between values and deltas and how many bits each takes; a few outliers are patched.
//
//   u8 flags | zigzag varint first | [zigzag varint slope] | [varint step] | blocks of 128 for all but the first integer
//   integer i = first + slope * i + step * y(i),  y(0) = 0
//   block: u8 width code, delta bit, exceptions bit | zigzag varint base | packed bits, low first | [exceptions]
//     y = base + packed, or in a delta block y = y(before) + base + packed
//   exceptions: u8 number | u8 position each | varint of the bits above the width each
// A flat column has no blocks. All arithmetic wraps, so any 64 bits are fine.

import { readVarint, unzigzag, varintEnd, varintLength, writeVarint, zigzag } from '../base/bytes'

const BLOCK: i32 = 128

const COLUMN_SLOPE: u8 = 1
const COLUMN_STEP: u8 = 2
const COLUMN_FLAT: u8 = 4

// Header byte of a block: width code in the low six bits.
const BLOCK_DELTA: u8 = 64
const BLOCK_EXCEPTIONS: u8 = 128
/** Widths 0..57 stand for themselves (a value then lies within one 64-bit load), this code for 64. */
const WIDTH_CODE_64: u32 = 58

/** Up to this width a block is packed as it is. */
const PLAIN_WIDTH: i32 = 5

// What the search for a base and a width leaves in the work space: { cost i32, width i32, counters 65 x u32 }.
const CHOICE: usize = 320
const CHOICE_COST: usize = 0
const CHOICE_WIDTH: usize = 4
const CHOICE_COUNTS: usize = 8
/** After two of those: differences to the base, 129 x i64. */
const REST: usize = 640

/** Bytes of work space that `encodeColumn` needs. */
export const COLUMN_WORK_BYTES: usize = 2048

/** Packs `count` integers, given as `y`, their distances from the line (overwritten). `work` is COLUMN_WORK_BYTES of its own. Returns the end. */
export function encodeColumn(y: usize, count: i32, first: i64, slope: i64, out: usize, work: usize): usize {
  let step = commonStep(y, count)
  // |min i64| is 2^63, which as a signed step would be negative.
  if (step > <u64>i64.MAX_VALUE) step = 1
  let flags: u8 = 0
  if (slope != 0) flags |= COLUMN_SLOPE
  if (step == 0) flags |= COLUMN_FLAT
  if (step > 1) flags |= COLUMN_STEP
  store<u8>(out, flags)
  let at = writeVarint(out + 1, zigzag(first))
  if (slope != 0) at = writeVarint(at, zigzag(slope))
  if (step == 0) return at
  if (step > 1) {
    at = writeVarint(at, step)
    divideAll(y, count, step)
  }
  for (let start = 1; start < count; start += BLOCK) at = encodeBlock(y + (<usize>start << 3), min(BLOCK, count - start), at, work)
  return at
}

/** The greatest common divisor of all distances; 0 when they are all 0. */
function commonStep(y: usize, count: i32): u64 {
  let step: u64 = 0
  let i = 1
  while (i < count && load<i64>(y + (<usize>i << 3)) == 0) i++
  while (i < count && step != 1) {
    step = commonDivisor(step, distance(y, i++))
    // Most distances are multiples of it. That shows without a division: a multiple times the inverse of the odd part modulo
    // 2^64 is the quotient, and everything else becomes more than any quotient.
    const twos = ctz(step)
    const inverse = inverseOf(step >> twos)
    const most = u64.MAX_VALUE / (step >> twos)
    const low = ((<u64>1) << twos) - 1
    while (i < count) {
      const next = distance(y, i)
      if ((next & low) != 0 || (next >> twos) * inverse > most) break
      i++
    }
  }
  return step
}

// @ts-ignore: decorator
@inline
function distance(y: usize, i: i32): u64 {
  const signed = load<i64>(y + (<usize>i << 3))
  return <u64>(signed < 0 ? -signed : signed)
}

/** Of an odd number, modulo 2^64. */
function inverseOf(odd: u64): u64 {
  let inverse = odd
  for (let k = 0; k < 5; k++) inverse *= 2 - odd * inverse
  return inverse
}

/** Divides without a remainder: by shifting out the twos and multiplying with the inverse of the rest. */
function divideAll(y: usize, count: i32, step: u64): void {
  const twos = <i64>ctz(step)
  const inverse = <i64>inverseOf(step >> <u64>twos)
  for (let i = 1; i < count; i++) {
    const at = y + (<usize>i << 3)
    store<i64>(at, (load<i64>(at) >> twos) * inverse)
  }
}

function commonDivisor(a: u64, b: u64): u64 {
  if (a == 0) return b
  while (b != 0) {
    const rest = a % b
    a = b
    b = rest
  }
  return a
}

/** Packs one block of `length` integers at `y`; the integer before them lies at `y - 8`. */
function encodeBlock(y: usize, length: i32, out: usize, work: usize): usize {
  // Least and most of values and deltas, in one pass, two lanes at a time.
  let leastValue = i64x2.splat(load<i64>(y))
  let mostValue = leastValue
  let leastDelta = i64x2.splat(load<i64>(y) - load<i64>(y - 8))
  let mostDelta = leastDelta
  let i = 0
  for (; i + 1 < length; i += 2) {
    const at = y + (<usize>i << 3)
    const value = v128.load(at)
    const delta = i64x2.sub(value, v128.load(at - 8))
    leastValue = v128.bitselect(value, leastValue, i64x2.gt_s(leastValue, value))
    mostValue = v128.bitselect(value, mostValue, i64x2.gt_s(value, mostValue))
    leastDelta = v128.bitselect(delta, leastDelta, i64x2.gt_s(leastDelta, delta))
    mostDelta = v128.bitselect(delta, mostDelta, i64x2.gt_s(delta, mostDelta))
  }
  let minValue = min(i64x2.extract_lane(leastValue, 0), i64x2.extract_lane(leastValue, 1))
  let maxValue = max(i64x2.extract_lane(mostValue, 0), i64x2.extract_lane(mostValue, 1))
  let minDelta = min(i64x2.extract_lane(leastDelta, 0), i64x2.extract_lane(leastDelta, 1))
  let maxDelta = max(i64x2.extract_lane(mostDelta, 0), i64x2.extract_lane(mostDelta, 1))
  if (i < length) {
    const value = blockValue(y, i, false)
    const delta = blockValue(y, i, true)
    minValue = min(minValue, value)
    maxValue = max(maxValue, value)
    minDelta = min(minDelta, delta)
    maxDelta = max(maxDelta, delta)
  }
  const valueWidth = bitLength(maxValue - minValue)
  const deltaWidth = bitLength(maxDelta - minDelta)
  // Exceptions could hardly make this smaller, and the search for them is what encoding costs.
  if (deltaWidth <= PLAIN_WIDTH && deltaWidth <= valueWidth) return writeBlock(y, length, true, minDelta, deltaWidth, out, work)
  if (valueWidth <= PLAIN_WIDTH) return writeBlock(y, length, false, minValue, valueWidth, out, work)
  const forValues = chooseBase(y, length, false, minValue, maxValue, work)
  const forDeltas = chooseBase(y, length, true, minDelta, maxDelta, work + CHOICE)
  const isDelta = load<i32>(work + CHOICE, CHOICE_COST) < load<i32>(work, CHOICE_COST)
  return writeBlock(y, length, isDelta, isDelta ? forDeltas : forValues, load<i32>(isDelta ? work + CHOICE : work, CHOICE_WIDTH), out, work)
}

/** The better of two bases for values or deltas: the least, and the second least where the least stands far apart, as one reset of a counter does. */
function chooseBase(y: usize, length: i32, delta: bool, least: i64, most: i64, choice: usize): i64 {
  const counts = choice + CHOICE_COUNTS
  chooseWidth(y, length, delta, least, counts, choice)
  const cost = load<i32>(choice, CHOICE_COST)
  let second = i64.MAX_VALUE
  let leasts = 0
  for (let i = 0; i < length; i++) {
    const value = blockValue(y, i, delta)
    if (value == least) leasts++
    else if (value < second) second = value
  }
  if (leasts != 1 || <u64>(second - least) <= <u64>(most - second)) return least
  const width = load<i32>(choice, CHOICE_WIDTH)
  chooseWidth(y, length, delta, second, counts, choice)
  if (load<i32>(choice, CHOICE_COST) < cost) return second
  store<i32>(choice, cost, CHOICE_COST)
  store<i32>(choice, width, CHOICE_WIDTH)
  return least
}

// @ts-ignore: decorator
@inline
function bitLength(value: i64): i32 {
  return 64 - <i32>clz(value)
}

// @ts-ignore: decorator
@inline
function blockValue(y: usize, i: i32, delta: bool): i64 {
  const at = y + (<usize>i << 3)
  return delta ? load<i64>(at) - load<i64>(at - 8) : load<i64>(at)
}

/** Writes the cheapest width for `value - base` and its cost in bits to `choice`. `counts` is room for 65 counters. */
function chooseWidth(y: usize, length: i32, delta: bool, base: i64, counts: usize, choice: usize): void {
  memory.fill(counts, 0, 65 * 4)
  for (let i = 0; i < length; i++) {
    const at = counts + (<usize>bitLength(blockValue(y, i, delta) - base) << 2)
    store<u32>(at, load<u32>(at) + 1)
  }
  let widest = 64
  while (widest > 0 && load<u32>(counts + (<usize>widest << 2)) == 0) widest--
  let bestWidth = widest
  let bestCost = length * roundedWidth(widest)
  let exceptions = 0
  for (let width = widest - 1; width >= 0; width--) {
    exceptions += <i32>load<u32>(counts + (<usize>(width + 1) << 2))
    if (exceptions << 3 > length) break
    if (width > 57) continue
    const cost = length * width + 8 + exceptions * (8 + 8 * ((widest - width + 6) / 7))
    if (cost < bestCost) {
      bestCost = cost
      bestWidth = width
    }
  }
  store<i32>(choice, bestCost + (<i32>varintLength(zigzag(base)) << 3), CHOICE_COST)
  store<i32>(choice, bestWidth, CHOICE_WIDTH)
}

// @ts-ignore: decorator
@inline
function roundedWidth(width: i32): i32 {
  return width > 57 ? 64 : width
}

function writeBlock(y: usize, length: i32, delta: bool, base: i64, width: i32, out: usize, work: usize): usize {
  const rounded = roundedWidth(width)
  // What is packed: differences to the base.
  const rest = work + REST
  const bases = i64x2.splat(base)
  for (let i = 0; i < length; i += 2) {
    const at = y + (<usize>i << 3)
    const value = v128.load(at)
    v128.store(rest + (<usize>i << 3), i64x2.sub(delta ? i64x2.sub(value, v128.load(at - 8)) : value, bases))
  }
  let header: u8 = rounded == 64 ? <u8>WIDTH_CODE_64 : <u8>rounded
  if (delta) header |= BLOCK_DELTA
  const limit: u64 = rounded >= 64 ? u64.MAX_VALUE : (<u64>1 << rounded) - 1
  let exceptions = 0
  for (let i = 0; i < length; i++) if (load<u64>(rest + (<usize>i << 3)) > limit) exceptions++
  if (exceptions > 0) header |= BLOCK_EXCEPTIONS
  store<u8>(out, header)
  let at = writeVarint(out + 1, zigzag(base))
  if (rounded > 0) at = pack(rest, length, rounded, limit, at)
  if (exceptions == 0) return at
  store<u8>(at++, <u8>exceptions)
  for (let i = 0; i < length; i++) if (load<u64>(rest + (<usize>i << 3)) > limit) store<u8>(at++, <u8>i)
  for (let i = 0; i < length; i++) {
    const value = load<u64>(rest + (<usize>i << 3))
    if (value > limit) at = writeVarint(at, value >> rounded)
  }
  return at
}

function pack(rest: usize, length: i32, width: i32, limit: u64, out: usize): usize {
  let at = out
  let word: u64 = 0
  let filled: u32 = 0
  for (let i = 0; i < length; i++) {
    const low = load<u64>(rest + (<usize>i << 3)) & limit
    word |= low << filled
    filled += <u32>width
    if (filled >= 64) {
      store<u64>(at, word)
      at += 8
      filled -= 64
      // Shifting by 64 would shift by nothing.
      word = filled == 0 ? 0 : low >> (<u32>width - filled)
    }
  }
  while (filled > 0) {
    store<u8>(at++, <u8>word)
    word >>= 8
    filled = filled > 8 ? filled - 8 : 0
  }
  return at
}

/** Unpacks the distances `y` of `count` integers to `out`. Returns the end of the column, 0 when it is malformed. */
export function decodeColumn(start: usize, end: usize, out: usize, count: i32): usize {
  if (start >= end) return 0
  const flags = load<u8>(start)
  if (flags > 7) return 0
  let at = varintEnd(start + 1, end)
  if (at != 0 && flags & COLUMN_SLOPE) at = varintEnd(at, end)
  if (at != 0 && flags & COLUMN_STEP) at = varintEnd(at, end)
  if (at == 0) return 0
  if (flags & COLUMN_FLAT) {
    memory.fill(out, 0, <usize>count << 3)
    return at
  }
  store<i64>(out, 0)
  for (let position = 1; position < count; position += BLOCK) {
    at = decodeBlock(at, end, out + (<usize>position << 3), min(BLOCK, count - position))
    if (at == 0) return 0
  }
  return at
}

// The three numbers of a column's header, which decodeColumn has found complete.

export function columnFirst(column: usize): i64 {
  return unzigzag(readVarint(column + 1))
}

export function columnSlope(column: usize): i64 {
  return load<u8>(column) & COLUMN_SLOPE ? unzigzag(readVarint(afterVarint(column + 1))) : 0
}

export function columnStep(column: usize): i64 {
  const flags = load<u8>(column)
  if (!(flags & COLUMN_STEP)) return 1
  const second = afterVarint(column + 1)
  return <i64>readVarint(flags & COLUMN_SLOPE ? afterVarint(second) : second)
}

function afterVarint(ptr: usize): usize {
  while (load<u8>(ptr) > 127) ptr++
  return ptr + 1
}

/** Stores the same 64 bits `length` times. */
export function fillWords(out: usize, length: i32, bits: i64): void {
  const pair = i64x2.splat(bits)
  let i = 0
  for (; i + 1 < length; i += 2) v128.store(out + (<usize>i << 3), pair)
  if (i < length) store<i64>(out + (<usize>i << 3), bits)
}

function addConstant(out: usize, count: i32, constant: i64): void {
  const pair = i64x2.splat(constant)
  let i = 0
  for (; i + 1 < count; i += 2) {
    const at = out + (<usize>i << 3)
    v128.store(at, i64x2.add(v128.load(at), pair))
  }
  if (i < count) {
    const at = out + (<usize>i << 3)
    store<i64>(at, load<i64>(at) + constant)
  }
}

function decodeBlock(start: usize, end: usize, y: usize, length: i32): usize {
  if (start >= end) return 0
  const header = load<u8>(start)
  const code = <u32>(header & 63)
  if (code > WIDTH_CODE_64) return 0
  const width: u32 = code == WIDTH_CODE_64 ? 64 : code
  const packed = varintEnd(start + 1, end)
  if (packed == 0) return 0
  const base = unzigzag(readVarint(start + 1))
  let at = packed + <usize>((<u32>length * width + 7) >> 3)
  if (at > end) return 0
  if (!(header & BLOCK_EXCEPTIONS)) {
    if (header & BLOCK_DELTA) unpackDeltas(packed, width, base, y, length)
    else unpack(packed, width, base, y, length)
    return at
  }
  unpack(packed, width, 0, y, length)
  at = patch(at, end, width, y, length)
  if (at == 0) return 0
  if (header & BLOCK_DELTA) {
    let previous = load<i64>(y - 8)
    for (let i = 0; i < length; i++) {
      const to = y + (<usize>i << 3)
      previous += base + load<i64>(to)
      store<i64>(to, previous)
    }
  } else if (base != 0) {
    addConstant(y, length, base)
  }
  return at
}

function unpack(packed: usize, width: u32, base: i64, y: usize, length: i32): void {
  if (width == 0) {
    fillWords(y, length, base)
    return
  }
  if (width == 64) {
    for (let i = 0; i < length; i++) {
      const offset = (<usize>i) << 3
      store<i64>(y + offset, base + load<i64>(packed + offset))
    }
    return
  }
  const mask: u64 = (<u64>1 << width) - 1
  let bit: u32 = 0
  let i = 0
  if (width <= FOUR_PER_WORD_WIDTH) {
    for (; i + 3 < length; i += 4) {
      const word = wordAt(packed, bit)
      const at = y + (<usize>i << 3)
      store<i64>(at, base + <i64>(word & mask))
      store<i64>(at, base + <i64>((word >> width) & mask), 8)
      store<i64>(at, base + <i64>((word >> (2 * width)) & mask), 16)
      store<i64>(at, base + <i64>((word >> (3 * width)) & mask), 24)
      bit += 4 * width
    }
  } else if (width <= TWO_PER_WORD_WIDTH) {
    for (; i + 1 < length; i += 2) {
      const word = wordAt(packed, bit)
      const at = y + (<usize>i << 3)
      store<i64>(at, base + <i64>(word & mask))
      store<i64>(at, base + <i64>((word >> width) & mask), 8)
      bit += 2 * width
    }
  }
  for (; i < length; i++) {
    store<i64>(y + (<usize>i << 3), base + <i64>(wordAt(packed, bit) & mask))
    bit += width
  }
}

// Up to these widths so many integers lie in the 57 bits at least that `wordAt` gives.
const FOUR_PER_WORD_WIDTH: u32 = 14
const TWO_PER_WORD_WIDTH: u32 = 28

/** The packed bits from `bit` on. */
// @ts-ignore: decorator
@inline
function wordAt(packed: usize, bit: u32): u64 {
  return load<u64>(packed + <usize>(bit >> 3)) >> (bit & 7)
}

function unpackDeltas(packed: usize, width: u32, base: i64, y: usize, length: i32): void {
  let previous = load<i64>(y - 8)
  if (width == 0) {
    for (let i = 0; i < length; i++) {
      previous += base
      store<i64>(y + (<usize>i << 3), previous)
    }
    return
  }
  if (width == 64) {
    for (let i = 0; i < length; i++) {
      const offset = (<usize>i) << 3
      previous += base + load<i64>(packed + offset)
      store<i64>(y + offset, previous)
    }
    return
  }
  const mask: u64 = (<u64>1 << width) - 1
  let bit: u32 = 0
  let i = 0
  if (width <= FOUR_PER_WORD_WIDTH) {
    for (; i + 3 < length; i += 4) {
      const word = wordAt(packed, bit)
      const at = y + (<usize>i << 3)
      const first = previous + (base + <i64>(word & mask))
      const second = first + (base + <i64>((word >> width) & mask))
      const third = second + (base + <i64>((word >> (2 * width)) & mask))
      previous = third + (base + <i64>((word >> (3 * width)) & mask))
      store<i64>(at, first)
      store<i64>(at, second, 8)
      store<i64>(at, third, 16)
      store<i64>(at, previous, 24)
      bit += 4 * width
    }
  } else if (width <= TWO_PER_WORD_WIDTH) {
    for (; i + 1 < length; i += 2) {
      const word = wordAt(packed, bit)
      const at = y + (<usize>i << 3)
      const first = previous + (base + <i64>(word & mask))
      previous = first + (base + <i64>((word >> width) & mask))
      store<i64>(at, first)
      store<i64>(at, previous, 8)
      bit += 2 * width
    }
  }
  for (; i < length; i++) {
    previous += base + <i64>(wordAt(packed, bit) & mask)
    store<i64>(y + (<usize>i << 3), previous)
    bit += width
  }
}

/** Adds the bits above the width to the values that have some. Returns the end, 0 when malformed. */
function patch(start: usize, end: usize, width: u32, y: usize, length: i32): usize {
  if (start >= end || width >= 64) return 0
  const number = <i32>load<u8>(start)
  const positions = start + 1
  let at = positions + <usize>number
  if (number < 1 || number > length || at > end) return 0
  for (let k = 0; k < number; k++) {
    const position = <i32>load<u8>(positions + <usize>k)
    if (position >= length) return 0
    const next = varintEnd(at, end)
    if (next == 0) return 0
    const word = readVarint(at)
    at = next
    const to = y + (<usize>position << 3)
    store<u64>(to, load<u64>(to) | (word << width))
  }
  return at
}
