// The general way into the head, by labels: recording rules, alert series, and whatever has no kernel of its own.

import { unreachable } from '../../src/base/assert.ts'
import type { NativeHistogram } from '../model/histogram.ts'
import type { Labels } from '../model/labels.ts'
import type { Head } from './head.ts'
import type { HeadBatch } from './headBatch.ts'

/** What became of one sample. A value, not an exception: a busy source produces these all day. */
export type AppendOutcome = 'stored' | 'duplicate' | 'outOfOrder' | 'tooOld' | 'tooFarAhead' | 'limit'

export type Appender = {
  /** Stages a sample. `labels` are sorted by name and kept by reference, so do not change them afterwards. */
  append(labels: Labels, timestampMs: number, value: number): AppendOutcome
  appendHistogram(labels: Labels, timestampMs: number, histogram: NativeHistogram): AppendOutcome
  /** Stages a staleness marker. */
  appendStale(labels: Labels, timestampMs: number): AppendOutcome
  /** Resolves when every staged sample survives a process crash. */
  commit(): Promise<void>
  /** Forgets what is staged. */
  rollback(): void
}

/** An appender for any number of commits. Each sample is judged when it is staged. */
export function createAppender(head: Head): Appender {
  let batch: HeadBatch | undefined
  const stage = (put: (batch: HeadBatch) => void): AppendOutcome => {
    batch ??= head.batch()
    put(batch)
    const { firstBad } = batch.checkLast()
    if (firstBad === undefined) return 'stored'
    switch (firstBad.kind) {
      case 'duplicate':
      case 'outOfOrder':
      case 'tooOld':
      case 'tooFarAhead':
        return firstBad.kind
      case 'outOfBounds':
        return 'tooOld'
      default:
        return unreachable(firstBad.kind)
    }
  }
  const stageOf = (labels: Labels, put: (batch: HeadBatch, ref: number) => void): AppendOutcome => {
    const ref = head.findOrCreate(labels)
    return ref === 0 ? 'limit' : stage((to) => put(to, ref))
  }
  const take = () => {
    const taken = batch
    batch = undefined
    return taken
  }
  return {
    append: (labels, timestampMs, value) => stageOf(labels, (to, ref) => to.append(ref, timestampMs, value)),
    appendHistogram: (labels, timestampMs, histogram) => stageOf(labels, (to, ref) => to.appendHistogram(ref, timestampMs, histogram)),
    appendStale: (labels, timestampMs) => stageOf(labels, (to, ref) => to.appendStale(ref, timestampMs)),
    async commit() {
      const taken = take()
      if (taken === undefined) return
      try {
        await taken.commit('skipBad')
      } finally {
        taken.close()
      }
    },
    rollback: () => take()?.close(),
  }
}

/** An appender for samples of any age, none of them in the future: each wins over one of the same time. False: a limit refuses the series. */
export type BackfillAppender = Pick<Appender, 'commit'> & { append(labels: Labels, timestampMs: number, value: number): boolean }

export function createBackfillAppender(head: Head): BackfillAppender {
  let batch: HeadBatch | undefined
  return {
    append(labels, timestampMs, value) {
      const ref = head.findOrCreate(labels)
      if (ref === 0) return false
      batch ??= head.batch()
      batch.append(ref, timestampMs, value)
      return true
    },
    async commit() {
      const taken = batch
      batch = undefined
      if (taken === undefined) return
      try {
        await taken.commit('skipBad', { anyAge: true })
      } finally {
        taken.close()
      }
    },
  }
}
