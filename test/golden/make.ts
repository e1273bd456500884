// `node test/golden/make.ts DIR`: writes the golden data directory of the format version that this program writes, and beside it,
// as DIR.json, what it answers to queries. Run once per released version; what it wrote is kept for good in test/data/golden.

import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLogger } from '../../src/base/log.ts'
import { MetricRegistry } from '../../src/base/selfMetrics.ts'
import { dayMs, listCheckpoints, listPartitions } from '../../storage/files/dataDir.ts'
import type { Labels } from '../../storage/model/labels.ts'
import { createMatcher, matcherTexts } from '../../storage/model/matcher.ts'
import { openStorage } from '../../storage/storage.ts'
import { startQueryService } from '../helpers/queryService.ts'
import {
  answerText, deleted, deletedMinutes, lateMinutes, latency, loggedFrom, minutes, outOfOrderWindowMs, queries, requests, requestsResolutionMs, series, stateRow,
  timeAt,
} from './contents.ts'

const target = process.argv[2]
if (target === undefined) throw new Error('make.ts needs the directory to write')

const dir = mkdtempSync(join(tmpdir(), 'solowatch-golden-'))
const logger = createLogger({ level: 'warn', format: 'logfmt' })
const nowMs = () => timeAt(minutes)
const downsamplingRules = [{ matchers: matcherTexts([createMatcher('__name__', '=', 'requests_total')]), afterMs: dayMs / 100, resolutionMs: requestsResolutionMs }]
const open = (checkpointLogBytes: number) => openStorage({ dir, retentionMs: 0, retentionBytes: 0, downsamplingRules, outOfOrderWindowMs, checkpointLogBytes, logger, registry: new MetricRegistry(), nowMs })
let storage = await open(Infinity)

const nameOf = (labels: Labels) => labels.find(({ name }) => name === '__name__')?.value ?? ''

/** Appends a minute per record; `which` is asked with the name of each series, and with '' for those since v3. */
async function append(from: number, to: number, which: (name: string, minute: number) => boolean): Promise<void> {
  for (let minute = from; minute < to; minute++) {
    const appender = storage.appender()
    for (const { labels, valueAt } of series) {
      const value = valueAt(minute)
      if (value === undefined || !which(nameOf(labels), minute)) continue
      if (value === 'stale') appender.appendStale(labels, timeAt(minute))
      else appender.append(labels, timeAt(minute), value)
    }
    if (which('', minute)) {
      for (const { labels, valueAt } of [requests, deleted]) appender.append(labels, timeAt(minute), valueAt(minute))
      if (minute >= latency.firstMinute) appender.appendHistogram(latency.labels, timeAt(minute), latency.valueAt(minute))
    }
    await appender.commit()
  }
}

const isLate = (name: string, minute: number) => name === 'out_of_order' && lateMinutes.includes(minute)
await append(0, 1020, (name, minute) => !isLate(name, minute))
await append(1000, 1011, isLate)
await append(1020, loggedFrom, () => true)
// A day is downsampled once memory has dropped it.
await storage.close()
storage = await open(1500)
await storage.maintain()
while (listPartitions(dir).current[0]?.generation === 1) await new Promise((done) => setTimeout(done, 20))
await storage.state.write([stateRow])
// What is between goes to a checkpoint, which asks for a log of some length: so a record for each series. The last minutes stay in the log.
for (const one of ['', ...series.map(({ labels }) => nameOf(labels))]) await append(loggedFrom, minutes - 10, (name) => name === one)
while (listCheckpoints(dir).length === 0) await new Promise((done) => setTimeout(done, 20))
await append(minutes - 10, minutes, () => true)
for (const [first, last] of deletedMinutes) await storage.deleteSeries([[createMatcher('__name__', '=', 'deleted')]], { minTimeMs: timeAt(first), maxTimeMs: timeAt(last) })
cpSync(join(dir, 'snapshots', await storage.snapshot({ skipHead: false })), target, { recursive: true })
const service = startQueryService({ ...storage, dir })
const answers = Object.fromEntries(await Promise.all(queries.map(async ({ query, minute }) => [query, answerText(await service.evaluate(query, timeAt(minute)))] as const)))
writeFileSync(`${target}.json`, `${JSON.stringify(answers, undefined, 2)}\n`)
await service.close()
await storage.close()
rmSync(dir, { recursive: true })
