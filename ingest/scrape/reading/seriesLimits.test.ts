// A label explosion against limits on the number of series: it costs its own job new series, and nobody else anything.

import { describe, expect, it } from 'vitest'
import { dayMs } from '../../../storage/files/dataDir.ts'
import { labelsFrom } from '../../../storage/model/labels.ts'
import type { StorageOptions } from '../../../storage/storage.ts'
import { remoteWriteBody, remoteWriteHeaders } from '../../../test/helpers/remoteWriteBody.ts'
import { openTestStorage, readSamples, type TestStorage } from '../../../test/helpers/testStorage.ts'
import { storeBackfill } from '../../exposition/backfill.ts'
import { createRemoteWrite } from '../../remoteWrite/remoteWrite.ts'
import { createScrapeCache, refusedSeries } from './scrapeCache.ts'

const hourMs = 3_600_000
const clock = { nowMs: Date.UTC(2026, 0, 1) }

const open = (options: Partial<StorageOptions>) => openTestStorage({ ...options, nowMs: () => clock.nowMs })

/** Sends a sample now for each `name{job, id}`. */
function writer(storage: TestStorage, headers: Readonly<Record<string, string>> = remoteWriteHeaders) {
  const remoteWrite = createRemoteWrite({ storage, registry: storage.registry, logger: storage.logger })
  return (...series: readonly (readonly [job: string, id: number])[]) => {
    const body = remoteWriteBody(series.map(([job, id]) => ({ labels: { __name__: 'm', id: String(id), job }, samples: [{ timestampMs: clock.nowMs, value: id }] })))
    return remoteWrite.receive(body, headers)
  }
}

const ids = (job: string, from: number, to: number) => Array.from({ length: to - from }, (_, i) => [job, from + i] as const)

const seriesOf = (storage: TestStorage, job: string) => Object.keys(readSamples(storage)).filter((series) => series.includes(`job="${job}"`)).length

