// From an answer to staged samples: format, conversion to text, parsing, relabelling of what is new, limits. The samples go
// through the target's scrape cache, which knows its series by their text; no object is made per sample. A usual answer is
// read at once, without a promise.

import { HttpRequestError } from '../../../src/base/http/httpErrors.ts'
import type { HttpAnswer } from '../../../src/base/http/httpMessage.ts'
import { andThen } from '../../../src/base/steps.ts'
import type { Label, Labels } from '../../../storage/model/labels.ts'
import { CreatedLabels, type CreatedLine } from '../../exposition/metadata/createdTimes.ts'
import type { FoundExemplar } from '../../exposition/metadata/scrapeExemplars.ts'
import { withFamily, type Families } from '../../exposition/metadata/typeAndUnit.ts'
import { checkedHistogram } from '../../exposition/protobuf/histogramMessage.ts'
import { type ProtobufBody, readProtobufBody } from '../../exposition/protobufExposition.ts'
import { parseSeries } from '../../exposition/text/exposition.ts'
import { BodyError } from '../../exposition/text/expositionLexer.ts'
import { parseOpenMetricsSeries } from '../../exposition/text/openMetricsParser.ts'
import type { ScrapeJob } from '../job/scrapeJob.ts'
import type { ScrapeMetrics } from '../job/scrapeMetrics.ts'
import { bodyFormat, type BodyFormat } from '../job/scrapeProtocol.ts'
import type { Target } from '../job/target.ts'
import { SampleLabelsError, sampleLabels } from './sampleLabels.ts'
import { type ParseOptions, refusedSeries, type ScrapeParse, type UnknownSeries } from './scrapeCache.ts'
import type { ScrapeSink, SeriesZero } from './scrapeSink.ts'
import { BucketLimitError } from './scrapedHistograms.ts'
import { SynthesizedStarts } from './synthesizedStarts.ts'
import type { TargetMemory } from './targetMemory.ts'

/** What came of one scrape, before it is committed. */
export type Scraped = {
  scraped: number
  kept: number
  added: number
  /** -1: more than the limit. */
  bodyBytes: number
  isEmpty: boolean
  error: Error | undefined
  exemplars: readonly FoundExemplar[]
  readonly zeros: SeriesZero[]
}

export type ScrapeReaderOptions = {
  readonly target: Target
  readonly job: ScrapeJob
  readonly sink: ScrapeSink
  readonly metrics: ScrapeMetrics
  readonly memory: TargetMemory
}

/** A series of a body that is not known yet. */
type NewSeries = Pick<UnknownSeries, 'bytes' | 'familyType' | 'line'>

export class ScrapeReader {
  readonly #options: ScrapeReaderOptions
  readonly #parseOptions: ParseOptions
  readonly #formats = new Map<string, BodyFormat>()
  /** What the body says of its metrics, when its lines do not say it. */
  #families: Families | undefined
  readonly #resolveText = (series: NewSeries) => this.#resolveNew(series, false)
  readonly #resolveOpenMetrics = (series: NewSeries) => this.#resolveNew(series, true)

  constructor(options: ScrapeReaderOptions) {
    this.#options = options
    const { honorTimestamps, trackTimestampsStaleness } = options.job.config
    this.#parseOptions = { honorTimestamps, trackTimestampsStaleness }
    if (options.job.created.isSynthesized === true) options.memory.synthesizedStarts ??= new SynthesizedStarts()
  }

  /** Stages the samples of an answer in the target's cache, unless there is an error in it. The body is not used any more when this returns. */
  read(answer: HttpAnswer, timestampMs: number): Scraped | Promise<Scraped> {
    const result = nothingScraped()
    if (answer.status !== 200) return this.#fail(result, new Error(`server returned HTTP status ${answer.statusLine}`))
    result.bodyBytes = answer.body.length
    // An empty body needs no type: it is a target that shows nothing.
    result.isEmpty = answer.body.length === 0
    if (result.isEmpty) return result
    const refuse = (error: unknown) => {
      if (!(error instanceof Error) || error.message.startsWith('bug:')) throw error
      return this.#fail(result, error)
    }
    try {
      const read = this.#readBody(answer, timestampMs, result)
      return read instanceof Promise ? read.catch(refuse) : read
    } catch (error) {
      return refuse(error)
    }
  }

