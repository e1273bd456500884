import { describe, expect, it, vi } from 'vitest'
import type { NativeHistogram } from '../../storage/model/histogram.ts'
import { formatLabels, labelsFrom } from '../../storage/model/labels.ts'
import { histogram } from '../../test/helpers/histograms.ts'
import { createMemoryQuerier, seriesEvery, stale, type MemorySeries } from '../../test/helpers/memoryQuerier.ts'
import { createRandom } from '../../test/helpers/random.ts'
import { parseQuery } from '../language/parse.ts'
import { Limits } from '../limits.ts'
import { shareWithNobody } from '../parallel/crew.ts'
import { createColumnSpace } from '../values/columnSpace.ts'
import type { Value } from '../values/value.ts'
import { evaluateQuery, sortedMatrix } from './engine.ts'

type Setting = { readonly lookbackMs?: number; readonly maxSamples?: number; readonly deadlineMs?: number; readonly features?: readonly string[]; readonly delaysNameRemoval?: boolean }

const space = createColumnSpace()

const run = (series: readonly MemorySeries[], text: string, times: { startMs: number; endMs: number; stepMs: number }, setting: Setting = {}) => {
  const maxSamples = setting.maxSamples ?? 1_000_000
  const limits = new Limits({ maxSamples, deadlineMs: setting.deadlineMs ?? Infinity })
  const query = { text, expr: parseQuery(text, new Set(setting.features)), ...times }
  const deps = { querier: createMemoryQuerier(series), space, limits, share: shareWithNobody, lookbackMs: setting.lookbackMs ?? 300_000, maxSamples, evaluationIntervalMs: 60_000, countsPerStep: true, delaysNameRemoval: setting.delaysNameRemoval ?? false }
  return { ...evaluateQuery(query, deps), limits }
}

/** `{series: [value per step]}`; a step without value is `undefined`. */
const over = (series: readonly MemorySeries[], text: string, times: { startMs: number; endMs: number; stepMs: number }, setting: Setting = {}) => {
  const matrix = sortedMatrix(run(series, text, times, setting).value)
  return Object.fromEntries(
    matrix.map((one) => [formatLabels(one.labels), [...one.values].map((value, i) => (one.present[i] === 1 ? value : undefined))]),
  )
}

const at = (series: readonly MemorySeries[], text: string, timeMs: number, setting: Setting = {}): unknown =>
  shown(run(series, text, { startMs: timeMs, endMs: timeMs, stepMs: 0 }, setting).value)

function shown(value: Value): unknown {
  switch (value.kind) {
    case 'scalar':
      return value.values[0]
    case 'string':
      return value.text
    case 'vector':
      return Object.fromEntries(value.series.filter((one) => one.present[0] === 1).map((one) => [formatLabels(one.labels), one.values[0]]))
    case 'matrix':
      return Object.fromEntries(value.series.map((one) => [formatLabels(one.labels), [...one.timestampsMs].map((timeMs, i) => `${one.values[i]}@${timeMs / 1000}`).join(' ')]))
  }
}

const minute = 60_000
const rounds = Number(process.env['FUZZ_ROUNDS'] ?? 200)
const isGauge = (round: number) => round % 3 === 0
/** 0, 1, 2, ... one per minute from 0 on. */
const counting = (name: string, labels: Record<string, string> = {}, count = 61, factor = 1) =>
  seriesEvery(minute, { __name__: name, ...labels }, Array.from({ length: count }, (_, i) => i * factor))

