import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createRandom } from '../../test/helpers/random.ts'
import { allTime, openTestStorage as open, readMemorySamples, readSamples, testDataDir, type TestStorage } from '../../test/helpers/testStorage.ts'
import { dayMs, listPartitions } from '../files/dataDir.ts'
import { labelsFrom, type Labels } from '../model/labels.ts'
import { createMatcher } from '../model/matcher.ts'

const day = Date.UTC(2026, 10, 24)
const hourMs = 3_600_000
const up = labelsFrom({ __name__: 'up', job: 'node' })
const down = labelsFrom({ __name__: 'down', job: 'node' })
const isUp = [createMatcher('__name__', '=', 'up')]

async function append(storage: TestStorage, labels: Labels, startMs: number, count: number, stepMs = 60_000): Promise<void> {
  const appender = storage.appender()
  for (let i = 0; i < count; i++) appender.append(labels, startMs + i * stepMs, i)
  await appender.commit()
}

const samples = (startMs: number, from: number, to: number, stepMs = 60_000) => Array.from({ length: to - from }, (_, i) => [startMs + (from + i) * stepMs, from + i])

/** A copy of the directory as a killed process would leave it, opened. */
function reopened(storage: TestStorage, options: Parameters<typeof open>[0] = {}): Promise<TestStorage> {
  const dir = join(testDataDir(), 'data')
  cpSync(storage.dir, dir, { recursive: true })
  return open({ dir, ...options })
}

describe('delete_series', () => {
  it('hides samples at once, in memory and on disk, and after a crash', async () => {
    const storage = await open({ nowMs: () => day + 30 * hourMs, outOfOrderWindowMs: dayMs })
    await append(storage, up, day, 100)
    await append(storage, down, day, 100)
    await storage.flush()
    await append(storage, up, day + 100 * 60_000, 100)
    await storage.deleteSeries([isUp], { minTimeMs: day + 50 * 60_000, maxTimeMs: day + 149 * 60_000 })
    const expected = { 'up{job="node"}': [...samples(day, 0, 50), ...samples(day + 100 * 60_000, 50, 100)], 'down{job="node"}': samples(day, 0, 100) }
    expect(readSamples(storage)).toEqual(expected)
    const again = await reopened(storage)
    expect(readSamples(again)).toEqual(expected)
    await again.flush()
    await again.close()
    expect(readSamples(await open({ dir: again.dir }))).toEqual(expected)
  })

  it('leaves samples alone that come after the call', async () => {
    const storage = await open({ nowMs: () => day + 30 * hourMs, outOfOrderWindowMs: dayMs })
    await append(storage, up, day, 10)
    await storage.deleteSeries([isUp], allTime)
    expect(readSamples(storage)).toEqual({})
    await append(storage, up, day + hourMs, 5)
    expect(readSamples(storage)).toEqual({ 'up{job="node"}': samples(day + hourMs, 0, 5) })
  })

  it('takes the union of its selectors', async () => {
    const storage = await open({ nowMs: () => day + 30 * hourMs, outOfOrderWindowMs: dayMs })
    await append(storage, up, day, 10)
    await append(storage, down, day, 10)
    await storage.deleteSeries([isUp, [createMatcher('job', '=~', 'no.*'), createMatcher('__name__', '!=', 'up')]], { minTimeMs: -Infinity, maxTimeMs: day + 5 * 60_000 })
    expect(readSamples(storage)).toEqual({ 'up{job="node"}': samples(day, 6, 10), 'down{job="node"}': samples(day, 6, 10) })
  })
})

