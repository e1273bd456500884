// Evaluation of a planned query: one switch over the node kinds, each evaluated for all steps at once. What the operators and
// functions compute is in their own files; here is who is evaluated when, at which steps, and what is held in memory.

import { unreachable } from '../../src/base/assert.ts'
import { keptColumn } from '../../storage/head/histogramReader.ts'
import { compareLabels } from '../../storage/model/labels.ts'
import type { Querier } from '../../storage/querier/querier.ts'
import { Annotations } from '../annotations.ts'
import { extendedSamples, extensionOf } from '../functions/extendedRange.ts'
import { addInfo } from '../functions/info.ts'
import { samplesBeyondOne, withoutHistograms } from '../histograms/columns.ts'
import { isPlainAggregation, type Expr } from '../language/ast.ts'
import type { Limits } from '../limits.ts'
import { createAggregation } from '../operators/aggregate.ts'
import { evaluateBinary, evaluateUnary } from '../operators/binaryOp.ts'
import type { Share } from '../parallel/crew.ts'
import { aggregateDivided, isDividable, keepDivided, type Divided, type DividedInput, type DivideDeps } from '../parallel/divided.ts'
import type { SeriesWork } from '../parallel/seriesWork.ts'
import { planOf } from '../plan/keptPlan.ts'
import type { AggregatePlan, Plan, PlanNode, RangeCallPlan, SelectorPlan, SubqueryPlan, WindowsPlan } from '../plan/plan.ts'
import { evaluateSelector, lookupTimes, selectSeries, selectWindows, type SampledSeries, type SelectionDeps } from '../selectors/selector.ts'
import { FedSeries, KeptSeries, type SeriesOutput } from '../selectors/seriesOutput.ts'
import type { SampledColumns } from '../selectors/startZeros.ts'
import { numbersOnly } from '../selectors/window.ts'
import type { ColumnSpace } from '../values/columnSpace.ts'
import { withFinalNames } from '../values/delayedNames.ts'
import { constantScalar, type EvalContext, type MatrixSeries, type ScalarValue, type Steps, type Value, type VectorSeries } from '../values/value.ts'
import { callOverRange } from './rangeCall.ts'
import { sampledAt, subquerySteps } from './subquery.ts'

export type Query = {
  readonly text: string
  readonly expr: Expr
  readonly startMs: number
  readonly endMs: number
  /** 0 for an instant query. */
  readonly stepMs: number
}

export type EngineDeps = {
  readonly querier: Querier
  /** Nobody else's while the query runs. */
  readonly space: ColumnSpace
  readonly limits: Limits
  /** How the series of a node are divided among workers. */
  readonly share: Share<SeriesWork>
  readonly lookbackMs: number
  readonly maxSamples: number
  /** The step of subqueries that name none. */
  readonly evaluationIntervalMs: number
  /** Whether samples are also counted step by step. */
  readonly countsPerStep: boolean
  /** The feature `promql-delayed-name-removal`. */
  readonly delaysNameRemoval?: boolean
  /** The feature `use-start-timestamps`. */
  readonly usesStarts?: boolean
}

export type QueryResult = {
  readonly value: Value
  readonly steps: Steps
  readonly annotations: Annotations
  readonly plan: PlanNode
  /** Samples that selectors and windows read, each counted once per step that saw it. */
  readonly samplesRead: number
  /** The same for each step, when asked for. */
  readonly samplesReadPerStep: Float64Array | undefined
  /** Time spent looking up series. */
  readonly prepareMs: number
  /** Steps of an earlier result that it begins with, see resultCache.ts. */
  readonly reusedSteps?: number
}

/** Evaluates an instant query (`stepMs` 0) or a range query. Its result is not yet sorted, see `sortedMatrix`. */
export function evaluateQuery(query: Query, deps: EngineDeps): QueryResult {
  const { startMs, endMs, stepMs } = query
  const plan = planOf(query.expr, { startMs, endMs, stepMs, evaluationIntervalMs: deps.evaluationIntervalMs, lookbackMs: deps.lookbackMs })
  const steps: Steps = { startMs, stepMs, count: stepMs === 0 ? 1 : Math.floor((endMs - startMs) / stepMs) + 1 }
  const evaluation = new Evaluation(query, plan, deps, steps.count)
  const evaluated = evaluation.evaluate(plan.root, steps)
  const value = deps.delaysNameRemoval ? withFinalNames(evaluated) : evaluated
  const { annotations, samplesRead, samplesReadPerStep, prepareMs } = evaluation
  return { value, steps, annotations, plan: plan.root, samplesRead, samplesReadPerStep, prepareMs }
}

