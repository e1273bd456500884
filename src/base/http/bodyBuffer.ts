// Collects a body that comes in pieces in one buffer, and uses the buffer again when the body is done with: what lies
// outside of the heap is slow to get and makes the garbage collector run.

import { HttpRequestError } from './httpErrors.ts'

/** A body never pre-allocates more than this on somebody's word. */
const maxTrustedBytes = 16 * 1024 * 1024

/** What compression may add to a tiny body; the limit is on the unpacked one. */
export const packedSurplusBytes = 1024

const emptyBuffer = Buffer.alloc(0)

/** Buffers of bodies that are done with, for the next ones of any connection: as many as answer at the same time. */
const spareBuffers: Buffer[] = []
const maxSpareBuffers = 8
const maxSpareBytes = 4 * 1024 * 1024

export class BodyBuffer {
  #maxBytes = 0
  #bytes: Buffer = emptyBuffer
  #length = 0
  #lastLength = 0

  begin(maxBytes: number): void {
    this.#maxBytes = maxBytes
    this.#length = 0
  }

  get isEmpty(): boolean {
    return this.#length === 0
  }

  /** The limit is on the unpacked body. */
  allowPacked(isPacked: boolean): void {
    if (isPacked) this.#maxBytes += packedSurplusBytes
  }

  /** Throws `HttpRequestError` when a body of this size is too large. */
  check(bytes: number): void {
    if (bytes >= this.#maxBytes) throw new HttpRequestError('bodyTooLarge', 'body size limit exceeded')
  }

  expect(bytes: number): void {
    this.#grow(Math.min(bytes, maxTrustedBytes))
  }

  /** Throws `HttpRequestError` when the body reaches its limit. */
  add(buffer: Buffer, start: number, end: number): void {
    const length = this.#length + end - start
    this.check(length)
    if (length > this.#bytes.length) {
      const first = Math.min(this.#lastLength + this.#lastLength / 16, maxTrustedBytes)
      this.#grow(Math.ceil(Math.max(length, this.#length === 0 ? first : length * 2, 4096)))
    }
    buffer.copy(this.#bytes, this.#length, start, end)
    this.#length = length
  }

  /** The body; its memory stays as it is until `release`. */
  take(): Buffer {
    this.#lastLength = this.#length
    return this.#bytes.subarray(0, this.#length)
  }

  /** The body is not used any more. */
  release(): void {
    if (this.#bytes.length > 0 && this.#bytes.length <= maxSpareBytes && spareBuffers.length < maxSpareBuffers) spareBuffers.push(this.#bytes)
    this.#bytes = emptyBuffer
  }

  #grow(bytes: number): void {
    if (bytes <= this.#bytes.length) return
    const spare = spareBuffers.findIndex((buffer) => buffer.length >= bytes)
    const grown = spare < 0 ? Buffer.allocUnsafeSlow(bytes) : (spareBuffers.splice(spare, 1)[0] as Buffer)
    this.#bytes.copy(grown, 0, 0, this.#length)
    this.release()
    this.#bytes = grown
  }
}
