// The HTTP client behind scrapes, discovery, external Alertmanagers and receivers: authentication, TLS, proxies and
// redirects as `http_config` says, the whole body in memory within a limit, errors worded as Go words them. Secret
// files are read for each request; nothing secret reaches a message.

import { promisify } from 'node:util'
import { gunzip, gunzipSync } from 'node:zlib'
import type { Dispatcher } from 'undici'
import { errorText } from './assert.ts'
import { defaultHttpClientConfig, type HttpClientConfig } from './httpClientConfig.ts'
import { Http1Pool } from './http1.ts'
import { packedSurplusBytes } from './http1Parser.ts'
import { HttpDispatchers, keepAliveMs, proxyFor } from './httpDispatchers.ts'
import { describeNetworkError, HttpRequestError, isRetryableOnFreshConnection, readSecretFile } from './httpErrors.ts'
import { OAuth2TokenSource } from './oauth2.ts'
import { maskUrlPassword, type Secret } from './secret.ts'

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

/** A gzip body up to this size is decoded at once: handing it to another thread costs more than the 0.2 ms it takes. */
const syncGunzipBytes = 64 * 1024

/** What deflate can pack at best. */
const maxDeflateRatio = 1032

const gunzipAsync = promisify(gunzip)

export class HttpClient {
  readonly #config: HttpClientConfig
  readonly #userAgent: string
  readonly #http1 = new Http1Pool({ keepAliveMs })
  readonly #dispatchers: HttpDispatchers
  readonly #oauth2?: OAuth2TokenSource

  constructor(config: HttpClientConfig, options: { readonly userAgent: string }) {
    this.#config = config
    this.#userAgent = options.userAgent
    this.#dispatchers = new HttpDispatchers({ tls: config.tls, proxy: config.proxy, enableHttp2: config.enableHttp2 })
    if (config.oauth2 !== undefined) {
      const { tls, proxy } = config.oauth2
      this.#oauth2 = new OAuth2TokenSource(config.oauth2, new HttpClient({ ...defaultHttpClientConfig, tls, proxy }, options))
    }
  }

  /** Sends the request and reads the whole answer, whatever its status. Throws `HttpRequestError`. */
  async request(request: HttpRequest, signal?: AbortSignal): Promise<HttpAnswer> {
    const deadline = createDeadline(request.timeoutMs, signal)
    try {
      return await this.#follow(request, deadline)
    } catch (error) {
      throw describeFailure(request, error, deadline)
    } finally {
      deadline.clear()
    }
  }

