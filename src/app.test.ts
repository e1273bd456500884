// The HTTP API on a whole app: real storage, scrapes of a real server, real rules, requests without a socket. Shapes are
// compared with what Prometheus prints; what changes from run to run is replaced first.

import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, get as startGet, request as startRequest } from 'node:http'
import type { IncomingMessage, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { until } from '../test/helpers/until.ts'
import { createApp, type App } from './app.ts'
import { ConfigError } from './base/config/yaml.ts'
import { createLogger } from './base/log.ts'
import { loadConfig } from './config/config.ts'
import { createConfigChecks } from './config/configChecks.ts'
import { checksumConfig } from './config/configChecksum.ts'
import { parseFlags } from './flags/flags.ts'

const dir = mkdtempSync(join(tmpdir(), 'solowatch-app-'))
const logged: string[] = []
let exporter: Server
let exporterPort = 0
let app: App

const configText = (extra = '') => `global:
  scrape_interval: 1s
  evaluation_interval: 1s
  external_labels: { site: lab }
scrape_configs:
  - job_name: exporter
    basic_auth: { username: u, password: hunter2 }
    static_configs: [{ targets: ['127.0.0.1:${exporterPort}'], labels: { room: office } }]
  - job_name: dropped
    static_configs: [{ targets: ['127.0.0.1:1'] }]
    relabel_configs: [{ action: drop, source_labels: [__address__], regex: '.*' }]
rule_files: [rules.yml]
alerting:
  alertmanagers:
    - path_prefix: /am
      static_configs: [{ targets: ['127.0.0.1:1'] }]
${extra}`

const rules = `groups:
  - name: g
    rules:
      - record: job:temperature:max
        expr: max by (job) (temperature)
      - alert: Hot
        expr: temperature > 20
        labels: { severity: page }
        annotations: { summary: '{{ $labels.instance }} is at {{ $value }}' }
      - alert: Freezing
        expr: temperature < 0
        for: 1m30s
`

beforeAll(async () => {
  exporter = createServer((_, response) => {
    response.setHeader('content-type', 'text/plain; version=0.0.4')
    response.end('# HELP temperature Of the room.\n# TYPE temperature gauge\ntemperature 21.5\n# TYPE visits_total counter\nvisits_total 3\n')
  })
  await new Promise<void>((done) => exporter.listen(0, '127.0.0.1', done))
  exporterPort = (exporter.address() as AddressInfo).port // it listens on TCP
  mkdirSync(dir, { recursive: true })
  writeFileSync(join(dir, 'prometheus.yml'), configText())
  writeFileSync(join(dir, 'rules.yml'), rules)
  writeFileSync(join(dir, 'alertmanager.yml'), 'route: {receiver: r}\nreceivers: [{name: r}]\n')
  const command = parseFlags([
    `--config.file=${join(dir, 'prometheus.yml')}`,
    `--alertmanager.config.file=${join(dir, 'alertmanager.yml')}`,
    `--storage.tsdb.path=${join(dir, 'data')}`,
    '--web.listen-address=127.0.0.1:0',
    '--web.enable-lifecycle',
    '--enable-feature=search-api',
    '--web.enable-otlp-receiver',
    '--web.search.max-limit=200',
  ])
  if (command.kind !== 'run') throw new Error('expected options')
  const sources = { prometheus: { file: join(dir, 'prometheus.yml') }, alertmanager: { file: join(dir, 'alertmanager.yml') }, environment: {}, features: [] }
  const load = () => loadConfig(sources, createConfigChecks([]))
  app = await createApp(await load(), command.options, {
    logger: createLogger({ level: 'debug', format: 'logfmt', write: (line) => void logged.push(line) }),
    loadConfig: load,
    configChecksum: () => checksumConfig([sources.prometheus, sources.alertmanager]),
    quit: () => {},
  })
  await until('recorded', async () => (await getData('/api/v1/query?query=job:temperature:max')).result.length === 1)
  await until('alerting', async () => (await getData('/api/v1/alerts')).alerts.length === 1)
}, 40_000)

afterAll(async () => {
  await app?.stop()
  exporter?.closeAllConnections()
  exporter?.close()
  rmSync(dir, { recursive: true, force: true })
})

const get = (url: string, headers: Record<string, string> = {}) => app.server.inject({ method: 'GET', url, headers })

// JSON of many shapes; what it is compared with says which.
type Json = any

async function getData(url: string): Promise<Json> {
  return (await get(url)).json().data
}

const form = (url: string, body: string) =>
  app.server.inject({ method: 'POST', url, headers: { 'content-type': 'application/x-www-form-urlencoded' }, payload: body })

const isTime = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/)
const isNumber = expect.any(Number)

