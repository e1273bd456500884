// Federation with native histograms: the same protobuf families from solowatch and from Debian's Prometheus; then both of
// them, and a second solowatch, scrape what solowatch gives.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { customSchema } from '../../storage/model/histogram.ts'
import { histogram } from '../helpers/histograms.ts'
import { readJson } from '../helpers/json.ts'
import { postRemoteWrite, remoteWriteBody, type WrittenSeries } from '../helpers/remoteWriteBody.ts'
import { readFamilies } from '../helpers/scraping/metricFamilies.ts'
import { type RunningServer, startPrometheus, startSolowatch } from '../helpers/servers.ts'

const dir = mkdtempSync(join(tmpdir(), 'solowatch-federate-'))
const running: RunningServer[] = []
let own: RunningServer
let peer: RunningServer
let below: readonly RunningServer[]

const timestampMs = Date.now() - 5_000
const one = { zeroThreshold: 0.001, zeroCount: 2, sum: 12.5, positive: { [-3]: 1, [-2]: 2, 5: 3 }, negative: { 1: 4 } }

const common: readonly WrittenSeries[] = [
  { labels: { __name__: 'a', i: '1' }, samples: [{ timestampMs, value: 1.5 }] },
  { labels: { __name__: 'a', i: '2', site: 'own' }, samples: [{ timestampMs, value: NaN }] },
  { labels: { __name__: 'b', instance: 'x' }, samples: [], histograms: [{ timestampMs, histogram: histogram({ schema: 0, ...one }) }] },
  { labels: { __name__: 'b', instance: 'y' }, samples: [], histograms: [{ timestampMs, histogram: histogram({ schema: -1, ...one }), asFloat: true }] },
  { labels: { __name__: 'c' }, samples: [], histograms: [{ timestampMs, histogram: histogram({ schema: 0, ...one, counterReset: 'gauge' }) }] },
]
/** What Prometheus 2.42 does not know. */
const custom: WrittenSeries = {
  labels: { __name__: 'd' }, samples: [], histograms: [{ timestampMs, histogram: histogram({ schema: customSchema, sum: 9, customBounds: Float64Array.of(0.5, 1, 2), positive: { 0: 1, 2: 3, 3: 1 } }) }],
}

const accept = 'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,text/plain;q=0.3'
const matchAll = encodeURIComponent('{__name__=~"[abcd]"}')

beforeAll(async () => {
  for (const name of ['own', 'peer', 'belowOwn', 'belowPeer']) mkdirSync(join(dir, name))
  writeFileSync(join(dir, 'top.yml'), 'global: { scrape_interval: 1m, external_labels: { site: lab } }\n')
  own = await startSolowatch(join(dir, 'own'), [`--config.file=${join(dir, 'top.yml')}`])
  peer = await startPrometheus(join(dir, 'peer'), join(dir, 'top.yml'), ['--enable-feature=native-histograms', '--web.enable-remote-write-receiver'])
  running.push(own, peer)
  for (const server of running) expect((await postRemoteWrite(server.url, remoteWriteBody(common))).status).toBe(204)
  expect((await postRemoteWrite(own.url, remoteWriteBody([custom]))).status).toBe(204)
  const jobs = (extra: string) => `
global: { scrape_interval: 1s, scrape_timeout: 1s }
scrape_configs:
  - { job_name: federate, honor_labels: true, metrics_path: /federate, params: { 'match[]': ['{__name__=~"[abcd]"}'] }, ${extra} static_configs: [{ targets: ['127.0.0.1:${own.port}'] }] }
  - { job_name: metrics, ${extra} static_configs: [{ targets: ['127.0.0.1:${own.port}'] }] }
`
  writeFileSync(join(dir, 'own.yml'), jobs('scrape_native_histograms: true,'))
  writeFileSync(join(dir, 'peer.yml'), jobs(''))
  below = [
    await startSolowatch(join(dir, 'belowOwn'), [`--config.file=${join(dir, 'own.yml')}`]),
    await startPrometheus(join(dir, 'belowPeer'), join(dir, 'peer.yml'), ['--enable-feature=native-histograms']),
  ]
  running.push(...below)
}, 120_000)

afterAll(async () => {
  for (const server of running.reverse()) await server.stop()
  rmSync(dir, { recursive: true, force: true })
})

async function federated(server: RunningServer, match: string, headers: Record<string, string> = { accept }): Promise<Response> {
  return fetch(`${server.url}/federate?match[]=${match}`, { headers })
}

