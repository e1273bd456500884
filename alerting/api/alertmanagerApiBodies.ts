// The JSON bodies that clients post to Alertmanager's API, checked once: what is wrong gets the status, code and text that
// Alertmanager's own validation gives.

import { errorText } from '../../src/base/assert.ts'
import type { Label } from '../../storage/model/labels.ts'
import type { PostedAlert } from '../alerts/intake.ts'
import type { SilenceInput, SilenceMatcher } from '../muting/silence.ts'
import { parseApiTime, type ApiTime } from './alertmanagerApiTime.ts'

/** A request that validation refuses before any handler sees it. */
export class ApiValidationError extends Error {
  readonly status: number
  readonly code: number

  constructor(status: number, code: number, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

type Json = Readonly<Record<string, unknown>>

/** The array of `POST /alerts`. */
export function readAlertsBody(body: string): PostedAlert[] {
  const parsed = parseBody(body, 'alerts')
  if (parsed === null) return []
  if (!Array.isArray(parsed)) throw undecodable('alerts', `json: cannot unmarshal ${kindOf(parsed)} into Go value of type models.PostableAlerts`)
  return parsed.map((one: unknown, index) => readAlert(one, index))
}

function readAlert(value: unknown, index: number): PostedAlert {
  if (value === null) throw required(`${index}.labels`)
  if (!isObject(value)) throw undecodable('alerts', `json: cannot unmarshal ${kindOf(value)} into Go value of type models.PostableAlert`)
  const labels = readPairs(value, 'labels')
  const annotations = readPairs(value, 'annotations') ?? []
  const startsAt = readTime(value, 'startsAt', 'alerts')
  const endsAt = readTime(value, 'endsAt', 'alerts')
  const generatorUrl = readText(value, 'generatorURL', 'alerts', 'Alert') ?? ''
  if (labels === undefined) throw required(`${index}.labels`)
  return {
    labels,
    annotations,
    generatorUrl,
    ...(startsAt !== undefined && { startsAtMs: startsAt.ms, ...(startsAt.text !== undefined && { startsAtText: startsAt.text }) }),
    ...(endsAt !== undefined && { endsAtMs: endsAt.ms, ...(endsAt.text !== undefined && { endsAtText: endsAt.text }) }),
  }
}

/** A label set, in any order. */
function readPairs(object: Json, key: 'labels' | 'annotations'): Label[] | undefined {
  const value = object[key]
  if (value === undefined || value === null) return undefined
  const field = key === 'labels' ? 'Alert.labels' : 'PostableAlert.annotations'
  if (!isObject(value)) throw undecodable('alerts', `json: cannot unmarshal ${kindOf(value)} into Go struct field ${field} of type models.LabelSet`)
  return Object.entries(value).map(([name, text]) => {
    if (text !== null && typeof text !== 'string') throw undecodable('alerts', `json: cannot unmarshal ${kindOf(text)} into Go struct field ${field} of type string`)
    return { name, value: text ?? '' }
  })
}

/** The silence of `POST /silences`, and the id it names. */
export function readSilenceBody(body: string): { readonly input: SilenceInput; readonly id: string | undefined } {
  const value = parseBody(body, 'silence')
  if (!isObject(value)) {
    if (value === null) throw required('silence')
    throw undecodable('silence', `json: cannot unmarshal ${kindOf(value)} into Go value of type models.PostableSilence`)
  }
  const matchers = decodeMatchers(value['matchers'])
  const [comment, createdBy, id] = [readText(value, 'comment', 'silence', 'Silence'), readText(value, 'createdBy', 'silence', 'Silence'), readText(value, 'id', 'silence', 'PostableSilence')]
  const startsAt = readTime(value, 'startsAt', 'silence')
  const endsAt = readTime(value, 'endsAt', 'silence')
  const annotations = readAnnotations(value['annotations'])
  // Validation looks at the fields in the order of their names and reports the first.
  if (comment === undefined) throw required('comment')
  if (createdBy === undefined) throw required('createdBy')
  if (value['endsAt'] === undefined || value['endsAt'] === null) throw required('endsAt')
  if (matchers === undefined) throw required('matchers')
  if (matchers.length === 0) throw new ApiValidationError(422, 612, 'matchers in body should have at least 1 items')
  const checked = matchers.map(checkMatcher)
  if (value['startsAt'] === undefined || value['startsAt'] === null) throw required('startsAt')
  const yearOneMs = Date.parse('0001-01-01T00:00:00Z')
  return {
    input: { matchers: checked, startsAtMs: startsAt?.ms ?? yearOneMs, endsAtMs: endsAt?.ms ?? yearOneMs, createdBy, comment, annotations },
    id: id === '' ? undefined : id,
  }
}

function decodeMatchers(value: unknown): Json[] | undefined {
  if (value === undefined || value === null) return undefined
  if (!Array.isArray(value)) throw undecodable('silence', `json: cannot unmarshal ${kindOf(value)} into Go struct field Silence.matchers of type models.Matchers`)
  return value.map((matcher: unknown) => {
    if (!isObject(matcher)) throw undecodable('silence', `json: cannot unmarshal ${kindOf(matcher)} into Go struct field Silence.matchers of type models.Matcher`)
    for (const [key, type] of [['isEqual', 'boolean'], ['isRegex', 'boolean'], ['name', 'string'], ['value', 'string']] as const) {
      const field = matcher[key]
      if (field === undefined || field === null || typeof field === type) continue
      const goType = type === 'boolean' ? 'bool' : type
      throw undecodable('silence', `json: cannot unmarshal ${kindOf(field)} into Go struct field Matcher.matchers.${key} of type ${goType}`)
    }
    return matcher
  })
}

function checkMatcher(matcher: Json, index: number): SilenceMatcher {
  const { isRegex, name, value, isEqual } = matcher
  if (typeof isRegex !== 'boolean') throw required(`matchers.${index}.isRegex`)
  if (typeof name !== 'string') throw required(`matchers.${index}.name`)
  if (typeof value !== 'string') throw required(`matchers.${index}.value`)
  return { name, value, isRegex, isEqual: isEqual !== false }
}

function readAnnotations(value: unknown): Record<string, string> {
  if (value === undefined || value === null) return {}
  if (!isObject(value)) throw undecodable('silence', `json: cannot unmarshal ${kindOf(value)} into Go struct field Silence.annotations of type models.LabelSet`)
  return Object.fromEntries(
    Object.entries(value).map(([name, text]) => {
      if (typeof text !== 'string') throw undecodable('silence', `json: cannot unmarshal ${kindOf(text)} into Go struct field Silence.annotations of type string`)
      return [name, text]
    }),
  )
}

type What = 'alerts' | 'silence'

function parseBody(body: string, what: What): unknown {
  if (body.trim() === '') throw required(what)
  try {
    return JSON.parse(body) as unknown
  } catch (error) {
    throw undecodable(what, errorText(error))
  }
}

function readText(object: Json, key: string, what: What, type: string): string | undefined {
  const value = object[key]
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string') throw undecodable(what, `json: cannot unmarshal ${kindOf(value)} into Go struct field ${type}.${key} of type string`)
  return value
}

function readTime(object: Json, key: string, what: What): ApiTime | undefined {
  const text = readText(object, key, what, '')
  if (text === undefined) return undefined
  try {
    return parseApiTime(text)
  } catch (error) {
    throw undecodable(what, errorText(error))
  }
}

function required(path: string): ApiValidationError {
  return new ApiValidationError(422, 602, `${path} in body is required`)
}

function undecodable(what: What, reason: string): ApiValidationError {
  return new ApiValidationError(400, 400, `parsing ${what} body from "" failed, because ${reason}`)
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Go's word for a kind of JSON value. */
function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'array'
  return typeof value === 'boolean' ? 'bool' : typeof value
}
