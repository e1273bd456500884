// Buckets of downsampled days for a query worker: decoded from the partitions' aggregates and laid over the samples that
// stayed, see buckets.ts.

import { errorText } from '../src/base/assert.ts'
import { concatBuckets, createEntries, decodeBuckets, entriesOf, untouchedBuckets, type Buckets, type Entries } from './buckets.ts'
import { ChunkCodec } from './chunkCodec.ts'
import { valueAt } from './downsampling.ts'
import type { StoredPartition } from './openPartitions.ts'
import type { SampleColumns, TimeRange } from './sample.ts'

type AggregateReader = Pick<StoredPartition['reader'], 'path' | 'hasAggregates' | 'aggregates'>

export type BucketReader = {
  /** The entries of a series from its samples in these partitions. `hidden` are ranges of deleted samples. Valid until the next call. */
  entries(ref: number, samples: SampleColumns, partitions: readonly AggregateReader[], hidden: readonly TimeRange[]): Entries
}

export function createBucketReader(module: WebAssembly.Module, onDamage: (report: { file: string; reason: string; isWholeFile: boolean }) => void): BucketReader {
  let codec: ChunkCodec | undefined
  let scratch = createEntries(0)
  const bucketsOf = (reader: AggregateReader, ref: number, samples: SampleColumns): Buckets | undefined => {
    let problem: string
    try {
      const stored = reader.aggregates(ref)
      if (stored === undefined) return undefined
      const buckets = decodeBuckets(stored, valueAt(samples), (codec ??= new ChunkCodec(module)))
      if (typeof buckets !== 'string') return buckets
      problem = buckets
    } catch (error) {
      problem = errorText(error)
    }
    onDamage({ file: reader.path, reason: `series ${ref}: ${problem}`, isWholeFile: false })
    return undefined
  }
  return {
    entries(ref, samples, partitions, hidden) {
      const all = partitions.filter((reader) => reader.hasAggregates).flatMap((reader) => bucketsOf(reader, ref, samples) ?? [])
      const buckets = concatBuckets(all)
      scratch = entriesOf(samples, hidden.length === 0 ? buckets : untouchedBuckets(buckets, hidden), false, scratch)
      return scratch
    },
  }
}
