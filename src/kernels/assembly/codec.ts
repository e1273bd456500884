// The sample codec: timestamps and values of one series to one chunk and back, lossless to the bit. A chunk is two
// sections that stand alone, because all series of one target share their timestamps: a partition stores such a section
// once. Scratch and output are the caller's; decoding may read up to 8 bytes past the input and ignores them.
//
//   chunk    u8 version | u8 0 | u16 count | u32 timesLength | times section | values section
//   section  u32 checksum of the rest | u16 count | u8 kind | body
//
// Timestamps and values are both turned into integers (values as decimals, `v = x / 10^e`, or as their own 64 bits) and
// packed by the same integer column below. docs/data-format.md is the same for people who do not read this.

/** Version of the chunk's header. The sections belong to it: a change of either is a new version. */
const CHUNK_VERSION: u8 = 1
const CHUNK_HEADER_BYTES: usize = 8
const SECTION_HEADER_BYTES: usize = 7
const MAX_COUNT: i32 = 65535
const BLOCK: i32 = 128

// Kinds of sections: the low five bits say how values became integers.
const KIND_EXPONENT_MASK: u8 = 31
const KIND_RAW_BITS: u8 = 31
const KIND_RUNS: u8 = 32
const KIND_EXCEPTIONS: u8 = 64
const MAX_EXPONENT: i32 = 22

// Flags of an integer column.
const COLUMN_SLOPE: u8 = 1
const COLUMN_STEP: u8 = 2
const COLUMN_FLAT: u8 = 4

// Header byte of a block: width code in the low six bits.
const BLOCK_DELTA: u8 = 64
const BLOCK_EXCEPTIONS: u8 = 128
/** Widths 0..57 stand for themselves (a value then lies within one 64-bit load), this code for 64. */
const WIDTH_CODE_64: u32 = 58

/** Whole numbers below this are exact as doubles, with a margin for the rounding of the multiplication. */
const MAX_SCALED: f64 = 4503599627370496.0

/** Encodes `count` samples. Returns the length, or -1 when `outCapacity` or `count` is out of bounds. */
export function encodeChunk(timestampsPtr: usize, valuesPtr: usize, count: i32, outPtr: usize, outCapacity: i32, scratchPtr: usize): i32 {
  if (count < 1 || count > MAX_COUNT || outCapacity < 24 * count + 256) return -1
  const timesPtr = outPtr + CHUNK_HEADER_BYTES
  const timesLength = encodeTimes(timestampsPtr, count, timesPtr, scratchPtr)
  const valuesLength = encodeValues(valuesPtr, count, timesPtr + <usize>timesLength, scratchPtr)
  store<u8>(outPtr, CHUNK_VERSION)
  store<u8>(outPtr, 0, 1)
  store<u16>(outPtr, <u16>count, 2)
  store<u32>(outPtr, <u32>timesLength, 4)
  return <i32>CHUNK_HEADER_BYTES + timesLength + valuesLength
}

/** Decodes a chunk. Returns the count, or -1 when it is damaged, of another version, or longer than `capacity`. */
export function decodeChunk(ptr: usize, length: i32, timestampsOutPtr: usize, valuesOutPtr: usize, capacity: i32): i32 {
  const count = chunkSampleCount(ptr, length)
  if (count < 0 || count > capacity) return -1
  const timesLength = load<i32>(ptr, 4)
  const timesPtr = ptr + CHUNK_HEADER_BYTES
  if (decodeTimes(timesPtr, timesLength, timestampsOutPtr, capacity) != count) return -1
  const valuesLength = length - <i32>CHUNK_HEADER_BYTES - timesLength
  if (decodeValues(timesPtr + <usize>timesLength, valuesLength, valuesOutPtr, capacity) != count) return -1
  return count
}

