// What do queries and ingest do to each other? Four clients ask the dashboard's queries in a loop, for the last hour at a step
// of 15 s, while 100,000 samples a second come in by remote write from another process. In turn with the ingest alone, so that
// whatever else the machine does meets both. And whether the main thread stays free: how long /-/healthy takes, and how late
// scrapes start, while the heaviest query of the list runs again and again. The whole takes five minutes.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { Pool } from 'undici'
import type { RunningServer } from '../test/helpers/servers.ts'
import { benchQueries } from './load/queryList.ts'
import { startSteadyWriter, type SteadyWriter, type Written } from './load/steadyWriter.ts'
import { openQueryServers, type QueryServers } from './measure/queryServers.ts'
import { printTable } from './measure/table.ts'

const warmUpMs = 4_000
/** Ingest alone and ingest with queries, for so long in turn: 1,200 writes each, of which the slowest one per cent are twelve. */
const turnMs = 4_000
const turns = 6
/** The first writes of a server make what it keeps for all others. */
const firstWritesMs = 3_000
const heavyMs = 6_000
const clientCount = 4
/** Scraped once a second by each server, each at its own moment. */
const targetCount = 20
const scrapeIntervalMs = 1_000

type Phase = { readonly ingestMs: readonly number[]; readonly samplesPerSecond: number; readonly queriesPerSecond: number }
type Result = { readonly name: string; readonly alone: Phase; readonly busy: Phase; readonly cached: number; readonly healthyMs: readonly number[]; readonly lateMs: readonly number[] }
type Clients = { readonly servers: QueryServers; readonly writer: SteadyWriter; readonly clockUrl: string }

