import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { MetricRegistry } from '../../src/base/selfMetrics.ts'
import { labelsFrom } from '../../storage/model/labels.ts'
import { createMatcher } from '../../storage/model/matcher.ts'
import { startQueryService } from '../../test/helpers/queryService.ts'
import { openTestStorage, type TestStorage } from '../../test/helpers/testStorage.ts'
import type { ApiRequest } from '../answers/api.ts'
import type { Explained } from '../plan/explain.ts'
import type { QueryService, QueryServiceOptions } from './queryService.ts'

const startMs = 1_700_000_000_000

/** `count` series `x_total{i="0"...}` with a sample every 15 s for 10 minutes, `i` more each time. */
async function storageWith(count: number): Promise<TestStorage> {
  const storage = await openTestStorage()
  const appender = storage.appender()
  for (let i = 0; i < count; i++) {
    const labels = labelsFrom({ __name__: 'x_total', i: String(i), job: 'a<b' })
    for (let k = 0; k < 40; k++) appender.append(labels, startMs + k * 15_000, i * k)
  }
  await appender.commit()
  return storage
}

const withService = async (
  setting: Partial<QueryServiceOptions> & { seriesCount?: number },
  use: (service: QueryService, registry: MetricRegistry, storage: TestStorage) => Promise<void>,
) => {
  const storage = await storageWith(setting.seriesCount ?? 3)
  const registry = new MetricRegistry()
  const service = startQueryService(storage, { registry, timeoutMs: 20_000, workers: 1, ...setting })
  try {
    await use(service, registry, storage)
  } finally {
    await service.close()
    await storage.close()
  }
}

/** About a minute of work for any machine: far more than a test waits. */
const endless: ApiRequest = { kind: 'instant', query: 'sum(sum_over_time(quantile_over_time(0.5, x_total[10m:5ms])[1h:500ms]))', timeMs: startMs + 600_000 }

/** The log of active queries, which a crash would leave behind. */
const runningQueries = (storage: TestStorage) => readFileSync(join(storage.dir, 'queries.active'), 'utf8')

it('tells the times of an empty head as the limits of 64 bits, which Go can read', async () => {
  await withService({ seriesCount: 0 }, async (service) => {
    const { body } = await service.respond({ kind: 'tsdbStatus', limit: 10 })
    expect(Buffer.from(body).toString()).toContain('"chunkCount":0,"minTime":9223372036854775807,"maxTime":-9223372036854775808}')
  })
})

