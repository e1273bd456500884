// The short way for requests that come by the thousand, as remote writes do: from Node's HTTP server to the handler, past
// the framework, which costs as much as taking in a small body. What the framework's hooks do for all other answers is done
// here by the same functions: protection, CORS, the count of answers under way, compression.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Answer } from './answer.ts'
import { giveBack, noBody, type BodyReader, type RequestBody } from './body.ts'
import { compressBody, encodingFor } from './compression.ts'
import type { Cors } from './cors.ts'
import type { Protection } from './protection/protection.ts'

export type DirectRoute = {
  readonly bodyLimitBytes: number
  /** Never rejects. `parameters` are the decoded values of `:name` in the path. */
  answer(request: IncomingMessage, response: ServerResponse, body: RequestBody, parameters: Readonly<Record<string, string>>): Promise<Answer>
}

/** A path with one parameter between two slashes. */
type Pattern = { readonly start: string; readonly end: string; readonly parameter: string; readonly route: DirectRoute }

type Found = { readonly route: DirectRoute; readonly parameters: Readonly<Record<string, string>> }

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
    // A client that is gone before its answer is out is nobody's mistake.
    this.#answer(found, request, response).catch(() => response.destroy())
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

  async #answer({ route, parameters }: Found, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { protection, cors, onRequest, bodies, refusalOf } = this.#deps
    const { headers } = request
    if (protection !== undefined) {
      const refusal = await protection.check(headers.authorization)
      setHeaders(response, protection.config.headers)
      if (refusal !== undefined) return send(request, response, refusal)
      if (response.destroyed) return // The client went while its password was looked at.
    }
    setHeaders(response, cors(request.url ?? '', headers.origin))
    onRequest(response)
    let answer: Answer
    try {
      // That of a GET means nothing, here as in the framework.
      const body = request.method === 'GET' ? noBody : await bodies.read(request, route.bodyLimitBytes)
      answer = await route.answer(request, response, body, parameters)
    } catch (error) {
      answer = refusalOf(error)
      // The client may have more of the body to send than anybody wants to read.
      response.setHeader('connection', 'close')
    }
    return send(request, response, answer)
  }
}

async function send(request: IncomingMessage, response: ServerResponse, answer: Answer): Promise<void> {
  setHeaders(response, answer.headers)
  if (answer.status === 204) {
    response.writeHead(204).end()
    return
  }
  const encoding = encodingFor({
    acceptEncoding: request.headers['accept-encoding'],
    status: answer.status,
    contentType: answer.headers['content-type'] ?? '',
    contentEncoding: answer.headers['content-encoding'],
  })
  const compressed = encoding === undefined ? undefined : await compressBody(answer.body, encoding, response.getHeader('vary')?.toString())
  setHeaders(response, compressed?.headers ?? {})
  const body = compressed?.body ?? answer.body
  if (answer.isSpentWhenSent === true && answer.body instanceof Uint8Array) {
    const bytes = answer.body
    // By the time of `close` nothing of it waits to be written.
    if (compressed === undefined) response.once('close', () => giveBack(bytes))
    else giveBack(bytes)
  }
  if (body instanceof Readable) {
    response.writeHead(answer.status)
    return pipeline(body, response)
  }
  response.setHeader('content-length', Buffer.byteLength(body))
  response.writeHead(answer.status).end(body)
}

function setHeaders(response: ServerResponse, headers: Readonly<Record<string, string>>): void {
  for (const name in headers) response.setHeader(name, headers[name] ?? '')
}
