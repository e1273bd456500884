// One process per data directory: an exclusive lock that the operating system drops when the process ends, however it ends.

import { join } from 'node:path'
import Database from 'better-sqlite3'
import { errorText } from '../src/base/assert.ts'
import { DataFileError } from './storageError.ts'

/** Takes the lock of `dir`. Throws `DataFileError` when another process has it. */
export function lockDataDir(dir: string): { close(): void } {
  const path = join(dir, 'lock')
  const db = new Database(path, { timeout: 0 })
  try {
    // SQLite's own locking, because Node has no call for it.
    db.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    db.close()
    if (/locked/.test(errorText(error))) throw new DataFileError(path, 'the data directory is in use by another process; stop that one or choose another directory', { cause: error })
    throw error
  }
  return db
}
