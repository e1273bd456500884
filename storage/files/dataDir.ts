// The layout of a data directory: which file lies where and what its name says. No file contents here; those are in the
// one module per kind of file (logFile.ts, partitionFile.ts, seriesFile.ts, stateFile.ts).

import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'

export const dayMs = 86_400_000

/** What of a database file lies beside it while it is in use. */
const companions = ['-wal', '-shm', '-journal']

export function logDir(dir: string): string {
  return join(dir, 'log')
}

export function partitionsDir(dir: string): string {
  return join(dir, 'partitions')
}

export function checkpointsDir(dir: string): string {
  return join(dir, 'checkpoints')
}

/** Where damaged files go, out of the way but not deleted. */
function asideDir(dir: string): string {
  return join(dir, 'damaged')
}

export function seriesPath(dir: string): string {
  return join(dir, 'series.db')
}

export function statePath(dir: string): string {
  return join(dir, 'state.db')
}

export function tombstonesPath(dir: string): string {
  return join(dir, 'tombstones.db')
}

/** Where snapshots of the directory go, below it. */
export function snapshotsDir(dir: string): string {
  return join(dir, 'snapshots')
}

/** Creates the directories of a data directory. */
export function createDataDir(dir: string): void {
  for (const path of [dir, logDir(dir), checkpointsDir(dir), partitionsDir(dir)]) mkdirSync(path, { recursive: true })
}

export type NumberedFile = { readonly path: string; readonly number: number }

export function logSegmentPath(dir: string, number: number): string {
  return numberedPath(logDir(dir), number)
}

/** The segments of the sample log, oldest first. */
export function listLogSegments(dir: string): NumberedFile[] {
  return listNumbered(logDir(dir))
}

export function checkpointPath(dir: string, number: number): string {
  return numberedPath(checkpointsDir(dir), number)
}

/** Oldest first. */
export function listCheckpoints(dir: string): NumberedFile[] {
  return listNumbered(checkpointsDir(dir))
}

function numberedPath(dir: string, number: number): string {
  return join(dir, `${String(number).padStart(8, '0')}.db`)
}

function listNumbered(dir: string): NumberedFile[] {
  const found = names(dir).flatMap((name) => {
    const match = /^(\d{8,})\.db$/.exec(name)
    return match === null ? [] : [{ path: join(dir, name), number: Number(match[1]) }]
  })
  return found.sort((a, b) => a.number - b.number)
}

export type Partition = {
  readonly path: string
  /** Start of its UTC day. */
  readonly startMs: number
  /** Grows by one each time compaction rewrites the day; the highest one counts. */
  readonly generation: number
}

/** `startMs` is that of a UTC day. */
export function partitionPath(dir: string, startMs: number, generation: number): string {
  return join(partitionsDir(dir), `${dayName(startMs)}.${generation}.db`)
}

/** `2026-11-24`; days before year 0 or after 9999 as ISO 8601 extends them. */
function dayName(startMs: number): string {
  return new Date(startMs).toISOString().replace(/T.*$/, '')
}

/** Start of the UTC day that `timeMs` lies in. */
export function dayStartMs(timeMs: number): number {
  return Math.floor(timeMs / dayMs) * dayMs
}

/** The partition files, oldest day first and the highest generation of each; `superseded` are the lower ones. */
export function listPartitions(dir: string): { current: Partition[]; superseded: Partition[] } {
  const current = new Map<number, Partition>()
  const superseded: Partition[] = []
  for (const name of names(partitionsDir(dir))) {
    const match = /^([+-]?\d{4,6}-\d\d-\d\d)\.(\d+)\.db$/.exec(name)
    const startMs = match === null ? NaN : Date.parse(`${match[1]}T00:00:00Z`)
    if (Number.isNaN(startMs)) continue
    const partition = { path: join(partitionsDir(dir), name), startMs, generation: Number(match?.[2]) }
    const other = current.get(startMs)
    if (other === undefined || other.generation < partition.generation) {
      current.set(startMs, partition)
      if (other !== undefined) superseded.push(other)
    } else {
      superseded.push(partition)
    }
  }
  return { current: [...current.values()].sort((a, b) => a.startMs - b.startMs), superseded }
}

/** Where the file that will be `path` is built. Left over, it is deleted at the next start. */
export function buildingPath(path: string): string {
  return `${path}.building`
}

/** Deletes what an interrupted compaction, checkpoint or snapshot left. */
export function removeBuildings(dir: string): void {
  for (const name of names(snapshotsDir(dir))) if (name.endsWith('.building')) rmSync(join(snapshotsDir(dir), name), { recursive: true, force: true })
  for (const built of [partitionsDir(dir), checkpointsDir(dir)]) {
    for (const name of names(built)) if (name.includes('.db.building')) rmSync(join(built, name), { force: true })
  }
}

/** What lies beside the database files of a directory. */
export function listCompanions(dir: string): string[] {
  return [dir, logDir(dir), checkpointsDir(dir), partitionsDir(dir)].flatMap((folder) =>
    names(folder).filter((name) => companions.some((suffix) => name.endsWith(`.db${suffix}`))).map((name) => join(folder, name)),
  )
}

/** Bytes of a database file with what lies beside it. */
export function databaseBytes(path: string): number {
  let bytes = 0
  for (const suffix of ['', ...companions]) bytes += statSync(path + suffix, { throwIfNoEntry: false })?.size ?? 0
  return bytes
}

/** With what lies beside it; nothing happens when it is not there. */
export function removeDatabase(path: string): void {
  for (const suffix of ['', ...companions]) rmSync(path + suffix, { force: true })
}

/** Moves a damaged database out of the way. Returns where it is now. */
export function setAside(dir: string, path: string): string {
  mkdirSync(asideDir(dir), { recursive: true })
  const to = join(asideDir(dir), basename(path))
  let free = to
  for (let n = 1; existsSync(free); n++) free = `${to}.${n}`
  for (const suffix of ['', ...companions]) if (existsSync(path + suffix)) renameSync(path + suffix, free + suffix)
  return free
}

/** Brings a file to the disk. */
export function syncFile(path: string): void {
  const fd = openSync(path, 'r+')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Makes created, renamed and deleted names in `path` survive a power loss. */
export function syncDirectory(path: string): void {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

function names(path: string): string[] {
  return existsSync(path) ? readdirSync(path) : []
}
