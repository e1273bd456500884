// The short way for requests that come by the thousand, as remote writes do: from Node's HTTP server to the handler, past
// the framework, which costs as much as taking in a small body. What the framework's hooks do for all other answers is done
// here by the same functions: protection, CORS, the count of answers under way, compression.

import { Readable } from 'node:stream'
import { assert } from '../src/base/assert.ts'
import { giveBack } from '../src/base/giveBack.ts'
import type { Answer } from './answer.ts'
import { noBody, RequestBody, type BodyReader } from './body.ts'
import type { Cors } from './cors.ts'
import type { Exchange, WholeAnswer } from './exchange.ts'
import { compressBody, encodingFor, type Encoding } from './negotiation/compression.ts'
import type { Protection } from './protection/protection.ts'

export type DirectRoute = {
  readonly bodyLimitBytes: number
  /** Never fails, and never answers with a stream. `parameters` are the decoded values of `:name` in the path. */
  answer(exchange: Exchange, body: RequestBody, parameters: Readonly<Record<string, string>>): Answer | Promise<Answer>
}

type Method = 'GET' | 'POST'

/** A path with one parameter between two slashes. */
type Pattern = { readonly method: Method; readonly start: string; readonly end: string; readonly parameter: string; readonly route: DirectRoute }

/** The route of a request and the values in its path. */
export type Found = { readonly route: DirectRoute; readonly parameters: Readonly<Record<string, string>> }

type Headers = Answer['headers']

export type DirectDeps = {
  readonly bodies: BodyReader
  readonly protection: Protection | undefined
  readonly cors: Cors
  /** Called at the beginning of each request. */
  readonly onRequest: (exchange: Exchange) => void
  /** The answer when the body cannot be read. */
  readonly refusalOf: (error: unknown) => Answer
}

export class DirectRoutes {
  readonly #deps: DirectDeps
  /** By path, one map for each method: no key has to be put together. */
  readonly #routes: Readonly<Record<Method, Map<string, Found>>> = { GET: new Map(), POST: new Map() }
  readonly #patterns: Pattern[] = []

  constructor(deps: DirectDeps) {
    this.#deps = deps
  }

  /** `url` may have one parameter, such as `/label/:name/values`. */
  add(method: Method, url: string, route: DirectRoute): void {
    const [start = '', parameter, end = ''] = url.split(/:(\w+)/)
    if (parameter === undefined) this.#routes[method].set(url, { route, parameters: {} })
    else this.#patterns.push({ method, start, end, parameter, route })
  }

  /** `undefined` when the request is for none of these routes. */
  find(method: string, url: string): Found | undefined {
    const queryAt = url.indexOf('?')
    const path = queryAt < 0 ? url : url.slice(0, queryAt)
    const found = method === 'GET' ? this.#routes.GET.get(path) : method === 'POST' ? this.#routes.POST.get(path) : undefined
    if (found !== undefined) return found
    for (const { method: ofPattern, start, end, parameter, route } of this.#patterns) {
      if (method !== ofPattern || !path.startsWith(start) || !path.endsWith(end)) continue
      const value = path.slice(start.length, path.length - end.length)
      // What is not plain is the framework's to decode, or to refuse.
      return /^[\w.~-]+$/.test(value) ? { route, parameters: { [parameter]: value } } : undefined
    }
    return undefined
  }

  /** At once where nothing has to be waited for. */
  answer(found: Found, exchange: Exchange): void {
    // A client that is gone before its answer is out is nobody's mistake, and no request may end the process.
    try {
      this.#begin(found, exchange)?.catch(() => exchange.destroy())
    } catch {
      exchange.destroy()
    }
  }

  /** Like all that follows it: at once or with a promise. */
  #begin(found: Found, exchange: Exchange): Promise<void> | undefined {
    const { protection } = this.#deps
    return protection === undefined ? this.#admit(found, exchange) : this.#protect(protection, found, exchange)
  }

  async #protect(protection: Protection, found: Found, exchange: Exchange): Promise<void> {
    const refusal = await protection.check(exchange.header('authorization'))
    const { headers } = protection.config
    if (refusal !== undefined) return send(refusal, exchange, headers)
    if (exchange.isOver) return // The client went while its password was looked at.
    return this.#admit(found, exchange, headers)
  }

  #admit(found: Found, exchange: Exchange, before?: Headers): Promise<void> | undefined {
    const { cors, onRequest } = this.#deps
    const forOrigin = cors(exchange.url, exchange.header('origin'))
    const headers = before === undefined ? forOrigin : { ...before, ...forOrigin }
    onRequest(exchange)
    // The body of a GET means nothing, here as in the framework.
    const answer = exchange.method === 'GET' ? found.route.answer(exchange, noBody, found.parameters) : this.#answerToBody(found, exchange)
    return answer instanceof Promise ? answer.then((settled) => send(settled, exchange, headers)) : send(answer, exchange, headers)
  }

  #answerToBody({ route, parameters }: Found, exchange: Exchange): Answer | Promise<Answer> {
    const { body } = exchange
    if (body instanceof RequestBody) return route.answer(exchange, body, parameters)
    const { bodies, refusalOf } = this.#deps
    return bodies.read(body, route.bodyLimitBytes).then(
      (read) => route.answer(exchange, read, parameters),
      (error: unknown) => {
        const refusal = refusalOf(error)
        // The client may have more of the body to send than anybody wants to read.
        return { ...refusal, headers: { connection: 'close', ...refusal.headers } }
      },
    )
  }
}

/** `headers` come before those of the answer. */
function send(answer: Answer, exchange: Exchange, headers: Headers): Promise<void> | undefined {
  const { body } = answer
  assert(!(body instanceof Readable), 'a direct route answers with a stream')
  const { status, isSpentWhenSent = false } = answer
  const whole = { status, headers: merged(headers, answer.headers), body, isSpentWhenSent }
  const encoding = encodingFor({
    acceptEncoding: exchange.header('accept-encoding'),
    status: answer.status,
    contentType: answer.headers['content-type'] ?? '',
    contentEncoding: answer.headers['content-encoding'],
  })
  if (encoding !== undefined) return compressed(whole, encoding).then((smaller) => exchange.send(smaller))
  exchange.send(whole)
  return undefined
}

let lastMerged: { readonly before: Headers; readonly own: Headers; readonly headers: Headers } | undefined

/** The same object as for the answer before when both are the same. */
function merged(before: Headers, own: Headers): Headers {
  if (lastMerged?.before !== before || lastMerged.own !== own) lastMerged = { before, own, headers: { ...before, ...own } }
  return lastMerged.headers
}

async function compressed(answer: WholeAnswer, encoding: Encoding): Promise<WholeAnswer> {
  const { status, headers, body, isSpentWhenSent } = answer
  const result = await compressBody(body, encoding, headers['vary'])
  if (result === undefined) return answer
  if (isSpentWhenSent === true && body instanceof Uint8Array) giveBack(body)
  return { status, headers: { ...headers, ...result.headers }, body: result.body }
}
