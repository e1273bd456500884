// Answers on the main thread to what is asked again and again and is provably small: waking a worker and being woken costs
// several times what a query for one series does. Only samples in memory count, and chunks that a worker has lent; a budget
// holds for time, series and samples: what goes beyond any of them is given to a worker and not tried again for a while.

import { optimizeSooner } from '../../src/base/tierUp.ts'
import { createKernels } from '../../src/kernels/kernels.ts'
import { Span } from '../../src/kernels/span.ts'
import type { LentChunks } from '../../storage/querier/lentChunks.ts'
import { openMemoryQuerierSource } from '../../storage/querier/memoryQuerier.ts'
import { NotInMemory, NotLent } from '../../storage/querier/notInMemory.ts'
import type { DiskView } from '../../storage/querier/diskView.ts'
import type { Querier } from '../../storage/querier/querier.ts'
import type { QuerierInit } from '../../storage/querier/querierSource.ts'
import { answerRequest } from '../answers/answerRequest.ts'
import { jsonHeaders, type ApiRequest, type InstantRequest, type RangeRequest } from '../answers/api.ts'
import type { EngineSettings, JobAnswer, JobSettings } from '../answers/job.ts'
import { prepareParser } from '../language/parse.ts'
import { Limits } from '../limits.ts'
import { shareWithNobody } from '../parallel/crew.ts'
import type { ProgramAnswer } from '../program/loadedProgram.ts'
import { Programs } from '../program/programs.ts'
import { ColumnSpace } from '../values/columnSpace.ts'
import type { Steps } from '../values/value.ts'
import { KnownRequests, type KnownRequest } from './knownRequests.ts'
import { isSmall, type QuickRequest } from './smallRequests.ts'

export type QuickAnswers = {
  /** `undefined` leaves the request to a worker, and so does `lend`: then it can be answered here when the worker has lent what it read. */
  answer(request: ApiRequest, settings: JobSettings): JobAnswer | 'lend' | undefined
  learn(view: DiskView): void
  borrow(lent: LentChunks): void
  close(): void
}

/** Above the longest evaluation of what passes the other limits, on a slow machine. */
const budgetMs = 2
/** The first evaluations run code that has not been optimised yet. */
const firstBudgetMs = 5
const firstEvaluations = 100
/** Evaluation that is not made up for yet by as much time for everything else: with more, as when a dashboard asks for all its panels at once, requests are left to workers. */
const maxOwedMs = 5
/** For how long a request is not tried again that took longer than the budget, twice as long each further time. */
const firstPauseMs = 10
/** The longest pause, and at once that of a request that is too large or needs the disk. */
const longestPauseMs = 10_000
/** Samples in memory at one time: more than any small query has. */
const maxHeldSamples = 200_000

