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

/** Points for which room is made at once. */
const pointsPerReserve = 256

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
    this.#length = writeValue(this.#buffer, this.#length, value)
    this.#buffer[this.#length++] = quote
    this.#buffer[this.#length++] = closingBracket
    return this
  }

  /** The points of the steps that are present, separated by commas, without the brackets around them. */
  points(steps: StepTexts, values: Float64Array, present: Uint8Array): this {
    const { bytes, ends } = steps
    const count = ends.length
    let textFrom = 0
    let isFirst = true
    for (let from = 0; from < count; from += pointsPerReserve) {
      const to = Math.min(count, from + pointsPerReserve)
      this.#reserve((to - from) * maxPointBytes)
      const buffer = this.#buffer
      let at = this.#length
      for (let i = from; i < to; i++) {
        const textTo = ends[i] as number // i < ends.length
        if (present[i] === 1) {
          if (!isFirst) buffer[at++] = comma
          isFirst = false
          for (let j = textFrom; j < textTo; j++) buffer[at++] = bytes[j] as number
          at = writeValue(buffer, at, values[i] as number) // as long as `ends`
          buffer[at++] = quote
          buffer[at++] = closingBracket
        }
        textFrom = textTo
      }
      this.#length = at
    }
    return this
  }

  /** Everything written so far, in a buffer of its own that can be transferred to another thread. */
  finish(): Uint8Array<ArrayBuffer> {
    const whole = this.#buffer.buffer as ArrayBuffer // allocUnsafeSlow never takes a part of a shared pool
    return new Uint8Array(whole.transfer(this.#length))
  }

  #reserve(count: number): void {
    const needed = this.#length + count
    if (needed <= this.#buffer.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#buffer.length))
    larger.set(this.#buffer.subarray(0, this.#length))
    this.#buffer = larger
  }
}

/** Writes the text of a value at `at` and returns where it ends. There is room for 25 bytes. */
function writeValue(buffer: Uint8Array, at: number, value: number): number {
  if (value >= 0 && value <= 999_999_999_999) {
    // Counters and most gauges are whole or have up to three decimals; then the digits come without the general case.
    const whole = Math.floor(value)
    if (whole === value && (value !== 0 || 1 / value > 0)) return writeWhole(buffer, at, whole)
    const thousandths = Math.round(value * 1000)
    if (thousandths / 1000 === value && thousandths !== 0) {
      const fraction = thousandths % 1000
      return writeFraction(buffer, writeWhole(buffer, at, (thousandths - fraction) / 1000), fraction)
    }
  }
  const text = formatSampleValue(value)
  for (let i = 0; i < text.length; i++) buffer[at + i] = text.charCodeAt(i)
  return at + text.length
}

/** A whole number from 0 on. */
function writeWhole(buffer: Uint8Array, at: number, value: number): number {
  let end = at + 1
  for (let limit = 10; value >= limit; limit *= 10) end++
  let to = end
  let rest = value
  while (rest > 0x7fffffff) {
    const next = Math.floor(rest / 10)
    buffer[--to] = zero + (rest - 10 * next)
    rest = next
  }
  let small = rest | 0
  while (to > at) {
    const next = (small / 10) | 0
    buffer[--to] = zero + (small - 10 * next)
    small = next
  }
  return end
}

/** `.` and three decimals without trailing zeros. */
function writeFraction(buffer: Uint8Array, start: number, thousandths: number): number {
  let at = start
  const hundredths = (thousandths / 10) | 0
  const tenths = (thousandths / 100) | 0
  buffer[at++] = point
  buffer[at++] = zero + tenths
  if (tenths * 100 !== thousandths) buffer[at++] = zero + (hundredths - 10 * tenths)
  if (hundredths * 10 !== thousandths) buffer[at++] = zero + (thousandths - 10 * hundredths)
  return at
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