/** The result of a range query: series with at least one point, sorted by labels. A scalar is one series without labels. */
export function sortedMatrix(value: Value): readonly VectorSeries[] {
  if (value.kind === 'scalar') return [{ labels: [], values: value.values, present: new Uint8Array(value.values.length).fill(1) }]
  if (value.kind !== 'vector') throw new Error(`bug: a range query cannot be a ${value.kind}`)
  return value.series.filter((one) => one.present.includes(1)).sort((a, b) => compareLabels(a.labels, b.labels))
}

/** Whether the function over ranges of samples, which no `anchored` or `smoothed` extends, counts from where a counter is known to have begun. */
function countsFromStarts({ entry, operand }: RangeCallPlan): boolean {
  return entry.countsFromStarts === true && operand.kind === 'windows' && extensionOf(operand.expr) === undefined
}

class Evaluation {
  readonly annotations = new Annotations()
  samplesRead = 0
  readonly samplesReadPerStep: Float64Array | undefined
  prepareMs = 0
  readonly #query: Query
  readonly #repeated: Plan['repeated']
  readonly #deps: EngineDeps
  readonly #selection: SelectionDeps
  /** Of selectors that come again. */
  readonly #selected = new Map<SelectorPlan, { readonly steps: Steps; readonly value: Value; readonly heldCount: number }>()
  /** How many samples each intermediate value holds in memory. */
  readonly #held = new WeakMap<Value, number>()
  /** Inside a subquery nothing is counted: its values are, as samples of the windows over them. */
  #subqueryDepth = 0

  constructor(query: Query, { repeated }: Plan, deps: EngineDeps, stepCount: number) {
    this.samplesReadPerStep = deps.countsPerStep ? new Float64Array(stepCount) : undefined
    this.#query = query
    this.#repeated = repeated
    this.#deps = deps
    const onPrepared = (elapsedMs: number) => {
      this.prepareMs += elapsedMs
    }
    this.#selection = { querier: deps.querier, limits: deps.limits, space: deps.space, onPrepared, delaysNameRemoval: deps.delaysNameRemoval ?? false }
  }

  evaluate(plan: PlanNode, steps: Steps): Value {
    this.#deps.limits.check()
    const startedMs = performance.now()
    const value = plan.kind === 'selector' && this.#repeated.has(plan) ? this.#selectOnce(plan, steps) : this.#evaluateNode(plan, steps)
    plan.cost.elapsedMs += performance.now() - startedMs
    if (value.kind === 'vector' && plan.kind !== 'selector') plan.cost.seriesCount = value.series.length
    return value
  }

