// Aggregations. Series come in one at a time and are assigned to their group once; what can be accumulated is not kept.
// Operators that choose among series or need all values at once keep them: `topk`, `quantile`, `count_values` and kin.

import type { Pointer } from '../../src/kernels/kernels.ts'
import { keptColumn } from '../../storage/head/histogramReader.ts'
import type { Labels } from '../../storage/model/labels.ts'
import { histogramText } from '../histograms/text.ts'
import type { AggregateExpr, PlainAggregateOp } from '../language/ast.ts'
import { formatExposed, formatPlainDecimal } from '../language/numberText.ts'
import { goQuote } from '../language/stringLiteral.ts'
import { QueryError } from '../queryError.ts'
import { copyOf } from '../values/columnSpace.ts'
import { labelProjection, setLabel, type LabelProjection } from '../values/labelProjection.ts'
import { checkQuantiles, quantileOf } from '../values/quantile.ts'
import { newColumns, type EvalContext, type Value, type VectorSeries } from '../values/value.ts'
import { Accumulation } from './aggregateColumns.ts'
import { withHistograms } from './aggregateHistograms.ts'
import { limitKOf, limitRatioOf, topKOf, type KeptGroup } from './aggregateSelection.ts'
import type { AggregationSink } from './aggregationSink.ts'

export type AggregationContext = EvalContext & {
  /** Whether the columns that are added stay as they are; otherwise they may be used again for the next series. */
  readonly columnsStay: boolean
}

/** `param` is the value of the parameter; missing for operators without one. */
export function createAggregation(node: AggregateExpr, param: Value | undefined, context: AggregationContext): AggregationSink {
  return withHistograms(node, createFloatAggregation(node, param, context), context)
}

function createFloatAggregation(node: AggregateExpr, param: Value | undefined, context: AggregationContext): AggregationSink {
  const { op, grouping, without } = node
  const projection = labelProjection(grouping, !without)
  switch (op) {
    case 'count_values':
      return countValues(node, param, context)
    case 'quantile': {
      const phis = scalarColumn(param)
      checkQuantiles(phis, context.annotations, node.param?.position.start)
      return keeping(projection, context, (groups) => groups.map((group) => quantileColumn(group, phis)))
    }
    // A parameter that cannot be is an error only after the operand had the chance of its own.
    case 'topk':
    case 'bottomk':
      return keeping(projection, context, (groups) => {
        const limits = wholeNumbers(scalarColumn(param))
        return groups.flatMap((group) => topKOf(group, { limits, best: op === 'topk' ? 'largest' : 'smallest', ordered: context.instant, space: context.space }))
      })
    case 'limitk':
      return keeping(projection, context, (groups) => {
        const limits = wholeNumbers(scalarColumn(param))
        return groups.flatMap((group) => limitKOf(group, limits))
      })
    case 'limit_ratio':
      return keeping(projection, context, (groups) => {
        const ratios = checkedRatios(scalarColumn(param), node, context)
        return groups.flatMap((group) => limitRatioOf(group, ratios))
      })
    default:
      return accumulating(op, projection, context)
  }
}

function accumulating(op: PlainAggregateOp, projection: LabelProjection, { space, steps }: EvalContext): AggregationSink {
  const accumulation = new Accumulation(op, space, steps.count)
  const groups = new Map<string, { readonly labels: Labels; readonly at: Pointer }>()
  return {
    add(labels, values, present) {
      const key = projection.key(labels)
      let group = groups.get(key)
      if (group === undefined) {
        group = { labels: projection.project(labels), at: space.allocate(accumulation.bytes) }
        accumulation.begin(group.at)
        groups.set(key, group)
      }
      accumulation.add(group.at, space.place('values', values, steps.count), space.place('present', present, steps.count))
    },
    finish: () => [...groups.values()].map(({ labels, at }) => ({ labels, ...accumulation.finish(at) })),
  }
}

