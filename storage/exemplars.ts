// Exemplars: for a few samples, which trace or request they came from. A ring of bounded size in the main thread's memory:
// the newest ones are kept, whatever their series. What they are attached to is the series ref; sample values play no part.

import type { MetricRegistry } from '../src/base/selfMetrics.ts'
import { compareLabels, labelsKey, type Labels } from './model/labels.ts'
import type { Matcher } from './model/matcher.ts'
import type { TimeRange } from './model/sample.ts'

export type Exemplar = {
  /** Of the exemplar itself, such as `trace_id`; not those of its series. */
  readonly labels: Labels
  readonly value: number
  readonly timestampMs: number
  /** False when it came without a time and has that of its scrape: then the time does not tell two of them apart. */
  readonly hasTimestamp: boolean
}

/** What became of an exemplar. All but `stored` leave things as they were. */
export type ExemplarOutcome = 'stored' | 'duplicate' | 'outOfOrder' | 'labelsTooLong' | 'unknownSeries' | 'disabled'

export type SeriesExemplars = { readonly seriesLabels: Labels; readonly exemplars: readonly Exemplar[] }

export type ExemplarStoreOptions = {
  /** The most that are kept; 0 or less keeps none. */
  readonly capacity: number
  /** How far an exemplar may lie behind the newest one of its series. */
  readonly outOfOrderWindowMs: number
  /** Without labels when there is no such series. */
  readonly seriesLabels: (ref: number) => Labels
  readonly registry: MetricRegistry
}

/** Characters of all names and values together, as OpenMetrics allows. */
const maxLabelCharacters = 128

/** Matchers that series are held against between two looks at the event loop. */
const matchesPerSlice = 5_000

/** Sorted by time, then value, then labels. */
type Series = { readonly ref: number; readonly labels: Labels; readonly exemplars: Exemplar[] }
type Slot = { readonly series: Series; readonly exemplar: Exemplar }

export class ExemplarStore {
  /** Without labels when there is no such series. */
  readonly seriesLabels: (ref: number) => Labels
  readonly #series = new Map<number, Series>()
  /** `#next` is where the next one goes; when the ring is full, that is the oldest. */
  #ring: Slot[] = []
  #next = 0
  #capacity: number
  #appended = 0
  #outOfOrder = 0
  outOfOrderWindowMs: number

