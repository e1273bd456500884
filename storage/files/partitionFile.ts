// A partition: the chunks of one UTC day in one SQLite file, the only file that knows its SQL. Rows lie by series, so that
// a query reads neighbouring pages; timestamps that several series share are stored once.

import { crc32 } from 'node:zlib'
import type { Statement } from 'better-sqlite3'
import { assert } from '../../src/base/assert.ts'
import { DataFileError } from '../model/storageError.ts'
import { sealOf, type ChunkRow } from './chunkRow.ts'
import { dayMs } from './dataDir.ts'
import { KnownSections, packingNames, packings, packSection, unpackSection } from './sharedSections.ts'
import { openForReading, openForWriting, structureProblems, type Db, type FileKind } from './sqlite.ts'

const partitionKind: FileKind = {
  name: 'partition',
  version: 1,
  schema: `
    CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE times (id INTEGER PRIMARY KEY, base INTEGER NOT NULL, body BLOB NOT NULL);
    CREATE TABLE chunk (
      id INTEGER PRIMARY KEY,
      first_ms INTEGER NOT NULL,
      last_ms INTEGER NOT NULL,
      out_of_order INTEGER NOT NULL,
      times INTEGER NOT NULL,
      packing INTEGER NOT NULL,
      seal INTEGER NOT NULL,
      body BLOB NOT NULL
    );
    CREATE TABLE aggregate (ref INTEGER PRIMARY KEY, resolution_ms INTEGER NOT NULL, crc INTEGER NOT NULL, body BLOB NOT NULL);
  `,
  // Each chunk that does not fit its page ends in one of its own, half empty on average.
  pageBytes: 1024,
}

/** Times sections that a reader keeps; they are shared by many series. */
const maxCachedTimes = 4096

/** A reference and the look for it cost about this much. */
const minSharedBytes = 32

/** `chunk.id` is `ref * slotsPerSeries + slot`; a chunk written later has a higher slot. The product stays below 2^53. */
const slotsPerSeries = 2 ** 21

export function chunkId(ref: number, slot: number): number {
  return ref * slotsPerSeries + slot
}

/** What a partition has of a downsampled series besides its chunks, see buckets.ts: sections of times that series have in common, and what is the series' own. */
export type StoredAggregates = {
  readonly resolutionMs: number
  readonly lastTimes: Uint8Array
  readonly firstTimes: Uint8Array
  readonly counts: Uint8Array
  readonly own: Uint8Array
}

export type PartitionMeta = {
  readonly startMs: number
  readonly nextSlot: number
  readonly chunkCount: number
  readonly sampleCount: number
  /** Sum of all chunk ids modulo 2^32: together with the count it tells that no row went missing. */
  readonly idSum: number
  /** Of all samples; Infinity and -Infinity when there is none. */
  readonly minTimeMs: number
  readonly maxTimeMs: number
  /** Of the chunks, those that are out of order. Missing in files from before it was counted. */
  readonly outOfOrderCount: number | undefined
  /** Chunks written since compaction last rewrote the file; all of them when it never did. */
  readonly looseChunkCount: number
  /** Rows of aggregates, those of series included that are kept as they are. */
  readonly aggregateCount: number
}

export type NewChunk = {
  readonly ref: number
  readonly minTimeMs: number
  readonly maxTimeMs: number
  readonly isOutOfOrder: boolean
  readonly sampleCount: number
  readonly timesSection: Uint8Array
  readonly valuesSection: Uint8Array
  /** Asked when these times are new in the file: whether they are stored as a part of another row. */
  readonly timesWithin?: () => TimesWithin | undefined
}

export type TimesWithin = { readonly base: number; readonly section: Uint8Array }

export type PartitionWriterOptions = {
  readonly path: string
  readonly startMs: number
  /** A file that is being built under another name: fast and unsafe until `seal`. */
  readonly building?: boolean
}

/** Adds chunks in one transaction that may last over several steps; readers see them after `commit`. */
export class PartitionWriter {
  readonly path: string
  readonly startMs: number
  readonly #db: Db
  readonly #isBuilding: boolean
  readonly #insertChunk: Statement<[number, number, number, number, number, number, number, Uint8Array | number]>
  readonly #insertTimes: Statement<[number, Uint8Array]>
  readonly #knownTimes = new KnownSections()
  readonly #knownValues = new KnownSections()
  readonly #meta: { -readonly [K in keyof PartitionMeta]: PartitionMeta[K] }
  #slotsUsed = 0
  #lastRef = -1
  #lastSlot = 0

