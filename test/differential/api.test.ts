// One table of requests, asked of Debian's Prometheus and of solowatch with the same configuration and the same samples:
// status, headers and bodies are the same. Only what 2.42 and the 3.14 followed here have in common is in the table; what
// only 3.14 has is tested in src/app.test.ts.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { postRemoteWrite, remoteWriteBody, type WrittenSeries } from '../helpers/remoteWriteBody.ts'
import { type RunningServer, startPrometheus, startSolowatch } from '../helpers/servers.ts'
import { until } from '../helpers/until.ts'

const dir = mkdtempSync(join(tmpdir(), 'solowatch-api-'))
let exporter: Server
let own: RunningServer
let peer: RunningServer

/** The first sample's second; samples lie half a second beside whole ones. */
const start = Math.floor(Date.now() / 1000) - 600
const now = start + 200.123

const exposition = [
  '# HELP temperature Of the <room>.', '# TYPE temperature gauge', 'temperature{z="1"} 21.5', '# HELP visits_total v', '# TYPE visits_total counter',
  'visits_total 3', '# TYPE h histogram', 'h_bucket{le="1.5"} 1', 'h_bucket{le="+Inf"} 2', 'h_sum 3', 'h_count 2', '',
].join('\n')

const rules = `groups:
  - name: g
    rules:
      - { record: 'job:temperature:max', expr: 'max by(job)(temperature)', labels: { l: x } }
      - { alert: Hot, expr: 'temperature > 20', labels: { severity: page }, annotations: { summary: '{{ $value }}' } }
      - { alert: Cold, expr: 'temperature < 0', for: 90s }
`

const configuration = (port: number) => `
global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s, external_labels: { site: lab } }
rule_files: [rules.yml]
scrape_configs:
  - { job_name: exporter, static_configs: [{ targets: ['127.0.0.1:${port}'], labels: { room: office } }] }
  - job_name: dropped
    static_configs: [{ targets: ['127.0.0.1:1'] }]
    relabel_configs: [{ action: drop, source_labels: [__address__], regex: '.*' }]
`

const written: readonly WrittenSeries[] = [
  ...Array.from({ length: 12 }, (_, i) => ({
    labels: { __name__: 'm', i: String(i), grp: i % 2 === 1 ? 'a' : 'b', t: '<&>\u2028é"\\' },
    samples: Array.from({ length: 40 }, (__, k) => ({ timestampMs: start * 1000 + k * 10_000 + 500, value: i * k + 0.5 })),
  })),
  {
    labels: { __name__: 'numbers' },
    samples: [1e21, 1e20, 1e-7, 1e-6, NaN, Infinity, -Infinity, -0, 5e-324, 123456789.125].map((value, k) => ({ timestampMs: start * 1000 + k * 10_000 + 500, value })),
  },
]

beforeAll(async () => {
  exporter = createServer((_, response) => response.setHeader('content-type', 'text/plain; version=0.0.4').end(exposition))
  await new Promise<void>((done) => exporter.listen(0, '127.0.0.1', done))
  const { port } = exporter.address() as AddressInfo // it listens on TCP
  for (const name of ['own', 'peer']) mkdirSync(join(dir, name))
  writeFileSync(join(dir, 'rules.yml'), rules)
  writeFileSync(join(dir, 'prometheus.yml'), configuration(port))
  const args = [`--web.external-url=http://watch.example/`, '--web.cors.origin=https?://(a|b)[.]example']
  own = await startSolowatch(join(dir, 'own'), [`--config.file=${join(dir, 'prometheus.yml')}`, ...args])
  peer = await startPrometheus(join(dir, 'peer'), join(dir, 'prometheus.yml'), ['--web.enable-remote-write-receiver', ...args])
  for (const server of [own, peer]) expect((await postRemoteWrite(server.url, remoteWriteBody(written))).status).toBe(204)
  const allEvaluated = /"state":"firing".*"health":"ok".*"state":"inactive".*"health":"ok"/
  const servers = [own, peer]
  for (const server of servers) await until('all rules evaluated', async () => allEvaluated.test((await ask(server, { path: '/api/v1/rules?type=alert' })).body))
  // The second scrape of a target finds no new series.
  for (const server of servers) await until('scraped twice', async () => /,"0"\]/.test((await ask(server, { path: '/api/v1/query?query=scrape_series_added' })).body))
}, 60_000)

