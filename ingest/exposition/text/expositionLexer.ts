// What the text format and OpenMetrics have in common: the lexer with its states, series with their labels, escapes, and
// errors in Prometheus's words. Bodies are read as one character per byte and decoded where text is taken out.

import { isUtf8 } from 'node:buffer'
import { type Label, metricNameLabel } from '../../../storage/model/labels.ts'
import { cut, formatOpenMetricsFloat, goQuote, parseGoFloat } from './goFloat.ts'

/** The body of a scrape cannot be stored. */
export class BodyError extends Error {
  /** Samples read before the error, before and after relabelling; Prometheus reports them. */
  samplesBefore = 0
  keptBefore = 0
}

/** The body of a scrape is malformed. The message ends with the line, counted from 1. */
export class ExpositionError extends BodyError {
  readonly line: number

  constructor(message: string, line: number) {
    super(`${message} (line ${line})`)
    this.line = line
  }
}

export type ExpositionSample = {
  /** In the order of the text, metric name first; names may repeat and values may be empty. */
  readonly labels: readonly Label[]
  /** The text of `name{labels}`, the key under which a scrape cache knows the series. */
  readonly text: string
  readonly value: number
  readonly timestampMs: number | undefined
  readonly line: number
}

export type MetadataKind = 'type' | 'help' | 'unit'

export type ExpositionVisitor = {
  metadata?(kind: MetadataKind, name: string, text: string): void
  sample?(sample: ExpositionSample): void
}

export type Token =
  | 'EOF' | 'INVALID' | 'LINEBREAK' | 'HELP' | 'TYPE' | 'UNIT' | 'EOFWORD' | 'TEXT' | 'COMMENT' | 'MNAME' | 'QSTRING'
  | 'BOPEN' | 'BCLOSE' | 'LNAME' | 'LVALUE' | 'EQUAL' | 'COMMA' | 'TIMESTAMP' | 'VALUE'

export type LexState =
  | 'init' | 'meta1' | 'meta2' | 'labels' | 'labelValue' | 'value' | 'timestamp'
  | 'exemplar' | 'exemplarLabelValue' | 'exemplarValue' | 'exemplarTimestamp'

/** A sticky pattern, what it is, and the state after it. */
export type LexRule = readonly [pattern: RegExp, token: Token, next: LexState]

export type LexGrammar = {
  /** Whether blanks and tabs may stand between any two tokens. */
  readonly skipsBlanks: boolean
  /** The patterns of a state in the order in which they win. */
  readonly rules: Readonly<Partial<Record<LexState, readonly LexRule[]>>>
}

export const metricNamePattern = /[a-zA-Z_:][a-zA-Z0-9_:]*/y
export const labelNamePattern = /[a-zA-Z_][a-zA-Z0-9_]*/y

/** Cuts a body into tokens. */
export class Lexer {
  readonly #grammar: LexGrammar
  readonly #text: string
  #state: LexState = 'init'
  #line: number
  #lineCountedTo = 0
  /** Where the entry begins, and the current token begins and ends. */
  entryStart = 0
  start = 0
  end = 0

  constructor(grammar: LexGrammar, body: Uint8Array, firstLine: number, ending = '') {
    this.#grammar = grammar
    this.#text = Buffer.from(body.buffer, body.byteOffset, body.length).toString('latin1') + ending
    this.#line = firstLine
  }

