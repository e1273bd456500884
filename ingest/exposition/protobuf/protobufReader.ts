// One pass over the fields of a protobuf message, for messages that are too large or too many to become objects first.

const twoTo32 = 2 ** 32

/** Reads the message in `bytes` from `start` to `end`. Every method throws a `RangeError` when the message is cut or malformed. */
export class ProtobufReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #end: number
  #at: number
  #wire = 0
  /** Number of the field that was begun last. */
  field = 0

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#at = start
    this.#end = end
  }

  get isAtEnd(): boolean {
    return this.#at === this.#end
  }

  /** A message behind its length, outside of any field. */
  delimited(): ProtobufReader {
    const length = this.varint()
    const start = this.#take(length)
    return new ProtobufReader(this.#bytes, start, start + length)
  }

  /** Begins the next field; false at the end of the message. */
  next(): boolean {
    if (this.isAtEnd) return false
    const tag = this.varint()
    this.field = Math.floor(tag / 8)
    this.#wire = tag % 8
    return true
  }

  /** Passes over the value of the field. */
  skip(): void {
    if (this.#wire === 0) this.varint()
    else if (this.#wire === 1) this.#take(8)
    else if (this.#wire === 5) this.#take(4)
    else if (this.#wire === 2) this.#take(this.varint())
    else throw new RangeError(`wire type ${this.#wire}`)
  }

  /** An unsigned number; beyond 2^53 the nearest double. */
  varint(): number {
    let value = 0
    for (let scale = 1; scale <= 2 ** 63; scale *= 128) {
      const byte = this.#bytes[this.#take(1)] ?? 0
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
    throw new RangeError('a varint has more than 64 bits')
  }

  /** An int32 or int64: negative numbers as their two's complement of 64 bits. */
  int(): number {
    const { low, high } = this.#words()
    return (high | 0) * twoTo32 + low
  }

  /** A sint32 or sint64. */
  zigzag(): number {
    const { low, high } = this.#words()
    const half = high * (twoTo32 / 2) + (low >>> 1)
    return (low & 1) === 0 ? half : -half - 1
  }

  double(): number {
    if (this.#wire !== 1) throw new RangeError('a double with another wire type')
    return this.#view.getFloat64(this.#take(8), true)
  }

  /** The bits of a double as two words. */
  doubleWords(): { readonly low: number; readonly high: number } {
    if (this.#wire !== 1) throw new RangeError('a double with another wire type')
    const at = this.#take(8)
    return { low: this.#view.getUint32(at, true), high: this.#view.getUint32(at + 4, true) }
  }

  text(): string {
    const { start, end } = this.#body()
    return Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + start, end - start).toString('utf8')
  }

  /** The inner message of the field. */
  message(): ProtobufReader {
    const { start, end } = this.#body()
    return new ProtobufReader(this.#bytes, start, end)
  }

  /** Adds the numbers of a repeated field, packed or one by one, to `list`. */
  zigzagsInto(list: number[]): void {
    if (this.#wire !== 2) return void list.push(this.zigzag())
    for (const inner = this.message(); inner.#at < inner.#end; ) list.push(inner.zigzag())
  }

  doublesInto(list: number[]): void {
    if (this.#wire !== 2) return void list.push(this.double())
    const { start, end } = this.#body()
    if ((end - start) % 8 !== 0) throw new RangeError('a list of doubles is cut')
    for (let at = start; at < end; at += 8) list.push(this.#view.getFloat64(at, true))
  }

  #words(): { readonly low: number; readonly high: number } {
    let low = 0
    let high = 0
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#bytes[this.#take(1)] ?? 0
      const bits = byte & 0x7f
      if (shift < 28) low |= bits << shift
      else if (shift === 28) {
        low |= bits << 28
        high |= bits >> 4
      } else if (shift < 64) high |= bits << (shift - 32)
      if (byte < 0x80) return { low: low >>> 0, high: high >>> 0 }
    }
    throw new RangeError('a varint has more than 64 bits')
  }

  #body(): { readonly start: number; readonly end: number } {
    if (this.#wire !== 2) throw new RangeError('a message or text with another wire type')
    const length = this.varint()
    const start = this.#take(length)
    return { start, end: start + length }
  }

  /** Where the next `length` bytes begin. */
  #take(length: number): number {
    const at = this.#at
    if (length > this.#end - at) throw new RangeError('the message is cut')
    this.#at = at + length
    return at
  }
}
