// The parsed query turned into what is evaluated: parentheses gone, `offset` and `@` resolved to times, functions looked up,
// and every part marked that does not change from step to step. Each node carries what its evaluation cost, for EXPLAIN.

import { unreachable } from '../../src/base/assert.ts'
import type { Matcher } from '../../storage/model/matcher.ts'
import { sampleTimestamp } from '../functions/conversion.ts'
import { extendedKernel, extensionOf } from '../functions/extendedRange.ts'
import { infoRequestOf, type InfoRequest } from '../functions/info.ts'
import { functions, type FunctionEntry } from '../functions/table.ts'
import {
  withoutParens,
  type AggregateExpr,
  type AtModifier,
  type BinaryExpr,
  type CallExpr,
  type Expr,
  type MatrixSelector,
  type SubqueryExpr,
  type UnaryExpr,
  type VectorSelector,
} from '../language/ast.ts'

/** Where in time a selector or subquery looks: at the step, or at `atMs` whatever the step; both less the offset. */
export type Lookup = { readonly offsetMs: number; readonly atMs: number | undefined }

/** What the evaluation of a node took, its children not included in the counts but in the time. Series are those selected or in the result. */
export type NodeCost = {
  seriesCount: number
  samplesRead: number
  chunksDecoded: number
  elapsedMs: number
  /** The most workers that were at it at one time. */
  workers: number
}

/** Before an evaluation. */
export function resetCost(cost: NodeCost): void {
  cost.seriesCount = 0
  cost.samplesRead = 0
  cost.chunksDecoded = 0
  cost.elapsedMs = 0
  cost.workers = 1
}

type Node = {
  readonly expr: Expr
  /** The same at every step, so that one step is evaluated and copied. */
  readonly fixed: boolean
  readonly cost: NodeCost
}

export type NumberPlan = Node & { readonly kind: 'number'; readonly value: number }
export type StringPlan = Node & { readonly kind: 'string'; readonly text: string }
export type SelectorPlan = Node & {
  readonly kind: 'selector'
  readonly selector: VectorSelector
  readonly matchers: readonly Matcher[]
  readonly lookup: Lookup
  /** In place of the values, in seconds: the samples' own times, inside `timestamp(selector)`, or when their counters began, inside `start_timestamp(selector)`. */
  readonly gives: 'values' | 'times' | 'starts'
}
/** Only as the argument of a range function, or as a whole instant query. */
export type WindowsPlan = Node & {
  readonly kind: 'windows'
  readonly expr: MatrixSelector
  readonly selector: VectorSelector
  readonly matchers: readonly Matcher[]
  readonly lookup: Lookup
  readonly rangeMs: number
  /** How far beyond either end of the window samples are looked at: for `anchored` and `smoothed`, else 0. */
  readonly beyond: { readonly beforeMs: number; readonly afterMs: number }
}
/** Stands where a `WindowsPlan` can. */
export type SubqueryPlan = Node & {
  readonly kind: 'subquery'
  readonly inner: PlanNode
  readonly lookup: Lookup
  readonly rangeMs: number
  readonly stepMs: number
}
export type AggregatePlan = Node & {
  readonly kind: 'aggregation'
  readonly expr: AggregateExpr
  readonly operand: PlanNode
  readonly param: PlanNode | undefined
}
export type BinaryPlan = Node & { readonly kind: 'binary'; readonly expr: BinaryExpr; readonly lhs: PlanNode; readonly rhs: PlanNode }
export type UnaryPlan = Node & { readonly kind: 'unary'; readonly expr: UnaryExpr; readonly operand: PlanNode }
export type CallPlan = Node & {
  readonly kind: 'call'
  readonly expr: CallExpr
  readonly entry: FunctionEntry & { readonly kind: 'instant' }
  readonly args: readonly PlanNode[]
}
export type RangeCallPlan = Node & {
  readonly kind: 'rangeCall'
  readonly expr: CallExpr
  readonly entry: FunctionEntry & { readonly kind: 'range' }
  readonly operand: WindowsPlan | SubqueryPlan
  /** The other arguments, in their order. */
  readonly scalars: readonly PlanNode[]
}
/** `info(operand, ...)`; `infos` gives the times of the info series' samples. */
export type InfoPlan = Node & {
  readonly kind: 'info'
  readonly operand: PlanNode
  readonly request: InfoRequest
  readonly infos: SelectorPlan
}

