// The native histograms of a remote-write body, which the write kernel only finds: read, checked and staged here.

import { setImmediate } from 'node:timers/promises'
import type { KernelExports, Pointer } from '../../src/kernels/kernels.ts'
import type { HeadBatch } from '../../storage/head/headBatch.ts'
import { createdFlags, type CreatedUse } from '../exposition/metadata/createdTimes.ts'
import { checkedHistogram, HistogramError, readWrittenHistogram } from '../exposition/protobuf/histogramMessage.ts'

/** Where the messages are, in memory that stays as it is; `pointer` is the list as the kernels know it. */
export type HistogramList = { readonly pointer: Pointer; readonly count: number; at(index: number): { readonly ref: number; readonly bytes: Uint8Array } }

export type StagedHistograms = {
  /** Staged, staleness markers included. */
  readonly staged: number
  /** The first reason why one was not, and how many were not. */
  readonly firstProblem: string | undefined
  readonly problems: number
}

export type StageDeps = {
  readonly kernels: { readonly exports: KernelExports }
  readonly created: CreatedUse
}

/**
 * Stages every histogram that can be stored: most of them in the kernel, which leaves out those that are new or not right.
 * Throws `RangeError` when a message is malformed.
 */
export async function stageHistograms(list: HistogramList, batch: HeadBatch, { kernels, created }: StageDeps): Promise<StagedHistograms> {
  let problems = 0
  let firstProblem: string | undefined
  let pauseMs = performance.now() + sliceMs
  for (let i = 0; i < list.count; ) {
    const next = kernels.exports.stageMessages(list.pointer, i, list.count, batch.pointer, createdFlags(created))
    i = next
    if (next < 0) {
      const left = ~next
      try {
        stageLeft(list.at(left), batch, created)
      } catch (error) {
        if (!(error instanceof HistogramError)) throw error
        firstProblem ??= error.message
        problems++
      }
      i = left + 1
    }
    if (i < list.count && performance.now() > pauseMs) {
      await setImmediate()
      pauseMs = performance.now() + sliceMs
    }
  }
  return { staged: list.count - problems, firstProblem, problems }
}

/** Throws `HistogramError` and `RangeError`. */
function stageLeft({ ref, bytes }: { readonly ref: number; readonly bytes: Uint8Array }, batch: HeadBatch, { becomesZero, becomesStart }: CreatedUse): void {
  const { timestampMs, createdMs, histogram: written } = readWrittenHistogram(bytes)
  if (written === 'stale') return batch.appendStale(ref, timestampMs)
  const histogram = checkedHistogram(written)
  if (becomesZero && createdMs !== 0) batch.appendZero(ref, createdMs, { timestampMs, histogram })
  batch.appendHistogram(ref, timestampMs, histogram)
  if (becomesStart && createdMs !== 0) batch.noteStart(createdMs)
}

/** Time spent between two looks at the event loop. */
const sliceMs = 4
