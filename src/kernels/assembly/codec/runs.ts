// Integers that seldom change, as runs: varint number of runs, then per run zigzag varint difference to the run before and
// varint length; the last run fills the rest and has no length.

import { readVarint, unzigzag, varintEnd, varintLength, writeVarint, zigzag } from '../base/bytes'
import { fillWords } from './integerColumn'

/** The bits of the double that an integer of decimals or sums stands for (values.ts). */
// @ts-ignore: decorator
@inline
export function sumBits(integer: i64, power: f64, width: u32, bias: i64): i64 {
  return reinterpret<i64>(<f64>(integer >> <i64>width) / power) + (integer & ((<i64>1 << <i64>width) - 1)) + bias
}

export function encodeRuns(column: usize, count: i32, runs: i32, out: usize): usize {
  let at = writeVarint(out, <u64>runs)
  let previous: i64 = 0
  let start = 0
  for (let i = 0; i < count; i++) {
    const value = load<i64>(column + (<usize>i << 3))
    if (i + 1 < count && load<i64>(column + (<usize>(i + 1) << 3)) == value) continue
    at = writeVarint(at, zigzag(value - previous))
    if (i + 1 < count) at = writeVarint(at, <u64>(i + 1 - start))
    previous = value
    start = i + 1
  }
  return at
}

export function runsLength(column: usize, count: i32, runs: i32): usize {
  let length: usize = varintLength(<u64>runs)
  let previous: i64 = 0
  let start = 0
  for (let i = 0; i < count; i++) {
    const value = load<i64>(column + (<usize>i << 3))
    if (i + 1 < count && load<i64>(column + (<usize>(i + 1) << 3)) == value) continue
    length += varintLength(zigzag(value - previous))
    if (i + 1 < count) length += varintLength(<u64>(i + 1 - start))
    previous = value
    start = i + 1
  }
  return length
}

/** Fills `out` with the values of the runs. Returns the end, 0 when they are malformed. What the last three mean, see values.ts. */
export function decodeRuns(start: usize, end: usize, out: usize, count: i32, power: f64, width: u32, bias: i64): usize {
  let at = varintEnd(start, end)
  if (at == 0) return 0
  const runs = readVarint(start)
  if (runs < 1 || runs > <u64>count) return 0
  let value: i64 = 0
  let filled = 0
  for (let left = <i32>runs - 1; left >= 0; left--) {
    let next = varintEnd(at, end)
    if (next == 0) return 0
    value += unzigzag(readVarint(at))
    at = next
    let length = count - filled
    if (left > 0) {
      next = varintEnd(at, end)
      if (next == 0) return 0
      // Each run after this one needs a place.
      const stated = readVarint(at)
      if (stated < 1 || stated > <u64>(length - left)) return 0
      length = <i32>stated
      at = next
    }
    fillWords(out + (<usize>filled << 3), length, power == 0 ? value : sumBits(value, power, width, bias))
    filled += length
  }
  return at
}