describe('federation in protobuf', () => {
  it('gives the families of Prometheus', async () => {
    const familiesOf = async (server: RunningServer) => {
      const answer = await federated(server, encodeURIComponent('{__name__=~"[abc]"}'))
      expect(answer.headers.get('content-type')).toBe('application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited')
      return readFamilies(new Uint8Array(await answer.arrayBuffer()))
    }
    const families = await familiesOf(own)
    expect(families).toEqual(await familiesOf(peer))
    expect(families).toHaveLength(3)
  })

  it('shows custom buckets as a classic histogram', async () => {
    const answer = await federated(own, 'd')
    expect(readFamilies(new Uint8Array(await answer.arrayBuffer()))).toMatchObject([
      { name: 'd', type: 4, metric: [{ histogram: { sampleCount: 5, sampleSum: 9, bucket: [[0.5, 1], [1, 1], [2, 4], [Infinity, 5]].map(([upperBound, cumulativeCount]) => ({ upperBound, cumulativeCount })) } }] },
    ])
  })

  it('is without native histograms in the text formats', async () => {
    for (const text of ['text/plain', 'application/openmetrics-text;version=1.0.0']) {
      const names = (await (await federated(own, matchAll, { accept: text })).text()).split('\n').filter((line) => line !== '' && !line.startsWith('#')).map((line) => line.split('{')[0])
      expect(names).toEqual(['a', 'a'])
    }
  })
})

describe('a server that federates from solowatch', () => {
  type Result = { metric: Record<string, string>; histogram?: [number, object]; value?: [number, string] }
  const ask = async (server: RunningServer, query: string): Promise<Result[]> => (await readJson<{ data: { result: Result[] } }>(fetch(`${server.url}/api/v1/query?query=${encodeURIComponent(query)}`))).data.result

  it('has its native histograms', async () => {
    const [first] = await ask(own, 'b{instance="x"}')
    for (const server of below) {
      await expect.poll(async () => (await ask(server, 'b')).length, { timeout: 15_000 }).toBe(2)
      const [found] = await ask(server, 'b{instance="x"}')
      expect([found?.metric, found?.histogram?.[1]]).toEqual([{ ...first?.metric, job: 'federate', site: 'lab' }, first?.histogram?.[1]])
      const buckets = (await ask(server, 'd_bucket')).map(({ metric, value }) => [Number(metric['le']?.replace('+Inf', 'Infinity')), value?.[1]])
      expect(buckets.sort(([a], [b]) => Number(a) - Number(b))).toEqual([[0.5, '1'], [1, '1'], [2, '4'], [Infinity, '5']])
    }
  })

  it('reads the own metrics of solowatch in protobuf', async () => {
    for (const server of below) await expect.poll(async () => (await ask(server, 'up{job="metrics"} == 1 and on (instance) solowatch_event_loop_delay_seconds{quantile="0.5"}')).length, { timeout: 15_000 }).toBe(1)
  })
})

describe('the own metrics of solowatch', () => {
  const metricsAs = async (type: string) => {
    const answer = await fetch(`${own.url}/metrics`, { headers: { accept: type } })
    return { type: answer.headers.get('content-type'), bytes: new Uint8Array(await answer.arrayBuffer()) }
  }

  it('are the same families in each format', async () => {
    const text = await metricsAs('*/*')
    const openMetrics = await metricsAs('application/openmetrics-text;version=1.0.0')
    const protobuf = await metricsAs(accept)
    expect([text.type, openMetrics.type, protobuf.type]).toEqual([
      'text/plain; version=0.0.4; charset=utf-8',
      'application/openmetrics-text; version=1.0.0; charset=utf-8',
      'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited',
    ])
    const typesOf = (bytes: Uint8Array) => Object.fromEntries(Buffer.from(bytes).toString().split('\n').filter((line) => line.startsWith('# TYPE')).map((line) => line.split(' ').slice(2) as [string, string]))
    const types = typesOf(text.bytes)
    const names = ['counter', 'gauge', 'summary', 'untyped', 'histogram']
    expect(Object.fromEntries((readFamilies(protobuf.bytes) as { name: string; type: number }[]).map(({ name, type }) => [name, names[type]]))).toEqual(types)
    expect(typesOf(openMetrics.bytes)).toEqual(Object.fromEntries(Object.entries(types).map(([name, type]) => (type === 'counter' ? [name.replace(/_total$/, ''), name.endsWith('_total') ? type : 'unknown'] : [name, type]))))
    expect(Object.keys(types).length).toBeGreaterThan(50)
    expect(Buffer.from(openMetrics.bytes).toString().endsWith('\n# EOF\n')).toBe(true)
  })
})
