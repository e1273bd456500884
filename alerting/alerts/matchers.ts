// Matchers as Alertmanager writes them, in routes, inhibition rules, silences and API filters: the UTF-8 syntax, the
// classic one, and the fallback mode that reads with both. Also how matchers are printed, which route keys depend on.

import { RE2JS } from 're2js'
import { errorText } from '../../src/base/assert.ts'
import { isLabelName } from '../../src/base/names.ts'
import { compareBytes, labelValue, type Labels } from '../../storage/model/labels.ts'
import type { MatcherOp, MatcherText } from '../../storage/model/matcher.ts'
import type { RawMatcher } from '../config/routeConfig.ts'
import { quote } from '../template/go/goQuote.ts'
import { reservedInNames, parseUtf8Matchers } from './utf8Matchers.ts'

export type AlertMatcher = {
  readonly name: string
  readonly op: MatcherOp
  readonly value: string
  /** Whether a label with this value passes; a missing label counts as `''`. */
  matches(value: string): boolean
}

/** The text is no matcher, or its regular expression is none. The message is Alertmanager's. */
export class MatcherError extends Error {}

/** Which syntax is read: `fallback` is the default, the others are the features `utf8-strict-mode` and `classic-mode`. */
export type MatcherMode = 'fallback' | 'utf8' | 'classic'

export type ParsedMatchers = { readonly matchers: readonly MatcherText[]; readonly warnings: readonly string[] }

/** Compiles a matcher; expressions are anchored at both ends. Throws `MatcherError`. */
export function createAlertMatcher({ name, op, value }: MatcherText): AlertMatcher {
  if (op === '=') return { name, op, value, matches: (other) => other === value }
  if (op === '!=') return { name, op, value, matches: (other) => other !== value }
  const regex = compileRegex(value)
  const plain = /[\\.+*?()|[\]{}^$]/.test(value) ? undefined : value
  const test = (other: string) => (plain === undefined ? regex.matches(other) : other === plain)
  return { name, op, value, matches: op === '=~' ? test : (other) => !test(other) }
}

function compileRegex(pattern: string): RE2JS {
  try {
    return RE2JS.compile(`^(?:${pattern})$`)
  } catch (error) {
    throw new MatcherError(errorText(error), { cause: error })
  }
}

/** Whether all matchers pass. */
export function matchesAll(matchers: readonly AlertMatcher[], labels: Labels): boolean {
  return matchers.every((matcher) => matcher.matches(labelValue(labels, matcher.name)))
}

/** Reads a text that may hold several matchers, `{a="b", c=~"d"}`; the braces are optional. Throws `MatcherError`. */
export function parseMatchers(text: string, mode: MatcherMode = 'fallback'): ParsedMatchers {
  return parseInMode(text, mode, parseClassicMatchers)
}

/** Reads exactly one matcher, as an API filter holds. Throws `MatcherError`. */
export function parseMatcher(text: string, mode: MatcherMode = 'fallback'): ParsedMatchers {
  if (mode !== 'classic' && (text.startsWith('{') || text.endsWith('}'))) throw new MatcherError(`unexpected open or close brace: ${text}`)
  const parsed = parseInMode(text, mode, (whole) => [parseClassicMatcher(whole)], (whole) => {
    const matchers = parseUtf8Matchers(whole)
    if (matchers.length === 1) return matchers
    throw new MatcherError(matchers.length === 0 ? 'no matchers' : `expected 1 matcher, found ${matchers.length}`)
  })
  return parsed
}

type Parse = (text: string) => readonly MatcherText[]

function parseInMode(text: string, mode: MatcherMode, classic: Parse, utf8: Parse = parseUtf8Matchers): ParsedMatchers {
  if (mode === 'classic') return { matchers: classic(text), warnings: [] }
  const newer = attempt(utf8, text)
  if (mode === 'utf8') return { matchers: valueOf(newer), warnings: [] }
  const older = attempt(classic, text)
  if ('error' in newer) {
    const matchers = valueOf(older)
    const suggestion = matchers.map((matcher) => formatMatcher(matcher)).join(',')
    return { matchers, warnings: [`the matcher ${text} is read by the classic parser only, and is written ${suggestion} in the UTF-8 syntax: ${errorText(newer.error)}`] }
  }
  if ('error' in older || sameMatchers(newer.value, older.value)) return { matchers: newer.value, warnings: [] }
  return { matchers: older.value, warnings: [`the matcher ${text} means different things to the classic parser, which is followed, and to the UTF-8 parser; quote its parts`] }
}

type Attempt = { readonly value: readonly MatcherText[] } | { readonly error: unknown }

