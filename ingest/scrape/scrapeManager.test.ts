import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { defaultHttpClientConfig } from '../../src/base/config/httpClientConfig.ts'
import { HttpClient } from '../../src/base/http/httpClient.ts'
import { silentLogger } from '../../src/base/log.ts'
import { scrapeConfig } from '../../test/helpers/scraping/scrapeConfig.ts'
import { type RunningServer, startNodeExporter } from '../../test/helpers/servers.ts'
import { openTestStorage, readSamples } from '../../test/helpers/testStorage.ts'
import { createDiscovery } from '../discovery/discovery.ts'
import type { ScrapeConfig } from './job/scrapeConfig.ts'
import { createScrapeManager, type ScrapeManager } from './scrapeManager.ts'

const open: { close(): unknown }[] = []
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close()
})

const job = (over: Partial<ScrapeConfig>) => scrapeConfig({ scrapeIntervalMs: 100, scrapeTimeoutMs: 100, ...over })
const at = (...targets: string[]): Pick<ScrapeConfig, 'discovery'> => ({ discovery: [{ kind: 'static', groups: [{ targets, labels: {} }] }] })

async function openManager(options: Parameters<typeof openTestStorage>[0] = {}) {
  const storage = await openTestStorage(options)
  const { registry } = storage
  const discovery = createDiscovery({ registry, logger: silentLogger, userAgent: 'test' })
  const manager: ScrapeManager = createScrapeManager({ storage, discovery, logger: silentLogger, registry, userAgent: 'test' })
  open.push(manager)
  return { storage, manager, registry }
}

async function serve(body: string): Promise<string> {
  const server = createServer((_, response) => response.writeHead(200, { 'content-type': 'text/plain' }).end(body))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  open.push({ close: () => (server.closeAllConnections(), server.close()) })
  return `127.0.0.1:${(server.address() as AddressInfo).port}` // it listens on a port
}

