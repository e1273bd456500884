// The parameters of a request, as Prometheus reads them: form values of the body before those of the URL; times in
// seconds or RFC 3339, durations in seconds or as text, everything turned into milliseconds here and nowhere else.

import { parseSelector } from '../query/language/parse.ts'
import { invalidParameter, QueryError } from '../query/queryError.ts'
import { parseDurationMs } from '../src/base/duration.ts'
import { matchesEmpty, type Matcher } from '../storage/model/matcher.ts'

/** The ends of time that Go clients send for "everything". */
const minTime = '-292273086-05-16T16:47:06Z'
const maxTime = '292277025-08-18T07:12:54.999999999Z'

/** As far as a JavaScript date goes, which is beyond every sample. */
const endOfTimeMs = 8.64e15

type FormValue = { readonly name: string; readonly value: string }

/** Values in the order in which they stand, and what is wrong with the first part that could not be read. */
export type Form = { readonly values: readonly FormValue[]; readonly problem?: string | undefined }

/** As many as Go reads. A body of 10 MB has room for millions, which would hold up the main thread for a minute. */
const maxPairs = 10_000

/**
 * A query string or form body as Go reads it: a pair with a semicolon or a bad escape is left out, the others count. Few of the
 * language's functions for it and few calls: between two requests the processor has forgotten all of them.
 */
export function readForm(text: string): Form {
  const values: FormValue[] = []
  let problem: string | undefined
  const hasSemicolons = text.indexOf(';') >= 0
  let pairs = 0
  for (let at = 0, endAt = 0; at <= text.length; at = endAt + 1) {
    if (++pairs > maxPairs) return { values: [], problem: 'number of URL query parameters exceeded limit' }
    const ampersandAt = text.indexOf('&', at)
    endAt = ampersandAt < 0 ? text.length : ampersandAt
    if (endAt === at) continue
    const pair = text.slice(at, endAt)
    if (hasSemicolons && pair.indexOf(';') >= 0) {
      problem ??= 'invalid semicolon separator in query'
      continue
    }
    const value = readPair(pair)
    if (value !== undefined) values.push(value)
    else problem ??= `invalid URL escape ${JSON.stringify(badEscape.exec(pair)?.[0])}`
  }
  return { values, problem }
}

/** Queries, which are asked again and again; what else is in a query string is short, and read as quickly as it is looked up. */
const knownPairs = new Map<string, FormValue>()
const maxKnownPairs = 1_000
const minKnownLength = 32
const maxKnownLength = 1_000

/** `undefined` when an escape is broken. */
function readPair(pair: string): FormValue | undefined {
  const isKept = pair.length >= minKnownLength && pair.length <= maxKnownLength
  const known = isKept ? knownPairs.get(pair) : undefined
  if (known !== undefined) return known
  const equalsAt = pair.indexOf('=')
  const name = unescaped(equalsAt < 0 ? pair : pair.slice(0, equalsAt))
  const value = equalsAt < 0 ? '' : unescaped(pair.slice(equalsAt + 1))
  if (name === undefined || value === undefined) return undefined
  if (isKept) {
    if (knownPairs.size >= maxKnownPairs) knownPairs.clear()
    knownPairs.set(pair, { name, value })
  }
  return { name, value }
}

const badEscape = /%(?![0-9a-fA-F]{2}).{0,2}/s

/** `undefined` when an escape is broken. */
function unescaped(text: string): string | undefined {
  const spaced = text.indexOf('+') >= 0 ? text.split('+').join(' ') : text
  if (spaced.indexOf('%') < 0) return spaced
  try {
    return decodeURIComponent(spaced)
  } catch {
    // Of bytes that are no UTF-8 it reads what there is.
    return badEscape.test(spaced) ? undefined : (new URLSearchParams(`=${text}`).get('') ?? '')
  }
}

export class RequestParams {
  readonly #values: readonly FormValue[]
  readonly #problem: string | undefined

  constructor(body: Form | undefined, url: Form) {
    this.#values = body === undefined ? url.values : [...body.values, ...url.values]
    this.#problem = body?.problem ?? url.problem
  }

