// `absent` and the labels that it and `absent_over_time` give to the series that says "nothing here".

import { metricNameLabel, sortLabels, type Labels } from '../../storage/model/labels.ts'
import { withoutParens, type CallExpr, type Expr } from '../language/ast.ts'
import { newColumns, type EvalContext, type Value } from '../values/value.ts'

/** What a selector's `=` conditions say; a label named twice, or by another operator, is left out. */
export function absentLabels(argument: Expr): Labels {
  const expr = withoutParens(argument)
  const selector = expr.kind === 'matrixSelector' ? expr.selector : expr
  if (selector.kind !== 'vectorSelector') return []
  const values = new Map<string, string>()
  const seen = new Set<string>()
  for (const { name, op, value } of selector.matchers) {
    if (name === metricNameLabel) continue
    if (op === '=' && !seen.has(name)) {
      seen.add(name)
      values.set(name, value)
    } else {
      values.delete(name)
    }
  }
  return sortLabels([...values].map(([name, value]) => ({ name, value })))
}

/** 1 at each step at which the vector has no series; labels are those that its selector asks for. */
export function absent(args: readonly Value[], call: CallExpr, { steps }: EvalContext): Value {
  const [vector] = args
  const argument = call.args[0]
  if (vector?.kind !== 'vector' || argument === undefined) throw new Error('bug: absent of no vector')
  const { values, present } = newColumns(steps.count)
  for (let step = 0; step < steps.count; step++) {
    if (vector.series.some((one) => one.present[step] === 1)) continue
    values[step] = 1
    present[step] = 1
  }
  return { kind: 'vector', series: present.includes(1) ? [{ labels: absentLabels(argument), values, present }] : [] }
}
