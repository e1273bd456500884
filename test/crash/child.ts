// A process that writes the workload through storage until it is killed. On standard output, one line each: what it is
// about to do, `ack N` once batch N is committed, `refused N` when the disk did not take it.

import { writeSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { createLogger } from '../../src/base/log.ts'
import { MetricRegistry } from '../../src/base/selfMetrics.ts'
import { openStorage, StorageUnavailableError } from '../../storage/storage.ts'
import { batchSamples, outOfOrderWindowMs } from './workload.ts'

const [dir = '', first = '0', last = 'Infinity', retentionDays = '0'] = process.argv.slice(2)
const say = (line: string) => void writeSync(1, `${line}\n`)

say('opening')
const storage = await openStorage({
  dir,
  retentionMs: Number(retentionDays) * 86_400_000,
  retentionBytes: 0,
  outOfOrderWindowMs,
  segmentBytes: 200_000,
  // One or two between two flushes.
  checkpointLogBytes: 10_000,
  logger: createLogger({ level: 'debug', format: 'logfmt' }),
  registry: new MetricRegistry(),
})
say('open')

/** Batches under way at a time. */
const pipeline = 4

async function write(number: number): Promise<void> {
  const appender = storage.appender()
  for (const { labels, timestampMs, value } of batchSamples(number)) {
    const outcome = appender.append(labels, timestampMs, value)
    if (outcome !== 'stored') throw new Error(`batch ${number}: ${outcome}`)
  }
  try {
    await appender.commit()
    say(`ack ${number}`)
  } catch (error) {
    if (!(error instanceof StorageUnavailableError)) throw error
    say(`refused ${number}: ${error.message}`)
    await delay(20)
  }
}

let background: Promise<void> = Promise.resolve()
const pending: Promise<void>[] = []
for (let number = Number(first); number < Number(last); number++) {
  pending.push(write(number))
  if (pending.length >= pipeline) await pending.shift()
  if (number % 60 === 59) {
    background = background.then(async () => {
      say('flushing')
      await storage.flush().catch((error: unknown) => {
        if (!(error instanceof StorageUnavailableError)) throw error
      })
      say('compacting')
      await storage.maintain()
    })
  }
}
await Promise.all(pending)
await background
say('closing')
await storage.close()
say('closed')
