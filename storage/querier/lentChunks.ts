// Chunks from disk for the main thread, which must not read there: a query worker that has read the chunks of a few series
// lends them as they are in their rows, and as long as partitions do not change they are all that the disk has of these
// series. What is not lent ends a query with `NotLent`.

import type { ChunkRow } from '../files/chunkRow.ts'
import { dayMs } from '../files/dataDir.ts'
import type { TimeRange } from '../model/sample.ts'
import { NotInMemory, NotLent } from './notInMemory.ts'
import type { StoredPartition } from './openPartitions.ts'

type LentRow = Omit<ChunkRow, 'timesSection' | 'valuesSection'> & { readonly timesSection: Uint8Array<ArrayBuffer>; readonly valuesSection: Uint8Array<ArrayBuffer> }

/** All that a partition has of a series. */
type LentSeries = { readonly startMs: number; readonly ref: number; readonly rows: readonly LentRow[] }

/** Survives structured cloning. */
export type LentChunks = {
  /** Of the partitions. */
  readonly generation: number
  readonly series: readonly LentSeries[]
}

/** More is not copied from one thread to another. */
const maxLentBytes = 1024 * 1024
/** Of what was lent and not yet read; beyond it all of that is dropped, as whoever asked for it may not ask again. */
const maxUnreadBytes = 8 * maxLentBytes

/** Notes which chunks a query reads, to lend them when it is done. */
export class ChunkLender {
  readonly #read = new Map<StoredPartition, Set<number>>()

  note(partition: StoredPartition, ref: number): void {
    const refs = this.#read.get(partition)
    if (refs === undefined) this.#read.set(partition, new Set([ref]))
    else refs.add(ref)
  }

  /** While the query's snapshots last. Damaged series are left out, and what is too much. */
  lend(generation: number): LentChunks {
    const series: LentSeries[] = []
    let bytes = 0
    for (const [partition, refs] of this.#read) {
      partition.begin()
      for (const ref of refs) {
        const rows = partition.reader.chunks(ref, -Infinity, Infinity)
        if (!rows.every(({ timesSection, valuesSection }) => timesSection.length > 0 && valuesSection.length > 0)) continue
        bytes += bytesOf(rows)
        if (bytes > maxLentBytes) return { generation, series }
        // Copies: a section may be a part of a larger buffer, all of which would be sent.
        series.push({ startMs: partition.reader.startMs, ref, rows: rows.map((row) => ({ ...row, timesSection: new Uint8Array(row.timesSection), valuesSection: new Uint8Array(row.valuesSection) })) })
      }
    }
    return { generation, series }
  }
}

/** A partition of which nothing is known but what was lent. */
class BorrowedPartition implements StoredPartition {
  readonly hasOutOfOrder = false
  readonly #rows = new Map<number, readonly LentRow[]>()
  readonly reader: StoredPartition['reader']

  constructor(startMs: number) {
    const beyond = (): never => {
      throw new NotInMemory()
    }
    this.reader = { path: '', startMs, hasAggregates: false, meta: beyond, aggregates: beyond, chunks: (ref) => this.#chunks(ref) }
  }

  begin(): void {}

  borrow(ref: number, rows: readonly LentRow[]): void {
    this.#rows.set(ref, rows)
  }

  unreadBytes(): number {
    return this.#rows.values().reduce((sum, rows) => sum + bytesOf(rows), 0)
  }

  dropUnread(): void {
    this.#rows.clear()
  }

  /** Whoever reads them keeps them. */
  #chunks(ref: number): ChunkRow[] {
    const rows = this.#rows.get(ref)
    if (rows === undefined) throw new NotLent()
    this.#rows.delete(ref)
    return rows.map((row) => ({ ...row, timesSection: Buffer.from(row.timesSection.buffer), valuesSection: Buffer.from(row.valuesSection.buffer) }))
  }
}

/** The partitions of one generation, none of which has chunks out of order or aggregates. */
export class BorrowedPartitions {
  readonly #generation: number
  readonly #partitions: ReadonlyMap<number, BorrowedPartition>

  /** `startsMs` are those of all partitions that will be asked for. */
  constructor(generation: number, startsMs: readonly number[]) {
    this.#generation = generation
    this.#partitions = new Map(startsMs.map((startMs) => [startMs, new BorrowedPartition(startMs)]))
  }

  borrow({ generation, series }: LentChunks): void {
    if (generation !== this.#generation) return
    const partitions = [...this.#partitions.values()]
    if (partitions.reduce((sum, partition) => sum + partition.unreadBytes(), 0) > maxUnreadBytes) partitions.forEach((partition) => partition.dropUnread())
    for (const { startMs, ref, rows } of series) this.#partitions.get(startMs)?.borrow(ref, rows)
  }

  overlapping({ minTimeMs, maxTimeMs }: TimeRange): StoredPartition[] {
    return [...this.#partitions.values()].filter(({ reader: { startMs } }) => startMs <= maxTimeMs && startMs + dayMs > minTimeMs)
  }
}

function bytesOf(rows: readonly { readonly timesSection: Uint8Array; readonly valuesSection: Uint8Array }[]): number {
  return rows.reduce((sum, { timesSection, valuesSection }) => sum + timesSection.length + valuesSection.length, 0)
}
