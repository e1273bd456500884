import { describe, expect, it } from 'vitest'
import { openTestStorage, readMemorySamples, readSamples, type TestStorage } from '../test/helpers/testStorage.ts'
import { labelsFrom } from './labels.ts'

const startMs = Date.UTC(2026, 0, 1, 6)
const range = { minTimeMs: startMs, maxTimeMs: startMs + 4 * 3_600_000 }
const labels = labelsFrom({ __name__: 'm' })

/** Four hours, of which memory has the last one. */
async function storageOnDisk(): Promise<TestStorage> {
  const append = async (storage: TestStorage, fromMs: number, toMs: number) => {
    const appender = storage.appender()
    for (let timeMs = fromMs; timeMs < toMs; timeMs += 15_000) appender.append(labels, timeMs, timeMs / 7)
    await appender.commit()
  }
  const before = await openTestStorage()
  await append(before, startMs, startMs + 3 * 3_600_000)
  await before.close()
  const storage = await openTestStorage({ dir: before.dir })
  await append(storage, startMs + 3 * 3_600_000, startMs + 4 * 3_600_000)
  return storage
}

describe('chunks that are lent', () => {
  it('make memory enough', async () => {
    const storage = await storageOnDisk()
    expect(readMemorySamples(storage, { range })).toBe(undefined)
    const samples = readSamples(storage, [], range)
    expect(samples['m']).toHaveLength(4 * 240)
    expect(readMemorySamples(storage, { range, lends: true })).toEqual(samples)
    await storage.close()
  })

  it('are not enough where late samples have come to disk', async () => {
    const storage = await storageOnDisk()
    storage.setOutOfOrderWindow(12 * 3_600_000)
    const appender = storage.appender()
    appender.append(labels, startMs + 3_600_001, 1)
    await appender.commit()
    const samples = readSamples(storage, [], range)
    expect(samples['m']).toHaveLength(4 * 240 + 1)
    expect(readMemorySamples(storage, { range, lends: true })).toEqual(samples)
    await storage.flush()
    expect(readSamples(storage, [], range)).toEqual(samples)
    expect(readMemorySamples(storage, { range, lends: true })).toBe(undefined)
    await storage.close()
  })
})
