// `rate`, `increase`, `delta`, their instant forms, `resets` and `changes`. Where a counter falls it was reset; the places
// are found once per series and the windows only look at those inside of them.

import { type Labels, labelValue, metricNameLabel } from '../../storage/labels.ts'
import type { Annotations } from '../annotations.ts'
import { goQuote } from '../stringLiteral.ts'
import type { RangeKernel, WindowColumns } from './range.ts'
import { perWindow, Scratch } from './range.ts'

export const rate = extrapolated({ isCounter: true, perSecond: true })
export const increase = extrapolated({ isCounter: true, perSecond: false })
export const delta = extrapolated({ isCounter: false, perSecond: false })

/** Indexes of the samples that are smaller than the one before, for the series in hand. */
let resetIndexes = new Int32Array(16)

function findResets({ length, values }: WindowColumns): number {
  let count = 0
  for (let i = 1; i < length; i++) {
    if ((values[i] as number) >= (values[i - 1] as number)) continue
    if (!((values[i] as number) < (values[i - 1] as number))) continue // one of them is NaN
    if (count === resetIndexes.length) {
      const larger = new Int32Array(2 * count)
      larger.set(resetIndexes)
      resetIndexes = larger
    }
    resetIndexes[count++] = i
  }
  return count
}

/** The difference of last and first sample, stretched to the ends of the window where the samples suggest it reaches them. */
function extrapolated({ isCounter, perSecond }: { readonly isCounter: boolean; readonly perSecond: boolean }): RangeKernel {
  return (window, _args, out) => {
    const { timestampsMs, values, from, to, windowEndMs, rangeMs } = window
    const resetCount = isCounter ? findResets(window) : 0
    const rangeSeconds = rangeMs / 1000
    let nextReset = 0
    for (let step = 0; step < out.values.length; step++) {
      const first = from[step] as number // one entry per step; indexes below are in [first, end)
      const end = to[step] as number
      if (end - first < 2) continue
      const firstValue = values[first] as number
      let result = (values[end - 1] as number) - firstValue
      if (isCounter) {
        while (nextReset < resetCount && (resetIndexes[nextReset] as number) <= first) nextReset++
        for (let i = nextReset; i < resetCount; i++) {
          const at = resetIndexes[i] as number
          if (at >= end) break
          result += values[at - 1] as number
        }
      }
      const firstMs = timestampsMs[first] as number
      const lastMs = timestampsMs[end - 1] as number
      const endMs = windowEndMs[step] as number
      const sampled = (lastMs - firstMs) / 1000
      const average = sampled / (end - first - 1)
      const threshold = average * 1.1
      let toStart = (firstMs - (endMs - rangeMs)) / 1000
      let toEnd = (endMs - lastMs) / 1000
      if (toStart >= threshold) toStart = average / 2
      if (isCounter && result > 0 && firstValue >= 0) {
        // A counter cannot have been below zero: no further back than where it would have been zero.
        const toZero = sampled * (firstValue / result)
        if (toZero < toStart) toStart = toZero
      }
      if (toEnd >= threshold) toEnd = average / 2
      let factor = sampled === 0 ? 1 : (sampled + toStart + toEnd) / sampled
      if (perSecond) factor /= rangeSeconds
      out.values[step] = result * factor
      out.present[step] = 1
    }
  }
}

export const irate: RangeKernel = perWindow(2, ({ timestampsMs, values }, _from, to) => {
  const last = values[to - 1] as number // windows of at least two samples
  const previous = values[to - 2] as number
  const seconds = ((timestampsMs[to - 1] as number) - (timestampsMs[to - 2] as number)) / 1000
  return (last < previous ? last : last - previous) / seconds
})

export const idelta: RangeKernel = perWindow(2, ({ values }, _from, to) => (values[to - 1] as number) - (values[to - 2] as number))

export const resets = countingSteps((value, previous) => value < previous)
export const changes = countingSteps((value, previous) => value !== previous && !(value !== value && previous !== previous))

const scratch = new Scratch()

/** How often `counts` holds between neighbours of the window. */
function countingSteps(counts: (value: number, previous: number) => boolean): RangeKernel {
  return ({ length, values, from, to }, _args, out) => {
    const upTo = scratch.reserve(length)
    upTo[0] = 0
    for (let i = 1; i < length; i++) upTo[i] = (upTo[i - 1] as number) + (counts(values[i] as number, values[i - 1] as number) ? 1 : 0)
    for (let step = 0; step < out.values.length; step++) {
      const first = from[step] as number // one entry per step
      const end = to[step] as number
      if (end === first) continue
      out.values[step] = (upTo[end - 1] as number) - (upTo[first] as number)
      out.present[step] = 1
    }
  }
}

/** The note on `rate` and `increase` of a metric whose name does not say that it counts. */
export function notePossibleNonCounter(labels: Labels, annotations: Annotations, position: number): void {
  const name = labelValue(labels, metricNameLabel)
  if (name === '' || /_(?:total|sum|count|bucket)$/.test(name)) return
  annotations.info(`metric might not be a counter, name does not end in _total/_sum/_count/_bucket: ${goQuote(name)}`, position)
}
