// Counters of a target that do not say when they began, with --enable-feature=st-synthesis.

import { describe, expect, it } from 'vitest'
import { MetricRegistry } from '../../../src/base/selfMetrics.ts'
import { scrapeConfig } from '../../../test/helpers/scraping/scrapeConfig.ts'
import { readElements, readStarts } from '../../../test/helpers/storedElements.ts'
import { openTestStorage } from '../../../test/helpers/testStorage.ts'
import { compileRelabel } from '../../relabel.ts'
import { createScrapeMetrics } from '../job/scrapeMetrics.ts'
import { createTarget, populateLabels } from '../job/target.ts'
import { createScrapeCache } from './scrapeCache.ts'
import { ScrapeReader } from './scrapeReader.ts'
import type { ScrapeSink } from './scrapeSink.ts'
import { createTargetMemory } from './targetMemory.ts'

const firstMs = 1_700_000_000_000
const intervalMs = 15_000

/** A target that is scraped every 15 s; `undefined` is an error. What it gives of a series is `[scrape, start]`, counted in scrapes. */
async function target({ isSynthesized = true, maxSeries = 0 } = {}) {
  let scrape = -1
  const storage = await openTestStorage({ nowMs: () => firstMs + scrape * intervalMs, maxSeries })
  const sink: ScrapeSink = {
    readBuffer: undefined,
    createCache: () => createScrapeCache(storage.head),
    refOf: (labels) => storage.head.findOrCreate(labels),
    appendExemplar: () => 'disabled',
    appendZeros: async () => {},
  }
  const config = scrapeConfig()
  const outcome = createTarget(populateLabels({ __address__: 'host:1' }, {}, config), config, compileRelabel([]))
  if (outcome.kind !== 'target') throw new Error('no target')
  const memory = createTargetMemory(sink)
  const reader = new ScrapeReader({
    target: outcome.target, sink, memory, metrics: createScrapeMetrics(new MetricRegistry()),
    job: { config, metricRules: compileRelabel([]), accept: '', repeated: () => { throw new Error('not asked') }, failureLog: undefined, created: { becomesStart: true, isSynthesized }, addsTypeAndUnit: false },
  })
  return {
    async shows(body: string | undefined, type = 'text/plain; version=0.0.4') {
      const timestampMs = firstMs + ++scrape * intervalMs
      const status = body === undefined ? 503 : 200
      const scraped = await reader.read({ status, statusLine: String(status), headers: { 'content-type': type }, body: Buffer.from(body ?? '') }, timestampMs)
      if (scraped.error !== undefined) memory.cache.rollback()
      await (await (scraped.error === undefined ? memory.cache.commit() : memory.cache.commitFailed(timestampMs))).logged
    },
    starts: (name: string) => readStarts(storage, name).map(([timeMs, startMs]) => [(timeMs - firstMs) / intervalMs, (startMs - firstMs) / intervalMs]),
    values: (name: string) => readElements(storage, name).map(([, value]) => value),
  }
}

const counters = (...lines: string[]) => `# TYPE c counter\n${lines.map((line) => `${line}\n`).join('')}`

describe('the start of a counter that does not say it', () => {
  it('is the scrape before the first that showed it, and not known of what the first scrape of all shows', async () => {
    const { shows, starts } = await target()
    await shows(counters('c{code="200"} 5'))
    await shows(counters('c{code="200"} 6', 'c{code="500"} 1'))
    await shows(counters('c{code="200"} 7', 'c{code="500"} 1'))
    expect(starts('c')).toEqual([[1, 0], [2, 0]])
  })

  it('is when it was last seen, when it counts less than then', async () => {
    const { shows, starts, values } = await target()
    for (const body of [counters('c 5'), counters('c 6'), counters('c 2'), undefined, counters('c 3'), undefined, undefined, counters('c 1')]) await shows(body)
    expect(values('c')).toEqual([5, 6, 2, 'stale', 3, 'stale', 1])
    expect(starts('c')).toEqual([[2, 1], [4, 1], [7, 4]])
  })

  it('is new when it was gone for a scrape', async () => {
    const { shows, starts } = await target()
    for (const body of ['c{a="1"} 5', 'c{a="2"} 6', 'c{a="1"} 7'].map((line) => counters(line))) await shows(body)
    expect(starts('c')).toEqual([[2, 1], [1, 0]])
  })

  it('is that of all series of histograms and summaries but quantiles, and of nothing else', async () => {
    const { shows, starts } = await target()
    await shows('up_to 1\n')
    await shows('# TYPE h histogram\nh_bucket{le="+Inf"} 3\nh_sum 4\nh_count 3\n# TYPE s summary\ns{quantile="0.5"} 1\ns_sum 4\ns_count 3\n# TYPE g gauge\ng 1\n# TYPE u untyped\nu 3\n')
    for (const name of ['h_bucket', 'h_sum', 'h_count', 's_sum', 's_count']) expect(starts(name), name).toEqual([[1, 0]])
    for (const name of ['s', 'g', 'u']) expect(starts(name), name).toEqual([])
  })

  it('is what the target says where it does', async () => {
    const { shows, starts } = await target()
    const body = (told: string) => `# TYPE c counter\nc_total 5.0\n${told}# TYPE d counter\nd_total 5.0\n# EOF\n`
    await shows('# TYPE x gauge\nx 1\n# EOF\n', 'application/openmetrics-text')
    for (const told of ['', `c_created ${(firstMs - 4 * intervalMs) / 1000}\n`]) await shows(body(told), 'application/openmetrics-text')
    expect(starts('c_total')).toEqual([[1, 0], [2, -4]])
    expect(starts('d_total')).toEqual([[1, 0], [2, 0]])
  })

  it('is not known once a limit has refused a series, and nothing is without the feature', async () => {
    const limited = await target({ maxSeries: 2 })
    for (const body of [counters('c{a="1"} 1', 'c{a="2"} 1', 'c{a="3"} 1'), counters('c{a="1"} 1'), counters('c{a="1"} 1', 'c{a="2"} 1')]) await limited.shows(body)
    expect(limited.starts('c')).toEqual([])
    const without = await target({ isSynthesized: false })
    for (const body of ['c 5', 'c 2'].map((line) => counters(line))) await without.shows(body)
    expect(without.starts('c')).toEqual([])
  })
})
