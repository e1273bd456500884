// The native histograms of a remote-write body, which the write kernel only finds: read, checked and staged here.

import { setImmediate } from 'node:timers/promises'
import type { HeadBatch } from '../storage/headBatch.ts'
import { checkedHistogram, HistogramError, readWrittenHistogram } from './histogramMessage.ts'

/** Where the messages are, in memory that stays as it is. */
export type HistogramList = { readonly count: number; at(index: number): { readonly ref: number; readonly bytes: Uint8Array } }

export type StagedHistograms = {
  /** Staged, staleness markers included. */
  readonly staged: number
  /** The first reason why one was not, and how many were not. */
  readonly firstProblem: string | undefined
  readonly problems: number
}

/** Time spent between two looks at the event loop. */
const sliceMs = 4

/** Stages every histogram that can be stored. Throws `RangeError` when a message is malformed. */
export async function stageHistograms(list: HistogramList, batch: HeadBatch): Promise<StagedHistograms> {
  let staged = 0
  let problems = 0
  let firstProblem: string | undefined
  let pauseMs = performance.now() + sliceMs
  for (let i = 0; i < list.count; i++) {
    const { ref, bytes } = list.at(i)
    const { timestampMs, histogram } = readWrittenHistogram(bytes)
    try {
      if (histogram === 'stale') batch.appendStale(ref, timestampMs)
      else batch.appendHistogram(ref, timestampMs, checkedHistogram(histogram))
      staged++
    } catch (error) {
      if (!(error instanceof HistogramError)) throw error
      firstProblem ??= error.message
      problems++
    }
    if (performance.now() > pauseMs) {
      await setImmediate()
      pauseMs = performance.now() + sliceMs
    }
  }
  return { staged, firstProblem, problems }
}