export type PlanNode =
  | NumberPlan
  | StringPlan
  | SelectorPlan
  | WindowsPlan
  | SubqueryPlan
  | AggregatePlan
  | BinaryPlan
  | UnaryPlan
  | CallPlan
  | RangeCallPlan
  | InfoPlan

export type PlanOptions = {
  readonly startMs: number
  readonly endMs: number
  /** The step of subqueries that name none. */
  readonly evaluationIntervalMs: number
  readonly lookbackMs: number
}

export type Plan = {
  readonly root: PlanNode
  /** Of all nodes. */
  readonly costs: readonly NodeCost[]
  /** Those, not fixed, that the query has more than once, each with the first of them. */
  readonly repeated: ReadonlyMap<SelectorPlan, SelectorPlan>
  /** Whether `@ start()` or `@ end()` make it a plan for one range only. */
  readonly isOfOneRange: boolean
}

/** What is noted while a plan is made. */
type Planning = PlanOptions & { readonly costs: NodeCost[]; readonly selectors: SelectorPlan[]; isOfOneRange: boolean }

/** Functions whose result depends on the time of the step even when their arguments do not. */
const dependOnStep: ReadonlySet<string> = new Set([
  'days_in_month',
  'day_of_month',
  'day_of_week',
  'day_of_year',
  'hour',
  'minute',
  'month',
  'year',
  'predict_linear',
  'time',
  'timestamp',
])

/** Functions that ask a selector for times of its samples in place of their values. */
const timesOfSamples: ReadonlyMap<string, SelectorPlan['gives']> = new Map([['timestamp', 'times'], ['start_timestamp', 'starts']])

/** `expr` has no duration expressions left, see `resolveDurations`. */
export function createPlan(expr: Expr, options: PlanOptions): Plan {
  const planning: Planning = { ...options, costs: [], selectors: [], isOfOneRange: false }
  const root = planNode(expr, planning)
  const { costs, selectors, isOfOneRange } = planning
  const repeated = new Map<SelectorPlan, SelectorPlan>()
  for (const one of selectors) {
    const first = selectors.find((other) => areEqualSelectors(other, one))
    if (first !== undefined && first !== one) repeated.set(first, first).set(one, first)
  }
  return { root, costs, repeated, isOfOneRange }
}

/** Whether both give the same at the same steps. */
export function areEqualSelectors(a: SelectorPlan, b: SelectorPlan): boolean {
  const isSame = a.gives === b.gives && a.lookup.offsetMs === b.lookup.offsetMs
  const isSameWay = a.selector.anchored === b.selector.anchored && a.selector.smoothed === b.selector.smoothed
  return isSame && isSameWay && haveSameMatchers(a.matchers, b.matchers)
}

function haveSameMatchers(a: readonly Matcher[], b: readonly Matcher[]): boolean {
  return a.length === b.length && a.every(({ name, op, value }, i) => name === b[i]?.name && op === b[i].op && value === b[i].value)
}

function newCost({ costs }: Planning): NodeCost {
  const cost = { seriesCount: 0, samplesRead: 0, chunksDecoded: 0, elapsedMs: 0, workers: 1 }
  costs.push(cost)
  return cost
}

function planNode(expr: Expr, options: Planning): PlanNode {
  const plan = (child: Expr) => planNode(child, options)
  const node = (fixed: boolean): Node => ({ expr, fixed, cost: newCost(options) })
  switch (expr.kind) {
    case 'numberLiteral':
      return { ...node(true), kind: 'number', value: expr.value }
    case 'stringLiteral':
      return { ...node(true), kind: 'string', text: expr.value }
    case 'parenExpr':
      return plan(expr.expr)
    case 'vectorSelector':
      return planSelector(expr, options, 'values')
    case 'matrixSelector':
      return planWindows(expr, options)
    case 'subquery':
      return planSubquery(expr, options)
    case 'aggregation': {
      const operand = plan(expr.expr)
      const param = expr.param && plan(expr.param)
      return { ...node(operand.fixed && (param?.fixed ?? true)), kind: 'aggregation', expr, operand, param }
    }
    case 'binaryExpr': {
      const lhs = plan(expr.lhs)
      const rhs = plan(expr.rhs)
      return { ...node(lhs.fixed && rhs.fixed), kind: 'binary', expr, lhs, rhs }
    }
    case 'unaryExpr': {
      const operand = plan(expr.expr)
      return { ...node(operand.fixed), kind: 'unary', expr, operand }
    }
    case 'call':
      return planCall(expr, options)
    default:
      return unreachable(expr)
  }
}

