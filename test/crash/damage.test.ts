// Damage at random places of a data directory: what is read afterwards is a part of what was written, never anything else;
// what is missing is reported with file and place; nothing crashes or hangs. FUZZ_ROUNDS asks for more of it.

import { cpSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { errorText } from '../../src/base/assert.ts'
import { loadKernelModule } from '../../src/kernels/kernels.ts'
import { CheckpointReader, unpackPiece } from '../../storage/files/checkpointFile.ts'
import { splitChunk } from '../../storage/files/chunkRow.ts'
import { listCheckpoints, listLogSegments, listPartitions, seriesPath, statePath } from '../../storage/files/dataDir.ts'
import { LogSegmentReader } from '../../storage/files/logFile.ts'
import { PartitionReader } from '../../storage/files/partitionReader.ts'
import { decodeSeriesPage, SeriesFileReader } from '../../storage/files/seriesFile.ts'
import { StateFileWriter } from '../../storage/files/stateFile.ts'
import { readTombstones } from '../../storage/files/tombstoneFile.ts'
import { checkDataDir } from '../../storage/inspection/check.ts'
import { createMatcher } from '../../storage/model/matcher.ts'
import { ChunkCodec } from '../../storage/partitions/chunkCodec.ts'
import { createRandom, type Random } from '../helpers/random.ts'
import { useTempDirs } from '../helpers/tempDir.ts'
import { openTestStorage, readSamples, type TestStorage } from '../helpers/testStorage.ts'
import { batchSamples, outOfOrderWindowMs, startMs } from './workload.ts'

const rounds = Number(process.env['FUZZ_ROUNDS'] ?? 60)
const tempDir = useTempDirs()
const codec = new ChunkCodec(loadKernelModule())

/** What can be read of a directory, as `place: content` pairs; a file that cannot be opened has nothing. */
type Contents = {
  readonly samples: Map<string, string>
  readonly labels: Map<string, string>
  readonly records: Map<string, string>
  /** Silences and the like, the ledger, and what is hidden. */
  readonly state: Map<string, string>
}

let original = ''
let whole: Contents
let storage: TestStorage

beforeAll(async () => {
  storage = await openTestStorage({ dir: join(tempDir(), 'data'), outOfOrderWindowMs, segmentBytes: 60_000, checkpointLogBytes: 10_000 })
  await write(0, 200)
  await storage.flush()
  await storage.maintain()
  // Enough for a checkpoint, then some for the log.
  await write(200, 225)
  await vi.waitFor(() => expect(listCheckpoints(storage.dir)).toHaveLength(1), { timeout: 20_000 })
  await write(225, 237)
  const group = (n: number) => ({ timeMs: startMs + n, receiver: `r${n % 3}`, groupKey: `{}:{job="${n}"}`, outcome: 'sent', detail: { alerts: n } })
  await storage.state.write(Array.from({ length: 60 }, (_, n) => ({ kind: 'silence', key: `s${n}`, value: { matchers: [`job="${n}"`], endsAt: startMs + n } })))
  await storage.state.write(Array.from({ length: 60 }, (_, n) => ({ ledger: group(n) })))
  for (let n = 0; n < 40; n++) await storage.deleteSeries([[createMatcher('__name__', '=~', '.+')]], { minTimeMs: startMs + 1000 * n, maxTimeMs: startMs + 1000 * n + 10 })
  original = join(storage.dir, 'snapshots', await storage.snapshot({ skipHead: false }))
  whole = readContents(original)
  expect(whole.samples.size).toBeGreaterThan(20_000)
  expect(whole.records.size).toBeGreaterThan(10)
})
afterAll(() => storage.close())

async function write(first: number, last: number): Promise<void> {
  for (let number = first; number < last; number++) {
    const appender = storage.appender()
    for (const { labels, timestampMs, value } of batchSamples(number)) appender.append(labels, timestampMs, value)
    await appender.commit()
  }
}

function readContents(dir: string): Contents {
  const contents: Contents = { samples: new Map(), labels: new Map(), records: new Map(), state: new Map() }
  for (const { path, startMs } of listPartitions(dir).current) {
    readable(() => new PartitionReader(path, startMs), (reader) => {
      for (const row of reader.chunksFrom(0)) {
        codec.clear()
        if (codec.add(row.timesSection, row.valuesSection) !== undefined) continue
        const { timestampsMs, values } = codec.columns()
        timestampsMs.forEach((time, i) => contents.samples.set(`${row.ref} ${time} ${row.isOutOfOrder}`, String(values[i])))
      }
    })
  }
  for (const { path } of listCheckpoints(dir)) {
    readable(() => new CheckpointReader(path), (reader) => {
      for (const { body } of reader.pieces()) {
        for (const { ref, isOutOfOrder, chunk } of unpackPiece(body ?? Buffer.alloc(0))) {
          codec.clear()
          const { timesSection, valuesSection } = splitChunk(chunk)
          if (codec.add(timesSection, valuesSection) !== undefined) continue
          const { timestampsMs, values } = codec.columns()
          timestampsMs.forEach((time, i) => contents.samples.set(`${ref} ${time} ${isOutOfOrder}`, String(values[i])))
        }
      }
    })
  }
  readable(() => new SeriesFileReader(seriesPath(dir)), (reader) => {
    for (const { packed } of reader.pages()) for (const { ref, labelBytes } of decodeSeriesPage(packed)) contents.labels.set(String(ref), Buffer.from(labelBytes).toString('latin1'))
  })
  for (const { path } of listLogSegments(dir)) {
    readable(() => new LogSegmentReader(path), (reader) => {
      for (const { number, body } of reader.after(0)) contents.records.set(String(number), body.toString('latin1'))
    })
  }
  readable(() => new StateFileWriter(statePath(dir), 'interval'), (state) => {
    for (const [kind, key, json] of state.records(() => {})) contents.state.set(`${kind} ${key}`, json)
    for (const row of state.ledger({ limit: 1000 })) contents.state.set(`ledger ${row.timeMs}`, JSON.stringify(row))
  })
  readable(() => ({ close: () => {}, ...readTombstones(dir) }), ({ hidden }) => {
    for (const [ref, ranges] of hidden) for (const { minTimeMs, maxTimeMs } of ranges) contents.state.set(`hidden ${ref} ${minTimeMs}`, String(maxTimeMs))
  })
  return contents
}

function readable<T extends { close(): void }>(open: () => T, read: (reader: T) => void): void {
  let reader: T | undefined
  try {
    reader = open()
    read(reader)
  } catch {
    // What was read before the error counts.
  } finally {
    reader?.close()
  }
}

type Damage = { readonly file: string; readonly what: string }

function damage(dir: string, random: Random): Damage {
  const files = readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.db(-wal)?$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => readFileSync(path).length > 0)
    .sort()
  const file = random.pick(files)
  const bytes = readFileSync(file)
  const at = random.below(bytes.length)
  const length = Math.min(bytes.length - at, 1 + random.below(random.pick([1, 8, 300, 5000])))
  const kind = random.pick(['flip', 'flip', 'flip', 'noise', 'zero', 'cut', 'copy'])
  switch (kind) {
    case 'flip':
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8))
      break
    case 'noise':
      for (let i = 0; i < length; i++) bytes[at + i] = random.below(256)
      break
    case 'zero':
      bytes.fill(0, at, at + length)
      break
    case 'copy':
      bytes.copy(bytes, at, random.below(bytes.length - length), random.below(bytes.length))
      break
    default:
      truncateSync(file, at)
      return { file, what: `cut at ${at}` }
  }
  writeFileSync(file, bytes)
  return { file, what: `${kind} of ${length} bytes at ${at}` }
}

