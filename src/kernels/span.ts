// Memory of one thread's own inside the shared memory: what another thread gave back, or taken straight from its end, so that
// no allocator is shared.

import type { Kernels, Pointer } from './kernels.ts'

const pageBytes = 65_536
/** Of the shared memory. What is larger does not fit the kernel's 32 bits, which would give a part of it. */
const memoryBytes = 2 ** 32

export class Span {
  readonly #kernels: Kernels
  #pointer: Pointer = 0
  #bytes = 0

  constructor(kernels: Kernels) {
    this.#kernels = kernels
  }

  get pointer(): Pointer {
    return this.#pointer
  }

  /** Makes room for `bytes` bytes, with anything in them; what was there is lost when it was too small. */
  reserve(bytes: number): void {
    if (bytes <= this.#bytes) return
    const rounded = Math.ceil(Math.max(bytes, this.#bytes * 2) / pageBytes) * pageBytes
    const pointer = rounded < memoryBytes ? this.#kernels.exports.takeSpan(rounded) : 0
    if (pointer === 0) throw new Error('the shared memory of 4 GiB is used up: the query needs too many samples at once')
    this.close()
    this.#pointer = pointer
    this.#bytes = rounded
  }

  close(): void {
    if (this.#bytes > 0) this.#kernels.exports.giveSpan(this.#pointer, this.#bytes)
    this.#bytes = 0
  }
}
