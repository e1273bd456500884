// What the writer thread does with partitions besides filling them: knows which there are, deletes what retention no
// longer keeps, compacts closed days step by step, sets damaged ones aside, and tells the queriers to look again.

import { existsSync } from 'node:fs'
import { errorText } from '../../src/base/assert.ts'
import type { LogFields, LogLevel } from '../../src/base/log.ts'
import { databaseBytes, dayMs, listPartitions, removeDatabase, setAside, type Partition } from '../files/dataDir.ts'
import type { PartitionMeta } from '../files/partitionFile.ts'
import { PartitionReader } from '../files/partitionReader.ts'
import { PartitionWriter } from '../files/partitionWriter.ts'
import { isDamage, isDiskRefusal } from '../files/sqlite.ts'
import type { HiddenRanges } from '../files/tombstoneFile.ts'
import type { MatcherText } from '../model/matcher.ts'
import type { TimeRange } from '../model/sample.ts'
import type { ChunkCodec } from './chunkCodec.ts'
import { closedAfterMs, compactionSteps, needsCompaction } from './compaction.ts'
import { hasHiddenSamples } from './deletion.ts'
import { dueRules, resolutionBySeries, type DownsamplingRule } from './downsampling.ts'
import { expiredPartitions, outlivedRules, outlivedSeries, type RetentionRule } from './retention.ts'
import { salvageSteps } from './salvage.ts'

/** Series of a partition looked at between two looks at the queue: a few milliseconds. */
const refsPerLook = 1024

/** So many series are named when some of their samples are lost. */
const maxNamedSeries = 10

const allTime: readonly TimeRange[] = [{ minTimeMs: -Infinity, maxTimeMs: Infinity }]

export type PartitionKeeperOptions = {
  readonly dir: string
  readonly codec: ChunkCodec
  /** Deleted samples that partitions may still hold; another map each time it changes. */
  readonly tombstones: () => HiddenRanges
  /** Refs of the series that match, ascending. */
  readonly selectSeries: (matchers: readonly MatcherText[]) => Uint32Array
  /** The same, without hidden series. */
  readonly selectVisibleSeries: (matchers: readonly MatcherText[]) => Uint32Array
  /** One Int32 that grows whenever partitions change. */
  readonly generation: SharedArrayBuffer
  readonly report: (level: LogLevel, message: string, fields: LogFields) => void
  /** Series that have samples on disk in the range, ascending. */
  readonly seriesWithin: (range: TimeRange) => Iterable<number>
  readonly seriesName: (ref: number) => string
  /** Counts the damage, and says what became of it. */
  readonly reportDamage: (message: string, fields: LogFields) => void
  /** Moves a damaged file out of the way and says so. */
  readonly setAside: (path: string, reason: unknown) => void
}

/** What partitions are held to, and what is known beside them. */
export type Maintenance = {
  /** For series that no rule matches. 0: no limit. */
  readonly retentionMs: number
  /** The first that matches a series counts. */
  readonly retentionRules: readonly RetentionRule[]
  /** 0: no limit. */
  readonly retentionBytes: number
  readonly downsamplingRules: readonly DownsamplingRule[]
  /** Whether memory still has samples that were flushed before. */
  readonly hasFlushedInMemory: boolean
  /** The newest sample of all; age is counted from here. */
  readonly newestMs: number
  /** The clock, which tells when a day is over. */
  readonly nowMs: number
}

