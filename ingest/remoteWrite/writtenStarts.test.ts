// Remote write 2.0 whose samples say when their counters began, with --enable-feature=st-storage.

import { describe, expect, it } from 'vitest'
import { silentLogger } from '../../src/base/log.ts'
import { customSchema } from '../../storage/model/histogram.ts'
import { histogram } from '../../test/helpers/histograms.ts'
import { remoteWriteBodyV2, remoteWriteHeaders, type WrittenSeries } from '../../test/helpers/remoteWriteBody.ts'
import { readElements, readStarts } from '../../test/helpers/storedElements.ts'
import { openTestStorage, type TestStorage } from '../../test/helpers/testStorage.ts'
import type { CreatedUse } from '../exposition/metadata/createdTimes.ts'
import { createRemoteWrite, type RemoteWriteAnswer } from './remoteWrite.ts'

const nowMs = 1_700_000_000_000
const v2 = { ...remoteWriteHeaders, 'content-type': 'application/x-protobuf;proto=io.prometheus.write.v2.Request' }

async function opened(created: CreatedUse = { becomesStart: true }): Promise<{ storage: TestStorage; send(...series: WrittenSeries[]): Promise<RemoteWriteAnswer>; starts(name: string): [number, number][] }> {
  const storage = await openTestStorage({ nowMs: () => nowMs + 60_000 })
  const remoteWrite = createRemoteWrite({ storage, registry: storage.registry, logger: silentLogger, created })
  return {
    storage,
    send: (...series) => remoteWrite.receive(remoteWriteBodyV2(series), v2),
    starts: (name) => readStarts(storage, name).map(([timeMs, startMs]): [number, number] => [timeMs - nowMs, startMs - nowMs]),
  }
}

/** Samples of [time, value, start], times as distances from now; without a start it is not known. */
function counter(name: string, ...samples: (readonly [number, number, number?])[]): WrittenSeries {
  return { labels: { __name__: name }, samples: samples.map(([offsetMs, value, startMs]) => ({ timestampMs: nowMs + offsetMs, value, createdMs: startMs === undefined ? 0 : nowMs + startMs })) }
}

function written(samples: number, histograms = 0): object {
  return { status: 204, headers: { 'x-prometheus-remote-write-samples-written': String(samples), 'x-prometheus-remote-write-histograms-written': String(histograms) } }
}

describe('a sample that says when its counter began', () => {
  it('keeps that, and the sender hears of the samples alone', async () => {
    const { send, starts } = await opened()
    expect(await send(counter('a', [0, 5, -1000], [1000, 6, -1000], [2000, 7], [3000, 1, 2500]), counter('b', [0, 1]))).toMatchObject(written(4 + 1))
    expect(await send(counter('a', [1000, 8, -1]), counter('b', [1000, 1, 7]))).toMatchObject({ status: 400, headers: { 'x-prometheus-remote-write-samples-written': '1' } })
    expect(starts('a')).toEqual([[0, -1000], [1000, -1000], [3000, 2500]])
    expect(starts('b')).toEqual([[1000, 7]])
  })

  it('keeps nothing without the feature', async () => {
    const { storage, send, starts } = await opened({ becomesZero: false })
    expect(await send(counter('a', [0, 5, -1000]))).toMatchObject(written(1))
    expect([starts('a'), storage.head.seriesCount]).toEqual([[], 1])
  })

  it('keeps it beside the zero that the other feature stores', async () => {
    const { storage, send, starts } = await opened({ becomesZero: true, becomesStart: true })
    expect(await send(counter('a', [0, 5, -1000], [1000, 6, -1000]))).toMatchObject(written(2))
    expect(readElements(storage, 'a').map(([timeMs, value]) => [timeMs - nowMs, value])).toEqual([[-1000, 0], [0, 5], [1000, 6]])
    expect(starts('a')).toEqual([[0, -1000], [1000, -1000]])
  })

  it('is known of every sample of a backlog', async () => {
    const { send, starts } = await opened()
    const samples = Array.from({ length: 500 }, (_, i) => [10 * i, i, -1000] as const)
    expect(await send(counter('a', ...samples), counter('b', ...samples))).toMatchObject(written(1000))
    for (const name of ['a', 'b']) expect(starts(name)).toEqual(samples.map(([timeMs]) => [timeMs, -1000]))
  })

  it('may be a histogram, of known buckets or new ones', async () => {
    const { send, starts } = await opened()
    const [one, other] = [histogram({ sum: 5, positive: { 0: 1, 1: 2 } }), histogram({ schema: customSchema, sum: 2, customBounds: Float64Array.of(1, 2), positive: { 0: 1 } })]
    const at = (offsetMs: number, value: typeof one, startMs: number) => ({ timestampMs: nowMs + offsetMs, histogram: value, createdMs: nowMs + startMs })
    expect(await send({ labels: { __name__: 'h' }, samples: [], histograms: [at(0, one, -10), at(1000, one, -10), at(2000, other, 1500)] })).toMatchObject(written(0, 3))
    expect(await send({ labels: { __name__: 'h' }, samples: [], histograms: [at(3000, one, 2500)] })).toMatchObject(written(0, 1))
    expect(starts('h')).toEqual([[0, -10], [1000, -10], [2000, 1500], [3000, 2500]])
  })
})
