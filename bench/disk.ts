// How many bytes does a real sample take on disk? The captured scrapes of four exporters, sent by remote write as if
// scraped every 15 s for a whole day (replay.ts); then the data directory after each server's own compaction.

import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Pool } from 'undici'
import { startPrometheus, startSolowatch, startVictoriaMetrics, type RunningServer } from '../test/helpers/servers.ts'
import { dayMs, intervalMs, loadReplays, type Replay } from './load/replay.ts'
import { encodeLabels, encodeWriteRequest, sendBody, type SampleRun } from './load/writeRequest.ts'
import { formatBytes, formatCount, printTable } from './measure/table.ts'

type TargetBodies = { readonly replay: Replay; readonly labelBytes: readonly Buffer[] }

/** Runs the bench on all three servers in turn and prints the table. */
export async function benchDisk(): Promise<void> {
  const targets = loadReplays().map((replay) => ({ replay, labelBytes: replay.series.map(({ text }) => labelsOf(text, replay.name)) }))
  const results: { readonly name: string; readonly bytes: number; readonly samples: number }[] = []
  for (const run of [runSolowatch, runPrometheus, runVictoria]) {
    const dir = mkdtempSync(join(tmpdir(), 'solowatch-bench-'))
    try {
      results.push(await run(dir, targets))
    } finally {
      rmSync(dir, { recursive: true, force: true })
    }
  }
  const own = results[0]
  if (own === undefined) return
  const perSample = (result: { bytes: number; samples: number }) => result.bytes / result.samples
  printTable(
    `disk: ${formatCount(own.samples)} real samples, 24 h at 15 s (in brackets: solowatch / this)`,
    ['', ...results.map((result) => result.name)],
    [
      ['bytes per sample, whole directory', ...results.map((r) => `${perSample(r).toFixed(3)} (${(perSample(own) / perSample(r)).toFixed(2)}x)`)],
      ['whole directory', ...results.map((r) => formatBytes(r.bytes))],
    ],
  )
}

/** How the samples come does not matter here, and ten minutes at a time come faster. */
const scrapesPerBody = 40

/** The last whole UTC day, so that its partition is closed. */
const startMs = Math.floor(Date.now() / dayMs) * dayMs - dayMs

async function runSolowatch(dir: string, targets: readonly TargetBodies[]) {
  const config = join(dir, 'prometheus.yml')
  writeFileSync(config, 'global: {}\n')
  const data = join(dir, 'data')
  const flags = [`--config.file=${config}`, '--storage.tsdb.retention.time=100y']
  const server = await startSolowatch(data, flags)
  const samples = await sendDay(server, targets)
  await server.stop()
  // A restart finds the closed day within a minute and compacts it; the directory has settled when its size has.
  const again = await startSolowatch(data, flags)
  await untilSettled(data, 75)
  await again.stop()
  return { name: server.name, bytes: directoryBytes(data), samples }
}

async function runPrometheus(dir: string, targets: readonly TargetBodies[]) {
  const config = join(dir, 'prometheus.yml')
  writeFileSync(config, 'global: {}\n')
  const data = join(dir, 'data')
  const server = await startPrometheus(data, config, ['--web.enable-remote-write-receiver', '--web.enable-admin-api', '--storage.tsdb.retention.time=100y'])
  const samples = await sendDay(server, targets)
  await untilSettled(data, 65)
  // A snapshot is blocks only, the head included: the log does not count against it.
  await fetch(`${server.url}/api/v1/admin/tsdb/snapshot`, { method: 'POST' })
  await server.stop()
  return { name: server.name, bytes: directoryBytes(join(data, 'snapshots')), samples }
}

async function runVictoria(dir: string, targets: readonly TargetBodies[]) {
  const server = await startVictoriaMetrics(dir)
  const samples = await sendDay(server, targets)
  await fetch(`${server.url}/internal/force_flush`)
  await fetch(`${server.url}/internal/force_merge`)
  await untilSettled(dir)
  await server.stop()
  return { name: server.name, bytes: directoryBytes(dir), samples }
}

async function sendDay(server: RunningServer, targets: readonly TargetBodies[]): Promise<number> {
  const pool = new Pool(server.url, { connections: targets.length })
  let samples = 0
  for (let scrape = 0; scrape < dayMs / intervalMs; scrape += scrapesPerBody) {
    await Promise.all(targets.map(async (target) => {
      const body = writeBody(target, scrape, scrape + scrapesPerBody)
      samples += body.samples
      await sendBody(pool, body.bytes)
    }))
  }
  await pool.close()
  return samples
}

/** Scrapes `from` to below `to` as a remote-write body. */
function writeBody({ replay, labelBytes }: TargetBodies, from: number, to: number): { readonly bytes: Uint8Array; readonly samples: number } {
  const runs: SampleRun[] = []
  let samples = 0
  replay.series.forEach(({ values, isPresent }, index) => {
    const scrapes: number[] = []
    for (let scrape = from; scrape < to; scrape++) if (isPresent[scrape] === 1) scrapes.push(scrape)
    if (scrapes.length === 0) return
    const scrapeOf = (i: number) => scrapes[i] ?? 0
    runs.push({
      labelBytes: labelBytes[index] ?? Buffer.of(),
      count: scrapes.length,
      timeMs: (i) => startMs + (replay.timesMs[scrapeOf(i)] ?? 0),
      value: (i) => values[scrapeOf(i)] ?? 0,
    })
    samples += scrapes.length
  })
  return { bytes: encodeWriteRequest(runs), samples }
}

function labelsOf(text: string, job: string): Buffer {
  const brace = text.indexOf('{')
  const labels: Record<string, string> = { __name__: brace < 0 ? text : text.slice(0, brace), instance: `${job}.example.internal:9100`, job }
  if (brace >= 0) for (const [, label = '', value = ''] of text.slice(brace).matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g)) labels[label] = value.replace(/\\(.)/g, '$1')
  return encodeLabels(labels)
}

function directoryBytes(dir: string): number {
  // Files and folders of a running server go at any moment.
  const stats = statSync(dir, { throwIfNoEntry: false })
  if (stats === undefined) return 0
  if (!stats.isDirectory()) return stats.size
  try {
    return readdirSync(dir).reduce((sum, name) => sum + directoryBytes(join(dir, name)), 0)
  } catch {
    return 0
  }
}

/** Waits until the directory has kept its size for ten seconds, at least `minSeconds` in all, at most two minutes. */
async function untilSettled(dir: string, minSeconds = 0): Promise<void> {
  let last = -1
  for (let second = 0, still = 0; second < 120 && (still < 10 || second < minSeconds); second++) {
    await delay(1_000)
    const size = directoryBytes(dir)
    still = size === last ? still + 1 : 0
    last = size
  }
}
