// Samples for a query: the head in shared memory and the partitions on disk as one. Runs inside a query worker and is
// synchronous there. First the head is pinned, then a partition's snapshot is taken: what left memory before is on disk by
// then, what is flushed afterwards may be seen twice and is merged.

import type { Pointer } from '../../src/kernels/kernels.ts'
import type { HeadReader } from '../head/headReader.ts'
import { isHiddenLabel, isHiddenSeries } from '../model/hiddenSeries.ts'
import { compareLabels, type Labels } from '../model/labels.ts'
import { matchesEmpty, type Matcher } from '../model/matcher.ts'
import type { SampleColumns, TimeRange } from '../model/sample.ts'
import type { StartTimes } from '../model/startTimes.ts'
import type { Entries } from '../partitions/buckets.ts'
import { maxResolutionMs } from '../partitions/downsampling.ts'
import type { ChunkCache } from './chunkCache.ts'
import type { Lifetimes } from './lifetimes.ts'
import type { StoredPartition } from './openPartitions.ts'
import { entryOf, readEntries, readSeries, type ReadDeps } from './seriesReads.ts'

export type SeriesSelection = {
  readonly count: number
  /** The same object for the same series until the querier is closed, and mostly longer. */
  labels(index: number): Labels
  ref(index: number): number
  /** All of them, ascending; not to be changed. Mostly the same object when it is the same list. */
  readonly refs: Uint32Array
  /** Whether some are known to hold native histograms; those on disk alone are not. */
  readonly hasHistograms: boolean
  /** Samples within the selected range, ascending, no time twice, staleness markers included; may be none. Valid until the next `read`. */
  read(index: number): SampleColumns
  /**
   * When some of the range is downsampled, another way to read it: entries within the range and somewhat beyond, valid until the
   * next `read` of either kind; `undefined` for a series that has none.
   */
  buckets?(): { read(index: number): Entries | undefined } | undefined
  /** When the counters of the samples within the range began; `undefined` when no sample says so. Ends what `read` gave. */
  readStarts?(index: number): StartTimes | undefined
  /** Whether one of them began at `fromMs` or later. Ends what `read` gave, too. */
  beganSince?(index: number, fromMs: number): boolean
  /** When `read` does nothing that kernels cannot do, but for histograms. `refs` is where the refs lie in their memory. */
  kernelReads?(refs: Pointer): KernelReads | undefined
}

/** How kernels read the series of a selection by themselves, see src/kernels/assembly/query/part.ts. */
export type KernelReads = {
  readonly memory: WebAssembly.Memory
  /** Of the reader; layout in src/kernels/assembly/samples/read.ts. */
  readonly state: Pointer
  /** Of each partition a u32 per series, see `ChunkCache.list`; good until `load`. */
  lists(): readonly { readonly entries: Pointer; readonly hasOutOfOrder: boolean }[]
  /** Reads what a partition, by its place in `lists`, has of a series. False when that cannot be: then `read` says why. */
  load(index: number, partition: number): boolean
  /** Makes room for so many samples. */
  reserve(samples: number): void
}

export type NameCount = { readonly name: string; readonly value: number }

/** As `/api/v1/status/tsdb` shows it. The times of an empty head are infinite. */
export type TsdbStatus = {
  readonly headStats: {
    readonly numSeries: number
    readonly numLabelPairs: number
    readonly chunkCount: number
    readonly minTime: number
    readonly maxTime: number
  }
  readonly seriesCountByMetricName: readonly NameCount[]
  readonly labelValueCountByLabelName: readonly NameCount[]
  readonly memoryInBytesByLabelName: readonly NameCount[]
  readonly seriesCountByLabelValuePair: readonly NameCount[]
}

/** One day's file. */
export type PartitionStatus = { readonly startMs: number; readonly minTimeMs: number; readonly maxTimeMs: number; readonly chunkCount: number; readonly sampleCount: number }

