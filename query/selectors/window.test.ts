import { describe, expect, it } from 'vitest'
import { createMemoryQuerier, seriesEvery, stale } from '../../test/helpers/memoryQuerier.ts'
import { createColumnSpace } from '../values/columnSpace.ts'
import { ColumnScratch, takeNewest, Windows, withoutStaleMarkers } from './window.ts'

const all = { minTimeMs: -Infinity, maxTimeMs: Infinity }

/** Samples every 10 s from 0 on. */
const samplesOf = (values: readonly (number | typeof stale | undefined)[]) =>
  createMemoryQuerier([seriesEvery(10_000, { __name__: 'x' }, values)]).select([], all).read(0)

const space = createColumnSpace()

describe('takeNewest', () => {
  const sees = (name: string, values: readonly (number | typeof stale | undefined)[], times: readonly number[], expected: readonly (number | undefined)[]) =>
    it(name, () => {
      const out = space.columns(times.length)
      const stepMs = (times[1] ?? 1) - (times[0] ?? 0)
      const windows = new Windows(space, { startMs: times[0] ?? 0, stepMs, count: times.length }, 25_000)
      const samples = samplesOf(values)
      windows.slideOver(samples)
      const found = takeNewest(samples, windows, out)
      expect([...out.values].map((value, i) => (out.present[i] === 1 ? value : undefined))).toEqual(expected)
      expect(found).toBe(expected.filter((value) => value !== undefined).length)
    })
  sees('takes the newest sample at or before the time', [1, 2, 3], [-1_000, 9_000, 19_000, 29_000], [undefined, 1, 2, 3])
  sees('leaves out a sample exactly as old as the lookback', [1], [24_999, 25_000, 25_001], [1, undefined, undefined])
  sees('sees nothing from a staleness marker on', [1, stale, undefined, 4], [5_000, 15_000, 25_000, 35_000], [1, undefined, undefined, 4])
  sees('takes an ordinary NaN for a value', [NaN], [0], [NaN])
})

describe('Windows', () => {
  const shown = ({ total, from, to }: Windows) => ({ total, windows: [...from].map((first, i) => `${first}-${to[i]}`) })
  const windows = (values: readonly (number | undefined)[], startMs: number, stepMs: number, count: number, rangeMs: number) => {
    const sliding = new Windows(space, { startMs, stepMs, count }, rangeMs)
    sliding.slideOver(samplesOf(values))
    return shown(sliding)
  }
  it('is open on the left and closed on the right', () => {
    expect(windows([1, 2, 3, 4], 20_000, 10_000, 2, 20_000)).toEqual({ total: 4, windows: ['1-3', '2-4'] })
  })
  it('is empty where there are no samples', () => {
    expect(windows([1, undefined, undefined, undefined, 5], 5_000, 10_000, 4, 5_001)).toEqual({ total: 1, windows: ['0-1', '1-1', '1-1', '1-1'] })
  })
  it('are right for each series, the same timestamps or not', () => {
    const sliding = new Windows(space, { startMs: 20_000, stepMs: 10_000, count: 2 }, 20_000)
    for (const values of [[1, 2, 3, 4], [5, 6, 7, 8], [5, undefined, 7, 8], [5, 6, undefined, 8], [1], [1, 2, 3, 4]]) {
      sliding.slideOver(samplesOf(values))
      expect(shown(sliding)).toEqual(windows(values, 20_000, 10_000, 2, 20_000))
    }
  })
})

describe('withoutStaleMarkers', () => {
  it('returns the same columns when there is nothing to remove', () => {
    const samples = samplesOf([1, NaN, 3])
    expect(withoutStaleMarkers(samples, new ColumnScratch(space))).toBe(samples)
  })
  it('removes every marker and keeps other NaNs', () => {
    const samples = withoutStaleMarkers(samplesOf([1, stale, NaN, stale, stale, 6]), new ColumnScratch(space))
    expect([...samples.values.subarray(0, samples.length)]).toEqual([1, NaN, 6])
    expect([...samples.timestampsMs.subarray(0, samples.length)]).toEqual([0, 20_000, 50_000])
  })
})
