// JSON as bytes, written straight into one growing buffer: an answer with a million points has no string per point.
// Knows the forms of Prometheus's answers (points, label objects, string lists), not where they come from.

import type { Labels } from '../storage/labels.ts'
import { jsonString } from './api.ts'
import { formatSampleValue, formatTimestamp } from './jsonNumber.ts'

/** The JSON of label sets already written by this thread. Label sets are cached by storage, so identity is enough. */
const labelJson = new WeakMap<Labels, Uint8Array>()

/** The buffer of the answer before, used again: to grow one anew for each answer costs more than to write into it. */
let spare: Buffer | undefined
const maxSpareBytes = 64 * 1024 * 1024

export class JsonBytes {
  #buffer: Buffer
  #length = 0

  constructor(capacity = 4096) {
    this.#buffer = spare !== undefined && spare.length >= capacity ? spare : Buffer.allocUnsafeSlow(capacity)
    spare = undefined
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
    return this.raw(`[${formatTimestamp(timestampMs)},"${formatSampleValue(value)}"]`)
  }

  /** Everything written so far, in a buffer of its own that can be transferred to another thread. */
  finish(): Uint8Array<ArrayBuffer> {
    const answer = new Uint8Array(this.#buffer.subarray(0, this.#length))
    if (this.#buffer.length <= maxSpareBytes) spare = this.#buffer
    this.#buffer = Buffer.alloc(0)
    return answer
  }

  #reserve(count: number): void {
    const needed = this.#length + count
    if (needed <= this.#buffer.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#buffer.length))
    larger.set(this.#buffer.subarray(0, this.#length))
    this.#buffer = larger
  }
}
