// Two kinds of lists that main keeps for itself: growing arrays { pointer u32, count u32, capacity u32 }, and doubly linked
// lists of blocks whose links { next u32, previous u32 } lie at `offset` in each block.

import { alloc, free, usableBytes } from './memory'

/** Room for one more element of `bytes` bytes in a growing array; returns its address. */
export function push(list: usize, bytes: u32): usize {
  const count = load<u32>(list, 4)
  const capacity = load<u32>(list, 8)
  store<u32>(list, count + 1, 4)
  if (count == capacity) {
    const size = usableBytes(max(capacity << 1, 16) * bytes)
    const grown = alloc(size)
    if (capacity != 0) {
      memory.copy(grown, load<u32>(list), capacity * bytes)
      free(load<u32>(list), capacity * bytes)
    }
    store<u32>(list, <u32>grown)
    store<u32>(list, size / bytes, 8)
  }
  return <usize>load<u32>(list) + <usize>count * bytes
}

// @ts-ignore: decorator
@inline
export function freeList(list: usize, bytes: u32): void {
  const capacity = load<u32>(list, 8)
  if (capacity != 0) free(load<u32>(list), capacity * bytes)
}

/** Puts a block at the head of the list whose first block is at address `head`. */
export function link(head: usize, block: usize, offset: usize): void {
  const next: usize = load<u32>(head)
  store<u32>(block + offset, <u32>next)
  store<u32>(block + offset, 0, 4)
  if (next != 0) store<u32>(next + offset, <u32>block, 4)
  store<u32>(head, <u32>block)
}

export function unlink(head: usize, block: usize, offset: usize): void {
  const next: usize = load<u32>(block + offset)
  const previous: usize = load<u32>(block + offset, 4)
  if (next != 0) store<u32>(next + offset, <u32>previous, 4)
  store<u32>(previous == 0 ? head : previous + offset, <u32>next)
}
