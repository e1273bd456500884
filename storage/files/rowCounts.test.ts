// Rows that are gone without SQLite noticing: a start and the check say so.

import { rmSync } from 'node:fs'
import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { openTestStorage, readSamples } from '../../test/helpers/testStorage.ts'
import { checkDataDir } from '../inspection/check.ts'
import { labelsFrom } from '../model/labels.ts'
import { createMatcher } from '../model/matcher.ts'
import { partitionsDir, seriesPath, statePath, tombstonesPath } from './dataDir.ts'

const day = Date.UTC(2026, 10, 24)

/** A closed directory in which each table has a few rows, all on one page. */
async function directory(): Promise<string> {
  const storage = await openTestStorage({ nowMs: () => day })
  const appender = storage.appender()
  for (const job of ['a', 'b']) appender.append(labelsFrom({ __name__: 'up', job }), day, 1)
  await appender.commit()
  for (const id of ['a', 'b', 'c']) await storage.state.write([{ kind: 'silence', key: id, value: id }, { ledger: { timeMs: day, receiver: id, groupKey: '', outcome: 'sent', detail: id } }])
  for (const job of ['a', 'b']) await storage.deleteSeries([[createMatcher('job', '=', job)]], { minTimeMs: day, maxTimeMs: day })
  await storage.close()
  return storage.dir
}

/** Takes a row away in a way that SQLite finds nothing wrong with. */
function loseRow(path: string, table: 'record' | 'ledger' | 'tombstone' | 'series'): void {
  const key = { record: 'key', ledger: 'id', tombstone: 'id', series: 'page' }[table]
  const db = new Database(path)
  const count = db.prepare('SELECT count, seal FROM row_count WHERE name = ?').get(table) as { count: number; seal: number }
  db.exec(`DELETE FROM ${table} WHERE ${key} = (SELECT max(${key}) FROM ${table})`)
  db.prepare('UPDATE row_count SET count = ?, seal = ? WHERE name = ?').run(count.count, count.seal, table)
  db.close()
}

describe('a row that has vanished', () => {
  const found = (table: Parameters<typeof loseRow>[1], pathOf: (dir: string) => string, problem: string, told: string) =>
    it(`from ${table} is found by the check, and told once by a start`, async () => {
      const dir = await directory()
      loseRow(pathOf(dir), table)
      // Their series may be what has vanished.
      rmSync(partitionsDir(dir), { recursive: true })
      expect(checkDataDir(dir).problems).toEqual([expect.objectContaining({ file: pathOf(dir), table, problem, wayOut: expect.stringContaining('restore the file from a backup') })])
      const storage = await openTestStorage({ dir, nowMs: () => day })
      expect(storage.logLines.filter((line) => line.includes('A file is damaged'))).toEqual([expect.stringContaining(told)])
      expect(storage.stats().corruptionCount).toBe(1)
      // What is written from now on is counted from what is there.
      await storage.state.write([{ kind: 'silence', key: 'd', value: 'd' }, { kind: 'silence', key: 'a', value: undefined }])
      await storage.close()
      const again = await openTestStorage({ dir, nowMs: () => day })
      expect(again.stats().corruptionCount).toBe(0)
    })
  found('record', statePath, 'has 2 rows, 3 were written', 'record: has 2 rows, 3 were written')
  found('tombstone', tombstonesPath, 'has 1 rows, 2 were written', 'tombstone: has 1 rows, 2 were written: what the others hid may be seen again')
  found('series', seriesPath, 'has 0 rows, 1 were written', 'series: has 0 rows, 1 were written')

  it('from the ledger is found by the check', async () => {
    const dir = await directory()
    loseRow(statePath(dir), 'ledger')
    expect(checkDataDir(dir).problems).toEqual([expect.objectContaining({ file: statePath(dir), table: 'ledger', problem: 'has 2 rows, 3 were written' })])
  })

  it('is none when rows are replaced and deleted, or the file is from before rows were counted', async () => {
    const dir = await directory()
    for (const path of [statePath(dir), tombstonesPath(dir), seriesPath(dir)]) {
      const db = new Database(path)
      for (const trigger of db.prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'").pluck().all()) db.exec(`DROP TRIGGER ${trigger}`)
      db.exec('DROP TABLE row_count')
      db.pragma('user_version = 2')
      db.close()
    }
    expect(checkDataDir(dir).problems).toEqual([])
    for (let run = 0; run < 3; run++) {
      const storage = await openTestStorage({ dir, nowMs: () => day + run })
      expect(storage.stats().corruptionCount).toBe(0)
      const appender = storage.appender()
      appender.append(labelsFrom({ __name__: 'up', job: `run ${run}` }), day + run, 1)
      await appender.commit()
      await storage.state.write([{ kind: 'silence', key: 'a', value: run }, { kind: 'silence', key: 'b', value: undefined }, { kind: 'silence', key: `run ${run}`, value: run }])
      expect(storage.state.load('silence').size).toBe(3 + run)
      expect(Object.keys(readSamples(storage)).length).toBe(1 + run)
      await storage.close()
    }
  })
})
