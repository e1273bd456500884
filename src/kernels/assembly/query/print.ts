// Doubles as Go prints them in JSON answers: the shortest digits that read back as the same double, an exponent below 1e-6
// and from 1e21 on. Whole numbers and short decimals, which most samples are, take a short way. The digits of all others
// come from one product where that is far enough from every limit to decide, and else from R. Giulietti's "The Schubfach way to
// render doubles"; both use the table of powers that parsing has too.

import { POWERS_OF_TEN } from '../base/layout'
import { multiplyHigh } from '../base/number'

const TABLE_MIN_POWER: i32 = -342
const FRACTION_BITS: u32 = 52
const HIDDEN_BIT: u64 = 0x0010000000000000
const MIN_EXPONENT: i32 = -1074
const MASK_63: u64 = 0x7fffffffffffffff

/** Below this a double times 1000 is exact enough to tell decimals of three places. */
const SHORT_LIMIT: f64 = 999999999999

/**
 * Writes the text before the value of each step, `[seconds,"`, with three decimals where the time is no full second, and at
 * `ends` where each text ends (u32), counted from `texts`. Returns the end; `texts` needs room for 32 bytes a step.
 */
export function printStepTexts(startMs: f64, stepMs: f64, count: i32, texts: usize, ends: usize): usize {
  let out = texts
  // Between two steps few of the first digits change: they are written as they were.
  let head: u64 = 0
  let headText: u64 = 0
  let headLength: usize = 0
  for (let i = 0; i < count; i++) {
    const timeMs = <i64>(startMs + <f64>i * stepMs)
    store<u8>(out++, 0x5b)
    if (timeMs < 0) store<u8>(out++, 0x2d)
    const magnitude = <u64>(timeMs < 0 ? -timeMs : timeMs)
    const seconds = magnitude / 1000
    const high = seconds / EIGHT_DIGITS
    if (high == 0 || high >= EIGHT_DIGITS) out = printWhole(seconds, out)
    else {
      if (high != head) {
        headLength = printHead(high, out) - out
        headText = load<u64>(out)
        head = high
      }
      store<u64>(out, headText)
      store<u64>(out + headLength, eightDigits(seconds - high * EIGHT_DIGITS))
      out += headLength + 8
    }
    const thousandths = <u32>(magnitude - seconds * 1000)
    if (thousandths != 0) {
      store<u8>(out, 0x2e)
      store<u8>(out, <u8>(0x30 + thousandths / 100), 1)
      store<u8>(out, <u8>(0x30 + (thousandths / 10) % 10), 2)
      store<u8>(out, <u8>(0x30 + thousandths % 10), 3)
      out += 4
    }
    store<u16>(out, 0x222c)
    out += 2
    store<u32>(ends + (<usize>i << 2), <u32>(out - texts))
  }
  return out
}

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
      // Texts are short: one vector or two. What is written too much is overwritten.
      let from = texts + <usize>textFrom
      let to = out
      const end = out + <usize>(textTo - textFrom)
      while (to < end) {
        v128.store(to, v128.load(from))
        to += 16
        from += 16
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
    // Signed, as processors convert those in one instruction.
    const whole = <i64>magnitude
    if (<f64>whole == magnitude) return printWhole(<u64>whole, out)
    const scaled = magnitude * 1000
    const thousandths = nearest(scaled)
    // A division takes longer than to see that it would be of no use.
    if (abs(scaled - thousandths) <= scaled * 1e-15 && thousandths / 1000 == magnitude) {
      const integer = <u64><i64>thousandths
      const end = printWhole(integer / 1000, out)
      return printThousandths(<u32>(integer % 1000), end)
    }
  }
  return printLong(bits & MASK_63, out)
}

const SIXTEEN_DIGITS: u64 = 10_000_000_000_000_000
/** Fixed point with four bits before the point, for what is below ten. */
const FIXED_BITS: u64 = 60
const FIXED_TEN: u64 = 10 << FIXED_BITS
/** Above the error of what is compared, as fixed point and as 64 bits of a fraction. */
const FIXED_SLACK: u64 = 1 << 30
const FRACTION_SLACK: u64 = 1 << 34

/**
 * A positive finite double, without a branch that depends on its digits: which way they go is as good as random, and a wrong
 * guess of the processor takes longer than all the rest.
 */
