// --enable-feature=st-synthesis: when the counters of one target began that do not say so, as far as scrapes tell. A counter that the
// whole scrape before did not show has begun since; one whose value is smaller than before has begun again since it was last
// seen. Of what the first scrape shows nothing is known. Native histograms are left out: targets that have them say when they began.

import { labelValue, metricNameLabel, type Labels } from '../../../storage/model/labels.ts'
import { keptFactor } from '../../exposition/text/seriesMemo.ts'
import type { ScrapeCache } from './scrapeCache.ts'

type Counter = { startMs: number | undefined; value: number; timestampMs: number }

export class SynthesizedStarts {
  readonly #counters = new Map<number, Counter>()
  /** When all of the target was seen; `undefined` while it has never been. */
  #seenMs: number | undefined
  #isComplete = true

  /** A series that the scrapes before did not show. */
  found(ref: number, familyType: string, labels: Labels): void {
    if (isCounted(familyType, labels)) this.#counters.set(ref, { startMs: this.#isComplete ? this.#seenMs : undefined, value: NaN, timestampMs: 0 })
  }

  /** A series may not be stored for now: one that is found later has perhaps been there before. */
  refused(): void {
    this.#isComplete = false
  }

  /** Notes the starts of the samples that the cache has staged of a whole scrape, but for those of `told`. */
  note(cache: Pick<ScrapeCache, 'eachStaged' | 'noteStarts'>, scrapeMs: number, told: ReadonlySet<number>): void {
    const starts: { ref: number; startMs: number }[] = []
    let seen = 0
    cache.eachStaged((ref, timestampMs, value) => {
      const counter = this.#counters.get(ref)
      if (counter === undefined || value !== value) return
      seen++
      if (value < counter.value) counter.startMs = counter.timestampMs
      counter.value = value
      counter.timestampMs = timestampMs
      if (counter.startMs !== undefined && !told.has(ref)) starts.push({ ref, startMs: counter.startMs })
    })
    cache.noteStarts(starts)
    this.#seenMs = scrapeMs
    if (this.#counters.size > keptFactor * seen) this.#forget(scrapeMs)
  }

  /** What is not shown any more is found anew when it comes back. */
  #forget(scrapeMs: number): void {
    for (const [ref, { timestampMs }] of this.#counters) if (timestampMs !== scrapeMs) this.#counters.delete(ref)
  }
}

/** Quantiles are not counted. */
function isCounted(familyType: string, labels: Labels): boolean {
  if (familyType === 'summary') return /_(?:sum|count)$/.test(labelValue(labels, metricNameLabel)) && labelValue(labels, 'quantile') === ''
  return familyType === 'counter' || familyType === 'histogram'
}
