// What is known of a target from scrape to scrape; handed from loop to loop when a job is reloaded.

import type { Labels } from '../../../storage/model/labels.ts'
import { ClassicHistograms } from '../../exposition/classicHistograms.ts'
import { type CreatedLabels, CreatedSeries, CreatedTimes } from '../../exposition/metadata/createdTimes.ts'
import { TargetExemplars } from '../../exposition/metadata/scrapeExemplars.ts'
import { TargetMetadata } from '../../exposition/metadata/targetMetadata.ts'
import { OpenMetricsReader } from '../../exposition/openMetrics.ts'
import type { ScrapeCache } from './scrapeCache.ts'
import type { ScrapeSink } from './scrapeSink.ts'
import { ScrapedHistograms } from './scrapedHistograms.ts'
import type { SynthesizedStarts } from './synthesizedStarts.ts'

export type TargetMemory = {
  readonly cache: ScrapeCache
  readonly metadata: TargetMetadata
  readonly openMetrics: OpenMetricsReader
  readonly exemplars: TargetExemplars
  readonly histograms: ScrapedHistograms
  readonly classicHistograms: ClassicHistograms
  readonly createdSeries: CreatedSeries
  readonly createdTimes: CreatedTimes
  /** Only with the feature `st-storage`, and the next only with `st-synthesis`. */
  createdLabels: CreatedLabels | undefined
  synthesizedStarts: SynthesizedStarts | undefined
  /** Labels and not refs: storage removes series that have had no samples for long. */
  reportLabels: readonly Labels[] | undefined
  /** The slot of the last scrape. */
  lastSlotMs: number | undefined
  lastError: string
  lastScrapeMs: number
  lastDurationSeconds: number
  health: 'up' | 'down' | 'unknown'
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
    createdLabels: undefined,
    synthesizedStarts: undefined,
    reportLabels: undefined,
    lastSlotMs: undefined,
    lastError: '',
    lastScrapeMs: 0,
    lastDurationSeconds: 0,
    health: 'unknown',
  }
}
