// Samples as the XOR chunks of Prometheus, which a streamed remote read carries: times as deltas of deltas, values as the
// bits that differ from the value before ("Gorilla", Pelkonen et al., VLDB 2015, with Prometheus's own prefixes).
//
//   u16 samples | varint t0 | 64 bits v0 | uvarint t1 - t0 | value | then per sample: delta of delta, value
//
//   delta of delta   0 = none | 10 + 14 bits | 110 + 17 bits | 1110 + 20 bits | 1111 + 64 bits
//   value            0 = same | 10 + bits in the window before | 11 + 5 bits leading zeros + 6 bits length + bits

import { BitWriter, fitsBits, XorValues } from './bitWriter.ts'

/** Samples in one chunk, as many as Prometheus puts into its own. */
export const samplesPerChunk = 120

const headerBytes = 2

export class XorChunkEncoder {
  readonly #out = new BitWriter(headerBytes)
  readonly #values = new XorValues(this.#out)
  #count = 0
  #timeMs = 0
  #deltaMs = 0

  /** Adds a sample with a later time than the one before; its value as two words keeps a NaN's bits. */
  append(timeMs: number, lowWord: number, highWord: number): void {
    if (this.#count === 0) {
      this.#out.varint(timeMs)
      this.#values.first(lowWord, highWord)
    } else {
      const deltaMs = timeMs - this.#timeMs
      if (this.#count === 1) this.#out.uvarint(BigInt(deltaMs))
      else this.#deltaOfDelta(deltaMs - this.#deltaMs)
      this.#deltaMs = deltaMs
      this.#values.next(lowWord, highWord)
    }
    this.#timeMs = timeMs
    this.#count++
  }

  /** The chunk; the encoder is empty again. */
  finish(): Uint8Array {
    const chunk = this.#out.finish(headerBytes)
    new DataView(chunk.buffer).setUint16(0, this.#count)
    this.#count = 0
    return chunk
  }

  #deltaOfDelta(dod: number): void {
    if (dod === 0) this.#out.bits(0, 1)
    else if (fitsBits(dod, 14)) this.#prefixed(0b10, 2, dod, 14)
    else if (fitsBits(dod, 17)) this.#prefixed(0b110, 3, dod, 17)
    else if (fitsBits(dod, 20)) this.#prefixed(0b1110, 4, dod, 20)
    else {
      this.#out.bits(0b1111, 4)
      this.#out.int64(dod)
    }
  }

  #prefixed(prefix: number, prefixBits: number, value: number, bits: number): void {
    this.#out.bits(prefix, prefixBits)
    this.#out.bits(value, bits)
  }
}
