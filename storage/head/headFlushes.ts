// Flushes of the head, one at a time: chunks are sealed and listed, and stay in memory until they are durable elsewhere and every reader
// sees them there.

import { assert } from '../../src/base/assert.ts'
import type { Kernels } from '../../src/kernels/kernels.ts'
import { flushOf, type Flush, type FlushPlan } from './headFlush.ts'

/** Samples sealed between two looks at the event loop, and list entries dropped in one. */
const flushStepSamples = 60_000
const dropStepEntries = 4096
const reclaimStep = 20_000

/** Where the epoch is, as in assembly/base/layout.ts. */
const epochAddress = 1024

type Finished = {
  readonly flush: Flush
  /** Readers that started before it may not see the partitions. */
  readonly epoch: number
  readonly atMs: number
  /** Entries of its list that are dropped. */
  dropped: number
}

export class HeadFlushes {
  readonly #kernels: Kernels
  readonly #keepFlushedMs: number
  readonly #nowMs: () => number
  #flush: Flush | undefined
  /** Those whose chunks are still in memory, oldest first. */
  readonly #flushed: Finished[] = []
  #droppedFlushes = 0

  /** Flushed chunks stay for `keepFlushedMs`, for queries of recent times. */
  constructor(kernels: Kernels, { keepFlushedMs, nowMs }: { readonly keepFlushedMs: number; readonly nowMs: () => number }) {
    this.#kernels = kernels
    this.#keepFlushedMs = keepFlushedMs
    this.#nowMs = nowMs
  }

  /**
   * Seals and lists the chunks that are not in partitions yet, or, for a checkpoint, in none of the two. Every sample that
   * was committed before this call is in the plan; the plan's memory stays as it is until it is ended or aborted.
   */
  async begin(to: 'partitions' | 'checkpoint'): Promise<FlushPlan> {
    assert(this.#flush === undefined, 'two flushes at a time')
    const { exports } = this.#kernels
    const pointer = exports.newFlush(to === 'checkpoint' ? 1 : 0)
    while (exports.flushStep(pointer, flushStepSamples) === 0) {
      // What sealing leaves behind is room for the samples that come meanwhile.
      exports.reclaim(reclaimStep)
      await new Promise((resolve) => setImmediate(resolve))
    }
    this.#flush = flushOf(this.#kernels, pointer)
    return this.#flush.plan
  }

  /** The chunks of the plan are durable in partitions. */
  end(plan: FlushPlan): void {
    const flush = this.#take(plan)
    // The step to a new epoch divides the readers into those who may not see the partitions and those who must.
    this.#kernels.exports.reclaim(reclaimStep)
    const epoch = Atomics.load(this.#kernels.words, epochAddress / 4)
    this.#flushed.push({ flush, epoch, atMs: this.#nowMs(), dropped: 0 })
  }

  /** The chunks of the plan are durable in a checkpoint; they stay here until they are flushed. */
  endCheckpoint(plan: FlushPlan): void {
    this.#kernels.exports.freeFlush(this.#take(plan).pointer)
  }

  /** The plan was not carried out; its chunks will be in the next one. */
  abort(plan: FlushPlan): void {
    const flush = this.#take(plan)
    this.#kernels.exports.unlistEntries(flush.pointer, 0, plan.chunkCount)
    this.#kernels.exports.freeFlush(flush.pointer)
  }

  #take(plan: FlushPlan): Flush {
    const flush = this.#flush
    assert(flush !== undefined && flush.plan === plan, 'no such flush')
    this.#flush = undefined
    return flush
  }

  /** Frees what nobody can see any more: about once a second, a few milliseconds at most. */
  maintain(nowMs: number): void {
    const { exports } = this.#kernels
    exports.reclaim(reclaimStep)
    const oldest = this.#flushed[0]
    if (oldest === undefined || nowMs - oldest.atMs < this.#keepFlushedMs) return
    // A reader from before the flush knows its chunks from here only.
    if (exports.minPinnedEpoch() < oldest.epoch) return
    const { flush } = oldest
    const to = Math.min(flush.plan.chunkCount, oldest.dropped + dropStepEntries)
    exports.dropEntries(flush.pointer, oldest.dropped, to)
    oldest.dropped = to
    if (to < flush.plan.chunkCount) return
    exports.freeFlush(flush.pointer)
    this.#flushed.shift()
    this.#droppedFlushes++
  }

  /** Flushes to partitions so far, and how many of them, oldest first, have nothing in memory any more. */
  get counts(): { readonly finished: number; readonly dropped: number } {
    return { finished: this.#droppedFlushes + this.#flushed.length, dropped: this.#droppedFlushes }
  }
}
