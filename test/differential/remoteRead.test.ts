// A real Prometheus that has none of the data itself reads it from solowatch, and answers queries from it as solowatch does.
// Version 2.42 reads the sampled form only but can serve the streamed one, whose chunks are compared byte by byte. Then
// the wire: what the two forms hold, limits and refusals.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import protobuf from 'protobufjs'
import snappy from 'snappyjs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { crc32c } from '../../query/remoteRead/crc32c.ts'
import { readJson } from '../helpers/json.ts'
import { histogram } from '../helpers/histograms.ts'
import { createRandom } from '../helpers/random.ts'
import { postRemoteWrite, remoteWriteBody, type WrittenSeries } from '../helpers/remoteWriteBody.ts'
import { type RunningServer, startPrometheus, startSolowatch } from '../helpers/servers.ts'

const dir = mkdtempSync(join(tmpdir(), 'solowatch-remote-read-'))
let own: RunningServer
/** The second has the same external labels as solowatch, and so takes them for its own. */
let peer: RunningServer
let filtering: RunningServer

const startMs = Math.floor(Date.now() / 1000) * 1000 - 3_600_000
const stepMs = 10_000
const sampleCount = 300

const random = createRandom()
const written: readonly WrittenSeries[] = [
  ...Array.from({ length: 20 }, (_, i) => ({
    labels: { __name__: 'reading', sensor: String(i), kind: i % 2 === 0 ? 'even' : 'odd' },
    samples: Array.from({ length: sampleCount }, (__, k) => ({ timestampMs: startMs + k * stepMs + (i * 37) % 1000, value: i % 3 === 0 ? k * i : random.below(1_000_000) / 7 })),
  })),
  { labels: { __name__: 'gone' }, samples: [{ timestampMs: startMs, value: 1 }] },
  { labels: { __name__: 'elsewhere', site: 'attic' }, samples: [{ timestampMs: startMs + 500, value: 5 }] },
]

beforeAll(async () => {
  for (const name of ['own', 'peer', 'filtering']) mkdirSync(join(dir, name))
  writeFileSync(join(dir, 'own.yml'), 'global: { external_labels: { site: cellar } }\n')
  own = await startSolowatch(join(dir, 'own'), [`--config.file=${join(dir, 'own.yml')}`, '--storage.remote.read-sample-limit=7000', '--storage.remote.read-max-bytes-in-frame=1000'])
  const config = (rest: string) => `${rest}\nremote_read: [{ url: '${own.url}/api/v1/read', read_recent: true }]\n`
  writeFileSync(join(dir, 'peer.yml'), config('global: {}'))
  writeFileSync(join(dir, 'filtering.yml'), config('global: { external_labels: { site: cellar } }'))
  peer = await startPrometheus(join(dir, 'peer'), join(dir, 'peer.yml'), ['--web.enable-remote-write-receiver'])
  filtering = await startPrometheus(join(dir, 'filtering'), join(dir, 'filtering.yml'))
  expect((await postRemoteWrite(own.url, remoteWriteBody(written))).status).toBe(204)
}, 60_000)

afterAll(async () => {
  for (const server of [peer, filtering, own]) await server?.stop()
  rmSync(dir, { recursive: true, force: true })
})

type Series = { readonly metric: Record<string, string>; readonly values: readonly [number, string][] }

async function query(server: RunningServer, text: string): Promise<Series[]> {
  const [start, end] = [startMs / 1000 + 0.777, startMs / 1000 + 3000.777]
  const answer = await readJson<{ data: { result: Series[] } }>(fetch(`${server.url}/api/v1/query_range`, { method: 'POST', body: new URLSearchParams({ query: text, start: String(start), end: String(end), step: '60' }) }))
  return answer.data.result
}

