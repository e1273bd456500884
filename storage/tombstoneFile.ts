// tombstones.db: which samples delete_series has hidden. The only file that knows its SQL. A tombstone hides what a series
// had in a time range until the samples themselves are gone; then it stays as long as memory still holds copies of them.

import { tombstonesPath } from './dataDir.ts'
import type { TimeRange } from './sample.ts'
import { openForReading, openForWriting, transaction, type Db, type FileKind } from './sqlite.ts'

const tombstoneKind: FileKind = {
  name: 'tombstone file',
  version: 1,
  schema: `
    CREATE TABLE tombstone (
      id INTEGER PRIMARY KEY,
      ref INTEGER NOT NULL,
      first_ms INTEGER NOT NULL,
      last_ms INTEGER NOT NULL,
      cleaned INTEGER NOT NULL
    );
  `,
}

export type Tombstone = TimeRange & { readonly ref: number }

/** The hidden time ranges of each series, ascending and apart from each other. */
export type HiddenRanges = ReadonlyMap<number, readonly TimeRange[]>

/** The writer's side. What is added survives a power loss when the call returns. */
export class TombstoneFileWriter {
  readonly #db: Db
  #active: HiddenRanges

  constructor(dir: string) {
    this.#db = openForWriting(tombstonesPath(dir), tombstoneKind, { synchronous: 'full' })
    // Memory is empty at start, and what comes back from the log was appended after the cleaning's flush.
    this.#db.exec('DELETE FROM tombstone WHERE cleaned = 1')
    this.#active = this.#readActive()
  }

  /** Tombstones whose samples may still be in partitions. */
  get active(): HiddenRanges {
    return this.#active
  }

  add(tombstones: readonly Tombstone[]): void {
    const insert = this.#db.prepare('INSERT INTO tombstone (ref, first_ms, last_ms, cleaned) VALUES (?, ?, ?, 0)')
    transaction(this.#db, () => {
      for (const { ref, minTimeMs, maxTimeMs } of tombstones) insert.run(ref, minTimeMs, maxTimeMs)
    })
    this.#active = this.#readActive()
  }

  /** No partition holds the hidden samples any more; memory may. */
  markCleaned(): void {
    this.#db.exec('UPDATE tombstone SET cleaned = 1')
    this.#active = new Map()
  }

  /** Nothing in memory is as old as the last cleaning. Returns whether there was anything to forget. */
  forgetCleaned(): boolean {
    return this.#db.prepare('DELETE FROM tombstone WHERE cleaned = 1').run().changes > 0
  }

  close(): void {
    this.#db.close()
  }

  #readActive(): HiddenRanges {
    return mergedRanges(this.#db.prepare('SELECT ref, first_ms, last_ms FROM tombstone WHERE cleaned = 0 ORDER BY ref, first_ms'))
  }
}

/** Everything that is hidden, cleaned or not. Throws when the file cannot be read. */
export function readTombstones(dir: string): HiddenRanges {
  const db = openForReading(tombstonesPath(dir), tombstoneKind)
  try {
    return mergedRanges(db.prepare('SELECT ref, first_ms, last_ms FROM tombstone ORDER BY ref, first_ms'))
  } finally {
    db.close()
  }
}

/** Takes rows `ref, first, last` ordered by ref and first. */
function mergedRanges(rows: ReturnType<Db['prepare']>): HiddenRanges {
  const merged = new Map<number, TimeRange[]>()
  for (const row of rows.raw().iterate()) {
    const [ref, minTimeMs, maxTimeMs] = row as [number, number, number] // all NOT NULL
    const ranges = merged.get(ref)
    const last = ranges?.at(-1)
    if (ranges === undefined) merged.set(ref, [{ minTimeMs, maxTimeMs }])
    else if (last === undefined || minTimeMs > last.maxTimeMs + 1) ranges.push({ minTimeMs, maxTimeMs })
    else ranges[ranges.length - 1] = { minTimeMs: last.minTimeMs, maxTimeMs: Math.max(last.maxTimeMs, maxTimeMs) }
  }
  return merged
}
