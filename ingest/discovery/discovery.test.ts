import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { DiscoveryConfig } from '../../src/base/config/discoveryConfig.ts'
import { defaultHttpClientConfig } from '../../src/base/config/httpClientConfig.ts'
import { createLogger } from '../../src/base/log.ts'
import { MetricRegistry } from '../../src/base/selfMetrics.ts'
import { createDiscovery, type DiscoverySet } from './discovery.ts'
import { type DnsResolver, lookUp } from './dnsDiscovery.ts'
import { parseTargetGroups } from './targetGroup.ts'

let dir: string
let registry: MetricRegistry
let log: string[]
let changes: number
const open: { close(): unknown }[] = []

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'sd-'))
  registry = new MetricRegistry()
  log = []
  changes = 0
})
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
  rmSync(dir, { recursive: true })
})

function watch(configs: readonly DiscoveryConfig[], reloadIntervalMs = 0): DiscoverySet {
  const logger = createLogger({ level: 'info', format: 'logfmt', write: (line) => log.push(line) })
  const set = createDiscovery({ registry, logger, userAgent: 'Prometheus/3.14.0', reloadIntervalMs }).watch({ name: 'scrape', set: 'j', configs, onChange: () => changes++ })
  open.push(set)
  return set
}
const addresses = (set: DiscoverySet) => set.groups().flatMap((group) => group.targets.map((target) => target['__address__']))
const metric = (name: string) => Number(new RegExp(`^${name}(?:\\{.*\\})? (.*)$`, 'm').exec(registry.print())?.[1])
const soon = { interval: 5, timeout: 5000 }

describe('static_configs', () => {
  it('are there at once', () => {
    const set = watch([{ kind: 'static', groups: [{ targets: ['a:1', 'b:1'], labels: { x: 'y' } }] }])
    expect(set.groups()).toEqual([{ source: '0', targets: [{ __address__: 'a:1' }, { __address__: 'b:1' }], labels: { x: 'y' } }])
    expect(metric('prometheus_sd_discovered_targets')).toBe(2)
  })
})

describe('file_sd_configs', () => {
  const write = (name: string, content: unknown) => writeFileSync(join(dir, name), typeof content === 'string' ? content : JSON.stringify(content))
  const files = (...names: string[]): DiscoveryConfig => ({ kind: 'file', files: names.map((name) => join(dir, name)), refreshIntervalMs: 600_000 })

  it('read JSON and YAML, and follow changes', async () => {
    write('a.json', [{ targets: ['a:1'], labels: { x: 'y' } }])
    write('b.yml', '- targets: [b:1, 9100]\n  labels: { n: 1, t: true }\n')
    const set = watch([files('*.json', '*.yml')])
    await expect.poll(() => addresses(set), soon).toEqual(['a:1', 'b:1', '9100'])
    expect(set.groups()[1]).toEqual({ source: `${join(dir, 'b.yml')}:0`, targets: [{ __address__: 'b:1' }, { __address__: '9100' }], labels: { n: '1', t: 'true', __meta_filepath: join(dir, 'b.yml') } })
    expect(registry.print()).toContain(`prometheus_sd_file_mtime_seconds{filename="${join(dir, 'a.json')}"}`)
    write('a.json', [{ targets: ['a:2'] }])
    await expect.poll(() => addresses(set), soon).toEqual(['a:2', 'b:1', '9100'])
    write('c.json', [{ targets: ['c:1'] }])
    await expect.poll(() => addresses(set), soon).toContain('c:1')
    rmSync(join(dir, 'a.json'))
    await expect.poll(() => addresses(set), soon).not.toContain('a:2')
  })

  it('keep the groups of a file that becomes unreadable, and say so once', async () => {
    write('a.json', [{ targets: ['a:1'] }])
    const set = watch([files('a.json')])
    await expect.poll(() => addresses(set), soon).toEqual(['a:1'])
    write('a.json', [{ targets: ['a:1'], lables: {} }])
    await expect.poll(() => set.failures(), soon).toHaveLength(1)
    expect(set.failures()[0]).toEqual({ mechanism: 'file_sd_configs', error: `error reading file ${join(dir, 'a.json')}: target group 0: unknown field "lables", expected "targets" or "labels"` })
    expect(addresses(set)).toEqual(['a:1'])
    expect(metric('prometheus_sd_file_read_errors_total')).toBeGreaterThan(0)
    expect(metric('prometheus_sd_failed_configs')).toBe(1)
    write('a.json', [{ targets: ['a:2'] }])
    await expect.poll(() => addresses(set), soon).toEqual(['a:2'])
    expect(set.failures()).toEqual([])
    expect(log.filter((line) => line.includes('Service discovery failed'))).toHaveLength(1)
  })

  it('wait for files that are not there yet', async () => {
    const set = watch([files('later.json')])
    await expect.poll(() => metric('prometheus_sd_file_scan_duration_seconds_count'), soon).toBe(1)
    write('later.json', [{ targets: ['a:1'] }])
    await expect.poll(() => addresses(set), soon).toEqual(['a:1'])
    mkdirSync(join(dir, 'sub'))
    expect(set.failures()).toEqual([])
  })
})

