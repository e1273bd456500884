// Go's time layouts: a layout shows how the reference time "Mon Jan 2 15:04:05 MST 2006" would look. Formats times and reads
// them back, and breaks a time into its calendar fields in its zone.

import { CallError } from './value.ts'
import { quote } from './goQuote.ts'

type ZonedTime = { readonly unixNs: bigint; readonly zone: string }

export type TimeFields = {
  readonly year: number
  readonly month: number
  readonly day: number
  readonly hour: number
  readonly minute: number
  readonly second: number
  readonly nanosecond: number
  readonly weekday: number
  readonly yearDay: number
  readonly offsetSeconds: number
  /** `UTC`, `CET`, or the offset such as `+03` when the zone has no letters. */
  readonly zoneName: string
}

const nsPerSecond = 1_000_000_000n
const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const months = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December']

/** The calendar fields of a time in its own zone. */
export function calendarFields(time: ZonedTime): TimeFields {
  const wholeSeconds = (time.unixNs - (((time.unixNs % nsPerSecond) + nsPerSecond) % nsPerSecond)) / nsPerSecond
  const nanosecond = Number(time.unixNs - wholeSeconds * nsPerSecond)
  const unixMs = Number(wholeSeconds) * 1000
  const offsetSeconds = time.zone === 'UTC' ? 0 : zoneOffsetSeconds(time.zone, unixMs)
  const date = new Date(unixMs + offsetSeconds * 1000)
  const year = date.getUTCFullYear()
  const firstDay = new Date(0)
  firstDay.setUTCFullYear(year, 0, 1)
  return {
    year,
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
    nanosecond,
    weekday: date.getUTCDay(),
    yearDay: Math.floor((date.getTime() - firstDay.getTime()) / 86_400_000) + 1,
    offsetSeconds,
    zoneName: time.zone === 'UTC' ? 'UTC' : zoneAbbreviation(time.zone, unixMs, offsetSeconds),
  }
}

function zoneOffsetSeconds(zone: string, unixMs: number): number {
  return Temporal.Instant.fromEpochMilliseconds(unixMs).toZonedDateTimeISO(zone).offsetNanoseconds / 1e9
}

/** English locales spell out different sets of abbreviations; the first that gives letters wins. */
function zoneAbbreviation(zone: string, unixMs: number, offsetSeconds: number): string {
  for (const locale of ['en-US', 'en-GB', 'en-AU', 'en-IN', 'en-ZA', 'en-CA']) {
    const parts = new Intl.DateTimeFormat(locale, { timeZone: zone, timeZoneName: 'short' }).formatToParts(unixMs)
    const name = parts.find((part) => part.type === 'timeZoneName')?.value ?? ''
    if (/^[A-Z]{3,5}$/.test(name) && !/^GMT[+-]/.test(name)) return name
  }
  const minutes = Math.abs(offsetSeconds) / 60
  const hours = String(Math.floor(minutes / 60)).padStart(2, '0')
  return `${offsetSeconds < 0 ? '-' : '+'}${hours}${minutes % 60 === 0 ? '' : String(minutes % 60).padStart(2, '0')}`
}

/** Layout elements, longer ones first; a fraction must not be followed by a digit. */
const element =
  /January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|2006|01|02|03|04|05|06|002|15|_2006|__2|_2|-07:00:00|-070000|-07:00|-0700|-07|Z07:00:00|Z070000|Z07:00|Z0700|Z07|PM|pm|[.,](?:0+|9+)(?!\d)|1|2|3|4|5/g

type Piece = { readonly kind: 'text' | 'element'; readonly text: string }

function readLayout(layout: string): Piece[] {
  const pieces: Piece[] = []
  let position = 0
  element.lastIndex = 0
  for (const match of layout.matchAll(element)) {
    if (match.index > position) pieces.push({ kind: 'text', text: layout.slice(position, match.index) })
    // `_2006` is an underscore followed by the year, not a day.
    if (match[0] === '_2006') pieces.push({ kind: 'text', text: '_' }, { kind: 'element', text: '2006' })
    else if (match[0] === '01' && layout.startsWith('002', match.index - 1)) pieces.push({ kind: 'text', text: '01' })
    else pieces.push({ kind: 'element', text: match[0] })
    position = match.index + match[0].length
  }
  if (position < layout.length) pieces.push({ kind: 'text', text: layout.slice(position) })
  return pieces
}

