// The functions Alertmanager adds to Go's templates. Those that need the clock or the data are bound when a template runs.

import { humanizeDuration, toNumber } from './humanize.ts'
import { loadZone, duration, parseTime, timeAt, timeFromMs, zeroTime } from './go/goTime.ts'
import { formatLayout } from './go/goLayout.ts'
import { lowerCase, upperCase } from './go/goCase.ts'
import { matchRegexp, replaceRegexp } from './go/goRegexp.ts'
import { printJson, toJsonValue } from './go/json.ts'
import { safeHtmlType, safeUrlType } from './html/safeContent.ts'
import {
  anyDictType,
  anyListType,
  CallError,
  Defined,
  Dict,
  List,
  parameter,
  parameterOf,
  stringList,
  type FunctionTable,
  type GoTime,
  type ParameterType,
  type TemplateFunction,
  type Value,
} from './go/value.ts'

const { any, string } = parameter
const time = parameterOf('time.Time')

const plain = (parameters: readonly ParameterType[], call: (...args: Value[]) => Value): TemplateFunction => ({ parameters, call: (args) => call(...args) })
const onText = (change: (text: string) => Value): TemplateFunction => plain([string], (text) => change(String(text)))

/** One word with the marks that may stand inside it: `don't`, `3.5`. */
const word = /[\p{L}\p{N}\p{M}_]+(?:['’.:·][\p{L}\p{N}\p{M}_]+)*/gu

/** Letters whose title case is neither their upper nor their lower case. */
const digraphs: Readonly<Record<string, string>> = { ǆ: 'ǅ', Ǆ: 'ǅ', ǉ: 'ǈ', Ǉ: 'ǈ', ǌ: 'ǋ', Ǌ: 'ǋ', ǳ: 'ǲ', Ǳ: 'ǲ' }

/** Title case that lower-cases the rest of each word. */
function titleCase(text: string): string {
  return text.replace(word, (one) => {
    const start = one.search(/[\p{L}]/u)
    if (start < 0) return one
    const first = String.fromCodePoint(one.codePointAt(start) ?? 0)
    const [head = '', ...tail] = digraphs[first] ?? first.toUpperCase()
    return one.slice(0, start) + head + (tail.join('') + one.slice(start + first.length)).toLowerCase()
  })
}

/** Go's `url.QueryUnescape`. */
function unescapeQuery(text: string): string {
  const bad = /%(?![0-9a-fA-F]{2}).{0,2}/s.exec(text)
  if (bad !== null) throw new CallError(`invalid URL escape ${JSON.stringify(bad[0])}`)
  const bytes: number[] = []
  for (const part of text.replaceAll('+', ' ').split(/(%[0-9a-fA-F]{2})/)) {
    if (/^%[0-9a-fA-F]{2}$/.test(part)) bytes.push(Number.parseInt(part.slice(1), 16))
    else bytes.push(...Buffer.from(part))
  }
  return Buffer.from(bytes).toString()
}

function decodeBase64(text: string): string {
  const bad = /[^A-Za-z0-9_\-=\r\n]/.exec(text)
  const clean = text.replace(/[\r\n]/g, '')
  if (bad !== null || !/^[A-Za-z0-9_-]*={0,2}$/.test(clean) || clean.length % 4 !== 0) {
    throw new CallError(`illegal base64 data at input byte ${bad?.index ?? clean.search(/=|$/)}`)
  }
  return Buffer.from(clean, 'base64url').toString()
}

function dict(args: readonly Value[]): Dict {
  if (args.length % 2 !== 0) throw new CallError('dict expects even number of arguments')
  const entries = new Map<string, Value>()
  for (let i = 0; i < args.length; i += 2) {
    const key = args[i]
    if (typeof key !== 'string') throw new CallError('dict keys must be strings')
    entries.set(key, args[i + 1] ?? null)
  }
  return new Dict(anyDictType, null, entries)
}

function tryParseTime(layout: string, text: string): GoTime {
  try {
    return parseTime(layout, text)
  } catch (error) {
    if (error instanceof CallError) return zeroTime
    throw error
  }
}

/** All functions; `now` and `since` ask the clock, `routeLabels` looks into the notification. */
export function notificationFunctions(context: { readonly nowMs: () => number; readonly routeLabel: (name: string) => string }): FunctionTable {
  return {
    toUpper: onText(upperCase),
    toLower: onText(lowerCase),
    title: onText(titleCase),
    trimSpace: onText((text) => text.trim()),
    join: plain([string, parameter.stringList], (separator, list) => (list as List).items.join(String(separator))), // a list, by its type
    match: plain([string, string], (pattern, text) => matchRegexp(String(pattern), String(text))),
    reReplaceAll: plain([string, string, string], (pattern, replacement, text) => replaceRegexp(String(pattern), String(replacement), String(text))),
    safeHtml: onText((text) => new Defined(safeHtmlType, text)),
    safeUrl: onText((text) => new Defined(safeUrlType, text)),
    urlUnescape: onText(unescapeQuery),
    stringSlice: { parameters: [string], variadic: true, call: (items) => stringList(items.map(String)) },
    list: { parameters: [any], variadic: true, call: (items) => new List(anyListType, items) },
    append: { parameters: [parameter.anyList, any], variadic: true, call: ([list, ...items]) => new List(anyListType, [...(list as List).items, ...items]) }, // a list, by its type
    dict: { parameters: [any], variadic: true, call: dict },
    toJson: plain([any], (value = null) => printJson(toJsonValue(value))),
    date: plain([string, time], (layout, value) => formatLayout(value as GoTime, String(layout))), // a time, by its type
    tz: plain([string, time], (zone, value) => timeAt((value as GoTime).unixNs, loadZone(String(zone)))), // a time, by its type
    now: plain([], () => timeFromMs(context.nowMs())),
    since: plain([time], (value) => duration(timeFromMs(context.nowMs()).unixNs - (value as GoTime).unixNs)), // a time, by its type
    humanizeDuration: plain([any], (value = null) => humanizeDuration(toNumber(value))),
    toDate: plain([string, string], (layout, text) => tryParseTime(String(layout), String(text))),
    mustToDate: plain([string, string], (layout, text) => parseTime(String(layout), String(text))),
    base64encode: onText((text) => {
      const encoded = Buffer.from(text).toString('base64url')
      return encoded.padEnd(Math.ceil(encoded.length / 4) * 4, '=')
    }),
    base64decode: onText(decodeBase64),
    routeLabels: onText((name) => context.routeLabel(name)),
  }
}