  constructor(options: PartitionWriterOptions) {
    this.path = options.path
    this.startMs = options.startMs
    this.#isBuilding = options.building ?? false
    this.#db = openForWriting(options.path, partitionKind, options.building ? { synchronous: 'off', journal: 'off' } : { synchronous: 'full' })
    try {
      this.#meta = readPartitionMeta(this.#db, options.path) ?? {
        startMs: options.startMs,
        nextSlot: 0,
        chunkCount: 0,
        sampleCount: 0,
        idSum: 0,
        minTimeMs: Infinity,
        maxTimeMs: -Infinity,
        outOfOrderCount: 0,
        looseChunkCount: 0,
        aggregateCount: 0,
      }
      if (this.#meta.startMs !== options.startMs) throw new DataFileError(options.path, `holds the day that starts at ${this.#meta.startMs}, its name says ${options.startMs}`)
      this.#insertChunk = this.#db.prepare('INSERT INTO chunk (id, first_ms, last_ms, out_of_order, times, packing, seal, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
      this.#insertTimes = this.#db.prepare('INSERT INTO times (base, body) VALUES (?, ?)')
      this.#db.exec('BEGIN IMMEDIATE')
    } catch (error) {
      this.#db.close()
      throw error
    }
  }

  /** Chunks come by series; those of one series in the order they were written. Returns the row of its times, and whether it is a new one that stands alone. */
  add(chunk: NewChunk): { readonly times: number; readonly isNewBase: boolean } {
    const firstMs = chunk.minTimeMs - this.startMs
    const lastMs = chunk.maxTimeMs - this.startMs
    assert(firstMs >= 0 && lastMs >= firstMs && lastMs < dayMs, `chunk of series ${chunk.ref} does not lie in the day of ${this.path}`)
    assert(chunk.ref >= 1 && chunk.ref < 2 ** 32, `series ref ${chunk.ref} is out of bounds`)
    this.#lastSlot = chunk.ref === this.#lastRef ? this.#lastSlot + 1 : this.#meta.nextSlot
    this.#lastRef = chunk.ref
    assert(this.#lastSlot < slotsPerSeries, `series ${chunk.ref} has too many chunks in ${this.path}`)
    this.#slotsUsed = Math.max(this.#slotsUsed, this.#lastSlot + 1 - this.#meta.nextSlot)
    const id = chunkId(chunk.ref, this.#lastSlot)
    const times = this.#timesRow(chunk)
    const { packing, body } = this.#packed(id, chunk.valuesSection)
    const seal = sealOf({ id, firstMs, lastMs, isOutOfOrder: chunk.isOutOfOrder, timesSection: times.stored, valuesSection: chunk.valuesSection })
    this.#insertChunk.run(id, firstMs, lastMs, chunk.isOutOfOrder ? 1 : 0, times.times, packing, seal, body)
    const meta = this.#meta
    meta.chunkCount++
    meta.sampleCount += chunk.sampleCount
    meta.idSum = (meta.idSum + (id % 2 ** 32)) % 2 ** 32
    meta.minTimeMs = Math.min(meta.minTimeMs, chunk.minTimeMs)
    meta.maxTimeMs = Math.max(meta.maxTimeMs, chunk.maxTimeMs)
    if (chunk.isOutOfOrder && meta.outOfOrderCount !== undefined) meta.outOfOrderCount++
    meta.looseChunkCount++
    return times
  }

  /** Adds what downsampling made of a series, once per series and file. */
  addAggregates(ref: number, aggregates: StoredAggregates): void {
    const { resolutionMs, own } = aggregates
    const shared = own.length === 0 ? [] : [aggregates.lastTimes, aggregates.firstTimes, aggregates.counts]
    const ids = Uint32Array.from(shared, (timesSection) => this.#timesRow({ timesSection }).times)
    const body = Buffer.concat([new Uint8Array(ids.buffer), own])
    this.#db.prepare('INSERT INTO aggregate (ref, resolution_ms, crc, body) VALUES (?, ?, ?, ?)').run(ref, resolutionMs, aggregateCrc(ref, resolutionMs, body, shared), body)
    this.#meta.aggregateCount++
  }

  get chunkCount(): number {
    return this.#meta.chunkCount
  }

  /** Commits what was added and closes. With `full` synchronization the data is on the disk when this returns. */
  commit(): void {
    this.#finish(this.#meta)
    this.#db.pragma('wal_checkpoint(TRUNCATE)')
    this.#db.close()
  }

  /** Like `commit`, for a file that compaction has built: all its chunks count as compacted, and it goes on with a write-ahead log. */
  seal(): void {
    this.#finish({ ...this.#meta, looseChunkCount: 0 })
    this.#db.pragma('synchronous = full')
    this.#db.pragma('journal_mode = wal')
    this.#db.close()
  }

  rollback(): void {
    if (this.#db.inTransaction && this.#db.pragma('journal_mode', { simple: true }) !== 'off') this.#db.exec('ROLLBACK')
    this.#db.close()
  }

  #finish(meta: PartitionMeta): void {
    const write = this.#db.prepare('INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)')
    for (const [name, value] of Object.entries({ ...meta, nextSlot: meta.nextSlot + this.#slotsUsed })) {
      if (value !== undefined && Number.isFinite(value)) write.run(name, value)
    }
    this.#db.exec('COMMIT')
  }

  /** `stored` is what a reader will find first when it asks for these times. */
  #timesRow({ timesSection, timesWithin }: Pick<NewChunk, 'timesSection' | 'timesWithin'>): { times: number; isNewBase: boolean; stored: Uint8Array } {
    const known = this.#knownTimes.find(timesSection)
    if (known !== undefined) return { times: known.id, isNewBase: false, stored: known.stored }
    const within = timesWithin?.()
    const stored = within?.section ?? timesSection
    const times = Number(this.#insertTimes.run(within?.base ?? 0, stored).lastInsertRowid)
    this.#knownTimes.add(timesSection, times, stored)
    return { times, isNewBase: within === undefined, stored }
  }

  /** Histogram buckets, and metrics that tell the same under two names, have equal values. Compression waits for compaction. */
  #packed(id: number, section: Uint8Array): { packing: number; body: Uint8Array | number } {
    if (section.length >= minSharedBytes) {
      const known = this.#knownValues.find(section)
      if (known !== undefined) return { packing: packings.sameAs, body: known.id }
      this.#knownValues.add(section, id)
    }
    return this.#isBuilding ? packSection(section) : { packing: packings.plain, body: section }
  }
}

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

/** The rows of times that the body of an aggregate begins with: three, or none when there is nothing else in it. */
function timesOfAggregate(body: Buffer): number[] {
  return body.length < 12 ? [] : [body.readUInt32LE(0), body.readUInt32LE(4), body.readUInt32LE(8)]
}

/** Of the row and, by their own checksums, of the sections it refers to. */
function aggregateCrc(ref: number, resolutionMs: number, body: Uint8Array, shared: readonly Uint8Array[]): number {
  return shared.reduce((crc, section) => crc32(section.subarray(0, 4), crc), crc32(body, (ref ^ resolutionMs) >>> 0))
}

function readPartitionMeta(db: Db, path: string): PartitionMeta | undefined {
  const values = new Map(db.prepare('SELECT name, value FROM meta').raw().all() as [string, number][])
  if (values.size === 0) return undefined
  const read = (name: string): number => {
    const value = values.get(name)
    if (typeof value !== 'number') throw new DataFileError(path, `meta row ${name} is missing`)
    return value
  }
  return {
    startMs: read('startMs'),
    nextSlot: read('nextSlot'),
    chunkCount: read('chunkCount'),
    sampleCount: read('sampleCount'),
    idSum: read('idSum'),
    minTimeMs: values.get('minTimeMs') ?? Infinity,
    maxTimeMs: values.get('maxTimeMs') ?? -Infinity,
    outOfOrderCount: values.get('outOfOrderCount'),
    looseChunkCount: read('looseChunkCount'),
    aggregateCount: values.get('aggregateCount') ?? 0,
  }
}
