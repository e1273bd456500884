// convert_classic_histograms_to_nhcb end to end: real servers are scraped in each format, and the histograms with custom
// buckets say the same as the classic series of the same scrape.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readJson } from '../helpers/json.ts'
import { type RunningServer, startPrometheus, startSolowatch } from '../helpers/servers.ts'
import { until } from '../helpers/until.ts'

const dir = mkdtempSync(join(tmpdir(), 'solowatch-nhcb-'))
const running: RunningServer[] = []
let own: RunningServer
let exemplars: Server
/** In seconds: nothing that was scraped until then is still to be stored. */
let settledTime: number

beforeAll(async () => {
  exemplars = createServer((_, response) => {
    response.setHeader('content-type', 'application/openmetrics-text; version=1.0.0')
    response.end('# TYPE h histogram\nh_bucket{le="0.1"} 0 # {id="timeless"} 0.05\nh_bucket{le="1"} 1 # {id="a"} 0.5 100.5\nh_bucket{le="+Inf"} 2 # {id="b"} 7 99.5\nh_count 2\nh_sum 7.5\n# EOF\n')
  })
  await new Promise<void>((done) => exemplars.listen(0, '127.0.0.1', done))
  for (const name of ['own', 'peer', 'other']) mkdirSync(join(dir, name))
  writeFileSync(join(dir, 'empty.yml'), 'global: { scrape_interval: 1s, scrape_timeout: 1s }\nscrape_configs: []\n')
  const peer = await startPrometheus(join(dir, 'peer'), join(dir, 'empty.yml'))
  const other = await startSolowatch(join(dir, 'other'), [`--config.file=${join(dir, 'empty.yml')}`])
  running.push(peer, other)
  const job = (name: string, protocol: string, port: number, rest = '') =>
    `  - { job_name: ${name}, scrape_protocols: [${protocol}], ${rest} static_configs: [{ targets: ['127.0.0.1:${port}'] }] }`
  writeFileSync(join(dir, 'own.yml'), `
global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s, convert_classic_histograms_to_nhcb: true }
rule_files: [rules.yml]
scrape_configs:
${job('text', 'PrometheusText0.0.4', peer.port, 'always_scrape_classic_histograms: true,')}
${job('protobuf', 'PrometheusProto', peer.port, 'always_scrape_classic_histograms: true,')}
${job('openMetrics', 'OpenMetricsText1.0.0', other.port, 'always_scrape_classic_histograms: true,')}
${job('alone', 'PrometheusText0.0.4', peer.port)}
${job('off', 'PrometheusText0.0.4', peer.port, 'convert_classic_histograms_to_nhcb: false,')}
${job('byTarget', 'PrometheusText0.0.4', peer.port, "convert_classic_histograms_to_nhcb: false, relabel_configs: [{ target_label: __convert_classic_histograms_to_nhcb__, replacement: 'true' }],")}
${job('exemplars', 'OpenMetricsText1.0.0', (exemplars.address() as AddressInfo).port)}
`)
  writeFileSync(join(dir, 'rules.yml'), "groups: [{ name: g, rules: [{ record: recorded, expr: 'sum by (job) (prometheus_http_request_duration_seconds)' }] }]\n")
  own = await startSolowatch(join(dir, 'own'), [`--config.file=${join(dir, 'own.yml')}`])
  running.push(own)
  for (const job of ['text', 'protobuf', 'openMetrics', 'alone', 'off', 'byTarget']) {
    await until(`${job} scraped four times`, async () => (await ask(`count_over_time(up{job="${job}"}[1m]) >= 4`)).size > 0)
  }
  settledTime = [...(await ask('min(timestamp(up))')).values()][0] ?? NaN
}, 60_000)

afterAll(async () => {
  for (const server of running.reverse()) await server.stop()
  exemplars?.closeAllConnections()
  exemplars?.close()
  rmSync(dir, { recursive: true, force: true })
})

