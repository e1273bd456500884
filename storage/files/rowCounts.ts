// How many rows the tables of a file have, counted in the file by triggers, within each transaction: SQLite notices a page that
// makes no sense, but not one that has fewer rows than were written. It does not know what the rows mean.

import type Database from 'better-sqlite3'

type Db = Database.Database

const insertCount = (table: string) => `INSERT OR REPLACE INTO row_count SELECT '${table}', count(*), ${sealSql('count(*)')} FROM ${table};`

const trigger = (table: string, event: 'INSERT' | 'DELETE', count: string) => `
  CREATE TRIGGER ${table}_${event.toLowerCase()} AFTER ${event} ON ${table} BEGIN
    UPDATE row_count SET count = ${count}, seal = ${sealSql(count)} WHERE name = '${table}';
  END;`

/** From now on the file counts its rows. `INSERT OR REPLACE` must not replace any of them: SQLite runs no trigger for those that go. */
export function beginCounting(db: Db, tables: readonly string[]): void {
  db.exec('CREATE TABLE row_count (name TEXT PRIMARY KEY, count INTEGER NOT NULL, seal INTEGER NOT NULL) WITHOUT ROWID')
  for (const table of tables) db.exec(insertCount(table) + trigger(table, 'INSERT', 'count + 1') + trigger(table, 'DELETE', 'count - 1'))
}

/** Whether `beginCounting` has been called on the file. */
export function isCounting(db: Db): boolean {
  return db.prepare("SELECT count(*) FROM sqlite_schema WHERE name = 'row_count'").pluck().get() === 1
}

/** What is wrong when the table has `found` rows; `undefined` when that is right, or when the file is from before rows were counted. */
export function countProblem(db: Db, table: string, found: number): string | undefined {
  if (!isCounting(db)) return undefined
  const row = db.prepare(`SELECT count, seal = ${sealSql('count')} FROM row_count WHERE name = ?`).raw().get(table) as [count: number, isRight: number] | undefined
  if (row?.[1] !== 1) return `how many rows it had cannot be read; it has ${found}`
  return row[0] === found ? undefined : `has ${found} rows, ${row[0]} were written`
}

/** Takes the rows that are there for all there are. */
export function recount(db: Db, table: string): void {
  db.exec(insertCount(table))
}

/** A few bits that are wrong make another seal. */
function sealSql(count: string): string {
  return `(${count} + 1) * 2654435761 % 4294967296`
}
