// Hashes keyed with a secret of the process, so that nobody who sends label sets can prepare collisions. 128 bits where
// the hash stands for the bytes themselves, 64 bits where the bytes are compared afterwards.

import { HASH_SECRET } from './layout'

// @ts-ignore: decorator
@inline
function lane(accumulator: u64, word: u64, other: u64, p1: u64, p2: u64): u64 {
  // The neighbour's word is added as well: two inputs must collide in two lanes at once.
  return rotl<u64>(accumulator + word * p2, 31) * p1 + other
}

// @ts-ignore: decorator
@inline
export function mix64(value: u64): u64 {
  value ^= value >> 33
  value *= 0xff51afd7ed558ccd
  value ^= value >> 33
  value *= 0xc4ceb9fe1a85ec53
  return value ^ (value >> 33)
}

// @ts-ignore: decorator
@inline
function tail(ptr: usize, length: u32): u64 {
  // 0 to 8 bytes as one word; overlapping loads instead of a loop. The length itself is part of the seed.
  if (length >= 8) return load<u64>(ptr)
  if (length >= 4) return <u64>load<u32>(ptr) | (<u64>load<u32>(ptr + length - 4) << 32)
  if (length == 0) return 0
  return <u64>load<u8>(ptr) | (<u64>load<u8>(ptr + (length >> 1)) << 8) | (<u64>load<u8>(ptr + length - 1) << 16)
}

/**
 * Writes the two halves of a hash to `out`. Two texts have the same if and only if they have the same `hash128`, but its bits
 * are not evenly mixed: it serves to compare, not to choose a slot.
 */
export function fingerprint128(ptr: usize, length: u32, out: usize): void {
  const p1 = load<u64>(HASH_SECRET)
  const p2 = load<u64>(HASH_SECRET, 8)
  let a0 = load<u64>(HASH_SECRET, 16) + <u64>length
  let a1 = load<u64>(HASH_SECRET, 24) ^ (<u64>length * p1)
  let a2 = a0 * p2
  let a3 = a1 * p2
  let left = length
  while (left >= 32) {
    const k0 = load<u64>(ptr)
    const k1 = load<u64>(ptr, 8)
    const k2 = load<u64>(ptr, 16)
    const k3 = load<u64>(ptr, 24)
    a0 = lane(a0, k0, k1, p1, p2)
    a1 = lane(a1, k1, k0, p1, p2)
    a2 = lane(a2, k2, k3, p1, p2)
    a3 = lane(a3, k3, k2, p1, p2)
    ptr += 32
    left -= 32
  }
  if (left >= 16) {
    const k0 = load<u64>(ptr)
    const k1 = load<u64>(ptr, 8)
    a0 = lane(a0, k0, k1, p1, p2)
    a1 = lane(a1, k1, k0, p1, p2)
    ptr += 16
    left -= 16
  }
  if (left > 0) {
    const k2 = tail(ptr, left)
    const k3 = left > 8 ? load<u64>(ptr + left - 8) : 0
    a2 = lane(a2, k2, k3, p1, p2)
    a3 = lane(a3, k3, k2, p1, p2)
  }
  store<u64>(out, a0 + rotl<u64>(a2, 23))
  store<u64>(out, a1 + rotl<u64>(a3, 41), 8)
}

/** Writes the two halves of the hash to `out`. */
export function hash128(ptr: usize, length: u32, out: usize): void {
  fingerprint128(ptr, length, out)
  let h1 = mix64(load<u64>(out))
  let h2 = mix64(load<u64>(out, 8))
  h1 += h2
  h2 += h1 * load<u64>(HASH_SECRET)
  store<u64>(out, mix64(h1))
  store<u64>(out, mix64(h2), 8)
}

/** Goes on with the fingerprint of a list of texts, two u64 at `state`, by one more text; 16 bytes behind it can be read. */
export function addToFingerprint(state: usize, ptr: usize, length: u32): void {
  const p1 = load<u64>(HASH_SECRET)
  const p2 = load<u64>(HASH_SECRET, 8)
  // The length keeps two texts apart from the same bytes in one.
  let a0 = load<u64>(state) + <u64>length
  let a1 = load<u64>(state, 8)
  let left = length
  while (left >= 16) {
    const k0 = load<u64>(ptr)
    const k1 = load<u64>(ptr, 8)
    a0 = lane(a0, k0, k1, p1, p2)
    a1 = lane(a1, k1, k0, p1, p2)
    ptr += 16
    left -= 16
  }
  const k0 = left < 8 ? load<u64>(ptr) & firstBytes(left) : load<u64>(ptr)
  const k1 = left < 8 ? 0 : load<u64>(ptr, 8) & firstBytes(left - 8)
  store<u64>(state, lane(a0, k0, k1, p1, p2))
  store<u64>(state, lane(a1, k1, k0, p1, p2), 8)
}

/** A mask of fewer than eight bytes. */
// @ts-ignore: decorator
@inline
function firstBytes(count: u32): u64 {
  return ((<u64>1) << (<u64>count << 3)) - 1
}

/** A 64-bit hash for tables that compare the bytes afterwards. */
export function hash64(ptr: usize, length: u32): u64 {
  const p1 = load<u64>(HASH_SECRET)
  const p2 = load<u64>(HASH_SECRET, 8)
  let h = load<u64>(HASH_SECRET, 16) ^ (<u64>length * p2)
  let left = length
  while (left > 8) {
    h = rotl<u64>(h ^ (load<u64>(ptr) * p2), 29) * p1
    ptr += 8
    left -= 8
  }
  h = rotl<u64>(h ^ (tail(ptr, left) * p2), 29) * p1
  return mix64(h)
}

// Checksums of bytes that go to disk: the same for every process, so not keyed.

const CHECKSUM_P1: u64 = 0x9e3779b185ebca87
const CHECKSUM_P2: u64 = 0xc2b2ae3d27d4eb4f

/** 64-bit checksum against damage, not against attackers. Part of the log record's format. */
export function checksum64(ptr: usize, length: u32): u64 {
  let a0: u64 = CHECKSUM_P2 + <u64>length
  let a1: u64 = CHECKSUM_P1 ^ <u64>length
  let left = length
  while (left >= 16) {
    a0 = lane(a0, load<u64>(ptr), 0, CHECKSUM_P1, CHECKSUM_P2)
    a1 = lane(a1, load<u64>(ptr, 8), 0, CHECKSUM_P1, CHECKSUM_P2)
    ptr += 16
    left -= 16
  }
  while (left > 0) {
    a0 = lane(a0, <u64>load<u8>(ptr), 0, CHECKSUM_P1, CHECKSUM_P2)
    ptr++
    left--
  }
  return mix64(a0 ^ rotl<u64>(a1, 32))
}
