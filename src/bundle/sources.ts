// What a bundle was made of, and whether that is still what it was. By content: times change when an installation is copied,
// and stay when a file is replaced by an older one.

import { closeSync, existsSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'

/** In the bundle's folder. */
export const recordName = 'bundle.json'

export type BundleRecord = {
  /** Checksum of each source by its path, which counts from the root of the installation. */
  readonly sources: { readonly [path: string]: number }
  /** Names of the files of the bundle. */
  readonly files: readonly string[]
}

/** Notes what the sources are now: the bundle in `folder` is made of them. */
export function writeRecord(folder: string, { root, sources, files }: { readonly root: string; readonly sources: readonly string[]; readonly files: readonly string[] }): void {
  const checksum = createChecksum()
  const record: BundleRecord = { sources: Object.fromEntries(sources.map((path) => [path, checksum(join(root, path))])), files }
  writeFileSync(join(folder, recordName), JSON.stringify(record))
}

/** What `writeRecord` wrote; undefined when there is no bundle. */
export function readRecord(folder: string): BundleRecord | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, recordName), 'utf8'))
  } catch {
    return undefined
  }
}

/** Whether there is a bundle in `folder`, with all its files, and all that it was made of is what it was. */
export function isUpToDate(root: string, folder: string): boolean {
  const record = readRecord(folder)
  if (record === undefined || !record.files.every((name) => existsSync(join(folder, name)))) return false
  const checksum = createChecksum()
  try {
    return Object.entries(record.sources).every(([path, expected]) => checksum(join(root, path)) === expected)
  } catch {
    return false // One of them is gone.
  }
}

/** Gives the checksum of a file. All are read into one buffer: there are hundreds, and a start waits for them. */
function createChecksum(): (path: string) => number {
  const buffer = Buffer.allocUnsafe(64 * 1024)
  return (path) => {
    const file = openSync(path, 'r')
    try {
      let sum = 0
      for (let length = readSync(file, buffer); length > 0; length = readSync(file, buffer)) sum = crc32(buffer.subarray(0, length), sum)
      return sum
    } finally {
      closeSync(file)
    }
  }
}
