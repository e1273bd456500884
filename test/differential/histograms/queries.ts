// Random queries over the series of `data.ts`, for comparison with Prometheus 2.42: what it can do with native histograms, which
// are no differences, multiples and means, and not every function over ranges.

import type { Random } from '../../helpers/random.ts'
import { seriesPerName } from './data.ts'

/**
 * How the answer may differ. `same`: not at all. `coarser`: Prometheus's buckets may be wider, as 2.x keeps the layout of a
 * sample that a reset follows. `scaled`: besides, all of a histogram may be larger there by one factor, as 2.x goes back past
 * where a counter was zero. `quantile`: 2.x interpolates linearly.
 */
export type Likeness = 'same' | 'coarser' | 'scaled' | 'quantile'

export type HistogramQuery = {
  readonly text: string
  readonly likeness: Likeness
  /** Of a quantile: what it is of, and which. */
  readonly quantile?: { readonly of: string; readonly phi: number }
}

type Vector = { readonly text: string; readonly likeness: 'same' | 'coarser' }

export class HistogramQueries {
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  next(): HistogramQuery {
    switch (this.#random.below(10)) {
      case 0:
        return { text: `${this.#pick('rate', 'increase')}(${this.#range(this.#pick('near', 'near_float'))})`, likeness: 'scaled' }
      case 1:
        return this.#mixed()
      case 2: {
        // Between no two buckets: 2.x counts from below only, 3.x large quantiles from above, which ends at the other side of empty
        // buckets. And not 0, for which 2.x says NaN where the first bucket is empty.
        const phi = this.#random.below(100) / 100 + 0.003_123_456_7
        const of = this.#summed(this.#selector(this.#anyName()))
        return { text: `histogram_quantile(${phi}, ${of})`, likeness: 'quantile', quantile: { of, phi } }
      }
      case 3: {
        const { text, likeness } = this.#vector()
        return { text: `${this.#pick('histogram_count', 'histogram_sum', 'count', 'count by (g)', 'absent', 'group')}(${text})`, likeness }
      }
      case 4:
        // At bounds of buckets nothing is interpolated.
        return { text: `histogram_fraction(${this.#pick('-Inf', '-8', '-1', '0.25')}, ${this.#pick('0.5', '4', 'Inf')}, ${this.#summed(this.#selector(this.#anyName()))})`, likeness: 'same' }
      case 5:
        return { text: `${this.#pick('count_over_time', 'present_over_time')}(${this.#range(this.#anyName())})`, likeness: 'same' }
      default:
        return this.#vector()
    }
  }

  /** Histograms. */
  #vector(): Vector {
    switch (this.#random.below(6)) {
      case 0:
        return { text: this.#selector(this.#anyName()), likeness: 'same' }
      case 1:
        return { text: this.#summed(this.#selector(this.#anyName())), likeness: 'same' }
      case 2:
        return { text: `delta(${this.#range('gauge')})`, likeness: 'same' }
      case 3: {
        const [a, b] = [this.#counter(), this.#counter()]
        return { text: `${a.text} + ignoring (i) group_left () sum by (g) (${b.text})`, likeness: a.likeness === 'coarser' ? a.likeness : b.likeness }
      }
      case 4: {
        const { text, likeness } = this.#counter()
        return { text: this.#summed(text), likeness }
      }
      default:
        return this.#counter()
    }
  }

  /** Of counters that are far from zero. */
  #counter(): Vector {
    const name = this.#pick('far', 'far_float')
    if (this.#random.below(3) === 0) return { text: this.#selector(name), likeness: 'same' }
    return { text: `${this.#pick('rate', 'increase')}(${this.#random.below(5) === 0 ? `${name}[${this.#pick('2m', '5m')}:${this.#pick('15s', '20s')}]` : this.#range(name)})`, likeness: 'coarser' }
  }

  /** Numbers and histograms beside each other, in a series or in a group. */
  #mixed(): HistogramQuery {
    if (this.#random.below(4) === 0) return { text: `rate(${this.#range('mixed')})`, likeness: 'coarser' }
    const sum = 'sum by (g) (mixed)'
    const text = this.#pick('mixed', 'sum(mixed)', 'count(mixed)', `${sum} + on (g) group_left () ${sum}`, 'mixed and on (g) number', `count_over_time(${this.#range('mixed')})`, 'histogram_count(mixed)', '{__name__=~"number|gauge"}')
    return { text, likeness: 'same' }
  }

  #summed(text: string): string {
    return this.#pick(text, `sum(${text})`, `sum by (g) (${text})`, `sum without (g) (${text})`)
  }

  #selector(name: string): string {
    return `${name}${this.#matchers()}${this.#pick('', '', '', ' offset 1m', ' offset -30s')}`
  }

  #range(name: string): string {
    return `${name}${this.#matchers()}[${this.#pick('40s', '1m', '100s', '3m', '10m')}]${this.#pick('', '', '', ' offset 2m')}`
  }

  #matchers(): string {
    return this.#pick('', '', `{i="${this.#random.below(seriesPerName)}"}`, '{g="1"}')
  }

  #anyName(): string {
    return this.#pick('far', 'far_float', 'near', 'near_float', 'gauge')
  }

  #pick(...choices: readonly string[]): string {
    return this.#random.pick(choices)
  }
}
