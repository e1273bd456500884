// OTLP requests over a real storage: which series and samples come of them, as JSON and as protobuf.

import { gzipSync } from 'node:zlib'
import protobuf from 'protobufjs'
import { describe, expect, it } from 'vitest'
import { createLogger } from '../../src/base/log.ts'
import { createMatcher } from '../../storage/model/matcher.ts'
import { histogram, plain } from '../../test/helpers/histograms.ts'
import { readElements, readStarts } from '../../test/helpers/storedElements.ts'
import { openTestStorage, readSamples, type TestStorage } from '../../test/helpers/testStorage.ts'
import { defaultOtlpConfig, type OtlpConfig } from './otlpConfig.ts'
import type { Metric, OtlpRequest } from './otlpMessage.ts'
import { createOtlpReceiver, type OtlpReceiver, type OtlpReceiverOptions } from './otlpReceiver.ts'

const nowMs = 1_700_000_000_000
const at = (offsetMs = 0) => `${BigInt(nowMs + offsetMs) * 1_000_000n + 999_999n}`
const text = (key: string, stringValue: string) => ({ key, value: { stringValue } })
const json = { contentType: 'application/json', contentEncoding: '' }

async function opened(config: Partial<OtlpConfig> = {}, { created = {}, deltas = 'refused' }: Pick<OtlpReceiverOptions, 'created' | 'deltas'> = {}): Promise<{ storage: TestStorage; receiver: OtlpReceiver; logged: string[]; receive: (...metrics: Metric[]) => ReturnType<OtlpReceiver['receive']> }> {
  const storage = await openTestStorage({ nowMs: () => nowMs })
  const logged: string[] = []
  const logger = createLogger({ level: 'warn', format: 'logfmt', write: (line) => void logged.push(line) })
  const receiver = createOtlpReceiver({ storage, config: () => ({ ...defaultOtlpConfig, ...config }), lookbackMs: 300_000, created, deltas, logger })
  return { storage, receiver, logged, receive: (...metrics) => receiver.receive(Buffer.from(JSON.stringify(requestOf(metrics))), json) }
}

function requestOf(metrics: readonly Metric[]): OtlpRequest {
  const attributes = [text('service.name', 'shop'), text('service.namespace', 'eu'), text('service.instance.id', 'i-1'), text('host.name', 'h1')]
  return { resourceMetrics: [{ resource: { attributes }, scopeMetrics: [{ scope: { name: 'lib', version: '2' }, metrics }] }] }
}

const own = 'instance="i-1", job="eu/shop"'
const info = { [`target_info{host_name="h1", ${own}}`]: [[nowMs, 1]] }