export async function benchQueryUnderLoad(): Promise<void> {
  const clock = spawn(process.execPath, [new URL('measure/scrapeClock.ts', import.meta.url).pathname], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [portLine]: unknown[] = await once(clock.stdout, 'data')
  const clockUrl = `http://127.0.0.1:${Number(String(portLine))}`
  const writer = await startSteadyWriter(firstWritesMs + 2 * turns * turnMs)
  const servers = await openQueryServers()
  try {
    servers.reconfigure(scrapeConfig(clockUrl))
    const results: Result[] = []
    for (const server of [servers.solowatch, servers.prometheus, servers.victoria]) results.push(await measure(server, { servers, writer, clockUrl }))
    print(results)
  } finally {
    await servers.close()
    writer.close()
    clock.kill()
  }
}

function scrapeConfig(clockUrl: string): string {
  const jobs = Array.from({ length: targetCount }, (_, i) => `  - job_name: clock${i}\n    metrics_path: /${i}\n    static_configs:\n      - targets: ['${new URL(clockUrl).host}']\n`)
  return `global:\n  scrape_interval: ${scrapeIntervalMs / 1000}s\n  scrape_timeout: ${scrapeIntervalMs / 1000}s\nscrape_configs:\n${jobs.join('')}`
}

async function measure(server: RunningServer, { servers, writer, clockUrl }: Clients): Promise<Result> {
  // A dashboard that has been open for a while: page caches and compiled code are warm.
  await askAll(server, servers, { untilMs: performance.now() + warmUpMs, suffix: '&nocache=1' })
  await writer.write(server.url, firstWritesMs)
  const alone: Turn[] = []
  const busy: Turn[] = []
  for (let turn = 0; turn < turns; turn++) {
    alone.push({ ...(await writer.write(server.url, turnMs)), queries: 0 })
    const asking = askAll(server, servers, { untilMs: performance.now() + turnMs, suffix: '&nocache=1' })
    const [written, queries] = await Promise.all([writer.write(server.url, turnMs), asking])
    busy.push({ ...written, queries })
  }
  const cached = await askAll(server, servers, { untilMs: performance.now() + warmUpMs, suffix: '' })
  await arrivals(clockUrl, server)
  // At rest, to know when each target's turn is.
  await delay(3 * scrapeIntervalMs)
  const healthyMs = await healthyUnderQuery(server, servers)
  return { name: server.name, alone: phaseOf(alone), busy: phaseOf(busy), cached: (1000 * cached) / warmUpMs, healthyMs, lateMs: latenesses(await arrivals(clockUrl, server)) }
}

type Turn = Written & { readonly queries: number }

function phaseOf(all: readonly Turn[]): Phase {
  const sum = (value: (turn: Turn) => number) => all.reduce((total, turn) => total + value(turn), 0)
  return {
    ingestMs: all.flatMap(({ ingestMs }) => ingestMs),
    samplesPerSecond: (1000 * sum(({ samples }) => samples)) / sum(({ tookMs }) => tookMs),
    queriesPerSecond: (1000 * sum(({ queries }) => queries)) / (turns * turnMs),
  }
}

const userAgents: Readonly<Record<string, RegExp>> = { solowatch: /^Prometheus\/3/, Prometheus: /^Prometheus\/2/, VictoriaMetrics: /^(vm_promscrape|VictoriaMetrics)/ }

/** When the server scraped each target since the last call. */
async function arrivals(clockUrl: string, server: RunningServer): Promise<readonly (readonly number[])[]> {
  const all = (await (await fetch(`${clockUrl}/arrivals`)).json()) as Record<string, number[]> // as scrapeClock.ts prints it
  return Object.entries(all).flatMap(([key, times]) => (userAgents[server.name]?.test(key) === true ? [times] : []))
}

/** How much later than its turn each scrape began; the turn is that of the target's most punctual one. */
function latenesses(byTarget: readonly (readonly number[])[]): number[] {
  return byTarget.flatMap((times) => {
    const first = times[0] ?? 0
    const offsets = times.map((timeMs) => timeMs - first - Math.round((timeMs - first) / scrapeIntervalMs) * scrapeIntervalMs)
    const turn = Math.min(...offsets)
    return offsets.map((offset) => offset - turn)
  })
}

/** All clients in a loop, each beginning at another query. Resolves with the number of answers. */
async function askAll(server: RunningServer, { endMs }: QueryServers, { untilMs, suffix }: { readonly untilMs: number; readonly suffix: string }): Promise<number> {
  const askUntil = async (client: number) => {
    const pool = new Pool(server.url, { connections: 1 })
    let count = 0
    for (let i = client * 5; performance.now() < untilMs; i++) {
      const query = benchQueries[i % benchQueries.length]?.text ?? ''
      const response = await pool.request({ path: `${rangePath(query, endMs - 3_600_000, endMs)}${suffix}`, method: 'GET' })
      await response.body.dump({ limit: Infinity })
      count++
    }
    await pool.close()
    return count
  }
  const counts = await Promise.all(Array.from({ length: clientCount }, (_, client) => askUntil(client)))
  return counts.reduce((sum, count) => sum + count, 0)
}

async function healthyUnderQuery(server: RunningServer, { startMs, endMs }: QueryServers): Promise<number[]> {
  const heavy = new Pool(server.url, { connections: 1 })
  const light = new Pool(server.url, { connections: 1 })
  const times: number[] = []
  let running = true
  const heaviest = benchQueries.find(({ name }) => name === 'cpu by instance and mode')?.text ?? ''
  const endsMs = performance.now() + heavyMs
  const asking = (async () => {
    while (performance.now() < endsMs) await (await heavy.request({ path: `${rangePath(heaviest, startMs, endMs)}&nocache=1`, method: 'GET' })).body.dump({ limit: Infinity })
    running = false
  })()
  while (running) {
    const beganMs = performance.now()
    await (await light.request({ path: server.name === 'VictoriaMetrics' ? '/health' : '/-/healthy', method: 'GET' })).body.text()
    times.push(performance.now() - beganMs)
    await delay(10)
  }
  await asking
  await Promise.all([heavy.close(), light.close()])
  return times
}

function rangePath(query: string, startMs: number, endMs: number): string {
  return `/api/v1/query_range?query=${encodeURIComponent(query)}&start=${startMs / 1000}&end=${endMs / 1000}&step=15`
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN
}

function print(results: readonly Result[]): void {
  const row = (title: string, value: (result: Result) => number, digits = 1) => [title, ...results.map((result) => value(result).toFixed(digits))]
  printTable(
    `queries under load: ${clientCount} clients in a loop, 100,000 samples a second wanted (targets: more queries than either peer; p99 of ingest within 2 x of ingest alone; /-/healthy within 20 ms)`,
    ['', ...results.map(({ name }) => name)],
    [
      row('queries per second', ({ busy }) => busy.queriesPerSecond),
      row('queries per second without ingest, caches allowed', ({ cached }) => cached),
      row('samples per second, alone', ({ alone }) => alone.samplesPerSecond, 0),
      row('samples per second, with queries', ({ busy }) => busy.samplesPerSecond, 0),
      row('p99 of a write, alone, ms', ({ alone }) => quantile(alone.ingestMs, 0.99)),
      row('p99 of a write, with queries, ms', ({ busy }) => quantile(busy.ingestMs, 0.99)),
      row('health while the heaviest query runs, p50 ms', ({ healthyMs }) => quantile(healthyMs, 0.5)),
      row('health while the heaviest query runs, p99 ms', ({ healthyMs }) => quantile(healthyMs, 0.99)),
      row('scrape starts while the heaviest query runs, late by p50 ms', ({ lateMs }) => quantile(lateMs, 0.5)),
      row('scrape starts while the heaviest query runs, late by p99 ms', ({ lateMs }) => quantile(lateMs, 0.99)),
    ],
  )
}
