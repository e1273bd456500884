// Native histograms for tests: made of plain numbers, at random, and as plain objects to compare.

import { populated } from '../../query/histograms/arithmetic.ts'
import { customSchema, noBounds, type Buckets, type NativeHistogram } from '../../storage/model/histogram.ts'
import type { Random } from './random.ts'

/** `buckets` maps an index to a count; what is not given is zero, the count the sum of all. */
export function histogram(fields: Partial<Omit<NativeHistogram, 'positive' | 'negative'>> & { positive?: Record<number, number>; negative?: Record<number, number> }): NativeHistogram {
  const { positive = {}, negative = {}, ...rest } = fields
  const total = [...Object.values(positive), ...Object.values(negative), rest.zeroCount ?? 0].reduce((a, b) => a + b, 0)
  return { schema: 0, counterReset: 'unknown', zeroThreshold: 0, zeroCount: 0, count: total, sum: 0, customBounds: noBounds, ...rest, positive: buckets(positive), negative: buckets(negative) }
}

function buckets(counts: Record<number, number>): Buckets {
  const indexes = Object.keys(counts).map(Number).sort((a, b) => a - b)
  return { indexes: Int32Array.from(indexes), counts: Float64Array.from(indexes, (index) => counts[index] ?? 0) }
}

export function randomHistogram(random: Random): NativeHistogram {
  const some = (most: number) => Object.fromEntries(Array.from({ length: random.below(most) }, () => [random.below(12) - 6, 1 + random.below(1000)]))
  const counterReset = random.pick(['unknown', 'gauge'] as const)
  const sum = random.below(10_000) / 8
  if (random.below(4) === 0) {
    const customBounds = Float64Array.of(0.1, 0.5, 1, 5)
    const positive = Object.fromEntries(Array.from({ length: random.below(5) }, () => [random.below(5), 1 + random.below(9)]))
    return histogram({ schema: customSchema, counterReset, sum, customBounds, positive })
  }
  return histogram({ schema: random.below(4), counterReset, sum, zeroThreshold: random.pick([0, 1e-128, 0.001]), zeroCount: random.below(3), positive: some(12), negative: some(3) })
}

/** Everything that counts, in plain arrays: equal for equal histograms. */
export function plain(histogram: NativeHistogram): object {
  const list = (side: Buckets) => {
    const { indexes, counts } = populated(side)
    return [...indexes].map((index, k) => [index, counts[k]])
  }
  return { ...histogram, positive: list(histogram.positive), negative: list(histogram.negative), customBounds: [...histogram.customBounds] }
}