describe('a selector that a query has more than once', () => {
  const series = [counting('x', { i: 'a' }), counting('x', { i: 'b' }), counting('y', { i: 'a' }, 61, 3), counting('y', { i: 'b' }, 61, 5)]
  const evaluated = (text: string, stepMs = minute) => {
    const limits = new Limits({ maxSamples: 1_000_000, deadlineMs: Infinity })
    const querier = createMemoryQuerier(series)
    const select = vi.spyOn(querier, 'select')
    const query = { text, expr: parseQuery(text), startMs: 5 * minute, endMs: (stepMs === 0 ? 5 : 30) * minute, stepMs }
    const { value, samplesRead } = evaluateQuery(query, { querier, space, limits, share: shareWithNobody, lookbackMs: 300_000, maxSamples: 1_000_000, evaluationIntervalMs: 60_000, countsPerStep: false })
    const points = sortedMatrix(value).map(({ labels, values, present }) => [formatLabels(labels), [...values].filter((_, i) => present[i] === 1)])
    return { asked: select.mock.calls.length, answer: { points, samplesRead, peakSamples: limits.peakSamples } }
  }
  // The condition that all series meet makes it another selector.
  const isReadOnce = (text: string, withOther: string, stepMs?: number) =>
    it(`is read once and counts as often as it is there: ${text}`, () => {
      const once = evaluated(text, stepMs)
      const twice = evaluated(withOther, stepMs)
      expect(once.answer).toEqual(twice.answer)
      expect(once.answer.points).not.toHaveLength(0)
      expect(once.asked).toBeLessThan(twice.asked)
    })
  isReadOnce('x / (x + y)', 'x / (x{i=~".+"} + y)')
  isReadOnce('x / (x + y) * 100', 'x / (x{i=~".+"} + y) * 100', 0)
  isReadOnce('abs(x) - x * x', 'abs(x) - x{i=~".+"} * x{i=~".*"}')
  isReadOnce('max_over_time((x + x)[5m:1m])', 'max_over_time((x + x{i=~".+"})[5m:1m])')

  const isReadAgain = (text: string, times: number) =>
    it(`is read again at other times: ${text}`, () => expect(evaluated(text).asked).toBeGreaterThanOrEqual(times))
  isReadAgain('x - x offset 1m', 2)
  isReadAgain('x - max_over_time(x[5m:1m])', 2)
})

describe('a join that is asked again', () => {
  const text = 'x * on (i) group_left (version) build'
  const x = counting('x', { i: 'a' })
  const build = (version: string) => seriesEvery(minute, { __name__: 'build', i: 'a', version }, Array.from({ length: 61 }, () => 1))

  it('has the labels of the partner of its time', () => {
    const expr = parseQuery(text)
    const [older, newer] = [build('1'), build('2')]
    const joinedWith = (partner: MemorySeries) => {
      const times = { startMs: 10 * minute, endMs: 10 * minute, stepMs: 0 }
      const limits = new Limits({ maxSamples: 1_000_000, deadlineMs: Infinity })
      const deps = { querier: createMemoryQuerier([x, partner]), space, limits, share: shareWithNobody, lookbackMs: 300_000, maxSamples: 1_000_000, evaluationIntervalMs: 60_000, countsPerStep: false }
      return shown(evaluateQuery({ text, expr, ...times }, deps).value)
    }
    for (const [partner, version] of [[older, '1'], [older, '1'], [newer, '2'], [older, '1']] as const) {
      expect(joinedWith(partner)).toEqual({ [formatLabels(labelsFrom({ i: 'a', version }))]: 10 })
    }
  })
})

describe('a single long series', () => {
  it.each(['deriv(x[5h])', 'quantile_over_time(0.5, x[5h])'])('is given up in its midst: %s', (text) => {
    const limits = new Limits({ maxSamples: 1_000_000, deadlineMs: Infinity })
    let isWanted = true
    vi.spyOn(limits, 'check').mockImplementation(() => {
      if (!isWanted) throw new Error('nobody waits')
    })
    const querier = createMemoryQuerier([seriesEvery(1000, { __name__: 'x' }, Array.from({ length: 18_000 }, (_, i) => i % 7))])
    const { select } = querier
    querier.select = (...args) => {
      const selection = select(...args)
      const { read } = selection
      // From here on nobody does.
      return { ...selection, read: (index) => ((isWanted = false), read(index)) }
    }
    const query = { text, expr: parseQuery(text), startMs: 17_000_000, endMs: 17_900_000, stepMs: 9_000 }
    const deps = { querier, space, limits, lookbackMs: 300_000, maxSamples: 1_000_000, evaluationIntervalMs: 60_000, countsPerStep: false, delaysNameRemoval: false, share: shareWithNobody }
    expect(() => evaluateQuery(query, deps)).toThrow('nobody waits')
  })
})

