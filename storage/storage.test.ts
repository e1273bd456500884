import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { createLogger } from '../src/base/log.ts'
import { MetricRegistry } from '../src/base/selfMetrics.ts'
import { allTime, openTestStorage as open, readSamples, testDataDir, withQuerier, type TestStorage } from '../test/helpers/testStorage.ts'
import { dayMs, listLogSegments, listPartitions } from './files/dataDir.ts'
import type { AppendOutcome } from './head/appender.ts'
import { checkDataDir } from './inspection/check.ts'
import { labelsFrom, type Labels } from './model/labels.ts'
import { createMatcher, matcherTexts } from './model/matcher.ts'
import { openStorage } from './storage.ts'

const day = Date.UTC(2026, 10, 24)
const hourMs = 3_600_000
const up = labelsFrom({ __name__: 'up', job: 'node' })

const openTestStorage: typeof open = (options) => open({ nowMs: () => day + 10 * dayMs, ...options })

/** Appends and commits; `values[i]` at `startMs + i * stepMs`. */
async function append(storage: TestStorage, labels: Labels, startMs: number, values: readonly number[], stepMs = 15_000): Promise<AppendOutcome[]> {
  const appender = storage.appender()
  const outcomes = values.map((value, i) => appender.append(labels, startMs + i * stepMs, value))
  await appender.commit()
  return outcomes
}

/** A copy of the directory as a killed process would leave it. */
function crashCopy(storage: TestStorage): string {
  const copy = join(testDataDir(), 'data')
  cpSync(storage.dir, copy, { recursive: true })
  return copy
}

const pairs = (startMs: number, values: readonly number[], stepMs = 15_000) => values.map((value, i) => [startMs + i * stepMs, value])
const countTo = (count: number) => Array.from({ length: count }, (_, i) => i)

