import { describe, expect, it } from 'vitest'
import { createKernels } from '../../src/kernels/kernels.ts'
import { Span } from '../../src/kernels/span.ts'
import { labelsFrom } from '../../storage/model/labels.ts'
import { openMemoryQuerierSource } from '../../storage/querier/memoryQuerier.ts'
import { NotInMemory } from '../../storage/querier/notInMemory.ts'
import { openQuerierSource } from '../../storage/querier/querierSource.ts'
import { createRandom, type Random } from '../../test/helpers/random.ts'
import { allTime, openTestStorage, type TestStorage } from '../../test/helpers/testStorage.ts'
import { answerRequest } from '../answers/answerRequest.ts'
import type { InstantRequest, RangeRequest } from '../answers/api.ts'
import { Limits } from '../limits.ts'
import { shareWithNobody } from '../parallel/crew.ts'
import { ColumnSpace } from '../values/columnSpace.ts'
import { Programs, type ProgramsDeps } from './programs.ts'

type QueryRequest = InstantRequest | RangeRequest

const startMs = 1_700_000_000_000
const durationMs = 3 * 3_600_000
const lookbackMs = 300_000

/** Programs over memory and what a worker has lent, and the engine as a worker has it. */
const withPrograms = async <T>(storage: TestStorage, features: ReadonlySet<string>, use: (both: { readonly byProgram: (request: QueryRequest) => string | undefined; readonly byEngine: (request: QueryRequest) => string }) => T): Promise<T> => {
  const inits = [storage.querierInit(), storage.querierInit()] as const
  const disk = openQuerierSource(inits[0])
  const worker = disk.querier({ lends: true })
  const all = worker.select([], allTime)
  for (let i = 0; i < all.count; i++) all.read(i)
  const source = openMemoryQuerierSource(inits[1])
  source.learn(disk.diskView())
  source.borrow(disk.lent())
  worker.close()
  const kernels = createKernels(inits[1].head.module, inits[1].head.memory)
  const space = new ColumnSpace(createKernels(inits[0].head.module, inits[0].head.memory))
  const kept = new ColumnSpace(kernels)
  const scratch = new Span(kernels)
  const deps: ProgramsDeps = { features, lookbackMs, kept, scratch, entriesVersion: () => source.entriesVersion() }
  const programs = new Programs(deps)
  try {
    return use({
      byProgram(request) {
        const querier = source.querier()
        try {
          const { loaded } = programs.compile(request, source.indexVersion(), querier)
          const { stepMs, count } = request.kind === 'instant' ? { stepMs: 0, count: 1 } : { stepMs: request.stepMs, count: Math.floor((request.endMs - request.startMs) / request.stepMs) + 1 }
          const answer = loaded?.run({ startMs: request.kind === 'instant' ? request.timeMs : request.startMs, stepMs, count }, querier)
          return answer && Buffer.from(answer.json).toString()
        } finally {
          querier.close()
        }
      },
      byEngine(request) {
        const querier = disk.querier()
        space.reset()
        try {
          const settings = { lookbackMs, maxSamples: 1e7, maxResultBytes: 0, deadlineMs: Infinity, evaluationIntervalMs: 60_000, queueSeconds: 0 }
          const answer = answerRequest({ querier, space, features, settings, limits: new Limits(settings), share: shareWithNobody }, 0, request)
          return answer.kind === 'response' ? Buffer.from(answer.body).toString() : answer.kind
        } finally {
          querier.close()
        }
      },
    })
  } finally {
    space.close()
    kept.close()
    scratch.close()
    source.close()
    disk.close()
    for (const init of inits) storage.releaseWorker(init)
  }
}

/** Beside them there is `w_total`, of many series. */
const metrics = ['a_total', 'b_total', 'g', 'h'] as const
const instances = ['i0', 'i1', 'i2', 'i3'] as const

/** Series of all metrics and instances but some, with gaps, markers, resets, special values, late samples; some of it flushed. */
async function writeSeries(random: Random, storage: TestStorage): Promise<void> {
  const intervalMs = random.pick([10_000, 15_000, 30_000, 47_000])
  const series = metrics.flatMap((name) => instances.map((instance) => ({ labels: labelsFrom({ __name__: name, instance, zone: instance < 'i2' ? 'east' : 'west' }), value: random.below(1e6), jitterMs: random.below(3000) })))
  const wide = Array.from({ length: 70 }, (_, i) => ({ labels: labelsFrom({ __name__: 'w_total', core: `${i}`, instance: random.pick(instances) }), value: random.below(1e6) / 7, jitterMs: 0 }))
  const present = [...series.filter(() => random.below(8) > 0), ...wide]
  const flushAt = random.below(3) === 0 ? -1 : random.below(durationMs)
  let isFlushed = false
  for (let atMs = 0; atMs < durationMs; atMs += intervalMs) {
    if (!isFlushed && flushAt >= 0 && atMs > flushAt) {
      await storage.flush()
      isFlushed = true
    }
    const appender = storage.appender()
    for (const one of present) {
      const luck = random.below(200)
      if (luck < 4) continue
      const timeMs = startMs + atMs + one.jitterMs + (random.below(50) === 0 ? random.below(2000) : 0)
      one.value = luck === 4 ? 0 : one.value + random.below(100_000) / random.pick([1, 8, 3])
      if (luck < 8) appender.appendStale(one.labels, timeMs)
      else appender.append(one.labels, timeMs, luck === 8 ? random.pick([NaN, Infinity, -Infinity, -0, 1e-300]) : one.value)
      if (luck === 9) appender.append(one.labels, timeMs - random.below(120_000), random.below(10))
    }
    await appender.commit()
  }
}

