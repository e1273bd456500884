// The short way for requests that come by the thousand, as remote writes do: from Node's HTTP server to the handler, past
// the framework, which costs as much as taking in a small body. What the framework's hooks do for all other answers is done
// here by the same functions: protection, CORS, the count of answers under way, compression.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { giveBack } from '../src/base/giveBack.ts'
import type { Answer } from './answer.ts'
import { noBody, type BodyReader, type RequestBody } from './body.ts'
import { compressBody, encodingFor, type Encoding } from './compression.ts'
import type { Cors } from './cors.ts'
import type { Protection } from './protection/protection.ts'

export type DirectRoute = {
  readonly bodyLimitBytes: number
  /** Never fails. `parameters` are the decoded values of `:name` in the path. */
  answer(request: IncomingMessage, response: ServerResponse, body: RequestBody, parameters: Readonly<Record<string, string>>): Answer | Promise<Answer>
}

/** A path with one parameter between two slashes. */
type Pattern = { readonly start: string; readonly end: string; readonly parameter: string; readonly route: DirectRoute }

type Found = { readonly route: DirectRoute; readonly parameters: Readonly<Record<string, string>> }

/** A request for one of the routes, and where its answer goes. */
type Exchange = { readonly found: Found; readonly request: IncomingMessage; readonly response: ServerResponse }

/** Below this what is given back is less than what it costs to listen for the moment. */
const worthGivingBackBytes = 16 * 1024

export type DirectDeps = {
  readonly bodies: BodyReader
  readonly protection: Protection | undefined
  readonly cors: Cors
  /** Called at the beginning of each request. */
  readonly onRequest: (response: ServerResponse) => void
  /** The answer when the body cannot be read. */
  readonly refusalOf: (error: unknown) => Answer
}

export class DirectRoutes {
  readonly #deps: DirectDeps
  readonly #routes = new Map<string, DirectRoute>()
  readonly #patterns: Pattern[] = []

  constructor(deps: DirectDeps) {
    this.#deps = deps
  }

  /** `url` may have one parameter, such as `/label/:name/values`. */
  add(method: string, url: string, route: DirectRoute): void {
    const [start = '', parameter, end = ''] = `${method} ${url}`.split(/:(\w+)/)
    if (parameter === undefined) this.#routes.set(start, route)
    else this.#patterns.push({ start, end, parameter, route })
  }

  /** Whether the request is for one of these routes; then it gets its answer. */
  handle(request: IncomingMessage, response: ServerResponse): boolean {
    const { method = '', url = '' } = request
    const queryAt = url.indexOf('?')
    const found = this.#find(`${method} ${queryAt < 0 ? url : url.slice(0, queryAt)}`)
    if (found === undefined) return false
    // A client that is gone before its answer is out is nobody's mistake, and no request may end the process.
    try {
      this.#begin({ found, request, response })?.catch(() => response.destroy())
    } catch {
      response.destroy()
    }
    return true
  }

  #find(path: string): Found | undefined {
    const route = this.#routes.get(path)
    if (route !== undefined) return { route, parameters: {} }
    for (const { start, end, parameter, route } of this.#patterns) {
      if (!path.startsWith(start) || !path.endsWith(end)) continue
      const value = path.slice(start.length, path.length - end.length)
      // What is not plain is the framework's to decode, or to refuse.
      return /^[\w.~-]+$/.test(value) ? { route, parameters: { [parameter]: value } } : undefined
    }
    return undefined
  }

  /** Like all that follows it: at once where nothing has to be waited for, otherwise with a promise. */
  #begin(exchange: Exchange): Promise<void> | undefined {
    const { protection } = this.#deps
    return protection === undefined ? this.#admit(exchange) : this.#protect(protection, exchange)
  }

  async #protect(protection: Protection, exchange: Exchange): Promise<void> {
    const { request, response } = exchange
    const refusal = await protection.check(request.headers.authorization)
    for (const [name, value] of Object.entries(protection.config.headers)) response.setHeader(name, value)
    if (refusal !== undefined) return send(refusal, exchange)
    if (response.destroyed) return // The client went while its password was looked at.
    return this.#admit(exchange)
  }

  #admit(exchange: Exchange): Promise<void> | undefined {
    const { found, request, response } = exchange
    const { cors, onRequest } = this.#deps
    const headers = cors(request.url ?? '', request.headers.origin)
    onRequest(response)
    // The body of a GET means nothing, here as in the framework.
    const answer = request.method === 'GET' ? found.route.answer(request, response, noBody, found.parameters) : this.#answerToBody(exchange)
    return answer instanceof Promise ? answer.then((settled) => send(settled, exchange, headers)) : send(answer, exchange, headers)
  }

  async #answerToBody({ found: { route, parameters }, request, response }: Exchange): Promise<Answer> {
    const { bodies, refusalOf } = this.#deps
    try {
      return await route.answer(request, response, await bodies.read(request, route.bodyLimitBytes), parameters)
    } catch (error) {
      // The client may have more of the body to send than anybody wants to read.
      response.setHeader('connection', 'close')
      return refusalOf(error)
    }
  }
}

/** `headers` come before those of the answer. */
function send(answer: Answer, { request, response }: Exchange, headers: Answer['headers'] = {}): Promise<void> | undefined {
  const whole = { ...answer, headers: { ...headers, ...answer.headers } }
  const encoding = encodingFor({
    acceptEncoding: request.headers['accept-encoding'],
    status: answer.status,
    contentType: answer.headers['content-type'] ?? '',
    contentEncoding: answer.headers['content-encoding'],
  })
  return encoding === undefined ? write(whole, response) : compressed(whole, encoding).then((smaller) => write(smaller, response))
}

async function compressed(answer: Answer, encoding: Encoding): Promise<Answer> {
  const { status, headers, body, isSpentWhenSent } = answer
  const result = await compressBody(body, encoding, headers['vary'])
  if (result === undefined) return answer
  if (isSpentWhenSent === true && body instanceof Uint8Array) giveBack(body)
  return { status, headers: { ...headers, ...result.headers }, body: result.body }
}

function write({ status, headers, body, isSpentWhenSent }: Answer, response: ServerResponse): Promise<void> | undefined {
  if (body instanceof Readable) {
    response.writeHead(status, headers)
    return pipeline(body, response)
  }
  if (status === 204) {
    response.writeHead(status, headers).end()
    return undefined
  }
  // By the time of `close` nothing of it waits to be written.
  if (isSpentWhenSent === true && body instanceof Uint8Array && body.length >= worthGivingBackBytes) response.once('close', () => giveBack(body))
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body)
  return undefined
}
