// The door to storage, on the main thread: opens a data directory, brings the head back, and from then on moves samples
// from the head to partitions while appends and queries go on. It owns the writer thread; it never touches the disk itself.

import { randomBytes } from 'node:crypto'
import { BroadcastChannel } from 'node:worker_threads'
import { errorText } from '../src/base/assert.ts'
import type { MetricRegistry } from '../src/base/selfMetrics.ts'
import { EndedSeries, keptFromMs } from './endedSeries.ts'
import { restoreExemplars, saveExemplars } from './exemplarState.ts'
import { ExemplarStore } from './exemplars.ts'
import { Flusher } from './flusher.ts'
import { createAppender, createBackfillAppender, type Appender, type BackfillAppender } from './head/appender.ts'
import type { Head } from './head/head.ts'
import { decodeLabels } from './head/headLabels.ts'
import { matcherTexts, type Matcher } from './model/matcher.ts'
import type { TimeRange } from './model/sample.ts'
import type { DownsamplingRule } from './partitions/downsampling.ts'
import type { RetentionRule, RetentionTimes } from './partitions/retention.ts'
import type { QuerierInit } from './querier/querierSource.ts'
import type { DamageReport } from './querier/seriesReads.ts'
import { RefusalLog } from './refusalLog.ts'
import { createStateStore, type StateStore } from './state.ts'
import { registerStorageMetrics, type StorageStats } from './storageMetrics.ts'
import { startStorage, type StorageStart, type StorageStartOptions } from './storageStart.ts'
import type { DiskStats, ReplayProgress, WriterAnswer } from './writer/writerMessages.ts'

export { StorageUnavailableError } from './model/storageError.ts'

export const defaultRetentionMs = 15 * 86_400_000

export type StorageOptions = StorageStartOptions & {
  /** Of the same options, when it has begun already. */
  readonly start?: StorageStart
  /** Samples older than this, seen from the newest one, go; 0 keeps them. */
  readonly retentionMs: number
  /** Retention times of their own for some series; the first rule that matches counts. */
  readonly retentionRules?: readonly RetentionRule[]
  /** Coarser resolutions for old days of some series. */
  readonly downsamplingRules?: readonly DownsamplingRule[]
  /** The data directory's size limit; 0 is none. */
  readonly retentionBytes: number
  /** How far behind the newest sample an out-of-order one may lie; 0 refuses them. */
  readonly outOfOrderWindowMs: number
  /** The most exemplars that are kept; 100,000 by default, 0 keeps none. */
  readonly maxExemplars?: number
  readonly registry: MetricRegistry
  /** Time between two flushes of the head; an hour by default, at full hours. */
  readonly flushIntervalMs?: number
  /** The size of log and checkpoints that brings a flush forward. */
  readonly flushLogBytes?: number
  /** The log's size that asks for a checkpoint; more when there are very many series. */
  readonly checkpointLogBytes?: number
  readonly onReplay?: (progress: ReplayProgress) => void
}

export type Storage = {
  appender(): Appender
  backfillAppender(): BackfillAppender
  readonly head: Head
  readonly state: StateStore
  readonly exemplars: ExemplarStore
  /** For one query worker: each has its own. */
  querierInit(): QuerierInit
  /** The query worker that had `init` has ended. */
  releaseWorker(init: QuerierInit): void
  stats(): StorageStats
  setRetention(limits: RetentionTimes & { readonly retentionBytes: number }): void
  setDownsampling(rules: readonly DownsamplingRule[]): void
  setOutOfOrderWindow(windowMs: number): void
  /** Moves everything in the head to partitions. */
  flush(): Promise<void>
  /** Deletes what retention no longer keeps and starts compaction of closed days; a timer does this every minute. */
  maintain(): Promise<void>
  /**
   * Hides what the series that match one of `sets` have in the range by now. When it resolves, no query that starts sees
   * it, after a crash neither; the samples themselves go with `cleanTombstones` or when their day is compacted.
   */
  deleteSeries(sets: readonly (readonly Matcher[])[], range: TimeRange): Promise<void>
  /** Takes deleted samples off the disk. */
  cleanTombstones(): Promise<void>
  /** Makes a copy of the data directory with everything acknowledged before the call. Resolves with its name below `snapshots/`. */
  snapshot(options: { readonly skipHead: boolean }): Promise<string>
  /** Flushes and stops. Appends must have ended. */
  close(): Promise<void>
}

