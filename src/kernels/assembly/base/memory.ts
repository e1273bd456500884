// Memory of the head: the main thread's allocator and its scratch. Small blocks come from size classes (four per doubling),
// large ones from an address-ordered list. Workers never allocate here: they take spans of their own with memory.grow and
// give them back over the stack FREED_SPANS.

import {
  ALLOCATED_BYTES, BUMP_END, BUMP_NEXT, CLASS_FREE, FREED_SPAN_BYTES, FREED_SPANS, LARGE_FREE, LARGE_FREE_BYTES, SCRATCH_BYTES, SCRATCH_PTR,
} from './layout'

const MAX_SMALL: u32 = 32768
const LARGE_GRANULE: u32 = 4096
const SPAN_BYTES: u32 = 1 << 20
const PAGE_BYTES: u32 = 65536

// @ts-ignore: decorator
@inline
function classOf(bytes: u32): u32 {
  if (bytes <= 128) return (bytes + 15) >> 4
  const n = bytes - 1
  const exponent = 31 - clz(n)
  return 9 + ((exponent - 7) << 2) + ((n >> (exponent - 2)) & 3)
}

// @ts-ignore: decorator
@inline
function classBytes(sizeClass: u32): u32 {
  if (sizeClass <= 8) return sizeClass << 4
  const exponent = 7 + ((sizeClass - 9) >> 2)
  return (5 + ((sizeClass - 9) & 3)) << (exponent - 2)
}

/** A block of at least `bytes` bytes, 16-aligned (small) or 4096-aligned (large). Traps when memory is exhausted; callers check the room beforehand. */
export function alloc(bytes: u32): usize {
  if (bytes > MAX_SMALL) return allocLarge(bytes)
  const sizeClass = classOf(bytes == 0 ? 1 : bytes)
  const size = classBytes(sizeClass)
  store<i64>(ALLOCATED_BYTES, load<i64>(ALLOCATED_BYTES) + <i64>size)
  const list: usize = CLASS_FREE + (<usize>sizeClass << 2)
  const block = load<u32>(list)
  if (block != 0) {
    store<u32>(list, load<u32>(block))
    return block
  }
  let next = load<u32>(BUMP_NEXT)
  if (next + size > load<u32>(BUMP_END)) {
    refillBump()
    next = load<u32>(BUMP_NEXT)
  }
  store<u32>(BUMP_NEXT, next + size)
  return next
}

/** Gives a block back; `bytes` is what was asked for. */
export function free(ptr: usize, bytes: u32): void {
  if (bytes > MAX_SMALL) {
    freeLarge(ptr, bytes)
    return
  }
  const sizeClass = classOf(bytes == 0 ? 1 : bytes)
  store<i64>(ALLOCATED_BYTES, load<i64>(ALLOCATED_BYTES) - <i64>classBytes(sizeClass))
  const list: usize = CLASS_FREE + (<usize>sizeClass << 2)
  store<u32>(ptr, load<u32>(list))
  store<u32>(list, <u32>ptr)
}

/** The bytes a block really has: a vector may use them all. */
export function usableBytes(bytes: u32): u32 {
  if (bytes > MAX_SMALL) return (bytes + LARGE_GRANULE - 1) & ~(LARGE_GRANULE - 1)
  return classBytes(classOf(bytes == 0 ? 1 : bytes))
}

function refillBump(): void {
  // What is left of the old span goes to the free lists, largest class first.
  let next = load<u32>(BUMP_NEXT)
  let left = load<u32>(BUMP_END) - next
  while (left >= 16) {
    let sizeClass = classOf(left > MAX_SMALL ? MAX_SMALL : left)
    if (classBytes(sizeClass) > left) sizeClass--
    const size = classBytes(sizeClass)
    const list: usize = CLASS_FREE + (<usize>sizeClass << 2)
    store<u32>(next, load<u32>(list))
    store<u32>(list, next)
    next += size
    left -= size
  }
  const span = takeLarge(SPAN_BYTES)
  store<u32>(BUMP_NEXT, <u32>span)
  store<u32>(BUMP_END, <u32>span + SPAN_BYTES)
}

function allocLarge(bytes: u32): usize {
  const size = (bytes + LARGE_GRANULE - 1) & ~(LARGE_GRANULE - 1)
  store<i64>(ALLOCATED_BYTES, load<i64>(ALLOCATED_BYTES) + <i64>size)
  return takeLarge(size)
}

function freeLarge(ptr: usize, bytes: u32): void {
  const size = (bytes + LARGE_GRANULE - 1) & ~(LARGE_GRANULE - 1)
  store<i64>(ALLOCATED_BYTES, load<i64>(ALLOCATED_BYTES) - <i64>size)
  giveLarge(ptr, size)
}

/** First fit; takes what workers gave back, or grows the memory, when nothing fits. Free blocks are { next u32, size u32 }. */
function takeLarge(size: u32): usize {
  for (let pass = 0; pass < 3; pass++) {
    let previous: usize = 0
    let block: usize = load<u32>(LARGE_FREE)
    while (block != 0) {
      const have = load<u32>(block, 4)
      if (have >= size) {
        const next = load<u32>(block)
        let rest = next
        if (have > size) {
          rest = <u32>block + size
          store<u32>(rest, next)
          store<u32>(rest, have - size, 4)
        }
        store<u32>(previous == 0 ? LARGE_FREE : previous, rest)
        store<i64>(LARGE_FREE_BYTES, load<i64>(LARGE_FREE_BYTES) - <i64>size)
        return block
      }
      previous = block
      block = load<u32>(block)
    }
    if (pass == 0) drainSpans()
    else if (pass == 1) growBy(size)
  }
  return unreachable()
}

