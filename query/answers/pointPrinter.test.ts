import { describe, expect, it } from 'vitest'
import { createRandom } from '../../test/helpers/random.ts'
import { formatSampleValue, formatTimestamp } from '../language/numberText.ts'
import { shareWithNobody, type Share } from '../parallel/crew.ts'
import type { PrintWork } from '../parallel/printWork.ts'
import { createColumnSpace } from '../values/columnSpace.ts'
import { PointPrinter } from './pointPrinter.ts'

const space = createColumnSpace()

const printed = (startMs: number, stepMs: number, values: readonly number[], present = values.map(() => 1)) => {
  space.reset()
  const printer = new PointPrinter({ space, share: shareWithNobody, check: () => undefined }, { startMs, stepMs, count: values.length })
  let text = ''
  printer.print([{ values: new Float64Array(values), present: new Uint8Array(present) }], (_, points) => (text += Buffer.from(points).toString()))
  return text
}

describe('PointPrinter', () => {
  it('prints the points of the steps that are present', () => {
    expect(printed(1_700_000_000_000, 500, [1, 2, 3.25, NaN], [0, 1, 1, 1])).toBe('[1700000000.500,"2"],[1700000001,"3.25"],[1700000001.500,"NaN"]')
  })

  it('prints the times of the steps as Prometheus does, before 1970 too', () => {
    const random = createRandom()
    const starts = [0, -1, -999, -1_000, -1_001, 7, 99_999_999_999, 1_764_270_007_050, -62_135_596_800_000, 253_402_300_799_999, ...Array.from({ length: 200 }, () => random.below(2 ** 32) * 1000 + random.below(1000))]
    for (const startMs of starts) {
      for (const stepMs of [1, 250, 1000, 15_000]) {
        const expected = [0, 1, 2, 3].map((step) => `[${formatTimestamp(startMs + step * stepMs)},"0"]`).join(',')
        expect(printed(startMs, stepMs, [0, 0, 0, 0]), `seed ${random.seed}`).toBe(expected)
      }
    }
  })

  it('hands out the series in their order, in as many rounds as they need', () => {
    space.reset()
    const count = 11_000
    const present = new Uint8Array(count).fill(1)
    const series = Array.from({ length: 70 }, (_, i) => ({ values: new Float64Array(count).fill(i), present: i === 3 ? new Uint8Array(count) : present }))
    const printer = new PointPrinter({ space, share: shareWithNobody, check: () => undefined }, { startMs: 0, stepMs: 1000, count })
    const first: string[] = []
    printer.print(series, (index, points) => first.push(`${index} ${Buffer.from(points).toString('latin1', 0, 12).split(']')[0]} ${points.length}`))
    const lengthOf = (digits: number) => Array.from({ length: count }, (_, i) => `[${i},""],`.length + digits).reduce((sum, length) => sum + length, -1)
    expect(first).toEqual(series.map((_, i) => (i === 3 ? '3  0' : `${i} [0,"${i}" ${lengthOf(String(i).length)}`)))
  })

  it('prints what a helper has taken and left', () => {
    const at = space.allocate(1 << 20)
    space.bytes.fill(1, at, at + (1 << 20))
    space.reset()
    const series = Array.from({ length: 20 }, (_, i) => ({ values: new Float64Array([i]), present: new Uint8Array([1]) }))
    const leaving: Share<PrintWork> = ({ count, run }) => {
      for (let part = 0; part < count; part += 2) run(part)
      return { workers: 2, reported: 0 }
    }
    const texts: string[] = []
    new PointPrinter({ space, share: leaving, check: () => undefined }, { startMs: 0, stepMs: 1000, count: 1 }).print(series, (_, points) => texts.push(Buffer.from(points).toString()))
    expect(texts).toEqual(series.map((_, i) => `[0,"${i}"]`))
  })

  it('prints any double with the digits that JavaScript finds, in the form that Go gives them', () => {
    const random = createRandom()
    const fraction = () => random.below(2 ** 32) / 2 ** 32
    const word = new BigUint64Array(1)
    const double = new Float64Array(word.buffer)
    const values = [0, -0, NaN, Infinity, -Infinity, 0.001, 0.999, 999.999, 999_999_999_999.5, 1e12, 1e20, 1e21, 123_456_789e12, 1e-6, 1e-7, 1e23, 9_007_199_254_740_993]
    // Between two decimals, and so close to one that a product of 128 bits does not decide.
    for (let i = 0; i < 2_000; i++) values.push((random.below(2 ** 32) * 2 ** 20 + 0.5) * 2 ** (random.below(80) - 40), 10 ** (random.below(40) - 20) * (1 + random.below(3) * 2 ** -52))
    for (let exponent = -1074; exponent < 1024; exponent++) values.push(2 ** exponent, 2 ** exponent * (1 + 2 ** -52), 2 ** exponent * (1 - 2 ** -53))
    for (let i = 0; i < 20_000; i++) {
      word[0] = (BigInt(random.below(2 ** 32)) << 32n) | BigInt(random.below(2 ** 32))
      values.push(double[0] ?? 0)
      const scale = 10 ** random.below(16)
      values.push(Math.round(fraction() * scale) / 1000, -Math.round(fraction() * scale) / 10, fraction() * scale)
    }
    const expected = values.map((value, i) => `[${i},"${formatSampleValue(value)}"]`).join(',')
    expect(printed(0, 1000, values) === expected, `seed ${random.seed}`).toBe(true)
  })
})