/** The count from the header alone; -1 when the header cannot be right. */
export function chunkSampleCount(ptr: usize, length: i32): i32 {
  if (length < <i32>(CHUNK_HEADER_BYTES + 2 * SECTION_HEADER_BYTES)) return -1
  if (load<u8>(ptr) != CHUNK_VERSION || load<u8>(ptr, 1) != 0) return -1
  const count = <i32>load<u16>(ptr, 2)
  const timesLength = load<u32>(ptr, 4)
  if (count == 0 || timesLength > <u32>(length - <i32>CHUNK_HEADER_BYTES)) return -1
  return count
}

/** Encodes timestamps (whole milliseconds as doubles, ascending) to a section. `out` needs 9 bytes a sample and 128 more. */
export function encodeTimes(timesPtr: usize, count: i32, out: usize, scratch: usize): i32 {
  const column = scratch
  for (let i = 0; i < count; i++) {
    const offset = (<usize>i) << 3
    store<i64>(column + offset, <i64>load<f64>(timesPtr + offset))
  }
  // The line through the first and the last sample: a steady interval costs nothing, and jitter does not add up.
  let slope: i64 = 0
  if (count > 1) {
    const first = load<i64>(column)
    const span = load<i64>(column + ((<usize>(count - 1)) << 3)) - first
    slope = (span + <i64>((count - 1) >> 1)) / <i64>(count - 1)
    for (let i = 1; i < count; i++) {
      const at = column + ((<usize>i) << 3)
      store<i64>(at, load<i64>(at) - <i64>i * slope)
    }
  }
  store<u16>(out, <u16>count, 4)
  store<u8>(out, 0, 6)
  const end = encodeColumn(column, count, slope, out + SECTION_HEADER_BYTES, scratch + ((<usize>count) << 3))
  return sealSection(out, end)
}

/** Decodes a section of timestamps into doubles. Returns the count or -1. */
export function decodeTimes(section: usize, length: i32, out: usize, capacity: i32): i32 {
  const count = openSection(section, length, capacity)
  if (count < 0) return -1
  if (load<u8>(section, 6) != 0) return -1
  const end = section + <usize>length
  if (decodeColumn(section + SECTION_HEADER_BYTES, end, out, count) != end) return -1
  for (let i = 0; i < count; i++) {
    const at = out + ((<usize>i) << 3)
    store<f64>(at, <f64>load<i64>(at))
  }
  return count
}

/** Encodes values (doubles, moved as 64-bit words) to a section. `out` needs 9 bytes a sample and 128 more. */
export function encodeValues(valuesPtr: usize, count: i32, out: usize, scratch: usize): i32 {
  const columnBytes = (<usize>count) << 3
  const powers = scratch
  const column = scratch + 192
  const marks = column + columnBytes // positions of exceptions, u16 each
  const work = marks + (((<usize>count << 1) + 15) & ~15)
  const second = work + columnBytes + 1024
  fillPowers(powers)

  const exponent = chooseExponent(valuesPtr, count, powers)
  if (exponent < 0) return encodeRawBits(valuesPtr, count, out, work)
  const exceptionCount = scaleValues(valuesPtr, count, exponent, load<f64>(powers + ((<usize>exponent) << 3)), column, marks)
  // A NaN that lasts counts once above and here for each sample: as its own bits it is one run.
  if (exceptionCount > 1 + (count >> 4)) return encodeRawBits(valuesPtr, count, out, work)
  const end = encodeLayouts(valuesPtr, column, count, <u8>exponent, marks, exceptionCount, out, work)
  const length = sealSection(out, end)
  // Decimals with many digits: the bits themselves may be as small.
  if (length > 4 * count && exponent > 0) {
    const rawLength = encodeRawBits(valuesPtr, count, second, work)
    if (rawLength < length) {
      memory.copy(out, second, <usize>rawLength)
      return rawLength
    }
  }
  return length
}