export type Querier = {
  select(matchers: readonly Matcher[], range: TimeRange): SeriesSelection
  /** The series that another querier over the same storage, still open, has selected, in the order given. */
  selectRefs(refs: Uint32Array, range: TimeRange): SeriesSelection
  /** Chunks decoded so far, by all reads. */
  chunksDecoded(): number
  /** Whether any selection had buckets. */
  hadBuckets(): boolean
  /** `sets` are alternatives, none means all series; a `limit` of 0 is none. Sorted. The time range is that of whole series, not of samples. */
  labelNames(sets: readonly (readonly Matcher[])[], range: TimeRange, limit: number): string[]
  labelValues(name: string, sets: readonly (readonly Matcher[])[], range: TimeRange, limit: number): string[]
  seriesLabels(sets: readonly (readonly Matcher[])[], range: TimeRange, limit: number): Labels[]
  /** The `limit` largest of each list. */
  status(limit: number): TsdbStatus
  /** What is on disk, oldest first. */
  partitions(): PartitionStatus[]
  close(): void
}

/** What a querier is made of; of what reads the disk only what it needs, as memory alone can do instead. */
export type QuerierDeps = ReadDeps & {
  readonly partitions: { overlapping(range: TimeRange): StoredPartition[]; endSnapshots(): void }
  /** Without them `chunks` has to be told what is read. */
  readonly lists?: Pick<ChunkCache, 'list' | 'listKey'>
  readonly lifetimes: Pick<Lifetimes, 'overlaps'>
  /** Called while series are looked for; throws when nobody wants them any more. */
  readonly check?: () => void
}

/** Series that are listed or compared between two calls of `check`. */
const seriesPerCheck = 10_000

