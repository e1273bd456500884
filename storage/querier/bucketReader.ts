// Buckets of downsampled days for a query worker: decoded from the partitions' aggregates and laid over the samples that
// stayed, see buckets.ts.

import { errorText } from '../../src/base/assert.ts'
import { dayMs } from '../files/dataDir.ts'
import type { StoredAggregates } from '../files/partitionFile.ts'
import { removeRanges, type SampleColumns, type TimeRange } from '../model/sample.ts'
import { concatBuckets, createEntries, decodeBuckets, entriesOf, untouchedBuckets, type Entries } from '../partitions/buckets.ts'
import { ChunkCodec } from '../partitions/chunkCodec.ts'
import { copyOf, valueAt } from '../partitions/downsampling.ts'
import type { StoredPartition } from './openPartitions.ts'

type AggregateReader = Pick<StoredPartition['reader'], 'path' | 'startMs' | 'hasAggregates' | 'aggregates'>

export type BucketReader = {
  /**
   * The entries of a series from its samples in these partitions, which `read` gives; `undefined` when none has buckets of it: most
   * series of a downsampled day stay as they were. A day of which they are damaged is left out: the samples alone, first and last
   * ones of buckets, would give other values. `hidden` are ranges of deleted samples. Valid until the next call.
   */
  entries(ref: number, read: () => SampleColumns, partitions: readonly AggregateReader[], hidden: readonly TimeRange[]): Entries | undefined
}

export function createBucketReader(module: WebAssembly.Module, onDamage: (report: { file: string; reason: string; isWholeFile: boolean }) => void): BucketReader {
  let codec: ChunkCodec | undefined
  let scratch = createEntries(0)
  /** Of the series in hand, the days of which what is stored is damaged, ascending. */
  let damagedDays: TimeRange[] = []
  /** What `work` gives; where that is a text or an error, what is stored is damaged, and the series goes without it. */
  const unlessDamaged = <Result>({ path, startMs }: AggregateReader, ref: number, work: () => Result | string): Result | undefined => {
    let problem: string
    try {
      const result = work()
      if (typeof result !== 'string') return result
      problem = result
    } catch (error) {
      problem = errorText(error)
    }
    onDamage({ file: path, reason: `series ${ref}: ${problem}`, isWholeFile: false })
    damagedDays.push({ minTimeMs: startMs, maxTimeMs: startMs + dayMs - 1 })
    return undefined
  }
  return {
    entries(ref, read, partitions, hidden) {
      damagedDays = []
      const found = partitions.flatMap((reader) => {
        const stored = reader.hasAggregates ? unlessDamaged(reader, ref, () => reader.aggregates(ref)) : undefined
        return stored === undefined || stored.own.length === 0 ? [] : [{ reader, stored }]
      })
      if (found.length === 0 && damagedDays.length === 0) return undefined
      const samples = read()
      // Days with histograms stay as they were.
      if (samples.histograms !== undefined) return undefined
      const decode = (stored: StoredAggregates) => decodeBuckets(stored, valueAt(samples), (codec ??= new ChunkCodec(module)))
      const buckets = concatBuckets(found.flatMap(({ reader, stored }) => unlessDamaged(reader, ref, () => decode(stored)) ?? []))
      const left = damagedDays.length === 0 ? samples : withoutRanges(samples, damagedDays.sort((a, b) => a.minTimeMs - b.minTimeMs))
      scratch = entriesOf(left, hidden.length === 0 ? buckets : untouchedBuckets(buckets, hidden), false, scratch)
      return scratch
    },
  }
}

function withoutRanges(samples: SampleColumns, ranges: readonly TimeRange[]): SampleColumns {
  const left = copyOf(samples)
  return { ...left, length: removeRanges(left, ranges) }
}