/** Decodes a section of values. Returns the count or -1. */
export function decodeValues(section: usize, length: i32, out: usize, capacity: i32): i32 {
  const count = openSection(section, length, capacity)
  if (count < 0) return -1
  const kind = load<u8>(section, 6)
  if (kind & 128) return -1
  const exponent = <i32>(kind & KIND_EXPONENT_MASK)
  if (exponent > MAX_EXPONENT && exponent != <i32>KIND_RAW_BITS) return -1
  const end = section + <usize>length
  let at = section + SECTION_HEADER_BYTES
  at = kind & KIND_RUNS ? decodeRuns(at, end, out, count, exponent) : decodeColumn(at, end, out, count)
  if (at == 0) return -1
  if (!(kind & KIND_RUNS) && exponent != <i32>KIND_RAW_BITS) toDoubles(out, count, exponent)
  if (kind & KIND_EXCEPTIONS) at = applyExceptions(at, end, out, count)
  return at == end ? count : -1
}

// ---- values to integers

/** 10^0 .. 10^22, all exact. */
function fillPowers(powers: usize): void {
  let power: f64 = 1
  for (let e = 0; e <= MAX_EXPONENT; e++) {
    store<f64>(powers + ((<usize>e) << 3), power)
    power *= 10
  }
}

function powerOfTen(exponent: i32): f64 {
  let power: f64 = 1
  for (let e = 0; e < exponent; e++) power *= 10
  return power
}

/** The bits of `x / power` where `x` is the whole number nearest to `v * power`; a sure mismatch when there is none. */
// @ts-ignore: decorator
@inline
function isDecimal(v: f64, power: f64): bool {
  const scaled = v * power
  if (!(abs(scaled) < MAX_SCALED)) return false
  return reinterpret<i64>(<f64>(<i64>nearest(scaled)) / power) == reinterpret<i64>(v)
}

/** The smallest number of decimals that fits nearly all values; -1 when too many have none. */
function chooseExponent(valuesPtr: usize, count: i32, powers: usize): i32 {
  let exponent = 0
  let misses = 0
  const missesAllowed = 1 + (count >> 4)
  let previous: i64 = 0
  let power: f64 = 1
  for (let i = 0; i < count; i++) {
    const bits = load<i64>(valuesPtr + ((<usize>i) << 3))
    if (i > 0 && bits == previous) continue
    previous = bits
    const v = reinterpret<f64>(bits)
    if (isDecimal(v, power)) continue
    let e = exponent + 1
    while (e <= MAX_EXPONENT && abs(v) * load<f64>(powers + ((<usize>e) << 3)) < MAX_SCALED && !isDecimal(v, load<f64>(powers + ((<usize>e) << 3)))) e++
    if (e <= MAX_EXPONENT && isDecimal(v, load<f64>(powers + ((<usize>e) << 3)))) {
      exponent = e
      power = load<f64>(powers + ((<usize>e) << 3))
    } else if (++misses > missesAllowed) {
      return -1
    }
  }
  return exponent
}

/** Fills `column` with `v * 10^e`; a value that has no such integer repeats the one before and is marked. Returns the number of marks. */
function scaleValues(valuesPtr: usize, count: i32, exponent: i32, power: f64, column: usize, marks: usize): i32 {
  let marked = 0
  let previous: i64 = 0
  let started = false
  for (let i = 0; i < count; i++) {
    const offset = (<usize>i) << 3
    const v = load<f64>(valuesPtr + offset)
    if (isDecimal(v, power)) {
      previous = <i64>nearest(v * power)
      if (!started) {
        started = true
        for (let j = 0; j < i; j++) store<i64>(column + ((<usize>j) << 3), previous)
      }
    } else {
      store<u16>(marks + ((<usize>marked) << 1), <u16>i)
      marked++
    }
    store<i64>(column + offset, previous)
  }
  return marked
}

function encodeRawBits(valuesPtr: usize, count: i32, out: usize, work: usize): i32 {
  return sealSection(out, encodeLayouts(valuesPtr, valuesPtr, count, KIND_RAW_BITS, 0, 0, out, work))
}

