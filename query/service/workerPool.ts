// Which job runs on which query worker, and when. Workers start when they are needed and stop when they have long been idle.
// Rules never wait behind API queries: when all workers are busy they get one of their own. A query that has run for a while
// no longer counts, so that light ones go on beside heavy ones, on additional workers, and the operating system shares the
// processor between them; many light ones wait in line, as more workers would only make each slower. Whoever has no query
// running does not wait for the heavy ones of others either.

import type { Logger } from '../../src/base/log.ts'
import { maxTimerMs } from '../../src/base/timer.ts'
import type { QuerierInit } from '../../storage/querier/querierSource.ts'
import type { EngineSettings, JobAnswer } from '../answers/job.ts'
import { FairQueue } from './queryQueue.ts'
import { QueryWorker, type OnPiece } from './queryWorker.ts'
import type { CrewInit, JobMessage } from './workerMessages.ts'

export type PoolOptions = {
  readonly querierInit: () => QuerierInit
  /** The worker that was started with `init` has ended, perhaps in the middle of reading. */
  readonly releaseWorker: (init: QuerierInit) => void
  readonly features: readonly string[]
  readonly activeQueryFile: string
  /** Of `workers` workers together; additional ones, which come and go, have as much each. */
  readonly resultCacheBytes: number
  readonly settings: EngineSettings
  readonly logger: Logger
  /** API queries that run at one time, those not counted that are heavy. */
  readonly workers: number
  /** A query that has taken this long lets idle workers help, see crew.ts. */
  readonly patienceMs: number
  /** API queries that may run at one time, whatever the number of workers. */
  readonly maxConcurrency: number
}

export type PoolJob = {
  readonly client: string
  /** Rules go first and do not count as API queries. */
  readonly lane: 'api' | 'rules'
  readonly deadlineMs: number
  readonly signal: AbortSignal | undefined
  /** Called for each piece of an answer that comes in pieces. */
  readonly onPiece?: OnPiece
  /** The same for jobs that gain from an earlier result of each other, which the worker has that they ran on. */
  readonly resultKey?: string
  /** Builds the message when a worker is there, after `queueSeconds` in line. */
  readonly message: (id: number, queueSeconds: number) => JobMessage
}

type Entry = PoolJob & {
  readonly id: number
  readonly enqueuedMs: number
  readonly settle: (answer: JobAnswer) => void
  worker?: QueryWorker
  startedMs?: number
}

/** Additional workers for queries that are held up. More would only divide the same processor further. */
const maxAdditionalWorkers = 3
/** And more when all of them are held up, for clients that hold up none. */
const maxGuestWorkers = 3
/** A query that has run for this long is heavy. */
const heavyMs = 250
/** A worker that does not notice its deadline or cancellation for this long is ended from outside. */
const graceMs = 5_000
/** Results whose worker is remembered. */
const maxKeepers = 1_000
/** All workers but one end after this time without work. */
const idleMs = 60_000

