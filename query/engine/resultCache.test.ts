// Whatever is written, late, deleted, flushed and restarted between: a range query answers the same bytes with the results of
// earlier ones at hand as without.

import { describe, expect, it } from 'vitest'
import { MetricRegistry } from '../../src/base/selfMetrics.ts'
import { labelsFrom, type Labels } from '../../storage/model/labels.ts'
import { createMatcher } from '../../storage/model/matcher.ts'
import { randomSeries } from '../../test/differential/promql/data.ts'
import { QueryGenerator } from '../../test/differential/promql/queries.ts'
import { stale } from '../../test/helpers/memoryQuerier.ts'
import { startQueryService } from '../../test/helpers/queryService.ts'
import { createRandom, type Random } from '../../test/helpers/random.ts'
import { openTestStorage, type TestStorage } from '../../test/helpers/testStorage.ts'
import type { RangeRequest } from '../answers/api.ts'
import type { QueryService } from '../service/queryService.ts'

const rounds = Number(process.env['RESULT_CACHE_ROUNDS'] ?? 150)
const minuteMs = 60_000
const windowMs = 60 * minuteMs

/** What dashboards ask, over the series of `randomSeries`. */
const dashboard = [
  'g',
  'rate(c_total[2m])',
  'sum by (job) (rate(c_total[5m]))',
  'histogram_quantile(0.9, sum by (le) (rate(h_bucket[5m])))',
  'sum(rate(p_total[3m])) by (job) / sum(g) by (job) > 0.01',
  '100 - avg by (inst) (irate(c_total{job="a"}[5m])) * 100',
  'topk(2, m)',
  'max by (job) (max_over_time(g[30m]))',
  'max_over_time(sum(rate(c_total[2m]))[10m:1m])',
  'g * on (job) group_left sum by (job) (m)',
  'count_over_time(g[5m]) or vector(0)',
  'g offset -3m',
  'absent(g{inst="1"})',
  'quantile_over_time(0.5, u[4m])',
  'sum(avg_over_time(m[20m]))',
  'sum_over_time(u[15m])',
  'sum(sum by (mode, inst) (m))',
  'avg by (job) (g * on (job, inst) group_left u)',
  'stddev(sum by (job) (u))',
  'topk(1, sum by (job) (m))',
]

type Service = { readonly service: QueryService; readonly registry: MetricRegistry }

function serve(storage: TestStorage, workers = 1): Service {
  const registry = new MetricRegistry()
  const service = startQueryService(storage, { registry, resultCacheBytes: 2 * 1024 * 1024, features: ['promql-experimental-functions'], workers })
  return { service, registry }
}

type Arrival = { readonly labels: Labels; readonly timestampMs: number; readonly value: number | undefined; readonly isLate: boolean }

/** All samples in order of time; some are to be written later than when their time comes. */
function arrivals(random: Random): Arrival[] {
  // Values that do not add up exactly, so that another order of adding shows.
  const samples = randomSeries(random).flatMap(({ labels, samples: some }) =>
    some.map(({ timestampMs, value }) => ({ labels: labelsFrom(labels), timestampMs, value: value === stale ? undefined : value * 1.1, isLate: random.below(12) === 0 })),
  )
  return samples.sort((a, b) => a.timestampMs - b.timestampMs)
}

async function write(storage: TestStorage, arrived: readonly Arrival[]): Promise<void> {
  const appender = storage.appender()
  for (const { labels, timestampMs, value } of arrived) {
    if (value === undefined) appender.appendStale(labels, timestampMs)
    else appender.append(labels, timestampMs, value)
  }
  await appender.commit()
}

function reusedSteps({ registry }: Service): number {
  return Number(/^solowatch_query_reused_steps_total (\d+)/m.exec(registry.print())?.[1])
}

