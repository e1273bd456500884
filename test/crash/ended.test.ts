// kill -9 while series that ended leave memory and series.db: those that came back meanwhile have every sample that was
// acknowledged, and the next round removes all others. CRASH_POINTS=all asks for all points.

import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dayMs } from '../../storage/files/dataDir.ts'
import { seriesContents } from '../../storage/inspection/contents.ts'
import { formatLabels, labelsFrom } from '../../storage/model/labels.ts'
import { openTestStorage, readSamples, testDataDir } from '../helpers/testStorage.ts'
import { endedPods, podLabels } from './endedPods.ts'
import { startMs } from './workload.ts'

const base = mkdtempSync(join(tmpdir(), 'solowatch-ended-'))
/** When retention has dropped the day of the pods. */
const laterMs = startMs + 5 * dayMs

type Run = { readonly acknowledged: readonly number[]; readonly isDone: boolean; readonly signal: NodeJS.Signals | null; readonly log: string }

function run(dir: string, nowMs: number, point = ''): Run {
  const child = ['--import', './test/crash/killPoint.ts', 'test/crash/endedChild.ts', dir, String(nowMs)]
  const { signal, stdout, stderr } = spawnSync(process.execPath, child, { encoding: 'utf8', env: { ...process.env, KILL_AT: point } })
  const acknowledged = [...stdout.matchAll(/^ack (\d+)$/gm)].map(([, pod]) => Number(pod))
  return { acknowledged, isDone: stdout.includes('done'), signal, log: stderr }
}

/** One sample of each pod and of a series that stays, in a day of its own. */
async function prepare(): Promise<string> {
  const storage = await openTestStorage({ nowMs: () => startMs })
  const appender = storage.appender()
  appender.append(labelsFrom({ __name__: 'always' }), startMs, 1)
  for (let pod = 0; pod < endedPods; pod++) appender.append(podLabels(pod), startMs, 1)
  await appender.commit()
  await storage.close()
  return storage.dir
}

/** The times of the samples that each of the pods has, by its number. */
async function podTimes(dir: string, nowMs: number): Promise<ReadonlyMap<number, readonly number[]>> {
  const storage = await openTestStorage({ dir, retentionMs: dayMs, nowMs: () => nowMs })
  const found = Object.entries(readSamples(storage)).flatMap(([labels, samples]) => {
    const number = /number="(\d+)"/.exec(labels)?.[1]
    return number === undefined ? [] : [[Number(number), samples.map(([timeMs]) => timeMs)] as const]
  })
  // Checks the directory.
  await storage.close()
  return new Map(found)
}

describe('kill -9 while series that ended are removed', () => {
  beforeAll(async () => cpSync(await prepare(), base, { recursive: true }), 60_000)
  afterAll(() => rmSync(base, { recursive: true, force: true }))

  const point = (text: string) =>
    it(text, async () => {
      const dir = join(testDataDir(), 'data')
      cpSync(base, dir, { recursive: true })
      const killed = run(dir, laterMs, text)
      expect(killed.signal, killed.log).toBe('SIGKILL')
      expect(killed.acknowledged.length).toBeGreaterThan(0)
      const kept = await podTimes(dir, laterMs)
      for (const pod of killed.acknowledged) expect(kept.get(pod), `pod ${pod}`).toEqual([laterMs])

      const again = run(dir, laterMs + 1000)
      expect(again.isDone, again.log).toBe(true)
      const times = await podTimes(dir, laterMs + 1000)
      for (const pod of killed.acknowledged) expect(times.get(pod), `pod ${pod}`).toContain(laterMs)
      for (const pod of again.acknowledged) expect(times.get(pod), `pod ${pod}`).toContain(laterMs + 1000)
      // Nothing is left of those that did not come back.
      const onDisk = [...seriesContents(dir)].map(({ labels }) => formatLabels(labels)).filter((labels) => labels.startsWith('pod'))
      expect(onDisk.sort()).toEqual([...times.keys()].map((pod) => formatLabels(podLabels(pod))).sort())
    }, 60_000)

  // The first commit of series.db is that of the flush, the next two are the removal, the last ones those of the second flush.
  const points = ['before commit series.db 2', 'after commit series.db 2', 'after commit series.db 3']
  const more = ['after delete partitions 1', 'before commit series.db 3', 'before commit series.db 4', 'after commit series.db 4']
  for (const text of process.env['CRASH_POINTS'] === 'all' ? [...points, ...more] : points) point(text)
})
