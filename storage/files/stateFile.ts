// state.db: small durable records and the notification ledger, the only file that knows its SQL. The writer thread writes
// it; what it holds is described in state.ts. Each JSON text ends with a seal over its row: a damaged row is left out, for a
// silence that is not there is better than another one.

import { crc32 } from 'node:zlib'
import type { Statement } from 'better-sqlite3'
import { countProblem, recount } from './rowCounts.ts'
import { openForReading, openForWriting, structureProblems, transaction, type Db, type FileKind } from './sqlite.ts'
import type { SyncMode } from './logFile.ts'

const stateKind: FileKind = {
  name: 'state file',
  // 3: rows are counted, which a program that replaces some without saying so would upset.
  version: 3,
  schema: `
    CREATE TABLE record (kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID;
    CREATE TABLE ledger (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      time_ms INTEGER NOT NULL,
      receiver TEXT NOT NULL,
      group_key TEXT NOT NULL,
      outcome TEXT NOT NULL,
      detail TEXT NOT NULL
    );
    CREATE INDEX ledger_time ON ledger (time_ms);
    CREATE INDEX ledger_group ON ledger (group_key, id);
    CREATE INDEX ledger_receiver ON ledger (receiver, id);
  `,
  counted: ['record', 'ledger'],
}

/** The ledger keeps the newest entries up to this number ... */
const ledgerMaxEntries = 100_000
/** ... and no older ones than this. */
const ledgerMaxAgeMs = 90 * 86_400_000
/** Entries written between two looks at the bounds. */
const ledgerTrimEvery = 500

/** A change as it crosses to the writer thread: values are JSON texts. */
export type StateRow =
  | { readonly kind: string; readonly key: string; readonly json: string | undefined }
  | { readonly ledger: { readonly timeMs: number; readonly receiver: string; readonly groupKey: string; readonly outcome: string; readonly json: string } }

export type LedgerQuery = { readonly limit: number; readonly receiver?: string; readonly groupKey?: string; readonly sinceMs?: number }

export type LedgerRow = { readonly timeMs: number; readonly receiver: string; readonly groupKey: string; readonly outcome: string; readonly json: string }

export class StateFileWriter {
  readonly #db: Db
  readonly #put: Statement<[string, string, string]>
  readonly #delete: Statement<[string, string]>
  readonly #insertLedger: Statement<[number, string, string, string, string]>
  #untrimmed = ledgerTrimEvery

  constructor(path: string, sync: SyncMode) {
    this.#db = openForWriting(path, stateKind, { synchronous: sync === 'commit' ? 'full' : 'normal' })
    this.#put = this.#db.prepare('INSERT INTO record (kind, key, value) VALUES (?, ?, ?) ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value')
    this.#delete = this.#db.prepare('DELETE FROM record WHERE kind = ? AND key = ?')
    this.#insertLedger = this.#db.prepare('INSERT INTO ledger (time_ms, receiver, group_key, outcome, detail) VALUES (?, ?, ?, ?, ?)')
  }

