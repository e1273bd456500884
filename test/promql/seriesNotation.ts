// Prometheus's notation for test series: `loans{branch="market"} 4+3x7 _ stale 9x2`. Used by the PromQL scripts, for
// what is loaded and for what a range evaluation is expected to give.

import { withoutParens } from '../../query/language/ast.ts'
import { parseQuery } from '../../query/language/parse.ts'
import type { NativeHistogram } from '../../storage/model/histogram.ts'
import { labelsFrom, type Labels } from '../../storage/model/labels.ts'
import { stale } from '../helpers/memoryQuerier.ts'
import { histogramSequence } from './histogramNotation.ts'

export type NotatedValue = number | typeof stale | NativeHistogram | undefined

/** The label set of `name{a="b"}`, `{a="b"}` or `{}`. */
function parseMetric(text: string): Labels {
  if (/^\{\s*\}$/.test(text)) return []
  const expr = withoutParens(parseQuery(text))
  if (expr.kind !== 'vectorSelector' || expr.matchers.some((matcher) => matcher.op !== '=')) throw new Error(`not a series: ${text}`)
  return labelsFrom(Object.fromEntries(expr.matchers.map(({ name, value }) => [name, value])))
}

/** Splits a line into the series and what follows it. */
export function splitSeries(line: string): { readonly labels: Labels; readonly rest: string } {
  const match = /^((?:[a-zA-Z_:][a-zA-Z0-9_:]*)?(?:\{(?:[^"'`}]|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)*\})?)(?:\s+(.*))?$/.exec(line)
  if (match?.[1] === undefined || match[1] === '') throw new Error(`not a series: ${line}`)
  return { labels: parseMetric(match[1]), rest: match[2] ?? '' }
}

export function parseNumber(text: string): number {
  if (/^[+-]?inf$/i.test(text)) return text.startsWith('-') ? -Infinity : Infinity
  if (/^nan$/i.test(text)) return NaN
  const value = Number(text)
  if (text === '' || Number.isNaN(value)) throw new Error(`not a number: ${text}`)
  return value
}

const numberPattern = '[+-]?(?:\\d+\\.?\\d*(?:[eE][+-]?\\d+)?|\\.\\d+(?:[eE][+-]?\\d+)?|[iI]nf|[nN]a[nN])'
const sequence = new RegExp(`^(${numberPattern})(?:([+-])(${numberPattern.replace('[+-]?', '[+-]?')}))?x(\\d+)$`)

/** `a`, `axN` (N+1 times), `a+bxN`, `a-bxN`, `_`, `_xN`, `stale`; a and b are numbers or histograms `{{schema:0 count:3}}`. */
export function parseValues(text: string): NotatedValue[] {
  return (text.match(/\{\{.*?\}\}(?:[+-]\{\{.*?\}\})?(?:x\d+)?|\S+/g) ?? []).flatMap(parseItem)
}

function parseItem(item: string): NotatedValue[] {
  if (item.startsWith('{{')) return histogramSequence(item)
  if (item === '_') return [undefined]
  if (item === 'stale') return [stale]
  const gap = /^_x(\d+)$/.exec(item)
  if (gap !== null) return Array.from({ length: Number(gap[1]) }, () => undefined)
  const match = sequence.exec(item)
  if (match === null) return [parseNumber(item)]
  const [, first = '', sign, increment, count] = match
  const start = parseNumber(first)
  const step = increment === undefined ? 0 : (sign === '-' ? -1 : 1) * parseNumber(increment)
  // Added one by one, as Prometheus does, so that rounding is the same.
  const values = [start]
  for (let i = 0; i < Number(count); i++) values.push((values[i] as number) + step) // values has i + 1 entries
  return values
}
