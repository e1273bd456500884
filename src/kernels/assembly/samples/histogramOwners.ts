// What is known of the newest histogram of a series while the head has some of it: later ones count from it, and one of the
// same time is compared with it. A table by ref, of the main thread alone.
//
// Owner: { ref u32, image u32, its capacity u32, its length u32, length of its shape u32, block of rows u32, used bytes of the
//   block u32, rows in it u32 }. The table, of addresses with open addressing, is { slots u32, capacity u32, used u32 }.

import { HISTOGRAM_OWNERS } from '../base/layout'
import { alloc, free, usableBytes } from '../base/memory'

const OWNER_BYTES: u32 = 32
export const P_IMAGE: usize = 4
const P_CAPACITY: usize = 8
export const P_LENGTH: usize = 12
export const P_SHAPE: usize = 16
export const P_BLOCK: usize = 20
export const P_USED: usize = 24
export const P_ROWS: usize = 28

const T_CAPACITY: usize = 4
const T_USED: usize = 8

// @ts-ignore: decorator
@inline
function ownerHash(owner: u32): u32 {
  const hash = owner * 0x9e3779b1
  return hash ^ (hash >> 15)
}

/** What is known of a series' histograms, 0 when nothing is. */
export function findOwner(ref: u32): usize {
  const capacity = load<u32>(HISTOGRAM_OWNERS, T_CAPACITY)
  if (capacity == 0) return 0
  const slots: usize = load<u32>(HISTOGRAM_OWNERS)
  let i = ownerHash(ref)
  while (true) {
    const owner: usize = load<u32>(slots + (<usize>(i++ & (capacity - 1)) << 2))
    if (owner == 0 || load<u32>(owner) == ref) return owner
  }
}

/** The same, new if need be. */
export function addOwner(ref: u32): usize {
  const known = findOwner(ref)
  if (known != 0) return known
  const used = load<u32>(HISTOGRAM_OWNERS, T_USED) + 1
  const capacity = load<u32>(HISTOGRAM_OWNERS, T_CAPACITY)
  store<u32>(HISTOGRAM_OWNERS, used, T_USED)
  if (used * 4 > capacity * 3) growOwners(capacity)
  const owner = alloc(OWNER_BYTES)
  memory.fill(owner, 0, OWNER_BYTES)
  store<u32>(owner, ref)
  placeOwner(owner)
  return owner
}

function growOwners(capacity: u32): void {
  const old: usize = load<u32>(HISTOGRAM_OWNERS)
  const grown = max<u32>(16, capacity << 1)
  const slots = alloc(grown << 2)
  memory.fill(slots, 0, grown << 2)
  store<u32>(HISTOGRAM_OWNERS, <u32>slots)
  store<u32>(HISTOGRAM_OWNERS, grown, T_CAPACITY)
  for (let i: usize = 0; i < <usize>capacity; i++) {
    const owner: usize = load<u32>(old + (i << 2))
    if (owner != 0) placeOwner(owner)
  }
  if (capacity != 0) free(old, capacity << 2)
}

function placeOwner(owner: usize): void {
  const slots: usize = load<u32>(HISTOGRAM_OWNERS)
  const mask = load<u32>(HISTOGRAM_OWNERS, T_CAPACITY) - 1
  let i = ownerHash(load<u32>(owner)) & mask
  while (load<u32>(slots + (<usize>i << 2)) != 0) i = (i + 1) & mask
  store<u32>(slots + (<usize>i << 2), <u32>owner)
}

/** The series has gone, and its ref with it. */
export function forgetOwner(ref: u32): void {
  const owner = findOwner(ref)
  if (owner == 0) return
  const slots: usize = load<u32>(HISTOGRAM_OWNERS)
  const mask = load<u32>(HISTOGRAM_OWNERS, T_CAPACITY) - 1
  let i = ownerHash(ref) & mask
  while (load<u32>(slots + (<usize>i << 2)) != <u32>owner) i = (i + 1) & mask
  // Those behind it that are not at their own place move up.
  store<u32>(slots + (<usize>i << 2), 0)
  for (i = (i + 1) & mask; load<u32>(slots + (<usize>i << 2)) != 0; i = (i + 1) & mask) {
    const next: usize = load<u32>(slots + (<usize>i << 2))
    store<u32>(slots + (<usize>i << 2), 0)
    placeOwner(next)
  }
  store<u32>(HISTOGRAM_OWNERS, load<u32>(HISTOGRAM_OWNERS, T_USED) - 1, T_USED)
  const capacity = load<u32>(owner, P_CAPACITY)
  if (capacity != 0) free(load<u32>(owner, P_IMAGE), capacity)
  free(owner, OWNER_BYTES)
}

/** Keeps the newest histogram. */
export function keepImage(owner: usize, image: usize, length: u32, shape: u32): void {
  const capacity = load<u32>(owner, P_CAPACITY)
  if (length > capacity) {
    if (capacity != 0) free(load<u32>(owner, P_IMAGE), capacity)
    const grown = usableBytes(length)
    store<u32>(owner, <u32>alloc(grown), P_IMAGE)
    store<u32>(owner, grown, P_CAPACITY)
  }
  memory.copy(load<u32>(owner, P_IMAGE), image, length)
  store<u32>(owner, length, P_LENGTH)
  store<u32>(owner, shape, P_SHAPE)
}