function printLong(bits: u64, out: usize): usize {
  const fraction = bits & (HIDDEN_BIT - 1)
  const biased = <i32>(bits >> FRACTION_BITS)
  // A power of two has a narrower interval below it, and what is subnormal has fewer digits.
  if (fraction == 0 || biased == 0) return printShortest(bits, out)
  const q = biased + MIN_EXPONENT - 1
  // Scaled by 10^-k, one unit in the last place of the double is from 1 to 10, and the double has 16 or 17 digits before the point.
  const k = floorLog10Pow2(q)
  const shift = <u64>(q + floorLog2Pow10(-k) + 1)
  const c = (fraction | HIDDEN_BIT) << shift
  const entry = POWERS_OF_TEN + (<usize>(-k - TABLE_MIN_POWER) << 4)
  const power = load<u64>(entry, 8)
  // The product, 64 bits before and after the point. Of the lower half of the power only what matters above the slack.
  const c1 = c >> 32
  const c0 = c & 0xffffffff
  const power1 = power >> 32
  const power0 = power & 0xffffffff
  const low = power0 * c0
  const middle = power1 * c0 + (low >> 32)
  const other = power0 * c1 + (middle & 0xffffffff)
  const added = <u64>load<u32>(entry, 4) * c1
  const after = ((other << 32) | (low & 0xffffffff)) + added
  const before = power1 * c1 + (middle >> 32) + (other >> 32) + <u64>(after < added)

  // All that is within half a unit reads back as the double: a multiple of ten there is shorter, else the nearest whole number is.
  const digit = before % 10
  const remainder = (digit << FIXED_BITS) | (after >> 4)
  const half = power >> (5 - shift)
  const beyondLower = remainder - half
  const beyondTen = remainder + half - FIXED_TEN
  const beyondMiddle = after - (<u64>1 << 63)
  const isClose = beyondLower + FIXED_SLACK < 2 * FIXED_SLACK || beyondTen + FIXED_SLACK < 2 * FIXED_SLACK || beyondMiddle + FRACTION_SLACK < 2 * FRACTION_SLACK
  if (isClose) return printShortest(bits, out)
  const roundsUp = <u64>(remainder + half >= FIXED_TEN)
  const isShorter = 0 - (<u64>(remainder < half) | roundsUp)
  const shorter = before - digit + 10 * roundsUp
  const nearest = before + (after >> 63)
  const digits = nearest ^ ((nearest ^ shorter) & isShorter)
  const isBelow = <i64>(digits - SIXTEEN_DIGITS) >> 63
  return printSeventeen(digits + ((9 * digits) & <u64>isBelow), 17 + k + <i32>isBelow, out)
}

/** The number of 17 digits, without zeros at the end, the first `point` of them before the decimal point. */
// @ts-ignore: decorator
@inline
function printSeventeen(digits: u64, point: i32, out: usize): usize {
  const first = digits / SIXTEEN_DIGITS
  const rest = digits - first * SIXTEEN_DIGITS
  const high = rest / EIGHT_DIGITS
  // Halved three times, as in `eightDigits`.
  const eights = i32x4.replace_lane(i32x4.splat(<i32>high), 1, <i32>(rest - high * EIGHT_DIGITS))
  // n * 3518437209 >> 45 is n / 10,000 of 32 bits.
  const thousands = i64x2.shr_u(i64x2.extmul_low_i32x4_u(eights, i32x4.splat(<i32>3518437209)), 45)
  const fours = v128.or(thousands, i64x2.shl(i32x4.sub(i64x2.extend_low_i32x4_u(eights), i32x4.mul(thousands, i32x4.splat(10_000))), 32))
  const hundreds = i32x4.shr_u(i32x4.mul(fours, i32x4.splat(10486)), 20)
  const twos = v128.or(hundreds, i32x4.shl(i32x4.sub(fours, i32x4.mul(hundreds, i32x4.splat(100))), 16))
  const tens = i16x8.shr_u(i16x8.mul(twos, i16x8.splat(103)), 10)
  const ones = v128.or(tens, i16x8.shl(i16x8.sub(twos, i16x8.mul(tens, i16x8.splat(10))), 8))
  const count = 33 - clz<i32>(i8x16.bitmask(i8x16.ne(ones, i8x16.splat(0))))
  const text = v128.or(ones, i8x16.splat(0x30))
  const isBelowOne = <u32>(point + 5) < 6
  if (isBelowOne) store<u64>(out, 0x3030_3030_3030_2e30)
  const at = isBelowOne ? out + <usize>(2 - point) : out
  store<u8>(at, <u8>(0x30 + first))
  v128.store(at, text, 1)
  if (isBelowOne) return at + <usize>count
  if (<u32>(point - 1) < 17) {
    // What comes after the point once more, one further to the right.
    const last = i8x16.add(i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), i8x16.splat(<i8>(point - 1)))
    store<u8>(out + <usize>point, 0x2e)
    v128.store(out + <usize>point, i8x16.swizzle(text, last), 1)
    return out + <usize>(count > point ? count + 1 : point)
  }
  if (point < 0 || point > 21) return printExponent(out, out + <usize>count, point - 1)
  store<u32>(out, 0x3030_3030, 17)
  return out + <usize>point
}

const EIGHT_DIGITS: u64 = 100_000_000

/** A whole number below 10^24. Eight bytes may be written from any digit on. */
function printWhole(value: u64, out: usize): usize {
  if (value < EIGHT_DIGITS) return printHead(value, out)
  const high = value / EIGHT_DIGITS
  const low = eightDigits(value - high * EIGHT_DIGITS)
  let end: usize
  if (high < EIGHT_DIGITS) end = printHead(high, out)
  else {
    const top = high / EIGHT_DIGITS
    end = printHead(top, out)
    store<u64>(end, eightDigits(high - top * EIGHT_DIGITS))
    end += 8
  }
  store<u64>(end, low)
  return end + 8
}

