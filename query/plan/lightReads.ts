// What the selectors of a query read, when all the rest of it is light: work that grows with the number of series and no
// faster, and no regular expression over labels.

import { unreachable } from '../../src/base/assert.ts'
import type { Matcher } from '../../storage/model/matcher.ts'
import { withoutParens, type Expr, type VectorSelector } from '../language/ast.ts'

/** The series that match, over `rangeMs`, which is 0 for an instant selector. */
export type LightRead = { readonly matchers: readonly Matcher[]; readonly rangeMs: number }

/** They read series of their own, match labels by regular expression, or make labels many times as long. */
const heavyFunctions: ReadonlySet<string> = new Set(['info', 'label_replace', 'label_join'])

/** `undefined` when anything else in the query may take long. */
export function lightReadsOf(expr: Expr): readonly LightRead[] | undefined {
  if (withoutParens(expr).kind === 'matrixSelector') return undefined // every sample is printed
  const reads: LightRead[] = []
  return addReads(expr, reads) ? reads : undefined
}

function addReads(expr: Expr, reads: LightRead[]): boolean {
  switch (expr.kind) {
    case 'numberLiteral':
    case 'stringLiteral':
      return true
    case 'vectorSelector':
      return addRead(expr, 0, reads)
    case 'matrixSelector':
      return expr.rangeExpr === undefined && addRead(expr.selector, expr.rangeMs, reads)
    case 'subquery':
      return false
    case 'binaryExpr':
      return addReads(expr.lhs, reads) && addReads(expr.rhs, reads)
    case 'aggregation':
      // It makes a series of each value, all as long as the range.
      return expr.op !== 'count_values' && (expr.param === undefined || addReads(expr.param, reads)) && addReads(expr.expr, reads)
    case 'call':
      return !heavyFunctions.has(expr.name) && expr.args.every((arg) => addReads(arg, reads))
    case 'unaryExpr':
    case 'parenExpr':
      return addReads(expr.expr, reads)
    default:
      return unreachable(expr)
  }
}

function addRead({ matchers, anchored, smoothed }: VectorSelector, rangeMs: number, reads: LightRead[]): boolean {
  reads.push({ matchers, rangeMs })
  return !anchored && !smoothed // which look beyond their range
}
