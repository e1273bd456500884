// One target: wait for its slot, request, have the answer read, report, commit. Reading is scrapeReader.ts; starting and
// stopping loops is scrapePool.ts. A usual scrape goes through without a promise: those of a slot are many.

import { errorText } from '../../src/base/assert.ts'
import { formatDurationMs } from '../../src/base/duration.ts'
import type { HttpAnswer } from '../../src/base/http/httpMessage.ts'
import type { RepeatedRequest, RequestOutcome } from '../../src/base/http/repeatedRequest.ts'
import type { Logger } from '../../src/base/log.ts'
import { maxTimerMs } from '../../src/base/timer.ts'
import type { Labels } from '../../storage/model/labels.ts'
import { StorageUnavailableError } from '../../storage/model/storageError.ts'
import type { FoundExemplar } from '../exposition/metadata/scrapeExemplars.ts'
import type { ScrapeJob } from './job/scrapeJob.ts'
import type { ScrapeMetrics } from './job/scrapeMetrics.ts'
import type { Target } from './job/target.ts'
import type { LoggedScrapes } from './loggedScrapes.ts'
import type { ScrapeCommit } from './reading/scrapeCache.ts'
import { type Scraped, ScrapeReader } from './reading/scrapeReader.ts'
import type { ScrapeSink } from './reading/scrapeSink.ts'
import type { TargetMemory } from './reading/targetMemory.ts'
import { appendReport, type ScrapeReportOptions } from './scrapeReport.ts'
import type { EventTurn } from './timing/eventTurn.ts'
import type { ScrapeClock } from './timing/scrapeClock.ts'
import { alignedTimeMs, followingSlot, type ScrapeGrid, slotAfter } from './timing/scrapeSchedule.ts'

export type ScrapeLoopOptions = {
  readonly target: Target
  readonly job: ScrapeJob
  readonly sink: ScrapeSink
  readonly clock: ScrapeClock
  readonly turn: EventTurn
  readonly logged: LoggedScrapes
  readonly offsetMs: number
  readonly timestampToleranceMs: number
  readonly metrics: ScrapeMetrics
  readonly logger: Logger
  /** New, or that of a former loop of the same target, which must have stopped before this one starts. */
  readonly memory: TargetMemory
}

export type TargetStatus = {
  readonly discoveredLabels: Labels
  readonly labels: Labels
  readonly scrapePool: string
  readonly scrapeUrl: string
  readonly lastError: string
  /** 0 before the first scrape. */
  readonly lastScrapeMs: number
  readonly lastScrapeDurationSeconds: number
  readonly health: TargetMemory['health']
  readonly scrapeIntervalMs: number
  readonly scrapeTimeoutMs: number
}

/** The limit on a body where `body_size_limit` is 0: what a few hundred kilobytes unpack to must not take the memory of all others. */
const defaultMaxBodyBytes = 128 * 1024 * 1024
/** A body beyond this is refused whatever the configuration says: it could not be held in memory. */
const maxBodyBytes = 1024 * 1024 * 1024

/** Of targets that are scraped more often no commit may be late. */
const minGatheredIntervalMs = 1000

export class ScrapeLoop {
  readonly target: Target
  readonly memory: TargetMemory
  readonly #options: ScrapeLoopOptions
  readonly #grid: ScrapeGrid
  readonly #reader: ScrapeReader
  readonly #request: RepeatedRequest
  readonly #reportOptions: ScrapeReportOptions
  readonly #commitOptions: { readonly mayWait: boolean }
  readonly #outcome: RequestOutcome = { answered: (answer) => this.#answered(answer), failed: (error) => this.#failed(error) }
  readonly #tick = (nowMs: number) => this.#begin(nowMs)
  readonly #refOf = (labels: Labels) => this.#options.sink.refOf(labels)
  #observeInterval: ((seconds: number) => void) | undefined
  #isStopping = false
  #isAborting = false
  /** Of the scrape under way, or else the next one. */
  #slotMs = 0
  #timestampMs = 0
  #startedMs: number | undefined
  /** When the end of the request was there, and when it was looked at. */
  #endedMs = 0
  #seenMs = 0
  /** While a scrape is under way. */
  #running: PromiseWithResolvers<void> | undefined
  #isRunning = false
  /** Of the last scrape that was stored. */
  #logged: Promise<void> = Promise.resolve()
  #forcedError: Error | undefined

  constructor(options: ScrapeLoopOptions) {
    const { target, job, sink, memory } = options
    this.#options = options
    this.target = target
    this.memory = memory
    this.#grid = { intervalMs: target.intervalMs, offsetMs: options.offsetMs }
    this.#reader = new ScrapeReader(options)
    this.#request = this.#prepareRequest()
    this.#reportOptions = { target, config: job.config, memory, sink }
    this.#commitOptions = { mayWait: target.intervalMs >= minGatheredIntervalMs }
  }

  /** Of its slots. */
  get offsetMs(): number {
    return this.#grid.offsetMs
  }