type Result = { metric: Record<string, string>; value?: [number, string]; histogram?: [number, object] }

/** Numbers by labels, at one time for all queries of a test. */
async function ask(query: string, time = Date.now() / 1000): Promise<Map<string, number>> {
  const { data } = await readJson<{ data: { result: Result[] } }>(fetch(`${own.url}/api/v1/query`, { method: 'POST', body: new URLSearchParams({ query, time: String(time) }) }))
  return new Map(data.result.map(({ metric: { __name__: _, ...rest }, value }) => [JSON.stringify(Object.entries(rest).sort()), Number(value?.[1])]))
}

const name = 'prometheus_http_request_duration_seconds'

describe('a histogram with custom buckets', () => {
  for (const job of ['text', 'protobuf', 'openMetrics']) {
    const same = (what: string, ofNative: string, ofClassic: string) =>
      it(`has the ${what} of its classic series, from ${job}`, async () => {
        const at = (query: string) => ask(query.replaceAll('JOB', `{job="${job}"}`), settledTime)
        const native = await at(ofNative)
        const classic = await at(ofClassic)
        expect(native.size).toBeGreaterThan(0)
        expect([...native.keys()].sort()).toEqual([...classic.keys()].sort())
        for (const [key, value] of classic) expect(native.get(key), key).toBeCloseTo(value, 9)
      })
    same('count', `histogram_count(${name}JOB)`, `${name}_countJOB`)
    same('sum', `histogram_sum(${name}JOB)`, `${name}_sumJOB`)
    same('rate', `histogram_count(rate(${name}JOB[1m]))`, `rate(${name}_countJOB[1m])`)
    same('quantile', `histogram_quantile(0.9, ${name}JOB) > 0`, `histogram_quantile(0.9, ${name}_bucketJOB) > 0`)
    same('quantile over all', `histogram_quantile(0.5, sum by (job) (${name}JOB))`, `histogram_quantile(0.5, sum by (job, le) (${name}_bucketJOB))`)
    same('fraction', `histogram_fraction(0, 0.2, ${name}JOB)`, `sum without (le) (${name}_bucketJOB and on (le) label_replace(vector(1), "le", "0.2", "", "")) / ${name}_countJOB`)
  }

  it('replaces its classic series unless they are wanted', async () => {
    const countOf = async (metric: string, job: string) => (await ask(`count({__name__="${metric}",job="${job}"})`)).size
    for (const job of ['alone', 'byTarget']) {
      expect([await countOf(name, job), await countOf(`${name}_bucket`, job), await countOf(`${name}_count`, job)]).toEqual([1, 0, 0])
    }
    expect([await countOf(name, 'off'), await countOf(`${name}_bucket`, 'off')]).toEqual([0, 1])
  })

  it('is shown with its bounds, and goes through rules', async () => {
    const { data } = await readJson<{ data: { result: Result[] } }>(fetch(`${own.url}/api/v1/query?query=${encodeURIComponent('h')}`))
    expect(data.result[0]?.histogram?.[1]).toEqual({ count: '2', sum: '7.5', buckets: [[0, '0.1', '1', '1'], [0, '1', '+Inf', '1']] })
    expect((await ask('histogram_count(recorded{job="alone"}) > 0')).size).toBe(1)
  })

  it('has the exemplars of its buckets that have a time, in its order', async () => {
    const { data } = await readJson<{ data: { seriesLabels: Record<string, string>; exemplars: { labels: object; value: string; timestamp: number }[] }[] }>(
      fetch(`${own.url}/api/v1/query_exemplars?query=h&start=0&end=1000`),
    )
    expect(data.map(({ seriesLabels, exemplars: found }) => [seriesLabels['__name__'], found])).toEqual([
      ['h', [{ labels: { id: 'b' }, value: '7', timestamp: 99.5 }, { labels: { id: 'a' }, value: '0.5', timestamp: 100.5 }]],
    ])
    expect(own.output()).not.toContain('out-of-order')
  })
})
