// Random series for the PromQL fuzzer, in families that provoke the edge cases: gaps, staleness markers, counter resets,
// NaN and infinities, equal label sets after names are dropped, histograms. Values are multiples of 1/4 of modest size, so
// that sums are exact whatever the order and algorithm of adding, except those of `x`, which no query adds up; timestamps are 137 ms after a full second, where no
// query looks (`queries.ts` keeps to full and half seconds).

import { stale } from '../../helpers/memoryQuerier.ts'
import type { Random } from '../../helpers/random.ts'
import type { WrittenSeries } from '../../helpers/remoteWriteBody.ts'

export const dataStartMs = 1_700_000_000_000
const sampleCount = 160
const intervalMs = 15_000
const sampleOffsetMs = 137
export const dataEndMs = dataStartMs + sampleCount * intervalMs

type Sample = { readonly timestampMs: number; readonly value: number | typeof stale }

export function randomSeries(random: Random): readonly WrittenSeries[] {
  const quarter = (limit: number) => random.below(4 * limit) / 4
  const chance = (percent: number) => random.below(100) < percent
  const series: WrittenSeries[] = []

  /** Adds a series whose value at each interval comes from `next`; `holes` is the percentage of intervals without one. */
  const add = (labels: Record<string, string>, next: (i: number) => number, { holes = 5, from = 0, to = sampleCount } = {}) => {
    const samples: Sample[] = []
    for (let i = from; i < to; i++) {
      const value = next(i)
      const timestampMs = dataStartMs + i * intervalMs + sampleOffsetMs
      if (chance(holes)) i += random.below(chance(20) ? 30 : 4)
      else samples.push({ timestampMs, value: chance(1) ? stale : value })
    }
    if (to < sampleCount && chance(60)) samples.push({ timestampMs: dataStartMs + to * intervalMs + sampleOffsetMs, value: stale })
    if (samples.length > 0) series.push({ labels, samples })
  }

  /** Never positive, so that no extrapolation ends at zero; falls where it is reset. */
  const negativeCounter = () => {
    let value = -100_000
    return () => (value = chance(4) ? -100_000 : value + quarter(40))
  }
  const positiveCounter = () => {
    let value = 2 ** 30
    return () => (value += chance(20) ? 0 : quarter(40))
  }
  const special = () => random.pick([NaN, Infinity, -Infinity, 0, 1, -1, 2.5, 0.25])

  const odd = () => random.pick([0.1, -0, 0, 1 / 3, -1e-7, 1e-6, 1e21, 123456789.125, 2 ** 53, -(2 ** 53) - 2, 1e300, 1.7976931348623157e308, 1e-300, NaN, 99999.99999, 1e20])

  for (const job of ['a', 'b', 'c']) {
    for (const inst of ['0', '1', '2']) {
      const from = chance(30) ? random.below(60) : 0
      const to = chance(30) ? 60 + random.below(100) : sampleCount
      add({ __name__: 'g', job, inst }, () => quarter(200) - 100, { from, to })
      if (chance(80)) add({ __name__: 'g2', job, inst }, () => quarter(50) - 10, { holes: 10 })
      if (chance(80)) add({ __name__: 'c_total', job, inst }, negativeCounter(), { from, to })
      if (chance(80)) add({ __name__: 'p_total', job, inst }, positiveCounter())
      for (const mode of ['x', 'y']) if (chance(80)) add({ __name__: 'm', job, inst, mode }, () => random.below(5), { from })
    }
    add({ __name__: 's', job }, special, { holes: 8 })
    if (chance(80)) add({ __name__: 'one', job, extra: `e${random.below(3)}` }, () => quarter(8))
    // One to three series per job: a forbidden second partner wherever two of them are present.
    for (let i = 0; i <= random.below(3); i++) add({ __name__: 'some', job, dup: String(i) }, () => quarter(20), { holes: 20, from: random.below(80), to: 80 + random.below(80) })
    let rank = 0
    for (const inst of ['0', '1', '2', '3']) {
      // All values of the family differ at every step.
      const base = 1000 * (1 + rank++) + 10_000 * ['a', 'b', 'c'].indexOf(job)
      add({ __name__: 'u', job, inst }, () => base + quarter(100), { holes: 3 })
    }
    addHistogram(job)
  }
  add({ __name__: 'k' }, () => 7)
  for (const word of ['é', 'B b', 'a\\b']) add({ __name__: 'x', job: 'e', word }, odd, { holes: 8 })
  return series

  function addHistogram(job: string): void {
    const bounds = ['0.25', '0.5', '1', '2.5', '10', '+Inf']
    const counts = bounds.map(() => 0)
    const history = Array.from({ length: sampleCount }, () => {
      bounds.forEach((_, i) => (counts[i] = (counts[i] as number) + random.below(4)))
      return counts.map((_, i) => counts.slice(0, i + 1).reduce((sum, count) => sum + count, 0))
    })
    bounds.forEach((le, at) => add({ __name__: 'h_bucket', job, le }, (i) => history[i]?.[at] ?? 0, { holes: 1 }))
  }
}

/** What servers receive, in this order; one part is one request. */
export type Arrivals = {
  /** By time, each part a few minutes of all series. */
  readonly inOrder: readonly (readonly WrittenSeries[])[]
  /** Samples from anywhere in between that come afterwards. */
  readonly late: readonly (readonly WrittenSeries[])[]
}

const latePartCount = 4

export function arrivalsOf(series: readonly WrittenSeries[], random: Random): Arrivals {
  const partMs = 20 * intervalMs
  const inOrder = new Map<number, WrittenSeries[]>()
  const late = new Map<number, WrittenSeries[]>()
  for (const { labels, samples } of series) {
    const isLate = samples.map(() => random.below(100) < 8)
    const onTime = samples.filter((_, i) => !isLate[i])
    const lateSamples = samples.filter((_, i) => isLate[i])
    split(onTime, inOrder, labels, ({ timestampMs }) => Math.floor((timestampMs - dataStartMs) / partMs))
    split(lateSamples, late, labels, () => random.below(latePartCount))
  }
  const parts = (map: Map<number, WrittenSeries[]>) => [...map].sort(([a], [b]) => a - b).map(([, part]) => part)
  return { inOrder: parts(inOrder), late: parts(late) }
}

function split(samples: readonly Sample[], parts: Map<number, WrittenSeries[]>, labels: WrittenSeries['labels'], partOf: (sample: Sample) => number): void {
  const byPart = Map.groupBy(samples, partOf)
  for (const [part, samplesOfPart] of byPart) parts.set(part, [...(parts.get(part) ?? []), { labels, samples: samplesOfPart }])
}