describe('queries', () => {
  it('answer GET and POST alike', async () => {
    const byGet = (await get('/api/v1/query?query=max(temperature)&time=9999999999')).json()
    const byPost = (await form('/api/v1/query', 'query=max(temperature)&time=9999999999')).json()
    expect(byPost).toEqual(byGet)
    expect((await form('/api/v1/query', 'query=1%2B1&time=1700000000.123')).body).toBe(
      '{"status":"success","data":{"resultType":"scalar","result":[1700000000.123,"2"]}}',
    )
  })

  it('do not look at the body of a GET', async () => {
    const { host, port } = app.server.addresses[0] ?? { host: '', port: 0 }
    const body = 'query=2'
    const headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': body.length }
    const [answer] = (await once(startRequest({ host, port, path: '/api/v1/query?query=1', headers, agent: false }).end(body), 'response')) as [IncomingMessage]
    expect(await json(answer)).toMatchObject({ data: { result: [expect.any(Number), '1'] } })
  })

  it('give a matrix for a range', async () => {
    const nowSeconds = Math.floor(Date.now() / 1000)
    const answer = await form('/api/v1/query_range', `query=vector(1)&start=${nowSeconds - 10}&end=${nowSeconds}&step=5s`)
    expect(answer.json()).toEqual({
      status: 'success',
      data: { resultType: 'matrix', result: [{ metric: {}, values: [[nowSeconds - 10, '1'], [nowSeconds - 5, '1'], [nowSeconds, '1']] }] },
    })
  })

  it('arrive whole at a slow reader, and harm nobody when a reader leaves in the middle', async () => {
    const { host, port } = app.server.addresses[0] ?? { host: '', port: 0 }
    // 11,000 points each of some series with long names.
    const series = Array.from({ length: 20 }, (_, i) => `label_replace(vector(time()), "name", "${'x'.repeat(50)}${i}", "", "")`).join(' or ')
    const path = `/api/v1/query_range?query=${encodeURIComponent(series)}&start=0&end=10999&step=1`
    const open = (headers = {}) =>
      new Promise<IncomingMessage>((done) => {
        startGet({ host, port, path, headers, agent: false }, done)
      })
    for (let i = 0; i < 3; i++) {
      const left = await open()
      await once(left, 'data')
      left.destroy()
      const pieces: Buffer[] = []
      for await (const piece of await open()) {
        pieces.push(piece as Buffer)
        await new Promise((done) => setImmediate(done))
      }
      const answer = JSON.parse(Buffer.concat(pieces).toString()) as { data: { result: { values: [number, string][] }[] } }
      expect(answer.data.result).toHaveLength(20)
      for (const { values } of answer.data.result) expect(values.every(([seconds, value], k) => values.length === 11_000 && seconds === k && value === String(k))).toBe(true)
      const packed: Buffer[] = []
      for await (const piece of await open({ 'accept-encoding': 'gzip' })) packed.push(piece as Buffer)
      expect(gunzipSync(Buffer.concat(packed)).equals(Buffer.concat(pieces))).toBe(true)
    }
  })

  it('take the lookback of the server for one that is none', async () => {
    for (const lookback of ['0', '-5', '0s']) expect((await getData(`/api/v1/query?query=count(temperature)&lookback_delta=${lookback}`)).result).toHaveLength(1)
  })

  it('without time end in the queue', async () => {
    const answer = await get('/api/v1/query?query=1&timeout=0')
    expect([answer.statusCode, answer.json().error]).toEqual([503, 'query timed out in query queue'])
  })

  it('warn of values of stats that are only taken for now', async () => {
    const answer = (await get('/api/v1/query?query=1&stats=yes')).json()
    expect(answer).toMatchObject({ data: { stats: { samples: { peakSamples: 0 } } }, warnings: ['the value "yes" of parameter "stats" is deprecated, use "true" or "all"'] })
    for (const stats of ['', 'true', 'all']) expect((await get(`/api/v1/query?query=1&stats=${stats}`)).json().warnings).toBe(undefined)
  })

  const refuses = (url: string, status: number, body: Record<string, unknown>) =>
    it(`refuse ${url}`, async () => {
      const answer = await get(url)
      expect([answer.statusCode, answer.json()]).toEqual([status, { status: 'error', ...body }])
    })
  refuses('/api/v1/query?query=up&time=x', 400, { errorType: 'bad_data', error: `invalid parameter "time": Invalid time value for 'time': cannot parse "x" to a valid timestamp` })
  refuses('/api/v1/query_range?query=up&start=1&end=2', 400, { errorType: 'bad_data', error: 'invalid parameter "step": cannot parse "" to a valid duration' })
  refuses('/api/v1/query_range?query=up&start=2&end=1&step=1', 400, { errorType: 'bad_data', error: 'invalid parameter "end": end timestamp must not be before start time' })
  refuses('/api/v1/series', 400, { errorType: 'bad_data', error: 'no match[] parameter provided' })

  it('print a query again', async () => {
    expect((await get('/api/v1/format_query?query=sum(up)by(job)')).json()).toEqual({ status: 'success', data: 'sum by (job) (up)' })
    expect((await get('/api/v1/parse_query?query=1')).json()).toEqual({ status: 'success', data: { type: 'numberLiteral', val: '1' } })
  })
})

