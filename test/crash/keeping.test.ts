// kill -9 at named points of what rewrites or copies stored days: whatever was done by then, doing it again ends where a run
// without a kill ends. CRASH_POINTS=all asks for all points.

import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dayMs } from '../../storage/files/dataDir.ts'
import { labelsFrom } from '../../storage/model/labels.ts'
import { openTestStorage, readSamples, testDataDir } from '../helpers/testStorage.ts'
import { startMs } from './workload.ts'

type Samples = ReturnType<typeof readSamples>

const base = mkdtempSync(join(tmpdir(), 'solowatch-keeping-'))
let expected: Samples = {}

function run(dir: string, point = ''): { readonly isDone: boolean; readonly signal: NodeJS.Signals | null; readonly log: string } {
  const { signal, stdout, stderr } = spawnSync(process.execPath, ['--import', './test/crash/killPoint.ts', 'test/crash/keepingChild.ts', dir], { encoding: 'utf8', env: { ...process.env, KILL_AT: point } })
  return { isDone: stdout.includes('done'), signal, log: stderr }
}

function copyOf(dir: string): string {
  const copy = join(testDataDir(), 'data')
  cpSync(dir, copy, { recursive: true })
  return copy
}

async function samplesIn(dir: string): Promise<Samples> {
  const storage = await openTestStorage({ dir })
  const samples = readSamples(storage)
  // Checks the directory.
  await storage.close()
  return samples
}

/** Two days and a half of eleven counters, uneven enough to be smaller when downsampled. */
async function prepare(): Promise<string> {
  const storage = await openTestStorage({ nowMs: () => startMs + 10 * dayMs })
  const names = [...Array.from({ length: 10 }, (_, i) => labelsFrom({ __name__: 'kept', i: String(i) })), labelsFrom({ __name__: 'debug' })]
  const appender = storage.appender()
  for (let k = 0; k < 2.5 * 1440; k++) for (const labels of names) appender.append(labels, startMs + k * 60_000 + 7, 1000 * k + ((k * k) % 997))
  await appender.commit()
  await storage.close()
  return storage.dir
}

describe('kill -9 while stored days are rewritten', () => {
  beforeAll(async () => {
    cpSync(await prepare(), base, { recursive: true })
    const whole = copyOf(base)
    const { isDone, log } = run(whole)
    expect(isDone, log).toBe(true)
    expected = await samplesIn(whole)
  }, 60_000)

  afterAll(() => rmSync(base, { recursive: true, force: true }))

  const point = (text: string) =>
    it(text, async () => {
      const dir = copyOf(base)
      const killed = run(dir, text)
      expect(killed.signal, killed.log).toBe('SIGKILL')
      const again = run(dir)
      expect(again.isDone, again.log).toBe(true)
      expect(readdirSync(join(dir, 'partitions')).filter((name) => name.includes('building'))).toEqual([])
      expect(readdirSync(join(dir, 'snapshots')).filter((name) => name.endsWith('building'))).toEqual([])
      expect(await samplesIn(dir)).toEqual(expected)
    }, 60_000)
  const points = ['after rename .2.db 2', 'after delete .1.db 1', 'after commit tombstones.db 1', 'before rename snapshots 1']
  const more = ['before commit building 1', 'before rename .2.db 1', 'before rename .3.db 1', 'before commit tombstones.db 1', 'after delete .2.db 1', 'after rename snapshots 1']
  for (const text of process.env['CRASH_POINTS'] === 'all' ? [...points, ...more] : points) point(text)

  it('what a run leaves is coarser, without what was deleted and without what has outlived its rule', () => {
    const debug = expected['debug'] ?? []
    expect(Math.min(...debug.map(([timeMs]) => timeMs))).toBeGreaterThan(startMs + dayMs)
    const one = expected['kept{i="1"}'] ?? []
    expect(one.filter(([timeMs]) => timeMs > startMs + 0.4 * dayMs && timeMs < startMs + 0.6 * dayMs)).toEqual([])
    expect((expected['kept{i="2"}'] ?? []).length).toBeLessThan(0.6 * 2.5 * 1440)
  })
})