export class PartitionKeeper {
  readonly #options: PartitionKeeperOptions
  #partitions: readonly { readonly partition: Partition; readonly bytes: number }[] = []
  #minTimeMs = NaN
  /** Partitions whose compaction failed: not tried again in this run. */
  readonly #uncompactable = new Set<string>()
  #compaction: { readonly partition: Partition; readonly steps: Generator<void, boolean> } | undefined
  #candidates: Partition[] = []
  /** By path, what a closed day was last found to have no samples to give up to. */
  readonly #examined = new Map<string, Examination>()
  #limits: Pick<Maintenance, 'retentionMs' | 'retentionRules' | 'downsamplingRules' | 'hasFlushedInMemory' | 'newestMs'> = {
    retentionMs: 0,
    retentionRules: [],
    downsamplingRules: [],
    hasFlushedInMemory: false,
    newestMs: -Infinity,
  }
  #compactions = 0
  #compactionFailures = 0
  #timeRetentions = 0
  #sizeRetentions = 0

  constructor(options: PartitionKeeperOptions) {
    this.#options = options
    this.#list()
  }

  stats() {
    return {
      partitionCount: this.#partitions.length,
      partitionBytes: this.#partitions.reduce((sum, { bytes }) => sum + bytes, 0),
      minTimeMs: this.#minTimeMs,
      oldestDayMs: this.#partitions[0]?.partition.startMs ?? NaN,
      compactionCount: this.#compactions,
      compactionFailureCount: this.#compactionFailures,
      timeRetentionCount: this.#timeRetentions,
      sizeRetentionCount: this.#sizeRetentions,
    }
  }

  /** Files have come, grown or gone. */
  changed(): void {
    this.#list()
    Atomics.add(new Int32Array(this.#options.generation), 0, 1)
  }

  /** The day that starts at `startMs` is about to get chunks: a compaction of it would miss them. */
  willWrite(startMs: number): void {
    for (const { partition } of this.#partitions) if (partition.startMs === startMs) this.#examined.delete(partition.path)
    this.#candidates = this.#candidates.filter((partition) => partition.startMs !== startMs)
    if (this.#compaction?.partition.startMs === startMs) this.abortCompaction()
  }

  /** Deletes what retention no longer keeps, one partition a step, and looks for days to compact. */
  *maintain(maintenance: Maintenance, logBytes: number): Generator<void, void> {
    this.#limits = maintenance
    const expired = expiredPartitions(this.#partitions, logBytes, maintenance)
    for (const { partition, reason } of expired) {
      this.willWrite(partition.startMs)
      removeDatabase(partition.path)
      if (reason === 'time') this.#timeRetentions++
      else this.#sizeRetentions++
      this.#options.report('info', 'Deleted a partition', { file: partition.path, retention: reason })
      yield
    }
    if (expired.length > 0) this.changed()
    const closedBeforeMs = Math.max(maintenance.nowMs, maintenance.newestMs) - closedAfterMs - dayMs
    this.#candidates = this.#partitions
      .map(({ partition }) => partition)
      .filter((partition) => partition.startMs <= closedBeforeMs && partition !== this.#compaction?.partition && !this.#uncompactable.has(partition.path))
  }

  /** Takes deleted samples out of all partitions, the newest included. */
  *clean(): Generator<void, void> {
    this.abortCompaction()
    for (const { partition } of this.#partitions) {
      try {
        yield* this.#clean(partition)
      } catch (error) {
        if (!isDamage(error)) throw error
        yield* this.salvage(partition.path, error)
        const salvaged = this.#partitions.find((one) => one.partition.startMs === partition.startMs)?.partition
        if (salvaged !== undefined) yield* this.#clean(salvaged)
      }
    }
  }

  *#clean(partition: Partition): Generator<void, void> {
    if (!(yield* hasHiddenSamples(partition, this.#options.tombstones(), this.#options.codec))) return
    yield* compactionSteps(this.#options.dir, partition, this.#options.codec, { rangesOf: (ref) => this.#options.tombstones().get(ref), resolutionOf: () => 0 })
    this.changed()
  }

  get hasWork(): boolean {
    return this.#compaction !== undefined || this.#candidates.length > 0
  }

  /** One step of the running compaction, or a look at the next candidate. */
  step(): void {
    if (this.#compaction === undefined) {
      const partition = this.#candidates.shift()
      if (partition !== undefined) this.#compaction = { partition, steps: this.#compact(partition) }
      return
    }
    const { partition, steps } = this.#compaction
    this.#try(partition, () => {
      const { done, value: isRewritten } = steps.next()
      if (done !== true) return
      this.#compaction = undefined
      if (!isRewritten) return
      this.#compactions++
      this.changed()
    })
  }

  abortCompaction(): void {
    this.#compaction?.steps.return(false)
    this.#compaction = undefined
  }

  /** For a clean stop: what lies beside the files that were open goes, unless a reader still has one open. */
  *close(): Generator<void, void> {
    this.abortCompaction()
    for (const { partition } of this.#partitions) {
      if (!existsSync(`${partition.path}-shm`)) continue
      try {
        // The last connection that may write takes it away.
        new PartitionWriter(partition).rollback()
      } catch (error) {
        this.#options.report('debug', 'A partition keeps its write-ahead log', { file: partition.path, reason: errorText(error) })
      }
      yield
    }
  }

  /** A reader took this partition for damaged: rewrites it if it is. */
  *inspectSuspect(path: string): Generator<void, void> {
    const suspect = this.#find(path)
    const reason = suspect && structureProblem(suspect)
    if (reason !== undefined) yield* this.salvage(path, reason)
  }

  /** Replaces a damaged partition by what can be read of it, if anything; the damaged file goes aside. Says once what is missing. */
  *salvage(path: string, reason: unknown): Generator<void, void> {
    this.#list()
    const partition = this.#find(path)
    if (partition === undefined) return
    this.willWrite(partition.startMs)
    yield* this.#salvage(partition, reason)
  }

  /** Returns false, as compaction does when it has not rewritten a day. */
  *#salvage(partition: Partition, reason: unknown): Generator<void, boolean> {
    const { dir, codec, seriesWithin, seriesName } = this.#options
    try {
      const { foundChunks, missingChunks, missingSamples, lostRefs } = yield* salvageSteps(dir, partition, codec, seriesWithin({ minTimeMs: partition.startMs, maxTimeMs: partition.startMs + dayMs - 1 }))
      const names = [...lostRefs].slice(0, maxNamedSeries).map(seriesName)
      if (foundChunks === 0) this.#options.setAside(partition.path, reason)
      else this.#options.reportDamage('A damaged partition was rewritten without what cannot be read of it; the damaged file is kept', {
        file: partition.path,
        reason: errorText(reason),
        movedTo: setAside(dir, partition.path),
        missingSamples,
        missingChunks,
        seriesCount: lostRefs.size,
        series: names.join(', '),
      })
    } catch (error) {
      if (!isDamage(error)) throw error
      // Not even what says how much there was can be read.
      this.#options.setAside(partition.path, reason)
    }
    this.changed()
    return false
  }

  #find(path: string): Partition | undefined {
    return this.#partitions.find(({ partition }) => partition.path === path)?.partition
  }

  /** Rewrites a closed day if there is a reason to. Returns whether it did. */
  *#compact(partition: Partition): Generator<void, boolean> {
    const { dir, codec, selectSeries } = this.#options
    const tombstones = this.#options.tombstones()
    const outlived = outlivedRules(partition, this.#limits)
    const due = dueRules(partition, this.#limits.downsamplingRules, this.#limits.newestMs)
    const examination = { tombstones, rules: JSON.stringify([outlived, outlived.length === 0 ? [] : this.#limits.retentionRules, due]) }
    const reader = new PartitionReader(partition.path, partition.startMs)
    const meta = reader.meta()
    reader.close()
    if (meta === undefined) return false
    // What memory still has of a day would be counted once more, beside the buckets that it went into.
    if (this.#limits.hasFlushedInMemory && (due.length > 0 || meta.aggregateCount > 0)) return false
    const isLoose = needsCompaction(meta)
    if (!isLoose && isSame(this.#examined.get(partition.path), examination)) return false
    const isOutlived = outlivedSeries(outlived, this.#limits.retentionRules, selectSeries)
    yield
    const resolutionOf = resolutionBySeries(due, this.#options.selectVisibleSeries)
    yield
    if (!isLoose && !(yield* hasHiddenSamples(partition, tombstones, codec))) {
      const wanted = { meta, isOutlived: outlived.length > 0 ? isOutlived : undefined, resolutionOf: due.length > 0 ? resolutionOf : undefined }
      if (!(yield* hasSeriesToChange(partition, wanted))) {
        this.#examined.set(partition.path, examination)
        return false
      }
    }
    yield* compactionSteps(dir, partition, codec, { rangesOf: (ref) => (isOutlived(ref) ? allTime : tombstones.get(ref)), resolutionOf })
    return true
  }

  #try(partition: Partition, work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#compaction = undefined
      this.#compactionFailures++
      if (isDamage(error)) {
        this.#compaction = { partition, steps: this.#salvage(partition, error) }
        return
      }
      if (!isDiskRefusal(error)) this.#uncompactable.add(partition.path)
      this.#options.report('warn', 'Cannot compact a partition; it is served as it is', { file: partition.path, reason: errorText(error) })
    }
  }

  #list(): void {
    this.#partitions = listPartitions(this.#options.dir).current.map((partition) => ({ partition, bytes: databaseBytes(partition.path) }))
    const oldest = this.#partitions[0]?.partition
    this.#minTimeMs = oldest === undefined ? NaN : readMinTimeMs(oldest)
  }
}

type Examination = { readonly tombstones: HiddenRanges; readonly rules: string }

function isSame(before: Examination | undefined, now: Examination): boolean {
  return before?.tombstones === now.tombstones && before.rules === now.rules
}

type SeriesChanges = {
  readonly meta: PartitionMeta
  /** `undefined` when it is true of none. */
  readonly isOutlived: ((ref: number) => boolean) | undefined
  readonly resolutionOf: ((ref: number) => number) | undefined
}

/** Each `next()` is one step. Whether the partition has chunks of a series that is to go or to be kept at a coarser resolution. */
function* hasSeriesToChange(partition: Partition, { meta, isOutlived, resolutionOf }: SeriesChanges): Generator<void, boolean> {
  if (isOutlived === undefined && resolutionOf === undefined) return false
  const reader = new PartitionReader(partition.path, partition.startMs)
  try {
    const resolutions = meta.aggregateCount > 0 ? reader.aggregateResolutions() : new Map<number, number>()
    let seen = 0
    for (const ref of reader.refs()) {
      if (isOutlived?.(ref) === true || (resolutionOf?.(ref) ?? 0) > (resolutions.get(ref) ?? 0)) return true
      if (++seen % refsPerLook === 0) yield
    }
    return false
  } finally {
    reader.close()
  }
}

/** What is wrong with the file as a whole, if anything; that it cannot be read just now is nothing. */
function structureProblem(partition: Partition): unknown {
  try {
    const reader = new PartitionReader(partition.path, partition.startMs)
    try {
      return reader.structureProblems()[0]
    } finally {
      reader.close()
    }
  } catch (error) {
    return isDamage(error) ? error : undefined
  }
}

function readMinTimeMs(partition: Partition): number {
  try {
    const reader = new PartitionReader(partition.path, partition.startMs)
    try {
      return reader.meta()?.minTimeMs ?? partition.startMs
    } finally {
      reader.close()
    }
  } catch {
    // Whoever reads samples from it finds out why.
    return partition.startMs
  }
}
