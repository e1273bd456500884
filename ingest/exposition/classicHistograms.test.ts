import { describe, expect, it } from 'vitest'
import { customSchema } from '../../storage/model/histogram.ts'
import type { Label } from '../../storage/model/labels.ts'
import { createRandom, type Random } from '../../test/helpers/random.ts'
import { ClassicHistograms } from './classicHistograms.ts'
import { fromClassic } from './customBuckets.ts'
import { checkedHistogram } from './protobuf/histogramMessage.ts'
import { parseSeries, parseTextExposition } from './text/exposition.ts'
import { ExpositionError } from './text/expositionLexer.ts'
import { formatOpenMetricsFloat } from './text/goFloat.ts'

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
  const convert = async (lines: readonly string[], { keepsClassic = false, isOpenMetrics = false } = {}, classic = new ClassicHistograms()) => {
    const { text, histograms } = await classic.convert(Buffer.from(lines.join('\n') + '\n'), { keepsClassic, isOpenMetrics })
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

  it('are taken out of it, and nothing else', async () => {
    expect(await convert(body)).toEqual({ lines: [...body.slice(0, 2), ...body.slice(10)], histograms })
  })

  it('stay beside on demand', async () => {
    expect(await convert(body, { keepsClassic: true })).toEqual({ lines: body, histograms })
  })

  it('are the same from scrape to scrape, with new counts', async () => {
    const classic = new ClassicHistograms()
    for (const count of [3, 9]) {
      const now = body.map((line) => line.replace(/^(h_.*a="ü".*) 3$/, `$1 ${count}`))
      expect((await convert(now, {}, classic)).histograms).toEqual({ ...histograms, 'h{a="ü"}': { count, sum: 4.5, bounds: [1], counts: { 0: 1, 1: count - 1 } } })
    }
  })

  it('have names of any characters', async () => {
    expect((await convert(['# TYPE "my.h" histogram', '{"my.h_bucket","l b"="x",le="+Inf"} 2', '{"my.h_count","l b"="x"} 2'])).histograms).toEqual({
      '{"my.h","l b"="x"}': { count: 2, sum: 0, bounds: [], counts: { 0: 2 } },
    })
  })

  it('stay classic when they contradict themselves', async () => {
    const lines = ['# TYPE h histogram', 'h_bucket{le="1"} 5', 'h_bucket{le="+Inf"} 3', 'h_count 3', 'h_bucket{a="x",le="+Inf"} 1', 'h_count{a="x"} 1']
    expect(await convert(lines)).toEqual({ lines: lines.slice(0, 4), histograms: { 'h{a="x"}': { count: 1, sum: 0, bounds: [], counts: { 0: 1 } } } })
  })

  it('leave lines alone that are none', async () => {
    const lines = ['# TYPE h histogram', 'h_bucket{le="1"} x', 'h_bucket{le="one"} 1', 'h_sum', '', '   ', '# a comment', 'h_count{a="x} 1']
    expect(await convert(lines)).toEqual({ lines, histograms: {} })
  })

  it('are checked as strictly as OpenMetrics is', async () => {
    const lines = ['# TYPE h histogram', 'h_bucket{a="x"le="1"} 1']
    await expect(convert(lines, { isOpenMetrics: true })).rejects.toThrow(ExpositionError)
    await expect(convert(lines, { isOpenMetrics: true })).rejects.toThrow('(line 2)')
  })

  it('tell which series became part of them', async () => {
    const classic = new ClassicHistograms()
    await convert(body, {}, classic)
    const asLatin1 = (text: string) => Buffer.from(text).toString('latin1')
    expect(classic.histogramOf(asLatin1('h_bucket{a="ü",le="1"}'))).toBe(asLatin1('h{a="ü"}'))
    expect(classic.histogramOf('h_created')).toBe(undefined)
  })
})

