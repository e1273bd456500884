// The values section: doubles become integers, and integers become runs or a packed column, whichever is smaller. Lossless to
// the bit for every double. Three ways to make integers of them:
//
//   decimals   v = x / 10^e, exact because the quotient of two exact doubles is correctly rounded
//   sums       sums of decimals are off by a few units in the last place, as every `_sum` and `_seconds_total` is: x is the
//              nearest decimal, and how many units the bits of v are away from it lies in the low bits of the integer
//   raw        the 64 bits themselves
//
// Values that fit none of it (staleness markers, NaN, -0) among those that do are exceptions with their own 64 bits.
// ALP (Afroozeh, Kuffo, Boncz: ALP: Adaptive Lossless floating-Point Compression, 2023) has decimals and exceptions too.

import { readVarint, unzigzag, varintEnd, writeVarint, zigzag } from '../base/bytes'
import { COLUMN_WORK_BYTES, columnFirst, columnSlope, columnStep, decodeColumn, encodeColumn } from './integerColumn'
import { decodeRuns, encodeRuns, runsLength, sumBits } from './runs'
import { openSection, SECTION_HEADER_BYTES, sealSection } from './section'

// Kinds of sections: the low five bits say how values became integers.
const KIND_EXPONENT_MASK: u8 = 31
const KIND_SUMS: u8 = 30
const KIND_RAW_BITS: u8 = 31
const KIND_RUNS: u8 = 32
const KIND_EXCEPTIONS: u8 = 64
/** Another section, whose marks stand for histograms that follow it (histogramSection.ts). */
export const KIND_HISTOGRAMS: u8 = 128
const MAX_EXPONENT: i32 = 22

/** Whole numbers below this are exact as doubles, with a margin for the rounding of the multiplication. */
const MAX_SCALED: f64 = 4503599627370496.0

/** More decimals than this are a sum rather than a reading. */
const MANY_DECIMALS: i32 = 9

/** Encodes values (doubles, moved as 64-bit words) to a section. `out` needs 9 bytes a sample and 128 more, `scratch` 56 and 4096. */
export function encodeValues(valuesPtr: usize, count: i32, out: usize, scratch: usize): i32 {
  const column = scratch + SCALED_BYTES
  const marks = column + (<usize>count << 3) // positions of exceptions, u16 each
  const work = marks + (((<usize>count << 1) + 15) & ~15)
  const other = work + (<usize>count << 3) + COLUMN_WORK_BYTES
  const exponent = scaleValues(valuesPtr, count, column, marks, scratch)
  let length = i32.MAX_VALUE
  if (exponent >= 0) {
    length = writeSection(valuesPtr, count, column, marks, scratch, <u8>exponent, out, out + SECTION_HEADER_BYTES, work)
    // Whole numbers and short decimals are what they are.
    if (exponent <= MANY_DECIMALS || length <= count) return length
  }
  const sumExponent = scaleSums(valuesPtr, count, column, marks, scratch)
  if (sumExponent >= 0) {
    let at = other + SECTION_HEADER_BYTES
    store<u8>(at++, <u8>sumExponent)
    store<u8>(at++, load<u8>(scratch, SCALED_WIDTH))
    at = writeVarint(at, zigzag(load<i64>(scratch, SCALED_BIAS)))
    length = keepSmaller(out, length, other, writeSection(valuesPtr, count, column, marks, scratch, KIND_SUMS, other, at, work))
  }
  if (length < 4 * count) return length
  return keepSmaller(out, length, other, encodeRawBits(valuesPtr, count, other, work))
}

function keepSmaller(out: usize, length: i32, other: usize, otherLength: i32): i32 {
  if (otherLength >= length) return length
  memory.copy(out, other, <usize>otherLength)
  return otherLength
}

/** Decodes a section of values. Returns the count or -1. */
export function decodeValues(section: usize, length: i32, out: usize, capacity: i32): i32 {
  const count = openSection(section, length, capacity)
  return count < 0 ? -1 : decodeOpened(section, length, out, count)
}

