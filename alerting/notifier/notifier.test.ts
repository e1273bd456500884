import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { defaultHttpClientConfig } from '../../src/base/config/httpClientConfig.ts'
import { createLogger, silentLogger } from '../../src/base/log.ts'
import { MetricRegistry } from '../../src/base/selfMetrics.ts'
import { labelsFrom, type Labels } from '../../storage/model/labels.ts'
import type { NotifiedAlert } from '../rules/alertingRule.ts'
import { createNotifier, type AlertmanagerSet, type Notifier, type NotifierDeps } from './notifier.ts'
import { alertsBody } from './notifierQueue.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

type Posted = { readonly path: string; readonly headers: Record<string, unknown>; readonly alerts: readonly { labels: Record<string, string> }[] }

/** A listener in the place of an Alertmanager. It answers `status()`, once `gate` lets it. */
async function listen(options: { status?: () => number; gate?: () => Promise<void> } = {}): Promise<{ address: string; posted: Posted[]; arrived(count: number): Promise<void> }> {
  const posted: Posted[] = []
  const waiting: { count: number; done: () => void }[] = []
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', async () => {
      posted.push({ path: request.url ?? '', headers: request.headers, alerts: JSON.parse(Buffer.concat(chunks).toString()) })
      for (const one of waiting) if (posted.length >= one.count) one.done()
      await options.gate?.()
      response.writeHead(options.status?.() ?? 200).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const arrived = (count: number): Promise<void> => (posted.length >= count ? Promise.resolve() : new Promise((done) => waiting.push({ count, done })))
  return { address, posted, arrived }
}

function alert(labels: Record<string, string>): NotifiedAlert {
  return { labels: labelsFrom(labels), annotations: [{ name: 'summary', value: '' }], startsAtMs: 1_000, endsAtMs: 241_123, generatorUrl: 'http://p/graph?g0.expr=x&g0.tab=1' }
}

const many = (count: number): NotifiedAlert[] => Array.from({ length: count }, (_, i) => alert({ alertname: 'A', i: String(i) }))

function set(addresses: readonly string[], changes: Partial<AlertmanagerSet> = {}): AlertmanagerSet {
  const keep = (labels: Labels): Labels => labels
  return {
    scheme: 'http',
    pathPrefix: '',
    timeoutMs: 5_000,
    http: defaultHttpClientConfig,
    targetGroups: () => [addresses.map((address) => labelsFrom({ __address__: address }))],
    relabelTarget: keep,
    relabelAlert: keep,
    ...changes,
  }
}

function create(deps: Partial<NotifierDeps> = {}): { notifier: Notifier; metrics: () => string } {
  const registry = new MetricRegistry()
  const notifier = createNotifier({ logger: silentLogger, registry, userAgent: 'Prometheus/3.14.0', ...deps })
  closers.push(() => notifier.close())
  return { notifier, metrics: () => registry.print() }
}

const config = (...alertmanagers: AlertmanagerSet[]) => ({ externalLabels: labelsFrom({ region: 'eu', i: 'external' }), relabelAlert: (labels: Labels) => labels, alertmanagers })

describe('the body of a request', () => {
  it('has what Alertmanager reads, times with three decimals', () => {
    expect(JSON.parse(alertsBody([alert({ alertname: 'A' })]))).toEqual([
      {
        annotations: { summary: '' },
        endsAt: '1970-01-01T00:04:01.123Z',
        startsAt: '1970-01-01T00:00:01.000Z',
        generatorURL: 'http://p/graph?g0.expr=x&g0.tab=1',
        labels: { alertname: 'A' },
      },
    ])
  })
})

