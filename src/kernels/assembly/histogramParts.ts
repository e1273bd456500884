// Which hidden series hold the parts of a series' histograms (storage/histogramParts.ts), by number, so that nobody spells
// their labels for every histogram. A cache of the main thread: what is missing is looked up by its labels and put here.
//
// Owner: { owner u32, schema i32, zero threshold u64, ref of the count u32, of the sum u32, of the zero bucket u32,
//   custom bounds u32, their number u32, positive table, negative table }. The count belongs to schema, threshold and bounds.
// Table: { slots u32, capacity u32, used u32 }, open addressing by index. Slot: { index i32, ref u32 }; ref 0 is empty.

import { HISTOGRAM_OWNERS } from './layout'
import { alloc, free } from './memory'
import { bytesEqual } from './bytes'

const OWNER_BYTES: u32 = 64
const P_SCHEMA: usize = 4
const P_ZERO_THRESHOLD: usize = 8
export const P_COUNT: usize = 16
export const P_SUM: usize = 20
export const P_ZERO: usize = 24
const P_BOUNDS: usize = 28
const P_BOUND_COUNT: usize = 32
export const P_POSITIVE: usize = 36
export const P_NEGATIVE: usize = 48

const T_CAPACITY: usize = 4
const T_USED: usize = 8

// The owners are a table too, of addresses, in HISTOGRAM_OWNERS.

// @ts-ignore: decorator
@inline
function ownerHash(owner: u32): u32 {
  const hash = owner * 0x9e3779b1
  return hash ^ (hash >> 15)
}

/** The parts of a series' histograms, 0 when nothing is known of them. */
export function findOwner(owner: u32): usize {
  const capacity = load<u32>(HISTOGRAM_OWNERS, T_CAPACITY)
  if (capacity == 0) return 0
  const slots: usize = load<u32>(HISTOGRAM_OWNERS)
  let i = ownerHash(owner)
  while (true) {
    const parts: usize = load<u32>(slots + (<usize>(i++ & (capacity - 1)) << 2))
    if (parts == 0 || load<u32>(parts) == owner) return parts
  }
}

/** The same, new if need be. */
export function addOwner(owner: u32): usize {
  const known = findOwner(owner)
  if (known != 0) return known
  const used = load<u32>(HISTOGRAM_OWNERS, T_USED) + 1
  const capacity = load<u32>(HISTOGRAM_OWNERS, T_CAPACITY)
  store<u32>(HISTOGRAM_OWNERS, used, T_USED)
  if (used * 4 > capacity * 3) growOwners(capacity)
  const parts = alloc(OWNER_BYTES)
  memory.fill(parts, 0, OWNER_BYTES)
  store<u32>(parts, owner)
  placeOwner(parts)
  return parts
}

function growOwners(capacity: u32): void {
  const old: usize = load<u32>(HISTOGRAM_OWNERS)
  const grown = max<u32>(16, capacity << 1)
  const slots = alloc(grown << 2)
  memory.fill(slots, 0, grown << 2)
  store<u32>(HISTOGRAM_OWNERS, <u32>slots)
  store<u32>(HISTOGRAM_OWNERS, grown, T_CAPACITY)
  for (let i: usize = 0; i < <usize>capacity; i++) {
    const parts: usize = load<u32>(old + (i << 2))
    if (parts != 0) placeOwner(parts)
  }
  if (capacity != 0) free(old, capacity << 2)
}

function placeOwner(parts: usize): void {
  const slots: usize = load<u32>(HISTOGRAM_OWNERS)
  const mask = load<u32>(HISTOGRAM_OWNERS, T_CAPACITY) - 1
  let i = ownerHash(load<u32>(parts)) & mask
  while (load<u32>(slots + (<usize>i << 2)) != 0) i = (i + 1) & mask
  store<u32>(slots + (<usize>i << 2), <u32>parts)
}

