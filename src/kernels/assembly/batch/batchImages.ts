// The images of a batch's histograms, one after the other: { length u32 } and the image, unaligned. Places are offsets, as the
// list grows.

import { freeList } from '../base/list'
import { alloc, free, usableBytes } from '../base/memory'

/** Where a batch has them: { pointer u32, bytes u32, capacity u32 }. */
export const BATCH_IMAGES: usize = 128

/** Bytes of images whose memory is kept for those to come. */
const MAX_KEPT_IMAGES: u32 = 262_144

/** Makes room for an image of up to `bytes` bytes and returns its place; `closeImage` says where it ends. */
export function addImage(batch: usize, bytes: u32): u32 {
  const used = load<u32>(batch, BATCH_IMAGES + 4)
  const capacity = load<u32>(batch, BATCH_IMAGES + 8)
  const needed = used + 4 + bytes
  if (needed > capacity) {
    const size = usableBytes(max(needed, capacity << 1))
    const grown = alloc(size)
    if (capacity != 0) {
      memory.copy(grown, load<u32>(batch, BATCH_IMAGES), used)
      free(load<u32>(batch, BATCH_IMAGES), capacity)
    }
    store<u32>(batch, <u32>grown, BATCH_IMAGES)
    store<u32>(batch, size, BATCH_IMAGES + 8)
  }
  return used
}

// @ts-ignore: decorator
@inline
export function imageOf(batch: usize, place: u32): usize {
  return <usize>load<u32>(batch, BATCH_IMAGES) + <usize>place + 4
}

// @ts-ignore: decorator
@inline
export function imageLength(image: usize): u32 {
  return load<u32>(image - 4)
}

export function closeImage(batch: usize, image: usize, end: usize): void {
  store<u32>(image - 4, <u32>(end - image))
  store<u32>(batch, <u32>(end - load<u32>(batch, BATCH_IMAGES)), BATCH_IMAGES + 4)
}

/** Leaves none; their memory goes when it is large. */
export function clearImages(batch: usize): void {
  store<u32>(batch, 0, BATCH_IMAGES + 4)
  if (load<u32>(batch, BATCH_IMAGES + 8) <= MAX_KEPT_IMAGES) return
  freeList(batch + BATCH_IMAGES, 1)
  store<u32>(batch, 0, BATCH_IMAGES + 8)
}