describe('the description of the API', () => {
  it('names every route once, with what it takes', async () => {
    const answer = await get('/api/v1/openapi.yaml')
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([200, 'application/yaml; charset=utf-8'])
    const document: Json = parse(answer.body)
    expect(document.openapi).toBe('3.1.0')
    expect(parse((await get('/api/v1/openapi.yaml?openapi_version=3.2')).body)).toEqual({ ...document, openapi: '3.2.0' })
    expect(document.servers).toEqual([{ url: '/api/v1' }])
    const operations: [method: string, path: string, operation: Json][] = Object.entries<Json>(document.paths).flatMap(([path, methods]) =>
      Object.entries<Json>(methods).map(([method, operation]): [string, string, Json] => [method, path, operation]),
    )
    const ids = operations.map(([, , { operationId }]) => operationId)
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids).toEqual(expect.arrayContaining(['getQuery', 'postQueryRange', 'getLabelNameValues', 'putAdminTsdbDeleteSeries', 'postWrite', 'getStatusTsdbBlocks']))
    const { parameters } = document.paths['/query_range'].get
    expect(parameters.filter((one: Json) => one.required).map((one: Json) => one.name)).toEqual(['query', 'start', 'end', 'step'])
    expect(document.paths['/query'].post.requestBody.content['application/x-www-form-urlencoded'].schema.required).toEqual(['query'])
    for (const [method, path] of operations) {
      if (path === '/notifications/live' || method !== 'get') continue
      expect((await get(`/api/v1${path.replace('{name}', 'job')}`)).headers['content-type'], path).not.toContain('text/plain; charset=utf-8')
    }
  })
})

describe('labels and series', () => {
  it('list what is stored', async () => {
    expect(await getData('/api/v1/labels?match[]=temperature')).toEqual(['__name__', 'instance', 'job', 'room'])
    expect(await getData('/api/v1/label/room/values')).toEqual(['office'])
    expect(await getData(`/api/v1/series?${new URLSearchParams({ 'match[]': 'temperature' }).toString()}`)).toEqual([
      { __name__: 'temperature', instance: `127.0.0.1:${exporterPort}`, job: 'exporter', room: 'office' },
    ])
  })
})

