// Captured scrapes of real exporters through the scrape cache into real storage, compared with a slow model: every sample,
// every staleness marker, every count.

import { describe, expect, it } from 'vitest'
import { dayMs } from '../../../storage/files/dataDir.ts'
import type { Label } from '../../../storage/model/labels.ts'
import { labelsFrom } from '../../../storage/model/labels.ts'
import { createRandom } from '../../../test/helpers/random.ts'
import { remoteWriteBody, remoteWriteHeaders } from '../../../test/helpers/remoteWriteBody.ts'
import { createMemorySink } from '../../../test/helpers/scraping/memoryScrapeSink.ts'
import { captureNames, readCapture } from '../../../test/helpers/scraping/scrapeCapture.ts'
import { openTestStorage, readSamples } from '../../../test/helpers/testStorage.ts'
import { parseSeries } from '../../exposition/text/exposition.ts'
import type { ExpositionError } from '../../exposition/text/expositionLexer.ts'
import { compileRelabel } from '../../relabel.ts'
import { createRemoteWrite } from '../../remoteWrite/remoteWrite.ts'
import { sampleLabels } from './sampleLabels.ts'
import { createReadBuffer, createScrapeCache, type ScrapeCache, type UnknownSeries } from './scrapeCache.ts'
import type { ScrapeSink } from './scrapeSink.ts'

const job = { honorLabels: false, nameValidationScheme: 'utf8' as const, labelLimit: 0, labelNameLengthLimit: 0, labelValueLengthLimit: 0 }
const targetLabels = labelsFrom({ instance: 'i', job: 'j' })
const rules = compileRelabel([
  { action: 'drop', sourceLabels: ['__name__'], separator: ';', regex: 'go_memstats_.*|vm_cache_.*', modulus: 0n, targetLabel: '', replacement: '$1', nameValidation: 'utf8' },
])

function resolver(sink: Pick<ScrapeSink, 'refOf'>) {
  return (series: UnknownSeries) => {
    const exposed: readonly Label[] = parseSeries(series.bytes, series.familyType, series.line)
    const labels = sampleLabels(exposed, targetLabels, job, rules)
    return labels === undefined ? 0 : sink.refOf(labels)
  }
}

type Step = { readonly timestampMs: number; readonly body: string }

/** What a scrape loop does with each body; a body that is refused is a failed scrape. Bodies come in `readBuffer`, if there is one, as long as they may. */
async function replay(steps: readonly Step[], sink: Pick<ScrapeSink, 'refOf'>, cache: ScrapeCache, readBuffer?: Buffer): Promise<unknown[]> {
  const outcomes: unknown[] = []
  const up = sink.refOf(labelsFrom({ __name__: 'up', instance: 'i', job: 'j' }))
  for (const { timestampMs, body } of steps) {
    let parsed: unknown
    try {
      const given = readBuffer === undefined ? Buffer.from(body) : readBuffer.subarray(0, readBuffer.write(body))
      const parsing = cache.parse(given, timestampMs, { honorTimestamps: true }, resolver(sink))
      await new Promise(process.nextTick)
      readBuffer?.fill('x')
      const { sampleCount, keptCount, addedCount } = await parsing
      parsed = { sampleCount, keptCount, addedCount }
    } catch {
      cache.rollback()
      parsed = 'refused'
    }
    cache.append(up, timestampMs, parsed === 'refused' ? 0 : 1)
    const { stored, duplicate, outOfOrder, outOfBounds } = await (parsed === 'refused' ? cache.commitFailed(timestampMs) : cache.commit())
    outcomes.push({ parsed, stored, duplicate, outOfOrder, outOfBounds })
  }
  cache.close()
  return outcomes
}

async function expectSame(steps: readonly Step[], because: string): Promise<void> {
  const model = createMemorySink()
  const expected = await replay(steps, model, model.createCache())
  for (const isInPlace of [false, true]) {
    const storage = await openTestStorage()
    const own: Pick<ScrapeSink, 'refOf'> = { refOf: (labels) => storage.head.findOrCreate(labels) }
    const readBuffer = isInPlace ? createReadBuffer(storage.head) : undefined
    const actual = await replay(steps, own, createScrapeCache(storage.head, readBuffer && { readBuffer }), readBuffer)
    expect(actual, because).toEqual(expected)
    const stored = Object.fromEntries(Object.entries(readSamples(storage)).map(([series, samples]) => [series, samples.map(([time, value]) => `${time} ${value}`)]))
    const wanted = Object.fromEntries(Object.entries(model.series()).filter(([, samples]) => samples.length > 0))
    expect(Object.keys(stored).sort(), because).toEqual(Object.keys(wanted).sort())
    for (const [series, samples] of Object.entries(wanted)) expect(stored[series], `${because} ${series}`).toEqual(samples)
  }
}

