// What queries do with start timestamps: `start_timestamp()`, and rates that count from where a counter began.

import { describe, expect, it } from 'vitest'
import { emptyLike, type NativeHistogram } from '../../storage/model/histogram.ts'
import { formatLabels, labelsFrom } from '../../storage/model/labels.ts'
import { histogram } from '../../test/helpers/histograms.ts'
import { createMemoryQuerier, stale, type MemorySample, type MemorySeries } from '../../test/helpers/memoryQuerier.ts'
import { createRandom } from '../../test/helpers/random.ts'
import { histogramText } from '../histograms/text.ts'
import { parseQuery } from '../language/parse.ts'
import { Limits } from '../limits.ts'
import { shareWithNobody } from '../parallel/crew.ts'
import { createColumnSpace } from '../values/columnSpace.ts'
import type { Value } from '../values/value.ts'
import { evaluateQuery } from './engine.ts'

const space = createColumnSpace()
const features = new Set(['promql-experimental-functions', 'promql-extended-range-selectors'])

type Times = { readonly startMs: number; readonly endMs: number; readonly stepMs: number }

function evaluate(series: readonly MemorySeries[], text: string, times: Times, usesStarts = false): Value {
  const limits = new Limits({ maxSamples: 1_000_000, deadlineMs: Infinity })
  const query = { text, expr: parseQuery(text, features), ...times }
  const deps = { querier: createMemoryQuerier(series), space, limits, share: shareWithNobody, lookbackMs: 300_000, maxSamples: 1_000_000, evaluationIntervalMs: 60_000, countsPerStep: false, usesStarts }
  return evaluateQuery(query, deps).value
}

/** By series, what it shows at each step. */
function shown(value: Value): Record<string, unknown[]> {
  if (value.kind !== 'vector') throw new Error(`a ${value.kind}`)
  return Object.fromEntries(
    value.series.map(({ labels, values, present, histograms }): [string, unknown[]] => [
      formatLabels(labels),
      Array.from(values, (one, step) => (present[step] === 0 ? undefined : (histograms?.[step] === undefined ? one : histogramText(histograms[step])))),
    ]),
  )
}

const at = (series: readonly MemorySeries[], text: string, timeMs: number, usesStarts = false) =>
  Object.fromEntries(Object.entries(shown(evaluate(series, text, { startMs: timeMs, endMs: timeMs, stepMs: 0 }, usesStarts))).map(([labels, [one]]) => [labels, one]))

const counter = (n: string, samples: readonly (readonly [number, MemorySample[1], (number | undefined)?])[]): MemorySeries => ({
  labels: labelsFrom({ __name__: 'c_total', n }),
  samples: samples.map(([timeMs, value]) => [timeMs, value]),
  starts: new Map(samples.flatMap(([timeMs, , startMs]) => (startMs === undefined ? [] : [[timeMs, startMs]]))),
})

describe('start_timestamp', () => {
  const series = [counter('a', [[60_000, 1, 30_500], [120_000, 2, 30_500], [180_000, 1, 150_000], [240_000, stale]]), counter('b', [[60_000, 1], [120_000, 2, 7]])]

  it('is the start of the sample that a selector shows, and nothing where there is none', () => {
    expect(at(series, 'start_timestamp(c_total)', 130_000)).toEqual({ '{n="a"}': 30.5, '{n="b"}': 0.007 })
    expect(at(series, 'start_timestamp((c_total offset 1m))', 130_000)).toEqual({ '{n="a"}': 30.5 })
    expect(at(series, 'start_timestamp(c_total)', 250_000)).toEqual({ '{n="b"}': 0.007 })
    expect(shown(evaluate(series, 'start_timestamp(c_total{n="a"})', { startMs: 0, endMs: 240_000, stepMs: 60_000 }))).toEqual({ '{n="a"}': [undefined, 30.5, 30.5, 150, undefined] })
    expect(shown(evaluate(series, 'start_timestamp(c_total{n="a"} @ 60)', { startMs: 0, endMs: 120_000, stepMs: 60_000 }))).toEqual({ '{n="a"}': [30.5, 30.5, 30.5] })
  })

  it('of what is worked out is nothing', () => {
    expect(at(series, 'start_timestamp(-c_total)', 130_000)).toEqual({})
    expect(at(series, 'start_timestamp(rate(c_total[2m]))', 130_000)).toEqual({})
  })

  it('of a native histogram is its start', () => {
    expect(at([counter('h', [[60_000, histogram({ sum: 1, positive: { 0: 1 } }), 5000]])], 'start_timestamp(c_total)', 60_000)).toEqual({ '{n="h"}': 5 })
  })
})