/** Writes header, the smaller of runs and packed column, and exceptions. Returns the end. */
function encodeLayouts(valuesPtr: usize, column: usize, count: i32, mapping: u8, marks: usize, exceptionCount: i32, out: usize, work: usize): usize {
  let runs = 1
  for (let i = 1; i < count; i++) {
    const at = column + ((<usize>i) << 3)
    if (load<i64>(at) != load<i64>(at - 8)) runs++
  }
  const body = out + SECTION_HEADER_BYTES
  let kind = mapping
  let end: usize = 0
  if (runs == 1) {
    kind |= KIND_RUNS
    end = encodeRuns(column, count, body)
  } else {
    end = encodeColumn(column, count, 0, body, work)
    // A run takes at least two bytes.
    if (<usize>(runs << 1) < end - body && runsLength(column, count) < end - body) {
      kind |= KIND_RUNS
      end = encodeRuns(column, count, body)
    }
  }
  if (exceptionCount > 0) {
    kind |= KIND_EXCEPTIONS
    end = writeVarint(end, <u64>exceptionCount)
    let last: i32 = 0
    for (let k = 0; k < exceptionCount; k++) {
      const position = <i32>load<u16>(marks + ((<usize>k) << 1))
      end = writeVarint(end, <u64>(position - last))
      store<i64>(end, load<i64>(valuesPtr + ((<usize>position) << 3)))
      end += 8
      last = position
    }
  }
  store<u16>(out, <u16>count, 4)
  store<u8>(out, kind, 6)
  return end
}

function applyExceptions(start: usize, end: usize, out: usize, count: i32): usize {
  let at = start
  let value: u64 = 0
  let shift: u32 = 0
  let left: i32 = 0
  let position: i64 = 0
  let first = true
  while (true) {
    // One varint: the number of exceptions first, then a gap for each.
    value = 0
    shift = 0
    while (true) {
      if (at >= end || shift > 28) return 0
      const byte = load<u8>(at++)
      value |= <u64>(byte & 127) << shift
      if (byte < 128) break
      shift += 7
    }
    if (first) {
      first = false
      left = <i32>value
      if (left < 1 || left > count) return 0
      continue
    }
    position += <i64>value
    if (position >= <i64>count || at + 8 > end) return 0
    store<i64>(out + ((<usize>position) << 3), load<i64>(at))
    at += 8
    if (--left == 0) return at
  }
}

function toDoubles(out: usize, count: i32, exponent: i32): void {
  if (exponent == 0) {
    for (let i = 0; i < count; i++) {
      const at = out + ((<usize>i) << 3)
      store<f64>(at, <f64>load<i64>(at))
    }
    return
  }
  const power = powerOfTen(exponent)
  let i = 0
  for (; i + 1 < count; i += 2) {
    const at = out + ((<usize>i) << 3)
    const pair = f64x2.replace_lane(f64x2.splat(<f64>load<i64>(at)), 1, <f64>load<i64>(at, 8))
    v128.store(at, f64x2.div(pair, f64x2.splat(power)))
  }
  if (i < count) {
    const at = out + ((<usize>i) << 3)
    store<f64>(at, <f64>load<i64>(at) / power)
  }
}

// ---- runs: varint number of runs, then per run zigzag varint difference to the run before and varint length; the last run
// fills the rest and has no length

function encodeRuns(column: usize, count: i32, out: usize): usize {
  let runs = 1
  for (let i = 1; i < count; i++) {
    const at = column + ((<usize>i) << 3)
    if (load<i64>(at) != load<i64>(at - 8)) runs++
  }
  let at = writeVarint(out, <u64>runs)
  let previous: i64 = 0
  let start = 0
  for (let i = 0; i < count; i++) {
    const value = load<i64>(column + ((<usize>i) << 3))
    if (i + 1 < count && load<i64>(column + ((<usize>(i + 1)) << 3)) == value) continue
    at = writeVarint(at, zigzag(value - previous))
    if (i + 1 < count) at = writeVarint(at, <u64>(i + 1 - start))
    previous = value
    start = i + 1
  }
  return at
}