describe('a Prometheus that reads from solowatch', () => {
  for (const text of ['reading', 'reading{kind="odd",sensor=~"1.*"}', 'sum by (kind) (avg_over_time(reading[5m]))', 'max_over_time(reading{sensor!="3"}[2m])', 'count(reading)', 'nothing']) {
    it(`answers as it does: ${text}`, async () => {
      const external = text.startsWith('sum') || text.startsWith('count') ? {} : { site: 'cellar' }
      const ours = (await query(own, text)).map((series) => ({ ...series, metric: { ...series.metric, ...external } }))
      const theirs = await query(peer, text)
      expect(theirs.map((series) => series.metric)).toEqual(ours.map((series) => series.metric))
      theirs.forEach((series, i) => {
        const values = ours[i]?.values ?? []
        expect(series.values.map(([time]) => time)).toEqual(values.map(([time]) => time))
        series.values.forEach(([, value], k) => expect(Number(value)).toBeCloseTo(Number(values[k]?.[1]), 8))
      })
    })
  }

  it('sees external labels, and asks by them', async () => {
    expect((await query(peer, 'reading{site="cellar",sensor="1"}')).length).toBe(1)
    expect((await query(peer, 'elsewhere')).map(({ metric }) => metric)).toEqual([{ __name__: 'elsewhere', site: 'attic' }])
    // With the same external labels it asks for them by itself and takes them off the answers again.
    expect((await query(filtering, 'reading{sensor="1"}')).map(({ metric }) => metric)).toEqual([{ __name__: 'reading', kind: 'odd', sensor: '1' }])
    expect(await query(filtering, 'elsewhere')).toEqual([])
  })
})

const schema = protobuf.parse(`
  syntax = "proto3";
  message ReadRequest { repeated Query queries = 1; repeated int32 accepted_response_types = 2; }
  message Query { int64 start_timestamp_ms = 1; int64 end_timestamp_ms = 2; repeated Matcher matchers = 3; }
  message Matcher { int32 type = 1; string name = 2; string value = 3; }
  message ReadResponse { repeated QueryResult results = 1; }
  message QueryResult { repeated TimeSeries timeseries = 1; }
  message TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; repeated Histogram histograms = 4; }
  message Histogram {
    uint64 count_int = 1; double count_float = 2; double sum = 3; sint32 schema = 4; double zero_threshold = 5; uint64 zero_count_int = 6; double zero_count_float = 7;
    repeated BucketSpan negative_spans = 8; repeated double negative_counts = 10; repeated BucketSpan positive_spans = 11; repeated double positive_counts = 13;
    int32 reset_hint = 14; int64 timestamp = 15;
  }
  message BucketSpan { sint32 offset = 1; uint32 length = 2; }
  message Label { string name = 1; string value = 2; }
  message Sample { double value = 1; int64 timestamp = 2; }
  message ChunkedReadResponse { repeated ChunkedSeries chunked_series = 1; int64 query_index = 2; }
  message ChunkedSeries { repeated Label labels = 1; repeated Chunk chunks = 2; }
  message Chunk { int64 min_time_ms = 1; int64 max_time_ms = 2; int32 type = 3; bytes data = 4; }
`, { keepCase: true }).root

type Matcher = { readonly type: number; readonly name: string; readonly value: string }
type Asked = { readonly from?: number; readonly to?: number; readonly matchers: readonly Matcher[] }

function readBody(queries: readonly Asked[], types: readonly number[] = []): Uint8Array<ArrayBuffer> {
  const message = {
    queries: queries.map(({ from = startMs, to = startMs + 10_000_000, matchers }) => ({ start_timestamp_ms: from, end_timestamp_ms: to, matchers })),
    accepted_response_types: types,
  }
  return Uint8Array.from(snappy.compress(schema.lookupType('ReadRequest').encode(message).finish()))
}

const post = (body: Uint8Array<ArrayBuffer>, server = own) => fetch(`${server.url}/api/v1/read`, { method: 'POST', body, headers: { 'content-type': 'application/x-protobuf', 'content-encoding': 'snappy' } })
const named = (value: string): Matcher => ({ type: 0, name: '__name__', value })

type Pair = { readonly name: string; readonly value: string }
const labelsOf = (labels: readonly Pair[]) => Object.fromEntries(labels.map(({ name, value }) => [name, value]))

type Frame = { chunked_series: { labels: Pair[]; chunks: { min_time_ms: number; max_time_ms: number; type: number; data: Uint8Array }[] }[]; query_index?: number }

async function framesOf(response: Response): Promise<{ bytes: number; frame: Frame }[]> {
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse'])
  const bytes = Buffer.from(await response.arrayBuffer())
  const type = schema.lookupType('ChunkedReadResponse')
  const found = []
  for (let at = 0; at < bytes.length; ) {
    const reader = protobuf.Reader.create(bytes.subarray(at))
    const length = reader.uint32()
    const message = bytes.subarray(at + reader.pos + 4, at + reader.pos + 4 + length)
    expect(bytes.readUInt32BE(at + reader.pos)).toBe(crc32c(message))
    at += reader.pos + 4 + length
    found.push({ bytes: length, frame: type.toObject(type.decode(message), { longs: Number }) as Frame }) // the schema above
  }
  return found
}

