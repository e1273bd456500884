// Types and units of metrics as labels of their series, from every way in.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { silentLogger } from '../../../src/base/log.ts'
import { createRandom } from '../../../test/helpers/random.ts'
import { remoteWriteBodyV2, remoteWriteHeaders, type RemoteWriteMessageV2, type WrittenSeries } from '../../../test/helpers/remoteWriteBody.ts'
import { protobufBody } from '../../../test/helpers/scraping/metricFamilies.ts'
import { scrapeConfig } from '../../../test/helpers/scraping/scrapeConfig.ts'
import { openTestStorage, readSamples, type TestStorage } from '../../../test/helpers/testStorage.ts'
import { createDiscovery } from '../../discovery/discovery.ts'
import { defaultOtlpConfig } from '../../otlp/otlpConfig.ts'
import { createOtlpReceiver } from '../../otlp/otlpReceiver.ts'
import { createRemoteWrite } from '../../remoteWrite/remoteWrite.ts'
import { createScrapeManager } from '../../scrape/scrapeManager.ts'

const nowMs = 1_700_000_000_000
const open: { close(): unknown }[] = []
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close()
})

describe('a scrape', () => {
  /** The series of the metrics `m...`, without the labels of the target. */
  async function scraped(contentType: string, body: string | Uint8Array, over: Parameters<typeof scrapeConfig>[0] = {}): Promise<string[]> {
    const server = createServer((_, response) => response.setHeader('content-type', contentType).end(body))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    open.push({ close: () => (server.closeAllConnections(), server.close()) })
    const storage = await openTestStorage()
    const discovery = createDiscovery({ registry: storage.registry, logger: silentLogger, userAgent: 'test' })
    const manager = createScrapeManager({ storage, discovery, logger: silentLogger, registry: storage.registry, userAgent: 'test', addsTypeAndUnit: true })
    open.push(manager)
    const target = `127.0.0.1:${(server.address() as AddressInfo).port}` // it listens on a port
    const discovered = [{ kind: 'static' as const, groups: [{ targets: [target], labels: {} }] }]
    manager.apply([scrapeConfig({ scrapeIntervalMs: 100, scrapeTimeoutMs: 100, scrapeNativeHistograms: true, discovery: discovered, ...over })], [])
    await expect.poll(() => Object.keys(readSamples(storage)).some((name) => name.startsWith('up')), { timeout: 20_000 }).toBe(true)
    return namesOf(storage).filter((name) => name.startsWith('m')).map((name) => name.replace(/instance="[^"]*", job="[^"]*"(, )?/, '').replace(', }', '}'))
  }

  it('in the text format has types', async () => {
    const body = '# TYPE m_total counter\nm_total{a="b"} 1\n# TYPE mh histogram\nmh_bucket{le="+Inf"} 1\nmh_sum 1\nmh_count 1\n# TYPE mu untyped\nmu{__type__="mine"} 1\n'
    expect(await scraped('text/plain; version=0.0.4', body)).toEqual(['m_total{__type__="counter", a="b"}', 'mh_bucket{__type__="histogram", le="+Inf"}', 'mh_sum{__type__="histogram"}', 'mh_count{__type__="histogram"}', 'mu{}'])
  })

  it('in OpenMetrics has types that only it knows, and units', async () => {
    const body = '# TYPE m_seconds counter\n# UNIT m_seconds seconds\nm_seconds_total 1\n# TYPE mi info\nmi_info{v="1"} 1\n# TYPE mu unknown\nmu{__unit__="mine"} 1\n# TYPE mg gauge\nmg{__type__="mine"} 1\n# EOF\n'
    expect(await scraped('application/openmetrics-text; version=1.0.0', body)).toEqual(['m_seconds_total{__type__="counter", __unit__="seconds"}', 'mi_info{__type__="info", v="1"}', 'mu{}', 'mg{__type__="gauge"}'])
  })

  it('in protobuf has both, native histograms too', async () => {
    const native = { sampleCount: 1, schema: 3, zeroThreshold: 1, zeroCount: 1 }
    const body = protobufBody([
      { name: 'm_bytes', type: 1, unit: 'bytes', metric: [{ gauge: { value: 1 } }] },
      { name: 'mh', type: 4, unit: 'seconds', metric: [{ histogram: native }] },
      { name: 'mg', type: 5, metric: [{ histogram: native }] },
    ])
    expect(await scraped('application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited', body)).toEqual(['m_bytes{__type__="gauge", __unit__="bytes"}', 'mh{__type__="histogram", __unit__="seconds"}', 'mg{__type__="gaugehistogram"}'])
  })
})

/** Names and labels of the stored series. */
function namesOf(storage: TestStorage): string[] {
  return Object.keys(readSamples(storage))
}

