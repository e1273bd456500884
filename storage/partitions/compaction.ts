// Compaction rewrites a closed day into long chunks, densely packed and in series order: a new file beside the old one, a
// few series per step, then one rename. A crash leaves either the old file or both, of which the newer one counts. What was
// deleted or has expired is left out on the way; a day of which nothing is left has no file.

import { renameSync } from 'node:fs'
import { assert, errorText } from '../../src/base/assert.ts'
import { splitChunk, type ChunkRow } from '../files/chunkRow.ts'
import { buildingPath, partitionPath, partitionsDir, removeDatabase, syncDirectory, syncFile, type Partition } from '../files/dataDir.ts'
import type { PartitionMeta, StoredAggregates } from '../files/partitionFile.ts'
import { PartitionReader } from '../files/partitionReader.ts'
import { PartitionWriter, type TimesWithin } from '../files/partitionWriter.ts'
import type { TimeRange } from '../model/sample.ts'
import { DataFileError } from '../model/storageError.ts'
import { notWorthIt } from './buckets.ts'
import { maxChunkSamples, type ChunkCodec } from './chunkCodec.ts'
import { reduceSeries } from './downsampling.ts'

/** Samples merged between two looks at the queue: a few milliseconds. */
const samplesPerStep = 50_000
/** What a series takes by itself, in samples. */
const samplesPerSeries = 50

/** A day is closed this long after its end: late samples of slow scrapes and the head's own copy are gone by then. */
export const closedAfterMs = 3 * 3_600_000

/** Whether a partition is worth rewriting: never compacted, or enough has come since. */
export function needsCompaction(meta: PartitionMeta): boolean {
  return meta.looseChunkCount > 0 && meta.looseChunkCount * 8 >= meta.chunkCount
}

export type Rewrite = {
  /** Samples to leave out: ascending time ranges of a series, if there are any. */
  rangesOf(ref: number): readonly TimeRange[] | undefined
  /** The resolution at which the series is kept from now on; 0: the one it has. */
  resolutionOf(ref: number): number
}

/** Each `next()` is one step. Throws `DataFileError` when the partition is damaged; nothing has changed then. */
export function* compactionSteps(dir: string, partition: Partition, codec: ChunkCodec, rewrite: Rewrite): Generator<void, void> {
  yield* rewriteSteps(dir, partition, codec, { ...rewrite, seriesOf: allSeries })
  removeDatabase(partition.path)
}

/** The chunks of each series, in the order in which they were written. Throws `DataFileError` when there are not as many as were. */
function* allSeries(reader: PartitionReader): Generator<readonly ChunkRow[]> {
  const meta = reader.meta()
  let rows: ChunkRow[] = []
  let chunks = 0
  for (const row of reader.chunksFrom(0)) {
    chunks++
    if (rows[0] !== undefined && rows[0].ref !== row.ref) {
      yield rows
      rows = []
    }
    rows.push(row)
  }
  yield rows
  // Afterwards nobody could tell any more.
  if (meta !== undefined && chunks !== meta.chunkCount) throw new DataFileError(reader.path, `has ${chunks} chunks, ${meta.chunkCount} were written`)
}

/** Writes the next generation of a day, if anything is left of it; the file that it replaces stays. */
export function* rewriteSteps(dir: string, partition: Partition, codec: ChunkCodec, rewrite: Rewrite & { seriesOf(reader: PartitionReader): Iterable<readonly ChunkRow[]> }): Generator<void, void> {
  const target = partitionPath(dir, partition.startMs, partition.generation + 1)
  const building = buildingPath(target)
  removeDatabase(building)
  const reader = new PartitionReader(partition.path, partition.startMs)
  let writer: PartitionWriter | undefined
  try {
    writer = new PartitionWriter({ path: building, startMs: partition.startMs, building: true })
    reader.begin()
    const hasAggregates = (reader.meta()?.aggregateCount ?? 0) > 0
    const bases: TimesBase[] = []
    let samplesInStep = 0
    for (const rows of rewrite.seriesOf(reader)) {
      samplesInStep += samplesPerSeries + rewriteSeries(reader, writer, rows, { codec, rewrite, bases, hasAggregates })
      if (samplesInStep < samplesPerStep) continue
      samplesInStep = 0
      yield
    }
    const isEmpty = writer.chunkCount === 0
    writer.seal()
    writer = undefined
    if (!isEmpty) {
      syncFile(building)
      renameSync(building, target)
      syncDirectory(partitionsDir(dir))
    }
  } finally {
    writer?.rollback()
    reader.close()
    removeDatabase(building)
  }
}