/** The same for a section that was found to be whole before. */
export function decodeOpened(section: usize, length: i32, out: usize, count: i32): i32 {
  const kind = load<u8>(section, 6)
  if (kind & KIND_HISTOGRAMS) return kind == KIND_HISTOGRAMS ? decodeMarks(section, length, out, count) : -1
  const mapping = kind & KIND_EXPONENT_MASK
  const end = section + <usize>length
  let body = section + SECTION_HEADER_BYTES
  let exponent = <i32>mapping
  let width: u32 = 0
  let bias: i64 = 0
  if (mapping == KIND_SUMS) {
    const start = body + 2
    body = varintEnd(start, end)
    if (body == 0) return -1
    exponent = <i32>load<u8>(start - 2)
    width = <u32>load<u8>(start - 1)
    bias = unzigzag(readVarint(start))
    if (width > MAX_SUM_WIDTH || exponent > MAX_EXPONENT) return -1
  } else if (exponent > MAX_EXPONENT && mapping != KIND_RAW_BITS) {
    return -1
  }
  const power = mapping == KIND_RAW_BITS ? 0 : powerOfTen(exponent)
  let at: usize
  if (kind & KIND_RUNS) {
    at = decodeRuns(body, end, out, count, power, width, bias)
  } else {
    at = decodeColumn(body, end, out, count)
    if (at != 0) finishColumn(body, end, out, count, power, width, bias)
  }
  if (at == 0) return -1
  if (kind & KIND_EXCEPTIONS) at = applyExceptions(at, end, out, count)
  return at == end ? count : -1
}

/** The section that a section of histograms begins with. */
function decodeMarks(section: usize, length: i32, out: usize, count: i32): i32 {
  const inner = section + SECTION_HEADER_BYTES + 4
  if (length < <i32>SECTION_HEADER_BYTES + 4) return -1
  const innerLength = load<u32>(inner - 4)
  if (innerLength > <u32>length - <u32>SECTION_HEADER_BYTES - 4) return -1
  if (openSection(inner, <i32>innerLength, count) != count || load<u8>(inner, 6) == KIND_HISTOGRAMS) return -1
  return decodeOpened(inner, <i32>innerLength, out, count)
}

// ---- values to integers

// What scaleValues and scaleSums leave beside their result.
const SCALED_MARKS: usize = 0
const SCALED_RUNS: usize = 4
const SCALED_WIDTH: usize = 8 // u8
const SCALED_BIAS: usize = 16
const SCALED_BYTES: usize = 32

function powerOfTen(exponent: i32): f64 {
  let power: f64 = 1
  for (let e = 0; e < exponent; e++) power *= 10
  return power
}

/** Whether a whole number `x` near `v * power` gives back the bits of `v` as `x / power`. */
// @ts-ignore: decorator
@inline
function isDecimal(v: f64, power: f64): bool {
  const scaled = v * power
  if (!(abs(scaled) < MAX_SCALED)) return false
  return reinterpret<i64>(<f64>(<i64>nearest(scaled)) / power) == reinterpret<i64>(v)
}

/** The smallest number of decimals that fits `v`, above `exponent`; -1 when there is none. */
function findExponent(v: f64, exponent: i32): i32 {
  let power = powerOfTen(exponent)
  for (let e = exponent + 1; e <= MAX_EXPONENT; e++) {
    power *= 10
    if (!(abs(v) * power < MAX_SCALED)) return -1
    if (isDecimal(v, power)) return e
  }
  return -1
}

/**
 * Fills `column` with `v * 10^e`, with the smallest e that fits nearly all values. A value that has no such integer repeats
 * the one before and its position goes to `marks`. Returns e and leaves the number of marks and of runs of equal integers;
 * -1 when too many values are no decimals.
 */
