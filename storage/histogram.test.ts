// Native histograms through the whole of storage: memory, log, partitions, compaction, late samples.

import { cpSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { histogram, plain, randomHistogram } from '../test/helpers/histograms.ts'
import { createRandom, type Random } from '../test/helpers/random.ts'
import { readElements as read, shown, type Element } from '../test/helpers/storedElements.ts'
import { allTime, liveThrough, openTestStorage, testDataDir, withQuerier, type TestStorage } from '../test/helpers/testStorage.ts'
import { customSchema, type NativeHistogram } from './model/histogram.ts'
import { labelsFrom, metricNameLabel, type Labels } from './model/labels.ts'
import { createMatcher } from './model/matcher.ts'

const dayMs = 86_400_000
const startMs = 20_000 * dayMs + 1000

async function append(storage: TestStorage, labels: Labels, samples: readonly (readonly [number, Element])[]): Promise<string[]> {
  const appender = storage.appender()
  const outcomes = samples.map(([timestampMs, element]) => {
    if (typeof element === 'object') return appender.appendHistogram(labels, timestampMs, element)
    return element === 'stale' ? appender.appendStale(labels, timestampMs) : appender.append(labels, timestampMs, element)
  })
  await appender.commit()
  return outcomes
}

const labels = labelsFrom({ __name__: 'h', job: 'a' })
const one = histogram({ sum: 5, positive: { 0: 1, 1: 2, 2: 1 } })
const two = histogram({ sum: 9, positive: { 0: 1, 1: 3, 5: 2 }, zeroCount: 3, zeroThreshold: 1e-128 })

const shapes = ['counter', 'reset now and then', 'new buckets', 'fractions', 'custom', 'very many buckets', 'other layouts', 'gauge'] as const

/** Histograms one after the other as a series has them. */
function runOf(random: Random, shape: (typeof shapes)[number], count: number): NativeHistogram[] {
  const width = shape === 'very many buckets' ? 600 : 30
  const positive: Record<number, number> = {}
  const negative: Record<number, number> = {}
  let sum = 0
  return Array.from({ length: count }, (_, i) => {
    if (shape === 'reset now and then' && random.below(50) === 0) for (const side of [positive, negative]) for (const index of Object.keys(side)) delete side[Number(index)]
    const reach = shape === 'new buckets' ? 1 + Math.floor(i / 8) : shape === 'custom' ? 5 : width
    for (let k = shape === 'very many buckets' && i === 0 ? 2000 : 40; k > 0; k--) {
      const index = random.below(reach)
      positive[index] = (positive[index] ?? 0) + (shape === 'fractions' ? random.below(1000) / 7 : random.pick([1, 1, 1, 100, 2 ** 33]))
    }
    if (shape === 'gauge') positive[random.below(reach)] = 1 + random.below(10)
    if (shape !== 'custom' && random.below(20) === 0) negative[random.below(4) - 1] = 1 + random.below(10)
    sum += random.below(1000) / 8
    if (shape === 'custom') return histogram({ schema: customSchema, sum, positive, customBounds: Float64Array.of(-1, 0.5, 2, 7) })
    const schema = shape === 'other layouts' ? random.pick([1, 1, 1, 2]) : 3
    return histogram({ schema, counterReset: shape === 'gauge' ? 'gauge' : 'unknown', sum: random.below(100) === 0 ? -0 : sum, zeroThreshold: 2 ** -128, zeroCount: i, positive, negative })
  })
}

describe('native histograms in storage', () => {
  it('come back from memory, between numbers and staleness markers', async () => {
    const storage = await openTestStorage({ nowMs: () => startMs + 10_000 })
    const samples: [number, Element][] = [[startMs, 1.5], [startMs + 1, one], [startMs + 2, 'stale'], [startMs + 3, two], [startMs + 4, NaN], [startMs + 5, { ...two, counterReset: 'reset' }]]
    expect(await append(storage, labels, samples)).toEqual(['stored', 'stored', 'stored', 'stored', 'stored', 'stored'])
    expect(read(storage, 'h')).toEqual(samples.map(([timeMs, element]) => [timeMs, shown(element)]))
    expect(read(storage, 'h', { minTimeMs: startMs + 2, maxTimeMs: startMs + 3 })).toEqual([[startMs + 2, 'stale'], [startMs + 3, plain(two)]])
  })

  it('are refused as wholes: repeated is fine, another one at the same time or an older one is not', async () => {
    const storage = await openTestStorage({ nowMs: () => startMs + 10_000 })
    await append(storage, labels, [[startMs, one]])
    const more = histogram({ sum: 5, positive: { 0: 1, 1: 2, 3: 1 } })
    expect(await append(storage, labels, [[startMs, one], [startMs, two], [startMs, more], [startMs, 4], [startMs - 1, two]])).toEqual([
      'stored', 'duplicate', 'duplicate', 'duplicate', 'outOfOrder',
    ])
    expect(read(storage, 'h')).toEqual([[startMs, plain(one)]])
  })

  it('are of one series', async () => {
    const storage = await openTestStorage({ nowMs: () => startMs + 10_000 })
    await append(storage, labels, [[startMs, one]])
    withQuerier(storage, (querier) => {
      expect(querier.labelNames([], allTime, 0)).toEqual(['__name__', 'job'])
      expect(querier.seriesLabels([], allTime, 0)).toEqual([labels])
      expect(querier.select([], allTime).count).toBe(1)
      expect(querier.select([createMatcher('job', '!=', 'b')], allTime).count).toBe(1)
    })
  })

  it('are deleted, on disk and in memory', async () => {
    const storage = await openTestStorage({ nowMs: () => startMs + 10_000 })
    await append(storage, labels, [[startMs, one], [startMs + 1, two], [startMs + 2, one]])
    await storage.flush()
    await storage.deleteSeries([[createMatcher(metricNameLabel, '=', 'h')]], { minTimeMs: startMs, maxTimeMs: startMs + 1 })
    await storage.cleanTombstones()
    expect(read(storage, 'h')).toEqual([[startMs + 2, plain(one)]])
  })

  it('come back from long runs of every shape, from active blocks, chunks, the log and partitions', { timeout: 60_000 }, async () => {
    const random = createRandom()
    const message = `seed ${random.seed}`
    const count = 400
    const runs = shapes.map((shape) => runOf(random, shape, count))
    const nowMs = () => startMs + count * 1000
    const storage = await openTestStorage({ nowMs })
    const expectAll = (from: TestStorage) => runs.forEach((run, n) => expect(read(from, `h${n}`), `${message}, ${shapes[n]}`).toEqual(run.map((one, i) => [startMs + i * 1000, plain(one)])))
    // Several a batch, as a backlog brings them, and one.
    for (let i = 0; i < count; ) {
      const appender = storage.appender()
      for (const end = Math.min(count, i + random.pick([1, 2, 40])); i < end; i++) runs.forEach((run, n) => appender.appendHistogram(labelsFrom({ __name__: `h${n}` }), startMs + i * 1000, run[i] as NativeHistogram))
      await appender.commit()
    }
    expectAll(storage)
    expect(read(storage, 'h0', { minTimeMs: startMs + 150_000, maxTimeMs: startMs + 170_500 })).toHaveLength(21)
    const killed = testDataDir()
    cpSync(storage.dir, killed, { recursive: true })
    expectAll(await openTestStorage({ nowMs, dir: killed }))
    await storage.flush()
    expectAll(storage)
    await storage.close()
    expectAll(await openTestStorage({ nowMs, dir: storage.dir }))
  })

  it('survive a restart, flushes, compaction and late arrival as a model does', { timeout: 60_000 }, async () => {
    const random = createRandom()
    const model = new Map<string, Map<number, Element>>()
    await liveThrough({
      random,
      startMs,
      write: async (storage, newestMs) => {
        const appender = storage.appender()
        for (let i = 0; i < 20; i++) {
          const name = `h${random.below(3)}`
          const known = model.get(name) ?? new Map<number, Element>()
          model.set(name, known)
          const timeMs = newestMs - random.pick([0, random.below(60_000), random.below(dayMs / 2)])
          // What happens to a second write of the same time is not the question here.
          if (known.has(timeMs)) continue
          const element = random.below(5) === 0 ? random.below(100) : randomHistogram(random)
          const owner = labelsFrom({ __name__: name })
          if (typeof element === 'object') appender.appendHistogram(owner, timeMs, element)
          else appender.append(owner, timeMs, element)
          known.set(timeMs, element)
        }
        await appender.commit()
      },
      expectAll: (storage) => {
        for (const [name, samples] of model) {
          const expected = [...samples].sort(([a], [b]) => a - b).map(([timeMs, element]) => [timeMs, shown(element)])
          expect(read(storage, name), `seed ${random.seed}`).toEqual(expected)
        }
      },
    })
  })
})
