// Functions over range vectors of a series that has native histograms among its samples. The numbers among them go through
// the function's own kernel; here is what the histograms give, and what happens where a window holds both.

import type { NativeHistogram } from '../../storage/model/histogram.ts'
import { labelValue, metricNameLabel, type Labels } from '../../storage/model/labels.ts'
import type { HistogramColumn } from '../../storage/model/sample.ts'
import { add, divide, equalHistograms } from '../histograms/arithmetic.ts'
import { HistogramNotes } from '../histograms/notes.ts'
import { isReset, resetsAmong } from '../histograms/reset.ts'
import type { CallExpr } from '../language/ast.ts'
import type { EvalContext } from '../values/value.ts'
import type { Mode } from './extendedRange.ts'
import { ExtendedHistograms } from './extendedRangeHistograms.ts'
import type { RangeOutput, WindowColumns } from './range.ts'
import { extrapolatedHistogram, instantChange, type HistogramWindow, type RateKind } from './rateHistograms.ts'
import type { FunctionEntry } from './table.ts'

export type OverHistograms = {
  /** All samples of the series; the values of those that are histograms mean nothing. */
  readonly window: WindowColumns
  readonly histograms: HistogramColumn
  readonly entry: FunctionEntry & { readonly kind: 'range' }
  readonly scalars: readonly Float64Array[]
  readonly columns: RangeOutput
  readonly context: EvalContext
  readonly call: CallExpr
  readonly labels: Labels
  /** How the range selector is extended, if it is. */
  readonly extension: Mode | undefined
}

/** Writes presence and numbers into `columns`; returns the histograms among the results, if any. */
export function evaluateOverHistograms(input: OverHistograms): HistogramColumn | undefined {
  const { window, histograms, entry, scalars, columns, context, call, labels } = input
  const metric = labelValue(labels, metricNameLabel)
  const notes = new HistogramNotes(context.annotations, call.args[entry.rangeArgument]?.position.start)
  const run = (samples: WindowColumns) => entry.kernel(samples, scalars, columns, context, call)
  if (input.extension !== undefined) return overExtendedRange(input, input.extension, run, notes)
  switch (call.name) {
    case 'count_over_time':
    case 'present_over_time':
    case 'ts_of_first_over_time':
    case 'ts_of_last_over_time':
      // These look at times only.
      run(window)
      return undefined
    case 'first_over_time':
      run(window)
      return Array.from(columns.present, (isPresent, step) => (isPresent === 1 ? histograms[window.from[step] ?? 0] : undefined))
    case 'last_over_time':
      run(window)
      return Array.from(columns.present, (isPresent, step) => (isPresent === 1 ? histograms[(window.to[step] ?? 0) - 1] : undefined))
    case 'changes':
      countBetween(input, (a, b) => typeof a !== typeof b || (typeof a === 'object' && typeof b === 'object' ? !equalHistograms(a, b) : a !== b && !(a !== a && b !== b)))
      return undefined
    case 'resets':
      countBetween(input, (before, after) => {
        if (typeof before === 'object' && typeof after === 'object') return isReset(after, before)
        return typeof before !== typeof after || after < before
      })
      return undefined
    case 'irate':
    case 'idelta':
      return overLastTwo(input, call.name === 'irate', notes, metric)
    case 'rate':
    case 'increase':
    case 'delta':
    case 'sum_over_time':
    case 'avg_over_time': {
      const { numbers, only } = apart(window, histograms)
      run(numbers)
      const compute = histogramFunction(call.name, notes, metric)
      return Array.from(columns.present, (_, step) => {
        const from = only.from[step] ?? 0
        const to = only.to[step] ?? 0
        if (from === to) return undefined
        if ((numbers.to[step] ?? 0) > (numbers.from[step] ?? 0)) {
          notes.mixedTypes(metric)
          columns.present[step] = 0
          return undefined
        }
        const result = compute(only, from, to, step)
        columns.present[step] = result === undefined ? 0 : 1
        return result
      })
    }
    default: {
      const { numbers, only } = apart(window, histograms)
      run(numbers)
      const isMixed = columns.present.some((_, step) => (only.to[step] ?? 0) > (only.from[step] ?? 0) && (numbers.to[step] ?? 0) > (numbers.from[step] ?? 0))
      if (isMixed) notes.ignoredInMixedRange(metric)
      return undefined
    }
  }
}

/** Functions that have no meaning for histograms there see the numbers alone. */
function overExtendedRange({ window, histograms, columns, call, labels }: OverHistograms, mode: Mode, run: (samples: WindowColumns) => void, notes: HistogramNotes): HistogramColumn | undefined {
  run(apart(window, histograms).numbers)
  const kind = rateKinds[call.name]
  if (kind === undefined) return undefined
  const extended = new ExtendedHistograms({ window, histograms, mode, kind, notes, metric: labelValue(labels, metricNameLabel) })
  return Array.from(columns.present, (_, step) => {
    const result = extended.at(step)
    if (result === 'numbers') return undefined
    columns.present[step] = result === undefined ? 0 : 1
    return result
  })
}

