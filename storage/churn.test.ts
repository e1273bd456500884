// Series come and go: what ended leaves memory and series.db with its last chunk, nobody who still holds it is cheated, and
// its labels may come back.

import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createKernelMemory, createKernels, loadKernelModule } from '../src/kernels/kernels.ts'
import { createRandom } from '../test/helpers/random.ts'
import { allTime, openTestStorage, readSamples, testDataDir, withQuerier, type TestStorage } from '../test/helpers/testStorage.ts'
import { dayMs } from './files/dataDir.ts'
import { Head } from './head/head.ts'
import { seriesContents } from './inspection/contents.ts'
import { formatLabels, labelsFrom, type Labels } from './model/labels.ts'
import { createMatcher } from './model/matcher.ts'
import { openQuerierSource } from './querier/querierSource.ts'

const startMs = Date.UTC(2026, 0, 1)

const podLabels = (pod: number): Labels => [
  { name: '__name__', value: 'requests_total' },
  { name: 'job', value: 'app' },
  { name: 'pod', value: `app-${pod}` },
  { name: 'zone', value: `z${pod % 3}` },
]

/** Flushed chunks leave memory, as they do some minutes after the flush. */
function dropFlushed(head: Head, nowMs: number): void {
  for (let i = 0; head.flushes.counts.dropped < head.flushes.counts.finished; i++) {
    if (i === 1000) throw new Error('a reader keeps flushed chunks in memory')
    head.flushes.maintain(nowMs + 3_600_000)
  }
}

describe('2 million short-lived series over 40 days', () => {
  it('leave memory as it was', async () => {
    let nowMs = startMs
    const head = new Head({ kernels: createKernels(loadKernelModule(), createKernelMemory()), appendLog: async () => {}, nowMs: () => nowMs })
    const perDay = 50_000
    const days: Uint32Array[] = []
    const sizes: { readonly series: number; readonly symbols: number; readonly pairs: number; readonly usedBytes: number; readonly claimedBytes: number }[] = []
    for (let day = 0; day < 40; day++, nowMs += dayMs) {
      const batch = head.batch()
      const refs = new Uint32Array(perDay)
      for (let i = 0; i < perDay; i++) {
        refs[i] = head.findOrCreate(podLabels(day * perDay + i))
        batch.append(refs[i] ?? 0, nowMs, i)
      }
      await batch.commit('allOrNothing')
      batch.close()
      head.flushes.end(await head.flushes.begin('partitions'))
      dropFlushed(head, nowMs)
      days.push(refs)
      // What is two days old has left the disk.
      const ended = days.length > 2 ? days.shift() : undefined
      if (ended !== undefined) expect((await head.forget(ended)).removedCount).toBe(perDay)
      for (let i = 0; i < 20; i++) head.flushes.maintain(nowMs)
      const { seriesCount, symbolCount, labelPairCount, allocatedBytes, memoryBytes } = head.stats()
      sizes.push({ series: seriesCount, symbols: symbolCount, pairs: labelPairCount, usedBytes: allocatedBytes, claimedBytes: memoryBytes })
    }
    const early = sizes[5]
    const last = sizes[39]
    expect(last).toMatchObject({ series: 2 * perDay, symbols: early?.symbols, pairs: early?.pairs })
    expect(last?.claimedBytes).toBe(early?.claimedBytes)
    expect(last?.usedBytes).toBeLessThan((early?.usedBytes ?? 0) * 1.02)
  }, 120_000)
})

/** Storage that keeps one day, on a clock of its own; every day has its own pods, and one series is always there. */
class Churn {
  readonly storage: TestStorage
  #nowMs: number
  #day = 0

  private constructor(storage: TestStorage, nowMs: number) {
    this.storage = storage
    this.#nowMs = nowMs
  }

  static async open(options: { readonly dir?: string; readonly nowMs?: number } = {}): Promise<Churn> {
    const clock = { nowMs: options.nowMs ?? startMs }
    const storage = await openTestStorage({ ...(options.dir !== undefined && { dir: options.dir }), retentionMs: dayMs, nowMs: () => clock.nowMs })
    const churn = new Churn(storage, clock.nowMs)
    churn.tell = (nowMs) => (clock.nowMs = nowMs)
    return churn
  }

  /** Sets the clock of the storage. */
  private tell: (nowMs: number) => void = () => {}

  get nowMs(): number {
    return this.#nowMs
  }

