// The tree as text again: in one normalized line, which rules and links carry, and broken into indented lines for people.
// Both read back to the same tree.

import { unreachable } from '../../src/base/assert.ts'
import { formatDurationMs } from '../../src/base/duration.ts'
import { metricNameLabel } from '../../storage/model/labels.ts'
import type { Matcher } from '../../storage/model/matcher.ts'
import type { AggregateExpr, AtModifier, BinaryExpr, DurationExpr, Expr, SubqueryExpr, VectorSelector } from './ast.ts'
import { formatPlainDecimal } from './numberText.ts'
import { goQuote } from './stringLiteral.ts'

/** Remembered, because in lines of its own each part of a query is first looked at as one line. */
const lines = new WeakMap<Expr, string>()

/** The query in one line, as Prometheus normalizes it. */
export function normalizedText(expr: Expr): string {
  let line = lines.get(expr)
  if (line === undefined) lines.set(expr, (line = lineOf(expr)))
  return line
}

function lineOf(expr: Expr): string {
  switch (expr.kind) {
    case 'numberLiteral':
      return numberText(expr.value, expr.isDuration)
    case 'stringLiteral':
      return goQuote(expr.value)
    case 'vectorSelector':
      return `${selectorText(expr)}${extensionText(expr)}${timeText(expr)}`
    case 'matrixSelector':
      return `${selectorText(expr.selector)}[${durationText(expr.rangeMs, expr.rangeExpr)}]${extensionText(expr.selector)}${timeText(expr.selector)}`
    case 'subquery':
      return `${normalizedText(expr.expr)}${subqueryText(expr)}`
    case 'aggregation':
      return `${aggregationHead(expr)}(${expr.param === undefined ? '' : `${normalizedText(expr.param)}, `}${normalizedText(expr.expr)})`
    case 'binaryExpr':
      return `${isInfiniteBase(expr) ? 'Inf' : normalizedText(expr.lhs)} ${operatorText(expr)} ${normalizedText(expr.rhs)}`
    case 'unaryExpr':
      return `${expr.op}${normalizedText(expr.expr)}`
    case 'parenExpr':
      return `(${normalizedText(expr.expr)})`
    case 'call':
      return `${expr.name}(${expr.args.map(normalizedText).join(', ')})`
    default:
      return unreachable(expr)
  }
}

/** What is longer than this in one line is broken. */
const maxLineBytes = 100

/** The query in lines of two more blanks per level. */
export function prettyText(expr: Expr): string {
  return pretty(expr, 0)
}

function pretty(expr: Expr, level: number): string {
  const indent = '  '.repeat(level)
  const line = normalizedText(expr)
  // The length first, which a text that is not put together yet has too.
  const fits = line.length <= maxLineBytes && Buffer.byteLength(line) <= maxLineBytes
  switch (expr.kind) {
    case 'aggregation': {
      if (fits) break
      const param = expr.param === undefined ? '' : `${pretty(expr.param, level + 1)},\n`
      return `${indent}${aggregationHead(expr)}(\n${param}${pretty(expr.expr, level + 1)}\n${indent})`
    }
    case 'binaryExpr':
      if (fits) break
      return `${isInfiniteBase(expr) ? `${indent}  Inf` : pretty(expr.lhs, level + 1)}\n${indent}${operatorText(expr)}\n${pretty(expr.rhs, level + 1)}`
    case 'call':
      if (fits) break
      return `${indent}${expr.name}(\n${expr.args.map((arg) => pretty(arg, level + 1)).join(',\n')}\n${indent})`
    case 'parenExpr':
      if (fits) break
      return `${indent}(\n${pretty(expr.expr, level + 1)}\n${indent})`
    case 'subquery':
      if (fits) break
      return `${pretty(expr.expr, level)}${subqueryText(expr)}`
    case 'unaryExpr':
      return `${indent}${expr.op}${pretty(expr.expr, level).trim()}`
  }
  return `${indent}${line}`
}

