// A process that carries out everything that rewrites or copies what is stored, once: retention by rule and downsampling, a
// deletion and its cleaning, a snapshot. Says `done` at its end.

import { writeSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { createLogger } from '../../src/base/log.ts'
import { MetricRegistry } from '../../src/base/selfMetrics.ts'
import { dayMs, listPartitions } from '../../storage/files/dataDir.ts'
import { createMatcher, matcherTexts } from '../../storage/model/matcher.ts'
import { openStorage } from '../../storage/storage.ts'
import { startMs } from './workload.ts'

const [dir = ''] = process.argv.slice(2)
const storage = await openStorage({
  dir,
  retentionMs: 0,
  retentionBytes: 0,
  retentionRules: [{ matchers: matcherTexts([createMatcher('__name__', '=', 'debug')]), retentionMs: 1.4 * dayMs }],
  downsamplingRules: [{ matchers: [], afterMs: 0.2 * dayMs, resolutionMs: 300_000 }],
  outOfOrderWindowMs: 0,
  nowMs: () => startMs + 10 * dayMs,
  logger: createLogger({ level: 'debug', format: 'logfmt' }),
  registry: new MetricRegistry(),
})
await storage.maintain()
while (!listPartitions(dir).current.every(({ generation }) => generation >= 2)) await delay(10)
await storage.deleteSeries([[createMatcher('i', '=', '1')]], { minTimeMs: startMs + 0.4 * dayMs, maxTimeMs: startMs + 0.6 * dayMs })
await storage.cleanTombstones()
await storage.snapshot({ skipHead: false })
await storage.close()
writeSync(1, 'done\n')