const refusals = (storage: TestStorage) => storage.registry.print().match(/solowatch_storage_refused_series_total\{.*/g)

describe('--storage.max-series-per-job', () => {
  it('refuses new series of a job that has enough, and stores everything else of the body', async () => {
    const storage = await open({ maxSeriesPerJob: 10 })
    const write = writer(storage)
    expect((await write(...ids('good', 0, 5), ...ids('bad', 0, 10))).status).toBe(204)
    clock.nowMs += 15_000
    const answer = await write(...ids('bad', 5, 1000), ...ids('good', 0, 8), ...ids('bad', 0, 5))
    expect(answer).toMatchObject({ status: 400, body: '990 new series are refused: a limit on the number of series is reached; the samples of all others are stored\n' })
    expect([seriesOf(storage, 'good'), seriesOf(storage, 'bad')]).toEqual([8, 10])
    expect(readSamples(storage)['m{id="3", job="bad"}']?.length).toBe(2)
    expect(refusals(storage)).toEqual(['solowatch_storage_refused_series_total{job="bad"} 990'])
  })

  it('keeps nothing of what it refuses', async () => {
    const storage = await open({ maxSeriesPerJob: 10 })
    const write = writer(storage)
    await write(...ids('bad', 0, 10))
    await write(...ids('bad', 0, 500))
    const before = storage.head.stats()
    for (let i = 1; i < 20; i++) await write(...ids('bad', i * 1000, i * 1000 + 500))
    expect(storage.head.stats()).toMatchObject({ seriesCount: before.seriesCount, symbolCount: before.symbolCount, labelPairCount: before.labelPairCount })
  })

  it('leaves a scraped target what it had, and takes more once series have ended', async () => {
    const storage = await open({ maxSeriesPerJob: 4 })
    const cache = createScrapeCache(storage.head)
    const scrape = async (...names: readonly string[]) => {
      const body = Buffer.from(names.map((name) => `${name} 1\n`).join(''))
      const { addedCount } = await cache.parse(body, clock.nowMs, { honorTimestamps: true }, ({ text }) => storage.head.findOrCreate(labelsFrom({ __name__: text, job: 'scraped' })) || refusedSeries)
      await cache.commit()
      clock.nowMs += 15_000
      return addedCount
    }
    expect(await scrape('a', 'b', 'c')).toBe(3)
    expect(await scrape('a', 'b', 'c', 'd', 'e', 'f')).toBe(1)
    expect(await scrape('a', 'b', 'e', 'f')).toBe(0)
    clock.nowMs += hourMs / 2
    await scrape('a', 'b', 'e')
    await storage.maintain()
    expect(await scrape('a', 'b', 'e', 'f')).toBe(0)
    clock.nowMs += hourMs / 2
    await scrape('a', 'b', 'e')
    await storage.maintain()
    // c and d have had no sample for an hour.
    expect(await scrape('a', 'b', 'e', 'f', 'g')).toBe(2)
    expect(seriesOf(storage, 'scraped')).toBe(6)
    cache.close()
  })

  it('counts what ended again when it comes back, and not what retention has removed', async () => {
    const storage = await open({ maxSeriesPerJob: 4, retentionMs: dayMs })
    const write = writer(storage)
    await write(...ids('churn', 0, 4))
    for (let day = 1; day < 4; day++) {
      await storage.flush()
      for (let i = 0; i < 20; i++) storage.head.flushes.maintain(clock.nowMs + hourMs)
      clock.nowMs += dayMs
      await write(['other', day])
      await storage.maintain()
      expect((await write(...ids('churn', 4 * day, 4 * day + 5))).body, `day ${day}`).toContain('1 new series')
    }
    await write(...ids('churn', 8, 10))
    await storage.maintain()
    expect((await write(['churn', 100])).status).toBe(400)
  })

  it('does not count what had ended before a start', async () => {
    const storage = await open({ maxSeriesPerJob: 4 })
    const write = writer(storage)
    await write(...ids('churn', 0, 4))
    clock.nowMs += 2 * hourMs
    await write(['other', 0])
    await storage.close()
    const again = await open({ dir: storage.dir, maxSeriesPerJob: 4 })
    expect((await writer(again)(...ids('churn', 4, 9))).body).toContain('1 new series')
  })
})

describe('--storage.max-series', () => {
  it('takes new series for those that have ended', async () => {
    const storage = await open({ maxSeries: 6 })
    const write = writer(storage)
    await write(...ids('one', 0, 6))
    clock.nowMs += 2 * hourMs
    await write(...ids('one', 0, 2))
    await storage.maintain()
    expect((await write(...ids('two', 0, 5))).body).toContain('1 new series')
    expect(seriesOf(storage, 'two')).toBe(4)
  })

  it('refuses new series of everybody, by job, and the log says so', async () => {
    const storage = await open({ maxSeries: 6 })
    const write = writer(storage)
    await write(...ids('one', 0, 5))
    clock.nowMs += 15_000
    expect((await write(...ids('one', 0, 8), ...ids('two', 0, 3))).status).toBe(400)
    expect([seriesOf(storage, 'one'), seriesOf(storage, 'two')]).toEqual([6, 0])
    expect(refusals(storage)).toEqual(['solowatch_storage_refused_series_total{job="one"} 2', 'solowatch_storage_refused_series_total{job="two"} 3'])
    const appender = storage.appender()
    expect(appender.append(labelsFrom({ __name__: 'rule' }), clock.nowMs, 1)).toBe('limit')
    await appender.commit()
    await expect.poll(() => storage.logLines.filter((line) => line.includes('New series are refused')).length, { timeout: 10_000 }).toBe(3)
  })
})

describe('a series with more labels than there may be', () => {
  const many = (count: number) => labelsFrom({ __name__: 'm', job: 'bad', ...Object.fromEntries(Array.from({ length: count - 2 }, (_, i) => [`l${i}`, 'v'])) })

  it('is refused and counted by job, and the next smaller one is stored', async () => {
    const storage = await open({})
    expect(storage.head.findOrCreate(many(1025))).toBe(0)
    expect(storage.head.findOrCreate(many(1024))).toBeGreaterThan(0)
    expect(refusals(storage)).toEqual(['solowatch_storage_refused_series_total{job="bad"} 1'])
  })

  it('costs a scraped target that series and nothing else', async () => {
    const storage = await open({})
    const cache = createScrapeCache(storage.head)
    const parsed = await cache.parse(Buffer.from('a 1\nb 1\n'), clock.nowMs, { honorTimestamps: true }, ({ text }) => storage.head.findOrCreate(text === 'a' ? many(5000) : labelsFrom({ __name__: text })) || refusedSeries)
    expect(parsed).toMatchObject({ sampleCount: 2, keptCount: 1 })
    expect(await cache.commit()).toMatchObject({ stored: 1 })
    cache.close()
  })
})

describe('backfill beyond the limit on series', () => {
  it('stores what comes before and names the first series that is refused', async () => {
    const storage = await open({ maxSeries: 2 })
    const samples = ['a', 'b', 'c'].map((name) => ({ labels: labelsFrom({ __name__: name }), timestampMs: clock.nowMs - dayMs, value: 1 }))
    await expect(storeBackfill(samples, storage.backfillAppender())).rejects.toThrow('does not allow c; what is before it in the file is stored')
    expect(Object.keys(readSamples(storage))).toEqual(['a', 'b'])
  })
})

describe('the memory', () => {
  it('refuses series and samples while it is taken, and takes them again once queries gave it back', async () => {
    const storage = await open({})
    const write = writer(storage)
    const { exports } = storage.head.kernels
    const bytes = Math.floor((exports.bytesLeft() - 100e6) / 65536) * 65536
    const span = exports.takeSpan(bytes)
    expect((await write(['one', 1])).status).toBe(503)
    exports.giveSpan(span, bytes)
    expect((await write(['one', 1])).status).toBe(204)
    expect(seriesOf(storage, 'one')).toBe(1)
  })
})