/** Opens a data directory, creating it if need be. When this resolves, all acknowledged samples can be queried. */
export async function openStorage(options: StorageOptions): Promise<Storage> {
  const nowMs = options.nowMs ?? Date.now
  const logger = options.logger.with({ component: 'storage' })
  const metrics = registerStorageMetrics(options.registry)
  const start = options.start ?? startStorage(options)
  const { head, writer, damageChannel, events } = start
  if (options.onReplay !== undefined) events.onReplay = options.onReplay
  const recovered = await start.recovered
  head.outOfOrderWindowMs = options.outOfOrderWindowMs
  let log: { readonly logBytes: number; readonly logSegmentCount: number } = recovered.stats
  events.onCommit = (commit) => {
    log = commit
    metrics.commitSeconds.observe(commit.seconds)
    flusher.tick({ logBytes: log.logBytes, checkpointBytes: disk.checkpointBytes })
  }

  let limits = { retentionMs: options.retentionMs, retentionRules: options.retentionRules ?? [], retentionBytes: options.retentionBytes }
  let disk: DiskStats = recovered.stats
  let damageCount = 0
  const newestMs = () => Math.min(nowMs(), Math.max(head.stats().maxTimeMs, recovered.maxTimeMs))
  const keepStats = (answer: WriterAnswer) => {
    if (answer.kind !== 'stats') return
    disk = answer.stats
    log = disk
  }
  let downsamplingRules = options.downsamplingRules ?? []
  /** The writer thread's own way into the head, to find series by their labels. */
  const writerReader = head.readerInit()
  const maintain = async () => {
    await head.countEnded(newestMs())
    const flushes = head.flushes.counts
    const hasFlushedInMemory = flushes.finished > flushes.dropped
    const maintenance = { ...limits, downsamplingRules, hasFlushedInMemory, newestMs: newestMs(), nowMs: nowMs() }
    keepStats(await writer.request({ kind: 'maintain', reader: writerReader, maintenance }))
    await endedSeries.drop(keptFromMs(disk.oldestDayMs, newestMs(), limits.retentionMs))
    // Who has gone does not count as ended any more.
    await head.countEnded(newestMs())
  }

  const flusher = new Flusher({
    head,
    writer,
    logger,
    intervalMs: options.flushIntervalMs ?? 3_600_000,
    logBytes: options.flushLogBytes ?? 256 * 1024 * 1024,
    // Read at a start in a tenth of a second.
    checkpointLogBytes: options.checkpointLogBytes ?? 32 * 1024 * 1024,
    nowMs,
    persistedRef: recovered.maxRef,
    onFlush: (answer, seconds) => {
      keepStats(answer)
      metrics.flushSeconds.observe(seconds)
    },
    onCheckpoint: (answer, seconds) => {
      keepStats(answer)
      metrics.checkpointSeconds.observe(seconds)
    },
  })

  /** Once memory has dropped this many flushes, it holds nothing that was cleaned off the disk. */
  let cleanedFlushes: number | undefined
  const refusals = new RefusalLog(head, { logger, registry: options.registry })
  const endedSeries = new EndedSeries({ head, writer, flusher, logger })

  const channel = new BroadcastChannel(damageChannel)
  channel.unref()
  channel.onmessage = (event) => {
    const report = (event as { data: DamageReport }).data // sent by querierSource.ts only
    if (report.isWholeFile) void writer.request({ kind: 'suspect', path: report.file }).then(keepStats, () => {})
    else {
      damageCount++
      logger.error('A chunk is damaged and left out', { file: report.file, reason: report.reason })
    }
  }

  const ticks = setInterval(() => {
    head.flushes.maintain(nowMs())
    flusher.tick({ logBytes: log.logBytes, checkpointBytes: disk.checkpointBytes })
    refusals.tell(nowMs())
    if (cleanedFlushes === undefined || head.flushes.counts.dropped < cleanedFlushes) return
    cleanedFlushes = undefined
    writer.request({ kind: 'forgetCleaned' }).catch((error: unknown) => logger.warn('Cannot forget tombstones', { reason: errorText(error) }))
  }, 1000)
  const minutes = setInterval(() => {
    maintain().catch((error: unknown) => logger.warn('Retention failed', { reason: errorText(error) }))
  }, 60_000)
  ticks.unref()
  minutes.unref()

  const exemplars = new ExemplarStore({
    capacity: options.maxExemplars ?? 100_000,
    outOfOrderWindowMs: options.outOfOrderWindowMs,
    seriesLabels: (ref) => {
      const bytes = head.seriesLabelBytes(ref)
      return bytes.length === 0 ? [] : decodeLabels(bytes)
    },
    registry: options.registry,
  })

  const storage: Storage = {
    appender: () => createAppender(head),
    backfillAppender: () => createBackfillAppender(head),
    head,
    exemplars,
    state: createStateStore(
      {
        writeRows: async (rows) => void (await writer.request({ kind: 'state', rows })),
        readLedger: async (query) => {
          const answer = await writer.request({ kind: 'ledger', query })
          return answer.kind === 'ledger' ? answer.rows : []
        },
      },
      recovered.state,
    ),
    querierInit: () => start.querierInit(),
    releaseWorker: (init) => head.releaseReader(init.head),
    stats() {
      const inMemory = head.stats()
      const headMinTimeMs = Number.isFinite(inMemory.minTimeMs) ? inMemory.minTimeMs : NaN
      const lowest = Math.min(Number.isNaN(disk.minTimeMs) ? Infinity : disk.minTimeMs, inMemory.minTimeMs)
      return {
        seriesCount: inMemory.seriesCount,
        headMinTimeMs,
        headMaxTimeMs: Number.isFinite(inMemory.maxTimeMs) ? inMemory.maxTimeMs : NaN,
        lowestTimeMs: Number.isFinite(lowest) ? lowest : NaN,
        partitionCount: disk.partitionCount,
        partitionBytes: disk.partitionBytes,
        logSegmentCount: log.logSegmentCount,
        logBytes: log.logBytes + disk.checkpointBytes,
        corruptionCount: disk.corruptionCount + damageCount,
      }
    },
    setRetention(next) {
      limits = { ...next }
    },
    setDownsampling(rules) {
      downsamplingRules = rules
    },
    setOutOfOrderWindow(windowMs) {
      head.outOfOrderWindowMs = windowMs
      exemplars.outOfOrderWindowMs = windowMs
    },
    flush: () => flusher.flush(),
    maintain,
    async deleteSeries(sets, range) {
      await writer.request({ kind: 'delete', reader: writerReader, sets: sets.map(matcherTexts), range })
    },
    async cleanTombstones() {
      await flusher.flush()
      keepStats(await writer.request({ kind: 'clean' }))
      cleanedFlushes = head.flushes.counts.finished
    },
    async snapshot({ skipHead }) {
      const stamp = new Date(nowMs()).toISOString().replace(/\.\d+Z$/, 'Z').replaceAll(/[-:]/g, '')
      const name = `${stamp}-${randomBytes(8).toString('hex')}`
      await writer.request({ kind: 'snapshot', name, withLog: !skipHead })
      return name
    },
    async close() {
      clearInterval(ticks)
      clearInterval(minutes)
      await saveExemplars(exemplars, storage.state).catch((error: unknown) => logger.warn('Exemplars are not kept over the restart', { reason: errorText(error) }))
      await flusher.close()
      channel.close()
      await writer.close()
      head.close()
    },
  }
  metrics.connect({ storage, head, disk: () => disk, limits: () => limits, waitingBytes: () => writer.waitingBytes })
  metrics.replaySeconds.set(recovered.seconds)
  await head.countEnded(newestMs())
  await restoreExemplars(exemplars, storage.state).catch((error: unknown) => logger.warn('Exemplars from before the restart are lost', { reason: errorText(error) }))
  return storage
}
