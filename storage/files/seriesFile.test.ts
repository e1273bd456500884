import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { useTempDirs } from '../../test/helpers/tempDir.ts'
import { decodeSeriesPage, SeriesFileReader, SeriesFileWriter, seriesPerPage, type SeriesRow } from './seriesFile.ts'

const tempDir = useTempDirs()
const row = (ref: number): SeriesRow => ({ ref, labelBytes: new TextEncoder().encode(`labels of ${ref}`) })
const meta = { flushedRecord: 7, maxRef: 2000, maxTimeMs: 1_795_426_500_000 }

function read(path: string) {
  const reader = new SeriesFileReader(path)
  try {
    const pages = [...reader.pages()]
    const rows = pages.flatMap((page) => decodeSeriesPage(page.packed).map(({ ref, labelBytes }) => `${ref}: ${new TextDecoder().decode(labelBytes)}`))
    return { meta: reader.meta(), rows, problems: pages.filter((page) => page.problem !== undefined).map((page) => page.page), lifetimes: reader.lifetimes() }
  } finally {
    reader.close()
  }
}

function openWriter(path: string): SeriesFileWriter {
  return new SeriesFileWriter(path, (reason) => expect.fail(reason))
}

describe('the series file', () => {
  it('gives back series that came in several flushes, by ref', () => {
    const path = join(tempDir(), 'series.db')
    const writer = openWriter(path)
    writer.commit([row(1), row(2), row(600)], meta)
    writer.commit([row(3), row(1500)], { ...meta, flushedRecord: 9 })
    writer.close()
    const found = read(path)
    expect(found.rows).toEqual([1, 2, 3, 600, 1500].map((ref) => `${ref}: labels of ${ref}`))
    expect(found.meta).toEqual({ ...meta, flushedRecord: 9 })
  })

  it('takes the same series again without harm', () => {
    const path = join(tempDir(), 'series.db')
    const writer = openWriter(path)
    writer.commit([row(1), row(2)], meta)
    writer.commit([row(2), row(3)], meta)
    writer.close()
    expect(read(path).rows).toHaveLength(3)
  })

  it('widens lifetimes, also over a restart', () => {
    const path = join(tempDir(), 'series.db')
    let writer = openWriter(path)
    writer.extendLifetime(5, 100, 200)
    writer.commit([row(5)], meta)
    writer.close()
    writer = openWriter(path)
    writer.extendLifetime(5, 150, 300)
    writer.extendLifetime(6, 10, 20)
    writer.commit([row(6)], meta)
    writer.close()
    const page = read(path).lifetimes.get(0)
    expect([page?.[10], page?.[11], page?.[12], page?.[13]]).toEqual([100, 300, 10, 20])
    expect(page?.[14]).toBe(Infinity)
  })

  it('gives back the other pages when one is damaged', () => {
    const path = join(tempDir(), 'series.db')
    const writer = openWriter(path)
    writer.commit([row(1), row(seriesPerPage + 1), row(2 * seriesPerPage + 1)], meta)
    writer.close()
    const db = new Database(path)
    db.exec(`UPDATE series SET body = x'00' WHERE page = 1`)
    db.close()
    const found = read(path)
    expect(found.problems).toEqual([1])
    expect(found.rows).toHaveLength(2)
  })

  it('of a newer version is refused with the way out', () => {
    const path = join(tempDir(), 'series.db')
    openWriter(path).close()
    const db = new Database(path)
    db.pragma('user_version = 4')
    db.close()
    expect(() => new SeriesFileReader(path)).toThrow(/series\.db: has format version 4 of a newer solowatch, this one reads up to 3; start the newer version/)
  })

  it('is not any SQLite file', () => {
    const path = join(tempDir(), 'series.db')
    const db = new Database(path)
    db.exec('CREATE TABLE other (a)')
    db.close()
    expect(() => openWriter(path)).toThrow(/is a SQLite file but not a solowatch series file/)
  })
})
