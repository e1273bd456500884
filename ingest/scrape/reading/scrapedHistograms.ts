// The native histograms of one target between scrapes: which series they belong to, and which of them have gone and need
// their staleness markers.

import { customSchema, type Buckets, type NativeHistogram } from '../../../storage/model/histogram.ts'
import type { Labels } from '../../../storage/model/labels.ts'
import { checkedHistogram } from '../../exposition/protobuf/histogramMessage.ts'
import type { ExposedHistogram } from '../../exposition/protobufExposition.ts'
import type { ScrapeCache } from './scrapeCache.ts'

export type HistogramScrape = {
  readonly timestampMs: number
  readonly honorTimestamps: boolean
  /** Those with a time of their own get staleness markers, too. */
  readonly trackTimestampsStaleness: boolean
  /** Most buckets of a histogram; 0 is no limit. */
  readonly bucketLimit: number
  /** Least growth from one bucket to the next; 0 is none. */
  readonly minBucketFactor: number
  /** The labels to store a series under, `undefined` when relabelling drops it. */
  resolve(series: Buffer): Labels | undefined
  refOf(labels: Labels): number
}

/** A histogram has more buckets than the limit, whatever its schema. */
export class BucketLimitError extends Error {}

export class ScrapedHistograms {
  /** By series text; refs are looked up each time, as storage removes series that have had no samples for long. */
  #known = new Map<string, Labels | undefined>()
  /** Of the scrape before. */
  #live: readonly Labels[] = []
  #staged: Labels[] = []

  /** Whether neither the scrape before nor the one that is staged has any. */
  get isEmpty(): boolean {
    return this.#known.size === 0 && this.#live.length === 0 && this.#staged.length === 0
  }

  /** Stages the histograms of a body. Throws `HistogramError` and `BucketLimitError`. */
  stage(histograms: readonly ExposedHistogram[], cache: ScrapeCache, scrape: HistogramScrape): { readonly kept: number; readonly added: number } {
    const known = new Map<string, Labels | undefined>()
    this.#staged = []
    let added = 0
    let kept = 0
    for (const { series, histogram, timestampMs } of histograms) {
      const key = series.toString('latin1')
      const isKnown = this.#known.has(key)
      const labels = isKnown ? this.#known.get(key) : scrape.resolve(series)
      known.set(key, labels)
      if (labels === undefined) continue
      const ref = scrape.refOf(labels)
      // A limit on the number of series forbids it.
      if (ref === 0) continue
      kept++
      if (!isKnown) added++
      const isTimed = scrape.honorTimestamps && timestampMs !== undefined
      cache.appendHistogram(ref, isTimed ? timestampMs : scrape.timestampMs, limited(checkedHistogram(histogram), scrape))
      if (!isTimed || scrape.trackTimestampsStaleness) this.#staged.push(labels)
    }
    this.#known = known
    return { kept, added }
  }

  /** The scrape will be stored: stages markers for what was in the one before and is not in this one. */
  succeed(cache: ScrapeCache, timestampMs: number, refOf: (labels: Labels) => number): void {
    if (this.#live.length === 0 && this.#staged.length === 0) return
    const staged = new Set(this.#staged)
    for (const labels of this.#live) if (!staged.has(labels)) cache.appendStale(refOf(labels), timestampMs)
    this.#live = this.#staged
    this.#staged = []
  }

  /** The scrape has failed, or the target has gone: everything gets its marker. */
  end(cache: ScrapeCache, timestampMs: number, refOf: (labels: Labels) => number): void {
    this.#staged = []
    this.succeed(cache, timestampMs, refOf)
  }
}

const coarsestSchema = -4

/** Joins buckets until the histogram keeps the limits. */
function limited(histogram: NativeHistogram, { bucketLimit, minBucketFactor }: Pick<HistogramScrape, 'bucketLimit' | 'minBucketFactor'>): NativeHistogram {
  const isCustom = histogram.schema === customSchema
  let result = histogram
  const isTooFine = () => minBucketFactor > 1 && !isCustom && 2 ** 2 ** -result.schema < minBucketFactor
  while (isTooFine() && result.schema > coarsestSchema) result = coarser(result)
  const isTooLong = () => bucketLimit > 0 && result.positive.indexes.length + result.negative.indexes.length > bucketLimit
  while (isTooLong()) {
    if (isCustom || result.schema === coarsestSchema) throw new BucketLimitError('histogram bucket limit exceeded')
    result = coarser(result)
  }
  return result
}

function coarser(histogram: NativeHistogram): NativeHistogram {
  return { ...histogram, schema: histogram.schema - 1, positive: joined(histogram.positive), negative: joined(histogram.negative) }
}

/** Each two neighbours as one. */
function joined({ indexes, counts }: Buckets): Buckets {
  const sums = new Map<number, number>()
  indexes.forEach((index, k) => {
    const to = ((index - 1) >> 1) + 1
    sums.set(to, (sums.get(to) ?? 0) + (counts[k] ?? 0))
  })
  return { indexes: Int32Array.from(sums.keys()), counts: Float64Array.from(sums.values()) }
}