describe('rates with use-start-timestamps', () => {
  it('need one sample, when its counter began within the window', () => {
    const series = [counter('in', [[60_000, 6, 30_000]]), counter('before', [[60_000, 6, 0]]), counter('unknown', [[60_000, 6]])]
    expect(at(series, 'increase(c_total[1m])', 60_000)).toEqual({})
    expect(at(series, 'increase(c_total[1m])', 60_000, true)).toEqual({ '{n="in"}': 6 })
    expect(at(series, 'sum(rate(c_total[1m]))', 60_000, true)).toEqual({ '{}': 0.1 })
  })

  it('see that a counter began again, though it has passed its old value', () => {
    const series = [counter('a', [[15_000, 10, 1], [30_000, 20, 1], [45_000, 30, 32_000], [60_000, 40, 32_000]])]
    expect(at(series, 'increase(c_total[1m])', 60_000)).toEqual({ '{n="a"}': 40 })
    expect(at(series, 'increase(c_total[1m])', 60_000, true)['{n="a"}']).toBeGreaterThan(50)
  })

  it('are those of other functions, extended ranges and subqueries without it', () => {
    const series = [counter('a', [[15_000, 10, 1], [30_000, 20, 1], [45_000, 30, 32_000], [60_000, 40, 32_000]])]
    for (const text of ['irate(c_total[1m])', 'delta(c_total[1m])', 'resets(c_total[1m])', 'count_over_time(c_total[1m])', 'rate(c_total[1m] anchored)', 'rate(c_total[1m] smoothed)', 'rate(c_total[1m:15s])']) {
      expect(at(series, text, 60_000, true), text).toEqual(at(series, text, 60_000))
    }
  })

  it('are what they are with zeros among the samples, at each step with those that are known by then', () => {
    const random = createRandom()
    const message = `seed ${random.seed}`
    for (let round = 0; round < 60; round++) {
      const isHistogram = round % 3 === 0
      const valueOf = (count: number): number | NativeHistogram => (isHistogram ? histogram({ sum: count, positive: { 0: count } }) : count)
      const series = Array.from({ length: 1 + random.below(4) }, (_, n) => {
        let timeMs = 0
        let startMs = random.pick([undefined, 1000, 50_000])
        let count = 0
        const samples: [number, MemorySample[1], number | undefined][] = []
        for (let i = 0; i < 30; i++) {
          timeMs += random.pick([1000, 15_000, 40_000])
          if (random.below(5) === 0) {
            startMs = random.pick([timeMs - random.below(20_000) - 1, undefined])
            count = 0
          }
          count += random.below(9)
          samples.push(random.below(8) === 0 ? [timeMs, stale, undefined] : [timeMs, valueOf(count), startMs !== undefined && startMs < timeMs ? startMs : undefined])
        }
        return counter(String(n), samples)
      })
      /** The series as somebody knows them at some time, with a zero for each start. */
      const withZeros = (nowMs: number) =>
        series.map(({ labels, samples, starts }) => {
          const known: MemorySample[] = []
          let beforeMs = -Infinity
          for (const [timeMs, value] of samples) {
            if (timeMs > nowMs || value === stale) continue
            const startMs = starts?.get(timeMs)
            if (startMs !== undefined && startMs > beforeMs) known.push([startMs, typeof value === 'object' ? emptyLike(value) : 0])
            known.push([timeMs, value])
            beforeMs = timeMs
          }
          return { labels, samples: known }
        })
      for (const text of [`rate(c_total[${random.pick(['30s', '1m', '5m'])}])`, `sum(increase(c_total[${random.pick(['1m', '5m'])}] offset 7s))`]) {
        const times = { startMs: 0, endMs: 600_000, stepMs: random.pick([7000, 15_000, 60_000]) }
        const got = shown(evaluate(series, text, times, true))
        const steps = times.endMs / times.stepMs
        for (let step = 0; step < steps; step++) {
          const timeMs = step * times.stepMs
          const expected = at(withZeros(timeMs - (text.includes('offset') ? 7000 : 0)), text, timeMs)
          const atStep = Object.fromEntries(Object.entries(got).flatMap(([labels, values]) => (values[step] === undefined ? [] : [[labels, values[step]]])))
          expect(atStep, `${message} ${text} at ${timeMs}`).toEqual(expected)
        }
      }
    }
  })
})
