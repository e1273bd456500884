import { describe, expect, it } from 'vitest'
import { histogram } from '../../test/helpers/histograms.ts'
import { readFamilies } from '../../test/helpers/scraping/metricFamilies.ts'
import { unescapeName } from '../../web/api/labels.ts'
import { contentType, shownName, type ExposedFamily, type ExpositionFormat, type NameEscaping } from './family.ts'
import { writeProtobuf } from './protobufWriter.ts'
import { writeText } from './textWriter.ts'

const text: ExpositionFormat = { kind: 'text', version: '0.0.4', escaping: undefined }
const openMetrics: ExpositionFormat = { kind: 'openMetrics', version: '1.0.0', escaping: undefined }
const protobuf: ExpositionFormat = { kind: 'protobuf', version: '', escaping: 'allow-utf-8' }

const number = (value: number) => ({ kind: 'number', value }) as const
const a = [{ name: 'a', value: 'x"\\\n' }]
const families: readonly ExposedFamily[] = [
  { name: 'c_total', help: 'Some "help".\\\n', type: 'counter', metrics: [{ labels: a, value: number(5) }, { labels: [], timestampMs: 1500, value: number(1234567) }] },
  { name: 'd', help: '', type: 'counter', metrics: [{ labels: [], value: number(0.5) }] },
  { name: 'g', help: '', type: 'gauge', metrics: [{ labels: [], timestampMs: -1, value: number(-Infinity) }] },
  { name: 's', help: '', type: 'summary', metrics: [{ labels: a, value: { kind: 'summary', count: 3, sum: 4.5, quantiles: [[0.5, 1], [1, NaN]] } }] },
  { name: 'q', help: '', type: 'summary', metrics: [{ labels: [], value: { kind: 'summary', count: undefined, sum: undefined, quantiles: [[0.5, 1]] } }] },
  { name: 'h', help: '', type: 'histogram', metrics: [{ labels: a, value: { kind: 'classicHistogram', count: 2_000_000, sum: 3, buckets: [[1, 1], [Infinity, 2_000_000]] } }] },
  { name: 'u', help: '', type: 'untyped', metrics: [{ labels: [{ name: 'a', value: '' }], value: number(1e21) }] },
  { name: 'my.metric', help: '', type: 'untyped', metrics: [{ labels: [{ name: 'a b', value: 'ü' }], value: number(1) }] },
]

describe('writeText', () => {
  it('writes the text format', () => {
    expect(writeText(families, text)).toBe(
      '# HELP c_total Some "help".\\\\\\n\n# TYPE c_total counter\nc_total{a="x\\"\\\\\\n"} 5\nc_total 1.234567e+06 1500\n' +
        '# TYPE d counter\nd 0.5\n# TYPE g gauge\ng -Inf -1\n' +
        '# TYPE s summary\ns{a="x\\"\\\\\\n",quantile="0.5"} 1\ns{a="x\\"\\\\\\n",quantile="1"} NaN\ns_sum{a="x\\"\\\\\\n"} 4.5\ns_count{a="x\\"\\\\\\n"} 3\n' +
        '# TYPE q summary\nq{quantile="0.5"} 1\n' +
        '# TYPE h histogram\nh_bucket{a="x\\"\\\\\\n",le="1"} 1\nh_bucket{a="x\\"\\\\\\n",le="+Inf"} 2000000\nh_sum{a="x\\"\\\\\\n"} 3\nh_count{a="x\\"\\\\\\n"} 2000000\n' +
        '# TYPE u untyped\nu{a=""} 1e+21\n# TYPE my_metric untyped\nmy_metric{a_b="ü"} 1\n',
    )
  })

  it('writes OpenMetrics', () => {
    expect(writeText(families, openMetrics)).toBe(
      '# HELP c Some \\"help\\".\\\\\\n\n# TYPE c counter\nc_total{a="x\\"\\\\\\n"} 5.0\nc_total 1.234567e+06 1.5\n' +
        '# TYPE d unknown\nd 0.5\n# TYPE g gauge\ng -Inf -0.001\n' +
        '# TYPE s summary\ns{a="x\\"\\\\\\n",quantile="0.5"} 1.0\ns{a="x\\"\\\\\\n",quantile="1.0"} NaN\ns_sum{a="x\\"\\\\\\n"} 4.5\ns_count{a="x\\"\\\\\\n"} 3\n' +
        '# TYPE q summary\nq{quantile="0.5"} 1.0\n' +
        '# TYPE h histogram\nh_bucket{a="x\\"\\\\\\n",le="1.0"} 1\nh_bucket{a="x\\"\\\\\\n",le="+Inf"} 2000000\nh_sum{a="x\\"\\\\\\n"} 3.0\nh_count{a="x\\"\\\\\\n"} 2000000\n' +
        '# TYPE u unknown\nu{a=""} 1e+21\n# TYPE my_metric unknown\nmy_metric{a_b="ü"} 1.0\n# EOF\n',
    )
  })

  it('quotes the names of a scraper that takes them', () => {
    expect(writeText(families.slice(-1), { ...text, escaping: 'allow-utf-8' })).toBe('# TYPE "my.metric" untyped\n{"my.metric","a b"="ü"} 1\n')
  })
})

