// Arithmetic and comparison between two vectors. Series are paired by their matching labels once; whether a pair, or a
// forbidden second partner, exists is decided per step, because series come and go.

import type { Labels } from '../../storage/model/labels.ts'
import type { BinaryExpr, VectorMatching } from '../language/ast.ts'
import { QueryError } from '../queryError.ts'
import { cachedLabelsKey, formatSeries, joinEqualSeries } from '../values/labelSets.ts'
import { newColumns, type EvalContext, type VectorSeries } from '../values/value.ts'
import { combineOf, type Combine } from './binaryArithmetic.ts'
import { pairWithHistograms } from './binaryHistograms.ts'
import { ColumnCombiner, type Combined } from './combineColumns.ts'
import { LabelMatching } from './labelMatching.ts'

type Group = { readonly many: VectorSeries[]; readonly one: VectorSeries[] }

/** What forbids the operation, and the first step at which it does. */
type Violation = { readonly step: number; readonly message: string }

/** Throws `QueryError` where a series has more than one partner that it may not have. */
export function matchVectors(node: BinaryExpr, lhs: readonly VectorSeries[], rhs: readonly VectorSeries[], context: EvalContext): readonly VectorSeries[] {
  const matching = node.matching
  if (matching === undefined) throw new Error('bug: vectors without matching')
  return new Matching(node, matching, context).evaluate(lhs, rhs)
}

class Matching {
  readonly #node: BinaryExpr
  readonly #matching: VectorMatching
  readonly #labels: LabelMatching
  readonly #context: EvalContext
  readonly #count: number
  readonly #combine: Combine
  readonly #combiner: ColumnCombiner | undefined

  constructor(node: BinaryExpr, matching: VectorMatching, context: EvalContext) {
    const { count } = context.steps
    this.#context = context
    this.#node = node
    this.#matching = matching
    this.#labels = new LabelMatching(node, matching)
    this.#count = count
    this.#combine = combineOf(node, context)
    this.#combiner = ColumnCombiner.for(node.op, !node.bool, context.space, count)
  }

  evaluate(lhs: readonly VectorSeries[], rhs: readonly VectorSeries[]): readonly VectorSeries[] {
    const many = this.#labels.isSwapped ? rhs : lhs
    const one = this.#labels.isSwapped ? lhs : rhs
    const { fillLhs, fillRhs } = this.#matching
    const fillMany = this.#labels.isSwapped ? fillRhs : fillLhs
    const fillOne = this.#labels.isSwapped ? fillLhs : fillRhs
    const groups = this.#groups(many, one)
    this.#refuseAmbiguity(groups, many, fillMany !== undefined, fillOne !== undefined)
    const results: VectorSeries[] = []
    for (const group of groups) {
      for (const manySeries of group.many) {
        for (const oneSeries of group.one) this.#pair(manySeries, oneSeries, results)
        if (fillOne !== undefined) this.#fillOne(manySeries, group, fillOne, results)
      }
      if (fillMany !== undefined) this.#fillMany(group, fillMany, results)
    }
    return joinEqualSeries(results)
  }

