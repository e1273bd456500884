// One request and its answer over a connection pool of undici.

import type { Dispatcher } from 'undici'
import { packedSurplusBytes } from './bodyBuffer.ts'
import { HttpRequestError } from './httpErrors.ts'
import type { HttpAnswer } from './httpMessage.ts'
import type { Deadline } from './requestDeadline.ts'

export type SentRequest = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly url: URL
  readonly headers: Record<string, string>
  readonly body: string | Uint8Array | undefined
}

/** Sends one request with callbacks instead of streams: the body arrives as few chunks and is put together once. */
export function exchange(dispatcher: Dispatcher, sent: SentRequest, maxBodyBytes: number | undefined, deadline: Deadline): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    let controller: Dispatcher.DispatchController | undefined
    let status = 0
    let statusLine = ''
    let headers: Record<string, string> = {}
    const chunks: Buffer[] = []
    let bytes = 0
    let surplusBytes = 0
    const fail = (error: Error) => {
      reject(error)
      controller?.abort(error)
    }
    const forget = deadline.onEnd(fail)
    dispatcher.dispatch(
      {
        origin: sent.url.origin,
        path: sent.url.pathname + sent.url.search,
        method: sent.method,
        headers: sent.headers,
        body: sent.body ?? null,
        headersTimeout: 0,
        bodyTimeout: 0,
      },
      {
        onRequestStart(started) {
          controller = started
          if (deadline.expired()) started.abort(deadline.error())
        },
        onResponseStart(_, statusCode, rawHeaders, statusMessage) {
          status = statusCode
          statusLine = statusMessage === undefined || statusMessage === '' ? String(statusCode) : `${statusCode} ${statusMessage}`
          headers = joinHeaders(rawHeaders)
          surplusBytes = headers['content-encoding'] === undefined ? 0 : packedSurplusBytes
        },
        onResponseData(_, chunk) {
          bytes += chunk.length
          if (maxBodyBytes !== undefined && bytes >= maxBodyBytes + surplusBytes) fail(new HttpRequestError('bodyTooLarge', 'body size limit exceeded'))
          else chunks.push(chunk)
        },
        onResponseEnd() {
          forget()
          resolve({ status, statusLine, headers, body: chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, bytes) })
        },
        onResponseError(_, error) {
          forget()
          reject(error)
        },
      },
    )
  })
}

function joinHeaders(raw: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(raw))
    if (value !== undefined) headers[name.toLowerCase()] = typeof value === 'string' ? value : value.join(', ')
  return headers
}