describe('writeProtobuf', () => {
  const read = (family: ExposedFamily) => readFamilies(writeProtobuf([family], protobuf))

  it('writes what the text formats have', () => {
    expect(families.flatMap(read)).toEqual([
      { name: 'c_total', help: 'Some "help".\\\n', type: 0, metric: [{ label: a, counter: { value: 5 } }, { counter: { value: 1234567 }, timestampMs: 1500 }] },
      { name: 'd', type: 0, metric: [{ counter: { value: 0.5 } }] },
      { name: 'g', type: 1, metric: [{ gauge: { value: -Infinity }, timestampMs: -1 }] },
      { name: 's', type: 2, metric: [{ label: a, summary: { sampleCount: 3, sampleSum: 4.5, quantile: [{ quantile: 0.5, value: 1 }, { quantile: 1, value: NaN }] } }] },
      { name: 'q', type: 2, metric: [{ summary: { quantile: [{ quantile: 0.5, value: 1 }] } }] },
      { name: 'h', type: 4, metric: [{ label: a, histogram: { sampleCount: 2_000_000, sampleSum: 3, bucket: [{ cumulativeCount: 1, upperBound: 1 }, { cumulativeCount: 2_000_000, upperBound: Infinity }] } }] },
      { name: 'u', type: 3, metric: [{ label: [{ name: 'a', value: '' }], untyped: { value: 1e21 } }] },
      { name: 'my.metric', type: 3, metric: [{ label: [{ name: 'a b', value: 'ü' }], untyped: { value: 1 } }] },
    ])
  })

  it('writes native histograms, an empty one too', () => {
    const value = (one: Parameters<typeof histogram>[0]) => ({ labels: [], value: { kind: 'nativeHistogram', histogram: histogram(one) } as const })
    const full = value({ schema: -2, sum: 2.5, zeroThreshold: 0.5, zeroCount: 1.5, positive: { [-3]: 1, [-2]: 2, 5: 0.5 }, negative: { 1: 7 } })
    expect(read({ name: 'h', help: '', type: 'gaugeHistogram', metrics: [full, value({})] })).toEqual([
      {
        name: 'h',
        type: 5,
        metric: [
          {
            histogram: {
              sampleSum: 2.5, sampleCountFloat: 12, schema: -2, zeroThreshold: 0.5, zeroCountFloat: 1.5,
              positiveSpan: [{ offset: -3, length: 2 }, { offset: 6, length: 1 }], positiveCount: [1, 2, 0.5], negativeSpan: [{ offset: 1, length: 1 }], negativeCount: [7],
            },
          },
          { histogram: { sampleSum: 0, sampleCountFloat: 0, schema: 0, zeroThreshold: 0, zeroCountFloat: 0, positiveSpan: [{ offset: 0, length: 0 }] } },
        ],
      },
    ])
  })

  it('writes fractions of classic counts as such', () => {
    const value = { kind: 'classicHistogram', count: 1.5, sum: 3, buckets: [[1, 0.5], [Infinity, 1.5]] } as const
    expect(read({ name: 'h', help: '', type: 'histogram', metrics: [{ labels: [], value }] })).toMatchObject([
      { metric: [{ histogram: { sampleCountFloat: 1.5, bucket: [{ cumulativeCountFloat: 0.5 }, { cumulativeCountFloat: 1.5 }] } }] },
    ])
  })
})

it('names the format of an answer', () => {
  const formats: readonly ExpositionFormat[] = [text, { ...openMetrics, escaping: 'allow-utf-8' }, protobuf]
  expect(formats.map(contentType)).toEqual([
    'text/plain; version=0.0.4; charset=utf-8',
    'application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8',
    'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; escaping=allow-utf-8',
  ])
})

describe('shownName', () => {
  const shows = (name: string, escaping: NameEscaping, expected: string) => it(`shows ${name} with ${escaping} as ${expected}`, () => expect(shownName(name, 'metric', { ...text, escaping })).toBe(expected))
  shows('a.b_c', 'allow-utf-8', 'a.b_c')
  shows('a.b_c', 'underscores', 'a_b_c')
  shows('1a:b', 'underscores', '_a:b')
  shows('a.b_c é', 'dots', 'a_dot_b__c____')
  shows('plain_name', 'dots', 'plain__name')
  shows('a.b_cé', 'values', 'U__a_2e_b__c_e9_')
  shows('1a', 'values', 'U___31_a')
  shows('plain_name', 'values', 'plain_name')
  it('with values can be read again', () => {
    for (const name of ['a.b_c', '1_é x', '😀_', '___.']) expect(unescapeName(shownName(name, 'metric', { ...text, escaping: 'values' }))).toBe(name)
  })
})