  async write(series: readonly Labels[]): Promise<void> {
    const appender = this.storage.appender()
    for (const labels of series) expect(appender.append(labels, this.#nowMs, this.#nowMs / dayMs)).toBe('stored')
    await appender.commit()
  }

  /** Another day with `pods` of its own, and what retention does at its end. */
  async day(): Promise<void> {
    await this.writeDay(20)
    await this.storage.maintain()
  }

  /** The same without retention. */
  async writeDay(pods: number): Promise<void> {
    const first = 1000 * this.#day++
    await this.write([labelsFrom({ __name__: 'always' }), ...Array.from({ length: pods }, (_, i) => podLabels(first + i))])
    await this.storage.flush()
    dropFlushed(this.storage.head, this.#nowMs)
    this.#nowMs += dayMs
    this.tell(this.#nowMs)
  }

  seriesInMemory(): string[] {
    return withQuerier(this.storage, (querier) => querier.seriesLabels([], allTime, 0)).map(formatLabels)
  }
}

describe('a series that ended', () => {
  it('leaves memory and series.db when retention drops its last chunk, and takes its labels with it', async () => {
    const churn = await Churn.open()
    for (let day = 0; day < 6; day++) await churn.day()
    const expected = churn.storage.head.stats().seriesCount
    expect(expected).toBeLessThan(65)
    const pods = withQuerier(churn.storage, (querier) => querier.labelValues('pod', [], allTime, 0))
    expect(pods).not.toContain('app-0')
    expect(pods).toContain('app-5000')
    expect(churn.seriesInMemory()).toContain('always')
    const { dir } = churn.storage
    expect(churn.storage.logLines.join('\n')).toContain('Series without samples left memory')
    await churn.storage.close()
    const onDisk = [...seriesContents(dir)].map(({ labels }) => formatLabels(labels))
    expect(onDisk.length).toBe(expected)
    expect(onDisk.some((text) => text.includes('"app-0"'))).toBe(false)
  })

  it('comes back as a new one, also after a restart', async () => {
    const churn = await Churn.open()
    const labels = podLabels(7)
    await churn.write([labels])
    const firstRef = churn.storage.head.findOrCreate(labels)
    for (let day = 0; day < 4; day++) await churn.day()
    expect(readSamples(churn.storage)[formatLabels(labels)]).toBeUndefined()
    await churn.write([labels])
    expect(churn.storage.head.findOrCreate(labels)).toBeGreaterThan(firstRef)
    const found = [[churn.nowMs, churn.nowMs / dayMs]]
    expect(readSamples(churn.storage)[formatLabels(labels)]).toEqual(found)
    const { dir } = churn.storage
    await churn.storage.close()
    const again = await openTestStorage({ dir, nowMs: () => churn.nowMs })
    expect(readSamples(again)[formatLabels(labels)]).toEqual(found)
  })

  it('and came back in a crash before its row was deleted is the new one at the next start', async () => {
    const churn = await Churn.open()
    for (let day = 0; day < 2; day++) await churn.day()
    const { storage } = churn
    const old = storage.head.findOrCreate(podLabels(3))
    // Memory has removed it, the disk has not.
    expect((await storage.head.forget(Uint32Array.of(old))).removedCount).toBe(1)
    await churn.write([podLabels(3), podLabels(4)])
    const crashed = join(testDataDir(), 'data')
    cpSync(storage.dir, crashed, { recursive: true })
    // Read from the log, then, after a clean stop, from partitions.
    for (const start of ['first', 'second']) {
      const again = await openTestStorage({ dir: crashed, nowMs: () => churn.nowMs })
      for (const pod of [3, 4]) expect(readSamples(again)[formatLabels(podLabels(pod))]?.at(-1), `${pod} at the ${start} start`).toEqual([churn.nowMs, churn.nowMs / dayMs])
      expect(withQuerier(again, (querier) => querier.seriesLabels([[createMatcher('pod', '=', 'app-3')]], allTime, 0)).length).toBe(1)
      await again.close()
    }
  })

  it('is not removed while somebody may still send it', async () => {
    const churn = await Churn.open()
    const { head } = churn.storage
    await churn.day()
    const batch = head.batch()
    const ref = head.findOrCreate(podLabels(0))
    batch.append(ref, churn.nowMs + 3 * dayMs, 42)
    for (let day = 0; day < 3; day++) await churn.day()
    expect(head.findOrCreate(podLabels(0))).toBe(ref)
    expect((await batch.commit('allOrNothing')).stored).toBe(1)
    batch.close()
    expect(readSamples(churn.storage)[formatLabels(podLabels(0))]).toEqual([[churn.nowMs, 42]])
  })
})

describe('a reader', () => {
  it('has right labels while series go and their ids are given to others', async () => {
    const random = createRandom()
    const churn = await Churn.open()
    const { storage } = churn
    const init = storage.querierInit()
    const source = openQuerierSource(init)
    try {
      for (let day = 0; day < 8; day++) {
        await churn.writeDay(50 + random.below(50))
        const held = source.querier()
        const selection = held.select([], allTime)
        const before = Array.from({ length: selection.count }, (_, i) => formatLabels(selection.labels(i)))
        await storage.maintain()
        for (let i = 0; i < 5; i++) storage.head.flushes.maintain(churn.nowMs)
        // What it selected stays readable to it, with the labels it had.
        for (const [i, labels] of before.entries()) expect(formatLabels(selection.labels(i)), `seed ${random.seed}`).toBe(labels)
        held.close()
        for (let i = 0; i < 5; i++) storage.head.flushes.maintain(churn.nowMs)
        const next = source.querier()
        const found = next.select([createMatcher('pod', '=~', '.+')], allTime)
        const pods: string[] = []
        for (let i = 0; i < found.count; i++) {
          const labels = found.labels(i)
          pods.push(labels.find(({ name }) => name === 'pod')?.value ?? '')
          const pod = Number(pods.at(-1)?.slice(4))
          expect(labels, `seed ${random.seed}`).toEqual(podLabels(pod))
        }
        expect(next.labelValues('pod', [], allTime, 0), `seed ${random.seed}`).toEqual(pods.sort())
        next.close()
      }
    } finally {
      source.close()
      storage.releaseWorker(init)
    }
  })
})
