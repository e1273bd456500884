// A consistent copy of a data directory: partitions, series, tombstones, state and, unless left out, checkpoints and log. The
// writer thread makes it in steps between two group commits. Nothing but the log and the state changes meanwhile, because
// flushes, checkpoints and deletions wait for their turn; log segments are closed before they are copied, and the state is
// copied in one step.

import { closeSync, constants, copyFileSync, existsSync, fsyncSync, mkdirSync, openSync, readSync, renameSync, rmSync, statSync, writeSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import Database from 'better-sqlite3'
import { checkpointsDir, createDataDir, listCheckpoints, listLogSegments, listPartitions, logDir, partitionsDir, seriesPath, statePath, syncDirectory, tombstonesPath } from '../files/dataDir.ts'
import { lockDataDir } from '../files/lock.ts'

/** Bytes copied between two looks at the queue: a few milliseconds. */
const bytesPerStep = 4 * 1024 * 1024

export type SnapshotOptions = {
  readonly dir: string
  /** A directory that does not exist yet. It appears under this name when it is complete. */
  readonly target: string
  /** Without the log, samples that are not in partitions yet are left out. */
  readonly withLog: boolean
}

/** Each `next()` is one step. The newest log segment must have been closed in the same turn as the first step. Throws when the disk refuses; then no target is left. */
export function* snapshotSteps({ dir, target, withLog }: SnapshotOptions): Generator<void, void> {
  const building = `${target}.building`
  const segments = withLog ? listLogSegments(dir) : []
  const checkpoints = withLog ? listCheckpoints(dir) : []
  rmSync(building, { recursive: true, force: true })
  try {
    createDataDir(building)
    yield* copyDatabase(statePath(dir), building, Infinity)
    yield* copyDatabase(tombstonesPath(dir), building, Infinity)
    yield
    yield* copyDatabase(seriesPath(dir), building, bytesPerStep)
    for (const { path } of listPartitions(dir).current) yield* copyDatabase(path, partitionsDir(building), bytesPerStep)
    for (const { path } of checkpoints) yield* copyDatabase(path, checkpointsDir(building), bytesPerStep)
    for (const { path } of segments) for (const suffix of ['', '-wal']) yield* copyFile(path + suffix, join(logDir(building), basename(path) + suffix), bytesPerStep)
    for (const path of [building, logDir(building), checkpointsDir(building), partitionsDir(building)]) syncDirectory(path)
    renameSync(building, target)
    syncDirectory(dirname(target))
  } finally {
    rmSync(building, { recursive: true, force: true })
  }
}

/** Copies a data directory that no process uses. Throws `DataFileError` when one does. */
export function copyClosedDataDir(dir: string, target: string): void {
  const lock = lockDataDir(dir)
  try {
    mkdirSync(dirname(target), { recursive: true })
    for (const _ of snapshotSteps({ dir, target, withLog: true }));
  } finally {
    lock.close()
  }
}

/** A database file with what its write-ahead log holds, in one file. */
function* copyDatabase(path: string, toDir: string, stepBytes: number): Generator<void, void> {
  if (!existsSync(path)) return
  const to = join(toDir, basename(path))
  yield* copyFile(path, to, stepBytes)
  if ((statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) === 0) return
  yield* copyFile(`${path}-wal`, `${to}-wal`, stepBytes)
  const copy = new Database(to)
  try {
    copy.pragma('wal_checkpoint(TRUNCATE)')
  } finally {
    copy.close()
  }
}

/** The bytes of a file, on the disk when it is done; shared with the original where the file system can do that. */
function* copyFile(path: string, to: string, stepBytes: number): Generator<void, void> {
  if (!existsSync(path)) return
  try {
    copyFileSync(path, to, constants.COPYFILE_FICLONE_FORCE)
    return
  } catch {
    // Most file systems cannot.
  }
  const from = openSync(path, 'r')
  try {
    const out = openSync(to, 'w')
    try {
      const buffer = Buffer.allocUnsafe(Math.min(stepBytes, bytesPerStep))
      let copied = 0
      for (let length = readSync(from, buffer); length > 0; length = readSync(from, buffer)) {
        for (let written = 0; written < length; ) written += writeSync(out, buffer, written, length - written)
        copied += length
        if (copied >= stepBytes) {
          copied = 0
          yield
        }
      }
      fsyncSync(out)
    } finally {
      closeSync(out)
    }
  } finally {
    closeSync(from)
  }
}
