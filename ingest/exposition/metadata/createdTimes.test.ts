// Counters that say when they were created: what the formats tell, and a scrape of a target into real storage.

import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { silentLogger } from '../../../src/base/log.ts'
import { histogram, plain } from '../../../test/helpers/histograms.ts'
import { protobufBody } from '../../../test/helpers/scraping/metricFamilies.ts'
import { scrapeConfig } from '../../../test/helpers/scraping/scrapeConfig.ts'
import { readElements, readStarts } from '../../../test/helpers/storedElements.ts'
import { openTestStorage, type TestStorage } from '../../../test/helpers/testStorage.ts'
import { createDiscovery } from '../../discovery/discovery.ts'
import type { ScrapeConfig } from '../../scrape/job/scrapeConfig.ts'
import { createScrapeManager, type ScrapeManager, type ScrapeManagerOptions } from '../../scrape/scrapeManager.ts'
import { readProtobufBody } from '../protobufExposition.ts'
import { CreatedSeries, CreatedTimes, type CreatedLine } from './createdTimes.ts'

const line = (series: string, createdMs: number): CreatedLine => ({ series, familyType: 'counter', createdMs })

describe('CreatedTimes', () => {
  it('gives what is new or was created again, and is not long past or still to come', () => {
    const times = new CreatedTimes()
    const now = 10_000_000
    expect(times.changed([line('a', now - 1000), line('b', now), line('c', now - 3_600_001), line('d', 0)], now)).toEqual([line('a', now - 1000)])
    expect(times.changed([line('a', now - 1000), line('b', now)], now + 500)).toEqual([line('b', now)])
    expect(times.changed([line('a', now + 600), line('b', now)], now + 1000)).toEqual([line('a', now + 600)])
  })
})

describe('CreatedSeries', () => {
  it('takes the times out of counters, histograms and summaries', async () => {
    const text = [
      '# TYPE c counter', 'c_total{a="1"} 5', 'c_created{a="1"} 12.5', 'c_total{a="2"} 6', '# TYPE g gauge', 'g_created 5',
      '# TYPE h histogram', 'h_bucket{a="1",le="1.0"} 1', 'h_bucket{a="1",le="+Inf"} 2', 'h_count{a="1"} 2', 'h_sum{a="1"} 3', 'h_created{a="1"} 13',
      '# TYPE s summary', 's{quantile="0.5"} 1', 's_count 2', 's_created 14', '',
    ]
    const series = new CreatedSeries()
    for (let scrape = 0; scrape < 2; scrape++) {
      const taken = await series.take(Buffer.from(text.join('\n')))
      expect(Buffer.from(taken.text).toString().split('\n')).toEqual(text.filter((one) => !/^[chs]_created/.test(one)))
      expect(taken.created.map(({ series: one, familyType, createdMs }) => `${one} ${familyType} ${createdMs}`)).toEqual([
        'c_total{a="1"} counter 12500', 'h_bucket{a="1",le="1.0"} histogram 13000', 'h_bucket{a="1",le="+Inf"} histogram 13000', 'h_count{a="1"} histogram 13000',
        'h_sum{a="1"} histogram 13000', 's_count summary 14000',
      ])
    }
  })
})

describe('a protobuf body', () => {
  const startTimestamp = { seconds: 12, nanos: 5e8 }
  const created = (family: object, convertsClassic = false) =>
    readProtobufBody(protobufBody([family]), { takesNative: true, keepsClassic: false, convertsClassic, takesCreated: true }).created.map(({ series, createdMs, histogram: one }) => [series, createdMs, one?.schema])

  it('tells when its counters were created', () => {
    expect(created({ name: 'c', type: 0, metric: [{ counter: { value: 1, startTimestamp } }] })).toEqual([['c', 12_500, undefined]])
    expect(created({ name: 's', type: 2, metric: [{ summary: { sampleCount: 1, quantile: [{ quantile: 0.5, value: 1 }], startTimestamp } }] })).toEqual([['s_count', 12_500, undefined], ['s_sum', 12_500, undefined]])
    const classic = { name: 'h', type: 4, metric: [{ histogram: { sampleCount: 1, bucket: [{ upperBound: 1, cumulativeCount: 1 }], startTimestamp } }] }
    expect(created(classic).map(([series]) => series)).toEqual(['h_count', 'h_sum', 'h_bucket{le="1.0"}', 'h_bucket{le="+Inf"}'])
    expect(created(classic, true)).toEqual([['h', 12_500, -53]])
    expect(created({ name: 'h', type: 4, metric: [{ histogram: { sampleCount: 1, schema: 3, zeroThreshold: 1, zeroCount: 1, startTimestamp } }] })).toEqual([['h', 12_500, 3]])
  })
})

const open: { close(): unknown }[] = []
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close()
})

