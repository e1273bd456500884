// What every crash test asks at its end.

import { expect } from 'vitest'
import { formatLabels } from '../../storage/labels.ts'
import { expectCleanCheck, openTestStorage, readSamples } from '../helpers/testStorage.ts'
import { batchSamples, outOfOrderWindowMs } from './workload.ts'

/**
 * Every sample of an acknowledged batch is there with its value, nothing is there twice or that was not written; `batches`
 * bounds the numbers that were tried. Samples before `keptFromMs` may have gone.
 */
export async function expectAllThere(dir: string, acknowledged: readonly number[], batches: number, keptFromMs = -Infinity): Promise<void> {
  const storage = await openTestStorage({ dir, outOfOrderWindowMs })
  const found = new Map<string, Map<number, number>>()
  for (const [series, samples] of Object.entries(readSamples(storage))) {
    const times = samples.map(([timestampMs]) => timestampMs)
    expect(new Set(times).size).toBe(times.length)
    found.set(series, new Map(samples as [number, number][]))
  }
  const isAcknowledged = new Set(acknowledged)
  const missing: string[] = []
  const written = new Map<string, number>()
  for (let number = 0; number < batches; number++) {
    for (const { labels, timestampMs, value } of batchSamples(number)) {
      const series = formatLabels(labels)
      written.set(`${series} ${timestampMs}`, value)
      const there = found.get(series)?.get(timestampMs)
      if (isAcknowledged.has(number) && there !== value && (there !== undefined || timestampMs >= keptFromMs)) missing.push(`batch ${number}: ${series} at ${timestampMs}: ${there}`)
    }
  }
  const invented: string[] = []
  for (const [series, samples] of found) {
    for (const [timestampMs, value] of samples) if (written.get(`${series} ${timestampMs}`) !== value) invented.push(`${series} at ${timestampMs}: ${value}`)
  }
  expect(missing.slice(0, 5), `${missing.length} missing`).toEqual([])
  expect(invented.slice(0, 5), `${invented.length} invented`).toEqual([])
  await storage.close()
  expectCleanCheck(dir)
}
