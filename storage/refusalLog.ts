// Tells of series that a limit refuses: one log line per job and minute, and a counter by job.

import type { Logger } from '../src/base/log.ts'
import type { MetricRegistry } from '../src/base/selfMetrics.ts'
import type { Head } from './head/head.ts'

const everyMs = 60_000

export class RefusalLog {
  readonly #head: Head
  readonly #logger: Logger
  readonly #told = new Map<string, { readonly count: number; readonly atMs: number }>()

  constructor(head: Head, options: { readonly logger: Logger; readonly registry: MetricRegistry }) {
    this.#head = head
    this.#logger = options.logger
    options.registry.sampled(
      'solowatch_storage_refused_series_total',
      'Attempts to add a series that --storage.max-series, --storage.max-series-per-job, the memory or its number of labels forbade.',
      'counter',
      () => head.refusals().map(({ job, count }) => ({ labels: { job }, value: count })),
    )
  }

  /** Called once a second or so. */
  tell(nowMs: number): void {
    for (const { job, count } of this.#head.refusals()) {
      const told = this.#told.get(job)
      if (told !== undefined && (count === told.count || nowMs - told.atMs < everyMs)) continue
      this.#told.set(job, { count, atMs: nowMs })
      this.#logger.warn('New series are refused: a limit is reached; series that are known go on', { job, refused: count, series: this.#head.stats().seriesCount })
    }
  }
}
