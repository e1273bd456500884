// Number and duration literals as PromQL reads them: hexadecimal, octal after a leading zero, underscores, `Inf`, `NaN`,
// and durations, which count as seconds.

import { parseDurationMs } from '../../src/base/duration.ts'
import { goQuote } from './stringLiteral.ts'

/** The value of a number token, or the reason why it has none. */
export function parseNumber(image: string): number | string {
  const text = image.toLowerCase()
  if (text === 'inf') return Infinity
  if (text === 'nan') return NaN
  const plain = text.replaceAll('_', '')
  if (plain.startsWith('0x')) return Number(plain)
  if (/^0[0-7]+$/.test(plain)) return Number.parseInt(plain, 8)
  if (/e[+-]?$/.test(plain)) return `error parsing number: strconv.ParseFloat: parsing ${goQuote(image)}: invalid syntax`
  const value = Number(plain)
  return Number.isFinite(value) ? value : `error parsing number: strconv.ParseFloat: parsing ${goQuote(image)}: value out of range`
}

/** The seconds of a duration token, or the reason why it is no duration. */
export function parseDurationSeconds(image: string): number | string {
  const durationMs = parseDurationMs(image)
  if (durationMs !== undefined) return durationMs / 1000
  return /^(?:\d+y)?(?:\d+w)?(?:\d+d)?(?:\d+h)?(?:\d+m)?(?:\d+s)?(?:\d+ms)?$/.test(image) ? 'duration out of range' : `not a valid duration string: ${goQuote(image)}`
}