describe('a range query with results of earlier ones at hand', () => {
  it(
    'answers the same bytes as without, whatever happens between',
    async () => {
      const random = createRandom()
      const generator = new QueryGenerator(random)
      const texts = [...dashboard, ...Array.from({ length: 40 }, () => generator.next().text)]
      let waiting = arrivals(random)
      let late: Arrival[] = []
      let nowMs = (waiting[0]?.timestampMs ?? 0) + 5 * minuteMs
      const options = { outOfOrderWindowMs: windowMs, nowMs: () => nowMs + 1000 }
      let storage = await openTestStorage(options)
      let running = serve(storage)
      let reused = 0
      for (let round = 0; round < rounds; round++) {
        if (waiting.length === 0) break
        const what = random.below(100)
        if (what < 66) {
          nowMs += random.below(Math.max(1000, (2 * 40 * minuteMs) / rounds))
          const due = waiting.filter(({ timestampMs }) => timestampMs <= nowMs)
          waiting = waiting.slice(due.length)
          late = [...late, ...due.filter(({ isLate }) => isLate)]
          await write(storage, due.filter(({ isLate }) => !isLate))
        } else if (what < 70) {
          const from = random.below(late.length + 1)
          await write(storage, late.splice(from, 1 + random.below(50)))
        } else if (what < 74) {
          const minTimeMs = nowMs - random.below(40 * minuteMs)
          const range = { minTimeMs, maxTimeMs: minTimeMs + random.below(3 * minuteMs) }
          await storage.deleteSeries([[createMatcher('__name__', '=', random.pick(['g', 'm', 'c_total', 'h_bucket'])), createMatcher('job', '=', random.pick(['a', 'b']))]], range)
        } else if (what < 78) {
          await storage.flush()
          if (random.below(2) === 0) storage.head.flushes.maintain(nowMs + windowMs)
        } else if (what < 80) {
          await storage.cleanTombstones()
        } else if (what < 81) {
          reused += reusedSteps(running)
          await running.service.close()
          await storage.close()
          storage = await openTestStorage({ ...options, dir: storage.dir })
          running = serve(storage)
        }
        for (let k = 0; k < 6; k++) {
          const stepMs = random.pick([15_000, 15_000, 15_000, 60_000])
          const endMs = Math.floor((nowMs + random.pick([0, 0, -minuteMs, 2 * minuteMs])) / stepMs) * stepMs + random.pick([0, 0, 0, 0, 0, 500])
          const startMs = endMs - random.pick([20, 20, 10, 25]) * minuteMs
          const request: RangeRequest = { kind: 'range', query: random.pick(random.below(2) === 0 ? dashboard : texts), startMs, endMs, stepMs }
          const [cached, whole] = [await running.service.respond(request), await running.service.respond({ ...request, nocache: true })]
          expect(Buffer.from(cached.body).toString(), `seed ${random.seed}, round ${round}: ${JSON.stringify(request)}`).toBe(Buffer.from(whole.body).toString())
        }
      }
      expect(reused + reusedSteps(running)).toBeGreaterThan(rounds)
      await running.service.close()
      await storage.close()
    },
    600_000,
  )

  it('takes the steps before what was written, and none of another step, lookback or phase', async () => {
    const storage = await openTestStorage()
    const appender = storage.appender()
    const startMs = 1_700_000_000_000
    // Too many series for the main thread.
    for (let i = 0; i < 100; i++) for (let series = 0; series < 600; series++) appender.append(labelsFrom({ __name__: 'x', series: String(series) }), startMs + i * 15_000, i)
    await appender.commit()
    const running = serve(storage)
    const ask = async (request: Partial<RangeRequest>) => {
      const before = reusedSteps(running)
      await running.service.respond({ kind: 'range', query: 'x', startMs, endMs: startMs + 600_000, stepMs: 15_000, ...request })
      return reusedSteps(running) - before
    }
    expect(await ask({})).toBe(0)
    expect(await ask({})).toBe(40)
    expect(await ask({ startMs: startMs + 60_000, endMs: startMs + 660_000 })).toBe(37)
    expect(await ask({ startMs: startMs + 67_000, endMs: startMs + 667_000 })).toBe(0)
    expect(await ask({ stepMs: 30_000 })).toBe(0)
    expect(await ask({ lookbackMs: 60_000 })).toBe(0)
    expect(await ask({ explain: true })).toBe(0)
    expect(await ask({ startMs: startMs + 120_000, endMs: startMs + 720_000 })).toBe(37)
    appender.append(labelsFrom({ __name__: 'y' }), startMs + 450_000, 1)
    await appender.commit()
    expect(await ask({ startMs: startMs + 120_000, endMs: startMs + 720_000 })).toBe(22)
    await running.service.close()
    await storage.close()
  })

  it('has none any more when there were others of many bytes, be it of their texts', async () => {
    const storage = await openTestStorage()
    const running = serve(storage)
    const ask = async (query: string) => {
      const before = reusedSteps(running)
      await running.service.respond({ kind: 'range', query, startMs: 1_700_000_000_000, endMs: 1_700_000_600_000, stepMs: 15_000 })
      return reusedSteps(running) - before
    }
    const query = `nothing{a="${'-'.repeat(1_000)}"}` // too long for the main thread
    expect(await ask(query)).toBe(0)
    expect(await ask(query)).toBe(40)
    for (let i = 0; i < 10; i++) await ask(`nothing{a="${i}${'-'.repeat(300_000)}"}`)
    expect(await ask(query)).toBe(0)
    await running.service.close()
    await storage.close()
  })

  it('says that two series became one also when an earlier result has the one and what came since the other', async () => {
    const storage = await openTestStorage()
    const running = serve(storage)
    const startMs = 1_700_000_000_000
    const append = async (type: string, from: number, to: number) => {
      const appender = storage.appender()
      for (let i = from; i < to; i++) for (let series = 0; series < 600; series++) appender.append(labelsFrom({ __name__: 'x', __type__: type, series: String(series) }), startMs + i * 15_000, i)
      await appender.commit()
    }
    const ask = (query: string, nocache = false) => running.service.respond({ kind: 'range', query, startMs, endMs: startMs + 900_000, stepMs: 15_000, nocache })
    const queries = ['abs(x)', 'increase(x[1m])', 'sum(-x)', 'x']
    await append('gauge', 0, 20)
    for (const query of queries) await ask(query)
    await append('counter', 45, 60)
    for (const query of queries) {
      const [cached, whole] = [await ask(query), await ask(query, true)]
      expect([cached.status, Buffer.from(cached.body).toString()], query).toEqual([whole.status, Buffer.from(whole.body).toString()])
    }
    expect(Buffer.from((await ask('increase(x[1m])')).body).toString()).toContain('vector cannot contain metrics with the same labelset')
    await running.service.close()
    await storage.close()
  })

  it('runs on the worker that has them', async () => {
    const storage = await openTestStorage()
    const startMs = 1_700_000_000_000
    const running = serve(storage, 2)
    const ask = (query: string) => running.service.respond({ kind: 'range', query, startMs, endMs: startMs + 600_000, stepMs: 15_000 })
    const [a, b] = ['a', 'b'.repeat(2_000)].map((name) => `absent_over_time(${name}[1m:15s])`) as [string, string] // as many as names
    // At the same time, so that each has a worker of its own.
    await Promise.all([ask(a), ask(b)])
    for (const query of [b, a, b, a]) await ask(query)
    expect(reusedSteps(running)).toBe(4 * 40)
    await running.service.close()
    await storage.close()
  })
})
