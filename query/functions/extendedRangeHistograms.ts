// `rate`, `increase` and `delta` of native histograms over `anchored` and `smoothed` ranges: what numbers have in
// `extendedRange.ts`, with histograms for the values at both ends.

import type { NativeHistogram } from '../../storage/model/histogram.ts'
import type { HistogramColumn } from '../../storage/model/sample.ts'
import { add, asGauge, divide, multiply, subtract, type Combined } from '../histograms/arithmetic.ts'
import type { HistogramNotes } from '../histograms/notes.ts'
import { isReset } from '../histograms/reset.ts'
import { reachOf, type Mode, type Reach } from './extendedRange.ts'
import type { WindowColumns } from './range.ts'
import type { RateKind } from './rateHistograms.ts'

/** A window whose layouts do not go together. */
class MixedSchemas extends Error {}

export type ExtendedHistogramsInput = {
  readonly window: WindowColumns
  /** A histogram for each sample that is one. */
  readonly histograms: HistogramColumn
  readonly mode: Mode
  readonly kind: RateKind
  readonly notes: HistogramNotes
  /** The name that notes tell. */
  readonly metric: string
}

/** Computes windows over a series that has histograms among its samples. */
export class ExtendedHistograms {
  readonly #window: WindowColumns
  readonly #histograms: HistogramColumn
  readonly #mode: Mode
  readonly #kind: RateKind
  readonly #notes: HistogramNotes
  readonly #metric: string

  constructor({ window, histograms, mode, kind, notes, metric }: ExtendedHistogramsInput) {
    this.#window = window
    this.#histograms = histograms
    this.#mode = mode
    this.#kind = kind
    this.#notes = notes
    this.#metric = metric
  }

  /** `numbers` when the window has nothing else, `undefined` when there is no result. */
  at(step: number): NativeHistogram | 'numbers' | undefined {
    const reach = reachOf(this.#window, step, this.#mode)
    if (reach === undefined) return undefined
    const samples: NativeHistogram[] = []
    for (let i = reach.first; i <= reach.last; i++) {
      const histogram = this.#histograms[i]
      if (histogram !== undefined) samples.push(histogram)
    }
    if (samples.length === 0) return 'numbers'
    if (samples.length <= reach.last - reach.first) {
      this.#notes.mixedTypes(this.#metric)
      return undefined
    }
    this.#noteKind(samples)
    try {
      const result = this.#difference(samples, reach)
      return asGauge(this.#kind.perSecond ? divide(result, this.#window.rangeMs / 1000) : result)
    } catch (error) {
      if (!(error instanceof MixedSchemas)) throw error
      this.#notes.mixedSchemas(this.#metric)
      return undefined
    }
  }

  #noteKind(samples: readonly NativeHistogram[]): void {
    const isGauge = (histogram: NativeHistogram | undefined) => histogram?.counterReset === 'gauge'
    if (this.#kind.isCounter ? samples.some(isGauge) : !isGauge(samples[0]) || !isGauge(samples.at(-1))) {
      if (this.#kind.isCounter) this.#notes.notACounter(this.#metric)
      else this.#notes.notAGauge(this.#metric)
    }
  }

  /** The value at the end less that at the start, and what a counter had reached before each reset between. */
  #difference(samples: readonly NativeHistogram[], { first, last, startMs, endMs }: Reach): NativeHistogram {
    const { timestampsMs } = this.#window
    const timeOf = (k: number) => timestampsMs[first + k] as number // k is an index of `samples`
    const at = (k: number) => samples[k] as NativeHistogram
    const end = last - first
    const wasReset = (k: number) => this.#kind.isCounter && isReset(at(k), at(k - 1))
    const isLeftDrawn = this.#mode === 'smoothed' && timeOf(0) < startMs
    const isRightDrawn = this.#mode === 'smoothed' && end > 0 && timeOf(end) > endMs
    const part = (k: number, timeMs: number) => (timeMs - timeOf(k - 1)) / (timeOf(k) - timeOf(k - 1))
    let left = at(0)
    // A counter that was reset on the way comes from zero.
    if (isLeftDrawn) left = wasReset(1) ? multiply(at(1), part(1, startMs)) : this.#between(at(0), at(1), part(1, startMs))
    let right = at(end)
    if (isRightDrawn) {
      const share = part(end, endMs)
      right = wasReset(end) ? this.#sum(at(end - 1), multiply(at(end), share)) : this.#between(at(end - 1), at(end), share)
    }
    let result = this.#combined(subtract(right, left), 'subtraction')
    for (let k = 1; k <= end; k++) {
      const isDrawn = (k === 1 && isLeftDrawn) || (k === end && isRightDrawn)
      if (!isDrawn && wasReset(k)) result = this.#sum(result, at(k - 1))
    }
    return result
  }

  /** On the line from one to the other. */
  #between(from: NativeHistogram, to: NativeHistogram, share: number): NativeHistogram {
    return this.#sum(from, multiply(this.#combined(subtract(to, from), 'subtraction'), share))
  }

  #sum(a: NativeHistogram, b: NativeHistogram): NativeHistogram {
    return this.#combined(add(a, b), 'addition')
  }

  #combined(result: Combined, operation: 'addition' | 'subtraction'): NativeHistogram {
    // Hints of counters do not meet here: the result is a gauge.
    this.#notes.combined({ ...result, resetsCollide: false }, operation)
    if (result.histogram === undefined) throw new MixedSchemas()
    return result.histogram
  }
}
