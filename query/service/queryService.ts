// The query engine as the main thread sees it: answers API requests with finished bytes and rules with values. A pool of
// workers evaluates, but for what is small and asked again. Owns the engine's settings and its own metrics.

import { hash } from 'node:crypto'
import { availableParallelism } from 'node:os'
import type { Logger } from '../../src/base/log.ts'
import type { MetricRegistry } from '../../src/base/selfMetrics.ts'
import type { Changes } from '../../storage/head/changes.ts'
import type { NativeHistogram } from '../../storage/model/histogram.ts'
import type { Labels } from '../../storage/model/labels.ts'
import type { QuerierInit } from '../../storage/querier/querierSource.ts'
import { errorResponse, statusOf, type ApiRequest, type ApiResponse, type Asker, type QueryOrigin, type RangeRequest, type RemoteReadRequest, type StreamedResponse } from '../answers/api.ts'
import type { EvaluateRequest, JobAnswer, JobRequest, JobSettings } from '../answers/job.ts'
import { QueryError } from '../queryError.ts'
import { takeUnfinished } from './activeQueries.ts'
import { LazyQuickAnswers } from './lazyQuickAnswers.ts'
import { PiecewiseStream } from './piecewiseStream.ts'
import { createQueryLog, type QueryLog } from './queryLog.ts'
import type { OnPiece } from './queryWorker.ts'
import { WorkerPool, type PoolJob } from './workerPool.ts'

export type QueryServiceOptions = {
  readonly querierInit: () => QuerierInit
  /** The query worker that had `init` has ended. */
  readonly releaseWorker: (init: QuerierInit) => void
  readonly registry: MetricRegistry
  readonly logger: Logger
  readonly lookbackMs: number
  readonly timeoutMs: number
  readonly maxSamples: number
  /** The most bytes of an answer before it is compressed; 0 is no limit. */
  readonly maxResultBytes: number
  readonly maxConcurrency: number
  /** The step of subqueries that name none: the global evaluation interval. */
  readonly evaluationIntervalMs: number
  /** Names given to `--enable-feature`. */
  readonly features: readonly string[]
  /** Where the queries that are being evaluated are noted; what is left from before is logged. */
  readonly activeQueryFile: string
  /** Memory for results of range queries that are asked again; 0 keeps none. */
  readonly resultCacheBytes: number
  /** What was written up to now. */
  readonly changes: () => Changes
  /** As many as there are processors by default. */
  readonly workers?: number
  /** After how much of its own work a query asks idle workers to help. */
  readonly patienceMs?: number
}

/** The value of one with a histogram means nothing. */
export type EvaluatedSample = { readonly labels: Labels; readonly value: number; readonly timestampMs: number; readonly histogram?: NativeHistogram }

export type EvaluationResult = (
  | { readonly kind: 'vector'; readonly samples: readonly EvaluatedSample[] }
  | { readonly kind: 'scalar'; readonly value: number; readonly timestampMs: number }
  | { readonly kind: 'string'; readonly text: string; readonly timestampMs: number }
) & { readonly warnings: readonly string[]; readonly infos: readonly string[] }

/** Without an `origin` the query is not logged. */
export type EvaluateOptions = { readonly lookbackMs?: number; readonly timeoutMs?: number; readonly signal?: AbortSignal; readonly origin?: QueryOrigin }

export type QueryService = {
  /** Never fails, and not even a promise when no worker is needed: an error is a response too, status 499 when the asker's `signal` ended the query. */
  respond(request: ApiRequest, asker?: Asker): ApiResponse | Promise<ApiResponse>
  /** The answer comes in pieces as the client takes them. Never rejects; a stream that has begun fails instead. */
  remoteRead(request: RemoteReadRequest, asker: Asker): Promise<StreamedResponse>
  /** One step at `timeMs`, for rules and templates, beside the API queries and never behind them. Rejects with `QueryError`. */
  evaluate(query: string, timeMs: number, options?: EvaluateOptions): Promise<EvaluationResult>
  /** Loads what the first query would have to wait for, in a worker and here. */
  prepare(): void
  setEvaluationInterval(intervalMs: number): void
  /** `query_log_file`, see queryLog.ts. */
  setLogFile: QueryLog['setFile']
  /** Ends what waits and what runs. */
  close(): Promise<void>
}

type RunOptions = Pick<PoolJob, 'lane' | 'onPiece'> & {
  readonly timeoutMs?: number | undefined
  /** Whether the main thread wants the chunks that were read. */
  readonly lends?: boolean
}

