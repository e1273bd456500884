import { describe, expect, it } from 'vitest'
import { customSchema } from '../storage/histogram.ts'
import { ClassicHistograms } from './classicHistograms.ts'
import { fromClassic } from './customBuckets.ts'
import { ExpositionError } from './expositionLexer.ts'
import { checkedHistogram } from './histogramMessage.ts'

const shown = (histogram: Parameters<typeof checkedHistogram>[0]) => {
  const { schema, count, sum, positive, customBounds } = checkedHistogram(histogram)
  expect(schema).toBe(customSchema)
  return { count, sum, bounds: [...customBounds], counts: Object.fromEntries([...positive.indexes].map((index, k) => [index, positive.counts[k]])) }
}

describe('fromClassic', () => {
  const gives = (what: string, classic: Parameters<typeof fromClassic>[0], expected: object | undefined) =>
    it(what, () => {
      const made = fromClassic(classic)
      expect(made && shown(made)).toEqual(expected)
    })
  gives('takes differences of counts in the order of bounds', { buckets: [[Infinity, 7], [1, 2], [2.5, 2]], count: 7, sum: 4 }, { count: 7, sum: 4, bounds: [1, 2.5], counts: { 0: 2, 2: 5 } })
  gives('adds the last bucket', { buckets: [[1, 2]], count: 5, sum: 4 }, { count: 5, sum: 4, bounds: [1], counts: { 0: 2, 1: 3 } })
  gives('counts by the greatest bucket without a count', { buckets: [[1, 2], [Infinity, 4]], count: undefined, sum: undefined }, { count: 4, sum: 0, bounds: [1], counts: { 0: 2, 1: 2 } })
  gives('has one bucket without buckets', { buckets: [], count: 3, sum: 4 }, { count: 3, sum: 4, bounds: [], counts: { 0: 3 } })
  gives('keeps fractions', { buckets: [[1, 0.5], [Infinity, 2]], count: 2, sum: 1 }, { count: 2, sum: 1, bounds: [1], counts: { 0: 0.5, 1: 1.5 } })
  gives('passes over a bucket that is there twice', { buckets: [[1, 2], [1, 2], [Infinity, 2]], count: 2, sum: 1 }, { count: 2, sum: 1, bounds: [1], counts: { 0: 2 } })
  gives('knows bounds below zero', { buckets: [[-1, 2], [0, 3], [Infinity, 3]], count: 3, sum: -3 }, { count: 3, sum: -3, bounds: [-1, 0], counts: { 0: 2, 1: 1 } })
  gives('refuses counts that fall', { buckets: [[1, 3], [2, 2], [Infinity, 3]], count: 3, sum: 1 }, undefined)
  gives('refuses a count that is not that of the last bucket', { buckets: [[1, 3], [Infinity, 4]], count: 5, sum: 1 }, undefined)
  gives('refuses NaN and counts below zero', { buckets: [[1, NaN], [Infinity, 4]], count: 4, sum: 1 }, undefined)
  gives('refuses a negative count', { buckets: [[1, -1], [Infinity, 4]], count: 4, sum: 1 }, undefined)
  gives('refuses two counts for one bound', { buckets: [[1, 1], [1, 2], [Infinity, 4]], count: 4, sum: 1 }, undefined)
  gives('makes nothing of a sum alone', { buckets: [], count: undefined, sum: 4 }, undefined)
})

