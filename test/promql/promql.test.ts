// Every script in `cases/` on the in-memory model, and those where it matters how samples are kept on real storage.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Labels } from '../../storage/model/labels.ts'
import { createMemoryQuerier, type MemorySample, stale } from '../helpers/memoryQuerier.ts'
import { openTestStorage, withQuerier } from '../helpers/testStorage.ts'
import { runScript, type WithSeries } from './runScript.ts'

const dir = join(import.meta.dirname, 'cases')
const scripts = readdirSync(dir).filter((name) => name.endsWith('.test'))

const aboutSamples = ['edges.test', 'extendedRanges.test', 'nativeHistograms.test', 'rangeFunctions.test', 'selectors.test']

const inMemory: WithSeries = async (series, use) => use(createMemoryQuerier(series))

/** Written as samples come in, series by series at each time. */
const inStorage: WithSeries = async (series, use) => {
  const storage = await openTestStorage({ outOfOrderWindowMs: 0 })
  const appender = storage.appender()
  const append = (labels: Labels, [timestampMs, value]: MemorySample) => {
    if (typeof value === 'number') return appender.append(labels, timestampMs, value)
    return value === stale ? appender.appendStale(labels, timestampMs) : appender.appendHistogram(labels, timestampMs, value)
  }
  const samples = series.flatMap(({ labels, samples }) => samples.map((sample) => ({ labels, sample })))
  for (const { labels, sample } of samples.sort((a, b) => a.sample[0] - b.sample[0])) expect(append(labels, sample)).toBe('stored')
  await appender.commit()
  withQuerier(storage, use)
  await storage.close()
}

describe('scripts over samples in memory', () => {
  for (const name of scripts) it(name, () => runScript(readFileSync(join(dir, name), 'utf8'), name, inMemory))
})

describe('scripts over stored samples', () => {
  for (const name of aboutSamples) it(name, { timeout: 60_000 }, () => runScript(readFileSync(join(dir, name), 'utf8'), name, inStorage))
})
