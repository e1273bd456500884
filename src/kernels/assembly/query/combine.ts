// Arithmetic and comparison of two columns, step by step, where both have a value: two steps at a time where they have both.

// What to compute, as in query/operators/binaryArithmetic.ts; from FILTER on a comparison keeps the left value instead of giving 0 or 1.
const ADD: i32 = 0
const SUBTRACT: i32 = 1
const MULTIPLY: i32 = 2
const DIVIDE: i32 = 3
const EQUAL: i32 = 4
const NOT_EQUAL: i32 = 5
const GREATER: i32 = 6
const LESS: i32 = 7
const GREATER_OR_EQUAL: i32 = 8
const FILTER: i32 = 6

/** Sets `out` and `outPresent` at every step. Returns how many are present. */
export function combineColumns(operation: i32, left: usize, leftPresent: usize, right: usize, rightPresent: usize, count: i32, out: usize, outPresent: usize): i32 {
  const isFilter = operation >= EQUAL + FILTER
  const base = isFilter ? operation - FILTER : operation
  const ones = f64x2.splat(1)
  let found = 0
  let i = 0
  for (; i + 1 < count; i += 2) {
    if ((load<u16>(leftPresent + <usize>i) & load<u16>(rightPresent + <usize>i)) != 0x0101) {
      found += combineOne(base, isFilter, left, leftPresent, right, rightPresent, i, out, outPresent)
      found += combineOne(base, isFilter, left, leftPresent, right, rightPresent, i + 1, out, outPresent)
      continue
    }
    const at = <usize>i << 3
    const a = v128.load(left + at)
    const b = v128.load(right + at)
    if (base < EQUAL) {
      const result = base == ADD ? f64x2.add(a, b) : base == SUBTRACT ? f64x2.sub(a, b) : base == MULTIPLY ? f64x2.mul(a, b) : f64x2.div(a, b)
      v128.store(out + at, result)
      store<u16>(outPresent + <usize>i, 0x0101)
      found += 2
      continue
    }
    const holds = comparePair(base, a, b)
    if (isFilter) {
      const lanes = i64x2.bitmask(holds)
      v128.store(out + at, a)
      store<u16>(outPresent + <usize>i, <u16>((lanes & 1) | ((lanes & 2) << 7)))
      found += (lanes & 1) + (lanes >> 1)
    } else {
      v128.store(out + at, v128.and(holds, ones))
      store<u16>(outPresent + <usize>i, 0x0101)
      found += 2
    }
  }
  if (i < count) found += combineOne(base, isFilter, left, leftPresent, right, rightPresent, i, out, outPresent)
  return found
}

// @ts-ignore: decorator
@inline
function comparePair(base: i32, a: v128, b: v128): v128 {
  if (base == EQUAL) return f64x2.eq(a, b)
  if (base == NOT_EQUAL) return f64x2.ne(a, b)
  if (base == GREATER) return f64x2.gt(a, b)
  if (base == LESS) return f64x2.lt(a, b)
  return base == GREATER_OR_EQUAL ? f64x2.ge(a, b) : f64x2.le(a, b)
}

function combineOne(base: i32, isFilter: bool, left: usize, leftPresent: usize, right: usize, rightPresent: usize, i: i32, out: usize, outPresent: usize): i32 {
  const at = <usize>i << 3
  store<u8>(outPresent + <usize>i, 0)
  if ((load<u8>(leftPresent + <usize>i) & load<u8>(rightPresent + <usize>i)) == 0) return 0
  const a = load<f64>(left + at)
  const b = load<f64>(right + at)
  if (base < EQUAL) store<f64>(out + at, base == ADD ? a + b : base == SUBTRACT ? a - b : base == MULTIPLY ? a * b : a / b)
  else {
    const holds = base == EQUAL ? a == b : base == NOT_EQUAL ? a != b : base == GREATER ? a > b : base == LESS ? a < b : base == GREATER_OR_EQUAL ? a >= b : a <= b
    if (isFilter && !holds) return 0
    store<f64>(out + at, isFilter ? a : holds ? 1 : 0)
  }
  store<u8>(outPresent + <usize>i, 1)
  return 1
}
