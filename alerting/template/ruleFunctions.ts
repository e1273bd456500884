// The functions Prometheus adds to Go's templates for alert labels and annotations. `query` does not wait: a query whose
// answer is not known yet is thrown as `NeedQuery`, and the expansion starts again when the answer is there.

import { isIP } from 'node:net'
import { histogramText } from '../../query/histograms/text.ts'
import { parseDurationMs } from '../../src/base/duration.ts'
import type { NativeHistogram } from '../../storage/model/histogram.ts'
import { compareBytes, labelValue, type Labels } from '../../storage/model/labels.ts'
import { lowerCase, upperCase } from './go/goCase.ts'
import { matchRegexp, replaceRegexp } from './go/goRegexp.ts'
import { duration, formatTime } from './go/goTime.ts'
import {
  anyDictType,
  CallError,
  Defined,
  Dict,
  List,
  parameter,
  parameterOf,
  stringDict,
  Struct,
  type FunctionTable,
  type ParameterType,
  type TemplateFunction,
  type TypeInfo,
  type Value,
} from './go/value.ts'
import { safeHtmlType } from './html/safeContent.ts'
import { humanize, humanize1024, humanizeDuration, humanizePercentage, secondsToTime, shortNumber, toNumber } from './humanize.ts'
import { escapeQuery } from './language/builtins.ts'

/** A template asked for the result of a query that nobody has evaluated yet. */
export class NeedQuery {
  readonly expr: string
  constructor(expr: string) {
    this.expr = expr
  }
}

/** The value of one with a histogram means nothing. */
export type QuerySample = { readonly labels: Labels; readonly value: number; readonly histogram?: NativeHistogram }
export type QueryAnswer = { readonly samples: readonly QuerySample[] } | { readonly error: string }
/** By expression, all at one evaluation time. */
type QueryAnswers = ReadonlyMap<string, QueryAnswer>

export type RuleFunctionContext = {
  readonly timestampMs: number
  readonly externalUrl: string
  readonly answers: QueryAnswers
}

const sampleType: TypeInfo = { name: '*template.sample' }
const resultType: TypeInfo = { name: 'template.queryResult' }

const { any, string } = parameter
const sample = parameterOf('*template.sample')
const result = parameterOf('template.queryResult')

const plain = (parameters: readonly ParameterType[], call: (...args: Value[]) => Value): TemplateFunction => ({ parameters, call: (args) => call(...args) })
const onText = (change: (text: string) => Value): TemplateFunction => plain([string], (text) => change(String(text)))
const onNumber = (print: (value: number) => Value): TemplateFunction => plain([any], (value = null) => print(toNumber(value)))

// The parameter types above have checked what these take.
const itemsOf = (value: Value | undefined): readonly Value[] => (value as List).items
const labelOf = (value: Value | undefined, name: string): string => {
  const labels = (value as Struct).fields.get('Labels')
  return labels instanceof Dict ? String(labels.entries.get(name) ?? '') : ''
}

/** Go's `strings.Title`: the first letter of each word, the rest stays. */
function capitalizeWords(text: string): string {
  return text.replace(/(^|[^\p{L}\p{Nd}_\u0080-\u{10ffff}]|[\s\u0085\u00a0])([\p{L}])/gu, (_, before: string, letter: string) => before + upperCase(letter))
}

type HostPort = { readonly host: string; readonly port: string }

/** Go's `net.SplitHostPort`; `undefined` where that fails. */
function splitHostPort(text: string): HostPort | undefined {
  const match = /^(?:\[([^[\]]*)\]|([^:[\]]*)):([^:[\]]*)$/.exec(text)
  return match === null ? undefined : { host: match[1] ?? match[2] ?? '', port: match[3] ?? '' }
}

/** The host of `host:port`; anything else as it is. */
function stripPort(hostPort: string): string {
  return splitHostPort(hostPort)?.host ?? hostPort
}

/** The text before the first dot of a host name, the port kept; IP addresses as they are. */
function stripDomain(hostPort: string): string {
  const { host, port } = splitHostPort(hostPort) ?? { host: hostPort, port: '' }
  if (isIP(host) !== 0) return hostPort
  const name = host.split('.')[0] ?? ''
  if (port === '') return name
  return name.includes(':') ? `[${name}]:${port}` : `${name}:${port}`
}

function parseDurationSeconds(text: string): number {
  const negative = text.startsWith('-')
  const ms = parseDurationMs(negative ? text.slice(1) : text)
  if (ms === undefined) throw new CallError(text === '' ? 'empty duration string' : `not a valid duration string: ${JSON.stringify(text)}`)
  return (negative ? -ms : ms) / 1000
}

