// What an expression evaluates to, for all steps of a query at once: a vector is a list of columns, one per series.

import type { Labels } from '../../storage/model/labels.ts'
import type { HistogramColumn } from '../../storage/model/sample.ts'
import type { Annotations } from '../annotations.ts'
import type { ColumnSpace } from './columnSpace.ts'

/** The times at which a query is evaluated; an instant query has one. */
export type Steps = { readonly startMs: number; readonly stepMs: number; readonly count: number }

/** One entry per step. `present[i]` is 1 when the series has a value at step i (which may be NaN), else 0. */
export type VectorSeries = {
  readonly labels: Labels
  readonly values: Float64Array
  readonly present: Uint8Array
  /** Only when the series has any: where one is present its place in `values` means nothing. Entries of absent steps mean nothing. */
  readonly histograms?: HistogramColumn
}

export type ScalarValue = { readonly kind: 'scalar'; readonly values: Float64Array }
export type VectorValue = { readonly kind: 'vector'; readonly series: readonly VectorSeries[] }
export type StringValue = { readonly kind: 'string'; readonly text: string }
/** Samples of one series at their own times, ascending. */
export type MatrixSeries = { readonly labels: Labels; readonly timestampsMs: Float64Array; readonly values: Float64Array; readonly histograms?: HistogramColumn }
/** Only the result of an instant query that is a bare range selector or subquery. */
export type MatrixValue = { readonly kind: 'matrix'; readonly series: readonly MatrixSeries[] }

export type Value = ScalarValue | VectorValue | StringValue | MatrixValue

/** What operators and functions need besides their operands. */
export type EvalContext = {
  readonly space: ColumnSpace
  readonly steps: Steps
  readonly annotations: Annotations
  /** The query's own range and step (not those of an enclosing subquery), for `start()`, `end()`, `range()`, `step()`. An instant query has step 0. */
  readonly query: { readonly startMs: number; readonly endMs: number; readonly stepMs: number }
  /** True for an instant query: `sort` and `topk` then order their result. */
  readonly instant: boolean
  /** Throws when the client is gone or the time is over: for what takes long over a single series. */
  check(): void
  /** Throws when `count` more samples may not be in memory. */
  allow(count: number): void
}

/** Nothing is present. */
export function newColumns(count: number): { values: Float64Array; present: Uint8Array } {
  return { values: new Float64Array(count), present: new Uint8Array(count) }
}

/** A scalar with the same value at every step. */
export function constantScalar(value: number, count: number): ScalarValue {
  return { kind: 'scalar', values: new Float64Array(count).fill(value) }
}
