import { spawnSync } from 'node:child_process'
import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import Database from 'better-sqlite3'
import { listCompanions } from '../../storage/files/dataDir.ts'
import { labelsFrom } from '../../storage/model/labels.ts'
import { openTestStorage, testDataDir } from '../../test/helpers/testStorage.ts'
import { join } from 'node:path'

const day = Date.UTC(2026, 10, 24)

function solowatch(...args: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['src/main.ts', ...args], { encoding: 'utf8' })
  return { status, output: stdout + stderr }
}

async function smallDirectory(): Promise<string> {
  const storage = await openTestStorage()
  const appender = storage.appender()
  for (let i = 0; i < 3; i++) appender.append(labelsFrom({ __name__: 'up', job: 'node' }), day + i * 15_000, i)
  await appender.commit()
  await storage.close()
  return storage.dir
}

// Each line is a process of its own.
describe('solowatch check and inspect', { timeout: 90_000 }, () => {
  it('checks, and lists partitions, series, chunks and log', async () => {
    const dir = await smallDirectory()
    // The check of the test's storage has left some.
    for (const path of listCompanions(dir)) rmSync(path)
    const files = readdirSync(dir, { recursive: true }).sort()
    expect(solowatch('check', dir)).toEqual({ status: 0, output: expect.stringMatching(/^ok: 1 series, 3 samples in 1 chunks of 1 partitions, 0 log records, /) })
    const { output } = solowatch('inspect', dir)
    expect(output).toMatch(/^2026-11-24\.1\.db {2}3 samples {2}1 chunks \(1 not compacted\)/)
    expect(output).toMatch(/ +\d+ B +1 chunks +3 samples {2}whole numbers, packed\n +\d+ B +1 rows +0 samples {2}times\n$/)
    expect(solowatch('inspect', dir, 'chunks').output).toMatch(/^1 {2}2026-11-24\.1\.db {2}slot 0 {2}3 samples .* B {2}whole numbers, packed\n$/)
    expect(solowatch('inspect', dir, 'series').output).toBe('1  up{job="node"}  2026-11-24T00:00:00.000Z to 2026-11-24T00:00:30.000Z\n')
    expect(solowatch('inspect', dir, 'chunk', '1').output).toContain(`  ${day + 15_000}  1\n`)
    expect(solowatch('inspect', dir, 'wal').output).toBe('records up to 1 are in partitions\n')
    expect(readdirSync(dir, { recursive: true }).sort()).toEqual(files)
  })

  it('ends with 1 and a line that names file, row and way out when something is wrong', async () => {
    const dir = await smallDirectory()
    const db = new Database(join(dir, 'partitions', '2026-11-24.1.db'))
    db.exec(`UPDATE chunk SET body = x'00'`)
    db.close()
    const { status, output } = solowatch('inspect', dir, 'check')
    expect(status).toBe(1)
    expect(output).toContain('2026-11-24.1.db chunk series 1, slot 0: its values are gone or the row is not what was written (restore the file from a backup; queries leave the chunk out)')
  })

  it('lists what can be read beside a file that cannot', async () => {
    const dir = await smallDirectory()
    const before = solowatch('inspect', dir).output
    for (const path of ['partitions/2026-11-23.1.db', 'log/00000009.db', 'checkpoints/00000009.db']) writeFileSync(join(dir, path), 'no database, but some text')
    expect(solowatch('inspect', dir)).toEqual({ status: 1, output: `${before}partitions/2026-11-23.1.db  damaged: ${join(dir, 'partitions/2026-11-23.1.db')}: file is not a database\n` })
    expect(solowatch('inspect', dir, 'chunks')).toMatchObject({ status: 1, output: expect.stringMatching(/^1 {2}2026-11-24.*\npartitions\/2026-11-23\.1\.db {2}damaged: .*\n$/) })
    expect(solowatch('inspect', dir, 'chunk', '1').output).toContain(`  ${day + 15_000}  1\n`)
    expect(solowatch('inspect', dir, 'wal').output).toMatch(/^records up to 1 .*\ncheckpoints\/00000009\.db {2}damaged: .*\nlog\/00000009\.db {2}damaged: .*\n$/)
  })

  it('says how it is used', () => {
    expect(solowatch('inspect').status).toBe(2)
    expect(solowatch('check').status).toBe(2)
    expect(solowatch('inspect', testDataDir(), 'nonsense')).toEqual({ status: 2, output: expect.stringContaining('there is no command nonsense') })
    expect(solowatch('check', '/nonexistent')).toEqual({ status: 2, output: '/nonexistent: there is no such directory\n' })
  })
})
