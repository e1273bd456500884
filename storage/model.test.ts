// Random histories of storage against a slow, obvious model: appends in and out of order, series that end and some that come
// back, flushes, checkpoints, compaction, retention, restarts and crashes; after each step queries over random ranges see what the model has.

import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createRandom } from '../test/helpers/random.ts'
import { openTestStorage, readMemorySamples, readSamples, type TestStorage } from '../test/helpers/testStorage.ts'
import { dayMs } from './files/dataDir.ts'
import { seriesContents } from './inspection/contents.ts'
import { formatLabels, labelsFrom, type Labels } from './model/labels.ts'
import { createMatcher } from './model/matcher.ts'
import type { TimeRange } from './model/sample.ts'

const startMs = Date.UTC(2026, 0, 1, 20)
const windowMs = 12 * 3_600_000
const retentionMs = 3 * dayMs
const seriesCount = 5
/** The first series are always there, the others have new labels after this time. */
const lastingCount = 2
const generationMs = dayMs
const steps = 40

class History {
  readonly #random: (below: number) => number
  readonly #model = new Map<string, Map<number, number | 'stale'>>()
  #storage: TestStorage | undefined
  #nowMs = startMs
  /** What is older may be gone, now or later. */
  #keptFromMs = -Infinity
  readonly log: string[] = []
  memoryReads = 0

  constructor(seed: number) {
    this.#random = createRandom(seed).below
  }

  async open(dir?: string): Promise<TestStorage> {
    const nowMs = () => this.#nowMs + 60_000
    this.#storage = await openTestStorage({ outOfOrderWindowMs: windowMs, retentionMs, segmentBytes: 2000, checkpointLogBytes: 3000, nowMs, ...(dir !== undefined && { dir }) })
    return this.#storage
  }

  async step(): Promise<void> {
    const storage = this.#storage ?? (await this.open())
    const kind = this.#random(20)
    if (kind < 12) await this.#append(storage)
    else if (kind < 15) await this.#flush(storage)
    else if (kind < 17) await this.#compact(storage)
    else if (kind < 18) await this.#restart(storage)
    else if (kind < 19) await this.#crash(storage)
    else this.#nowMs += this.#random(2 * dayMs)
    this.#compare(this.#storage ?? storage)
  }

  async #append(storage: TestStorage): Promise<void> {
    const appender = storage.appender()
    const count = 1 + this.#random(300)
    this.log.push(`append ${count}`)
    for (let i = 0; i < count; i++) {
      const labels = this.#labels()
      this.#nowMs += this.#random(30_000)
      const isLate = this.#random(5) === 0
      // Whole minutes when late, so that times are hit twice.
      const timestampMs = isLate ? Math.floor((this.#nowMs - this.#random(windowMs / 2)) / 60_000) * 60_000 : this.#nowMs
      const value = this.#random(20) === 0 ? 'stale' : this.#random(1000) / 8
      const outcome = value === 'stale' ? appender.appendStale(labels, timestampMs) : appender.append(labels, timestampMs, value)
      if (outcome !== 'stored') continue
      const series = formatLabels(labels)
      let samples = this.#model.get(series)
      if (samples === undefined) this.#model.set(series, (samples = new Map()))
      samples.set(timestampMs, value)
    }
    await appender.commit()
  }

  #labels(): Labels {
    const i = this.#random(seriesCount)
    if (i < lastingCount) return labelsFrom({ __name__: 'm', i: String(i) })
    const newest = Math.floor((this.#nowMs - startMs) / generationMs)
    const generation = this.#random(20) === 0 ? this.#random(newest + 1) : newest
    return labelsFrom({ __name__: 'm', i: String(i), generation: String(generation) })
  }

  async #flush(storage: TestStorage): Promise<void> {
    this.log.push('flush')
    await storage.flush()
    // What is in partitions may leave memory some minutes later.
    if (this.#random(2) === 0) storage.head.flushes.maintain(this.#nowMs + 3_600_000)
  }

  async #compact(storage: TestStorage): Promise<void> {
    this.log.push('maintain')
    this.#keptFromMs = Math.max(this.#keptFromMs, this.#nowMs - retentionMs)
    await storage.maintain()
  }

  async #restart(storage: TestStorage): Promise<void> {
    this.log.push('restart')
    await storage.close()
    await this.open(storage.dir)
  }

