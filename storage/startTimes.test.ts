// Start timestamps through the whole of storage: memory, log, partitions, compaction, late samples, deletion, removal.

import { describe, expect, it } from 'vitest'
import { histogram, plain } from '../test/helpers/histograms.ts'
import { createRandom } from '../test/helpers/random.ts'
import { readElements, readStarts } from '../test/helpers/storedElements.ts'
import { allTime, liveThrough, openTestStorage, withQuerier, type TestStorage } from '../test/helpers/testStorage.ts'
import type { CommitOptions } from './head/headBatch.ts'
import { labelsFrom, metricNameLabel } from './model/labels.ts'
import { createMatcher } from './model/matcher.ts'

const dayMs = 86_400_000
const beganMs = 20_000 * dayMs + 1000
const nowMs = () => beganMs + 10_000

type Written = readonly [timestampMs: number, value: number, startMs?: number]

/** Writes samples of one series; returns how many were stored. */
async function write(storage: TestStorage, name: string, samples: readonly Written[], options: CommitOptions = {}): Promise<number> {
  const batch = storage.head.batch()
  try {
    for (const [timestampMs, value, startMs] of samples) {
      batch.append(storage.head.findOrCreate(labelsFrom({ __name__: name, job: 'a' })), timestampMs, value)
      if (startMs !== undefined) batch.noteStart(startMs)
    }
    return (await batch.commit('skipBad', options)).stored
  } finally {
    batch.close()
  }
}

