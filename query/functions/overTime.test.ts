import { describe, expect, it } from 'vitest'
import { createRandom, type Random } from '../../test/helpers/random.ts'
import { overWindows, windowsOf, type Samples } from '../../test/helpers/rangeKernel.ts'
import { avgOverTime, maxOverTime, minOverTime, sumOverTime } from './overTime.ts'

/** Whole numbers, some very large, both zeros, and what is no number at all; some samples are missing. */
function randomSamples(random: Random): Samples {
  const times: number[] = []
  const values: number[] = []
  const special = random.pick([[], [], [NaN], [NaN, Infinity], [Infinity, -Infinity], [2 ** 100, -(2 ** 100)]])
  for (let i = 0; i < 400; i++) {
    if (random.below(10) === 0) i += random.below(20)
    times.push(i * 15_000 + random.below(13))
    values.push(special.length > 0 && random.below(20) === 0 ? random.pick(special) : random.below(5) === 0 ? -random.below(2) * 0 : random.below(2000) - 1000)
  }
  return { timestampsMs: Float64Array.from(times), values: Float64Array.from(values), length: times.length }
}

/** Rounded once, as compensated sums of these are. */
function exactSum(values: readonly number[]): number {
  const odd = values.filter((value) => !Number.isFinite(value))
  if (odd.length > 0) return odd.reduce((sum, value) => sum + value)
  return Number(values.reduce((sum, value) => sum + BigInt(value), 0n))
}

/** The first of equals; NaN only if there is nothing else. */
function first(values: readonly number[], isBetter: (a: number, b: number) => boolean): number {
  return values.reduce((best, value) => (isBetter(value, best) || Number.isNaN(best) ? value : best))
}

/** As Prometheus adds: from the first to the last, and nothing comes back from infinity. */
function sumInOrder(values: readonly number[]): number {
  let sum = 0
  for (const value of values) sum += value
  return sum
}

describe('sums, means and extremes over time', () => {
  it('are those of each window by itself', () => {
    const random = createRandom()
    for (let round = 0; round < 40; round++) {
      const samples = randomSamples(random)
      const rangeMs = random.pick([20_000, 300_000, 3_600_000])
      const times = { startMs: random.below(100_000) - 200_000, stepMs: random.pick([15_000, 60_000, 7_000]), count: 1 + random.below(400) }
      const windows = windowsOf(samples, times, rangeMs).map((window) => window.map((index) => samples.values[index] ?? NaN))
      const compare = (kernel: typeof sumOverTime, name: string, compute: (values: readonly number[]) => number) =>
        expect(overWindows(kernel, samples, times, rangeMs), `${name}, seed ${random.seed}, round ${round}`).toEqual(windows.map((values) => (values.length === 0 ? undefined : compute(values))))
      compare(minOverTime, 'min', (values) => first(values, (a, b) => a < b))
      compare(maxOverTime, 'max', (values) => first(values, (a, b) => a > b))
      compare(sumOverTime, 'sum', exactSum)
      compare(avgOverTime, 'avg', (values) => exactSum(values) / values.length)
    }
  })

  it('are infinite where a sum in the order of time is, whatever comes after', () => {
    const random = createRandom()
    for (let round = 0; round < 20; round++) {
      const length = 399 + random.below(2)
      const samples = { timestampsMs: Float64Array.from({ length }, (_, i) => i * 15_000), values: Float64Array.from({ length }, () => random.pick([2 ** 1023, -(2 ** 1023), 0])), length }
      const times = { startMs: 0, stepMs: 15_000, count: length }
      const windows = windowsOf(samples, times, 3_600_000).map((window) => sumInOrder(window.map((index) => samples.values[index] ?? NaN)))
      expect(windows.filter((sum) => !Number.isFinite(sum)).length).toBeGreaterThan(100)
      expect(overWindows(sumOverTime, samples, times, 3_600_000), `seed ${random.seed}, round ${round}`).toEqual(windows)
    }
  })
})