describe('the sampled form', () => {
  type Decoded = { results: { timeseries?: { labels: Pair[]; samples: { value: number; timestamp: number }[]; histograms?: object[] }[] }[] }
  const decode = async (response: Response): Promise<Decoded> => {
    expect([response.status, response.headers.get('content-type'), response.headers.get('content-encoding')]).toEqual([200, 'application/x-protobuf', 'snappy'])
    const type = schema.lookupType('ReadResponse')
    return type.toObject(type.decode(snappy.uncompress(new Uint8Array(await response.arrayBuffer()))), { longs: Number }) as Decoded // the schema above
  }

  it('gives each query its samples, both ends of the range included', async () => {
    const range = { from: startMs + stepMs + 111, to: startMs + 2 * stepMs + 111 }
    const { results } = await decode(await post(readBody([{ ...range, matchers: [named('reading'), { type: 2, name: 'sensor', value: '3' }] }, { matchers: [named('gone')] }, { matchers: [named('nothing')] }])))
    expect(results.map(({ timeseries = [] }) => timeseries.map(({ labels, samples }) => [labelsOf(labels), samples]))).toEqual([
      [[{ __name__: 'reading', kind: 'odd', sensor: '3', site: 'cellar' }, [{ value: 3, timestamp: range.from }, { value: 6, timestamp: range.to }]]],
      [[{ __name__: 'gone', site: 'cellar' }, [{ value: 1, timestamp: startMs }]]],
      [],
    ])
  })

  it('has native histograms beside numbers, with counts that are doubles', async () => {
    const rising = histogram({ sum: 2.5, schema: 2, zeroThreshold: 0.001, zeroCount: 1, positive: { 1: 3, 2: 4, 5: 1 }, negative: { [-3]: 2 } })
    const body = remoteWriteBody([{ labels: { __name__: 'h' }, samples: [{ timestampMs: startMs, value: 1.5 }], histograms: [{ timestampMs: startMs + stepMs, histogram: rising }] }])
    expect((await postRemoteWrite(own.url, body)).status).toBe(204)
    const { results } = await decode(await post(readBody([{ matchers: [named('h')] }])))
    expect(results[0]?.timeseries?.map(({ samples, histograms }) => [samples, histograms])).toEqual([[
      [{ value: 1.5, timestamp: startMs }],
      [{
        count_float: 11, sum: 2.5, schema: 2, zero_threshold: 0.001, zero_count_float: 1, timestamp: startMs + stepMs,
        positive_spans: [{ offset: 1, length: 2 }, { offset: 2, length: 1 }], positive_counts: [3, 4, 1], negative_spans: [{ offset: -3, length: 1 }], negative_counts: [2],
      }],
    ]])
    const types = (await framesOf(await post(readBody([{ matchers: [named('h')] }], [1])))).flatMap(({ frame }) => frame.chunked_series.flatMap(({ chunks }) => chunks.map(({ type }) => type)))
    expect(types).toEqual([1, 3])
  })

  it('refuses more samples than the limit', async () => {
    const response = await post(readBody([{ matchers: [named('reading')] }, { matchers: [named('reading')] }]))
    expect([response.status, await response.text()]).toEqual([400, 'exceeded sample limit (7000)\n'])
  })

  it('is the first of the accepted types that is known', async () => {
    expect((await post(readBody([{ matchers: [named('gone')] }], [7, 0, 1]))).headers.get('content-type')).toBe('application/x-protobuf')
    const refused = await post(readBody([{ matchers: [named('gone')] }], [7]))
    expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining('server does not support any of the requested response types')])
  })
})

