// A querier of the samples in memory alone, for the main thread, which must not touch the disk: whatever it would need from
// there ends the query with `NotInMemory`, and a query worker takes over. What makes memory enough is said by the workers,
// who see the disk.

import { openHeadReader } from './headReader.ts'
import { createHistogramReader } from './histogramReader.ts'
import type { Matcher } from './matcher.ts'
import { createQuerier, type DiskView, type Querier, type QuerierInit } from './querier.ts'

/** Whenever there are new ones, all series with native histograms are listed anew. */
const maxHistogramOwners = 1_000

/** The samples in memory are not enough. */
export class NotInMemory extends Error {}

export type MemoryQuerierSource = {
  /** Whether it is known what lies on disk, and a querier is made quickly; otherwise there is none. */
  isUsable(): boolean
  /** One at a time: close a querier before the next. */
  querier(): Querier
  /** Another number whenever series come or go. */
  indexVersion(): number
  /** How many series a selector has to look at; Infinity when that takes a search. */
  candidates(matchers: readonly Matcher[]): number
  /** How many values the label has. */
  valueCount(name: string): number
  /** The newest view counts. */
  learn(view: DiskView): void
  close(): void
}

export function openMemoryQuerierSource(init: QuerierInit): MemoryQuerierSource {
  const head = openHeadReader(init.head)
  const histograms = createHistogramReader(head)
  const generation = new Int32Array(init.partitionsGeneration)
  let view: DiskView | undefined
  const beyond = (): never => {
    throw new NotInMemory()
  }
  const deps = {
    head,
    histograms,
    partitions: {
      overlapping: ({ minTimeMs }: { readonly minTimeMs: number }) => (view !== undefined && minTimeMs >= view.plainFromMs ? [] : beyond()),
      endSnapshots() {},
    },
    chunks: { entry: beyond },
    lifetimes: { overlaps: beyond },
    hidden: { without: <Columns>(_: number, columns: Columns) => columns, rangesOf: () => [] },
    buckets: { entries: beyond },
    onBeyondMemory: beyond,
    onDamage: beyond,
  }
  return {
    isUsable: () => view !== undefined && view.generation === Atomics.load(generation, 0) && head.histogramOwnerCount() <= maxHistogramOwners,
    querier() {
      head.pin()
      histograms.refresh()
      return createQuerier(deps)
    },
    indexVersion: () => head.indexVersion(),
    candidates: (matchers) => head.candidates(matchers),
    valueCount: (name) => head.valueCount(name),
    learn(next) {
      if (view === undefined || next.generation > view.generation) view = next
    },
    close() {
      view = undefined
      head.close()
    },
  }
}
