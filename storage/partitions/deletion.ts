// delete_series in the writer thread: from selectors and a time range to tombstones for what the series have by now, in
// memory and on disk. A sample that is newer than all of those is not concerned.

import { dayMs, type Partition } from '../files/dataDir.ts'
import { PartitionReader } from '../files/partitionReader.ts'
import type { SeriesFileWriter } from '../files/seriesFile.ts'
import type { HiddenRanges, Tombstone } from '../files/tombstoneFile.ts'
import type { HeadReader } from '../head/headReader.ts'
import { isHiddenSeries } from '../model/hiddenSeries.ts'
import { createMatchers, type MatcherText } from '../model/matcher.ts'
import type { TimeRange } from '../model/sample.ts'
import type { ChunkCodec } from './chunkCodec.ts'

/** Series looked at between two looks at the queue. */
const seriesPerStep = 20_000
/** Series whose chunks are decoded between two looks. */
const refsPerLook = 64

/** Each `next()` is one step. Returns one tombstone for each series that has something to hide, by ref. */
export function* deletionSteps(
  head: HeadReader,
  series: Pick<SeriesFileWriter, 'lifetime'>,
  request: { readonly sets: readonly (readonly MatcherText[])[]; readonly range: TimeRange },
): Generator<void, Tombstone[]> {
  const refs = new Set<number>()
  for (const set of request.sets) {
    for (const ref of selectRefs(head, set)) refs.add(ref)
    yield
  }
  const tombstones: Tombstone[] = []
  let seen = 0
  for (const ref of [...refs].sort((a, b) => a - b)) {
    const onDisk = series.lifetime(ref)
    const inMemory = head.timeRange(ref)
    const minTimeMs = Math.max(request.range.minTimeMs, Math.min(onDisk.minTimeMs, inMemory?.minTimeMs ?? Infinity))
    const maxTimeMs = Math.min(request.range.maxTimeMs, Math.max(onDisk.maxTimeMs, inMemory?.maxTimeMs ?? -Infinity))
    if (minTimeMs <= maxTimeMs) tombstones.push({ ref, minTimeMs: Math.floor(minTimeMs), maxTimeMs: Math.floor(maxTimeMs) })
    if (++seen % seriesPerStep === 0) yield
  }
  return tombstones
}

/** The refs that a selector from another thread matches, and those of their hidden series. */
export function selectRefs(head: HeadReader, set: readonly MatcherText[]): Uint32Array {
  head.pin()
  try {
    const refs = head.select(createMatchers(set))
    if (!head.hasStartTimes()) return refs
    return Uint32Array.from(
      [...refs].flatMap((ref) => {
        const starts = head.startSeries(ref)
        return starts === 0 ? [ref] : [ref, starts]
      }),
    )
  } finally {
    head.unpin()
  }
}

/** The refs of matching series that are nobody's hidden ones. */
export function selectVisibleRefs(head: HeadReader, set: readonly MatcherText[]): Uint32Array {
  head.pin()
  try {
    const refs = head.select(createMatchers(set))
    return head.hasStartTimes() ? refs.filter((ref) => !isHiddenSeries(head.labels(ref))) : refs
  } finally {
    head.unpin()
  }
}

/** Each `next()` is one step. Returns whether the partition holds samples that are hidden; damaged chunks count as holding none. */
export function* hasHiddenSamples(partition: Partition, hidden: HiddenRanges, codec: ChunkCodec): Generator<void, boolean> {
  const reader = new PartitionReader(partition.path, partition.startMs)
  try {
    let seen = 0
    for (const [ref, ranges] of hidden) {
      if (++seen % refsPerLook === 0) yield
      if (!ranges.some(({ minTimeMs, maxTimeMs }) => minTimeMs < partition.startMs + dayMs && maxTimeMs >= partition.startMs)) continue
      for (const row of reader.chunks(ref, -Infinity, Infinity)) {
        codec.clear()
        if (codec.add(row.timesSection, row.valuesSection) !== undefined) continue
        const { timestampsMs } = codec.columns()
        if (timestampsMs.some((timeMs) => ranges.some((range) => range.minTimeMs <= timeMs && timeMs <= range.maxTimeMs))) return true
      }
    }
    return false
  } finally {
    reader.close()
  }
}
