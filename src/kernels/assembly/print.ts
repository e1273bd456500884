// Doubles as Go prints them in JSON answers: the shortest digits that read back as the same double, an exponent below 1e-6
// and from 1e21 on. Whole numbers and short decimals, which most samples are, take a short way; the digits of all others
// come from R. Giulietti's "The Schubfach way to render doubles", with the table of powers that parsing uses too.

import { POWERS_OF_TEN } from './layout'
import { multiplyHigh } from './number'

const TABLE_MIN_POWER: i32 = -342
const FRACTION_BITS: u32 = 52
const HIDDEN_BIT: u64 = 0x0010000000000000
const MIN_EXPONENT: i32 = -1074
const MASK_63: u64 = 0x7fffffffffffffff

/** Below this a double times 1000 is exact enough to tell decimals of three places. */
const SHORT_LIMIT: f64 = 999999999999

/**
 * Writes the points of the steps that are present, separated by commas: the step's text, the value, `"]`. `ends` has the
 * end of each step's text in `texts`. Returns the end; `out` needs room for the texts and 35 bytes a step.
 */
export function printPoints(values: usize, present: usize, count: i32, texts: usize, ends: usize, out: usize): usize {
  let textFrom: u32 = 0
  const start = out
  for (let i = 0; i < count; i++) {
    const textTo = load<u32>(ends + (<usize>i << 2))
    if (load<u8>(present + <usize>i)) {
      if (out != start) store<u8>(out++, 0x2c)
      // Texts are short: two or three words. What is written too much is overwritten.
      let from = texts + <usize>textFrom
      let to = out
      const end = out + <usize>(textTo - textFrom)
      while (to < end) {
        store<u64>(to, load<u64>(from))
        to += 8
        from += 8
      }
      out = printValue(load<f64>(values + (<usize>i << 3)), end)
      store<u16>(out, 0x5d22)
      out += 2
    }
    textFrom = textTo
  }
  return out
}

/** Writes one value and returns its end. */
export function printValue(value: f64, out: usize): usize {
  const bits = reinterpret<u64>(value)
  if (value != value) {
    store<u8>(out, 0x4e)
    store<u16>(out, 0x4e61, 1)
    return out + 3
  }
  if (bits >> 63) store<u8>(out++, 0x2d)
  const magnitude = abs(value)
  if (magnitude == Infinity) {
    if (!(bits >> 63)) store<u8>(out++, 0x2b)
    store<u8>(out, 0x49)
    store<u16>(out, 0x666e, 1)
    return out + 3
  }
  if (magnitude <= SHORT_LIMIT) {
    const whole = <u64>magnitude
    if (<f64>whole == magnitude) return printWhole(whole, out)
    const thousandths = <u64>nearest(magnitude * 1000)
    if (thousandths != 0 && <f64>thousandths / 1000 == magnitude) {
      const end = printWhole(thousandths / 1000, out)
      return printThousandths(<u32>(thousandths % 1000), end)
    }
  }
  return printShortest(bits & MASK_63, out)
}

function digitCount(value: u64): u32 {
  let count: u32 = 1
  while (value >= 10000) {
    value /= 10000
    count += 4
  }
  return count + (value >= 10 ? 1 : 0) + (value >= 100 ? 1 : 0) + (value >= 1000 ? 1 : 0)
}

function printWhole(value: u64, out: usize): usize {
  const count = digitCount(value)
  printDigits(value, out, count)
  return out + <usize>count
}

/** Exactly `count` digits. */
function printDigits(value: u64, out: usize, count: u32): void {
  let at = out + <usize>count
  while (value > 0xffffffff) {
    const next = value / 10
    store<u8>(--at, <u8>(0x30 + value - next * 10))
    value = next
  }
  let rest = <u32>value
  while (at > out) {
    const next = rest / 10
    store<u8>(--at, <u8>(0x30 + rest - next * 10))
    rest = next
  }
}

function printThousandths(thousandths: u32, out: usize): usize {
  store<u8>(out, 0x2e)
  const hundredths = thousandths / 10
  const tenths = thousandths / 100
  store<u8>(out, <u8>(0x30 + tenths), 1)
  if (tenths * 100 == thousandths) return out + 2
  store<u8>(out, <u8>(0x30 + hundredths - tenths * 10), 2)
  if (hundredths * 10 == thousandths) return out + 3
  store<u8>(out, <u8>(0x30 + thousandths - hundredths * 10), 3)
  return out + 4
}

