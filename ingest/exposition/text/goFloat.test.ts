import { describe, expect, it } from 'vitest'
import { formatOpenMetricsFloat, goQuote, parseGoFloat } from './goFloat.ts'

describe('formatOpenMetricsFloat', () => {
  const prints = (value: number, text: string) => it(`prints ${value} as ${text}`, () => expect(formatOpenMetricsFloat(value)).toBe(text))
  prints(1, '1.0')
  prints(-0, '0.0')
  prints(-1, '-1.0')
  prints(0.25, '0.25')
  prints(100000, '100000.0')
  prints(1e6, '1e+06')
  prints(1234567, '1.234567e+06')
  prints(0.0001, '0.0001')
  prints(0.00001, '1e-05')
  prints(2.5e-300, '2.5e-300')
  prints(1e21, '1e+21')
  prints(-12.5, '-12.5')
  prints(Infinity, '+Inf')
  prints(-Infinity, '-Inf')
  prints(NaN, 'NaN')
})

describe('parseGoFloat', () => {
  const reads = (text: string, value: number | string) => it(`reads ${text}`, () => expect(parseGoFloat(text)).toBe(value))
  reads('1', 1)
  reads('+1.', 1)
  reads('.5e3', 500)
  reads('INFINITY', Infinity)
  reads('-inf', -Infinity)
  reads('NaN', NaN)
  reads('1e-999', 0)
  reads('', 'strconv.ParseFloat: parsing "": invalid syntax')
  reads('.', 'strconv.ParseFloat: parsing ".": invalid syntax')
  reads('1e', 'strconv.ParseFloat: parsing "1e": invalid syntax')
})

describe('goQuote', () => {
  it('escapes as %q does', () => expect(goQuote('a"\\\n\x01\u00a0ü')).toBe('"a\\"\\\\\\n\\x01\\u00a0ü"'))
})