describe('captured scrapes', () => {
  for (const name of captureNames)
    it(`of ${name} are stored sample by sample`, async () => {
      await expectSame(readCapture(name).slice(0, 25), name)
    })

  it('with so many series that the body is parsed in pieces are stored as the model has it', async () => {
    const steps = [0, 1, 2].map((round) => ({
      timestampMs: 1_700_000_000_000 + round * 15_000,
      body: Array.from({ length: 5000 }, (_, i) => `m{i="${i + round * 100}"} ${i * round}\n`).join(''),
    }))
    await expectSame(steps, 'many')
  })

  it('with lines lost, changed and broken are stored as the model has it', async () => {
    const { seed, below, pick } = createRandom()
    const capture = readCapture('prometheus').slice(0, 30)
    const steps = capture.map(({ timestampMs, body }) => {
      const lines = body.split('\n').filter(() => below(40) > 0)
      for (let k = below(4); k > 0; k--) {
        const at = below(lines.length)
        const line = lines[at] ?? ''
        lines[at] = pick([line, `${line} `, `  ${line}`, `${line}\n${line}`, `${line} ${timestampMs - below(20_000)}`, line.replace('{', '{ '), line.replace(/ \S+$/, ' NaN'), line.replace(/"/, '"\\n')])
      }
      if (below(12) === 0) lines.splice(below(lines.length), 0, pick(['bad', 'a{', 'a 1 2 3', 'a{b="c"} x', '# TYPE a b', '{a="b"} 1']))
      return { timestampMs, body: `${lines.join('\n').replace(/\n*$/, '')}${pick(['\n', '\n', '\n', '\n \t', ' ', ''])}` }
    })
    await expectSame(steps, `seed ${seed}`)
  })
})

describe('a body without a line feed at its end', () => {
  const lineCount = 200_000
  const body = 'a 1\n'.repeat(lineCount)

  const parse = async (text: string) => {
    const storage = await openTestStorage()
    const cache = createScrapeCache(storage.head)
    let turns = 0
    const count = setInterval(() => turns++, 0)
    try {
      const parsing = (async () => cache.parse(Buffer.from(text), 1, { honorTimestamps: true }, () => storage.head.findOrCreate(labelsFrom({ __name__: 'a' }))))()
      return await parsing.then(({ sampleCount }) => ({ sampleCount, turns }), (error: ExpositionError) => ({ message: error.message, samplesBefore: error.samplesBefore, turns }))
    } finally {
      clearInterval(count)
      cache.close()
    }
  }

  it('is read to its end, and the event loop runs meanwhile', async () => {
    const { turns, ...outcome } = await parse(`${body}a 2`)
    expect(outcome).toEqual({ sampleCount: lineCount + 1 })
    expect(turns).toBeGreaterThan(3)
  })

  it('may end in blanks', async () => {
    expect(await parse(`${body} \t`)).toMatchObject({ sampleCount: lineCount })
  })

  it('is refused when its last line is broken off', async () => {
    expect(await parse(`${body}a`)).toMatchObject({ message: `expected value after metric, got "\\n" ("INVALID") while parsing: "a\\n" (line ${lineCount + 1})`, samplesBefore: lineCount })
  })

  it('is named in a short message when it is one long line that is wrong', async () => {
    const outcome = await parse(`a ${'x'.repeat(1_000_000)}`)
    expect('message' in outcome && outcome.message.length).toBeLessThan(20_000)
  })
})

describe('a target that was silent for longer than retention', () => {
  it('goes on with what its cache knows, and remote write with what it knew', async () => {
    let nowMs = Date.UTC(2026, 0, 1)
    const storage = await openTestStorage({ retentionMs: dayMs, nowMs: () => nowMs })
    const cache = createScrapeCache(storage.head)
    const remoteWrite = createRemoteWrite({ storage, registry: storage.registry, logger: storage.logger })
    const write = (...names: readonly string[]) =>
      remoteWrite.receive(remoteWriteBody(names.map((name) => ({ labels: { __name__: name }, samples: [{ timestampMs: nowMs, value: 1 }] }))), remoteWriteHeaders)
    const sink: Pick<ScrapeSink, 'refOf'> = { refOf: (labels) => storage.head.findOrCreate(labels) }
    const scrape = async () => {
      await cache.parse(Buffer.from('scraped 1\n'), nowMs, { honorTimestamps: true }, resolver(sink))
      return cache.commit()
    }
    expect((await scrape()).stored).toBe(1)
    expect((await write('written')).status).toBe(204)
    for (let day = 0; day < 4; day++) {
      await write('other')
      await storage.flush()
      for (let i = 0; i < 20; i++) storage.head.flushes.maintain(nowMs + 3_600_000)
      nowMs += dayMs
      await storage.maintain()
    }
    expect(storage.head.stats().seriesCount).toBe(2)
    expect((await scrape()).stored).toBe(1)
    expect((await write('written')).status).toBe(204)
    const found = readSamples(storage)
    expect(found['scraped{instance="i", job="j"}']).toEqual([[nowMs, 1]])
    expect(found.written).toEqual([[nowMs, 1]])
    cache.close()
  })
})