  #evaluateNode(plan: PlanNode, steps: Steps): Value {
    return plan.fixed && steps.count > 1 ? this.#spread(plan, steps) : this.#compute(plan, steps)
  }

  /** The series of the same selector, when it was evaluated at these steps; nobody changes their columns. They count as if they were read again. */
  #selectOnce(plan: SelectorPlan, steps: Steps): Value {
    const first = this.#repeated.get(plan) ?? plan
    const known = this.#selected.get(first)
    if (known?.value.kind !== 'vector' || known.steps !== steps || this.samplesReadPerStep !== undefined) {
      const value = this.#evaluateNode(plan, steps)
      if (plan === first) this.#selected.set(plan, { steps, value, heldCount: this.#held.get(value) ?? 0 })
      return value
    }
    const value: Value = { kind: 'vector', series: known.value.series }
    this.#deps.limits.take(known.heldCount)
    this.#held.set(value, known.heldCount)
    plan.cost.seriesCount += first.cost.seriesCount
    plan.cost.samplesRead += first.cost.samplesRead
    if (this.#subqueryDepth === 0) this.samplesRead += first.cost.samplesRead
    return value
  }

  /** One step of a node that is the same at all of them, copied. */
  #spread(plan: PlanNode, steps: Steps): Value {
    const one = this.#compute(plan, { ...steps, count: 1 })
    if (one.kind === 'scalar') return constantScalar(one.values[0] ?? NaN, steps.count)
    if (one.kind !== 'vector') return one
    const output = this.#keep(steps, one.series.length)
    for (const { labels, values, present, histograms } of one.series) {
      if (present[0] === 0) continue
      const columns = output.columns()
      columns.values.fill(values[0] as number) // there is one step
      columns.present.fill(1)
      output.accept(labels, steps.count, histograms && Array.from({ length: steps.count }, () => histograms[0]))
    }
    this.#release(one)
    return this.#kept(output)
  }

  #compute(plan: PlanNode, steps: Steps): Value {
    switch (plan.kind) {
      case 'number':
        return constantScalar(plan.value, steps.count)
      case 'string':
        return { kind: 'string', text: plan.text }
      case 'selector':
        return this.#keepDivided(plan, steps) ?? this.#kept(this.#select(plan, steps, (seriesCount) => this.#keep(steps, seriesCount)))
      case 'rangeCall':
        return this.#keepDivided(plan, steps) ?? this.#kept(this.#callOverRange(plan, steps, (seriesCount) => this.#keep(steps, seriesCount)))
      case 'aggregation':
        return this.#aggregate(plan, steps)
      case 'binary': {
        const lhs = this.evaluate(plan.lhs, steps)
        const rhs = this.evaluate(plan.rhs, steps)
        return this.#result(evaluateBinary(plan.expr, lhs, rhs, this.#context(steps)), [lhs, rhs])
      }
      case 'unary': {
        const operand = this.evaluate(plan.operand, steps)
        // One becomes the other, series by series.
        this.#release(operand)
        return this.#result(evaluateUnary(plan.expr, operand), [])
      }
      case 'call': {
        const args = plan.args.map((arg) => this.evaluate(arg, steps))
        const usable = plan.entry.takesHistograms ? args : args.map(withoutHistograms)
        return this.#result(plan.entry.evaluate(usable, plan.expr, this.#context(steps)), args)
      }
      case 'info': {
        const base = this.evaluate(plan.operand, steps)
        const infos = this.evaluate(plan.infos, steps)
        if (base.kind !== 'vector' || infos.kind !== 'vector') throw new Error(`bug: info of a ${base.kind}`)
        return this.#result({ kind: 'vector', series: addInfo(base.series, infos.series, plan.request, steps.count) }, [base, infos])
      }
      case 'windows':
      case 'subquery':
        return this.#matrix(plan, steps)
      default:
        return unreachable(plan)
    }
  }

  #select<Output extends SeriesOutput>(plan: PlanNode & { kind: 'selector' }, steps: Steps, createOutput: (seriesCount: number) => Output): Output {
    const before = plan.cost.samplesRead
    const { lookbackMs, querier } = this.#deps
    const decodedBefore = querier.chunksDecoded()
    const perStep = this.#subqueryDepth === 0 ? this.samplesReadPerStep : undefined
    const output = evaluateSelector(plan, steps, { ...this.#selection, lookbackMs, createOutput, perStep })
    plan.cost.chunksDecoded += querier.chunksDecoded() - decodedBefore
    if (this.#subqueryDepth === 0) this.samplesRead += plan.cost.samplesRead - before
    return output
  }

  #keepDivided(plan: SelectorPlan | RangeCallPlan, steps: Steps): Value | undefined {
    const divided = this.#divide(plan, steps, keepDivided)
    if (divided === undefined) return undefined
    const value: Value = { kind: 'vector', series: divided.series }
    this.#held.set(value, divided.valueCount)
    return value
  }

  /** Evaluates the series of a node in parts, when that can be, and notes what it cost. */
  #divide(plan: SelectorPlan | RangeCallPlan, steps: Steps, run: (input: DividedInput, deps: DivideDeps) => Divided | undefined): Divided | undefined {
    if (this.samplesReadPerStep !== undefined || !isDividable(plan)) return undefined
    const { querier, limits, space, lookbackMs, share, usesStarts = false } = this.#deps
    const { startMs, endMs, stepMs } = this.#query
    const looked = plan.kind === 'selector' ? plan : plan.operand
    const scalars = () => (plan.kind === 'selector' ? [] : this.#scalars(plan, steps))
    const decodedBefore = querier.chunksDecoded()
    const addsZeros = plan.kind === 'rangeCall' && countsFromStarts(plan) && usesStarts
    const input = { plan, addsZeros, selection: selectSeries(this.#selection, looked, steps, lookbackMs), steps, lookbackMs, scalars }
    const divided = run(input, { querier, space, limits, share, query: { startMs, endMs, stepMs } })
    if (divided === undefined) return undefined
    looked.cost.seriesCount += input.selection.count
    looked.cost.samplesRead += divided.samplesSeen
    looked.cost.chunksDecoded += querier.chunksDecoded() - decodedBefore + divided.reported
    looked.cost.workers = Math.max(looked.cost.workers, divided.workers)
    if (this.#subqueryDepth === 0) this.samplesRead += divided.samplesSeen
    if (plan.kind === 'selector') return divided
    plan.cost.seriesCount += divided.foundCount
    plan.cost.workers = looked.cost.workers
    const { entry, expr } = plan
    if (divided.foundCount > 0) entry.note?.(input.selection.labels(0), this.annotations, expr.args[entry.rangeArgument]?.position.start ?? 0)
    return divided
  }

  /** Selectors and range functions are aggregated series by series; anything else is evaluated whole first. */
  #aggregate(plan: AggregatePlan, steps: Steps): Value {
    const { operand, expr } = plan
    const { op } = expr
    const startedMs = performance.now()
    if (isPlainAggregation(op) && (operand.kind === 'selector' || operand.kind === 'rangeCall') && !operand.fixed) {
      const divided = this.#divide(operand, steps, (input, deps) => aggregateDivided(op, expr, input, deps))
      if (divided !== undefined) {
        operand.cost.elapsedMs += performance.now() - startedMs
        const value = this.#result({ kind: 'vector', series: divided.series }, [])
        this.#deps.limits.release(divided.valueCount)
        return value
      }
    }
    const param = plan.param && this.evaluate(plan.param, steps)
    const isFed = (operand.kind === 'selector' || operand.kind === 'rangeCall') && !operand.fixed
    const sink = createAggregation(expr, param, { ...this.#context(steps), columnsStay: !isFed })
    if (isFed) {
      const feed = () => new FedSeries(this.#deps.limits, this.#deps.space, steps.count, sink)
      const fed = operand.kind === 'selector' ? this.#select(operand, steps, feed) : this.#callOverRange(operand, steps, feed)
      operand.cost.elapsedMs += performance.now() - startedMs
      const result = this.#result({ kind: 'vector', series: sink.finish() }, [])
      this.#deps.limits.release(fed.sampleCount)
      return result
    }
    const value = this.evaluate(operand, steps)
    if (value.kind !== 'vector') throw new Error(`bug: ${plan.expr.op} over a ${value.kind}`)
    for (const { labels, values, present, histograms } of value.series) sink.add(labels, values, present, histograms)
    return this.#result({ kind: 'vector', series: sink.finish() }, [value])
  }

  #scalars(plan: RangeCallPlan, steps: Steps): Float64Array[] {
    return plan.scalars.map((scalar) => (this.evaluate(scalar, steps) as ScalarValue).values) // checked by the parser
  }

  #callOverRange<Output extends SeriesOutput>(plan: RangeCallPlan, steps: Steps, createOutput: (seriesCount: number) => Output): Output {
    const { querier, limits } = this.#deps
    const scalars = this.#scalars(plan, steps)
    const startedMs = performance.now()
    const { series, inner } = this.#sampled(plan.operand, steps, countsFromStarts(plan) && this.#deps.usesStarts === true)
    if (plan.operand.kind === 'subquery') {
      // It is not evaluated as a node of its own. The samples of windows are read later, in the call.
      plan.operand.cost.elapsedMs += performance.now() - startedMs
      plan.operand.cost.seriesCount = series.count
    }
    const onWindows = (total: number, from: Int32Array, to: Int32Array) => this.#countWindows(total, from, to)
    const output = callOverRange(plan, { series, scalars }, { querier, limits, context: this.#context(steps), onWindows }, createOutput)
    if (inner !== undefined) this.#release(inner)
    return output
  }

  /** The series of a range argument with their samples; of a subquery also its value, held for as long as these are read. */
  #sampled(plan: WindowsPlan | SubqueryPlan, steps: Steps, addsZeros: boolean): { readonly series: SampledSeries; readonly inner?: Value } {
    if (plan.kind === 'windows') return { series: selectWindows(plan, steps, this.#selection, addsZeros) }
    const innerSteps = subquerySteps(plan, steps, this.#deps.maxSamples)
    if (innerSteps.count === 0) return { series: sampledAt(innerSteps, []) }
    this.#subqueryDepth += 1
    const inner = this.evaluate(plan.inner, innerSteps)
    this.#subqueryDepth -= 1
    if (inner.kind !== 'vector') throw new Error(`bug: subquery over a ${inner.kind}`)
    return { series: sampledAt(innerSteps, inner.series), inner }
  }

  /** A range selector or subquery as the whole of an instant query. */
  #matrix(plan: WindowsPlan | SubqueryPlan, steps: Steps): Value {
    const { series: input, inner } = this.#sampled(plan, steps, false)
    const extension = plan.kind === 'windows' ? extensionOf(plan.expr) : undefined
    const onlyWindow = { from: Int32Array.of(0), windowEndMs: Float64Array.of(lookupTimes(plan.lookup, steps).startMs), rangeMs: plan.rangeMs }
    const series: MatrixSeries[] = []
    const decodedBefore = this.#deps.querier.chunksDecoded()
    for (let i = 0; i < input.count; i++) {
      this.#deps.limits.check()
      const { length, timestampsMs, values, histograms }: SampledColumns = extension === undefined ? input.read(i) : numbersOnly(input.read(i))
      if (length === 0) continue
      // Those of a subquery are held already.
      if (inner === undefined) this.#deps.limits.take(length + samplesBeyondOne(histograms))
      plan.cost.samplesRead += length
      this.#countWindows(length, [0], [length])
      const samples = { timestampsMs: timestampsMs.slice(0, length), values: values.slice(0, length), ...(histograms && { histograms: keptColumn(histograms) }) }
      const shown = extension === undefined ? samples : extendedSamples({ ...samples, ...onlyWindow, to: Int32Array.of(length) }, extension)
      if (shown !== undefined) series.push({ labels: input.labels(i), ...shown })
    }
    if (plan.kind === 'windows') plan.cost.chunksDecoded += this.#deps.querier.chunksDecoded() - decodedBefore
    return { kind: 'matrix', series: series.sort((a, b) => compareLabels(a.labels, b.labels)) }
  }

  #countWindows(total: number, from: ArrayLike<number>, to: ArrayLike<number>): void {
    if (this.#subqueryDepth > 0) return
    this.samplesRead += total
    const perStep = this.samplesReadPerStep
    if (perStep === undefined) return
    for (let step = 0; step < from.length; step++) perStep[step] = (perStep[step] ?? 0) + (to[step] ?? 0) - (from[step] ?? 0)
  }

  #countPresent(present: Uint8Array): number {
    const { space } = this.#deps
    return space.exports.countFlags(space.place('counted', present, present.length), present.length)
  }

  #context(steps: Steps): EvalContext {
    const { startMs, endMs, stepMs } = this.#query
    const { space, limits } = this.#deps
    return {
      space, steps, annotations: this.annotations, query: { startMs, endMs, stepMs }, instant: stepMs === 0 && this.#subqueryDepth === 0,
      check: () => limits.check(), allow: (count) => limits.allow(count),
    }
  }

  #keep(steps: Steps, seriesCount: number): KeptSeries {
    return new KeptSeries(this.#deps.limits, this.#deps.space, steps.count, seriesCount)
  }

  #kept(output: KeptSeries): Value {
    const value: Value = { kind: 'vector', series: output.series }
    this.#held.set(value, output.sampleCount)
    return value
  }

  /** Counts `value` as held and `operands`, which it was made of, no longer. */
  #result(value: Value, operands: readonly Value[]): Value {
    let count = 0
    if (value.kind === 'vector') for (const { present, histograms } of value.series) count += this.#countPresent(present) + samplesBeyondOne(histograms)
    this.#deps.limits.take(count)
    this.#held.set(value, count)
    for (const operand of operands) if (operand !== value) this.#release(operand)
    return value
  }

  #release(value: Value): void {
    this.#deps.limits.release(this.#held.get(value) ?? 0)
    this.#held.delete(value)
  }
}
