// A function over ranges: windows slide over the samples of each series, and the function makes a column of them, be they
// numbers, histograms or the aggregates of a downsampled day.

import type { Labels } from '../../storage/model/labels.ts'
import type { HistogramColumn } from '../../storage/model/sample.ts'
import type { Querier } from '../../storage/querier/querier.ts'
import { absentLabels } from '../functions/absent.ts'
import { extensionOf } from '../functions/extendedRange.ts'
import { bucketKernels } from '../functions/overBuckets.ts'
import { evaluateOverHistograms } from '../functions/rangeHistograms.ts'
import { samplesBeyondOne } from '../histograms/columns.ts'
import type { Limits } from '../limits.ts'
import type { RangeCallPlan } from '../plan/plan.ts'
import { lookupTimes, windowsOf, type SampledSeries } from '../selectors/selector.ts'
import type { SeriesOutput } from '../selectors/seriesOutput.ts'
import { windowsOfSamples } from '../selectors/startZeros.ts'
import { windowEndsMs, Windows } from '../selectors/window.ts'
import { areOfOneMetric, cachedLabelsKey, dropMetricName, sameLabelsetError } from '../values/labelSets.ts'
import type { EvalContext } from '../values/value.ts'

export type RangeCallInput = { readonly series: SampledSeries; readonly scalars: readonly Float64Array[] }

export type RangeCallDeps = {
  readonly querier: Querier
  readonly limits: Limits
  readonly context: EvalContext
  /** Told which samples the windows over a series hold: `total` of them, from one index to another at each step. */
  onWindows(total: number, from: Int32Array, to: Int32Array): void
}

/** What the function says of each series goes to the output; what it cost, to the plan. */
export function callOverRange<Output extends SeriesOutput>(plan: RangeCallPlan, input: RangeCallInput, deps: RangeCallDeps, createOutput: (seriesCount: number) => Output): Output {
  const { expr, entry, operand } = plan
  const { series, scalars } = input
  const { limits, context } = deps
  const { space, steps } = context
  const isAbsence = expr.name === 'absent_over_time'
  const output = createOutput(isAbsence ? 1 : series.count)
  const lookedAt = windowsOf(operand, steps)
  const windows = new Windows(space, lookedAt.times, lookedAt.widthMs)
  const decodedBefore = deps.querier.chunksDecoded()
  const windowEndMs = windowEndsMs(lookupTimes(operand.lookup, steps))
  const anyPresent = new Uint8Array(isAbsence ? steps.count : 0)
  const rename = entry.keepsName ? (labels: Labels) => labels : distinctWithoutName(series)
  const extension = operand.kind === 'windows' ? extensionOf(operand.expr) : undefined
  const overBuckets = operand.kind === 'windows' && extension === undefined ? bucketKernels.get(expr.name) : undefined
  const buckets = overBuckets && series.buckets?.()
  const seen = { from: new Int32Array(steps.count), to: new Int32Array(steps.count) }

  /** `ofHistograms`: the series has some, be the results numbers or not. */
  const accept = (i: number, found: number, ofHistograms: boolean, results?: HistogramColumn) => {
    if (found === 0) return
    const labels = series.labels(i)
    if (!ofHistograms) entry.note?.(labels, context.annotations, expr.args[entry.rangeArgument]?.position.start ?? 0)
    output.accept(rename(labels), found, results)
    plan.cost.seriesCount += 1
  }

  for (let i = 0; i < series.count; i++) {
    limits.check()
    const entries = buckets?.read(i)
    if (entries !== undefined && overBuckets !== undefined) {
      if (entries.length === 0) continue
      limits.take(entries.length)
      const columns = output.columns()
      overBuckets(entries, { windowEndMs, rangeMs: operand.rangeMs }, columns, seen)
      const total = seen.to.reduce((sum, to, step) => sum + to - (seen.from[step] as number), 0)
      operand.cost.samplesRead += total
      deps.onWindows(total, seen.from, seen.to)
      const found = space.exports.countFlags(space.place('counted', columns.present, columns.present.length), columns.present.length)
      accept(i, found, false)
      limits.release(entries.length)
      continue
    }
    const { length, timestampsMs, values, histograms, isStart } = series.read(i)
    if (length === 0) continue
    const held = length + samplesBeyondOne(histograms)
    limits.take(held)
    windows.slideOver({ length, timestampsMs })
    const { from, to } = isStart === undefined ? windows : windowsOfSamples(windows, isStart)
    operand.cost.samplesRead += windows.total
    deps.onWindows(windows.total, from, to)
    if (isAbsence) {
      for (let step = 0; step < steps.count; step++) if ((to[step] as number) > (from[step] as number)) anyPresent[step] = 1
    } else {
      const columns = output.columns()
      const window = { length, timestampsMs, values, from, to, windowEndMs, rangeMs: operand.rangeMs }
      let results: HistogramColumn | undefined
      if (histograms === undefined) entry.kernel(window, scalars, columns, context, expr)
      else results = evaluateOverHistograms({ window, histograms, entry, scalars, columns, context, call: expr, labels: series.labels(i), extension })
      const found = space.exports.countFlags(columns.present.byteOffset, columns.present.length)
      accept(i, found, histograms !== undefined, results)
    }
    limits.release(held)
  }
  if (operand.kind === 'windows') operand.cost.chunksDecoded += deps.querier.chunksDecoded() - decodedBefore
  if (isAbsence) acceptAbsence(output, anyPresent, absentLabels(operand.expr))
  return output
}

/** Drops metric names; two series that differ in nothing else are an error, which only has to be looked for when there are several metrics. */
function distinctWithoutName(input: SampledSeries): (labels: Labels) => Labels {
  if (areOfOneMetric(input.count, (i) => input.labels(i))) return dropMetricName
  const seen = new Set<string>()
  return (labels) => {
    const rest = dropMetricName(labels)
    const key = cachedLabelsKey(rest)
    if (seen.has(key)) throw sameLabelsetError()
    seen.add(key)
    return rest
  }
}

function acceptAbsence(output: SeriesOutput, anyPresent: Uint8Array, labels: Labels): void {
  const { values, present } = output.columns()
  let found = 0
  for (let step = 0; step < anyPresent.length; step++) {
    if (anyPresent[step] === 1) continue
    values[step] = 1
    present[step] = 1
    found++
  }
  if (found > 0) output.accept(labels, found)
}
