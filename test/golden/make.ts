// `node test/golden/make.ts DIR`: writes the golden data directory of the format version that this program writes. Run once
// per released version; what it wrote is kept for good in test/data/golden.

import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLogger } from '../../src/base/log.ts'
import { MetricRegistry } from '../../src/base/selfMetrics.ts'
import { listPartitions } from '../../storage/dataDir.ts'
import { openStorage } from '../../storage/storage.ts'
import { lateMinutes, loggedFrom, minutes, outOfOrderWindowMs, series, stateRow, timeAt } from './contents.ts'

const target = process.argv[2]
if (target === undefined) throw new Error('make.ts needs the directory to write')

const dir = mkdtempSync(join(tmpdir(), 'solowatch-golden-'))
const logger = createLogger({ level: 'warn', format: 'logfmt' })
const storage = await openStorage({ dir, retentionMs: 0, retentionBytes: 0, outOfOrderWindowMs, logger, registry: new MetricRegistry(), nowMs: () => timeAt(minutes) })

/** Appends all series at once, a minute per record. */
async function append(from: number, to: number, which: (name: string, minute: number) => boolean): Promise<void> {
  for (let minute = from; minute < to; minute++) {
    const appender = storage.appender()
    for (const { labels, valueAt } of series) {
      const value = valueAt(minute)
      if (value === undefined || !which(labels.find(({ name }) => name === '__name__')?.value ?? '', minute)) continue
      if (value === 'stale') appender.appendStale(labels, timeAt(minute))
      else appender.append(labels, timeAt(minute), value)
    }
    await appender.commit()
  }
}

const isLate = (name: string, minute: number) => name === 'out_of_order' && lateMinutes.includes(minute)
await append(0, 1020, (name, minute) => !isLate(name, minute))
await append(1000, 1011, isLate)
await append(1020, loggedFrom, () => true)
await storage.flush()
await storage.maintain()
while (listPartitions(dir).current[0]?.generation === 1) await new Promise((done) => setTimeout(done, 20))
await storage.state.write([stateRow])
await append(loggedFrom, minutes, () => true)
cpSync(dir, target, { recursive: true, filter: (path) => !/-shm$|\/lock(-journal)?$/.test(path) })
await storage.close()
rmSync(dir, { recursive: true })