describe('storage', () => {
  it('has its samples again after a clean stop', async () => {
    const storage = await openTestStorage()
    await append(storage, up, day, [1, 2, 3])
    await storage.close()
    expect(listLogSegments(storage.dir)).toEqual([])
    const again = await openTestStorage({ dir: storage.dir })
    expect(readSamples(again)).toEqual({ 'up{job="node"}': pairs(day, [1, 2, 3]) })
  })

  it('has every acknowledged sample again after a crash', async () => {
    const storage = await openTestStorage()
    await append(storage, up, day, countTo(300))
    await append(storage, labelsFrom({ __name__: 'down' }), day + hourMs, [7])
    const again = await openTestStorage({ dir: crashCopy(storage) })
    expect(readSamples(again)).toEqual({ 'up{job="node"}': pairs(day, countTo(300)), down: [[day + hourMs, 7]] })
  })

  it('has each sample once when part of it is flushed and part is in the log', async () => {
    const storage = await openTestStorage()
    await append(storage, up, day, countTo(300))
    await storage.flush()
    await append(storage, up, day + 300 * 15_000, countTo(50))
    expect(Object.values(readSamples(storage))[0]).toHaveLength(350)
    const again = await openTestStorage({ dir: crashCopy(storage) })
    expect(readSamples(again)).toEqual({ 'up{job="node"}': [...pairs(day, countTo(300)), ...pairs(day + 300 * 15_000, countTo(50))] })
    await again.flush()
    expect(Object.values(readSamples(again))[0]).toHaveLength(350)
  })

  it('has each sample once when the log of a finished flush is still there', async () => {
    const storage = await openTestStorage()
    await append(storage, up, day, countTo(300))
    const copy = crashCopy(storage)
    await storage.flush()
    // As after a crash between the partitions and the mark in series.db.
    cpSync(join(storage.dir, 'partitions'), join(copy, 'partitions'), { recursive: true })
    const again = await openTestStorage({ dir: copy })
    expect(readSamples(again)).toEqual({ 'up{job="node"}': pairs(day, countTo(300)) })
    await again.flush()
    await again.close()
    const third = await openTestStorage({ dir: copy })
    expect(readSamples(third)).toEqual({ 'up{job="node"}': pairs(day, countTo(300)) })
  })

  it('deletes the log when its samples are in partitions', async () => {
    const storage = await openTestStorage({ segmentBytes: 1000 })
    for (let i = 0; i < 40; i++) await append(storage, up, day + i * 150_000, countTo(10))
    expect(listLogSegments(storage.dir).length).toBeGreaterThan(2)
    await storage.flush()
    expect(listLogSegments(storage.dir)).toEqual([])
    expect(storage.stats()).toMatchObject({ partitionCount: 1, logSegmentCount: 0, seriesCount: 1 })
  })

  it('flushes by itself when the log has grown', async () => {
    const storage = await openTestStorage({ flushLogBytes: 1000 })
    for (let i = 0; i < 20; i++) await append(storage, up, day + i * 150_000, countTo(10).map(Math.sin))
    await expect.poll(() => storage.stats().partitionCount, { timeout: 5000 }).toBe(1)
    expect(readSamples(storage)['up{job="node"}']).toHaveLength(200)
  })

  it('keeps the same promises when each commit waits for the disk', async () => {
    const storage = await openTestStorage({ sync: 'commit' })
    await append(storage, up, day, countTo(300))
    const again = await openTestStorage({ dir: crashCopy(storage), sync: 'commit' })
    expect(readSamples(again)).toEqual({ 'up{job="node"}': pairs(day, countTo(300)) })
  })

  it('writes a commit that may wait by itself after a moment, and at once with one that may not', async () => {
    const storage = await openTestStorage()
    const commit = async (timeMs: number, name: string, mayWait: boolean) => {
      const batch = storage.head.batch()
      batch.append(storage.head.findOrCreate(up), timeMs, 1)
      await batch.commit('skipBad', { mayWait })
      batch.close()
      settled.push(name)
    }
    const settled: string[] = []
    await commit(day, 'alone', true)
    expect(readSamples(await openTestStorage({ dir: crashCopy(storage) }))).toEqual({ 'up{job="node"}': [[day, 1]] })
    const patient = commit(day + 1, 'patient', true)
    await commit(day + 2, 'urgent', false)
    await new Promise(setImmediate)
    expect(settled.toSorted()).toEqual(['alone', 'patient', 'urgent'])
    await patient
    const late = commit(day + 3, 'late', true)
    await storage.close()
    await late
    expect(readSamples(await openTestStorage({ dir: storage.dir }))).toEqual({ 'up{job="node"}': [0, 1, 2, 3].map((ms) => [day + ms, 1]) })
  })

  it('writes what was committed together by those who may wait as one record, what was refused not at all', async () => {
    const storage = await openTestStorage()
    const other = labelsFrom({ __name__: 'up', job: 'other' })
    const commit = async (samples: readonly (readonly [Labels, number, number])[]) => {
      const batch = storage.head.batch()
      for (const [labels, timeMs, value] of samples) batch.append(storage.head.findOrCreate(labels), timeMs, value)
      const { stored } = await batch.commit('skipBad', { mayWait: true })
      batch.close()
      return stored
    }
    const long = Array.from({ length: 40_000 }, (_, i) => [other, day + 10 + i, i] as const)
    const stored = await Promise.all([
      commit([[up, day, 1], [other, day, 2]]),
      commit([[up, day, 1], [other, day, 3], [other, day + 1, 4]]),
      commit([]),
      commit([[up, day + 2, -0]]),
      commit(long),
    ])
    expect(stored).toEqual([2, 1, 0, 1, 40_000])
    const expected = readSamples(storage)
    expect(expected).toMatchObject({ 'up{job="node"}': [[day, 1], [day + 2, -0]] })
    expect(expected['up{job="other"}']).toHaveLength(40_002)
    expect(readSamples(await openTestStorage({ dir: crashCopy(storage) }))).toEqual(expected)
  })

  it('has what waits to be logged in a flush and in a snapshot', async () => {
    const storage = await openTestStorage()
    const commit = (timeMs: number) => {
      const batch = storage.head.batch()
      batch.append(storage.head.findOrCreate(up), timeMs, 1)
      return batch.commit('skipBad', { mayWait: true }).finally(() => batch.close())
    }
    const first = commit(day)
    await storage.flush()
    await first
    const second = commit(day + 1)
    const name = await storage.snapshot({ skipHead: false })
    await second
    expect(readSamples(await openTestStorage({ dir: join(storage.dir, 'snapshots', name) }))).toEqual({ 'up{job="node"}': [[day, 1], [day + 1, 1]] })
  })

  it('acknowledges a repeated sample only when the first one is safe', async () => {
    const storage = await openTestStorage()
    const order: string[] = []
    const commit = async (name: string) => {
      const appender = storage.appender()
      expect(appender.append(up, day, 1)).toBe('stored')
      await appender.commit()
      order.push(name)
    }
    await Promise.all([commit('first'), commit('repeated')])
    expect(order).toEqual(['first', 'repeated'])
  })

  it('puts each day into its own partition', async () => {
    const storage = await openTestStorage()
    await append(storage, up, day - 30_000, [1, 2, 3, 4])
    await storage.flush()
    expect(listPartitions(storage.dir).current.map(({ startMs }) => startMs)).toEqual([day - dayMs, day])
    const range = { minTimeMs: day - 15_000, maxTimeMs: day }
    expect(readSamples(storage, [], range)).toEqual({ 'up{job="node"}': [[day - 15_000, 2], [day, 3]] })
    expect(storage.stats().lowestTimeMs).toBe(day - 30_000)
  })

  it('keeps the bits of staleness markers and special values on the way through log and partition', async () => {
    const storage = await openTestStorage()
    const appender = storage.appender()
    ;[NaN, Infinity, -Infinity, -0, 5e-324].forEach((value, i) => appender.append(up, day + i, value))
    appender.appendStale(up, day + 10)
    await appender.commit()
    const expected = { 'up{job="node"}': [[day, NaN], [day + 1, Infinity], [day + 2, -Infinity], [day + 3, -0], [day + 4, 5e-324], [day + 10, 'stale']] }
    expect(readSamples(storage)).toEqual(expected)
    const recovered = await openTestStorage({ dir: crashCopy(storage) })
    expect(readSamples(recovered)).toEqual(expected)
    await recovered.close()
    const flushed = await openTestStorage({ dir: recovered.dir })
    expect(readSamples(flushed)).toEqual(expected)
  })

  it('judges late samples right after a restart', async () => {
    const storage = await openTestStorage()
    await append(storage, up, day, [1, 2, 3])
    await storage.close()
    const again = await openTestStorage({ dir: storage.dir })
    expect(await append(again, up, day + 15_000, [9])).toEqual(['outOfOrder'])
    expect(await append(again, up, day + 45_000, [4])).toEqual(['stored'])
  })

  it('never gives a series ref to another series', async () => {
    const storage = await openTestStorage()
    await append(storage, up, day, [1])
    await storage.flush()
    const before = await openTestStorage({ dir: crashCopy(storage) })
    await append(before, labelsFrom({ __name__: 'other' }), day, [2])
    await before.close()
    const again = await openTestStorage({ dir: before.dir })
    await append(again, labelsFrom({ __name__: 'third' }), day, [3])
    expect(readSamples(again)).toEqual({ 'up{job="node"}': [[day, 1]], other: [[day, 2]], third: [[day, 3]] })
  })

  it('is opened by one process at a time', async () => {
    const storage = await openTestStorage()
    await expect(openTestStorage({ dir: storage.dir })).rejects.toThrow(/lock: the data directory is in use by another process/)
  })

  it('says what it has in Prometheus’s words', async () => {
    const storage = await openTestStorage()
    await append(storage, up, day, [1, 2])
    await storage.flush()
    const text = storage.registry.print()
    expect(text).toContain('\nprometheus_tsdb_head_series 1\n')
    expect(text).toContain(`\nprometheus_tsdb_lowest_timestamp ${day}\n`)
    expect(text).toMatch(/\nprometheus_tsdb_storage_blocks_bytes [1-9]\d+\n/)
  })
})

