// One target: wait for its slot, request, parse, relabel what is new, append, report `up`. The samples go through the
// target's scrape cache, which knows its series by their text; no object is made per sample. Starting and stopping loops
// is scrapePool.ts.

import { errorText } from '../src/base/assert.ts'
import { formatDurationMs } from '../src/base/duration.ts'
import type { HttpAnswer, HttpRequest, RepeatedRequest } from '../src/base/httpClient.ts'
import { HttpRequestError } from '../src/base/httpErrors.ts'
import type { Logger } from '../src/base/log.ts'
import type { Exemplar, ExemplarOutcome } from '../storage/exemplars.ts'
import type { NativeHistogram } from '../storage/histogram.ts'
import { type Labels, labelsFrom, labelsToObject, metricNameLabel } from '../storage/labels.ts'
import { StorageUnavailableError } from '../storage/storageError.ts'
import { ClassicHistograms } from './classicHistograms.ts'
import { CreatedSeries, CreatedTimes } from './createdTimes.ts'
import { parseSeries } from './exposition.ts'
import { BodyError } from './expositionLexer.ts'
import { checkedHistogram } from './histogramMessage.ts'
import { OpenMetricsReader } from './openMetrics.ts'
import { parseOpenMetricsSeries } from './openMetricsParser.ts'
import { type ProtobufBody, readProtobufBody } from './protobufExposition.ts'
import type { RelabelRules } from './relabel.ts'
import { type FoundExemplar, TargetExemplars } from './scrapeExemplars.ts'
import { SampleLabelsError, sampleLabels } from './sampleLabels.ts'
import { refusedSeries, type ScrapeCache, type ScrapeCommit, type UnknownSeries } from './scrapeCache.ts'
import type { ScrapeClock } from './scrapeClock.ts'
import type { ScrapeConfig } from './scrapeConfig.ts'
import type { FailureLogFile } from './scrapeFailureLog.ts'
import type { ScrapeMetrics } from './scrapeMetrics.ts'
import { bodyFormat, type BodyFormat } from './scrapeProtocol.ts'
import { BucketLimitError, ScrapedHistograms } from './scrapedHistograms.ts'
import { alignedTimeMs, followingSlot, type ScrapeGrid, slotAfter } from './scrapeSchedule.ts'
import { TargetMetadata } from './targetMetadata.ts'
import type { Target } from './target.ts'

/** What the loops of a pool share; replaced as a whole on reload. */
export type ScrapeJob = {
  readonly config: ScrapeConfig
  readonly metricRules: RelabelRules
  readonly accept: string
  readonly repeated: (request: HttpRequest) => RepeatedRequest
  readonly failureLog: FailureLogFile | undefined
  /** See createdTimes.ts. */
  readonly takesCreated: boolean
}

/** A series counted nothing at some time. */
export type SeriesStart = { readonly labels: Labels; readonly timestampMs: number; readonly histogram: NativeHistogram | undefined }

/** Where samples go. */
export type ScrapeSink = {
  createCache(): ScrapeCache
  /** Where answers are best read, if that matters to the caches. */
  readonly readBuffer: Buffer | undefined
  /** The series ref of a label set, made when there is none; 0 when a limit forbids that. */
  refOf(labels: Labels): number
  appendExemplar(ref: number, exemplar: Exemplar): ExemplarOutcome
  /** Stores what is newer than the series' samples, and resolves when it is stored. */
  appendStarts(starts: readonly SeriesStart[]): Promise<void>
}

export type ScrapeLoopOptions = {
  readonly target: Target
  readonly job: ScrapeJob
  readonly sink: ScrapeSink
  readonly clock: ScrapeClock
  readonly offsetMs: number
  readonly timestampToleranceMs: number
  readonly metrics: ScrapeMetrics
  readonly logger: Logger
  /** New, or that of a former loop of the same target, which must have stopped before this one starts. */
  readonly memory: TargetMemory
}