describe('clean_tombstones', () => {
  it('takes deleted samples off the disk, of the running day too, and hides what memory still has', async () => {
    let nowMs = day + 3 * hourMs
    const storage = await open({ nowMs: () => nowMs, outOfOrderWindowMs: dayMs })
    await append(storage, up, day, 100)
    await append(storage, down, day, 100)
    await storage.deleteSeries([isUp], { minTimeMs: day, maxTimeMs: day + 79 * 60_000 })
    await storage.cleanTombstones()
    const expected = { 'up{job="node"}': samples(day, 80, 100), 'down{job="node"}': samples(day, 0, 100) }
    expect(readSamples(storage)).toEqual(expected)
    // A restart has only what is on disk, and no tombstones any more.
    const again = await reopened(storage)
    expect(readSamples(again)).toEqual(expected)
    await again.close()
    nowMs += hourMs
    await append(storage, up, day + 100 * 60_000, 1)
    expect(readSamples(storage)['up{job="node"}']).toHaveLength(21)
  })

  it('deletes a day of which nothing is left', async () => {
    const storage = await open({ nowMs: () => day + 30 * hourMs, outOfOrderWindowMs: dayMs })
    await append(storage, up, day, 10)
    await append(storage, down, day + dayMs, 10)
    await storage.flush()
    expect(listPartitions(storage.dir).current).toHaveLength(2)
    await storage.deleteSeries([isUp], allTime)
    await storage.cleanTombstones()
    expect(listPartitions(storage.dir).current).toHaveLength(1)
    expect(readSamples(storage)).toEqual({ 'down{job="node"}': samples(day + dayMs, 0, 10) })
  })

  it('happens by itself when a closed day is looked at for compaction', async () => {
    const storage = await open({ nowMs: () => day + 30 * hourMs, outOfOrderWindowMs: dayMs })
    await append(storage, up, day, 10)
    await append(storage, down, day, 10)
    await storage.flush()
    await storage.maintain()
    await expect.poll(() => listPartitions(storage.dir).current[0]?.generation, { timeout: 10_000 }).toBe(2)
    await storage.deleteSeries([isUp], { minTimeMs: day, maxTimeMs: day + 5 * 60_000 })
    await storage.maintain()
    await expect.poll(() => listPartitions(storage.dir).current[0]?.generation, { timeout: 10_000 }).toBe(3)
    await storage.maintain()
    await storage.flush()
    expect(listPartitions(storage.dir).current[0]?.generation).toBe(3)
    expect(readSamples(storage)).toEqual({ 'up{job="node"}': samples(day, 6, 10), 'down{job="node"}': samples(day, 0, 10) })
  })
})

describe('deletion', () => {
  it('agrees with a plain list, whatever is deleted, flushed, cleaned and restarted between', async () => {
    const random = createRandom()
    const model = new Map<string, Map<number, number>>()
    const names = ['a', 'b', 'c', 'd']
    const options = { nowMs: () => day + 10 * dayMs }
    let storage = await open(options)
    let clockMs = day
    for (let step = 0; step < 40; step++) {
      const what = random.below(10)
      if (what < 4) {
        const appender = storage.appender()
        for (const name of names) {
          const labels = labelsFrom({ __name__: name })
          const ofName = model.get(name) ?? new Map<number, number>()
          model.set(name, ofName)
          for (let i = 0; i < 50; i++) {
            const value = random.below(1001)
            appender.append(labels, clockMs + i * 60_000, value)
            ofName.set(clockMs + i * 60_000, value)
          }
        }
        clockMs += 50 * 60_000
        await appender.commit()
      } else if (what < 7) {
        const name = random.pick(names)
        const minTimeMs = day + random.below(clockMs - day + 1)
        const maxTimeMs = minTimeMs + random.below(5 * hourMs)
        await storage.deleteSeries([[createMatcher('__name__', '=', name)]], { minTimeMs, maxTimeMs })
        for (const timeMs of model.get(name)?.keys() ?? []) if (timeMs >= minTimeMs && timeMs <= maxTimeMs) model.get(name)?.delete(timeMs)
      } else if (what === 7) {
        await storage.flush()
      } else if (what === 8) {
        await storage.cleanTombstones()
      } else {
        storage = await reopened(storage, options)
      }
      const expected = Object.fromEntries([...model].filter(([, ofName]) => ofName.size > 0).map(([name, ofName]) => [name, [...ofName]]))
      expect(readSamples(storage), `seed ${random.seed}, step ${step}`).toEqual(expected)
      const latest = { minTimeMs: clockMs - random.below(3 * hourMs), maxTimeMs: clockMs }
      const inMemory = readMemorySamples(storage, { range: latest, lends: true })
      if (inMemory !== undefined) expect(inMemory, `seed ${random.seed}, step ${step}`).toEqual(readSamples(storage, [], latest))
    }
  })
})