describe('the histograms of a body', () => {
  const convert = (lines: readonly string[], { keepsClassic = false, isOpenMetrics = false } = {}, classic = new ClassicHistograms()) => {
    const { text, histograms } = classic.convert(Buffer.from(lines.join('\n') + '\n'), { keepsClassic, isOpenMetrics })
    return {
      lines: Buffer.from(text).toString().split('\n').slice(0, -1),
      histograms: Object.fromEntries(histograms.map(({ series, histogram, timestampMs }) => [series.toString(), { ...shown(histogram), ...(timestampMs !== undefined && { timestampMs }) }])),
    }
  }
  const body = [
    '# HELP h Of requests.', '# TYPE h histogram', 'h_bucket{a="ü",le="1"} 1', 'h_bucket{a="ü",le="+Inf"} 3', 'h_sum{a="ü"} 4.5', 'h_count{a="ü"} 3',
    'h_bucket{le="1",a="}\\"",b=""} 0 5', 'h_bucket{b="",a="}\\"",le="+Inf"} 2 5', 'h_count {a="}\\"",b=""} 2 5', 'h_sum{a="}\\"",b=""} 1 5', 'h_created{a="ü"} 7', 'h 1',
    '# TYPE g gauge', 'g_bucket{le="1"} 4', 'h_count{a="later"} 5',
  ]
  const histograms = {
    'h{a="ü"}': { count: 3, sum: 4.5, bounds: [1], counts: { 0: 1, 1: 2 } },
    'h{a="}\\"",b=""}': { count: 2, sum: 1, bounds: [1], counts: { 1: 2 }, timestampMs: 5 },
  }

  it('are taken out of it, and nothing else', () => {
    expect(convert(body)).toEqual({ lines: [...body.slice(0, 2), ...body.slice(10)], histograms })
  })

  it('stay beside on demand', () => {
    expect(convert(body, { keepsClassic: true })).toEqual({ lines: body, histograms })
  })

  it('are the same from scrape to scrape, with new counts', () => {
    const classic = new ClassicHistograms()
    for (const count of [3, 9]) {
      const now = body.map((line) => line.replace(/^(h_.*a="ü".*) 3$/, `$1 ${count}`))
      expect(convert(now, {}, classic).histograms).toEqual({ ...histograms, 'h{a="ü"}': { count, sum: 4.5, bounds: [1], counts: { 0: 1, 1: count - 1 } } })
    }
  })

  it('have names of any characters', () => {
    expect(convert(['# TYPE "my.h" histogram', '{"my.h_bucket","l b"="x",le="+Inf"} 2', '{"my.h_count","l b"="x"} 2']).histograms).toEqual({
      '{"my.h","l b"="x"}': { count: 2, sum: 0, bounds: [], counts: { 0: 2 } },
    })
  })

  it('stay classic when they contradict themselves', () => {
    const lines = ['# TYPE h histogram', 'h_bucket{le="1"} 5', 'h_bucket{le="+Inf"} 3', 'h_count 3', 'h_bucket{a="x",le="+Inf"} 1', 'h_count{a="x"} 1']
    expect(convert(lines)).toEqual({ lines: lines.slice(0, 4), histograms: { 'h{a="x"}': { count: 1, sum: 0, bounds: [], counts: { 0: 1 } } } })
  })

  it('leave lines alone that are none', () => {
    const lines = ['# TYPE h histogram', 'h_bucket{le="1"} x', 'h_bucket{le="one"} 1', 'h_sum', '', '   ', '# a comment', 'h_count{a="x} 1']
    expect(convert(lines)).toEqual({ lines, histograms: {} })
  })

  it('are checked as strictly as OpenMetrics is', () => {
    const lines = ['# TYPE h histogram', 'h_bucket{a="x"le="1"} 1']
    expect(() => convert(lines, { isOpenMetrics: true })).toThrow(ExpositionError)
    expect(() => convert(lines, { isOpenMetrics: true })).toThrow('(line 2)')
  })

  it('tell which series became part of them', () => {
    const classic = new ClassicHistograms()
    convert(body, {}, classic)
    const asLatin1 = (text: string) => Buffer.from(text).toString('latin1')
    expect(classic.histogramOf(asLatin1('h_bucket{a="ü",le="1"}'))).toBe(asLatin1('h{a="ü"}'))
    expect(classic.histogramOf('h_created')).toBe(undefined)
  })
})