export function createQuickAnswers(init: QuerierInit, features: ReadonlySet<string>, engine: EngineSettings): QuickAnswers {
  const source = openMemoryQuerierSource(init)
  const kernels = createKernels(init.head.module, init.head.memory)
  const space = new ColumnSpace(kernels)
  const requests = new KnownRequests()
  const programs = new Programs({ features, lookbackMs: engine.lookbackMs, kept: new ColumnSpace(kernels), scratch: new Span(kernels), entriesVersion: source.entriesVersion })
  let evaluations = 0
  /** When what was evaluated here will be made up for. */
  let settledAtMs = 0
  prepareParser()

  /** By its program, when the request has one. */
  const run = (request: QuickRequest, known: KnownRequest, querier: Querier): ProgramAnswer | undefined => {
    if (!hasPlainAnswer(request)) return undefined
    if (known.program === undefined || !programs.isCurrent(known.program, known.smallAt)) {
      // Making one anew takes as long as a few answers, which may be the only ones while series come and go.
      if (known.program !== undefined && known.tries === 1) return undefined
      known.program = programs.compile(request, known.smallAt, querier)
    }
    const answer = known.program.loaded?.run(stepsOf(request), querier)
    const isWithin = answer !== undefined && answer.peakSamples <= engine.maxSamples && (engine.maxResultBytes === 0 || answer.json.length <= engine.maxResultBytes)
    return isWithin ? answer : undefined
  }

  const evaluate = (request: QuickRequest, settings: JobSettings, querier: Querier): JobAnswer => {
    if (evaluations === 0) optimizeSooner()
    const allowedMs = evaluations++ < firstEvaluations ? firstBudgetMs : budgetMs
    const limits = new Limits({ maxSamples: Math.min(maxHeldSamples, engine.maxSamples), deadlineMs: Math.min(settings.deadlineMs, Date.now() + allowedMs) })
    space.reset()
    return answerRequest({ querier, space, features, settings: { ...engine, ...settings }, limits, share: shareWithNobody }, 0, request)
  }

  const answerSmall = (request: QuickRequest, settings: JobSettings, known: KnownRequest, startedMs: number): JobAnswer => {
    const querier = source.querier()
    let tookMs = 0
    try {
      const answer = run(request, known, querier)
      if (answer === undefined) return evaluate(request, settings, querier)
      tookMs = performance.now() - startedMs
      const { json: body, samples, peakSamples } = answer
      return { id: 0, kind: 'response', status: 200, body, headers: jsonHeaders, cost: { samples, peakSamples, prepareSeconds: 0, evalSeconds: tookMs / 1000, sortSeconds: 0 } }
    } finally {
      querier.close()
      settledAtMs = Math.max(settledAtMs, startedMs) + 2 * (tookMs > 0 ? tookMs : performance.now() - startedMs)
    }
  }

  return {
    answer(request, settings) {
      const known = recall(request, requests)
      if (known?.isPlain !== true) return undefined
      const nowMs = performance.now()
      if (nowMs < known.pausedUntilMs || nowMs + maxOwedMs < settledAtMs || settings.deadlineMs <= Date.now() || !source.isUsable()) return undefined
      const small = request as QuickRequest // others are not recalled
      try {
        const version = source.indexVersion()
        if (known.smallAt !== version) {
          if (!isSmall(small, source, features)) {
            pause(known, longestPauseMs)
            return undefined
          }
          known.smallAt = version
          known.tries = 0
        }
        known.tries++
        const answer = answerSmall(small, settings, known, nowMs)
        known.failures = 0
        return answer
      } catch (error) {
        // Beyond memory, beyond the budget, or an error that the worker will meet too.
        const isFinal = error instanceof NotInMemory && !(error instanceof NotLent)
        pause(known, isFinal ? longestPauseMs : Math.min(longestPauseMs, firstPauseMs * 2 ** known.failures))
        if (error instanceof NotLent) return 'lend'
      }
      return undefined
    },
    learn: (view) => source.learn(view),
    borrow: (lent) => source.borrow(lent),
    close: () => source.close(),
  }
}

/** `undefined` too for what is never answered here. */
function recall(request: ApiRequest, requests: KnownRequests): KnownRequest | undefined {
  const { kind } = request
  switch (kind) {
    case 'instant':
      return requests.recall(request.query, kind, 0, 0)
    case 'range':
      return requests.recall(request.query, kind, request.stepMs, request.endMs - request.startMs)
    case 'labelValues':
      return requests.recall(`${request.name}\n${request.match.join('\n')}`, kind, 0, 0)
    case 'series':
    case 'labels':
      return requests.recall(request.match.join('\n'), kind, 0, 0)
    default:
      return undefined
  }
}

/** Whether the answer is that of the evaluation, as it is. */
function hasPlainAnswer(request: QuickRequest): request is InstantRequest | RangeRequest {
  if (request.kind !== 'instant' && request.kind !== 'range') return false
  const { limit = 0, stats = 'none', explain, warnings, lookbackMs } = request
  return limit === 0 && stats === 'none' && explain !== true && warnings === undefined && lookbackMs === undefined
}

function stepsOf(request: InstantRequest | RangeRequest): Steps {
  if (request.kind === 'instant') return { startMs: request.timeMs, stepMs: 0, count: 1 }
  const { startMs, endMs, stepMs } = request
  return { startMs, stepMs, count: Math.floor((endMs - startMs) / stepMs) + 1 }
}

function pause(known: KnownRequest, ms: number): void {
  known.failures++
  known.pausedUntilMs = performance.now() + ms
}
