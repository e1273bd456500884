// series.db: which series a ref stands for, and how far the partitions are ahead of the sample log. The only file that
// knows its SQL. Series lie in pages of neighbouring refs, compressed together, because their labels are nearly the same.

import { crc32, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { assert, errorText } from '../../src/base/assert.ts'
import type { TimeRange } from '../model/sample.ts'
import { DataFileError } from '../model/storageError.ts'
import { countProblem, recount } from './rowCounts.ts'
import { openForReading, openForWriting, readingFile, structureProblems, transaction, type Db, type FileKind } from './sqlite.ts'

const seriesKind: FileKind = {
  name: 'series file',
  // 2: samples behind `flushedRecord` may be in checkpoints. Who does not know those must not open the directory.
  // 3: rows of series are counted, which a program that replaces some without saying so would upset.
  version: 3,
  schema: `
    CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE series (page INTEGER PRIMARY KEY, count INTEGER NOT NULL, crc INTEGER NOT NULL, body BLOB NOT NULL);
    CREATE TABLE lifetime (page INTEGER PRIMARY KEY, crc INTEGER NOT NULL, body BLOB NOT NULL);
  `,
  counted: ['series'],
}

/** Refs `page * seriesPerPage` up to the next page share a row. */
export const seriesPerPage = 512

/** Pages that lose series in one transaction: some ten milliseconds. */
const pagesPerDrop = 16

export type SeriesRow = { readonly ref: number; readonly labelBytes: Uint8Array }

export type SeriesMeta = {
  /** Records of the log up to this number are in partitions. */
  readonly flushedRecord: number
  /** Refs up to this one were given out. */
  readonly maxRef: number
  readonly maxTimeMs: number
}

/**
 * Body of a series page before compression, refs ascending:
 *
 *   u32 ref | u32 length | label bytes     for each series
 */
export function encodeSeriesPage(rows: readonly SeriesRow[]): Buffer {
  const body = Buffer.alloc(rows.reduce((sum, row) => sum + 8 + row.labelBytes.length, 0))
  let at = 0
  for (const { ref, labelBytes } of rows) {
    body.writeUInt32LE(ref, at)
    body.writeUInt32LE(labelBytes.length, at + 4)
    body.set(labelBytes, at + 8)
    at += 8 + labelBytes.length
  }
  return body
}

/** Throws when the body is malformed. */
export function decodeSeriesPage(body: Buffer): SeriesRow[] {
  const rows: SeriesRow[] = []
  for (let at = 0; at < body.length; ) {
    const end = rowEnd(body, at)
    rows.push({ ref: body.readUInt32LE(at), labelBytes: body.subarray(at + 8, end) })
    at = end
  }
  return rows
}

function rowEnd(body: Buffer, at: number): number {
  if (at + 8 > body.length) throw new Error(`series page ends within a header at byte ${at}`)
  const end = at + 8 + body.readUInt32LE(at + 4)
  if (end > body.length) throw new Error(`series page ends within labels at byte ${at}`)
  return end
}

/** The writer's side. All changes of one flush are one transaction. */
export class SeriesFileWriter {
  readonly #db: Db
  readonly #lifetimes = new Map<number, Float64Array>()
  readonly #changedLifetimes = new Set<number>()

  /** `onDamage` is told of rows that are gone. */
  constructor(path: string, onDamage: (reason: string) => void) {
    this.#db = openForWriting(path, seriesKind, { synchronous: 'full' })
    readingFile(path, () => {
      const missing = missingPages(this.#db)
      if (missing !== undefined) {
        onDamage(`series: ${missing}: samples of the others, ${seriesPerPage} series in each, cannot be found by labels; restore the file from a backup`)
        recount(this.#db, 'series')
      }
      for (const [page, body] of readLifetimePages(this.#db)) this.#lifetimes.set(page, body)
    })
  }

  meta(): SeriesMeta {
    return readMeta(this.#db)
  }

  /** Notes a range of samples of `ref` that goes to disk; kept until the next `commit`. */
  extendLifetime(ref: number, minTimeMs: number, maxTimeMs: number): void {
    const page = Math.floor(ref / seriesPerPage)
    let body = this.#lifetimes.get(page)
    if (body === undefined) this.#lifetimes.set(page, (body = emptyLifetimes()))
    const at = 2 * (ref % seriesPerPage)
    // Unknown (NaN, after damage) stays unknown.
    body[at] = Math.min(body[at] ?? Infinity, minTimeMs)
    body[at + 1] = Math.max(body[at + 1] ?? -Infinity, maxTimeMs)
    this.#changedLifetimes.add(page)
  }

  /** First and last sample time on disk of each ref of the page, alternating; NaN when they are not known. */
  lifetimePage(page: number): Float64Array | undefined {
    return this.#lifetimes.get(page)
  }

  /** First and last sample of `ref` that ever went to disk; after damage any time. */
  lifetime(ref: number): TimeRange {
    const body = this.#lifetimes.get(Math.floor(ref / seriesPerPage))
    const minTimeMs = body?.[2 * (ref % seriesPerPage)] ?? Infinity
    const maxTimeMs = body?.[2 * (ref % seriesPerPage) + 1] ?? -Infinity
    return { minTimeMs: Number.isNaN(minTimeMs) ? -Infinity : minTimeMs, maxTimeMs: Number.isNaN(maxTimeMs) ? Infinity : maxTimeMs }
  }

  /** Ascending, the series that have samples in the range on disk, or may have for all that is known. */
  *refsWithin({ minTimeMs, maxTimeMs }: TimeRange): Generator<number> {
    for (const page of [...this.#lifetimes.keys()].sort((a, b) => a - b)) {
      for (let ref = page * seriesPerPage; ref < (page + 1) * seriesPerPage; ref++) {
        const lifetime = this.lifetime(ref)
        if (lifetime.minTimeMs <= maxTimeMs && lifetime.maxTimeMs >= minTimeMs) yield ref
      }
    }
  }

  /** Empty when no series has the ref, or when its page is damaged. */
  labelBytes(ref: number): Uint8Array {
    const page = Math.floor(ref / seriesPerPage)
    const rows = readableRows(page, this.#db.prepare('SELECT count, crc, body FROM series WHERE page = ?').raw().get(page))
    return rows.find((row) => row.ref === ref)?.labelBytes ?? new Uint8Array()
  }

  /** Adds series, writes lifetimes and `meta` in one transaction. `rows` have ascending refs that are not in the file yet. */
  commit(rows: readonly SeriesRow[], meta: SeriesMeta): void {
    transaction(this.#db, () => {
      const pages = Map.groupBy(rows, (row) => Math.floor(row.ref / seriesPerPage))
      const read = this.#db.prepare('SELECT count, crc, body FROM series WHERE page = ?').raw()
      for (const [page, added] of pages) {
        const kept = readableRows(page, read.get(page))
        const known = new Set(kept.map((row) => row.ref))
        const all = [...kept, ...added.filter((row) => !known.has(row.ref))].sort((a, b) => a.ref - b.ref)
        this.#writePage(page, all)
      }
      for (const page of this.#changedLifetimes) {
        const values = this.#lifetimes.get(page)
        assert(values !== undefined, `lifetimes of page ${page} are not in memory`)
        this.#writeLifetimes(page, values)
      }
      const writeMeta = this.#db.prepare('INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)')
      for (const [name, value] of Object.entries({ ...meta, seal: sealOf(meta) })) if (Number.isFinite(value)) writeMeta.run(name, value)
    })
    this.#changedLifetimes.clear()
  }

  /** Refs given out and on disk whose samples there, if any, all lie before `timeMs`; ascending, a page at a time. Some may be in no row. */
  *endedBefore(timeMs: number): Generator<number[]> {
    const { maxRef } = this.meta()
    const pages = this.#db.prepare('SELECT page FROM series ORDER BY page').pluck().all() as number[]
    for (const page of pages) {
      const body = this.#lifetimes.get(page)
      const refs: number[] = []
      for (let i = 0; i < seriesPerPage; i++) {
        const ref = page * seriesPerPage + i
        // An unknown lifetime (NaN) is not before anything.
        if (ref > 0 && ref <= maxRef && (body?.[2 * i + 1] ?? -Infinity) < timeMs) refs.push(ref)
      }
      yield refs
    }
  }

  /** Deletes the series, which have no samples on disk any more, a few pages in a step. */
  *drop(refs: Uint32Array): Generator<void> {
    const read = this.#db.prepare('SELECT count, crc, body FROM series WHERE page = ?').raw()
    for (let start = 0; start < refs.length; ) {
      transaction(this.#db, () => {
        for (let pages = 0; pages < pagesPerDrop && start < refs.length; pages++) {
          const page = Math.floor((refs[start] ?? 0) / seriesPerPage)
          const gone = new Set<number>()
          for (; start < refs.length && Math.floor((refs[start] ?? 0) / seriesPerPage) === page; start++) gone.add(refs[start] ?? 0)
          this.#dropFromPage(page, readableRows(page, read.get(page)), gone)
        }
      })
      yield
    }
  }

  #dropFromPage(page: number, rows: readonly SeriesRow[], gone: ReadonlySet<number>): void {
    const kept = rows.filter((row) => !gone.has(row.ref))
    if (kept.length === rows.length) return
    this.#changedLifetimes.delete(page)
    if (kept.length === 0) {
      this.#lifetimes.delete(page)
      this.#db.prepare('DELETE FROM series WHERE page = ?').run(page)
      this.#db.prepare('DELETE FROM lifetime WHERE page = ?').run(page)
      return
    }
    this.#writePage(page, kept)
    const values = this.#lifetimes.get(page)
    if (values === undefined) return
    for (const ref of gone) {
      values[2 * (ref % seriesPerPage)] = Infinity
      values[2 * (ref % seriesPerPage) + 1] = -Infinity
    }
    this.#writeLifetimes(page, values)
  }

  #writePage(page: number, rows: readonly SeriesRow[]): void {
    const body = zstdCompressSync(encodeSeriesPage(rows))
    this.#db.prepare('INSERT INTO series (page, count, crc, body) VALUES (?, ?, ?, ?) ON CONFLICT (page) DO UPDATE SET count = excluded.count, crc = excluded.crc, body = excluded.body').run(page, rows.length, crc32(body, page), body)
  }

  #writeLifetimes(page: number, values: Float64Array): void {
    const body = zstdCompressSync(new Uint8Array(values.buffer))
    this.#db.prepare('INSERT OR REPLACE INTO lifetime (page, crc, body) VALUES (?, ?, ?)').run(page, crc32(body, page), body)
  }

  close(): void {
    this.#db.close()
  }
}

/** Reads the file page by page. */
export class SeriesFileReader {
  readonly #db: Db

  constructor(path: string) {
    this.#db = openForReading(path, seriesKind)
  }

  meta(): SeriesMeta {
    return readMeta(this.#db)
  }

  /** Pages ascending, each with its series packed ascending by ref, or with what is wrong with it and none. */
  *pages(): Generator<{ page: number; packed: Buffer; problem: string | undefined }> {
    for (const row of this.#db.prepare('SELECT page, count, crc, body FROM series ORDER BY page').raw().iterate()) {
      // The columns of the table, all NOT NULL.
      const [page, count, crc, body] = row as [number, number, number, Buffer]
      try {
        yield { page, packed: readPage(page, count, crc, body), problem: undefined }
      } catch (error) {
        yield { page, packed: Buffer.alloc(0), problem: errorText(error) }
      }
    }
  }

  /** By page: first and last sample time of each ref, alternating. */
  lifetimes(): Map<number, Float64Array> {
    return new Map(readLifetimePages(this.#db))
  }

  /** Pages of lifetimes that cannot be read; what they say is then taken as unknown. */
  damagedLifetimePages(): number[] {
    const rows = this.#db.prepare('SELECT page, crc, body FROM lifetime ORDER BY page').raw().all() as [number, number, Buffer][]
    return rows.filter(([page, crc, body]) => decodeLifetimes(page, crc, body) === undefined).map(([page]) => page)
  }

  /** What is to say when there are more or fewer pages than were written. */
  missingPages(): string | undefined {
    return missingPages(this.#db)
  }

  structureProblems(): string[] {
    return structureProblems(this.#db)
  }

  close(): void {
    this.#db.close()
  }
}

function missingPages(db: Db): string | undefined {
  const problem = countProblem(db, 'series', db.prepare('SELECT count(*) FROM series').pluck().get() as number)
  return problem
}

/** A page is some 100 KB; the default of 16 KB makes pieces that are copied together. */
const inOnePiece = { chunkSize: 256 * 1024 }

/** The page as `encodeSeriesPage` packed it. Throws when it is not what was written. */
function readPage(page: number, count: number, crc: number, body: Buffer): Buffer {
  if (crc32(body, page) !== crc) throw new Error('checksum is wrong')
  const packed = zstdDecompressSync(body, inOnePiece)
  const afterPage = (page + 1) * seriesPerPage
  let found = 0
  let last = page * seriesPerPage - 1
  for (let at = 0; at < packed.length; found++) {
    const end = rowEnd(packed, at)
    const ref = packed.readUInt32LE(at)
    if (ref <= last || ref >= afterPage) throw new Error(`series ref ${ref} is out of place`)
    last = ref
    at = end
  }
  if (found !== count) throw new Error(`has ${found} series instead of ${count}`)
  return packed
}

/** The rows of a page that is about to be extended; a damaged one was reported at start and is lost. */
function readableRows(page: number, row: unknown): SeriesRow[] {
  if (row === undefined) return []
  const [count, crc, body] = row as [number, number, Buffer] // all NOT NULL
  try {
    return decodeSeriesPage(readPage(page, count, crc, body))
  } catch {
    return []
  }
}

/** A wrong `flushedRecord` would pass over samples, a wrong `maxRef` give a ref to two series: so they are sealed. */
function readMeta(db: Db): SeriesMeta {
  const rows = readingFile(db.name, () => db.prepare('SELECT name, value FROM meta').raw().all() as [string, number][])
  const values = new Map(rows)
  const meta = {
    flushedRecord: values.get('flushedRecord') ?? 0,
    maxRef: values.get('maxRef') ?? 0,
    maxTimeMs: values.get('maxTimeMs') ?? -Infinity,
  }
  if (rows.length > 0 && values.get('seal') !== sealOf(meta)) throw new DataFileError(db.name, 'the rows of meta are not what was written; restore the file from a backup')
  return meta
}

function sealOf({ flushedRecord, maxRef, maxTimeMs }: SeriesMeta): number {
  return crc32(`${flushedRecord} ${maxRef} ${maxTimeMs}`)
}

function* readLifetimePages(db: Db): Generator<[number, Float64Array]> {
  for (const row of db.prepare('SELECT page, crc, body FROM lifetime ORDER BY page').raw().iterate()) {
    // The columns are NOT NULL, but in a damaged file they may be anything.
    const [page, crc, body] = row as [number, unknown, unknown]
    yield [page, decodeLifetimes(page, crc, body) ?? new Float64Array(2 * seriesPerPage).fill(NaN)]
  }
}

function decodeLifetimes(page: number, crc: unknown, body: unknown): Float64Array | undefined {
  if (!Buffer.isBuffer(body) || crc32(body, page >>> 0) !== crc) return undefined
  const bytes = zstdDecompressSync(body)
  if (bytes.length !== seriesPerPage * 16) return undefined
  const values = emptyLifetimes()
  new Uint8Array(values.buffer).set(bytes)
  return values
}

function emptyLifetimes(): Float64Array {
  const values = new Float64Array(2 * seriesPerPage)
  for (let i = 0; i < seriesPerPage; i++) {
    values[2 * i] = Infinity
    values[2 * i + 1] = -Infinity
  }
  return values
}