  /** For endpoints that refuse parameters of which some cannot be read. */
  requireWellFormed(): void {
    if (this.#problem !== undefined) throw new QueryError('bad_data', `error parsing form values: ${this.#problem}`)
  }

  /** The first value, '' when there is none. */
  text(name: string): string {
    for (const one of this.#values) if (one.name === name) return one.value
    return ''
  }

  has(name: string): boolean {
    return this.#values.some((one) => one.name === name)
  }

  list(name: string): string[] {
    return this.#values.filter((one) => one.name === name).map(({ value }) => value)
  }

  /** The selectors of a repeated parameter such as `match[]`; none of them may match everything. */
  selectors(name: string): (readonly Matcher[])[] {
    const sets = this.list(name).map((text) => readSelector(name, text))
    if (sets.some((set) => set.every(matchesEmpty))) throw invalidParameter(name, 'match[] must contain at least one non-empty matcher')
    return sets
  }

  /** The selector of a parameter; one that is missing, or has no conditions, matches everything. */
  selector(name: string): readonly Matcher[] {
    const text = this.text(name)
    return text === '' ? [] : readSelector(name, text)
  }

  timeMs(name: string): number | undefined {
    const text = this.text(name)
    if (text === '') return undefined
    const timeMs = parseTimeMs(text)
    if (timeMs === undefined) throw invalidParameter(name, `Invalid time value for '${name}': cannot parse ${JSON.stringify(text)} to a valid timestamp`)
    return timeMs
  }

  requiredTimeMs(name: string): number {
    const text = this.text(name)
    const timeMs = parseTimeMs(text)
    if (timeMs === undefined) throw invalidParameter(name, `cannot parse ${JSON.stringify(text)} to a valid timestamp`)
    return timeMs
  }

  durationMs(name: string): number | undefined {
    const text = this.text(name)
    return text === '' ? undefined : this.requiredDurationMs(name)
  }

  requiredDurationMs(name: string): number {
    const text = this.text(name)
    const durationMs = parseDurationParam(text)
    if (durationMs === undefined) throw invalidParameter(name, `cannot parse ${JSON.stringify(text)} to a valid duration`)
    if (Math.abs(durationMs) > 9_223_372_036_854.775) {
      throw invalidParameter(name, `cannot parse ${JSON.stringify(text)} to a valid duration. It overflows int64`)
    }
    return durationMs
  }

  /** 0 = no limit. */
  limit(name = 'limit'): number {
    const text = this.text(name)
    if (text === '') return 0
    if (!/^[+-]?\d+$/.test(text)) throw invalidParameter(name, `strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`)
    if (Number(text) < 0) throw invalidParameter(name, 'limit must be non-negative')
    return Math.min(Number(text), Number.MAX_SAFE_INTEGER)
  }

  /** As Go's ParseBool. */
  bool(name: string): boolean {
    const text = this.text(name)
    if (text === '') return false
    if (/^(?:1|t|T|true|TRUE|True)$/.test(text)) return true
    if (/^(?:0|f|F|false|FALSE|False)$/.test(text)) return false
    throw new QueryError('bad_data', `error converting ${name}: strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`)
  }
}

function readSelector(name: string, text: string): readonly Matcher[] {
  try {
    return parseSelector(text)
  } catch (error) {
    throw error instanceof QueryError ? invalidParameter(name, error.message) : error
  }
}

const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/

/** The usual form, digits and up to three more after a point, in milliseconds; NaN when it is another one. Regular expressions take longer. */
function plainSecondsMs(text: string): number {
  const { length } = text
  const pointAt = text.indexOf('.')
  const decimals = pointAt < 0 ? 0 : length - pointAt - 1
  if (length === 0 || length > 15 || pointAt === 0 || decimals > 3) return NaN
  let ms = 0
  for (let i = 0; i < length; i++) {
    if (i === pointAt) continue
    const digit = text.charCodeAt(i) - 0x30
    if (digit < 0 || digit > 9) return NaN
    ms = 10 * ms + digit
  }
  return decimals === 3 ? ms : decimals === 2 ? 10 * ms : decimals === 1 ? 100 * ms : 1000 * ms
}

/** Seconds as a number, its fraction rounded to milliseconds, halves away from zero as in Go, or RFC 3339. */
export function parseTimeMs(text: string): number | undefined {
  const plainMs = plainSecondsMs(text)
  if (!Number.isNaN(plainMs)) return plainMs
  const seconds = decimal.test(text) ? Number(text) : NaN
  if (Number.isFinite(seconds)) {
    const whole = Math.trunc(seconds)
    const fractionMs = (seconds - whole) * 1000
    return whole * 1000 + (fractionMs < 0 ? -Math.round(-fractionMs) : Math.round(fractionMs))
  }
  if (text === minTime) return -endOfTimeMs
  if (text === maxTime) return endOfTimeMs
  const day = /^(\d{4}-\d\d-\d\d)T(?!24)\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:\d\d)$/.exec(text)?.[1]
  if (day === undefined || !isInCalendar(day)) return undefined
  const timeMs = Date.parse(text.replace(',', '.'))
  return Number.isNaN(timeMs) ? undefined : timeMs
}

/** JavaScript takes 30 February for 2 March. */
function isInCalendar(day: string): boolean {
  const timeMs = Date.parse(day)
  return !Number.isNaN(timeMs) && new Date(timeMs).toISOString().startsWith(day)
}

/** Seconds as a number, cut to nanoseconds as Go does, which makes 1.025 a little less, or a Prometheus duration. */
function parseDurationParam(text: string): number | undefined {
  const plainMs = text.indexOf('.') < 0 ? plainSecondsMs(text) : NaN
  if (!Number.isNaN(plainMs)) return plainMs
  return decimal.test(text) ? Math.trunc(Number(text) * 1e9) / 1e6 : parseDurationMs(text)
}