describe('extended ranges over histograms', () => {
  it('count and sum what the same ranges over numbers do', () => {
    const random = createRandom()
    for (let round = 0; round < rounds; round++) {
      const histograms: [number, NativeHistogram][] = []
      let positive: Record<number, number> = { 0: 3 }
      for (let timeMs = 0, i = 0; i < 12; i++, timeMs += 5_000 + random.below(30_000)) {
        // The whole count falls, as after a restart.
        if (random.below(4) === 0 && (histograms.at(-1)?.[1].count ?? 0) > 9) positive = { [random.below(2)]: 1 }
        for (let k = 0; k < 3; k++) positive = { ...positive, [k]: (positive[k] ?? 0) + (k === 0 ? 1 : 0) + random.below(3) }
        const one = histogram({ schema: 0, positive: { ...positive } })
        histograms.push([timeMs, { ...one, sum: one.count * 2, counterReset: isGauge(round) ? 'gauge' : 'unknown' }])
      }
      const series: MemorySeries[] = [
        { labels: labelsFrom({ __name__: 'h' }), samples: histograms },
        { labels: labelsFrom({ __name__: 'h_count' }), samples: histograms.map(([timeMs, { count }]) => [timeMs, count]) },
        { labels: labelsFrom({ __name__: 'h_sum' }), samples: histograms.map(([timeMs, { sum }]) => [timeMs, sum]) },
      ]
      const name = isGauge(round) ? 'delta' : random.pick(['rate', 'increase'])
      const range = `[${20 + random.below(80)}s] ${random.pick(['anchored', 'smoothed'])} offset ${random.below(30)}s`
      const times = { startMs: random.below(20_000), endMs: 400_000, stepMs: 7_000 + random.below(20_000) }
      const setting = { features: ['promql-extended-range-selectors'], lookbackMs: 40_000 }
      for (const part of ['count', 'sum']) {
        const [found] = Object.values(over(series, `histogram_${part}(${name}(h${range}))`, times, setting))
        const [wanted] = Object.values(over(series, `${name}(h_${part}${range})`, times, setting))
        const message = `seed ${random.seed} round ${round}: ${name}(h${range})`
        expect(found?.map((value) => value !== undefined), message).toEqual(wanted?.map((value) => value !== undefined))
        wanted?.forEach((value, i) => value !== undefined && expect(found?.[i], `${message} step ${i}`).toBeCloseTo(value, 9))
      }
    }
  })
})

describe('selectors', () => {
  const two = [counting('x', { a: '1' }), counting('x', { a: '2' }, 61, 10)]
  it('take the newest sample at each step', () => {
    expect(over(two, 'x', { startMs: 90_000, endMs: 210_000, stepMs: minute })).toEqual({ 'x{a="1"}': [1, 2, 3], 'x{a="2"}': [10, 20, 30] })
  })
  it('filter by all four kinds of matchers', () => {
    expect(at(two, 'x{a="1"}', minute)).toEqual({ 'x{a="1"}': 1 })
    expect(at(two, 'x{a!="1"}', minute)).toEqual({ 'x{a="2"}': 10 })
    expect(at(two, 'x{a=~"2|3"}', minute)).toEqual({ 'x{a="2"}': 10 })
    expect(at(two, 'x{a!~"2.*"}', minute)).toEqual({ 'x{a="1"}': 1 })
  })
  it('leave out a sample exactly as old as the lookback', () => {
    const one = [seriesEvery(minute, { __name__: 'x' }, [7])]
    expect(at(one, 'x', 299_999)).toEqual({ x: 7 })
    expect(at(one, 'x', 300_000)).toEqual({})
    expect(at(one, 'x', 30_000, { lookbackMs: 30_000 })).toEqual({})
  })
  it('end at a staleness marker', () => {
    const one = [seriesEvery(minute, { __name__: 'x' }, [1, 2, stale, undefined, 5])]
    expect(over(one, 'x', { startMs: 30_000, endMs: 270_000, stepMs: minute })).toEqual({ x: [1, 2, undefined, undefined, 5] })
  })
  it('shift by offset, also into the future', () => {
    expect(at(two, 'x{a="1"} offset 3m', 600_000)).toEqual({ 'x{a="1"}': 7 })
    expect(at(two, 'x{a="1"} offset -3m', 600_000)).toEqual({ 'x{a="1"}': 13 })
  })
  it('look at a fixed time with @, less the offset', () => {
    const times = { startMs: 600_000, endMs: 720_000, stepMs: minute }
    expect(over(two, 'x{a="1"} @ 300', times)).toEqual({ 'x{a="1"}': [5, 5, 5] })
    expect(over(two, 'x{a="1"} @ 300 offset 1m', times)).toEqual({ 'x{a="1"}': [4, 4, 4] })
    expect(over(two, 'x{a="1"} @ start()', times)).toEqual({ 'x{a="1"}': [10, 10, 10] })
    expect(over(two, 'x{a="1"} - x{a="1"} @ end()', times)).toEqual({ '{a="1"}': [-2, -1, 0] })
  })
  it('give all samples of a range, without staleness markers and without the left end', () => {
    const one = [seriesEvery(minute, { __name__: 'x' }, [1, stale, 3, 4])]
    expect(at(one, 'x[3m]', 180_000)).toEqual({ x: '3@120 4@180' })
    expect(at(one, 'x[3m] offset 1m', 180_000)).toEqual({ x: '1@0 3@120' })
    expect(at(one, 'x[3m] @ 181', 0)).toEqual({ x: '3@120 4@180' })
  })
})

