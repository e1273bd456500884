// When and how the head goes to disk, as the main thread sees it. At full hours, earlier when log and checkpoints have grown,
// and at the end it is flushed: the head seals its chunks, the writer thread puts them into partitions, then memory, log and
// checkpoints are given back. In between, when the log would take long to read at a start, the new chunks go to a checkpoint,
// which costs little, and only the log is given back.

import { errorText } from '../src/base/assert.ts'
import type { Logger } from '../src/base/log.ts'
import { encodeSeriesPage, seriesPerPage, type SeriesRow } from './files/seriesFile.ts'
import type { Head } from './head/head.ts'
import type { FlushPlan } from './head/headFlush.ts'
import type { WriterClient } from './writer/writerClient.ts'
import type { WriterAnswer } from './writer/writerMessages.ts'

/** Pages of series handed over, and written, at a time: about two milliseconds of the main thread, and five of the writer thread. */
const pagesPerMessage = 4
/** After one that failed. */
const retryMs = 60_000
/** Of the log for each series, before a checkpoint is worth it: some twenty samples, so that chunks do not get too short. */
const checkpointBytesPerSeries = 128

export type FlusherOptions = {
  readonly head: Head
  readonly writer: WriterClient
  readonly logger: Logger
  readonly nowMs: () => number
  readonly intervalMs: number
  /** The size of log and checkpoints that brings a flush forward. */
  readonly logBytes: number
  /** The log's size that asks for a checkpoint. */
  readonly checkpointLogBytes: number
  /** Series up to this ref are on disk. */
  readonly persistedRef: number
  readonly onFlush: (answer: WriterAnswer, seconds: number) => void
  readonly onCheckpoint: (answer: WriterAnswer, seconds: number) => void
}

export class Flusher {
  readonly #options: FlusherOptions
  #persistedRef: number
  #flushedRecord = -1
  #dueMs: number
  #notBeforeMs = -Infinity
  #running: Promise<void> | undefined

  constructor(options: FlusherOptions) {
    this.#options = options
    this.#persistedRef = options.persistedRef
    this.#dueMs = this.#nextDueMs()
  }

  /** Starts a flush or a checkpoint when it is time; the sizes are those of now. */
  tick({ logBytes, checkpointBytes }: { readonly logBytes: number; readonly checkpointBytes: number }): void {
    const { nowMs, writer, head, logger } = this.#options
    if (this.#running !== undefined || writer.blocked !== undefined || nowMs() < this.#notBeforeMs) return
    if (nowMs() >= this.#dueMs || logBytes + checkpointBytes >= this.#options.logBytes) {
      this.#begin(this.#flush()).catch((error: unknown) => {
        this.#notBeforeMs = nowMs() + retryMs
        logger.error('Cannot flush samples to partitions; they stay in memory and in the log', { reason: errorText(error) })
      })
    } else if (logBytes >= Math.max(this.#options.checkpointLogBytes, checkpointBytesPerSeries * head.seriesCount)) {
      this.#begin(this.#checkpoint()).catch((error: unknown) => {
        this.#notBeforeMs = nowMs() + retryMs
        logger.error('Cannot write a checkpoint; samples stay in the log', { reason: errorText(error) })
      })
    }
  }

  /** Flushes everything that was appended before the call. */
  async flush(): Promise<void> {
    // One that runs may have begun before the last appends.
    while (this.#running !== undefined) await this.#running.catch(() => {})
    await this.#begin(this.#flush())
  }

  /** Runs `work` while no flush runs, and none begins meanwhile. */
  async alone(work: () => Promise<void>): Promise<void> {
    while (this.#running !== undefined) await this.#running.catch(() => {})
    await this.#begin(work())
  }

  /** A last flush. When the disk refuses, the samples stay in the log for the next start. */
  async close(): Promise<void> {
    try {
      await this.flush()
    } catch (error) {
      this.#options.logger.warn('The last flush failed; the next start reads the samples from the log', { reason: errorText(error) })
    }
  }

  #begin(work: Promise<void>): Promise<void> {
    const run = work.finally(() => {
      this.#running = undefined
    })
    this.#running = run
    return run
  }

  async #flush(): Promise<void> {
    const { head, writer } = this.#options
    const startMs = performance.now()
    // Everything up to here is in the head, so it will be in the plan.
    head.sendGathered()
    const upToRecord = writer.lastNumber
    this.#dueMs = this.#nextDueMs()
    if (upToRecord === this.#flushedRecord) return
    const { plan, answer } = await this.#write('partitions', upToRecord)
    head.flushes.end(plan)
    this.#flushedRecord = upToRecord
    this.#options.onFlush(answer, (performance.now() - startMs) / 1000)
  }

  async #checkpoint(): Promise<void> {
    const { head, writer } = this.#options
    const startMs = performance.now()
    head.sendGathered()
    const { plan, answer } = await this.#write('checkpoint', writer.lastNumber)
    head.flushes.endCheckpoint(plan)
    this.#options.onCheckpoint(answer, (performance.now() - startMs) / 1000)
  }

  /** Seals what the head has, and has the writer thread write it. */
  async #write(to: 'partitions' | 'checkpoint', upToRecord: number): Promise<{ plan: FlushPlan; answer: WriterAnswer }> {
    const { head, writer } = this.#options
    writer.rotate()
    const plan = await head.flushes.begin(to)
    try {
      await this.#sendSeries(plan.maxRef)
      const { ptr, entryBytes, chunkCount, sampleCount, maxRef, maxTimeMs } = plan
      const answer = await writer.request({ kind: 'flush', flush: { to, table: { ptr, entryBytes, chunkCount, sampleCount }, upToRecord, maxRef, maxTimeMs } })
      this.#persistedRef = Math.max(this.#persistedRef, plan.maxRef)
      return { plan, answer }
    } catch (error) {
      head.flushes.abort(plan)
      throw error
    }
  }

  /** Labels of the series that are not on disk yet, a few at a time. */
  async #sendSeries(maxRef: number): Promise<void> {
    const { head, writer } = this.#options
    let ref = this.#persistedRef + 1
    while (ref <= maxRef) {
      const rows: SeriesRow[] = []
      const end = (Math.floor(ref / seriesPerPage) + pagesPerMessage) * seriesPerPage
      for (; ref < end && ref <= maxRef; ref++) {
        const labelBytes = head.seriesLabelBytes(ref)
        if (labelBytes.length > 0) rows.push({ ref, labelBytes })
      }
      await writer.request({ kind: 'series', packed: encodeSeriesPage(rows) })
    }
  }

  #nextDueMs(): number {
    const { intervalMs, nowMs } = this.#options
    return (Math.floor(nowMs() / intervalMs) + 1) * intervalMs
  }
}
