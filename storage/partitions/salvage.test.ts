// Small damage in a day: what can be read of it is served as before, what is missing is told by name, and the day can be
// compacted, written to and cleaned again.

import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { loadKernelModule } from '../../src/kernels/kernels.ts'
import { createRandom } from '../../test/helpers/random.ts'
import { openTestStorage, readSamples, testDataDir, type TestStorage } from '../../test/helpers/testStorage.ts'
import { dayMs, listPartitions } from '../files/dataDir.ts'
import { PartitionReader } from '../files/partitionReader.ts'
import { checkDataDir } from '../inspection/check.ts'
import { labelsFrom } from '../model/labels.ts'
import { createMatcher } from '../model/matcher.ts'
import { ChunkCodec } from './chunkCodec.ts'
import { salvageSteps } from './salvage.ts'

const day = Date.UTC(2026, 10, 24)
const pageBytes = 1024
const seriesCount = 60

const open = (options: Parameters<typeof openTestStorage>[0] = {}) => openTestStorage({ nowMs: () => day + 10 * dayMs, ...options })
const partitionPath = (dir: string, generation = 1) => join(dir, 'partitions', `2026-11-24.${generation}.db`)
const seriesName = (i: number) => `m{i="${i}"}`

async function write(storage: TestStorage, startMs: number, samples: number, stepMs = 15_000): Promise<void> {
  const appender = storage.appender()
  for (let i = 0; i < seriesCount; i++) for (let k = 0; k < samples; k++) appender.append(labelsFrom({ __name__: 'm', i: String(i) }), startMs + k * stepMs + (i % 5), Math.sin(k * i + startMs))
  await appender.commit()
}

/** A closed directory with a day and some of the next. */
async function directory(): Promise<{ readonly dir: string; readonly samples: ReturnType<typeof readSamples> }> {
  const storage = await open()
  for (const part of [0, 1]) {
    await write(storage, day + part * 3_600_000, 150)
    await storage.flush()
  }
  await write(storage, day + dayMs, 2)
  const samples = readSamples(storage)
  await storage.close()
  return { dir: storage.dir, samples }
}

function damage(path: string, page: number): void {
  const bytes = readFileSync(path)
  writeFileSync(path, bytes.fill(0xaa, (page - 1) * pageBytes, page * pageBytes))
}

/** A page in the middle of the chunks. */
function someLeaf(path: string): number {
  const db = new Database(path, { readonly: true })
  const leaves = db.prepare("SELECT pageno FROM dbstat WHERE name = 'chunk' AND pagetype = 'leaf' ORDER BY path").pluck().all() as number[]
  db.close()
  return leaves[leaves.length >> 1] ?? 0
}

/** Samples of what `found` has, each as in `written`. */
function expectPartOf(found: ReturnType<typeof readSamples>, written: ReturnType<typeof readSamples>, where = ''): void {
  for (const [series, samples] of Object.entries(found)) {
    const values = new Map(written[series])
    for (const [time, value] of samples) expect(values.get(time), `${where} ${series} at ${time}`).toBe(value)
  }
}

const countOf = (samples: ReturnType<typeof readSamples>) => Object.values(samples).reduce((sum, list) => sum + list.length, 0)
const lostLine = (storage: TestStorage) => storage.logLines.filter((line) => line.includes('A damaged partition was rewritten'))