describe('OTLP', () => {
  it('is received and can be queried', async () => {
    const dataPoints = [{ timeUnixNano: `${BigInt(Date.now()) * 1_000_000n}`, asInt: '5' }]
    const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }, { key: 'zone', value: { stringValue: 'z1' } }] }
    const payload = { resourceMetrics: [{ resource, scopeMetrics: [{ metrics: [{ name: 'orders', sum: { aggregationTemporality: 2, isMonotonic: true, dataPoints } }] }] }] }
    const answer = await app.server.inject({ method: 'POST', url: '/api/v1/otlp/v1/metrics', headers: { 'content-type': 'application/json' }, payload: JSON.stringify(payload) })
    expect([answer.statusCode, answer.body]).toEqual([200, ''])
    const query = encodeURIComponent('orders_total * on (job) group_left (zone) target_info')
    expect((await getData(`/api/v1/query?query=${query}`)).result).toMatchObject([{ metric: { job: 'shop', zone: 'z1' }, value: [isNumber, '5'] }])
  })
})

describe('search', () => {
  const linesOf = async (url: string): Promise<Json[]> => {
    const answer = await get(url)
    expect(answer.headers['content-type']).toBe('application/x-ndjson; charset=utf-8')
    return answer.body.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line))
  }

  it('finds metrics with what is known of them', async () => {
    expect(await linesOf('/api/v1/search/metric_names?search[]=temp&include_metadata=true')).toEqual([
      { results: [{ name: 'job:temperature:max' }, { name: 'temperature', type: 'gauge', help: 'Of the room.' }] },
      { status: 'success', has_more: false },
    ])
    expect((await form('/api/v1/search/metric_names', 'search[]=temp&sort_by=score&include_score=true&limit=1')).body).toBe(
      '{"results":[{"name":"temperature","score":0.9363636363636364}]}\n{"status":"success","has_more":true}\n',
    )
  })

  it('finds label names and values, in batches', async () => {
    expect(await linesOf('/api/v1/search/label_names?match[]=temperature&batch_size=3')).toEqual([
      { results: [{ name: '__name__' }, { name: 'instance' }, { name: 'job' }] }, { results: [{ name: 'room' }] }, { status: 'success', has_more: false },
    ])
    expect(await linesOf('/api/v1/search/label_values?label=room&search[]=OFF&case_sensitive=false')).toEqual([{ results: [{ value: 'office' }] }, { status: 'success', has_more: false }])
    expect(await linesOf('/api/v1/search/label_values?label=room&start=1&end=2')).toEqual([{ status: 'success', has_more: false }])
  })

  for (const rest of ['label_values', 'metric_names?limit=0', 'metric_names?limit=201', 'metric_names?fuzz_threshold=101', 'metric_names?fuzz_alg=x', 'metric_names?sort_by=score&sort_dir=dsc', 'metric_names?start=2&end=1', 'metric_names?match[]={', `metric_names?${'search[]=a&'.repeat(33)}`, 'metric_names?batch_size=x']) {
    it(`refuses ${rest.slice(0, 60)}`, async () => {
      const answer = await get(`/api/v1/search/${rest}`)
      expect([answer.statusCode, answer.json().errorType]).toEqual([400, 'bad_data'])
    })
  }
})