  constructor({ capacity, outOfOrderWindowMs, seriesLabels, registry }: ExemplarStoreOptions) {
    this.#capacity = Math.max(0, capacity)
    this.outOfOrderWindowMs = outOfOrderWindowMs
    this.seriesLabels = seriesLabels
    const counter = (name: string, help: string, sample: () => number) => registry.sampled(`prometheus_tsdb_exemplar_${name}`, help, 'counter', sample)
    const gauge = (name: string, help: string, sample: () => number) => registry.sampled(`prometheus_tsdb_exemplar_${name}`, help, 'gauge', sample)
    counter('exemplars_appended_total', 'Total number of appended exemplars.', () => this.#appended)
    counter('out_of_order_exemplars_total', 'Total number of out of order exemplar ingestion failed attempts.', () => this.#outOfOrder)
    gauge('exemplars_in_storage', 'Number of exemplars currently in circular storage.', () => this.#ring.length)
    gauge('series_with_exemplars_in_storage', 'Number of series with exemplars currently in circular storage.', () => this.#series.size)
    gauge('max_exemplars', 'Total number of exemplars the exemplar storage can store.', () => this.#capacity)
    gauge('last_exemplars_timestamp_seconds', 'The timestamp of the oldest exemplar in circular storage.', () => {
      const oldest = this.#ring[this.#isFull ? this.#next : 0]
      return oldest === undefined ? 0 : oldest.exemplar.timestampMs / 1000
    })
  }

  append(ref: number, exemplar: Exemplar): ExemplarOutcome {
    if (this.#capacity === 0) return 'disabled'
    if (characters(exemplar.labels) > maxLabelCharacters) return 'labelsTooLong'
    const known = this.#series.get(ref)
    const newest = known?.exemplars.at(-1)
    let at = 0
    if (known !== undefined && newest !== undefined) {
      if (isSame(exemplar, newest)) return 'duplicate'
      if (compareExemplars(exemplar, newest) < 0 && exemplar.timestampMs <= newest.timestampMs - this.outOfOrderWindowMs) {
        this.#outOfOrder++
        return 'outOfOrder'
      }
      at = known.exemplars.findLastIndex((one) => compareExemplars(one, exemplar) <= 0) + 1
      const before = known.exemplars[at - 1]
      if (before !== undefined && isSame(exemplar, before)) return 'duplicate'
    }
    const series = known ?? { ref, labels: this.seriesLabels(ref), exemplars: [] }
    if (series.labels.length === 0) return 'unknownSeries'
    this.#series.set(ref, series)
    series.exemplars.splice(at, 0, exemplar)
    this.#put({ series, exemplar })
    this.#appended++
    return 'stored'
  }

  /** All of them, the oldest arrival first. */
  inOrder(): { readonly ref: number; readonly seriesLabels: Labels; readonly exemplar: Exemplar }[] {
    return this.#inOrder().map(({ series, exemplar }) => ({ ref: series.ref, seriesLabels: series.labels, exemplar }))
  }

  /** Keeps the newest ones that fit. */
  resize(capacity: number): void {
    const slots = this.#inOrder()
    this.#capacity = Math.max(0, capacity)
    const kept = this.#capacity === 0 ? [] : slots.slice(-this.#capacity)
    for (const slot of slots.slice(0, slots.length - kept.length)) this.#forget(slot)
    this.#ring = kept
    this.#next = kept.length === this.#capacity ? 0 : kept.length
  }

  /** Of every series that passes one of the matcher sets, those within the range, by time; series sorted by labels. */
  async select(sets: readonly (readonly Matcher[])[], range: TimeRange): Promise<SeriesExemplars[]> {
    const found: SeriesExemplars[] = []
    const matcherCount = sets.reduce((sum, set) => sum + set.length, 0)
    let matched = 0
    for (const { labels, exemplars } of [...this.#series.values()]) {
      if ((matched += matcherCount) > matchesPerSlice) {
        matched = 0
        await new Promise((resolve) => setImmediate(resolve))
      }
      if (!sets.some((set) => matchesAll(labels, set))) continue
      const inRange = exemplars.filter(({ timestampMs }) => timestampMs >= range.minTimeMs && timestampMs <= range.maxTimeMs)
      if (inRange.length > 0) found.push({ seriesLabels: labels, exemplars: inRange })
    }
    return found.sort((a, b) => compareLabels(a.seriesLabels, b.seriesLabels))
  }

  get #isFull(): boolean {
    return this.#ring.length === this.#capacity
  }

  #put(slot: Slot): void {
    const overwritten = this.#ring[this.#next]
    if (overwritten !== undefined) this.#forget(overwritten)
    this.#ring[this.#next] = slot
    this.#next = (this.#next + 1) % this.#capacity
  }

  /** Oldest arrival first. */
  #inOrder(): Slot[] {
    return this.#isFull ? [...this.#ring.slice(this.#next), ...this.#ring.slice(0, this.#next)] : this.#ring
  }

  #forget({ series, exemplar }: Slot): void {
    series.exemplars.splice(series.exemplars.indexOf(exemplar), 1)
    if (series.exemplars.length === 0) this.#series.delete(series.ref)
  }
}

function characters(labels: Labels): number {
  let count = 0
  for (const { name, value } of labels) count += [...name].length + [...value].length
  return count
}

function isSame(a: Exemplar, b: Exemplar): boolean {
  if ((a.hasTimestamp || b.hasTimestamp) && a.timestampMs !== b.timestampMs) return false
  return Object.is(a.value, b.value) && labelsKey(a.labels) === labelsKey(b.labels)
}

function compareExemplars(a: Exemplar, b: Exemplar): number {
  return a.timestampMs - b.timestampMs || a.value - b.value || compareLabels(a.labels, b.labels)
}

function matchesAll(labels: Labels, matchers: readonly Matcher[]): boolean {
  return matchers.every((matcher) => matcher.matches(labels.find(({ name }) => name === matcher.name)?.value ?? ''))
}
