// What all our SQLite files have in common: how they are opened, how they carry the version of their format, and which
// errors mean that the disk refuses or that the file is damaged.

import { existsSync } from 'node:fs'
import Database from 'better-sqlite3'
import { errorText } from '../../src/base/assert.ts'
import { DataFileError, NewerFormatError } from '../model/storageError.ts'
import { beginCounting, isCounting } from './rowCounts.ts'

export type Db = Database.Database

/** `solo` in ASCII: marks a file as ours, so that no other database is taken for one. */
const applicationId = 0x736f6c6f

export type FileKind = {
  /** In messages: `partition`, `log segment`. */
  readonly name: string
  /** Kept in `PRAGMA user_version`. Files of earlier versions are read as they are, and have this one from the first opening for writing on. */
  readonly version: number
  readonly schema: string
  /** Of a new file; SQLite's own choice when not given. */
  readonly pageBytes?: number
  /** Tables of which the file counts the rows. */
  readonly counted?: readonly string[]
}

export type OpenOptions = {
  /** `full` waits for the disk at each commit, `normal` leaves it to the operating system, `off` is for files that are renamed when complete. */
  readonly synchronous: 'full' | 'normal' | 'off'
  readonly autoCheckpoint?: boolean
  readonly journal?: 'wal' | 'off'
  /** For pages that are likely to be read or written again. */
  readonly cacheKiB?: number
}

/** Opens a file for writing and creates it when it is not there. Throws `DataFileError` when it is not what it should be. */
export function openForWriting(path: string, kind: FileKind, options: OpenOptions): Db {
  // There is one writer: only readers can be in the way, of a checkpoint, and that is not worth waiting for.
  const db = new Database(path, { timeout: 0 })
  try {
    // Has an effect before the first page is written only.
    if (kind.pageBytes !== undefined) db.pragma(`page_size = ${kind.pageBytes}`)
    db.pragma(`journal_mode = ${options.journal ?? 'wal'}`)
    db.pragma(`synchronous = ${options.synchronous}`)
    if (options.autoCheckpoint === false) db.pragma('wal_autocheckpoint = 0')
    db.pragma(`cache_size = -${options.cacheKiB ?? 4000}`)
    if (db.pragma('user_version', { simple: true }) === 0 && isEmpty(db)) create(db, kind)
    if (checkKind(db, path, kind) < kind.version) db.pragma(`user_version = ${kind.version}`)
    const { counted } = kind
    if (counted !== undefined && !isCounting(db)) transaction(db, () => beginCounting(db, counted))
  } catch (error) {
    db.close()
    throw asDataFileError(path, error)
  }
  return db
}

/** Opens a file for reading; it must exist. Throws `DataFileError` when it is not what it should be. */
export function openForReading(path: string, kind: FileKind): Db {
  let db: Db
  try {
    db = new Database(path, { readonly: true, fileMustExist: true })
  } catch (error) {
    throw asDataFileError(path, error)
  }
  try {
    // Many files are open at a time, and the operating system keeps their pages anyway.
    db.pragma('cache_size = -1000')
    checkKind(db, path, kind)
  } catch (error) {
    db.close()
    throw asDataFileError(path, error)
  }
  return db
}

/** Undoes what a kill interrupted while the file was not in write-ahead-log mode yet; a reader could not. */
export function rollBackInterrupted(path: string): void {
  if (!existsSync(`${path}-journal`)) return
  const db = new Database(path)
  try {
    db.prepare('SELECT count(*) FROM sqlite_schema').get()
  } finally {
    db.close()
  }
}

/** Whether the file is a database in which nothing was ever created: a kill came first. */
export function isUnfinished(path: string): boolean {
  try {
    const db = new Database(path, { readonly: true, fileMustExist: true })
    try {
      return isEmpty(db)
    } finally {
      db.close()
    }
  } catch {
    return false
  }
}

/** Runs `body` in one transaction that takes the write lock at its start. */
export function transaction<T>(db: Db, body: () => T): T {
  db.exec('BEGIN IMMEDIATE')
  try {
    const result = body()
    db.exec('COMMIT')
    return result
  } catch (error) {
    if (db.inTransaction) db.exec('ROLLBACK')
    throw error
  }
}

/** What SQLite finds damaged while `work` reads the file gets the file's name. */
export function readingFile<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw isDamage(error) ? asDataFileError(path, error) : error
  }
}

/** SQLite's own look at pages and b-trees; empty when all is well. */
export function structureProblems(db: Db): string[] {
  try {
    const found = db.pragma('integrity_check(20)') as { integrity_check: string }[]
    // Several in one text, below a title.
    return found.flatMap((row) => row.integrity_check.split('\n')).filter((text) => text !== 'ok' && !text.startsWith('***'))
  } catch (error) {
    // It ends where a page is no page at all.
    if (!isDamage(error)) throw error
    return [errorText(error)]
  }
}

/** The disk is full, read-only or failing: worth another try later. */
export function isDiskRefusal(error: unknown): boolean {
  // A short read is a file that was cut.
  return /^SQLITE_(FULL|IOERR(?!_SHORT_READ)|READONLY|CANTOPEN|BUSY|LOCKED)/.test(codeOf(error)) || /^(ENOSPC|EROFS|EDQUOT|EIO|EACCES|EMFILE|ENFILE)$/.test(codeOf(error))
}

/** The file itself is wrong; trying again does not help. */
export function isDamage(error: unknown): boolean {
  if (error instanceof NewerFormatError) return false
  return error instanceof DataFileError || /^SQLITE_(CORRUPT|NOTADB|FORMAT|SCHEMA|ERROR|IOERR_SHORT_READ)/.test(codeOf(error))
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}

function isEmpty(db: Db): boolean {
  return db.prepare('SELECT count(*) AS n FROM sqlite_schema').pluck().get() === 0
}

function create(db: Db, kind: FileKind): void {
  transaction(db, () => {
    db.exec(kind.schema)
    db.pragma(`application_id = ${applicationId}`)
    db.pragma(`user_version = ${kind.version}`)
  })
}

/** Returns the file's version. */
function checkKind(db: Db, path: string, kind: FileKind): number {
  if (db.pragma('application_id', { simple: true }) !== applicationId) {
    throw new DataFileError(path, `is a SQLite file but not a solowatch ${kind.name}; move it out of the data directory`)
  }
  const version = Number(db.pragma('user_version', { simple: true }))
  if (version > kind.version) {
    throw new NewerFormatError(path, `has format version ${version} of a newer solowatch, this one reads up to ${kind.version}; start the newer version`)
  }
  if (version < 1) throw new DataFileError(path, `has no format version; it is no complete ${kind.name}`)
  return version
}

function asDataFileError(path: string, error: unknown): unknown {
  if (error instanceof DataFileError || isDiskRefusal(error)) return error
  return new DataFileError(path, errorText(error), { cause: error })
}
