// Data directories of released format versions are read for good.

import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { formatLabels } from '../../storage/labels.ts'
import { isStaleMarker } from '../../storage/sample.ts'
import { allTime, expectCleanCheck, openTestStorage, testDataDir, withQuerier, type TestStorage } from '../helpers/testStorage.ts'
import { bitsOf, expectedSamples, outOfOrderWindowMs, stateRow } from './contents.ts'

function readBits(storage: TestStorage): Record<string, string[]> {
  return withQuerier(storage, (querier) => {
    const found: Record<string, string[]> = {}
    const selection = querier.select([], allTime)
    for (let i = 0; i < selection.count; i++) {
      const { length, timestampsMs, values, valueWords } = selection.read(i)
      found[formatLabels(selection.labels(i))] = Array.from({ length }, (_, k) => `${timestampsMs[k]} ${isStaleMarker(valueWords, k) ? 'stale' : bitsOf(values[k] ?? 0)}`)
    }
    return found
  })
}

describe.each(['v1', 'v2'])('the data directory of format %s', (version) => {
  it('is checked, read to the bit, and still good after it was written to', async () => {
    const dir = join(testDataDir(), 'data')
    cpSync(new URL(`../data/golden/${version}`, import.meta.url), dir, { recursive: true })
    expectCleanCheck(dir)
    const storage = await openTestStorage({ dir, outOfOrderWindowMs })
    expect(storage.stats().corruptionCount).toBe(0)
    expect(readBits(storage)).toEqual(expectedSamples(formatLabels))
    expect([...storage.state.load(stateRow.kind)]).toEqual([[stateRow.key, stateRow.value]])
    await storage.close()
    const again = await openTestStorage({ dir, outOfOrderWindowMs })
    expect(readBits(again)).toEqual(expectedSamples(formatLabels))
  })
})
