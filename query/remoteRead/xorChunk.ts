// Samples as the XOR chunks of Prometheus, which a streamed remote read carries: times as deltas of deltas, values as the
// bits that differ from the value before ("Gorilla", Pelkonen et al., VLDB 2015, with Prometheus's own prefixes).
//
//   u16 samples | varint t0 | 64 bits v0 | uvarint t1 - t0 | value | then per sample: delta of delta, value
//
//   delta of delta   0 = none | 10 + 14 bits | 110 + 17 bits | 1110 + 20 bits | 1111 + 64 bits
//   value            0 = same | 10 + bits in the window before | 11 + 5 bits leading zeros + 6 bits length + bits

/** Samples in one chunk, as many as Prometheus puts into its own. */
export const samplesPerChunk = 120

/** Two bytes of count, the widest first sample, and per sample 68 bits of time and 77 of value. */
const capacityBytes = 2 + 18 + samplesPerChunk * 19

export class XorChunkEncoder {
  readonly #bytes = new Uint8Array(capacityBytes)
  /** The byte that is being filled, and how many of its bits are free. */
  #at = 1
  #freeBits = 0
  #count = 0
  #timeMs = 0
  #deltaMs = 0
  #low = 0
  #high = 0
  /** The window of the value before; 64 leading zeros are no window. */
  #leading = 64
  #trailing = 0

  get count(): number {
    return this.#count
  }

  /** Adds a sample with a later time than the one before; its value as two words keeps a NaN's bits. */
  append(timeMs: number, lowWord: number, highWord: number): void {
    if (this.#count === 0) {
      this.#varint(zigZag(timeMs))
      this.#write(highWord, 32)
      this.#write(lowWord, 32)
    } else {
      const deltaMs = timeMs - this.#timeMs
      if (this.#count === 1) this.#varint(BigInt(deltaMs))
      else this.#deltaOfDelta(deltaMs - this.#deltaMs)
      this.#deltaMs = deltaMs
      this.#value((lowWord ^ this.#low) >>> 0, (highWord ^ this.#high) >>> 0)
    }
    this.#timeMs = timeMs
    this.#low = lowWord
    this.#high = highWord
    this.#count++
  }

  /** The chunk, a copy; the encoder is empty again. */
  finish(): Uint8Array {
    this.#bytes[0] = this.#count >> 8
    this.#bytes[1] = this.#count & 0xff
    const chunk = this.#bytes.slice(0, this.#at + 1)
    this.#at = 1
    this.#freeBits = 0
    this.#count = 0
    this.#leading = 64
    this.#trailing = 0
    return chunk
  }

  #deltaOfDelta(dod: number): void {
    if (dod === 0) this.#write(0, 1)
    else if (fits(dod, 14)) this.#prefixed(0b10, 2, dod, 14)
    else if (fits(dod, 17)) this.#prefixed(0b110, 3, dod, 17)
    else if (fits(dod, 20)) this.#prefixed(0b1110, 4, dod, 20)
    else {
      this.#write(0b1111, 4)
      this.#write(Math.floor(dod / 2 ** 32), 32)
      this.#write(dod, 32)
    }
  }

  #prefixed(prefix: number, prefixBits: number, value: number, bits: number): void {
    this.#write(prefix, prefixBits)
    this.#write(value, bits)
  }

  /** `low` and `high` are the bits that differ. */
  #value(low: number, high: number): void {
    if (low === 0 && high === 0) return this.#write(0, 1)
    this.#write(1, 1)
    // Five bits hold no more than 31.
    const leading = Math.min(31, high === 0 ? 32 + Math.clz32(low) : Math.clz32(high))
    const trailing = low === 0 ? 32 + trailingZeros(high) : trailingZeros(low)
    if (this.#leading !== 64 && leading >= this.#leading && trailing >= this.#trailing) {
      this.#write(0, 1)
    } else {
      this.#leading = leading
      this.#trailing = trailing
      this.#write(1, 1)
      this.#write(leading, 5)
      // All 64 bits are written as 0.
      this.#write((64 - leading - trailing) & 63, 6)
    }
    this.#window(low, high)
  }

  /** The bits between the leading and the trailing zeros of the window. */
  #window(low: number, high: number): void {
    const trailing = this.#trailing
    if (trailing >= 32) {
      this.#write(high >>> (trailing - 32), 64 - this.#leading - trailing)
      return
    }
    this.#write(high, 32 - this.#leading)
    this.#write(low >>> trailing, 32 - trailing)
  }

  /** The lowest `count` bits of `value`, at most 32, the highest first. */
  #write(value: number, count: number): void {
    const bytes = this.#bytes
    while (count > 0) {
      if (this.#freeBits === 0) {
        bytes[++this.#at] = 0
        this.#freeBits = 8
      }
      const taken = Math.min(this.#freeBits, count)
      const part = (value >>> (count - taken)) & ((1 << taken) - 1)
      bytes[this.#at] = (bytes[this.#at] ?? 0) | (part << (this.#freeBits - taken))
      this.#freeBits -= taken
      count -= taken
    }
  }

  #varint(value: bigint): void {
    for (; value >= 0x80n; value >>= 7n) this.#write(Number(value & 0x7fn) | 0x80, 8)
    this.#write(Number(value), 8)
  }
}

/** Whether a delta of delta goes into `bits` bits; the range is not quite that of two's complement. */
function fits(value: number, bits: number): boolean {
  return value >= 1 - 2 ** (bits - 1) && value <= 2 ** (bits - 1)
}

function trailingZeros(word: number): number {
  return 31 - Math.clz32(word & -word)
}

function zigZag(value: number): bigint {
  return value >= 0 ? BigInt(value) * 2n : BigInt(value) * -2n - 1n
}
