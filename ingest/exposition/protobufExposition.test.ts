// The protobuf exposition format: what it becomes, and scraped over HTTP into real storage.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { silentLogger } from '../../src/base/log.ts'
import { histogram, plain } from '../../test/helpers/histograms.ts'
import { protobufBody as bodyOf } from '../../test/helpers/scraping/metricFamilies.ts'
import { scrapeConfig } from '../../test/helpers/scraping/scrapeConfig.ts'
import { readElements } from '../../test/helpers/storedElements.ts'
import { openTestStorage, readSamples } from '../../test/helpers/testStorage.ts'
import { createDiscovery } from '../discovery/discovery.ts'
import type { ScrapeConfig } from '../scrape/job/scrapeConfig.ts'
import { createScrapeManager } from '../scrape/scrapeManager.ts'
import { readProtobufBody, type ProtobufOptions } from './protobufExposition.ts'

const label = [{ name: 'a', value: 'x"\\y' }]
const both = {
  name: 'h', help: 'Some\nhelp.', type: 4,
  metric: [{
    label,
    histogram: {
      sampleCount: 6, sampleSum: 10.5, bucket: [{ cumulativeCount: 1, upperBound: 1 }, { cumulativeCount: 4, upperBound: 2.5, exemplar: { label: [{ name: 't', value: '1' }], value: 2, timestamp: { seconds: 5, nanos: 5e8 } } }],
      schema: 3, zeroThreshold: 0.001, zeroCount: 1, positiveSpan: [{ offset: -2, length: 2 }, { offset: 1, length: 1 }], positiveDelta: [2, -1, 0], negativeSpan: [{ offset: 4, length: 1 }], negativeDelta: [1],
    },
  }],
}
const classicOnly = { takesNative: false, keepsClassic: false, convertsClassic: false, takesCreated: false }
const nativeOnly = { takesNative: true, keepsClassic: false, convertsClassic: false, takesCreated: false }

const classicLines = [
  '# HELP h Some\\nhelp.', '# TYPE h histogram', 'h_count{a="x\\"\\\\y"} 6', 'h_sum{a="x\\"\\\\y"} 10.5',
  'h_bucket{a="x\\"\\\\y",le="1.0"} 1', 'h_bucket{a="x\\"\\\\y",le="2.5"} 4', 'h_bucket{a="x\\"\\\\y",le="+Inf"} 6', '',
]

describe('readProtobufBody', () => {
  const gives = (what: string, families: readonly object[], options: ProtobufOptions, lines: readonly string[]) =>
    it(what, () => expect(Buffer.from(readProtobufBody(bodyOf(families), options).text).toString().split('\n')).toEqual(lines))
  gives('writes counters, gauges and what has no type', [
    { name: 'c_total', type: 0, metric: [{ label, counter: { value: 5 } }, { counter: { value: 1e300 } }] },
    { name: 'g', type: 1, metric: [{ gauge: { value: -Infinity }, timestampMs: 1234 }, { label, gauge: {} }] },
    { name: 'with space', type: 3, metric: [{ untyped: { value: NaN } }] },
  ], classicOnly, [
    '# TYPE c_total counter', 'c_total{a="x\\"\\\\y"} 5', 'c_total 1e+300', '# TYPE g gauge', 'g -Inf 1234', 'g{a="x\\"\\\\y"} 0', '# TYPE "with space" untyped', '{"with space"} NaN', '',
  ])
  gives('writes summaries', [{ name: 's', type: 2, metric: [{ summary: { sampleCount: 3, sampleSum: 4.5, quantile: [{ quantile: 0.5, value: 1 }, { quantile: 1, value: 2 }] } }] }], classicOnly, [
    '# TYPE s summary', 's_count 3', 's_sum 4.5', 's{quantile="0.5"} 1', 's{quantile="1.0"} 2', '',
  ])
  gives('writes the classic part of a histogram when native ones are not wanted', [both], classicOnly, classicLines)
  gives('leaves it out when they are', [both], nativeOnly, [...classicLines.slice(0, 2), ''])
  gives('keeps both on demand', [both], { takesNative: true, keepsClassic: true, convertsClassic: true, takesCreated: false }, classicLines)

  it('brings out native histograms and exemplars', () => {
    const { histograms, exemplars } = readProtobufBody(bodyOf([both]), nativeOnly)
    expect(histograms.map(({ series }) => series.toString())).toEqual(['h{a="x\\"\\\\y"}'])
    expect(histograms[0]?.histogram).toMatchObject({ schema: 3, count: 6, sum: 10.5, zeroCount: 1, positive: { deltas: [2, -1, 0] }, negative: { deltas: [1] } })
    expect(exemplars).toEqual([])
    expect(readProtobufBody(bodyOf([both]), classicOnly).exemplars).toEqual([{ series: 'h_bucket{a="x\\"\\\\y",le="2.5"}', exemplar: ' # {t="1"} 2 5.5', familyType: 'histogram' }])
  })

  it('makes custom buckets of the classic part on demand, where no native one is taken', () => {
    const classic = { ...both, metric: [{ label, histogram: { sampleCount: 6, sampleSum: 10.5, bucket: both.metric[0]?.histogram.bucket } }] }
    const exemplar = { exemplar: ' # {t="1"} 2 5.5', familyType: 'histogram', series: 'h_bucket{a="x\\"\\\\y",le="2.5"}' }
    const converted = { ...exemplar, histogram: 'h{a="x\\"\\\\y"}' }
    for (const keepsClassic of [false, true]) {
      for (const [family, takesNative] of [[classic, true], [both, false]] as const) {
        const body = readProtobufBody(bodyOf([family]), { takesNative, keepsClassic, convertsClassic: true, takesCreated: false })
        expect(body.histograms.map(({ series, histogram: one }) => [series.toString(), one.schema, one.count, one.customBounds, one.positive.deltas])).toEqual([['h{a="x\\"\\\\y"}', -53, 6, [1, 2.5], [1, 2, -1]]])
        expect(Buffer.from(body.text).toString().split('\n')).toEqual(keepsClassic ? classicLines : [...classicLines.slice(0, 2), ''])
        expect(body.exemplars).toEqual(keepsClassic ? [exemplar, converted] : [converted])
      }
      const native = readProtobufBody(bodyOf([both]), { takesNative: true, keepsClassic, convertsClassic: true, takesCreated: false })
      expect(native.histograms.map(({ histogram: one }) => one.schema)).toEqual([3])
    }
  })

  it('refuses a body that is cut', () => {
    expect(() => readProtobufBody(bodyOf([both]).subarray(0, -1), classicOnly)).toThrow('malformed protobuf exposition')
  })
})