describe('range functions', () => {
  it('slide a window that is open on the left', () => {
    const one = [counting('x')]
    expect(over(one, 'count_over_time(x[2m])', { startMs: 0, endMs: 180_000, stepMs: minute })).toEqual({ '{}': [1, 2, 2, 2] })
    expect(over(one, 'sum_over_time(x[2m] offset 1m)', { startMs: 0, endMs: 180_000, stepMs: minute })).toEqual({ '{}': [undefined, 0, 1, 3] })
  })
  it('extrapolate rates', () => {
    expect(at([counting('x_total', {}, 61, 60)], 'rate(x_total[5m])', 600_000)).toEqual({ '{}': 1 })
    expect(at([counting('x_total', {}, 61, 60)], 'increase(x_total[5m])', 600_000)).toEqual({ '{}': 300 })
  })
  it('keep the name where the function does', () => {
    expect(at([counting('x')], 'last_over_time(x[5m])', 600_000)).toEqual({ x: 10 })
    expect(at([counting('x')], 'max_over_time(x[5m])', 600_000)).toEqual({ '{}': 10 })
  })
  it('refuse series that differ in nothing but the name', () => {
    const two = [counting('x'), counting('y')]
    expect(() => at(two, 'rate({__name__=~"x|y"}[5m])', 600_000)).toThrow('vector cannot contain metrics with the same labelset')
    expect(at(two, 'last_over_time({__name__=~"x|y"}[5m])', 600_000)).toEqual({ x: 10, y: 10 })
  })
  it('tell where nothing is', () => {
    const one = [seriesEvery(minute, { __name__: 'x', a: '1' }, [1, undefined, undefined, undefined, 5])]
    expect(over(one, 'absent_over_time(x{a="1"}[2m])', { startMs: 0, endMs: 240_000, stepMs: minute })).toEqual({ '{a="1"}': [undefined, undefined, 1, 1, undefined] })
  })
  it('take the time of samples', () => {
    const one = [seriesEvery(minute, { __name__: 'x', a: '1' }, [1, 2])]
    expect(at(one, 'timestamp(x)', 90_000)).toEqual({ '{a="1"}': 60 })
    expect(at(one, 'timestamp((x offset 1m))', 90_000)).toEqual({ '{a="1"}': 0 })
    expect(at(one, 'timestamp(x * 2)', 90_000)).toEqual({ '{a="1"}': 90 })
  })
})

describe('subqueries', () => {
  const one = [counting('x')]
  it('step at absolute multiples, after the left end', () => {
    expect(at(one, 'x[10m:3m]', 610_000)).toEqual({ x: '3@180 6@360 9@540' })
    expect(at(one, 'x[9m:3m]', 540_000)).toEqual({ x: '3@180 6@360 9@540' })
  })
  it('default to the evaluation interval', () => {
    expect(at(one, 'x[2m:]', 590_000)).toEqual({ x: '8@480 9@540' })
  })
  it('shift by offset and @', () => {
    expect(at(one, 'x[6m:3m] offset 3m', 740_000)).toEqual({ x: '6@360 9@540' })
    expect(at(one, 'x[6m:3m] @ 550', 0)).toEqual({ x: '6@360 9@540' })
  })
  it('feed range functions at every step', () => {
    expect(over(one, 'max_over_time((x * 2)[5m:1m])', { startMs: 600_000, endMs: 720_000, stepMs: minute })).toEqual({ '{}': [20, 22, 24] })
    expect(over(one, 'sum_over_time(sum(x)[2m:1m] @ 300)', { startMs: 600_000, endMs: 720_000, stepMs: minute })).toEqual({ '{}': [9, 9, 9] })
  })
  it('nest', () => {
    expect(at(one, 'max_over_time(sum_over_time(x[2m:1m])[3m:1m])', 600_000)).toEqual({ '{}': 19 })
  })
})