  /** Waits for the first slot. Does nothing after `stop`. */
  start(): void {
    this.#arm(slotAfter(Date.now(), this.#grid))
  }

  /** Every scrape fails with this error until it is `undefined`. */
  setForcedError(error: Error | undefined): void {
    this.#forcedError = error
  }

  /** No further scrape; resolves when the one in flight is stored. The cache stays open. */
  async stop(): Promise<void> {
    this.#isStopping = true
    this.#options.clock.takeBack(this.#slotMs, this.#tick)
    if (this.#isRunning) await (this.#running ??= Promise.withResolvers()).promise
    await this.#logged.catch(() => {}) // `notLogged` hears of it.
  }

  /** As `stop`, but the scrape in flight is given up and leaves nothing: for the end of the process. */
  async abort(): Promise<void> {
    this.#isAborting = true
    this.#request.giveUp()
    await this.stop()
  }

  /**
   * After `stop`, when the target is gone: staleness markers for all its series, dated at the first scrape that did not
   * happen. They are written only after another scrape would have been, in case the target comes back, and not at all
   * when `signal` says so first.
   */
  async retire(signal: AbortSignal): Promise<void> {
    const { cache, lastSlotMs, reportLabels } = this.memory
    if (lastSlotMs === undefined) return
    const { intervalMs } = this.target
    const missedMs = lastSlotMs + intervalMs
    await untilTimeMs(missedMs + intervalMs * 1.1, signal)
    if (signal.aborted) return
    this.memory.histograms.end(cache, missedMs, this.#refOf)
    for (const labels of reportLabels ?? []) cache.appendStale(this.#options.sink.refOf(labels), missedMs)
    try {
      const { logged } = await cache.commitFailed(missedMs, { discardOutOfOrder: true })
      await logged
    } catch (error) {
      this.#options.logger.warn('Stale report failed', { err: errorText(error) })
    }
  }

  status(): TargetStatus {
    const { discoveredLabels, labels, url, intervalMs, timeoutMs } = this.target
    const { lastError, lastScrapeMs, lastDurationSeconds, health } = this.memory
    return {
      discoveredLabels,
      labels,
      scrapePool: this.#options.job.config.jobName,
      scrapeUrl: url,
      lastError,
      lastScrapeMs,
      lastScrapeDurationSeconds: lastDurationSeconds,
      health,
      scrapeIntervalMs: intervalMs,
      scrapeTimeoutMs: timeoutMs,
    }
  }

  #prepareRequest(): RepeatedRequest {
    const { config, accept, repeated } = this.#options.job
    const { url, unixSocket, timeoutMs } = this.target
    return repeated({
      url,
      headers: {
        accept,
        'accept-encoding': config.enableCompression ? 'gzip' : 'identity',
        'x-prometheus-scrape-timeout-seconds': String(timeoutMs / 1000),
      },
      timeoutMs,
      maxBodyBytes: Math.min(config.bodySizeLimitBytes > 0 ? config.bodySizeLimitBytes : defaultMaxBodyBytes, maxBodyBytes),
      ...(unixSocket !== undefined && { unixSocket }),
    })
  }

  #arm(slotMs: number): void {
    if (this.#isStopping) return
    this.#slotMs = slotMs
    this.#options.clock.call(slotMs, this.#tick)
  }

  #begin(nowMs: number): void {
    const slotMs = this.#slotMs
    const { intervalMs } = this.target
    // Only a timer cut to its maximum, or a clock set back, is this early.
    if (slotMs - nowMs > Math.min(intervalMs / 2, 10)) return this.#arm(slotMs - nowMs > intervalMs * 2 ? slotAfter(nowMs, this.#grid) : slotMs)
    this.#isRunning = true
    this.#timestampMs = alignedTimeMs(nowMs, slotMs, intervalMs, this.#options.timestampToleranceMs)
    const startedMs = performance.now()
    if (this.#startedMs !== undefined) {
      this.#observeInterval ??= this.#options.metrics.intervalLength.create({ interval: formatDurationMs(intervalMs) })
      this.#observeInterval((startedMs - this.#startedMs) / 1000)
    }
    this.#startedMs = startedMs
    if (this.#forcedError === undefined) this.#request.send(this.#outcome)
    else this.#failed(this.#forcedError)
  }

  /** The body of the answer is used only until this returns. */
  #answered(answer: HttpAnswer): void {
    this.#noteEnd()
    const read = this.#reader.read(answer, this.#timestampMs)
    // It rejects with bugs only.
    if (read instanceof Promise) void read.then((scraped) => this.#finish(scraped))
    else this.#finish(read)
  }

  #failed(error: Error): void {
    this.#noteEnd()
    this.#finish(this.#reader.failed(error))
  }

  #noteEnd(): void {
    this.#endedMs = Math.max(this.#options.turn.beganMs(), this.#startedMs ?? 0)
    this.#seenMs = performance.now()
  }

