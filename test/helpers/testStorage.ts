// Storage for tests: in a directory of its own, checked whole each time it is closed, and closed by itself when a test
// forgot to.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect } from 'vitest'
import { createLogger, type Logger } from '../../src/base/log.ts'
import { MetricRegistry } from '../../src/base/selfMetrics.ts'
import { checkDataDir, formatProblem } from '../../storage/inspection/check.ts'
import { formatLabels } from '../../storage/model/labels.ts'
import type { Matcher } from '../../storage/model/matcher.ts'
import { isStaleMarker, type TimeRange } from '../../storage/model/sample.ts'
import { openMemoryQuerierSource } from '../../storage/querier/memoryQuerier.ts'
import { NotInMemory } from '../../storage/querier/notInMemory.ts'
import type { Querier } from '../../storage/querier/querier.ts'
import { openQuerierSource } from '../../storage/querier/querierSource.ts'
import { openStorage, type Storage, type StorageOptions } from '../../storage/storage.ts'
import type { Random } from './random.ts'

export type TestStorage = Storage & {
  readonly dir: string
  readonly registry: MetricRegistry
  readonly logger: Logger
  /** What storage has logged, one line each. */
  readonly logLines: readonly string[]
}

const open = new Set<TestStorage>()
const dirs = new Set<string>()

afterEach(async () => {
  for (const storage of open) await storage.close()
  for (const dir of dirs) rmSync(dir, { recursive: true, force: true })
  dirs.clear()
})

/** A fresh directory, deleted after the test. */
export function testDataDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'solowatch-storage-'))
  dirs.add(dir)
  return dir
}

/** Opens storage in `options.dir`, or in a fresh directory. Its `close` fails when the check finds a problem. */
export async function openTestStorage(options: Partial<StorageOptions> = {}): Promise<TestStorage> {
  const dir = options.dir ?? testDataDir()
  const registry = options.registry ?? new MetricRegistry()
  const logLines: string[] = []
  const logger = options.logger ?? createLogger({ level: 'debug', format: 'logfmt', write: (line) => logLines.push(line) })
  const storage = await openStorage({ retentionMs: 0, retentionBytes: 0, outOfOrderWindowMs: 0, ...options, dir, registry, logger })
  const tested: TestStorage = {
    ...storage,
    dir,
    registry,
    logger,
    logLines,
    async close() {
      if (!open.delete(tested)) return
      await storage.close()
      expectCleanCheck(dir)
    },
  }
  open.add(tested)
  return tested
}

const dayMs = 86_400_000

export type Life = {
  readonly random: Random
  readonly startMs: number
  /** Stores samples of up to half a day before `newestMs`. */
  write(storage: TestStorage, newestMs: number): Promise<void>
  /** Fails unless everything that was written is there. */
  expectAll(storage: TestStorage): void
}

/** Four days at most of writes and of what may happen to samples without changing them: flushes, maintenance, restarts; then three days pass and all is compacted. */
export async function liveThrough({ random, startMs, write, expectAll }: Life): Promise<void> {
  let newestMs = startMs
  const options = { outOfOrderWindowMs: dayMs, nowMs: () => newestMs }
  let storage = await openTestStorage(options)
  for (let round = 0; round < 16; round++) {
    newestMs += random.pick([60_000, 600_000, dayMs / 4])
    await write(storage, newestMs)
    const event = random.pick(['flush', 'maintain', 'restart', 'nothing', 'nothing', 'nothing'])
    if (event === 'nothing') continue
    if (event === 'flush') await storage.flush()
    else if (event === 'maintain') await storage.maintain()
    else {
      await storage.close()
      storage = await openTestStorage({ ...options, dir: storage.dir })
    }
    expectAll(storage)
  }
  newestMs += 3 * dayMs
  await storage.flush()
  await storage.maintain()
  expectAll(storage)
}

/** Fails with what the check finds in a closed data directory. */
export function expectCleanCheck(dir: string): void {
  expect(checkDataDir(dir).problems.map(formatProblem)).toEqual([])
}

export const allTime: TimeRange = { minTimeMs: -Infinity, maxTimeMs: Infinity }

/** Runs `read` with a querier as a query worker has it. */
export function withQuerier<T>(storage: Storage, read: (querier: Querier) => T): T {
  const init = storage.querierInit()
  const source = openQuerierSource(init)
  const querier = source.querier()
  try {
    return read(querier)
  } finally {
    querier.close()
    source.close()
    storage.releaseWorker(init)
  }
}

/** By series, as `[time, value]`, a staleness marker as `[time, 'stale']`. */
type SamplesBySeries = Record<string, [number, number | 'stale'][]>

type MemoryRead = { readonly matchers?: readonly Matcher[]; readonly range?: TimeRange; readonly lends?: boolean }

/** Series without samples in the range are left out. */
export function readSamples(storage: Storage, matchers: readonly Matcher[] = [], range: TimeRange = allTime): SamplesBySeries {
  return withQuerier(storage, (querier) => samplesOf(querier, matchers, range))
}

/** The same as the main thread reads it; `undefined` when memory is not enough, with the chunks that a worker `lends` or without. */
export function readMemorySamples(storage: Storage, { matchers = [], range = allTime, lends = false }: MemoryRead = {}): SamplesBySeries | undefined {
  const inits = [storage.querierInit(), storage.querierInit()] as const
  const disk = openQuerierSource(inits[0])
  const memory = openMemoryQuerierSource(inits[1])
  const worker = disk.querier({ lends })
  if (lends) samplesOf(worker, matchers, range)
  memory.learn(disk.diskView())
  if (lends) memory.borrow(disk.lent())
  worker.close()
  const querier = memory.querier()
  try {
    return samplesOf(querier, matchers, range)
  } catch (error) {
    if (error instanceof NotInMemory) return undefined
    throw error
  } finally {
    querier.close()
    memory.close()
    disk.close()
    for (const init of inits) storage.releaseWorker(init)
  }
}

function samplesOf(querier: Querier, matchers: readonly Matcher[], range: TimeRange): SamplesBySeries {
  const found: SamplesBySeries = {}
  const selection = querier.select(matchers, range)
  for (let i = 0; i < selection.count; i++) {
    const { length, timestampsMs, values, valueWords } = selection.read(i)
    if (length === 0) continue
    const samples: [number, number | 'stale'][] = []
    for (let k = 0; k < length; k++) samples.push([timestampsMs[k] ?? NaN, isStaleMarker(valueWords, k) ? 'stale' : (values[k] ?? NaN)])
    found[formatLabels(selection.labels(i))] = samples
  }
  return found
}
