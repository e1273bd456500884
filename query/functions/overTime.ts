// The `*_over_time` functions. Sums, minima and maxima of overlapping windows are put together from two parts, one that
// ends where the other begins, so that a window costs the same whatever it holds; nothing is ever subtracted again.

import { nextCompensation } from '../kahan.ts'
import { checkQuantiles, quantileOf } from '../quantile.ts'
import { lookNowAndThen, perWindow, Scratch, type RangeKernel, type WindowColumns } from './range.ts'

export const countOverTime: RangeKernel = perWindow(1, (_window, from, to) => to - from)
export const presentOverTime: RangeKernel = perWindow(1, () => 1)
export const firstOverTime: RangeKernel = perWindow(1, ({ values }, from) => values[from] as number)
export const lastOverTime: RangeKernel = perWindow(1, ({ values }, _from, to) => values[to - 1] as number)
export const tsOfFirstOverTime: RangeKernel = perWindow(1, ({ timestampsMs }, from) => (timestampsMs[from] as number) / 1000)
export const tsOfLastOverTime: RangeKernel = perWindow(1, ({ timestampsMs }, _from, to) => (timestampsMs[to - 1] as number) / 1000)
export const tsOfMinOverTime: RangeKernel = perWindow(1, (window, from, to) => timeOfExtreme(window, from, to, (a, b) => a <= b))
export const tsOfMaxOverTime: RangeKernel = perWindow(1, (window, from, to) => timeOfExtreme(window, from, to, (a, b) => a >= b))

/** The time of the newest among equals; any number beats NaN. */
function timeOfExtreme({ values, timestampsMs }: WindowColumns, from: number, to: number, isAtLeast: (a: number, b: number) => boolean): number {
  let best = from
  for (let i = from + 1; i < to; i++) {
    const value = values[i] as number // from <= i < to <= length
    const before = values[best] as number
    if (isAtLeast(value, before) || before !== before) best = i
  }
  return (timestampsMs[best] as number) / 1000
}

/** From this many samples per window on, on average, parts are reused; below, each window is computed by itself. */
const reuseFromSamples = 16

/** How the part before a window's pivot and the part from it on are kept: one entry per sample. */
type Parts = {
  /** Prepares the parts of the samples [from, pivot), each reaching to the pivot. */
  openBackwards(window: WindowColumns, from: number, pivot: number): void
  /** Begins an empty part at the pivot. */
  openForwards(): void
  /** Adds a sample to the part from the pivot on. */
  extend(value: number): void
  /** The whole of [from, end): the backward part of `from`, if any, and the forward part. */
  result(from: number, hasBackwards: boolean, hasForwards: boolean): number
}

function sliding(parts: Parts, direct: (window: WindowColumns, from: number, to: number) => number): RangeKernel {
  const one = perWindow(1, direct)
  return (window, args, out, context, call) => {
    const { from, to, values } = window
    const steps = out.values.length
    let total = 0
    for (let step = 0; step < steps; step++) total += (to[step] as number) - (from[step] as number) // one entry per step
    if (total < reuseFromSamples * steps || total < 2 * window.length) return one(window, args, out, context, call)
    let pivot = 0
    let reached = 0
    for (let step = 0; step < steps; step++) {
      const first = from[step] as number
      const end = to[step] as number
      if (end === first) continue
      if (first >= pivot) {
        // The window has left the backward part: what it holds now becomes the next one.
        parts.openBackwards(window, first, end)
        parts.openForwards()
        pivot = end
        reached = end
      }
      while (reached < end) parts.extend(values[reached++] as number)
      out.values[step] = parts.result(first, first < pivot, reached > pivot)
      out.present[step] = 1
    }
  }
}

const backwards = new Scratch()
const backwardErrors = new Scratch()

function sumParts(): Parts {
  let sums = new Float64Array(0)
  let errors = new Float64Array(0)
  let sum = 0
  let error = 0
  return {
    openBackwards({ values, length }, from, pivot) {
      sums = backwards.reserve(length) as Float64Array<ArrayBuffer>
      errors = backwardErrors.reserve(length) as Float64Array<ArrayBuffer>
      let part = 0
      let partError = 0
      for (let i = pivot - 1; i >= from; i--) {
        const value = values[i] as number // from <= i < pivot <= length
        partError = nextCompensation(value, part, partError)
        part += value
        sums[i] = part
        errors[i] = partError
      }
    },
    openForwards() {
      sum = 0
      error = 0
    },
    extend(value) {
      error = nextCompensation(value, sum, error)
      sum += value
    },
    result(from, hasBackwards, hasForwards) {
      if (!hasForwards) return (sums[from] as number) + (errors[from] as number)
      if (!hasBackwards) return sum + error
      const part = sums[from] as number // the window begins before the pivot
      const joined = nextCompensation(sum, part, (errors[from] as number) + error)
      return part + sum + joined
    },
  }
}

