// Duration expressions: `[5m * 2]`, `offset -step()`. What they depend on, the query's step and range, is known before
// evaluation, so this pass replaces each by its milliseconds and evaluation never meets one.

import { unreachable } from '../../src/base/assert.ts'
import type { DurationExpr, Expr, Position, VectorSelector } from '../language/ast.ts'
import { QueryError } from '../queryError.ts'

/** `step()` and `range()` of the query; both 0 for an instant query. */
export type DurationContext = { readonly stepMs: number; readonly rangeMs: number }

/** The longest duration Prometheus can hold, in seconds. */
const maxSeconds = 9_223_372_036.854775807

/** Replaces every duration expression by milliseconds. An expression without any comes back as the same object. */
export function resolveDurations(expr: Expr, context: DurationContext): Expr {
  const visit = (child: Expr) => resolveDurations(child, context)
  switch (expr.kind) {
    case 'numberLiteral':
    case 'stringLiteral':
      return expr
    case 'vectorSelector':
      return resolveSelector(expr, context)
    case 'matrixSelector': {
      const selector = resolveSelector(expr.selector, context)
      if (expr.rangeExpr === undefined) return selector === expr.selector ? expr : { ...expr, selector }
      const { rangeExpr, ...rest } = expr
      return { ...rest, selector, rangeMs: positiveMs(rangeExpr, context) }
    }
    case 'subquery': {
      const inner = visit(expr.expr)
      const { rangeExpr, stepExpr, offsetExpr } = expr
      if (inner === expr.expr && rangeExpr === undefined && stepExpr === undefined && offsetExpr === undefined) return expr
      const { rangeExpr: _range, stepExpr: _step, offsetExpr: _offset, ...rest } = expr
      return {
        ...rest,
        expr: inner,
        rangeMs: rangeExpr === undefined ? expr.rangeMs : positiveMs(rangeExpr, context),
        stepMs: stepExpr === undefined ? expr.stepMs : positiveMs(stepExpr, context),
        offsetMs: offsetExpr === undefined ? expr.offsetMs : anyMs(offsetExpr, context),
      }
    }
    case 'aggregation': {
      const inner = visit(expr.expr)
      const param = expr.param && visit(expr.param)
      if (inner === expr.expr && param === expr.param) return expr
      return { ...expr, expr: inner, ...(param && { param }) }
    }
    case 'binaryExpr': {
      const lhs = visit(expr.lhs)
      const rhs = visit(expr.rhs)
      return lhs === expr.lhs && rhs === expr.rhs ? expr : { ...expr, lhs, rhs }
    }
    case 'unaryExpr':
    case 'parenExpr': {
      const inner = visit(expr.expr)
      return inner === expr.expr ? expr : { ...expr, expr: inner }
    }
    case 'call': {
      const args = expr.args.map(visit)
      return args.every((arg, i) => arg === expr.args[i]) ? expr : { ...expr, args }
    }
    default:
      return unreachable(expr)
  }
}

function resolveSelector(selector: VectorSelector, context: DurationContext): VectorSelector {
  if (selector.offsetExpr === undefined) return selector
  const { offsetExpr, ...rest } = selector
  return { ...rest, offsetMs: anyMs(offsetExpr, context) }
}

function positiveMs(expr: DurationExpr, context: DurationContext): number {
  const durationMs = anyMs(expr, context)
  if (durationMs <= 0) throw invalidDuration(expr.position, 'duration must be greater than 0')
  return durationMs
}

function anyMs(expr: DurationExpr, context: DurationContext): number {
  const seconds = evaluateSeconds(expr, context)
  if (!(Math.abs(seconds) <= maxSeconds)) throw invalidDuration(expr.position, 'duration is out of range')
  return Math.trunc(seconds * 1000)
}

function evaluateSeconds(expr: DurationExpr, context: DurationContext): number {
  switch (expr.kind) {
    case 'durationLiteral':
      return expr.seconds
    case 'durationParen':
      return evaluateSeconds(expr.expr, context)
    case 'durationUnary': {
      const seconds = evaluateSeconds(expr.expr, context)
      return expr.op === '-' ? -seconds : seconds
    }
    case 'durationCall': {
      if (expr.name === 'step') return context.stepMs / 1000
      if (expr.name === 'range') return context.rangeMs / 1000
      const seconds = expr.args.map((arg) => evaluateSeconds(arg, context))
      return expr.name === 'min_of' ? Math.min(...seconds) : Math.max(...seconds)
    }
    case 'durationBinary': {
      const lhs = evaluateSeconds(expr.lhs, context)
      const rhs = evaluateSeconds(expr.rhs, context)
      if (rhs === 0 && expr.op === '/') throw invalidDuration(expr.position, 'division by zero')
      if (rhs === 0 && expr.op === '%') throw invalidDuration(expr.position, 'modulo by zero')
      return durationArithmetic[expr.op](lhs, rhs)
    }
    default:
      return unreachable(expr)
  }
}

const durationArithmetic = {
  '+': (a: number, b: number) => a + b,
  '-': (a: number, b: number) => a - b,
  '*': (a: number, b: number) => a * b,
  '/': (a: number, b: number) => a / b,
  '%': (a: number, b: number) => a % b,
  '^': (a: number, b: number) => a ** b,
}

function invalidDuration(position: Position, text: string): QueryError {
  return new QueryError('bad_data', `${position.start}:${position.end}: ${text}`)
}
