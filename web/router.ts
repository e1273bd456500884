// One place where requests become calls and results become answers: parameters, methods, readiness, errors to statuses,
// metrics. The handlers in api/ see a `WebRequest` and give an `Answer`; fastify stays inside this file and server.ts, and
// requests of direct routes (direct.ts) do not see it.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, HTTPMethods } from 'fastify'
import { QueryError } from '../query/queryError.ts'
import { errorText } from '../src/base/assert.ts'
import type { Logger } from '../src/base/log.ts'
import { StorageUnavailableError } from '../storage/storageError.ts'
import { failure, plain } from './answer.ts'
import type { Answer } from './answer.ts'
import { noBody, RequestBody } from './body.ts'
import type { DirectRoutes } from './direct.ts'
import type { HttpMetrics } from './metrics.ts'
import type { Route } from './openApi.ts'
import { readForm, RequestParams } from './requestParams.ts'
import type { Form } from './requestParams.ts'

export type WebRequest = {
  readonly method: string
  /** Path and query string as received. */
  readonly url: string
  /** The query string as received, without `?`. */
  readonly rawQuery: string
  readonly params: RequestParams
  /** Values of `:name` and `*` in the route's path, decoded. */
  readonly path: Readonly<Record<string, string>>
  /** In one piece; empty when there is none. */
  readonly body: Uint8Array
  /** The same as it arrived, for whoever moves it on. */
  readonly rawBody: RequestBody
  /** Aborted when the client is gone. Made when it is asked for: most answers are there before anybody could leave. */
  readonly signal: AbortSignal
  /** Who asks, for fairness between clients. */
  readonly client: string
  header(name: string): string
}

export type Handler = (request: WebRequest) => Answer | Promise<Answer>

export type RouteOptions = {
  /** Answers also before the server is ready and while it stops. */
  readonly whenNotReady?: boolean
  readonly bodyLimitBytes?: number
  /** Requests come by the thousand: they take the short way. Only for a path with at most one parameter. */
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
type Call = {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly rawBody: RequestBody
  readonly parameters: PathParameters
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
    const answer = (request: IncomingMessage, response: ServerResponse, rawBody: RequestBody, parameters: PathParameters = {}) => this.#answer({ request, response, rawBody, parameters, path, handler, options })
    this.#fastify.route({
      method: [...allowed],
      url,
      ...bodyLimit,
      handler: async (request, reply) => send(reply, await answer(request.raw, reply.raw, request.body instanceof RequestBody ? request.body : noBody, request.params as PathParameters)), // fastify gives text for every part of a path
    })
    if (options.isDirect === true) {
      for (const method of allowed) this.#direct.add(method, url, { bodyLimitBytes: options.bodyLimitBytes ?? this.#options.bodyLimitBytes, answer })
    }
    const others = methods.filter((method) => !allowed.includes(method))
    if (others.length === 0) return
    const allow = [...new Set([...allowed, 'OPTIONS'])].sort().join(', ')
    const refusal = options.wrongMethodText === undefined ? plain(405, 'Method Not Allowed\n', { allow }) : plain(405, options.wrongMethodText)
    this.#fastify.route({ method: others, url, handler: (_, reply) => send(reply, refusal) })
    // Paths of the API have an answer of their own, which CORS needs.
    if (!path.startsWith('/api/')) this.#fastify.options(url, (_, reply) => reply.code(200).header('allow', allow).send())
  }

  async #answer(call: Call): Promise<Answer> {
    const { path, options } = call
    const startMs = performance.now()
    const readiness = this.#options.readiness()
    const answer = readiness === 'ready' || options.whenNotReady === true ? await this.#handle(call) : notReady(readiness)
    this.#options.metrics.observe({ handler: path, code: answer.status, seconds: (performance.now() - startMs) / 1000, bytes: answer.body instanceof Readable ? 0 : answer.body.length })
    return answer
  }

  async #handle(call: Call): Promise<Answer> {
    const { path, handler } = call
    try {
      return await handler(await readRequest(call))
    } catch (error) {
      return answerOf(error, this.#options.logger.with({ path: this.#options.prefix + path }))
    }
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

export function notReady(readiness: Readiness): Answer {
  return plain(503, 'Service Unavailable', { 'x-prometheus-stopping': String(readiness === 'stopping') })
}

export function send(reply: FastifyReply, answer: Answer): FastifyReply {
  const { status, headers, body } = answer
  if (status === 204) return reply.code(status).headers({ ...headers }).send()
  // As bytes, or fastify would add a charset to the content type.
  const sent = typeof body === 'string' ? Buffer.from(body) : body instanceof Uint8Array ? Buffer.from(body.buffer, body.byteOffset, body.byteLength) : body
  return reply.code(status).headers({ ...headers }).send(sent)
}

async function readRequest({ request, response, rawBody, parameters }: Call): Promise<WebRequest> {
  const url = request.url ?? '/'
  const queryAt = url.indexOf('?')
  const rawQuery = queryAt < 0 ? '' : url.slice(queryAt + 1)
  const header = (name: string) => String(request.headers[name] ?? '')
  const form = rawBody.length === 0 ? undefined : await readBodyForm(header('content-type'), rawBody)
  // What only some handlers want is made when they ask for it.
  let params: RequestParams | undefined
  let signal: AbortSignal | undefined
  return {
    method: request.method ?? '',
    url,
    rawQuery,
    get params() {
      return (params ??= new RequestParams(form, readForm(rawQuery)))
    },
    path: parameters,
    get body() {
      return rawBody.bytes()
    },
    rawBody,
    get signal() {
      return (signal ??= signalOf(response))
    },
    client: request.socket.remoteAddress ?? '',
    header,
  }
}

/** Aborted when the client goes before it has its answer. */
function signalOf(response: ServerResponse): AbortSignal {
  const gone = new AbortController()
  const end = () => {
    if (!response.writableFinished) gone.abort()
  }
  if (response.destroyed) end()
  else response.once('close', end)
  return gone.signal
}

/** The fields of a form body; `undefined` when the body is something else. */
async function readBodyForm(contentType: string, body: RequestBody): Promise<Form | undefined> {
  const mediaType = contentType.split(';')[0]?.trim().toLowerCase()
  if (mediaType === 'application/x-www-form-urlencoded') return readForm(Buffer.from(body.bytes()).toString('utf8'))
  if (mediaType !== 'multipart/form-data') return undefined
  try {
    const form = await new Response(Buffer.from(body.bytes()), { headers: { 'content-type': contentType } }).formData()
    return { values: new URLSearchParams([...form.entries()].filter((entry): entry is [string, string] => typeof entry[1] === 'string')) }
  } catch (error) {
    return { values: new URLSearchParams(), problem: errorText(error) }
  }
}
