// `and`, `or`, `unless`: which series of one side have, at a step, a partner on the other. Values are left alone.

import type { BinaryExpr, SetOp } from '../language/ast.ts'
import { labelProjection, type LabelProjection } from '../values/labelProjection.ts'
import { joinEqualSeries } from '../values/labelSets.ts'
import type { VectorSeries } from '../values/value.ts'

/** Series of the left side keep their labels and values, and so do those of the right side that `or` adds. */
export function evaluateSetOperator(
  node: BinaryExpr,
  lhs: readonly VectorSeries[],
  rhs: readonly VectorSeries[],
  stepCount: number,
): readonly VectorSeries[] {
  const { labels = [], on = false } = node.matching ?? {}
  const projection = labelProjection(labels, on)
  switch (node.op as SetOp) { // the caller has set operators only
    case 'and':
      return masked(lhs, presenceByKey(rhs, projection, stepCount), projection, 1)
    case 'unless':
      return masked(lhs, presenceByKey(rhs, projection, stepCount), projection, 0)
    case 'or':
      return joinEqualSeries([...lhs, ...masked(rhs, presenceByKey(lhs, projection, stepCount), projection, 0)])
  }
}

/** Per signature, at which steps any series with it is present. */
function presenceByKey(series: readonly VectorSeries[], projection: LabelProjection, stepCount: number): ReadonlyMap<string, Uint8Array> {
  const byKey = new Map<string, Uint8Array>()
  for (const { labels, present } of series) {
    const key = projection.key(labels)
    let any = byKey.get(key)
    if (any === undefined) {
      any = new Uint8Array(stepCount)
      byKey.set(key, any)
    }
    for (let step = 0; step < stepCount; step++) any[step] = (any[step] as number) | (present[step] as number) // one entry per step
  }
  return byKey
}

/** The series at the steps at which a partner is present (`wanted` 1) or is not (0). */
function masked(
  series: readonly VectorSeries[],
  partners: ReadonlyMap<string, Uint8Array>,
  projection: LabelProjection,
  wanted: 0 | 1,
): VectorSeries[] {
  const kept: VectorSeries[] = []
  for (const one of series) {
    const partner = partners.get(projection.key(one.labels))
    if (partner === undefined) {
      if (wanted === 0) kept.push(one)
      continue
    }
    const present = one.present.map((isPresent, step) => (isPresent === 1 && partner[step] === wanted ? 1 : 0))
    if (present.includes(1)) kept.push({ ...one, present })
  }
  return kept
}