describe('targets', () => {
  it('have the shape of Prometheus', async () => {
    const data = await getData('/api/v1/targets')
    expect(data).toEqual({
      activeTargets: [
        {
          discoveredLabels: expect.objectContaining({ __address__: `127.0.0.1:${exporterPort}`, __scrape_interval__: '1s', job: 'exporter', room: 'office' }),
          labels: { instance: `127.0.0.1:${exporterPort}`, job: 'exporter', room: 'office' },
          scrapePool: 'exporter',
          scrapeUrl: `http://127.0.0.1:${exporterPort}/metrics`,
          globalUrl: expect.stringContaining(`:${exporterPort}/metrics`),
          lastError: '',
          lastScrape: isTime,
          lastScrapeDuration: isNumber,
          health: 'up',
          scrapeInterval: '1s',
          scrapeTimeout: '1s',
        },
      ],
      droppedTargets: [{ discoveredLabels: expect.objectContaining({ __address__: '127.0.0.1:1' }), scrapePool: 'dropped' }],
      droppedTargetCounts: { dropped: 1, exporter: 0 },
    })
    expect(await getData('/api/v1/targets?state=Active')).toMatchObject({ droppedTargets: [], droppedTargetCounts: null })
    expect(await getData('/api/v1/targets?state=other')).toMatchObject({ activeTargets: [], droppedTargets: [] })
  })

  it('tell their metadata', async () => {
    expect(await getData('/api/v1/metadata?metric=temperature')).toEqual({ temperature: [{ type: 'gauge', unit: '', help: 'Of the room.' }] })
    expect(await getData('/api/v1/targets/metadata?metric=visits_total')).toEqual([
      { target: { instance: `127.0.0.1:${exporterPort}`, job: 'exporter', room: 'office' }, type: 'counter', help: '', unit: '' },
    ])
    expect(Object.keys(await getData('/api/v1/metadata?limit=1'))).toHaveLength(1)
    expect((await get('/api/v1/metadata?limit=x')).json()).toMatchObject({ errorType: 'bad_data', error: 'limit must be a number' })
  })

  it('show pools, their configuration and each step of relabelling', async () => {
    expect(await getData('/api/v1/scrape_pools')).toEqual({ scrapePools: ['dropped', 'exporter'] })
    const { yaml } = await getData('/api/v1/scrape_pools/config?scrapePool=exporter')
    expect(yaml).toContain('job_name: exporter')
    expect(yaml).not.toContain('hunter2')
    expect((await get('/api/v1/scrape_pools/config?scrapePool=none')).statusCode).toBe(400)
    const labels = encodeURIComponent('{"__address__":"h:1"}')
    expect(await getData(`/api/v1/targets/relabel_steps?scrapePool=dropped&labels=${labels}`)).toEqual({
      steps: [{ rule: { source_labels: ['__address__'], separator: ';', regex: '.*', replacement: '$1', action: 'drop' }, output: {}, keep: false }],
    })
  })
})

describe('rules', () => {
  const rulesFile = join(dir, 'rules.yml')

  it('have the shape of Prometheus', async () => {
    const evaluated = { health: 'ok', evaluationTime: isNumber, lastEvaluation: isTime }
    const labels = { alertname: 'Hot', instance: `127.0.0.1:${exporterPort}`, job: 'exporter', room: 'office', severity: 'page' }
    const alert = { labels, annotations: { summary: `127.0.0.1:${exporterPort} is at 21.5` }, state: 'firing', activeAt: isTime, value: '2.15e+01' }
    await expect.poll(async () => (await getData('/api/v1/rules')).groups[0].rules[2].health).toBe('ok')
    expect(await getData('/api/v1/rules')).toEqual({
      groups: [
        {
          name: 'g',
          file: rulesFile,
          rules: [
            { name: 'job:temperature:max', query: 'max by (job) (temperature)', labels: {}, ...evaluated, type: 'recording' },
            {
              state: 'firing',
              name: 'Hot',
              query: 'temperature > 20',
              duration: 0,
              keepFiringFor: 0,
              labels: { severity: 'page' },
              annotations: { summary: '{{ $labels.instance }} is at {{ $value }}' },
              alerts: [alert],
              ...evaluated,
              type: 'alerting',
            },
            { state: 'inactive', name: 'Freezing', query: 'temperature < 0', duration: 90, keepFiringFor: 0, labels: {}, annotations: {}, alerts: [], ...evaluated, type: 'alerting' },
          ],
          interval: 1,
          limit: 0,
          evaluationTime: isNumber,
          lastEvaluation: isTime,
        },
      ],
    })
    expect(await getData('/api/v1/alerts')).toEqual({ alerts: [alert] })
  })

  it('can be filtered and paged', async () => {
    const namesOf = async (query: string) => (await getData(`/api/v1/rules?${query}`)).groups.flatMap((group: Json) => group.rules.map((rule: Json) => rule.name))
    expect(await namesOf('type=record')).toEqual(['job:temperature:max'])
    expect(await namesOf('type=alert&rule_name[]=Hot')).toEqual(['Hot'])
    expect(await namesOf(`match[]=${encodeURIComponent('{severity="page"}')}`)).toEqual(['Hot'])
    expect(await namesOf('file[]=other')).toEqual([])
    expect((await getData('/api/v1/rules?type=alert&exclude_alerts=true')).groups[0].rules[0].alerts).toBe(null)
    expect((await getData('/api/v1/rules?group_limit=1')).groupNextToken).toBe(undefined)
    expect((await get('/api/v1/rules?group_limit=1&group_next_token=x')).json().error).toBe("invalid group_next_token 'x'. were rule groups changed?")
    expect((await get('/api/v1/rules?type=other')).statusCode).toBe(400)
  })

  it('send alerts to the built-in Alertmanager and to the external ones', async () => {
    expect(await getData('/api/v1/alertmanagers')).toEqual({
      activeAlertmanagers: [{ url: 'http://127.0.0.1:1/am/api/v2/alerts' }],
      droppedAlertmanagers: [],
    })
    await expect.poll(async () => (await get('/api/v2/alerts')).json().map((alert: Json) => alert.labels.alertname)).toEqual(['Hot'])
    expect((await get('/api/v2/status')).json().config.original).toContain('receiver: r')
    expect((await get('/api/v1/silences')).statusCode).toBe(410)
  })
})