function growBy(size: u32): void {
  // An eighth more each time keeps the number of growths small without claiming much that is never used.
  let wanted = <u32>(memory.size() >> 3)
  const needed = (size + PAGE_BYTES - 1) / PAGE_BYTES
  if (wanted < 16) wanted = 16
  if (wanted > 1024) wanted = 1024
  if (wanted < needed) wanted = needed
  let pages = memory.grow(<i32>wanted)
  if (pages < 0) {
    wanted = needed
    pages = memory.grow(<i32>wanted)
    if (pages < 0) unreachable()
  }
  giveLarge((<usize>pages) << 16, wanted << 16)
}

/** Puts a span into the address-ordered list and joins it with its neighbours. */
export function giveLarge(ptr: usize, size: u32): void {
  store<i64>(LARGE_FREE_BYTES, load<i64>(LARGE_FREE_BYTES) + <i64>size)
  let previous: usize = 0
  let next: usize = load<u32>(LARGE_FREE)
  while (next != 0 && next < ptr) {
    previous = next
    next = load<u32>(next)
  }
  if (next != 0 && ptr + size == next) {
    size += load<u32>(next, 4)
    next = load<u32>(next)
  }
  if (previous != 0 && previous + load<u32>(previous, 4) == ptr) {
    store<u32>(previous, load<u32>(previous, 4) + size, 4)
    store<u32>(previous, <u32>next)
    return
  }
  store<u32>(ptr, <u32>next)
  store<u32>(ptr, size, 4)
  store<u32>(previous == 0 ? LARGE_FREE : previous, <u32>ptr)
}

/** Main's scratch of at least `bytes` bytes. Its contents last until the next call that asks for more. */
export function scratch(bytes: u32): usize {
  if (load<u32>(SCRATCH_BYTES) < bytes) {
    const old = load<u32>(SCRATCH_PTR)
    if (old != 0) free(old, load<u32>(SCRATCH_BYTES))
    const size = usableBytes(bytes + (bytes >> 1))
    store<u32>(SCRATCH_PTR, <u32>alloc(size))
    store<u32>(SCRATCH_BYTES, size)
  }
  return load<u32>(SCRATCH_PTR)
}

// Spans of workers.

/** Any thread: a span of its own, one that was given back where there is one. 0 when the memory is exhausted. */
export function takeSpan(bytes: u32): usize {
  const pages = (bytes + PAGE_BYTES - 1) / PAGE_BYTES
  const given = takeGiven(pages * PAGE_BYTES)
  if (given != 0) return given
  const grown = memory.grow(<i32>pages)
  return grown < 0 ? 0 : <usize>grown << 16
}

/** Looks through what was given back, alone for that moment, and returns the rest of it. */
function takeGiven(size: u32): usize {
  let found: usize = 0
  for (let span = takeAllGiven(); span != 0; ) {
    const next: usize = load<u32>(span)
    const have = load<u32>(span, 4)
    atomic.sub<i64>(FREED_SPAN_BYTES, <i64>have)
    if (found != 0 || have < size) giveSpan(span, have)
    else {
      found = span
      if (have > size) giveSpan(span + size, have - size)
    }
    span = next
  }
  return found
}

function takeAllGiven(): usize {
  const top = atomic.load<i64>(FREED_SPANS)
  return <u32>top == 0 ? 0 : <usize>(<u32>atomic.xchg<i64>(FREED_SPANS, ((top >> 32) + 1) << 32))
}

/** Any thread: gives a span back, for other workers or main. `bytes` as taken. */
export function giveSpan(ptr: usize, bytes: u32): void {
  const size = ((bytes + PAGE_BYTES - 1) / PAGE_BYTES) * PAGE_BYTES
  store<u32>(ptr, size, 4)
  atomic.add<i64>(FREED_SPAN_BYTES, <i64>size)
  while (true) {
    const top = atomic.load<i64>(FREED_SPANS)
    store<u32>(ptr, <u32>top)
    const next = (((top >> 32) + 1) << 32) | <i64>(<u32>ptr)
    if (atomic.cmpxchg<i64>(FREED_SPANS, top, next) == top) return
  }
}

/** Main: takes over what workers gave back. */
function drainSpans(): void {
  for (let span = takeAllGiven(); span != 0; ) {
    const next: usize = load<u32>(span)
    const size = load<u32>(span, 4)
    atomic.sub<i64>(FREED_SPAN_BYTES, <i64>size)
    giveLarge(span, size)
    span = next
  }
}

/** Main: bytes that can still be had for blocks before the memory's end at 4 GiB: not claimed yet, or free again. */
export function bytesLeft(): f64 {
  return f64((<i64>(65536 - memory.size()) << 16) + load<i64>(LARGE_FREE_BYTES) + atomic.load<i64>(FREED_SPAN_BYTES))
}

/** Any thread: pages of the memory by now; asking here costs less than a look at its buffer from outside. */
export function memoryPages(): i32 {
  return memory.size()
}
