import { describe, expect, it } from 'vitest'
import { openTestStorage, readMemorySamples, readSamples, type TestStorage } from '../../test/helpers/testStorage.ts'
import { labelsFrom } from '../model/labels.ts'
import { BorrowedPartitions } from './lentChunks.ts'
import { NotLent } from './notInMemory.ts'

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

  it('that nobody reads are dropped when there are many', () => {
    const day = Date.UTC(2026, 0, 1)
    const partitions = new BorrowedPartitions(1, [day])
    const lend = (ref: number) => {
      const section = new Uint8Array(1024 * 1024)
      const row = { ref, slot: 0, minTimeMs: day, maxTimeMs: day, isOutOfOrder: false, times: 1, packing: '', packedBytes: 0, timesSection: section.slice(0, 8), valuesSection: section }
      partitions.borrow({ generation: 1, series: [{ startMs: day, ref, rows: [row] }] })
    }
    const read = (ref: number) => partitions.overlapping({ minTimeMs: day, maxTimeMs: day })[0]?.reader.chunks(ref, day, day)
    for (let ref = 1; ref <= 20; ref++) lend(ref)
    expect(() => read(1)).toThrow(NotLent)
    expect(read(20)).toHaveLength(1)
    expect(() => read(20)).toThrow(NotLent)
  })
})
