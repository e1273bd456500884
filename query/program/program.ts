// A small query with everything resolved that does not depend on time: which series it reads, which of their columns are combined
// and what the results are called. Good for as long as there are the same series. What remains is one call of a kernel
// (src/kernels/assembly/query/program.ts) per evaluation, see loadedProgram.ts. Queries whose errors, notes or labels depend on the samples
// have no program.

import { compareLabels, type Labels } from '../../storage/model/labels.ts'
import type { Matcher } from '../../storage/model/matcher.ts'
import type { SeriesSelection } from '../../storage/querier/querier.ts'
import { Annotations } from '../annotations.ts'
import { extensionOf } from '../functions/extendedRange.ts'
import { isComparison, isSetOperator, type BinaryExpr } from '../language/ast.ts'
import { isArithmetic, mirroredComparison } from '../operators/binaryArithmetic.ts'
import { accumulations, isStreamedOp } from '../operators/aggregateColumns.ts'
import { combiningOf } from '../operators/combineColumns.ts'
import { LabelMatching } from '../operators/labelMatching.ts'
import { seriesPerSum } from '../parallel/divided.ts'
import { partFunctionOf, type PartFunction } from '../parallel/partTask.ts'
import { areEqualSelectors, type AggregatePlan, type BinaryPlan, type Lookup, type PlanNode, type RangeCallPlan, type SelectorPlan } from '../plan/plan.ts'
import { labelProjection } from '../values/labelProjection.ts'
import { areOfOneMetric, cachedLabelsKey, dropMetricName } from '../values/labelSets.ts'

/** The windows that series are read through: they end so much before each step. */
export type ProgramWindows = { readonly widthMs: number; readonly offsetMs: number; extrapolates: boolean }

export type Evaluation = {
  readonly kind: 'evaluate'
  readonly refs: Uint32Array
  readonly partFunction: PartFunction
  /** Index of its windows. */
  readonly windows: number
  /** Columns from there on, one per series. */
  readonly out: number
}

/** Columns are numbered in the order in which they are made. */
export type Instruction =
  | Evaluation
  | { readonly kind: 'combine'; readonly operation: number; readonly left: number; readonly right: number; readonly out: number }
  | { readonly kind: 'constant'; readonly value: number; readonly out: number }
  /** Into a column for each group from `out` on. Runs of a group follow each other. */
  | { readonly kind: 'aggregate'; readonly operation: number; readonly runs: readonly Run[]; readonly out: number }

/** Columns that are added up together. */
export type Run = { readonly group: number; readonly columns: readonly number[] }

export type ResultSeries = { readonly labels: Labels; readonly column: number }

export type Program = {
  readonly windows: readonly ProgramWindows[]
  readonly instructions: readonly Instruction[]
  readonly columnCount: number
  /** In the order in which the engine has them. */
  readonly results: readonly ResultSeries[]
}

export type CompileOptions = {
  readonly lookbackMs: number
  /** All series that match, whenever they have samples. */
  readonly select: (matchers: readonly Matcher[]) => SeriesSelection
  /** Whether it is evaluated at one time, which leaves results in their order. */
  readonly isInstant: boolean
  /** Whether functions count from where a counter began. */
  readonly usesStarts: boolean
}

/** Of one selector, series; more are not small. */
const maxSelected = 1_000
const maxColumns = 4_000

/** The program of a plan without `@`; `undefined` when there is none. */
export function compileProgram(plan: PlanNode, options: CompileOptions): Program | undefined {
  const compiler = new Compiler(options)
  const results = compiler.compile(plan)
  return typeof results === 'number' || results === undefined ? undefined : compiler.program(results)
}

/** As `sortedMatrix` has them. */
export function sortedResults({ results }: Program): readonly ResultSeries[] {
  return results.toSorted((a, b) => compareLabels(a.labels, b.labels))
}

/** A vector, a number, or nothing that a program can compute. */
type Compiled = readonly ResultSeries[] | number | undefined

class Compiler {
  readonly #options: CompileOptions
  readonly #windows: ProgramWindows[] = []
  readonly #instructions: Instruction[] = []
  /** What equal selectors give. */
  readonly #selected: { readonly plan: SelectorPlan; readonly results: readonly ResultSeries[] }[] = []
  #columnCount = 0

