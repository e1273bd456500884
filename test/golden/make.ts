// `node test/golden/make.ts DIR`: writes the golden data directory of the format version that this program writes. Run once
// per released version; what it wrote is kept for good in test/data/golden.

import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLogger } from '../../src/base/log.ts'
import { MetricRegistry } from '../../src/base/selfMetrics.ts'
import { listCheckpoints, listPartitions } from '../../storage/dataDir.ts'
import { openStorage } from '../../storage/storage.ts'
import { lateMinutes, loggedFrom, minutes, outOfOrderWindowMs, series, stateRow, timeAt } from './contents.ts'

const target = process.argv[2]
if (target === undefined) throw new Error('make.ts needs the directory to write')

const dir = mkdtempSync(join(tmpdir(), 'solowatch-golden-'))
const logger = createLogger({ level: 'warn', format: 'logfmt' })
const nowMs = () => timeAt(minutes)
const storage = await openStorage({ dir, retentionMs: 0, retentionBytes: 0, outOfOrderWindowMs, checkpointLogBytes: 1500, logger, registry: new MetricRegistry(), nowMs })

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
// What is between goes to a checkpoint, the last minutes stay in the log.
await append(loggedFrom, minutes - 10, () => true)
while (listCheckpoints(dir).length === 0) await new Promise((done) => setTimeout(done, 20))
await append(minutes - 10, minutes, () => true)
cpSync(join(dir, 'snapshots', await storage.snapshot({ skipHead: false })), target, { recursive: true })
await storage.close()
rmSync(dir, { recursive: true })
