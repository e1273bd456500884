// Scratch of one thread in the shared memory, cut from blocks and given up all at once: what a query computes with, or what
// a worker keeps of what it has read.

import type { Kernels, Pointer } from './kernels.ts'
import { Span } from './span.ts'

export class Arena {
  readonly kernels: Kernels
  readonly #blockBytes: number
  readonly #blocks: Span[] = []
  #used = 0
  #usedBytes = 0
  #at = 0
  #end = 0

  constructor(kernels: Kernels, blockBytes: number) {
    this.kernels = kernels
    this.#blockBytes = blockBytes
  }

  /** Bytes in use, in whole blocks. */
  get usedBytes(): number {
    return this.#usedBytes
  }

  /** Uninitialized memory, at a multiple of 16, good until `reset`. */
  allocate(bytes: number): Pointer {
    const rounded = Math.ceil(bytes / 16) * 16
    if (this.#at + rounded > this.#end) {
      const block = (this.#blocks[this.#used] ??= new Span(this.kernels))
      const size = Math.max(this.#blockBytes, rounded)
      block.reserve(size)
      this.#used++
      this.#usedBytes += size
      this.#at = block.pointer
      this.#end = block.pointer + size
    }
    const pointer = this.#at
    this.#at += rounded
    return pointer
  }

  /** Everything allocated may be overwritten from now on. */
  reset(): void {
    this.#used = 0
    this.#usedBytes = 0
    this.#at = 0
    this.#end = 0
  }

  /** Gives all of it back. */
  close(): void {
    for (const block of this.#blocks) block.close()
  }
}