  /** There is no answer that could be read. */
  failed(error: Error): Scraped {
    return this.#fail(nothingScraped(), error)
  }

  #fail(result: Scraped, error: Error): Scraped {
    const { metrics } = this.#options
    result.error = error
    if (error instanceof HttpRequestError && error.reason === 'bodyTooLarge') {
      result.bodyBytes = -1
      metrics.exceededBodySizeLimit.inc()
    }
    if (error instanceof SampleLabelsError && error.isLabelLimit) metrics.exceededLabelLimits.inc()
    if (error instanceof BodyError) {
      result.scraped = error.samplesBefore
      result.kept = error.keptBefore
    }
    return result
  }

  #readBody(answer: HttpAnswer, timestampMs: number, result: Scraped): Scraped | Promise<Scraped> {
    const format = this.#formatOf(answer)
    const { cache } = this.#options.memory
    const resolve = format === 'openMetrics' ? this.#resolveOpenMetrics : this.#resolveText
    return andThen(this.#textOf(answer.body, format), (body) => {
      this.#families = body.families
      return andThen(cache.parse(body.text, timestampMs, this.#parseOptions, resolve), (parsed) => this.#finish({ body, parsed, format, timestampMs }, result))
    })
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

  /**
   * Whatever the format, as a body in the text format with what that cannot say beside it. Of what is given at once the text
   * may be the body itself; a conversion that lets other work have its turn works on a copy.
   */
  #textOf(body: Uint8Array, format: BodyFormat): ProtobufBody | Promise<ProtobufBody> {
    const { histograms: settings } = this.#options.target
    const { created, addsTypeAndUnit } = this.#options.job
    const takesCreated = created.becomesZero === true || created.becomesStart === true
    if (format === 'protobuf') return readProtobufBody(body, { ...settings, takesCreated, takesFamilies: addsTypeAndUnit })
    const { openMetrics } = this.#options.memory
    const isOpenMetrics = format === 'openMetrics'
    const text = isOpenMetrics ? openMetrics.toText(body) : body
    const exemplars = isOpenMetrics ? openMetrics.exemplars : []
    const takesTimes = isOpenMetrics && takesCreated
    const families = isOpenMetrics && addsTypeAndUnit ? openMetrics.families() : undefined
    if (!takesTimes && !settings.convertsClassic) return { text, histograms: [], exemplars, created: [], families }
    return this.#convert(text === body ? copyOfLines(body) : text, exemplars, { isOpenMetrics, takesTimes }).then((converted) => ({ ...converted, families }))
  }

  /** Takes the times of creation out of a body in the text format, and makes native histograms of classic ones, as the job says. */
  async #convert(plain: Uint8Array, exemplars: ProtobufBody['exemplars'], { isOpenMetrics, takesTimes }: { readonly isOpenMetrics: boolean; readonly takesTimes: boolean }): Promise<ProtobufBody> {
    const { histograms: settings } = this.#options.target
    const { classicHistograms, createdSeries } = this.#options.memory
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

  /** The numbers are staged: what else is in the body, and whether it is too much. */
  #finish({ body, parsed, format, timestampMs }: { readonly body: ProtobufBody; readonly parsed: ScrapeParse; readonly format: BodyFormat; readonly timestampMs: number }, result: Scraped): Scraped {
    const { job, metrics, memory } = this.#options
    const { sampleLimit } = job.config
    const isOpenMetrics = format === 'openMetrics'
    result.scraped = parsed.sampleCount
    result.kept = parsed.keptCount
    result.added = parsed.addedCount
    this.#stageHistograms(body.histograms, timestampMs, result)
    if (sampleLimit > 0 && result.kept > sampleLimit) {
      metrics.exceededSampleLimit.inc()
      throw new Error('sample limit exceeded')
    }
    memory.metadata.update(isOpenMetrics ? memory.openMetrics.changedMetadata() : parsed.metadata)
    result.exemplars = memory.exemplars.changed(body.exemplars, timestampMs, ({ series, familyType }) => this.#resolve(writtenSeries(series, familyType), isOpenMetrics))
    this.#useCreated(body.created, { timestampMs, isOpenMetrics }, result)
    return result
  }

  #useCreated(lines: ProtobufBody['created'], { timestampMs, isOpenMetrics }: { readonly timestampMs: number; readonly isOpenMetrics: boolean }, result: Scraped): void {
    const { job, sink, memory } = this.#options
    const resolve = ({ series, familyType, histogram }: CreatedLine) => this.#labelsOf(writtenSeries(series, familyType), isOpenMetrics && histogram === undefined)
    if (job.created.becomesZero === true) {
      for (const line of memory.createdTimes.changed(lines, timestampMs)) {
        const labels = resolve(line)
        if (labels !== undefined) result.zeros.push({ labels, timestampMs: line.createdMs, histogram: line.histogram && checkedHistogram(line.histogram) })
      }
    }
    if (job.created.becomesStart !== true) return
    const starts = (memory.createdLabels ??= new CreatedLabels()).of(lines, resolve).map(({ labels, createdMs }) => ({ ref: sink.refOf(labels), startMs: createdMs }))
    memory.cache.noteStarts(starts)
    memory.synthesizedStarts?.note(memory.cache, timestampMs, new Set(starts.map(({ ref }) => ref)))
  }

  #stageHistograms(histograms: ProtobufBody['histograms'], timestampMs: number, result: Scraped): void {
    const { job, sink, metrics, memory } = this.#options
    const { config } = job
    if (histograms.length === 0 && memory.histograms.isEmpty) return
    try {
      const { kept, added } = memory.histograms.stage(histograms, memory.cache, {
        timestampMs,
        honorTimestamps: config.honorTimestamps,
        trackTimestampsStaleness: config.trackTimestampsStaleness,
        bucketLimit: config.nativeHistogramBucketLimit,
        minBucketFactor: config.nativeHistogramMinBucketFactor,
        resolve: (series) => this.#storedLabels(parseSeries(series, '', 1), 'histogram'),
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

  /** The ref of a series, 0 when it is not to be stored. */
  #resolve(series: NewSeries, isOpenMetrics: boolean): number {
    const labels = this.#labelsOf(series, isOpenMetrics)
    return labels === undefined ? 0 : this.#refOf(labels)
  }

  /** The same of one that the cache has not seen. */
  #resolveNew(series: NewSeries, isOpenMetrics: boolean): number {
    const { synthesizedStarts } = this.#options.memory
    const labels = this.#labelsOf(series, isOpenMetrics)
    if (labels === undefined) return 0
    const ref = this.#refOf(labels)
    if (ref === refusedSeries) synthesizedStarts?.refused()
    else synthesizedStarts?.found(ref, series.familyType, labels)
    return ref
  }

  #refOf(labels: Labels): number {
    const ref = this.#options.sink.refOf(labels)
    return ref === 0 ? refusedSeries : ref
  }

  /** What the series is stored under; undefined when relabelling drops it. */
  #labelsOf(series: NewSeries, isOpenMetrics: boolean): Labels | undefined {
    const parse = isOpenMetrics ? parseOpenMetricsSeries : parseSeries
    return this.#storedLabels(parse(series.bytes, series.familyType, series.line), series.familyType)
  }

  #storedLabels(exposed: readonly Label[], familyType: string): Labels | undefined {
    const { job, target } = this.#options
    return sampleLabels(job.addsTypeAndUnit ? withFamily(exposed, this.#families, familyType) : exposed, target.labels, job.config, job.metricRules)
  }
}

function nothingScraped(): Scraped {
  return { scraped: 0, kept: 0, added: 0, bodyBytes: 0, isEmpty: false, error: undefined, exemplars: [], zeros: [] }
}

/** The last line gets the line feed that it may do without. */
function copyOfLines(body: Uint8Array): Buffer {
  return body.at(-1) === lineFeed ? Buffer.from(body) : Buffer.concat([body, Uint8Array.of(lineFeed)])
}

const lineFeed = 10

/** `series` has one character per byte. */
function writtenSeries(series: string, familyType: string): NewSeries {
  return { bytes: Buffer.from(series, 'latin1'), familyType, line: 1 }
}