  /** Closes idle connections at once and others when their request is done. */
  async close(): Promise<void> {
    this.#http1.close()
    await Promise.all([this.#dispatchers.close(), this.#oauth2?.close()])
  }

  async #follow(request: HttpRequest, deadline: Deadline): Promise<HttpAnswer> {
    const first = new URL(request.url)
    let method = request.method ?? 'GET'
    let body = request.body
    let url = first
    for (let hops = 0; ; hops++) {
      const isFirstHost = url.host === first.host
      const headers = await this.#headers(request, url, isFirstHost, deadline)
      const answer = await this.#once(request, { method, url, headers, body }, deadline)
      const location = answer.headers['location']
      if (!this.#config.followRedirects || location === undefined || !isRedirect(answer.status)) return decode(answer, request)
      if (hops === maxRedirects) throw new HttpRequestError('redirects', `stopped after ${maxRedirects} redirects`)
      url = new URL(location, url)
      if (answer.status <= 303 && method !== 'GET') {
        method = 'GET'
        body = undefined
      }
    }
  }

  /** Credentials go only to the host that the configuration names, not to one that it redirects to. */
  async #headers(request: HttpRequest, url: URL, isFirstHost: boolean, deadline: Deadline): Promise<Record<string, string>> {
    const headers: Record<string, string> = { 'accept-encoding': 'gzip', 'user-agent': this.#userAgent }
    if (isFirstHost) {
      for (const { name, values, secrets, files } of this.#config.httpHeaders) {
        const all = [...values, ...secrets.map((secret) => secret.reveal())]
        for (const file of files) all.push(await readSecretFile(file))
        headers[name.toLowerCase()] = all.join(', ')
      }
    }
    Object.assign(headers, request.headers)
    if (isFirstHost) {
      const authorization = await this.#authorization(url, deadline)
      if (authorization !== undefined) headers['authorization'] ??= authorization
    }
    return headers
  }

  async #authorization(url: URL, deadline: Deadline): Promise<string | undefined> {
    const { basicAuth, authorization } = this.#config
    if (basicAuth !== undefined) {
      const username = basicAuth.usernameFile === undefined ? basicAuth.username : await readSecretFile(basicAuth.usernameFile)
      return basic(username, await secretText(basicAuth.password, basicAuth.passwordFile))
    }
    if (authorization !== undefined)
      return `${authorization.type} ${await secretText(authorization.credentials, authorization.credentialsFile)}`
    if (this.#oauth2 !== undefined) return `Bearer ${await this.#oauth2.token(deadline.leftMs())}`
    if (url.username !== '') return basic(decodeURIComponent(url.username), decodeURIComponent(url.password))
    return undefined
  }

  /** One exchange. A GET on a kept connection that the server has closed meanwhile is sent once more. */
  async #once(request: HttpRequest, sent: SentRequest, deadline: Deadline): Promise<HttpAnswer> {
    const { url, method, headers } = sent
    const isPlain = method === 'GET' && url.protocol === 'http:'
    if (isPlain && (request.unixSocket !== undefined || proxyFor(url, this.#config.proxy) === undefined)) {
      const maxBodyBytes = request.maxBodyBytes ?? Infinity
      return this.#http1.exchange({ url, method, headers, unixSocket: request.unixSocket, maxBodyBytes }, deadline)
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

async function decode(answer: HttpAnswer, { maxBodyBytes }: HttpRequest): Promise<HttpAnswer> {
  if (answer.headers['content-encoding']?.toLowerCase() !== 'gzip' || answer.body.length === 0) return answer
  const options = { chunkSize: expectedBytes(answer.body), ...(maxBodyBytes !== undefined && { maxOutputLength: Math.max(1, maxBodyBytes - 1) }) }
  try {
    const body = answer.body.length <= syncGunzipBytes ? gunzipSync(answer.body, options) : await gunzipAsync(answer.body, options)
    return { ...answer, body }
  } catch (error) {
    if (error instanceof RangeError) throw new HttpRequestError('bodyTooLarge', 'body size limit exceeded', error)
    throw new HttpRequestError('decoding', `gzip: ${errorText(error)}`, error)
  }
}

/** The size that gzip's trailer claims, in bounds: with room for it all, the output is one piece and not copied again. */
function expectedBytes(packed: Uint8Array): number {
  const trailer = packed.length < 18 ? 0 : new DataView(packed.buffer, packed.byteOffset, packed.length).getUint32(packed.length - 4, true)
  return Math.min(Math.max(trailer + 64, 1024), packed.length * maxDeflateRatio + 1024, 64 * 1024 * 1024)
}

function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308
}

function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`
}

async function secretText(inline: Secret | undefined, file: string | undefined): Promise<string> {
  if (file !== undefined) return readSecretFile(file)
  return inline?.reveal() ?? ''
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
  const timer = setTimeout(() => end(new HttpRequestError('timeout', 'context deadline exceeded')), timeoutMs)
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
function describeFailure(request: HttpRequest, error: unknown, deadline: Deadline): HttpRequestError {
  const cause = deadline.expired() ? deadline.error() : error
  const method = request.method ?? 'GET'
  const where = `${method.charAt(0)}${method.slice(1).toLowerCase()} ${JSON.stringify(maskUrlPassword(request.url))}`
  if (cause instanceof HttpRequestError) {
    if (cause.reason === 'bodyTooLarge' || cause.reason === 'decoding') return cause
    return new HttpRequestError(cause.reason, `${where}: ${cause.message}`, cause)
  }
  return new HttpRequestError('connection', `${where}: ${describeNetworkError(cause)}`, cause)
}
