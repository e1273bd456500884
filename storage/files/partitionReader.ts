// Reads a partition: chunks of series, and what downsampling made of them.

import type { Statement } from 'better-sqlite3'
import { DataFileError } from '../model/storageError.ts'
import { sealOf, type ChunkRow } from './chunkRow.ts'
import { aggregateCrc, chunkId, partitionKind, readPartitionMeta, slotsPerSeries, timesOfAggregate, type PartitionMeta, type StoredAggregates } from './partitionFile.ts'
import { packingNames, packings, unpackSection } from './sharedSections.ts'
import { openForReading, structureProblems, type Db } from './sqlite.ts'

/** Times sections that a reader keeps; they are shared by many series. */
const maxCachedTimes = 4096

/** What every query for chunks selects, in the order that `#row` takes it. */
const chunkColumns = 'id, first_ms, last_ms, out_of_order, times, packing, seal, body'

/** A values section that cannot be had: no decoder takes it for one. */
const noSection = Buffer.alloc(0)

/** Reads one partition. Sections are checked by whoever decodes them. */
export class PartitionReader {
  readonly path: string
  readonly startMs: number
  /** Whether some of it was downsampled. */
  readonly hasAggregates: boolean
  readonly #db: Db
  readonly #chunksOf: Statement<[number, number, number, number], unknown>
  readonly #timesOf: Statement<[number], unknown>
  readonly #bodyOf: Statement<[number], unknown>
  /** Rows of times never change, so they stay good over snapshots. */
  readonly #cachedTimes = new Map<number, Buffer>()
  #aggregatesOf: Statement<[number], unknown> | undefined
  #chunkAt: Statement<[number], unknown> | undefined

