// Random native histograms for the fuzzer: counters that are reset, that change their schema and zero threshold with and
// without a reset, with gaps and staleness markers; gauges; and series in which numbers take turns with histograms.

import { histogram } from '../../helpers/histograms.ts'
import { stale } from '../../helpers/memoryQuerier.ts'
import type { Random } from '../../helpers/random.ts'
import type { WrittenHistogram, WrittenSeries } from '../../helpers/remoteWriteBody.ts'

export const intervalMs = 15_000
const sampleCount = 120

type Counts = Readonly<Record<number, number>>

type Shape = {
  readonly isGauge: boolean
  /** What a counter has when it begins, and when it begins again. */
  readonly first: Counts
  readonly again: Counts
  readonly asFloat: boolean
}

const nothing = { isGauge: false, first: {}, again: {} }
/** So many from the start that no window asks when the counter was zero, which 2.x does not. */
const many = { isGauge: false, first: { 0: 1_000_000 }, again: { 0: 5000, 3: 1000 } }

/** By metric name. Counts are whole or doubles, by name: 2.42 mixes samples up when a selector meets both. */
const shapes: Readonly<Record<string, Shape>> = {
  far: { ...many, asFloat: false },
  far_float: { ...many, asFloat: true },
  near: { ...nothing, asFloat: false },
  near_float: { ...nothing, asFloat: true },
  gauge: { ...nothing, isGauge: true, asFloat: false },
}

export const seriesPerName = 6

/** All series end at `endMs`. */
export function randomHistogramSeries(random: Random, endMs: number): readonly WrittenSeries[] {
  const startMs = endMs - (sampleCount - 1) * intervalMs
  const labels = (name: string, k: number) => ({ __name__: name, i: String(k), g: String(k % 2) })
  const all = Object.entries(shapes).flatMap(([name, shape]) =>
    Array.from({ length: seriesPerName }, (_, k): WrittenSeries => ({ labels: labels(name, k), samples: [], histograms: withGaps(run(random, shape, startMs), random) })),
  )
  const mixed = Array.from({ length: 3 }, (_, k): WrittenSeries => {
    const histograms = run(random, { ...many, asFloat: false }, startMs)
    const isNumber = (at: number) => Math.floor(at / (10 + k)) % 2 === 1
    return {
      labels: labels('mixed', k),
      samples: histograms.filter((_, at) => isNumber(at)).map(({ timestampMs }) => ({ timestampMs, value: random.below(100) / 4 })),
      histograms: histograms.filter((_, at) => !isNumber(at)),
    }
  })
  const number = { labels: { __name__: 'number', i: 'number', g: '0' }, samples: Array.from({ length: sampleCount }, (_, at) => ({ timestampMs: startMs + at * intervalMs, value: 1 + at })) }
  return [...all, ...mixed, number]
}

function run(random: Random, { isGauge, first, again, asFloat }: Shape, startMs: number): WrittenHistogram[] {
  const chance = (percent: number) => random.below(100) < percent
  let schema = random.below(4)
  let zeroThreshold = 2 ** -20
  let zeroCount = 0
  let sum = 0
  let positive = first
  let negative: Counts = {}
  return Array.from({ length: sampleCount }, (_, at) => {
    if (chance(4) || isGauge) [positive, negative, zeroCount, sum] = [again, {}, 0, 0]
    if (chance(4)) {
      const next = random.below(4)
      if (next < schema) [positive, negative] = [merged(positive, schema - next), merged(negative, schema - next)]
      schema = next
    }
    if (chance(2)) zeroThreshold = random.pick([2 ** -20, 2 ** -10, 2 ** -3])
    for (let k = 0; k < 4; k++) {
      const index = random.below(14) - 5
      positive = grown(positive, index, 1 + random.below(6))
      if (chance(20)) negative = grown(negative, index, 1)
    }
    zeroCount += random.below(2)
    sum += random.below(1000) / 8
    // No bucket begins inside the zero bucket.
    const outside = (counts: Counts) => Object.fromEntries(Object.entries(counts).filter(([index]) => 2 ** ((Number(index) - 1) / 2 ** schema) >= zeroThreshold))
    const counterReset = isGauge ? 'gauge' : 'unknown'
    return { timestampMs: startMs + at * intervalMs, asFloat, histogram: histogram({ schema, sum, counterReset, zeroThreshold, zeroCount, positive: outside(positive), negative: outside(negative) }) }
  })
}

function grown(counts: Counts, index: number, more: number): Counts {
  return { ...counts, [index]: (counts[index] ?? 0) + more }
}

/** In buckets of a coarser schema. */
function merged(counts: Counts, steps: number): Counts {
  let result: Counts = {}
  for (const [index, count] of Object.entries(counts)) result = grown(result, ((Number(index) - 1) >> steps) + 1, count)
  return result
}

/** No staleness markers among counts that are doubles: in ranges 2.42 takes those for observations. */
function withGaps(histograms: readonly WrittenHistogram[], random: Random): WrittenHistogram[] {
  return histograms.filter(() => random.below(20) > 0).map((one) => (one.asFloat !== true && random.below(50) === 0 ? { ...one, histogram: stale } : one))
}
