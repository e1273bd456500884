// The tree as `/api/v1/parse_query` shows it: Prometheus's names for nodes and their parts.

import { unreachable } from '../../src/base/assert.ts'
import type { Matcher } from '../../storage/model/matcher.ts'
import type { AtModifier, DurationExpr, Expr, SubqueryExpr, VectorMatching, VectorSelector } from './ast.ts'
import { formatPlainDecimal } from './numberText.ts'
import { functionSignatures } from './signatures.ts'

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

/** The expression with all that is below it. */
export function expressionTree(expr: Expr): Json {
  switch (expr.kind) {
    case 'numberLiteral':
      return { type: 'numberLiteral', val: formatPlainDecimal(expr.value) }
    case 'stringLiteral':
      return { type: 'stringLiteral', val: expr.value }
    case 'vectorSelector':
      return { type: 'vectorSelector', ...selectorParts(expr) }
    case 'matrixSelector':
      return { type: 'matrixSelector', ...selectorParts(expr.selector), range: expr.rangeMs, rangeExpr: durationTree(expr.rangeExpr) }
    case 'subquery':
      return {
        type: 'subquery', expr: expressionTree(expr.expr), range: expr.rangeMs, rangeExpr: durationTree(expr.rangeExpr),
        step: expr.stepMs, stepExpr: durationTree(expr.stepExpr), ...timeParts(expr),
      }
    case 'aggregation': {
      const { op, param, grouping, without } = expr
      return { type: 'aggregation', op, expr: expressionTree(expr.expr), param: param === undefined ? null : expressionTree(param), grouping, without }
    }
    case 'binaryExpr': {
      const { op, bool } = expr
      return { type: 'binaryExpr', op, lhs: expressionTree(expr.lhs), rhs: expressionTree(expr.rhs), matching: matchingTree(expr.matching), bool }
    }
    case 'unaryExpr':
      return { type: 'unaryExpr', op: expr.op, expr: expressionTree(expr.expr) }
    case 'parenExpr':
      return { type: 'parenExpr', expr: expressionTree(expr.expr) }
    case 'call': {
      const signature = functionSignatures.get(expr.name)
      if (signature === undefined) throw new Error(`bug: no signature of ${expr.name}`)
      const { name, argTypes, variadic, returnType } = signature
      return { type: 'call', func: { name, argTypes, variadic, returnType }, args: expr.args.map(expressionTree) }
    }
    default:
      return unreachable(expr)
  }
}

function matchingTree(matching: VectorMatching | undefined): Json {
  if (matching === undefined) return null
  const { card, labels, on, include, fillLhs = null, fillRhs = null } = matching
  return { card, labels, on, include, fillValues: { lhs: fillLhs, rhs: fillRhs } }
}

function selectorParts(selector: VectorSelector) {
  const { name, anchored, smoothed } = selector
  return { name, matchers: selector.matchers.map(matcherTree), ...timeParts(selector), anchored, smoothed }
}

function matcherTree({ name, op, value }: Matcher): Json {
  return { name, value, type: op }
}

function timeParts({ offsetMs, offsetExpr, at }: Pick<SubqueryExpr, 'offsetMs' | 'offsetExpr'> & { readonly at?: AtModifier }) {
  return {
    offset: offsetMs,
    offsetExpr: durationTree(offsetExpr),
    timestamp: typeof at === 'number' ? at : null,
    startOrEnd: typeof at === 'string' ? at : null,
  }
}

function durationTree(expr: DurationExpr | undefined, wrapped = false): Json {
  if (expr === undefined) return null
  const node = (op: string, lhs: Json, rhs: Json): Json => ({ type: 'durationExpr', op, lhs, rhs, wrapped })
  switch (expr.kind) {
    case 'durationLiteral':
      return { type: 'numberLiteral', val: formatPlainDecimal(expr.seconds) }
    case 'durationParen':
      return durationTree(expr.expr, true)
    case 'durationUnary':
      return node(expr.op, null, durationTree(expr.expr))
    case 'durationBinary':
      return node(expr.op, durationTree(expr.lhs), durationTree(expr.rhs))
    case 'durationCall':
      return node(expr.name, durationTree(expr.args[0]), durationTree(expr.args[1]))
    default:
      return unreachable(expr)
  }
}
