// OpenMetrics 1.0 text (application/openmetrics-text), complete and slow: every rule of the format that Prometheus holds
// to, with its words for errors. Runs on bodies that are wrong, and on each new series; good bodies take the fast way
// through openMetrics.ts, which also takes the exemplars; here they are only checked.

import type { Label } from '../../../storage/model/labels.ts'
import {
  type ExpositionVisitor, fromBytes, isValidUtf8, labelNamePattern, type LexGrammar, Lexer, metadataName, metricNamePattern,
  type MetadataKind, quoteBytes, readLabelValue, readSeries, seriesLabels, type Token,
} from './expositionLexer.ts'
import { parseGoFloat } from './goFloat.ts'

const quoted = /"[^\\"\n]*(?:\\[^\n][^\\"\n]*)*"/y
const valueAfterSpace = / [^ \n]+/y

const openMetricsGrammar: LexGrammar = {
  skipsBlanks: false,
  rules: {
    init: [
      [/# HELP /y, 'HELP', 'meta1'], [/# TYPE /y, 'TYPE', 'meta1'], [/# UNIT /y, 'UNIT', 'meta1'], [/# EOF\n?/y, 'EOFWORD', 'init'],
      [metricNamePattern, 'MNAME', 'value'], [/\{/y, 'BOPEN', 'labels'],
    ],
    meta1: [[quoted, 'MNAME', 'meta2'], [metricNamePattern, 'MNAME', 'meta2']],
    meta2: [[/ [^\n]*\n/y, 'TEXT', 'init']],
    labels: [
      [labelNamePattern, 'LNAME', 'labels'], [quoted, 'QSTRING', 'labels'], [/\}/y, 'BCLOSE', 'value'],
      [/=/y, 'EQUAL', 'labelValue'], [/,/y, 'COMMA', 'labels'],
    ],
    labelValue: [[quoted, 'LVALUE', 'labels']],
    value: [[/\{/y, 'BOPEN', 'labels'], [valueAfterSpace, 'VALUE', 'timestamp']],
    timestamp: [[/ # \{/y, 'COMMENT', 'exemplar'], [valueAfterSpace, 'TIMESTAMP', 'timestamp'], [/\n/y, 'LINEBREAK', 'init']],
    exemplar: [
      [labelNamePattern, 'LNAME', 'exemplar'], [quoted, 'QSTRING', 'exemplar'], [/\}/y, 'BCLOSE', 'exemplarValue'],
      [/=/y, 'EQUAL', 'exemplarLabelValue'], [/,/y, 'COMMA', 'exemplar'],
    ],
    exemplarLabelValue: [[quoted, 'LVALUE', 'exemplar']],
    exemplarValue: [[valueAfterSpace, 'VALUE', 'exemplarTimestamp']],
    exemplarTimestamp: [[valueAfterSpace, 'TIMESTAMP', 'exemplarTimestamp'], [/\n/y, 'LINEBREAK', 'init']],
  },
}

export const openMetricsTypes: ReadonlySet<string> = new Set([
  'counter', 'gauge', 'histogram', 'gaugehistogram', 'summary', 'info', 'stateset', 'unknown',
])

/** Visits everything in `body`, whose first line is number `firstLine`, in order. Throws `ExpositionError` at the first malformed line. */
export function parseOpenMetrics(body: Uint8Array, visitor: ExpositionVisitor, firstLine = 1): void {
  const lexer = new Lexer(openMetricsGrammar, body, firstLine)
  let familyType = ''
  for (;;) {
    lexer.entryStart = lexer.end
    const token = lexer.next()
    switch (token) {
      case 'EOFWORD':
        if (lexer.next() !== 'EOF') throw lexer.failure('unexpected data after # EOF')
        return
      case 'EOF':
        throw lexer.failure('data does not end with # EOF')
      case 'TYPE':
        familyType = readMetadata(lexer, 'type', visitor)
        break
      case 'HELP':
        readMetadata(lexer, 'help', visitor)
        break
      case 'UNIT':
        readMetadata(lexer, 'unit', visitor)
        break
      default:
        readSample(lexer, token, familyType, visitor)
    }
  }
}

/** The labels of one series text; see `parseSeries` of the text format. */
export function parseOpenMetricsSeries(text: Uint8Array, familyType: string, line: number): readonly Label[] {
  const lexer = new Lexer(openMetricsGrammar, text, line)
  const series = readSeries(lexer, lexer.next(), true)
  if (series.after !== 'EOF') throw lexer.error('expected nothing after the series', series.after)
  return seriesLabels(series, familyType)
}

/** Reads a HELP, TYPE or UNIT line and answers with its text. */
export function readMetadata(lexer: Lexer, kind: MetadataKind, visitor: ExpositionVisitor): string {
  const nameToken = lexer.next()
  if (nameToken !== 'MNAME') throw lexer.error(`expected metric name after ${kind.toUpperCase()}`, nameToken)
  const name = metadataName(lexer.token())
  if (lexer.next() !== 'TEXT') throw lexer.failure(`expected text in ${kind.toUpperCase()}`)
  const bytes = lexer.token().slice(1, -1)
  if (kind === 'type' && !openMetricsTypes.has(bytes)) throw lexer.failure(`invalid metric type ${quoteBytes(bytes)}`)
  if (!isValidUtf8(bytes)) throw lexer.failure(`${kind} text ${quoteBytes(bytes)} is not a valid utf8 string`)
  const text = fromBytes(bytes)
  if (kind === 'unit' && text !== '' && !name.endsWith(`_${text}`))
    throw lexer.failure(`unit ${JSON.stringify(text)} not a suffix of metric ${JSON.stringify(name)}`)
  visitor.metadata?.(kind, name, kind === 'help' ? unescapeHelp(text) : text)
  return text
}

function unescapeHelp(text: string): string {
  return text.includes('\\') ? text.replace(/\\([\\"n])/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped)) : text
}

function readSample(lexer: Lexer, first: Token, familyType: string, visitor: ExpositionVisitor): void {
  const series = readSeries(lexer, first, true)
  const value = readFloat(lexer, series.after, 'expected value after metric')
  let timestampMs: number | undefined
  let token = lexer.next()
  let expected = 'expected timestamp or # symbol'
  if (token === 'TIMESTAMP') {
    timestampMs = readTimestamp(lexer, 'invalid timestamp')
    token = lexer.next()
    expected = 'expected next entry after timestamp'
  }
  const labels = seriesLabels(series, familyType)
  const name = labels[0]?.value ?? ''
  if (token === 'COMMENT' && !takesExemplars(name)) throw lexer.failure(`metric name ${name} does not support exemplars`)
  if (token === 'COMMENT') readExemplar(lexer)
  else if (token === 'EOF') throw lexer.failure('data does not end with # EOF')
  else if (token !== 'LINEBREAK') throw lexer.error(expected, token)
  visitor.sample?.({ labels, text: fromBytes(series.text), value, timestampMs, line: lexer.line() })
}

/** Counters and the buckets of histograms do. */
export function takesExemplars(metricName: string): boolean {
  return metricName.endsWith('_total') || metricName.endsWith('_bucket')
}

function readExemplar(lexer: Lexer): void {
  let token = lexer.next()
  while (token !== 'BCLOSE') {
    if (token !== 'LNAME' && token !== 'QSTRING') throw lexer.error('expected label name', token)
    token = lexer.next()
    if (token === 'COMMA' || token === 'BCLOSE') throw lexer.error('expected label name', token)
    readLabelValue(lexer, token)
    token = lexer.next()
    if (token === 'COMMA') token = lexer.next()
    else if (token !== 'BCLOSE') throw lexer.error('expected comma or brace close', token)
  }
  readFloat(lexer, lexer.next(), 'expected value after exemplar labels')
  token = lexer.next()
  if (token === 'TIMESTAMP') {
    readTimestamp(lexer, 'invalid exemplar timestamp')
    token = lexer.next()
    if (token !== 'LINEBREAK') throw lexer.error('expected next entry after exemplar timestamp', token)
    return
  }
  if (token === 'EOF') throw lexer.failure('data does not end with # EOF')
  if (token !== 'LINEBREAK') throw lexer.error('expected timestamp or comment', token)
}

function readFloat(lexer: Lexer, token: Token, expected: string): number {
  if (token !== 'VALUE') throw lexer.error(expected, token)
  return floatOf(lexer)
}

function floatOf(lexer: Lexer): number {
  const value = parseGoFloat(lexer.token().slice(1))
  if (typeof value === 'string') throw lexer.failure(`${value} while parsing: ${quoteBytes(lexer.entry())}`)
  return value
}

function readTimestamp(lexer: Lexer, invalid: string): number {
  const seconds = floatOf(lexer)
  if (!Number.isFinite(seconds)) throw lexer.failure(`${invalid} ${Number.isNaN(seconds) ? 'NaN' : seconds > 0 ? '+Inf' : '-Inf'}`)
  return timestampMsOf(seconds)
}

/** Whole milliseconds of a time in seconds. */
export function timestampMsOf(seconds: number): number {
  return Math.trunc(seconds * 1000)
}