function attempt(parse: Parse, text: string): Attempt {
  try {
    const value = parse(text)
    value.forEach(createAlertMatcher)
    return { value }
  } catch (error) {
    return { error }
  }
}

function valueOf(result: Attempt): readonly MatcherText[] {
  if ('error' in result) throw result.error
  return result.value
}

function sameMatchers(a: readonly MatcherText[], b: readonly MatcherText[]): boolean {
  return a.length === b.length && a.every((x, i) => x.name === b[i]?.name && x.op === b[i]?.op && x.value === b[i]?.value)
}

/** Splits at commas outside double quotes; each brace is optional. */
function parseClassicMatchers(text: string): MatcherText[] {
  const tokens: string[] = []
  let token = ''
  let insideQuotes = false
  let escaped = false
  for (const character of text.replace(/^\{/, '').replace(/\}$/, '')) {
    if (character === ',' && !insideQuotes) {
      tokens.push(token)
      token = ''
      continue
    }
    if (character === '"') {
      if (!escaped) insideQuotes = !insideQuotes
      escaped = false
    } else escaped = character === '\\' && !escaped
    token += character
  }
  if (token.trim() !== '') tokens.push(token.trim())
  return tokens.map(parseClassicMatcher)
}

function parseClassicMatcher(text: string): MatcherText {
  const parts = /^\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(=~|=|!=|!~)\s*([^]*?)\s*$/.exec(text)
  if (parts === null) throw new MatcherError(`bad matcher format: ${text}`)
  const [, name = '', op = '', raw = ''] = parts
  if (!raw.isWellFormed()) throw new MatcherError(`matcher value not valid UTF-8: ${raw}`)
  return { name, op: op as MatcherOp, value: unquoteClassic(raw) } // the expression lets only the four operators pass
}

function unquoteClassic(raw: string): string {
  const unescapedQuote = () => new MatcherError(`matcher value contains unescaped double quote: ${raw}`)
  const quoted = raw.startsWith('"')
  const inner = quoted ? raw.slice(1) : raw
  let value = ''
  let closed = false
  for (let i = 0; i < inner.length; i++) {
    const character = inner.charAt(i)
    if (character === '\\' && i < inner.length - 1) {
      const next = inner.charAt(++i)
      value += next === 'n' ? '\n' : next === '"' || next === '\\' ? next : `\\${next}`
    } else if (character === '"') {
      if (!quoted || i < inner.length - 1) throw unescapedQuote()
      closed = true
    } else value += character
  }
  if (quoted && !closed) throw unescapedQuote()
  return value
}

/** `name="value"`, as route keys, logs and the API print it. */
function formatMatcher({ name, op, value }: MatcherText): string {
  if (reservedInNames.test(name)) return `${quote(name)}${op}${quote(value)}`
  return `${name}${op}"${value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')}"`
}

const opOrder: readonly MatcherOp[] = ['=', '!=', '=~', '!~']

/** A set of matchers in its fixed order, `{a="b",c="d"}`. Part of route keys. */
export function formatMatchers(matchers: readonly MatcherText[]): string {
  const sorted = [...matchers].sort((a, b) => compareBytes(a.name, b.name) || compareBytes(a.value, b.value) || opOrder.indexOf(a.op) - opOrder.indexOf(b.op))
  return `{${sorted.map((matcher) => formatMatcher(matcher)).join(',')}}`
}

/** Reads what a configuration says. Throws `MatcherError`. */
function readRawMatcher(raw: RawMatcher, mode: MatcherMode = 'fallback'): ParsedMatchers {
  if (raw.kind === 'text') {
    const parsed = parseMatchers(raw.text, mode)
    for (const { name } of parsed.matchers) if (!isLabelName(name, mode === 'classic' ? 'legacy' : 'utf8')) throw new MatcherError(`invalid label name "${name}"`)
    return parsed
  }
  const matcher: MatcherText = raw.kind === 'equal' ? { name: raw.name, op: '=', value: raw.value } : { name: raw.name, op: '=~', value: `^(?:${raw.value})$` }
  return { matchers: [matcher], warnings: [] }
}

/** All matchers of a list, compiled. Throws `MatcherError`. */
export function compileRawMatchers(raws: readonly RawMatcher[], mode: MatcherMode = 'fallback'): AlertMatcher[] {
  return raws.flatMap((raw) => readRawMatcher(raw, mode).matchers.map(createAlertMatcher))
}

/** For the configuration: throws an error whose message says what is wrong with the matcher; returns warnings. */
export function checkMatchers(raw: RawMatcher): readonly string[] {
  const { matchers, warnings } = readRawMatcher(raw)
  matchers.forEach(createAlertMatcher)
  return warnings
}
