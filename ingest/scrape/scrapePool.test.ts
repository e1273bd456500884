import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createLogger, silentLogger } from '../../src/base/log.ts'
import { defaultRelabelConfig } from '../../src/base/config/relabelConfig.ts'
import { MetricRegistry } from '../../src/base/selfMetrics.ts'
import type { Labels } from '../../storage/model/labels.ts'
import { createMemorySink, type MemorySink } from '../../test/helpers/scraping/memoryScrapeSink.ts'
import { scrapeConfig } from '../../test/helpers/scraping/scrapeConfig.ts'
import { createDiscovery } from '../discovery/discovery.ts'
import { EventTurn } from './timing/eventTurn.ts'
import { LoggedScrapes } from './loggedScrapes.ts'
import { ScrapeClock } from './timing/scrapeClock.ts'
import type { ScrapeConfig } from './job/scrapeConfig.ts'
import { prepareJob } from './job/scrapeJob.ts'
import { createScrapeMetrics } from './job/scrapeMetrics.ts'
import { ScrapePool } from './scrapePool.ts'
import { SlotWidth } from './timing/slotWidth.ts'

const textType = 'text/plain; version=0.0.4; charset=utf-8'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** A target whose answers a test sets; counts what it is asked. */
class TestTarget {
  readonly requests: IncomingMessage[] = []
  answer: Answer = (_, response) => response.writeHead(200, { 'content-type': textType }).end('a 1\n')
  readonly #server: Server

