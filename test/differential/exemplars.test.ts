// Exemplars of one OpenMetrics target, scraped by Debian's Prometheus and by solowatch, and written on by the Prometheus:
// the same ones come out of all three ways, and query_exemplars prints them alike.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readJson } from '../helpers/json.ts'
import { type RunningServer, startPrometheus, startSolowatch } from '../helpers/servers.ts'
import { until } from '../helpers/until.ts'

const dir = mkdtempSync(join(tmpdir(), 'solowatch-exemplars-'))
const startSeconds = Math.floor(Date.now() / 1000)
let target: Server
let own: RunningServer
let peer: RunningServer

/** A counter and a histogram, with what comes after the value of each line; `undefined` for no exemplar. */
function body(visits: string | undefined, half: string | undefined, all: string | undefined): string {
  const line = (series: string, value: number, exemplar: string | undefined) => `${series} ${value}${exemplar === undefined ? '' : ` # ${exemplar}`}\n`
  return `# HELP visits Of pages.\n# TYPE visits counter\n${line('visits_total{page="/a b"}', 3, visits)}# TYPE seconds histogram\n${line('seconds_bucket{le="0.5"}', 1, half)}${line('seconds_bucket{le="+Inf"}', 2, all)}seconds_count 2\nseconds_sum 1.5\n# EOF\n`
}

/** One body per scrape; the last one stays. */
const bodies = [
  body('{trace_id="a1"} 0.5', `{trace_id="h1",span="ü x"} 0.41 ${startSeconds}.123`, undefined),
  // The same without a time is no news; one with an older time is refused.
  body('{trace_id="a1"} 0.5', `{trace_id="h0"} 0.3 ${startSeconds - 1}`, `{} +Inf ${startSeconds}`),
  body('{trace_id="a2"} 1e-07', `{trace_id="${'x'.repeat(140)}"} 0.2 ${startSeconds + 2}`, `{trace_id="i1"} 12345678.5 ${startSeconds + 1}`),
  body(undefined, `{trace_id="h3"} 0.1 ${startSeconds + 3}.5`, `{trace_id="i1"} 12345678.5 ${startSeconds + 1}`),
]

beforeAll(async () => {
  const scrapes = new Map<string, number>()
  target = createServer((request, response) => {
    const count = scrapes.get(request.url ?? '') ?? 0
    scrapes.set(request.url ?? '', count + 1)
    response.setHeader('content-type', 'application/openmetrics-text; version=1.0.0; charset=utf-8').end(bodies[Math.min(count, bodies.length - 1)])
  })
  await new Promise<void>((done) => target.listen(0, '127.0.0.1', done))
  const { port } = target.address() as AddressInfo // it listens on TCP
  const config = (name: string, rest = '') => `global: { scrape_interval: 200ms, scrape_timeout: 200ms }
scrape_configs: [{ job_name: ${name}, metrics_path: /${name}, static_configs: [{ targets: ['127.0.0.1:${port}'] }], metric_relabel_configs: [{ target_label: from, replacement: here }] }]
${rest}`
  for (const name of ['own', 'peer']) mkdirSync(join(dir, name))
  writeFileSync(join(dir, 'own.yml'), config('own', 'storage: { exemplars: { max_exemplars: 1000 } }\n'))
  own = await startSolowatch(join(dir, 'own'), [`--config.file=${join(dir, 'own.yml')}`])
  writeFileSync(join(dir, 'peer.yml'), config('peer', `remote_write: [{ url: '${own.url}/api/v1/write', send_exemplars: true, queue_config: { batch_send_deadline: 100ms } }]\n`))
  peer = await startPrometheus(join(dir, 'peer'), join(dir, 'peer.yml'), ['--enable-feature=exemplar-storage'])
  const ways = [[own, 'own'], [peer, 'peer'], [own, 'peer']] as const
  for (const [server, job] of ways) await until('all exemplars there', async () => JSON.stringify(await exemplars(server, job)).includes('h3'))
}, 60_000)