describe('OTLP', () => {
  it('makes series of gauges and sums', async () => {
    const { storage, receive } = await opened()
    const answer = await receive(
      { name: 'room.temperature', unit: 'Cel', gauge: { dataPoints: [{ attributes: [text('room', 'a'), { key: 'floor', value: { intValue: '3' } }], timeUnixNano: at(), asDouble: 21.5 }] } },
      { name: 'visits', sum: { aggregationTemporality: 2, isMonotonic: true, dataPoints: [{ timeUnixNano: at(), asInt: '7' }] } },
      { name: 'queue', sum: { aggregationTemporality: 2, dataPoints: [{ timeUnixNano: at(), asInt: 4 }] } },
      { name: 'gone', gauge: { dataPoints: [{ timeUnixNano: at(), flags: 1 }] } },
    )
    expect(answer).toEqual({ status: 200 })
    expect(readSamples(storage)).toEqual({
      [`room_temperature_celsius{floor="3", ${own}, room="a"}`]: [[nowMs, 21.5]],
      [`visits_total{${own}}`]: [[nowMs, 7]],
      [`queue{${own}}`]: [[nowMs, 4]],
      [`gone{${own}}`]: [[nowMs, 'stale']],
      ...info,
    })
  })

  it('makes classic series of histograms and summaries', async () => {
    const { storage, receive } = await opened()
    await receive(
      { name: 'lat', unit: 's', histogram: { aggregationTemporality: 2, dataPoints: [{ timeUnixNano: at(), count: '6', sum: 3.5, bucketCounts: ['1', '2', '3'], explicitBounds: [0.5, 1], exemplars: [{ timeUnixNano: at(), asDouble: 0.7, traceId: 'ab', spanId: 'cd', filteredAttributes: [text('user', 'u')] }] }] } },
      { name: 'size', summary: { dataPoints: [{ timeUnixNano: at(), count: 2, sum: 9, quantileValues: [{ quantile: 0.5, value: 4 }, { quantile: 1, value: 5 }] }] } },
    )
    expect(readSamples(storage)).toEqual({
      [`lat_seconds_bucket{${own}, le="0.5"}`]: [[nowMs, 1]],
      [`lat_seconds_bucket{${own}, le="1.0"}`]: [[nowMs, 3]],
      [`lat_seconds_bucket{${own}, le="+Inf"}`]: [[nowMs, 6]],
      [`lat_seconds_sum{${own}}`]: [[nowMs, 3.5]],
      [`lat_seconds_count{${own}}`]: [[nowMs, 6]],
      [`size{${own}, quantile="0.5"}`]: [[nowMs, 4]],
      [`size{${own}, quantile="1.0"}`]: [[nowMs, 5]],
      [`size_sum{${own}}`]: [[nowMs, 9]],
      [`size_count{${own}}`]: [[nowMs, 2]],
      ...info,
    })
    const [found] = await storage.exemplars.select([[createMatcher('__name__', '=', 'lat_seconds_bucket')]], { minTimeMs: 0, maxTimeMs: Infinity })
    expect(found?.seriesLabels.find(({ name }) => name === 'le')?.value).toBe('1.0')
    expect(found?.exemplars).toMatchObject([{ value: 0.7, labels: [{ name: 'span_id', value: 'cd' }, { name: 'trace_id', value: 'ab' }, { name: 'user', value: 'u' }] }])
  })

  it('makes native histograms of exponential ones, and of others when asked', async () => {
    const { storage, receive } = await opened({ convertsHistograms: true })
    await receive(
      { name: 'e', exponentialHistogram: { aggregationTemporality: 2, dataPoints: [{ timeUnixNano: at(), count: 9, sum: 4.5, scale: 1, zeroCount: 1, positive: { offset: -2, bucketCounts: ['3', '0', '4'] }, negative: { offset: 0, bucketCounts: ['1'] } }] } },
      { name: 'c', histogram: { aggregationTemporality: 2, dataPoints: [{ timeUnixNano: at(), count: 3, sum: 2, bucketCounts: [1, 2, 0], explicitBounds: [0.5, 1] }] } },
      { name: 'coarse', exponentialHistogram: { aggregationTemporality: 2, dataPoints: [{ timeUnixNano: at(), count: 0, scale: -5 }] } },
    )
    expect(readElements(storage, 'e')).toEqual([[nowMs, plain(histogram({ schema: 1, sum: 4.5, zeroCount: 1, zeroThreshold: 1e-128, positive: { [-1]: 3, 1: 4 }, negative: { 1: 1 } }))]])
    expect(readElements(storage, 'c')).toEqual([[nowMs, plain(histogram({ schema: -53, sum: 2, customBounds: Float64Array.of(0.5, 1), positive: { 0: 1, 1: 2 } }))]])
    expect(readElements(storage, 'coarse')).toEqual([])
  })

  it('has a zero when a counter began, once, with the feature', async () => {
    const { storage, receive } = await opened({}, { created: { becomesZero: true } })
    const send = async (offsetMs: number, startMs: number) => {
      const point = { startTimeUnixNano: at(startMs), timeUnixNano: at(offsetMs) }
      const answer = await receive(
        { name: 'visits', sum: { aggregationTemporality: 2, isMonotonic: true, dataPoints: [{ ...point, asInt: 7 }] } },
        { name: 'level', gauge: { dataPoints: [{ ...point, asInt: 7 }] } },
        { name: 'lat', histogram: { aggregationTemporality: 2, dataPoints: [{ ...point, count: 1, sum: 3.5, bucketCounts: [1], explicitBounds: [] }] } },
        { name: 'size', summary: { dataPoints: [{ ...point, count: 2, sum: 9, quantileValues: [{ quantile: 0.5, value: 4 }] }] } },
        { name: 'e', exponentialHistogram: { aggregationTemporality: 2, dataPoints: [{ ...point, count: 3, sum: 4.5, scale: 1, positive: { offset: 0, bucketCounts: [3] } }] } },
      )
      expect(answer).toEqual({ status: 200 })
    }
    await send(0, -1000)
    await send(5000, -1000)
    await send(9000, 7000)
    // An unknown beginning is given as the time of the sample.
    await send(10_000, 10_000)
    const zeros = (name: string) => readElements(storage, name).filter(([, value]) => value === 0 || (value as { count?: number }).count === 0).map(([timeMs]) => timeMs - nowMs)
    for (const name of ['visits_total', 'lat_bucket', 'lat_sum', 'lat_count', 'size_sum', 'size_count', 'e']) expect(zeros(name), name).toEqual([-1000, 7000])
    for (const name of ['level', 'size', 'target_info']) expect(zeros(name), name).toEqual([])
    expect(readElements(storage, 'visits_total')).toHaveLength(6)
  })

  it('keeps when a counter began, with the feature', async () => {
    const { storage, receive } = await opened({}, { created: { becomesStart: true } })
    const point = (offsetMs: number, startMs: number) => ({ startTimeUnixNano: at(startMs), timeUnixNano: at(offsetMs) })
    const sum = (offsetMs: number, startMs: number): Metric => ({ name: 'visits', sum: { aggregationTemporality: 2, isMonotonic: true, dataPoints: [{ ...point(offsetMs, startMs), asInt: 7 }] } })
    const lat = (offsetMs: number, startMs: number): Metric => ({ name: 'lat', histogram: { aggregationTemporality: 2, dataPoints: [{ ...point(offsetMs, startMs), count: 1, sum: 3.5, bucketCounts: [1], explicitBounds: [] }] } })
    const exponential: Metric = { name: 'e', exponentialHistogram: { aggregationTemporality: 2, dataPoints: [{ ...point(0, -1000), count: 3, sum: 4.5, scale: 1, positive: { offset: 0, bucketCounts: [3] } }] } }
    const gauge: Metric = { name: 'level', gauge: { dataPoints: [{ ...point(0, -1000), asInt: 7 }] } }
    expect(await receive(sum(0, -1000), lat(0, -1000), exponential, gauge)).toEqual({ status: 200 })
    // An unknown beginning is given as the time of the sample.
    expect(await receive(sum(5000, 5000), lat(5000, 3000))).toEqual({ status: 200 })
    const starts = (name: string) => readStarts(storage, name).map(([timeMs, startMs]) => [timeMs - nowMs, startMs - nowMs])
    expect(['visits_total', 'e', 'level'].map(starts)).toEqual([[[0, -1000]], [[0, -1000]], []])
    for (const name of ['lat_sum', 'lat_count', 'lat_bucket']) expect(starts(name), name).toEqual([[0, -1000], [5000, 3000]])
  })

  it('reads protobuf, compressed or not, as it reads JSON', async () => {
    const schema = protobuf.parse(`syntax = "proto3";
      message Request { repeated R r = 1; } message R { Resource resource = 1; repeated S s = 2; } message Resource { repeated KV a = 1; }
      message KV { string k = 1; V v = 2; } message V { string s = 1; } message S { repeated M m = 2; }
      message M { string name = 1; string unit = 3; Sum sum = 7; } message Sum { repeated P p = 1; int32 temporality = 2; bool monotonic = 3; }
      message P { fixed64 start = 2; fixed64 time = 3; sfixed64 value = 6; repeated KV a = 7; }`).root.lookupType('Request')
    const message = (offsetMs: number, value: number) => schema.encode(schema.fromObject({
      r: [{ resource: { a: [{ k: 'service.name', v: { s: 'shop' } }] }, s: [{ m: [{ name: 'visits', sum: { temporality: 2, monotonic: true, p: [{ time: at(offsetMs), value, a: [{ k: 'page', v: { s: 'ü' } }] }] } }] }] }],
    })).finish()
    const { storage, receiver } = await opened()
    expect((await receiver.receive(message(0, 3), { contentType: 'application/x-protobuf', contentEncoding: '' })).status).toBe(200)
    expect((await receiver.receive(gzipSync(message(1000, -4)), { contentType: 'application/x-protobuf', contentEncoding: 'gzip' })).status).toBe(200)
    expect(readSamples(storage)).toEqual({ 'visits_total{job="shop", page="ü"}': [[nowMs, 3], [nowMs + 1000, -4]] })
  })

  it('promotes attributes of resource and scope when asked, and joins those that become one label', async () => {
    const { storage, receive } = await opened({ promoted: ['host.name'], promotesScope: true, keepsIdentifying: true })
    await receive({ name: 'x', gauge: { dataPoints: [{ timeUnixNano: at(), asDouble: 1, attributes: [text('a.b', '1'), text('a_b', '2'), text('host.name', 'mine')] }] } })
    expect(Object.keys(readSamples(storage))).toEqual([
      `x{a_b="1;2", host_name="mine", ${own}, otel_scope_name="lib", otel_scope_version="2"}`,
      `target_info{host_name="h1", ${own}, service_instance_id="i-1", service_name="shop", service_namespace="eu"}`,
    ])
  })

  it('takes temporality by its name, and numbers that JSON has no form for', async () => {
    const { storage, receiver } = await opened()
    const metric = { name: 'x', sum: { aggregationTemporality: 'AGGREGATION_TEMPORALITY_CUMULATIVE', dataPoints: [{ timeUnixNano: at(), asDouble: 'Infinity' }] } }
    expect((await receiver.receive(Buffer.from(JSON.stringify({ resourceMetrics: [{ scopeMetrics: [{ metrics: [metric] }] }] })), json)).status).toBe(200)
    expect(readSamples(storage)).toEqual({ x: [[nowMs, Infinity]] })
  })

  it('repeats target_info so that queries find it', async () => {
    const { storage, receive } = await opened()
    await receive({ name: 'x', gauge: { dataPoints: [at(-400_000), at(0)].map((timeUnixNano) => ({ timeUnixNano, asDouble: 1 })) } })
    expect(Object.entries(readSamples(storage)).find(([name]) => name.startsWith('target_info'))?.[1].map(([timeMs]) => timeMs - nowMs)).toEqual([-400_000, -250_000, -100_000, 0])
  })

  it('leaves out deltas and stores the rest', async () => {
    const { storage, receive, logged } = await opened()
    const sum = (aggregationTemporality: number) => ({ aggregationTemporality, isMonotonic: true, dataPoints: [{ timeUnixNano: at(), asInt: 1 }] })
    expect(await receive({ name: 'd', sum: sum(1) }, { name: 'c', sum: sum(2) })).toEqual({ status: 200 })
    expect(Object.keys(readSamples(storage))).toEqual([`c_total{${own}}`, `target_info{host_name="h1", ${own}}`])
    expect(logged.join()).toContain('only cumulative is accepted')
  })

  it('says what it leaves out now and then, not with every request', async () => {
    const { receive, logged } = await opened()
    for (let i = 0; i < 5; i++) await receive({ name: 'd', sum: { aggregationTemporality: 1, isMonotonic: true, dataPoints: [{ timeUnixNano: at(), asInt: 1 }] } })
    expect(logged.length).toBe(1)
  })

  it('stores deltas as they come when asked, histograms among them as gauges', async () => {
    const { storage, receive } = await opened({}, { deltas: 'asGiven', created: { becomesZero: true } })
    const point = (offsetMs: number) => ({ startTimeUnixNano: at(offsetMs - 1000), timeUnixNano: at(offsetMs) })
    for (const [offsetMs, asInt] of [[0, 5], [1000, 3]] as const) {
      const answer = await receive(
        { name: 'd', sum: { aggregationTemporality: 1, isMonotonic: true, dataPoints: [{ ...point(offsetMs), asInt }] } },
        { name: 'lat', histogram: { aggregationTemporality: 1, dataPoints: [{ ...point(offsetMs), count: asInt, bucketCounts: [asInt], explicitBounds: [] }] } },
        { name: 'e', exponentialHistogram: { aggregationTemporality: 1, dataPoints: [{ ...point(offsetMs), count: asInt, sum: 1, scale: 0, positive: { offset: 0, bucketCounts: [asInt] } }] } },
      )
      expect(answer).toEqual({ status: 200 })
    }
    for (const name of ['d_total', 'lat_count', 'lat_bucket']) expect(readElements(storage, name), name).toEqual([[nowMs, 5], [nowMs + 1000, 3]])
    const gauge = (count: number) => plain(histogram({ counterReset: 'gauge', sum: 1, zeroThreshold: 1e-128, positive: { 1: count } }))
    expect(readElements(storage, 'e')).toEqual([[nowMs, gauge(5)], [nowMs + 1000, gauge(3)]])
    expect(await receive({ name: 'u', sum: { aggregationTemporality: 0, dataPoints: [{ ...point(0), asInt: 1 }] } })).toEqual({ status: 200 })
    expect(readElements(storage, 'u')).toEqual([])
  })

  it('adds deltas up when asked, each stream by itself', async () => {
    const { storage, receive } = await opened({}, { deltas: 'addedUp', created: { becomesZero: true } })
    const point = (offsetMs: number, page: string) => ({ startTimeUnixNano: at(offsetMs - 1000), timeUnixNano: at(offsetMs), attributes: [text('page', page), text('a', '1')] })
    const send = (offsetMs: number, page: string, asInt: number) => receive(
      { name: 'd', sum: { aggregationTemporality: 1, isMonotonic: true, dataPoints: [{ ...point(offsetMs, page), asInt }] } },
      { name: 'lat', histogram: { aggregationTemporality: 1, dataPoints: [{ ...point(offsetMs, page), count: asInt, sum: asInt, bucketCounts: [1, asInt - 1], explicitBounds: [0.5] }] } },
      { name: 'c', sum: { aggregationTemporality: 2, isMonotonic: true, dataPoints: [{ ...point(offsetMs, page), asInt }] } },
    )
    for (const [offsetMs, page, asInt] of [[0, 'x', 5], [0, 'y', 1], [1000, 'x', 3], [500, 'x', 99], [3000, 'x', 4]] as const) await send(offsetMs, page, asInt)
    const found = readSamples(storage)
    const series = (name: string, more = '') => `${name}{a="1", ${own}${more}, page="x"}`
    expect(found[series('d_total')]).toEqual([[nowMs - 1000, 0], [nowMs, 5], [nowMs + 1000, 8], [nowMs + 3000, 12]])
    expect(found[series('d_total').replace('"x"', '"y"')]).toEqual([[nowMs - 1000, 0], [nowMs, 1]])
    expect(found[series('lat_bucket', ', le="0.5"')]?.map(([, value]) => value)).toEqual([0, 1, 2, 3])
    expect(found[series('lat_bucket', ', le="+Inf"')]?.map(([, value]) => value)).toEqual([0, 5, 8, 12])
    expect(found[series('lat_sum')]?.map(([, value]) => value)).toEqual([0, 5, 8, 12])
  })

  it('refuses what it cannot read, and all of a request with one sample out of order', async () => {
    const { storage, receiver, receive } = await opened()
    const refused = async (body: string, headers: Partial<typeof json>) => receiver.receive(Buffer.from(body), { ...json, ...headers })
    expect(await refused('{}', { contentType: 'text/plain' })).toMatchObject({ status: 400, body: 'unsupported content type: text/plain, supported: [application/x-protobuf, application/json]\n' })
    expect(await refused('{}', { contentEncoding: 'br' })).toMatchObject({ status: 400 })
    expect(await refused('{', {})).toMatchObject({ status: 400 })
    expect(await refused('[]', {})).toMatchObject({ status: 400 })
    expect(await refused('{"resourceMetrics":5}', {})).toMatchObject({ status: 400 })
    expect(await refused('{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"gauge":{"dataPoints":[7]}}]}]}]}', {})).toMatchObject({ status: 400 })
    expect(await refused('x', { contentEncoding: 'gzip' })).toMatchObject({ status: 400 })
    const point = (name: string, offsetMs: number): Metric => ({ name, gauge: { dataPoints: [{ timeUnixNano: at(offsetMs), asDouble: 1 }] } })
    await receive(point('a', 1000))
    expect(await receive(point('b', 2000), point('a', 0))).toEqual({ status: 400, body: 'out of order sample\n' })
    expect(Object.keys(readSamples(storage))).toEqual([`a{${own}}`, `target_info{host_name="h1", ${own}}`])
  })
})
