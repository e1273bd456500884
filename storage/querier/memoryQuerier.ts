// A querier of the samples in memory alone, and of chunks that were lent, for the main thread, which must not touch the disk:
// whatever else it would need from there ends the query with `NotInMemory`, and a query worker takes over. What makes memory
// enough is said by the workers, who see the disk.

import { openHeadReader } from '../head/headReader.ts'
import type { Matcher } from '../model/matcher.ts'
import type { TimeRange } from '../model/sample.ts'
import { ChunkCache } from './chunkCache.ts'
import { BorrowedPartitions, type LentChunks } from './lentChunks.ts'
import { NotInMemory } from './notInMemory.ts'
import { createQuerier, type Querier } from './querier.ts'
import { newerView, type DiskView } from './diskView.ts'
import type { QuerierInit } from './querierSource.ts'

/** Chunks that were lent. */
const keptChunkBytes = 8 * 1024 * 1024

export type MemoryQuerierSource = {
  /** Whether it is known what lies on disk, and a querier is made quickly; otherwise there is none. */
  isUsable(): boolean
  /** Always the same object. Close it before it is asked for again. */
  querier(): Querier
  /** Another number whenever series come or go. */
  indexVersion(): number
  /** Another number whenever what was read of chunks before is not good any more. */
  entriesVersion(): number
  /** How many series a selector has to look at; Infinity when that takes a search. */
  candidates(matchers: readonly Matcher[]): number
  /** How many of them it selects. */
  seriesCount(matchers: readonly Matcher[]): number
  /** How many values the label has. */
  valueCount(name: string): number
  /** The newest view counts. */
  learn(view: DiskView): void
  /** Chunks of another generation than the view's are of no use. */
  borrow(lent: LentChunks): void
  close(): void
}

export function openMemoryQuerierSource(init: QuerierInit): MemoryQuerierSource {
  const head = openHeadReader(init.head)
  const generation = new Int32Array(init.partitionsGeneration)
  const chunks = new ChunkCache(head.kernels, keptChunkBytes)
  let view: DiskView | undefined
  let partitions = new BorrowedPartitions(-1, [])
  const beyond = (): never => {
    throw new NotInMemory()
  }
  const deps = {
    head,
    partitions: {
      overlapping: (range: TimeRange) => (view !== undefined && range.minTimeMs >= view.plainFromMs ? partitions.overlapping(range) : beyond()),
      endSnapshots() {},
    },
    chunks,
    lists: chunks,
    lifetimes: { overlaps: beyond },
    hidden: { without: <Columns>(_: number, columns: Columns) => columns, rangesOf: () => [], isEmpty: () => true },
    buckets: { entries: beyond },
    onDamage: beyond,
  }
  const querier = createQuerier(deps)
  return {
    isUsable: () => view !== undefined && view.generation === Atomics.load(generation, 0),
    querier() {
      head.pin()
      return querier
    },
    indexVersion: () => head.indexVersion(),
    entriesVersion: () => chunks.version,
    candidates: (matchers) => head.candidates(matchers),
    seriesCount(matchers) {
      head.pin()
      const { length } = head.select(matchers)
      head.unpin()
      return length
    },
    valueCount: (name) => head.valueCount(name),
    learn(told) {
      if (newerView(view, told) === view) return
      view = told
      partitions = new BorrowedPartitions(told.generation, told.startsMs)
      chunks.clear()
    },
    borrow: (lent) => partitions.borrow(lent),
    close() {
      view = undefined
      chunks.close()
      head.close()
    },
  }
}
