// Answers must not depend on how many workers there are: random queries, divided and not, give the same bytes.

import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { labelsFrom } from '../../storage/model/labels.ts'
import { startQueryService } from '../../test/helpers/queryService.ts'
import { createRandom, type Random } from '../../test/helpers/random.ts'
import { openTestStorage, type TestStorage } from '../../test/helpers/testStorage.ts'
import type { Explained } from '../plan/explain.ts'
import type { QueryService, QueryServiceOptions } from '../service/queryService.ts'

const startMs = 1_700_000_000_000
const stepMs = 15_000
const sampleCount = 120
const endMs = startMs + sampleCount * stepMs
const targets = 12
const seriesPerTarget = 25

let storage: TestStorage
const services: QueryService[] = []

beforeEach(async () => {
  storage = await openTestStorage()
})

afterEach(async () => {
  for (const service of services.splice(0)) await service.close()
  await storage.close()
})

/** `patienceMs` 0 divides whatever has more than a part. */
function serviceWith(options: Partial<QueryServiceOptions>): QueryService {
  const service = startQueryService(storage, { activeQueryFile: join(storage.dir, `queries-${services.length}.active`), patienceMs: 0, ...options })
  services.push(service)
  return service
}

/** Counters and gauges of several targets, with gaps, resets and special values; the first half is on disk. */
async function write(random: Random): Promise<void> {
  const counters = new Map<string, number>()
  for (const [from, to] of [[0, sampleCount / 2], [sampleCount / 2, sampleCount]] as const) {
    const appender = storage.appender()
    for (let target = 0; target < targets; target++) {
      for (let i = 0; i < seriesPerTarget; i++) {
        const isCounter = i % 2 === 0
        const labels = { __name__: isCounter ? 'x_total' : 'y', target: `t${target}`, mode: `m${i % 5}`, i: String(i) }
        const key = `${target} ${i}`
        for (let k = from; k < to; k++) {
          if (random.below(100) < 4) continue
          const counter = random.below(100) < 2 ? 0 : (counters.get(key) ?? 0) + random.below(1000) / 7
          counters.set(key, counter)
          const value = isCounter ? counter : random.below(60) === 0 ? random.pick([NaN, Infinity, -Infinity, -0]) : (random.below(2000) - 1000) / 13
          appender.append(labelsFrom(labels), startMs + k * stepMs + target, value)
        }
      }
    }
    await appender.commit()
    if (from === 0) await storage.flush()
  }
}

function randomQuery(random: Random): string {
  const selector = random.pick(['x_total', 'y', 'x_total{mode=~"m[0-2]"}', 'y{target!="t3"}', '{__name__=~"x_total|y"}', 'y offset 2m', 'x_total @ end()'])
  const range = random.pick(['1m', '5m', '20m'])
  const name = random.pick(['rate', 'increase', 'delta', 'irate', 'avg_over_time', 'max_over_time', 'sum_over_time', 'count_over_time', 'last_over_time', 'deriv', 'changes', 'stddev_over_time'])
  const inner = random.pick([selector, `${name}(${selector.replace(/( offset| @|$)/, `[${range}]$1`)})`, `predict_linear(y[${range}], 60)`, `quantile_over_time(0.9, y[${range}])`])
  const grouping = random.pick(['', ' by (mode)', ' by (target)', ' by (target, i)', ' without (i)', ' by (nothing)'])
  const aggregated = `${random.pick(['sum', 'avg', 'min', 'max', 'count', 'group', 'stddev', 'stdvar'])}${grouping} (${inner})`
  return random.pick([inner, aggregated, aggregated, `topk${grouping} (3, ${inner})`, `${aggregated} / 2`, `max_over_time(${aggregated.replace(' @ end()', '')}[4m:30s])`, `${inner} > bool 1`])
}

type Asked = { readonly query: string; readonly stepMs: number }

async function ask(service: QueryService, { query, stepMs: step }: Asked, explain = false): Promise<string> {
  const { body } = await service.respond(
    step === 0
      ? { kind: 'instant', query, timeMs: endMs - 60_500, explain }
      : { kind: 'range', query, startMs: startMs + 30_500, endMs, stepMs: step, explain },
  )
  return Buffer.from(body).toString()
}

type Answer = { readonly data: { readonly explain: Explained } }

const nodesOf = (one: Explained): Explained[] => [one, ...one.children.flatMap(nodesOf)]

describe('a query that is divided among workers', () => {
  const rounds = Number(process.env['DIVIDED_ROUNDS'] ?? 150)
  const random = createRandom()
  it(`has the answer that one worker gives (seed ${random.seed})`, { timeout: 60_000 + rounds * 500 }, async () => {
    await write(random)
    const alone = serviceWith({ workers: 1 })
    const divided = serviceWith({ workers: 3 })
    for (let round = 0; round < rounds; round++) {
      const asked = { query: randomQuery(random), stepMs: random.pick([0, 7_000, 30_000, 61_000]) }
      expect(await ask(divided, asked), `${asked.query} step ${asked.stepMs}`).toBe(await ask(alone, asked))
    }
  })

  it('says how many workers it had, and counts over all of them', { timeout: 60_000 }, async () => {
    await write(createRandom())
    const asked = { query: 'sum by (mode) (stddev_over_time(x_total[5m]))', stepMs: 1_000 }
    const explained = async (service: QueryService) => nodesOf((JSON.parse(await ask(service, asked, true)) as Answer).data.explain)
    const countsOf = (nodes: readonly Explained[]) => nodes.map(({ node, series, samplesRead, chunksDecoded }) => ({ node, series, samplesRead, chunksDecoded }))
    const expected = await explained(serviceWith({ workers: 1 }))
    expect(expected.map(({ workers }) => workers)).toEqual([1, 1, 1])
    const service = serviceWith({ workers: 2 })
    // The first query lets the helper start; whether it is quick enough for a certain one is up to the machine.
    await expect
      .poll(async () => {
        const nodes = await explained(service)
        expect(countsOf(nodes)).toEqual(countsOf(expected))
        return nodes.map(({ workers }) => workers)
      }, { timeout: 50_000, interval: 1 })
      .toEqual([1, 2, 2])
  })

  it('keeps the limit on samples', async () => {
    await write(createRandom())
    const asked = { query: 'sum(rate(x_total[5m]))', stepMs: 15_000 }
    const service = serviceWith({ workers: 2, maxSamples: 50 })
    for (let i = 0; i < 10; i++) expect(await ask(service, asked)).toContain('query processing would load too many samples into memory in query execution')
  })

  it('ends in time, and leaves the helpers free', { timeout: 60_000 }, async () => {
    await write(createRandom())
    const asked = { query: 'sum(x_total)', stepMs: 15_000 }
    const service = serviceWith({ workers: 2, timeoutMs: 30_000 })
    const expected = await ask(service, asked)
    for (let i = 0; i < 10; i++) {
      const { body } = await service.respond({ kind: 'range', query: 'sum(stddev_over_time(y[20m]))', startMs, endMs, stepMs: 170, timeoutMs: 20 })
      expect(Buffer.from(body).toString()).toContain('query timed out in')
      const abort = new AbortController()
      const canceled = service.respond({ kind: 'range', query: 'sum(stddev_over_time(y[20m]))', startMs, endMs, stepMs: 170 }, abort)
      setTimeout(() => abort.abort(), 10)
      expect((await canceled).status).toBe(499)
      expect(await ask(service, asked)).toBe(expected)
    }
  })
})