/** Asking and being heard takes about 0.05 ms; what is done within this is not worth it. */
const defaultPatienceMs = 0.5

export function createQueryService(options: QueryServiceOptions): QueryService {
  const unfinished = takeUnfinished(options.activeQueryFile)
  if (unfinished.length > 0) {
    options.logger.warn("These queries didn't finish in prometheus' last run:", { component: 'activeQueryTracker', queries: JSON.stringify(unfinished) })
  }
  const { lookbackMs, maxSamples, maxResultBytes } = options
  const engine = { lookbackMs, maxSamples, maxResultBytes }
  const pool = new WorkerPool({
    querierInit: options.querierInit,
    releaseWorker: options.releaseWorker,
    features: options.features,
    activeQueryFile: options.activeQueryFile,
    resultCacheBytes: options.resultCacheBytes,
    settings: engine,
    logger: options.logger,
    workers: options.workers ?? availableParallelism(),
    patienceMs: options.patienceMs ?? defaultPatienceMs,
    maxConcurrency: options.maxConcurrency,
  })
  const quick = new LazyQuickAnswers({ querierInit: options.querierInit, releaseWorker: options.releaseWorker, features: new Set(options.features), settings: engine })
  const observe = createEngineMetrics(options, pool)
  const log = createQueryLog(options.registry, options.logger)
  let evaluationIntervalMs = options.evaluationIntervalMs

  const settings = (deadlineMs: number, queueSeconds: number): JobSettings => ({ deadlineMs, evaluationIntervalMs, queueSeconds })
  const deadline = (timeoutMs = Infinity) => Date.now() + Math.min(options.timeoutMs, timeoutMs)

  const run = async (request: JobRequest, asker: Asker, { timeoutMs, lends, ...job }: RunOptions) => {
    const startedMs = performance.now()
    const deadlineMs = deadline(timeoutMs)
    const keepsResult = request.kind === 'range' && request.nocache !== true && options.resultCacheBytes > 0
    let queued = 0
    const answer = await pool.run({
      ...job,
      client: asker.client ?? '',
      signal: asker.signal,
      ...(keepsResult && { resultKey: resultKeyOf(request) }),
      deadlineMs,
      message: (id, queueSeconds) => {
        queued = queueSeconds
        return { id, request, settings: settings(deadlineMs, queueSeconds), ...(keepsResult && { changes: options.changes() }), ...(lends && { lends }) }
      },
    })
    if (answer.diskView !== undefined) quick.learn(answer.diskView)
    if (answer.lent !== undefined) quick.borrow(answer.lent)
    note(request, asker, answer, { queueSeconds: queued, startedMs })
    return answer
  }
  const note = (request: JobRequest, asker: Asker, answer: JobAnswer, { queueSeconds, startedMs }: { readonly queueSeconds: number; readonly startedMs: number }) => {
    observe(answer, queueSeconds)
    if (log.isOpen) logQuery(log, request, asker, answer, { queueSeconds, seconds: (performance.now() - startedMs) / 1000 })
  }

  return {
    respond(request, asker = {}) {
      const timeoutMs = request.kind === 'instant' || request.kind === 'range' ? request.timeoutMs : undefined
      const startedMs = performance.now()
      const quickly = quick.answer(request, settings(deadline(timeoutMs), 0))
      if (quickly === undefined || quickly === 'lend') return run(request, asker, { lane: 'api', timeoutMs, lends: quickly === 'lend' }).then(responseOf)
      // When the answer is on its way: nobody has to wait for it.
      queueMicrotask(() => note(request, asker, quickly, { queueSeconds: 0, startedMs }))
      return responseOf(quickly)
    },
    remoteRead(request, asker) {
      const { promise, resolve } = Promise.withResolvers<StreamedResponse>()
      let stream: PiecewiseStream | undefined
      const onPiece: OnPiece = ({ headers, bytes }, taken) => {
        if (stream === undefined) resolve({ status: 200, headers, body: (stream = new PiecewiseStream()) })
        stream.add(bytes, taken)
      }
      void run(request, asker, { lane: 'api', onPiece }).then((answer) => {
        if (answer.kind === 'response') {
          if (stream === undefined) resolve({ status: answer.status, headers: answer.headers, body: answer.body })
          else stream.end(answer.body)
          return
        }
        const error = errorOf(answer)
        if (stream !== undefined) stream.destroy(error)
        else resolve({ status: statusOf(error.errorType), headers: plainTextHeaders, body: Buffer.from(`${error.message}\n`) })
      })
      return promise
    },
    async evaluate(query, timeMs, { lookbackMs, timeoutMs, signal, origin } = {}) {
      const request: EvaluateRequest = { kind: 'evaluate', query, timeMs, ...(lookbackMs !== undefined && { lookbackMs }) }
      const answer = await run(request, { ...(signal && { signal }), ...(origin && { origin }) }, { lane: 'rules', timeoutMs })
      if (answer.kind === 'evaluated') return evaluationResult(answer, timeMs)
      throw errorOf(answer)
    },
    prepare() {
      pool.prepare()
      quick.prepare()
    },
    setEvaluationInterval(intervalMs) {
      evaluationIntervalMs = intervalMs
    },
    setLogFile: (path) => log.setFile(path),
    async close() {
      await pool.close()
      await quick.close()
      await log.close()
    },
  }
}

