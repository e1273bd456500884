import { describe, expect, it } from 'vitest'
import { labelsFrom } from '../storage/labels.ts'
import { jsonString } from './api.ts'
import { JsonBytes, stepTexts } from './jsonBytes.ts'
import { formatExposed, formatPlainDecimal, formatSampleValue, formatTimestamp } from './jsonNumber.ts'

const text = (json: JsonBytes) => Buffer.from(json.finish()).toString()

describe('formatSampleValue', () => {
  const prints = (value: number, expected: string) =>
    it(`prints ${Object.is(value, -0) ? '-0' : value} as ${expected}`, () => expect(formatSampleValue(value)).toBe(expected))
  prints(0, '0')
  prints(-0, '-0')
  prints(1.5, '1.5')
  prints(0.000001, '0.000001')
  prints(1e-7, '1e-07')
  prints(-1.25e-10, '-1.25e-10')
  prints(123456789012345680000, '123456789012345680000')
  prints(1e21, '1e+21')
  prints(5e-324, '5e-324')
  prints(NaN, 'NaN')
  prints(Infinity, '+Inf')
  prints(-Infinity, '-Inf')
})

describe('formatPlainDecimal', () => {
  const prints = (value: number, expected: string) =>
    it(`prints ${value} as ${expected}`, () => expect(formatPlainDecimal(value)).toBe(expected))
  prints(1e-7, '0.0000001')
  prints(-1.25e-9, '-0.00000000125')
  prints(1.25e22, '12500000000000000000000')
  prints(3, '3')
})

describe('formatExposed', () => {
  const prints = (value: number, expected: string) => it(`prints ${value} as ${expected}`, () => expect(formatExposed(value)).toBe(expected))
  prints(1234567, '1.234567e+06')
  prints(999999.5, '999999.5')
  prints(0.0001, '0.0001')
  prints(0.00005, '5e-05')
  prints(0, '0')
  prints(-Infinity, '-Inf')
})

describe('formatTimestamp', () => {
  const prints = (timestampMs: number, expected: string) =>
    it(`prints ${timestampMs} as ${expected}`, () => expect(formatTimestamp(timestampMs)).toBe(expected))
  prints(1_700_000_000_000, '1700000000')
  prints(1_700_000_000_050, '1700000000.050')
  prints(-500, '-0.500')
  prints(-1_000, '-1')
})

describe('JsonBytes', () => {
  it('escapes as Go does', () => {
    expect(jsonString('a<b>&"\\\n\u2028é')).toBe('"a\\u003cb\\u003e\\u0026\\"\\\\\\n\\u2028é"')
  })

  it('writes labels, the same object twice', () => {
    const labels = labelsFrom({ __name__: 'up', job: 'ä"b' })
    expect(text(new JsonBytes(1).labels(labels).raw(',').labels(labels))).toBe('{"__name__":"up","job":"ä\\"b"},{"__name__":"up","job":"ä\\"b"}')
  })

  it('writes the points of the steps that are present', () => {
    const steps = stepTexts(1_700_000_000_000, 500, 4)
    const json = new JsonBytes(1).points(steps, new Float64Array([1, 2, 3.25, NaN]), new Uint8Array([0, 1, 1, 1]))
    expect(text(json)).toBe('[1700000000.500,"2"],[1700000001,"3.25"],[1700000001.500,"NaN"]')
  })

  it('writes any value as formatSampleValue does', () => {
    const seed = Math.floor(Math.random() * 2 ** 31)
    let state = seed
    const random = () => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) / 2 ** 32
    const values: number[] = [0, -0, 0.001, 0.999, 0.1, 0.12, 999.999, 999_999_999_999, 999_999_999_999.5, 1_000_000_000_000, 2_147_483_648, 2_147_483_647.5]
    for (let i = 0; i < 5_000; i++) {
      const scale = 10 ** Math.floor(random() * 16)
      values.push(Math.round(random() * scale), Math.round(random() * scale) / 1000, Math.round(random() * scale) / 10, random() * scale, -random() * scale)
    }
    const steps = stepTexts(0, 1000, values.length)
    const json = text(new JsonBytes().points(steps, new Float64Array(values), new Uint8Array(values.length).fill(1)))
    const expected = values.map((value, i) => `[${i},"${formatSampleValue(value)}"]`).join(',')
    expect(json === expected, `seed ${seed}`).toBe(true)
  })
})