function planSelector(expr: VectorSelector, options: Planning, gives: SelectorPlan['gives']): SelectorPlan {
  const plan: SelectorPlan = {
    kind: 'selector',
    expr,
    selector: expr,
    matchers: expr.matchers,
    lookup: lookupOf(expr, options),
    gives,
    fixed: expr.at !== undefined,
    cost: newCost(options),
  }
  if (!plan.fixed) options.selectors.push(plan)
  return plan
}

function planWindows(expr: MatrixSelector, options: Planning): WindowsPlan {
  const { selector, rangeMs } = expr
  const { lookbackMs } = options
  const extension = extensionOf(expr)
  return {
    kind: 'windows',
    expr,
    selector,
    matchers: selector.matchers,
    lookup: lookupOf(selector, options),
    rangeMs,
    beyond: { beforeMs: extension === undefined ? 0 : lookbackMs, afterMs: extension === 'smoothed' ? lookbackMs : 0 },
    fixed: selector.at !== undefined,
    cost: newCost(options),
  }
}

function planSubquery(expr: SubqueryExpr, options: Planning): SubqueryPlan {
  return {
    kind: 'subquery',
    expr,
    inner: planNode(expr.expr, options),
    lookup: lookupOf(expr, options),
    rangeMs: expr.rangeMs,
    stepMs: expr.stepMs === 0 ? options.evaluationIntervalMs : expr.stepMs,
    fixed: expr.at !== undefined,
    cost: newCost(options),
  }
}

function planInfo(expr: CallExpr, options: Planning): InfoPlan {
  const operand = planNode(expr.args[0] as Expr, options) // checked by the parser
  const request = infoRequestOf(expr)
  const { position } = expr.args[1] ?? expr
  const matchers = [...request.names, ...request.data]
  const selector: VectorSelector = { kind: 'vectorSelector', position, name: '', matchers, offsetMs: 0, anchored: false, smoothed: false }
  const cost = newCost(options)
  return { kind: 'info', expr, operand, request, infos: planSelector(selector, options, 'times'), fixed: operand.fixed, cost }
}

function planCall(expr: CallExpr, options: Planning): PlanNode {
  if (expr.name === 'info') return planInfo(expr, options)
  const entry = functions.get(expr.name)
  if (entry === undefined) throw new Error(`bug: no implementation of ${expr.name}`)
  const first = expr.args[0] && withoutParens(expr.args[0])
  const gives = timesOfSamples.get(expr.name)
  if (gives !== undefined && first?.kind === 'vectorSelector') {
    const operand = planSelector(first, options, gives)
    const cost = newCost(options)
    return { kind: 'call', expr, entry: { kind: 'instant', evaluate: sampleTimestamp }, args: [operand], fixed: operand.fixed, cost }
  }
  const args = expr.args.map((arg) => planNode(arg, options))
  const fixed = !dependOnStep.has(expr.name) && args.every((arg) => arg.fixed)
  const node: Node = { expr, fixed, cost: newCost(options) }
  switch (entry.kind) {
    case 'instant':
      return { ...node, kind: 'call', expr, entry, args }
    case 'range': {
      const operand = args[entry.rangeArgument]
      if (operand?.kind !== 'windows' && operand?.kind !== 'subquery') throw new Error(`bug: ${expr.name} has no range argument`)
      const extension = operand.kind === 'windows' ? extensionOf(operand.expr) : undefined
      const usedEntry = extension === undefined ? entry : { ...entry, kernel: extendedKernel(expr.name, extension) }
      return { ...node, kind: 'rangeCall', expr, entry: usedEntry, operand, scalars: args.filter((arg) => arg !== operand) }
    }
    default:
      return unreachable(entry)
  }
}

function lookupOf(expr: { readonly offsetMs: number; readonly at?: AtModifier }, options: Planning): Lookup {
  const { offsetMs, at } = expr
  if (at === 'start' || at === 'end') options.isOfOneRange = true
  return { offsetMs, atMs: at === 'start' ? options.startMs : at === 'end' ? options.endMs : at }
}