/** What was refused before its evaluation is not logged; of what failed in it nothing but the time is known. */
function logQuery(log: QueryLog, request: JobRequest, { origin }: Asker, answer: JobAnswer, took: { readonly queueSeconds: number; readonly seconds: number }): void {
  if ((request.kind !== 'instant' && request.kind !== 'range' && request.kind !== 'evaluate') || origin === undefined) return
  if (answer.kind === 'error' && answer.errorType === 'bad_data') return
  const { startMs, endMs, stepMs } = request.kind === 'range' ? request : { startMs: request.timeMs, endMs: request.timeMs, stepMs: 0 }
  const { queueSeconds, seconds } = took
  const cost = answer.cost ?? { samples: 0, peakSamples: 0, prepareSeconds: 0, evalSeconds: Math.max(0, seconds - queueSeconds), sortSeconds: 0 }
  log.write({ query: request.query, startMs, endMs, stepMs, origin, stats: { cost, queueSeconds }, ...(answer.kind === 'error' && { error: answer.message }) })
}

const plainTextHeaders = { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' }

function responseOf(answer: JobAnswer): ApiResponse {
  if (answer.kind === 'response') return { status: answer.status, body: answer.body, headers: answer.headers, isSpentWhenSent: true }
  return errorResponse(errorOf(answer))
}

/** Of a long query its digest: keys are kept by the thousand. */
function resultKeyOf({ stepMs, query }: RangeRequest): string {
  return `${stepMs} ${query.length > 1_000 ? hash('sha256', query, 'base64') : query}`
}

function errorOf(answer: JobAnswer): QueryError {
  if (answer.kind === 'error') return new QueryError(answer.errorType, answer.message)
  return new QueryError('internal', `bug: unexpected answer of kind ${answer.kind}`)
}

function evaluationResult(answer: JobAnswer & { kind: 'evaluated' }, timestampMs: number): EvaluationResult {
  const { value, warnings, infos } = answer.evaluated
  switch (value.kind) {
    case 'vector': {
      const samples = value.labels.map((labels, i) => {
        const histogram = value.histograms?.[i]
        return { labels, value: value.values[i] ?? NaN, timestampMs, ...(histogram && { histogram }) }
      })
      return { kind: 'vector', samples, warnings, infos }
    }
    case 'scalar':
      return { kind: 'scalar', value: value.value, timestampMs, warnings, infos }
    case 'string':
      return { kind: 'string', text: value.text, timestampMs, warnings, infos }
  }
}

function createEngineMetrics(options: QueryServiceOptions, pool: WorkerPool): (answer: JobAnswer, queueSeconds: number) => void {
  const { registry } = options
  registry.sampled('prometheus_engine_queries', 'The current number of queries being executed or waiting.', 'gauge', () => pool.load)
  registry
    .gauge('prometheus_engine_queries_concurrent_max', 'The max number of concurrent queries.')
    .set(options.maxConcurrency)
  const samples = registry.counter('prometheus_engine_query_samples_total', 'The total number of samples loaded by all queries.').create()
  const reused = registry.counter('solowatch_query_reused_steps_total', 'Steps of range queries that were taken from an earlier result.').create()
  const durations = registry.summary('prometheus_engine_query_duration_seconds', 'Query timings')
  const queueTime = durations.create({ slice: 'queue_time' })
  const prepareTime = durations.create({ slice: 'prepare_time' })
  const innerEval = durations.create({ slice: 'inner_eval' })
  const resultSort = durations.create({ slice: 'result_sort' })
  return ({ cost }, queueSeconds) => {
    if (cost === undefined) return
    samples(cost.samples)
    if (cost.reusedSteps !== undefined) reused(cost.reusedSteps)
    queueTime(queueSeconds)
    prepareTime(cost.prepareSeconds)
    innerEval(cost.evalSeconds)
    resultSort(cost.sortSeconds)
  }
}
