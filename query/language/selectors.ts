// The series that a query reads, by their selectors.

import { unreachable } from '../../src/base/assert.ts'
import type { Expr, VectorSelector } from './ast.ts'

/** Every selector in the expression, from left to right. */
export function selectorsIn(expr: Expr): readonly VectorSelector[] {
  switch (expr.kind) {
    case 'vectorSelector':
      return [expr]
    case 'matrixSelector':
      return [expr.selector]
    case 'numberLiteral':
    case 'stringLiteral':
      return []
    case 'binaryExpr':
      return [...selectorsIn(expr.lhs), ...selectorsIn(expr.rhs)]
    case 'aggregation':
      return [...(expr.param === undefined ? [] : selectorsIn(expr.param)), ...selectorsIn(expr.expr)]
    case 'call':
      return expr.args.flatMap(selectorsIn)
    case 'subquery':
    case 'unaryExpr':
    case 'parenExpr':
      return selectorsIn(expr.expr)
    default:
      return unreachable(expr)
  }
}
