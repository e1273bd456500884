// The series that a query reads, by their selectors.

import { unreachable } from '../../src/base/assert.ts'
import type { Matcher } from '../../storage/model/matcher.ts'
import type { Expr } from './ast.ts'

/** The conditions of every selector in the query, in the order in which they stand. */
export function selectorsOf(expr: Expr): (readonly Matcher[])[] {
  switch (expr.kind) {
    case 'vectorSelector':
      return [expr.matchers]
    case 'matrixSelector':
      return [expr.selector.matchers]
    case 'numberLiteral':
    case 'stringLiteral':
      return []
    case 'binaryExpr':
      return [...selectorsOf(expr.lhs), ...selectorsOf(expr.rhs)]
    case 'aggregation':
      return [...(expr.param === undefined ? [] : selectorsOf(expr.param)), ...selectorsOf(expr.expr)]
    case 'call':
      return expr.args.flatMap(selectorsOf)
    case 'subquery':
    case 'unaryExpr':
    case 'parenExpr':
      return selectorsOf(expr.expr)
    default:
      return unreachable(expr)
  }
}
