// Whether the value of a query at one step follows from the samples around that step alone: then the steps of an earlier
// answer can stand in a later one. What depends on the start or end of the range does not, nor does what chooses among equals,
// or computes with rounding errors that are not compensated, in an order that other steps have a say in. Sums and means are
// compensated (kahan.ts): in whatever order, they are the sum rounded once.

import { unreachable } from '../../src/base/assert.ts'
import { metricNameLabel } from '../../storage/model/labels.ts'
import type { AggregateExpr, BinaryExpr, CallExpr, Expr, VectorSelector } from '../language/ast.ts'
import { withoutParens } from '../language/ast.ts'

/** Functions of each window by itself. */
const windowFunctions: ReadonlySet<string> = new Set([
  'absent_over_time',
  'avg_over_time',
  'changes',
  'count_over_time',
  'delta',
  'first_over_time',
  'idelta',
  'increase',
  'irate',
  'last_over_time',
  'mad_over_time',
  'max_over_time',
  'min_over_time',
  'present_over_time',
  'quantile_over_time',
  'rate',
  'resets',
  'stddev_over_time',
  'stdvar_over_time',
  'sum_over_time',
  'ts_of_first_over_time',
  'ts_of_last_over_time',
  'ts_of_max_over_time',
  'ts_of_min_over_time',
])

/** Functions of each value by itself, which leave the order of series as it is. */
const valueFunctions: ReadonlySet<string> = new Set(
  [
    'abs acos acosh asin asinh atan atanh ceil clamp clamp_max clamp_min cos cosh deg exp floor ln log10 log2 rad round sgn sin sinh sqrt tan tanh',
    'day_of_month day_of_week day_of_year days_in_month hour minute month year timestamp',
  ].flatMap((names) => names.split(' ')),
)

const otherFunctions: ReadonlySet<string> = new Set(['absent', 'histogram_quantile', 'pi', 'scalar', 'sort', 'sort_desc', 'time', 'vector'])

/** Aggregations for which the order of their operands makes no difference. */
const orderlessOps: ReadonlySet<AggregateExpr['op']> = new Set(['avg', 'count', 'count_values', 'group', 'max', 'min', 'quantile', 'sum'])
/** Those that compute, or choose among equals, in the order of their operands. */
const orderedOps: ReadonlySet<AggregateExpr['op']> = new Set(['bottomk', 'stddev', 'stdvar', 'topk'])

/**
 * How far after a step, in milliseconds, lie samples that its value depends on, 0 for most queries; `undefined` when its
 * value depends on more than the samples around it.
 */
export function lookaheadOf(expr: Expr): number | undefined {
  const whole = withoutParens(expr)
  if (whole.kind === 'binaryExpr' && whole.op === 'or') return latest([whole.lhs, whole.rhs])
  return lookahead(expr)
}

function lookahead(expr: Expr): number | undefined {
  switch (expr.kind) {
    case 'numberLiteral':
    case 'stringLiteral':
      return 0
    case 'vectorSelector':
      return ofSelector(expr)
    case 'matrixSelector':
      return expr.rangeExpr === undefined ? ofSelector(expr.selector) : undefined
    case 'subquery': {
      const inner = lookahead(expr.expr)
      const isPlain = expr.at === undefined && expr.offsetExpr === undefined && expr.rangeExpr === undefined && expr.stepExpr === undefined
      return inner === undefined || !isPlain ? undefined : Math.max(0, inner - expr.offsetMs)
    }
    case 'aggregation':
      return ofAggregation(expr)
    case 'binaryExpr':
      return ofBinary(expr)
    case 'call':
      return ofCall(expr)
    case 'unaryExpr':
    case 'parenExpr':
      return lookahead(expr.expr)
    default:
      return unreachable(expr)
  }
}

/** Two metrics may become one series when their names are dropped, which is an error where they meet at any step. */
function ofSelector({ matchers, at, offsetMs, offsetExpr, anchored, smoothed }: VectorSelector): number | undefined {
  if (at !== undefined || offsetExpr !== undefined || anchored || smoothed) return undefined
  const hasOneName = matchers.some(({ name, op }) => name === metricNameLabel && op === '=')
  return hasOneName ? Math.max(0, -offsetMs) : undefined
}

function ofAggregation({ op, expr, param }: AggregateExpr): number | undefined {
  const isStepwise = orderlessOps.has(op) || (orderedOps.has(op) && isInOrderOfSeries(expr))
  return isStepwise ? latest(param === undefined ? [expr] : [expr, param]) : undefined
}

function ofBinary({ op, lhs, rhs, matching }: BinaryExpr): number | undefined {
  if (op === 'or' || matching?.fillLhs !== undefined || matching?.fillRhs !== undefined) return undefined
  return latest([lhs, rhs])
}

function ofCall({ name, args }: CallExpr): number | undefined {
  return windowFunctions.has(name) || valueFunctions.has(name) || otherFunctions.has(name) ? latest(args) : undefined
}

function latest(parts: readonly Expr[]): number | undefined {
  let latestMs = 0
  for (const part of parts) {
    const ms = lookahead(part)
    if (ms === undefined) return undefined
    latestMs = Math.max(latestMs, ms)
  }
  return latestMs
}

/** Whether the series of the result come in the order in which storage has them, whichever of them a range of steps sees. */
function isInOrderOfSeries(expr: Expr): boolean {
  switch (expr.kind) {
    case 'vectorSelector':
      return true
    case 'call':
      return (windowFunctions.has(expr.name) && expr.args.some(({ kind }) => kind === 'matrixSelector')) || (valueFunctions.has(expr.name) && expr.args.every((arg) => isInOrderOfSeries(arg) || isNumber(arg)))
    case 'binaryExpr':
      return (isNumber(expr.rhs) && isInOrderOfSeries(expr.lhs)) || (isNumber(expr.lhs) && isInOrderOfSeries(expr.rhs))
    case 'unaryExpr':
    case 'parenExpr':
      return isInOrderOfSeries(expr.expr)
    default:
      return false
  }
}

function isNumber(expr: Expr): boolean {
  return withoutParens(expr).kind === 'numberLiteral'
}