describe('out-of-order samples', () => {
  it('win over what was there at the same time, the last one of all', async () => {
    const storage = await openTestStorage({ outOfOrderWindowMs: hourMs })
    await append(storage, up, day, [1, 2, 3, 4])
    expect(await append(storage, up, day + 15_000, [20])).toEqual(['stored'])
    expect(await append(storage, up, day + 7_000, [15])).toEqual(['stored'])
    const expected = { 'up{job="node"}': [[day, 1], [day + 7_000, 15], [day + 15_000, 20], [day + 30_000, 3], [day + 45_000, 4]] }
    expect(readSamples(storage)).toEqual(expected)
    await storage.flush()
    expect(readSamples(storage)).toEqual(expected)
    await append(storage, up, day + 15_000, [200])
    await storage.flush()
    await storage.close()
    const again = await openTestStorage({ dir: storage.dir })
    expect(readSamples(again)['up{job="node"}']?.[2]).toEqual([day + 15_000, 200])
  })

  it('reach a day that is closed and compacted', async () => {
    const storage = await openTestStorage({ outOfOrderWindowMs: 3 * dayMs })
    await append(storage, up, day, countTo(100))
    await append(storage, up, day + dayMs + 4 * hourMs, [1])
    await compact(storage)
    await append(storage, up, day + 1000, [-1])
    await storage.flush()
    const samples = readSamples(storage)['up{job="node"}']
    expect(samples).toHaveLength(102)
    expect(samples?.[1]).toEqual([day + 1000, -1])
  })
})

