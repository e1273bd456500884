// Where the values of evaluated series go. A selector or range function does not know whether its series are kept as columns
// or fed to an aggregation one by one, so that a sum over ten thousand series holds the columns of one.

import { keptColumn } from '../../storage/head/histogramReader.ts'
import type { Labels } from '../../storage/model/labels.ts'
import type { HistogramColumn } from '../../storage/model/sample.ts'
import { samplesBeyondOne } from '../histograms/columns.ts'
import type { Limits } from '../limits.ts'
import type { AggregationSink } from '../operators/aggregationSink.ts'
import { copyColumn, type ColumnSpace, type Columns } from '../values/columnSpace.ts'
import type { VectorSeries } from '../values/value.ts'

export type SeriesOutput = {
  /** Columns of the query's space to write the next series into, nothing present. Asking again without `accept` in between gives the same ones. */
  columns(): Columns
  /** The series in `columns()` is complete, `found` of its steps are present; those that are histograms come beside, valid until the next read. */
  accept(labels: Labels, found: number, histograms?: HistogramColumn): void
}

/** About this many bytes of columns are allocated at once: one allocation per series costs more than its evaluation. */
const blockBytes = 1 << 20

/** Keeps every series, in arrays outside the kernels' memory, which is for what is being computed. */
export class KeptSeries implements SeriesOutput {
  readonly series: VectorSeries[] = []
  /** Samples that are present, all counted as held by `limits`. */
  sampleCount = 0
  readonly #limits: Limits
  readonly #stepCount: number
  readonly #seriesPerBlock: number
  #values = new Float64Array(0)
  #present = new Uint8Array(0)
  #used = 0
  readonly #columns: Columns
  #isClean = true

  constructor(limits: Limits, space: ColumnSpace, stepCount: number, expectedSeries: number) {
    this.#limits = limits
    this.#columns = space.columns(stepCount)
    this.#stepCount = stepCount
    this.#seriesPerBlock = Math.max(1, Math.min(expectedSeries, Math.floor(blockBytes / (9 * Math.max(1, stepCount)))))
  }

  columns(): Columns {
    if (!this.#isClean) this.#columns.present.fill(0)
    this.#isClean = true
    return this.#columns
  }

  accept(labels: Labels, found: number, histograms?: HistogramColumn): void {
    const held = found + samplesBeyondOne(histograms)
    this.#limits.take(held)
    this.sampleCount += held
    const { values, present } = this.#next()
    copyColumn(this.#columns.values, values)
    copyColumn(this.#columns.present, present)
    this.#isClean = false
    this.series.push(histograms === undefined ? { labels, values, present } : { labels, values, present, histograms: keptColumn(histograms) })
  }

  #next(): Columns {
    const count = this.#stepCount
    if (this.#used + count > this.#values.length || this.#values.length === 0) {
      this.#values = new Float64Array(this.#seriesPerBlock * count)
      this.#present = new Uint8Array(this.#seriesPerBlock * count)
      this.#used = 0
    }
    const from = this.#used
    this.#used += count
    return { values: this.#values.subarray(from, this.#used), present: this.#present.subarray(from, this.#used) }
  }
}

/**
 * Hands every series on and uses its columns again. Its samples count as if they were kept, which Prometheus does: who limits what
 * a query may load does not expect a sum to have no limit.
 */
export class FedSeries implements SeriesOutput {
  /** Samples that were handed on, all counted as held by `limits`. */
  sampleCount = 0
  readonly #limits: Limits
  readonly #sink: AggregationSink
  readonly #columns: Columns
  #isClean = true

  constructor(limits: Limits, space: ColumnSpace, stepCount: number, sink: AggregationSink) {
    this.#limits = limits
    this.#sink = sink
    this.#columns = space.columns(stepCount)
  }

  columns(): Columns {
    if (!this.#isClean) this.#columns.present.fill(0)
    this.#isClean = true
    return this.#columns
  }

  accept(labels: Labels, found: number, histograms?: HistogramColumn): void {
    const held = found + samplesBeyondOne(histograms)
    this.#limits.take(held)
    this.sampleCount += held
    this.#sink.add(labels, this.#columns.values, this.#columns.present, histograms)
    this.#isClean = false
  }
}
