// What the query benches ask about: 10,000 series of a small company, hosts, an instrumented application, pods and data
// stores, scraped every 15 s. Made from nothing but their index, so that every server gets the same samples.

import { encodeLabels, encodeWriteRequest } from './writeRequest.ts'

export const scrapeIntervalMs = 15_000

/** A series and how its value goes on from scrape to scrape. */
type BenchSeries = {
  /** Protobuf fields of the labels, as every body repeats them. */
  readonly labelBytes: Buffer
  /** Milliseconds after the full interval at which its target is scraped: never on a full second, so never on a query's step. */
  readonly offsetMs: number
  /** Scrapes of a target jitter by some milliseconds, the same for all its series. */
  readonly jitterSeed: number
  next(): number
}

const buckets = ['0.005', '0.01', '0.025', '0.05', '0.1', '0.25', '0.5', '1', '2.5', '5', '10', '+Inf']
const endpoints = ['GET /api/v1/properties', 'GET /api/v1/recommendations', 'POST /api/v1/search', 'GET /health', 'POST /api/v1/users', 'GET /metrics', 'PUT /api/v1/users', 'DELETE /api/v1/users']
const statuses = ['200', '201', '404', '429', '500']
const cpuModes = ['idle', 'user', 'system', 'iowait', 'irq', 'softirq', 'steal', 'nice']
const mountpoints = ['/', '/boot', '/home', '/var', '/var/lib/data', '/tmp']
const devices = ['lo', 'eth0', 'eth1', 'docker0', 'veth0']
const memoryMetrics = ['node_memory_MemTotal_bytes', 'node_memory_MemAvailable_bytes', 'node_memory_MemFree_bytes', 'node_memory_Buffers_bytes', 'node_memory_Cached_bytes']

export const benchSeriesCount = 10_000