function aggregationHead({ op, without, grouping }: AggregateExpr): string {
  if (without) return `${op} without (${labelList(grouping)}) `
  return grouping.length > 0 ? `${op} by (${labelList(grouping)}) ` : op
}

function operatorText({ op, bool, matching }: BinaryExpr): string {
  let text = bool ? `${op} bool` : op
  if (matching === undefined) return text
  const { card, on, labels, include, fillLhs, fillRhs } = matching
  const isGrouped = card === 'many-to-one' || card === 'one-to-many'
  if (on || labels.length > 0 || isGrouped) text += ` ${on ? 'on' : 'ignoring'} (${labelList(labels)})`
  if (isGrouped) text += ` group_${card === 'many-to-one' ? 'left' : 'right'} (${labelList(include)})`
  if (fillLhs !== undefined && Object.is(fillLhs, fillRhs)) return `${text} fill (${formatPlainDecimal(fillLhs)})`
  if (fillLhs !== undefined) text += ` fill_left (${formatPlainDecimal(fillLhs)})`
  if (fillRhs !== undefined) text += ` fill_right (${formatPlainDecimal(fillRhs)})`
  return text
}

function selectorText({ name, matchers }: VectorSelector): string {
  const isName = (matcher: Matcher) => name !== '' && matcher.name === metricNameLabel && matcher.op === '=' && matcher.value === name
  const conditions = matchers.filter((matcher) => !isName(matcher)).map(matcherText)
  return conditions.length === 0 ? name : `${name}{${conditions.sort().join(',')}}`
}

function matcherText({ name, op, value }: Matcher): string {
  return `${labelName(name)}${op}${goQuote(value)}`
}

function labelList(names: readonly string[]): string {
  return names.map(labelName).join(', ')
}

function labelName(name: string): string {
  return /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name) ? name : goQuote(name)
}

function extensionText({ anchored, smoothed }: VectorSelector): string {
  if (anchored) return ' anchored'
  return smoothed ? ' smoothed' : ''
}

/** `@` and `offset`, with a blank before each. */
function timeText({ at, offsetMs, offsetExpr }: { readonly at?: AtModifier; readonly offsetMs: number; readonly offsetExpr?: DurationExpr }): string {
  let text = ''
  if (at !== undefined) text += typeof at === 'number' ? ` @ ${(at / 1000).toFixed(3)}` : ` @ ${at}()`
  if (offsetExpr !== undefined || offsetMs !== 0) text += ` offset ${durationText(offsetMs, offsetExpr)}`
  return text
}

function subqueryText(expr: SubqueryExpr): string {
  const step = expr.stepExpr === undefined && expr.stepMs === 0 ? '' : durationText(expr.stepMs, expr.stepExpr)
  return `[${durationText(expr.rangeMs, expr.rangeExpr)}:${step}]${timeText(expr)}`
}

function durationText(durationMs: number, expr: DurationExpr | undefined): string {
  if (expr !== undefined) return durationExprText(expr)
  return durationMs < 0 ? `-${formatDurationMs(-durationMs)}` : formatDurationMs(durationMs)
}

function durationExprText(expr: DurationExpr): string {
  switch (expr.kind) {
    case 'durationLiteral':
      return numberText(expr.seconds, expr.isDuration)
    case 'durationUnary':
      return expr.op === '-' ? `-${durationExprText(expr.expr)}` : durationExprText(expr.expr)
    case 'durationBinary':
      return `${durationExprText(expr.lhs)} ${expr.op} ${durationExprText(expr.rhs)}`
    case 'durationParen':
      return `(${durationExprText(expr.expr)})`
    case 'durationCall':
      return `${expr.name}(${expr.args.map(durationExprText).join(', ')})`
    default:
      return unreachable(expr)
  }
}

/** `+Inf ^ 2` would be a sign before a power. */
function isInfiniteBase({ op, lhs }: BinaryExpr): boolean {
  return op === '^' && lhs.kind === 'numberLiteral' && lhs.value === Infinity
}

function numberText(value: number, isDuration: boolean): string {
  return isDuration ? durationText(Math.round(value * 1000), undefined) : formatPlainDecimal(value)
}
