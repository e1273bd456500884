// Snappy's block format, decoded in steps. Input and output need 64 bytes of slack behind them: short pieces are copied
// sixteen bytes at a time.

/** Longest preamble the format has. */
const MAX_LENGTH_BYTES: usize = 5

export const SNAPPY_MORE: i32 = 0
export const SNAPPY_DONE: i32 = 1
export const SNAPPY_CORRUPT: i32 = -1

/** Length of the decoded bytes; -1 when the preamble is not valid. */
export function snappyLength(ptr: usize, length: u32): i64 {
  let value: u64 = 0
  const end = ptr + min(<usize>length, MAX_LENGTH_BYTES)
  let shift: u64 = 0
  for (let at = ptr; at < end; at++) {
    const byte = <u64>load<u8>(at)
    value |= (byte & 0x7f) << shift
    if (byte < 0x80) return value <= <u64>u32.MAX_VALUE ? <i64>value : -1
    shift += 7
  }
  return -1
}

/** Where the elements begin. Only after `snappyLength` was not -1. */
export function snappyStart(ptr: usize): usize {
  while (load<u8>(ptr) >= 0x80) ptr++
  return ptr + 1
}

// @ts-ignore: decorator
@inline
function copyWild(to: usize, from: usize, length: u32): void {
  const end = to + length
  do {
    v128.store(to, v128.load(from))
    to += 16
    from += 16
  } while (to < end)
}

/**
 * Decodes until the input ends or `budget` more bytes are out. `cursor` is { input next u32, output next u32 } and moves on.
 */
export function snappyDecode(cursor: usize, inEnd: usize, out: usize, outEnd: usize, budget: u32): i32 {
  let ip: usize = load<u32>(cursor)
  let op: usize = load<u32>(cursor, 4)
  const pause = op + budget
  while (ip < inEnd) {
    if (op > pause) {
      store<u32>(cursor, <u32>ip)
      store<u32>(cursor, <u32>op, 4)
      return SNAPPY_MORE
    }
    const tag = <u32>load<u8>(ip++)
    let length: u32
    let offset: u32
    const kind = tag & 3
    if (kind == 0) {
      length = (tag >> 2) + 1
      if (length > 60) {
        const more = length - 60
        if (ip + more > inEnd) return SNAPPY_CORRUPT
        // The slack behind the input makes the four-byte load safe.
        length = load<u32>(ip) & (0xffffffff >> (32 - (more << 3)))
        if (length == u32.MAX_VALUE) return SNAPPY_CORRUPT
        length++
        ip += more
      }
      if (<u64>length > <u64>(inEnd - ip) || <u64>length > <u64>(outEnd - op)) return SNAPPY_CORRUPT
      if (length <= 64) copyWild(op, ip, length)
      else memory.copy(op, ip, length)
      ip += length
      op += length
      continue
    }
    if (kind == 1) {
      if (ip >= inEnd) return SNAPPY_CORRUPT
      length = ((tag >> 2) & 7) + 4
      offset = ((tag >> 5) << 8) | <u32>load<u8>(ip)
      ip++
    } else if (kind == 2) {
      if (ip + 2 > inEnd) return SNAPPY_CORRUPT
      length = (tag >> 2) + 1
      offset = <u32>load<u16>(ip)
      ip += 2
    } else {
      if (ip + 4 > inEnd) return SNAPPY_CORRUPT
      length = (tag >> 2) + 1
      offset = load<u32>(ip)
      ip += 4
    }
    if (offset == 0 || <u64>offset > <u64>(op - out) || <u64>length > <u64>(outEnd - op)) return SNAPPY_CORRUPT
    const from = op - offset
    if (offset >= 16) copyWild(op, from, length)
    else copyNear(op, from, length, offset)
    op += length
  }
  store<u32>(cursor, <u32>ip)
  store<u32>(cursor, <u32>op, 4)
  return op == outEnd ? SNAPPY_DONE : SNAPPY_CORRUPT
}

/** A copy that overlaps itself: a pattern of fewer than 16 bytes, repeated. May write eight bytes more. */
function copyNear(to: usize, from: usize, length: u32, offset: u32): void {
  const end = to + length
  // A short pattern doubles with each store, as its own copy joins it.
  while (offset < 8) {
    store<u64>(to, load<u64>(from))
    to += offset
    offset <<= 1
  }
  while (to < end) {
    store<u64>(to, load<u64>(from))
    to += 8
    from += 8
  }
}
