// What do queries and ingest do to each other? Four clients ask the dashboard's queries in a loop, for the last hour at a step
// of 15 s, while 100,000 samples a second come in by remote write; first the ingest alone, for comparison. And whether the
// main thread stays free: how long /-/healthy takes while the heaviest query of the list runs again and again.

import { setTimeout as delay } from 'node:timers/promises'
import { Pool } from 'undici'
import { remoteWriteHeaders } from '../test/helpers/remoteWriteBody.ts'
import type { RunningServer } from '../test/helpers/servers.ts'
import { createBenchSeries, remoteWriteBodies } from './queryData.ts'
import { benchQueries } from './queryList.ts'
import { openQueryServers, type QueryServers } from './queryServers.ts'
import { printTable } from './table.ts'

const phaseMs = 10_000
const clientCount = 4
/** One round of 10,000 series, sent in this time: 100,000 samples a second. */
const roundMs = 100
const seriesPerBody = 2_000

type Phase = { readonly ingestMs: readonly number[]; readonly samplesPerSecond: number; readonly queries: number }
type Result = { readonly name: string; readonly alone: Phase; readonly busy: Phase; readonly healthyMs: readonly number[] }

export async function benchQueryUnderLoad(): Promise<void> {
  const servers = await openQueryServers()
  try {
    const results: Result[] = []
    for (const server of [servers.solowatch, servers.prometheus, servers.victoria]) results.push(await measure(server, servers))
    print(results)
  } finally {
    await servers.close()
  }
}

async function measure(server: RunningServer, servers: QueryServers): Promise<Result> {
  const series = createBenchSeries()
  const nowMs = Date.now()
  // Made beforehand, so that the load is the server's alone.
  const rounds = Array.from({ length: (2 * phaseMs) / roundMs }, (_, round) => remoteWriteBodies({ series, startMs: nowMs + round * roundMs, scrapes: 1, seriesPerBody }))
  // A dashboard that has been open for a while: page caches and compiled code are warm.
  await Promise.all(Array.from({ length: clientCount }, (_, client) => askUntil(server, servers, client, performance.now() + phaseMs)))
  const alone = await phase(server, rounds.slice(0, rounds.length / 2), undefined)
  const busy = await phase(server, rounds.slice(rounds.length / 2), servers)
  return { name: server.name, alone, busy, healthyMs: await healthyUnderQuery(server, servers) }
}

/** Sends a round every `roundMs`, or as fast as the server takes them, with or without clients that query. */
async function phase(server: RunningServer, rounds: readonly (readonly Uint8Array[])[], queried: QueryServers | undefined): Promise<Phase> {
  const pool = new Pool(server.url, { connections: 2 })
  const ingestMs: number[] = []
  const startedMs = performance.now()
  const endsMs = startedMs + phaseMs
  let sent = 0
  const ingest = async () => {
    for (const [index, bodies] of rounds.entries()) {
      if (performance.now() > endsMs) return
      await delay(Math.max(0, startedMs + index * roundMs - performance.now()))
      await Promise.all(bodies.map(async (body) => {
        const beganMs = performance.now()
        const response = await pool.request({ path: '/api/v1/write', method: 'POST', headers: remoteWriteHeaders, body })
        const text = await response.body.text()
        if (response.statusCode >= 300) throw new Error(`${server.name} answered ${response.statusCode}: ${text}`)
        ingestMs.push(performance.now() - beganMs)
      }))
      sent += 10_000
    }
  }
  const clients = queried === undefined ? [] : Array.from({ length: clientCount }, (_, client) => askUntil(server, queried, client, endsMs))
  const [, ...asked] = await Promise.all([ingest(), ...clients])
  await pool.close()
  return { ingestMs, samplesPerSecond: (1000 * sent) / (performance.now() - startedMs), queries: asked.reduce((sum, count) => sum + count, 0) }
}

async function askUntil(server: RunningServer, { endMs }: QueryServers, client: number, endsMs: number): Promise<number> {
  const pool = new Pool(server.url, { connections: 1 })
  let count = 0
  for (let i = client * 5; performance.now() < endsMs; i++) {
    const query = benchQueries[i % benchQueries.length]?.text ?? ''
    const response = await pool.request({ path: rangePath(query, endMs - 3_600_000, endMs), method: 'GET' })
    await response.body.text()
    count++
  }
  await pool.close()
  return count
}

async function healthyUnderQuery(server: RunningServer, { startMs, endMs }: QueryServers): Promise<number[]> {
  const heavy = new Pool(server.url, { connections: 1 })
  const light = new Pool(server.url, { connections: 1 })
  const times: number[] = []
  let running = true
  const heaviest = benchQueries.find(({ name }) => name === 'cpu by instance and mode')?.text ?? ''
  const asking = (async () => {
    for (let i = 0; i < 5; i++) await (await heavy.request({ path: rangePath(heaviest, startMs, endMs), method: 'GET' })).body.text()
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
  return `/api/v1/query_range?query=${encodeURIComponent(query)}&nocache=1&start=${startMs / 1000}&end=${endMs / 1000}&step=15`
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
      row('queries per second', ({ busy }) => (1000 * busy.queries) / phaseMs),
      row('samples per second, alone', ({ alone }) => alone.samplesPerSecond, 0),
      row('samples per second, with queries', ({ busy }) => busy.samplesPerSecond, 0),
      row('p99 of a write, alone, ms', ({ alone }) => quantile(alone.ingestMs, 0.99)),
      row('p99 of a write, with queries, ms', ({ busy }) => quantile(busy.ingestMs, 0.99)),
      row('health while the heaviest query runs, p50 ms', ({ healthyMs }) => quantile(healthyMs, 0.5)),
      row('health while the heaviest query runs, p99 ms', ({ healthyMs }) => quantile(healthyMs, 0.99)),
    ],
  )
}
