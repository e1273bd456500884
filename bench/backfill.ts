// What does a backlog cost? A sender that was cut off delivers few series with many samples each: samples per CPU-second.

import { setTimeout as delay } from 'node:timers/promises'
import { Pool } from 'undici'
import type { RunningServer } from '../test/helpers/servers.ts'
import { benchBody } from './load/bodies.ts'
import { sendBodies } from './load/writeRequest.ts'
import { measureEach } from './measure/backends.ts'
import { printComparison } from './measure/comparison.ts'
import { formatCount } from './measure/table.ts'

export type BackfillOptions = { readonly series: number; readonly seriesPerBody: number; readonly samplesPerSeries: number; readonly bodiesPerSeries: number; readonly connections: number }

export const backfillDefaults: BackfillOptions = { series: 400, seriesPerBody: 20, samplesPerSeries: 500, bodiesPerSeries: 60, connections: 2 }

/** What a start still has to do is done by then. */
const idleMs = 3_000

/** Milliseconds between samples; short, so that each round of bodies stays within the hour that a head takes. */
const intervalMs = 1_000

/** Runs the bench on all three servers in turn and prints the table. */
export async function benchBackfill(options: BackfillOptions): Promise<void> {
  const samples = options.series * options.samplesPerSeries * options.bodiesPerSeries
  const firstMs = Date.now() - options.samplesPerSeries * options.bodiesPerSeries * intervalMs
  const rounds = Array.from({ length: options.bodiesPerSeries }, (_, part) => {
    const bodies: Uint8Array[] = []
    for (let first = 0; first < options.series; first += options.seriesPerBody) {
      bodies.push(
        benchBody({
          firstSeries: first,
          seriesCount: options.seriesPerBody,
          firstRound: part * options.samplesPerSeries,
          roundCount: options.samplesPerSeries,
          timeOf: (round) => firstMs + round * intervalMs,
        }),
      )
    }
    return bodies
  })
  const measure = async (server: RunningServer) => {
    await delay(idleMs)
    const pool = new Pool(server.url, { connections: options.connections })
    const before = server.cpuSeconds()
    for (const bodies of rounds) await sendBodies(pool, bodies, options.connections)
    await pool.close()
    return samples / (server.cpuSeconds() - before)
  }
  printComparison(`backfill: ${options.series} series, ${options.samplesPerSeries} samples each per body of ${options.seriesPerBody} series, ${formatCount(samples)} samples`, [
    { what: 'samples per server CPU-second', values: await measureEach(measure), format: formatCount, goals: [{ peer: 'VictoriaMetrics', atLeast: 3 }] },
  ])
}