export class WorkerPool {
  readonly #options: PoolOptions
  readonly #workers = new Set<QueryWorker>()
  readonly #rules: Entry[] = []
  readonly #queue = new FairQueue<Entry>()
  readonly #runningApi = new Set<Entry>()
  /** By result key, the one longest ago first. */
  readonly #keepers = new Map<string, QueryWorker>()
  #runningRules = 0
  #nextId = 1
  readonly #crew: CrewInit
  /** When a query last wanted help. */
  #askedMs = -Infinity
  /** Set while a query waits for a running one to be done or to become heavy. */
  #patience: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: PoolOptions) {
    this.#options = options
    this.#crew = { idle: new SharedArrayBuffer(4), maxHelpers: options.workers - 1, patienceMs: options.patienceMs }
  }

  /** Jobs that run or wait. */
  get load(): number {
    return this.#runningApi.size + this.#runningRules + this.#queue.length + this.#rules.length
  }

  /** Never rejects: what goes wrong is an answer of kind `error`. */
  async run(job: PoolJob): Promise<JobAnswer> {
    const id = this.#nextId
    this.#nextId = (this.#nextId % 0x3fffffff) + 1
    if (this.#closed) return { id, kind: 'error', errorType: 'unavailable', message: 'the query engine is shutting down' }
    if (job.signal?.aborted) return canceled(id, 'query queue')
    if (job.deadlineMs <= Date.now()) return timedOut(id, 'query queue')
    const { promise, resolve } = Promise.withResolvers<JobAnswer>()
    const entry: Entry = { ...job, id, enqueuedMs: Date.now(), settle: resolve }
    const abort = () => this.#cancel(entry)
    const deadline = setTimeout(() => this.#expire(entry), Math.min(Math.max(0, job.deadlineMs - Date.now()), maxTimerMs)).unref()
    job.signal?.addEventListener('abort', abort, { once: true })
    if (job.lane === 'rules') this.#rules.push(entry)
    else this.#queue.push(entry)
    this.#dispatch()
    try {
      return await promise
    } finally {
      clearTimeout(deadline)
      job.signal?.removeEventListener('abort', abort)
    }
  }

  /** Has a worker ready before the first job. */
  prepare(): void {
    this.#startWorker(1)
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#patience)
    for (const entry of [...this.#queue.drain(), ...this.#rules.splice(0)]) entry.settle(canceled(entry.id, 'query queue'))
    await Promise.all([...this.#workers].map((worker) => worker.stop()))
  }

  #dispatch(): void {
    if (this.#closed) return
    while (this.#rules.length > 0) {
      const worker = this.#idleWorker() ?? this.#startWorker(Math.max(this.#apiWorkerLimit(), this.#runningApi.size) + 1)
      if (worker === undefined) break
      const entry = this.#rules.shift()
      if (entry !== undefined) void this.#start(entry, worker)
    }
    while (this.#queue.length > 0 && this.#runningApi.size < this.#options.maxConcurrency) {
      if (this.#lightCount() >= this.#options.workers) return this.#watchPatience()
      const isFull = this.#runningApi.size >= this.#apiWorkerLimit()
      const served = new Set(isFull ? Array.from(this.#runningApi, ({ client }) => client) : [])
      const isNext = (client: string) => !served.has(client)
      if (!this.#queue.has(isNext)) break
      const worker = this.#idleWorker() ?? this.#startWorker(this.#apiWorkerLimit() + (isFull ? maxGuestWorkers : 0) + this.#runningRules)
      if (worker === undefined) break
      const entry = this.#queue.shift(isNext)
      if (entry !== undefined) void this.#start(entry, this.#idleKeeper(entry) ?? worker)
    }
  }

  /** The worker that has an earlier result for the job, unless it is busy: then another one begins anew. */
  #idleKeeper({ resultKey }: Entry): QueryWorker | undefined {
    const keeper = resultKey === undefined ? undefined : this.#keepers.get(resultKey)
    return keeper?.idle === true ? keeper : undefined
  }

  #remember(key: string, keeper: QueryWorker): void {
    this.#keepers.delete(key)
    this.#keepers.set(key, keeper)
    const oldest = this.#keepers.size > maxKeepers ? this.#keepers.keys().next().value : undefined
    if (oldest !== undefined) this.#keepers.delete(oldest)
  }

  /** How many workers API queries may occupy, the additional ones included. */
  #apiWorkerLimit(): number {
    return this.#options.workers + maxAdditionalWorkers
  }

  #lightCount(): number {
    const heavyUntilMs = performance.now() - heavyMs
    let count = 0
    for (const { startedMs = 0 } of this.#runningApi) if (startedMs > heavyUntilMs) count += 1
    return count
  }

  #watchPatience(): void {
    this.#patience ??= setTimeout(() => {
      this.#patience = undefined
      this.#dispatch()
    }, heavyMs).unref()
  }

  #idleWorker(): QueryWorker | undefined {
    for (const worker of this.#workers) if (worker.idle) return worker
    return undefined
  }

  /** Starts one more worker unless there are `limit` already. */
  #startWorker(limit: number): QueryWorker | undefined {
    if (this.#workers.size >= limit) return undefined
    const querier = this.#options.querierInit()
    const worker = new QueryWorker({
      querier,
      features: this.#options.features,
      activeQueryFile: this.#options.activeQueryFile,
      resultCacheBytes: this.#options.resultCacheBytes / this.#options.workers,
      settings: this.#options.settings,
      crew: this.#crew,
      onExit: (ended, reason) => {
        this.#workers.delete(ended)
        for (const [key, keeper] of this.#keepers) if (keeper === ended) this.#keepers.delete(key)
        this.#options.releaseWorker(querier)
        if (reason !== undefined) this.#options.logger.error('query worker ended, the next query starts a new one', { reason })
        this.#dispatch()
      },
    })
    for (const other of this.#workers) worker.meet(other)
    this.#workers.add(worker)
    return worker
  }

  async #start(entry: Entry, worker: QueryWorker): Promise<void> {
    entry.worker = worker
    entry.startedMs = performance.now()
    if (entry.resultKey !== undefined) this.#remember(entry.resultKey, worker)
    if (entry.lane === 'rules') this.#runningRules += 1
    else this.#runningApi.add(entry)
    const answer = await worker.run(entry.message(entry.id, (Date.now() - entry.enqueuedMs) / 1000), entry.onPiece ?? unexpectedPiece)
    if (entry.lane === 'rules') this.#runningRules -= 1
    else this.#runningApi.delete(entry)
    entry.settle(answer)
    if (answer.asked === true) this.#askHelpers()
    this.#retireWhenIdle(worker)
    this.#dispatch()
  }

  /** Workers that help begin where nobody needs one for itself. */
  #askHelpers(): void {
    this.#askedMs = performance.now()
    while (!this.#closed) {
      const helper = this.#startWorker(this.#options.workers)
      if (helper === undefined) return
      this.#retireWhenIdle(helper)
    }
  }

  #retireWhenIdle(worker: QueryWorker): void {
    if (this.#workers.size <= 1) return
    setTimeout(() => {
      if (!worker.idle || this.#workers.size <= 1) return
      if (this.#workers.size <= this.#options.workers && performance.now() - this.#askedMs < idleMs) this.#retireWhenIdle(worker)
      else worker.retire()
    }, idleMs).unref()
  }

  /** The client is gone: a waiting job leaves the line, a running one is told. */
  #cancel(entry: Entry): void {
    const worker = entry.worker
    if (worker === undefined) {
      this.#forget(entry)
      entry.settle(canceled(entry.id, 'query queue'))
      return
    }
    worker.cancel(entry.id)
    entry.settle(canceled(entry.id, 'query execution'))
    this.#endUnlessDone(entry, worker)
  }

  /** The deadline has passed: a running job sees that itself and answers. */
  #expire(entry: Entry): void {
    if (entry.worker !== undefined) {
      this.#endUnlessDone(entry, entry.worker)
    } else {
      this.#forget(entry)
      entry.settle(timedOut(entry.id, 'query queue'))
    }
  }

  #endUnlessDone(entry: Entry, worker: QueryWorker): void {
    setTimeout(() => {
      if (!worker.runs(entry.id)) return
      entry.settle(timedOut(entry.id, 'query execution'))
      void worker.stop()
    }, graceMs).unref()
  }

  #forget(entry: Entry): void {
    const index = this.#rules.indexOf(entry)
    if (index >= 0) this.#rules.splice(index, 1)
    else this.#queue.remove(entry)
  }
}

function unexpectedPiece(): never {
  throw new Error('bug: a job answers in pieces that nobody takes')
}

function canceled(id: number, stage: string): JobAnswer {
  return { id, kind: 'error', errorType: 'canceled', message: `query was canceled in ${stage}` }
}

function timedOut(id: number, stage: string): JobAnswer {
  return { id, kind: 'error', errorType: 'timeout', message: `query timed out in ${stage}` }
}
