import { describe, expect, it } from 'vitest'
import { labelsFrom } from '../../storage/model/labels.ts'
import { formatExposed, formatPlainDecimal, formatSampleValue, formatTimestamp } from '../language/numberText.ts'
import { jsonString } from './api.ts'
import { JsonBytes } from './jsonBytes.ts'

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
    expect(text(new JsonBytes({ capacity: 1 }).labels(labels).raw(',').labels(labels))).toBe('{"__name__":"up","job":"ä\\"b"},{"__name__":"up","job":"ä\\"b"}')
  })

  it('ends with the byte beyond its limit, however it is written', () => {
    const labels = labelsFrom({ a: 'é' })
    const write = (json: JsonBytes) => json.raw('[').labels(labels).raw(',').string('é').raw(',').sample(1500, 2.5).bytes(Buffer.from(']'))
    const { length } = write(new JsonBytes())
    expect(write(new JsonBytes({ maxBytes: length })).length).toBe(length)
    for (let maxBytes = 1; maxBytes < length; maxBytes++) expect(() => write(new JsonBytes({ maxBytes })), String(maxBytes)).toThrow(`a result of more than ${maxBytes}B`)
  })
})