  constructor(options: CompileOptions) {
    this.#options = options
  }

  program(results: readonly ResultSeries[]): Program | undefined {
    if (results.length === 0 || this.#columnCount > maxColumns) return undefined
    return { windows: this.#windows, instructions: this.#instructions, columnCount: this.#columnCount, results }
  }

  compile(plan: PlanNode): Compiled {
    switch (plan.kind) {
      case 'number':
        return plan.value
      case 'unary': {
        const operand = this.compile(plan.operand)
        if (typeof operand !== 'number') return undefined
        return plan.expr.op === '-' ? -operand : operand
      }
      case 'selector':
        return this.#selector(plan)
      case 'rangeCall':
        return this.#rangeCall(plan)
      case 'binary':
        return this.#binary(plan)
      case 'aggregation':
        return this.#aggregation(plan)
      default:
        return undefined
    }
  }

  #selector(plan: SelectorPlan): Compiled {
    const { selector, lookup, gives, matchers } = plan
    if (gives !== 'values' || selector.smoothed || selector.anchored || plan.fixed) return undefined
    const known = this.#selected.find((one) => areEqualSelectors(one.plan, plan))
    if (known !== undefined) return known.results
    const results = this.#evaluate(matchers, partFunctionOf(undefined), lookup, this.#options.lookbackMs, (labels) => labels)
    if (results !== undefined) this.#selected.push({ plan, results })
    return results
  }

  #rangeCall({ operand, entry, expr, fixed, scalars }: RangeCallPlan): Compiled {
    if (operand.kind !== 'windows' || fixed || scalars.length > 0 || extensionOf(operand.expr) !== undefined) return undefined
    if (entry.countsFromStarts === true && this.#options.usesStarts) return undefined
    const { note } = entry
    const notes = new Annotations()
    const named: Labels[] = []
    const results = this.#evaluate(operand.matchers, partFunctionOf(expr.name), operand.lookup, operand.rangeMs, (labels) => {
      note?.(labels, notes, 0)
      named.push(labels)
      return entry.keepsName ? labels : dropMetricName(labels)
    })
    const isPlain = entry.keepsName || areOfOneMetric(named.length, (i) => named[i] as Labels) // i < length
    return isPlain && notes.isEmpty ? results : undefined
  }

  #evaluate(matchers: readonly Matcher[], partFunction: PartFunction | undefined, { offsetMs, atMs }: Lookup, widthMs: number, rename: (labels: Labels) => Labels): readonly ResultSeries[] | undefined {
    if (partFunction === undefined || atMs !== undefined) return undefined
    const selection = this.#options.select(matchers)
    if (selection.hasHistograms || selection.count > maxSelected) return undefined
    const windows = this.#windowsOf({ widthMs, offsetMs, extrapolates: partFunction.kind === 'extrapolated' })
    const out = this.#columns(selection.count)
    const results = Array.from({ length: selection.count }, (_, i) => ({ labels: rename(selection.labels(i)), column: out + i }))
    this.#instructions.push({ kind: 'evaluate', refs: selection.refs, partFunction, windows, out })
    return distinct(results)
  }

  #aggregation({ expr, operand, param }: AggregatePlan): Compiled {
    const { op, grouping, without } = expr
    const series = this.compile(operand)
    if (series === undefined || typeof series === 'number' || param !== undefined || !isStreamedOp(op)) return undefined
    const isLeaf = operand.kind === 'selector' || operand.kind === 'rangeCall'
    // Otherwise groups are in the order in which the samples bring them.
    if (!isLeaf && this.#options.isInstant) return undefined
    const projection = labelProjection(grouping, !without)
    const groups = [...Map.groupBy(series, ({ labels }) => projection.key(labels)).values()]
    // As many as the engine adds up together, for the last bits.
    const longestRun = isLeaf && series.length > 1 ? seriesPerSum : Infinity
    const runs = groups.flatMap((members, group) => chunked(members.map(({ column }) => column), longestRun).map((columns) => ({ group, columns })))
    const out = this.#columns(groups.length)
    this.#instructions.push({ kind: 'aggregate', operation: accumulations[op], runs, out })
    return groups.map((members, group) => ({ labels: projection.project((members[0] as ResultSeries).labels), column: out + group })) // a group has members
  }

  #windowsOf({ widthMs, offsetMs, extrapolates }: ProgramWindows): number {
    const at = this.#windows.findIndex((one) => one.widthMs === widthMs && one.offsetMs === offsetMs)
    const known = this.#windows[at]
    if (known === undefined) return this.#windows.push({ widthMs, offsetMs, extrapolates }) - 1
    known.extrapolates ||= extrapolates
    return at
  }

  #binary({ expr, lhs, rhs }: BinaryPlan): Compiled {
    const left = this.compile(lhs)
    const right = this.compile(rhs)
    if (left === undefined || right === undefined || isSetOperator(expr.op)) return undefined
    if (typeof left !== 'number' && typeof right !== 'number') return this.#matched(expr, left, right)
    if (typeof left !== 'number' && typeof right === 'number') return this.#withConstant(expr, left, right, false)
    return typeof left === 'number' && typeof right !== 'number' ? this.#withConstant(expr, right, left, true) : undefined
  }

  #withConstant({ op, bool }: BinaryExpr, vector: readonly ResultSeries[], value: number, isLeft: boolean): Compiled {
    const operation = combiningOf(isComparison(op) && isLeft ? mirroredComparison[op] : op, !bool)
    if (operation === undefined) return undefined
    const constant = this.#columns(1)
    this.#instructions.push({ kind: 'constant', value, out: constant })
    const keepsName = isComparison(op) && !bool
    const results = vector.map(({ labels, column }) => {
      const [left, right] = isArithmetic(op) && isLeft ? [constant, column] : [column, constant]
      return { labels: keepsName ? labels : dropMetricName(labels), column: this.#combine(operation, left, right) }
    })
    return distinct(results)
  }

  /** The pairs are known beforehand when no group has two series on its "one" side, and results are distinct whatever series have samples. */
  #matched(expr: BinaryExpr, lhs: readonly ResultSeries[], rhs: readonly ResultSeries[]): Compiled {
    const { matching, op, bool } = expr
    const operation = combiningOf(op, !bool)
    if (matching === undefined || operation === undefined || matching.fillLhs !== undefined || matching.fillRhs !== undefined) return undefined
    const labels = new LabelMatching(expr, matching)
    const [many, one] = labels.isSwapped ? [rhs, lhs] : [lhs, rhs]
    const partners = byKey(one, labels)
    const groups = byKey(many, labels)
    if (partners.size < one.length || (matching.card === 'one-to-one' && groups.size < many.length)) return undefined
    const results: ResultSeries[] = []
    for (const [key, group] of groups) {
      const partner = partners.get(key)?.[0]
      if (partner === undefined) continue
      for (const series of group) {
        const [left, right] = labels.isSwapped ? [partner, series] : [series, partner]
        results.push({ labels: labels.resultLabels(series.labels, partner.labels), column: this.#combine(operation, left.column, right.column) })
      }
    }
    return distinct(results)
  }

  #combine(operation: number, left: number, right: number): number {
    const out = this.#columns(1)
    this.#instructions.push({ kind: 'combine', operation, left, right, out })
    return out
  }

  /** Returns the first of them. */
  #columns(count: number): number {
    this.#columnCount += count
    return this.#columnCount - count
  }
}

function chunked(columns: readonly number[], length: number): (readonly number[])[] {
  if (columns.length <= length) return [columns]
  return Array.from({ length: Math.ceil(columns.length / length) }, (_, i) => columns.slice(i * length, (i + 1) * length))
}

function byKey(series: readonly ResultSeries[], labels: LabelMatching): Map<string, ResultSeries[]> {
  return Map.groupBy(series, (one) => labels.key(one.labels))
}

/** `undefined` when two have the same labels: what becomes of them depends on when they have values. */
function distinct(results: readonly ResultSeries[]): readonly ResultSeries[] | undefined {
  return new Set(results.map(({ labels }) => cachedLabelsKey(labels))).size === results.length ? results : undefined
}