afterAll(async () => {
  await own?.stop()
  await peer?.stop()
  exporter?.closeAllConnections()
  exporter?.close()
  rmSync(dir, { recursive: true, force: true })
})

type Asked = { readonly method?: string; readonly path: string; readonly headers?: Record<string, string>; readonly body?: string }
type Answered = { readonly status: number; readonly headers: Record<string, string>; readonly body: string }

const comparedHeaders = [
  'allow', 'content-encoding', 'content-type', 'location', 'access-control-allow-origin', 'access-control-allow-methods', 'access-control-allow-headers', 'access-control-expose-headers',
]

async function ask(server: RunningServer, { method = 'GET', path, headers = {}, body }: Asked): Promise<Answered> {
  const response = await fetch(server.url + path, { method, redirect: 'manual', headers: { 'accept-encoding': 'identity', ...headers }, ...(body !== undefined && { body }) })
  const found = comparedHeaders.flatMap((name) => {
    const value = response.headers.get(name)
    return value === null ? [] : [[name, value]]
  })
  return { status: response.status, headers: Object.fromEntries(found), body: comparable(await response.text()) }
}

/** The body with what differs from run to run replaced, and vectors and metadata, whose order is free, sorted. */
function comparable(text: string): string {
  const settled = text
    .replace(/"(lastEvaluation|activeAt|lastScrape)":"[^"]*"/g, '"$1":"T"')
    .replace(/"(evaluationTime|lastScrapeDuration)":[\d.e-]+/g, '"$1":0')
    .replace(/\} ([\d.]+) \d{13}$/gm, '} $1 T')
  if (settled.startsWith('{"status":"success","data":[{"target":')) return settled.slice(0, -2).split(/(?<=\}),/).sort().join('\n')
  if (!settled.startsWith('{"status":"success","data":{"resultType":"vector"')) return settled
  const answer: { data: { result: unknown[] } } = JSON.parse(settled)
  answer.data.result.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
  return JSON.stringify(answer)
}

const same = (asked: Asked | string) => {
  const request = typeof asked === 'string' ? { path: asked } : asked
  it(`${request.method ?? 'GET'} ${request.path} ${request.body ?? ''}`, async () => {
    const [ours, theirs] = await Promise.all([ask(own, request), ask(peer, request)])
    expect(ours).toEqual(theirs)
  })
}

const query = (expression: string, rest = `time=${now}`) => `/api/v1/query?query=${encodeURIComponent(expression)}&${rest}`
const range = (expression: string, rest = `start=${start}&end=${start + 100}&step=10`) => `/api/v1/query_range?query=${encodeURIComponent(expression)}&${rest}`
const form = (path: string, body: string): Asked => ({ method: 'POST', path, body, headers: { 'content-type': 'application/x-www-form-urlencoded' } })

