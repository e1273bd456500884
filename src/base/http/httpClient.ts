// The HTTP client behind scrapes, discovery, external Alertmanagers and receivers: authentication, TLS, proxies and
// redirects as `http_config` says, the whole body in memory within a limit, errors worded as Go words them. Secret
// files are read for each request; nothing secret reaches a message.

import type { Dispatcher } from 'undici'
import { assert } from '../assert.ts'
import { defaultHttpClientConfig, type HttpClientConfig } from '../config/httpClientConfig.ts'
import { Deadlines } from '../deadlines.ts'
import { maskUrlPassword } from '../secret.ts'
import { maxTimerMs } from '../timer.ts'
import { packedSurplusBytes } from './bodyBuffer.ts'
import { type Http1Exchange, type Http1Outcome, Http1Pool, type Http1Request, http1Request } from './http1.ts'
import { basicAuthorization, type Credentials, CredentialSource } from './httpCredentials.ts'
import { HttpDispatchers, keepAliveMs, proxyFor } from './httpDispatchers.ts'
import { describeNetworkError, HttpRequestError, isRetryableOnFreshConnection } from './httpErrors.ts'
import { OAuth2TokenSource } from './oauth2.ts'
import { unpack } from './unpack.ts'

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

const maxRedirects = 10

export class HttpClient {
  readonly #config: HttpClientConfig
  readonly #userAgent: string
  readonly #http1: Http1Pool
  readonly #deadlines = new Deadlines()
  readonly #dispatchers: HttpDispatchers
  readonly #oauth2?: OAuth2TokenSource
  readonly #credentials: CredentialSource

  /** `readBuffer` is where bytes arrive that go over plain connections: the body of an answer may lie in it. One can serve several clients. */
  constructor(config: HttpClientConfig, options: { readonly userAgent: string; readonly readBuffer?: Buffer | undefined }) {
    this.#config = config
    this.#userAgent = options.userAgent
    this.#http1 = new Http1Pool({ keepAliveMs, readBuffer: options.readBuffer })
    this.#dispatchers = new HttpDispatchers({ tls: config.tls, proxy: config.proxy, enableHttp2: config.enableHttp2 })
    if (config.oauth2 !== undefined) {
      const { tls, proxy } = config.oauth2
      this.#oauth2 = new OAuth2TokenSource(config.oauth2, new HttpClient({ ...defaultHttpClientConfig, tls, proxy }, options))
    }
    this.#credentials = new CredentialSource(config, this.#oauth2)
  }

  /** Sends the request and reads the whole answer, whatever its status. Throws `HttpRequestError`. */
  async request(request: HttpRequest, signal?: AbortSignal): Promise<HttpAnswer> {
    const deadline = createDeadline(request.timeoutMs, signal)
    try {
      return await this.#follow(request, deadline)
    } catch (error) {
      throw describeFailure(request, deadline.expired() ? deadline.error() : error)
    } finally {
      deadline.clear()
    }
  }

