// Aggregations over vectors in which some elements are native histograms. Numbers go to the accumulators for numbers; what
// the histograms of a group give is kept beside and joined with it at the end.

import { kept } from '../../storage/head/histogramReader.ts'
import type { NativeHistogram } from '../../storage/model/histogram.ts'
import { labelValue, metricNameLabel, type Labels } from '../../storage/model/labels.ts'
import type { HistogramColumn } from '../../storage/model/sample.ts'
import { addTo, divide, ownCopy } from '../histograms/arithmetic.ts'
import { hasPresentHistogram, presentNumbers } from '../histograms/columns.ts'
import { HistogramNotes } from '../histograms/notes.ts'
import type { AggregateExpr } from '../language/ast.ts'
import { labelProjection } from '../values/labelProjection.ts'
import { cachedLabelsKey } from '../values/labelSets.ts'
import type { EvalContext, VectorSeries } from '../values/value.ts'
import type { AggregationSink } from './aggregationSink.ts'

/** The sum of a group's histograms, step by step; `counts` is negative where they cannot be added. */
type GroupSums = { readonly labels: Labels; readonly sums: (NativeHistogram | undefined)[]; readonly counts: Int32Array }

/** Lets `numbers`, which aggregates numbers, take histograms too. */
export function withHistograms(node: AggregateExpr, numbers: AggregationSink, context: EvalContext): AggregationSink {
  const { op } = node
  const notes = new HistogramNotes(context.annotations, node.expr.position.start)
  const sums = op === 'sum' || op === 'avg' ? new HistogramSums(node, notes, context.steps.count) : undefined
  const takesAll = op === 'count' || op === 'group' || op === 'limitk' || op === 'limit_ratio' || op === 'count_values'
  return {
    add(labels, values, present, histograms) {
      if (histograms === undefined) return numbers.add(labels, values, present)
      if (takesAll) return numbers.add(labels, values, present, histograms)
      if (sums !== undefined) sums.add(labels, present, histograms)
      else if (hasPresentHistogram(present, histograms)) notes.ignoredInAggregation(op)
      numbers.add(labels, values, presentNumbers(present, histograms))
    },
    finish: () => (sums === undefined ? numbers.finish() : sums.finish(numbers.finish())),
  }
}

class HistogramSums {
  readonly #node: AggregateExpr
  readonly #notes: HistogramNotes
  readonly #count: number
  readonly #groups = new Map<string, GroupSums>()

  constructor(node: AggregateExpr, notes: HistogramNotes, count: number) {
    this.#node = node
    this.#notes = notes
    this.#count = count
  }

  add(labels: Labels, present: Uint8Array, histograms: HistogramColumn): void {
    const { sums, counts } = this.#groupOf(labels)
    for (let step = 0; step < this.#count; step++) {
      const histogram = histograms[step]
      if (histogram === undefined || present[step] === 0) continue
      const count = counts[step] as number // one entry per step
      const before = sums[step]
      if (count < 0) continue
      if (before === undefined) {
        sums[step] = kept(histogram)
        counts[step] = 1
        continue
      }
      // The first one belongs to its series.
      const result = addTo(count === 1 ? ownCopy(before) : before, histogram)
      this.#notes.combined(result, 'aggregation')
      if (result.histogram === undefined) this.#notes.mixedSchemas(labelValue(labels, metricNameLabel))
      sums[step] = result.histogram
      counts[step] = result.histogram === undefined ? -1 : count + 1
    }
  }

  #groupOf(labels: Labels): GroupSums {
    const { grouping, without } = this.#node
    const groupLabels = labelProjection(grouping, !without).project(labels)
    const key = cachedLabelsKey(groupLabels)
    let group = this.#groups.get(key)
    if (group === undefined) {
      group = { labels: groupLabels, sums: Array.from({ length: this.#count }, () => undefined), counts: new Int32Array(this.#count) }
      this.#groups.set(key, group)
    }
    return group
  }

  /** Every group is among `numbers`, perhaps without a number; a step with both is left out. */
  finish(numbers: readonly VectorSeries[]): readonly VectorSeries[] {
    if (this.#groups.size === 0) return numbers
    return numbers.map((one) => {
      const group = this.#groups.get(cachedLabelsKey(one.labels))
      return group === undefined ? one : this.#joined(one, group)
    })
  }

  #joined(numbers: VectorSeries, { sums, counts }: GroupSums): VectorSeries {
    const present = numbers.present.slice()
    const histograms: (NativeHistogram | undefined)[] = []
    for (let step = 0; step < this.#count; step++) {
      const count = counts[step] as number // one entry per step
      const sum = sums[step]
      const isMixed = count !== 0 && present[step] === 1
      if (isMixed) this.#notes.mixedTypesInAggregation()
      if (isMixed) present[step] = 0
      else if (sum !== undefined) present[step] = 1
      histograms.push(isMixed || sum === undefined || this.#node.op === 'sum' ? (isMixed ? undefined : sum) : divide(sum, count))
    }
    return { labels: numbers.labels, values: numbers.values, present, histograms }
  }
}
