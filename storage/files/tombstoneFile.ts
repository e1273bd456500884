// tombstones.db: which samples delete_series has hidden. The only file that knows its SQL. A tombstone hides what a series
// had in a time range until the samples themselves are gone; then it stays as long as memory still holds copies of them.

import { crc32 } from 'node:zlib'
import type { TimeRange } from '../model/sample.ts'
import { tombstonesPath } from './dataDir.ts'
import { countProblem, recount } from './rowCounts.ts'
import { openForReading, openForWriting, transaction, type Db, type FileKind } from './sqlite.ts'

const tombstoneKind: FileKind = {
  name: 'tombstone file',
  // 3: rows are counted.
  version: 3,
  schema: `
    CREATE TABLE tombstone (
      id INTEGER PRIMARY KEY,
      ref INTEGER NOT NULL,
      first_ms INTEGER NOT NULL,
      last_ms INTEGER NOT NULL,
      cleaned INTEGER NOT NULL,
      seal INTEGER
    );
  `,
  counted: ['tombstone'],
}

export type Tombstone = TimeRange & { readonly ref: number }

/** The hidden time ranges of each series, ascending and apart from each other. */
export type HiddenRanges = ReadonlyMap<number, readonly TimeRange[]>

/** The writer's side. What is added survives a power loss when the call returns. */
export class TombstoneFileWriter {
  readonly #db: Db
  #active: HiddenRanges

  /** `onDamage` is told of rows that are damaged, which hide nothing and are removed, and of rows that are gone. */
  constructor(dir: string, onDamage: (reason: string) => void) {
    this.#db = openForWriting(tombstonesPath(dir), tombstoneKind, { synchronous: 'full' })
    try {
      if (!hasSeals(this.#db)) this.#addSeals()
      const { damaged, missing } = readRows(this.#db)
      if (missing !== undefined) {
        onDamage(`tombstone: ${missing}: what the others hid may be seen again`)
        recount(this.#db, 'tombstone')
      }
      for (const id of damaged) this.#db.prepare('DELETE FROM tombstone WHERE id = ?').run(id)
      if (damaged.length > 0) onDamage(`${damaged.length} rows are damaged: what they hid may be seen again`)
      // Memory is empty at start, and what comes back from the log was appended after the cleaning's flush.
      this.#db.exec('DELETE FROM tombstone WHERE cleaned = 1')
      this.#active = this.#readActive()
    } catch (error) {
      this.#db.close()
      throw error
    }
  }

  #addSeals(): void {
    transaction(this.#db, () => {
      this.#db.exec('ALTER TABLE tombstone ADD COLUMN seal INTEGER')
      this.#seal()
    })
  }

  /** Tombstones whose samples may still be in partitions. */
  get active(): HiddenRanges {
    return this.#active
  }

  add(tombstones: readonly Tombstone[]): void {
    const insert = this.#db.prepare('INSERT INTO tombstone (ref, first_ms, last_ms, cleaned, seal) VALUES (?, ?, ?, 0, ?)')
    transaction(this.#db, () => {
      for (const { ref, minTimeMs, maxTimeMs } of tombstones) insert.run(ref, minTimeMs, maxTimeMs, sealOf(ref, minTimeMs, maxTimeMs, 0))
    })
    this.#active = this.#readActive()
  }

  /** No partition holds the hidden samples any more; memory may. */
  markCleaned(): void {
    transaction(this.#db, () => {
      this.#db.exec('UPDATE tombstone SET cleaned = 1')
      this.#seal()
    })
    this.#active = new Map()
  }

  #seal(): void {
    const update = this.#db.prepare('UPDATE tombstone SET seal = ? WHERE id = ?')
    for (const row of this.#db.prepare('SELECT id, ref, first_ms, last_ms, cleaned FROM tombstone').raw().all()) {
      const [id, ref, firstMs, lastMs, cleaned] = row as [number, number, number, number, number] // all NOT NULL
      update.run(sealOf(ref, firstMs, lastMs, cleaned), id)
    }
  }

  /** Nothing in memory is as old as the last cleaning. Returns whether there was anything to forget. */
  forgetCleaned(): boolean {
    return this.#db.prepare('DELETE FROM tombstone WHERE cleaned = 1').run().changes > 0
  }

  close(): void {
    this.#db.close()
  }

  #readActive(): HiddenRanges {
    return mergedRanges(readRows(this.#db).rows.filter(({ isCleaned }) => !isCleaned))
  }
}

/** Everything that is hidden, cleaned or not. Throws when the file cannot be read. */
export function readTombstones(dir: string): { readonly hidden: HiddenRanges; readonly damaged: number; readonly missing: string | undefined } {
  const db = openForReading(tombstonesPath(dir), tombstoneKind)
  try {
    const { rows, damaged, missing } = readRows(db)
    return { hidden: mergedRanges(rows), damaged: damaged.length, missing }
  } finally {
    db.close()
  }
}

type Row = Tombstone & { readonly isCleaned: boolean }

/** The rows that are what was written, by ref and first time, the ids of those that are not, and what is to say when there are more or fewer than were written. */
function readRows(db: Db): { readonly rows: readonly Row[]; readonly damaged: readonly number[]; readonly missing: string | undefined } {
  const isSealed = hasSeals(db)
  const rows: Row[] = []
  const damaged: number[] = []
  for (const row of db.prepare(`SELECT id, ref, first_ms, last_ms, cleaned, ${isSealed ? 'seal' : 'NULL'} FROM tombstone ORDER BY ref, first_ms`).raw().iterate()) {
    const [id, ref, minTimeMs, maxTimeMs, cleaned, seal] = row as [number, number, number, number, number, number | null]
    if (isSealed && seal !== sealOf(ref, minTimeMs, maxTimeMs, cleaned)) damaged.push(id)
    else rows.push({ ref, minTimeMs, maxTimeMs, isCleaned: cleaned === 1 })
  }
  return { rows, damaged, missing: countProblem(db, 'tombstone', rows.length + damaged.length) }
}

/** Version 1 had none. */
function hasSeals(db: Db): boolean {
  return db.prepare("SELECT count(*) FROM pragma_table_info('tombstone') WHERE name = 'seal'").pluck().get() === 1
}

function sealOf(ref: number, firstMs: number, lastMs: number, cleaned: number): number {
  return crc32(`${ref} ${firstMs} ${lastMs} ${cleaned}`)
}

/** Takes rows ordered by ref and first time. */
function mergedRanges(rows: readonly Row[]): HiddenRanges {
  const merged = new Map<number, TimeRange[]>()
  for (const { ref, minTimeMs, maxTimeMs } of rows) {
    const ranges = merged.get(ref)
    const last = ranges?.at(-1)
    if (ranges === undefined) merged.set(ref, [{ minTimeMs, maxTimeMs }])
    else if (last === undefined || minTimeMs > last.maxTimeMs + 1) ranges.push({ minTimeMs, maxTimeMs })
    else ranges[ranges.length - 1] = { minTimeMs: last.minTimeMs, maxTimeMs: Math.max(last.maxTimeMs, maxTimeMs) }
  }
  return merged
}
