// The samples of one series for a query, from wherever they lie: of equal times the one that was written last wins.

import { errorText } from '../../src/base/assert.ts'
import type { Pointer } from '../../src/kernels/kernels.ts'
import type { HeadReader } from '../head/headReader.ts'
import type { SampleColumns, TimeRange } from '../model/sample.ts'
import type { Entries } from '../partitions/buckets.ts'
import type { BucketReader } from './bucketReader.ts'
import type { ChunkCache, ChunkProblem } from './chunkCache.ts'
import type { HiddenSamples } from './hiddenSamples.ts'
import { NotInMemory } from './notInMemory.ts'
import type { StoredPartition } from './openPartitions.ts'

/** What a reader found damaged and left out. */
export type DamageReport = { readonly file: string; readonly reason: string; readonly isWholeFile: boolean }

/** What the samples of a series are read from. */
export type ReadDeps = {
  readonly head: HeadReader
  readonly chunks: Pick<ChunkCache, 'entry'>
  readonly hidden: Pick<HiddenSamples, 'without' | 'rangesOf' | 'isEmpty'>
  readonly buckets: BucketReader
  readonly onDamage: (report: DamageReport) => void
}

/** Disk in order, memory in order, disk out of order (oldest flush first), memory out of order: of equal times the last one wins. */
export function readSeries(deps: ReadDeps, open: readonly StoredPartition[], ref: number, range: TimeRange): SampleColumns {
  const { head } = deps
  const inMemoryFromMs = head.begin(ref, range)
  // Disk in order may only be left out where no late samples can be.
  const partitions = inMemoryFromMs <= range.minTimeMs ? open.filter((partition) => partition.hasOutOfOrder) : open
  for (const partition of partitions) addStored(deps, partition, { ref, isOutOfOrder: false, beforeMs: inMemoryFromMs })
  head.addHeadInOrder()
  for (const partition of partitions) if (partition.hasOutOfOrder) addStored(deps, partition, { ref, isOutOfOrder: true, beforeMs: Infinity })
  head.addHeadOutOfOrder()
  return deps.hidden.without(ref, head.end())
}

export function readEntries(deps: ReadDeps, open: readonly StoredPartition[], ref: number, range: TimeRange): Entries | undefined {
  return deps.buckets.entries(ref, () => deps.head.attachHistograms(readSeries(deps, open, ref, range)), open.map(({ reader }) => reader), deps.hidden.rangesOf(ref))
}

function addStored(deps: ReadDeps, partition: StoredPartition, chosen: { readonly ref: number; readonly isOutOfOrder: boolean; readonly beforeMs: number }): void {
  const { head, chunks, onDamage } = deps
  const { ref, isOutOfOrder, beforeMs } = chosen
  try {
    const entry = chunks.entry(partition, ref, reporterOf(deps, partition))
    if (entry === undefined || (isOutOfOrder && !entry.hasOutOfOrder)) return
    if (!head.addStored(entry.pointer, isOutOfOrder, beforeMs)) throw new Error(`bug: a chunk of series ${ref} was good when it was read`)
  } catch (error) {
    if (error instanceof NotInMemory) throw error
    onDamage({ file: partition.reader.path, reason: errorText(error), isWholeFile: true })
  }
}

function reporterOf({ onDamage }: ReadDeps, partition: StoredPartition): ChunkProblem {
  return (row, reason) => onDamage({ file: partition.reader.path, reason: `chunk of series ${row.ref}, slot ${row.slot}: ${reason}`, isWholeFile: false })
}

/** Where what a partition has of a series lies, 0 when that is nothing; `undefined` when it cannot be read, which `addStored` reports. */
export function entryOf(deps: ReadDeps, partition: StoredPartition, ref: number): Pointer | undefined {
  try {
    return deps.chunks.entry(partition, ref, reporterOf(deps, partition))?.pointer ?? 0
  } catch (error) {
    if (error instanceof NotInMemory) throw error
    return undefined
  }
}
