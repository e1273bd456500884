// kill -9 at named points inside storage and at random ones: opened again, everything that was acknowledged is there, once,
// and the check is clean. CRASH_POINTS=all asks for all named points, `npm run bench -- kill` for a hundred random ones.

import { describe, expect, it } from 'vitest'
import { errorText } from '../../src/base/assert.ts'
import { createRandom } from '../helpers/random.ts'
import { testDataDir } from '../helpers/testStorage.ts'
import { expectAllThere } from './expectAllThere.ts'
import { killRepeatedly, runAndKill, type KillAt } from './killedRun.ts'
import { batchMs, startMs } from './workload.ts'

/** Killed as told, then once more on what the first one left; then everything must be there. */
async function losesNothing(killAt: KillAt, retentionDays = 0): Promise<void> {
  const dir = testDataDir()
  const first = await runAndKill({ dir, firstBatch: 0, killAt, retentionDays, maxBatches: 2000 })
  expect(first.signal, first.log).toBe('SIGKILL')
  const next = Math.max(-1, ...first.acknowledged) + 20
  const second = await runAndKill({ dir, firstBatch: next, retentionDays, killAt: { line: 'ack', nth: 40, afterMs: 0 } })
  expect(second.signal, second.log).toBe('SIGKILL')
  const acknowledged = [...first.acknowledged, ...second.acknowledged]
  const newestMs = startMs + Math.max(...acknowledged) * batchMs
  const keptFromMs = retentionDays === 0 ? -Infinity : newestMs - retentionDays * 86_400_000
  await expectAllThere(dir, acknowledged, next + 2000, keptFromMs)
}

describe('kill -9 loses nothing', () => {
  const points: readonly string[] = [
    'before commit series.db 2',
    'after commit partitions 2',
    'after checkpoint partitions 1',
    'after delete log 1',
    'before rename .2.db 1',
    'after rename .2.db 1',
    'after rename checkpoints 2',
    'before delete checkpoints 1',
  ]
  const more: readonly string[] = [
    'before create series.db 1',
    'before create log 1',
    'before commit log 1',
    'after commit log 30',
    'after commit series.db 2',
    'before commit partitions 2',
    'before checkpoint partitions 1',
    'after sync partitions 1',
    'before delete log 1',
    'before commit .2.db.building 1',
    'before sync .2.db.building 1',
    'before commit checkpoints 2',
    'before sync checkpoints 1',
    'before rename checkpoints 1',
    'after sync checkpoints 2',
    'after delete checkpoints 2',
    'before delete .1.db 1',
    'after delete .1.db 1',
  ]
  for (const point of process.env['CRASH_POINTS'] === 'all' ? [...points, ...more] : points) it(point, () => losesNothing({ point }), 60_000)

  it('while retention deletes a partition', () => losesNothing({ point: 'after delete .1.db 4' }, 2), 60_000)

  it('30 ms into the start', () => losesNothing({ line: 'opening', nth: 1, afterMs: 30 }), 60_000)

  it('at random moments in a row, start-up included', async () => {
    const dir = testDataDir()
    const random = createRandom()
    const { acknowledged, nextBatch } = await killRepeatedly(dir, 5, { maxMs: 1200, below: random.below })
    await expectAllThere(dir, acknowledged, nextBatch).catch((error: unknown) => {
      throw new Error(`seed ${random.seed}: ${errorText(error)}`, { cause: error })
    })
  }, 60_000)
})
