// A process that removes series whose last day retention has dropped, while some of them come back. On standard output, one
// line each: `ack N` once the sample of pod N at the time it was given is committed, `done` at its end.

import { writeSync } from 'node:fs'
import { createLogger } from '../../src/base/log.ts'
import { MetricRegistry } from '../../src/base/selfMetrics.ts'
import { dayMs } from '../../storage/files/dataDir.ts'
import { labelsFrom } from '../../storage/model/labels.ts'
import { openStorage } from '../../storage/storage.ts'
import { endedPods, podLabels } from './endedPods.ts'

const [dir = '', now = '0'] = process.argv.slice(2)
const nowMs = Number(now)
const storage = await openStorage({
  dir,
  retentionMs: dayMs,
  retentionBytes: 0,
  outOfOrderWindowMs: 0,
  nowMs: () => nowMs,
  logger: createLogger({ level: 'debug', format: 'logfmt' }),
  registry: new MetricRegistry(),
})

async function write(name: string, labels = labelsFrom({ __name__: name })): Promise<void> {
  const appender = storage.appender()
  appender.append(labels, nowMs, 1)
  await appender.commit()
}

await write('always')
await storage.flush()
// The first round deletes the day and learns which series there are, the second removes them.
await storage.maintain()
let isRemoving = true
const removal = storage.maintain().finally(() => (isRemoving = false))
for (let pod = 0; isRemoving && pod < endedPods; pod += 7) {
  await write('pod', podLabels(pod))
  writeSync(1, `ack ${pod}\n`)
}
await removal
await storage.flush()
await storage.close()
writeSync(1, 'done\n')
