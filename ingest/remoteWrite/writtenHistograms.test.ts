// Native histograms over remote write: from the wire to storage, and what is refused.

import { describe, expect, it } from 'vitest'
import { createLogger } from '../../src/base/log.ts'
import { customSchema, type NativeHistogram } from '../../storage/model/histogram.ts'
import { histogram, randomHistogram } from '../../test/helpers/histograms.ts'
import { stale } from '../../test/helpers/memoryQuerier.ts'
import { createRandom } from '../../test/helpers/random.ts'
import { remoteWriteBody, remoteWriteBodyV2, remoteWriteHeaders, type WrittenHistogram, type WrittenSeries } from '../../test/helpers/remoteWriteBody.ts'
import { readElements, shown } from '../../test/helpers/storedElements.ts'
import { openTestStorage, type TestStorage } from '../../test/helpers/testStorage.ts'
import { checkedHistogram, emptyWireHistogram, type WireHistogram } from '../exposition/protobuf/histogramMessage.ts'
import { createRemoteWrite, type RemoteWrite } from './remoteWrite.ts'

const nowMs = 1_700_000_000_000
const v2 = { ...remoteWriteHeaders, 'content-type': 'application/x-protobuf;proto=io.prometheus.write.v2.Request' }
const logger = createLogger({ level: 'error', format: 'logfmt', write: () => {} })

async function opened(): Promise<{ storage: TestStorage; remoteWrite: RemoteWrite }> {
  const storage = await openTestStorage({ nowMs: () => nowMs })
  return { storage, remoteWrite: createRemoteWrite({ storage, registry: storage.registry, logger }) }
}

function series(name: string, histograms: readonly WrittenHistogram[]): WrittenSeries {
  return { labels: { __name__: name, job: 'a' }, samples: [], histograms }
}

function written(samples: number, histograms: number): Record<string, string> {
  return {
    'x-prometheus-remote-write-samples-written': String(samples),
    'x-prometheus-remote-write-histograms-written': String(histograms),
  }
}

const one = histogram({ sum: 5, positive: { 0: 1, 1: 2, 4: 1 }, negative: { 3: 2 }, zeroCount: 1, zeroThreshold: 0.001 })

describe('native histograms over remote write', () => {
  it('are stored from both protocols, whole counts and doubles, with staleness markers', async () => {
    const { storage, remoteWrite } = await opened()
    const random = createRandom()
    const message = `seed ${random.seed}`
    const body = (name: string) => {
      const histograms = Array.from({ length: 30 }, (_, i): WrittenHistogram => ({ timestampMs: nowMs + i, histogram: i === 20 ? stale : randomHistogram(random), asFloat: random.below(2) === 0 }))
      return { series: [series(name, histograms), { labels: { __name__: `${name}_numbers` }, samples: [{ timestampMs: nowMs, value: 1 }] }], histograms }
    }
    const inV1 = body('v1')
    expect(await remoteWrite.receive(remoteWriteBody(inV1.series), remoteWriteHeaders)).toEqual({ status: 204 })
    const inV2 = body('v2')
    expect(await remoteWrite.receive(remoteWriteBodyV2(inV2.series), v2)).toMatchObject({ status: 204, headers: written(1, 30) })
    for (const [name, { histograms }] of [['v1', inV1], ['v2', inV2]] as const) {
      expect(readElements(storage, name), message).toEqual(histograms.map((sent) => [sent.timestampMs, shown(sent.histogram === stale ? 'stale' : sent.histogram)]))
    }
  })

  it('are stored all or none in 1.0, and each by itself in 2.0', async () => {
    const { storage, remoteWrite } = await opened()
    const bad = { ...one, count: 99 }
    const list = (...all: NativeHistogram[]) => all.map((each, i) => ({ timestampMs: nowMs + i, histogram: each }))
    const inV1 = await remoteWrite.receive(remoteWriteBody([series('v1', list(one, bad))]), remoteWriteHeaders)
    expect(inV1).toMatchObject({ status: 400, body: expect.stringContaining('observations found in buckets') })
    expect(readElements(storage, 'v1')).toEqual([])
    const inV2 = await remoteWrite.receive(remoteWriteBodyV2([series('v2', list(one, bad, one))]), v2)
    expect(inV2).toMatchObject({ status: 400, body: expect.stringContaining('observations found in buckets'), headers: written(0, 2) })
    expect(readElements(storage, 'v2').map(([timeMs]) => timeMs)).toEqual([nowMs, nowMs + 2])
    // The same again is fine, something else at that time is not.
    expect(await remoteWrite.receive(remoteWriteBodyV2([series('v2', list(one).concat({ timestampMs: nowMs + 2, histogram: one }))]), v2)).toMatchObject({ status: 400, headers: written(0, 1) })
    const other = histogram({ sum: 6, positive: { 0: 1 } })
    expect(await remoteWrite.receive(remoteWriteBody([series('v2', [{ timestampMs: nowMs + 2, histogram: other }])]), remoteWriteHeaders)).toMatchObject({ status: 400, body: `duplicate sample for timestamp ${nowMs + 2}\n` })
  })

  it('do not make a server store half of what a full message says', async () => {
    const { storage, remoteWrite } = await opened()
    const cut = remoteWriteBody([series('cut', [{ timestampMs: nowMs, histogram: one }])]).slice(0, -9)
    expect((await remoteWrite.receive(cut, remoteWriteHeaders)).status).toBe(400)
    expect(readElements(storage, 'cut')).toEqual([])
  })
})

