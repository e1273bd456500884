// `anchored` and `smoothed` range selectors: the window knows what was there at its very ends. Anchored takes the newest sample
// at or before the start as the value there; smoothed draws lines to the neighbours beyond both ends. Nothing is extrapolated.
// Samples up to the lookback beyond the window are in the columns, see `beyond` of `WindowsPlan`.

import type { MatrixSelector } from '../language/ast.ts'
import { QueryError } from '../queryError.ts'
import type { RangeKernel, RangeOutput, WindowColumns } from './range.ts'

export type Mode = 'anchored' | 'smoothed'

type Window = Omit<WindowColumns, 'length'>

/** How a range selector is extended, if it is. */
export function extensionOf({ selector }: MatrixSelector): Mode | undefined {
  if (selector.anchored) return 'anchored'
  return selector.smoothed ? 'smoothed' : undefined
}

/** The kernel of a function over an extended window. Throws for functions that have none. */
export function extendedKernel(name: string, mode: Mode): RangeKernel {
  const kernel = kernels[mode][name]
  if (kernel !== undefined) return kernel
  throw new QueryError('execution', `${mode} modifier can only be used with: ${Object.keys(kernels[mode]).join(', ')} - not with ${name}`)
}

const kernels: Readonly<Record<Mode, Readonly<Record<string, RangeKernel>>>> = {
  anchored: {
    changes: countingSteps((value, previous) => value !== previous && !(value !== value && previous !== previous)),
    delta: difference('anchored', { isCounter: false, perSecond: false }),
    increase: difference('anchored', { isCounter: true, perSecond: false }),
    rate: difference('anchored', { isCounter: true, perSecond: true }),
    resets: countingSteps((value, previous) => value < previous),
  },
  smoothed: {
    delta: difference('smoothed', { isCounter: false, perSecond: false }),
    increase: difference('smoothed', { isCounter: true, perSecond: false }),
    rate: difference('smoothed', { isCounter: true, perSecond: true }),
  },
}

/**
 * The samples that matter for the window (startMs, endMs]: indexes of the oldest that is seen at all, of the first, at or before
 * the start if there is one, and of the last.
 */
export type Reach = { readonly begin: number; readonly first: number; readonly last: number; readonly startMs: number; readonly endMs: number }

/** `undefined` when no sample lies after the start of the window. */
export function reachOf({ timestampsMs, from, to, windowEndMs, rangeMs }: Window, step: number, mode: Mode): Reach | undefined {
  const begin = from[step] as number // one entry per step
  let last = (to[step] as number) - 1
  if (last < begin) return undefined
  const endMs = windowEndMs[step] as number
  const startMs = endMs - rangeMs
  let first = begin
  while (first < last && (timestampsMs[first] as number) <= startMs) first++
  first = Math.max(begin, first - 1)
  if (mode === 'smoothed') {
    let at = begin
    while (at < last && (timestampsMs[at] as number) < endMs) at++
    last = at
  }
  return (timestampsMs[last] as number) <= startMs ? undefined : { begin, first, last, startMs, endMs }
}

function difference(mode: Mode, { isCounter, perSecond }: { readonly isCounter: boolean; readonly perSecond: boolean }): RangeKernel {
  return (window, _args, out) =>
    perReach(window, mode, out, (reach) => {
      const left = leftValue(window, reach, mode, isCounter)
      const right = rightValue(window, reach, mode, isCounter)
      const result = right - left + (isCounter ? lostInResets(window, reach, left, right) : 0)
      return perSecond ? result / (window.rangeMs / 1000) : result
    })
}

function perReach(window: WindowColumns, mode: Mode, { values, present }: RangeOutput, compute: (reach: Reach) => number): void {
  for (let step = 0; step < values.length; step++) {
    const reach = reachOf(window, step, mode)
    if (reach === undefined) continue
    values[step] = compute(reach)
    present[step] = 1
  }
}

function leftValue({ timestampsMs, values }: Window, { first, startMs }: Reach, mode: Mode, isCounter: boolean): number {
  const value = values[first] as number // a reach lies within the window
  if (mode === 'anchored' || (timestampsMs[first] as number) >= startMs) return value
  const next = values[first + 1] as number // the last sample is after the start
  // A counter that falls on the way was reset: it comes from zero.
  return interpolate(timestampsMs, first, startMs, isCounter && next < value ? 0 : value, next)
}

function rightValue({ timestampsMs, values }: Window, { begin, last, endMs }: Reach, mode: Mode, isCounter: boolean): number {
  const value = values[last] as number
  if (mode === 'anchored' || last === begin || (timestampsMs[last] as number) <= endMs) return value
  const previous = values[last - 1] as number
  return interpolate(timestampsMs, last - 1, endMs, previous, isCounter && value < previous ? value + previous : value)
}

/** On the line from sample `index` to the next one. */
function interpolate(timestampsMs: Float64Array, index: number, timeMs: number, from: number, to: number): number {
  const fromMs = timestampsMs[index] as number
  return from + ((to - from) * (timeMs - fromMs)) / ((timestampsMs[index + 1] as number) - fromMs)
}

/** What a counter had reached before each reset inside the window. */
function lostInResets({ timestampsMs, values }: WindowColumns, { first, last, startMs, endMs }: Reach, left: number, right: number): number {
  const from = (timestampsMs[first] as number) <= startMs ? first + 1 : first
  const to = (timestampsMs[last] as number) >= endMs ? last - 1 : last
  let lost = 0
  let previous = left
  for (let i = from; i <= to; i++) {
    const value = values[i] as number
    if (value < previous) lost += previous
    previous = value
  }
  return right < previous ? lost + previous : lost
}

/** Steps between neighbours, the value at the start included. */
function countingSteps(counts: (value: number, previous: number) => boolean): RangeKernel {
  return (window, _args, out) =>
    perReach(window, 'anchored', out, ({ first, last }) => {
      let count = 0
      for (let i = first + 1; i <= last; i++) if (counts(window.values[i] as number, window.values[i - 1] as number)) count++
      return count
    })
}

/** The samples of one extended window as a whole query shows them: with one at either end of the window. */
export function extendedSamples(window: Window, mode: Mode): { readonly timestampsMs: Float64Array; readonly values: Float64Array } | undefined {
  const reach = reachOf(window, 0, mode)
  if (reach === undefined) return undefined
  const { startMs, endMs } = reach
  const inside = [...window.timestampsMs.subarray(reach.first, reach.last + 1).keys()]
    .map((i) => i + reach.first)
    .filter((i) => (window.timestampsMs[i] as number) > startMs && (window.timestampsMs[i] as number) < endMs)
  const pick = (column: Float64Array) => inside.map((i) => column[i] as number)
  return {
    timestampsMs: Float64Array.of(startMs, ...pick(window.timestampsMs), endMs),
    values: Float64Array.of(leftValue(window, reach, mode, false), ...pick(window.values), rightValue(window, reach, mode, false)),
  }
}