/** What is known of a target from scrape to scrape; handed from loop to loop when a job is reloaded. */
export type TargetMemory = {
  readonly cache: ScrapeCache
  readonly metadata: TargetMetadata
  readonly openMetrics: OpenMetricsReader
  readonly exemplars: TargetExemplars
  readonly histograms: ScrapedHistograms
  readonly classicHistograms: ClassicHistograms
  readonly createdSeries: CreatedSeries
  readonly createdTimes: CreatedTimes
  /** Labels and not refs: storage removes series that have had no samples for long. */
  reportLabels: readonly Labels[] | undefined
  /** The slot of the last scrape. */
  lastSlotMs: number | undefined
  lastError: string
  lastScrapeMs: number
  lastDurationSeconds: number
  health: TargetStatus['health']
}

export function createTargetMemory(sink: ScrapeSink): TargetMemory {
  return {
    cache: sink.createCache(),
    metadata: new TargetMetadata(),
    openMetrics: new OpenMetricsReader(),
    exemplars: new TargetExemplars(),
    histograms: new ScrapedHistograms(),
    classicHistograms: new ClassicHistograms(),
    createdSeries: new CreatedSeries(),
    createdTimes: new CreatedTimes(),
    reportLabels: undefined,
    lastSlotMs: undefined,
    lastError: '',
    lastScrapeMs: 0,
    lastDurationSeconds: 0,
    health: 'unknown',
  }
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
  readonly health: 'up' | 'down' | 'unknown'
  readonly scrapeIntervalMs: number
  readonly scrapeTimeoutMs: number
}

/** The limit on a body where `body_size_limit` is 0: what a few hundred kilobytes unpack to must not take the memory of all others. */
const defaultMaxBodyBytes = 128 * 1024 * 1024
/** A body beyond this is refused whatever the configuration says: it could not be held in memory. */
const maxBodyBytes = 1024 * 1024 * 1024

/** Of targets that are scraped more often no commit may be late: the next scrape waits for it. */
const minGatheredIntervalMs = 1000

/** setTimeout takes no more. */
const maxTimerMs = 2 ** 31 - 1

/** What came of reading one answer, before it is committed. */
type Scraped = {
  scraped: number
  kept: number
  added: number
  bodyBytes: number
  isEmpty: boolean
  error: Error | undefined
  exemplars: readonly FoundExemplar[]
  starts: readonly SeriesStart[]
}

const nothingScraped: Readonly<Scraped> = { scraped: 0, kept: 0, added: 0, bodyBytes: 0, isEmpty: false, error: undefined, exemplars: [], starts: [] }

export class ScrapeLoop {
  readonly target: Target
  readonly memory: TargetMemory
  readonly #options: ScrapeLoopOptions
  readonly #grid: ScrapeGrid
  readonly #request: RepeatedRequest
  readonly #formats = new Map<string, BodyFormat>()
  #observeInterval: ((seconds: number) => void) | undefined
  #isStopping = false
  #isAborting = false
  #disarm = () => {}
  #giveUpRequest = () => {}
  #running: Promise<void> | undefined
  #lastStartedMs: number | undefined
  #forcedError: Error | undefined

  constructor(options: ScrapeLoopOptions) {
    this.#options = options
    this.target = options.target
    this.memory = options.memory
    this.#grid = { intervalMs: options.target.intervalMs, offsetMs: options.offsetMs }
    this.#request = this.#prepareRequest()
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
    this.#disarm()
    await this.#running
  }

