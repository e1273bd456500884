// Asks two servers the same query and says how the answers differ. Values may differ by 1e-12 of their size.

import type { Expr } from '../../../query/language/ast.ts'
import { parseQuery } from '../../../query/language/parse.ts'
import { normalizedText } from '../../../query/language/print.ts'
import { valueTypeOf } from '../../../query/language/typecheck.ts'
import { QueryError } from '../../../query/queryError.ts'
import type { RandomQuery } from './queries.ts'

type Point = readonly [time: number, value: string]
type Series = { readonly metric: Readonly<Record<string, string>>; readonly value?: Point; readonly values?: readonly Point[] }
type Data = { readonly resultType: 'vector' | 'matrix'; readonly result: readonly Series[] } | { readonly resultType: 'scalar'; readonly result: Point } | { readonly resultType: 'string'; readonly result: Point }
type Answer = { readonly status: 'success'; readonly data: Data } | { readonly status: 'error'; readonly errorType: string; readonly error: string }

const tolerance = 1e-12
const features = new Set(['promql-experimental-functions'])

async function ask(url: string, query: RandomQuery): Promise<Answer> {
  return (await (await respond(url, query)).json()) as Answer // both servers answer every query in this form
}

function respond(url: string, query: RandomQuery): Promise<Response> {
  const { text, startMs, endMs, stepMs } = query
  const times: Record<string, string> = stepMs === 0 ? { time: `${startMs / 1000}` } : { start: `${startMs / 1000}`, end: `${endMs / 1000}`, step: `${stepMs / 1000}` }
  return fetch(`${url}/api/v1/${stepMs === 0 ? 'query' : 'query_range'}`, { method: 'POST', body: new URLSearchParams({ query: text, ...times }) })
}

/** What is asked again may be answered in another way each time, up to a program of its own (query/program). */
export async function changeWhenAskedAgain(url: string, query: RandomQuery): Promise<string | undefined> {
  const first = await (await respond(url, query)).text()
  for (let times = 2; times <= 6; times++) {
    const again = await (await respond(url, query)).text()
    if (again !== first) return `asked for the ${times}. time: ${again}\nthe first time: ${first}`
  }
  return undefined
}

/** Prometheus 2.x has one function under another name. */
function asIn2(text: string): string {
  return text.replaceAll('double_exponential_smoothing', 'holt_winters')
}

/** How the answers differ, or undefined when they do not. */
export async function difference(ownUrl: string, peerUrl: string, query: RandomQuery): Promise<string | undefined> {
  const [own, peer] = await Promise.all([ask(ownUrl, query), ask(peerUrl, { ...query, text: asIn2(query.text) })])
  // Numbers and durations stand for each other in 3.x.
  if (query.isDamaged && (own.status === peer.status || (peer.status === 'error' && peer.error.includes('duration')))) return undefined
  if (own.status === 'error' || peer.status === 'error') {
    if (own.status === 'error' && peer.status === 'error' && own.errorType === peer.errorType && comparable(own.error, query.text) === comparable(peer.error, query.text)) return undefined
    const shown = (answer: Answer) => (answer.status === 'error' ? `${answer.errorType}: ${answer.error}` : 'no error')
    return `solowatch: ${shown(own)}\nPrometheus: ${shown(peer)}`
  }
  return dataDifference(own.data, peer.data, query.ordered || query.stepMs > 0)
}

/** An error's text without what depends on the order of series, and in the words of 3.x where 2.x has others; of several parse errors the first. */
function comparable(error: string, query: string): string {
  const positioned = asIn2(query) === query ? error : error.replace(/1:\d+: /, '')
  return (positioned.split('\n')[0] ?? '')
    .replace('invalid parameter "query": ', '')
    .replace('^(?:', '^(?s:')
    .replace('Scalar value NaN overflows int64', 'Parameter value is NaN')
    .replace(/match group \{.*\} on the (left|right) hand-side of the operation: \[.*\];/, 'match group on the $1;')
}