/** Go's `Time.Format`. */
export function formatLayout(time: ZonedTime, layout: string): string {
  const fields = calendarFields(time)
  return readLayout(layout)
    .map((piece) => (piece.kind === 'text' ? piece.text : formatElement(piece.text, fields)))
    .join('')
}

const two = (value: number): string => String(value).padStart(2, '0')

function formatElement(text: string, fields: TimeFields): string {
  const hour12 = fields.hour % 12 === 0 ? 12 : fields.hour % 12
  switch (text) {
    case 'January':
      return months[fields.month - 1] ?? ''
    case 'Jan':
      return (months[fields.month - 1] ?? '').slice(0, 3)
    case 'Monday':
      return days[fields.weekday] ?? ''
    case 'Mon':
      return (days[fields.weekday] ?? '').slice(0, 3)
    case 'MST':
      return fields.zoneName
    case '2006':
      return fields.year < 0 ? `-${String(-fields.year).padStart(4, '0')}` : String(fields.year).padStart(4, '0')
    case '06':
      return two(Math.abs(fields.year) % 100)
    case '01':
      return two(fields.month)
    case '1':
      return String(fields.month)
    case '02':
      return two(fields.day)
    case '_2':
      return String(fields.day).padStart(2, ' ')
    case '2':
      return String(fields.day)
    case '002':
      return String(fields.yearDay).padStart(3, '0')
    case '__2':
      return String(fields.yearDay).padStart(3, ' ')
    case '15':
      return two(fields.hour)
    case '03':
      return two(hour12)
    case '3':
      return String(hour12)
    case '04':
      return two(fields.minute)
    case '4':
      return String(fields.minute)
    case '05':
      return two(fields.second)
    case '5':
      return String(fields.second)
    case 'PM':
      return fields.hour >= 12 ? 'PM' : 'AM'
    case 'pm':
      return fields.hour >= 12 ? 'pm' : 'am'
  }
  if (/^[.,]/.test(text)) return formatFraction(text, fields.nanosecond)
  return formatOffset(text, fields.offsetSeconds)
}

function formatFraction(text: string, nanosecond: number): string {
  const digits = String(nanosecond).padStart(9, '0').slice(0, text.length - 1).padEnd(text.length - 1, '0')
  if (text[1] === '0') return text[0] + digits
  const trimmed = digits.replace(/0+$/, '')
  return trimmed === '' ? '' : text[0] + trimmed
}

function formatOffset(text: string, offsetSeconds: number): string {
  if (text.startsWith('Z') && offsetSeconds === 0) return 'Z'
  const absolute = Math.abs(offsetSeconds)
  const parts = [two(Math.floor(absolute / 3600)), two(Math.floor(absolute / 60) % 60), two(absolute % 60)]
  const count = /00:?00$|0000$|:00:00$/.test(text) && /(07:00:00|070000)$/.test(text) ? 3 : /(07:00|0700)$/.test(text) ? 2 : 1
  return (offsetSeconds < 0 ? '-' : '+') + parts.slice(0, count).join(text.includes(':') ? ':' : '')
}

const digitPatterns: Readonly<Record<string, string>> = {
  '2006': '\\d{4}',
  '06': '\\d{2}',
  '01': '\\d{2}',
  '02': '\\d{2}',
  '03': '\\d{2}',
  '04': '\\d{2}',
  '05': '\\d{2}',
  '15': '\\d{1,2}',
  '002': '\\d{3}',
  __2: ' {0,2}\\d{1,3}',
  _2: ' ?\\d{1,2}',
  '1': '\\d{1,2}',
  '2': ' ?\\d{1,2}',
  '3': '\\d{1,2}',
  '4': '\\d{1,2}',
  '5': '\\d{1,2}',
  January: months.join('|'),
  Jan: months.map((name) => name.slice(0, 3)).join('|'),
  Monday: days.join('|'),
  Mon: days.map((name) => name.slice(0, 3)).join('|'),
  MST: '[A-Z]{3,5}|[+-]\\d{2}(?:\\d{2})?',
  PM: 'AM|PM',
  pm: 'am|pm',
}

