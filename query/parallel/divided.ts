// Selectors and functions over range selectors whose series are evaluated in parts, by this worker and perhaps by others, see
// crew.ts. What cannot be done so, because single series need more than numbers, is declined, and the engine goes series by
// series. The parts do not depend on who does them, so that an answer does not either.

import type { Pointer } from '../../src/kernels/kernels.ts'
import type { SeriesSelection } from '../../storage/querier/querier.ts'
import type { Querier } from '../../storage/querier/querier.ts'
import { extensionOf } from '../functions/extendedRange.ts'
import { bucketKernels } from '../functions/overBuckets.ts'
import type { AggregateExpr, PlainAggregateOp } from '../language/ast.ts'
import type { Limits } from '../limits.ts'
import { Accumulation } from '../operators/aggregateColumns.ts'
import { groupingOf } from '../operators/grouping.ts'
import type { RangeCallPlan, SelectorPlan, WindowsPlan } from '../plan/plan.ts'
import { lookupTimes, timeRangeOf, windowsOf } from '../selectors/selector.ts'
import { maxSpaceBytes, type ColumnSpace } from '../values/columnSpace.ts'
import { labelProjection } from '../values/labelProjection.ts'
import { areOfOneMetric, dropMetricName } from '../values/labelSets.ts'
import type { EvalContext, Steps, VectorSeries } from '../values/value.ts'
import type { Share, Shared } from './crew.ts'
import { SeriesWorker, undone, type SeriesWork } from './seriesWork.ts'

export type DividedPlan = SelectorPlan | (RangeCallPlan & { readonly operand: WindowsPlan })

export type DivideDeps = {
  readonly querier: Querier
  readonly space: ColumnSpace
  readonly limits: Limits
  readonly share: Share<SeriesWork>
  readonly query: EvalContext['query']
}

/** What a node's series are: selected, and looked at as the plan says. */
export type DividedInput = {
  readonly plan: DividedPlan
  /** The samples of a function come with a zero where a counter began. */
  readonly addsZeros: boolean
  readonly selection: SeriesSelection
  readonly steps: Steps
  readonly lookbackMs: number
  /** Evaluates the scalar arguments of a function. */
  readonly scalars: () => readonly Float64Array[]
}

export type Divided = Shared & {
  readonly series: readonly VectorSeries[]
  /** Series that had a value, and how many values all of them had, which count as held. */
  readonly foundCount: number
  readonly valueCount: number
  readonly samplesSeen: number
}

/** Series of one group that are added up together. The last bits of a sum depend on it, so it is the same for all. */
export const seriesPerSum = 32
/** A sum for each of them over more steps than that is not divided: the memory would stay with the worker. */
const maxSumBytes = 4 * maxSpaceBytes
/** Series that are evaluated together when they are kept. */
const seriesPerPart = 8

/** Whether `plan` is one that can be divided, whatever its series. */
export function isDividable(plan: SelectorPlan | RangeCallPlan): plan is DividedPlan {
  if (plan.kind === 'selector') return plan.gives === 'values' && !plan.selector.smoothed && !plan.selector.anchored
  const { operand, entry, expr } = plan
  return operand.kind === 'windows' && extensionOf(operand.expr) === undefined && !entry.annotates && expr.name !== 'absent_over_time'
}

/** Whether the series can be evaluated as numbers alone, with labels that stay distinct. */
function isPlain({ plan, selection }: DividedInput): boolean {
  if (selection.count < 2 || selection.hasHistograms) return false
  if (plan.kind === 'selector') return true
  if (bucketKernels.has(plan.expr.name) && selection.buckets?.() !== undefined) return false
  return plan.entry.keepsName || isOfOneMetric(selection)
}

const ofOneMetric = new WeakMap<Uint32Array, boolean>()

function isOfOneMetric(selection: SeriesSelection): boolean {
  let isOne = ofOneMetric.get(selection.refs)
  if (isOne === undefined) {
    isOne = areOfOneMetric(selection.count, (i) => selection.labels(i))
    ofOneMetric.set(selection.refs, isOne)
  }
  return isOne
}

/** The groups of an aggregation over the series; `undefined` when they have to be fed to it one by one. */
export function aggregateDivided(op: PlainAggregateOp, { grouping: names, without }: AggregateExpr, input: DividedInput, deps: DivideDeps): Divided | undefined {
  if (!isPlain(input)) return undefined
  const { space } = deps
  const keepsName = input.plan.kind === 'selector' || input.plan.entry.keepsName
  const { groups, refs, runGroups, runEnds } = groupingOf(input.selection, labelProjection(names, !without), keepsName, seriesPerSum)
  const accumulation = new Accumulation(op, space, input.steps.count)
  const sumBytes = accumulation.bytes * runEnds.length
  if (space.usedBytes + sumBytes > maxSumBytes) return undefined
  const at = space.allocate(sumBytes)
  const evaluated = evaluate(input, deps, { refs, ends: runEnds, output: { kind: 'accumulators', op, at } })
  if (evaluated === undefined) return undefined
  const { found } = evaluated
  const series: VectorSeries[] = []
  let index = 0
  for (let run = 0; run < runEnds.length; ) {
    const group = runGroups[run] as number // one per run
    const first = at + run * accumulation.bytes
    let isFound = false
    for (let isFirst = true; run < runEnds.length && runGroups[run] === group; run++, isFirst = false) {
      for (const end = runEnds[run] as number; index < end; index++) isFound ||= (found[index] as number) > 0
      if (!isFirst) accumulation.merge(first, at + run * accumulation.bytes)
    }
    const labels = groups[group]
    if (isFound && labels !== undefined) series.push({ labels, ...accumulation.finish(first) })
  }
  return { ...evaluated, series }
}