describe('what is asked again and small', () => {
  const text = (response: { readonly body: Uint8Array }) => Buffer.from(response.body).toString()
  const quick: readonly [string, ApiRequest][] = [
    ['a series', { kind: 'instant', query: 'rate(x_total{i="1"}[1m])', timeMs: startMs + 400_000 }],
    ['a sum', { kind: 'instant', query: 'sum(x_total) / 2', timeMs: startMs + 300_000 }],
    ['a mistake', { kind: 'instant', query: 'x_total / on (job) x_total', timeMs: startMs + 100_000 }],
    ['a range', { kind: 'range', query: 'rate(x_total{i="1"}[1m])', startMs, endMs: startMs + 600_000, stepMs: 15_000 }],
    ['a range with a mistake', { kind: 'range', query: 'x_total', startMs, endMs: startMs - 1, stepMs: 15_000 }],
    ['a range of many steps', { kind: 'range', query: 'x_total', startMs, endMs: startMs + 600_000, stepMs: 100 }],
    ['a time before all samples', { kind: 'instant', query: 'x_total', timeMs: startMs - 86_400_000 }],
    ['label values', { kind: 'labelValues', name: 'i', match: [], startMs, endMs: startMs + 1000 }],
    ['label names', { kind: 'labels', match: ['x_total{i="0"}'], startMs }],
    ['series', { kind: 'series', match: ['x_total'] }],
  ]
  for (const [name, request] of quick) {
    it(`gets the same answer each time: ${name}`, () =>
      withService({}, async (service) => {
        const first = await service.respond(request)
        for (let i = 0; i < 20; i++) {
          const again = await service.respond(request)
          expect(again.status).toBe(first.status)
          expect(text(again)).toBe(text(first))
        }
      }))
  }

  it('is answered when no more queries may run', () =>
    withService({ maxConcurrency: 1 }, async (service) => {
      const request: ApiRequest = { kind: 'instant', query: 'x_total{i="2"}', timeMs: startMs + 400_000 }
      const first = await service.respond(request)
      const leaving = new AbortController()
      const running = service.respond(endless, leaving)
      // On a busy machine it may take longer than its budget and then waits in vain for a worker.
      await expect.poll(async () => text(await service.respond({ ...request, timeoutMs: 200 })), { timeout: 20_000 }).toBe(text(first))
      leaving.abort()
      expect((await running).status).toBe(499)
    }))

  it('needs no worker for samples on disk that one has read before', async () => {
    const filled = await storageWith(3)
    await filled.close()
    const storage = await openTestStorage({ dir: filled.dir })
    const service = startQueryService(storage, { workers: 1, maxConcurrency: 1, timeoutMs: 20_000 })
    const request: ApiRequest = { kind: 'range', query: 'sum(rate(x_total[1m]))', startMs, endMs: startMs + 600_000, stepMs: 15_000 }
    const first = text(await service.respond(request))
    expect(first).toContain('"values"')
    for (let i = 0; i < 5; i++) expect(text(await service.respond(request))).toBe(first)
    const leaving = new AbortController()
    const running = service.respond(endless, leaving)
    await expect.poll(async () => text(await service.respond({ ...request, timeoutMs: 200 })), { timeout: 20_000 }).toBe(first)
    leaving.abort()
    expect((await running).status).toBe(499)
    await service.close()
    await storage.close()
  })

  it('counts late samples and deletions at once, in memory or on disk', () =>
    withService({}, async (service, _, storage) => {
      storage.setOutOfOrderWindow(3_600_000)
      const query = 'sum_over_time(x_total{i="1"}[5m])'
      const timeMs = startMs + 600_000 - 15_000
      const requests: ApiRequest[] = [{ kind: 'instant', query, timeMs }, { kind: 'range', query, startMs: timeMs - 60_000, endMs: timeMs, stepMs: 15_000 }]
      const ask = async () => {
        const values = []
        for (let i = 0; i < 12; i++) for (const request of requests) values.push(/"([^"]*)"\]\]?\}\]/.exec(text(await service.respond(request)))?.[1])
        expect(new Set(values).size).toBe(1)
        return Number(values[0])
      }
      const before = await ask()
      const appender = storage.appender()
      appender.append(labelsFrom({ __name__: 'x_total', i: '1', job: 'a<b' }), startMs + 500_001, 1000)
      await appender.commit()
      expect(await ask()).toBe(before + 1000)
      await storage.flush()
      expect(await ask()).toBe(before + 1000)
      await storage.deleteSeries([[createMatcher('i', '=', '1')]], { minTimeMs: startMs + 500_001, maxTimeMs: startMs + 500_001 })
      expect(await ask()).toBe(before)
    }))
})