/** The windows over the numbers, and those over the histograms. */
function apart(window: WindowColumns, histograms: HistogramColumn): { readonly numbers: WindowColumns; readonly only: HistogramWindow } {
  const { length, timestampsMs, values, from, to, windowEndMs, rangeMs } = window
  const numbersBefore = new Int32Array(length + 1)
  const isNumber = (i: number) => histograms[i] === undefined
  for (let i = 0; i < length; i++) numbersBefore[i + 1] = (numbersBefore[i] ?? 0) + (isNumber(i) ? 1 : 0)
  const numberAt = (i: number) => numbersBefore[i] ?? 0
  const own = timestampsMs.subarray(0, length)
  const onlyHistograms = histograms.filter((histogram) => histogram !== undefined)
  return {
    numbers: {
      ...window,
      length: numberAt(length),
      timestampsMs: own.filter((_, i) => isNumber(i)),
      values: values.subarray(0, length).filter((_, i) => isNumber(i)),
      from: from.map(numberAt),
      to: to.map(numberAt),
    },
    only: {
      timestampsMs: own.filter((_, i) => !isNumber(i)),
      histograms: onlyHistograms,
      resets: resetsAmong(onlyHistograms),
      from: from.map((i) => i - numberAt(i)),
      to: to.map((i) => i - numberAt(i)),
      windowEndMs,
      rangeMs,
    },
  }
}

type HistogramFunction = (window: HistogramWindow, from: number, to: number, step: number) => NativeHistogram | undefined

const rateKinds: Readonly<Record<string, RateKind>> = {
  rate: { isCounter: true, perSecond: true },
  increase: { isCounter: true, perSecond: false },
  delta: { isCounter: false, perSecond: false },
}

function histogramFunction(name: string, notes: HistogramNotes, metric: string): HistogramFunction {
  const kind = rateKinds[name]
  if (kind !== undefined) return (window, from, to, step) => extrapolatedHistogram(window, { from, to, step, kind, notes, metric })
  const sum = (window: HistogramWindow, from: number, to: number) => sumOf(window.histograms.slice(from, to), notes, metric)
  if (name === 'sum_over_time') return sum
  return (window, from, to) => {
    const total = sum(window, from, to)
    return total && divide(total, to - from)
  }
}

function sumOf(histograms: readonly NativeHistogram[], notes: HistogramNotes, metric: string): NativeHistogram | undefined {
  let total = histograms[0]
  for (const histogram of histograms.slice(1)) {
    if (total === undefined) break
    const result = add(total, histogram)
    notes.combined(result, 'aggregation')
    if (result.histogram === undefined) notes.mixedSchemas(metric)
    total = result.histogram
  }
  return total
}

/** How often `counts` holds between neighbours of the window, numbers or histograms. */
function countBetween({ window, histograms, columns }: OverHistograms, counts: (before: number | NativeHistogram, after: number | NativeHistogram) => boolean): void {
  const { length, values, from, to } = window
  const upTo = new Int32Array(length)
  const at = (i: number) => histograms[i] ?? (values[i] as number) // i < length
  for (let i = 1; i < length; i++) upTo[i] = (upTo[i - 1] ?? 0) + (counts(at(i - 1), at(i)) ? 1 : 0)
  for (let step = 0; step < columns.values.length; step++) {
    const first = from[step] ?? 0
    const end = to[step] ?? 0
    if (end === first) continue
    columns.values[step] = (upTo[end - 1] ?? 0) - (upTo[first] ?? 0)
    columns.present[step] = 1
  }
}

function overLastTwo({ window, histograms, columns }: OverHistograms, isRate: boolean, notes: HistogramNotes, metric: string): HistogramColumn {
  const { timestampsMs, values, from, to } = window
  return Array.from(columns.present, (_, step) => {
    const last = (to[step] ?? 0) - 1
    if (last - 1 < (from[step] ?? 0)) return undefined
    const seconds = ((timestampsMs[last] ?? NaN) - (timestampsMs[last - 1] ?? NaN)) / 1000
    const after = histograms[last] ?? (values[last] as number) // last < length
    const before = histograms[last - 1] ?? (values[last - 1] as number)
    if (typeof after === 'object' && typeof before === 'object') {
      const change = instantChange(before, after, isRate, notes, metric)
      if (change !== undefined) columns.present[step] = 1
      return change && isRate ? divide(change, seconds) : change
    }
    if (typeof after === 'object' || typeof before === 'object') {
      notes.mixedTypes(metric)
      return undefined
    }
    columns.present[step] = 1
    columns.values[step] = isRate ? (after < before ? after : after - before) / seconds : after - before
    return undefined
  })
}
