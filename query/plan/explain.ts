// EXPLAIN: the plan of a query that was evaluated, as a tree with what each part took, for people who ask why a dashboard
// is slow. Its form is in docs/querying.md.

import { unreachable } from '../../src/base/assert.ts'
import { normalizedText } from '../language/print.ts'
import type { PlanNode } from './plan.ts'

export type Explained = {
  /** Kind of the node: `selector`, `windows`, `rangeCall`, `aggregation` ... */
  readonly node: string
  readonly expression: string
  /** Evaluated at one step, because it is the same at all of them. */
  readonly constant: boolean
  /** Series that were selected, or that the node's result has. */
  readonly series: number
  /** By selectors and windows: samples looked at, each once per step that saw it. */
  readonly samplesRead: number
  /** Chunks decoded for it, in memory or from disk. */
  readonly chunksDecoded: number
  /** Workers that evaluated its series, parts of them each. */
  readonly workers: number
  /** With what is below. */
  readonly seconds: number
  readonly children: readonly Explained[]
}

/** Of a plan that has been evaluated. */
export function explain(plan: PlanNode): Explained {
  const { seriesCount, samplesRead, chunksDecoded, workers, elapsedMs } = plan.cost
  return {
    node: plan.kind,
    expression: normalizedText(plan.expr),
    constant: plan.fixed,
    series: seriesCount,
    samplesRead,
    chunksDecoded,
    workers,
    seconds: elapsedMs / 1000,
    children: childrenOf(plan).map(explain),
  }
}

function childrenOf(plan: PlanNode): readonly PlanNode[] {
  switch (plan.kind) {
    case 'number':
    case 'string':
    case 'selector':
    case 'windows':
      return []
    case 'subquery':
      return [plan.inner]
    case 'aggregation':
      return plan.param === undefined ? [plan.operand] : [plan.operand, plan.param]
    case 'binary':
      return [plan.lhs, plan.rhs]
    case 'unary':
      return [plan.operand]
    case 'call':
      return plan.args
    case 'rangeCall':
      return [plan.operand, ...plan.scalars]
    case 'info':
      return [plan.operand, plan.infos]
    default:
      return unreachable(plan)
  }
}