export function createQuerier(deps: QuerierDeps): Querier {
  const { head, partitions, lifetimes, check = () => {} } = deps
  let hadBuckets = false

  /** Whether a series has, or had on disk, samples around the range. */
  const livesIn = (ref: number, range: TimeRange) => {
    const inMemory = head.timeRange(ref)
    if (inMemory !== undefined && inMemory.minTimeMs <= range.maxTimeMs && inMemory.maxTimeMs >= range.minTimeMs) return true
    return lifetimes.overlaps(ref, range)
  }
  /** Hidden series have no other labels than their own, so that only conditions which anything without labels passes meet them. */
  const visible = (refs: Uint32Array, matchers: readonly Matcher[]) =>
    matchers.every(matchesEmpty) && head.hasStartTimes() ? refs.filter((ref) => !isHiddenSeries(head.labels(ref))) : refs
  const isAllTime = (range: TimeRange) => range.minTimeMs === -Infinity && range.maxTimeMs === Infinity
  const counts = (range: TimeRange) => (isAllTime(range) ? () => true : (ref: number) => livesIn(ref, range))
  const matching = (matchers: readonly Matcher[]) => visible(head.select(matchers, check), matchers)
  const selectRefs = (matchers: readonly Matcher[], range: TimeRange) => {
    const refs = matching(matchers)
    // The same list stays the same object, which others know things about.
    return isAllTime(range) || refs.every((ref) => livesIn(ref, range)) ? refs : refs.filter((ref) => livesIn(ref, range))
  }
  /** The series that match one of the sets; `undefined` for all series, hidden ones included. */
  const union = (sets: readonly (readonly Matcher[])[]) => {
    const [first, ...others] = sets
    if (first === undefined || others.length === 0) return first && matching(first)
    const refs = new Set<number>(matching(first))
    for (const set of others) {
      check()
      for (const ref of matching(set)) refs.add(ref)
    }
    return Uint32Array.from(refs).sort()
  }
  let looks = 0
  const look = () => {
    if (++looks % seriesPerCheck === 0) check()
  }
  const cut = <T>(list: T[], limit: number) => (limit > 0 && list.length > limit ? list.slice(0, limit) : list)

  const selectionOf = (refs: Uint32Array, range: TimeRange): SeriesSelection => {
    let open: readonly StoredPartition[] | undefined
    const refAt = (index: number) => {
      const ref = refs[index]
      if (ref === undefined) throw new Error(`bug: no series ${index} among ${refs.length}`)
      return ref
    }
    const startsOf = (index: number): SampleColumns | undefined => {
      const hidden = head.startSeries(refAt(index))
      if (hidden === 0) return undefined
      open ??= partitions.overlapping(range)
      return readSeries(deps, open, hidden, range)
    }
    return {
      count: refs.length,
      labels: (index) => head.labels(refAt(index)),
      ref: refAt,
      refs,
      hasHistograms: head.hasHistograms(refs),
      read(index) {
        open ??= partitions.overlapping(range)
        return head.attachHistograms(readSeries(deps, open, refAt(index), range))
      },
      readStarts(index) {
        const starts = startsOf(index)
        if (starts === undefined || starts.length === 0) return undefined
        const { length, timestampsMs, values } = starts
        return { timestampsMs: timestampsMs.slice(0, length), startsMs: values.slice(0, length) }
      },
      beganSince(index, fromMs) {
        const starts = startsOf(index)
        if (starts === undefined) return false
        const { length, values } = starts
        for (let i = 0; i < length; i++) if ((values[i] as number) >= fromMs) return true // i < length
        return false
      },
      buckets() {
        // What reaches into the range belongs to a window in part.
        const wide = { minTimeMs: range.minTimeMs - maxResolutionMs, maxTimeMs: range.maxTimeMs + maxResolutionMs }
        const around = partitions.overlapping(wide)
        if (!around.some(({ reader }) => reader.hasAggregates)) return undefined
        hadBuckets = true
        for (const partition of around) partition.begin()
        return { read: (index) => readEntries(deps, around, refAt(index), wide) }
      },
      kernelReads(refsAt) {
        const { hidden, lists } = deps
        if (lists === undefined || !hidden.isEmpty()) return undefined
        const partitionsInRange = (open ??= partitions.overlapping(range))
        const key = lists.listKey(refsAt, refs.length)
        const listOf = (partition: StoredPartition) => lists.list(partition, key, refsAt, refs.length)
        return {
          memory: head.kernels.memory,
          state: head.state,
          lists: () => partitionsInRange.map((partition) => ({ entries: listOf(partition), hasOutOfOrder: partition.hasOutOfOrder })),
          load(index, place) {
            const partition = partitionsInRange[place]
            const entry = partition && entryOf(deps, partition, refAt(index))
            if (partition === undefined || entry === undefined) return false
            head.kernels.words[listOf(partition) / 4 + index] = entry
            return true
          },
          reserve: (samples) => head.reserve(samples),
        }
      },
    }
  }

  return {
    select: (matchers, range) => selectionOf(selectRefs(matchers, range), range),
    selectRefs: selectionOf,
    chunksDecoded: () => head.chunksDecoded(),
    hadBuckets: () => hadBuckets,
    labelNames(sets, range, limit) {
      const names = head.labelNames(union(sets), counts(range))
      return cut(names.filter((name) => !isHiddenLabel(name)), limit)
    },
    labelValues(name, sets, range, limit) {
      if (isHiddenLabel(name)) return []
      return cut(head.labelValues(name, union(sets), counts(range)), limit)
    },
    seriesLabels(sets, range, limit) {
      const refs = (union(sets) ?? matching([])).filter(counts(range))
      const labelsOf = (ref: number) => {
        look()
        return head.labels(ref)
      }
      const compare = (a: Labels, b: Labels) => {
        look()
        return compareLabels(a, b)
      }
      return cut(Array.from(refs, labelsOf).sort(compare), limit)
    },
    status(limit) {
      return tsdbStatus(head, limit)
    },
    partitions() {
      return partitions.overlapping({ minTimeMs: -Infinity, maxTimeMs: Infinity }).flatMap(({ reader }) => {
        const meta = reader.meta()
        return meta === undefined || meta.sampleCount === 0 ? [] : [{ startMs: reader.startMs, minTimeMs: meta.minTimeMs, maxTimeMs: meta.maxTimeMs, chunkCount: meta.chunkCount, sampleCount: meta.sampleCount }]
      })
    },
    close() {
      partitions.endSnapshots()
      head.unpin()
    },
  }
}

function tsdbStatus(head: HeadReader, limit: number): TsdbStatus {
  const stats = head.stats()
  const top = (counts: readonly { readonly name: string; readonly count: number }[]) =>
    counts.filter(({ name }) => !isHiddenLabel(name.split('=')[0] ?? '')).slice(0, limit).map(({ name, count }) => ({ name, value: count }))
  return {
    headStats: {
      numSeries: stats.seriesCount,
      numLabelPairs: stats.labelPairCount,
      chunkCount: stats.chunkCount,
      minTime: stats.minTimeMs,
      maxTime: stats.maxTimeMs,
    },
    seriesCountByMetricName: top(stats.seriesByMetricName),
    labelValueCountByLabelName: top(stats.valuesByLabelName),
    memoryInBytesByLabelName: top(stats.bytesByLabelName),
    seriesCountByLabelValuePair: top(stats.seriesByLabelPair),
  }
}
