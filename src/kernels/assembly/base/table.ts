// Hash tables from a 32-bit hash to an id, in shared memory: main inserts, any thread looks up. 256 shards, each an open
// addressing table that grows on its own, so that no insert ever rehashes more than a 256th of the entries.
// A shard is the word { slots u32, capacity u32 }, a slot the word { hash u32, id u32 }; both are published whole.
// An id is never 0. Whether an entry is the right one is decided by the caller, who compares what the id stands for.

import { retire } from './epochs'
import { TABLE_FILLS } from './layout'
import { alloc } from './memory'

// @ts-ignore: decorator
@inline
export function shardWord(table: usize, hash: u32): i64 {
  return atomic.load<i64>(table + (<usize>(hash >> 24) << 3))
}

// @ts-ignore: decorator
@inline
export function slotIdAt(word: i64, index: u32): u64 {
  return load<u64>(<usize>(<u32>word) + (<usize>(index & (<u32>(<u64>word >> 32) - 1)) << 3))
}

/** Adds an id that is not in the table yet. Main only. */
export function tableInsert(table: usize, hash: u32, id: u32): void {
  const shard = table + (<usize>(hash >> 24) << 3)
  const fill = table + TABLE_FILLS + (<usize>(hash >> 24) << 2)
  const word = load<i64>(shard)
  const capacity = <u32>(<u64>word >> 32)
  const count = load<u32>(fill) + 1
  store<u32>(fill, count)
  if (count * 4 > capacity * 3) {
    const grown = capacity == 0 ? 4 : capacity << 1
    const slots = alloc(grown << 3)
    memory.fill(slots, 0, grown << 3)
    const old: usize = <u32>word
    for (let i: u32 = 0; i < capacity; i++) {
      const entry = load<u64>(old + (<usize>i << 3))
      if (entry != 0) place(slots, grown, entry)
    }
    place(slots, grown, <u64>hash | (<u64>id << 32))
    atomic.store<i64>(shard, <i64>(<u32>slots) | (<i64>grown << 32))
    if (capacity != 0) retire(old, capacity << 3)
    return
  }
  place(<u32>word, capacity, <u64>hash | (<u64>id << 32))
}

/** Puts an entry into a table of `capacity` slots, which has room. */
export function place(slots: usize, capacity: u32, entry: u64): void {
  const mask = capacity - 1
  let index = <u32>entry & mask
  while (load<u64>(slots + (<usize>index << 3)) != 0) index = (index + 1) & mask
  atomic.store<u64>(slots + (<usize>index << 3), entry)
}
