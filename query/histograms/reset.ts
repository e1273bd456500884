// Whether the counter behind a native histogram was reset between two of its samples.

import type { Buckets, NativeHistogram } from '../../storage/model/histogram.ts'
import { commonBounds, isCustom, sameBounds, withBounds, withSchema, withZeroThreshold } from './arithmetic.ts'

/** Hints decide where there are any; else anything that a counter which only grows cannot do is a reset. */
export function isReset(current: NativeHistogram, previous: NativeHistogram): boolean {
  if (current.counterReset === 'reset') return true
  if (current.counterReset === 'notReset') return false
  if (current.count < previous.count) return true
  if (isCustom(current) !== isCustom(previous)) return isCustom(current)
  if (isCustom(current)) return customReset(current, previous)
  if (current.schema > previous.schema) return true
  if (current.zeroThreshold < previous.zeroThreshold) return true
  const widened = withZeroThreshold(previous, current.zeroThreshold)
  // The new threshold would have to lie inside a populated bucket.
  if (widened.zeroThreshold !== current.zeroThreshold) return true
  if (current.zeroCount < widened.zeroCount) return true
  const before = withSchema(widened, current.schema)
  return hasFallen(current.positive, before.positive) || hasFallen(current.negative, before.negative)
}

/** Whether the counter was reset between sample `i - 1` and sample `i`: windows overlap, and each pair is compared once. */
export type Resets = (i: number) => boolean

export function resetsAmong(histograms: readonly NativeHistogram[]): Resets {
  const unknown = 0
  const no = 1
  const yes = 2
  const found = new Uint8Array(histograms.length)
  return (i) => {
    const [previous, current] = [histograms[i - 1], histograms[i]]
    if (found[i] === unknown) found[i] = previous !== undefined && current !== undefined && isReset(current, previous) ? yes : no
    return found[i] === yes
  }
}

function customReset(current: NativeHistogram, previous: NativeHistogram): boolean {
  if (sameBounds(current.customBounds, previous.customBounds)) return hasFallen(current.positive, previous.positive)
  const bounds = commonBounds(current.customBounds, previous.customBounds)
  return hasFallen(withBounds(current, bounds).positive, withBounds(previous, bounds).positive)
}

/** Whether a bucket counts less than before; one that is gone counts nothing. */
function hasFallen(current: Buckets, before: Buckets): boolean {
  let i = 0
  for (let k = 0; k < before.indexes.length; k++) {
    const index = before.indexes[k] as number // k is below the length of both
    while (i < current.indexes.length && (current.indexes[i] as number) < index) i++
    const now = current.indexes[i] === index ? (current.counts[i] as number) : 0
    if (now < (before.counts[k] as number)) return true
  }
  return false
}
