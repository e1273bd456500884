// The samples that the crash tests write, as functions of the batch number, so that writer and checker agree without
// telling each other.

import { labelsFrom, type Labels } from '../../storage/model/labels.ts'

const seriesPerBatch = 100
/** Ten minutes between batches: days close and are compacted within a second of work. */
export const batchMs = 600_000
// Long ago, as a hundred kills on a fast machine write some years and nothing may lie in the future.
export const startMs = Date.UTC(2016, 0, 1)
export const outOfOrderWindowMs = 86_400_000

export type Written = { readonly labels: Labels; readonly timestampMs: number; readonly value: number }

/** The samples of batch `number`: one of each series, and each fifth time a late one. Every eleventh batch brings a new series. */
export function batchSamples(number: number): Written[] {
  const timestampMs = startMs + number * batchMs
  const samples: Written[] = []
  for (let i = 0; i < seriesPerBatch; i++) {
    samples.push({ labels: labelsFrom({ __name__: 'written', i: String(i) }), timestampMs: timestampMs + (i % 7), value: number * 1000 + i + (i % 2 === 0 ? 0 : 0.25) })
  }
  if (number % 5 === 4) samples.push({ labels: labelsFrom({ __name__: 'late' }), timestampMs: timestampMs - 3 * batchMs - 1, value: number })
  samples.push({ labels: labelsFrom({ __name__: 'late' }), timestampMs, value: -number })
  samples.push({ labels: labelsFrom({ __name__: 'churn', generation: String(Math.floor(number / 11)) }), timestampMs, value: number })
  return samples
}
