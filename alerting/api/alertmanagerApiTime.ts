// Times in Alertmanager's API: RFC 3339 in several spellings in, milliseconds with the sender's offset out.

export type ApiTime = {
  readonly ms: number
  /** RFC 3339 as written, when milliseconds in UTC would lose digits or the offset. */
  readonly text?: string
}

const pattern = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(\.\d+)?(Z|z|[+-]\d\d:?\d\d)?$/

/** `undefined` for the year 1, which clients send for "not set". Throws an `Error` worded as Go's. */
export function parseApiTime(text: string): ApiTime | undefined {
  if (text === '') return { ms: 0 }
  const match = pattern.exec(text)
  if (match === null) throw timeError(text)
  const [, year, month, day, hour, minute, second, fraction = '', zone = 'Z'] = match
  if (year === '0001') return undefined
  const offset = zone.toUpperCase() === 'Z' ? 'Z' : zone.replace(/^(...)(\d\d)$/, '$1:$2')
  const dateTime = `${year}-${month}-${day}T${hour}:${minute}:${second}`
  const ms = Date.parse(`${dateTime}${fraction.slice(0, 4)}${offset}`)
  if (Number.isNaN(ms)) throw timeError(text)
  const digits = fraction.replace(/\.?0*$/, '')
  return digits.length > 4 || (offset !== 'Z' && !/^[+-]00:00$/.test(offset)) ? { ms, text: `${dateTime}${digits}${offset}` } : { ms }
}

/** `2026-11-23T09:00:00.000+02:00`; `text` gives the offset. */
export function formatApiTime(ms: number, text?: string): string {
  const offset = /([+-])(\d\d):(\d\d)$/.exec(text ?? '')
  if (offset === null) return new Date(ms).toISOString()
  const [zone, sign, hours, minutes] = offset
  const offsetMs = (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000
  return new Date(ms + offsetMs).toISOString().replace('Z', zone)
}

function timeError(text: string): Error {
  return new Error(`parsing time ${JSON.stringify(text)} as "2006-01-02 15:04:05": cannot parse it`)
}