/** The series has gone, and its ref with it. */
export function forgetOwner(owner: u32): void {
  const parts = findOwner(owner)
  if (parts == 0) return
  const slots: usize = load<u32>(HISTOGRAM_OWNERS)
  const mask = load<u32>(HISTOGRAM_OWNERS, T_CAPACITY) - 1
  let i = ownerHash(owner) & mask
  while (load<u32>(slots + (<usize>i << 2)) != <u32>parts) i = (i + 1) & mask
  // Those behind it that are not at their own place move up.
  store<u32>(slots + (<usize>i << 2), 0)
  for (i = (i + 1) & mask; load<u32>(slots + (<usize>i << 2)) != 0; i = (i + 1) & mask) {
    const next: usize = load<u32>(slots + (<usize>i << 2))
    store<u32>(slots + (<usize>i << 2), 0)
    placeOwner(next)
  }
  store<u32>(HISTOGRAM_OWNERS, load<u32>(HISTOGRAM_OWNERS, T_USED) - 1, T_USED)
  freeTable(parts + P_POSITIVE)
  freeTable(parts + P_NEGATIVE)
  freeBounds(parts)
  free(parts, OWNER_BYTES)
}

function freeTable(table: usize): void {
  const capacity = load<u32>(table, T_CAPACITY)
  if (capacity != 0) free(load<u32>(table), capacity << 3)
}

function freeBounds(parts: usize): void {
  const count = load<u32>(parts, P_BOUND_COUNT)
  if (count != 0) free(load<u32>(parts, P_BOUNDS), count << 3)
}

/** Whether the known count is that of this layout; `bounds` are doubles. */
// @ts-ignore: decorator
@inline
export function hasLayout(parts: usize, schema: i32, zeroThreshold: u64, bounds: usize, boundCount: u32): bool {
  return load<i32>(parts, P_SCHEMA) == schema && load<u64>(parts, P_ZERO_THRESHOLD) == zeroThreshold && load<u32>(parts, P_BOUND_COUNT) == boundCount && bytesEqual(load<u32>(parts, P_BOUNDS), bounds, boundCount << 3)
}

export function setLayout(parts: usize, schema: i32, zeroThreshold: u64, bounds: usize, boundCount: u32, ref: u32): void {
  freeBounds(parts)
  store<i32>(parts, schema, P_SCHEMA)
  store<u64>(parts, zeroThreshold, P_ZERO_THRESHOLD)
  store<u32>(parts, boundCount, P_BOUND_COUNT)
  store<u32>(parts, ref, P_COUNT)
  if (boundCount == 0) return
  const copy = alloc(boundCount << 3)
  memory.copy(copy, bounds, boundCount << 3)
  store<u32>(parts, <u32>copy, P_BOUNDS)
}

/** The ref of a bucket, 0 when it is not known. */
// @ts-ignore: decorator
@inline
export function findBucket(table: usize, index: i32): u32 {
  const capacity = load<u32>(table, T_CAPACITY)
  if (capacity == 0) return 0
  const slots: usize = load<u32>(table)
  let i = <u32>index
  while (true) {
    const slot = slots + (<usize>(i++ & (capacity - 1)) << 3)
    const ref = load<u32>(slot, 4)
    if (ref == 0 || load<i32>(slot) == index) return ref
  }
}

export function setBucket(table: usize, index: i32, ref: u32): void {
  if (findBucket(table, index) == 0) {
    const used = load<u32>(table, T_USED) + 1
    store<u32>(table, used, T_USED)
    if (used * 4 > load<u32>(table, T_CAPACITY) * 3) growTable(table)
  }
  placeBucket(table, index, ref)
}

function growTable(table: usize): void {
  const capacity = load<u32>(table, T_CAPACITY)
  const old: usize = load<u32>(table)
  const grown = max<u32>(8, capacity << 1)
  const slots = alloc(grown << 3)
  memory.fill(slots, 0, grown << 3)
  store<u32>(table, <u32>slots)
  store<u32>(table, grown, T_CAPACITY)
  for (let i: usize = 0; i < <usize>capacity; i++) {
    const slot = old + (i << 3)
    if (load<u32>(slot, 4) != 0) placeBucket(table, load<i32>(slot), load<u32>(slot, 4))
  }
  if (capacity != 0) free(old, capacity << 3)
}

function placeBucket(table: usize, index: i32, ref: u32): void {
  const slots: usize = load<u32>(table)
  const mask = load<u32>(table, T_CAPACITY) - 1
  for (let i = <u32>index; ; i++) {
    const slot = slots + (<usize>(i & mask) << 3)
    if (load<u32>(slot, 4) != 0 && load<i32>(slot) != index) continue
    store<i32>(slot, index)
    store<u32>(slot, ref, 4)
    return
  }
}
