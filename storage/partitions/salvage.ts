// What can be read of a damaged partition, series by series: a page that SQLite cannot make sense of also hides where the rows
// behind it begin, so each series is looked up by itself. A series of a downsampled day is taken whole or not at all: without its
// aggregates, or with some of its samples, it would give other values.

import { errorText } from '../../src/base/assert.ts'
import { sectionCount, type ChunkRow } from '../files/chunkRow.ts'
import type { Partition } from '../files/dataDir.ts'
import type { PartitionReader } from '../files/partitionReader.ts'
import { isDamage } from '../files/sqlite.ts'
import { decodeBuckets } from './buckets.ts'
import type { ChunkCodec } from './chunkCodec.ts'
import { rewriteSteps } from './compaction.ts'
import { valueAt } from './downsampling.ts'

/** Something of a series that cannot be read. */
export type Loss = { readonly ref: number; readonly problem: string }

/** The chunks of each of the series that are what was written; `onLoss` is told of others. */
export function* readableSeries(reader: PartitionReader, refs: Iterable<number>, codec: ChunkCodec, onLoss: (loss: Loss) => void): Generator<readonly ChunkRow[]> {
  const slots = reader.meta()?.nextSlot ?? 0
  for (const ref of refs) {
    const losses: Loss[] = []
    const lose = (problem: string) => void losses.push({ ref, problem })
    const rows = rowsOf(reader, ref, slots, lose).filter((row) => {
      codec.clear()
      const problem = codec.add(row.timesSection, row.valuesSection)
      if (problem !== undefined) lose(`slot ${row.slot}: ${problem}`)
      return problem === undefined
    })
    if (reader.hasAggregates) {
      const problem = aggregatesProblem(reader, ref, rows, codec)
      if (problem !== undefined) lose(problem)
    }
    losses.forEach(onLoss)
    yield reader.hasAggregates && losses.length > 0 ? [] : rows
  }
}

/** Of a series with chunks on a damaged page those that lie on others. */
function rowsOf(reader: PartitionReader, ref: number, slots: number, lose: (problem: string) => void): ChunkRow[] {
  try {
    return reader.chunks(ref, -Infinity, Infinity)
  } catch (error) {
    if (!isDamage(error)) throw error
  }
  return Array.from({ length: slots }, (_, slot) => slot).flatMap((slot) => {
    try {
      return reader.chunk(ref, slot) ?? []
    } catch (error) {
      if (!isDamage(error)) throw error
      lose(`slot ${slot}: ${errorText(error)}`)
      return []
    }
  })
}

function aggregatesProblem(reader: PartitionReader, ref: number, rows: readonly ChunkRow[], codec: ChunkCodec): string | undefined {
  try {
    const stored = reader.aggregates(ref)
    if (stored === undefined) return undefined
    codec.clear()
    for (const row of rows) codec.add(row.timesSection, row.valuesSection)
    codec.merge()
    const { timestampsMs, values, valueWords } = codec.columns()
    const samples = { length: codec.count, timestampsMs: timestampsMs.slice(), values: values.slice(), valueWords }
    const buckets = decodeBuckets(stored, valueAt(samples), codec)
    return typeof buckets === 'string' ? buckets : undefined
  } catch (error) {
    if (!isDamage(error)) throw error
    return errorText(error)
  }
}

export type Salvaged = { readonly foundChunks: number; readonly missingChunks: number; readonly missingSamples: number; readonly lostRefs: ReadonlySet<number> }

/** Writes the next generation of a damaged day with what can be read of `refs`, its series, if anything; the damaged file stays. Each `next()` is one step. */
export function* salvageSteps(dir: string, partition: Partition, codec: ChunkCodec, refs: Iterable<number>): Generator<void, Salvaged> {
  const lostRefs = new Set<number>()
  let chunks = 0
  let samples = 0
  let written = { chunkCount: 0, sampleCount: 0 }
  yield* rewriteSteps(dir, partition, codec, {
    rangesOf: () => undefined,
    resolutionOf: () => 0,
    *seriesOf(reader) {
      written = reader.meta() ?? written
      for (const rows of readableSeries(reader, refs, codec, ({ ref }) => lostRefs.add(ref))) {
        chunks += rows.length
        for (const row of rows) samples += sectionCount(row.valuesSection)
        yield rows
      }
    },
  })
  return { foundChunks: chunks, missingChunks: written.chunkCount - chunks, missingSamples: written.sampleCount - samples, lostRefs }
}