describe('status', () => {
  it('tells build, flags, runtime, storage and configuration', async () => {
    expect((await getData('/api/v1/status/buildinfo')).version).toMatch(/^3\.14\.0\+solowatch\.\d+\.\d+\.\d+$/)
    expect(await getData('/api/v1/status/flags')).toMatchObject({ 'web.enable-lifecycle': 'true', 'query.timeout': '2m' })
    expect(await getData('/api/v1/status/runtimeinfo')).toMatchObject({ CWD: process.cwd(), reloadConfigSuccess: true, lastConfigTime: isTime, storageRetention: '15d', corruptionCount: 0 })
    const tsdb = await getData('/api/v1/status/tsdb?limit=2')
    expect(tsdb.headStats.numSeries).toBeGreaterThan(5)
    expect(tsdb.seriesCountByMetricName).toHaveLength(2)
    expect((await get('/api/v1/status/tsdb?limit=0')).statusCode).toBe(400)
    const { yaml } = await getData('/api/v1/status/config')
    expect(yaml).toContain('password: <secret>')
    expect(yaml).not.toContain('hunter2')
    expect(await getData('/api/v1/status/tsdb/blocks')).toEqual({ blocks: [] })
    expect(await getData('/api/v1/status/self_metrics?metric_name_pattern=nodejs_version.*')).toEqual([
      { name: 'nodejs_version_info', help: expect.any(String), type: 'GAUGE', metric: [{ label: [{ name: 'version', value: process.version }], gauge: { value: 1 } }] },
    ])
    const [requests] = await getData('/api/v1/status/self_metrics?metric_name_pattern=prometheus_http_request_duration_seconds')
    expect(requests).toMatchObject({ type: 'HISTOGRAM', metric: expect.arrayContaining([{ label: [{ name: 'handler', value: '/api/v1/query' }], histogram: expect.objectContaining({ bucket: expect.arrayContaining([{ cumulativeCount: expect.stringMatching(/^[0-9]+$/), upperBound: 'Infinity' }]) }) }]) })
    expect((await get('/api/v1/status/self_metrics?metric_name_pattern=(')).json()).toMatchObject({ errorType: 'bad_data' })
    const features = await getData('/api/v1/features')
    expect(features).toMatchObject({
      promql: { subqueries: true },
      promql_functions: { abs: true, rate: true, info: false, start_timestamp: false },
      promql_operators: { '<': true, sum: true, limitk: false },
      templating_functions: { humanize: true, query: true },
      scrape: { native_histograms: true },
    })
    expect((await get('/api/v1/features')).body).toContain('"<=":true')
  })

  it('refuses the admin endpoints without their flag', async () => {
    const answer = await app.server.inject({ method: 'POST', url: '/api/v1/admin/tsdb/clean_tombstones' })
    expect([answer.statusCode, answer.json()]).toEqual([500, { status: 'error', errorType: 'unavailable', error: 'admin APIs disabled' }])
  })
})

