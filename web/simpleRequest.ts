// Reads requests that are as simple as almost all are: GET, or POST with its body, whole in the bytes that have just arrived and
// alone in them, with headers that say nothing about the connection. Whatever else there is in HTTP is not read here: it is
// left to Node's parser, and to its judgement of what is wrong.

import { noBody, RequestBody } from './body.ts'

export type SimpleRequest = {
  readonly method: string
  /** Path and query string as received. */
  readonly url: string
  /** By their names in lower case. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: RequestBody
}

/** Longer ones are rare. */
const maxHeadBytes = 8 * 1024

const httpVersion = ' HTTP/1.1\r\n'
const requestLine = /^(GET|POST) (\/[!"$-~]*) HTTP\/1\.1\r\n/
const urlPattern = /^\/[!"$-~]*$/
const headerLine = /^([\w-]+): ?([!-~]|[!-~][ -~]*[!-~])$/

/** The headers that are known to mean nothing to the connection; what `connection` and `content-length` say is looked at. */
const harmless =
  /^(?:host|user-agent|accept|accept-(?:encoding|language|charset)|authorization|origin|referer|cookie|connection|content-(?:length|type|encoding)|cache-control|pragma|priority|dnt|if-(?:none-match|modified-since)|upgrade-insecure-requests|traceparent|tracestate|x-[\w-]+|sec-[\w-]+)$/

/** Of one connection, on which most requests have the same headers as the one before. */
export class SimpleRequests {
  #lines = ''
  #headers: ReadonlyMap<string, string> = new Map()
  /** What was after the URL of the last GET. */
  #end: string | undefined

  /** `undefined` when `bytes` are anything but one simple request. */
  read(bytes: Buffer): SimpleRequest | undefined {
    const text = bytes.toString('latin1', 0, maxHeadBytes)
    return bytes.length <= maxHeadBytes ? (this.#readLike(text) ?? this.#readNew(text, bytes)) : this.#readNew(text, bytes)
  }

  /** A GET that differs from the last one in its URL alone. */
  #readLike(text: string): SimpleRequest | undefined {
    if (this.#end === undefined || !text.startsWith('GET /') || !text.endsWith(this.#end)) return undefined
    const url = text.slice(4, text.length - this.#end.length)
    return urlPattern.test(url) ? { method: 'GET', url, headers: this.#headers, body: noBody } : undefined
  }

  #readNew(text: string, bytes: Buffer): SimpleRequest | undefined {
    const linesEnd = text.indexOf('\r\n\r\n')
    const [line = '', method = '', url = ''] = requestLine.exec(text) ?? []
    if (linesEnd < line.length || line === '') return undefined
    const headers = this.#read(text.slice(line.length, linesEnd))
    if (headers === undefined) return undefined
    const bodyAt = linesEnd + 4
    const length = headers.get('content-length')
    // What a GET with a body means is not for us to say.
    if (length !== undefined && method === 'GET') return undefined
    if (bytes.length - bodyAt !== Number(length ?? 0)) return undefined
    this.#end = method === 'GET' ? text.slice(line.length - httpVersion.length) : undefined
    return { method, url, headers, body: bytes.length === bodyAt ? noBody : new RequestBody([bytes.subarray(bodyAt)], bytes.length - bodyAt) }
  }

  #read(lines: string): ReadonlyMap<string, string> | undefined {
    if (lines === this.#lines) return this.#headers
    const headers = readHeaders(lines)
    if (headers === undefined) return undefined
    this.#lines = lines
    return (this.#headers = headers)
  }
}

/** `undefined` when one of them is not known, not plain or there twice. */
function readHeaders(lines: string): ReadonlyMap<string, string> | undefined {
  const headers = new Map<string, string>()
  for (const line of lines.split('\r\n')) {
    const [, anyName = '', value = ''] = headerLine.exec(line) ?? []
    const name = anyName.toLowerCase()
    if (!harmless.test(name) || headers.has(name)) return undefined
    headers.set(name, value)
  }
  const isKept = (headers.get('connection') ?? 'keep-alive').toLowerCase() === 'keep-alive'
  const isLengthPlain = /^\d{1,9}$/.test(headers.get('content-length') ?? '0')
  return headers.has('host') && isKept && isLengthPlain ? headers : undefined
}