describe('aggregations', () => {
  it('group the same whether series are fed one by one or evaluated first', () => {
    const four = [1, 2, 3, 4].map((i) => counting('x_total', { i: String(i), half: i < 3 ? 'a' : 'b' }, 61, i * 60))
    const times = { startMs: 600_000, endMs: 660_000, stepMs: minute }
    const expected = { '{half="a"}': [3, 3], '{half="b"}': [7, 7] }
    expect(over(four, 'sum by (half) (rate(x_total[5m]))', times)).toEqual(expected)
    expect(over(four, 'sum by (half) (rate(x_total[5m]) + 0)', times)).toEqual(expected)
    expect(over(four, 'sum(x_total)', times)).toEqual({ '{}': [6000, 6600] })
  })
})

describe('limits', () => {
  const one = [counting('x', { a: '1' }), counting('x', { a: '2' })]
  it('count a histogram by its size', () => {
    const large = histogram({ positive: Object.fromEntries(Array.from({ length: 100 }, (_, i) => [i, 1])) })
    const h = [{ labels: labelsFrom({ __name__: 'h' }), samples: [[0, large]] as const }]
    // (168 + 8 + 8 * 100) / 16 = 61
    expect(() => at(h, 'h', 0, { maxSamples: 60 })).toThrow('too many samples')
    expect(Object.keys(at(h, 'h', 0, { maxSamples: 61 }) as object)).toHaveLength(1)
  })
  it('end a query that holds too many samples', () => {
    const text = 'query processing would load too many samples into memory in query execution'
    expect(() => at(one, 'x[30m]', 3_000_000, { maxSamples: 59 })).toThrow(text)
    expect(() => at(one, 'max_over_time(x[30m:1ms])', 3_000_000, { maxSamples: 100 })).toThrow(text)
    expect(Object.keys(at(one, 'x[30m]', 3_000_000, { maxSamples: 60 }) as object)).toHaveLength(2)
  })
  it('end a query after its deadline', () => {
    expect(() => at(one, 'x', 0, { deadlineMs: 1 })).toThrow('query timed out in expression evaluation')
  })
  it('let go of what is no longer needed', () => {
    const times = { startMs: 0, endMs: 600_000, stepMs: minute }
    const { limits } = run(one, 'x + x + x + x + x + x', times)
    expect(limits.peakSamples).toBe(66)
  })
  it('count samples once per step that sees them', () => {
    const times = { startMs: 600_000, endMs: 660_000, stepMs: minute }
    const { samplesRead, samplesReadPerStep } = run(one, 'sum(x) + sum(sum_over_time(x[5m]))', times)
    expect(samplesRead).toBe(24)
    expect([...(samplesReadPerStep ?? [])]).toEqual([12, 12])
  })
})

describe('delayed name removal', () => {
  const two = [counting('x_total', { a: '1' }), counting('y_total', { a: '1' }, 61, 2), counting('z', { a: '2' })]
  const late = (text: string) => at(two, text, 600_000, { delaysNameRemoval: true })
  it('drops names at the end all the same', () => {
    expect(late('x_total')).toEqual({ 'x_total{a="1"}': 10 })
    expect(late('-x_total')).toEqual({ '{a="1"}': -10 })
    expect(late('x_total + 1')).toEqual({ '{a="1"}': 11 })
    expect(late('x_total + y_total')).toEqual({ '{a="1"}': 30 })
    expect(late('sum_over_time(x_total[2m])')).toEqual({ '{a="1"}': 19 })
    expect(late('last_over_time(x_total[2m])')).toEqual({ 'x_total{a="1"}': 10 })
    expect(late('x_total[1m]')).toEqual({ 'x_total{a="1"}': '10@600' })
    expect(late('sum(x_total) by (a)')).toEqual({ '{a="1"}': 10 })
  })
  it('lets functions on several metrics pass until then', () => {
    expect(late('count(abs({__name__=~"[xy]_total"}))')).toEqual({ '{}': 2 })
    expect(() => at(two, 'count(abs({__name__=~"[xy]_total"}))', 600_000)).toThrow('same labelset')
    expect(() => late('abs({__name__=~"[xy]_total"})')).toThrow('vector cannot contain metrics with the same labelset')
  })
  it('leaves names to be used and to be set', () => {
    expect(late('sum by (a) (label_replace(abs({__name__=~"[xy]_total"}), "a", "$1", "__name__", "(.*)"))')).toEqual({ '{a="x_total"}': 10, '{a="y_total"}': 20 })
    expect(late('label_replace(-x_total, "__name__", "negated", "", "")')).toEqual({ 'negated{a="1"}': -10 })
    expect(late('count_values by (__name__) ("v", x_total)')).toEqual({ 'x_total{v="10"}': 1 })
  })
})