describe('what is wrong with a histogram', () => {
  const refuses = (what: string, fields: Partial<WireHistogram>, reason: string) =>
    it(what, () => {
      expect(() => checkedHistogram({ ...emptyWireHistogram(), ...fields })).toThrow(reason)
    })
  const whole = (...deltas: number[]) => ({ spans: [{ offset: 0, length: deltas.length }], deltas, counts: [] })
  refuses('a schema that does not exist', { schema: 53 }, 'invalid schema')
  refuses('one that is too coarse', { schema: -5 }, 'invalid schema')
  refuses('fewer buckets than spans', { positive: { ...whole(1, 2), spans: [{ offset: 0, length: 3 }] } }, 'spans need 3 buckets, have 2 buckets')
  refuses('a bucket that counts less than nothing', { positive: whole(1, -2) }, 'bucket number 2 has observation count of -1')
  refuses('a gap of negative length', { count: 2, positive: { spans: [{ offset: 0, length: 1 }, { offset: -1, length: 1 }], deltas: [1, 0], counts: [] } }, 'span number 2 with offset -1')
  refuses('another count than that of the buckets', { count: 4, positive: whole(1) }, '1 observations found in buckets, but the Count field is 4')
  refuses('more in buckets than there is, even with NaN among it', { count: 0, sum: NaN, positive: whole(1) }, '1 observations found in buckets')
  refuses('a negative count', { isFloat: true, count: -1 }, 'negative: -1')
  refuses('custom bounds that fall', { schema: customSchema, customBounds: [1, 1] }, 'strictly increasing')
  refuses('custom buckets with negative ones', { schema: customSchema, negative: whole(1) }, 'must not have negative spans or buckets')
  refuses('custom buckets with a zero bucket', { schema: customSchema, zeroCount: 1, count: 1 }, 'must have zero count of 0')
  refuses('more custom buckets than bounds', { schema: customSchema, customBounds: [1], count: 3, positive: whole(1, 0, 0) }, 'insufficient to cover total span length of 3')

  it('counts of NaN observations are more than the buckets hold', () => {
    expect(checkedHistogram({ ...emptyWireHistogram(), count: 4, sum: NaN, positive: whole(1) }).count).toBe(4)
  })

  it('a schema finer than 8 becomes 8', () => {
    const { schema, positive } = checkedHistogram({ ...emptyWireHistogram(), schema: 10, count: 6, positive: { spans: [{ offset: -1, length: 6 }], deltas: [1, 0, 0, 0, 0, 0], counts: [] } })
    expect([schema, [...positive.indexes], [...positive.counts]]).toEqual([8, [0, 1], [2, 4]])
  })
})