describe('changes', () => {
  it('within the reload interval are told together', async () => {
    const write = (port: number) => writeFileSync(join(dir, 'a.json'), JSON.stringify([{ targets: [`a:${port}`] }]))
    write(1)
    const set = watch([{ kind: 'file', files: [join(dir, 'a.json')], refreshIntervalMs: 600_000 }], 400)
    await expect.poll(() => changes, soon).toBe(1)
    write(2)
    await expect.poll(() => addresses(set), soon).toEqual(['a:2'])
    expect(changes).toBe(1)
    await expect.poll(() => changes, soon).toBe(2)
    expect(metric('prometheus_sd_updates_delayed_total')).toBe(1)
  })
})

describe('http_sd_configs', () => {
  async function serve(listener: RequestListener): Promise<DiscoveryConfig> {
    const server = createServer(listener)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    open.push({ close: () => (server.closeAllConnections(), server.close()) })
    const { port } = server.address() as AddressInfo // it listens on a port
    return { kind: 'http', url: `http://127.0.0.1:${port}/sd`, refreshIntervalMs: 20, http: defaultHttpClientConfig }
  }
  const json = { 'content-type': 'application/json; charset=utf-8' }

  it('ask again and again, and keep the targets when that fails', async () => {
    let answer: RequestListener = (_, response) => response.writeHead(200, json).end('[{"targets":["a:1"],"labels":{"x":"y"}}]')
    const headers: Record<string, unknown>[] = []
    const set = watch([await serve((request, response) => (headers.push(request.headers), answer(request, response)))])
    await expect.poll(() => addresses(set), soon).toEqual(['a:1'])
    expect(headers[0]).toMatchObject({ accept: 'application/json', 'user-agent': 'Prometheus/3.14.0', 'x-prometheus-refresh-interval-seconds': '0.02' })
    expect(set.groups()[0]?.labels).toMatchObject({ x: 'y', __meta_url: expect.stringContaining('/sd') as string })
    const fails = async (next: RequestListener, error: string) => {
      answer = next
      await expect.poll(() => set.failures()[0]?.error, soon).toContain(error)
      expect(addresses(set)).toEqual(['a:1'])
    }
    await fails((_, response) => response.writeHead(500).end(), 'server returned HTTP status 500 Internal Server Error')
    await fails((_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end(), 'unsupported content type "text/html"')
    await fails((_, response) => response.writeHead(200, json).end('[{"targets":[1]}]'), '"targets" must be a list of addresses')
    expect(metric('prometheus_sd_http_failures_total')).toBeGreaterThan(2)
    expect(metric('prometheus_sd_refresh_failures_total')).toBeGreaterThan(2)
    answer = (_, response) => response.writeHead(200, json).end('[]')
    await expect.poll(() => addresses(set), soon).toEqual([])
  })
})

describe('kubernetes_sd_configs', () => {
  it('outside a cluster fail with the reason, and nothing else does', async () => {
    const set = watch([
      {
        kind: 'kubernetes', role: 'endpoints', apiServer: '', kubeconfigFile: '', ownNamespace: false, namespaces: [], selectors: [],
        attachMetadata: { node: false, namespace: false, deployment: false, job: false, cronjob: false }, http: defaultHttpClientConfig,
      },
    ])
    await expect.poll(() => set.failures(), soon).toEqual([
      { mechanism: 'kubernetes_sd_configs', error: 'unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined' },
    ])
    expect(set.groups()).toEqual([])
    expect(metric('prometheus_sd_failed_configs')).toBe(1)
    expect(log).toHaveLength(1)
  })
})

describe('dns_sd_configs', () => {
  const missing = Object.assign(new Error('queryA ENOTFOUND'), { code: 'ENOTFOUND' })
  const broken = Object.assign(new Error('queryA ESERVFAIL'), { code: 'ESERVFAIL' })
  const search = { domains: ['corp'], ndots: 1 }
  /** Knows the records of full names; what it does not know does not exist. */
  const resolver = (records: Record<string, unknown>, asked: string[] = []): DnsResolver => {
    const find = async (name: string) => {
      asked.push(name)
      const found = records[name]
      if (found === undefined) throw missing
      if (found instanceof Error) throw found
      return found
    }
    return { resolveSrv: find, resolve4: find, resolve6: find, resolveMx: find, resolveNs: find } as unknown as DnsResolver // only these calls are made
  }
  it('read SRV records', async () =>
    expect(await lookUp(resolver({ '_m._tcp.a.b': [{ name: 'h.a.b', port: 9100, priority: 1, weight: 1 }] }), { type: 'SRV', port: 0 }, '_m._tcp.a.b', search)).toEqual([
      { __address__: 'h.a.b:9100', __meta_dns_name: '_m._tcp.a.b', __meta_dns_srv_record_target: 'h.a.b.', __meta_dns_srv_record_port: '9100' },
    ]))
  it('read addresses', async () => {
    expect(await lookUp(resolver({ 'h.x': ['1.2.3.4'] }), { type: 'A', port: 80 }, 'h.x', search)).toEqual([{ __address__: '1.2.3.4:80', __meta_dns_name: 'h.x' }])
    expect(await lookUp(resolver({ 'h.x': ['::1'] }), { type: 'AAAA', port: 80 }, 'h.x', search)).toEqual([{ __address__: '[::1]:80', __meta_dns_name: 'h.x' }])
  })
  it('try the search list in the order of resolv.conf', async () => {
    const asked: string[] = []
    await lookUp(resolver({}, asked), { type: 'A', port: 1 }, 'short', search)
    await lookUp(resolver({}, asked), { type: 'A', port: 1 }, 'with.dot', search)
    await lookUp(resolver({}, asked), { type: 'A', port: 1 }, 'full.', search)
    expect(asked).toEqual(['short.corp', 'short', 'with.dot', 'with.dot.corp', 'full.'])
  })
  it('find nothing for a name that does not exist, and fail when no server knows', async () => {
    expect(await lookUp(resolver({}), { type: 'A', port: 1 }, 'a.b', search)).toEqual([])
    await expect(lookUp(resolver({ 'a.b': broken }), { type: 'A', port: 1 }, 'a.b', search)).rejects.toThrow('ESERVFAIL')
    expect(await lookUp(resolver({ 'a.b': broken, 'a.b.corp': ['1.1.1.1'] }), { type: 'A', port: 1 }, 'a.b', search)).toHaveLength(1)
  })
})

describe('parseTargetGroups', () => {
  const refuses = (text: string, message: string) => it(`refuses ${text}`, () => expect(() => parseTargetGroups(text, 'json', 's', {})).toThrow(message))
  refuses('{}', 'expected a list of target groups')
  refuses('[null]', 'target group 0: nil target group item found')
  refuses('[{"targets":["a"]},{"targets":"a"}]', 'target group 1: "targets" must be a list of addresses')
  refuses('[{"labels":{"a":1}}]', 'label "a" must be a text')
  it('takes an empty file as no groups', () => expect(parseTargetGroups('', 'yaml', 's', {})).toEqual([]))
})
