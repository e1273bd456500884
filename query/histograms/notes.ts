// What is said to the user about native histograms, in Prometheus's words.

import type { Annotations } from '../annotations.ts'
import { goQuote } from '../language/stringLiteral.ts'
import type { Combined } from './arithmetic.ts'

/** Warnings and infos about one argument of a query. */
export class HistogramNotes {
  readonly #annotations: Annotations
  readonly #position: number | undefined

  constructor(annotations: Annotations, position: number | undefined) {
    this.#annotations = annotations
    this.#position = position
  }

  mixedTypes(metric: string): void {
    this.#annotations.warn(`encountered a mix of histograms and floats for metric name ${goQuote(metric)}`, this.#position)
  }

  mixedTypesInAggregation(): void {
    this.#annotations.warn('encountered a mix of histograms and floats for aggregation', this.#position)
  }

  mixedSchemas(metric: string): void {
    this.#annotations.warn(`vector contains a mix of histograms with exponential and custom buckets schemas for metric name ${goQuote(metric)}`, this.#position)
  }

  mixedWithClassic(metric: string): void {
    this.#annotations.warn(`vector contains a mix of classic and native histograms${forMetric(metric)}`, this.#position)
  }

  notACounter(metric: string): void {
    this.#annotations.warn(`this native histogram metric is not a counter: ${goQuote(metric)}`, this.#position)
  }

  notAGauge(metric: string): void {
    this.#annotations.warn(`this native histogram metric is not a gauge: ${goQuote(metric)}`, this.#position)
  }

  ignoredInAggregation(operator: string): void {
    this.#annotations.info(`ignored histogram in ${operator} aggregation`, this.#position)
  }

  ignoredInMixedRange(metric: string): void {
    this.#annotations.info(`ignored histograms in a range containing both floats and histograms for metric name ${goQuote(metric)}`, this.#position)
  }

  quantileIsNan(metric: string): void {
    this.#annotations.info(`input to histogram_quantile has NaN observations, result is NaN${forMetric(metric)}`, this.#position)
  }

  quantileIsSkewed(metric: string): void {
    this.#annotations.info(`input to histogram_quantile has NaN observations, result is skewed higher${forMetric(metric)}`, this.#position)
  }

  fractionHasNan(metric: string): void {
    this.#annotations.info(`input to histogram_fraction has NaN observations, which are excluded from all fractions${forMetric(metric)}`, this.#position)
  }

  incompatibleLayouts(operator: string): void {
    this.#annotations.warn(`incompatible bucket layout encountered for binary operator ${operator}`, this.#position)
  }

  incompatibleTypes(left: 'float' | 'histogram', operator: string, right: 'float' | 'histogram'): void {
    this.#annotations.info(`incompatible sample types encountered for binary operator ${goQuote(operator)}: ${left} ${operator} ${right}`, this.#position)
  }

  /** Notes on what combining two histograms met. */
  combined({ resetsCollide, boundsReconciled }: Combined, operation: 'addition' | 'subtraction' | 'aggregation'): void {
    if (resetsCollide) this.#annotations.warn(`conflicting counter resets during histogram ${operation}`, this.#position)
    if (boundsReconciled) this.#annotations.info(`mismatched custom buckets were reconciled during ${operation}`, this.#position)
  }
}

function forMetric(metric: string): string {
  return metric === '' ? '' : ` for metric name ${goQuote(metric)}`
}
