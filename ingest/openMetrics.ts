// OpenMetrics bodies on the fast way: checked byte by byte for the format's shape and handed on as the text format that
// the scrape cache reads, most often without a copy. What only OpenMetrics has is edited out: exemplars, times in
// seconds, its own types. Labels are checked strictly when a series is new, in openMetricsParser.ts.

import { assert } from '../src/base/assert.ts'
import { isValidUtf8 } from './expositionLexer.ts'
import { parseGoFloat } from './goFloat.ts'
import { openMetricsTypes, parseOpenMetrics, parseOpenMetricsSeries, takesExemplars, timestampMsOf } from './openMetricsParser.ts'
import type { MetadataLine } from './targetMetadata.ts'

/** A part of the body to be replaced. */
type Edit = { readonly start: number; readonly end: number; readonly text: string }

const lf = 0x0a
const space = 0x20
const quote = 0x22
const hash = 0x23
const backslash = 0x5c
const braceOpen = 0x7b
const braceClose = 0x7d

/** Reads the bodies of one target. Remembers what its metadata was. */
export class OpenMetricsReader {
  #metadataHash: number | undefined
  #metadata: MetadataLine[] | undefined

  /** The same samples as text format 0.0.4; `body` itself where nothing must change. Throws `ExpositionError`. */
  toText(body: Uint8Array): Uint8Array {
    const scan = new BodyScan(body)
    if (!scan.run()) {
      parseOpenMetrics(body, {})
      assert(false, 'a body is valid OpenMetrics but not for the fast reader')
    }
    if (scan.metadataHash !== this.#metadataHash) {
      this.#metadata = readMetadata(body)
      this.#metadataHash = scan.metadataHash
    }
    return applyEdits(body, scan.edits)
  }

  /** The metadata of the last body when it differs from that of the body before; asking once takes it. */
  changedMetadata(): MetadataLine[] | undefined {
    const changed = this.#metadata
    this.#metadata = undefined
    return changed
  }
}

function readMetadata(body: Uint8Array): MetadataLine[] {
  const lines: MetadataLine[] = []
  parseOpenMetrics(body, { metadata: (kind, name, text) => lines.push({ kind, name, text }) })
  return lines
}

function applyEdits(body: Uint8Array, edits: readonly Edit[]): Uint8Array {
  if (edits.length === 0) return body
  const parts: Uint8Array[] = []
  let at = 0
  for (const { start, end, text } of edits) {
    parts.push(body.subarray(at, start), Buffer.from(text, 'latin1'))
    at = end
  }
  parts.push(body.subarray(at))
  return Buffer.concat(parts)
}

/** One pass over a body. `run` is false when the body is malformed, without saying why. */
class BodyScan {
  readonly edits: Edit[] = []
  /** A hash of all HELP, TYPE and UNIT lines. */
  metadataHash = 0x811c9dc5
  readonly #body: Uint8Array
  #at = 0

  constructor(body: Uint8Array) {
    this.#body = body
  }

