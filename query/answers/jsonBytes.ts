// JSON as bytes, written straight into one growing buffer: an answer with a million points has no string per point.
// Knows the forms of Prometheus's answers (points, label objects, string lists), not where they come from.

import { formatBytes } from '../../src/base/bytes.ts'
import type { Labels } from '../../storage/model/labels.ts'
import { formatSampleValue, formatTimestamp } from '../language/numberText.ts'
import { QueryError } from '../queryError.ts'
import { escapedJson, jsonString } from './api.ts'

/** The JSON of label sets already written by this thread. Label sets are cached by storage, so identity is enough. */
const labelJson = new WeakMap<Labels, Buffer>()

/** How an answer to a query begins; the result follows. */
export function resultStart(type: 'scalar' | 'string' | 'vector' | 'matrix'): string {
  return `{"status":"success","data":{"resultType":"${type}","result":`
}

/** A label set as an object. */
export function metricJson(labels: Labels): Buffer {
  let json = labelJson.get(labels)
  if (json === undefined) {
    json = Buffer.from(`{${labels.map(({ name, value }) => `${jsonString(name)}:${jsonString(value)}`).join(',')}}`)
    labelJson.set(labels, json)
  }
  return json
}

/** The buffer of the answer before, used again: to grow one anew for each answer costs more than to write into it. */
let spare: Buffer | undefined
const maxSpareBytes = 64 * 1024 * 1024
/** From here on an answer is handed over as it is, and the next one gets as large a buffer: its pages are only taken up as far as they are written. */
const largeBytes = 128 * 1024
let expectedBytes = 0

export type JsonBytesOptions = {
  readonly capacity?: number
  /** An answer that grows beyond it is a `QueryError`; 0 is no limit. */
  readonly maxBytes?: number
}

export class JsonBytes {
  #buffer: Buffer
  #length = 0
  readonly #maxBytes: number

  constructor({ capacity = 4096, maxBytes = 0 }: JsonBytesOptions = {}) {
    this.#buffer = spare !== undefined && spare.length >= capacity ? spare : Buffer.allocUnsafeSlow(Math.max(capacity, expectedBytes))
    this.#maxBytes = maxBytes > 0 ? maxBytes : Infinity
    spare = undefined
  }

  get length(): number {
    return this.#length
  }

  /** Text that needs no escaping and is plain ASCII. */
  raw(text: string): this {
    this.#reserve(text.length)
    return this.#advance(this.#buffer.write(text, this.#length, 'latin1'))
  }

  /** Of a buffer, as `set` goes word by word when it lies in shared memory. */
  bytes(bytes: Buffer): this {
    this.#reserve(bytes.length)
    bytes.copy(this.#buffer, this.#length)
    return this.#advance(bytes.length)
  }

  /** Unescaped text of any characters. */
  utf8(text: string): this {
    this.#reserve(3 * text.length)
    return this.#advance(this.#buffer.write(text, this.#length))
  }

  string(text: string): this {
    return this.utf8(jsonString(text))
  }

  strings(list: readonly string[]): this {
    return this.utf8(escapedJson(JSON.stringify(list)))
  }

  labels(labels: Labels): this {
    return this.bytes(metricJson(labels))
  }

  /** `[time,"value"]` */
  sample(timestampMs: number, value: number): this {
    return this.raw(`[${formatTimestamp(timestampMs)},"${formatSampleValue(value)}"]`)
  }

  /** Everything written so far, in a buffer that can be transferred to another thread. Nothing can be written afterwards. */
  finish(): Uint8Array<ArrayBuffer> {
    const buffer = this.#buffer
    this.#buffer = Buffer.alloc(0)
    if (this.#length >= largeBytes && 2 * this.#length >= buffer.length) {
      expectedBytes = Math.min(maxSpareBytes, this.#length + (this.#length >> 3))
      return new Uint8Array(buffer.buffer as ArrayBuffer, 0, this.#length) // the buffer's own, see `allocUnsafeSlow`
    }
    if (buffer.length <= maxSpareBytes) spare = buffer
    return new Uint8Array(buffer.subarray(0, this.#length))
  }

  #advance(count: number): this {
    this.#length += count
    if (this.#length > this.#maxBytes) {
      throw new QueryError('execution', `query processing would make a result of more than ${formatBytes(this.#maxBytes)} (--query.max-result-size) in query execution`)
    }
    return this
  }

  #reserve(count: number): void {
    const needed = this.#length + count
    if (needed <= this.#buffer.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#buffer.length))
    larger.set(this.#buffer.subarray(0, this.#length))
    this.#buffer = larger
  }
}