/** Storage into which a target is scraped five times a second. */
async function scraping({ created, config }: Pick<ScrapeManagerOptions, 'created'> & { readonly config: Partial<ScrapeConfig> }, answer: (response: ServerResponse) => void): Promise<{ readonly storage: TestStorage; readonly manager: ScrapeManager }> {
  const server = createServer((_, response) => answer(response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  open.push({ close: () => (server.closeAllConnections(), server.close()) })
  const storage = await openTestStorage()
  const discovery = createDiscovery({ registry: storage.registry, logger: silentLogger, userAgent: 'test' })
  const manager = createScrapeManager({ storage, discovery, logger: silentLogger, registry: storage.registry, userAgent: 'test', ...(created && { created }) })
  open.push(manager)
  const target = `127.0.0.1:${(server.address() as AddressInfo).port}` // it listens on a port
  const discovered = [{ kind: 'static' as const, groups: [{ targets: [target], labels: {} }] }]
  manager.apply([scrapeConfig({ scrapeIntervalMs: 200, scrapeTimeoutMs: 200, discovery: discovered, ...config })], [])
  return { storage, manager }
}

describe('a scrape', () => {
  it('stores a zero once for the time at which a counter was created', async () => {
    const beganMs = Date.now() - 60_000
    let restartedMs = 0
    const seconds = (timeMs: number) => (timeMs / 1000).toFixed(3)
    const { storage } = await scraping({ config: { convertClassicHistogramsToNhcb: true }, created: { becomesZero: true } }, (response) => {
      const createdMs = restartedMs || beganMs
      response.setHeader('content-type', 'application/openmetrics-text; version=1.0.0')
      response.end(`# TYPE c counter\nc_total 5.0\nc_created ${seconds(createdMs)}\n# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 3\nh_count 3\nh_sum 4\nh_created ${seconds(createdMs)}\n# EOF\n`)
    })
    const zeros = (name: string) => readElements(storage, name).filter(([, value]) => value === 0 || (typeof value === 'object' && (value as { count: number }).count === 0)).map(([timeMs]) => timeMs)
    await expect.poll(() => readElements(storage, 'c_total').length, { timeout: 20_000 }).toBeGreaterThan(3)
    expect([zeros('c_total'), zeros('h'), readElements(storage, 'c_created')]).toEqual([[beganMs], [beganMs], []])
    expect(readElements(storage, 'h')[0]?.[1]).toEqual(plain(histogram({ schema: -53, customBounds: Float64Array.of(1) })))

    // The target starts again.
    restartedMs = Date.now()
    await expect.poll(() => zeros('c_total').length, { timeout: 20_000 }).toBe(2)
    expect(zeros('c_total')[1]).toBe(restartedMs)
    expect(await storage.registry.print()).toContain('prometheus_target_scrapes_sample_out_of_order_total 0')
  })

  const text = (createdMs: number) => Buffer.from(`# TYPE c counter\nc_total{a="1"} 5.0\nc_created{a="1"} ${createdMs / 1000}\n# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 3\nh_count 3\nh_sum 4\nh_created ${createdMs / 1000}\n# TYPE g gauge\ng 1\n# EOF\n`)
  const protobuf = (createdMs: number) => {
    const startTimestamp = { seconds: Math.floor(createdMs / 1000), nanos: (createdMs % 1000) * 1e6 }
    const histogram = { sampleCount: 3, sampleSum: 4, schema: 3, zeroThreshold: 1, zeroCount: 3, startTimestamp }
    return protobufBody([
      { name: 'c_total', type: 0, metric: [{ label: [{ name: 'a', value: '1' }], counter: { value: 5, startTimestamp } }] }, { name: 'h', type: 4, metric: [{ histogram }] },
      { name: 'g', type: 1, metric: [{ gauge: { value: 1 } }] },
    ])
  }
  it.each([
    ['OpenMetrics', 'application/openmetrics-text; version=1.0.0', text, { convertClassicHistogramsToNhcb: true, alwaysScrapeClassicHistograms: true }, ['c_total', 'h', 'h_count', 'h_bucket', 'h_sum']],
    ['protobuf', 'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited', protobuf, { scrapeNativeHistograms: true }, ['c_total', 'h']],
  ] as const)('keeps when a counter was created beside every sample of it, from %s', async (_, type, body, config, names) => {
    let createdMs = Date.now() - 60_000
    const { storage, manager } = await scraping({ config, created: { becomesStart: true } }, (response) => {
      response.setHeader('content-type', type)
      response.end(body(createdMs))
    })
    const before = createdMs
    await expect.poll(() => readElements(storage, 'c_total').length, { timeout: 20_000 }).toBeGreaterThan(2)
    createdMs = Date.now()
    await expect.poll(() => readStarts(storage, 'c_total').at(-1)?.[1], { timeout: 20_000 }).toBe(createdMs)
    await manager.close()
    for (const name of names) {
      const starts = readStarts(storage, name)
      expect(starts.map(([timeMs]) => timeMs), name).toEqual(readElements(storage, name).map(([timeMs]) => timeMs))
      expect(new Set(starts.map(([, startMs]) => startMs)), name).toEqual(new Set([before, createdMs]))
    }
    expect(['g', 'up', 'c_created', 'h_created'].map((name) => readStarts(storage, name))).toEqual([[], [], [], []])
    expect(readElements(storage, 'c_created')).toEqual([])
  })
})
