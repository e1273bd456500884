// Answers on the main thread to what is asked again and again and is provably small: waking a worker and being woken costs
// several times what a query for one series does. Only samples in memory count, and chunks that a worker has lent; a budget
// holds for time, series and samples: what goes beyond any of them is given to a worker and not tried again for a while.

import { optimizeSooner } from '../../src/base/tierUp.ts'
import { createKernels } from '../../src/kernels/kernels.ts'
import type { Matcher } from '../../storage/model/matcher.ts'
import type { LentChunks } from '../../storage/querier/lentChunks.ts'
import { openMemoryQuerierSource } from '../../storage/querier/memoryQuerier.ts'
import { NotInMemory, NotLent } from '../../storage/querier/notInMemory.ts'
import type { DiskView } from '../../storage/querier/diskView.ts'
import type { QuerierInit } from '../../storage/querier/querierSource.ts'
import { answerRequest } from '../answers/answerRequest.ts'
import type { ApiRequest, InstantRequest, LabelsRequest, LabelValuesRequest, RangeRequest, SeriesRequest } from '../answers/api.ts'
import type { EngineSettings, JobAnswer, JobSettings } from '../answers/job.ts'
import { parseQuery, parseSelector, prepareParser } from '../language/parse.ts'
import { Limits } from '../limits.ts'
import { shareWithNobody } from '../parallel/crew.ts'
import { lightReadsOf, type LightRead } from '../plan/lightReads.ts'
import { ColumnSpace } from '../values/columnSpace.ts'

export type QuickAnswers = {
  /** `undefined` leaves the request to a worker, and so does `lend`: then it can be answered here when the worker has lent what it read. */
  answer(request: ApiRequest, settings: JobSettings): JobAnswer | 'lend' | undefined
  learn(view: DiskView): void
  borrow(lent: LentChunks): void
  close(): void
}

type Known = {
  failures: number
  pausedUntilMs: number
  /** Version of the index in which the request was found to be small. */
  smallAt: number
}

type QuickRequest = InstantRequest | RangeRequest | SeriesRequest | LabelsRequest | LabelValuesRequest

