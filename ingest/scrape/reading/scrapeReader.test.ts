// What a reader stores does not depend on what becomes of the answer's memory afterwards: that is used again for the next one.

import { describe, expect, it } from 'vitest'
import { MetricRegistry } from '../../../src/base/selfMetrics.ts'
import { protobufBody } from '../../../test/helpers/scraping/metricFamilies.ts'
import { scrapeConfig } from '../../../test/helpers/scraping/scrapeConfig.ts'
import { readElements } from '../../../test/helpers/storedElements.ts'
import { openTestStorage, readSamples, type TestStorage } from '../../../test/helpers/testStorage.ts'
import { compileRelabel } from '../../relabel.ts'
import { createScrapeMetrics } from '../job/scrapeMetrics.ts'
import { createTarget, populateLabels } from '../job/target.ts'
import { createReadBuffer, createScrapeCache } from './scrapeCache.ts'
import { ScrapeReader } from './scrapeReader.ts'
import type { ScrapeSink } from './scrapeSink.ts'
import { createTargetMemory } from './targetMemory.ts'

const timestampMs = 1_700_000_000_000
const job = scrapeConfig({ convertClassicHistogramsToNhcb: true, alwaysScrapeClassicHistograms: true, scrapeNativeHistograms: true })
/** So many new series take more than one turn of the event loop. */
const many = Array.from({ length: 3000 }, (_, i) => i)

const classic = (le: string) => `h_bucket{le="1.0"} 2${le}\nh_bucket{le="+Inf"} 3${le}\nh_count 3\nh_sum 4\n`
const bodies = {
  'text/plain; version=0.0.4': Buffer.from(`# TYPE h histogram\n${classic('')}# TYPE n gauge\n${many.map((i) => `n{i="${i}"} ${i}\n`).join('')}`),
  'application/openmetrics-text; version=1.0.0': Buffer.from(
    `# TYPE h histogram\n${classic(' # {trace="t"} 0.5')}h_created 1699999999\n# TYPE n gauge\n# HELP n some\n${many.map((i) => `n{i="${i}"} ${i}\n`).join('')}# EOF\n`,
  ),
  'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited': protobufBody([
    { name: 'h', type: 4, metric: [{ histogram: { sampleCount: 3, sampleSum: 4, schema: 1, zeroThreshold: 0.5, zeroCount: 3, bucket: [{ upperBound: 1, cumulativeCount: 2, exemplar: { value: 0.5, label: [{ name: 'trace', value: 't' }] } }], startTimestamp: { seconds: 1_699_999_999 } } }] },
    { name: 'n', type: 1, metric: many.map((i) => ({ label: [{ name: 'i', value: String(i) }], gauge: { value: i } })) },
  ]),
}

/** Reads the body into storage of its own; `spoil` has the answer's memory after the reader has returned. */
async function read(type: string, body: Uint8Array, spoil: (memory: Buffer) => void) {
  const storage: TestStorage = await openTestStorage()
  const readBuffer = createReadBuffer(storage.head)
  const sink: ScrapeSink = {
    readBuffer,
    createCache: () => createScrapeCache(storage.head, { readBuffer }),
    refOf: (labels) => storage.head.findOrCreate(labels),
    appendExemplar: (ref, exemplar) => storage.exemplars.append(ref, exemplar),
    appendZeros: async () => {},
  }
  const outcome = createTarget(populateLabels({ __address__: 'host:1' }, {}, job), job, compileRelabel([]))
  if (outcome.kind !== 'target') throw new Error('no target')
  const memory = createTargetMemory(sink)
  const reader = new ScrapeReader({
    target: outcome.target, sink, memory, metrics: createScrapeMetrics(new MetricRegistry()),
    job: { config: job, metricRules: compileRelabel([]), accept: '', repeated: () => { throw new Error('not asked') }, failureLog: undefined, created: { becomesZero: true }, addsTypeAndUnit: false },
  })
  readBuffer.set(body)
  const reading = reader.read({ status: 200, statusLine: '200 OK', headers: { 'content-type': type }, body: readBuffer.subarray(0, body.length) }, timestampMs)
  spoil(readBuffer)
  const scraped = await reading
  await (await memory.cache.commit()).logged
  memory.cache.close()
  return { scraped, samples: readSamples(storage), histograms: readElements(storage, 'h'), metadata: [...memory.metadata.entries()] }
}

describe('a reader', () => {
  for (const [type, body] of Object.entries(bodies))
    it(`has no use for the memory of a body once it returns: ${type}`, async () => {
      const expected = await read(type, body, () => {})
      expect(expected.scraped).toMatchObject({ error: undefined })
      expect(expected.histograms).toHaveLength(1)
      expect(Object.keys(expected.samples).length).toBeGreaterThan(many.length)
      expect(await read(type, body, (memory) => memory.fill('x'))).toEqual(expected)
    })
})