  /** As `stop`, but the scrape in flight is given up and leaves nothing: for the end of the process. */
  async abort(): Promise<void> {
    this.#isAborting = true
    this.#giveUpRequest()
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
    this.memory.histograms.end(cache, missedMs, (labels) => this.#options.sink.refOf(labels))
    for (const labels of reportLabels ?? []) cache.appendStale(this.#options.sink.refOf(labels), missedMs)
    try {
      await cache.commitFailed(missedMs, { discardOutOfOrder: true })
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

  #arm(slotMs: number): void {
    if (!this.#isStopping) this.#disarm = this.#options.clock.at(slotMs, (nowMs) => this.#tick(slotMs, nowMs))
  }

  #tick(slotMs: number, nowMs: number): void {
    const { intervalMs } = this.target
    // Only a timer cut to its maximum, or a clock set back, is this early.
    if (slotMs - nowMs > Math.min(intervalMs / 2, 10)) return this.#arm(slotMs - nowMs > intervalMs * 2 ? slotAfter(nowMs, this.#grid) : slotMs)
    const timestampMs = alignedTimeMs(nowMs, slotMs, intervalMs, this.#options.timestampToleranceMs)
    this.#running = this.#scrape(timestampMs).then(() => {
      this.memory.lastSlotMs = slotMs
      this.#running = undefined
      this.#arm(followingSlot(slotMs, Date.now(), this.#grid))
    })
  }

  async #scrape(timestampMs: number): Promise<void> {
    const startedMs = performance.now()
    if (this.#lastStartedMs !== undefined) {
      this.#observeInterval ??= this.#options.metrics.intervalLength.create({ interval: formatDurationMs(this.target.intervalMs) })
      this.#observeInterval((startedMs - this.#lastStartedMs) / 1000)
    }
    this.#lastStartedMs = startedMs

    const result = await this.#fetch(timestampMs)
    const { cache } = this.memory
    if (this.#isAborting) return cache.rollback()
    const durationSeconds = (performance.now() - startedMs) / 1000
    this.memory.lastScrapeMs = timestampMs
    this.memory.lastDurationSeconds = durationSeconds
    this.memory.lastError = result.error?.message ?? ''
    this.memory.health = result.error === undefined ? 'up' : 'down'
    if (result.error !== undefined) {
      this.#logFailure(result.error)
      cache.rollback()
    }
    const refOf = (labels: Labels) => this.#options.sink.refOf(labels)
    if (result.error === undefined) this.memory.histograms.succeed(cache, timestampMs, refOf)
    else this.memory.histograms.end(cache, timestampMs, refOf)
    this.#appendReport(timestampMs, durationSeconds, result)
    const hasSamples = result.error === undefined && !result.isEmpty
    try {
      const options = { mayWait: this.target.intervalMs >= minGatheredIntervalMs }
      if (hasSamples && result.starts.length > 0) await this.#options.sink.appendStarts(result.starts)
      this.#count(await (hasSamples ? cache.commit(options) : cache.commitFailed(timestampMs, options)))
      if (hasSamples) this.#appendExemplars(result.exemplars)
    } catch (error) {
      if (errorText(error).startsWith('bug:')) throw error
      if (error instanceof StorageUnavailableError) {
        // Storage itself says once when this begins and ends; the samples are lost, the next scrape brings new ones.
        this.#options.metrics.unavailable.inc()
        this.memory.lastError = `the scrape was not stored: ${error.message}`
        return
      }
      this.#options.logger.error('Scrape commit failed', { target: this.target.url, err: errorText(error) })
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

  /** Requests and parses; what is parsed is staged in the cache, unless there was an error. */
  #fetch(timestampMs: number): Promise<Scraped> {
    return new Promise((resolve, reject) => {
      const error = this.#forcedError
      if (error !== undefined) return resolve({ ...nothingScraped, error })
      this.#giveUpRequest = this.#request.send({
        answered: (answer) => void this.#read(answer, timestampMs).then(resolve, reject),
        failed: (error) => resolve(this.#failed({ ...nothingScraped }, error)),
      })
    })
  }

  /** The body of the answer is used only until this returns its promise. */
  async #read(answer: HttpAnswer, timestampMs: number): Promise<Scraped> {
    const result = { ...nothingScraped }
    if (answer.status !== 200) return this.#failed(result, new Error(`server returned HTTP status ${answer.statusLine}`))
    result.bodyBytes = answer.body.length
    // An empty body needs no type: it is a target that shows nothing.
    result.isEmpty = answer.body.length === 0
    if (result.isEmpty) return result
    try {
      await this.#parse(answer, timestampMs, result)
      return result
    } catch (error) {
      if (!(error instanceof Error) || error.message.startsWith('bug:')) throw error
      return this.#failed(result, error)
    }
  }

  #failed(result: Scraped, error: Error): Scraped {
    result.error = error
    if (error instanceof HttpRequestError && error.reason === 'bodyTooLarge') {
      result.bodyBytes = -1
      this.#options.metrics.exceededBodySizeLimit.inc()
    }
    if (error instanceof SampleLabelsError && error.isLabelLimit) this.#options.metrics.exceededLabelLimits.inc()
    if (error instanceof BodyError) {
      result.scraped = error.samplesBefore
      result.kept = error.keptBefore
    }
    return result
  }