class ProgramGenerator {
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  next(): QueryRequest {
    const { below, pick } = this.#random
    const query = this.#vector(3)
    const timeMs = startMs + below(durationMs)
    if (below(3) === 0) return { kind: 'instant', query, timeMs }
    const stepMs = pick([1000, 15_000, 60_000, 7_777, 300_000])
    return { kind: 'range', query, startMs: timeMs, endMs: timeMs + stepMs * below(pick([3, 70, 700])), stepMs }
  }

  #vector(depth: number): string {
    const { below, pick } = this.#random
    if (depth === 0 || below(3) === 0) return this.#leaf()
    if (below(4) === 0) return `${pick(['sum', 'avg', 'min', 'max', 'count', 'group', 'stddev', 'stdvar'])} ${pick(['', 'by (zone)', 'by (instance)', 'without (instance)', 'by (zone, __name__)'])} (${this.#vector(depth - 1)})`
    const operation = `${pick(['+', '-', '*', '/', '==', '!=', '>', '<', '>=', '<=', '> bool', '== bool', '<= bool'])}`
    if (below(3) === 0) return `(${this.#vector(depth - 1)} ${operation} ${this.#number()})`
    if (below(4) === 0) return `(${this.#number()} ${operation} ${this.#vector(depth - 1)})`
    return `(${this.#vector(depth - 1)} ${operation} ${pick(['', '', 'on (instance)', 'ignoring (zone)', 'on (instance) group_left ()', 'on (instance) group_right (zone)'])} ${this.#vector(depth - 1)})`
  }

  #leaf(): string {
    const { below, pick } = this.#random
    const matchers = pick(['', '', '{instance="i1"}', '{zone="west"}', '{instance=~"i[12]"}', '{instance="none"}'])
    const offset = pick(['', '', '', ' offset 7m', ' offset -1m'])
    const metric = below(6) === 0 ? 'w_total' : pick(metrics)
    if (below(2) === 0) return `${metric}${matchers}${offset}`
    const call = pick(['rate', 'increase', 'delta', 'irate', 'idelta', 'sum_over_time', 'avg_over_time', 'min_over_time', 'max_over_time'])
    return `${call}(${metric}${matchers}[${pick(['1m', '5m', '40s', '1h'])}]${offset})`
  }

  #number(): string {
    return this.#random.pick(['100', '0', '-2', '0.5', 'NaN', '1e9', '-(3)'])
  }
}

describe('the program of a query', () => {
  it.for([1, 2, 3, 4, 5])('gives the bytes that the engine gives, run %i', async (run) => {
    const random = createRandom(createRandom().seed + run)
    const storage = await openTestStorage({ outOfOrderWindowMs: random.pick([0, 600_000]) })
    await writeSeries(random, storage)
    const generator = new ProgramGenerator(random)
    await withPrograms(storage, new Set(), ({ byProgram, byEngine }) => {
      let compared = 0
      let beyondMemory = 0
      for (let i = 0; i < 400; i++) {
        const request = generator.next()
        let text: string | undefined
        try {
          text = byProgram(request)
        } catch (error) {
          if (error instanceof NotInMemory) {
            beyondMemory++
            continue
          }
          throw new Error(`seed ${random.seed}: ${JSON.stringify(request)}`, { cause: error })
        }
        if (text === undefined) continue
        compared++
        expect(text, `seed ${random.seed}: ${JSON.stringify(request)}`).toBe(byEngine(request))
      }
      expect(compared + beyondMemory, `seed ${random.seed}`).toBeGreaterThan(50)
    })
    await storage.close()
  })

  const without: readonly (readonly [string, string])[] = [
    ['the series are of several metrics and lose their names', 'rate({__name__=~"a_total|w_total"}[5m])'],
    ['there may be two partners', 'a_total + on (zone) b_total'],
    ['groups come in the order of samples', 'sum by (zone) (a_total / b_total)'],
    ['all values are needed at once', 'quantile(0.5, a_total)'],
    ['there is a note for the reader', 'rate(g[5m])'],
    ['it looks at one time', 'a_total @ 1700000000'],
    ['it looks at one end of the range', 'a_total @ start()'],
    ['there is a set operator', 'a_total and b_total'],
    ['gaps are filled', 'a_total + fill (0) b_total'],
    ['there are only numbers', '1 + 1'],
    ['there are no series', 'nothing'],
    ['it is a range', 'a_total[5m]'],
    ['there is a subquery', 'rate(a_total[5m:1m])'],
    ['there is no kernel for the operator', 'a_total ^ 2'],
  ]
  const whenDisabled: readonly (readonly [string, string])[] = [
    ['use-start-timestamps', 'rate(a_total[5m])'],
    ['promql-delayed-name-removal', 'a_total'],
  ]
  it('is not made when what comes out depends on the samples, or no kernel can do it', async () => {
    const storage = await openTestStorage()
    await writeSeries(createRandom(1), storage)
    const timeMs = startMs + 600_000
    await withPrograms(storage, new Set(['promql-binop-fill-modifiers']), ({ byProgram }) => {
      for (const [why, query] of without) expect(byProgram({ kind: 'instant', query, timeMs }), why).toBeUndefined()
      for (const [, query] of whenDisabled) expect(byProgram({ kind: 'instant', query, timeMs })).toContain('"instance":"i0"')
    })
    for (const [feature, query] of whenDisabled) {
      await withPrograms(storage, new Set([feature]), ({ byProgram }) => expect(byProgram({ kind: 'instant', query, timeMs }), feature).toBeUndefined())
    }
    await storage.close()
  })
})
