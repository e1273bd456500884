// One process per data directory: an exclusive lock that the operating system drops when the process ends, however it ends.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { errorText } from '../../src/base/assert.ts'
import { DataFileError } from '../model/storageError.ts'

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

/** Whether a process has the lock of `dir` right now. */
export function isDataDirInUse(dir: string): boolean {
  if (!existsSync(join(dir, 'lock'))) return false
  try {
    lockDataDir(dir).close()
    return false
  } catch (error) {
    if (error instanceof DataFileError) return true
    throw error
  }
}
