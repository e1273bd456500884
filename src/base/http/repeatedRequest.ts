// A request that is sent again and again, as a scrape is: what does not change is made once, and where it goes over plain HTTP it is
// sent and answered without a promise.

import { assert } from '../assert.ts'
import type { Deadlines } from '../deadlines.ts'
import type { Http1Exchange, Http1Outcome, Http1Pool, Http1Request } from './http1.ts'
import { HttpRequestError } from './httpErrors.ts'
import { describeFailure, isRedirect, type HttpAnswer, type HttpRequest } from './httpMessage.ts'
import { unpack } from './unpack.ts'

/** One of the two is called, once. */
export type RequestOutcome = {
  /** The memory of the body is used again when this returns. */
  answered(answer: HttpAnswer): void
  failed(error: HttpRequestError): void
}

/** Over plain connections, with the bytes that are sent each time. */
export type ShortWay = { readonly pool: Http1Pool; readonly deadlines: Deadlines; readonly wire: Http1Request; readonly followsRedirects: boolean }

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
