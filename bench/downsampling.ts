// What does downsampling a day save? The captured scrapes of four exporters, a day at 15 s (replay.ts), in one partition as
// it was and at 5 minutes: bytes, the time of the rewrite, and the time of a query over the day.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { evaluateQuery } from '../query/engine/engine.ts'
import { parseQuery } from '../query/language/parse.ts'
import { Limits } from '../query/limits.ts'
import { shareWithNobody } from '../query/parallel/crew.ts'
import { createColumnSpace } from '../query/values/columnSpace.ts'
import { createLogger } from '../src/base/log.ts'
import { MetricRegistry } from '../src/base/selfMetrics.ts'
import { databaseBytes, listPartitions } from '../storage/files/dataDir.ts'
import { labelsFrom } from '../storage/model/labels.ts'
import type { DownsamplingRule } from '../storage/partitions/downsampling.ts'
import { openQuerierSource } from '../storage/querier/querierSource.ts'
import { openStorage, type Storage } from '../storage/storage.ts'
import { dayMs, loadReplays } from './load/replay.ts'
import { formatBytes, formatCount, printTable } from './measure/table.ts'

const startMs = Date.UTC(2026, 0, 1)
const rule: DownsamplingRule = { matchers: [], afterMs: 0, resolutionMs: 300_000 }
const queries = ['sum(rate(node_cpu_seconds_total[1h]))', 'max(max_over_time(prometheus_http_request_duration_seconds_bucket[1h]))', 'count({__name__=~".+"})']

const open = (dir: string, downsamplingRules: readonly DownsamplingRule[]) =>
  openStorage({ dir, retentionMs: 0, retentionBytes: 0, outOfOrderWindowMs: 0, downsamplingRules, nowMs: () => startMs + 3 * dayMs, logger: createLogger({ level: 'warn', format: 'logfmt' }), registry: new MetricRegistry() })

export async function benchDownsampling(): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'solowatch-bench-'))
  try {
    const samples = await fill(dir)
    const raw = await rewrite(dir, [], 2)
    const coarse = await rewrite(dir, [rule], 3)
    printTable(
      `downsampling: ${formatCount(samples)} real samples, 24 h at 15 s, to 5 minutes (in brackets: raw / this)`,
      ['', 'raw', 'downsampled'],
      [
        ['partition', formatBytes(raw.bytes), `${formatBytes(coarse.bytes)} (${(raw.bytes / coarse.bytes).toFixed(2)}x)`],
        ['bytes per original sample', (raw.bytes / samples).toFixed(3), (coarse.bytes / samples).toFixed(3)],
        ['rewrite, CPU seconds', raw.seconds.toFixed(2), coarse.seconds.toFixed(2)],
        ...queries.map((text, i) => [`${text}, CPU ms`, (raw.queryMs[i] ?? 0).toFixed(0), `${(coarse.queryMs[i] ?? 0).toFixed(0)} (${((raw.queryMs[i] ?? 0) / (coarse.queryMs[i] ?? 1)).toFixed(1)}x)`]),
      ],
    )
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

async function fill(dir: string): Promise<number> {
  const storage = await open(dir, [])
  let count = 0
  for (const replay of loadReplays()) {
    for (const { text, values, isPresent } of replay.series) {
      const labels = labelsOf(text, replay.name)
      const appender = storage.backfillAppender()
      for (let i = 0; i < values.length; i++) {
        if (isPresent[i] === 0) continue
        appender.append(labels, startMs + (replay.timesMs[i] ?? 0), values[i] ?? NaN)
        count++
      }
      await appender.commit()
    }
  }
  // Age counts from the newest sample.
  const appender = storage.backfillAppender()
  appender.append(labelsFrom({ __name__: 'end' }), startMs + 2 * dayMs, 1)
  await appender.commit()
  await storage.close()
  return count
}

/** Opens the directory with these rules, waits for the rewrite, and queries it with empty memory. */
async function rewrite(dir: string, rules: readonly DownsamplingRule[], generation: number) {
  const storage = await open(dir, rules)
  const before = process.cpuUsage()
  await storage.maintain()
  const [first] = listPartitions(dir).current
  while (listPartitions(dir).current.find(({ startMs: day }) => day === first?.startMs)?.generation !== generation) await delay(10)
  const used = process.cpuUsage(before)
  const bytes = databaseBytes(listPartitions(dir).current[0]?.path ?? '')
  const queryMs = queries.map((text) => timeQuery(storage, text))
  await storage.close()
  return { bytes, seconds: (used.user + used.system) / 1e6, queryMs }
}

/** CPU milliseconds of a range query over the day, nothing cached. */
function timeQuery(storage: Storage, text: string): number {
  const init = storage.querierInit()
  const source = openQuerierSource(init)
  const querier = source.querier()
  const before = process.cpuUsage()
  const limits = new Limits({ maxSamples: 500_000_000, deadlineMs: Infinity })
  const deps = { querier, space: createColumnSpace(), limits, share: shareWithNobody, lookbackMs: 300_000, maxSamples: 500_000_000, evaluationIntervalMs: 60_000, countsPerStep: false, delaysNameRemoval: false }
  evaluateQuery({ text, expr: parseQuery(text), startMs: startMs + dayMs / 24, endMs: startMs + dayMs, stepMs: 300_000 }, deps)
  const used = process.cpuUsage(before)
  querier.close()
  source.close()
  storage.releaseWorker(init)
  return (used.user + used.system) / 1000
}

function labelsOf(text: string, job: string) {
  const [, name = '', inner = ''] = /^([^{]+)(?:\{(.*)\})?$/s.exec(text) ?? []
  const labels: Record<string, string> = { __name__: name, job }
  for (const [, key = '', value = ''] of inner.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) labels[key] = value
  return labelsFrom(labels)
}
