// Adds chunks to a partition, and what downsampling made of series.

import type { Statement } from 'better-sqlite3'
import { assert } from '../../src/base/assert.ts'
import { DataFileError } from '../model/storageError.ts'
import { sealOf } from './chunkRow.ts'
import { dayMs } from './dataDir.ts'
import { aggregateCrc, chunkId, partitionKind, readPartitionMeta, slotsPerSeries, type PartitionMeta, type StoredAggregates } from './partitionFile.ts'
import { KnownSections, packings, packSection } from './sharedSections.ts'
import { openForWriting, type Db } from './sqlite.ts'

/** A reference and the look for it cost about this much. */
const minSharedBytes = 32

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