function scaleValues(valuesPtr: usize, count: i32, column: usize, marks: usize, scaled: usize): i32 {
  const wholeRuns = scaleWhole(valuesPtr, count, column)
  if (wholeRuns > 0) {
    store<i32>(scaled, 0, SCALED_MARKS)
    store<i32>(scaled, wholeRuns, SCALED_RUNS)
    return 0
  }
  const marksAllowed = 1 + (count >> 4)
  let exponent = 0
  let power: f64 = 1
  let marked = 0
  let runs = 1
  let integer: i64 = 0
  let integerBits: i64 = 0
  // Where the first integer is; before it everything was marked.
  let start = -1
  for (let i = 0; i < count; i++) {
    const offset = <usize>i << 3
    const bits = load<i64>(valuesPtr + offset)
    if (bits != integerBits || start < 0) {
      const v = reinterpret<f64>(bits)
      if (isDecimal(v, power)) {
        const next = <i64>nearest(v * power)
        if (start < 0) {
          start = i
          for (let j = 0; j < i; j++) store<i64>(column + (<usize>j << 3), next)
        } else if (next != integer) {
          runs++
        }
        integer = next
        integerBits = bits
      } else {
        const higher = findExponent(v, exponent)
        if (higher >= 0) {
          // All over again with more decimals.
          exponent = higher
          power = powerOfTen(higher)
          marked = 0
          runs = 1
          start = -1
          i = -1
          continue
        }
        if (marked == marksAllowed) return -1
        store<u16>(marks + (<usize>marked << 1), <u16>i)
        marked++
      }
    }
    store<i64>(column + offset, integer)
  }
  store<i32>(scaled, marked, SCALED_MARKS)
  store<i32>(scaled, runs, SCALED_RUNS)
  return exponent
}

/** 1.5 x 2^52: a double of less than 2^51 that is added to it leaves its whole part in the low bits of the sum. */
const MAGIC: f64 = 6755399441055744.0
const MAX_WHOLE: f64 = 2251799813685248.0

/** The usual case of `scaleValues`, two values at a time: all are whole numbers below 2^51. Returns the runs, 0 when it is not so. */
function scaleWhole(valuesPtr: usize, count: i32, column: usize): i32 {
  const magic = f64x2.splat(MAGIC)
  const limit = f64x2.splat(MAX_WHOLE)
  const bytes = <usize>count << 3
  let same = i64x2.splat(0)
  // An odd one is done twice, together with the one before it.
  for (let offset: usize = 0; offset < bytes; offset += 16) {
    if (offset + 8 == bytes) {
      if (count == 1) return 0
      offset -= 8
    }
    const value = v128.load(valuesPtr + offset)
    const sum = f64x2.add(value, magic)
    // The comparison of bits keeps -0 out.
    const isWhole = v128.and(i64x2.eq(f64x2.sub(sum, magic), value), f64x2.lt(f64x2.abs(value), limit))
    if (!i64x2.all_true(isWhole)) return 0
    v128.store(column + offset, i64x2.sub(sum, magic))
  }
  let i: usize = 8
  for (; i + 8 < bytes; i += 16) same = i64x2.add(same, i64x2.eq(v128.load(valuesPtr + i), v128.load(valuesPtr + i - 8)))
  let runs = count + <i32>i64x2.extract_lane(same, 0) + <i32>i64x2.extract_lane(same, 1)
  if (i < bytes && load<i64>(valuesPtr + i) == load<i64>(valuesPtr + i - 8)) runs--
  return runs
}

/** Integers are the decimal shifted by this many bits at most. */
const MAX_SUM_WIDTH: u32 = 12
/** A decimal below this still fits after the shift. */
const MAX_SUM: f64 = 1125899906842624.0
/** The most units in the last place between a sum and its decimal. */
const MAX_ULPS: i64 = 1024

/** How far the bits of `v` are from those of the decimal `x / power`. */
// @ts-ignore: decorator
@inline
function ulpsFrom(v: f64, x: i64, power: f64): i64 {
  return reinterpret<i64>(v) - reinterpret<i64>(<f64>x / power)
}

/**
 * Fills `column` with `x << width | (ulps - bias)`. Returns the exponent and leaves width, bias, the number of marks and of
 * runs; -1 when these are no sums of decimals.
 */