/** All series with their columns, in memory that the query's space gives; `undefined` when they have to be kept one by one. */
export function keepDivided(input: DividedInput, deps: DivideDeps): Divided | undefined {
  const { plan, selection, steps } = input
  const { count } = selection
  const { space } = deps
  if (space.usedBytes + 9 * count * steps.count > maxSpaceBytes || !isPlain(input)) return undefined
  const values = space.allocate(8 * count * steps.count)
  const present = space.allocate(count * steps.count)
  const ends = Int32Array.from({ length: Math.ceil(count / seriesPerPart) }, (_, part) => Math.min(count, (part + 1) * seriesPerPart))
  const evaluated = evaluate(input, deps, { refs: selection.refs, ends, output: { kind: 'columns', values, present } })
  if (evaluated === undefined) return undefined
  const keepsName = plan.kind === 'selector' || plan.entry.keepsName
  const series: VectorSeries[] = []
  for (let i = 0; i < count; i++) {
    const found = evaluated.found[i] as number
    if (found === 0) continue
    const labels = selection.labels(i)
    series.push({
      labels: keepsName ? labels : dropMetricName(labels),
      values: space.doublesAt(values + 8 * steps.count * i, steps.count),
      present: space.flagsAt(present + steps.count * i, steps.count),
    })
  }
  return { ...evaluated, series }
}

type Division = { readonly refs: Uint32Array; readonly ends: Int32Array; readonly output: SeriesWork['output'] }

function evaluate(input: DividedInput, deps: DivideDeps, { refs, ends, output }: Division): (Omit<Divided, 'series'> & { found: Int32Array }) | undefined {
  const { plan, addsZeros, steps, lookbackMs, scalars } = input
  const { querier, space, limits, share } = deps
  const { times, widthMs } = plan.kind === 'selector' ? { times: lookupTimes(plan.lookup, steps), widthMs: lookbackMs } : windowsOf(plan.operand, steps)
  const found = space.integers(refs.length).fill(undone)
  const seen = space.doubles(refs.length)
  const held = space.doubles(refs.length)
  const work: SeriesWork = {
    kind: 'series',
    steps,
    query: deps.query,
    range: timeRangeOf(times, widthMs),
    times,
    widthMs,
    call: plan.kind === 'selector' ? undefined : { name: plan.expr.name, rangeMs: plan.operand.rangeMs, addsZeros, scalars: scalars().map((column) => copied(column, space)) },
    maxSamplesAtOnce: limits.left,
    seriesCount: refs.length,
    refs: copied(refs, space),
    partEnds: copied(ends, space),
    partCount: ends.length,
    found: found.byteOffset,
    seen: seen.byteOffset,
    held: held.byteOffset,
    output,
  }
  const worker = new SeriesWorker(work, querier, space)
  let done = 0
  let doneValues = 0
  /** Looks at the time, and at how many values there are so far: series are evaluated about in order, by whichever worker. */
  const check = () => {
    limits.check()
    for (; done < found.length && found[done] !== undone; done++) doneValues += found[done] as number
    limits.allow(doneValues)
  }
  const goesOn = () => {
    check()
    return true
  }
  const shared = share({ count: ends.length, work: () => work, run: (part) => worker.run(part, goesOn), check })
  let foundCount = 0
  let valueCount = 0
  let samplesSeen = 0
  let mostHeld = 0
  for (let i = 0; i < found.length; i++) {
    const steps = found[i] as number
    if (steps === undone) return undefined
    if (steps > 0) foundCount++
    valueCount += steps
    samplesSeen += seen[i] as number
    mostHeld = Math.max(mostHeld, held[i] as number)
  }
  // As if the series had been evaluated one after the other, the one with most samples at the end.
  limits.take(valueCount)
  limits.take(mostHeld)
  limits.release(mostHeld)
  return { ...shared, found, foundCount, valueCount, samplesSeen }
}

function copied(column: Float64Array | Int32Array | Uint32Array, space: ColumnSpace): Pointer {
  const at = space.allocate(column.byteLength)
  Buffer.from(column.buffer, column.byteOffset, column.byteLength).copy(space.bytes, at)
  return at
}
