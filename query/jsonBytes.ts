// JSON as bytes, written straight into one growing buffer: an answer with a million points has no string per point.
// Knows the forms of Prometheus's answers (points, label objects, string lists), not where they come from.

import type { Labels } from '../storage/labels.ts'
import { jsonString } from './api.ts'
import { formatSampleValue, formatTimestamp } from './jsonNumber.ts'

const quote = 0x22
const comma = 0x2c
const closingBracket = 0x5d
const zero = 0x30
const point = 0x2e

/** Room that one point needs at most: a time of 17 bytes, a value of 25, quotes, brackets, comma. */
const maxPointBytes = 64

/** The texts `[1700000000.123,"` of all steps of a query, one after the other. */
export type StepTexts = { readonly bytes: Uint8Array; readonly ends: Int32Array }

/** The JSON of label sets already written by this thread. Label sets are cached by storage, so identity is enough. */
const labelJson = new WeakMap<Labels, Uint8Array>()

export class JsonBytes {
  #buffer: Buffer
  #length = 0

  constructor(capacity = 4096) {
    this.#buffer = Buffer.allocUnsafeSlow(capacity)
  }

  get length(): number {
    return this.#length
  }

  /** Text that needs no escaping and is plain ASCII. */
  raw(text: string): this {
    this.#reserve(text.length)
    this.#length += this.#buffer.write(text, this.#length, 'latin1')
    return this
  }

  bytes(bytes: Uint8Array): this {
    this.#reserve(bytes.length)
    this.#buffer.set(bytes, this.#length)
    this.#length += bytes.length
    return this
  }

  /** Unescaped text of any characters. */
  utf8(text: string): this {
    this.#reserve(3 * text.length)
    this.#length += this.#buffer.write(text, this.#length)
    return this
  }

  string(text: string): this {
    return this.utf8(jsonString(text))
  }

  strings(list: readonly string[]): this {
    this.raw('[')
    list.forEach((text, i) => {
      if (i > 0) this.raw(',')
      this.string(text)
    })
    return this.raw(']')
  }

  labels(labels: Labels): this {
    let json = labelJson.get(labels)
    if (json === undefined) {
      json = Buffer.from(`{${labels.map(({ name, value }) => `${jsonString(name)}:${jsonString(value)}`).join(',')}}`)
      labelJson.set(labels, json)
    }
    return this.bytes(json)
  }

  /** `[time,"value"]` */
  sample(timestampMs: number, value: number): this {
    this.#reserve(maxPointBytes)
    this.raw(`[${formatTimestamp(timestampMs)},"`)
    this.#value(value)
    this.#buffer[this.#length++] = quote
    this.#buffer[this.#length++] = closingBracket
    return this
  }

  /** The points of the steps that are present, separated by commas, without the brackets around them. */
  points(steps: StepTexts, values: Float64Array, present: Uint8Array): this {
    const { bytes, ends } = steps
    let first = true
    for (let i = 0; i < ends.length; i++) {
      if (present[i] === 0) continue
      this.#reserve(maxPointBytes)
      const buffer = this.#buffer
      let at = this.#length
      if (!first) buffer[at++] = comma
      first = false
      const end = ends[i] as number // i < ends.length
      for (let j = i === 0 ? 0 : (ends[i - 1] as number); j < end; j++) buffer[at++] = bytes[j] as number
      this.#length = at
      this.#value(values[i] as number) // as long as `ends`
      this.#buffer[this.#length++] = quote
      this.#buffer[this.#length++] = closingBracket
    }
    return this
  }

  /** Everything written so far, in a buffer of its own that can be transferred to another thread. */
  finish(): Uint8Array<ArrayBuffer> {
    const whole = this.#buffer.buffer as ArrayBuffer // allocUnsafeSlow never takes a part of a shared pool
    return new Uint8Array(whole.transfer(this.#length))
  }

  /** Room for `maxPointBytes` is reserved by the caller. */
  #value(value: number): void {
    if (value >= 0 && value <= 999_999_999_999 && !Object.is(value, -0)) {
      // Counters and most gauges are whole or have up to three decimals; then the digits come without the general case.
      const whole = Math.floor(value)
      if (whole === value) {
        this.#digits(whole)
        return
      }
      const thousandths = Math.round(value * 1000)
      if (thousandths / 1000 === value) {
        const fraction = thousandths % 1000
        this.#digits((thousandths - fraction) / 1000)
        this.#fraction(fraction)
        return
      }
    }
    const text = formatSampleValue(value)
    const buffer = this.#buffer
    let at = this.#length
    for (let i = 0; i < text.length; i++) buffer[at++] = text.charCodeAt(i)
    this.#length = at
  }

  /** A whole number from 0 on. */
  #digits(value: number): void {
    let count = 1
    for (let limit = 10; value >= limit; limit *= 10) count++
    const end = this.#length + count
    let rest = value
    let at = end
    while (rest > 0x7fffffff) {
      const next = Math.floor(rest / 10)
      this.#buffer[--at] = zero + (rest - 10 * next)
      rest = next
    }
    let small = rest | 0
    while (at > this.#length) {
      const next = (small / 10) | 0
      this.#buffer[--at] = zero + (small - 10 * next)
      small = next
    }
    this.#length = end
  }

  /** `.` and three decimals without trailing zeros. */
  #fraction(thousandths: number): void {
    const buffer = this.#buffer
    let at = this.#length
    buffer[at++] = point
    const hundredths = (thousandths / 10) | 0
    const tenths = (thousandths / 100) | 0
    buffer[at++] = zero + tenths
    if (tenths * 100 !== thousandths) buffer[at++] = zero + (hundredths - 10 * tenths)
    if (hundredths * 10 !== thousandths) buffer[at++] = zero + (thousandths - 10 * hundredths)
    this.#length = at
  }

  #reserve(count: number): void {
    const needed = this.#length + count
    if (needed <= this.#buffer.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#buffer.length))
    larger.set(this.#buffer.subarray(0, this.#length))
    this.#buffer = larger
  }
}

/** Prepares what `JsonBytes.points` repeats for every series. */
export function stepTexts(startMs: number, stepMs: number, count: number): StepTexts {
  let all = ''
  const ends = new Int32Array(count)
  for (let i = 0; i < count; i++) {
    all += `[${formatTimestamp(startMs + i * stepMs)},"`
    ends[i] = all.length
  }
  return { bytes: Buffer.from(all, 'latin1'), ends }
}