describe('the query service', () => {
  it('shows the files on disk as blocks', () =>
    withService({}, async (service, _, storage) => {
      await storage.flush()
      const { body } = await service.respond({ kind: 'tsdbBlocks' })
      const ulid = '01HF5J1D000000000000000000'
      const block = { ulid, minTime: startMs, maxTime: startMs + 39 * 15_000 + 1, stats: { numSamples: 120, numChunks: 3 }, compaction: { level: 1, sources: [ulid] }, version: 1 }
      expect(JSON.parse(Buffer.from(body).toString())).toEqual({ status: 'success', data: { blocks: [block] } })
    }))

  it('answers with the bytes of Prometheus', () =>
    withService({}, async (service) => {
      const ask = async (request: ApiRequest) => {
        const { status, body } = await service.respond(request)
        return `${status} ${Buffer.from(body).toString()}`
      }
      const timeMs = startMs + 100_500
      expect(await ask({ kind: 'instant', query: 'x_total{i="2"}', timeMs })).toBe(
        '200 {"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"x_total","i":"2","job":"a\\u003cb"},"value":[1700000100.500,"12"]}]}}',
      )
      expect(await ask({ kind: 'instant', query: '1e-7', timeMs })).toBe(
        '200 {"status":"success","data":{"resultType":"scalar","result":[1700000100.5,"0.0000001"]}}',
      )
      expect(await ask({ kind: 'instant', query: '"a"', timeMs })).toBe(
        '200 {"status":"success","data":{"resultType":"string","result":[1700000100.5,"a"]}}',
      )
      expect(await ask({ kind: 'instant', query: 'x_total{i="1"}[30s]', timeMs })).toBe(
        '200 {"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"x_total","i":"1","job":"a\\u003cb"},"values":[[1700000075,"5"],[1700000090,"6"]]}]}}',
      )
      expect(await ask({ kind: 'range', query: 'sum by (i) (x_total{i!="0"}) / 8', startMs, endMs: startMs + 30_000, stepMs: 15_000 })).toBe(
        '200 {"status":"success","data":{"resultType":"matrix","result":[' +
          '{"metric":{"i":"1"},"values":[[1700000000,"0"],[1700000015,"0.125"],[1700000030,"0.25"]]},' +
          '{"metric":{"i":"2"},"values":[[1700000000,"0"],[1700000015,"0.25"],[1700000030,"0.5"]]}]}}',
      )
      expect(await ask({ kind: 'range', query: '1', startMs: 0, endMs: 1_000, stepMs: 500 })).toBe(
        '200 {"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[0,"1"],[0.500,"1"],[1,"1"]]}]}}',
      )
      expect(await ask({ kind: 'instant', query: 'x_total', timeMs, limit: 1 })).toBe(
        '200 {"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"x_total","i":"0","job":"a\\u003cb"},"value":[1700000100.500,"0"]}]},"warnings":["results truncated due to limit"]}',
      )
      expect(await ask({ kind: 'labels', match: [] })).toBe('200 {"status":"success","data":["__name__","i","job"]}')
      expect(await ask({ kind: 'labelValues', name: 'i', match: ['x_total{i!="1"}'] })).toBe('200 {"status":"success","data":["0","2"]}')
      expect(await ask({ kind: 'labelValues', name: 'i', match: [], limit: 2 })).toBe(
        '200 {"status":"success","data":["0","1"],"warnings":["results truncated due to limit"]}',
      )
      expect(await ask({ kind: 'series', match: ['x_total{i="1"}', '{i="1"}'] })).toBe(
        '200 {"status":"success","data":[{"__name__":"x_total","i":"1","job":"a\\u003cb"}]}',
      )
      expect(await ask({ kind: 'series', match: [] })).toBe('400 {"status":"error","errorType":"bad_data","error":"no match[] parameter provided"}')
      expect(await ask({ kind: 'formatQuery', query: 'sum(x)by(a)' })).toBe('200 {"status":"success","data":"sum by (a) (x)"}')
      expect(await ask({ kind: 'federate', match: ['{i="1"}'], nowMs: timeMs, externalLabels: labelsFrom({ region: 'eu', job: 'no' }), format: { kind: 'text', version: '0.0.4', escaping: undefined } })).toBe(
        '200 # TYPE x_total untyped\nx_total{i="1",job="a<b",instance="",region="eu"} 6 1700000090000\n',
      )
    }))

  it('refuses what Prometheus refuses, in its words', () =>
    withService({}, async (service) => {
      const refused = async (request: ApiRequest) => JSON.parse(Buffer.from((await service.respond(request)).body).toString()) as unknown
      const range = { kind: 'range', query: 'x_total', startMs: 0, endMs: 11_000_000, stepMs: 1_000 } as const
      const bad = (error: string) => ({ status: 'error', errorType: 'bad_data', error })
      expect(await refused({ ...range, endMs: 11_001_000 })).toEqual(
        bad('exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)'),
      )
      expect(await refused(range)).toMatchObject({ status: 'success' })
      expect(await refused({ ...range, stepMs: 0 })).toEqual(
        bad('invalid parameter "step": zero or negative query resolution step widths are not accepted. Try a positive integer'),
      )
      expect(await refused({ ...range, endMs: -1 })).toEqual(bad('invalid parameter "end": end timestamp must not be before start time'))
      expect(await refused({ ...range, query: '"a"' })).toEqual(
        bad('invalid parameter "query": invalid expression type "string" for range query, must be Scalar or instant Vector'),
      )
      expect(await refused({ ...range, query: 'x[5m]' })).toEqual(
        bad('invalid parameter "query": invalid expression type "range vector" for range query, must be Scalar or instant Vector'),
      )
      expect(await refused({ ...range, query: `${'('.repeat(20_000)}1${')'.repeat(20_000)}` })).toEqual(bad('invalid parameter "query": 1:1: parse error: the query is nested too deeply'))
      expect(await refused({ ...range, query: Array.from({ length: 30_000 }, () => '1').join('+') })).toEqual(bad('invalid parameter "query": 1:10002: parse error: the query is nested too deeply'))
      expect(await refused({ ...range, query: 'sum(' })).toMatchObject({ errorType: 'bad_data', error: expect.stringMatching(/^invalid parameter "query": 1:5: parse error: /) })
    }))

  it('gives rules values', () =>
    withService({}, async (service) => {
      const timeMs = startMs + 60_000
      expect(await service.evaluate('x_total > 3', timeMs)).toEqual({
        kind: 'vector',
        samples: [
          { labels: labelsFrom({ __name__: 'x_total', i: '1', job: 'a<b' }), value: 4, timestampMs: timeMs },
          { labels: labelsFrom({ __name__: 'x_total', i: '2', job: 'a<b' }), value: 8, timestampMs: timeMs },
        ],
        warnings: [],
        infos: [],
      })
      expect(await service.evaluate('time()', timeMs)).toEqual({ kind: 'scalar', value: timeMs / 1000, timestampMs: timeMs, warnings: [], infos: [] })
      await expect(service.evaluate('x_total[5m]', timeMs)).rejects.toMatchObject({ errorType: 'execution' })
      await expect(service.evaluate('sum(', timeMs)).rejects.toMatchObject({ errorType: 'bad_data' })
    }))

  it('tells what a query cost', () =>
    withService({}, async (service, registry) => {
      const { body } = await service.respond({ kind: 'instant', query: 'sum_over_time(x_total[1m])', timeMs: startMs + 100_000, stats: 'basic' })
      expect(JSON.parse(Buffer.from(body).toString())).toMatchObject({
        data: { stats: { timings: { execTotalTime: expect.any(Number) as number }, samples: { totalQueryableSamples: 12 } } },
      })
      expect(registry.print()).toContain('prometheus_engine_query_samples_total 12')
      expect(registry.print()).toContain('prometheus_engine_queries 0')
    }))

  it('explains what each part of a query took', () =>
    withService({}, async (service) => {
      const { body } = await service.respond({ kind: 'range', query: 'sum(rate(x_total[1m])) > 0', startMs, endMs: startMs + 100_000, stepMs: 20_000, explain: true })
      const { data } = JSON.parse(Buffer.from(body).toString()) as { data: { explain: Explained } }
      const shape = ({ node, expression, series, samplesRead, constant, children }: Explained): unknown[] => [node, expression, series, samplesRead, constant, children.map(shape)]
      expect(shape(data.explain)).toEqual([
        'binary', 'sum(rate(x_total[1m])) > 0', 1, 0, false,
        [
          ['aggregation', 'sum(rate(x_total[1m]))', 1, 0, false, [['rangeCall', 'rate(x_total[1m])', 3, 0, false, [['windows', 'x_total[1m]', 3, expect.any(Number), false, []]]]]],
          ['number', '0', 0, 0, true, []],
        ],
      ])
      expect(data.explain.seconds).toBeGreaterThan(0)
    }))

  it('explains a subquery with the time of what is inside of it', () =>
    withService({}, async (service) => {
      const { body } = await service.respond({ kind: 'range', query: 'max_over_time(x_total[2m:20s])', startMs, endMs: startMs + 100_000, stepMs: 20_000, explain: true })
      const { data } = JSON.parse(Buffer.from(body).toString()) as { data: { explain: Explained } }
      const [subquery] = data.explain.children
      const [selector] = subquery?.children ?? []
      expect([subquery?.node, subquery?.series, selector?.node]).toEqual(['subquery', 3, 'selector'])
      expect(selector?.seconds).toBeGreaterThan(0)
      expect(subquery?.seconds).toBeGreaterThanOrEqual(selector?.seconds ?? Infinity)
      expect(data.explain.seconds).toBeGreaterThanOrEqual(subquery?.seconds ?? Infinity)
    }))

  it('frees the worker at once when the client goes away', () =>
    withService({ maxConcurrency: 1 }, async (service, _registry, storage) => {
      const leaving = new AbortController()
      const left = service.respond(endless, leaving)
      const next = service.respond({ kind: 'instant', query: '1', timeMs: 0 })
      await expect.poll(() => runningQueries(storage)).toContain('quantile_over_time')
      const leftAtMs = performance.now()
      leaving.abort()
      expect((await left).status).toBe(499)
      expect((await next).status).toBe(200)
      expect(performance.now() - leftAtMs).toBeLessThan(10_000) // The query would go on for its whole timeout.
    }))

  it('times out, in the queue too', () =>
    withService({ maxConcurrency: 1 }, async (service) => {
      const running = service.respond({ ...endless, timeoutMs: 500 })
      const waiting = service.respond({ kind: 'instant', query: '1', timeMs: 0, timeoutMs: 100 })
      expect(Buffer.from((await waiting).body).toString()).toBe('{"status":"error","errorType":"timeout","error":"query timed out in query queue"}')
      const { status, body } = await running
      expect(status).toBe(503)
      expect(Buffer.from(body).toString()).toContain('"query timed out in expression evaluation"')
    }))

  it('of one client do not hold up another client’s, however many they are', () =>
    withService({ workers: 1 }, async (service) => {
      const leaving = new AbortController()
      const heavy = Array.from({ length: 8 }, () => service.respond(endless, { client: 'heavy', signal: leaving.signal }))
      for (const query of ['1', '2', '3']) {
        expect((await service.respond({ kind: 'instant', query, timeMs: 0, timeoutMs: 15_000 }, { client: 'light' })).status).toBe(200)
      }
      // Not even when the workers for such clients are held up, too, do rules wait.
      const others = Array.from({ length: 4 }, (_, i) => service.respond(endless, { client: `heavy ${i}`, signal: leaving.signal }))
      await expect(service.evaluate('1', 0, { timeoutMs: 15_000 })).resolves.toMatchObject({ value: 1 })
      leaving.abort()
      expect((await Promise.all([...heavy, ...others])).map(({ status }) => status)).toEqual(Array(12).fill(499))
    }))

  it('has time when its limit is longer than timers can wait', () =>
    withService({ timeoutMs: 365 * 86_400_000, maxConcurrency: 1 }, async (service) => {
      const leaving = new AbortController()
      const running = service.respond(endless, leaving)
      const waiting = service.respond({ kind: 'instant', query: '1', timeMs: 0 })
      // A timer of a year would fire at once; this takes longer than that.
      await expect(service.evaluate('1', 0)).resolves.toMatchObject({ value: 1 })
      leaving.abort()
      expect((await running).status).toBe(499)
      expect((await waiting).status).toBe(200)
    }))

  it('holds the limit on samples', () =>
    withService({ maxSamples: 100 }, async (service) => {
      const { status, body } = await service.respond({ kind: 'instant', query: 'x_total[10m]', timeMs: startMs + 600_000 })
      expect(status).toBe(422)
      expect(Buffer.from(body).toString()).toContain('query processing would load too many samples into memory in query execution')
    }))

  it('holds the limit on samples where each value becomes a series', () =>
    withService({ maxSamples: 2_000 }, async (service) => {
      const range = { kind: 'range', startMs, endMs: startMs + 600_000, stepMs: 15_000 } as const
      expect((await service.respond({ ...range, query: 'count(x_total)' })).status).toBe(200)
      expect((await service.respond({ ...range, query: 'count_values("v", x_total)' })).status).toBe(422)
    }))

  it('holds the limit on the bytes of an answer', () =>
    withService({ maxResultBytes: 120 }, async (service) => {
      const range: ApiRequest = { kind: 'range', query: 'x_total', startMs, endMs: startMs + 600_000, stepMs: 15_000 }
      for (const request of [range, { ...range, kind: 'instant', query: 'x_total[10m]', timeMs: startMs + 600_000 }, { kind: 'series', match: ['x_total'] }] satisfies ApiRequest[]) {
        const { status, body } = await service.respond(request)
        expect(status).toBe(422)
        expect(JSON.parse(Buffer.from(body).toString())).toEqual({ status: 'error', errorType: 'execution', error: 'query processing would make a result of more than 120B (--query.max-result-size) in query execution' })
      }
      expect((await service.respond({ kind: 'labels', match: [] })).status).toBe(200)
    }))

  it('lets rules and short queries pass a heavy one', () =>
    withService({}, async (service) => {
      const leaving = new AbortController()
      const heavy = service.respond(endless, leaving)
      const { status } = await service.respond({ kind: 'instant', query: '1', timeMs: 0 }, { client: 'other' })
      expect(status).toBe(200)
      expect(await service.evaluate('1', 0)).toMatchObject({ value: 1 })
      leaving.abort()
      expect((await heavy).status).toBe(499)
    }))

  it('answers many at once', () =>
    withService({ workers: 2 }, async (service) => {
      const asked = Array.from({ length: 50 }, (_, i) => service.evaluate(`sum(x_total) + ${i}`, startMs + 15_000))
      const answers = await Promise.all(asked)
      expect(answers.map((one) => (one.kind === 'vector' ? one.samples[0]?.value : NaN))).toEqual(Array.from({ length: 50 }, (_, i) => 3 + i))
    }))

  it('ends what runs and waits when it closes', () =>
    withService({ maxConcurrency: 1 }, async (service) => {
      const running = service.respond(endless)
      const waiting = service.respond({ kind: 'instant', query: '1', timeMs: 0 })
      await service.close()
      expect((await running).status).toBeGreaterThanOrEqual(499)
      expect((await waiting).status).toBe(499)
      expect((await service.respond({ kind: 'instant', query: '1', timeMs: 0 })).status).toBe(500)
    }))
})
