// From the raw bytes of a label set, as a sender writes them, to the series ref: the lookup that makes ingest cheap. Keyed
// by a 128-bit hash, of which 96 bits are stored and 8 choose the shard; the bytes themselves are not kept. Main only.
// Slot: { hash u64, more hash u32, ref u32 }; ref 0 is empty.

import { RAW_ENTRY_COUNT, RAW_TABLE, SERIES_COUNT, TABLE_FILLS, TABLE_SHARDS } from '../base/layout'
import { alloc, free } from '../base/memory'
import { isCandidate } from '../samples/seriesRecord'

const SLOT_BYTES: u32 = 16

/** The ref under the hash at `hash` (two u64), 0 when there is none. */
// @ts-ignore: decorator
@inline
export function findRaw(hash: usize): u32 {
  const h1 = load<u64>(hash)
  const h2 = load<u64>(hash, 8)
  const shard = RAW_TABLE + (<usize>(h2 >> 56) << 3)
  const capacity = load<u32>(shard, 4)
  if (capacity == 0) return 0
  const slots: usize = load<u32>(shard)
  const mask = capacity - 1
  let index = <u32>h1 & mask
  while (true) {
    const slot = slots + (<usize>index << 4)
    const ref = load<u32>(slot, 12)
    if (ref == 0) return 0
    if (load<u64>(slot) == h1 && load<u32>(slot, 8) == <u32>h2) return ref
    index = (index + 1) & mask
  }
}

/** Adds a hash that is not in the table. */
export function insertRaw(hash: usize, ref: u32): void {
  // Senders may write one series in many ways; the table is only a cache of them.
  if (load<u32>(RAW_ENTRY_COUNT) > (load<u32>(SERIES_COUNT) << 1) + 65536) clearRaw()
  const h1 = load<u64>(hash)
  const h2 = load<u64>(hash, 8)
  const shard = RAW_TABLE + (<usize>(h2 >> 56) << 3)
  const fill = RAW_TABLE + TABLE_FILLS + (<usize>(h2 >> 56) << 2)
  const count = load<u32>(fill) + 1
  store<u32>(fill, count)
  store<u32>(RAW_ENTRY_COUNT, load<u32>(RAW_ENTRY_COUNT) + 1)
  const capacity = load<u32>(shard, 4)
  if (count * 4 > capacity * 3) grow(shard, capacity)
  place(load<u32>(shard), load<u32>(shard, 4), h1, <u32>h2, ref)
}

function grow(shard: usize, capacity: u32): void {
  const grown: u32 = capacity == 0 ? 4 : capacity << 1
  const slots = alloc(grown * SLOT_BYTES)
  memory.fill(slots, 0, grown * SLOT_BYTES)
  const old: usize = load<u32>(shard)
  for (let i: u32 = 0; i < capacity; i++) {
    const slot = old + (<usize>i << 4)
    if (load<u32>(slot, 12) != 0) place(slots, grown, load<u64>(slot), load<u32>(slot, 8), load<u32>(slot, 12))
  }
  if (capacity != 0) free(old, capacity * SLOT_BYTES)
  store<u32>(shard, <u32>slots)
  store<u32>(shard, grown, 4)
}

function place(slots: usize, capacity: u32, h1: u64, h2: u32, ref: u32): void {
  const mask = capacity - 1
  let index = <u32>h1 & mask
  while (load<u32>(slots + (<usize>index << 4), 12) != 0) index = (index + 1) & mask
  const slot = slots + (<usize>index << 4)
  store<u64>(slot, h1)
  store<u32>(slot, h2, 8)
  store<u32>(slot, ref, 12)
}

/** Takes the entries of series that are to go out of one shard. Returns how many slots it has looked at. */
export function forgetRaw(number: u32): u32 {
  const shard = RAW_TABLE + (<usize>number << 3)
  const fill = RAW_TABLE + TABLE_FILLS + (<usize>number << 2)
  const old: usize = load<u32>(shard)
  const capacity = load<u32>(shard, 4)
  let kept: u32 = 0
  for (let i: u32 = 0; i < capacity; i++) {
    const ref = load<u32>(old + (<usize>i << 4), 12)
    if (ref != 0 && !isCandidate(ref)) kept++
  }
  const count = load<u32>(fill)
  if (kept == count) return capacity
  store<u32>(fill, kept)
  store<u32>(RAW_ENTRY_COUNT, load<u32>(RAW_ENTRY_COUNT) - (count - kept))
  let size: u32 = kept == 0 ? 0 : 4
  while (kept * 4 > size * 3) size <<= 1
  const slots: usize = size == 0 ? 0 : alloc(size * SLOT_BYTES)
  memory.fill(slots, 0, size * SLOT_BYTES)
  for (let i: u32 = 0; i < capacity; i++) {
    const slot = old + (<usize>i << 4)
    const ref = load<u32>(slot, 12)
    if (ref != 0 && !isCandidate(ref)) place(slots, size, load<u64>(slot), load<u32>(slot, 8), ref)
  }
  free(old, capacity * SLOT_BYTES)
  store<u32>(shard, <u32>slots)
  store<u32>(shard, size, 4)
  return capacity
}

function clearRaw(): void {
  for (let i: usize = 0; i < <usize>TABLE_SHARDS; i++) {
    const shard = RAW_TABLE + (i << 3)
    const capacity = load<u32>(shard, 4)
    if (capacity != 0) free(load<u32>(shard), capacity * SLOT_BYTES)
    store<u64>(shard, 0)
    store<u32>(RAW_TABLE + TABLE_FILLS + (i << 2), 0)
  }
  store<u32>(RAW_ENTRY_COUNT, 0)
}