  constructor() {
    this.#server = createServer((request, response) => {
      this.requests.push(request)
      this.answer(request, response)
    })
  }
  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
  }
  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}` // it listens on a port
  }
  says(body: string | Buffer, headers: Record<string, string> = { 'content-type': textType }, status = 200): void {
    this.answer = (_, response) => response.writeHead(status, headers).end(body)
  }
  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

let target: TestTarget
let sink: MemorySink
let pool: ScrapePool | undefined
let registry: MetricRegistry
let log: string[]
let slots: SlotWidth

const intervalMs = 60

function config(over: Partial<ScrapeConfig> = {}): ScrapeConfig {
  const discovery = [{ kind: 'static' as const, groups: [{ targets: [target.address], labels: { instance: 'i' } }] }]
  return scrapeConfig({ scrapeIntervalMs: intervalMs, scrapeTimeoutMs: intervalMs, discovery, ...over })
}

function start(over: Partial<ScrapeConfig> = {}): ScrapePool {
  registry = new MetricRegistry()
  log = []
  slots = new SlotWidth()
  const logger = createLogger({ level: 'info', format: 'logfmt', write: (line) => log.push(line) })
  pool = new ScrapePool(prepareJob(config(over)), 'seed', {
    sink, clock: new ScrapeClock(), turn: new EventTurn(), slots, logged: new LoggedScrapes(), logger, metrics: createScrapeMetrics(registry), discovery: createDiscovery({ registry, logger: silentLogger, userAgent: 'test', reloadIntervalMs: 0 }),
    userAgent: 'Prometheus/3.14.0', timestampToleranceMs: 2, created: {}, addsTypeAndUnit: false,
  })
  return pool
}

/** The values of a series, without their times. */
const values = (name: string, labels = 'instance="i", job="j"') => (sink.series()[`${name}{${labels}}`] ?? []).map((one) => one.split(' ')[1])

/** Waits until a series has `count` samples. */
async function scraped(count: number, name = 'up'): Promise<void> {
  await expect.poll(() => values(name).length, { interval: 5, timeout: 5000 }).toBeGreaterThanOrEqual(count)
}
const status = () => [...(pool?.loops() ?? [])][0]?.status()
const metric = (name: string) => Number(new RegExp(`^${name}(?:\\{.*\\})? (.*)$`, 'm').exec(registry.print())?.[1])

beforeEach(async () => {
  target = new TestTarget()
  await target.listen()
  sink = createMemorySink()
})

afterEach(async () => {
  await pool?.stop(true)
  pool = undefined
  await target.close()
  expect(sink.openCaches).toBe(0)
})

describe('a scrape', () => {
  it('asks as Prometheus does', async () => {
    start({ params: { x: ['1'] }, scrapeTimeoutMs: 50 })
    await scraped(1)
    const [request] = target.requests
    expect(request?.url).toBe('/metrics?x=1')
    expect(request?.headers).toMatchObject({
      accept: 'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.4',
      'accept-encoding': 'gzip',
      'user-agent': 'Prometheus/3.14.0',
      'x-prometheus-scrape-timeout-seconds': '0.05',
    })
  })

  it('stores samples and reports', async () => {
    target.says('a 1\nb{x="y"} 2\n')
    start()
    await scraped(2)
    expect(values('a')[0]).toBe('1')
    expect(values('b', 'instance="i", job="j", x="y"')[0]).toBe('2')
    expect(['up', 'scrape_samples_scraped', 'scrape_samples_post_metric_relabeling', 'scrape_series_added'].map((name) => values(name).slice(0, 2))).toEqual([
      ['1', '1'], ['2', '2'], ['2', '2'], ['2', '0'],
    ])
    expect(Number(values('scrape_duration_seconds')[0])).toBeGreaterThan(0)
    expect(status()).toMatchObject({ health: 'up', lastError: '', scrapePool: 'j', scrapeUrl: `http://${target.address}/metrics` })
  })

  it('takes no longer when the answer of another target comes at the same time', async () => {
    const waiting: { readonly path: string; readonly sinceMs: number; readonly response: ServerResponse }[] = []
    const tookSeconds = new Map<string, number>()
    target.answer = ({ url = '' }, response) => {
      if (tookSeconds.size > 0) return void response.end()
      waiting.push({ path: url, sinceMs: performance.now(), response })
      if (waiting.length < 2) return
      for (const { path, sinceMs } of waiting) tookSeconds.set(path, (performance.now() - sinceMs) / 1000)
      for (const one of waiting) one.response.writeHead(200, { 'content-type': textType }).end('a 1\n')
    }
    // Whoever is first has to be looked at for half a second.
    let isFirst = true
    const refOf = sink.refOf
    const slow = (labels: Labels) => {
      for (const untilMs = performance.now() + (isFirst ? 500 : 0); performance.now() < untilMs; );
      isFirst = false
      return refOf(labels)
    }
    sink = { ...sink, refOf: slow }
    const discovery = ['/1', '/2'].map((path) => ({ kind: 'static' as const, groups: [{ targets: [target.address], labels: { instance: path, __metrics_path__: path } }] }))
    start({ scrapeIntervalMs: 5000, scrapeTimeoutMs: 5000, discovery })
    const ownSeconds = () => ['/1', '/2'].map((path) => Number(values('scrape_duration_seconds', `instance="${path}", job="j"`)[0] ?? NaN) - (tookSeconds.get(path) ?? NaN))
    await expect.poll(() => ownSeconds().some(Number.isNaN), { timeout: 12_000 }).toBe(false)
    const [less = NaN, more = NaN] = ownSeconds().sort((a, b) => a - b)
    expect(more).toBeGreaterThan(0.5)
    expect(less).toBeLessThan(0.4)
  }, 20_000)

  it('gives all samples of a scrape one time, on the slots of the interval', async () => {
    start({ scrapeIntervalMs: 200, scrapeTimeoutMs: 200 })
    await scraped(3)
    const times = (name: string) => (sink.series()[`${name}{instance="i", job="j"}`] ?? []).map((one) => Number(one.split(' ')[0]))
    expect(times('a')).toEqual(times('up'))
    // A busy machine is late now and then; three in a row that are on time tell.
    const spread = () => {
      const offsets = times('up').slice(-3).map((time) => time % 200)
      return Math.max(...offsets) - Math.min(...offsets)
    }
    await expect.poll(spread, { interval: 50, timeout: 25_000 }).toBeLessThan(50)
  })

  it('reads gzip, OpenMetrics and its fallback', async () => {
    target.says(gzipSync('a 1\n'), { 'content-type': textType, 'content-encoding': 'gzip' })
    // Each scrape must succeed, also on a busy machine.
    start({ fallbackScrapeProtocol: 'PrometheusText0.0.4', scrapeIntervalMs: 300, scrapeTimeoutMs: 300 })
    await scraped(1)
    target.says('# TYPE c counter\nc_total 5 # {t="1"} 1\n# EOF\n', { 'content-type': 'application/openmetrics-text; version=1.0.0' })
    await expect.poll(() => values('c_total')[0], { interval: 5 }).toBe('5')
    target.says('d 7\n', {})
    await expect.poll(() => values('d')[0], { interval: 5 }).toBe('7')
    expect(values('up')).not.toContain('0')
  })

  it('relabels, drops and counts before and after', async () => {
    target.says('a 1\nb 2\nc 3\n')
    start({ metricRelabelConfigs: [{ action: 'drop', sourceLabels: ['__name__'], separator: ';', regex: 'b', modulus: 0n, targetLabel: '', replacement: '$1', nameValidation: 'utf8' }] })
    await scraped(1)
    expect([values('scrape_samples_scraped')[0], values('scrape_samples_post_metric_relabeling')[0], values('scrape_series_added')[0]]).toEqual(['3', '2', '2'])
    expect(values('b')).toEqual([])
  })

  it('marks a series stale that is gone, at the time of the scrape that misses it', async () => {
    target.says('a 1\nb 2\n')
    start()
    await scraped(1)
    target.says('a 1\n')
    await expect.poll(() => values('b').at(-1), { interval: 5 }).toBe('stale')
    const series = sink.series()
    const marker = series['b{instance="i", job="j"}']?.at(-1)?.split(' ')[0]
    expect(series['a{instance="i", job="j"}']?.some((one) => one.startsWith(`${marker} `))).toBe(true)
  })

  it('honours timestamps, and marks such series stale only when told to', async () => {
    target.says('a 1 1000\n')
    start()
    await scraped(1)
    target.says('b 1\n')
    await expect.poll(() => values('b').length, { interval: 5 }).toBeGreaterThan(0)
    expect(sink.series()['a{instance="i", job="j"}']).toEqual(['1000 1'])
  })

  it('adds the extra report series', async () => {
    target.says('a 1\n')
    start({ extraScrapeMetrics: true, sampleLimit: 9 })
    await scraped(1)
    expect(['scrape_timeout_seconds', 'scrape_sample_limit', 'scrape_body_size_bytes'].map((name) => values(name)[0])).toEqual(['0.06', '9', '4'])
  })
})

