// The remote-write receiver over a real storage: what both protocols store, and what a 2.0 sender is told.

import { describe, expect, it } from 'vitest'
import { createLogger } from '../../src/base/log.ts'
import { createMatcher } from '../../storage/model/matcher.ts'
import { createRandom } from '../../test/helpers/random.ts'
import { remoteWriteBody, remoteWriteBodyV2, type WrittenSeries } from '../../test/helpers/remoteWriteBody.ts'
import { openTestStorage, readSamples, type TestStorage } from '../../test/helpers/testStorage.ts'
import { createRemoteWrite, type RemoteWrite } from './remoteWrite.ts'

const logger = createLogger({ level: 'error', format: 'logfmt', write: () => {} })
const v1 = { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' }
const v2 = { ...v1, 'content-type': 'application/x-protobuf;proto=io.prometheus.write.v2.Request' }
const nowMs = 1_700_000_000_000

async function opened(): Promise<{ storage: TestStorage; remoteWrite: RemoteWrite }> {
  const storage = await openTestStorage({ nowMs: () => nowMs })
  return { storage, remoteWrite: createRemoteWrite({ storage, registry: storage.registry, logger }) }
}

function series(name: string, ...values: number[]): WrittenSeries {
  return { labels: { __name__: name, job: 'a' }, samples: values.map((value, i) => ({ timestampMs: nowMs + 1000 * i, value })) }
}

/** `exemplars`: each series of a body has one. */
function written(samples: number, exemplars: number): Record<string, string> {
  return {
    'x-prometheus-remote-write-samples-written': String(samples),
    'x-prometheus-remote-write-histograms-written': '0',
    'x-prometheus-remote-write-exemplars-written': String(exemplars),
  }
}

describe('remote write 2.0', () => {
  it('stores what 1.0 stores, in the same series', async () => {
    const { storage, remoteWrite } = await opened()
    expect((await remoteWrite.receive(remoteWriteBody([series('a', 1), series('b', 5)]), v1)).status).toBe(204)
    const later = { ...series('a', 2), samples: [{ timestampMs: nowMs + 5000, value: 2 }] }
    expect(await remoteWrite.receive(remoteWriteBodyV2([later, series('c', 1.5, NaN)]), v2)).toEqual({ status: 204, headers: written(3, 2) })
    expect(readSamples(storage)).toEqual({
      'a{job="a"}': [[nowMs, 1], [nowMs + 5000, 2]],
      'b{job="a"}': [[nowMs, 5]],
      'c{job="a"}': [[nowMs, 1.5], [nowMs + 1000, NaN]],
    })
  })

  it('counts a repeated sample as written, as its sender must not send it again', async () => {
    const { remoteWrite } = await opened()
    await remoteWrite.receive(remoteWriteBodyV2([series('a', 1)]), v2)
    expect(await remoteWrite.receive(remoteWriteBodyV2([series('a', 1)]), v2)).toEqual({ status: 204, headers: written(1, 1) })
  })

  it('refuses a body that is cut', async () => {
    const { remoteWrite } = await opened()
    expect((await remoteWrite.receive(remoteWriteBodyV2([series('a', 1)]).slice(0, -3), v2)).status).toBe(400)
  })

  it('stores the rest when samples are out of order, and says how much', async () => {
    const { storage, remoteWrite } = await opened()
    await remoteWrite.receive(remoteWriteBodyV2([series('a', 1, 2, 3)]), v2)
    const answer = await remoteWrite.receive(remoteWriteBodyV2([series('a', 7, 8), series('b', 1, 2)]), v2)
    expect(answer).toMatchObject({ status: 400, body: 'out of order sample\n', headers: written(2, 2) })
    expect(Object.keys(readSamples(storage, [createMatcher('__name__', '=', 'b')]))).toHaveLength(1)
  })

  it('stores the rest when series have bad symbols, bad labels or no samples', async () => {
    const body = remoteWriteBodyV2([series('a', 1), series('b', 1), series('c', 1), series('d', 1), series('', 1), series('e')], ({ symbols, timeseries }) => {
      timeseries[0]?.labelsRefs.splice(0, 1, symbols.length)
      timeseries[1]?.labelsRefs.pop()
      timeseries[2]?.labelsRefs.push(timeseries[2].labelsRefs[0] ?? 0, 0)
    })
    const { storage, remoteWrite } = await opened()
    const answer = await remoteWrite.receive(body, v2)
    expect(answer).toMatchObject({ status: 400, headers: written(1, 1) })
    expect(answer.body?.split('\n')).toEqual([
      'parsing labels for 2 series: their symbol references are not in the symbols table',
      'TimeSeries must contain at least one sample or histogram; 1 series have none',
      'invalid metric name or labels, got {__name__="c", job="a", __name__=""}: empty name',
      '',
    ])
    expect(Object.keys(readSamples(storage))).toEqual(['d{job="a"}'])
  })

  it('takes bodies of any size and cut as it stores those of 1.0', async () => {
    const random = createRandom()
    const many = Array.from({ length: 4000 }, (_, i): WrittenSeries => {
      const labels = { __name__: `metric_${random.below(50)}`, instance: `host-${i}`, empty: '', text: 'x'.repeat(random.below(40)) }
      return { labels, samples: [{ timestampMs: nowMs, value: random.below(1e9) / 64 }] }
    })
    const asV2 = await opened()
    expect(await asV2.remoteWrite.receive(remoteWriteBodyV2(many), v2)).toEqual({ status: 204, headers: written(many.length, many.length) })
    const asV1 = await opened()
    await asV1.remoteWrite.receive(remoteWriteBody(many), v1)
    expect(readSamples(asV2.storage), `seed ${random.seed}`).toEqual(readSamples(asV1.storage))
  })
})