/** Merges what one series has in the day: out-of-order chunks over in-order ones, later over earlier. Returns the samples read. */
function rewriteSeries(
  reader: PartitionReader,
  writer: PartitionWriter,
  rows: readonly ChunkRow[],
  { codec, rewrite, bases, hasAggregates }: { codec: ChunkCodec; rewrite: Rewrite; bases: TimesBase[]; hasAggregates: boolean },
): number {
  const ref = rows[0]?.ref
  if (ref === undefined) return 0
  const removed = rewrite.rangesOf(ref)
  codec.clear()
  let samplesRead = 0
  for (const row of [...rows.filter((one) => !one.isOutOfOrder), ...rows.filter((one) => one.isOutOfOrder)]) {
    const problem = codec.add(row.timesSection, row.valuesSection)
    if (problem !== undefined) throw new DataFileError(reader.path, `chunk of series ${ref}, slot ${row.slot}: ${problem}`)
  }
  samplesRead = codec.count
  codec.merge()
  const stored = hasAggregates ? reader.aggregates(ref) : undefined
  const resolutionMs = Math.max(rewrite.resolutionOf(ref), stored?.resolutionMs ?? 0)
  let aggregates: StoredAggregates | undefined
  // Days with histograms stay as they are.
  const isReduced = resolutionMs > 0 && (!codec.hasHistograms || (stored !== undefined && stored.own.length > 0))
  if (isReduced) {
    aggregates = reduce(codec, reader.path, ref, { resolutionMs, stored, removed: removed ?? [] })
  } else {
    if (removed !== undefined) codec.remove(removed)
    if (resolutionMs > 0) aggregates = { resolutionMs, ...notWorthIt }
  }
  if (aggregates !== undefined && codec.count > 0) writer.addAggregates(ref, aggregates)
  for (let start = 0; start < codec.count; ) {
    const { count, chunk } = codec.encode(start, Math.min(maxChunkSamples, codec.count - start))
    const times = codec.columns().timestampsMs
    const minTimeMs = times[start]
    const maxTimeMs = times[start + count - 1]
    assert(minTimeMs !== undefined && maxTimeMs !== undefined, 'a chunk ends outside the columns')
    const from = start
    const timesWithin = () => findBase(bases, (others) => codec.encodeTimesWithin(from, count, others))
    const added = writer.add({ ref, minTimeMs, maxTimeMs, isOutOfOrder: false, sampleCount: count, timesWithin, ...splitChunk(chunk) })
    if (added.isNewBase) remember(bases, { times: added.times, timestampsMs: times.slice(start, start + count) })
    start += count
  }
  return samplesRead
}

/** Times that stand alone in the new file, those used last at the end. */
type TimesBase = { readonly times: number; readonly timestampsMs: Float64Array }

/** Series of one target lie together: what a late or interrupted one is a part of came not long before. */
const maxBases = 8

function remember(bases: TimesBase[], base: TimesBase): void {
  bases.push(base)
  if (bases.length > maxBases) bases.shift()
}

function findBase(bases: readonly TimesBase[], encode: (others: Float64Array) => Uint8Array | undefined): TimesWithin | undefined {
  for (const { times, timestampsMs } of bases.toReversed()) {
    const section = encode(timestampsMs)
    if (section !== undefined) return { base: times, section }
  }
  return undefined
}

function reduce(codec: ChunkCodec, path: string, ref: number, request: Parameters<typeof reduceSeries>[1]): StoredAggregates {
  try {
    return reduceSeries(codec, request)
  } catch (error) {
    throw new DataFileError(path, `series ${ref}: ${errorText(error)}`, { cause: error })
  }
}
