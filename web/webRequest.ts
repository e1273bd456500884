// A request as the handlers see it. What only some of them want is made when they ask for it: thousands of requests a second
// want little.

import type { QueryOrigin } from '../query/answers/api.ts'
import { errorText } from '../src/base/assert.ts'
import type { RequestBody } from './body.ts'
import type { Exchange } from './exchange.ts'
import { readForm, RequestParams, type Form } from './requestParams.ts'

export type Arrived = {
  readonly exchange: Exchange
  readonly rawBody: RequestBody
  /** Values of `:name` and `*` in the route's path, decoded. */
  readonly parameters: Readonly<Record<string, string>>
}

export class WebRequest {
  readonly #arrived: Arrived
  readonly #form: Form | undefined
  #params: RequestParams | undefined
  #signal: AbortSignal | undefined

  /** `form` is what `readBodyForm` found in the body. */
  constructor(arrived: Arrived, form: Form | undefined) {
    this.#arrived = arrived
    this.#form = form
  }

  get method(): string {
    return this.#arrived.exchange.method
  }

  /** Path and query string as received. */
  get url(): string {
    return this.#arrived.exchange.url
  }

  /** The query string as received, without `?`. */
  get rawQuery(): string {
    const { url } = this
    const queryAt = url.indexOf('?')
    return queryAt < 0 ? '' : url.slice(queryAt + 1)
  }

  get params(): RequestParams {
    return (this.#params ??= new RequestParams(this.#form, readForm(this.rawQuery)))
  }

  /** Values of `:name` and `*` in the route's path, decoded. */
  get path(): Readonly<Record<string, string>> {
    return this.#arrived.parameters
  }

  /** In one piece; empty when there is none. */
  get body(): Uint8Array {
    return this.rawBody.bytes()
  }

  /** The same as it arrived, for whoever moves it on. */
  get rawBody(): RequestBody {
    return this.#arrived.rawBody
  }

  /** Aborted when the client is gone. */
  get signal(): AbortSignal {
    return (this.#signal ??= signalOf(this.#arrived.exchange))
  }

  /** Who asks, for fairness between clients. */
  get client(): string {
    return this.#arrived.exchange.client
  }

  /** What the query log says of who asks. */
  get origin(): QueryOrigin {
    return { httpRequest: { clientIP: this.client, method: this.method, path: this.url.split('?', 1)[0] ?? '' } }
  }

  header(name: string): string {
    return this.#arrived.exchange.header(name) ?? ''
  }
}

/** Aborted when the client goes before it has its answer. */
function signalOf(exchange: Exchange): AbortSignal {
  const gone = new AbortController()
  if (exchange.isOver) gone.abort()
  else {
    exchange.onOver((isAnswered) => {
      if (!isAnswered) gone.abort()
    })
  }
  return gone.signal
}

/** The fields of a form body; `undefined` when the body is something else. */
export function readBodyForm({ exchange, rawBody }: Arrived): Form | undefined | Promise<Form> {
  if (rawBody.length === 0) return undefined
  const contentType = exchange.header('content-type') ?? ''
  const mediaType = contentType.split(';')[0]?.trim().toLowerCase()
  if (mediaType === 'application/x-www-form-urlencoded') return readForm(Buffer.from(rawBody.bytes()).toString('utf8'))
  return mediaType === 'multipart/form-data' ? readMultipart(contentType, rawBody) : undefined
}

/** As many as Go reads. A body of 10 MB has room for more than the main thread may be held up for. */
const maxParts = 1_000
/** Longer than what any client sends. */
const maxContentTypeLength = 4096

async function readMultipart(contentType: string, body: RequestBody): Promise<Form> {
  const bytes = Buffer.from(body.bytes())
  if (contentType.length > maxContentTypeLength || hasManyParts(contentType, bytes)) return { values: [], problem: 'multipart: message too large' }
  try {
    const form = await new Response(bytes, { headers: { 'content-type': contentType } }).formData()
    return { values: [...form.entries()].flatMap(([name, value]) => (typeof value === 'string' ? [{ name, value }] : [])) }
  } catch (error) {
    return { values: [], problem: errorText(error) }
  }
}

function hasManyParts(contentType: string, bytes: Buffer): boolean {
  const boundary = /;\s*boundary="?([^\s";]+)/i.exec(contentType)?.[1]
  if (boundary === undefined) return false
  let parts = 0
  for (let at = bytes.indexOf(`--${boundary}`); at >= 0 && parts <= maxParts + 1; at = bytes.indexOf(`--${boundary}`, at + 1)) parts++
  // One stands at the end.
  return parts > maxParts + 1
}