const open: { close(): unknown }[] = []
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close()
})

/** A target that shows `families`, and a manager that scrapes into real storage. */
async function openTarget(shown: { families: readonly object[]; accepted?: string }) {
  const server = createServer((request, response) => {
    shown.accepted = String(request.headers.accept)
    response.writeHead(200, { 'content-type': 'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited' }).end(bodyOf(shown.families))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  open.push({ close: () => (server.closeAllConnections(), server.close()) })
  const target = `127.0.0.1:${(server.address() as AddressInfo).port}` // it listens on a port
  const storage = await openTestStorage()
  const discovery = createDiscovery({ registry: storage.registry, logger: silentLogger, userAgent: 'test' })
  const manager = createScrapeManager({ storage, discovery, logger: silentLogger, registry: storage.registry, userAgent: 'test' })
  open.push(manager)
  const apply = (over: Partial<ScrapeConfig> = {}) => manager.apply([job({ discovery: [{ kind: 'static', groups: [{ targets: [target], labels: {} }] }], ...over })], [])
  return { target, storage, apply, last: () => readElements(storage, 'h').at(-1)?.[1] }
}

describe('a protobuf target', () => {
  const counter = (value: number) => ({ name: 'c_total', type: 0, metric: [{ counter: { value } }] })
  const first = histogram({ schema: 3, sum: 10.5, zeroThreshold: 0.001, zeroCount: 1, positive: { [-2]: 2, [-1]: 1, 1: 1 }, negative: { 4: 1 } })

  it('is asked for and scraped, native histograms with their staleness markers', async () => {
    const shown = { families: [both, counter(5)], accepted: '' }
    const { target, storage, apply, last } = await openTarget(shown)
    apply()
    await expect.poll(last, { timeout: 20_000 }).toEqual(plain(first))
    expect(shown.accepted).toMatch(/^application\/vnd\.google\.protobuf;proto=io\.prometheus\.client\.MetricFamily;encoding=delimited;q=0\.6,/)
    expect(readSamples(storage)[`scrape_samples_scraped{instance="${target}", job="j"}`]?.map(([, count]) => count)).toContain(2)
    shown.families = [counter(6)]
    await expect.poll(last, { timeout: 20_000 }).toBe('stale')
    // Four buckets become three in the second schema before.
    apply({ nativeHistogramBucketLimit: 3 })
    shown.families = [both]
    await expect.poll(last, { timeout: 20_000 }).toEqual(plain(histogram({ ...first, schema: 1, positive: { 0: 3, 1: 1 }, negative: { 1: 1 } })))
  })

  it('gets markers for histograms with a time of their own on demand', async () => {
    const timed = { ...both, metric: both.metric.map((metric) => ({ ...metric, timestampMs: Date.now() })) }
    const shown: { families: readonly object[] } = { families: [timed] }
    const { apply, last } = await openTarget(shown)
    apply({ trackTimestampsStaleness: true })
    await expect.poll(last, { timeout: 20_000 }).toEqual(plain(first))
    shown.families = [counter(6)]
    await expect.poll(last, { timeout: 20_000 }).toBe('stale')
  })
})

function job(over: Partial<ScrapeConfig>): ScrapeConfig {
  return scrapeConfig({ scrapeProtocols: ['PrometheusProto', 'PrometheusText0.0.4'], scrapeNativeHistograms: true, ...over })
}
