// What a start reads into the head: a log as several senders leave it behind.

import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { openTestStorage, readSamples, testDataDir } from '../../test/helpers/testStorage.ts'

const nowMs = Date.UTC(2026, 5, 1)

it('a replay of series that two senders created in turns takes no more memory than they do, and finds each', async () => {
  const storage = await openTestStorage({ nowMs: () => nowMs })
  const seriesCount = 12_000
  const batches = [storage.head.batch(), storage.head.batch()]
  for (let i = 0; i < seriesCount; i++) {
    const labels = [{ name: '__name__', value: 'm' }, { name: 'i', value: String(i) }, { name: 'job', value: 'all' }]
    batches[i % 2]?.append(storage.head.findOrCreate(labels), nowMs, i)
  }
  // The log now holds all the later refs before those between them.
  for (const batch of batches.toReversed()) await batch.commit('skipBad')
  const copy = join(testDataDir(), 'copy')
  cpSync(storage.dir, copy, { recursive: true })

  const replayed = await openTestStorage({ dir: copy, nowMs: () => nowMs })
  expect(replayed.head.stats().memoryBytes).toBeLessThan(64 * 1024 * 1024)
  const samples = readSamples(replayed)
  expect(Object.keys(samples)).toHaveLength(seriesCount)
  for (const i of [0, 1, 2, 6_001, seriesCount - 1]) expect(samples[`m{i="${i}", job="all"}`]).toEqual([[nowMs, i]])
  for (const batch of batches) batch.close()
})
