// The short way for requests that come by the thousand, as remote writes do: from Node's HTTP server to the handler, past
// the framework, which costs as much as taking in a small body. What the framework's hooks do for all other answers is done
// here by the same functions: protection, CORS, the count of answers under way, compression.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Answer } from './answer.ts'
import { giveBack, type BodyReader, type RequestBody } from './body.ts'
import { compressBody, encodingFor } from './compression.ts'
import type { Cors } from './cors.ts'
import type { Protection } from './protection/protection.ts'

export type DirectRoute = {
  readonly bodyLimitBytes: number
  /** Never rejects. */
  answer(request: IncomingMessage, response: ServerResponse, body: RequestBody): Promise<Answer>
}

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

  constructor(deps: DirectDeps) {
    this.#deps = deps
  }

  add(method: string, url: string, route: DirectRoute): void {
    this.#routes.set(`${method} ${url}`, route)
  }

  /** Whether the request is for one of these routes; then it gets its answer. */
  handle(request: IncomingMessage, response: ServerResponse): boolean {
    const { method = '', url = '' } = request
    const queryAt = url.indexOf('?')
    const route = this.#routes.get(`${method} ${queryAt < 0 ? url : url.slice(0, queryAt)}`)
    if (route === undefined) return false
    // A client that is gone before its answer is out is nobody's mistake.
    this.#answer(route, request, response).catch(() => response.destroy())
    return true
  }

  async #answer(route: DirectRoute, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { protection, cors, onRequest, bodies, refusalOf } = this.#deps
    const { headers } = request
    if (protection !== undefined) {
      const refusal = await protection.check(headers.authorization)
      setHeaders(response, protection.config.headers)
      if (refusal !== undefined) return send(request, response, refusal)
    }
    setHeaders(response, cors(request.url ?? '', headers.origin))
    onRequest(response)
    let answer: Answer
    try {
      answer = await route.answer(request, response, await bodies.read(request, route.bodyLimitBytes))
    } catch (error) {
      answer = refusalOf(error)
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
