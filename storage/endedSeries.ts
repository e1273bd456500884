// Series whose last chunk retention has dropped leave memory and series.db, with what only they needed of labels, symbols and
// postings. On disk after memory: a crash in between leaves rows that the next start reads and a later round drops.

import { assert } from '../src/base/assert.ts'
import type { Logger } from '../src/base/log.ts'
import type { Flusher } from './flusher.ts'
import type { Head } from './head/head.ts'
import type { WriterClient } from './writer/writerClient.ts'

export type EndedSeriesOptions = {
  readonly head: Head
  readonly writer: WriterClient
  readonly flusher: Flusher
  readonly logger: Logger
}

export class EndedSeries {
  readonly #options: EndedSeriesOptions
  #keptFromMs = -Infinity
  /** Refs up to this one existed at the last call: whoever made them has put them to use by now. */
  #settledRef = 0

  constructor(options: EndedSeriesOptions) {
    this.#options = options
  }

  /** Called now and then; nothing on disk is older than `keptFromMs`. */
  async drop(keptFromMs: number): Promise<void> {
    const { head, flusher } = this.#options
    const settledRef = this.#settledRef
    this.#settledRef = head.maxRef
    if (settledRef === 0 || !(keptFromMs > this.#keptFromMs)) return
    // A flush could bring samples of a candidate to disk in the middle.
    await flusher.alone(() => this.#drop(keptFromMs, settledRef))
    this.#keptFromMs = keptFromMs
  }

  async #drop(keptFromMs: number, settledRef: number): Promise<void> {
    const { head, writer, logger } = this.#options
    const answer = await writer.request({ kind: 'ended', beforeMs: keptFromMs })
    assert(answer.kind === 'refs', 'the writer did not answer with refs')
    const { gone, removedCount } = await head.forget(answer.refs.filter((ref) => ref <= settledRef))
    await writer.request({ kind: 'dropSeries', refs: gone })
    if (removedCount > 0) logger.info('Series without samples left memory', { series: removedCount, left: head.stats().seriesCount })
  }
}

/** From when on there may be samples on disk, as retention has left it; -Infinity when that is not known. */
export function keptFromMs(oldestDayMs: number, newestMs: number, retentionMs: number): number {
  // A partition that was set aside as damaged may come back, so that the oldest one alone does not tell.
  const byTime = retentionMs > 0 ? newestMs - retentionMs : Infinity
  const from = Math.min(byTime, Number.isNaN(oldestDayMs) ? Infinity : oldestDayMs)
  return from === Infinity ? -Infinity : from
}