function extremeParts(better: (a: number, b: number) => number): Parts {
  let bests = new Float64Array(0)
  let best = NaN
  return {
    openBackwards({ values, length }, from, pivot) {
      bests = backwards.reserve(length) as Float64Array<ArrayBuffer>
      let part = NaN
      for (let i = pivot - 1; i >= from; i--) {
        part = better(part, values[i] as number) // from <= i < pivot <= length
        bests[i] = part
      }
    },
    openForwards() {
      best = NaN
    },
    extend(value) {
      best = better(best, value)
    },
    result(from, hasBackwards, hasForwards) {
      if (!hasForwards) return bests[from] as number
      return hasBackwards ? better(bests[from] as number, best) : best
    },
  }
}

/** NaN only if both are. */
const smaller = (a: number, b: number) => (a !== a || b < a ? b : a)
const larger = (a: number, b: number) => (a !== a || b > a ? b : a)

export const sumOverTime: RangeKernel = sliding(sumParts(), sumOf)
export const minOverTime: RangeKernel = sliding(extremeParts(smaller), ({ values }, from, to) => fold(values, from, to, smaller))
export const maxOverTime: RangeKernel = sliding(extremeParts(larger), ({ values }, from, to) => fold(values, from, to, larger))

function fold(values: Float64Array, from: number, to: number, better: (a: number, b: number) => number): number {
  let best = NaN
  for (let i = from; i < to; i++) best = better(best, values[i] as number) // within the window
  return best
}

function sumOf({ values }: WindowColumns, from: number, to: number): number {
  let sum = 0
  let error = 0
  for (let i = from; i < to; i++) {
    const value = values[i] as number // within the window
    error = nextCompensation(value, sum, error)
    sum += value
  }
  return sum + error
}

/** The sum divided by the count; a running mean where the sum would overflow. */
export const avgOverTime: RangeKernel = (window, args, out, context, call) => {
  sumOverTime(window, args, out, context, call)
  const { from, to } = window
  for (let step = 0; step < out.values.length; step++) {
    if (out.present[step] === 0) continue
    const first = from[step] as number // one entry per step
    const end = to[step] as number
    const sum = out.values[step] as number
    out.values[step] = Number.isFinite(sum) ? sum / (end - first) : runningMean(window, first, end)
  }
}

function runningMean({ values }: WindowColumns, from: number, to: number): number {
  let sum = values[from] as number // windows have at least one sample
  let error = 0
  let mean = 0
  let isRunning = false
  for (let i = from + 1; i < to; i++) {
    const value = values[i] as number
    const count = i - from + 1
    if (!isRunning) {
      const total = sum + value
      if (total !== Infinity && total !== -Infinity) {
        error = nextCompensation(value, sum, error)
        sum = total
        continue
      }
      isRunning = true
      mean = sum / (count - 1)
      error /= count - 1
    }
    const share = (count - 1) / count
    error = nextCompensation(value / count, share * mean, share * error)
    mean = share * mean + value / count
  }
  return isRunning ? mean + error : sum / (to - from) + error / (to - from)
}

function variance({ values }: WindowColumns, from: number, to: number): number {
  let count = 0
  let mean = 0
  let meanError = 0
  let squares = 0
  let squaresError = 0
  for (let i = from; i < to; i++) {
    const value = values[i] as number // within the window
    count++
    const deviation = value - (mean + meanError)
    const change = deviation / count
    meanError = nextCompensation(change, mean, meanError)
    mean += change
    const square = deviation * (value - (mean + meanError))
    squaresError = nextCompensation(square, squares, squaresError)
    squares += square
  }
  return (squares + squaresError) / count
}

export const stdvarOverTime: RangeKernel = perWindow(1, variance)
export const stddevOverTime: RangeKernel = perWindow(1, (window, from, to) => Math.sqrt(variance(window, from, to)))

const sorted = new Scratch()

function copyWindow({ values }: WindowColumns, from: number, to: number): Float64Array {
  const copy = sorted.reserve(to - from)
  copy.set(values.subarray(from, to))
  return copy
}

export const quantileOverTime: RangeKernel = (window, args, out, context, call) => {
  const phis = args[0] as Float64Array // checked by the parser
  const { from, to } = window
  const look = lookNowAndThen(context)
  let found = 0
  for (let step = 0; step < out.values.length; step++) {
    const first = from[step] as number // one entry per step
    const end = to[step] as number
    if (end === first) continue
    look(end - first)
    out.values[step] = quantileOf(phis[step] as number, copyWindow(window, first, end), end - first)
    out.present[step] = 1
    found++
  }
  if (found > 0) checkQuantiles(phis, context.annotations, call.args[0]?.position.start)
}

/** The median distance from the median; NaN as soon as one value is. */
export const madOverTime: RangeKernel = perWindow(1, (window, from, to) => {
  const length = to - from
  for (let i = from; i < to; i++) if (Number.isNaN(window.values[i])) return NaN
  const median = quantileOf(0.5, copyWindow(window, from, to), length)
  const copy = sorted.reserve(length)
  for (let i = 0; i < length; i++) copy[i] = Math.abs((window.values[from + i] as number) - median)
  return quantileOf(0.5, copy, length)
})
