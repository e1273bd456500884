// Decimal text to the nearest double, as Go's strconv reads it without hexadecimal and underscores. Up to 19 digits by the
// method of Eisel and Lemire with a table of powers of ten; the few texts it cannot decide are left to the caller.

import { POWERS_OF_TEN } from './layout'

const MIN_POWER: i32 = -342
const MAX_POWER: i32 = 308

export const NUMBER_OK: i32 = 0
/** The text is a decimal number, but its double takes more than 64-bit arithmetic to find. */
export const NUMBER_HARD: i32 = 1
export const NUMBER_BAD: i32 = -1

/**
 * Reads the number that ends at a blank, a tab or a line feed, which must come before the readable memory ends. `out` is
 * { bits u64, end u32 }.
 */
export function parseNumber(ptr: usize, out: usize): i32 {
  let at = ptr
  let negative = false
  let char = load<u8>(at)
  if (char == 0x2d) {
    negative = true
    char = load<u8>(++at)
  } else if (char == 0x2b) char = load<u8>(++at)
  let mantissa: u64 = 0
  let digits = 0
  let exponent = 0
  const first = at
  while (true) {
    const digit = <u64>char - 0x30
    if (digit > 9) break
    if (digits < 19) {
      mantissa = mantissa * 10 + digit
      if (mantissa != 0) digits++
    } else {
      digits++
      exponent++
    }
    char = load<u8>(++at)
  }
  let written = <i32>(at - first)
  if (char == 0x2e) {
    const point = at + 1
    char = load<u8>(++at)
    while (true) {
      const digit = <u64>char - 0x30
      if (digit > 9) break
      if (digits < 19) {
        mantissa = mantissa * 10 + digit
        if (mantissa != 0) digits++
        exponent--
      } else digits++
      char = load<u8>(++at)
    }
    written += <i32>(at - point)
  }
  if (written == 0) return parseSpecial(ptr, out)
  if ((char | 0x20) == 0x65) {
    char = load<u8>(++at)
    let down = false
    if (char == 0x2d) {
      down = true
      char = load<u8>(++at)
    } else if (char == 0x2b) char = load<u8>(++at)
    let power = 0
    const start = at
    while (true) {
      const digit = <i32>char - 0x30
      if (<u32>digit > 9) break
      if (power < 100000) power = power * 10 + digit
      char = load<u8>(++at)
    }
    if (at == start) return NUMBER_BAD
    exponent += down ? -power : power
  }
  if (char != 0x20 && char != 0x0a && char != 0x09) return NUMBER_BAD
  store<u32>(out, <u32>at, 8)
  const sign: u64 = negative ? 0x8000000000000000 : 0
  if (mantissa == 0) {
    store<u64>(out, sign)
    return NUMBER_OK
  }
  if (digits > 19) return NUMBER_HARD
  if (exponent == 0) {
    store<u64>(out, reinterpret<u64>(<f64>mantissa) | sign)
    return NUMBER_OK
  }
  let bits = nearest(mantissa, exponent)
  if (bits == 0) bits = exact(mantissa, exponent)
  if (bits == 0) return NUMBER_HARD
  store<u64>(out, bits | sign)
  return NUMBER_OK
}

/** The bits of mantissa * 10^power, 0 when undecided (the result is then never zero). */
function nearest(mantissa: u64, power: i32): u64 {
  if (power < MIN_POWER || power > MAX_POWER) return 0
  const zeros = clz<u64>(mantissa)
  const m = mantissa << zeros
  const entry = POWERS_OF_TEN + (<usize>(power - MIN_POWER) << 4)
  const power1 = load<u64>(entry, 8)
  // In 32 bits and signed: inside of a cast to u64 all of it would be computed as u64.
  const binaryPower: i32 = (217706 * power) >> 16
  let binary = <u64>(binaryPower + 64 + 1023) - zeros
  let high = multiplyHigh(m, power1)
  let low = m * power1
  if ((high & 0x1ff) == 0x1ff && low + m < m) {
    const power0 = load<u64>(entry)
    const high0 = multiplyHigh(m, power0)
    const low0 = m * power0
    const merged = low + high0
    if (merged < low) high++
    if ((high & 0x1ff) == 0x1ff && merged + 1 == 0 && low0 + m < m) return 0
    low = merged
  }
  const top = high >> 63
  let result = high >> (top + 9)
  binary -= 1 ^ top
  if (low == 0 && (high & 0x1ff) == 0 && (result & 3) == 1) return 0
  result += result & 1
  result >>= 1
  if (result >> 53 > 0) {
    result >>= 1
    binary++
  }
  // Subnormal or too large.
  if (binary - 1 >= 0x7fe) return 0
  return (binary << 52) | (result & 0x000fffffffffffff)
}

/** The bits of mantissa * 10^power where both are doubles, so that one operation rounds once: 0.5 is of those that `nearest` does not decide. Else 0. */
function exact(mantissa: u64, power: i32): u64 {
  if (mantissa > 9007199254740992 || power < -22 || power > 22) return 0
  let scale: f64 = 1
  for (let i = abs<i32>(power); i > 0; i--) scale *= 10
  return reinterpret<u64>(power < 0 ? <f64>mantissa / scale : <f64>mantissa * scale)
}

// @ts-ignore: decorator
@inline
export function multiplyHigh(a: u64, b: u64): u64 {
  const a0 = a & 0xffffffff
  const a1 = a >> 32
  const b0 = b & 0xffffffff
  const b1 = b >> 32
  const low = a0 * b0
  const middle = a1 * b0 + (low >> 32)
  const other = a0 * b1 + (middle & 0xffffffff)
  return a1 * b1 + (middle >> 32) + (other >> 32)
}

/** `inf`, `infinity` with an optional sign, `nan` without one, in any case. */
function parseSpecial(ptr: usize, out: usize): i32 {
  let at = ptr
  let sign: u64 = 0
  let signed = false
  const char = load<u8>(at)
  if (char == 0x2d || char == 0x2b) {
    if (char == 0x2d) sign = 0x8000000000000000
    signed = true
    at++
  }
  const three = lower(at) | (lower(at + 1) << 8) | (lower(at + 2) << 16)
  let bits: u64
  if (three == 0x666e69) {
    // "inf", perhaps "infinity"
    bits = 0x7ff0000000000000 | sign
    at += 3
    if (lower(at) == 0x69 && lower(at + 1) == 0x6e && lower(at + 2) == 0x69 && lower(at + 3) == 0x74 && lower(at + 4) == 0x79) at += 5
  } else if (three == 0x6e616e && !signed) {
    bits = 0x7ff8000000000001
    at += 3
  } else return NUMBER_BAD
  const end = load<u8>(at)
  if (end != 0x20 && end != 0x0a && end != 0x09) return NUMBER_BAD
  store<u64>(out, bits)
  store<u32>(out, <u32>at, 8)
  return NUMBER_OK
}

// @ts-ignore: decorator
@inline
function lower(at: usize): u32 {
  const char = <u32>load<u8>(at)
  return char >= 0x41 && char <= 0x5a ? char | 0x20 : char
}