/** Above the longest evaluation of what passes the other limits, on a slow machine. */
const budgetMs = 2
/** The first evaluations run code that has not been optimised yet. */
const firstBudgetMs = 5
const firstEvaluations = 100
/** Evaluation that is not made up for yet by as much time for everything else: with more, as when a dashboard asks for all its panels at once, requests are left to workers. */
const maxOwedMs = 5
/** Series that the selectors of a query look at, and values that a label may have. */
const maxCandidates = 500
/** Series that are only looked at for their labels. */
const maxLabelCandidates = 1_000
/** Candidates times tens of seconds that their windows span: about the samples that are read. */
const maxWork = 20_000
/** What matching one value with a regular expression counts for, at least, and per character of the expression. */
const regexWork = 100
const regexCharacterWork = 5
const maxSamples = 20_000
/** Of a range query, in which kernels go from step to step: values of its selectors and one more a step, samples that their windows span at all steps. */
const maxRangeValues = 16_000
const maxRangeWork = 50_000
/** A longer text takes long to parse. */
const maxTextLength = 500
/** In a regular expression, a count of repetitions: few characters that take long to compile and to match. */
const repetition = /\{\d/
/** For how long a request is not tried again that took longer than the budget, twice as long each further time. */
const firstPauseMs = 10
/** The longest pause, and at once that of a request that is too large or needs the disk. */
const longestPauseMs = 10_000
const keptRequests = 1_000

export function createQuickAnswers(init: QuerierInit, features: ReadonlySet<string>, engine: EngineSettings): QuickAnswers {
  const source = openMemoryQuerierSource(init)
  const space = new ColumnSpace(createKernels(init.head.module, init.head.memory))
  /** Requests that came before, the one longest ago first. */
  const known = new Map<string, Known>()
  let evaluations = 0
  /** When what was evaluated here will be made up for. */
  let settledAtMs = 0
  prepareParser()

  /** `undefined` when the request comes for the first time, or the first time in a while: parsing it here would not pay. */
  const recall = (key: string): Known | undefined => {
    const before = known.get(key)
    known.delete(key)
    known.set(key, before ?? { failures: 0, pausedUntilMs: 0, smallAt: -1 })
    const oldest = known.size > keptRequests ? known.keys().next().value : undefined
    if (oldest !== undefined) known.delete(oldest)
    return before
  }

  const isSmall = (request: QuickRequest): boolean => {
    if (request.kind === 'instant' || request.kind === 'range') {
      const reads = lightReadsOf(parseQuery(request.query, features))
      if (reads === undefined) return false
      return request.kind === 'instant' ? areFew(reads) : areFewOver(reads, request)
    }
    if (request.match.length > 0) return areFew(request.match.map((text) => ({ matchers: parseSelector(text), rangeMs: 0 })), maxLabelCandidates)
    return request.kind === 'labels' || (request.kind === 'labelValues' && source.valueCount(request.name) <= maxCandidates)
  }

  const areFew = (reads: readonly LightRead[], most = maxCandidates): boolean => {
    let candidates = 0
    let work = 0
    for (const { matchers, rangeMs } of reads) {
      const count = source.candidates(matchers)
      candidates += count
      work += count * (1 + rangeMs / 10_000)
      for (const matcher of matchers) if (isSlow(matcher)) work += Math.max(regexWork, regexCharacterWork * matcher.value.length) * Math.min(count, source.valueCount(matcher.name))
    }
    return candidates <= most && work <= maxWork
  }

  const areFewOver = (reads: readonly LightRead[], { startMs, endMs, stepMs }: RangeRequest): boolean => {
    if (!areFew(reads)) return false
    const steps = (endMs - startMs) / stepMs + 1
    let values = steps
    let samples = 0
    let work = 0
    for (const { matchers, rangeMs } of reads) {
      const count = source.seriesCount(matchers)
      values += count * steps
      samples += (count * (endMs - startMs + rangeMs)) / 10_000
      work += count * steps * (1 + rangeMs / 10_000)
    }
    return values <= maxRangeValues && samples <= maxSamples && work <= maxRangeWork
  }

  const evaluate = (request: QuickRequest, settings: JobSettings): JobAnswer => {
    if (evaluations === 0) optimizeSooner()
    const startedMs = performance.now()
    const querier = source.querier()
    const allowedMs = evaluations++ < firstEvaluations ? firstBudgetMs : budgetMs
    const limits = new Limits({ maxSamples: Math.min(maxSamples, engine.maxSamples), deadlineMs: Math.min(settings.deadlineMs, Date.now() + allowedMs) })
    try {
      space.reset()
      return answerRequest({ querier, space, features, settings: { ...engine, ...settings }, limits, share: shareWithNobody }, 0, request)
    } finally {
      querier.close()
      settledAtMs = Math.max(settledAtMs, startedMs) + 2 * (performance.now() - startedMs)
    }
  }

  return {
    answer(request, settings) {
      if (!isQuickKind(request)) return undefined
      const key = keyOf(request)
      if (key.length > maxTextLength || repetition.test(key) || settings.deadlineMs <= Date.now() || !source.isUsable()) return undefined
      const before = recall(key)
      const nowMs = performance.now()
      if (before === undefined || nowMs < before.pausedUntilMs || nowMs + maxOwedMs < settledAtMs) return undefined
      try {
        const version = source.indexVersion()
        if (before.smallAt !== version && isSmall(request)) before.smallAt = version
        if (before.smallAt === version) {
          const answer = evaluate(request, settings)
          before.failures = 0
          return answer
        }
        pause(before, longestPauseMs)
      } catch (error) {
        // Beyond memory, beyond the budget, or an error that the worker will meet too.
        const isFinal = error instanceof NotInMemory && !(error instanceof NotLent)
        pause(before, isFinal ? longestPauseMs : Math.min(longestPauseMs, firstPauseMs * 2 ** before.failures))
        if (error instanceof NotLent) return 'lend'
      }
      return undefined
    },
    learn: (view) => source.learn(view),
    borrow: (lent) => source.borrow(lent),
    close: () => source.close(),
  }
}

function isQuickKind(request: ApiRequest): request is QuickRequest {
  return ['instant', 'range', 'series', 'labels', 'labelValues'].includes(request.kind)
}

/** The same for requests that take as long. */
function keyOf(request: QuickRequest): string {
  switch (request.kind) {
    case 'instant':
      return request.query
    case 'range':
      return `${request.stepMs} ${request.endMs - request.startMs}\n${request.query}`
    case 'labelValues':
      return `labelValues\n${request.name}\n${request.match.join('\n')}`
    case 'series':
    case 'labels':
      return `${request.kind}\n\n${request.match.join('\n')}`
  }
}

function isSlow({ op, literals }: Matcher): boolean {
  return (op === '=~' || op === '!~') && literals === undefined
}

function pause(known: Known, ms: number): void {
  known.failures++
  known.pausedUntilMs = performance.now() + ms
}
