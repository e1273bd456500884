// Data directories of released format versions are read for good.

import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { formatLabels } from '../../storage/model/labels.ts'
import { createMatcher } from '../../storage/model/matcher.ts'
import { isStaleMarker } from '../../storage/model/sample.ts'
import { startQueryService } from '../helpers/queryService.ts'
import { allTime, expectCleanCheck, openTestStorage, testDataDir, withQuerier, type TestStorage } from '../helpers/testStorage.ts'
import { answerText, bitsOf, expectedSamples, outOfOrderWindowMs, queries, since, stateRow, timeAt } from './contents.ts'

const golden = (name: string) => new URL(`../data/golden/${name}`, import.meta.url)

/** Of what every version has. */
function readBits(storage: TestStorage): Record<string, string[]> {
  return withQuerier(storage, (querier) => {
    const found: Record<string, string[]> = {}
    const selection = querier.select([createMatcher(since.name, '!=', since.value)], allTime)
    for (let i = 0; i < selection.count; i++) {
      const { length, timestampsMs, values, valueWords } = selection.read(i)
      found[formatLabels(selection.labels(i))] = Array.from({ length }, (_, k) => `${timestampsMs[k]} ${isStaleMarker(valueWords, k) ? 'stale' : bitsOf(values[k] ?? 0)}`)
    }
    return found
  })
}

async function answersOf(storage: TestStorage): Promise<Record<string, string>> {
  const service = startQueryService(storage)
  try {
    return Object.fromEntries(await Promise.all(queries.map(async ({ query, minute }) => [query, answerText(await service.evaluate(query, timeAt(minute)))] as const)))
  } finally {
    await service.close()
  }
}

describe.each(['v1', 'v2', 'v3', 'v4'])('the data directory of format %s', (version) => {
  it('is checked, read to the bit, and still good after it was written to', async () => {
    const dir = join(testDataDir(), 'data')
    cpSync(golden(version), dir, { recursive: true })
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

describe.each(['v3', 'v4'])('the data directory of format %s', (version) => {
  it('answers queries about histograms, deleted samples and a downsampled day as it did when it was written', async () => {
    const answers: unknown = JSON.parse(readFileSync(golden(`${version}.json`), 'utf8'))
    const dir = join(testDataDir(), 'data')
    cpSync(golden(version), dir, { recursive: true })
    // As it is, and once everything is in partitions.
    for (const _ of ['first', 'second']) {
      const storage = await openTestStorage({ dir, outOfOrderWindowMs })
      expect(await answersOf(storage)).toEqual(answers)
      await storage.close()
    }
  }, 60_000)
})