/** A positive finite double. */
function printShortest(bits: u64, out: usize): usize {
  const fraction = bits & (HIDDEN_BIT - 1)
  const biased = <i32>(bits >> FRACTION_BITS)
  const c = biased == 0 ? fraction : fraction | HIDDEN_BIT
  const q = biased == 0 ? MIN_EXPONENT : biased + MIN_EXPONENT - 1

  // The interval of decimals that round to this double is narrower below a power of two.
  const isRegular = fraction != 0 || biased <= 1
  const k = isRegular ? floorLog10Pow2(q) : floorLog10ThreeQuartersPow2(q)
  const h = q + floorLog2Pow10(-k) + 2
  const entry = POWERS_OF_TEN + (<usize>(-k - TABLE_MIN_POWER) << 4)
  // The upper 126 bits of 10^-k, rounded up, as two halves of 63.
  const low128 = load<u64>(entry)
  const high128 = load<u64>(entry, 8)
  const low126 = ((high128 << 62) | (low128 >> 2)) + 1
  const high126 = (high128 >> 2) + (low126 == 0 ? 1 : 0)
  const g1 = (high126 << 1) | (low126 >> 63)
  const g0 = low126 & MASK_63
  const middle = c << 2
  const isOdd = c & 1
  const scaled = roundToOdd(g1, g0, middle << h)
  const lower = roundToOdd(g1, g0, (middle - (isRegular ? 2 : 1)) << h) + isOdd
  const upper = roundToOdd(g1, g0, (middle + 2) << h) - isOdd

  const s = scaled >> 2
  let digits: u64
  if (s >= 10) {
    const tens = (s / 10) * 10
    const lowIn = lower <= tens << 2
    const highIn = (tens + 10) << 2 <= upper
    if (lowIn != highIn) return printDecimal(lowIn ? tens : tens + 10, k, out)
  }
  const lowIn = lower <= s << 2
  const highIn = (s + 1) << 2 <= upper
  if (lowIn != highIn) digits = lowIn ? s : s + 1
  else {
    const half = (s << 2) + 2
    digits = scaled < half || (scaled == half && (s & 1) == 0) ? s : s + 1
  }
  return printDecimal(digits, k, out)
}

/** Rounds g * cp / 2^126 down, with its last bit set when anything was cut off. */
function roundToOdd(g1: u64, g0: u64, cp: u64): u64 {
  const x1 = multiplyHigh(g0, cp)
  const y0 = g1 * cp
  const y1 = multiplyHigh(g1, cp)
  const z = (y0 >> 1) + x1
  const w = y1 + (z >> 63)
  return w | (((z & MASK_63) + MASK_63) >> 63)
}

// @ts-ignore: decorator
@inline
function floorLog10Pow2(e: i32): i32 {
  return <i32>((<i64>e * 661971961083) >> 41)
}

// @ts-ignore: decorator
@inline
function floorLog10ThreeQuartersPow2(e: i32): i32 {
  return <i32>((<i64>e * 661971961083 - 274743187321) >> 41)
}

// @ts-ignore: decorator
@inline
function floorLog2Pow10(e: i32): i32 {
  return <i32>((<i64>e * 913124641741) >> 38)
}

/** digits * 10^power. */
function printDecimal(digits: u64, power: i32, out: usize): usize {
  while (digits % 10 == 0) {
    digits /= 10
    power++
  }
  const count = <i32>digitCount(digits)
  // Where the decimal point comes, counted from the first digit.
  const point = count + power
  if (point > 21 || point < -5) return printExponent(digits, count, point - 1, out)
  if (point <= 0) {
    store<u16>(out, 0x2e30)
    out += 2
    for (let i = point; i < 0; i++) store<u8>(out++, 0x30)
    printDigits(digits, out, <u32>count)
    return out + <usize>count
  }
  printDigits(digits, out, <u32>count)
  if (point >= count) {
    out += <usize>count
    for (let i = count; i < point; i++) store<u8>(out++, 0x30)
    return out
  }
  const end = out + <usize>count
  for (let at = end; at > out + <usize>point; at--) store<u8>(at, load<u8>(at - 1))
  store<u8>(out + <usize>point, 0x2e)
  return end + 1
}

function printExponent(digits: u64, count: i32, exponent: i32, out: usize): usize {
  printDigits(digits, out + 1, <u32>count)
  store<u8>(out, load<u8>(out + 1))
  store<u8>(out + 1, 0x2e)
  out += count == 1 ? 1 : <usize>count + 1
  store<u8>(out++, 0x65)
  store<u8>(out++, exponent < 0 ? 0x2d : 0x2b)
  const magnitude = <u64>abs(exponent)
  const width: u32 = magnitude >= 100 ? 3 : 2
  printDigits(magnitude, out, width)
  return out + <usize>width
}
