// The `*_over_time` functions. Sums, means, minima and maxima are those of the kernels in src/kernels/assembly/query/overTime.ts.

import { nextCompensation } from '../values/kahan.ts'
import { checkQuantiles, quantileOf } from '../values/quantile.ts'
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

export const sumOverTime: RangeKernel = summed(0)
/** The sum divided by the count; a running mean where the sum would overflow. */
export const avgOverTime: RangeKernel = summed(1)
export const minOverTime: RangeKernel = extreme(-1)
export const maxOverTime: RangeKernel = extreme(1)

function summed(isMean: 0 | 1): RangeKernel {
  return overWindows('sumWindows', isMean, 16)
}

function extreme(sign: -1 | 1): RangeKernel {
  return overWindows('extremeWindows', sign, 8)
}

/** A kernel that has room for `partBytes` per sample. */
function overWindows(kernel: 'sumWindows' | 'extremeWindows', variant: number, partBytes: number): RangeKernel {
  return ({ length, values, from, to }, _args, out, { space }) => {
    const count = out.values.length
    const valuesAt = space.place('values', values, length)
    const fromAt = space.place('from', from, count)
    const toAt = space.place('to', to, count)
    space.exports[kernel](valuesAt, length, fromAt, toAt, count, variant, space.slot('parts', partBytes * length), space.addressOf(out.values), space.addressOf(out.present))
  }
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