describe('a failed scrape', () => {
  const fails = (claim: string, prepare: () => Partial<ScrapeConfig> | void, error: string | (() => string), check: () => void = () => {}) =>
    it(`because of ${claim} stores nothing of it, marks series stale and says why`, async () => {
      start(prepare() ?? {})
      await scraped(1)
      expect(status()?.lastError).toContain(typeof error === 'string' ? error : error())
      expect(status()?.health).toBe('down')
      expect(values('up')[0]).toBe('0')
      expect(Object.keys(sink.series()).filter((name) => !/^(up|scrape_)/.test(name) && values(name.split('{')[0] ?? '').length > 0)).toEqual([])
      check()
    })
  fails('an HTTP status', () => target.says('a 1\n', { 'content-type': textType }, 503), 'server returned HTTP status 503 Service Unavailable')
  fails('no connection', () => ({ discovery: [{ kind: 'static', groups: [{ targets: ['127.0.0.1:1'], labels: { instance: 'i' } }] }] }),
    'Get "http://127.0.0.1:1/metrics": dial tcp 127.0.0.1:1: connect: connection refused')
  fails('a timeout', () => { target.answer = () => {} }, () => `Get "http://${target.address}/metrics": context deadline exceeded`)
  fails('a body that stalls', () => { target.answer = (_, response) => void response.writeHead(200, { 'content-type': textType }).write('a 1\n') }, 'context deadline exceeded')
  fails('a connection that breaks', () => { target.answer = (request) => request.socket.destroy() }, 'EOF')
  fails('no content type', () => target.says('a 1\n', {}), 'non-compliant scrape target sending blank Content-Type and no fallback_scrape_protocol specified for target')
  fails('a bad line', () => target.says('a 1\nb one\n'), 'strconv.ParseFloat: parsing "one": invalid syntax while parsing: "b one" (line 2)')
  fails('bad OpenMetrics', () => target.says('a 1\n', { 'content-type': 'application/openmetrics-text' }), 'data does not end with # EOF')
  fails('bad gzip', () => target.says('a 1\n', { 'content-type': textType, 'content-encoding': 'gzip' }), 'gzip: ')
  fails('a bad name', () => { target.says('{"a.b"} 1\n'); return { nameValidationScheme: 'legacy' } }, 'invalid metric name or label names')
  fails('its size', () => { target.says('a 1\n'); return { bodySizeLimitBytes: 4, extraScrapeMetrics: true } }, 'body size limit exceeded',
    () => expect([values('scrape_body_size_bytes')[0], metric('prometheus_target_scrapes_exceeded_body_size_limit_total')]).toEqual(['-1', 1]))
  fails('its size after unpacking', () => { target.says(gzipSync('a 1\n'.repeat(1000)), { 'content-type': textType, 'content-encoding': 'gzip' }); return { bodySizeLimitBytes: 3000 } }, 'body size limit exceeded')
  fails('a few kilobytes that unpack to more than any target shows', () => target.says(gzipSync(Buffer.alloc(129 * 1024 * 1024, 'a 1\n')), { 'content-type': textType, 'content-encoding': 'gzip' }),
    'body size limit exceeded')
  fails('too many samples', () => { target.says('a 1\nb 1\n'); return { sampleLimit: 1 } }, 'sample limit exceeded', () =>
    expect([values('scrape_samples_scraped')[0], values('scrape_samples_post_metric_relabeling')[0], metric('prometheus_target_scrapes_exceeded_sample_limit_total')]).toEqual(['2', '2', 1]))
  fails('too many labels', () => ({ labelLimit: 2 }), 'label_limit exceeded (metric: a, number of labels: 3, limit: 2)', () =>
    expect(metric('prometheus_target_scrape_pool_exceeded_label_limits_total')).toBe(1))
  fails('too many targets', () => ({ targetLimit: 1, discovery: [{ kind: 'static', groups: [{ targets: [target.address], labels: { instance: 'i' } }, { targets: ['127.0.0.1:1'], labels: { instance: 'k' } }] }] }),
    'target_limit exceeded (number of targets: 2, limit: 1)', () => expect(target.requests).toEqual([]))

  it('marks the series of the last good scrape stale, once', async () => {
    start()
    await scraped(1)
    target.says('', {}, 500)
    await expect.poll(() => values('up').filter((value) => value === '0').length, { interval: 5 }).toBeGreaterThan(2)
    expect(values('a').filter((value) => value === 'stale')).toHaveLength(1)
    expect(values('a').at(-1)).toBe('stale')
  })

  it('is written to the failure log', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'scrape-')), 'failures.log')
    target.says('', {}, 500)
    start({ scrapeFailureLogFile: file })
    await scraped(2)
    await pool?.stop(true)
    pool = undefined
    const [line] = readFileSync(file, 'utf8').split('\n')
    expect(JSON.parse(line ?? '')).toMatchObject({ level: 'ERROR', msg: 'server returned HTTP status 500 Internal Server Error', job_name: 'j', target: `http://${target.address}/metrics` })
  })
})