/** The link to an expression's page, as Prometheus puts it into `generatorURL`. */
export function expressionLink(expr: string, tab: 'graph' | 'table'): string {
  return `/graph?g0.expr=${escapeQuery(expr)}&g0.tab=${tab === 'graph' ? 0 : 1}`
}

function pathOf(url: string): string {
  return /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*([^?#]*)/i.exec(url)?.[1] ?? ''
}

function runQuery(expr: string, answers: QueryAnswers): List {
  const answer = answers.get(expr)
  if (answer === undefined) throw new NeedQuery(expr)
  if ('error' in answer) throw new CallError(answer.error)
  return new List(
    resultType,
    answer.samples.map((one) => new Struct(sampleType, { Labels: labelDict(one.labels), Value: sampleValue(one) })),
  )
}

/** The number of a sample, or its histogram, which prints as PromQL writes it. */
export function sampleValue({ value, histogram }: Pick<QuerySample, 'value' | 'histogram'>): Value {
  if (histogram === undefined) return value
  const { schema, zeroThreshold, zeroCount, count, sum } = histogram
  const type: TypeInfo = { name: '*histogram.FloatHistogram', toText: () => histogramText(histogram) }
  return new Struct(type, { Schema: BigInt(schema), ZeroThreshold: zeroThreshold, ZeroCount: zeroCount, Count: count, Sum: sum })
}

function firstOf(list: Value | undefined): Value {
  const first = itemsOf(list)[0]
  if (first === undefined) throw new CallError('first() called on vector with no elements')
  return first
}

/** All functions for one expansion. */
export function ruleFunctions(context: RuleFunctionContext): FunctionTable {
  return {
    query: onText((expr) => runQuery(expr, context.answers)),
    first: plain([result], firstOf),
    label: plain([string, sample], (name, one) => labelOf(one, String(name))),
    value: plain([sample], (one) => (one as Struct).fields.get('Value') ?? null), // a sample, by its type
    strvalue: plain([sample], (one) => labelOf(one, '__value__')),
    sortByLabel: plain([string, result], (name, list) => {
      const label = String(name)
      return new List(resultType, itemsOf(list).toSorted((a, b) => compareBytes(labelOf(a, label), labelOf(b, label))))
    }),
    args: { parameters: [any], variadic: true, call: (items) => new Dict(anyDictType, null, new Map(items.map((item, i) => [`arg${i}`, item]))) },
    reReplaceAll: plain([string, string, string], (pattern, replacement, text) => replaceRegexp(String(pattern), String(replacement), String(text))),
    safeHtml: onText((text) => new Defined(safeHtmlType, text)),
    match: plain([string, string], (pattern, text) => matchRegexp(String(pattern), String(text))),
    title: onText(capitalizeWords),
    toUpper: onText(upperCase),
    toLower: onText(lowerCase),
    graphLink: onText((expr) => expressionLink(expr, 'graph')),
    tableLink: onText((expr) => expressionLink(expr, 'table')),
    stripPort: onText(stripPort),
    stripDomain: onText(stripDomain),
    urlQueryEscape: onText(escapeQuery),
    humanize: onNumber(humanize),
    humanize1024: onNumber(humanize1024),
    humanizeDuration: onNumber(humanizeDuration),
    humanizePercentage: onNumber(humanizePercentage),
    humanizeTimestamp: onNumber((value) => {
      const time = secondsToTime(value)
      return time === undefined ? shortNumber(value) : formatTime(time)
    }),
    toTime: onNumber((value) => {
      const time = secondsToTime(value)
      if (time === undefined) throw new CallError('value is NaN or Inf')
      return time
    }),
    toDuration: onNumber((value) => duration(BigInt(Number.isFinite(value) ? Math.trunc(value * 1e9) : 0))),
    now: plain([], () => context.timestampMs / 1000),
    pathPrefix: plain([], () => pathOf(context.externalUrl)),
    externalURL: plain([], () => context.externalUrl),
    parseDuration: onText(parseDurationSeconds),
  }
}

/** Labels as a template's map. */
export function labelDict(labels: Labels): Dict {
  return stringDict(labels.map((label) => [label.name, label.value]))
}

/** The type of the dot of an alert template. */
export const ruleDataType: TypeInfo = {
  name: 'struct { Labels map[string]string; ExternalLabels map[string]string; ExternalURL string; Value interface {} }',
}

/** The sample whose labels agree with `labels` in most places; the first of equals. */
export function closestSample(samples: readonly QuerySample[], labels: Labels): QuerySample | undefined {
  const agreement = (one: QuerySample): number => labels.filter((label) => labelValue(one.labels, label.name) === label.value).length
  let best: QuerySample | undefined
  for (const one of samples) if (best === undefined || agreement(one) > agreement(best)) best = one
  return best
}