/** Flushes and waits for compaction, which goes on in the background, to have finished all that is due. */
async function compact(storage: TestStorage): Promise<void> {
  await storage.flush()
  await storage.maintain()
  await expect.poll(() => listPartitions(storage.dir).current.slice(0, -1).every(({ generation }) => generation > 1), { timeout: 5000 }).toBe(true)
}

describe('compaction', () => {
  it('makes one chunk per series of a closed day and changes no sample', async () => {
    const storage = await openTestStorage({ outOfOrderWindowMs: hourMs })
    for (let flush = 0; flush < 4; flush++) {
      for (let i = 0; i < 20; i++) {
        const labels = labelsFrom({ __name__: 'm', i: String(i) })
        await append(storage, labels, day + flush * hourMs, countTo(100).map((k) => k * i))
        await append(storage, labels, day + flush * hourMs + 1000, [-1])
      }
      await storage.flush()
    }
    await append(storage, labelsFrom({ __name__: 'later' }), day + dayMs + 4 * hourMs, [1])
    const before = readSamples(storage)
    await compact(storage)
    expect(readSamples(storage)).toEqual(before)
    await storage.close()
    const report = checkDataDir(storage.dir)
    expect([report.chunkCount, report.sampleCount]).toEqual([21, 20 * 404 + 1])
  })

  it('goes on after a crash in the middle of it', async () => {
    const storage = await openTestStorage()
    await append(storage, up, day, countTo(500))
    await append(storage, up, day + dayMs + 4 * hourMs, [1])
    await storage.flush()
    const dir = crashCopy(storage)
    writeFileSync(join(dir, 'partitions', '2026-11-24.2.db.building'), 'half a file')
    const again = await openTestStorage({ dir })
    expect(readdirSync(join(dir, 'partitions')).filter((name) => name.includes('building'))).toEqual([])
    await compact(again)
    expect(readSamples(again)['up{job="node"}']).toHaveLength(501)
  })
})

describe('retention', () => {
  it('deletes whole days by age, seen from the newest sample', async () => {
    const storage = await openTestStorage({ retentionMs: 2 * dayMs })
    for (let i = 0; i < 5; i++) await append(storage, up, day + i * dayMs, [i])
    await storage.flush()
    await storage.maintain()
    expect(listPartitions(storage.dir).current.map(({ startMs }) => startMs)).toEqual([2, 3, 4].map((i) => day + i * dayMs))
    expect(storage.registry.print()).toContain('\nprometheus_tsdb_time_retentions_total 2\n')
  })

  it('follows a changed setting', async () => {
    const storage = await openTestStorage()
    for (let i = 0; i < 5; i++) await append(storage, up, day + i * dayMs, [i])
    await storage.flush()
    await storage.maintain()
    expect(listPartitions(storage.dir).current).toHaveLength(5)
    storage.setRetention({ retentionMs: 0, retentionRules: [], retentionBytes: 1 })
    await storage.maintain()
    await storage.close()
    const again = await openTestStorage({ dir: storage.dir })
    expect(readSamples(again)).toEqual({ 'up{job="node"}': [[day + 4 * dayMs, 4]] })
  })
})

