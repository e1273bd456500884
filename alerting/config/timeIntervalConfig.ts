// `time_intervals` of alertmanager.yml: when a route is muted or active. Reading only; alerting/muting/timeInterval.ts matches.

import type { YamlNode } from '../../src/base/config/yaml.ts'
import { fields, list, text } from '../../src/base/config/yamlReaders.ts'
import type { Reader } from '../../src/base/config/yamlReaders.ts'

/** Matches when any spec matches. */
export type TimeIntervalConfig = { readonly name: string; readonly specs: readonly TimeIntervalSpec[] }

/** An absent field matches always, an empty list never; within a field any item may match, all fields must. */
export type TimeIntervalSpec = {
  /** Minutes of the day; start inclusive, end exclusive (1440 = 24:00). */
  readonly times?: readonly { readonly startMinute: number; readonly endMinute: number }[]
  /** Sunday = 0 ... Saturday = 6, inclusive. */
  readonly weekdays?: readonly NumberRange[]
  /** 1...31 or -31...-1 (-1 = last day of the month), inclusive. */
  readonly daysOfMonth?: readonly NumberRange[]
  /** January = 1, inclusive. */
  readonly months?: readonly NumberRange[]
  readonly years?: readonly NumberRange[]
  /** IANA name, `UTC` or `Local`. */
  readonly location: string
}

export type NumberRange = { readonly begin: number; readonly end: number }

const weekdayNames = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday']
const monthNames = [
  'january',
  'february',
  'march',
  'april',
  'may',
  'june',
  'july',
  'august',
  'september',
  'october',
  'november',
  'december',
]

export const timeInterval: Reader<TimeIntervalConfig> = (node) => {
  const read = fields(node, { name: text, time_intervals: list(timeIntervalSpec) })
  if ((read.name ?? '') === '') node.fail('missing name in time interval')
  return { name: read.name ?? '', specs: read.time_intervals ?? [] }
}

const timeIntervalSpec: Reader<TimeIntervalSpec> = Object.assign(readSpec, { ofNull: { location: 'UTC' } })

function readSpec(node: YamlNode): TimeIntervalSpec {
  const read = fields(node, {
    times: list(timeRange),
    weekdays: list(weekdayRange),
    days_of_month: list(dayOfMonthRange),
    months: list(monthRange),
    years: list(yearRange),
    location,
  })
  return {
    ...(read.times && { times: read.times }),
    ...(read.weekdays && { weekdays: read.weekdays }),
    ...(read.days_of_month && { daysOfMonth: read.days_of_month }),
    ...(read.months && { months: read.months }),
    ...(read.years && { years: read.years }),
    location: read.location ?? 'UTC',
  }
}

function timeRange(node: YamlNode): { startMinute: number; endMinute: number } {
  const read = fields(node, { start_time: minuteOfDay, end_time: minuteOfDay })
  const { start_time: startMinute, end_time: endMinute } = read
  if (startMinute === undefined || endMinute === undefined) return node.fail('both start_time and end_time must be provided')
  if (startMinute >= endMinute) node.fail('start time cannot be equal or greater than end time; for a range over midnight write two')
  return { startMinute, endMinute }
}

const minuteOfDay: Reader<number> = (node) => {
  const written = text(node)
  const match = /^(?:([01]\d|2[0-3]):([0-5]\d)|24:00)$/.exec(written)
  if (match === null) return node.fail(`expected a time as HH:MM, found ${node.describe()}`)
  return match[1] === undefined ? 1440 : Number(match[1]) * 60 + Number(match[2])
}

/** Splits `a:b`; a single value is a range of one. */
function splitRange(node: YamlNode, value: (part: string) => number): NumberRange {
  const parts = text(node).toLowerCase().split(':')
  if (parts.length > 2) node.fail(`expected one value or a range as begin:end, found ${node.describe()}`)
  const begin = value((parts[0] ?? '').trim())
  return { begin, end: parts[1] === undefined ? begin : value(parts[1].trim()) }
}

function namedRange(node: YamlNode, names: readonly string[], what: string): NumberRange {
  const range = splitRange(node, (part) => {
    const index = names.indexOf(part)
    if (index < 0) node.fail(`"${part}" is not a valid ${what}; write it out in English, such as ${names[1] ?? ''}`)
    return index
  })
  if (range.begin > range.end) node.fail('start day cannot be before end day')
  return range
}

function weekdayRange(node: YamlNode): NumberRange {
  return namedRange(node, weekdayNames, 'weekday')
}

function monthRange(node: YamlNode): NumberRange {
  const range = splitRange(node, (part) => {
    const index = monthNames.indexOf(part)
    if (index >= 0) return index + 1
    if (!/^-?\d+$/.test(part)) node.fail(`"${part}" is not a valid month; write a number or the English name in full`)
    return Number(part)
  })
  if (range.begin > range.end) node.fail('end month is before start month')
  return range
}

function yearRange(node: YamlNode): NumberRange {
  const range = splitRange(node, (part) => {
    if (!/^-?\d+$/.test(part)) node.fail(`"${part}" is not a year`)
    return Number(part)
  })
  if (range.begin > range.end) node.fail('end year is before start year')
  return range
}

function dayOfMonthRange(node: YamlNode): NumberRange {
  const range = splitRange(node, (part) => {
    if (!/^-?\d+$/.test(part)) node.fail(`"${part}" is not a day of the month`)
    const day = Number(part)
    if (day === 0 || day < -31 || day > 31) node.fail(`${day} is not a valid day of the month: out of range`)
    return day
  })
  if (range.begin < 0 && range.end > 0) node.fail('end day must be negative if start day is negative')
  // A range that is empty in the shortest month could never be meant.
  const inShortestMonth = (day: number) => (day < 0 ? 28 + day : day)
  if (inShortestMonth(range.begin) > inShortestMonth(range.end)) node.fail('end day is always before start day')
  return range
}

const location: Reader<string> = (node) => {
  const name = text(node)
  if (name === '' || name === 'UTC') return 'UTC'
  if (name === 'Local') return name
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
  } catch {
    node.fail(`unknown time zone ${name}; expected an IANA name such as Europe/Berlin, UTC or Local`)
  }
  return name
}