  /** Closes idle connections at once and others when their request is done. */
  async close(): Promise<void> {
    this.#http1.close()
    await Promise.all([this.#dispatchers.close(), this.#oauth2?.close()])
  }

  /** A GET that is sent again and again: what does not change is made once. */
  repeated(request: HttpRequest): RepeatedRequest {
    return new RepeatedRequest(request, (timeoutMs, signal) => this.request({ ...request, timeoutMs }, signal), this.#shortWay(request))
  }

  #shortWay(request: HttpRequest): ShortWay | undefined {
    const url = URL.parse(request.url)
    const { fixed } = this.#credentials
    if (fixed === undefined || url === null || !this.#isPlain('GET', url, request)) return undefined
    try {
      const wire = this.#wire(request, url, this.#headers(request, url, fixed))
      return { pool: this.#http1, deadlines: this.#deadlines, wire, followsRedirects: this.#config.followRedirects }
    } catch {
      return undefined // `request` says each time what is wrong.
    }
  }

  async #follow(request: HttpRequest, deadline: Deadline): Promise<HttpAnswer> {
    const first = new URL(request.url)
    let method = request.method ?? 'GET'
    let body = request.body
    let url = first
    for (let hops = 0; ; hops++) {
      // Credentials go only to the host that the configuration names, not to one that it redirects to.
      const credentials = url.host === first.host ? await this.#credentials.read(deadline.leftMs()) : undefined
      const answer = await this.#once(request, { method, url, headers: this.#headers(request, url, credentials), body }, deadline)
      if (!this.#config.followRedirects || !isRedirect(answer)) return unpack(answer, request)
      if (hops === maxRedirects) throw new HttpRequestError('redirects', `stopped after ${maxRedirects} redirects`)
      url = new URL(answer.headers['location'] ?? '', url)
      if (answer.status <= 303 && method !== 'GET') {
        method = 'GET'
        body = undefined
      }
    }
  }

  #headers(request: HttpRequest, url: URL, credentials: Credentials | undefined): Record<string, string> {
    const headers: Record<string, string> = { 'accept-encoding': 'gzip', 'user-agent': this.#userAgent, ...credentials?.headers, ...request.headers }
    const ofUrl = url.username === '' ? undefined : basicAuthorization(decodeURIComponent(url.username), decodeURIComponent(url.password))
    const authorization = credentials && (credentials.authorization ?? ofUrl)
    if (authorization !== undefined) headers['authorization'] ??= authorization
    return headers
  }

  #wire({ unixSocket, maxBodyBytes = Infinity }: HttpRequest, url: URL, headers: Record<string, string>): Http1Request {
    return http1Request({ url, method: 'GET', headers, unixSocket, maxBodyBytes })
  }

  /** Whether a request can go the short way. */
  #isPlain(method: string, url: URL, { unixSocket }: HttpRequest): boolean {
    return method === 'GET' && url.protocol === 'http:' && (unixSocket !== undefined || proxyFor(url, this.#config.proxy) === undefined)
  }

  /** One exchange. A GET on a kept connection that the server has closed meanwhile is sent once more. */
  async #once(request: HttpRequest, sent: SentRequest, deadline: Deadline): Promise<HttpAnswer> {
    const { url, method, headers } = sent
    if (this.#isPlain(method, url, request)) {
      const wire = this.#wire(request, url, headers)
      return new Promise((resolve, reject) => {
        const sent = this.#http1.send(wire, {
          answered: (answer) => (forget(), resolve({ ...answer, body: Buffer.from(answer.body) })),
          failed: (error) => (forget(), reject(error)),
        })
        const forget = deadline.onEnd((error) => sent.cancel(error))
      })
    }
    const dispatcher = await this.#dispatchers.for(sent.url, request.unixSocket)
    try {
      return await exchange(dispatcher, sent, request.maxBodyBytes, deadline)
    } catch (error) {
      if (sent.method !== 'GET' || deadline.expired() || !isRetryableOnFreshConnection(error)) throw error
      return await exchange(dispatcher, sent, request.maxBodyBytes, deadline)
    }
  }
}

/** One of the two is called, once. */
export type RequestOutcome = {
  /** The memory of the body is used again when this returns. */
  answered(answer: HttpAnswer): void
  failed(error: HttpRequestError): void
}

type ShortWay = { readonly pool: Http1Pool; readonly deadlines: Deadlines; readonly wire: Http1Request; readonly followsRedirects: boolean }

/** One request at a time. */
export class RepeatedRequest {
  readonly #request: HttpRequest
  readonly #sendAnyWay: (timeoutMs: number, signal: AbortSignal) => Promise<HttpAnswer>
  #short: ShortWay | undefined
  readonly #shortOutcome: Http1Outcome = { answered: (answer) => this.#answeredShort(answer), failed: (error) => this.#failedShort(error) }
  /** What is under way. */
  #outcome: RequestOutcome | undefined
  #exchange: Http1Exchange | undefined
  #sentMs = 0
  #longWay: AbortController | undefined

  constructor(request: HttpRequest, sendAnyWay: (timeoutMs: number, signal: AbortSignal) => Promise<HttpAnswer>, short: ShortWay | undefined) {
    this.#request = request
    this.#sendAnyWay = sendAnyWay
    this.#short = short
  }

