// Start timestamps from every way in to queries over HTTP, of a real server that is stopped, killed and started again.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { histogram } from '../helpers/histograms.ts'
import { readJson } from '../helpers/json.ts'
import { remoteWriteBodyV2, remoteWriteHeaders, type WrittenSeries } from '../helpers/remoteWriteBody.ts'
import { protobufBody } from '../helpers/scraping/metricFamilies.ts'
import { startSolowatch, type RunningServer } from '../helpers/servers.ts'

const features = ['st-storage', 'use-start-timestamps', 'promql-experimental-functions']
/** All counters of this test began a minute before it, and count 60. */
const beganMs = Date.now() - 60_000
/** When the samples of senders are of. */
const timestampMs = beganMs + 60_000

describe('start timestamps', () => {
  const dir = mkdtempSync(join(tmpdir(), 'solowatch-starts-'))
  const flags = [`--config.file=${join(dir, 'prometheus.yml')}`, '--web.enable-remote-write-receiver', '--web.enable-otlp-receiver', `--enable-feature=${features.join(',')}`]
  let targets: Server
  let server: RunningServer
  const start = async () => void (server = await startSolowatch(join(dir, 'data'), flags))

  beforeAll(async () => {
    targets = createServer((request, response) => {
      const isProtobuf = request.url === '/protobuf'
      response.setHeader('content-type', isProtobuf ? 'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited' : 'application/openmetrics-text; version=1.0.0')
      const startTimestamp = { seconds: Math.floor(beganMs / 1000), nanos: (beganMs % 1000) * 1e6 }
      response.end(isProtobuf ? protobufBody([{ name: 'protobuf_total', type: 0, metric: [{ counter: { value: 60, startTimestamp } }] }]) : `# TYPE openmetrics counter\nopenmetrics_total 60\nopenmetrics_created ${beganMs / 1000}\n# EOF\n`)
    })
    await new Promise<void>((done) => targets.listen(0, '127.0.0.1', done))
    const { port } = targets.address() as AddressInfo // it listens on a port
    const jobs = ['openmetrics', 'protobuf'].map((name) => `  - {job_name: ${name}, metrics_path: /${name}, scrape_interval: 1s, scrape_timeout: 1s, static_configs: [{targets: ['127.0.0.1:${port}']}]}\n`)
    writeFileSync(join(dir, 'prometheus.yml'), `scrape_configs:\n${jobs.join('')}`)
    await start()
  })
  afterAll(async () => {
    await server?.stop()
    targets.closeAllConnections()
    targets.close()
    rmSync(dir, { recursive: true, force: true })
  })

  /** By metric name, or by job where that is dropped. */
  const query = async (text: string): Promise<Record<string, number>> => {
    const { data } = await readJson<{ data: { result: { metric: Record<string, string>; value: [number, string] }[] } }>(fetch(`${server.url}/api/v1/query?${new URLSearchParams({ query: text })}`))
    return Object.fromEntries(data.result.map(({ metric, value }) => [metric['job'] ?? '', Number(value[1])]))
  }
  const write = (...series: WrittenSeries[]) =>
    fetch(`${server.url}/api/v1/write`, { method: 'POST', headers: { ...remoteWriteHeaders, 'content-type': 'application/x-protobuf;proto=io.prometheus.write.v2.Request' }, body: remoteWriteBodyV2(series) as Uint8Array<ArrayBuffer> })

  it('come from scrapes, remote write and OTLP', async () => {
    const written = await write(
      { labels: { __name__: 'written_total', job: 'written' }, samples: [{ timestampMs, value: 60, createdMs: beganMs }] },
      { labels: { __name__: 'histograms_total', job: 'histograms' }, samples: [], histograms: [{ timestampMs, histogram: histogram({ sum: 1, positive: { 0: 60 } }), createdMs: beganMs }] },
    )
    expect(written.status).toBe(204)
    const point = { startTimeUnixNano: `${beganMs}000000`, timeUnixNano: `${timestampMs}000000`, asInt: '60' }
    const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'otlp' } }] }
    const otlp = { resourceMetrics: [{ resource, scopeMetrics: [{ metrics: [{ name: 'otlp', sum: { aggregationTemporality: 2, isMonotonic: true, dataPoints: [point] } }] }] }] }
    expect((await fetch(`${server.url}/api/v1/otlp/v1/metrics`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(otlp) })).status).toBe(200)
    const jobs = ['histograms', 'openmetrics', 'otlp', 'protobuf', 'written']
    await expect.poll(async () => Object.keys(await query('start_timestamp({__name__=~".+_total"})')).sort(), { timeout: 20_000 }).toEqual(jobs)
    expect(await query('start_timestamp({__name__=~".+_total"})')).toEqual(Object.fromEntries(jobs.map((job) => [job, beganMs / 1000])))
    expect(await query('start_timestamp({__name__=~"up|target_info"})')).toEqual({})
  })

  it('make a rate of one sample', async () => {
    expect(await query(`increase(written_total[5m] @ ${timestampMs / 1000})`)).toEqual({ written: expect.closeTo(60, 6) })
    expect(await query(`histogram_count(increase(histograms_total[5m] @ ${timestampMs / 1000}))`)).toEqual({ histograms: expect.closeTo(60, 6) })
    expect((await query('increase(openmetrics_total[5m])'))['openmetrics']).toBeGreaterThanOrEqual(60)
  })

  it.each(['SIGTERM', 'SIGKILL'] as const)('are there after %s and a start', async (signal) => {
    const before = await query('start_timestamp({job=~"written|histograms|otlp", __name__=~".+_total"})')
    expect(Object.keys(before)).toHaveLength(3)
    await server.stop(signal)
    await start()
    expect(await query('start_timestamp({job=~"written|histograms|otlp", __name__=~".+_total"})')).toEqual(before)
    expect(await query(`increase(written_total[5m] @ ${timestampMs / 1000})`)).toEqual({ written: expect.closeTo(60, 6) })
  })
})
