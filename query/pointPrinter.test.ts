import { describe, expect, it } from 'vitest'
import { createRandom } from '../test/helpers/random.ts'
import { createColumnSpace } from './columnSpace.ts'
import { formatSampleValue } from './jsonNumber.ts'
import { PointPrinter } from './pointPrinter.ts'

const space = createColumnSpace()

const printed = (startMs: number, stepMs: number, values: readonly number[], present = values.map(() => 1)) => {
  space.reset()
  const printer = new PointPrinter(space, { startMs, stepMs, count: values.length })
  return Buffer.from(printer.print(new Float64Array(values), new Uint8Array(present))).toString()
}

describe('PointPrinter', () => {
  it('prints the points of the steps that are present', () => {
    expect(printed(1_700_000_000_000, 500, [1, 2, 3.25, NaN], [0, 1, 1, 1])).toBe('[1700000000.500,"2"],[1700000001,"3.25"],[1700000001.500,"NaN"]')
  })

  it('prints any double with the digits that JavaScript finds, in the form that Go gives them', () => {
    const random = createRandom()
    const fraction = () => random.below(2 ** 32) / 2 ** 32
    const word = new BigUint64Array(1)
    const double = new Float64Array(word.buffer)
    const values = [0, -0, NaN, Infinity, -Infinity, 0.001, 0.999, 999.999, 999_999_999_999.5, 1e12, 1e20, 1e21, 123_456_789e12, 1e-6, 1e-7, 1e23, 9_007_199_254_740_993]
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
