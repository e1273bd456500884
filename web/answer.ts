// What an HTTP handler gives back, and the shapes that Prometheus's answers have: the JSON envelope and plain text.

import type { Readable } from 'node:stream'
import { errorBody, escapedJson, jsonHeaders, jsonString, statusOf } from '../query/answers/api.ts'
import type { ErrorType } from '../query/queryError.ts'

// An import would load Node's WebSocket client, which `node:http` exports.
const { STATUS_CODES } = process.getBuiltinModule('node:http')

export type Answer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array | Readable
  /** Nobody looks at the bytes of the body again: their memory may be given back when they are sent. */
  readonly isSpentWhenSent?: boolean
}

/** `{"status":"success","data":...}` */
export function success(data: unknown): Answer {
  return { status: 200, headers: jsonHeaders, body: `{"status":"success","data":${toJson(data)}}` }
}

/** The envelope of an error that the server itself found. */
export function failure(errorType: ErrorType, message: string): Answer {
  return { status: statusOf(errorType), headers: jsonHeaders, body: errorBody(errorType, message) }
}

/** Text, which a browser must not take for anything else. */
export function plain(status: number, body: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff', ...headers }, body }
}

/** With the body that Go writes for a browser that does not follow. */
export function redirect(location: string, status = 302): Answer {
  const body = `<a href=${jsonString(location)}>${STATUS_CODES[status] ?? ''}</a>.\n\n`
  return { status, headers: { location, 'content-type': 'text/html; charset=utf-8' }, body }
}

/** For a path that takes only `methods`, and answers OPTIONS. */
export function methodNotAllowed(methods: readonly string[]): Answer {
  return plain(405, 'Method Not Allowed\n', { allow: allowHeader(methods) })
}

/** The methods and OPTIONS, sorted. */
export function allowHeader(methods: readonly string[]): string {
  return [...new Set([...methods, 'OPTIONS'])].sort().join(', ')
}

export const noContent: Answer = { status: 204, headers: {}, body: '' }

/** JSON as Go's encoder prints it: `<`, `>`, `&` and the two line separators are escaped. */
export function toJson(data: unknown): string {
  return escapedJson(JSON.stringify(data) ?? 'null')
}

/** RFC 3339 with as many fractional digits as there are; `undefined` is Go's zero time, "never". */
export function formatTime(timeMs: number | undefined): string {
  if (timeMs === undefined) return '0001-01-01T00:00:00Z'
  return new Date(timeMs).toISOString().replace(/\.?0*Z$/, 'Z')
}
