// What a scrape says of itself: `up` and the series scrape_*.

import { type Labels, labelsFrom, labelsToObject, metricNameLabel } from '../../storage/model/labels.ts'
import type { ScrapeConfig } from './job/scrapeConfig.ts'
import type { Target } from './job/target.ts'
import type { Scraped } from './reading/scrapeReader.ts'
import type { ScrapeSink } from './reading/scrapeSink.ts'
import type { TargetMemory } from './reading/targetMemory.ts'

const reportNames = [
  'up', 'scrape_duration_seconds', 'scrape_samples_scraped', 'scrape_samples_post_metric_relabeling', 'scrape_series_added',
  'scrape_timeout_seconds', 'scrape_sample_limit', 'scrape_body_size_bytes',
]

export type ScrapeReportOptions = { readonly target: Target; readonly config: ScrapeConfig; readonly memory: TargetMemory; readonly sink: ScrapeSink }

/** Stages the report of a scrape in the target's cache. */
export function appendReport({ target, config, memory, sink }: ScrapeReportOptions, timestampMs: number, durationSeconds: number, { scraped, kept, added, bodyBytes, error }: Scraped): void {
  const values = [error === undefined ? 1 : 0, durationSeconds, scraped, kept, added]
  if (config.extraScrapeMetrics) values.push(target.timeoutMs / 1000, config.sampleLimit, bodyBytes)
  memory.reportLabels ??= reportNames.slice(0, values.length).map((name) => reportLabels(target, name))
  // Whether a target is up must be seen above all when its job has too many series.
  memory.reportLabels.forEach((labels, i) => memory.cache.append(sink.refOf(labels, true), timestampMs, values[i] ?? 0))
}

function reportLabels(target: Target, name: string): Labels {
  return labelsFrom({ ...labelsToObject(target.labels), [metricNameLabel]: name })
}