describe('retention by rule', () => {
  const debug = labelsFrom({ __name__: 'up', job: 'debug' })
  const debugRule = { matchers: matcherTexts([createMatcher('job', '=', 'debug')]), retentionMs: 2 * dayMs }
  /** One sample of both series at the start of each of ten days, and the partitions compacted. */
  async function tenDays(options: Parameters<typeof open>[0] = {}): Promise<TestStorage> {
    const storage = await openTestStorage(options)
    for (let i = 0; i < 10; i++) {
      await append(storage, up, day + i * dayMs, [i])
      await append(storage, debug, day + i * dayMs, [i])
    }
    await storage.flush()
    await storage.maintain()
    return storage
  }
  const days = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => [day + (from + i) * dayMs, from + i])

  /** What is on disk once the days have these generations; memory still has what was flushed lately. */
  async function onDisk(storage: TestStorage, dayGenerations: readonly number[]): Promise<ReturnType<typeof readSamples>> {
    await expect.poll(() => listPartitions(storage.dir).current.map(({ generation }) => generation), { timeout: 20_000 }).toEqual(dayGenerations)
    await storage.close()
    return readSamples(await openTestStorage({ dir: storage.dir }))
  }
  const nowMs = () => day + 9 * dayMs + hourMs

  it('lets the days of some series go before those of all others', async () => {
    const storage = await tenDays({ nowMs, retentionMs: 6 * dayMs, retentionRules: [debugRule] })
    expect(await onDisk(storage, [2, 2, 2, 2, 2, 1, 1])).toEqual({ 'up{job="node"}': days(3, 10), 'up{job="debug"}': days(7, 10) })
  })

  it('keeps the days of some series longer, and goes by the first rule that matches', async () => {
    const keep = { matchers: matcherTexts([createMatcher('__name__', '=', 'up')]), retentionMs: 0 }
    const storage = await tenDays({ nowMs, retentionMs: 3 * dayMs, retentionRules: [debugRule, keep] })
    expect(await onDisk(storage, [2, 2, 2, 2, 2, 2, 2, 2, 1, 1])).toEqual({ 'up{job="node"}': days(0, 10), 'up{job="debug"}': days(7, 10) })
  })

  it('follows changed rules, and rewrites a day only when that changes something', async () => {
    const storage = await tenDays({ nowMs })
    await expect.poll(() => listPartitions(storage.dir).current.map(({ generation }) => generation), { timeout: 20_000 }).toEqual([2, 2, 2, 2, 2, 2, 2, 2, 1, 1])
    storage.setRetention({ retentionMs: 0, retentionBytes: 0, retentionRules: [debugRule, { matchers: matcherTexts([createMatcher('job', '=', 'none')]), retentionMs: dayMs }] })
    await storage.maintain()
    expect(await onDisk(storage, [3, 3, 3, 3, 3, 3, 3, 2, 1, 1])).toEqual({ 'up{job="node"}': days(0, 10), 'up{job="debug"}': days(7, 10) })
  })

  it('applies to samples that come late for a day that it went over before', async () => {
    const storage = await tenDays({ nowMs, retentionRules: [debugRule], outOfOrderWindowMs: 9 * dayMs })
    await expect.poll(() => listPartitions(storage.dir).current[4]?.generation, { timeout: 20_000 }).toBe(2)
    await append(storage, debug, day + 4 * dayMs + 1000, [4])
    await storage.flush()
    await storage.maintain()
    expect(await onDisk(storage, [2, 2, 2, 2, 3, 2, 2, 2, 1, 1])).toEqual({ 'up{job="node"}': days(0, 10), 'up{job="debug"}': days(7, 10) })
  })
})

