// Remote write 2.0 whose samples say when their counters were created, with --enable-feature=created-timestamp-zero-ingestion.

import { describe, expect, it } from 'vitest'
import { silentLogger } from '../../src/base/log.ts'
import { customSchema, type NativeHistogram } from '../../storage/model/histogram.ts'
import { histogram } from '../../test/helpers/histograms.ts'
import { remoteWriteBodyV2, remoteWriteHeaders, type WrittenSeries } from '../../test/helpers/remoteWriteBody.ts'
import { readElements, shown } from '../../test/helpers/storedElements.ts'
import { openTestStorage } from '../../test/helpers/testStorage.ts'
import { createRemoteWrite, type RemoteWriteAnswer } from './remoteWrite.ts'

const nowMs = 1_700_000_000_000
const v2 = { ...remoteWriteHeaders, 'content-type': 'application/x-protobuf;proto=io.prometheus.write.v2.Request' }

type Opened = { send(...series: WrittenSeries[]): Promise<RemoteWriteAnswer>; stored(name: string): [number, unknown][] }

async function opened({ becomesZero = true, outOfOrderWindowMs = 0 } = {}): Promise<Opened> {
  const storage = await openTestStorage({ nowMs: () => nowMs, outOfOrderWindowMs })
  const remoteWrite = createRemoteWrite({ storage, registry: storage.registry, logger: silentLogger, created: { becomesZero } })
  const stored = (name: string) => readElements(storage, name).map(([timeMs, value]): [number, unknown] => [timeMs - nowMs, value])
  return { send: (...series) => remoteWrite.receive(remoteWriteBodyV2(series), v2), stored }
}

/** Samples of [time, value, created], times as distances from now. */
function counter(name: string, ...samples: (readonly [number, number, number])[]): WrittenSeries {
  return { labels: { __name__: name }, samples: samples.map(([offsetMs, value, createdMs]) => ({ timestampMs: nowMs + offsetMs, value, createdMs: nowMs + createdMs })) }
}

function written(samples: number, histograms = 0): object {
  return { status: 204, headers: { 'x-prometheus-remote-write-samples-written': String(samples), 'x-prometheus-remote-write-histograms-written': String(histograms) } }
}

describe('a sample that says when its counter was created', () => {
  it('has a zero once for each time, also within one body', async () => {
    const { send, stored } = await opened()
    expect(await send(counter('a', [0, 5, -1000], [1000, 6, -1000], [3000, 1, 2000], [4000, 2, 2000]))).toMatchObject(written(4))
    expect(await send(counter('a', [5000, 3, 2000]), counter('b', [0, 7, -500]))).toMatchObject(written(2))
    expect(await send(counter('a', [9000, 1, 8000]))).toMatchObject(written(1))
    expect(stored('a')).toEqual([[-1000, 0], [0, 5], [1000, 6], [2000, 0], [3000, 1], [4000, 2], [5000, 3], [8000, 0], [9000, 1]])
    expect(stored('b')).toEqual([[-500, 0], [0, 7]])
  })

  it('has none without the feature', async () => {
    const without = await opened({ becomesZero: false })
    expect(await without.send(counter('a', [0, 5, -1000]))).toMatchObject(written(1))
    expect(without.stored('a')).toEqual([[0, 5]])
  })

  it.each([0, 600_000])('has none that is not before it, not in order or an hour old, and the sender hears nothing of that (window of %d ms)', async (outOfOrderWindowMs) => {
    const { send, stored } = await opened({ outOfOrderWindowMs })
    expect(await send(counter('first', [0, 5, -3_600_001]), counter('same', [0, 5, 0]), counter('later', [0, 5, 1]), counter('hour', [0, 5, -3_600_000]))).toMatchObject(written(4))
    expect(await send(counter('first', [10_000, 6, -1000]), counter('same', [10_000, 6, 0]))).toMatchObject(written(2))
    // The second sample was created before the first one, of the same body, was taken.
    expect(await send(counter('body', [0, 5, -1000], [2000, 6, -500]))).toMatchObject(written(2))
    expect(['first', 'same', 'later', 'hour', 'body'].map(stored)).toEqual([
      [[0, 5], [10_000, 6]],
      [[0, 5], [10_000, 6]],
      [[0, 5]],
      [[-3_600_000, 0], [0, 5]],
      [[-1000, 0], [0, 5], [2000, 6]],
    ])
  })

  it('has an empty histogram when it is one, with the same buckets', async () => {
    const { send, stored } = await opened()
    const counted = histogram({ sum: 5, positive: { 0: 1, 1: 2 }, zeroCount: 1, zeroThreshold: 0.001 })
    const custom = histogram({ schema: customSchema, sum: 2, customBounds: Float64Array.of(1, 2), positive: { 0: 1 } })
    const series = (name: string, ...list: (readonly [number, NativeHistogram, number])[]): WrittenSeries => ({
      labels: { __name__: name },
      samples: [],
      histograms: list.map(([offsetMs, one, createdMs]) => ({ timestampMs: nowMs + offsetMs, histogram: one, createdMs: nowMs + createdMs })),
    })
    expect(await send(series('h', [0, counted, -1000], [1000, counted, -1000], [3000, custom, 2000], [4000, custom, 500]), series('other', [0, custom, -10]))).toMatchObject(written(0, 5))
    expect(await send(series('h', [5000, custom, 2000]))).toMatchObject(written(0, 1))
    const empty = histogram({ zeroThreshold: 0.001 })
    const emptyCustom = histogram({ schema: customSchema, customBounds: Float64Array.of(1, 2) })
    expect(stored('h')).toEqual([
      [-1000, shown(empty)],
      [0, shown(counted)],
      [1000, shown(counted)],
      [2000, shown(emptyCustom)],
      [3000, shown(custom)],
      [4000, shown(custom)],
      [5000, shown(custom)],
    ])
    expect(stored('other')).toEqual([[-10, shown(emptyCustom)], [0, shown(custom)]])
  })

  it('is judged by the clock of the samples, however far back they are', async () => {
    const { send, stored } = await opened()
    const day = -86_400_000
    expect(await send(counter('a', [day, 5, day - 1000]), counter('b', [day, 5, 2 * day]))).toMatchObject(written(2))
    expect([stored('a'), stored('b')]).toEqual([[[day - 1000, 0], [day, 5]], [[day, 5]]])
  })
})