function dataDifference(own: Data, peer: Data, ordered: boolean): string | undefined {
  if (own.resultType !== peer.resultType) return `type ${own.resultType} instead of ${peer.resultType}`
  if (own.resultType === 'scalar' || peer.resultType === 'scalar') return pointDifference(own.result as Point, peer.result as Point) // both are scalars
  if (own.resultType === 'string' || peer.resultType === 'string') return own.result[1] === peer.result[1] ? undefined : `${own.result[1]} instead of ${peer.result[1]}`
  const keys = (data: readonly Series[]) => data.map(({ metric }) => JSON.stringify(Object.entries(metric).sort(([a], [b]) => (a < b ? -1 : 1))))
  const ownKeys = keys(own.result)
  const peerKeys = keys(peer.result)
  const missing = peerKeys.filter((key) => !ownKeys.includes(key))
  const extra = ownKeys.filter((key) => !peerKeys.includes(key))
  if (missing.length > 0 || extra.length > 0) return `series missing: ${missing.slice(0, 3).join(' ')}; too many: ${extra.slice(0, 3).join(' ')}`
  if (ownKeys.length !== peerKeys.length) return `${ownKeys.length} series instead of ${peerKeys.length}`
  if (ordered) {
    const at = ownKeys.findIndex((key, i) => key !== peerKeys[i] && !isTie(own.result[i]?.value, peer.result[i]?.value))
    if (at >= 0) return `order differs at ${at}: ${ownKeys[at]} instead of ${peerKeys[at]}`
  }
  for (const [i, series] of own.result.entries()) {
    const other = peer.result[peerKeys.indexOf(ownKeys[i] as string)] as Series // all keys are in both
    const points = (one: Series) => (one.value === undefined ? (one.values ?? []) : [one.value])
    const [a, b] = [points(series), points(other)]
    if (a.length !== b.length) return `${ownKeys[i]}: ${a.length} points instead of ${b.length}`
    for (const [k, point] of a.entries()) {
      const problem = pointDifference(point, b[k] as Point) // as many points
      if (problem !== undefined) return `${ownKeys[i]}: ${problem}`
    }
  }
  return undefined
}

/** Equal values may be in any order, and -0 is 0. */
function isTie(a: Point | undefined, b: Point | undefined): boolean {
  return a !== undefined && b !== undefined && (a[1] === b[1] || number(a[1]) === number(b[1]))
}

function pointDifference([time, value]: Point, [peerTime, peerValue]: Point): string | undefined {
  if (time !== peerTime) return `time ${time} instead of ${peerTime}`
  if (value === peerValue) return undefined
  const [a, b] = [number(value), number(peerValue)]
  if (a === 0 && b === 0) return undefined
  if (a === b) return `${value} is written ${peerValue}`
  return Math.abs(a - b) <= tolerance * Math.max(Math.abs(a), Math.abs(b)) ? undefined : `${value} instead of ${peerValue} at ${time}`
}

const number = (text: string) => (text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text))

/** The smallest part of the query that is answered differently by itself, with what is different; `problem` is what was different in the whole. */
export async function smallestDifference(ownUrl: string, peerUrl: string, query: RandomQuery, problem: string): Promise<{ readonly text: string; readonly problem: string }> {
  for (const part of query.isDamaged ? [] : parsed(query.text)) {
    const type = valueTypeOf(part)
    if (type === 'string' || (type === 'matrix' && query.stepMs > 0)) continue
    const smaller = { ...query, text: normalizedText(part), ordered: false }
    const inPart = await difference(ownUrl, peerUrl, smaller)
    if (inPart !== undefined) return smallestDifference(ownUrl, peerUrl, smaller, inPart)
  }
  const again = await difference(ownUrl, peerUrl, query)
  return { text: query.text, problem: again === undefined ? `${problem}\n(not when asked again)` : problem }
}

/** The parts of the query; none when it is not valid here. */
function parsed(text: string): readonly Expr[] {
  try {
    return partsOf(parseQuery(text, features))
  } catch (error) {
    if (error instanceof QueryError) return []
    throw error
  }
}

function partsOf(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case 'aggregation':
      return [expr.expr, ...(expr.param === undefined ? [] : [expr.param])]
    case 'binaryExpr':
      return [expr.lhs, expr.rhs]
    case 'call':
      return expr.args
    case 'parenExpr':
    case 'subquery':
    case 'unaryExpr':
      return [expr.expr]
    default:
      return []
  }
}