/** Go's `time.Parse`; gives nanoseconds since 1970. */
export function parseLayout(layout: string, text: string): bigint {
  const fail = (reason: string): CallError => new CallError(`parsing time ${quote(text)}${reason}`)
  const found = new Map<string, string>()
  let fraction = ''
  let offset = ''
  let rest = text
  const pieces = readLayout(layout)
  for (const piece of pieces) {
    if (piece.kind === 'text') {
      const wanted = piece.text
      if (!rest.startsWith(wanted)) throw fail(` as ${quote(layout)}: cannot parse ${quote(rest)} as ${quote(wanted)}`)
      rest = rest.slice(wanted.length)
      continue
    }
    const isFraction = /^[.,]/.test(piece.text)
    const isOffset = /^[-Z]0/.test(piece.text)
    let pattern = digitPatterns[piece.text]
    if (isFraction) pattern = piece.text[1] === '0' ? `[.,]\\d{${piece.text.length - 1}}` : '(?:[.,]\\d+)?'
    else if (isOffset) pattern = `${piece.text.startsWith('Z') ? 'Z|' : ''}[+-]${piece.text.slice(1).replace(/07|00/g, '\\d{2}')}`
    const match = new RegExp(`^(?:${pattern})`, /^(Jan|Mon)/.test(piece.text) ? 'i' : '').exec(rest)?.[0]
    if (match === undefined) throw fail(` as ${quote(layout)}: cannot parse ${quote(rest)} as ${quote(piece.text)}`)
    rest = rest.slice(match.length)
    if (isFraction) fraction = match
    else if (isOffset) offset = match
    else found.set(piece.text, match.trim())
    // Go takes fractional seconds in the text even where the layout has none.
    if (piece.text === '05' || piece.text === '5') {
      const next = pieces[pieces.indexOf(piece) + 1]
      const extra = /^[.,]\d+/.exec(rest)?.[0]
      if (extra !== undefined && !(next?.kind === 'element' && /^[.,]/.test(next.text))) {
        fraction = extra
        rest = rest.slice(extra.length)
      }
    }
  }
  if (rest !== '') throw fail(`: extra text: ${quote(rest)}`)
  return toUnixNs(found, fraction, offset, fail)
}

function toUnixNs(found: ReadonlyMap<string, string>, fraction: string, offset: string, fail: (reason: string) => CallError): bigint {
  const number = (names: readonly string[], otherwise: number): number => {
    const name = names.find((one) => found.has(one))
    return name === undefined ? otherwise : Number(found.get(name))
  }
  const monthName = found.get('January') ?? found.get('Jan')
  const month = monthName === undefined ? number(['01', '1'], 1) : months.findIndex((name) => name.slice(0, 3).toLowerCase() === monthName.slice(0, 3).toLowerCase()) + 1
  let year = number(['2006'], found.has('06') ? number(['06'], 0) + (number(['06'], 0) >= 69 ? 1900 : 2000) : 0)
  if (!found.has('2006') && !found.has('06')) year = 0
  const day = number(['02', '_2', '2'], 1)
  let hour = number(['15', '03', '3'], 0)
  const half = (found.get('PM') ?? found.get('pm'))?.toUpperCase()
  if (half === 'PM' && hour < 12) hour += 12
  else if (half === 'AM' && hour === 12) hour = 0
  const minute = number(['04', '4'], 0)
  const second = number(['05', '5'], 0)
  if (month < 1 || month > 12) throw fail(': month out of range')
  if (hour > 23) throw fail(': hour out of range')
  if (minute > 59) throw fail(': minute out of range')
  if (second > 59) throw fail(': second out of range')
  const date = new Date(0)
  const dayOfYear = found.get('002') ?? found.get('__2')
  if (dayOfYear === undefined) date.setUTCFullYear(year, month - 1, day)
  else date.setUTCFullYear(year, 0, Number(dayOfYear))
  if (dayOfYear === undefined && (date.getUTCMonth() !== month - 1 || day < 1)) throw fail(': day out of range')
  date.setUTCHours(hour, minute, second)
  const nanoseconds = BigInt(fraction.slice(1).padEnd(9, '0').slice(0, 9))
  const [, sign, hours = '0', minutes = '0', seconds = '0'] = /^([+-])(\d{2}):?(\d{2})?:?(\d{2})?$/.exec(offset) ?? []
  const offsetSeconds = (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * (sign === '-' ? -1 : 1)
  return (BigInt(date.getTime()) / 1000n - BigInt(offsetSeconds)) * nsPerSecond + nanoseconds
}