function runsLength(column: usize, count: i32): usize {
  let runs = 0
  let length: usize = 0
  let previous: i64 = 0
  let start = 0
  for (let i = 0; i < count; i++) {
    const value = load<i64>(column + ((<usize>i) << 3))
    if (i + 1 < count && load<i64>(column + ((<usize>(i + 1)) << 3)) == value) continue
    runs++
    length += varintLength(zigzag(value - previous))
    if (i + 1 < count) length += varintLength(<u64>(i + 1 - start))
    previous = value
    start = i + 1
  }
  return length + varintLength(<u64>runs)
}

function decodeRuns(start: usize, end: usize, out: usize, count: i32, exponent: i32): usize {
  const power = exponent == <i32>KIND_RAW_BITS ? 1.0 : powerOfTen(exponent)
  let at = start
  let runs: i32 = -1
  let value: i64 = 0
  let filled = 0
  let wantLength = false
  while (true) {
    let word: u64 = 0
    let shift: u32 = 0
    while (true) {
      if (at >= end || shift > 63) return 0
      const byte = load<u8>(at++)
      word |= <u64>(byte & 127) << shift
      if (byte < 128) break
      shift += 7
    }
    if (runs < 0) {
      if (word < 1 || word > <u64>count) return 0
      runs = <i32>word
      continue
    }
    let length: i32
    if (wantLength) {
      // Each run after this one needs a place.
      if (word < 1 || word > <u64>(count - filled - runs)) return 0
      length = <i32>word
    } else {
      value += unzigzag(word)
      runs--
      if (runs > 0) {
        wantLength = true
        continue
      }
      length = count - filled
    }
    const bits = exponent == <i32>KIND_RAW_BITS ? value : reinterpret<i64>(<f64>value / power)
    fill(out + ((<usize>filled) << 3), length, bits)
    filled += length
    wantLength = false
    if (runs == 0) return at
  }
}

function fill(out: usize, length: i32, bits: i64): void {
  const pair = i64x2.splat(bits)
  let i = 0
  for (; i + 1 < length; i += 2) v128.store(out + ((<usize>i) << 3), pair)
  if (i < length) store<i64>(out + ((<usize>i) << 3), bits)
}

// ---- the integer column
//
//   u8 flags | zigzag varint first | [zigzag varint slope] | [varint step] | blocks of 128 for all but the first integer
//   integer i = first + slope * i + step * y(i),  y(0) = 0
//   block: u8 width code, delta bit, exceptions bit | zigzag varint base | packed bits, low first | [exceptions]
//     y = base + packed, or in a delta block y = y(before) + base + packed
//   exceptions: u8 number | u8 position each | varint of the bits above the width each
// A flat column has no blocks.

/** Packs `column` (overwritten: it becomes the differences to the first integer). Returns the end. */
function encodeColumn(source: usize, count: i32, slope: i64, out: usize, work: usize): usize {
  const first = load<i64>(source)
  const y = work + 1024
  let step: u64 = 0
  store<i64>(y, 0)
  for (let i = 1; i < count; i++) {
    const offset = (<usize>i) << 3
    const difference = load<i64>(source + offset) - first
    store<i64>(y + offset, difference)
    if (step != 1) step = commonDivisor(step, <u64>(difference < 0 ? -difference : difference))
  }
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
    divideAll(y, count, <i64>step)
  }
  for (let start = 1; start < count; start += BLOCK) at = encodeBlock(y + ((<usize>start) << 3), min(BLOCK, count - start), at, work)
  return at
}

function divideAll(y: usize, count: i32, step: i64): void {
  if ((step & (step - 1)) == 0) {
    const shift = ctz(step)
    for (let i = 1; i < count; i++) {
      const at = y + ((<usize>i) << 3)
      store<i64>(at, load<i64>(at) >> shift)
    }
    return
  }
  for (let i = 1; i < count; i++) {
    const at = y + ((<usize>i) << 3)
    store<i64>(at, load<i64>(at) / step)
  }
}