  async #crash(storage: TestStorage): Promise<void> {
    this.log.push('crash')
    // Checkpoints and compaction go on in the background; a plain copy made meanwhile would not be what a crash leaves.
    await this.#append(storage)
    const name = await storage.snapshot({ skipHead: false })
    await this.open(join(storage.dir, 'snapshots', name))
  }

  #compare(storage: TestStorage): void {
    const span = this.#nowMs - startMs
    const latest = { minTimeMs: this.#nowMs - this.#random(3_600_000), maxTimeMs: this.#nowMs }
    const ranges = [{ minTimeMs: -Infinity, maxTimeMs: Infinity }, this.#range(span), this.#range(Math.min(span, 3_600_000)), latest]
    for (const range of ranges) {
      const found = readSamples(storage, [], range)
      for (let i = 0; i < lastingCount; i++) this.#compareMemory(storage, i, { range, found })
      const expected: typeof found = {}
      for (const [series, samples] of this.#model) {
        const isThere = new Set(found[series]?.map(([timestampMs]) => timestampMs))
        const inRange = [...samples]
          .filter(([timestampMs]) => timestampMs >= range.minTimeMs && timestampMs <= range.maxTimeMs)
          .filter(([timestampMs]) => timestampMs >= this.#keptFromMs || isThere.has(timestampMs))
          .sort(([a], [b]) => a - b)
        if (inRange.length > 0) expected[series] = inRange
      }
      expect(found).toEqual(expected)
    }
  }

  /** What memory tells of a series, alone or with chunks that were lent, it tells right. */
  #compareMemory(storage: TestStorage, i: number, { range, found }: { readonly range: TimeRange; readonly found: ReturnType<typeof readSamples> }): void {
    const name = `m{i="${i}"}`
    const expected = found[name] === undefined ? {} : { [name]: found[name] }
    const matchers = [createMatcher('i', '=', String(i)), createMatcher('generation', '=', '')]
    for (const lends of [false, true]) {
      const inMemory = readMemorySamples(storage, { matchers, range, lends })
      if (inMemory === undefined) continue
      this.memoryReads += 1
      expect(inMemory).toEqual(expected)
    }
  }

  /** Long after the history a new series is all that is left, in memory and on disk. */
  async end(): Promise<void> {
    const storage = this.#storage ?? (await this.open())
    this.log.push('end')
    expect(this.memoryReads).toBeGreaterThan(0)
    for (let day = 0; day < 8; day++) {
      this.#nowMs += dayMs
      const appender = storage.appender()
      expect(appender.append(labelsFrom({ __name__: 'last' }), this.#nowMs, day)).toBe('stored')
      await appender.commit()
      await storage.flush()
      for (let i = 0; i < 20; i++) storage.head.flushes.maintain(this.#nowMs + 3_600_000)
      await storage.maintain()
    }
    expect(storage.head.stats().seriesCount).toBe(1)
    await storage.close()
    expect([...seriesContents(storage.dir)].map(({ labels }) => formatLabels(labels))).toEqual(['last'])
  }

  #range(span: number): { minTimeMs: number; maxTimeMs: number } {
    const maxTimeMs = this.#nowMs - this.#random(span + 1)
    return { minTimeMs: maxTimeMs - this.#random(span + 1), maxTimeMs }
  }
}

describe('any history of storage', () => {
  for (let run = 0; run < 3; run++) {
    const { seed } = createRandom(createRandom().seed + run)
    it(`shows each sample once, the last written of each time (seed ${seed})`, async () => {
      const history = new History(seed)
      for (let step = 0; step < steps; step++) {
        try {
          await history.step()
        } catch (error) {
          throw new Error(`seed ${seed}, after ${history.log.join(', ')}`, { cause: error })
        }
      }
      await history.end()
    })
  }
})