describe('queries', () => {
  it('select by matchers and list labels within a time range', async () => {
    const storage = await openTestStorage()
    await append(storage, labelsFrom({ __name__: 'old', job: 'a' }), day, [1])
    await append(storage, labelsFrom({ __name__: 'new', job: 'b' }), day + hourMs, [2])
    await storage.flush()
    await append(storage, labelsFrom({ __name__: 'new', job: 'c' }), day + hourMs, [3])
    expect(Object.keys(readSamples(storage, [createMatcher('job', '=~', 'b|c')]))).toEqual(['new{job="b"}', 'new{job="c"}'])
    withQuerier(storage, (querier) => {
      const late = { minTimeMs: day + hourMs - 1, maxTimeMs: day + 2 * hourMs }
      expect(querier.labelNames([], allTime, 0)).toEqual(['__name__', 'job'])
      expect(querier.labelValues('job', [], allTime, 0)).toEqual(['a', 'b', 'c'])
      expect(querier.labelValues('job', [], allTime, 2)).toEqual(['a', 'b'])
      expect(querier.labelValues('job', [], late, 0)).toEqual(['b', 'c'])
      expect(querier.labelValues('job', [[createMatcher('__name__', '=', 'old')], [createMatcher('job', '=', 'c')]], allTime, 0)).toEqual(['a', 'c'])
      expect(querier.seriesLabels([[createMatcher('__name__', '=', 'new')]], allTime, 0)).toEqual([
        labelsFrom({ __name__: 'new', job: 'b' }),
        labelsFrom({ __name__: 'new', job: 'c' }),
      ])
      expect(querier.status(10).headStats.numSeries).toBe(3)
      expect(querier.status(1).seriesCountByMetricName).toEqual([{ name: 'new', value: 2 }])
    })
  })

  it('see what was flushed and compacted since the last one', async () => {
    const storage = await openTestStorage()
    const init = storage.querierInit()
    const { openQuerierSource } = await import('./querier/querierSource.ts')
    const source = openQuerierSource(init)
    const count = () => {
      const querier = source.querier()
      const selection = querier.select([], allTime)
      const { length } = selection.count === 0 ? { length: 0 } : selection.read(0)
      querier.close()
      return length
    }
    expect(count()).toBe(0)
    await append(storage, up, day, countTo(10))
    expect(count()).toBe(10)
    await storage.flush()
    expect(count()).toBe(10)
    await append(storage, up, day + dayMs + 4 * hourMs, [1])
    await compact(storage)
    expect(count()).toBe(11)
    source.close()
    storage.releaseWorker(init)
  })
})

describe('a clean stop', () => {
  it('leaves files that stand alone', async () => {
    const { dir } = await twoDaysOf(up)
    const storage = await openStorage({ dir, retentionMs: 0, retentionBytes: 0, outOfOrderWindowMs: 0, logger: createLogger({ level: 'error', format: 'logfmt' }), registry: new MetricRegistry() })
    expect(Object.keys(readSamples(storage))).toHaveLength(1)
    await storage.close()
    // Opening once more for the check would bring them back.
    expect(readdirSync(dir, { recursive: true }).filter((name) => /-(wal|shm)$/.test(String(name)))).toEqual([])
  })

  async function twoDaysOf(labels: Labels): Promise<TestStorage> {
    const storage = await openTestStorage()
    await append(storage, labels, day, countTo(100))
    await append(storage, labels, day + dayMs, countTo(100))
    await storage.close()
    return storage
  }
})

describe('a kill while a file was being created', () => {
  /** Copies a database with a transaction under way that has reached the file already. */
  function leaveInterrupted(target: string): void {
    const path = join(testDataDir(), 'a.db')
    const db = new Database(path)
    db.pragma('cache_size = 1')
    db.exec('BEGIN; CREATE TABLE record (number INTEGER PRIMARY KEY, body BLOB NOT NULL)')
    const insert = db.prepare('INSERT INTO record (body) VALUES (zeroblob(5000))')
    for (let i = 0; i < 50; i++) insert.run()
    for (const suffix of ['', '-journal']) cpSync(path + suffix, target + suffix)
    db.close()
  }

  for (const kind of ['with a journal', 'empty'] as const) {
    it(`leaves one ${kind} that the next start removes`, async () => {
      const storage = await openTestStorage()
      await append(storage, up, day, countTo(10))
      await storage.close()
      const files = [join(storage.dir, 'log', '00000009.db'), join(storage.dir, 'partitions', '2026-11-26.1.db')]
      for (const file of files) kind === 'empty' ? writeFileSync(file, '') : leaveInterrupted(file)
      const again = await openTestStorage({ dir: storage.dir })
      expect(readSamples(again)).toEqual({ 'up{job="node"}': pairs(day, countTo(10)) })
      expect(again.stats().corruptionCount).toBe(0)
      expect(files.filter((file) => existsSync(file))).toEqual([])
    })
  }
})

