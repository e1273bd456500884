// Numbers for people, as Prometheus's humanize functions print them, and what those functions take for a number.

import { formatFloat, parseFloatText } from './go/goNumber.ts'
import { timeFromMs } from './go/goTime.ts'
import { CallError, Defined, typeName, type GoTime, type Value } from './go/value.ts'

const short = (value: number): string => formatFloat(value, 'g', 4)

/** Floats, ints, numeric strings and durations (as seconds). Throws `CallError` for anything else. */
export function toNumber(value: Value): number {
  if (typeof value === 'number') return value
  if (typeof value === 'bigint') return Number(value)
  if (typeof value === 'string') {
    const number = parseFloatText(value)
    if (number === undefined) throw new CallError(`strconv.ParseFloat: parsing ${JSON.stringify(value)}: invalid syntax`)
    return number
  }
  if (value instanceof Defined && value.type.name === 'time.Duration') return Number(value.value) / 1e9
  throw new CallError(`can't convert ${value === null ? '<nil>' : typeName(value)} to float`)
}

const largePrefixes = ['k', 'M', 'G', 'T', 'P', 'E', 'Z', 'Y']
const smallPrefixes = ['m', 'u', 'n', 'p', 'f', 'a', 'z', 'y']

function withSmallPrefix(value: number, unit: string): string {
  let scaled = value
  let prefix = ''
  for (const next of smallPrefixes) {
    if (Math.abs(scaled) >= 1) break
    prefix = next
    scaled *= 1000
  }
  return short(scaled) + prefix + unit
}

function withLargePrefix(value: number, step: number, prefixes: readonly string[]): string {
  let scaled = value
  let prefix = ''
  for (const next of prefixes) {
    if (Math.abs(scaled) < step) break
    prefix = next
    scaled /= step
  }
  return short(scaled) + prefix
}

/** `1234567` as `1.235M`. */
export function humanize(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return short(value)
  return Math.abs(value) >= 1 ? withLargePrefix(value, 1000, largePrefixes) : withSmallPrefix(value, '')
}

/** `2048` as `2ki`. */
export function humanize1024(value: number): string {
  if (Math.abs(value) <= 1 || !Number.isFinite(value)) return short(value)
  return withLargePrefix(value, 1024, ['ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei', 'Zi', 'Yi'])
}

/** Seconds as `1d 2h 3m 4s`, below a minute as `12.35s`, below a second as `15ms`. */
export function humanizeDuration(value: number): string {
  if (!Number.isFinite(value)) return short(value)
  if (value === 0) return `${short(value)}s`
  if (Math.abs(value) < 1) return withSmallPrefix(value, 's')
  const sign = value < 0 ? '-' : ''
  const absolute = Math.abs(value)
  const whole = Math.floor(absolute)
  const seconds = whole % 60
  const minutes = Math.floor(whole / 60) % 60
  const hours = Math.floor(whole / 3600) % 24
  const days = Math.floor(whole / 86_400)
  if (days > 0) return `${sign}${days}d ${hours}h ${minutes}m ${seconds}s`
  if (hours > 0) return `${sign}${hours}h ${minutes}m ${seconds}s`
  if (minutes > 0) return `${sign}${minutes}m ${seconds}s`
  return `${sign}${short(absolute)}s`
}

/** `0.12345` as `12.35%`. */
export function humanizePercentage(value: number): string {
  return `${short(value * 100)}%`
}

/** Unix seconds to a time of whole milliseconds; `undefined` for NaN and infinities. Throws `CallError` on overflow. */
export function secondsToTime(seconds: number): GoTime | undefined {
  if (!Number.isFinite(seconds)) return undefined
  const ns = seconds * 1e9
  if (ns > 2 ** 63 || ns < -(2 ** 63)) {
    throw new CallError(`${formatFloat(seconds, 'g', -1)} cannot be represented as a nanoseconds timestamp since it overflows int64`)
  }
  return timeFromMs(Number(BigInt(Math.trunc(ns)) / 1_000_000n))
}

/** `%.4g`, which stands for numbers that are no time. */
export function shortNumber(value: number): string {
  return short(value)
}