afterAll(async () => {
  await peer?.stop()
  await own?.stop()
  target?.closeAllConnections()
  target?.close()
  rmSync(dir, { recursive: true, force: true })
})

type SeriesExemplars = { seriesLabels: Record<string, string>; exemplars: { labels: Record<string, string>; value: string; timestamp: number }[] }

async function exemplars(server: RunningServer, job: string, range = ''): Promise<SeriesExemplars[]> {
  const query = `rate(visits_total{job="${job}"}[5m]) / on() group_left() histogram_quantile(0.9, seconds_bucket{job="${job}"})`
  const answer = await readJson<{ data: SeriesExemplars[] }>(fetch(`${server.url}/api/v1/query_exemplars?query=${encodeURIComponent(query)}${range}`))
  return answer.data
}

/** Without what differs by the way: the job, and times of scrapes, which stand for a missing time. */
function comparable(list: readonly SeriesExemplars[]): unknown {
  return list.map(({ seriesLabels: { job, instance, ...labels }, exemplars: some }) => ({
    labels,
    exemplars: some.map(({ timestamp, ...rest }) => (labels['__name__'] === 'visits_total' ? rest : { ...rest, timestamp })),
  }))
}

describe('exemplars', () => {
  it('are those of Prometheus, scraped and written on', async () => {
    const expected = comparable(await exemplars(peer, 'peer'))
    expect(comparable(await exemplars(own, 'own'))).toEqual(expected)
    expect(comparable(await exemplars(own, 'peer'))).toEqual(expected)
    expect(expected).toEqual([
      { labels: { __name__: 'seconds_bucket', le: '+Inf', from: 'here' }, exemplars: [{ labels: {}, value: '+Inf', timestamp: startSeconds }, { labels: { trace_id: 'i1' }, value: '12345678.5', timestamp: startSeconds + 1 }] },
      {
        labels: { __name__: 'seconds_bucket', le: '0.5', from: 'here' },
        exemplars: [{ labels: { span: 'ü x', trace_id: 'h1' }, value: '0.41', timestamp: startSeconds + 0.123 }, { labels: { trace_id: 'h3' }, value: '0.1', timestamp: startSeconds + 3.5 }],
      },
      { labels: { __name__: 'visits_total', page: '/a b', from: 'here' }, exemplars: [{ labels: { trace_id: 'a1' }, value: '0.5' }, { labels: { trace_id: 'a2' }, value: '1e-07' }] },
    ])
  })

  it('are printed as Prometheus prints them', async () => {
    const range = `query=seconds_bucket%7Bjob="peer"%7D&start=${startSeconds}&end=${startSeconds + 3.5}`
    const [ours, theirs] = await Promise.all([own, peer].map(async (server) => (await fetch(`${server.url}/api/v1/query_exemplars?${range}`)).text()))
    expect(ours).toBe(theirs)
    expect(ours).toContain(`"timestamp":${startSeconds}.123`)
  })

  it('are found by time, both ends included', async () => {
    // Those of visits_total have the times of scrapes, which are each server's own.
    const count = async (server: RunningServer, job: string, range: string) =>
      (await exemplars(server, job, range)).filter((series) => series.seriesLabels['__name__'] === 'seconds_bucket').flatMap((series) => series.exemplars).length
    const range = `&start=${startSeconds + 0.123}&end=${startSeconds + 1}`
    expect(await count(own, 'own', range)).toBe(2)
    expect(await count(peer, 'peer', range)).toBe(2)
    expect(await count(own, 'own', '&start=1&end=2')).toBe(0)
  })

  it('are counted when they come too late', async () => {
    const metrics = await (await fetch(`${own.url}/metrics`)).text()
    expect(metrics).toContain('prometheus_tsdb_exemplar_max_exemplars 1000\n')
    expect(Number(/^prometheus_target_scrapes_exemplar_out_of_order_total (.*)$/m.exec(metrics)?.[1])).toBeGreaterThan(0)
  })
})