describe('start timestamps in storage', () => {
  it('belong to the samples that were stored, and count as none', async () => {
    const storage = await openTestStorage({ nowMs })
    expect(await write(storage, 'c', [[beganMs, 1, beganMs - 5000], [beganMs + 10, 2, beganMs - 5000], [beganMs + 20, 1], [beganMs + 30, 2, beganMs + 15]])).toBe(4)
    // Late, and there already with another value.
    expect(await write(storage, 'c', [[beganMs + 5, 9, beganMs - 1], [beganMs + 30, 9, beganMs + 25]])).toBe(0)
    expect(readStarts(storage, 'c')).toEqual([[beganMs, beganMs - 5000], [beganMs + 10, beganMs - 5000], [beganMs + 30, beganMs + 15]])
    expect(readStarts(storage, 'c', { minTimeMs: beganMs + 1, maxTimeMs: beganMs + 29 })).toEqual([[beganMs + 10, beganMs - 5000]])
    expect(readElements(storage, 'c')).toHaveLength(4)
  })

  it('are before their samples, or not known', async () => {
    const storage = await openTestStorage({ nowMs })
    await write(storage, 'c', [[beganMs, 1, beganMs], [beganMs + 1, 1, beganMs + 2], [beganMs + 2, 1, 0], [beganMs + 3, 1, -1], [beganMs + 4, 1, 1]])
    expect(readStarts(storage, 'c')).toEqual([[beganMs + 4, 1]])
  })

  it('are taken back with a sample that is', async () => {
    const storage = await openTestStorage({ nowMs })
    const batch = storage.head.batch()
    const ref = storage.head.findOrCreate(labelsFrom({ __name__: 'c' }))
    for (const timeMs of [beganMs, beganMs + 1]) {
      batch.append(ref, timeMs, 1)
      batch.noteStart(7)
    }
    batch.unstageFrom(1)
    await batch.commit('skipBad')
    batch.append(ref, beganMs + 2, 1)
    await batch.commit('skipBad')
    batch.close()
    expect(readStarts(storage, 'c')).toEqual([[beganMs, 7]])
    expect(readElements(storage, 'c')).toHaveLength(2)
  })

  it('of a histogram are those of the whole', async () => {
    const storage = await openTestStorage({ nowMs })
    const batch = storage.head.batch()
    const one = histogram({ sum: 5, positive: { 0: 1, 1: 2 } })
    batch.appendHistogram(storage.head.findOrCreate(labelsFrom({ __name__: 'h' })), beganMs, one)
    batch.noteStart(beganMs - 1)
    expect((await batch.commit('skipBad')).stored).toBe(1)
    batch.close()
    expect(readStarts(storage, 'h')).toEqual([[beganMs, beganMs - 1]])
    expect(readElements(storage, 'h')).toEqual([[beganMs, plain(one)]])
  })

  it('do not show as series, names or values, and fill no limit', async () => {
    const storage = await openTestStorage({ nowMs, maxSeries: 2 })
    for (const name of ['a', 'b', 'c']) if (storage.head.findOrCreate(labelsFrom({ __name__: name, job: 'a' })) !== 0) await write(storage, name, [[beganMs, 1, beganMs - 1]])
    expect(['a', 'b'].map((name) => readStarts(storage, name))).toEqual([[[beganMs, beganMs - 1]], [[beganMs, beganMs - 1]]])
    withQuerier(storage, (querier) => {
      expect(querier.labelNames([], allTime, 0)).toEqual(['__name__', 'job'])
      expect(querier.labelValues('__start_of__', [], allTime, 0)).toEqual([])
      expect(querier.seriesLabels([], allTime, 0)).toHaveLength(2)
      expect(querier.select([createMatcher('job', '!=', 'b')], allTime).count).toBe(2)
      expect(JSON.stringify(querier.status(10))).not.toContain('__start')
    })
  })

  it('are deleted with their samples', async () => {
    const storage = await openTestStorage({ nowMs })
    await write(storage, 'c', [0, 1, 2].map((i): Written => [beganMs + i, i, beganMs - 1]))
    await storage.flush()
    await storage.deleteSeries([[createMatcher(metricNameLabel, '=', 'c')]], { minTimeMs: beganMs, maxTimeMs: beganMs + 1 })
    expect(readStarts(storage, 'c')).toEqual([[beganMs + 2, beganMs - 1]])
    await storage.cleanTombstones()
    withQuerier(storage, (querier) => expect(querier.select([createMatcher('__start_of__', '=~', '.+')], allTime).read(0).length).toBe(1))
  })

  it('of a backlog are kept for samples of any age, and for thousands of new series at once', async () => {
    const storage = await openTestStorage({ nowMs })
    await write(storage, 'c', Array.from({ length: 1000 }, (_, i): Written => [beganMs - dayMs + 10 * i, i, beganMs - 2 * dayMs]), { anyAge: true })
    await write(storage, 'c', [[beganMs - dayMs + 5, 7, 8]], { anyAge: true })
    const starts = readStarts(storage, 'c')
    expect([starts.length, starts[1], starts[1000]]).toEqual([1001, [beganMs - dayMs + 5, 8], [beganMs - dayMs + 9990, beganMs - 2 * dayMs]])
    const batch = storage.head.batch()
    for (let i = 0; i < 10_000; i++) {
      batch.append(storage.head.findOrCreate(labelsFrom({ __name__: 'many', i: String(i) })), beganMs, i)
      batch.noteStart(i + 1)
    }
    await batch.commit('skipBad')
    batch.close()
    expect(new Set(readStarts(storage, 'many').map(([, startMs]) => startMs)).size).toBe(10_000)
  })

  it('leave with their series', async () => {
    let timeMs = beganMs
    const storage = await openTestStorage({ nowMs: () => timeMs, retentionMs: dayMs })
    await write(storage, 'gone', [[beganMs, 1, beganMs - 1]])
    for (let day = 0; day < 4; day++) {
      timeMs += dayMs
      await write(storage, 'c', [[timeMs, 1, timeMs - 1]])
      await storage.flush()
      while (storage.head.flushes.counts.dropped < storage.head.flushes.counts.finished) storage.head.flushes.maintain(timeMs + dayMs)
      await storage.maintain()
    }
    expect(storage.head.seriesCount).toBe(2)
    expect(readStarts(storage, 'c').at(-1)).toEqual([timeMs, timeMs - 1])
    // The series comes back under a new number, and so do its starts.
    await write(storage, 'gone', [[timeMs, 1, timeMs - 2]])
    expect(readStarts(storage, 'gone')).toEqual([[timeMs, timeMs - 2]])
  })

  it('survive a restart, flushes, compaction and late arrival as a model does', { timeout: 60_000 }, async () => {
    const random = createRandom()
    const model = new Map<string, Map<number, number | undefined>>()
    await liveThrough({
      random,
      startMs: beganMs,
      write: async (storage, newestMs) => {
        for (let i = 0; i < 20; i++) {
          const name = `c${random.below(3)}`
          const known = model.get(name) ?? new Map<number, number | undefined>()
          model.set(name, known)
          const timeMs = newestMs - random.pick([0, random.below(60_000), random.below(dayMs / 2)])
          if (known.has(timeMs)) continue
          const startMs = random.below(4) === 0 ? undefined : timeMs - random.pick([1, 1000, dayMs])
          await write(storage, name, [[timeMs, random.below(10), startMs]])
          known.set(timeMs, startMs)
        }
      },
      expectAll: (storage) => {
        for (const [name, starts] of model) {
          const expected = [...starts].filter(([, startMs]) => startMs !== undefined).sort(([a], [b]) => a - b)
          expect(readStarts(storage, name), `seed ${random.seed}`).toEqual(expected)
        }
      },
    })
  })
})
