// One place where requests become calls and results become answers: parameters, methods, readiness, errors to statuses,
// metrics. The handlers in api/ see a `WebRequest` and give an `Answer`; fastify stays inside this file and server.ts, and
// requests of direct routes (direct.ts) do not see it.

import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, HTTPMethods } from 'fastify'
import { QueryError } from '../query/queryError.ts'
import { errorText } from '../src/base/assert.ts'
import type { Logger } from '../src/base/log.ts'
import { StorageUnavailableError } from '../storage/model/storageError.ts'
import { allowHeader, failure, methodNotAllowed, plain } from './answer.ts'
import type { Answer } from './answer.ts'
import { noBody, RequestBody } from './body.ts'
import type { DirectRoutes } from './direct.ts'
import { NodeExchange, type Exchange } from './exchange.ts'
import type { Route } from './openApi.ts'
import type { HttpMetrics } from './selfMetrics/metrics.ts'
import { readBodyForm, WebRequest, type Arrived } from './webRequest.ts'

export type Handler = (request: WebRequest) => Answer | Promise<Answer>

export type RouteOptions = {
  /** Answers also before the server is ready and while it stops. */
  readonly whenNotReady?: boolean
  readonly bodyLimitBytes?: number
  /** Requests come by the thousand: they take the short way. Only for GET and POST, and a path with at most one parameter. */
  readonly isDirect?: boolean
  /** The text of a 405. */
  readonly wrongMethodText?: string
}

/** What a server can be: replaying its log, serving, or on its way down. */
export type Readiness = 'starting' | 'ready' | 'stopping'

export type RouterOptions = {
  /** `` or `/path`. */
  readonly prefix: string
  /** Of routes without their own. */
  readonly bodyLimitBytes: number
  readonly readiness: () => Readiness
  readonly metrics: HttpMetrics
  readonly logger: Logger
}

type PathParameters = Readonly<Record<string, string>>

/** A request on its way to the handler of its route, whichever way it came. */
type Call = Arrived & {
  readonly path: string
  readonly handler: Handler
  readonly options: RouteOptions
}

const methods: readonly HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']

export class Router {
  readonly #fastify: FastifyInstance
  readonly #direct: DirectRoutes
  readonly #options: RouterOptions
  readonly #routes: Route[] = []

  constructor(fastify: FastifyInstance, direct: DirectRoutes, options: RouterOptions) {
    this.#fastify = fastify
    this.#direct = direct
    this.#options = options
  }

  /** Without the prefix. */
  get routes(): readonly Route[] {
    return this.#routes
  }

  get(path: string, handler: Handler, options?: RouteOptions): void {
    this.route(['GET'], path, handler, options)
  }

  getOrPost(path: string, handler: Handler, options?: RouteOptions): void {
    this.route(['GET', 'POST'], path, handler, options)
  }

  /** Answers `allowed` methods with `handler` and every other one with 405. */
  route(allowed: readonly HTTPMethods[], path: string, handler: Handler, options: RouteOptions = {}): void {
    const url = this.#options.prefix + path
    this.#routes.push({ methods: allowed, path })
    const bodyLimit = options.bodyLimitBytes === undefined ? {} : { bodyLimit: options.bodyLimitBytes }
    const answer = (exchange: Exchange, rawBody: RequestBody, parameters: PathParameters) => this.#answer({ exchange, rawBody, parameters, path, handler, options })
    this.#fastify.route({
      method: [...allowed],
      url,
      ...bodyLimit,
      handler: async (request, reply) => {
        const rawBody = request.body instanceof RequestBody ? request.body : noBody
        const parameters = request.params as PathParameters // fastify gives text for every part of a path
        return send(reply, await answer(new NodeExchange(request.raw, reply.raw), rawBody, parameters))
      },
    })
    if (options.isDirect === true) {
      const route = { bodyLimitBytes: options.bodyLimitBytes ?? this.#options.bodyLimitBytes, answer }
      for (const method of ['GET', 'POST'] as const) if (allowed.includes(method)) this.#direct.add(method, url, route)
    }
    const others = methods.filter((method) => !allowed.includes(method))
    if (others.length === 0) return
    const refusal = options.wrongMethodText === undefined ? methodNotAllowed(allowed) : plain(405, options.wrongMethodText)
    this.#fastify.route({ method: others, url, handler: (_, reply) => send(reply, refusal) })
    // Paths of the API have an answer of their own, which CORS needs.
    if (!path.startsWith('/api/')) this.#fastify.options(url, (_, reply) => reply.code(200).header('allow', allowHeader(allowed)).send())
  }

  /** At once where the handler does not have to wait for anything. */
  #answer(call: Call): Answer | Promise<Answer> {
    const startMs = performance.now()
    const readiness = this.#options.readiness()
    const answer = readiness === 'ready' || call.options.whenNotReady === true ? this.#handle(call) : notReady(readiness)
    // An answer that is there at once is sent before it is counted.
    if (!(answer instanceof Promise)) {
      queueMicrotask(() => this.#observed(call, startMs, answer))
      return answer
    }
    return answer.then((settled) => {
      this.#observed(call, startMs, settled)
      return settled
    })
  }

  #observed({ path }: Call, startMs: number, { status, body }: Answer): void {
    this.#options.metrics.observe({ handler: path, code: status, seconds: (performance.now() - startMs) / 1000, bytes: body instanceof Readable ? 0 : body.length })
  }

  #handle(call: Call): Answer | Promise<Answer> {
    const { handler } = call
    try {
      const form = readBodyForm(call)
      const answer = form instanceof Promise ? form.then((read) => handler(new WebRequest(call, read))) : handler(new WebRequest(call, form))
      return answer instanceof Promise ? answer.catch((error: unknown) => this.#failed(call, error)) : answer
    } catch (error) {
      return this.#failed(call, error)
    }
  }

  #failed({ path }: Call, error: unknown): Answer {
    return answerOf(error, this.#options.logger.with({ path: this.#options.prefix + path }))
  }
}

/** The one table from errors to answers. What is not in it is our own mistake. */
export function answerOf(error: unknown, logger: Logger): Answer {
  if (error instanceof QueryError) return failure(error.errorType, error.message)
  // Another try may do: 500, which `unavailable` has in Prometheus, would not say so.
  if (error instanceof StorageUnavailableError) return { ...failure('unavailable', error.message), status: 503 }
  logger.error('a request failed', { error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  return failure('internal', errorText(error))
}

/** What is asked of a server that starts or stops. */
export function notReady(readiness: Readiness): Answer {
  return plain(503, 'Service Unavailable', { 'x-prometheus-stopping': String(readiness === 'stopping') })
}

/** Hands an answer to the framework. */
export function send(reply: FastifyReply, answer: Answer): FastifyReply {
  const { status, headers, body } = answer
  if (status === 204) return reply.code(status).headers({ ...headers }).send()
  // As bytes, or fastify would add a charset to the content type.
  const sent = typeof body === 'string' ? Buffer.from(body) : body instanceof Uint8Array ? Buffer.from(body.buffer, body.byteOffset, body.byteLength) : body
  return reply.code(status).headers({ ...headers }).send(sent)
}
