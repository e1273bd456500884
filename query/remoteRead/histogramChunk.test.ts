// Histogram chunks against the slow reading of the format's description.

import { describe, expect, it } from 'vitest'
import { customSchema, type NativeHistogram } from '../../storage/model/histogram.ts'
import { histogram, plain, randomHistogram } from '../../test/helpers/histograms.ts'
import { createRandom } from '../../test/helpers/random.ts'
import { encodeHistogramChunk, shareChunk, type TimedHistogram } from './histogramChunk.ts'

/** Bit by bit, as the format is described. */
function decode(chunk: Uint8Array): { timeMs: number; histogram: NativeHistogram }[] {
  let at = 24
  const bit = () => BigInt(((chunk[at >> 3] ?? 0) >> (7 - (at++ & 7))) & 1)
  const bits = (count: number) => {
    let value = 0n
    for (let i = 0; i < count; i++) value = (value << 1n) | bit()
    return value
  }
  const double = (word: bigint) => new Float64Array(BigUint64Array.of(word).buffer)[0] ?? NaN
  const width = () => {
    for (const count of [0, 3, 6, 9, 12, 18, 25, 56]) if (bit() === 0n) return count
    return 64
  }
  const uint = () => Number(bits(width()))
  const int = () => {
    const count = width()
    if (count === 0) return 0
    const value = bits(count)
    return Number(count === 64 ? BigInt.asIntN(64, value) : value > 1n << BigInt(count - 1) ? value - (1n << BigInt(count)) : value)
  }
  const thresholdByte = Number(bits(8))
  const zeroThreshold = thresholdByte === 0 ? 0 : thresholdByte === 255 ? double(bits(64)) : 2 ** (thresholdByte - 244)
  const schema = int()
  const indexes = () => {
    const list: number[] = []
    let next = 0
    for (let spans = uint(); spans > 0; spans--) {
      const length = uint()
      next += int()
      for (let i = 0; i < length; i++) list.push(next++)
    }
    return list
  }
  const positive = indexes()
  const negative = indexes()
  const customBounds = schema === customSchema ? Array.from({ length: uint() }, () => {
    const thousandths = uint()
    return thousandths > 0 ? (thousandths - 1) / 1000 : double(bits(64))
  }) : []
  const columns = Array.from({ length: 3 + positive.length + negative.length }, () => ({ value: 0n, leading: 0, length: 0 }))
  const next = (column: (typeof columns)[number], isFirst: boolean) => {
    if (isFirst) column.value = bits(64)
    else if (bit() === 1n) {
      if (bit() === 1n) {
        column.leading = Number(bits(5))
        column.length = Number(bits(6)) || 64
      }
      column.value ^= bits(column.length) << BigInt(64 - column.leading - column.length)
    }
    return double(column.value)
  }
  const counterReset = (['unknown', 'notReset', 'reset', 'gauge'] as const)[(chunk[2] ?? 0) >> 6] ?? 'unknown'
  let timeMs = 0
  let deltaMs = 0
  const found = Array.from({ length: ((chunk[0] ?? 0) << 8) | (chunk[1] ?? 0) }, (_, i) => {
    if (i === 0) timeMs = int()
    else timeMs += deltaMs += int()
    const [count = NaN, zeroCount = NaN, sum = NaN, ...counts] = columns.map((column) => next(column, i === 0))
    const side = (list: readonly number[], values: readonly number[]) => ({ indexes: Int32Array.from(list), counts: Float64Array.from(values) })
    const read: NativeHistogram = {
      schema, zeroThreshold, count, zeroCount, sum, counterReset,
      positive: side(positive, counts.slice(0, positive.length)), negative: side(negative, counts.slice(positive.length)), customBounds: Float64Array.from(customBounds),
    }
    return { timeMs, histogram: read }
  })
  expect(Math.ceil(at / 8), 'nothing after the last sample').toBe(chunk.length)
  return found
}

const shown = (samples: readonly TimedHistogram[]) => samples.map(({ timeMs, histogram: one }) => [timeMs, plain(one)])

describe('encodeHistogramChunk', () => {
  const keeps = (what: string, samples: readonly TimedHistogram[]) => it(`keeps ${what}`, () => expect(shown(decode(encodeHistogramChunk(samples)))).toEqual(shown(samples)))

  keeps('gaps, negative buckets and all widths of time', [0, 1, 5, 200, 70_000, 3e7, 2 ** 40, 2 ** 52].map((timeMs, k) => ({ timeMs, histogram: histogram({ schema: -4, sum: -k, zeroCount: 1.5 * k, zeroThreshold: 0.001, positive: { [-900]: k, [-899]: 1, 7: 0.25, 5000: k }, negative: { 0: 1 + k } }) })))
  keeps('thresholds that are powers of two', [{ timeMs: -5, histogram: histogram({ zeroThreshold: 2 ** -128, counterReset: 'gauge' }) }])
  keeps('custom bounds', [{ timeMs: 1, histogram: histogram({ schema: customSchema, customBounds: Float64Array.of(-1, 0, 0.005, 1 / 3, 1000, 1e9), positive: { 0: 1, 6: 2 } }) }])

  it('keeps random histograms', () => {
    const random = createRandom()
    for (let run = 0; run < 200; run++) {
      const first = randomHistogram(random)
      const samples = Array.from({ length: 1 + random.below(30) }, (_, k) => {
        const counts = (side: NativeHistogram['positive']) => ({ ...side, counts: side.counts.map(() => random.below(1e6) / 8) })
        return { timeMs: k * 15_000 + random.below(100), histogram: { ...first, sum: random.below(1e9) / 7, count: random.below(1e6), positive: counts(first.positive), negative: counts(first.negative) } }
      })
      expect(shown(decode(encodeHistogramChunk(samples))), `SEED=${random.seed}`).toEqual(shown(samples))
    }
  })
})

describe('shareChunk', () => {
  const one = histogram({ schema: 1, positive: { 1: 2 } })
  it('wants the same buckets and no reset', () => {
    expect(shareChunk(one, histogram({ schema: 1, positive: { 1: 5 }, sum: 3 }))).toBe(true)
    const others = [histogram({ schema: 2, positive: { 1: 2 } }), histogram({ schema: 1, positive: { 2: 2 } }), histogram({ schema: 1, positive: { 1: 2 }, negative: { 1: 1 } }), { ...one, zeroThreshold: 1 }, { ...one, counterReset: 'reset' as const }, { ...one, counterReset: 'gauge' as const }]
    expect(others.map((other) => shareChunk(one, other))).toEqual(others.map(() => false))
  })
})
