// Straight lines and smoothing through the samples of a window: `deriv`, `predict_linear`, `double_exponential_smoothing`.

import { QueryError } from '../queryError.ts'
import { nextCompensation } from '../values/kahan.ts'
import { perWindow, type RangeKernel, type WindowColumns } from './range.ts'

/** Least squares; `valueAtZero` is where the line is at `zeroMs`. */
function fitLine({ timestampsMs, values }: WindowColumns, from: number, to: number, zeroMs: number): { slope: number; valueAtZero: number } {
  const firstValue = values[from] as number // windows have at least two samples
  let isConstant = true
  let sumX = 0
  let errorX = 0
  let sumY = 0
  let errorY = 0
  let sumXY = 0
  let errorXY = 0
  let sumXX = 0
  let errorXX = 0
  for (let i = from; i < to; i++) {
    const y = values[i] as number
    const x = ((timestampsMs[i] as number) - zeroMs) / 1000
    if (y !== firstValue) isConstant = false
    errorX = nextCompensation(x, sumX, errorX)
    sumX += x
    errorY = nextCompensation(y, sumY, errorY)
    sumY += y
    errorXY = nextCompensation(x * y, sumXY, errorXY)
    sumXY += x * y
    errorXX = nextCompensation(x * x, sumXX, errorXX)
    sumXX += x * x
  }
  if (isConstant) return Number.isFinite(firstValue) ? { slope: 0, valueAtZero: firstValue } : { slope: NaN, valueAtZero: NaN }
  const count = to - from
  sumX += errorX
  sumY += errorY
  const covariance = sumXY + errorXY - (sumX * sumY) / count
  const variance = sumXX + errorXX - (sumX * sumX) / count
  const slope = covariance / variance
  return { slope, valueAtZero: sumY / count - (slope * sumX) / count }
}

export const deriv: RangeKernel = perWindow(2, (window, from, to) => fitLine(window, from, to, window.timestampsMs[from] as number).slope)

/** Counts from the evaluation time, whatever the selector's offset. */
export const predictLinear: RangeKernel = (window, args, out, { steps }) => {
  const seconds = args[0] as Float64Array // checked by the parser
  for (let step = 0; step < out.values.length; step++) {
    const first = window.from[step] as number // one entry per step
    const end = window.to[step] as number
    if (end - first < 2) continue
    const { slope, valueAtZero } = fitLine(window, first, end, steps.startMs + step * steps.stepMs)
    out.values[step] = slope * (seconds[step] as number) + valueAtZero
    out.present[step] = 1
  }
}

export const doubleExponentialSmoothing: RangeKernel = (window, args, out) => {
  const [smoothing, trend] = args as [Float64Array, Float64Array] // checked by the parser
  for (let step = 0; step < out.values.length; step++) {
    const first = window.from[step] as number // one entry per step
    const end = window.to[step] as number
    const smoothingFactor = smoothing[step] as number
    const trendFactor = trend[step] as number
    if (end === first) continue
    requireFactor('smoothing factor. Expected: 0 < sf < 1', smoothingFactor)
    requireFactor('trend factor. Expected: 0 < tf < 1', trendFactor)
    if (end - first < 2) continue
    out.values[step] = smooth(window.values, first, end, smoothingFactor, trendFactor)
    out.present[step] = 1
  }
}

function smooth(values: Float64Array, from: number, to: number, smoothingFactor: number, trendFactor: number): number {
  let before = 0
  let current = values[from] as number // windows of at least two samples
  let slope = (values[from + 1] as number) - current
  for (let i = from + 1; i < to; i++) {
    if (i > from + 1) slope = trendFactor * (current - before) + (1 - trendFactor) * slope
    const next = smoothingFactor * (values[i] as number) + (1 - smoothingFactor) * (current + slope)
    before = current
    current = next
  }
  return current
}

function requireFactor(what: string, factor: number): void {
  if (factor <= 0 || factor >= 1) throw new QueryError('execution', `invalid ${what}, got: ${factor.toFixed(6)}`)
}
