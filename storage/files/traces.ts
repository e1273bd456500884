// What SQLite lays beside a file that is only read: a tool that looks into a directory leaves it as it was. It does not know
// what is in the files.

import { existsSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { isDamage } from './sqlite.ts'
import { listCompanions } from './dataDir.ts'
import { lockDataDir } from './lock.ts'

/** Runs `work`, which reads files of `dir`, and takes away what lies beside them since then; not when a server has the directory by then, as it may be its. */
export function leavingNoTrace<T>(dir: string, work: () => T): T {
  const before = new Set(listCompanions(dir))
  try {
    return work()
  } finally {
    const traces = listCompanions(dir).filter((path) => !before.has(path) && isEmpty(path))
    if (traces.length > 0) unlessInUse(dir, () => traces.forEach((path) => rmSync(path, { force: true })))
  }
}

/** Whether nothing was written that is not in the database: a write-ahead log may hold something, what is shared with other readers of it does not. */
function isEmpty(path: string): boolean {
  return path.endsWith('-shm') || statSync(path, { throwIfNoEntry: false })?.size === 0
}

function unlessInUse(dir: string, work: () => void): void {
  // Where no server ever was there is nobody to lock out, and there shall be no lock.
  if (!existsSync(join(dir, 'lock'))) return work()
  let lock: { close(): void }
  try {
    lock = lockDataDir(dir)
  } catch (error) {
    if (isDamage(error)) return
    throw error
  }
  try {
    work()
  } finally {
    lock.close()
  }
}
