// Where the series that an aggregation is made of go.

import type { Labels } from '../../storage/model/labels.ts'
import type { HistogramColumn } from '../../storage/model/sample.ts'
import type { VectorSeries } from '../values/value.ts'

export type AggregationSink = {
  add(labels: Labels, values: Float64Array, present: Uint8Array, histograms?: HistogramColumn): void
  /** Once, after the last series. For an instant `topk` or `bottomk` the series are in order. */
  finish(): readonly VectorSeries[]
}