function scaleSums(valuesPtr: usize, count: i32, column: usize, marks: usize, scaled: usize): i32 {
  const exponent = chooseSumExponent(valuesPtr, count)
  if (exponent < 0) return -1
  const power = powerOfTen(exponent)
  const marksAllowed = 1 + (count >> 4)
  let marked = 0
  let least = i64.MAX_VALUE
  let most = i64.MIN_VALUE
  for (let i = 0; i < count; i++) {
    const v = load<f64>(valuesPtr + (<usize>i << 3))
    if (abs(v) * power < MAX_SUM) {
      const ulps = ulpsFrom(v, <i64>nearest(v * power), power)
      if (ulps >= -MAX_ULPS && ulps <= MAX_ULPS) {
        least = min(least, ulps)
        most = max(most, ulps)
        continue
      }
    }
    if (marked == marksAllowed) return -1
    store<u16>(marks + (<usize>marked << 1), <u16>i)
    marked++
  }
  if (least > most) return -1
  const width = 64 - clz(most - least)
  if (width > <i64>MAX_SUM_WIDTH) return -1
  let runs = 0
  let mark = 0
  let last: i64 = 0
  for (let i = 0; i < count; i++) {
    let integer = last
    if (mark < marked && <i32>load<u16>(marks + (<usize>mark << 1)) == i) {
      mark++
    } else {
      const v = load<f64>(valuesPtr + (<usize>i << 3))
      const x = <i64>nearest(v * power)
      integer = (x << width) + (ulpsFrom(v, x, power) - least)
    }
    if (i == 0 || integer != last) runs++
    store<i64>(column + (<usize>i << 3), integer)
    last = integer
  }
  store<i32>(scaled, marked, SCALED_MARKS)
  store<i32>(scaled, runs, SCALED_RUNS)
  store<u8>(scaled, <u8>width, SCALED_WIDTH)
  store<i64>(scaled, least, SCALED_BIAS)
  return exponent
}

/** Pairs of neighbours looked at to find the number of decimals. */
const SUM_PAIRS: i32 = 32

/** The number of decimals with the smallest differences, ulps included, between some neighbours; -1 when there is none. */
function chooseSumExponent(valuesPtr: usize, count: i32): i32 {
  const pairs = min(SUM_PAIRS, count - 1)
  if (pairs < 1) return -1
  let best = -1
  let bestCost = 52 * pairs
  let power: f64 = 1
  for (let exponent = 0; exponent <= 15; exponent++) {
    let cost = 0
    let least: i64 = 0
    let most: i64 = 0
    for (let k = 0; k < pairs && cost < bestCost; k++) {
      const at = valuesPtr + (<usize>(<i64>k * <i64>(count - 1) / <i64>pairs) << 3)
      const a = load<f64>(at)
      const b = load<f64>(at + 8)
      if (!(abs(a) * power < MAX_SUM) || !(abs(b) * power < MAX_SUM)) {
        cost += 64
        continue
      }
      const x = <i64>nearest(a * power)
      const y = <i64>nearest(b * power)
      const ulps = ulpsFrom(a, x, power)
      least = min(least, ulps)
      most = max(most, ulps)
      cost += 64 - <i32>clz(zigzag(y - x))
    }
    if (most - least <= MAX_ULPS) {
      cost += pairs * (64 - <i32>clz(most - least))
      if (cost < bestCost) {
        bestCost = cost
        best = exponent
      }
    }
    power *= 10
  }
  return best
}

/** Completes a section whose integers lie in `column` and whose body begins at `body` with them. Returns its length. */
function writeSection(valuesPtr: usize, count: i32, column: usize, marks: usize, scaled: usize, mapping: u8, out: usize, body: usize, work: usize): i32 {
  const marked = load<i32>(scaled, SCALED_MARKS)
  const isRuns = encodeIntegers(column, count, load<i32>(scaled, SCALED_RUNS), body, work)
  let end: usize = load<u32>(work)
  if (marked > 0) end = writeExceptions(valuesPtr, marks, marked, end)
  return finishValues(out, count, mapping | (isRuns ? KIND_RUNS : 0) | (marked > 0 ? KIND_EXCEPTIONS : 0), end)
}

function encodeRawBits(valuesPtr: usize, count: i32, out: usize, work: usize): i32 {
  let runs = 1
  for (let i = 1; i < count; i++) {
    const at = valuesPtr + (<usize>i << 3)
    if (load<i64>(at) != load<i64>(at - 8)) runs++
  }
  const isRuns = encodeIntegers(valuesPtr, count, runs, out + SECTION_HEADER_BYTES, work)
  return finishValues(out, count, KIND_RAW_BITS | (isRuns ? KIND_RUNS : 0), load<u32>(work))
}

/** Writes the smaller of runs and packed column. Returns whether it was the runs; the end is left in `work`. */
function encodeIntegers(column: usize, count: i32, runs: i32, out: usize, work: usize): bool {
  if (runs == 1) {
    store<u32>(work, <u32>encodeRuns(column, count, runs, out))
    return true
  }
  const first = load<i64>(column)
  const y = work + COLUMN_WORK_BYTES
  for (let i = 0; i < count; i++) {
    const offset = <usize>i << 3
    store<i64>(y + offset, load<i64>(column + offset) - first)
  }
  const end = encodeColumn(y, count, first, 0, out, work)
  // A run takes at least two bytes.
  const isRuns = <usize>(runs << 1) < end - out && runsLength(column, count, runs) < end - out
  store<u32>(work, <u32>(isRuns ? encodeRuns(column, count, runs, out) : end))
  return isRuns
}