  next(): Token {
    this.start = this.end
    if (this.#grammar.skipsBlanks && this.#state !== 'meta2') while (isBlank(this.#text.charCodeAt(this.start))) this.start++
    this.end = this.start
    for (const [pattern, token, next] of this.#grammar.rules[this.#state] ?? []) {
      pattern.lastIndex = this.start
      if (!pattern.test(this.#text)) continue
      this.end = pattern.lastIndex
      this.#state = next
      return token
    }
    return this.start >= this.#text.length ? 'EOF' : 'INVALID'
  }

  token(): string {
    return this.#text.slice(this.start, this.end)
  }

  slice(start: number, end: number): string {
    return this.#text.slice(start, end)
  }

  /** The text from the beginning of the entry to the end of the current token. */
  entry(): string {
    return this.#text.slice(this.entryStart, this.end)
  }

  /** An error in Prometheus's words, at the current token. */
  error(expected: string, got: Token): ExpositionError {
    const end = Math.min(this.#text.length, this.end + 1)
    const token = quoteBytes(this.#text.slice(this.start, end))
    const entry = quoteBytes(this.#text.slice(this.entryStart, end))
    return this.failure(`${expected}, got ${token} (${goQuote(got)}) while parsing: ${entry}`)
  }

  failure(message: string): ExpositionError {
    return new ExpositionError(message, this.line())
  }

  /** The line in which the current entry begins. */
  line(): number {
    for (let at = this.#nextBreak(); at >= 0 && at < this.entryStart; at = this.#nextBreak()) {
      this.#line++
      this.#lineCountedTo = at + 1
    }
    return this.#line
  }

  #nextBreak(): number {
    return this.#text.indexOf('\n', this.#lineCountedTo)
  }
}

/** A series as texts with their escapes, one character per byte, and the token that comes after it. */
export type SeriesText = { readonly name: string; readonly pairs: readonly string[]; readonly text: string; readonly after: Token }

/** Reads `name`, `name{…}` or `{"name",…}`; `first` is its first token. With `strictCommas` two labels need one between them. */
export function readSeries(lexer: Lexer, first: Token, strictCommas: boolean): SeriesText {
  let name: string | undefined
  const pairs: string[] = []
  let token = first
  const start = lexer.start
  let end = lexer.end
  if (token === 'MNAME') {
    name = lexer.token()
    token = lexer.next()
  }
  if (token === 'BOPEN') {
    name = readLabelPairs(lexer, name, pairs, strictCommas)
    if (name === undefined) throw lexer.failure(`metric name not set while parsing: ${quoteBytes(lexer.entry())}`)
    end = lexer.end
    token = lexer.next()
  }
  if (name === undefined) throw lexer.error('expected a valid start token', token)
  return { name, pairs, text: lexer.slice(start, end), after: token }
}

/** Reads up to the closing brace; answers with the metric name, which may stand between the braces. */
function readLabelPairs(lexer: Lexer, nameBefore: string | undefined, pairs: string[], strictCommas: boolean): string | undefined {
  let name = nameBefore
  let token = lexer.next()
  while (token !== 'BCLOSE') {
    if (token !== 'LNAME' && token !== 'QSTRING') throw lexer.error('expected label name', token)
    const isQuoted = token === 'QSTRING'
    const text = lexer.token()
    token = lexer.next()
    if (isQuoted && (token === 'COMMA' || token === 'BCLOSE')) {
      if (name !== undefined) throw lexer.failure(`metric name already set while parsing: ${quoteBytes(lexer.entry())}`)
      name = text.slice(1, -1)
      if (token === 'COMMA') token = lexer.next()
      continue
    }
    pairs.push(isQuoted ? text.slice(1, -1) : text, readLabelValue(lexer, token))
    token = lexer.next()
    if (token === 'COMMA') token = lexer.next()
    else if (strictCommas && token !== 'BCLOSE') throw lexer.error('expected comma or brace close', token)
  }
  return name
}

/** Reads `="value"`; `token` is the one after the label name. */
export function readLabelValue(lexer: Lexer, token: Token): string {
  if (token !== 'EQUAL') throw lexer.error('expected equal', token)
  const next = lexer.next()
  if (next !== 'LVALUE') throw lexer.error('expected label value', next)
  const value = lexer.token()
  if (!isValidUtf8(value)) throw lexer.failure(`invalid UTF-8 label value: ${quoteBytes(value)}`)
  return value.slice(1, -1)
}

/** The labels that a series text means. */
export function seriesLabels({ name, pairs }: SeriesText, familyType: string): Label[] {
  const labels = [{ name: metricNameLabel, value: unescapeText(name) }]
  for (let i = 0; i + 1 < pairs.length; i += 2) {
    const label = unescapeText(pairs[i] as string) // i + 1 < length
    const value = unescapeText(pairs[i + 1] as string)
    labels.push({ name: label, value: normalizeBound(familyType, label, value) })
  }
  return labels
}

/** The upper bound of a bucket and the quantile of a summary in one form, so that `1` and `1.0` are one series. */
function normalizeBound(familyType: string, label: string, value: string): string {
  const isBound = (familyType === 'histogram' && label === 'le') || (familyType === 'summary' && label === 'quantile')
  if (!isBound) return value
  const bound = parseGoFloat(value)
  return typeof bound === 'number' ? formatOpenMetricsFloat(bound) : value
}

/** The name in a metadata line, with or without quotes. */
export function metadataName(token: string): string {
  return token.startsWith('"') ? unescapeText(token.slice(1, -1)) : token
}

/** Bytes as the UTF-8 text they are. */
export function fromBytes(text: string): string {
  return isAscii(text) ? text : Buffer.from(text, 'latin1').toString('utf8')
}

/** Whether the bytes are UTF-8. */
export function isValidUtf8(text: string): boolean {
  return isAscii(text) || isUtf8(Buffer.from(text, 'latin1'))
}

/** Bytes in quotes for a message; those that are no UTF-8 as `\xff`. */
export function quoteBytes(given: string): string {
  const text = cut(given)
  if (isValidUtf8(text)) return goQuote(fromBytes(text))
  return `"${text.replace(/[^]/g, (byte) => (byte >= '\x80' ? `\\x${byte.charCodeAt(0).toString(16)}` : goQuote(byte).slice(1, -1)))}"`
}

/** `\\`, `\"` and `\n`; a backslash before anything else stays. */
function unescapeText(text: string): string {
  const plain = fromBytes(text)
  return plain.includes('\\') ? plain.replace(/\\([\\"n])/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped)) : plain
}

function isAscii(text: string): boolean {
  return !/[\x80-\xff]/.test(text)
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}
