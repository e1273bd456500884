// The HTTP client behind scrapes, discovery, external Alertmanagers and receivers: authentication, TLS, proxies and
// redirects as `http_config` says, the whole body in memory within a limit, errors worded as Go words them. Secret
// files are read for each request; nothing secret reaches a message.

import { defaultHttpClientConfig, type HttpClientConfig } from '../config/httpClientConfig.ts'
import { Deadlines } from '../deadlines.ts'
import { exchange, type SentRequest } from './dispatcherExchange.ts'
import { Http1Pool, http1Request, type Http1Request } from './http1.ts'
import { basicAuthorization, CredentialSource, type Credentials } from './httpCredentials.ts'
import { HttpDispatchers, keepAliveMs, proxyFor } from './httpDispatchers.ts'
import { HttpRequestError, isRetryableOnFreshConnection } from './httpErrors.ts'
import { describeFailure, isRedirect, type HttpAnswer, type HttpRequest } from './httpMessage.ts'
import { OAuth2TokenSource } from './oauth2.ts'
import { RepeatedRequest, type ShortWay } from './repeatedRequest.ts'
import { createDeadline, type Deadline } from './requestDeadline.ts'
import { unpack } from './unpack.ts'

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
