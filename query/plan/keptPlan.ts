// The plan of a query, kept from one evaluation to the next for as long as its parsed tree is: a dashboard asks for the same
// at other times, on which few plans depend.

import type { Expr } from '../language/ast.ts'
import { resolveDurations } from './durations.ts'
import { createPlan, resetCost, type Plan, type PlanOptions } from './plan.ts'

type Kept = { readonly plan: Plan; readonly evaluationIntervalMs: number; readonly lookbackMs: number }

const keptPlans = new WeakMap<Expr, Kept>()

/** `stepMs` is 0 for an instant query. What the plan says of costs is good until the next plan of the same tree. */
export function planOf(expr: Expr, options: PlanOptions & { readonly stepMs: number }): Plan {
  const { startMs, endMs, stepMs, evaluationIntervalMs, lookbackMs } = options
  const kept = keptPlans.get(expr)
  if (kept?.evaluationIntervalMs === evaluationIntervalMs && kept.lookbackMs === lookbackMs) {
    kept.plan.costs.forEach(resetCost)
    return kept.plan
  }
  const resolved = resolveDurations(expr, { stepMs, rangeMs: endMs - startMs })
  const plan = createPlan(resolved, options)
  if (resolved === expr && !plan.isOfOneRange) keptPlans.set(expr, { plan, evaluationIntervalMs, lookbackMs })
  return plan
}
