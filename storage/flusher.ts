// When and how the head goes to disk, as the main thread sees it: at full hours, earlier when the log has grown, at the
// end. The head seals its chunks, the writer thread puts them into partitions, then memory and log are given back.

import { errorText } from '../src/base/assert.ts'
import type { Logger } from '../src/base/log.ts'
import type { Head } from './head.ts'
import { encodeSeriesPage, type SeriesRow } from './seriesFile.ts'
import type { WriterClient } from './writerClient.ts'
import type { WriterAnswer } from './writerMessages.ts'

/** Series handed over at a time: about a millisecond of the main thread. */
const seriesPerMessage = 1000
/** After a flush that failed. */
const retryMs = 60_000

export type FlusherOptions = {
  readonly head: Head
  readonly writer: WriterClient
  readonly logger: Logger
  readonly nowMs: () => number
  readonly intervalMs: number
  /** The log's size that brings a flush forward. */
  readonly logBytes: number
  /** Series up to this ref are on disk. */
  readonly persistedRef: number
  readonly onFlush: (answer: WriterAnswer, seconds: number) => void
}

export class Flusher {
  readonly #options: FlusherOptions
  #persistedRef: number
  #flushedRecord = -1
  #dueMs: number
  #running: Promise<void> | undefined

  constructor(options: FlusherOptions) {
    this.#options = options
    this.#persistedRef = options.persistedRef
    this.#dueMs = this.#nextDueMs()
  }

  /** Starts a flush when it is time; `logBytes` is the log's size now. */
  tick(logBytes: number): void {
    const { nowMs, writer, logger } = this.#options
    if (this.#running !== undefined || writer.blocked !== undefined) return
    if (nowMs() < this.#dueMs && logBytes < this.#options.logBytes) return
    this.#start().catch((error: unknown) => {
      this.#dueMs = nowMs() + retryMs
      logger.error('Cannot flush samples to partitions; they stay in memory and in the log', { reason: errorText(error) })
    })
  }

  /** Flushes everything that was appended before the call. */
  async flush(): Promise<void> {
    // One that runs may have begun before the last appends.
    while (this.#running !== undefined) await this.#running.catch(() => {})
    await this.#start()
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

  #start(): Promise<void> {
    return this.#begin(this.#run())
  }

  #begin(work: Promise<void>): Promise<void> {
    const run = work.finally(() => {
      this.#running = undefined
    })
    this.#running = run
    return run
  }

  async #run(): Promise<void> {
    const { head, writer } = this.#options
    const startMs = performance.now()
    // Everything up to here is in the head, so it will be in the plan.
    const upToRecord = writer.lastNumber
    this.#dueMs = this.#nextDueMs()
    if (upToRecord === this.#flushedRecord) return
    writer.rotate()
    const plan = await head.beginFlush(Infinity)
    let answer: WriterAnswer
    try {
      await this.#sendSeries(plan.maxRef)
      answer = await writer.request({
        kind: 'flush',
        flush: {
          table: { ptr: plan.ptr, entryBytes: plan.entryBytes, chunkCount: plan.chunkCount },
          upToRecord,
          maxRef: plan.maxRef,
          maxTimeMs: plan.maxTimeMs,
        },
      })
    } catch (error) {
      head.abortFlush(plan)
      throw error
    }
    head.endFlush(plan)
    this.#persistedRef = Math.max(this.#persistedRef, plan.maxRef)
    this.#flushedRecord = upToRecord
    this.#options.onFlush(answer, (performance.now() - startMs) / 1000)
  }

  /** Labels of the series that are not on disk yet, a few at a time. */
  async #sendSeries(maxRef: number): Promise<void> {
    const { head, writer } = this.#options
    for (let from = this.#persistedRef + 1; from <= maxRef; from += seriesPerMessage) {
      const rows: SeriesRow[] = []
      for (let ref = from; ref <= Math.min(maxRef, from + seriesPerMessage - 1); ref++) {
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