describe('own metrics and federation', () => {
  it('have the names that dashboards know', async () => {
    const text = (await get('/metrics')).body
    for (const name of [
      'prometheus_build_info',
      'prometheus_config_last_reload_successful 1',
      'prometheus_config_last_reload_success_timestamp_seconds',
      'prometheus_http_requests_total{handler="/api/v1/query",code="200"}',
      'process_cpu_seconds_total',
      'process_resident_memory_bytes',
      'prometheus_ready 1',
      'process_virtual_memory_bytes',
      'process_start_time_seconds',
      'solowatch_event_loop_delay_seconds{quantile="0.99"}',
      'prometheus_notifications_alertmanagers_discovered',
    ]) {
      expect(text).toContain(name)
    }
  })

  it('give the last sample with external labels', async () => {
    const answer = await get('/federate?match[]=temperature')
    expect(answer.headers['content-type']).toContain('text/plain; version=0.0.4')
    expect(answer.body).toMatch(/^# TYPE temperature untyped\ntemperature\{instance="127\.0\.0\.1:\d+",job="exporter",room="office",site="lab"\} 21\.5 \d+\n$/)
  })
})

describe('reload', () => {
  const reload = () => app.server.inject({ method: 'POST', url: '/-/reload' })
  const metric = async (name: string) => Number(new RegExp(`^${name} (.*)$`, 'm').exec((await get('/metrics')).body)?.[1])

  it('keeps the old configuration when the new one is wrong', async () => {
    const before = await getData('/api/v1/status/config')
    writeFileSync(join(dir, 'prometheus.yml'), configText('unknown_key: 1\n'))
    const answer = await reload()
    expect(answer.statusCode).toBe(500)
    expect(answer.body).toContain('unknown_key: unknown key')
    expect(await getData('/api/v1/status/config')).toEqual(before)
    expect(await metric('prometheus_config_last_reload_successful')).toBe(0)
    expect(await getData('/api/v1/notifications')).toMatchObject([{ text: 'Configuration reload has failed.' }])
    await expect(app.reload()).rejects.toThrow(ConfigError)
  })

  it('keeps everything old when one part refuses late', async () => {
    writeFileSync(join(dir, 'prometheus.yml'), configText('storage: { tsdb: { out_of_order_time_window: 1h } }\n'))
    writeFileSync(join(dir, 'bad.tmpl'), '{{ define "x" }}{{ nothing }}{{ end }}')
    writeFileSync(join(dir, 'alertmanager.yml'), 'route: {receiver: r}\nreceivers: [{name: r}]\ntemplates: [bad.tmpl]\n')
    const answer = await reload()
    expect(answer.statusCode).toBe(500)
    expect(answer.body).toContain('bad.tmpl')
    expect((await getData('/api/v1/status/config')).yaml).not.toContain('out_of_order_time_window')
  })

  it('takes the new configuration when it is right', async () => {
    writeFileSync(join(dir, 'alertmanager.yml'), 'route: {receiver: r2}\nreceivers: [{name: r2}]\n')
    writeFileSync(join(dir, 'prometheus.yml'), configText('storage: { tsdb: { retention: { time: 90d, size: 1GB } } }\n').replace('job_name: dropped', 'job_name: renamed'))
    expect((await reload()).statusCode).toBe(200)
    expect(await getData('/api/v1/scrape_pools')).toEqual({ scrapePools: ['exporter', 'renamed'] })
    expect((await get('/api/v2/receivers')).json()).toMatchObject([{ name: 'r2' }])
    expect(await metric('prometheus_config_last_reload_successful')).toBe(1)
    expect(await getData('/api/v1/notifications')).toEqual([])
    expect((await getData('/api/v1/status/runtimeinfo')).storageRetention).toBe('90d or 1GiB')
  })
})

describe('secrets', () => {
  it('are in no log line', () => {
    expect(logged.length).toBeGreaterThan(0)
    expect(logged.filter((line) => line.includes('hunter2'))).toEqual([])
  })
})
