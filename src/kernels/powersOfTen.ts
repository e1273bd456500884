// The table by which the number kernels turn decimal text into doubles and back: the 128 leading bits of every power of ten that a
// double can be near, rounded down. Computed at start-up, since the module holds no static data.

const minPower = -342
const maxPower = 324

let table: BigUint64Array | undefined

/** Two words per power from 10^-342 to 10^324, low word first. */
export function powersOfTen(): BigUint64Array {
  if (table !== undefined) return table
  table = new BigUint64Array(2 * (maxPower - minPower + 1))
  for (let power = minPower; power <= maxPower; power++) {
    const mantissa = leading128(power)
    const at = 2 * (power - minPower)
    table[at] = mantissa & 0xffff_ffff_ffff_ffffn
    table[at + 1] = mantissa >> 64n
  }
  return table
}

function leading128(power: number): bigint {
  const size = (value: bigint) => value.toString(2).length
  const whole = 10n ** BigInt(Math.abs(power))
  if (power >= 0) {
    const excess = size(whole) - 128
    return excess > 0 ? whole >> BigInt(excess) : whole << BigInt(-excess)
  }
  // 1 / 10^n, scaled so that the quotient has 128 bits.
  const quotient = (1n << BigInt(size(whole) + 128)) / whole
  return quotient >> BigInt(size(quotient) - 128)
}
