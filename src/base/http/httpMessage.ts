// A request of the client, its answer, and its failure.

import { maskUrlPassword } from '../secret.ts'
import { describeNetworkError, HttpRequestError } from './httpErrors.ts'

export type HttpRequest = {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly url: string
  /** Names in lower case. `accept-encoding` is gzip when not given, `user-agent` that of the client. */
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  /** For everything: connecting, redirects, reading the body. */
  readonly timeoutMs: number
  /** Largest decoded body that is accepted; a body of this size is not. */
  readonly maxBodyBytes?: number
  /** Connects over this unix socket; the URL still gives the path and the Host header. */
  readonly unixSocket?: string
}

export type HttpAnswer = {
  readonly status: number
  /** As in Go's `Response.Status`: `404 Not Found`. */
  readonly statusLine: string
  /** Names in lower case; repeated headers are joined with `, `. */
  readonly headers: Readonly<Record<string, string>>
  /** Decoded when the server compressed it with gzip. */
  readonly body: Uint8Array
}

/** Whether the answer sends to another place. */
export function isRedirect({ status, headers }: HttpAnswer): boolean {
  if (headers['location'] === undefined) return false
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308
}

/** Puts the request in front, as Go's `url.Error` does: `Get "http://host/metrics": context deadline exceeded`. */
export function describeFailure(request: HttpRequest, cause: unknown): HttpRequestError {
  const method = request.method ?? 'GET'
  const where = `${method.charAt(0)}${method.slice(1).toLowerCase()} ${JSON.stringify(maskUrlPassword(request.url))}`
  if (cause instanceof HttpRequestError) {
    if (cause.reason === 'bodyTooLarge' || cause.reason === 'decoding') return cause
    return new HttpRequestError(cause.reason, `${where}: ${cause.message}`, cause)
  }
  return new HttpRequestError('connection', `${where}: ${describeNetworkError(cause)}`, cause)
}
