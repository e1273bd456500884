import { readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { useTempDirs } from '../../test/helpers/tempDir.ts'
import { LogSegmentReader, LogSegmentWriter } from './logFile.ts'

const tempDir = useTempDirs()
const body = (number: number, bytes = 3000) => new Uint8Array(bytes).fill(number)

/** A closed segment with one record per commit. */
function writeSegment(records: number): string {
  const path = join(tempDir(), '00000001.db')
  const segment = new LogSegmentWriter(path, 'interval')
  for (let number = 1; number <= records; number++) {
    segment.begin()
    segment.add(number, body(number))
    segment.commit()
  }
  segment.close()
  return path
}

function readNumbers(path: string, after = 0): number[] {
  const reader = new LogSegmentReader(path)
  try {
    return [...reader.after(after)].map((record) => {
      expect(record.body).toEqual(Buffer.from(body(record.number)))
      return record.number
    })
  } finally {
    reader.close()
  }
}

function walDamage(path: string): ReturnType<LogSegmentReader['walDamage']> {
  const reader = new LogSegmentReader(path)
  try {
    return reader.walDamage()
  } finally {
    reader.close()
  }
}

describe('a log segment', () => {
  it('gives its records back in order', () => {
    const path = writeSegment(20)
    expect(readNumbers(path)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
    expect(readNumbers(path, 18)).toEqual([19, 20])
  })

  it('stays in its write-ahead log when it is closed', () => {
    const path = writeSegment(20)
    expect(readFileSync(`${path}-wal`).length).toBeGreaterThan(60_000)
    expect(readFileSync(path).length).toBeLessThanOrEqual(4096)
    expect(walDamage(path)).toBeUndefined()
  })

  it('has nothing of a commit that was rolled back', () => {
    const path = join(tempDir(), '00000001.db')
    const segment = new LogSegmentWriter(path, 'commit')
    segment.begin()
    segment.add(1, body(1))
    segment.rollback()
    segment.begin()
    segment.add(1, body(1))
    segment.commit()
    segment.close()
    expect(readNumbers(path)).toEqual([1])
  })

  it('ends before a commit whose tail is cut, which is no damage', () => {
    const path = writeSegment(20)
    truncateSync(`${path}-wal`, readFileSync(`${path}-wal`).length - 100)
    expect(readNumbers(path)).toEqual(Array.from({ length: 19 }, (_, i) => i + 1))
    expect(walDamage(path)).toBeUndefined()
  })

  it('tells where a flipped byte has cut it short', () => {
    const path = writeSegment(20)
    const wal = readFileSync(`${path}-wal`)
    const at = Math.floor(wal.length / 2)
    wal[at] = (wal[at] ?? 0) ^ 1
    writeFileSync(`${path}-wal`, wal)
    const damage = walDamage(path)
    expect(damage?.offset).toBeLessThanOrEqual(at)
    expect(damage?.offset).toBeGreaterThan(at - 4200)
    const numbers = readNumbers(path)
    expect(numbers.length).toBeGreaterThan(5)
    expect(numbers.length).toBeLessThan(15)
  })
})