/** The end of the newest log is what a crash may cut, and damage there looks like it. */
function isNewestLog(file: string, dir: string): boolean {
  return file.startsWith(listLogSegments(dir).at(-1)?.path ?? dir)
}

/** Entries of `found` that are not in `expected`, and whether there are fewer. */
function compare(found: ReadonlyMap<string, string>, expected: ReadonlyMap<string, string>): { wrong: string[]; isLess: boolean } {
  return { wrong: [...found].filter(([key, value]) => expected.get(key) !== value).map(([key]) => key), isLess: found.size < expected.size }
}

describe('a damaged data directory', () => {
  const random = createRandom()

  it(`gives what was written or nothing, and the check says what is wrong, ${rounds} times`, { timeout: 30_000 + rounds * 2000 }, () => {
    const dir = join(tempDir(), 'data')
    let harmless = 0
    for (let round = 0; round < rounds; round++) {
      rmSync(dir, { recursive: true, force: true })
      cpSync(original, dir, { recursive: true })
      const { file, what } = damage(dir, random)
      const where = `seed ${random.seed}, round ${round}: ${basename(file)}, ${what}`
      const startedMs = performance.now()
      const { problems } = checkDataDir(dir)
      const contents = readContents(dir)
      expect(performance.now() - startedMs, where).toBeLessThan(30_000)
      for (const problem of problems) expect([problem.file, problem.problem, problem.wayOut], where).not.toContain('')
      const samples = compare(contents.samples, whole.samples)
      const labels = compare(contents.labels, whole.labels)
      const records = compare(contents.records, whole.records)
      expect(samples.wrong.slice(0, 3), where).toEqual([])
      expect(labels.wrong.slice(0, 3), where).toEqual([])
      const state = compare(contents.state, whole.state)
      expect(state.wrong.slice(0, 3), where).toEqual([])
      if (state.isLess) expect(problems.length, where).toBeGreaterThan(0)
      if (samples.isLess || labels.isLess || records.isLess || records.wrong.length > 0) expect(problems.length > 0 || isNewestLog(file, dir), where).toBe(true)
      else harmless++
    }
    // Free space of pages, mostly: most damage has to be found.
    expect(harmless / rounds).toBeLessThan(0.9)
  })

  it('is served without the damaged part, or refused with the name of the file', { timeout: 120_000 }, async () => {
    const expected = readSamples(storage)
    for (let round = 0; round < Math.ceil(rounds / 30); round++) {
      const dir = join(tempDir(), 'data')
      cpSync(original, dir, { recursive: true })
      const { file, what } = damage(dir, random)
      const where = `seed ${random.seed}, serving round ${round}: ${basename(file)}, ${what}`
      const isTail = isNewestLog(file, dir)
      const { problems } = checkDataDir(dir)
      const opened = await openTestStorage({ dir, outOfOrderWindowMs }).catch((error: unknown) => {
        expect(errorText(error), where).toContain(basename(file))
      })
      if (opened === undefined) continue
      const found = readSamples(opened)
      let isLess = false
      for (const [series, samples] of Object.entries(expected)) {
        const times = new Map(found[series])
        isLess ||= times.size < samples.length
        for (const [time, value] of samples) if (times.has(time)) expect(times.get(time), `${where}: ${series} at ${time}`).toBe(value)
      }
      for (const series of Object.keys(found)) expect(Object.keys(expected), where).toContain(series)
      // Rows that a damaged tree has lost are missed by the check only.
      if (isLess) expect(problems.length > 0 || isTail, where).toBe(true)
      await opened.close().catch(() => {}) // its check finds the damage
    }
  })
})