  #formatOf(answer: HttpAnswer): BodyFormat {
    const type = answer.headers['content-type'] ?? ''
    let format = this.#formats.get(type)
    if (format === undefined) {
      format = bodyFormat(type, this.#options.job.config.fallbackScrapeProtocol)
      // A target knows a few types; one that makes up a new one each time must not fill the memory.
      if (this.#formats.size < 16) this.#formats.set(type, format)
    }
    return format
  }

  async #parse(answer: HttpAnswer, timestampMs: number, result: Scraped): Promise<void> {
    const { config } = this.#options.job
    const { cache, metadata, openMetrics } = this.memory
    const format = this.#formatOf(answer)
    const read = this.#readBody(answer.body, format)
    const { text, histograms, exemplars, created } = read instanceof Promise ? await read : read
    const { honorTimestamps, trackTimestampsStaleness } = config
    const resolve = (series: UnknownSeries) => this.#resolve(series, format === 'openMetrics')
    const parsed = await cache.parse(text, timestampMs, { honorTimestamps, trackTimestampsStaleness }, resolve)
    result.scraped = parsed.sampleCount
    result.kept = parsed.keptCount
    result.added = parsed.addedCount
    this.#stageHistograms(histograms, timestampMs, result)
    if (config.sampleLimit > 0 && result.kept > config.sampleLimit) {
      this.#options.metrics.exceededSampleLimit.inc()
      throw new Error('sample limit exceeded')
    }
    if (format === 'openMetrics') metadata.update(openMetrics.changedMetadata())
    else metadata.update(parsed.metadataChanged ? parsed.metadata() : undefined)
    result.exemplars = this.memory.exemplars.changed(exemplars, timestampMs, ({ series, familyType }) =>
      this.#resolve({ bytes: Buffer.from(series, 'latin1'), familyType, line: 1 }, format === 'openMetrics'),
    )
    result.starts = this.memory.createdTimes.changed(created, timestampMs).flatMap(({ series, familyType, createdMs, histogram }) => {
      const labels = this.#labelsOf({ bytes: Buffer.from(series, 'latin1'), familyType, line: 1 }, format === 'openMetrics' && histogram === undefined)
      return labels === undefined ? [] : [{ labels, timestampMs: createdMs, histogram: histogram && checkedHistogram(histogram) }]
    })
  }