  constructor(path: string, startMs: number) {
    this.path = path
    this.startMs = startMs
    this.#db = openForReading(path, partitionKind)
    try {
      const meta = readPartitionMeta(this.#db, path)
      if (meta !== undefined && meta.startMs !== startMs) throw new DataFileError(path, `holds the day that starts at ${meta.startMs}, its name says ${startMs}`)
      this.hasAggregates = (meta?.aggregateCount ?? 0) > 0
      this.#chunksOf = this.#db
        .prepare<[number, number, number, number]>(`SELECT ${chunkColumns} FROM chunk WHERE id BETWEEN ? AND ? AND first_ms <= ? AND last_ms >= ?`)
        .raw()
      this.#timesOf = this.#db.prepare<[number]>('SELECT base, body FROM times WHERE id = ?').raw()
      this.#bodyOf = this.#db.prepare<[number]>('SELECT packing, body FROM chunk WHERE id = ?').raw()
    } catch (error) {
      this.#db.close()
      throw error
    }
  }

  /** What this reader sees does not change until `end`. */
  begin(): void {
    this.#db.exec('BEGIN')
    // The snapshot is taken by the first read.
    this.#timesOf.get(0)
  }

  end(): void {
    if (this.#db.inTransaction) this.#db.exec('COMMIT')
  }

  meta(): PartitionMeta | undefined {
    return readPartitionMeta(this.#db, this.path)
  }

  /** Chunks of `ref` that overlap the range (both ends inclusive), in the order they were written. */
  chunks(ref: number, minTimeMs: number, maxTimeMs: number): ChunkRow[] {
    const rows = this.#chunksOf.all(chunkId(ref, 0), chunkId(ref, slotsPerSeries - 1), maxTimeMs - this.startMs, minTimeMs - this.startMs)
    return rows.map((row) => this.#row(row))
  }

  /** The chunk of `ref` that was written to this slot. */
  chunk(ref: number, slot: number): ChunkRow | undefined {
    const row = (this.#chunkAt ??= this.#db.prepare<[number]>(`SELECT ${chunkColumns} FROM chunk WHERE id = ?`).raw()).get(chunkId(ref, slot))
    return row === undefined ? undefined : this.#row(row)
  }

  /** All chunks with a ref of at least `fromRef`, by series, in the order they were written. */
  *chunksFrom(fromRef: number): Generator<ChunkRow> {
    const all = this.#db.prepare(`SELECT ${chunkColumns} FROM chunk WHERE id >= ? ORDER BY id`).raw()
    for (const row of all.iterate(chunkId(fromRef, 0))) yield this.#row(row)
  }

  /** The series that have chunks, ascending; each is one look into the tree, whatever the chunks hold. */
  *refs(): Generator<number> {
    const next = this.#db.prepare<[number]>('SELECT id FROM chunk WHERE id >= ? ORDER BY id LIMIT 1').pluck()
    for (let ref = 0; ; ref++) {
      const id = next.get(chunkId(ref, 0)) as number | undefined
      if (id === undefined) return
      ref = Math.floor(id / slotsPerSeries)
      yield ref
    }
  }

  /** What downsampling made of a series. To be asked only when the partition has aggregates. Throws `DataFileError` when they are damaged. */
  aggregates(ref: number): StoredAggregates | undefined {
    const row = (this.#aggregatesOf ??= this.#db.prepare<[number]>('SELECT resolution_ms, crc, body FROM aggregate WHERE ref = ?').raw()).get(ref) as [number, number, Buffer] | undefined
    if (row === undefined) return undefined
    const [resolutionMs, crc, body] = row
    const shared = timesOfAggregate(body).map((id) => this.#times(id))
    if (crc !== aggregateCrc(ref, resolutionMs, body, shared)) throw new DataFileError(this.path, `aggregates of series ${ref}: checksum is wrong`)
    const [lastTimes = noSection, firstTimes = noSection, counts = noSection] = shared
    return { resolutionMs, lastTimes, firstTimes, counts, own: body.subarray(4 * shared.length) }
  }

  /** Rows of times that aggregates refer to. */
  *timesOfAggregates(): Generator<number> {
    // The oldest files have no such table.
    if (!this.hasAggregates) return
    for (const body of this.#db.prepare('SELECT body FROM aggregate').pluck().iterate() as Iterable<Buffer>) yield* timesOfAggregate(body)
  }

  /** By series, at which resolution it is kept, or would be if that paid. */
  aggregateResolutions(): Map<number, number> {
    return new Map(this.#db.prepare('SELECT ref, resolution_ms FROM aggregate').raw().all() as [number, number][])
  }

  /** Rows of times that others are a part of. */
  timesBases(): number[] {
    return this.#db.prepare('SELECT DISTINCT base FROM times WHERE base <> 0').pluck().all() as number[]
  }

  timesIds(): number[] {
    return this.#db.prepare('SELECT id FROM times ORDER BY id').pluck().all() as number[]
  }

  /** The table of times: its rows, and the bytes of their sections. */
  timesSize(): { count: number; bytes: number } {
    const [count, bytes] = this.#db.prepare('SELECT count(*), coalesce(sum(length(body)), 0) FROM times').raw().get() as [number, number]
    return { count, bytes }
  }

  /** SQLite's own look at pages and b-trees; empty when all is well. */
  structureProblems(): string[] {
    return structureProblems(this.#db)
  }

  close(): void {
    this.#db.close()
  }

  #row(row: unknown): ChunkRow {
    // The columns of both queries above, all NOT NULL.
    const [id, firstMs, lastMs, outOfOrder, times, packing, seal, body] = row as [number, number, number, number, number, number, number, unknown]
    const ref = Math.floor(id / slotsPerSeries)
    const isOutOfOrder = outOfOrder === 1
    const timesSection = this.#times(times)
    const valuesSection = this.#values(packing, body)
    return {
      ref,
      slot: id - ref * slotsPerSeries,
      minTimeMs: this.startMs + firstMs,
      maxTimeMs: this.startMs + lastMs,
      isOutOfOrder,
      times,
      packing: packingNames[packing] ?? 'unknown',
      packedBytes: Buffer.isBuffer(body) ? body.length : 0,
      timesSection,
      // A wrong seal takes the values away: nobody can read them for those of another series or time.
      valuesSection: sealOf({ id, firstMs, lastMs, isOutOfOrder, timesSection, valuesSection }) === seal ? valuesSection : noSection,
    }
  }

  /** A times section, with the others behind it when it is a part of them. */
  #times(id: number): Buffer {
    const cached = this.#cachedTimes.get(id)
    if (cached !== undefined) return cached
    const row = this.#timesOf.get(id) as [base: number, body: Buffer] | undefined
    const base = row === undefined || row[0] === 0 ? undefined : (this.#timesOf.get(row[0]) as [base: number, body: Buffer] | undefined)
    const section = row === undefined || (row[0] !== 0 && base === undefined) ? noSection : base === undefined ? row[1] : Buffer.concat([row[1], base[1]])
    if (this.#cachedTimes.size >= maxCachedTimes) this.#cachedTimes.clear()
    this.#cachedTimes.set(id, section)
    return section
  }

  /** The values section, or none when the row is damaged. */
  #values(packing: number, body: unknown): Buffer {
    if (packing !== packings.sameAs) return unpackSection(packing, body) ?? noSection
    const other = typeof body === 'number' ? (this.#bodyOf.get(body) as [packing: number, body: unknown] | undefined) : undefined
    return (other === undefined ? undefined : unpackSection(other[0], other[1])) ?? noSection
  }
}
