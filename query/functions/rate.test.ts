import { describe, expect, it } from 'vitest'
import { createRandom, type Random } from '../../test/helpers/random.ts'
import { overWindows, windowsOf, type Samples } from '../../test/helpers/rangeKernel.ts'
import { extrapolationFactor } from './extrapolation.ts'
import { delta, increase, rate } from './rate.ts'

const rangeMs = 300_000

/** A scrape every 15 s with a few milliseconds of jitter, now and then a gap; a counter that begins low or high, with resets and NaNs in some series. */
function randomSamples(random: Random): Samples {
  const times: number[] = []
  const values: number[] = []
  const resets = random.below(3)
  const holes = random.below(3)
  let value = [0, 3, 1e6][random.below(3)] ?? 0
  for (let i = 0; i < 400; i++) {
    if (holes === 1 && random.below(60) === 0) i += random.below(30)
    if (holes === 2 && random.below(8) === 0) continue
    value += random.below(40) * (resets === 2 ? 0.1 : 1)
    if (resets === 1 && random.below(100) === 0) value = random.below(5)
    times.push(i * 15_000 + random.below(13))
    values.push(resets === 2 && random.below(80) === 0 ? NaN : value)
  }
  return { timestampsMs: Float64Array.from(times), values: Float64Array.from(values), length: times.length }
}

/** What Prometheus does with one window. */
function extrapolated({ timestampsMs, values }: Samples, window: readonly number[], endMs: number, isCounter: boolean, divisor: number): number | undefined {
  const first = window[0] ?? 0
  const last = window.at(-1) ?? 0
  if (window.length < 2) return undefined
  const at = (index: number) => values[index] ?? NaN
  let result = at(last) - at(first)
  if (isCounter) for (const i of window.slice(1)) if (at(i) < at(i - 1)) result += at(i - 1)
  return result * (extrapolationFactor(endMs - rangeMs, timestampsMs[first] ?? 0, timestampsMs[last] ?? 0, endMs, window.length, at(first), result, isCounter) / divisor)
}

describe('rate, increase and delta', () => {
  it('are those of each window by itself', () => {
    const random = createRandom()
    for (let round = 0; round < 20; round++) {
      const samples = randomSamples(random)
      const times = { startMs: random.below(100_000) - 200_000, stepMs: random.pick([15_000, 60_000, 7_000]), count: 1 + random.below(400) }
      const windows = windowsOf(samples, times, rangeMs)
      for (const [kernel, isCounter, divisor] of [[rate, true, rangeMs / 1000], [increase, true, 1], [delta, false, 1]] as const) {
        const expected = windows.map((window, step) => extrapolated(samples, window, times.startMs + step * times.stepMs, isCounter, divisor))
        expect(overWindows(kernel, samples, times, rangeMs), `seed ${random.seed}, round ${round}`).toEqual(expected)
      }
    }
  })
})
