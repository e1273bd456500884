// Where scraped samples go: what the scrape loops need of storage.

import type { Exemplar, ExemplarOutcome } from '../../../storage/exemplars.ts'
import type { NativeHistogram } from '../../../storage/model/histogram.ts'
import type { Labels } from '../../../storage/model/labels.ts'
import type { ScrapeCache } from './scrapeCache.ts'

/** A series counted nothing at some time. */
export type SeriesZero = { readonly labels: Labels; readonly timestampMs: number; readonly histogram: NativeHistogram | undefined }

export type ScrapeSink = {
  createCache(): ScrapeCache
  /** Where answers are best read, if that matters to the caches. */
  readonly readBuffer: Buffer | undefined
  /** The series ref of a label set, made when there is none; 0 when a limit forbids that, which none on their number does when it goes `beyondLimits`. */
  refOf(labels: Labels, beyondLimits?: boolean): number
  appendExemplar(ref: number, exemplar: Exemplar): ExemplarOutcome
  /** Stores what is newer than the series' samples, and resolves when it is stored. */
  appendZeros(zeros: readonly SeriesZero[]): Promise<void>
}