/** All series in their first state. */
export function createBenchSeries(): BenchSeries[] {
  const random = linearCongruential(20_240_501)
  const all: BenchSeries[] = []
  const add = (name: string, labels: Readonly<Record<string, string>>, next: () => number) => {
    const jitterSeed = hashOf(labels['instance'] ?? '')
    all.push({ labelBytes: encodeLabels({ __name__: name, ...labels }), offsetMs: (jitterSeed % 14) * 1000 + 500, jitterSeed, next })
  }
  const counter = (perScrape: number) => {
    let value = Math.floor(random() * 1e6)
    return () => (value += Math.floor(perScrape * 2 * random()))
  }
  const secondsCounter = (perScrape: number) => {
    let value = Math.floor(random() * 1e6)
    return () => (value = Math.round((value + perScrape * 2 * random()) * 100) / 100)
  }
  const gauge = (least: number, most: number, decimals = 0) => {
    const scale = 10 ** decimals
    let value = least + (most - least) * random()
    return () => {
      value = Math.min(most, Math.max(least, value + (most - least) * 0.02 * (random() - 0.5)))
      return Math.round(value * scale) / scale
    }
  }
  const constant = (value: number) => () => value
  const histogram = (name: string, bounds: readonly string[], labels: Readonly<Record<string, string>>) => {
    // Cumulative buckets grow together, though one may be asked for many scrapes before the next: a scrape's counts wait
    // until the last bucket has taken its own.
    // Far from zero, where Prometheus 2 and 3 extrapolate in different ways.
    let before = 0
    let counts = bounds.map(() => (before += Math.floor(1e4 * random())))
    const waiting = new Map<number, readonly number[]>()
    const middle = 2 + Math.floor(random() * (bounds.length - 5))
    const scrape = () => {
      let below = 0
      counts = counts.map((count, i) => count + (below += Math.floor((20 * random()) / (1 + Math.abs(i - middle)) ** 2)))
      return counts
    }
    bounds.forEach((le, index) => {
      let turn = 0
      add(`${name}_bucket`, { ...labels, le }, () => {
        if (index === 0) waiting.set(turn, scrape())
        const count = waiting.get(turn)?.[index] ?? 0
        if (index === bounds.length - 1) waiting.delete(turn)
        turn++
        return count
      })
    })
  }

  for (let host = 0; host < 40; host++) {
    const at = { instance: `node-${String(host).padStart(2, '0')}.example.internal:9100`, job: 'node' }
    for (let cpu = 0; cpu < 8; cpu++) for (const mode of cpuModes) add('node_cpu_seconds_total', { ...at, cpu: String(cpu), mode }, secondsCounter(mode === 'idle' ? 12 : 0.4))
    for (const name of memoryMetrics) add(name, at, name === 'node_memory_MemTotal_bytes' ? constant(16_777_216_000 + host * 4096) : gauge(1e9, 15e9))
    for (const mountpoint of mountpoints) {
      const volume = { ...at, device: `/dev/sda${mountpoint.length}`, fstype: 'ext4', mountpoint }
      add('node_filesystem_size_bytes', volume, constant(1e11))
      add('node_filesystem_avail_bytes', volume, gauge(5e9, 95e9))
    }
    for (const device of devices) for (const direction of ['receive', 'transmit']) add(`node_network_${direction}_bytes_total`, { ...at, device }, counter(150_000))
    for (const device of ['sda', 'sdb', 'nvme0n1', 'nvme1n1']) {
      for (const name of ['node_disk_io_time_seconds_total', 'node_disk_read_time_seconds_total']) add(name, { ...at, device }, secondsCounter(2))
      for (const name of ['node_disk_reads_completed_total', 'node_disk_writes_completed_total']) add(name, { ...at, device }, counter(300))
    }
    for (const name of ['node_load1', 'node_load5', 'node_load15']) add(name, at, gauge(0, 8, 2))
    add('node_uname_info', { ...at, nodename: `host-${host}`, release: '6.1.0', machine: 'x86_64' }, constant(1))
    add('up', at, constant(1))
  }
  for (let app = 0; app < 20; app++) {
    const at = { instance: `app-${String(app).padStart(2, '0')}.example.internal:8000`, job: 'rental-ml-api' }
    endpoints.forEach((text) => {
      const [method = '', endpoint = ''] = text.split(' ')
      histogram('http_request_duration_seconds', buckets, { ...at, method, endpoint })
      add('http_request_duration_seconds_count', { ...at, method, endpoint }, counter(80))
      add('http_request_duration_seconds_sum', { ...at, method, endpoint }, secondsCounter(30))
      for (const status of statuses) add('http_requests_total', { ...at, method, endpoint, status }, counter(status.startsWith('2') ? 60 : 4))
    })
    add('up', at, constant(1))
    add('process_resident_memory_bytes', at, gauge(1e8, 1e9))
  }
  for (let server = 0; server < 10; server++) {
    const at = { instance: `ml-${server}.example.internal:8001`, job: 'ml-inference' }
    for (const model_name of ['ranker', 'embedder', 'pricing', 'fraud', 'search']) {
      histogram('ml_inference_duration_seconds', buckets.slice(1, 11).concat('+Inf').slice(-10), { ...at, model_name })
      add('ml_inference_total', { ...at, model_name }, counter(50))
      add('ml_inference_errors_total', { ...at, model_name }, counter(2))
    }
  }
  for (let i = 0; i < 3; i++) {
    const at = { instance: `db-${i}.example.internal:9187`, job: 'postgres' }
    add('pg_stat_database_tup_fetched', { ...at, datname: 'rental' }, counter(5000))
    add('pg_stat_activity_count', { ...at, datname: 'rental' }, gauge(5, 100))
    const cache = { instance: `cache-${i}.example.internal:9121`, job: 'redis' }
    add('redis_keyspace_hits_total', cache, counter(900))
    add('redis_keyspace_misses_total', cache, counter(100))
  }
  for (let pod = 0; all.length <= benchSeriesCount - 3; pod++) {
    const namespace = `team-${pod % 20}`
    const labels = { namespace, pod: `service-${pod % 60}-7d9f8b6c5-${pod.toString(36).padStart(5, '0')}` }
    const cluster = { instance: 'kube.example.internal:8080', job: 'kube' }
    add('container_cpu_usage_seconds_total', { ...cluster, ...labels, container: 'main' }, secondsCounter(3))
    add('container_memory_working_set_bytes', { ...cluster, ...labels, container: 'main' }, gauge(1e7, 1e9))
    add('kube_pod_info', { ...cluster, ...labels, node: `host-${pod % 40}`, host_ip: `10.0.0.${pod % 40}` }, constant(1))
  }
  while (all.length < benchSeriesCount) add('search_index_lag_seconds', { instance: 'search.example.internal:9200', job: 'search', shard: String(all.length) }, gauge(0, 400))
  return all
}

export type BodyOptions = {
  readonly series: readonly BenchSeries[]
  /** Time of the first scrape, a multiple of the interval. */
  readonly startMs: number
  readonly scrapes: number
  readonly seriesPerBody: number
}

/** Snappy-compressed remote-write bodies for `scrapes` scrapes of all series. The series move on: call it in order of time. */
export function remoteWriteBodies({ series, startMs, scrapes, seriesPerBody }: BodyOptions): Uint8Array[] {
  const bodies: Uint8Array[] = []
  for (let from = 0; from < series.length; from += seriesPerBody) {
    bodies.push(encodeWriteRequest(series.slice(from, from + seriesPerBody).map(({ labelBytes, offsetMs, jitterSeed, next }) => ({
      labelBytes,
      count: scrapes,
      timeMs: (scrape) => startMs + scrape * scrapeIntervalMs + offsetMs + jitterMs(jitterSeed, startMs / scrapeIntervalMs + scrape),
      value: next,
    }))))
  }
  return bodies
}

function hashOf(text: string): number {
  let hash = 7
  for (const character of text) hash = (Math.imul(hash, 31) + character.charCodeAt(0)) >>> 0
  return hash
}

/** 0 to 7. */
function jitterMs(seed: number, scrape: number): number {
  return Math.imul(seed ^ scrape, 0x9e3779b1) >>> 29
}

/** Numbers in [0, 1) that are the same in every run. */
function linearCongruential(seed: number): () => number {
  let state = seed >>> 0
  return () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32
}