function commonDivisor(a: u64, b: u64): u64 {
  while (b != 0) {
    const rest = a % b
    a = b
    b = rest
  }
  return a
}

/** Packs one block of `length` integers at `y`; the integer before them lies at `y - 8`. Tries values and deltas, each over its least and its second least. */
function encodeBlock(y: usize, length: i32, out: usize, work: usize): usize {
  let bestCost: i32 = i32.MAX_VALUE
  let bestBase: i64 = 0
  let bestWidth: i32 = 0
  let bestDelta = false
  for (let mode = 0; mode < 2; mode++) {
    const delta = mode == 1
    let least: i64 = i64.MAX_VALUE
    let second: i64 = i64.MAX_VALUE
    let most: i64 = i64.MIN_VALUE
    for (let i = 0; i < length; i++) {
      const value = blockValue(y, i, delta)
      if (value < least) {
        second = least
        least = value
      } else if (value < second) {
        second = value
      }
      if (value > most) most = value
    }
    for (let attempt = 0; attempt < 2; attempt++) {
      const base = attempt == 0 ? least : second
      // The second least is worth a try only when the least stands far apart, as one reset of a counter does.
      if (attempt == 1 && (length < 3 || <u64>(second - least) <= <u64>(most - second))) break
      const choice = chooseWidth(y, length, delta, base, work)
      const cost = (choice >> 8) + ((<i32>varintLength(zigzag(base))) << 3)
      if (cost < bestCost) {
        bestCost = cost
        bestBase = base
        bestWidth = choice & 255
        bestDelta = delta
      }
    }
  }
  return writeBlock(y, length, bestDelta, bestBase, bestWidth, out)
}

// @ts-ignore: decorator
@inline
function blockValue(y: usize, i: i32, delta: bool): i64 {
  const at = y + ((<usize>i) << 3)
  return delta ? load<i64>(at) - load<i64>(at - 8) : load<i64>(at)
}

/** The cheapest width for `value - base`, as bits of cost << 8 | width. `counts` is room for 65 counters. */
function chooseWidth(y: usize, length: i32, delta: bool, base: i64, counts: usize): i32 {
  memory.fill(counts, 0, 65 * 4)
  for (let i = 0; i < length; i++) {
    const bits = 64 - <i32>clz(<u64>(blockValue(y, i, delta) - base))
    const at = counts + ((<usize>bits) << 2)
    store<u32>(at, load<u32>(at) + 1)
  }
  let widest = 64
  while (widest > 0 && load<u32>(counts + ((<usize>widest) << 2)) == 0) widest--
  let bestWidth = widest
  let bestCost = length * roundedWidth(widest)
  let exceptions = 0
  for (let width = widest - 1; width >= 0; width--) {
    exceptions += <i32>load<u32>(counts + ((<usize>(width + 1)) << 2))
    if (exceptions << 3 > length) break
    if (width > 57) continue
    const cost = length * width + 8 + exceptions * (8 + 8 * ((widest - width + 6) / 7))
    if (cost < bestCost) {
      bestCost = cost
      bestWidth = width
    }
  }
  return (bestCost << 8) | bestWidth
}

// @ts-ignore: decorator
@inline
function roundedWidth(width: i32): i32 {
  return width > 57 ? 64 : width
}

