// A segment of the sample log, the only file that knows its SQL. One row is one record of the head (new series and samples
// of one commit), numbered through all segments. A segment is written once, never checkpointed, and deleted as a whole.

import { readFileSync } from 'node:fs'
import type { Statement } from 'better-sqlite3'
import { openForReading, openForWriting, type Db, type FileKind } from './sqlite.ts'

const logKind: FileKind = {
  name: 'log segment',
  version: 1,
  schema: 'CREATE TABLE record (number INTEGER PRIMARY KEY, body BLOB NOT NULL)',
}

/** Whether an acknowledged sample survives a power loss (`commit`) or a crash of the process only (`interval`). */
export type SyncMode = 'interval' | 'commit'

export class LogSegmentWriter {
  readonly path: string
  readonly #db: Db
  readonly #insert: Statement<[number, Uint8Array]>
  /** Of the records in it. */
  bytes = 0

  constructor(path: string, sync: SyncMode) {
    this.path = path
    // Without checkpoints all data stays in the -wal file: written once, in order, and never copied.
    this.#db = openForWriting(path, logKind, { synchronous: sync === 'commit' ? 'full' : 'normal', autoCheckpoint: false })
    this.#insert = this.#db.prepare('INSERT OR REPLACE INTO record (number, body) VALUES (?, ?)')
  }

  begin(): void {
    this.#db.exec('BEGIN IMMEDIATE')
  }

  add(number: number, body: Uint8Array): void {
    this.#insert.run(number, body)
    this.bytes += body.length
  }

  commit(): void {
    this.#db.exec('COMMIT')
  }

  rollback(): void {
    if (this.#db.inTransaction) this.#db.exec('ROLLBACK')
  }

  /**
   * Closes without the checkpoint that SQLite makes when the last connection goes: a second, read-only one is there while
   * this one closes, and cannot checkpoint itself.
   */
  close(): void {
    const reader = openForReading(this.path, logKind)
    reader.prepare('SELECT max(number) FROM record').get()
    this.#db.close()
    reader.close()
  }
}

export type LogRecordRow = { readonly number: number; readonly body: Buffer }

/** Reads a segment in order. */
export class LogSegmentReader {
  readonly #db: Db

  constructor(path: string) {
    this.#db = openForReading(path, logKind)
  }

  numbers(): { first: number; last: number; count: number } {
    const row = this.#db.prepare('SELECT coalesce(min(number), 0), coalesce(max(number), 0), count(*) FROM record').raw().get() as [number, number, number]
    return { first: row[0], last: row[1], count: row[2] }
  }

  /** Records after `number`, ascending. */
  *after(number: number): Generator<LogRecordRow> {
    for (const row of this.#db.prepare('SELECT number, body FROM record WHERE number > ? ORDER BY number').raw().iterate(number)) {
      // The table's columns are INTEGER and BLOB NOT NULL.
      const [n, body] = row as [number, Buffer]
      yield { number: n, body }
    }
  }

  close(): void {
    this.#db.close()
  }
}

export type WalDamage = { readonly offset: number; readonly unreadableFrames: number }

/**
 * Looks for frames that SQLite does not read: it stops at the first one whose checksum is wrong. Nothing after the last
 * commit of an interrupted write counts, but a whole commit behind a bad frame means damage. `undefined` when there is none.
 *
 *   header 32 bytes: magic, version, page size, sequence, salt 1, salt 2, checksum 1, checksum 2
 *   frame: page number, database pages after commit (0: no commit), salt 1, salt 2, checksum 1, checksum 2, page
 */
export function findWalDamage(walPath: string): WalDamage | undefined {
  let wal: Buffer
  try {
    wal = readFileSync(walPath)
  } catch {
    return undefined
  }
  if (wal.length < 32) return undefined
  const view = new DataView(wal.buffer, wal.byteOffset, wal.byteLength)
  const magic = view.getUint32(0)
  if (magic !== 0x377f0682 && magic !== 0x377f0683) return { offset: 0, unreadableFrames: Math.floor((wal.length - 32) / 4120) }
  const littleEndian = magic === 0x377f0682
  const pageBytes = view.getUint32(8)
  const frameBytes = pageBytes + 24
  const sums = { a: 0, b: 0 }
  addChecksum(sums, view, 0, 24, littleEndian)
  if (sums.a !== view.getUint32(24) || sums.b !== view.getUint32(28)) return { offset: 0, unreadableFrames: Math.floor((wal.length - 32) / frameBytes) }
  let badOffset = -1
  let unreadable = 0
  let commits = 0
  for (let offset = 32; offset + frameBytes <= wal.length; offset += frameBytes) {
    const ours = view.getUint32(offset + 8) === view.getUint32(16) && view.getUint32(offset + 12) === view.getUint32(20)
    if (badOffset < 0) {
      addChecksum(sums, view, offset, 8, littleEndian)
      addChecksum(sums, view, offset + 24, pageBytes, littleEndian)
      if (ours && sums.a === view.getUint32(offset + 16) && sums.b === view.getUint32(offset + 20)) continue
      badOffset = offset
    }
    unreadable++
    if (ours && view.getUint32(offset + 4) !== 0) commits++
  }
  return commits > 0 ? { offset: badOffset, unreadableFrames: unreadable } : undefined
}

function addChecksum(sums: { a: number; b: number }, view: DataView, start: number, length: number, littleEndian: boolean): void {
  let { a, b } = sums
  for (let at = start; at < start + length; at += 8) {
    a = (a + view.getUint32(at, littleEndian) + b) >>> 0
    b = (b + view.getUint32(at + 4, littleEndian) + a) >>> 0
  }
  sums.a = a
  sums.b = b
}
