import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openTestStorage as open, readSamples, testDataDir, type TestStorage } from '../../test/helpers/testStorage.ts'
import { labelsFrom } from '../model/labels.ts'
import { createMatcher } from '../model/matcher.ts'
import { copyClosedDataDir } from './snapshot.ts'

const day = Date.UTC(2026, 10, 24)
const series = Array.from({ length: 50 }, (_, i) => labelsFrom({ __name__: 'up', instance: `host-${i}` }))
const options = { nowMs: () => day + 86_400_000 }

/** One sample of each series. */
async function appendRound(storage: TestStorage, round: number): Promise<void> {
  const appender = storage.appender()
  for (const labels of series) appender.append(labels, day + round * 15_000, round)
  await appender.commit()
}

function roundsIn(storage: TestStorage): number[] {
  const samples = Object.values(readSamples(storage))
  expect(new Set(samples.map((one) => one.length)).size).toBeLessThanOrEqual(1)
  return (samples[0] ?? []).map(([, value]) => Number(value))
}

const countTo = (count: number) => Array.from({ length: count }, (_, i) => i)

describe('a snapshot', () => {
  it('under ingest has everything that was acknowledged before the call, and opens', async () => {
    const storage = await open({ ...options, segmentBytes: 20_000 })
    let acknowledged = 0
    let isDone = false
    const ingest = (async () => {
      for (let round = 0; !isDone; round++) {
        await appendRound(storage, round)
        acknowledged = round + 1
        if (round % 40 === 39) void storage.flush().then(() => storage.maintain())
      }
    })()
    for (let i = 0; i < 4; i++) {
      await expect.poll(() => acknowledged, { timeout: 20_000 }).toBeGreaterThan(60 * (i + 1))
      const before = acknowledged
      const name = await storage.snapshot({ skipHead: false })
      expect(name).toMatch(/^20261125T000000Z-[0-9a-f]{16}$/)
      const copy = await open({ ...options, dir: join(storage.dir, 'snapshots', name) })
      const rounds = roundsIn(copy)
      expect(rounds.length).toBeGreaterThanOrEqual(before)
      expect(rounds).toEqual(countTo(rounds.length))
      await copy.close()
    }
    isDone = true
    await ingest
    await storage.flush()
  })

  it('leaves out what is not in partitions when asked to, and keeps what was deleted hidden', async () => {
    const storage = await open(options)
    for (let round = 0; round < 10; round++) await appendRound(storage, round)
    await storage.flush()
    await storage.deleteSeries([[createMatcher('instance', '=', 'host-1')]], { minTimeMs: -Infinity, maxTimeMs: Infinity })
    for (let round = 10; round < 20; round++) await appendRound(storage, round)
    const copy = await open({ ...options, dir: join(storage.dir, 'snapshots', await storage.snapshot({ skipHead: true })) })
    const samples = readSamples(copy)
    expect(Object.keys(samples)).toHaveLength(49)
    expect(samples['up{instance="host-2"}']).toHaveLength(10)
  })

  it('of which a crash left half is gone at the next start', async () => {
    const storage = await open(options)
    await appendRound(storage, 0)
    await storage.close()
    mkdirSync(join(storage.dir, 'snapshots/20261125T000000Z-0.building/log'), { recursive: true })
    await open({ ...options, dir: storage.dir })
    expect(readdirSync(join(storage.dir, 'snapshots'))).toEqual([])
  })
})

describe('copyClosedDataDir', () => {
  it('copies a closed directory and refuses one in use', async () => {
    const storage = await open(options)
    await appendRound(storage, 0)
    const target = join(testDataDir(), 'copy')
    expect(() => copyClosedDataDir(storage.dir, target)).toThrow('in use by another process')
    expect(existsSync(target)).toBe(false)
    await storage.close()
    copyClosedDataDir(storage.dir, target)
    expect(roundsIn(await open({ ...options, dir: target }))).toEqual([0])
  })
})