function writeExceptions(valuesPtr: usize, marks: usize, number: i32, out: usize): usize {
  let at = writeVarint(out, <u64>number)
  let last: i32 = 0
  for (let k = 0; k < number; k++) {
    const position = <i32>load<u16>(marks + (<usize>k << 1))
    at = writeVarint(at, <u64>(position - last))
    store<i64>(at, load<i64>(valuesPtr + (<usize>position << 3)))
    at += 8
    last = position
  }
  return at
}

function finishValues(out: usize, count: i32, kind: u8, end: usize): i32 {
  store<u16>(out, <u16>count, 4)
  store<u8>(out, kind, 6)
  return sealSection(out, end)
}

function applyExceptions(start: usize, end: usize, out: usize, count: i32): usize {
  let at = varintEnd(start, end)
  if (at == 0) return 0
  const number = readVarint(start)
  if (number < 1 || number > <u64>count) return 0
  let position: u64 = 0
  for (let k: u64 = 0; k < number; k++) {
    const next = varintEnd(at, end)
    if (next == 0 || next + 8 > end) return 0
    const gap = readVarint(at)
    if (gap >= <u64>count - position) return 0
    position += gap
    store<i64>(out + (<usize>position << 3), load<i64>(next))
    at = next + 8
  }
  return at
}

/** Turns what `decodeColumn` left into values, of the column that ends before `columnEnd`. A `power` of 0 is for raw bits. */
function finishColumn(column: usize, columnEnd: usize, out: usize, count: i32, power: f64, width: u32, bias: i64): void {
  const first = columnFirst(column)
  const slope = columnSlope(column)
  const step = columnStep(column)
  const end = out + (<usize>count << 3)
  let line = first
  if (width != 0 || bias != 0) {
    for (let at = out; at < end; at += 8) {
      store<i64>(at, sumBits(line + step * load<i64>(at), power, width, bias))
      line += slope
    }
  } else if (power == 0) {
    for (let at = out; at < end; at += 8) {
      store<i64>(at, line + step * load<i64>(at))
      line += slope
    }
  } else if (power == 1) {
    if (step == 1 && slope == 0) {
      for (let at = out; at < end; at += 8) store<f64>(at, <f64>(line + load<i64>(at)))
      return
    }
    for (let at = out; at < end; at += 8) {
      store<f64>(at, <f64>(line + step * load<i64>(at)))
      line += slope
    }
  } else {
    if (step == 1) {
      if (finishDecimals(out, count, first, slope, power)) return
      decodeColumn(column, columnEnd, out, count)
    }
    for (let at = out; at < end; at += 8) {
      store<f64>(at, <f64>(line + step * load<i64>(at)) / power)
      line += slope
    }
  }
}

/**
 * Decimals, two at a time, where their integers are below 2^51; when there are others it returns false and has spoilt `out`.
 * Without the division this is no faster than the scalar loops.
 */
function finishDecimals(out: usize, count: i32, first: i64, slope: i64, power: f64): bool {
  const magic = f64x2.splat(MAGIC)
  const powers = f64x2.splat(power)
  const half = i64x2.splat(<i64>MAX_WHOLE)
  const slopes = i64x2.splat(2 * slope)
  let line = i64x2.replace_lane(i64x2.splat(first), 1, first + slope)
  let beyond = i64x2.splat(0)
  let at = out
  for (const end = out + (<usize>(count & ~1) << 3); at < end; at += 16) {
    const integer = i64x2.add(v128.load(at), line)
    beyond = v128.or(beyond, i64x2.add(integer, half))
    v128.store(at, f64x2.div(f64x2.sub(i64x2.add(integer, magic), magic), powers))
    line = i64x2.add(line, slopes)
  }
  if (v128.any_true(i64x2.shr_u(beyond, 52))) return false
  if (count & 1) store<f64>(at, <f64>(i64x2.extract_lane(line, 0) + load<i64>(at)) / power)
  return true
}
