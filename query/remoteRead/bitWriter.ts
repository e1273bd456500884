// A stream of bits, the highest of each byte first, and the ways in which Prometheus's chunks write numbers into it.

export class BitWriter {
  #bytes: Uint8Array
  /** Whole bytes, the one that is being filled included, and how many of its bits are free. */
  #length: number
  #freeBits = 0

  /** Begins behind `headerBytes` bytes of zeros. */
  constructor(headerBytes: number) {
    this.#bytes = new Uint8Array(1024)
    this.#length = headerBytes
  }

  /** A copy of what was written; the writer begins again. */
  finish(headerBytes: number): Uint8Array<ArrayBuffer> {
    const bytes = this.#bytes.slice(0, this.#length)
    this.#length = headerBytes
    this.#freeBits = 0
    this.#bytes.fill(0, 0, headerBytes)
    return bytes
  }

  /** The lowest `count` bits of `value`, at most 32. */
  bits(value: number, count: number): void {
    let bytes = this.#bytes
    while (count > 0) {
      if (this.#freeBits === 0) {
        if (this.#length === bytes.length) {
          bytes = new Uint8Array(2 * bytes.length)
          bytes.set(this.#bytes)
          this.#bytes = bytes
        }
        bytes[this.#length++] = 0
        this.#freeBits = 8
      }
      const taken = Math.min(this.#freeBits, count)
      const part = (value >>> (count - taken)) & ((1 << taken) - 1)
      bytes[this.#length - 1] = (bytes[this.#length - 1] ?? 0) | (part << (this.#freeBits - taken))
      this.#freeBits -= taken
      count -= taken
    }
  }

  /** 64 bits of a whole number in two's complement. */
  int64(value: number): void {
    this.bits(Math.floor(value / 2 ** 32), 32)
    this.bits(value, 32)
  }

  /** In groups of seven bits, the lowest first. */
  uvarint(value: bigint): void {
    for (; value >= 0x80n; value >>= 7n) this.bits(Number(value & 0x7fn) | 0x80, 8)
    this.bits(Number(value), 8)
  }

  /** Zig-zag: the sign is the lowest bit. */
  varint(value: number): void {
    this.uvarint(value >= 0 ? BigInt(value) * 2n : BigInt(value) * -2n - 1n)
  }
}

/** Whether a number goes into `bits` bits; the range is not quite that of two's complement. */
export function fitsBits(value: number, bits: number): boolean {
  return value >= 1 - 2 ** (bits - 1) && value <= 2 ** (bits - 1)
}

/** Doubles as the bits in which each differs from the one before: `0` same, `10` within the last window, `11` a new window. */
export class XorValues {
  readonly #out: BitWriter
  #low = 0
  #high = 0
  /** 64 leading zeros are no window. */
  #leading = 64
  #trailing = 0

  constructor(out: BitWriter) {
    this.#out = out
  }

  /** The first value, as it is. Two words keep a NaN's bits. */
  first(lowWord: number, highWord: number): void {
    this.#out.bits(highWord, 32)
    this.#out.bits(lowWord, 32)
    this.#low = lowWord
    this.#high = highWord
    this.#leading = 64
    this.#trailing = 0
  }

  next(lowWord: number, highWord: number): void {
    const low = (lowWord ^ this.#low) >>> 0
    const high = (highWord ^ this.#high) >>> 0
    this.#low = lowWord
    this.#high = highWord
    const out = this.#out
    if (low === 0 && high === 0) return out.bits(0, 1)
    // Five bits hold no more than 31.
    const leading = Math.min(31, high === 0 ? 32 + Math.clz32(low) : Math.clz32(high))
    const trailing = low === 0 ? 32 + trailingZeros(high) : trailingZeros(low)
    if (this.#leading !== 64 && leading >= this.#leading && trailing >= this.#trailing) {
      out.bits(0b10, 2)
    } else {
      this.#leading = leading
      this.#trailing = trailing
      out.bits(0b11, 2)
      out.bits(leading, 5)
      // All 64 bits are written as 0.
      out.bits((64 - leading - trailing) & 63, 6)
    }
    this.#window(low, high)
  }

  /** The bits between the leading and the trailing zeros of the window. */
  #window(low: number, high: number): void {
    const trailing = this.#trailing
    if (trailing >= 32) {
      this.#out.bits(high >>> (trailing - 32), 64 - this.#leading - trailing)
      return
    }
    this.#out.bits(high, 32 - this.#leading)
    this.#out.bits(low >>> trailing, 32 - trailing)
  }
}

function trailingZeros(word: number): number {
  return 31 - Math.clz32(word & -word)
}