describe('a damaged page of a partition', () => {
  it('costs the chunks on it, which the log and the check name, and nothing else', async () => {
    const { dir, samples } = await directory()
    damage(partitionPath(dir), someLeaf(partitionPath(dir)))
    const { problems } = checkDataDir(dir)
    expect(problems).toContainEqual(expect.objectContaining({ table: 'chunk', row: expect.stringMatching(/^series \d+$/), wayOut: expect.stringContaining('rewritten without it') }))
    expect(problems).toContainEqual(expect.objectContaining({ table: 'meta', problem: expect.stringMatching(/^\d+ chunks of 120, \d+ samples of 18000 cannot be read$/) }))
    const storage = await open({ dir })
    expectPartOf(readSamples(storage), samples)
    await expect.poll(() => lostLine(storage), { timeout: 20_000 }).toHaveLength(1)
    const line = lostLine(storage)[0] ?? ''
    expect(line).toMatch(/file=.*2026-11-24\.1\.db.*movedTo=.*damaged\/2026-11-24\.1\.db/)
    expect(line).toMatch(/series="m\{i=/)
    const found = readSamples(storage)
    expectPartOf(found, samples)
    expect(countOf(samples) - countOf(found)).toBe(Number(/missingSamples=(\d+)/.exec(line)?.[1]))
    const whole = Object.keys(samples).filter((series) => found[series]?.length === samples[series]?.length)
    expect(whole.length).toBe(seriesCount - Number(/seriesCount=(\d+)/.exec(line)?.[1]))
    expect(whole.length).toBeGreaterThan(seriesCount - 5)
    expect(existsSync(join(dir, 'damaged', '2026-11-24.1.db'))).toBe(true)
    await expect.poll(() => storage.stats().corruptionCount, { timeout: 20_000 }).toBe(1)
  })

  it('wherever it is, hides samples and gives none that were not written', { timeout: 60_000 }, async () => {
    const random = createRandom()
    const { dir, samples } = await directory()
    const codec = new ChunkCodec(loadKernelModule())
    const whole = readFileSync(partitionPath(dir))
    const written = rowsOf(partitionPath(dir), codec)
    expect(written.size).toBe(2 * seriesCount * 150)
    expect(Object.keys(samples)).toContain(seriesName(29))
    let kept = 0
    const rounds = 60
    for (let round = 0; round < rounds; round++) {
      const copy = join(testDataDir(), 'data')
      cpSync(dir, copy, { recursive: true })
      const page = 1 + random.below(whole.length / pageBytes)
      damage(partitionPath(copy), page)
      const partition = listPartitions(copy).current[0]
      if (partition === undefined) throw new Error('no partition')
      try {
        const steps = salvageSteps(copy, partition, codec, Array.from({ length: seriesCount }, (_, i) => i + 1))
        for (let step = steps.next(); step.done !== true; step = steps.next());
      } catch {
        continue // a file that cannot be opened goes aside as a whole
      }
      const left = existsSync(partitionPath(copy, 2)) ? rowsOf(partitionPath(copy, 2), codec) : new Map<string, number>()
      const wrong = [...left].filter(([key, value]) => written.get(key) !== value)
      expect(wrong.slice(0, 3), `seed ${random.seed}, page ${page}`).toEqual([])
      kept += left.size / written.size
    }
    expect(kept / rounds).toBeGreaterThan(0.8)
  })

  it('that compaction meets no longer keeps the day from being compacted', async () => {
    const { dir, samples } = await directory()
    const db = new Database(partitionPath(dir))
    db.exec('UPDATE chunk SET seal = seal + 1 WHERE id / 2097152 = 7')
    db.close()
    const storage = await open({ dir })
    await storage.maintain()
    await expect.poll(() => lostLine(storage), { timeout: 20_000 }).toEqual([expect.stringMatching(/missingSamples=300 missingChunks=2 seriesCount=1 series="m\{i=\\"6\\"\}"/)])
    const { [seriesName(6)]: lost, ...others } = samples
    expect(readSamples(storage)).toEqual({ ...others, [seriesName(6)]: lost?.slice(-2) })
  })

  it('that took rows away is told when the day is compacted', async () => {
    const { dir } = await directory()
    const db = new Database(partitionPath(dir))
    db.exec('DELETE FROM chunk WHERE id / 2097152 = 7')
    db.close()
    const storage = await open({ dir })
    await storage.maintain()
    await expect.poll(() => lostLine(storage), { timeout: 20_000 }).toEqual([expect.stringMatching(/has 118 chunks, 120 were written.* missingSamples=300 missingChunks=2/)])
  })

  it('does not keep deleted samples from being taken off the disk', async () => {
    const { dir } = await directory()
    damage(partitionPath(dir), someLeaf(partitionPath(dir)))
    const storage = await open({ dir })
    await storage.deleteSeries([[createMatcher('i', '=', '3')]], { minTimeMs: day, maxTimeMs: day + dayMs - 1 })
    await storage.cleanTombstones()
    expect(lostLine(storage)).toHaveLength(1)
    expect(readSamples(storage)[seriesName(3)]).toHaveLength(2)
    await storage.close()
    rmSync(join(dir, 'tombstones.db'))
    expect(readSamples(await open({ dir }))[seriesName(3)]).toHaveLength(2)
  })
})

/** Every sample in the file. */
function rowsOf(path: string, codec: ChunkCodec): Map<string, number> {
  const reader = new PartitionReader(path, day)
  const found = new Map<string, number>()
  for (const row of reader.chunksFrom(0)) {
    codec.clear()
    expect(codec.add(row.timesSection, row.valuesSection)).toBeUndefined()
    const { timestampsMs, values } = codec.columns()
    timestampsMs.forEach((time, i) => found.set(`${row.ref} ${time}`, values[i] ?? NaN))
  }
  reader.close()
  return found
}
