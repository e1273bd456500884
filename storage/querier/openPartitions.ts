// The partition files a query worker has open: found again when the writer says that something changed, opened when a query
// needs them, read from a snapshot until the query ends.

import { existsSync, statSync } from 'node:fs'
import { errorText } from '../../src/base/assert.ts'
import { dayMs, listPartitions, type Partition } from '../files/dataDir.ts'
import { PartitionReader } from '../files/partitionReader.ts'
import { isDamage } from '../files/sqlite.ts'
import type { TimeRange } from '../model/sample.ts'

/** Connections kept between queries. */
const maxIdleConnections = 64

export type OpenPartitionsOptions = {
  readonly dir: string
  readonly generation: SharedArrayBuffer
  readonly onDamage: (report: { file: string; reason: string; isWholeFile: boolean }) => void
}

/** A partition as queries see it. */
export type StoredPartition = {
  readonly reader: Pick<PartitionReader, 'path' | 'startMs' | 'hasAggregates' | 'chunks' | 'meta' | 'aggregates'>
  readonly hasOutOfOrder: boolean
  begin(): void
}

class OpenPartition implements StoredPartition {
  readonly reader: PartitionReader
  readonly #inode: number
  #hasOutOfOrder: boolean | undefined
  inSnapshot = false

  constructor(reader: PartitionReader) {
    this.reader = reader
    this.#inode = inodeOf(reader.path)
  }

  /** Whether the file of this name is another one by now, or none. */
  isReplaced(): boolean {
    return inodeOf(this.reader.path) !== this.#inode
  }

  /** Whether any of its chunks is out of order, as of the time when partitions last changed. */
  get hasOutOfOrder(): boolean {
    return (this.#hasOutOfOrder ??= this.reader.meta()?.outOfOrderCount !== 0)
  }

  /** The file has changed. */
  forget(): void {
    this.#hasOutOfOrder = undefined
  }

  /** What is read from here on, until the querier's end, is from one state of the file. */
  begin(): void {
    if (!this.inSnapshot) this.reader.begin()
    this.inSnapshot = true
  }
}

export class OpenPartitions {
  readonly #options: OpenPartitionsOptions
  readonly #generation: Int32Array
  #seenGeneration = -1
  #known: readonly Partition[] = []
  /** By path, least recently used first. */
  readonly #open = new Map<string, OpenPartition>()

  constructor(options: OpenPartitionsOptions) {
    this.#options = options
    this.#generation = new Int32Array(options.generation)
  }

  /** Looks for new and gone files when the writer said so. Returns whether it did. */
  refresh(): boolean {
    const generation = Atomics.load(this.#generation, 0)
    if (generation === this.#seenGeneration) return false
    this.#seenGeneration = generation
    this.#list()
    for (const partition of this.#open.values()) partition.forget()
    return true
  }

  /** Changes whenever partitions do; as of the last `refresh`. */
  get generation(): number {
    return this.#seenGeneration
  }

  /** Start of the day from which on no partition has chunks out of order or aggregates, as far as the last `count` partitions tell. */
  plainFromMs(count: number): number {
    const latest = this.#known.slice(-count).toReversed()
    for (const partition of latest) if (!this.#isPlain(partition)) return partition.startMs + dayMs
    return this.#known.length <= count ? -Infinity : (latest.at(-1)?.startMs ?? -Infinity)
  }

  /** Starts of the days of the last `count` partitions. */
  startsMs(count: number): number[] {
    return this.#known.slice(-count).map(({ startMs }) => startMs)
  }

  /** The partitions that overlap the range, oldest first; those that are read from must `begin` a snapshot, which lasts until `endSnapshots`. */
  overlapping(range: TimeRange): OpenPartition[] {
    const overlaps = (partition: Partition) => partition.startMs <= range.maxTimeMs && partition.startMs + dayMs > range.minTimeMs
    const opened = this.#known.filter(overlaps).map((partition) => this.#opened(partition))
    // A file that was there and is gone was compacted or expired meanwhile: the list is old.
    if (opened.includes('gone')) {
      this.#list()
      return this.#known.filter(overlaps).flatMap((partition) => {
        const again = this.#opened(partition)
        return typeof again === 'string' ? [] : [again]
      })
    }
    return opened.filter((one) => typeof one !== 'string')
  }

  endSnapshots(): void {
    for (const [path, partition] of this.#open) {
      try {
        if (partition.inSnapshot) partition.reader.end()
      } catch (error) {
        // Nothing was written, so nothing is lost; but the connection is of no more use.
        this.#options.onDamage({ file: path, reason: errorText(error), isWholeFile: true })
        partition.reader.close()
        this.#open.delete(path)
      }
      partition.inSnapshot = false
    }
    for (const [path, partition] of this.#open) {
      if (this.#open.size <= maxIdleConnections) break
      partition.reader.close()
      this.#open.delete(path)
    }
  }

  close(): void {
    for (const partition of this.#open.values()) partition.reader.close()
    this.#open.clear()
  }

  #list(): void {
    this.#known = listPartitions(this.#options.dir).current
    for (const [path, partition] of this.#open) {
      if (partition.inSnapshot || !partition.isReplaced()) continue
      partition.reader.close()
      this.#open.delete(path)
    }
  }

  #isPlain(partition: Partition): boolean {
    try {
      const open = this.#opened(partition)
      return typeof open !== 'string' && !open.hasOutOfOrder && !open.reader.hasAggregates
    } catch {
      return false // damaged: whoever reads it finds out and reports it
    }
  }

  #opened(partition: Partition): OpenPartition | 'gone' | 'damaged' {
    let open = this.#open.get(partition.path)
    try {
      open ??= new OpenPartition(new PartitionReader(partition.path, partition.startMs))
    } catch (error) {
      if (!isDamage(error)) {
        // One that is there and cannot be opened, for want of file descriptors maybe, must not be missing from an answer.
        if (existsSync(partition.path)) throw new Error(`cannot open ${partition.path}: ${errorText(error)}`, { cause: error })
        return 'gone'
      }
      this.#options.onDamage({ file: partition.path, reason: errorText(error), isWholeFile: true })
      return 'damaged'
    }
    this.#open.delete(partition.path)
    this.#open.set(partition.path, open)
    return open
  }
}

function inodeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.ino ?? 0
}
