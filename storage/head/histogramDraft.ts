// A native histogram into the draft of the kernels, from where it is staged; the layout is that of assembly/batch/histogramDraft.ts.

import type { Kernels } from '../../src/kernels/kernels.ts'
import { customSchema, type Buckets, type NativeHistogram } from '../model/histogram.ts'
import { counterResets } from './histogramReader.ts'

/** Doubles, then words. */
const sumAt = 0
const countAt = 1
const zeroCountAt = 2
const zeroThresholdAt = 3
const schemaAt = 8
const hintAt = 9
const positiveAt = 10
const negativeAt = 11
const bucketsAt = 12
const boundsAt = 14
const boundCountAt = 15

const bucketBytes = 16

/** Into the kernels' one draft, from which the next call of theirs takes it. */
export function writeDraft(kernels: Kernels, histogram: NativeHistogram): void {
  const { positive, negative } = histogram
  const customBounds = histogram.schema === customSchema ? histogram.customBounds : []
  const draft = kernels.exports.reserveDraft(positive.indexes.length + negative.indexes.length, customBounds.length)
  const { doubles, words } = kernels
  const doublesAt = draft / 8
  doubles[doublesAt + sumAt] = histogram.sum
  doubles[doublesAt + countAt] = histogram.count
  doubles[doublesAt + zeroCountAt] = histogram.zeroCount
  doubles[doublesAt + zeroThresholdAt] = histogram.schema === customSchema ? 0 : histogram.zeroThreshold
  const wordsAt = draft / 4
  words[wordsAt + schemaAt] = histogram.schema
  // That there was no reset is seen in the counts themselves, and only between stored neighbours.
  words[wordsAt + hintAt] = counterResets.indexOf(histogram.counterReset === 'notReset' ? 'unknown' : histogram.counterReset)
  words[wordsAt + positiveAt] = positive.indexes.length
  words[wordsAt + negativeAt] = negative.indexes.length
  words[wordsAt + boundCountAt] = customBounds.length
  const at = words[wordsAt + bucketsAt] ?? 0
  writeBuckets(kernels, at, positive)
  writeBuckets(kernels, at + bucketBytes * positive.indexes.length, negative)
  doubles.set(customBounds, (words[wordsAt + boundsAt] ?? 0) / 8)
}

function writeBuckets({ doubles, words }: Kernels, at: number, { indexes, counts }: Buckets): void {
  for (let k = 0; k < indexes.length; k++, at += bucketBytes) {
    doubles[at / 8] = counts[k] ?? 0
    words[at / 4 + 2] = indexes[k] ?? 0
  }
}