describe('a random body', () => {
  const rounds = Number(process.env['FUZZ_ROUNDS'] ?? 300)

  it('says the same when its histograms are taken out and written again', async () => {
    const random = createRandom()
    const classic = new ClassicHistograms()
    for (let round = 0; round < rounds; round++) {
      const body = Buffer.from(randomBody(random))
      const wanted = samplesOf(body)
      const { text, histograms } = await classic.convert(body, { isOpenMetrics: false, keepsClassic: false })
      const found = samplesOf(text)
      for (const { series, histogram, timestampMs } of histograms) {
        const { count, sum, positive, customBounds } = checkedHistogram(histogram)
        const [name, ...labels] = parseSeries(series, '', 1)
        const add = (suffix: string, value: number, le?: number) => {
          const all = [{ name: '__name__', value: name?.value + suffix }, ...labels, ...(le === undefined ? [] : [{ name: 'le', value: formatOpenMetricsFloat(le) }])]
          found.set(keyOf(all), `${value} ${timestampMs}`)
        }
        let below = 0
        ;[...customBounds, Infinity].forEach((bound, i) => add('_bucket', (below += positive.counts[positive.indexes.indexOf(i)] ?? 0), bound))
        add('_sum', sum)
        add('_count', count)
      }
      expect(Object.fromEntries(found), `seed ${random.seed} round ${round}:\n${body}`).toEqual(Object.fromEntries(wanted))
    }
  })

  const keyOf = (labels: readonly Label[]) => JSON.stringify(labels.map(({ name, value }) => `${name}=${value}`).sort())

  function samplesOf(body: Uint8Array): Map<string, string> {
    const found = new Map<string, string>()
    parseTextExposition(body, { sample: ({ labels, value, timestampMs }) => found.set(keyOf(labels), `${value} ${timestampMs}`) })
    return found
  }

  /** Histograms that are whole, some that contradict themselves, and what else stands in a body, with blanks wherever they may be. */
  function randomBody(random: Random): string {
    const blank = () => random.pick(['', '', '', ' ', '\t', '  '])
    const gap = () => random.pick([' ', ' ', '\t', '  '])
    const lines: string[] = []
    for (const name of ['h', 'rpc_seconds', 'a:b', '"my h"']) {
      if (random.below(2) === 0) continue
      const isQuoted = name.startsWith('"')
      const type = random.pick(['histogram', 'histogram', 'histogram', 'gauge', 'summary', 'counter'])
      if (random.below(2) === 0) lines.push(`# HELP ${name} # TYPE ${name} histogram {le="1"} 5`)
      lines.push(`${blank()}#${gap()}TYPE${gap()}${name} ${type}`)
      const own: string[] = []
      for (let series = 0; series < 1 + random.below(3); series++) {
        const labels = [`i="${series}"`, ...(random.below(2) === 0 ? [`path="${random.pick(['/a', 'x}y', '\\"q\\\\', 'ü\\n', '{le=\\"1\\"}', ''])}"`] : [])]
        const sample = (suffix: string, value: number | string, le?: string) => {
          const pairs = [...labels, ...(le === undefined ? [] : [`le="${le}"`])].sort(() => random.below(3) - 1).map((pair) => `${blank()}${pair}${blank()}`)
          const shown = isQuoted ? `{"my h${suffix}",${pairs.join(',')}}` : `${name}${suffix}${blank()}{${pairs.join(',')}${random.below(4) === 0 ? ',' : ''}}`
          own.push(`${blank()}${shown}${gap()}${value}${timestamp === undefined ? '' : `${gap()}${timestamp}`}${blank()}`)
        }
        const timestamp = random.below(3) === 0 ? 1000 + random.below(1000) : undefined
        const isBroken = random.below(4) === 0
        let count = 0
        for (const le of ['-1', '0.5', '1', '2.50', '1e3'].slice(random.below(3))) sample('_bucket', (count += random.below(3)), le)
        sample('_bucket', (count += random.below(2)), '+Inf')
        if (isBroken) sample('_bucket', random.pick([-1, count + 1, 'NaN']), '0.25')
        sample('_sum', random.below(100) / 8)
        sample('_count', count)
        if (random.below(4) === 0) sample('_created', 5)
        if (random.below(4) === 0) sample('_other', 5, '1')
      }
      if (random.below(3) === 0) own.sort(() => random.below(3) - 1)
      for (const line of own) lines.push(line, ...(random.below(8) === 0 ? [random.pick(['', '  ', '# a comment', '#'])] : []))
    }
    return `${lines.join('\n')}\n`
  }
})