  #groups(many: readonly VectorSeries[], one: readonly VectorSeries[]): readonly Group[] {
    const groups = new Map<string, Group>()
    const groupOf = (labels: Labels): Group => {
      const key = this.#labels.key(labels)
      let group = groups.get(key)
      if (group === undefined) {
        group = { many: [], one: [] }
        groups.set(key, group)
      }
      return group
    }
    for (const series of many) groupOf(series.labels).many.push(series)
    for (const series of one) groupOf(series.labels).one.push(series)
    return [...groups.values()]
  }

  /** Step by step, as Prometheus evaluates: the first violation is the one to be told, partners before results. */
  #refuseAmbiguity(groups: readonly Group[], many: readonly VectorSeries[], fillsMany: boolean, fillsOne: boolean): void {
    let first = this.#twoPartners(groups, many, fillsMany)
    for (const group of groups) {
      const found = group.many.length > 1 ? this.#twoResults(group, fillsOne) : undefined
      if (found !== undefined && (first === undefined || found.step < first.step)) first = found
    }
    if (first !== undefined) throw new QueryError('execution', first.message)
  }

  /** The "one" side may have one series per group at a step, unless the other side is empty at that step. */
  #twoPartners(groups: readonly Group[], many: readonly VectorSeries[], fillsMany: boolean): Violation | undefined {
    const crowded = groups.filter(({ one }) => one.length > 1)
    if (crowded.length === 0) return undefined
    const manyPresent = fillsMany ? new Uint8Array(this.#count).fill(1) : unionOf(many, this.#count)
    let first: { readonly step: number; readonly series: VectorSeries; readonly earlier: VectorSeries } | undefined
    for (const { one } of crowded) {
      const owners = new Int32Array(this.#count).fill(-1)
      one.forEach((series, index) => {
        for (let step = 0; step < this.#count; step++) {
          if (series.present[step] === 0 || manyPresent[step] === 0) continue
          const owner = owners[step] as number // one entry per step
          if (owner < 0) owners[step] = index
          else if (first === undefined || step < first.step) first = { step, series, earlier: one[owner] as VectorSeries }
        }
      })
    }
    if (first === undefined) return undefined
    const side = this.#labels.isSwapped ? 'left' : 'right'
    const { step, series, earlier } = first
    const message =
      `found duplicate series for the match group ${formatSeries(this.#labels.project(series.labels))} on the ${side} hand-side of the operation: ` +
      `[${formatSeries(series.labels)}, ${formatSeries(earlier.labels)}];many-to-many matching not allowed: matching labels must be unique on one side`
    return { step, message }
  }

  /** Several series of the "many" side must not give one result at a step; before a comparison filters. */
  #twoResults(group: Group, fillsOne: boolean): Violation | undefined {
    let first = Infinity
    const taken = new Map<string, Uint8Array>()
    const isOneToOne = this.#matching.card === 'one-to-one'
    const wayOut = isOneToOne ? 'many-to-one matching must be explicit (group_left/group_right)' : 'grouping labels must ensure unique matches'
    const claim = (labels: Labels, isPresent: (step: number) => boolean) => {
      const key = isOneToOne ? '' : cachedLabelsKey(labels)
      let steps = taken.get(key)
      if (steps === undefined) {
        steps = new Uint8Array(this.#count)
        taken.set(key, steps)
      }
      for (let step = 0; step < this.#count; step++) {
        if (!isPresent(step)) continue
        if (steps[step] === 1) first = Math.min(first, step)
        steps[step] = 1
      }
    }
    const hasOne = unionOf(group.one, this.#count)
    for (const many of group.many) {
      for (const one of group.one) claim(this.#labels.resultLabels(many.labels, one.labels), (step) => many.present[step] === 1 && one.present[step] === 1)
      if (!fillsOne) continue
      const partner = this.#labels.project(many.labels)
      claim(this.#labels.resultLabels(many.labels, partner), (step) => many.present[step] === 1 && hasOne[step] === 0)
    }
    return first < Infinity ? { step: first, message: `multiple matches for labels: ${wayOut}` } : undefined
  }

  #pair(many: VectorSeries, one: VectorSeries, results: VectorSeries[]): void {
    const [left, right] = this.#labels.isSwapped ? [one, many] : [many, one]
    if (left.histograms !== undefined || right.histograms !== undefined) {
      const columns = pairWithHistograms(this.#node, left, right, this.#combine, this.#context)
      if (columns.present.includes(1)) results.push({ labels: this.#labels.resultLabels(many.labels, one.labels), ...columns })
      return
    }
    const { values, present, found } = this.#combiner?.combine(left, right) ?? this.#combineSteps(left, right)
    if (found > 0) results.push({ labels: this.#labels.resultLabels(many.labels, one.labels), values, present })
  }

  #combineSteps(left: VectorSeries, right: VectorSeries): Combined {
    const { value, keeps } = this.#combine
    const { values, present } = newColumns(this.#count)
    let found = 0
    for (let step = 0; step < this.#count; step++) {
      if (left.present[step] === 0 || right.present[step] === 0) continue
      const a = left.values[step] as number // all columns have one entry per step
      const b = right.values[step] as number
      if (keeps !== undefined && !keeps(a, b)) continue
      values[step] = value(a, b)
      present[step] = 1
      found++
    }
    return { values, present, found }
  }

  /** The fill value is the partner at the steps that have none. */
  #fillOne(many: VectorSeries, group: Group, fill: number, results: VectorSeries[]): void {
    const hasOne = unionOf(group.one, this.#count)
    const partner = constantWhere(this.#labels.project(many.labels), fill, hasOne.map(not))
    this.#pair(many, partner, results)
  }

  #fillMany(group: Group, fill: number, results: VectorSeries[]): void {
    const hasMany = unionOf(group.many, this.#count)
    for (const one of group.one) this.#pair(constantWhere(this.#labels.project(one.labels), fill, hasMany.map(not)), one, results)
  }
}

function unionOf(series: readonly VectorSeries[], count: number): Uint8Array {
  const any = new Uint8Array(count)
  for (const { present } of series) for (let step = 0; step < count; step++) any[step] = (any[step] as number) | (present[step] as number)
  return any
}

const not = (flag: number) => 1 - flag

function constantWhere(labels: Labels, value: number, present: Uint8Array): VectorSeries {
  return { labels, values: new Float64Array(present.length).fill(value), present }
}