  /** All records as `[kind, key, json]`. `onDamage` is told of damaged ones, which are left out, and of rows that are gone. */
  records(onDamage: (reason: string) => void): [string, string, string][] {
    const records: [string, string, string][] = []
    let found = 0
    for (const [kind, key, value] of this.#db.prepare('SELECT kind, key, value FROM record').raw().iterate() as IterableIterator<[string, string, string]>) {
      found++
      const json = opened(value, [kind, key])
      if (json === undefined) onDamage(`${kind}/${key} is damaged and left out`)
      else records.push([kind, key, json])
    }
    // Of the ledger by its smallest index: the rows themselves are read when somebody asks.
    const entries = this.#db.prepare('SELECT count(*) FROM ledger').pluck().get() as number
    for (const [table, rows] of [['record', found], ['ledger', entries]] as const) {
      const problem = countProblem(this.#db, table, rows)
      if (problem === undefined) continue
      onDamage(`${table}: ${problem}; a backup of the file may have the others`)
      recount(this.#db, table)
    }
    return records
  }

  /** Writes all rows in order in one transaction. */
  write(rows: readonly StateRow[]): void {
    transaction(this.#db, () => {
      let newestMs = -Infinity
      for (const row of rows) {
        if ('ledger' in row) {
          const { timeMs, receiver, groupKey, outcome, json } = row.ledger
          this.#insertLedger.run(timeMs, receiver, groupKey, outcome, sealed(json, [timeMs, receiver, groupKey, outcome]))
          newestMs = Math.max(newestMs, timeMs)
          this.#untrimmed++
        } else if (row.json === undefined) {
          this.#delete.run(row.kind, row.key)
        } else {
          this.#put.run(row.kind, row.key, sealed(row.json, [row.kind, row.key]))
        }
      }
      if (this.#untrimmed >= ledgerTrimEvery && newestMs > -Infinity) this.#trim(newestMs)
    })
  }

  #trim(newestMs: number): void {
    this.#untrimmed = 0
    this.#db.prepare('DELETE FROM ledger WHERE time_ms < ?').run(newestMs - ledgerMaxAgeMs)
    this.#db.prepare('DELETE FROM ledger WHERE id <= (SELECT id FROM ledger ORDER BY id DESC LIMIT 1 OFFSET ?)').run(ledgerMaxEntries)
  }

  /** Newest first. */
  ledger(query: LedgerQuery): LedgerRow[] {
    return selectLedger(this.#db, query)
  }

  close(): void {
    this.#db.close()
  }
}

/** Reads everything once, for `check`. Yields what is wrong with single rows. */
export function* stateRowProblems(path: string): Generator<{ table: string; row: string; problem: string }> {
  const db = openForReading(path, stateKind)
  try {
    for (const problem of structureProblems(db)) yield { table: 'sqlite', row: '', problem }
    const found = { record: 0, ledger: 0 }
    for (const [kind, key, value] of db.prepare('SELECT kind, key, value FROM record').raw().iterate() as IterableIterator<[string, string, string]>) {
      found.record++
      if (opened(value, [kind, key]) === undefined) yield { table: 'record', row: `${kind}/${key}`, problem: 'value is damaged' }
    }
    for (const [id, detail, ...columns] of db.prepare('SELECT id, detail, time_ms, receiver, group_key, outcome FROM ledger').raw().iterate() as IterableIterator<[number, string, ...(string | number)[]]>) {
      found.ledger++
      if (opened(detail, columns) === undefined) yield { table: 'ledger', row: String(id), problem: 'detail is damaged' }
    }
    for (const [table, rows] of Object.entries(found)) {
      const problem = countProblem(db, table, rows)
      if (problem !== undefined) yield { table, row: '', problem }
    }
  } finally {
    db.close()
  }
}

function selectLedger(db: Db, query: LedgerQuery): LedgerRow[] {
  const where: string[] = []
  const values: (string | number)[] = []
  if (query.receiver !== undefined) {
    where.push('receiver = ?')
    values.push(query.receiver)
  }
  if (query.groupKey !== undefined) {
    where.push('group_key = ?')
    values.push(query.groupKey)
  }
  if (query.sinceMs !== undefined) {
    where.push('time_ms >= ?')
    values.push(query.sinceMs)
  }
  const filter = where.length === 0 ? '' : `WHERE ${where.join(' AND ')}`
  const rows = db
    .prepare(`SELECT time_ms AS timeMs, receiver, group_key AS groupKey, outcome, detail AS json FROM ledger ${filter} ORDER BY id DESC LIMIT ?`)
    .all(...values, query.limit)
  return (rows as LedgerRow[]).flatMap((row) => {
    const json = opened(row.json, [row.timeMs, row.receiver, row.groupKey, row.outcome])
    return json === undefined ? [] : [{ ...row, json }]
  })
}

/** Ends the JSON text with a line that tells whether it and the row's other columns are what was written. */
function sealed(json: string, columns: readonly (string | number)[]): string {
  return `${json}\n${sealOf(json, columns)}`
}

function sealOf(json: string, columns: readonly (string | number)[]): string {
  return crc32(JSON.stringify([...columns, json])).toString(16).padStart(8, '0')
}

/** The JSON text without its seal; `undefined` when the row is damaged. Version 1 had no seals. */
function opened(text: unknown, columns: readonly (string | number)[]): string | undefined {
  if (typeof text !== 'string') return undefined // null, in rows of a tree that was cut
  const at = text.length - 9
  if (text[at] !== '\n') return isJson(text) ? text : undefined
  const json = text.slice(0, at)
  return text.slice(at + 1) === sealOf(json, columns) ? json : undefined
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