function writeBlock(y: usize, length: i32, delta: bool, base: i64, width: i32, out: usize): usize {
  const rounded = roundedWidth(width)
  let at = writeVarint(out + 1, zigzag(base))
  const limit: u64 = rounded >= 64 ? u64.MAX_VALUE : (<u64>1 << rounded) - 1
  let exceptions = 0
  let word: u64 = 0
  let filled: u32 = 0
  for (let i = 0; i < length; i++) {
    const value = <u64>(blockValue(y, i, delta) - base)
    if (value > limit) exceptions++
    if (rounded == 0) continue
    const low = value & limit
    word |= low << filled
    filled += <u32>rounded
    if (filled >= 64) {
      store<u64>(at, word)
      at += 8
      filled -= 64
      // Shifting by 64 would shift by nothing.
      word = filled == 0 ? 0 : low >> (<u32>rounded - filled)
    }
  }
  while (filled > 0) {
    store<u8>(at++, <u8>word)
    word >>= 8
    filled = filled > 8 ? filled - 8 : 0
  }
  let header: u8 = rounded == 64 ? <u8>WIDTH_CODE_64 : <u8>rounded
  if (delta) header |= BLOCK_DELTA
  if (exceptions > 0) {
    header |= BLOCK_EXCEPTIONS
    store<u8>(at++, <u8>exceptions)
    for (let i = 0; i < length; i++) if (<u64>(blockValue(y, i, delta) - base) > limit) store<u8>(at++, <u8>i)
    for (let i = 0; i < length; i++) {
      const value = <u64>(blockValue(y, i, delta) - base)
      if (value > limit) at = writeVarint(at, value >> rounded)
    }
  }
  store<u8>(out, header)
  return at
}

/** Unpacks `count` integers to `out`. Returns the end of the column, 0 when it is malformed. */
function decodeColumn(start: usize, end: usize, out: usize, count: i32): usize {
  if (start >= end) return 0
  const flags = load<u8>(start)
  if (flags > 7) return 0
  let at = start + 1
  let first: i64 = 0
  let slope: i64 = 0
  let step: i64 = 1
  for (let field = 0; field < 3; field++) {
    if (field == 1 && !(flags & COLUMN_SLOPE)) continue
    if (field == 2 && !(flags & COLUMN_STEP)) continue
    let word: u64 = 0
    let shift: u32 = 0
    while (true) {
      if (at >= end || shift > 63) return 0
      const byte = load<u8>(at++)
      word |= <u64>(byte & 127) << shift
      if (byte < 128) break
      shift += 7
    }
    if (field == 0) first = unzigzag(word)
    else if (field == 1) slope = unzigzag(word)
    else step = <i64>word
  }
  store<i64>(out, 0)
  if (flags & COLUMN_FLAT) {
    if (slope == 0) {
      fill(out, count, first)
      return at
    }
    memory.fill(out, 0, (<usize>count) << 3)
  } else {
    for (let position = 1; position < count; position += BLOCK) {
      at = decodeBlock(at, end, out + ((<usize>position) << 3), min(BLOCK, count - position))
      if (at == 0) return 0
    }
  }
  if (step != 1) {
    if (slope == 0) {
      for (let i = 0; i < count; i++) {
        const to = out + ((<usize>i) << 3)
        store<i64>(to, first + step * load<i64>(to))
      }
      return at
    }
    for (let i = 0; i < count; i++) {
      const to = out + ((<usize>i) << 3)
      store<i64>(to, step * load<i64>(to))
    }
  }
  if (slope == 0) {
    if (first != 0) addConstant(out, count, first)
    return at
  }
  let line = first
  for (let i = 0; i < count; i++) {
    const to = out + ((<usize>i) << 3)
    store<i64>(to, line + load<i64>(to))
    line += slope
  }
  return at
}

function addConstant(out: usize, count: i32, constant: i64): void {
  const pair = i64x2.splat(constant)
  let i = 0
  for (; i + 1 < count; i += 2) {
    const at = out + ((<usize>i) << 3)
    v128.store(at, i64x2.add(v128.load(at), pair))
  }
  if (i < count) {
    const at = out + ((<usize>i) << 3)
    store<i64>(at, load<i64>(at) + constant)
  }
}

