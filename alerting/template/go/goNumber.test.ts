import { describe, expect, it } from 'vitest'
import { formatFloat, parseFloatText, parseIntText, type FloatFormat } from './goNumber.ts'

describe('formatFloat', () => {
  const prints = (value: number, format: FloatFormat, precision: number, expected: string) =>
    it(`prints ${value} with %${precision < 0 ? '' : `.${precision}`}${format} as ${expected}`, () => expect(formatFloat(value, format, precision)).toBe(expected))
  prints(123456, 'g', -1, '123456')
  prints(1234567, 'g', -1, '1.234567e+06')
  prints(1500000, 'g', -1, '1.5e+06')
  prints(0.0001, 'g', -1, '0.0001')
  prints(0.00001, 'g', -1, '1e-05')
  prints(0, 'g', -1, '0')
  prints(-0, 'g', -1, '-0')
  prints(NaN, 'g', -1, 'NaN')
  prints(Infinity, 'g', -1, '+Inf')
  prints(-Infinity, 'g', -1, '-Inf')
  prints(5e-324, 'g', -1, '5e-324')
  prints(1.7976931348623157e308, 'g', -1, '1.7976931348623157e+308')
  prints(7, 'e', -1, '7e+00')
  prints(1.25, 'e', -1, '1.25e+00')
  prints(0, 'e', -1, '0e+00')
  prints(0.5, 'f', 0, '0')
  prints(1.5, 'f', 0, '2')
  prints(2.5, 'f', 0, '2')
  prints(2.675, 'f', 2, '2.67')
  prints(1e21, 'f', 1, '1000000000000000000000.0')
  prints(999.96, 'g', 4, '1000')
  prints(99996, 'g', 4, '1e+05')
  prints(0.000012345, 'g', 4, '1.234e-05')
  prints(9.9999, 'f', 2, '10.00')
})

describe('parseFloatText', () => {
  const reads = (text: string, expected: number | undefined) => it(`reads ${text}`, () => expect(parseFloatText(text)).toBe(expected))
  reads('1.5', 1.5)
  reads('-Inf', -Infinity)
  reads('nan', NaN)
  reads('0x1p-2', 0.25)
  reads('.5', 0.5)
  reads('1_000', undefined)
  reads('1e999', undefined)
  reads('', undefined)
  reads('1x', undefined)
})

describe('parseIntText', () => {
  it('reads every base and tells overflow from nonsense', () => {
    expect(parseIntText('0x_ff')).toEqual({ kind: 'int', value: 255n })
    expect(parseIntText('-017')).toEqual({ kind: 'int', value: -15n })
    expect(parseIntText('9223372036854775808')).toEqual({ kind: 'overflow' })
    expect(parseIntText('08')).toEqual({ kind: 'syntax' })
  })
})
