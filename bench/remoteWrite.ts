// How many samples does a server take in per second of its own CPU time, and per second on the clock, over remote write?
// The same bodies go to each server in turn: first a round of series it has never seen, then rounds of known ones.

import { setTimeout as delay } from 'node:timers/promises'
import { Pool } from 'undici'
import type { RunningServer } from '../test/helpers/servers.ts'
import { benchBody } from './load/bodies.ts'
import { sendBodies } from './load/writeRequest.ts'
import { measureEach } from './measure/backends.ts'
import { printComparison } from './measure/comparison.ts'
import { formatBytes, formatCount } from './measure/table.ts'

export type RemoteWriteOptions = { readonly series: number; readonly rounds: number; readonly seriesPerBody: number; readonly connections: number }

export const remoteWriteDefaults: RemoteWriteOptions = { series: 100_000, rounds: 20, seriesPerBody: 2_000, connections: 2 }

/** Before idle memory is read: what a start leaves behind has gone by then. */
const idleMs = 5_000

type Measured = {
  readonly idleBytes: number
  readonly firstRoundCpuSeconds: number
  readonly samplesPerCpuSecond: number
  readonly samplesPerSecond: number
  readonly residentBytes: number
}

/** Runs the bench on all three servers and prints the table with ratios to solowatch. */
export async function benchRemoteWrite(options: RemoteWriteOptions): Promise<void> {
  const rounds = makeRounds(options)
  const results = await measureEach((server) => measure(server, rounds, options))
  const values = (pick: (measured: Measured) => number) => results.map(pick)
  printComparison(
    `remote write: ${options.series} series x 11 labels, ${options.seriesPerBody} series x 1 sample per body, ${options.rounds} rounds, ${options.connections} connections`,
    [
      {
        what: 'samples per server CPU-second',
        values: values((r) => r.samplesPerCpuSecond),
        format: formatCount,
        goals: [{ peer: 'Prometheus', atLeast: 10 }, { peer: 'VictoriaMetrics', atLeast: 2.5 }],
      },
      { what: 'samples per second on the clock', values: values((r) => r.samplesPerSecond), format: formatCount, goals: [{ peer: 'VictoriaMetrics', atLeast: 1.5 }] },
      {
        what: 'first round (new series), CPU-seconds',
        values: values((r) => r.firstRoundCpuSeconds),
        format: (value) => value.toFixed(2),
        goals: [{ peer: 'VictoriaMetrics', atMost: 1 }],
      },
      { what: 'resident memory idle', values: values((r) => r.idleBytes), format: formatBytes, goals: [{ atMost: 100 * 1024 * 1024 }] },
      {
        what: 'resident memory after the last round',
        values: values((r) => r.residentBytes),
        format: formatBytes,
        goals: [{ peer: 'Prometheus', atMost: 0.5 }, { peer: 'VictoriaMetrics', atMost: 1.2 }],
      },
    ],
  )
}

async function measure(server: RunningServer, rounds: readonly (readonly Uint8Array[])[], options: RemoteWriteOptions): Promise<Measured> {
  await delay(idleMs)
  const pool = new Pool(server.url, { connections: options.connections })
  const idleBytes = server.residentBytes()
  const idleCpuSeconds = server.cpuSeconds()
  await sendBodies(pool, rounds[0] ?? [], options.connections)
  const firstRoundCpuSeconds = server.cpuSeconds() - idleCpuSeconds
  const knownCpuSeconds = server.cpuSeconds()
  const startedMs = performance.now()
  for (const bodies of rounds.slice(1)) await sendBodies(pool, bodies, options.connections)
  const seconds = (performance.now() - startedMs) / 1000
  const cpuSeconds = server.cpuSeconds() - knownCpuSeconds
  const samples = options.series * (rounds.length - 1)
  await pool.close()
  return {
    idleBytes,
    firstRoundCpuSeconds,
    samplesPerCpuSecond: samples / cpuSeconds,
    samplesPerSecond: samples / seconds,
    residentBytes: server.residentBytes(),
  }
}

/** The bodies of all rounds, one scrape interval apart and ending now. */
function makeRounds(options: RemoteWriteOptions): Uint8Array[][] {
  const intervalMs = 15_000
  const firstMs = Date.now() - options.rounds * intervalMs
  return Array.from({ length: options.rounds }, (_, round) => {
    const bodies: Uint8Array[] = []
    for (let first = 0; first < options.series; first += options.seriesPerBody) {
      const seriesCount = Math.min(options.seriesPerBody, options.series - first)
      bodies.push(benchBody({ firstSeries: first, seriesCount, firstRound: round, roundCount: 1, timeOf: (r) => firstMs + r * intervalMs }))
    }
    return bodies
  })
}
