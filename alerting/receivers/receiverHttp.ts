// Posting JSON to a receiver and what its answer means for retries, shared by the receivers that speak HTTP. A redirect
// that would turn the POST into a GET is a failure here: the receiver has not got the notification. No URL reaches a
// message, because receivers' URLs are secrets.

import { errorText } from '../../src/base/assert.ts'
import type { HttpClientConfig } from '../../src/base/config/httpClientConfig.ts'
import { HttpClient } from '../../src/base/http/httpClient.ts'
import { HttpRequestError } from '../../src/base/http/httpErrors.ts'
import type { HttpAnswer } from '../../src/base/http/httpMessage.ts'
import type { Attempt, SendResult } from './receiver.ts'

export type PostInput = {
  readonly url: string
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
  /** The receiver's own limit; 0 = none. */
  readonly timeoutMs: number
}

type Failure = SendResult & { readonly ok: false }

/** What a POST came to: an answer with a 2xx status, or a failure that is classified already. */
export type PostResult = { readonly answer: HttpAnswer; readonly text: string } | { readonly failure: Failure }

const maxAnswerBytes = 1024 * 1024
const maxRedirects = 10
/** Longer answers are cut in messages. */
const maxDetailCharacters = 500

export class ReceiverHttp {
  readonly #client: HttpClient
  /** Without credentials, for a host that the receiver redirects to. */
  readonly #bare: HttpClient
  readonly #followRedirects: boolean

  constructor(config: HttpClientConfig, userAgent: string) {
    const { basicAuth: _basic, authorization: _authorization, oauth2: _oauth2, ...rest } = config
    this.#client = new HttpClient({ ...config, followRedirects: false }, { userAgent })
    this.#bare = new HttpClient({ ...rest, followRedirects: false, httpHeaders: [] }, { userAgent })
    this.#followRedirects = config.followRedirects
  }

  /** One POST with JSON. */
  async post(input: PostInput, attempt: Attempt): Promise<PostResult> {
    const timeoutMs = input.timeoutMs > 0 ? Math.min(input.timeoutMs, attempt.timeoutMs) : attempt.timeoutMs
    const deadlineMs = performance.now() + timeoutMs
    let url = input.url
    if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) return { failure: forGood('the URL is not a valid http or https URL') }
    const firstHost = new URL(url).host
    try {
      for (let hops = 0; ; hops++) {
        const isFirstHost = new URL(url).host === firstHost
        const { authorization: _secret, ...plainHeaders } = input.headers ?? {}
        const answer = await (isFirstHost ? this.#client : this.#bare).request(
          {
            method: 'POST',
            url,
            headers: { 'content-type': 'application/json', ...(isFirstHost ? input.headers : plainHeaders) },
            body: input.body,
            timeoutMs: Math.max(1, deadlineMs - performance.now()),
            maxBodyBytes: maxAnswerBytes,
          },
          attempt.signal,
        )
        const location = answer.headers['location']
        const keepsMethod = answer.status === 307 || answer.status === 308
        if (!this.#followRedirects || !keepsMethod || location === undefined) return classify(answer)
        if (hops === maxRedirects) return { failure: forGood(`stopped after ${maxRedirects} redirects`) }
        url = new URL(location, url).href
      }
    } catch (error) {
      return { failure: describe(error) }
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#client.close(), this.#bare.close()])
  }
}

function classify(answer: HttpAnswer): PostResult {
  const text = new TextDecoder().decode(answer.body)
  if (answer.status >= 200 && answer.status < 300) return { answer, text }
  return { failure: statusFailure(answer, text) }
}

function statusFailure({ status, headers }: HttpAnswer, text: string): Failure {
  const detail = text.trim().slice(0, maxDetailCharacters)
  const reason = `unexpected status code ${status}${detail === '' ? '' : `: ${detail}`}`
  if (status >= 500) return { ok: false, retry: true, reason, failure: 'serverError', ...retryAfter(headers['retry-after']) }
  if (status === 429) return { ok: false, retry: true, reason, failure: 'rateLimited', ...retryAfter(headers['retry-after']) }
  if (status === 401 || status === 403) return { ok: false, retry: false, reason, failure: 'authError' }
  if (status >= 400) return { ok: false, retry: false, reason, failure: 'clientError' }
  if (status >= 300 && headers['location'] !== undefined) {
    return forGood(`unexpected status code ${status}: the receiver redirects elsewhere, where nothing would arrive; configure the URL it redirects to`)
  }
  return forGood(reason)
}

/** Seconds or an HTTP date. */
function retryAfter(header: string | undefined): { readonly retryAfterMs?: number } {
  if (header === undefined) return {}
  const seconds = /^\s*\d+\s*$/.test(header) ? Number(header) : (Date.parse(header) - Date.now()) / 1_000
  return Number.isFinite(seconds) && seconds > 0 ? { retryAfterMs: seconds * 1_000 } : {}
}

function describe(error: unknown): Failure {
  const reason = errorText(error).replace(/^(\w+) "(?:[^"\\]|\\.)*"/, '$1 "<redacted>"')
  const why = error instanceof HttpRequestError ? error.reason : 'other'
  const failure = why === 'timeout' ? 'contextDeadlineExceeded' : why === 'canceled' ? 'contextCanceled' : 'other'
  return { ok: false, retry: true, reason, failure }
}

function forGood(reason: string): Failure {
  return { ok: false, retry: false, reason, failure: 'other' }
}
