// Every function's implementation by name. `language/signatures.ts` says what may be called how; this says what happens then.

import type { Labels } from '../../storage/model/labels.ts'
import type { Annotations } from '../annotations.ts'
import { absent } from './absent.ts'
import * as conversion from './conversion.ts'
import { clamp, clampMax, clampMin, dates, mathematics, round, type InstantFunction } from './elementwise.ts'
import { histogramFraction, histogramQuantile, histogramQuantiles } from './histogram.ts'
import { labelJoin, labelReplace } from './labels.ts'
import * as native from './nativeHistogram.ts'
import * as overTime from './overTime.ts'
import type { RangeKernel } from './range.ts'
import * as rates from './rate.ts'
import { deriv, doubleExponentialSmoothing, predictLinear } from './regression.ts'
import { sort, sortByLabel, sortByLabelDesc, sortDesc } from './sort.ts'

export type FunctionEntry =
  | {
      readonly kind: 'instant'
      /** Optional arguments that were not given are not in `args`. */
      readonly evaluate: InstantFunction
      /** Otherwise its arguments come without the histograms in them. */
      readonly takesHistograms?: boolean
    }
  | {
      readonly kind: 'range'
      /** Which argument is the range vector; the others are scalars. */
      readonly rangeArgument: number
      readonly kernel: RangeKernel
      /** Whether the result keeps the metric's name. */
      readonly keepsName: boolean
      /** Whether the kernel itself has something to say about its arguments. */
      readonly annotates?: boolean
      /** It counts from zero where a counter is known to have begun, with the feature `use-start-timestamps`. */
      readonly countsFromStarts?: boolean
      /** Called for each series that gave a value; `position` is that of the range vector. */
      readonly note?: (labels: Labels, annotations: Annotations, position: number) => void
    }

const instantFunctions: Readonly<Record<string, InstantFunction>> = {
  ...mathematics,
  ...dates,
  absent,
  clamp,
  clamp_max: clampMax,
  clamp_min: clampMin,
  end: conversion.end,
  histogram_avg: native.histogramAvg,
  histogram_count: native.histogramCount,
  histogram_fraction: histogramFraction,
  histogram_quantile: histogramQuantile,
  histogram_quantiles: histogramQuantiles,
  histogram_stddev: native.histogramStddev,
  histogram_stdvar: native.histogramStdvar,
  histogram_sum: native.histogramSum,
  label_join: labelJoin,
  label_replace: labelReplace,
  max_of: conversion.maxOf,
  min_of: conversion.minOf,
  pi: conversion.pi,
  range: conversion.range,
  round,
  scalar: conversion.scalar,
  sort,
  sort_by_label: sortByLabel,
  sort_by_label_desc: sortByLabelDesc,
  sort_desc: sortDesc,
  start: conversion.start,
  start_timestamp: conversion.startTimestamp,
  step: conversion.step,
  time: conversion.time,
  timestamp: conversion.timestamp,
  vector: conversion.vector,
}

const takingHistograms: ReadonlySet<string> = new Set([
  'absent', 'label_join', 'label_replace', 'sort_by_label', 'sort_by_label_desc', 'timestamp',
  ...Object.keys(instantFunctions).filter((name) => name.startsWith('histogram_')),
])

const rangeFunctions: Readonly<Record<string, Omit<FunctionEntry & { kind: 'range' }, 'kind' | 'keepsName' | 'rangeArgument'> & { keepsName?: true; rangeArgument?: 1 }>> = {
  // The engine inverts it over all series: see `absentLabels`.
  absent_over_time: { kernel: overTime.presentOverTime },
  avg_over_time: { kernel: overTime.avgOverTime },
  changes: { kernel: rates.changes },
  count_over_time: { kernel: overTime.countOverTime },
  delta: { kernel: rates.delta },
  deriv: { kernel: deriv },
  double_exponential_smoothing: { kernel: doubleExponentialSmoothing },
  first_over_time: { kernel: overTime.firstOverTime, keepsName: true },
  idelta: { kernel: rates.idelta },
  increase: { kernel: rates.increase, countsFromStarts: true, note: rates.notePossibleNonCounter },
  irate: { kernel: rates.irate },
  last_over_time: { kernel: overTime.lastOverTime, keepsName: true },
  mad_over_time: { kernel: overTime.madOverTime },
  max_over_time: { kernel: overTime.maxOverTime },
  min_over_time: { kernel: overTime.minOverTime },
  predict_linear: { kernel: predictLinear },
  present_over_time: { kernel: overTime.presentOverTime },
  quantile_over_time: { kernel: overTime.quantileOverTime, rangeArgument: 1, annotates: true },
  rate: { kernel: rates.rate, countsFromStarts: true, note: rates.notePossibleNonCounter },
  resets: { kernel: rates.resets },
  stddev_over_time: { kernel: overTime.stddevOverTime },
  stdvar_over_time: { kernel: overTime.stdvarOverTime },
  sum_over_time: { kernel: overTime.sumOverTime },
  ts_of_first_over_time: { kernel: overTime.tsOfFirstOverTime },
  ts_of_last_over_time: { kernel: overTime.tsOfLastOverTime },
  ts_of_max_over_time: { kernel: overTime.tsOfMaxOverTime },
  ts_of_min_over_time: { kernel: overTime.tsOfMinOverTime },
}

export const functions: ReadonlyMap<string, FunctionEntry> = new Map<string, FunctionEntry>([
  ...Object.entries(instantFunctions).map(([name, evaluate]): [string, FunctionEntry] => [name, { kind: 'instant', evaluate, takesHistograms: takingHistograms.has(name) }]),
  ...Object.entries(rangeFunctions).map(([name, { keepsName = false, rangeArgument = 0, ...rest }]): [string, FunctionEntry] => [
    name,
    { kind: 'range', keepsName, rangeArgument, ...rest },
  ]),
])
