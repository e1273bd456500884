// What start-up does with a log that tells of more than the other files know.

import { cpSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { openTestStorage, readSamples, testDataDir } from '../../test/helpers/testStorage.ts'
import { listPartitions, removeDatabase, seriesPath } from '../files/dataDir.ts'
import { labelsFrom } from '../model/labels.ts'

const startMs = Date.UTC(2026, 5, 1, 12)

describe('a start', () => {
  it('leaves out and counts samples of the log whose series is gone, and keeps the others', async () => {
    const nowMs = () => startMs + 3_600_000
    const storage = await openTestStorage({ nowMs })
    const append = async (name: string, times: readonly number[]) => {
      const appender = storage.appender()
      for (const second of times) appender.append(labelsFrom({ __name__: name }), startMs + second * 1000, second)
      await appender.commit()
    }
    await append('old', [1])
    await storage.flush()
    // The log does not repeat the labels of a series that series.db has.
    await append('old', [2, 3])
    await append('old', Array.from({ length: 200 }, (_, i) => 10 + i))
    await append('fresh', [1, 2])
    const dir = join(testDataDir(), 'data')
    cpSync(storage.dir, dir, { recursive: true })
    // As when retention has dropped its days and then the series.
    for (const { path } of listPartitions(dir).current) removeDatabase(path)
    const series = new Database(seriesPath(dir))
    series.exec('DELETE FROM series; DELETE FROM lifetime')
    series.close()
    const again = await openTestStorage({ dir, nowMs })
    expect(readSamples(again)).toEqual({ fresh: [[startMs + 1000, 1], [startMs + 2000, 2]] })
    expect(again.logLines.filter((line) => line.includes('whose series is not known'))).toEqual([expect.stringContaining('samples=202')])
    expect(again.head.stats().sampleCount).toBe(2)
  })
})
