// Small helpers over bytes: comparing, copying, varints, UTF-8.

/** Whether two ranges of the same length hold the same bytes. */
export function bytesEqual(a: usize, b: usize, length: u32): bool {
  while (length >= 8) {
    if (load<u64>(a) != load<u64>(b)) return false
    a += 8
    b += 8
    length -= 8
  }
  while (length > 0) {
    if (load<u8>(a) != load<u8>(b)) return false
    a++
    b++
    length--
  }
  return true
}

/** Byte order; a prefix before what it begins. */
export function compareBytes(a: usize, aLength: u32, b: usize, bLength: u32): i32 {
  let left = min(aLength, bLength)
  while (left > 0) {
    const x = <i32>load<u8>(a)
    const y = <i32>load<u8>(b)
    if (x != y) return x - y
    a++
    b++
    left--
  }
  return <i32>aLength - <i32>bLength
}

/** Copies without the call that memory.copy is; ranges do not overlap. */
// @ts-ignore: decorator
@inline
export function copyBytes(to: usize, from: usize, length: u32): void {
  if (length > 64) {
    memory.copy(to, from, length)
    return
  }
  while (length >= 8) {
    store<u64>(to, load<u64>(from))
    to += 8
    from += 8
    length -= 8
  }
  while (length > 0) {
    store<u8>(to, load<u8>(from))
    to++
    from++
    length--
  }
}

/** Writes `value` as LEB128; returns the address after it. */
export function writeVarint(ptr: usize, value: u64): usize {
  while (value >= 0x80) {
    store<u8>(ptr++, <u8>value | 0x80)
    value >>= 7
  }
  store<u8>(ptr++, <u8>value)
  return ptr
}

/** Bytes that `writeVarint` takes for `value`. */
// @ts-ignore: decorator
@inline
export function varintLength(value: u64): u32 {
  // A seventh of at most 70, without a division.
  return value == 0 ? 1 : (<u32>(70 - clz(value)) * 37) >> 8
}

// @ts-ignore: decorator
@inline
export function zigzag(value: i64): u64 {
  return (<u64>value << 1) ^ <u64>(value >> 63)
}

// @ts-ignore: decorator
@inline
export function unzigzag(value: u64): i64 {
  return <i64>(value >> 1) ^ -<i64>(value & 1)
}

/** The value of the varint at `ptr`, which `varintEnd` has found complete. */
export function readVarint(ptr: usize): u64 {
  let byte = <u64>load<u8>(ptr)
  if (byte < 0x80) return byte
  let value = byte & 0x7f
  let shift: u64 = 7
  do {
    byte = <u64>load<u8>(++ptr)
    value |= (byte & 0x7f) << shift
    shift += 7
  } while (byte >= 0x80)
  return value
}

/** The address after the varint at `ptr`; 0 when it does not end before `end` or has more than 64 bits. */
export function varintEnd(ptr: usize, end: usize): usize {
  const limit = min(end, ptr + 10)
  let at = ptr
  while (at < limit) {
    if (load<u8>(at++) < 0x80) return at - ptr == 10 && load<u8>(at - 1) > 1 ? 0 : at
  }
  return 0
}

/** Whether the bytes are valid UTF-8 as Go and the web define it: no surrogates, no overlong forms, at most U+10FFFF. */
export function isUtf8(ptr: usize, length: u32): bool {
  const end = ptr + length
  while (ptr < end) {
    if (ptr + 8 <= end && (load<u64>(ptr) & 0x8080808080808080) == 0) {
      ptr += 8
      continue
    }
    const first = <u32>load<u8>(ptr++)
    if (first < 0x80) continue
    if (first < 0xc2 || first > 0xf4) return false
    const more: u32 = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3
    if (ptr + more > end) return false
    const second = <u32>load<u8>(ptr)
    let low: u32 = 0x80
    let high: u32 = 0xbf
    if (first == 0xe0) low = 0xa0
    else if (first == 0xed) high = 0x9f
    else if (first == 0xf0) low = 0x90
    else if (first == 0xf4) high = 0x8f
    if (second < low || second > high) return false
    for (let i: u32 = 1; i < more; i++) {
      if ((load<u8>(ptr + i) & 0xc0) != 0x80) return false
    }
    ptr += more
  }
  return true
}
