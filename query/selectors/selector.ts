// Instant and range selectors: one look into storage per selector and query, then one pass over the samples of each series
// for all steps together.

import type { Labels } from '../../storage/model/labels.ts'
import type { Matcher } from '../../storage/model/matcher.ts'
import type { Entries } from '../../storage/partitions/buckets.ts'
import type { Querier, SeriesSelection } from '../../storage/querier/querier.ts'
import type { Limits } from '../limits.ts'
import type { Lookup, SelectorPlan, SubqueryPlan, WindowsPlan } from '../plan/plan.ts'
import type { ColumnSpace } from '../values/columnSpace.ts'
import { withNameStates } from '../values/delayedNames.ts'
import type { Steps } from '../values/value.ts'
import type { SeriesOutput } from './seriesOutput.ts'
import type { SampledColumns } from './startZeros.ts'
import { ColumnScratch, numbersOnly, newestStarts, newestTimes, readSampled, takeInterpolated, takeNewest, takeNewestHistograms, Windows, withoutStaleMarkers, type LookupTimes } from './window.ts'

/** Series with their own samples, staleness markers removed: what range functions slide their windows over. */
export type SampledSeries = {
  readonly count: number
  labels(index: number): Labels
  /** See `SeriesSelection`. */
  buckets?(): { read(index: number): Entries | undefined } | undefined
  /** Valid until the next `read`. */
  read(index: number): SampledColumns
}

export type SelectionDeps = {
  readonly querier: Querier
  readonly limits: Limits
  readonly space: ColumnSpace
  readonly onPrepared: (elapsedMs: number) => void
  readonly delaysNameRemoval: boolean
}

/** When a selector or subquery looks, for the steps it is evaluated at. */
export function lookupTimes(lookup: Lookup, steps: Steps): LookupTimes {
  if (lookup.atMs === undefined) return { startMs: steps.startMs - lookup.offsetMs, stepMs: steps.stepMs, count: steps.count }
  return { startMs: lookup.atMs - lookup.offsetMs, stepMs: 0, count: steps.count }
}

/** The samples that windows of `widthMs`, open on the left, can see. */
export function timeRangeOf(times: LookupTimes, widthMs: number): { minTimeMs: number; maxTimeMs: number } {
  return { minTimeMs: times.startMs - widthMs + 1, maxTimeMs: times.startMs + (times.count - 1) * times.stepMs }
}

function select(deps: SelectionDeps, matchers: readonly Matcher[], times: LookupTimes, widthMs: number): SeriesSelection {
  const startedMs = performance.now()
  const selection = deps.querier.select(matchers, timeRangeOf(times, widthMs))
  deps.onPrepared(performance.now() - startedMs)
  return deps.delaysNameRemoval ? withNameStates(selection) : selection
}

/** The series that a selector, or the one inside a range argument, looks at. Without `smoothed`, which looks further. */
export function selectSeries(deps: SelectionDeps, plan: SelectorPlan | WindowsPlan, steps: Steps, lookbackMs: number): SeriesSelection {
  const { times, widthMs } = plan.kind === 'windows' ? windowsOf(plan, steps) : { times: lookupTimes(plan.lookup, steps), widthMs: lookbackMs }
  return select(deps, plan.matchers, times, widthMs)
}

export type SelectorOptions<Output> = SelectionDeps & {
  readonly lookbackMs: number
  readonly createOutput: (seriesCount: number) => Output
  /** Gets one added for every sample that a step sees. */
  readonly perStep: Float64Array | undefined
}

/** Evaluates an instant selector into the output that `createOutput` makes. */
export function evaluateSelector<Output extends SeriesOutput>(plan: SelectorPlan, steps: Steps, options: SelectorOptions<Output>): Output {
  const { lookbackMs } = options
  const isSmoothed = plan.selector.smoothed && plan.gives === 'values'
  const stepTimes = lookupTimes(plan.lookup, steps)
  const times = isSmoothed ? { ...stepTimes, startMs: stepTimes.startMs + lookbackMs } : stepTimes
  const widthMs = isSmoothed ? 2 * lookbackMs : lookbackMs
  const selection = select(options, plan.matchers, times, widthMs)
  plan.cost.seriesCount += selection.count
  const output = options.createOutput(selection.count)
  const windows = new Windows(options.space, times, widthMs)
  const scratch = new ColumnScratch(options.space)
  for (let i = 0; i < selection.count; i++) {
    options.limits.check()
    const columns = output.columns()
    const { present } = columns
    const starts = plan.gives === 'starts' ? selection.readStarts?.(i) : undefined
    if (plan.gives === 'starts' && starts === undefined) continue
    const samples = isSmoothed ? numbersOnly(withoutStaleMarkers(selection.read(i), scratch)) : selection.read(i)
    windows.slideOver(samples)
    let found = isSmoothed ? takeInterpolated(samples, windows, stepTimes, columns) : takeNewest(samples, windows, columns)
    if (found === 0) continue
    plan.cost.samplesRead += found
    const { perStep } = options
    if (perStep !== undefined) for (let step = 0; step < present.length; step++) perStep[step] = (perStep[step] ?? 0) + (present[step] ?? 0)
    if (plan.gives === 'times') newestTimes(samples, windows, columns)
    if (starts !== undefined && (found = newestStarts(samples, windows, columns, starts)) === 0) continue
    output.accept(selection.labels(i), found, plan.gives === 'values' ? takeNewestHistograms(samples, windows, present) : undefined)
  }
  return output
}

/** The windows of samples that a range argument looks at, which may be wider than its range. */
export function windowsOf(plan: WindowsPlan | SubqueryPlan, steps: Steps): { readonly times: LookupTimes; readonly widthMs: number } {
  const times = lookupTimes(plan.lookup, steps)
  if (plan.kind === 'subquery') return { times, widthMs: plan.rangeMs }
  const { beforeMs, afterMs } = plan.beyond
  return { times: { ...times, startMs: times.startMs + afterMs }, widthMs: plan.rangeMs + beforeMs + afterMs }
}

/** Selects the series of a range selector. `addsZeros`: with a zero where a counter began. */
export function selectWindows(plan: WindowsPlan, steps: Steps, deps: SelectionDeps, addsZeros: boolean): SampledSeries {
  const { times, widthMs } = windowsOf(plan, steps)
  const selection = select(deps, plan.matchers, times, widthMs)
  plan.cost.seriesCount += selection.count
  const options = { scratch: new ColumnScratch(deps.space), zerosFromMs: addsZeros ? timeRangeOf(times, widthMs).minTimeMs : undefined }
  return {
    count: selection.count,
    labels: (index) => selection.labels(index),
    buckets: () => selection.buckets?.(),
    read: (index) => readSampled(selection, index, options),
  }
}
