// What every crash test asks at its end: the directory is opened again and compared with what was acknowledged.

import { createLogger } from '../../src/base/log.ts'
import { MetricRegistry } from '../../src/base/selfMetrics.ts'
import { checkDataDir, formatProblem } from '../../storage/inspection/check.ts'
import { formatLabels } from '../../storage/model/labels.ts'
import { openQuerierSource } from '../../storage/querier/querierSource.ts'
import { openStorage, type Storage } from '../../storage/storage.ts'
import { batchSamples, outOfOrderWindowMs } from './workload.ts'

export type Losses = {
  /** Acknowledged samples that are not there or have another value. */
  readonly missing: readonly string[]
  /** Samples that are there twice or were never written. */
  readonly invented: readonly string[]
  /** What the check finds after the clean stop. */
  readonly problems: readonly string[]
  /** Acknowledged samples that were looked for. */
  readonly checked: number
}

/** `batches` bounds the numbers that were tried; samples before `keptFromMs` may have gone. */
export async function findLosses(dir: string, acknowledged: readonly number[], batches: number, keptFromMs = -Infinity): Promise<Losses> {
  const logger = createLogger({ level: 'error', format: 'logfmt' })
  const storage = await openStorage({ dir, retentionMs: 0, retentionBytes: 0, outOfOrderWindowMs, logger, registry: new MetricRegistry() })
  const invented: string[] = []
  const found = readAll(storage, invented)
  const isAcknowledged = new Set(acknowledged)
  const missing: string[] = []
  const written = new Map<string, Map<number, number>>()
  let checked = 0
  for (let number = 0; number < batches; number++) {
    for (const { labels, timestampMs, value } of batchSamples(number)) {
      const series = formatLabels(labels)
      let times = written.get(series)
      if (times === undefined) written.set(series, (times = new Map()))
      times.set(timestampMs, value)
      if (!isAcknowledged.has(number)) continue
      checked++
      const there = found.get(series)?.get(timestampMs)
      if (there !== value && (there !== undefined || timestampMs >= keptFromMs)) missing.push(`batch ${number}: ${series} at ${timestampMs}: ${there}`)
    }
  }
  for (const [series, samples] of found) {
    for (const [timestampMs, value] of samples) if (written.get(series)?.get(timestampMs) !== value) invented.push(`${series} at ${timestampMs}: ${value}`)
  }
  await storage.close()
  return { missing, invented, checked, problems: checkDataDir(dir).problems.map(formatProblem) }
}

function readAll(storage: Storage, invented: string[]): Map<string, Map<number, number>> {
  const init = storage.querierInit()
  const source = openQuerierSource(init)
  const querier = source.querier()
  const found = new Map<string, Map<number, number>>()
  const selection = querier.select([], { minTimeMs: -Infinity, maxTimeMs: Infinity })
  for (let i = 0; i < selection.count; i++) {
    const series = formatLabels(selection.labels(i))
    const { length, timestampsMs, values } = selection.read(i)
    const samples = new Map<number, number>()
    for (let k = 0; k < length; k++) {
      const time = timestampsMs[k] ?? NaN
      if (samples.has(time)) invented.push(`${series} at ${time}: twice`)
      samples.set(time, values[k] ?? NaN)
    }
    found.set(series, samples)
  }
  querier.close()
  source.close()
  storage.releaseWorker(init)
  return found
}