function keeping(projection: LabelProjection, { columnsStay }: AggregationContext, finish: (groups: readonly KeptGroup[]) => readonly VectorSeries[]): AggregationSink {
  const groups = new Map<string, KeptGroup & { readonly series: VectorSeries[] }>()
  return {
    add(labels, values, present, histograms) {
      const key = projection.key(labels)
      let group = groups.get(key)
      if (group === undefined) {
        group = { labels: projection.project(labels), series: [] }
        groups.set(key, group)
      }
      const columns = columnsStay ? { values, present } : copyOf({ values, present })
      group.series.push({ labels, ...columns, ...(histograms && { histograms: keptColumn(histograms) }) })
    },
    finish: () => finish([...groups.values()]),
  }
}

function quantileColumn(group: KeptGroup, phis: Float64Array): VectorSeries {
  const count = phis.length
  const { values, present } = newColumns(count)
  const collected = new Float64Array(group.series.length)
  for (let step = 0; step < count; step++) {
    let found = 0
    for (const one of group.series) if (one.present[step] === 1) collected[found++] = one.values[step] as number // columns have `count` entries
    if (found === 0) continue
    values[step] = quantileOf(phis[step] as number, collected, found)
    present[step] = 1
  }
  return { labels: group.labels, values, present }
}

/** One result series per group and distinct value; the value becomes a label. */
function countValues(node: AggregateExpr, param: Value | undefined, context: EvalContext): AggregationSink {
  const name = param?.kind === 'string' ? param.text : ''
  if (name === '') throw new QueryError('execution', `invalid label name ${goQuote(name)}`)
  const { grouping, without } = node
  const isRemoved = without && grouping.includes(name)
  const projection = without ? labelProjection([...grouping, name], false) : labelProjection(grouping.filter((label) => label !== name), true)
  const count = context.steps.count
  const results = new Map<string, VectorSeries>()
  return {
    add(labels, values, present, histograms) {
      const base = projection.project(labels)
      const baseKey = projection.key(labels)
      let last: { readonly value: number; readonly column: VectorSeries } | undefined
      for (let step = 0; step < count; step++) {
        if (present[step] === 0) continue
        const value = values[step] as number // columns have `count` entries
        const histogram = histograms?.[step]
        if (last === undefined || histograms !== undefined || !Object.is(last.value, value)) {
          const text = isRemoved ? '' : histogram === undefined ? formatPlainDecimal(value) : histogramText(histogram)
          const key = `${baseKey}\xfe${text}`
          let column = results.get(key)
          if (column === undefined) {
            // It holds all steps, however few have the value.
            context.allow((results.size + 1) * count)
            column = { labels: isRemoved ? base : setLabel(base, name, text), ...newColumns(count) }
            results.set(key, column)
          }
          last = { value, column }
        }
        last.column.values[step] = (last.column.values[step] as number) + 1
        last.column.present[step] = 1
      }
    },
    finish: () => [...results.values()],
  }
}

function scalarColumn(param: Value | undefined): Float64Array {
  if (param?.kind !== 'scalar') throw new Error('bug: aggregation parameter is no scalar')
  return param.values
}

/** The parameter of `topk` and kin, cut to whole numbers. */
function wholeNumbers(values: Float64Array): Float64Array {
  for (const value of values) {
    if (value !== value) throw new QueryError('execution', 'Parameter value is NaN')
    if (value >= 2 ** 63) throw new QueryError('execution', `Scalar value ${formatExposed(value)} overflows int64`)
    if (value <= -(2 ** 63)) throw new QueryError('execution', `Scalar value ${formatExposed(value)} underflows int64`)
  }
  return values.map(Math.trunc)
}

function checkedRatios(values: Float64Array, node: AggregateExpr, { annotations }: EvalContext): Float64Array {
  const position = node.param?.position.start
  let least = Infinity
  let most = -Infinity
  for (const value of values) {
    if (value !== value) throw new QueryError('execution', 'Ratio value is NaN')
    least = Math.min(least, value)
    most = Math.max(most, value)
  }
  const warn = (value: number, cap: number) => annotations.warn(`ratio value should be between -1 and 1, got ${formatExposed(value)}, capping to ${cap}`, position)
  if (most > 1) warn(most, 1)
  if (least < -1) warn(least, -1)
  return values.map((value) => Math.min(1, Math.max(-1, value)))
}
