// `solowatch tsdb create-blocks-from openmetrics FILE [DIR]`, promtool's command for backfill: the samples of an OpenMetrics
// file go into a data directory, directly when no server uses it, else through its server.

import { createReadStream, existsSync } from 'node:fs'
import { openMetricsPieces, readBackfill, storeBackfill, type BackfillOptions } from '../../ingest/exposition/backfill.ts'
import { ExpositionError } from '../../ingest/exposition/text/expositionLexer.ts'
import { isDataDirInUse } from '../../storage/files/lock.ts'
import { sortLabels, type Labels } from '../../storage/model/labels.ts'
import { openStorage } from '../../storage/storage.ts'
import { errorText } from '../base/assert.ts'
import { createLogger } from '../base/log.ts'
import { MetricRegistry } from '../base/selfMetrics.ts'
import { UsageError } from '../flags/usageError.ts'
import { readArguments } from './arguments.ts'

const usage = `Usage: solowatch tsdb create-blocks-from openmetrics [flags] FILE [DIR]
  Adds the samples of an OpenMetrics file to the data directory DIR (default data/). Every sample needs a timestamp.
  Without -q it prints a line for each day: its first and last sample and how many there are.
    --label=NAME=VALUE       set on every series; can be repeated
    --url=URL                the server that uses DIR, when one runs (default http://localhost:9090); it needs --web.enable-admin-api
    -r, --human-readable     print times as dates
    -q, --quiet              print nothing
`

const flags = {
  label: { type: 'string', multiple: true, default: [] as string[] },
  url: { type: 'string', default: 'http://localhost:9090' },
  // promtool's; days are the unit here.
  'max-block-duration': { type: 'string' },
  'human-readable': { type: 'boolean', short: 'r', default: false },
  quiet: { type: 'boolean', short: 'q', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

const dayMs = 86_400_000
/** Bytes sent to a server at a time. */
const requestBytes = 4 * 1024 * 1024
/** Samples between two flushes of a closed directory. */
const samplesPerFlush = 5_000_000

type DaySummary = { minTimeMs: number; maxTimeMs: number; count: number }

/** Throws `UsageError` when the arguments cannot be used, any other error when the file cannot be stored. */
export async function runTsdbCommand(args: readonly string[]): Promise<void> {
  const { values, positionals } = readArguments(args, flags, usage)
  const [command, format, file, dir = 'data/', ...more] = positionals
  if (values.help || command !== 'create-blocks-from' || format !== 'openmetrics' || file === undefined || more.length > 0) {
    if (!values.help) throw new UsageError(`expected create-blocks-from openmetrics FILE [DIR]\n${usage}`)
    process.stdout.write(usage)
    return
  }
  if (!existsSync(file)) throw new UsageError(`${file}: there is no such file`)
  const options = { labels: readLabels(values.label), latestMs: Date.now() }
  // All of it is looked at before any of it is stored.
  const days = await summarize(file, options)
  if (isDataDirInUse(dir)) await send(file, options.labels, values.url)
  else await storeDirectly(file, dir, options)
  if (!values.quiet) printDays(days, values['human-readable'])
}

function readLabels(texts: readonly string[]): Labels {
  const labels = texts.map((text) => {
    const [, name = '', value = ''] = /^([a-zA-Z_][a-zA-Z0-9_]*)=(.*)$/s.exec(text) ?? []
    if (name === '') throw new UsageError(`expected --label=NAME=VALUE, found ${JSON.stringify(text)}`)
    return { name, value }
  })
  return sortLabels(labels)
}

async function summarize(file: string, options: BackfillOptions): Promise<Map<number, DaySummary>> {
  const days = new Map<number, DaySummary>()
  const take = async (samples: readonly { readonly timestampMs: number }[]) => {
    for (const { timestampMs } of samples) {
      const startMs = Math.floor(timestampMs / dayMs) * dayMs
      const day = days.get(startMs)
      if (day === undefined) days.set(startMs, { minTimeMs: timestampMs, maxTimeMs: timestampMs, count: 1 })
      else {
        day.minTimeMs = Math.min(day.minTimeMs, timestampMs)
        day.maxTimeMs = Math.max(day.maxTimeMs, timestampMs)
        day.count++
      }
    }
  }
  try {
    await readBackfill(createReadStream(file), options, take)
  } catch (error) {
    throw error instanceof ExpositionError ? new Error(`${file}: ${error.message}`, { cause: error }) : error
  }
  return days
}

async function storeDirectly(file: string, dir: string, options: BackfillOptions): Promise<void> {
  const logger = createLogger({ level: 'warn', format: 'logfmt' })
  const storage = await openStorage({ dir, retentionMs: 0, retentionBytes: 0, outOfOrderWindowMs: 0, logger, registry: new MetricRegistry() })
  try {
    // What was deleted before must not hide what comes now.
    await storage.cleanTombstones()
    const appender = storage.backfillAppender()
    let unflushed = 0
    await readBackfill(createReadStream(file), options, async (samples) => {
      await storeBackfill(samples, appender)
      unflushed += samples.length
      if (unflushed < samplesPerFlush) return
      unflushed = 0
      await storage.flush()
    })
  } finally {
    await storage.close()
  }
}

async function send(file: string, labels: Labels, url: string): Promise<void> {
  const admin = `${url.replace(/\/$/, '')}/api/v1/admin/tsdb`
  await post(`${admin}/clean_tombstones`)
  const query = new URLSearchParams(labels.map(({ name, value }) => ['label', `${name}=${value}`]))
  for await (const { body } of openMetricsPieces(createReadStream(file), requestBytes)) await post(`${admin}/import?${query.toString()}`, body)
}

async function post(endpoint: string, body?: Uint8Array): Promise<void> {
  const headers = { 'content-type': 'application/openmetrics-text; version=1.0.0' }
  const response = await fetch(endpoint, { method: 'POST', ...(body !== undefined && { body: Buffer.from(body), headers }) }).catch((error: unknown) => {
    throw new Error(`the data directory is in use, and no server answers at ${endpoint}: ${errorText(error)}; say where it listens with --url`, { cause: error })
  })
  if (response.ok) return
  const answer = (await response.json().catch(() => ({}))) as { error?: unknown } // whatever JSON it is
  throw new Error(`${endpoint} answers ${response.status}: ${String(answer.error ?? '')}; the server must have been started with --web.enable-admin-api`)
}

function printDays(days: ReadonlyMap<number, DaySummary>, isHumanReadable: boolean): void {
  const time = (timeMs: number) => (isHumanReadable ? new Date(timeMs).toISOString() : String(timeMs))
  process.stdout.write('PARTITION   MIN TIME  MAX TIME  NUM SAMPLES\n')
  for (const [startMs, { minTimeMs, maxTimeMs, count }] of [...days].sort(([a], [b]) => a - b)) {
    process.stdout.write(`${new Date(startMs).toISOString().slice(0, 10)}  ${time(minTimeMs)}  ${time(maxTimeMs)}  ${count}\n`)
  }
}
