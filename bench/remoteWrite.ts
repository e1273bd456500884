// How many samples does a server take in per second of its own CPU time, and per second on the clock, over remote write?
// The same bodies go to each server in turn: first a round of series it has never seen, then rounds of known ones.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Pool } from 'undici'
import { remoteWriteBody, remoteWriteHeaders, type WrittenSeries } from '../test/helpers/remoteWriteBody.ts'
import { startPrometheus, startSolowatch, startVictoriaMetrics, type RunningServer } from '../test/helpers/servers.ts'
import { formatBytes, formatCount, printTable } from './table.ts'

export type RemoteWriteOptions = { readonly series: number; readonly rounds: number; readonly seriesPerBody: number; readonly connections: number }

export const remoteWriteDefaults: RemoteWriteOptions = { series: 100_000, rounds: 20, seriesPerBody: 2_000, connections: 2 }

type Measured = {
  readonly name: string
  readonly idleBytes: number
  readonly firstRoundCpuSeconds: number
  readonly samplesPerCpuSecond: number
  readonly samplesPerSecond: number
  readonly residentBytes: number
}

/** Runs the bench on all three servers and prints the table with ratios to solowatch. */
export async function benchRemoteWrite(options: RemoteWriteOptions): Promise<void> {
  const bodies = makeRounds(options)
  const results: Measured[] = []
  for (const start of [startOwn, startPrometheusReceiver, startVictoria]) {
    const dir = mkdtempSync(join(tmpdir(), 'solowatch-bench-'))
    const server = await start(dir)
    try {
      results.push(await measure(server, bodies, options))
    } finally {
      await server.stop()
      rmSync(dir, { recursive: true, force: true })
    }
  }
  const own = results[0]
  if (own === undefined) return
  const ratio = (mine: number, theirs: number) => `${formatCount(theirs)} (${(mine / theirs).toFixed(2)}x)`
  const bytesRatio = (mine: number, theirs: number) => `${formatBytes(theirs)} (${(mine / theirs).toFixed(2)}x)`
  printTable(
    `remote write: ${options.series} series x 11 labels, ${options.seriesPerBody} series x 1 sample per body, ${options.rounds} rounds, ${options.connections} connections (in brackets: solowatch / this)`,
    ['', ...results.map((result) => result.name)],
    [
      ['samples per server CPU-second', ...results.map((r) => ratio(own.samplesPerCpuSecond, r.samplesPerCpuSecond))],
      ['samples per second on the clock', ...results.map((r) => ratio(own.samplesPerSecond, r.samplesPerSecond))],
      ['first round (new series), CPU-seconds', ...results.map((r) => `${r.firstRoundCpuSeconds.toFixed(2)} (${(own.firstRoundCpuSeconds / r.firstRoundCpuSeconds).toFixed(2)}x)`)],
      ['resident memory idle', ...results.map((r) => bytesRatio(own.idleBytes, r.idleBytes))],
      ['resident memory after the last round', ...results.map((r) => bytesRatio(own.residentBytes, r.residentBytes))],
    ],
  )
}

async function measure(server: RunningServer, rounds: readonly (readonly Uint8Array[])[], options: RemoteWriteOptions): Promise<Measured> {
  const pool = new Pool(server.url, { connections: options.connections })
  const idleBytes = server.residentBytes()
  const idleCpuSeconds = server.cpuSeconds()
  await sendRound(pool, rounds[0] ?? [], options.connections, server)
  const firstRoundCpuSeconds = server.cpuSeconds() - idleCpuSeconds
  const knownCpuSeconds = server.cpuSeconds()
  const startedMs = performance.now()
  for (const bodies of rounds.slice(1)) await sendRound(pool, bodies, options.connections, server)
  const seconds = (performance.now() - startedMs) / 1000
  const cpuSeconds = server.cpuSeconds() - knownCpuSeconds
  const samples = options.series * (rounds.length - 1)
  await pool.close()
  return {
    name: server.name,
    idleBytes,
    firstRoundCpuSeconds,
    samplesPerCpuSecond: samples / cpuSeconds,
    samplesPerSecond: samples / seconds,
    residentBytes: server.residentBytes(),
  }
}

/** Each connection sends its share of the bodies one after the other, as a sender's shards do. */
async function sendRound(pool: Pool, bodies: readonly Uint8Array[], connections: number, server: RunningServer): Promise<void> {
  const send = async (body: Uint8Array) => {
    const response = await pool.request({ path: '/api/v1/write', method: 'POST', headers: remoteWriteHeaders, body })
    const text = await response.body.text()
    if (response.statusCode >= 300) throw new Error(`${server.name} answered ${response.statusCode}: ${text}`)
  }
  await Promise.all(
    Array.from({ length: connections }, async (_, connection) => {
      for (let i = connection; i < bodies.length; i += connections) await send(bodies[i] ?? new Uint8Array())
    }),
  )
}

/** The bodies of all rounds, one scrape interval apart and ending now. */
function makeRounds(options: RemoteWriteOptions): Uint8Array[][] {
  const intervalMs = 15_000
  const firstMs = Date.now() - options.rounds * intervalMs
  return Array.from({ length: options.rounds }, (_, round) => {
    const bodies: Uint8Array[] = []
    for (let from = 0; from < options.series; from += options.seriesPerBody) {
      const series = Array.from({ length: Math.min(options.seriesPerBody, options.series - from) }, (_, i) => makeSeries(from + i, round, firstMs + round * intervalMs))
      bodies.push(remoteWriteBody(series))
    }
    return bodies
  })
}

function makeSeries(index: number, round: number, timestampMs: number): WrittenSeries {
  return {
    labels: {
      __name__: `bench_http_requests_${index % 200}_total`,
      instance: `node-${Math.floor(index / 500)}.example.internal:9100`,
      job: `service-${index % 40}`,
      cluster: 'production-eu-west-1',
      namespace: `team-${index % 25}`,
      pod: `service-${index % 40}-7d9f8b6c5-${index.toString(36).padStart(5, '0')}`,
      container: 'main',
      method: ['GET', 'POST', 'PUT', 'DELETE'][index % 4] ?? 'GET',
      path: `/api/v1/resource/${index % 97}`,
      status: String(200 + (index % 5) * 100),
      version: 'v1.24.3',
    },
    samples: [{ timestampMs, value: index * 3 + round * (1 + (index % 17)) + (index % 10 === 0 ? round * 0.125 : 0) }],
  }
}

const startOwn = (dir: string) => startSolowatch(dir, [`--config.file=${writeEmptyConfig(dir)}`])
const startPrometheusReceiver = (dir: string) => startPrometheus(dir, writeEmptyConfig(dir), ['--web.enable-remote-write-receiver'])
const startVictoria = (dir: string) => startVictoriaMetrics(dir)

function writeEmptyConfig(dir: string): string {
  const path = join(dir, 'empty.yml')
  writeFileSync(path, 'global: {}\n')
  return path
}
