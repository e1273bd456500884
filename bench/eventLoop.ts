// How late are the timers of the main thread, and so every scrape, rule and page, while it is busy? 200k samples a second
// come in while the head is flushed again and again, a closed day is compacted and an old one dropped.

import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Pool } from 'undici'
import { startSolowatch, type RunningServer } from '../test/helpers/servers.ts'
import { benchBody } from './load/bodies.ts'
import { sendBodies, sendBody } from './load/writeRequest.ts'
import { emptyConfig, inBenchDir } from './measure/backends.ts'
import { printComparison } from './measure/comparison.ts'

export type EventLoopOptions = { readonly series: number; readonly samplesPerSecond: number; readonly seconds: number; readonly flushes: number; readonly oldSeries: number }

export const eventLoopDefaults: EventLoopOptions = { series: 100_000, samplesPerSecond: 200_000, seconds: 110, flushes: 3, oldSeries: 20_000 }

const seriesPerBody = 2_000
const connections = 4
const dayMs = 86_400_000

/** Runs the bench on solowatch and prints the table. */
export async function benchEventLoop(options: EventLoopOptions): Promise<void> {
  const metrics = await inBenchDir(async (dir) => {
    const data = join(dir, 'data')
    const flags = [`--config.file=${emptyConfig(dir)}`, '--storage.tsdb.retention.time=3d', '--web.enable-admin-api']
    const before = await startSolowatch(data, flags)
    await loadOldDays(before, options)
    await before.stop()
    const server = await startSolowatch(data, flags)
    try {
      await Promise.all([ingest(server, options), flushNowAndThen(server, options)])
      return (await fetch(`${server.url}/metrics`)).text()
    } finally {
      await server.stop()
    }
  })
  const figure = (name: string) => Number(new RegExp(`^${name.replace(/[{}"]/g, '\\$&')} (.+)$`, 'm').exec(metrics)?.[1] ?? NaN)
  const milliseconds = (value: number) => `${value.toFixed(1)} ms`
  const row = (what: string, value: number, format: (value: number) => string) => ({ what, values: [value, NaN, NaN], format })
  printComparison(`event loop: ${options.samplesPerSecond} samples/s of ${options.series} series for ${options.seconds} s, with flushes, a compaction and retention`, [
    { ...row('p99 delay of the main event loop', figure('solowatch_event_loop_delay_seconds{quantile="0.99"}') * 1000, milliseconds), goals: [{ atMost: 20 }] },
    row('p50', figure('solowatch_event_loop_delay_seconds{quantile="0.5"}') * 1000, milliseconds),
    row('longest', figure('solowatch_event_loop_delay_max_seconds') * 1000, milliseconds),
    row('samples taken in', figure('prometheus_tsdb_head_samples_appended_total{type="float"}'), String),
    row('compactions', figure('prometheus_tsdb_compactions_total'), String),
    row('days dropped', figure('prometheus_tsdb_time_retentions_total'), String),
  ])
}

/** Two hours of a day that retention will drop and of one that the next start compacts: yesterday is not closed before three in the morning. */
async function loadOldDays(server: RunningServer, options: EventLoopOptions): Promise<void> {
  const pool = new Pool(server.url, { connections })
  const today = Math.floor(Date.now() / dayMs) * dayMs
  for (const startMs of [today - 5 * dayMs, today - 2 * dayMs]) {
    for (let part = 0; part < 4; part++) {
      const bodies: Uint8Array[] = []
      for (let firstSeries = 0; firstSeries < options.oldSeries; firstSeries += seriesPerBody) {
        bodies.push(benchBody({ firstSeries, seriesCount: seriesPerBody, firstRound: part * 30, roundCount: 30, timeOf: (round) => startMs + round * 60_000 }))
      }
      await sendBodies(pool, bodies, connections)
    }
  }
  await pool.close()
}

/** Sends each body when it is due; one that is late is sent at once. */
async function ingest(server: RunningServer, options: EventLoopOptions): Promise<void> {
  const roundMs = (options.series / options.samplesPerSecond) * 1000
  const rounds = Math.round((options.seconds * 1000) / roundMs)
  const bodiesPerRound = options.series / seriesPerBody
  const firstMs = Date.now()
  const startedMs = performance.now()
  const pool = new Pool(server.url, { connections })
  const underWay = new Set<Promise<void>>()
  for (let n = 0; n < rounds * bodiesPerRound; n++) {
    const round = Math.floor(n / bodiesPerRound)
    const body = benchBody({ firstSeries: (n % bodiesPerRound) * seriesPerBody, seriesCount: seriesPerBody, firstRound: round, roundCount: 1, timeOf: () => firstMs + round * roundMs })
    const dueMs = startedMs + (n / bodiesPerRound) * roundMs
    await delay(Math.max(0, dueMs - performance.now()))
    // Two bodies of one series must not overtake each other.
    if (underWay.size >= connections) await Promise.race(underWay)
    const sent: Promise<void> = sendBody(pool, body).finally(() => underWay.delete(sent))
    underWay.add(sent)
  }
  await Promise.all(underWay)
  await pool.close()
}

/** A snapshot begins with a flush of the head. */
async function flushNowAndThen(server: RunningServer, options: EventLoopOptions): Promise<void> {
  for (let n = 0; n < options.flushes; n++) {
    await delay((options.seconds * 1000) / (options.flushes + 1))
    const response = await fetch(`${server.url}/api/v1/admin/tsdb/snapshot`, { method: 'POST' })
    if (!response.ok) throw new Error(`a snapshot was answered with ${response.status}: ${await response.text()}`)
  }
}