  #finish(scraped: Scraped): void {
    const { cache, histograms } = this.memory
    if (this.#isAborting) {
      cache.rollback()
      return this.#end()
    }
    const { error } = scraped
    const timestampMs = this.#timestampMs
    // Without the wait for the answers of others that came together with this one.
    const durationSeconds = (this.#endedMs - (this.#startedMs ?? 0) + performance.now() - this.#seenMs) / 1000
    this.memory.lastScrapeMs = timestampMs
    this.memory.lastDurationSeconds = durationSeconds
    this.memory.lastError = error?.message ?? ''
    this.memory.health = error === undefined ? 'up' : 'down'
    if (error === undefined) histograms.succeed(cache, timestampMs, this.#refOf)
    else {
      this.#logFailure(error)
      cache.rollback()
      histograms.end(cache, timestampMs, this.#refOf)
    }
    appendReport(this.#reportOptions, timestampMs, durationSeconds, scraped)
    const stored = this.#store(scraped)
    if (stored instanceof Promise) void stored.then(() => this.#end())
    else this.#end()
  }

  #end(): void {
    this.#isRunning = false
    this.#running?.resolve()
    this.memory.lastSlotMs = this.#slotMs
    this.#arm(followingSlot(this.#slotMs, Date.now(), this.#grid))
  }

  #store(scraped: Scraped): void | Promise<void> {
    try {
      const commit = this.#commit(scraped)
      if (commit instanceof Promise) return commit.then((done) => this.#stored(done, scraped)).catch((error: unknown) => this.notLogged(error))
      this.#stored(commit, scraped)
    } catch (error) {
      this.notLogged(error)
    }
  }

  #commit({ error, isEmpty, zeros }: Scraped): ScrapeCommit | Promise<ScrapeCommit> {
    const { cache } = this.memory
    if (error !== undefined || isEmpty) return cache.commitFailed(this.#timestampMs, this.#commitOptions)
    if (zeros.length === 0) return cache.commit(this.#commitOptions)
    return this.#options.sink.appendZeros(zeros).then(() => cache.commit(this.#commitOptions))
  }

  #stored(commit: ScrapeCommit, { exemplars }: Scraped): void {
    this.#logged = commit.logged
    this.#options.logged.watch(commit.logged, this)
    this.#count(commit)
    if (exemplars.length > 0) this.#appendExemplars(exemplars)
  }

  /** The samples of the last scrape are not durable. */
  notLogged(error: unknown): void {
    const { metrics, logger } = this.#options
    if (errorText(error).startsWith('bug:')) throw error
    if (error instanceof StorageUnavailableError) {
      // Storage itself says once when this begins and ends; the samples are lost, the next scrape brings new ones.
      metrics.unavailable.inc()
      this.memory.lastError = `the scrape was not stored: ${error.message}`
      return
    }
    logger.error('Scrape commit failed', { target: this.target.url, err: errorText(error) })
  }

  #appendExemplars(exemplars: readonly FoundExemplar[]): void {
    const { sink, metrics, logger } = this.#options
    let outOfOrder = 0
    for (const { ref, exemplar, isOfHistogram } of exemplars) if (sink.appendExemplar(ref, exemplar) === 'outOfOrder' && !isOfHistogram) outOfOrder++
    if (outOfOrder === 0) return
    metrics.exemplarOutOfOrder.inc({}, outOfOrder)
    logger.warn('Error on ingesting out-of-order exemplars', { target: this.target.url, num_dropped: outOfOrder })
  }

  #count({ duplicate, outOfOrder, outOfBounds }: ScrapeCommit): void {
    const { metrics, logger } = this.#options
    const warn = (message: string, count: number) => logger.warn(message, { target: this.target.url, num_dropped: count })
    if (outOfOrder > 0) {
      metrics.outOfOrder.inc({}, outOfOrder)
      warn('Error on ingesting out-of-order samples', outOfOrder)
    }
    if (duplicate > 0) {
      metrics.duplicateTimestamp.inc({}, duplicate)
      warn('Error on ingesting samples with different value but same timestamp', duplicate)
    }
    if (outOfBounds > 0) {
      metrics.outOfBounds.inc({}, outOfBounds)
      warn('Error on ingesting samples that are too old or are too far into the future', outOfBounds)
    }
  }

  #logFailure(error: Error): void {
    const { job, logger } = this.#options
    logger.debug('Scrape failed', { target: this.target.url, err: error.message })
    job.failureLog?.write({ msg: error.message, job_name: job.config.jobName, target: this.target.url })
  }
}

/** Resolves at `timeMs`, or as soon as `signal` aborts. */
async function untilTimeMs(timeMs: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && Date.now() < timeMs) {
    await new Promise<void>((resolve) => {
      const end = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', end)
        resolve()
      }
      const timer = setTimeout(end, Math.min(timeMs - Date.now(), maxTimerMs))
      signal.addEventListener('abort', end)
    })
  }
}