describe('query', () => {
  for (const expression of ['m', 'm[30s]', 'numbers[2m]', '1.5', '1e-7', '1e22', '-0', 'NaN', '"a<b&\\u2028"', 'm offset 1m', 'nothing', 'sort(m)', 'topk(3, m)', 'm > bool 3', 'time()']) same(query(expression))
  for (const expression of ['', 'm{', 'm(', 'm +', 'sum(m', '"x', 'm[1m] + 1', 'rate(m)', 'foo(m)', '1 and 2', 'm{} {', '{}', '{a=~".*"}', 'm @ x', 'sum(m) by i, j', 'label_replace(m, "a", "b", "c")']) same(query(expression))
  // What is found in the evaluation.
  for (const expression of [
    'm * on(grp) m{i="1"}', 'label_replace(m, "i", "x", "", "")', 'label_replace(m, "a", "$1", "i", "(")', 'topk(1e40, m)',
    '{__name__="numbers"} + 1 or m{i="1"} + 1', '-{__name__=~"m|numbers",i=~"1?"}', '{__name__=~"m|numbers",i=~"1?"} > bool 0', 'm @ 1e19', 'm offset 1000y', 'm[1000y]', 'scalar(m)', 'vector(scalar(m{i="3"}))',
    'absent(m{i="77",grp=~"a"})', 'count_values("v", m{i=~"1|2"})', 'm and on(i) m{grp="a"}', 'm unless on(i) m{grp="a"}', 'clamp(m, 5, 1)', 'm{i="1"} @ start()', 'sum by (i) (m) / on(i) group_left(t) m', 'min(numbers) or max(numbers)',
    'day_of_year(vector(-1))', 'm % 3', 'm ^ 0.5', 'atan2(1)', '1 atan2 2', 'stdvar(m)', 'quantile(0.3, m)', 'group(m)', 'm == on(i) group_right() m',
  ]) same(query(expression))
  for (const time of ['0', '-1.5', '1.5e9', '2020-01-01T00:00:00Z', '2020-01-01T00:00:00.1239+02:00', 'x', '2020-01-01', '0x10', '1e400']) same(query('1', `time=${encodeURIComponent(time)}`))
  for (const rest of ['timeout=x', 'timeout=1e20', 'timeout=1m', 'timeout=1.5']) same(query('1', `time=5&${rest}`))
  same('/api/v1/query')
  it('may have an URL of 900,000 bytes', async () => {
    const long = query(`m{i=~"${'instance-'.repeat(100_000)}|1"}`)
    const [ours, theirs] = await Promise.all([ask(own, { path: long }), ask(peer, { path: long })])
    expect(ours).toEqual(theirs)
    expect(ours.status).toBe(200)
  })
  same(form('/api/v1/query', `query=m&time=${now}`))
  same(form('/api/v1/query?query=1&time=3', 'query=2'))
  same(form('/api/v1/query?query=1&time=3', 'query=%zz'))
  same('/api/v1/query?query=1;a=b&time=3')
  for (const escaped of ['%22%ff%22', '%60%EF%BF%BD%60', 'm{i=%22a%ff%22}', 'm%23%ff', '%ff']) same(`/api/v1/query?query=${escaped}&time=3`)
  same({ method: 'POST', path: '/api/v1/query?time=7', body: '--x\r\nContent-Disposition: form-data; name="query"\r\n\r\n1+1\r\n--x--\r\n', headers: { 'content-type': 'multipart/form-data; boundary=x' } })
  same({ method: 'POST', path: '/api/v1/query?time=7', body: 'x', headers: { 'content-type': 'multipart/form-data' } })
  same({ method: 'POST', path: '/api/v1/query?time=7&query=3', body: 'query=2', headers: { 'content-type': 'text/plain' } })
})

describe('query_range', () => {
  for (const expression of ['m', '1', 'numbers', 'sum by (grp) (m)', 'nothing', 'vector(1)', 'time()']) same(range(expression))
  for (const rest of ['start=1&end=2', 'start=1&end=2&step=', 'start=&end=2&step=1', 'end=2&step=1', 'start=1&end=x&step=1', 'start=2&end=1&step=1', 'start=1&end=2&step=0', 'start=1&end=2&step=-1', 'start=1&end=2&step=1x', 'start=1&end=2&step=1e30', 'start=0&end=11000&step=1', 'start=0&end=11000.9&step=1', 'start=0&end=11001&step=1', 'start=1&end=100&step=1m30s', 'start=1.25&end=3&step=0.5', 'start=1&end=2&step=1&timeout=x']) same(range('1', rest))
  for (const encoding of ['gzip', 'deflate', 'br, gzip', 'identity', 'br', '*', '']) same({ path: range('m'), headers: { 'accept-encoding': encoding } })
  same(form('/api/v1/query_range', `query=m&start=${start}&end=${start + 20}&step=5`))
})

describe('query_exemplars and format_query', () => {
  for (const rest of ['query=m', 'query=m&start=5&end=4', 'query=m{', '', 'query=m&start=x', 'query=m&end=x']) same(`/api/v1/query_exemplars?${rest}`)
  for (const expression of ['sum(m)by(i)/2', '', 'm(', 'foo{a="<"}', 'a + on(b) group_left(c) d offset 90s', 'quantile_over_time(0.9, m[1h:5m])']) same(`/api/v1/format_query?query=${encodeURIComponent(expression)}`)
  same(form('/api/v1/format_query', 'query=m'))
})