  /**
   * Whatever the format, as a body in the text format with what that cannot say beside it. Of what is given at once the text
   * may be the body itself; a conversion that lets other work have its turn works on a copy.
   */
  #readBody(body: Uint8Array, format: BodyFormat): ProtobufBody | Promise<ProtobufBody> {
    const { histograms: settings } = this.target
    const { takesCreated } = this.#options.job
    if (format === 'protobuf') return readProtobufBody(body, { ...settings, takesCreated })
    const { openMetrics } = this.memory
    const isOpenMetrics = format === 'openMetrics'
    const text = isOpenMetrics ? openMetrics.toText(body) : body
    const exemplars = isOpenMetrics ? openMetrics.exemplars : []
    const takesTimes = isOpenMetrics && takesCreated
    if (!takesTimes && !settings.convertsClassic) return { text, histograms: [], exemplars, created: [] }
    return this.#convert(text === body ? copyOfLines(body) : text, exemplars, { isOpenMetrics, takesTimes })
  }

  /** Takes the times of creation out of a body in the text format, and makes native histograms of classic ones, as the job says. */
  async #convert(plain: Uint8Array, exemplars: ProtobufBody['exemplars'], { isOpenMetrics, takesTimes }: { readonly isOpenMetrics: boolean; readonly takesTimes: boolean }): Promise<ProtobufBody> {
    const { histograms: settings } = this.target
    const { classicHistograms, createdSeries } = this.memory
    const { text, created } = takesTimes ? await createdSeries.take(plain) : { text: plain, created: [] }
    if (!settings.convertsClassic) return { text, histograms: [], exemplars, created }
    const converted = await classicHistograms.convert(text, { isOpenMetrics, keepsClassic: settings.keepsClassic })
    const ofBoth = exemplars.flatMap((line) => {
      const histogram = classicHistograms.histogramOf(line.series)
      if (histogram === undefined) return [line]
      return settings.keepsClassic ? [line, { ...line, histogram }] : [{ ...line, histogram }]
    })
    return { ...converted, exemplars: ofBoth, created: classicHistograms.createdOf(created, converted, settings.keepsClassic) }
  }

  #stageHistograms(histograms: ProtobufBody['histograms'], timestampMs: number, result: Scraped): void {
    const { job, sink, metrics } = this.#options
    const { config } = job
    try {
      const { kept, added } = this.memory.histograms.stage(histograms, this.memory.cache, {
        timestampMs,
        honorTimestamps: config.honorTimestamps,
        trackTimestampsStaleness: config.trackTimestampsStaleness,
        bucketLimit: config.nativeHistogramBucketLimit,
        minBucketFactor: config.nativeHistogramMinBucketFactor,
        resolve: (series) => sampleLabels(parseSeries(series, '', 1), this.target.labels, config, job.metricRules),
        refOf: (labels) => sink.refOf(labels),
      })
      result.scraped += histograms.length
      result.kept += kept
      result.added += added
    } catch (error) {
      if (error instanceof BucketLimitError) metrics.exceededBucketLimit.inc()
      throw error
    }
  }

  /** The ref of a series that the cache has not seen, 0 when it is not to be stored. */
  #resolve(series: Pick<UnknownSeries, 'bytes' | 'familyType' | 'line'>, isOpenMetrics: boolean): number {
    const labels = this.#labelsOf(series, isOpenMetrics)
    if (labels === undefined) return 0
    const ref = this.#options.sink.refOf(labels)
    return ref === 0 ? refusedSeries : ref
  }

  /** What the series is stored under; undefined when relabelling drops it. */
  #labelsOf(series: Pick<UnknownSeries, 'bytes' | 'familyType' | 'line'>, isOpenMetrics: boolean): Labels | undefined {
    const { config, metricRules } = this.#options.job
    const parse = isOpenMetrics ? parseOpenMetricsSeries : parseSeries
    return sampleLabels(parse(series.bytes, series.familyType, series.line), this.target.labels, config, metricRules)
  }

  #appendExemplars(exemplars: readonly FoundExemplar[]): void {
    const { sink, metrics, logger } = this.#options
    let outOfOrder = 0
    for (const { ref, exemplar, isOfHistogram } of exemplars) if (sink.appendExemplar(ref, exemplar) === 'outOfOrder' && !isOfHistogram) outOfOrder++
    if (outOfOrder === 0) return
    metrics.exemplarOutOfOrder.inc({}, outOfOrder)
    logger.warn('Error on ingesting out-of-order exemplars', { target: this.target.url, num_dropped: outOfOrder })
  }

  #appendReport(timestampMs: number, durationSeconds: number, { scraped, kept, added, bodyBytes, error }: Scraped): void {
    const { config } = this.#options.job
    const values = [error === undefined ? 1 : 0, durationSeconds, scraped, kept, added]
    if (config.extraScrapeMetrics) values.push(this.target.timeoutMs / 1000, config.sampleLimit, bodyBytes)
    const { cache } = this.memory
    this.memory.reportLabels ??= reportNames.slice(0, values.length).map((name) => this.#reportLabels(name))
    this.memory.reportLabels.forEach((labels, i) => cache.append(this.#options.sink.refOf(labels), timestampMs, values[i] ?? 0))
  }

  #reportLabels(name: string): Labels {
    return labelsFrom({ ...labelsToObject(this.target.labels), [metricNameLabel]: name })
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

/** The last line gets the line feed that it may do without. */
function copyOfLines(body: Uint8Array): Buffer {
  return body.at(-1) === lineFeed ? Buffer.from(body) : Buffer.concat([body, Uint8Array.of(lineFeed)])
}

const lineFeed = 10

const reportNames = [
  'up', 'scrape_duration_seconds', 'scrape_samples_scraped', 'scrape_samples_post_metric_relabeling', 'scrape_series_added',
  'scrape_timeout_seconds', 'scrape_sample_limit', 'scrape_body_size_bytes',
]

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
