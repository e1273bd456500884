// Protocol buffer messages written straight into one growing buffer, without an object per field: what remote read and
// federation answer with. Lengths of inner messages are filled in when they are closed.

const lengthDelimited = 2

export class ProtoWriter {
  #bytes: Buffer
  #length = 0

  constructor(capacity = 64 * 1024) {
    this.#bytes = Buffer.allocUnsafeSlow(capacity)
  }

  get length(): number {
    return this.#length
  }

  /** Begins a field that is a message; its fields follow until `close` with what this returns. */
  open(field: number): number {
    this.varint(field * 8 + lengthDelimited)
    // One byte of length is the rule; `close` moves a longer message up.
    this.#reserve(1)
    return ++this.#length
  }

  close(start: number): void {
    const bytes = this.#length - start
    if (bytes < 0x80) {
      this.#bytes[start - 1] = bytes
      return
    }
    let extra = 0
    for (let rest = bytes; rest >= 0x80; rest = Math.floor(rest / 128)) extra++
    this.#reserve(extra)
    this.#bytes.copyWithin(start + extra, start, this.#length)
    this.#length = start - 1
    this.varint(bytes)
    this.#length += bytes
  }

  text(field: number, text: string): void {
    const start = this.open(field)
    this.#reserve(3 * text.length)
    this.#length += this.#bytes.write(text, this.#length)
    this.close(start)
  }

  bytes(field: number, bytes: Uint8Array): void {
    this.varint(field * 8 + lengthDelimited)
    this.varint(bytes.length)
    this.raw(bytes)
  }

  /** An int64 or enum field. */
  int(field: number, value: number): void {
    this.varint(field * 8)
    if (value >= 0) this.varint(value)
    else this.#negative(value)
  }

  /** A sint32 or sint64 field. */
  sint(field: number, value: number): void {
    this.int(field, value >= 0 ? 2 * value : -2 * value - 1)
  }

  /** A double field from its two words, low one first: a NaN keeps its bits. */
  double(field: number, lowWord: number, highWord: number): void {
    this.varint(field * 8 + 1)
    this.#reserve(8)
    this.#bytes.writeUInt32LE(lowWord, this.#length)
    this.#bytes.writeUInt32LE(highWord, this.#length + 4)
    this.#length += 8
  }

  /** A double field. */
  number(field: number, value: number): void {
    this.varint(field * 8 + 1)
    this.#reserve(8)
    this.#length = this.#bytes.writeDoubleLE(value, this.#length)
  }

  /** A field of doubles, packed. */
  numbers(field: number, values: Float64Array): void {
    this.varint(field * 8 + lengthDelimited)
    this.varint(8 * values.length)
    this.#reserve(8 * values.length)
    for (const value of values) this.#length = this.#bytes.writeDoubleLE(value, this.#length)
  }

  /** Without a field; from 0 to 2^53. */
  varint(value: number): void {
    this.#reserve(10)
    while (value >= 0x80) {
      this.#bytes[this.#length++] = (value % 128) | 0x80
      value = Math.floor(value / 128)
    }
    this.#bytes[this.#length++] = value
  }

  bigEndian32(value: number): void {
    this.#reserve(4)
    this.#length = this.#bytes.writeUInt32BE(value, this.#length)
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  /** What was written; valid until the next call. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  clear(): void {
    this.#length = 0
  }

  #negative(value: number): void {
    this.#reserve(10)
    let rest = BigInt.asUintN(64, BigInt(value))
    for (; rest >= 0x80n; rest >>= 7n) this.#bytes[this.#length++] = Number(rest & 0x7fn) | 0x80
    this.#bytes[this.#length++] = Number(rest)
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes
    if (needed <= this.#bytes.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2))
    this.#bytes.copy(grown, 0, 0, this.#length)
    this.#bytes = grown
  }
}