/** Less than 10^8, without zeros in front. */
// @ts-ignore: decorator
@inline
function printHead(value: u64, out: usize): usize {
  const count = countBelowEight(<u32>value)
  store<u64>(out, eightDigits(value) >> (<u64>(8 - count) << 3))
  return out + <usize>count
}

function countBelowEight(value: u32): u32 {
  if (value >= 10_000) return value >= 1_000_000 ? (value >= 10_000_000 ? 8 : 7) : value >= 100_000 ? 6 : 5
  return value >= 100 ? (value >= 1_000 ? 4 : 3) : value >= 10 ? 2 : 1
}

/** The digits of a number below 10^8 as characters, the first in the lowest byte: halved three times, each lane by itself. */
// @ts-ignore: decorator
@inline
function eightDigits(value: u64): u64 {
  const thousands = <u64>(<u32>value / 10_000)
  let lanes = thousands | ((value - thousands * 10_000) << 32)
  // n * 10486 >> 20 is n / 100 below 10,000, n * 103 >> 10 is n / 10 below 100.
  const hundreds = ((lanes * 10486) >> 20) & 0x0000_007f_0000_007f
  lanes = hundreds | ((lanes - hundreds * 100) << 16)
  const tens = ((lanes * 103) >> 10) & 0x000f_000f_000f_000f
  lanes = tens | ((lanes - tens * 10) << 8)
  return lanes | 0x3030_3030_3030_3030
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
  const isOdd = c & 1
  // The products of g and the double; those of g and the ends of its interval are a shifted g away.
  const cp = (c << 2) << h
  const x1 = multiplyHigh(g0, cp)
  const x0 = g0 * cp
  const y1 = multiplyHigh(g1, cp)
  const y0 = g1 * cp
  const below = <u64>(isRegular ? h + 1 : h)
  const above = <u64>(h + 1)
  const scaled = roundToOdd(x1, y1, y0)
  const lowerX1 = x1 - (g0 >> (64 - below)) - <u64>(x0 < g0 << below)
  const lowerY1 = y1 - (g1 >> (64 - below)) - <u64>(y0 < g1 << below)
  const lower = roundToOdd(lowerX1, lowerY1, y0 - (g1 << below)) + isOdd
  const upperX1 = x1 + (g0 >> (64 - above)) + <u64>(x0 + (g0 << above) < x0)
  const upperY1 = y1 + (g1 >> (64 - above)) + <u64>(y0 + (g1 << above) < y0)
  const upper = roundToOdd(upperX1, upperY1, y0 + (g1 << above)) - isOdd

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

/**
 * Rounds g * cp / 2^126 down, with its last bit set when anything was cut off. Of g in two halves of 63 bits: the upper half of
 * the product with the lower one, and both halves of the product with the upper one.
 */
// @ts-ignore: decorator
@inline
function roundToOdd(x1: u64, y1: u64, y0: u64): u64 {
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

/** digits * 10^power, of digits at most 17. */
function printDecimal(digits: u64, power: i32, out: usize): usize {
  if (digits % 10 == 0) {
    while (digits % 10_000 == 0) {
      digits /= 10_000
      power += 4
    }
    while (digits % 10 == 0) {
      digits /= 10
      power++
    }
  }
  const end = printWhole(digits, out)
  const count = <i32>(end - out)
  // Where the decimal point comes, counted from the first digit.
  const point = count + power
  if (point > 21 || point < -5) return printExponent(out, end, point - 1)
  if (point <= 0) {
    const zeros = <usize>(2 - point)
    moveRight(out, zeros)
    store<u64>(out, 0x3030_3030_3030_2e30 & ~(u64.MAX_VALUE << (<u64>zeros << 3)) | load<u64>(out) & (u64.MAX_VALUE << (<u64>zeros << 3)))
    return end + zeros
  }
  if (point >= count) {
    const width = out + <usize>point
    for (let at = end; at < width; at += 8) store<u64>(at, 0x3030_3030_3030_3030)
    return width
  }
  moveRight(out + <usize>point, 1)
  store<u8>(out + <usize>point, 0x2e)
  return end + 1
}

/** Moves 17 characters, the most digits there are, to make room for `by` in front of them. */
// @ts-ignore: decorator
@inline
function moveRight(at: usize, by: usize): void {
  const last = load<u8>(at + 16)
  v128.store(at + by, v128.load(at))
  store<u8>(at + by + 16, last)
}

/** Of the digits from `out` to `end`, the first before the point. */
function printExponent(out: usize, end: usize, exponent: i32): usize {
  if (end > out + 1) {
    moveRight(out + 1, 1)
    store<u8>(out + 1, 0x2e)
    end++
  }
  store<u8>(end, 0x65)
  store<u8>(end + 1, exponent < 0 ? 0x2d : 0x2b)
  const magnitude = <u32>abs(exponent)
  end += 2
  if (magnitude < 10) store<u8>(end++, 0x30)
  return printHead(magnitude, end)
}
