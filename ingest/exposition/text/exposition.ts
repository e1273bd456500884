// The text exposition format (text/plain 0.0.4 and 1.0.0), complete and slow: names, labels and escapes of series that a
// target shows for the first time, the words for a line that is wrong, and the model that the fast kernel is tested
// against. Follows Prometheus's lexer token by token, its leniency included. Knows nothing of targets or storage.

import type { Label } from '../../../storage/model/labels.ts'
import {
  type ExpositionVisitor, fromBytes, isValidUtf8, labelNamePattern, type LexGrammar, Lexer, metadataName, metricNamePattern,
  quoteBytes, readSeries, seriesLabels, type Token,
} from './expositionLexer.ts'
import { parseGoFloat } from './goFloat.ts'

/** Label values may hold line breaks. */
const quoted = /"[^\\"]*(?:\\[^\n][^\\"]*)*"/y

const textGrammar: LexGrammar = {
  skipsBlanks: true,
  rules: {
    init: [
      [/\n/y, 'LINEBREAK', 'init'], [/#[ \t]+HELP[ \t]+/y, 'HELP', 'meta1'], [/#[ \t]+TYPE[ \t]+/y, 'TYPE', 'meta1'],
      [/#[^\n]*/y, 'COMMENT', 'init'], [metricNamePattern, 'MNAME', 'value'], [/\{/y, 'BOPEN', 'labels'],
    ],
    meta1: [[quoted, 'MNAME', 'meta2'], [metricNamePattern, 'MNAME', 'meta2']],
    meta2: [[/[^\n]*/y, 'TEXT', 'init']],
    labels: [
      [labelNamePattern, 'LNAME', 'labels'], [quoted, 'QSTRING', 'labels'], [/\}/y, 'BCLOSE', 'value'],
      [/=/y, 'EQUAL', 'labelValue'], [/,/y, 'COMMA', 'labels'],
    ],
    labelValue: [[quoted, 'LVALUE', 'labels']],
    value: [[/\{/y, 'BOPEN', 'labels'], [/[^{ \t\n]+/y, 'VALUE', 'timestamp']],
    timestamp: [[/[0-9]+/y, 'TIMESTAMP', 'timestamp'], [/\n/y, 'LINEBREAK', 'init']],
  },
}

const types = new Set(['counter', 'gauge', 'histogram', 'summary', 'untyped'])

const maxInt64 = 2n ** 63n - 1n

/** Visits everything in `body` in order; its last line may do without a line feed. Throws `ExpositionError` at the first malformed line. */
export function parseTextExposition(body: Uint8Array, visitor: ExpositionVisitor, firstLine = 1): void {
  const lexer = new Lexer(textGrammar, body, firstLine, '\n')
  let familyType = ''
  for (;;) {
    lexer.entryStart = lexer.end
    const token = lexer.next()
    switch (token) {
      case 'EOF':
        return
      case 'LINEBREAK':
        break
      case 'TYPE':
        familyType = readType(lexer, visitor)
        break
      case 'HELP':
        readHelp(lexer, visitor)
        break
      case 'COMMENT':
        expectLineEnd(lexer, 'linebreak expected after comment', lexer.next())
        break
      default:
        readSample(lexer, token, familyType, visitor)
    }
  }
}

/**
 * The labels of one series text, as `parseTextExposition` gives them. `familyType` is that of the last TYPE line before
 * it: in histograms and summaries `le` and `quantile` are brought to one form. Throws `ExpositionError`.
 */
export function parseSeries(text: Uint8Array, familyType: string, line: number): readonly Label[] {
  const lexer = new Lexer(textGrammar, text, line)
  const series = readSeries(lexer, lexer.next(), false)
  if (series.after !== 'EOF') throw lexer.error('expected nothing after the series', series.after)
  return seriesLabels(series, familyType)
}

function readType(lexer: Lexer, visitor: ExpositionVisitor): string {
  const [name, text] = readMetadata(lexer, 'TYPE')
  if (!types.has(text)) throw lexer.failure(`invalid metric type ${quoteBytes(text)}`)
  expectLineEnd(lexer, 'linebreak expected after metadata', lexer.next())
  visitor.metadata?.('type', name, text)
  return text
}

function readHelp(lexer: Lexer, visitor: ExpositionVisitor): void {
  const [name, text] = readMetadata(lexer, 'HELP')
  if (!isValidUtf8(text)) throw lexer.failure(`help text ${quoteBytes(text)} is not a valid utf8 string`)
  expectLineEnd(lexer, 'linebreak expected after metadata', lexer.next())
  visitor.metadata?.('help', name, unescapeHelp(fromBytes(text)))
}

/** The name and, as bytes, the rest of the line after one separator, other blanks included. */
function readMetadata(lexer: Lexer, kind: Token): [string, string] {
  const token = lexer.next()
  if (token !== 'MNAME') throw lexer.error(`expected metric name after ${kind}`, token)
  const name = metadataName(lexer.token())
  lexer.next() // Always a text, maybe an empty one.
  return [name, lexer.token().slice(1)]
}

/** `\\` and `\n`; a quote needs no escape in help. */
function unescapeHelp(text: string): string {
  return text.includes('\\') ? text.replace(/\\([\\n])/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped)) : text
}

function readSample(lexer: Lexer, first: Token, familyType: string, visitor: ExpositionVisitor): void {
  const series = readSeries(lexer, first, false)
  if (series.after !== 'VALUE') throw lexer.error('expected value after metric', series.after)
  const value = parseGoFloat(lexer.token())
  if (typeof value === 'string') throw lexer.failure(`${value} while parsing: ${quoteBytes(lexer.entry())}`)
  let timestampMs: number | undefined
  let token = lexer.next()
  let expected = 'expected timestamp or new record'
  if (token === 'TIMESTAMP') {
    const digits = lexer.token()
    if (BigInt(digits) > maxInt64)
      throw lexer.failure(`strconv.ParseInt: parsing ${quoteBytes(digits)}: value out of range while parsing: ${quoteBytes(lexer.entry())}`)
    timestampMs = Number(digits)
    token = lexer.next()
    expected = 'expected next entry after timestamp'
  }
  expectLineEnd(lexer, expected, token)
  const labels = seriesLabels(series, familyType)
  visitor.sample?.({ labels, text: fromBytes(series.text), value, timestampMs, line: lexer.line() })
}

function expectLineEnd(lexer: Lexer, expected: string, token: Token): void {
  if (token !== 'LINEBREAK') throw lexer.error(expected, token)
}