describe('remote write 2.0', () => {
  const v2 = { ...remoteWriteHeaders, 'content-type': 'application/x-protobuf;proto=io.prometheus.write.v2.Request' }
  const series = (labels: Record<string, string>): WrittenSeries => ({ labels, samples: [{ timestampMs: nowMs, value: 1 }] })

  async function written(list: readonly WrittenSeries[], change: (message: RemoteWriteMessageV2) => void, addsTypeAndUnit = true): Promise<{ readonly status: number; readonly names: string[] }> {
    const storage = await openTestStorage({ nowMs: () => nowMs })
    const remoteWrite = createRemoteWrite({ storage, registry: storage.registry, logger: silentLogger, addsTypeAndUnit })
    const { status } = await remoteWrite.receive(remoteWriteBodyV2(list, change), v2)
    return { status, names: namesOf(storage) }
  }

  /** Sets the metadata of each series: the number of its type, and its unit. */
  const metadata = (...all: readonly (readonly [type: number, unit: string])[]) => ({ symbols, timeseries }: RemoteWriteMessageV2) => {
    all.forEach(([type, unit], i) => {
      const one = timeseries[i]
      if (one !== undefined) one.metadata = { type, helpRef: 0, unitRef: unit === '' ? 0 : symbols.push(unit) - 1 }
    })
  }

  it('has the type and unit of its metadata, in place of labels of these names', async () => {
    const types = ['counter', 'gauge', 'histogram', 'gaugehistogram', 'summary', 'info', 'stateset']
    const all = await written(types.map((type) => series({ __name__: type, z: '1' })), metadata(...types.map((_, i) => [i + 1, i === 1 ? 'bytes' : ''] as const)))
    expect(all).toEqual({ status: 204, names: types.map((type) => `${type}{__type__="${type}", ${type === 'gauge' ? '__unit__="bytes", ' : ''}z="1"}`) })
    const own = { __name__: 'a', __type__: 'x', __unit__: 'y' }
    expect((await written([series(own)], metadata([1, '']))).names).toEqual(['a{__type__="counter"}'])
    expect((await written([series(own)], metadata([0, 'seconds']))).names).toEqual(['a{__unit__="seconds"}'])
    expect((await written([series(own)], metadata([0, '']))).names).toEqual(['a{__type__="x", __unit__="y"}'])
    expect((await written([series(own)], metadata([1, 'seconds']), false)).names).toEqual(['a{__type__="x", __unit__="y"}'])
    expect((await written([series(own)], metadata([99, '']))).names).toEqual(['a{__type__="x", __unit__="y"}'])
  })

  it('refuses a series whose unit is no symbol', async () => {
    const bad = await written([series({ __name__: 'a' }), series({ __name__: 'b' })], ({ symbols, timeseries: [first] }) => {
      if (first !== undefined) first.metadata = { type: 1, helpRef: 0, unitRef: symbols.length }
    })
    expect(bad).toEqual({ status: 400, names: ['b{__type__="counter"}'] })
  })

  it('writes labels of any length', async () => {
    const random = createRandom()
    const text = () => 'x'.repeat(random.pick([1, 100, 126, 127, 128, 300, 20_000]))
    const list = Array.from({ length: 40 }, (_, i) => ({ unit: text(), labels: { __name__: `m${i}`, label: text() } }))
    const { names } = await written(list.map(({ labels }) => series(labels)), metadata(...list.map(({ unit }) => [4, unit] as const)))
    expect(names, `seed ${random.seed}`).toEqual(list.map(({ unit, labels }) => `${labels.__name__}{__type__="gaugehistogram", __unit__="${unit}", label="${labels.label}"}`))
  })
})

describe('OTLP', () => {
  it('has the type of the metric and its unit in words', async () => {
    const storage = await openTestStorage({ nowMs: () => nowMs })
    const receiver = createOtlpReceiver({ storage, config: () => ({ ...defaultOtlpConfig, translationStrategy: 'NoTranslation' }), lookbackMs: 300_000, addsTypeAndUnit: true, logger: silentLogger })
    const point = { timeUnixNano: `${nowMs}000000`, asInt: 1 }
    const metrics = [
      { name: 'speed', unit: 'm/s', gauge: { dataPoints: [point] } },
      { name: 'visits', unit: '1', sum: { aggregationTemporality: 2, isMonotonic: true, dataPoints: [point] } },
      { name: 'queue', unit: '{item}', sum: { aggregationTemporality: 2, dataPoints: [point] } },
      { name: 'e', unit: 'By', exponentialHistogram: { aggregationTemporality: 2, dataPoints: [{ timeUnixNano: point.timeUnixNano, count: 0 }] } },
      { name: 's', unit: 'widgets', summary: { dataPoints: [{ timeUnixNano: point.timeUnixNano, count: 0, sum: 0 }] } },
    ]
    const body = Buffer.from(JSON.stringify({ resourceMetrics: [{ scopeMetrics: [{ metrics }] }] }))
    expect(await receiver.receive(body, { contentType: 'application/json', contentEncoding: '' })).toEqual({ status: 200 })
    expect(namesOf(storage)).toEqual([
      'speed{__type__="gauge", __unit__="meters_per_second"}',
      'visits{__type__="counter"}',
      'queue{__type__="gauge"}',
      'e{__type__="histogram", __unit__="bytes"}',
      's_sum{__type__="summary", __unit__="widgets"}',
      's_count{__type__="summary", __unit__="widgets"}',
    ])
  })
})