function decodeBlock(start: usize, end: usize, y: usize, length: i32): usize {
  if (start >= end) return 0
  const header = load<u8>(start)
  const code = <u32>(header & 63)
  if (code > WIDTH_CODE_64) return 0
  const width: u32 = code == WIDTH_CODE_64 ? 64 : code
  let at = start + 1
  let word: u64 = 0
  let shift: u32 = 0
  while (true) {
    if (at >= end || shift > 63) return 0
    const byte = load<u8>(at++)
    word |= <u64>(byte & 127) << shift
    if (byte < 128) break
    shift += 7
  }
  const base = unzigzag(word)
  const packed = at
  at += <usize>((<u32>length * width + 7) >> 3)
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
      const to = y + ((<usize>i) << 3)
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
    fill(y, length, base)
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
  for (let i = 0; i < length; i++) {
    store<i64>(y + ((<usize>i) << 3), base + <i64>((load<u64>(packed + <usize>(bit >> 3)) >> (bit & 7)) & mask))
    bit += width
  }
}

function unpackDeltas(packed: usize, width: u32, base: i64, y: usize, length: i32): void {
  let previous = load<i64>(y - 8)
  if (width == 0) {
    for (let i = 0; i < length; i++) {
      previous += base
      store<i64>(y + ((<usize>i) << 3), previous)
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
  for (let i = 0; i < length; i++) {
    previous += base + <i64>((load<u64>(packed + <usize>(bit >> 3)) >> (bit & 7)) & mask)
    store<i64>(y + ((<usize>i) << 3), previous)
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
    let word: u64 = 0
    let shift: u32 = 0
    while (true) {
      if (at >= end || shift > 63) return 0
      const byte = load<u8>(at++)
      word |= <u64>(byte & 127) << shift
      if (byte < 128) break
      shift += 7
    }
    const to = y + ((<usize>position) << 3)
    store<u64>(to, load<u64>(to) | (word << width))
  }
  return at
}

// ---- sections, varints

/** Writes the checksum of `section`, which ends at `end`. Returns the length. */
function sealSection(section: usize, end: usize): i32 {
  store<u32>(section, checksum(section + 4, end))
  return <i32>(end - section)
}

/** The count of a section whose checksum is right; -1 otherwise. */
function openSection(section: usize, length: i32, capacity: i32): i32 {
  if (length < <i32>SECTION_HEADER_BYTES) return -1
  if (load<u32>(section) != checksum(section + 4, section + <usize>length)) return -1
  const count = <i32>load<u16>(section, 4)
  return count >= 1 && count <= capacity ? count : -1
}

/** Multiply and fold, eight bytes a step; each step is a bijection of the word, so no single change goes unseen before the last fold. */
function checksum(start: usize, end: usize): u32 {
  let hash: u64 = <u64>(end - start) * 0x9e3779b97f4a7c15
  let at = start
  for (; at + 8 <= end; at += 8) {
    hash = (hash ^ load<u64>(at)) * 0xff51afd7ed558ccd
    hash ^= hash >> 32
  }
  let rest: u64 = 0
  let shift: u64 = 0
  for (; at < end; at++) {
    rest |= <u64>load<u8>(at) << shift
    shift += 8
  }
  hash = (hash ^ rest) * 0xc4ceb9fe1a85ec53
  return <u32>(hash >> 32) ^ <u32>hash
}

// @ts-ignore: decorator
@inline
function zigzag(value: i64): u64 {
  return <u64>((value << 1) ^ (value >> 63))
}

// @ts-ignore: decorator
@inline
function unzigzag(word: u64): i64 {
  return <i64>(word >> 1) ^ -(<i64>(word & 1))
}

function varintLength(word: u64): usize {
  return word == 0 ? 1 : <usize>((70 - clz(word)) / 7)
}

function writeVarint(out: usize, word: u64): usize {
  let at = out
  while (word > 127) {
    store<u8>(at++, <u8>(word & 127) | 128)
    word >>= 7
  }
  store<u8>(at++, <u8>word)
  return at
}
