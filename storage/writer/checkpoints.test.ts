import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { histogram } from '../../test/helpers/histograms.ts'
import { openTestStorage as open, readSamples, type TestStorage } from '../../test/helpers/testStorage.ts'
import { CheckpointReader } from '../files/checkpointFile.ts'
import { dayMs, listCheckpoints, listLogSegments } from '../files/dataDir.ts'
import { checkDataDir } from '../inspection/check.ts'
import { labelsFrom } from '../model/labels.ts'

const startMs = Date.UTC(2026, 10, 24)
const seriesCount = 40

const openTestStorage: typeof open = (options) => open({ nowMs: () => startMs + dayMs, outOfOrderWindowMs: dayMs, checkpointLogBytes: 20_000, ...options })

/** A round of samples, one of each series; each tenth with a late one and a staleness marker. */
async function append(storage: TestStorage, from: number, to: number): Promise<void> {
  for (let round = from; round < to; round++) {
    const appender = storage.appender()
    const timeMs = startMs + round * 15_000
    for (let i = 0; i < seriesCount; i++) appender.append(labelsFrom({ __name__: 'm', i: String(i) }), timeMs, round * 1.5 + i)
    if (round % 10 === 9) appender.append(labelsFrom({ __name__: 'm', i: '1' }), timeMs - 40_000, -round)
    if (round % 10 === 9) appender.appendStale(labelsFrom({ __name__: 'short', round: String(round) }), timeMs)
    await appender.commit()
  }
}

/** Waits for a checkpoint of what was appended, and returns a copy of the directory as a crash may leave it. */
async function crashAfterCheckpoint(storage: TestStorage): Promise<string> {
  await expect.poll(() => listCheckpoints(storage.dir).length, { timeout: 20_000 }).toBeGreaterThan(0)
  return join(storage.dir, 'snapshots', await storage.snapshot({ skipHead: false }))
}

describe('a checkpoint', () => {
  it('has every sample again after a crash, with those that came after it', async () => {
    const storage = await openTestStorage()
    await append(storage, 0, 300)
    const dir = await crashAfterCheckpoint(storage)
    expect(checkDataDir(dir).problems).toEqual([])
    const again = await openTestStorage({ dir })
    expect(readSamples(again)).toEqual(readSamples(storage))
    expect(again.stats().corruptionCount).toBe(0)
    await append(again, 300, 320)
    await append(storage, 300, 320)
    expect(readSamples(again)).toEqual(readSamples(storage))
  })

  it('stands for the log before it, and goes when its samples are in partitions', async () => {
    const storage = await openTestStorage()
    await append(storage, 0, 300)
    await expect.poll(() => listCheckpoints(storage.dir).length, { timeout: 20_000 }).toBeGreaterThan(1)
    // Three times what asks for a checkpoint was written.
    expect(listLogSegments(storage.dir).length).toBeLessThan(3)
    const samples = readSamples(storage)
    await storage.flush()
    expect(listCheckpoints(storage.dir)).toEqual([])
    expect(readSamples(storage)).toEqual(samples)
    await storage.close()
    expect(readSamples(await openTestStorage({ dir: storage.dir }))).toEqual(samples)
  })

  it('keeps the newest value of a series, by which a repeated sample is told from another one', async () => {
    const storage = await openTestStorage()
    await append(storage, 0, 199)
    const again = await openTestStorage({ dir: await crashAfterCheckpoint(storage), outOfOrderWindowMs: 0 })
    const labels = labelsFrom({ __name__: 'm', i: '7' })
    const timeMs = startMs + 198 * 15_000
    const appender = again.appender()
    expect(appender.append(labels, timeMs, 198 * 1.5 + 7)).toBe('stored')
    expect(appender.append(labels, timeMs, 5)).toBe('duplicate')
  })

  it('keeps what tells the newest histogram of a series from another one', async () => {
    const labels = labelsFrom({ __name__: 'h' })
    const [one, other] = [histogram({ sum: 5, positive: { 0: 2 } }), histogram({ sum: 5, positive: { 1: 2 } })]
    const storage = await openTestStorage()
    const first = storage.appender()
    first.appendHistogram(labels, startMs, one)
    await first.commit()
    await append(storage, 0, 199)
    const again = await openTestStorage({ dir: await crashAfterCheckpoint(storage), outOfOrderWindowMs: 0 })
    const appender = again.appender()
    expect([one, other, { ...one, counterReset: 'gauge' as const }].map((repeated) => appender.appendHistogram(labels, startMs, repeated))).toEqual(['stored', 'duplicate', 'duplicate'])
    expect(appender.append(labels, startMs, 5)).toBe('duplicate')
  })

  it('of which a piece is damaged is served without it, and the check names it', async () => {
    const storage = await openTestStorage()
    await append(storage, 0, 300)
    const dir = await crashAfterCheckpoint(storage)
    const path = listCheckpoints(dir)[0]?.path ?? ''
    const reader = new CheckpointReader(path)
    const body = [...reader.pieces()][0]?.body ?? Buffer.alloc(0)
    reader.close()
    const bytes = readFileSync(path)
    const at = bytes.indexOf(body.subarray(1000, 1100))
    expect(at).toBeGreaterThan(0)
    bytes[at] = (bytes[at] ?? 0) ^ 1
    writeFileSync(path, bytes)
    expect(checkDataDir(dir).problems.map(({ file, table, problem }) => [file, table, problem])).toContainEqual([path, 'piece', 'checksum is wrong'])
    const again = await openTestStorage({ dir })
    expect(again.stats().corruptionCount).toBeGreaterThan(0)
    expect(again.logLines.join('')).toContain('A piece of a checkpoint is damaged')
    expect(Object.keys(readSamples(again)).length).toBeGreaterThan(seriesCount)
    await again.flush()
  })
})