describe('the notifier', () => {
  it('posts alerts with the external labels they lack', async () => {
    const alertmanager = await listen()
    const { notifier, metrics } = create()
    notifier.apply(config(set([alertmanager.address], { pathPrefix: 'am/' })))
    notifier.send(many(1))
    await alertmanager.arrived(1)
    expect(alertmanager.posted[0]).toMatchObject({ path: '/am/api/v2/alerts', headers: { 'content-type': 'application/json', 'user-agent': 'Prometheus/3.14.0' } })
    expect(alertmanager.posted[0]?.alerts[0]?.labels).toEqual({ alertname: 'A', i: '0', region: 'eu' })
    await notifier.close()
    expect(notifier.alertmanagers().active).toEqual([])
    expect(metrics()).toContain('prometheus_notifications_alertmanagers_discovered 0')
  })

  it('sends batches one after another', async () => {
    let running = 0
    let most = 0
    const alertmanager = await listen({
      gate: async () => {
        most = Math.max(most, ++running)
        await new Promise((resolve) => setImmediate(resolve))
        running--
      },
    })
    const { notifier } = create({ maxBatchSize: 10 })
    notifier.apply(config(set([alertmanager.address])))
    notifier.send(many(25))
    await alertmanager.arrived(3)
    expect(alertmanager.posted.map((one) => one.alerts.length)).toEqual([10, 10, 5])
    expect(most).toBe(1)
  })

  it('drops the oldest alerts when the queue is full', async () => {
    let open = (): void => {}
    const opened = new Promise<void>((resolve) => (open = resolve))
    const alertmanager = await listen({ gate: () => opened })
    const { notifier, metrics } = create({ queueCapacity: 5, maxBatchSize: 2 })
    notifier.apply(config(set([alertmanager.address])))
    notifier.send(many(1))
    await alertmanager.arrived(1)
    notifier.send(many(4))
    notifier.send(many(8))
    expect(metrics()).toMatch(/prometheus_notifications_dropped_total\{alertmanager="[^"]+"\} 7/)
    expect(metrics()).toMatch(/prometheus_notifications_queue_length\{alertmanager="[^"]+"\} 5/)
    open()
    await alertmanager.arrived(4)
    expect(alertmanager.posted.slice(1).flatMap((one) => one.alerts.map((sent) => sent.labels['i']))).toEqual(['3', '4', '5', '6', '7'])
  })

  it('drops a batch that fails, without retry, and says so', async () => {
    const alertmanager = await listen({ status: () => 500 })
    const lines: string[] = []
    const { notifier, metrics } = create({ logger: createLogger({ level: 'info', format: 'logfmt', write: (line) => lines.push(line) }) })
    notifier.apply(config(set([alertmanager.address])))
    notifier.send(many(3))
    await alertmanager.arrived(1)
    const errors = /prometheus_notifications_errors_total\{[^}]+\} 3/
    await expect.poll(metrics).toMatch(errors)
    expect(metrics()).toMatch(/prometheus_notifications_dropped_total\{[^}]+\} 3/)
    expect(alertmanager.posted).toHaveLength(1)
    expect(lines.join('\n')).toContain('bad response status 500 Internal Server Error')
  })

  it('gives every Alertmanager all alerts, each set relabelled by its own rules', async () => {
    const [one, two] = [await listen(), await listen()]
    const { notifier } = create()
    const drop = (labels: Labels): Labels | undefined => (labels.some((label) => label.value === '0') ? undefined : labels)
    notifier.apply({ ...config(set([one.address, one.address]), set([two.address], { relabelAlert: drop })), relabelAlert: (labels) => labels.filter((label) => label.name !== 'region') })
    expect(notifier.alertmanagers().active).toEqual([`http://${one.address}/api/v2/alerts`, `http://${two.address}/api/v2/alerts`])
    notifier.send(many(2))
    await Promise.all([one.arrived(1), two.arrived(1)])
    expect(one.posted[0]?.alerts.map((sent) => sent.labels)).toEqual([{ alertname: 'A', i: '0' }, { alertname: 'A', i: '1' }])
    expect(two.posted[0]?.alerts.map((sent) => sent.labels)).toEqual([{ alertname: 'A', i: '1' }])
    expect(one.posted).toHaveLength(1)
  })

  it('follows discovery, and leaves out a group with a path in an address', async () => {
    let addresses = ['a:1', 'b:2']
    const { notifier } = create()
    notifier.apply(
      config(
        set([], {
          targetGroups: () => [addresses.map((address) => labelsFrom({ __address__: address }))],
          relabelTarget: (labels) => (labels.some((label) => label.value === 'b:2') ? undefined : labels),
        }),
      ),
    )
    expect(notifier.alertmanagers()).toEqual({ active: ['http://a:1/api/v2/alerts'], dropped: ['http://b:2/api/v2/alerts'] })
    addresses = ['c:3']
    notifier.refresh()
    expect(notifier.alertmanagers().active).toEqual(['http://c:3/api/v2/alerts'])
    addresses = ['http://d:4/x']
    notifier.refresh()
    expect(notifier.alertmanagers().active).toEqual([])
  })

  it('hands alerts to the built-in Alertmanager at once', () => {
    const received: NotifiedAlert[] = []
    const { notifier, metrics } = create({ builtin: (alerts) => received.push(...alerts) })
    notifier.apply(config())
    notifier.send(many(2))
    expect(received).toHaveLength(2)
    expect(metrics()).toContain('prometheus_notifications_alertmanagers_discovered 1')
    expect(metrics()).toContain('prometheus_notifications_sent_total{alertmanager="built-in"} 2')
  })

  it('sends what is queued before it stops, or drops it when told to', async () => {
    const alertmanager = await listen()
    const draining = create({ maxBatchSize: 2 }).notifier
    draining.apply(config(set([alertmanager.address])))
    draining.send(many(5))
    await draining.close()
    expect(alertmanager.posted.map((one) => one.alerts.length)).toEqual([2, 2, 1])
    const dropping = create({ maxBatchSize: 2, drainOnShutdown: false }).notifier
    dropping.apply(config(set([alertmanager.address])))
    dropping.send(many(5))
    await dropping.close()
    expect(alertmanager.posted.length).toBeLessThanOrEqual(4)
  })

  it('sends what was queued before a reload under the old configuration', async () => {
    const [old, next] = [await listen(), await listen()]
    const { notifier } = create({ maxBatchSize: 1 })
    notifier.apply(config(set([old.address])))
    notifier.send(many(3))
    notifier.apply(config(set([next.address])))
    notifier.send(many(1))
    await Promise.all([old.arrived(3), next.arrived(1)])
    expect(next.posted).toHaveLength(1)
  })
})
