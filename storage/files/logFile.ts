// A segment of the sample log, the only file that knows its SQL. One row is one record of the head (new series and samples
// of one commit), numbered through all segments. A segment is written once, never checkpointed, and deleted as a whole.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { endianness } from 'node:os'
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
    // For the same reason few of its pages are worth keeping in memory.
    this.#db = openForWriting(path, logKind, { synchronous: sync === 'commit' ? 'full' : 'normal', autoCheckpoint: false, cacheKiB: 250 })
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

const isLittleEndianHost = endianness() === 'LE'

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

  /**
   * What SQLite does not read of the segment: it stops at the first frame of its -wal file whose checksum is wrong. Nothing after
   * the last commit of an interrupted write counts, but a whole commit behind a bad frame means damage.
   */
  walDamage(): WalDamage | undefined {
    // A read has the frames checked, if none has so far.
    this.#db.pragma('user_version')
    return findWalDamage(this.#db.name)
  }

  close(): void {
    this.#db.close()
  }
}

export type WalDamage = { readonly offset: number; readonly unreadableFrames: number }

/**
 * The -wal file:
 *
 *   header 32 bytes: magic, version, page size, sequence, salt 1, salt 2, checksum 1, checksum 2
 *   frame: page number, database pages after commit (0: no commit), salt 1, salt 2, checksum 1, checksum 2, page
 */
function findWalDamage(path: string): WalDamage | undefined {
  let fd: number
  try {
    fd = openSync(`${path}-wal`, 'r')
  } catch {
    return undefined
  }
  try {
    return endsWithReadFrames(fd, path) ? undefined : findDamage(fd)
  } finally {
    closeSync(fd)
  }
}

const walHeaderBytes = 32
const frameHeaderBytes = 24
const walIndexHeaderBytes = 48
/** Read at a time. */
const walPieceBytes = 1 << 20

/**
 * Whether no commit lies behind the frames that SQLite reads, whose checksums it has verified. It tells their number to other
 * connections in the -shm file, twice: version, unused, changes, flags, number of frames, ... and at 32 the salts.
 */
function endsWithReadFrames(walFd: number, path: string): boolean {
  const walHeader = Buffer.alloc(walHeaderBytes)
  const index = Buffer.alloc(2 * walIndexHeaderBytes)
  try {
    const shmFd = openSync(`${path}-shm`, 'r')
    readSync(shmFd, index, 0, index.length, 0)
    closeSync(shmFd)
  } catch {
    return false
  }
  readSync(walFd, walHeader, 0, walHeaderBytes, 0)
  const isWhole = index.compare(index, walIndexHeaderBytes, 2 * walIndexHeaderBytes, 0, walIndexHeaderBytes) === 0
  if (!isWhole || walHeader.compare(index, 32, 40, 16, 24) !== 0) return false
  const frameBytes = walHeader.readUInt32BE(8) + frameHeaderBytes
  const readFrames = isLittleEndianHost ? index.readUInt32LE(16) : index.readUInt32BE(16)
  const frame = Buffer.alloc(frameHeaderBytes)
  for (let at = walHeaderBytes + readFrames * frameBytes; readSync(walFd, frame, 0, frameHeaderBytes, at) === frameHeaderBytes; at += frameBytes) {
    if (frame.compare(index, 32, 40, 8, 16) === 0 && frame.readUInt32BE(4) !== 0) return false
  }
  return true
}

function findDamage(fd: number): WalDamage | undefined {
  const walBytes = fstatSync(fd).size
  if (walBytes < walHeaderBytes) return undefined
  const header = Buffer.alloc(walHeaderBytes)
  readSync(fd, header, 0, walHeaderBytes, 0)
  const magic = header.readUInt32BE(0)
  const frameBytes = header.readUInt32BE(8) + frameHeaderBytes
  const sums: Sums = { a: 0, b: 0, isLittleEndian: magic === 0x377f0682 }
  addChecksum(sums, header, 0, 24)
  if ((magic !== 0x377f0682 && magic !== 0x377f0683) || sums.a !== header.readUInt32BE(24) || sums.b !== header.readUInt32BE(28)) {
    return { offset: 0, unreadableFrames: Math.floor((walBytes - walHeaderBytes) / (frameHeaderBytes + 4096)) }
  }
  const salts = header.toString('latin1', 16, 24)
  const piece = Buffer.alloc(frameBytes * Math.ceil(walPieceBytes / frameBytes))
  let badOffset = -1
  let unreadable = 0
  let commits = 0
  for (let start = walHeaderBytes; start + frameBytes <= walBytes; start += piece.length) {
    const length = readSync(fd, piece, 0, piece.length, start)
    for (let frame = 0; frame + frameBytes <= length; frame += frameBytes) {
      const isOurs = piece.toString('latin1', frame + 8, frame + 16) === salts
      if (badOffset < 0) {
        addChecksum(sums, piece, frame, 8)
        addChecksum(sums, piece, frame + frameHeaderBytes, frameBytes - frameHeaderBytes)
        if (isOurs && sums.a === piece.readUInt32BE(frame + 16) && sums.b === piece.readUInt32BE(frame + 20)) continue
        badOffset = start + frame
      }
      unreadable++
      if (isOurs && piece.readUInt32BE(frame + 4) !== 0) commits++
    }
  }
  return commits > 0 ? { offset: badOffset, unreadableFrames: unreadable } : undefined
}

type Sums = { a: number; b: number; readonly isLittleEndian: boolean }

/** SQLite's checksum over words in the byte order of whoever wrote the file, which is that of this machine as a rule. */
function addChecksum(sums: Sums, buffer: Buffer, start: number, length: number): void {
  const bytes = sums.isLittleEndian === isLittleEndianHost ? buffer : Buffer.from(buffer.subarray(start, start + length)).swap32()
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + (bytes === buffer ? start : 0), length / 4)
  let a = sums.a | 0
  let b = sums.b | 0
  for (let i = 0; i < words.length; i += 2) {
    a = (a + (words[i] ?? 0) + b) | 0
    b = (b + (words[i + 1] ?? 0) + a) | 0
  }
  sums.a = a >>> 0
  sums.b = b >>> 0
}
