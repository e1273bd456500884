// What readers may still look at. A reader pins the epoch it starts in; a block that was unlinked in epoch e is free when
// every pinned epoch is greater than e. Until then it is retired; reclaim.ts frees it.

import { EPOCH, READER_SLOT_BYTES, READER_SLOT_COUNT, READER_SLOTS, RETIRED_BYTES, RETIRED_FIRST, RETIRED_LAST } from './layout'
import { alloc } from './memory'

// What `retire` takes instead of a size, for what is more than a block; the pointer is then a chain's tail, or a ref or id.
export const BLOCK_CHAIN: u32 = 0
export const SERIES_REF: u32 = 1
export const PAIR_ID: u32 = 2
export const SYMBOL_ID: u32 = 3

// A page of the queue: { next page u32, first u32, count u32, zero } and entries of { ptr u32, bytes u32, epoch u32 }.
export const RETIRED_PAGE_BYTES: u32 = 4096
const RETIRED_PER_PAGE: u32 = 340

/** Frees the block once no reader can see it. It must be unlinked already. */
export function retire(ptr: usize, bytes: u32): void {
  let page: usize = load<u32>(RETIRED_LAST)
  if (page == 0 || load<u32>(page, 8) == RETIRED_PER_PAGE) {
    const fresh = alloc(RETIRED_PAGE_BYTES)
    store<u64>(fresh, 0)
    store<u64>(fresh, 0, 8)
    store<u32>(page == 0 ? RETIRED_FIRST : page, <u32>fresh)
    store<u32>(RETIRED_LAST, <u32>fresh)
    page = fresh
  }
  const count = load<u32>(page, 8)
  const entry = page + 16 + count * 12
  store<u32>(entry, <u32>ptr)
  store<u32>(entry, bytes, 4)
  store<u32>(entry, atomic.load<u32>(EPOCH), 8)
  store<u32>(page, count + 1, 8)
  store<i64>(RETIRED_BYTES, load<i64>(RETIRED_BYTES) + <i64>bytes)
}

/** The least epoch a reader has pinned, u32.MAX_VALUE when none is. */
export function minPinnedEpoch(): u32 {
  let least = u32.MAX_VALUE
  for (let i = 0; i < READER_SLOT_COUNT; i++) {
    const pinned = atomic.load<u32>(READER_SLOTS + <usize>i * READER_SLOT_BYTES)
    if (pinned != 0 && pinned < least) least = pinned
  }
  return least
}

/** Reader: pins the current epoch in its slot. */
export function pinEpoch(slot: i32): u32 {
  const address = READER_SLOTS + <usize>slot * READER_SLOT_BYTES
  while (true) {
    const epoch = atomic.load<u32>(EPOCH)
    atomic.store<u32>(address, epoch)
    // Main may have moved on between the two lines and not have seen the pin.
    if (atomic.load<u32>(EPOCH) == epoch) return epoch
  }
}

export function unpinEpoch(slot: i32): void {
  atomic.store<u32>(READER_SLOTS + <usize>slot * READER_SLOT_BYTES, 0)
}