describe('a sample from before the first day there is', () => {
  for (const outOfOrderWindowMs of [0, hourMs]) {
    it(`is refused, also as the first one of all, with a window of ${outOfOrderWindowMs} ms, and does not keep the others from the disk`, async () => {
      const storage = await openTestStorage({ outOfOrderWindowMs })
      const firstMs = -8.64e15
      expect(await append(storage, up, firstMs - 1, [1])).toEqual(['tooOld'])
      expect(await append(storage, up, firstMs, [1])).toEqual(['stored'])
      await storage.flush()
      expect(listPartitions(storage.dir).current.map(({ startMs }) => startMs)).toEqual([firstMs])
      expect(readSamples(storage)).toEqual({ 'up{job="node"}': [[firstMs, 1]] })
    })
  }
})

describe('damage', () => {
  /** A closed directory with two days of one series, the first of them compacted by nobody. */
  async function twoDays(): Promise<string> {
    const storage = await openTestStorage()
    await append(storage, up, day, countTo(100))
    await append(storage, up, day + dayMs, countTo(100))
    await storage.close()
    return storage.dir
  }
  const partition = (dir: string) => join(dir, 'partitions', '2026-11-24.1.db')

  it('of a partition sets it aside with its name and the reason, and the rest is served', async () => {
    const dir = await twoDays()
    const bytes = readFileSync(partition(dir))
    writeFileSync(partition(dir), bytes.fill(7, 0, 200))
    expect(checkDataDir(dir).problems).toHaveLength(1)
    const storage = await openTestStorage({ dir })
    expect(readSamples(storage)).toEqual({ 'up{job="node"}': pairs(day + dayMs, countTo(100)) })
    expect(storage.logLines.join('\n')).toMatch(/Set a damaged file aside.*2026-11-24\.1\.db.*file is not a database/)
    expect(existsSync(join(dir, 'damaged', '2026-11-24.1.db'))).toBe(true)
    expect(storage.stats().corruptionCount).toBe(1)
    await append(storage, up, day + dayMs + 100 * 15_000, [1])
  })

  it('of a chunk leaves out the chunk and says so', async () => {
    const dir = await twoDays()
    const db = new Database(partition(dir))
    const body = db.prepare('SELECT body FROM chunk').pluck().get() as Buffer
    body[body.length - 1] = (body.at(-1) ?? 0) ^ 1
    db.prepare('UPDATE chunk SET body = ?').run(body)
    db.close()
    expect(checkDataDir(dir).problems.map(({ table, problem }) => `${table}: ${problem}`)).toEqual(['chunk: values section is damaged'])
    const storage = await openTestStorage({ dir })
    expect(readSamples(storage)).toEqual({ 'up{job="node"}': pairs(day + dayMs, countTo(100)) })
    await expect.poll(() => storage.logLines.join('\n'), { timeout: 20_000 }).toMatch(/A chunk is damaged.*2026-11-24\.1\.db.*series 1, slot 0/)
    rmSync(partition(dir))
  })

  it('that takes a row away is found by the check', async () => {
    const dir = await twoDays()
    const db = new Database(partition(dir))
    db.exec('DELETE FROM chunk')
    db.close()
    expect(checkDataDir(dir).problems.map(({ table }) => table)).toContain('meta')
    rmSync(partition(dir))
  })

  it('of series.db as a whole is refused with the way out', async () => {
    const dir = await twoDays()
    writeFileSync(join(dir, 'series.db'), 'not a database at all, just text')
    await expect(openTestStorage({ dir })).rejects.toThrow(/series\.db: .*not a database/)
  })

  it('of a log segment in the middle loses what lies behind it, and says so', async () => {
    const storage = await openTestStorage({ segmentBytes: 1000 })
    for (let i = 0; i < 30; i++) await append(storage, up, day + i * 150_000, countTo(10))
    const dir = crashCopy(storage)
    const segments = listLogSegments(dir)
    const wal = `${segments[1]?.path}-wal`
    const bytes = readFileSync(wal)
    const at = bytes.length - 5000
    bytes[at] = (bytes[at] ?? 0) ^ 1
    writeFileSync(wal, bytes)
    expect(checkDataDir(dir).problems.length).toBeGreaterThan(0)
    const again = await openTestStorage({ dir })
    const samples = readSamples(again)['up{job="node"}'] ?? []
    expect(samples.length).toBeLessThan(300)
    expect(samples.length).toBeGreaterThan(100)
    expect(again.logLines.join('\n')).toMatch(/A log segment is damaged.*offset=\d+|Log records are missing/)
  })

  it('is not what a newer version has written: nothing is touched, and the start is refused', async () => {
    const dir = await twoDays()
    const db = new Database(partition(dir))
    db.pragma('user_version = 2')
    db.close()
    await expect(openTestStorage({ dir })).rejects.toThrow(/2026-11-24\.1\.db: has format version 2 of a newer solowatch, this one reads up to 1; start the newer version/)
    expect(existsSync(partition(dir))).toBe(true)
  })

  it('of most of a partition, met by a query, sets the file aside while storage is open', async () => {
    const storage = await openTestStorage()
    for (let i = 0; i < 200; i++) await append(storage, labelsFrom({ __name__: 'm', i: String(i) }), day, countTo(60).map((k) => Math.sin(k * i)))
    await append(storage, up, day + dayMs, countTo(100))
    await storage.flush()
    await storage.close()
    const again = await openTestStorage({ dir: storage.dir })
    const bytes = readFileSync(partition(storage.dir))
    writeFileSync(partition(storage.dir), bytes.fill(0xaa, 8192))
    expect(Object.keys(readSamples(again))).toEqual(['up{job="node"}'])
    await expect.poll(() => existsSync(join(storage.dir, 'damaged', '2026-11-24.1.db')), { timeout: 20_000 }).toBe(true)
    expect(again.logLines.join('\n')).toMatch(/Set a damaged file aside.*2026-11-24\.1\.db/)
    expect(Object.keys(readSamples(again))).toEqual(['up{job="node"}'])
  })

  it('is not that a file cannot be opened just now: a query fails and leaves nothing out', async () => {
    const dir = await twoDays()
    const storage = await openTestStorage({ dir })
    renameSync(partition(dir), `${partition(dir)}.away`)
    mkdirSync(partition(dir))
    expect(() => readSamples(storage)).toThrow(`cannot open ${partition(dir)}: `)
    rmdirSync(partition(dir))
    renameSync(`${partition(dir)}.away`, partition(dir))
    expect(readSamples(storage)['up{job="node"}']).toHaveLength(200)
  })

  it('of state.db sets it aside, and samples are served', async () => {
    const dir = await twoDays()
    writeFileSync(join(dir, 'state.db'), 'x'.repeat(5000))
    const storage = await openTestStorage({ dir })
    expect(storage.logLines.join('\n')).toMatch(/Set a damaged file aside.*state\.db/)
    expect(readSamples(storage)['up{job="node"}']).toHaveLength(200)
    await storage.state.write([{ kind: 'k', key: 'a', value: 1 }])
  })

  it('by a missing log segment is told, and the rest is served', async () => {
    const storage = await openTestStorage({ segmentBytes: 1000 })
    for (let i = 0; i < 30; i++) await append(storage, up, day + i * 150_000, countTo(10))
    const dir = crashCopy(storage)
    const gone = listLogSegments(dir)[1]?.path ?? ''
    for (const suffix of ['', '-wal', '-shm']) rmSync(gone + suffix, { force: true })
    const again = await openTestStorage({ dir })
    expect(again.logLines.join('\n')).toMatch(/Log records are missing.*firstRecord=\d+ lastRecord=\d+/)
    expect(readSamples(again)['up{job="node"}']?.length).toBeGreaterThan(100)
  })

  it('of a cut tail of the log is none: the last transaction was not acknowledged', async () => {
    const storage = await openTestStorage()
    for (let i = 0; i < 10; i++) await append(storage, up, day + i * 150_000, countTo(10))
    const dir = crashCopy(storage)
    const wal = `${listLogSegments(dir)[0]?.path}-wal`
    writeFileSync(wal, readFileSync(wal).subarray(0, -50))
    const again = await openTestStorage({ dir })
    expect(readSamples(again)['up{job="node"}']).toHaveLength(90)
    expect(again.stats().corruptionCount).toBe(0)
  })
})
