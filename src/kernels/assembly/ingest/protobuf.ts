// Steps over the fields of protobuf messages, for the walkers of remote-write bodies.

import { readVarint, varintEnd } from '../base/bytes'

/** The address after the field at `at`, 0 when it is malformed. A known field must have its own wire type. */
export function skipField(at: usize, end: usize, known: u32): usize {
  let next = varintEnd(at, end)
  if (next == 0) return 0
  const tag = readVarint(at)
  const field = tag >> 3
  const wire = <u32>tag & 7
  if (field == 0 || field > 0x1fffffff || (field <= <u64>known && wire != 2)) return 0
  if (wire == 0) return varintEnd(next, end)
  if (wire == 1) return next + 8 <= end ? next + 8 : 0
  if (wire == 5) return next + 4 <= end ? next + 4 : 0
  if (wire != 2) return 0
  const lengthEnd = varintEnd(next, end)
  if (lengthEnd == 0) return 0
  const length = readVarint(next)
  return length <= <u64>(end - lengthEnd) ? lengthEnd + <usize>length : 0
}

// @ts-ignore: decorator
@inline
export function lengthOf(at: usize, end: usize): u64 {
  // The common case is one byte; anything malformed becomes a length that does not fit.
  if (at < end && load<u8>(at) < 0x80) return <u64>load<u8>(at)
  return varintEnd(at, end) == 0 ? u64.MAX_VALUE : readVarint(at)
}

// @ts-ignore: decorator
@inline
export function afterLength(at: usize): usize {
  while (load<u8>(at) >= 0x80) at++
  return at + 1
}