describe('problem samples', () => {
  it('are counted and named once per scrape', async () => {
    target.says('a 1\na 2\nb 1 5000\n')
    start()
    await scraped(1)
    target.says('a 1\nb 1 4000\n')
    await expect.poll(() => metric('prometheus_target_scrapes_sample_out_of_order_total'), { interval: 5 }).toBeGreaterThan(0)
    expect(metric('prometheus_target_scrapes_sample_duplicate_timestamp_total')).toBeGreaterThan(0)
    expect(log.some((line) => line.includes('Error on ingesting out-of-order samples') && line.includes('num_dropped=1'))).toBe(true)
    expect(values('up')).not.toContain('0')
  })
})

describe('a pool', () => {
  const otherRule = { ...defaultRelabelConfig, targetLabel: 'extra', replacement: 'x' }

  it('keeps the slots of targets, also when there are so many others that new ones get narrower slots', () => {
    const groups = [{ targets: Array.from({ length: 20 }, (_, i) => `127.0.0.1:${1000 + i}`), labels: {} }]
    const over = { scrapeIntervalMs: 60_000, scrapeTimeoutMs: 60_000, discovery: [{ kind: 'static' as const, groups }] }
    const offsets = () => Object.fromEntries([...(pool?.loops() ?? [])].map(({ target: { url }, offsetMs }) => [url, offsetMs]))
    const before = (start(over), offsets())
    expect(Object.keys(before)).toHaveLength(20)
    slots.set({}, Array.from({ length: 1000 }, () => ({ intervalMs: 1000 })))
    pool?.reload(prepareJob(config({ ...over, sampleLimit: 100 })), 'seed')
    expect(offsets()).toEqual(before)
    pool?.reload(prepareJob(config({ ...over, scrapeIntervalMs: 30_000, scrapeTimeoutMs: 30_000 })), 'seed')
    expect(Object.values(offsets()).some((offsetMs) => offsetMs % 1000 !== 0)).toBe(true)
  })

  it('keeps the cache of a target when only its interval changes', async () => {
    start()
    await scraped(2)
    pool?.reload(prepareJob(config({ scrapeIntervalMs: 70, sampleLimit: 100 })), 'seed')
    const before = values('up').length
    await scraped(before + 2)
    expect(values('scrape_series_added').filter((value) => value !== '0')).toEqual(['1'])
    expect(values('a')).not.toContain('stale')
    expect(status()).toMatchObject({ scrapeIntervalMs: 70, health: 'up' })
    expect(sink.openCaches).toBe(1)
  })

  it('marks the former series stale when samples are relabelled anew', async () => {
    start()
    await scraped(2)
    pool?.reload(prepareJob(config({ metricRelabelConfigs: [otherRule] })), 'seed')
    await expect.poll(() => values('a').at(-1), { interval: 5 }).toBe('stale')
    expect(values('a', 'extra="x", instance="i", job="j"')).not.toContain('stale')
    expect(values('up')).not.toContain('stale')
  })

  it('does nothing on a reload without a change', async () => {
    start()
    await scraped(1)
    const [loop] = pool?.loops() ?? []
    pool?.reload(prepareJob(config()), 'seed')
    expect([...(pool?.loops() ?? [])][0]).toBe(loop)
  })

  it('marks all series of a removed target stale after two more intervals, dated at the first that is missed', async () => {
    start()
    await scraped(2)
    pool?.reload(prepareJob(config({ discovery: [] })), 'seed')
    const lastMs = Number(sink.series()['up{instance="i", job="j"}']?.at(-1)?.split(' ')[0])
    await expect.poll(() => values('up').at(-1), { interval: 5 }).toBe('stale')
    const markedMs = Number(sink.series()['up{instance="i", job="j"}']?.at(-1)?.split(' ')[0])
    expect(Date.now()).toBeGreaterThanOrEqual(markedMs + intervalMs)
    for (const name of ['up', 'a', 'scrape_duration_seconds'])
      expect(Math.abs(Number(sink.series()[`${name}{instance="i", job="j"}`]?.at(-1)?.split(' ')[0]) - lastMs - intervalMs)).toBeLessThan(intervalMs)
    await expect.poll(() => sink.openCaches).toBe(0)
  })

  it('goes on without markers when the target comes back in time', async () => {
    start()
    await scraped(2)
    pool?.reload(prepareJob(config({ discovery: [] })), 'seed')
    expect([...(pool?.loops() ?? [])]).toEqual([])
    pool?.reload(prepareJob(config()), 'seed')
    const before = values('up').length
    await scraped(before + 4)
    expect(values('up')).not.toContain('stale')
    expect(values('scrape_series_added').filter((value) => value !== '0')).toEqual(['1'])
  })

  it('writes no markers when the process ends, and gives up what is in flight', async () => {
    start()
    await scraped(2)
    target.answer = () => {}
    const count = target.requests.length
    await expect.poll(() => target.requests.length, { interval: 5 }).toBeGreaterThan(count)
    await pool?.stop(true)
    pool = undefined
    expect([...values('up'), ...values('a')]).not.toContain('stale')
    expect(values('up')).not.toContain('0')
  })

  it('lists dropped targets up to a limit and counts them all', () => {
    start({
      keepDroppedTargets: 1,
      relabelConfigs: [{ ...otherRule, action: 'drop', targetLabel: '', sourceLabels: ['__address__'], regex: 'x.*', replacement: '$1' }],
      discovery: [{ kind: 'static', groups: [{ targets: ['x1', 'x2'], labels: {} }] }],
    })
    expect([pool?.dropped().length, pool?.droppedCount()]).toEqual([1, 2])
  })

  it('shows why a discovery finds nothing, and runs', async () => {
    start({ discovery: [{ kind: 'unsupported', key: 'consul_sd_configs', shown: [] }] })
    expect(pool?.discoveryFailures()).toEqual([{ mechanism: 'consul_sd_configs', error: 'consul_sd_configs is valid Prometheus configuration, but not built yet' }])
  })

  it('scrapes a target twice named once', () => {
    start({ discovery: [{ kind: 'static', groups: [{ targets: [target.address, target.address], labels: {} }] }] })
    expect([...(pool?.loops() ?? [])]).toHaveLength(1)
  })
})