describe('a scrape manager', () => {
  it('scrapes a real node_exporter into storage', async () => {
    const exporter: RunningServer = await startNodeExporter()
    open.push({ close: () => exporter.stop() })
    const { storage, manager } = await openManager()
    manager.apply([job({ jobName: 'node', scrapeIntervalMs: 500, scrapeTimeoutMs: 500, ...at(`127.0.0.1:${exporter.port}`) })], [])
    const instance = `instance="127.0.0.1:${exporter.port}", job="node"`
    await expect.poll(() => readSamples(storage)[`up{${instance}}`]?.length ?? 0, { timeout: 10_000 }).toBeGreaterThan(1)
    const samples = readSamples(storage)
    expect(Object.keys(samples).filter((name) => name.startsWith('node_')).length).toBeGreaterThan(200)
    expect(samples[`up{${instance}}`]?.every(([, value]) => value === 1)).toBe(true)
    expect(samples[`node_load1{${instance}}`]?.length).toBeGreaterThan(1)
    expect(samples[`scrape_samples_scraped{${instance}}`]?.[0]?.[1]).toBeGreaterThan(200)
    const metadata = [...manager.metadata()].find(({ metric }) => metric === 'node_load1')
    expect(metadata).toMatchObject({ type: 'gauge', help: '1m load average.', unit: '' })
  })

  it('runs a pool per job and applies reloads', async () => {
    const one = await serve('a 1\n')
    const two = await serve('b 2\n')
    const { storage, manager, registry } = await openManager()
    manager.apply([job({ jobName: 'two', ...at(two) }), job({ jobName: 'one', ...at(one) })], [])
    expect(manager.scrapePools()).toEqual(['one', 'two'])
    expect(manager.targets().map(({ scrapePool, health }) => [scrapePool, health])).toEqual([['one', 'unknown'], ['two', 'unknown']])
    await expect.poll(() => manager.targets().map(({ health }) => health), { timeout: 5000 }).toEqual(['up', 'up'])
    expect(manager.targets('two').map(({ scrapeUrl }) => scrapeUrl)).toEqual([`http://${two}/metrics`])
    expect(registry.print()).toContain('prometheus_target_scrape_pool_targets{scrape_job="one"} 1')
    manager.apply([job({ jobName: 'one', ...at(one) }), job({ jobName: 'three', ...at() })], [])
    expect(manager.scrapePools()).toEqual(['one', 'three'])
    expect(manager.scrapePool('two')).toBeUndefined()
    // The removed job's series end with a marker.
    await expect.poll(() => readSamples(storage)[`up{instance="${two}", job="two"}`]?.at(-1)?.[1], { timeout: 5000 }).toBe('stale')
    expect(readSamples(storage)[`b{instance="${two}", job="two"}`]?.at(-1)?.[1]).toBe('stale')
  })

  it('shows whether a target is up, and takes no other series of it, when its job has too many', async () => {
    const one = await serve('a 1\nb 1\nc 1\nd 1\ne 1\n')
    const { storage, manager } = await openManager({ maxSeriesPerJob: 10, maxSeries: 10 })
    manager.apply([job({ jobName: 'full', ...at(one) })], [])
    await expect.poll(() => Object.keys(readSamples(storage)).length, { timeout: 5000 }).toBe(10)
    const two = await serve('new 1\n')
    manager.apply([job({ jobName: 'full', ...at(one, two) })], [])
    await expect.poll(() => readSamples(storage)[`up{instance="${two}", job="full"}`]?.[0]?.[1], { timeout: 5000 }).toBe(1)
    const names = Object.keys(readSamples(storage)).filter((series) => series.includes(two)).map((series) => series.split('{')[0])
    expect(names.sort()).toEqual(['scrape_duration_seconds', 'scrape_samples_post_metric_relabeling', 'scrape_samples_scraped', 'scrape_series_added', 'up'])
  })

  it('does not mix up bodies while classic histograms are converted', async () => {
    const count = 3000
    const lines = (line: (i: number) => string) => Array.from({ length: count }, (_, i) => line(i)).join('')
    const long = `# TYPE h histogram\n${lines((i) => `h_bucket{i="${i}",le="+Inf"} 5\nh_sum{i="${i}"} 5\nh_count{i="${i}"} 5\n`)}# TYPE g gauge\n${lines((i) => `g{i="${i}"} 1\n`)}`
    const client = new HttpClient(defaultHttpClientConfig, { userAgent: 'test' })
    open.push(client)
    const others: Promise<unknown>[] = []
    const server = createServer((request, response) => {
      const answer = (body: string) => response.writeHead(200, { 'content-type': 'text/plain', 'content-length': body.length }).end(body)
      // Another body arrives when this one is whole and is being converted, with pauses.
      if (request.url === '/metrics') answer(long).once('finish', () => others.push(client.request({ url: `http://${address}/other`, timeoutMs: 20_000 })))
      else answer('#'.repeat(long.length))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    open.push({ close: () => (server.closeAllConnections(), server.close()) })
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}` // it listens on a port
    const { storage, manager } = await openManager()
    manager.apply([job({ convertClassicHistogramsToNhcb: true, enableCompression: false, scrapeIntervalMs: 5000, scrapeTimeoutMs: 5000, ...at(address) })], [])
    const own = `{instance="${address}", job="j"}`
    await expect.poll(() => readSamples(storage)[`up${own}`]?.length ?? 0, { interval: 500, timeout: 20_000 }).toBeGreaterThan(0)
    await Promise.all(others)
    const samples = readSamples(storage)
    expect(['up', 'scrape_samples_scraped'].map((name) => samples[name + own]?.[0]?.[1])).toEqual([1, 2 * count])
    expect(Object.entries(samples).filter(([series, [first]]) => series.startsWith('g{') && first?.[1] === 1)).toHaveLength(count)
  })

  it('changes nothing when a configuration cannot be applied', async () => {
    const { manager } = await openManager()
    manager.apply([job({ jobName: 'one' })], [])
    const broken = { action: 'drop' as const, sourceLabels: [], separator: ';', regex: '(', modulus: 0n, targetLabel: '', replacement: '$1', nameValidation: 'utf8' as const }
    expect(() => manager.apply([job({ jobName: 'two' }), job({ jobName: 'three', relabelConfigs: [broken] })], [])).toThrow('missing closing )')
    expect(manager.scrapePools()).toEqual(['one'])
  })

  it('shows why a discovery finds nothing', async () => {
    const { manager } = await openManager()
    manager.apply([job({ jobName: 'k', discovery: [{ kind: 'unsupported', key: 'consul_sd_configs', shown: [] }] })], [])
    expect(manager.scrapePool('k')?.discoveryFailures).toEqual([{ mechanism: 'consul_sd_configs', error: 'consul_sd_configs is valid Prometheus configuration, but not built yet' }])
  })
})