describe('the streamed form', () => {
  it('has the chunks of Prometheus, byte for byte', async () => {
    const odd = [0, -0, 1, 1, 1.5, NaN, Infinity, -1e300, 5e-324, 123456.789, 2 ** 53, -2, 0.1, 0.2, 0.3]
    const gaps = [1, 1, 2, 8_191, 8_192, 8_193, 65_535, 65_537, 524_288, 524_289, 15_000, 15_000, 15_001, 14_999, 500_000]
    let timestampMs = startMs
    const samples = Array.from({ length: 30 }, (_, k) => ({ timestampMs: (timestampMs += gaps[k % gaps.length] ?? 1), value: k < odd.length ? (odd[k] ?? 0) : random.below(1_000_000) / 1000 }))
    const body = remoteWriteBody([{ labels: { __name__: 'odd', site: 'cellar' }, samples }])
    for (const server of [own, peer]) expect((await postRemoteWrite(server.url, body)).status).toBe(204)
    const [ours, theirs] = await Promise.all([own, peer].map(async (server) => (await framesOf(await post(readBody([{ matchers: [named('odd')] }], [1]), server))).map(({ frame }) => frame)))
    expect(theirs?.[0]?.chunked_series[0]?.chunks.length).toBe(1)
    expect(ours, `SEED=${random.seed}`).toEqual(theirs)
  })

  it('cuts series into frames and frames into chunks', async () => {
    const found = await framesOf(await post(readBody([{ matchers: [named('reading')] }, { matchers: [named('gone')] }], [1, 0])))
    const chunksOf = new Map<string, number[]>()
    for (const { bytes, frame } of found) {
      // One chunk of 120 samples is what comes on top at most.
      expect(bytes).toBeLessThan(1000 + 120 * 19)
      for (const { labels, chunks } of frame.chunked_series) {
        const key = JSON.stringify(labelsOf(labels))
        for (const { type, data, min_time_ms, max_time_ms } of chunks) {
          expect(type).toBe(1)
          expect(max_time_ms).toBeGreaterThanOrEqual(min_time_ms)
          chunksOf.set(key, [...(chunksOf.get(key) ?? []), Buffer.from(data).readUInt16BE(0)])
        }
      }
    }
    expect([...chunksOf.keys()]).toEqual([...chunksOf.keys()].sort((a, b) => (a.includes('"gone"') ? 1 : b.includes('"gone"') ? -1 : a < b ? -1 : 1)))
    expect([...chunksOf.values()]).toEqual([...Array.from({ length: 20 }, () => [120, 120, 60]), [1]])
    expect(found.at(-1)?.frame.query_index).toBe(1)
  })
})

describe('a long answer', () => {
  const seriesCount = 100
  const samplesPerSeries = 4000

  const bulk = (half: number) => Array.from({ length: seriesCount / 2 }, (_, i) => ({
    labels: { __name__: 'bulk', i: String(half * seriesCount + i) },
    samples: Array.from({ length: samplesPerSeries }, (__, k) => ({ timestampMs: startMs + k * 100, value: random.below(1_000_000_000) / 7 })),
  }))
  const readers = async () => Number(/^prometheus_api_remote_read_queries (.*)$/m.exec(await (await fetch(`${own.url}/metrics`)).text())?.[1])

  it('waits for a client that is slow, and ends with one that goes', async () => {
    for (const half of [0, 1]) expect((await postRemoteWrite(own.url, remoteWriteBody(bulk(half)))).status).toBe(204)
    // Several times the same, so that all buffers on the way together cannot hold it.
    const repeats = 8
    const asked = () => post(readBody(Array.from({ length: repeats }, () => ({ matchers: [named('bulk')] })), [1]))
    const [slow, leaving] = await Promise.all([asked(), asked()])
    const reader = slow.body?.getReader()
    let bytes = (await reader?.read())?.value?.length ?? 0
    await expect.poll(readers).toBe(2)
    await leaving.body?.cancel()
    await expect.poll(readers, { timeout: 10_000 }).toBe(1)
    for (let next = await reader?.read(); next?.done === false; next = await reader?.read()) bytes += next.value?.length ?? 0
    expect(bytes).toBeGreaterThan(6 * repeats * seriesCount * samplesPerSeries)
    await expect.poll(readers).toBe(0)
    expect((await query(own, 'count(bulk)')).length).toBe(1)
  })
})

describe('refusals', () => {
  const refuses = (what: string, body: Uint8Array<ArrayBuffer>, text: string) =>
    it(what, async () => {
      const response = await post(body)
      expect([response.status, await response.text()]).toEqual([400, text])
    })
  refuses('a body that is not snappy', Uint8Array.from([1, 2, 3]), 'snappy: corrupt input\n')
  refuses('an empty body', new Uint8Array(), 'snappy: corrupt input\n')
  refuses('a message that is none', Uint8Array.from(snappy.compress(Buffer.from([0x0a, 0x7f]))), 'proto: the message is not a valid prometheus.ReadRequest\n')
  refuses('a bad expression', readBody([{ matchers: [{ type: 2, name: 'a', value: '(' }] }]), 'error parsing regexp: missing closing ): `^(?s:()$`\n')
})
