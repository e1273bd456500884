// Binary operators where one or both operands are native histograms. What is not defined gives no result and a note.

import type { NativeHistogram } from '../../storage/model/histogram.ts'
import { add, asGauge, divide, equalHistograms, multiply, subtract } from '../histograms/arithmetic.ts'
import { columnsOf, elementAt } from '../histograms/columns.ts'
import { trim } from '../histograms/estimates.ts'
import { HistogramNotes } from '../histograms/notes.ts'
import type { BinaryExpr } from '../language/ast.ts'
import { dropMetricName, joinEqualSeries } from '../values/labelSets.ts'
import type { EvalContext, VectorSeries } from '../values/value.ts'
import { isArithmetic, type Combine, type ScalarSide } from './binaryArithmetic.ts'

type Element = number | NativeHistogram

/** The result of a matched pair of series, at least one of which has histograms. */
export function pairWithHistograms(node: BinaryExpr, left: VectorSeries, right: VectorSeries, floats: Combine, context: EvalContext): Omit<VectorSeries, 'labels'> {
  const notes = new HistogramNotes(context.annotations, node.position.start)
  return columnsOf(context.steps.count, (step) => {
    const a = elementAt(left, step)
    const b = elementAt(right, step)
    if (a === undefined || b === undefined) return undefined
    if (typeof a === 'object' || typeof b === 'object') return combined(node, a, b, notes)
    return floats.keeps === undefined || floats.keeps(a, b) ? floats.value(a, b) : undefined
  })
}

/** The results of the steps at which the vector's series are histograms. */
export function histogramsWithScalar(node: BinaryExpr, series: readonly VectorSeries[], { scalar, isLeft }: ScalarSide, context: EvalContext): readonly VectorSeries[] {
  const notes = new HistogramNotes(context.annotations, node.position.start)
  const results = series.flatMap((one): VectorSeries[] => {
    if (one.histograms === undefined) return []
    const columns = columnsOf(context.steps.count, (step) => {
      const element = elementAt(one, step)
      if (typeof element !== 'object') return undefined
      const other = scalar.values[step] as number // one entry per step
      return isLeft ? combined(node, other, element, notes) : combined(node, element, other, notes)
    })
    return columns.present.includes(1) ? [{ labels: isArithmetic(node.op) ? dropMetricName(one.labels) : one.labels, ...columns }] : []
  })
  return joinEqualSeries(results)
}

/** At least one of `a` and `b` is a histogram. */
function combined({ op, bool }: BinaryExpr, a: Element, b: Element, notes: HistogramNotes): Element | undefined {
  if (typeof a === 'object' && typeof b === 'object') {
    switch (op) {
      case '+':
      case '-': {
        const result = op === '+' ? add(a, b) : subtract(a, b)
        notes.combined(result, op === '+' ? 'addition' : 'subtraction')
        if (result.histogram === undefined) notes.incompatibleLayouts(op)
        return result.histogram && (op === '-' ? asGauge(result.histogram) : result.histogram)
      }
      case '==':
      case '!=': {
        const holds = equalHistograms(a, b) === (op === '==')
        if (bool) return holds ? 1 : 0
        return holds ? a : undefined
      }
    }
  } else if (typeof a === 'object' && typeof b === 'number') {
    switch (op) {
      case '*':
        return multiply(a, b)
      case '/':
        return divide(a, b)
      case '</':
        return trim(a, b, 'below')
      case '>/':
        return trim(a, b, 'above')
    }
  } else if (typeof a === 'number' && typeof b === 'object' && op === '*') return multiply(b, a)
  notes.incompatibleTypes(typeName(a), op, typeName(b))
  return undefined
}

function typeName(element: Element): 'float' | 'histogram' {
  return typeof element === 'number' ? 'float' : 'histogram'
}
