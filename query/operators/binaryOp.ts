// Binary and unary operators. Here are those with a scalar on one side; vectors with vectors are matched in
// `vectorMatching.ts` and `setOperators.ts`, once for all steps.

import { unreachable } from '../../src/base/assert.ts'
import { multiply } from '../histograms/arithmetic.ts'
import { withoutHistograms } from '../histograms/columns.ts'
import { isComparison, isSetOperator, type BinaryExpr, type UnaryExpr } from '../language/ast.ts'
import type { ColumnSpace } from '../values/columnSpace.ts'
import { distinctWithoutMetricNames, joinEqualSeries, withoutMetricNames } from '../values/labelSets.ts'
import type { EvalContext, ScalarValue, Value, VectorSeries, VectorValue } from '../values/value.ts'
import { arithmetic, comparison, isArithmetic, mirroredComparison, noteIncompatible, type ScalarSide } from './binaryArithmetic.ts'
import { histogramsWithScalar } from './binaryHistograms.ts'
import { ColumnCombiner } from './combineColumns.ts'
import { evaluateSetOperator } from './setOperators.ts'
import { matchVectors } from './vectorMatching.ts'

/** Throws `QueryError` when vectors do not match one to one and no side is said to be many. */
export function evaluateBinary(node: BinaryExpr, lhs: Value, rhs: Value, context: EvalContext): Value {
  if (lhs.kind === 'scalar' && rhs.kind === 'scalar') return scalars(node, lhs, rhs)
  if (lhs.kind === 'vector' && rhs.kind === 'scalar') return vectorScalar(node, lhs, { scalar: rhs, isLeft: false }, context)
  if (lhs.kind === 'scalar' && rhs.kind === 'vector') return vectorScalar(node, rhs, { scalar: lhs, isLeft: true }, context)
  if (lhs.kind !== 'vector' || rhs.kind !== 'vector') throw new Error(`bug: ${lhs.kind} ${node.op} ${rhs.kind}`)
  if (isSetOperator(node.op)) return { kind: 'vector', series: evaluateSetOperator(node, lhs.series, rhs.series, context.steps.count) }
  return { kind: 'vector', series: matchVectors(node, lhs.series, rhs.series, context) }
}

/** A sign before an expression; minus drops the metric names. */
export function evaluateUnary(node: UnaryExpr, value: Value): Value {
  if (node.op === '+') return value
  if (value.kind === 'scalar') return { kind: 'scalar', values: value.values.map((v) => -v) }
  if (value.kind !== 'vector') throw new Error(`bug: sign before ${value.kind}`)
  const series = value.series.map(({ labels, values, present, histograms }) => ({
    labels,
    values: values.map((v) => -v),
    present,
    ...(histograms && { histograms: histograms.map((histogram) => histogram && multiply(histogram, -1)) }),
  }))
  return { kind: 'vector', series: distinctWithoutMetricNames(series) }
}

function scalars({ op }: BinaryExpr, lhs: ScalarValue, rhs: ScalarValue): ScalarValue {
  const combine = isArithmetic(op) ? arithmetic[op] : isComparison(op) ? asNumber(comparison[op]) : undefined
  if (combine === undefined) throw new Error(`bug: ${op} between scalars`)
  return { kind: 'scalar', values: lhs.values.map((a, step) => combine(a, rhs.values[step] as number)) } // both have a value per step
}

function asNumber(compare: (a: number, b: number) => boolean): (a: number, b: number) => number {
  return (a, b) => (compare(a, b) ? 1 : 0)
}

function vectorScalar(node: BinaryExpr, vector: VectorValue, side: ScalarSide, context: EvalContext): VectorValue {
  const floats = floatsWithScalar(node, withoutHistograms(vector), side, context)
  const histograms = histogramsWithScalar(node, vector.series, side, context)
  return histograms.length === 0 ? floats : { kind: 'vector', series: joinEqualSeries([...floats.series, ...histograms]) }
}

function floatsWithScalar(node: BinaryExpr, vector: VectorValue, side: ScalarSide, context: EvalContext): VectorValue {
  const { op, bool } = node
  const { space, steps } = context
  const combiner = ColumnCombiner.for(isComparison(op) && side.isLeft ? mirroredComparison[op] : op, !bool, space, steps.count)
  if (combiner !== undefined) {
    const results = withScalarColumn(combiner, vector.series, side, isArithmetic(op) && side.isLeft, space)
    return { kind: 'vector', series: isComparison(op) && !bool ? results : withoutMetricNames(results) }
  }
  if (isArithmetic(op)) return { kind: 'vector', series: withoutMetricNames(combined(vector.series, side, arithmetic[op])) }
  if (op === '</' || op === '>/') {
    if (vector.series.some((one) => one.present.includes(1))) noteIncompatible(node, context)
    return { kind: 'vector', series: [] }
  }
  if (isSetOperator(op) || isComparison(op)) throw new Error(`bug: ${op} with a scalar`)
  return unreachable(op)
}

function combined(series: readonly VectorSeries[], { scalar, isLeft }: ScalarSide, combine: (a: number, b: number) => number): VectorSeries[] {
  return series.map(({ labels, values, present }) => {
    const results = new Float64Array(values.length)
    for (let step = 0; step < results.length; step++) {
      if (present[step] === 0) continue
      const value = values[step] as number // all columns have one entry per step
      const other = scalar.values[step] as number
      results[step] = isLeft ? combine(other, value) : combine(value, other)
    }
    return { labels, values: results, present }
  })
}

function withScalarColumn(combiner: ColumnCombiner, series: readonly VectorSeries[], { scalar }: ScalarSide, isScalarFirst: boolean, space: ColumnSpace): VectorSeries[] {
  const column = space.columns(scalar.values.length)
  column.values.set(scalar.values)
  column.present.fill(1)
  const results: VectorSeries[] = []
  for (const one of series) {
    const { values, present, found } = isScalarFirst ? combiner.combine(column, one) : combiner.combine(one, column)
    if (found > 0) results.push({ labels: one.labels, values, present })
  }
  return results
}
