// How deep a tree may be. Everything after the parser follows trees on the stack, in the middle of which it must not end, so that a tree
// that is too deep is refused before anything else sees it.

import { unreachable } from '../../src/base/assert.ts'
import type { DurationExpr, Expr } from './ast.ts'

/** A row of as many operators becomes a tree of as many levels. Prometheus takes more, and half a minute for twice as many. */
export const maxDepth = 5_000

export const tooDeep = 'the query is nested too deeply'

type Node = Expr | DurationExpr

export function isTooDeep(expr: Expr): boolean {
  let level: Node[] = [expr]
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > maxDepth + 1) return true
    level = level.flatMap(childrenOf)
  }
  return false
}

function childrenOf(node: Node): readonly Node[] {
  switch (node.kind) {
    case 'numberLiteral':
    case 'stringLiteral':
    case 'durationLiteral':
      return []
    case 'vectorSelector':
      return present(node.offsetExpr)
    case 'matrixSelector':
      return present(node.rangeExpr, node.selector.offsetExpr)
    case 'subquery':
      return present(node.expr, node.rangeExpr, node.stepExpr, node.offsetExpr)
    case 'aggregation':
      return present(node.expr, node.param)
    case 'binaryExpr':
    case 'durationBinary':
      return [node.lhs, node.rhs]
    case 'unaryExpr':
    case 'parenExpr':
    case 'durationUnary':
    case 'durationParen':
      return [node.expr]
    case 'call':
    case 'durationCall':
      return node.args
    default:
      return unreachable(node)
  }
}

function present(...nodes: readonly (Node | undefined)[]): readonly Node[] {
  return nodes.filter((node) => node !== undefined)
}
