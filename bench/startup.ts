// How long is a server away after kill -9? Each gets 100k series and two hours of samples every 15 s, 48 million, one of each
// series in a body as scrapes bring them, none of them in partitions or blocks. Then it is killed and started again: time until
// it says it is ready and has answered a query over them.

import { setTimeout as delay } from 'node:timers/promises'
import { Pool } from 'undici'
import type { RunningServer } from '../test/helpers/servers.ts'
import { benchBody } from './load/bodies.ts'
import { sendBodies } from './load/writeRequest.ts'
import { backends, inBenchDir, type Backend } from './measure/backends.ts'
import { printComparison } from './measure/comparison.ts'

export type StartupOptions = { readonly series: number; readonly intervalMs: number; readonly hours: number; readonly seriesPerBody: number }

export const startupDefaults: StartupOptions = { series: 100_000, intervalMs: 15_000, hours: 2, seriesPerBody: 2_000 }

/** VictoriaMetrics keeps samples in memory for some seconds before they survive a crash. */
const settleMs = 15_000

/** Runs the bench on all three servers in turn and prints the table. */
export async function benchStartup(options: StartupOptions): Promise<void> {
  const seconds: number[] = []
  for (const backend of backends) seconds.push(await inBenchDir((dir) => measure(backend, dir, options)))
  printComparison(`start after kill -9: ${options.series} series, ${options.hours} h at ${options.intervalMs / 1000} s, none in partitions`, [
    { what: 'seconds until a query is answered', values: seconds, format: (value) => `${value.toFixed(2)} s`, goals: [{ atMost: 2 }, { peer: 'Prometheus', atMost: 1 / 3 }] },
  ])
}

async function measure(start: Backend, dir: string, options: StartupOptions): Promise<number> {
  const first = await start(dir)
  const newestMs = await load(first, options)
  await delay(settleMs)
  await expectNoneFlushed(first)
  await first.stop('SIGKILL')
  const startedMs = performance.now()
  const again = await start(dir)
  try {
    const isAnswered = await untilAnswered(again, options, newestMs)
    return isAnswered ? (performance.now() - startedMs) / 1000 : NaN
  } finally {
    await again.stop('SIGKILL')
  }
}

/** Returns the time of the newest sample. */
async function load(server: RunningServer, options: StartupOptions): Promise<number> {
  const pool = new Pool(server.url, { connections: 2 })
  const endMs = Date.now()
  const firstMs = endMs - options.hours * 3_600_000
  const rounds = (options.hours * 3_600_000) / options.intervalMs
  for (let round = 0; round < rounds; round++) {
    for (let from = 0; from < options.series; from += 10 * options.seriesPerBody) {
      const bodies: Uint8Array[] = []
      for (let firstSeries = from; firstSeries < Math.min(options.series, from + 10 * options.seriesPerBody); firstSeries += options.seriesPerBody) {
        bodies.push(benchBody({ firstSeries, seriesCount: options.seriesPerBody, firstRound: round, roundCount: 1, timeOf: () => firstMs + round * options.intervalMs }))
      }
      await sendBodies(pool, bodies, 2)
    }
  }
  await pool.close()
  return endMs - options.intervalMs
}

/** Fails when the load crossed a full hour, at which solowatch flushes; both it and Prometheus tell. */
async function expectNoneFlushed(server: RunningServer): Promise<void> {
  const metrics = await fetch(`${server.url}/metrics`).then((response) => response.text())
  const blocks = /^prometheus_tsdb_blocks_loaded (\d+)$/m.exec(metrics)?.[1] ?? '0'
  if (blocks !== '0') throw new Error(`${server.name} has flushed some of the samples; run the bench again`)
}

/** Ready is only a word; a count of all series of one name shows that they are there. False when they are lost. */
async function untilAnswered(server: RunningServer, options: StartupOptions, timeMs: number): Promise<boolean> {
  const query = new URLSearchParams({ query: 'count(bench_http_requests_7_total)', time: String(timeMs / 1000) })
  const deadlineMs = performance.now() + 60_000
  while (performance.now() < deadlineMs) {
    const answer: unknown = await fetch(`${server.url}/api/v1/query?${query}`).then((response) => response.json(), () => undefined)
    if (JSON.stringify(answer ?? '').includes(`"${options.series / 200}"`)) return true
    await delay(10)
  }
  return false
}
