// Go's time.Time and time.Duration inside templates: how they print, their methods and Go's layouts ("2006-01-02 15:04").
// Zones come from the runtime's own time zone data. Times are whole nanoseconds, so they print as Go prints them.

import { wrapInt64 } from './goNumber.ts'
import { formatLayout, parseLayout, calendarFields } from './goLayout.ts'
import { quote } from './goQuote.ts'
import { CallError, Defined, GoTime, parameter, parameterOf, type FunctionTable, type TemplateFunction, type TypeInfo, type Value } from './value.ts'

const nsPerMs = 1_000_000n
const nsPerSecond = 1_000_000_000n

/** A time in a zone, as a template sees it. */
export function timeAt(unixNs: bigint, zone = 'UTC'): GoTime {
  return new GoTime(timeType, unixNs, zone)
}

/** The same of milliseconds since 1970, in UTC. */
export function timeFromMs(timestampMs: number): GoTime {
  return timeAt(BigInt(Math.round(timestampMs)) * nsPerMs)
}

const timeParameter = parameterOf('time.Time')
const durationParameter = parameterOf('time.Duration', 'int')

/** Go's `time.Duration`; wraps beyond 64 bits as there. */
export function duration(ns: bigint): Defined {
  return new Defined(durationType, wrapInt64(ns))
}

/** `2h3m0.5s`, as Go prints a duration. */
function formatGoDuration(ns: bigint): string {
  if (ns === 0n) return '0s'
  const sign = ns < 0n ? '-' : ''
  const absolute = ns < 0n ? -ns : ns
  const decimal = (unitNs: bigint): string => {
    const fraction = (absolute % unitNs).toString().padStart(unitNs.toString().length - 1, '0').replace(/0+$/, '')
    return `${absolute / unitNs}${fraction === '' ? '' : `.${fraction}`}`
  }
  if (absolute < 1000n) return `${sign}${absolute}ns`
  if (absolute < nsPerMs) return `${sign}${decimal(1000n)}µs`
  if (absolute < nsPerSecond) return `${sign}${decimal(nsPerMs)}ms`
  const minutes = absolute / (60n * nsPerSecond)
  const restNs = absolute % (60n * nsPerSecond)
  const fraction = (restNs % nsPerSecond).toString().padStart(9, '0').replace(/0+$/, '')
  const seconds = `${restNs / nsPerSecond}${fraction === '' ? '' : `.${fraction}`}s`
  if (minutes === 0n) return sign + seconds
  const hours = minutes / 60n
  return `${sign}${hours > 0n ? `${hours}h` : ''}${minutes % 60n}m${seconds}`
}

function ns(value: Value | undefined): bigint {
  return value instanceof Defined && typeof value.value === 'bigint' ? value.value : BigInt(value as bigint) // checked by the parameter type
}

function time(value: Value | undefined): GoTime {
  return value as GoTime // checked by the parameter type
}

const method = (call: TemplateFunction['call'], ...parameters: TemplateFunction['parameters']): TemplateFunction => ({ parameters, call })

function truncate(value: bigint, unit: bigint): bigint {
  return unit <= 0n ? value : value - (value % unit)
}

/** Half away from zero, as Go rounds durations. */
function round(value: bigint, unit: bigint): bigint {
  if (unit <= 0n) return value
  const rest = value % unit
  const absolute = rest < 0n ? -rest : rest
  if (absolute + absolute < unit) return value - rest
  return value < 0n ? value - (unit - absolute) : value + (unit - absolute)
}

const durationType: TypeInfo = {
  name: 'time.Duration',
  toText: (value) => formatGoDuration(ns(value)),
  methods: {
    String: method(([self]) => formatGoDuration(ns(self))),
    Nanoseconds: method(([self]) => ns(self)),
    Microseconds: method(([self]) => ns(self) / 1000n),
    Milliseconds: method(([self]) => ns(self) / nsPerMs),
    Seconds: method(([self]) => splitUnits(ns(self), nsPerSecond)),
    Minutes: method(([self]) => splitUnits(ns(self), 60n * nsPerSecond)),
    Hours: method(([self]) => splitUnits(ns(self), 3600n * nsPerSecond)),
    Abs: method(([self]) => duration(ns(self) < 0n ? -ns(self) : ns(self))),
    Truncate: method(([self, unit]) => duration(truncate(ns(self), ns(unit))), durationParameter),
    Round: method(([self, unit]) => duration(round(ns(self), ns(unit))), durationParameter),
  },
}

/** Whole and fractional units added as Go does, so that the last digit is the same. */
function splitUnits(value: bigint, unit: bigint): number {
  return Number(value / unit) + Number(value % unit) / Number(unit)
}

const monthNames = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December']
const dayNames = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']

const nameMethod = (names: readonly string[], first: number): TypeInfo['toText'] => (value) => names[Number(ns(value)) - first] ?? ''
const monthType: TypeInfo = { name: 'time.Month', toText: nameMethod(monthNames, 1), methods: { String: method(([self]) => monthNames[Number(ns(self)) - 1] ?? '') } }
const weekdayType: TypeInfo = { name: 'time.Weekday', toText: nameMethod(dayNames, 0), methods: { String: method(([self]) => dayNames[Number(ns(self))] ?? '') } }
const locationType: TypeInfo = {
  name: '*time.Location',
  toText: (value) => String((value as Defined).value),
  methods: { String: method(([self]) => String((self as Defined).value)) },
}