describe('series and labels', () => {
  for (const rest of ['', 'match[]=m', 'match[]=m{i="1"}&match[]=m{grp="a"}', 'match[]={}', 'match[]={a=~".*"}', 'match[]=m[1m]', 'match[]=sum(m)', 'match[]=m offset 5m', 'match[]=1', 'match[]=m&start=x', 'match[]=m&end=x', 'match[]=m&start=5&end=4', 'match[]=numbers&start=0&end=1000', `match[]=numbers&start=${start}&end=${start + 5}`, 'match[]=%zz', 'match[]=sum']) {
    same(`/api/v1/series?${rest.replaceAll(' ', '%20')}`)
  }
  same(form('/api/v1/series', 'match[]=numbers'))
  for (const rest of ['', 'match[]=m', 'match[]=nothing', 'match[]={}', 'match[]=m{', 'start=x', 'end=x', 'start=5&end=4', 'match[]=m&match[]=up']) same(`/api/v1/labels?${rest}`)
  same(form('/api/v1/labels', 'match[]=m'))
  for (const rest of ['i/values', 'nothing/values', 't/values', '__name__/values?match[]=m', 'i/values?match[]=m{grp="a"}&match[]=m{i="2"}', 'i/values?match[]={}', 'i/values?match[]=m{', 'i/values?start=5&end=4', 'i/values?start=x', 'i']) same(`/api/v1/label/${rest}`)
})

describe('targets, metadata, rules', () => {
  for (const rest of ['metric=nothing', 'limit=x', 'limit=0']) same(`/api/v1/metadata?${rest}`)
  for (const rest of ['', 'metric=temperature', 'metric=nothing', 'match_target={job="exporter"}', 'match_target={job="exporter"}&limit=1', 'match_target={job="x"}', 'match_target={', 'limit=x', 'limit=0', 'limit=-1']) same(`/api/v1/targets/metadata?${rest}`)
  for (const rest of ['type=alert', 'type=x']) same(`/api/v1/rules?${rest}`)
  for (const path of ['scrape_pools', 'alerts', 'alertmanagers', 'status/walreplay']) same(`/api/v1/${path}`)
})

describe('everything around', () => {
  same('/api/v1/nothing')
  same('/nothing')
  for (const [method, path] of [['PUT', '/api/v1/query'], ['POST', '/api/v1/label/i/values'], ['POST', '/api/v1/rules'], ['GET', '/api/v1/write'], ['GET', '/api/v1/read'], ['POST', '/federate'], ['POST', '/-/healthy'], ['GET', '/api/v1/admin/tsdb/snapshot'], ['PATCH', '/api/v1/labels'], ['PROPFIND', '/api/v1/labels']] as const) same({ method, path })
  for (const name of ['delete_series?match[]=m', 'snapshot', 'clean_tombstones']) same({ method: 'POST', path: `/api/v1/admin/tsdb/${name}` })
  for (const path of ['/-/ready', '/metrics', '/federate', '/api/v1/status/config']) for (const method of ['OPTIONS', 'DELETE']) same({ method, path })
  for (const path of ['/%zz', '/%ff', '/api/v1/label/%ff/values', '/api/v1/label/%zz/values', '/api/v1/nothing%ff']) same(path)
  for (const path of ['/-/reload', '/-/quit']) for (const method of ['POST', 'GET']) same({ method, path })
  same({ method: 'OPTIONS', path: '/api/v1/query' })
  for (const origin of ['http://a.example', 'https://b.example', 'http://c.example', 'http://a.example.org']) {
    same({ path: query('1'), headers: { origin } })
    same({ method: 'OPTIONS', path: '/api/v1/anything/else', headers: { origin } })
  }
  for (const path of ['/-/healthy', '/-/ready', '//api/v1/query?query=1', '/api//v1/../v1/labels?match[]=m', '/metrics/', '/-/ready/']) same(path)
})

describe('what 2.42 does not have', () => {
  it('is refused where a flag must ask for it', async () => {
    expect(await ask(own, { method: 'POST', path: '/api/v1/otlp/v1/metrics' })).toMatchObject({ status: 404, body: 'otlp write receiver needs to be enabled with --web.enable-otlp-receiver\n' })
    for (const kind of ['metric_names', 'label_names', 'label_values']) {
      expect(await ask(own, { path: `/api/v1/search/${kind}` })).toMatchObject({ status: 500, body: '{"status":"error","errorType":"unavailable","error":"search API disabled"}' })
    }
  })
})

describe('federate', () => {
  for (const rest of ['', 'match[]=m', 'match[]=m{', 'match[]=numbers&match[]=temperature', 'match[]={job="exporter",__name__!~"scrape_duration.*|ALERTS_.*"}&match[]=h_bucket', 'match[]={__name__=~"m|h_.*"}', 'match[]={}']) same(`/federate?${rest}`)
})