  send(outcome: RequestOutcome): void {
    assert(this.#outcome === undefined, 'the request is under way already')
    this.#outcome = outcome
    const short = this.#short
    if (short === undefined) return this.#sendLong(this.#request.timeoutMs)
    this.#sentMs = performance.now()
    this.#exchange = short.pool.send(short.wire, this.#shortOutcome)
    short.deadlines.add(this.#request.timeoutMs, this.#exchange)
  }

  /** `failed` is called at once, or soon, if the request is under way. */
  giveUp(): void {
    this.#longWay?.abort()
    this.#exchange?.cancel(new HttpRequestError('canceled', 'context canceled'))
  }

  #answeredShort(answer: HttpAnswer): void {
    if (this.#short?.followsRedirects === true && isRedirect(answer)) {
      this.#short = undefined
      // The redirect is followed within the time of the whole.
      return this.#sendLong(Math.max(1, this.#request.timeoutMs - (performance.now() - this.#sentMs)))
    }
    let unpacked
    try {
      unpacked = unpack(answer, this.#request)
    } catch (error) {
      return this.#failedShort(error)
    }
    if (unpacked instanceof Promise) unpacked.then((whole) => this.#answered(whole), (error: unknown) => this.#failedShort(error))
    else this.#answered(unpacked)
  }

  #failedShort(error: unknown): void {
    this.#failed(describeFailure(this.#request, error))
  }

  #sendLong(timeoutMs: number): void {
    this.#longWay = new AbortController()
    // `request` throws nothing else.
    this.#sendAnyWay(timeoutMs, this.#longWay.signal).then((answer) => this.#answered(answer), (error: unknown) => this.#failed(error as HttpRequestError))
  }

  #answered(answer: HttpAnswer): void {
    const outcome = this.#outcome
    this.#outcome = undefined
    outcome?.answered(answer)
  }

  #failed(error: HttpRequestError): void {
    const outcome = this.#outcome
    this.#outcome = undefined
    outcome?.failed(error)
  }
}

type SentRequest = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly url: URL
  readonly headers: Record<string, string>
  readonly body: string | Uint8Array | undefined
}

/** Sends one request with callbacks instead of streams: the body arrives as few chunks and is put together once. */
function exchange(dispatcher: Dispatcher, sent: SentRequest, maxBodyBytes: number | undefined, deadline: Deadline): Promise<HttpAnswer> {
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

function isRedirect({ status, headers }: HttpAnswer): boolean {
  if (headers['location'] === undefined) return false
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308
}

type Deadline = {
  expired(): boolean
  leftMs(): number
  /** Calls back when the time is over or the caller gives up; answers with the way to take that back. */
  onEnd(callback: (error: Error) => void): () => void
  error(): Error
  clear(): void
}

function createDeadline(timeoutMs: number, signal: AbortSignal | undefined): Deadline {
  const endsAt = performance.now() + timeoutMs
  let ended: Error | undefined
  let callback: ((error: Error) => void) | undefined
  const end = (error: Error) => {
    ended ??= error
    callback?.(error)
  }
  const cancel = () => end(new HttpRequestError('canceled', 'context canceled'))
  const timer = setTimeout(() => end(new HttpRequestError('timeout', 'context deadline exceeded')), Math.min(timeoutMs, maxTimerMs))
  if (signal?.aborted) cancel()
  else signal?.addEventListener('abort', cancel, { once: true })
  return {
    expired: () => ended !== undefined,
    leftMs: () => Math.max(1, endsAt - performance.now()),
    onEnd: (next) => {
      callback = next
      if (ended !== undefined) next(ended)
      return () => (callback = undefined)
    },
    error: () => ended ?? new HttpRequestError('canceled', 'context canceled'),
    clear: () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', cancel)
    },
  }
}

/** Puts the request in front, as Go's `url.Error` does: `Get "http://host/metrics": context deadline exceeded`. */
function describeFailure(request: HttpRequest, cause: unknown): HttpRequestError {
  const method = request.method ?? 'GET'
  const where = `${method.charAt(0)}${method.slice(1).toLowerCase()} ${JSON.stringify(maskUrlPassword(request.url))}`
  if (cause instanceof HttpRequestError) {
    if (cause.reason === 'bodyTooLarge' || cause.reason === 'decoding') return cause
    return new HttpRequestError(cause.reason, `${where}: ${cause.message}`, cause)
  }
  return new HttpRequestError('connection', `${where}: ${describeNetworkError(cause)}`, cause)
}