/** A time zone by its name in the time zone database; throws `CallError` as Go's `time.LoadLocation`. */
export function loadZone(name: string): string {
  if (name === '' || name === 'UTC') return 'UTC'
  if (name === 'Local') return localZone()
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: name }).resolvedOptions().timeZone === '' ? 'UTC' : name
  } catch (error) {
    throw new CallError(`unknown time zone ${name}`, { cause: error })
  }
}

function localZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone
}

const field = (name: 'year' | 'day' | 'yearDay' | 'hour' | 'minute' | 'second' | 'nanosecond'): TemplateFunction =>
  method(([self]) => BigInt(calendarFields(time(self))[name]))

function compare(a: Value | undefined, b: Value | undefined): number {
  const difference = time(a).unixNs - time(b).unixNs
  return difference < 0n ? -1 : difference > 0n ? 1 : 0
}

function truncateTime(value: GoTime, unit: bigint, add: bigint): GoTime {
  if (unit <= 0n) return value
  const shifted = value.unixNs - zeroTime.unixNs + add
  return timeAt(zeroTime.unixNs + shifted - (((shifted % unit) + unit) % unit), value.zone)
}

const methods: FunctionTable = {
  String: method(([self]) => formatTime(time(self))),
  Format: method(([self, layout]) => formatLayout(time(self), String(layout)), parameter.string),
  Unix: method(([self]) => floorDivide(time(self).unixNs, nsPerSecond)),
  UnixMilli: method(([self]) => floorDivide(time(self).unixNs, nsPerMs)),
  UnixMicro: method(([self]) => floorDivide(time(self).unixNs, 1000n)),
  UnixNano: method(([self]) => wrapInt64(time(self).unixNs)),
  UTC: method(([self]) => timeAt(time(self).unixNs)),
  Local: method(([self]) => timeAt(time(self).unixNs, localZone())),
  Location: method(([self]) => new Defined(locationType, time(self).zone)),
  In: method(([self, zone]) => timeAt(time(self).unixNs, String((zone as Defined).value)), parameterOf('*time.Location')),
  IsZero: method(([self]) => time(self).unixNs === zeroTime.unixNs),
  IsDST: method(([self]) => {
    const year = timeAt(time(self).unixNs, time(self).zone)
    const offsets = [1, 7].map((month) => calendarFields(timeAt(BigInt(Date.UTC(calendarFields(year).year, month - 1, 1)) * nsPerMs, year.zone)).offsetSeconds)
    return calendarFields(year).offsetSeconds > Math.min(...offsets)
  }),
  Year: field('year'),
  Month: method(([self]) => new Defined(monthType, BigInt(calendarFields(time(self)).month))),
  Day: field('day'),
  YearDay: field('yearDay'),
  Weekday: method(([self]) => new Defined(weekdayType, BigInt(calendarFields(time(self)).weekday))),
  Hour: field('hour'),
  Minute: field('minute'),
  Second: field('second'),
  Nanosecond: field('nanosecond'),
  Sub: method(([self, other]) => duration(clampInt64(time(self).unixNs - time(other).unixNs)), timeParameter),
  Add: method(([self, by]) => timeAt(time(self).unixNs + ns(by), time(self).zone), durationParameter),
  AddDate: method(([self, years, months, days]) => addDate(time(self), Number(years), Number(months), Number(days)), parameter.int, parameter.int, parameter.int),
  Before: method(([self, other]) => compare(self, other) < 0, timeParameter),
  After: method(([self, other]) => compare(self, other) > 0, timeParameter),
  Equal: method(([self, other]) => compare(self, other) === 0, timeParameter),
  Compare: method(([self, other]) => BigInt(compare(self, other)), timeParameter),
  Truncate: method(([self, unit]) => truncateTime(time(self), ns(unit), 0n), durationParameter),
  Round: method(([self, unit]) => truncateTime(time(self), ns(unit), ns(unit) / 2n), durationParameter),
  GoString: method(([self]) => quote(formatTime(time(self)))),
}

const timeType: TypeInfo = { name: 'time.Time', methods, toText: (value) => formatTime(time(value)) }

/** Go's zero time, 1 January of the year 1. */
export const zeroTime = timeAt(-62135596800n * nsPerSecond)

/** `2026-03-01 10:00:00.5 +0000 UTC`. */
export function formatTime(value: GoTime): string {
  return formatLayout(value, '2006-01-02 15:04:05.999999999 -0700 MST')
}

/** Reads `text` by a Go layout, in UTC when it names no zone. Throws `CallError` with Go's text. */
export function parseTime(layout: string, text: string): GoTime {
  return timeAt(parseLayout(layout, text))
}

function addDate(value: GoTime, years: number, months: number, days: number): GoTime {
  const { year, month, day, offsetSeconds } = calendarFields(value)
  const wallNs = value.unixNs + BigInt(offsetSeconds) * nsPerSecond
  const midnight = (y: number, m: number, d: number): bigint => {
    const date = new Date(0)
    date.setUTCFullYear(y, m - 1, d)
    return BigInt(date.getTime()) * nsPerMs
  }
  const movedNs = wallNs + midnight(year + years, month + months, day + days) - midnight(year, month, day)
  const guess = timeAt(movedNs - BigInt(offsetSeconds) * nsPerSecond, value.zone)
  const offset = BigInt(calendarFields(guess).offsetSeconds - offsetSeconds) * nsPerSecond
  return timeAt(guess.unixNs - offset, value.zone)
}

function clampInt64(value: bigint): bigint {
  const max = (1n << 63n) - 1n
  return value > max ? max : value < -max - 1n ? -max - 1n : value
}

function floorDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by
  return value % by < 0n ? quotient - 1n : quotient
}