  run(): boolean {
    const body = this.#body
    while (this.#at < body.length) {
      if (body[this.#at] !== hash) {
        if (!this.#sample()) return false
        continue
      }
      if (this.#startsWith('# EOF')) return this.#end()
      if (!this.#comment()) return false
    }
    return false
  }

  #end(): boolean {
    const end = this.#at + '# EOF'.length
    if (end === this.#body.length) {
      // The text format wants its last line ended.
      this.edits.push({ start: end, end, text: '\n' })
      return true
    }
    return end + 1 === this.#body.length && this.#body[end] === lf
  }

  #comment(): boolean {
    const start = this.#at
    const end = this.#body.indexOf(lf, start)
    if (end < 0) return false
    const isType = this.#startsWith('# TYPE ')
    if (!isType && !this.#startsWith('# HELP ') && !this.#startsWith('# UNIT ')) return false
    let sum = this.metadataHash
    for (let i = start; i < end; i++) sum = Math.imul(sum ^ (this.#body[i] as number), 0x01000193) // i < end <= length
    this.metadataHash = sum
    this.#at = end + 1
    return !isType || this.#type(end)
  }

  /** A type that the text format does not know becomes `untyped`. */
  #type(end: number): boolean {
    const start = this.#body.lastIndexOf(space, end - 1) + 1
    const type = latin1(this.#body, start, end)
    if (!openMetricsTypes.has(type)) return false
    const isOfText = type === 'counter' || type === 'gauge' || type === 'histogram' || type === 'summary'
    if (!isOfText) this.edits.push({ start, end, text: 'untyped' })
    return true
  }

  #sample(): boolean {
    const body = this.#body
    let at = this.#at
    let byte = body[at]
    while (byte !== undefined && byte !== space && byte !== braceOpen && byte !== lf) byte = body[++at]
    if (byte === braceOpen) {
      at = afterBraces(body, at)
      if (at < 0) return false
    } else if (at === this.#at) return false
    if (body[at] !== space) return false
    const valueEnd = wordEnd(body, at + 1)
    if (valueEnd === at + 1) return false
    if (body[valueEnd] === lf) {
      this.#at = valueEnd + 1
      return true
    }
    return this.#afterValue(valueEnd, latin1(body, this.#at, at))
  }

  /** A timestamp, an exemplar, or both. `at` is the space before. */
  #afterValue(at: number, series: string): boolean {
    const body = this.#body
    let next = at
    if (body[at] !== space) return false
    if (!(body[at + 1] === hash && body[at + 2] === space)) {
      next = wordEnd(body, at + 1)
      const seconds = parseGoFloat(latin1(body, at + 1, next))
      if (typeof seconds === 'string' || !Number.isFinite(seconds)) return false
      this.edits.push({ start: at + 1, end: next, text: timestampText(timestampMsOf(seconds)) })
    }
    const lineEnd = body.indexOf(lf, next)
    if (lineEnd < 0) return false
    if (lineEnd > next) {
      if (!takesExemplars(metricNameOf(series)) || !isExemplar(latin1(body, next, lineEnd))) return false
      this.edits.push({ start: next, end: lineEnd, text: '' })
    }
    this.#at = lineEnd + 1
    return true
  }

  #startsWith(text: string): boolean {
    for (let i = 0; i < text.length; i++) if (this.#body[this.#at + i] !== text.charCodeAt(i)) return false
    return true
  }
}

/** Times that the text format cannot say are out of bounds for the storage, and so is the greatest that it can. */
function timestampText(timestampMs: number): string {
  return timestampMs < 0 || timestampMs > Number.MAX_SAFE_INTEGER ? '9223372036854775807' : String(timestampMs)
}

/** The place after the brace that closes the one at `at`; -1 when there is none in this line. */
function afterBraces(body: Uint8Array, at: number): number {
  let isQuoted = false
  for (let i = at + 1; i < body.length; i++) {
    const byte = body[i]
    if (byte === lf) return -1
    if (byte === backslash && isQuoted) i++
    else if (byte === quote) isQuoted = !isQuoted
    else if (byte === braceClose && !isQuoted) return i + 1
  }
  return -1
}

/** Where the bytes that are neither space nor line break end. */
function wordEnd(body: Uint8Array, start: number): number {
  let at = start
  for (let byte = body[at]; byte !== undefined && byte !== space && byte !== lf; byte = body[at]) at++
  return at
}

/** The metric name in front of the braces, or the quoted text between them that is no label. */
function metricNameOf(series: string): string {
  if (!series.startsWith('{')) return series.split('{', 1)[0] ?? ''
  const [name] = parseOpenMetricsSeries(Buffer.from(series, 'latin1'), '', 1)
  return name?.value ?? ''
}

const exemplarPattern =
  /^ # \{(?:(?:[a-zA-Z_][a-zA-Z0-9_]*|"(?:\\.|[^\\"])*")="(?:\\.|[^\\"])*"(?:,(?=[^,])|(?=\})))*\} ([^ ]+)(?: ([^ ]+))?$/

function isExemplar(text: string): boolean {
  const match = exemplarPattern.exec(text)
  if (match === null) return false
  const timestamp = match[2] === undefined ? 0 : parseGoFloat(match[2])
  return typeof parseGoFloat(match[1] ?? '') === 'number' && typeof timestamp === 'number' && Number.isFinite(timestamp) && isValidUtf8(text)
}

function latin1(body: Uint8Array, start: number, end: number): string {
  return Buffer.from(body.buffer, body.byteOffset + start, end - start).toString('latin1')
}
