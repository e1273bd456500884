// The three servers with the same 10,000 series x 6 h in them, as they are when a dashboard is opened in the sixth hour:
// the last hour in memory, the hours before on disk.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Pool } from 'undici'
import { startPrometheus, startSolowatch, startVictoriaMetrics, type RunningServer } from '../../test/helpers/servers.ts'
import { createBenchSeries, remoteWriteBodies, scrapeIntervalMs } from '../load/queryData.ts'
import { sendBody } from '../load/writeRequest.ts'

const benchRangeMs = 6 * 3_600_000

/** Samples of ten minutes go in one round, so that each server gets every series in order of time. */
const scrapesPerRound = 40
const seriesPerBody = 500
/** Before the last hour solowatch is restarted, which brings the head to disk as its hourly flush does. */
const hourMs = 3_600_000

export type QueryServers = {
  readonly solowatch: RunningServer
  readonly prometheus: RunningServer
  readonly victoria: RunningServer
  /** Full minutes: from the first sample to the last one. */
  readonly startMs: number
  readonly endMs: number
  /** Has all servers load this configuration. */
  reconfigure(yaml: string): void
  close(): Promise<void>
}

/** Starts and fills the servers. Whoever calls it closes them. */
export async function openQueryServers(): Promise<QueryServers> {
  const root = mkdtempSync(join(tmpdir(), 'solowatch-bench-'))
  const config = join(root, 'prometheus.yml')
  writeFileSync(config, 'global: {}\n')
  const endMs = Math.floor(Date.now() / 60_000) * 60_000 - 60_000
  const startMs = endMs - benchRangeMs
  const startOwn = () => startSolowatch(join(root, 'solowatch'), [`--config.file=${config}`])
  const prometheus = await startPrometheus(join(root, 'prometheus'), config, ['--web.enable-remote-write-receiver'])
  const victoria = await startVictoriaMetrics(join(root, 'victoria'), [`-promscrape.config=${config}`])
  let solowatch = await startOwn()
  const series = createBenchSeries()
  let hour = 0
  for (let roundMs = startMs; roundMs < endMs; roundMs += scrapesPerRound * scrapeIntervalMs) {
    const bodies = remoteWriteBodies({ series, startMs: roundMs, scrapes: scrapesPerRound, seriesPerBody })
    if (roundMs >= endMs - hourMs && hour === 0) {
      hour = 1
      await solowatch.stop()
      solowatch = await startOwn()
    }
    await Promise.all([solowatch, prometheus, victoria].map((server) => send(server, bodies)))
  }
  // Prometheus looks once a minute for hours to move into a block.
  await delay(70_000)
  return {
    solowatch,
    prometheus,
    victoria,
    startMs,
    endMs,
    reconfigure(yaml) {
      writeFileSync(config, yaml)
      for (const { pid } of [solowatch, prometheus, victoria]) process.kill(pid, 'SIGHUP')
    },
    async close() {
      await Promise.all([solowatch, prometheus, victoria].map((server) => server.stop()))
      rmSync(root, { recursive: true, force: true })
    },
  }
}

async function send(server: RunningServer, bodies: readonly Uint8Array[]): Promise<void> {
  const pool = new Pool(server.url, { connections: 1 })
  for (const body of bodies) await sendBody(pool, body)
  await pool.close()
}
