// The HTTP server: every listen address, the routes of api/ and the pages, and what is the same for all answers: CORS,
// compression, 404s. It listens before the data is there, so that health, metrics and replay can be asked; `serve` gives
// it the parts, and from then on it is ready.

import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { Fastify } from './fastify.ts'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { assert } from '../src/base/assert.ts'
import type { Logger } from '../src/base/log.ts'
import type { MetricRegistry } from '../src/base/selfMetrics.ts'
import { failure, plain } from './answer.ts'
import type { Answer } from './answer.ts'
import { addAdminRoutes } from './api/admin.ts'
import { addAlertmanagerRoutes } from './api/alertmanager.ts'
import { addConsoleRoutes } from './api/consoles.ts'
import { addExemplarRoutes } from './api/exemplars.ts'
import { addIngestRoutes } from './api/ingest.ts'
import { addLabelRoutes } from './api/labels.ts'
import { addLifecycleRoutes } from './api/lifecycle.ts'
import { addProfileRoutes } from './api/profiles.ts'
import { addQueryRoutes } from './api/query.ts'
import { addRemoteReadRoutes } from './api/remoteRead.ts'
import type { RemoteReadOptions } from './api/remoteRead.ts'
import { addRuleRoutes } from './api/rules.ts'
import { addSearchRoutes } from './api/search.ts'
import { addStatusRoutes } from './api/status.ts'
import { addTargetRoutes } from './api/targets.ts'
import { BodyReader } from './body.ts'
import { compressBody, compressStream, encodingFor, type Encoding } from './negotiation/compression.ts'
import { createCors } from './cors.ts'
import type { Cors } from './cors.ts'
import { DirectRoutes } from './direct.ts'
import { NodeExchange, type Exchange } from './exchange.ts'
import { openListeners } from './listeners.ts'
import type { ListenAddress, Listeners } from './listeners.ts'
import { createHttpMetrics } from './selfMetrics/metrics.ts'
import type { BuildInfo } from '../src/base/buildInfo.ts'
import type { Notifications } from './notifications.ts'
import { addPageRoutes } from './pages.ts'
import type { Parts } from './parts.ts'
import { openProtection } from './protection/protection.ts'
import type { Protection } from './protection/protection.ts'
import { isClientAllowed } from './protection/tls.ts'
import { answerOf, Router, send } from './router.ts'
import type { Readiness } from './router.ts'
import { answerUnrouted } from './unrouted.ts'

export type ServerOptions = {
  readonly listenAddresses: readonly ListenAddress[]
  readonly readTimeoutMs: number
  readonly maxConnections: number
  /** `` or `/path`. */
  readonly routePrefix: string
  readonly externalUrl: string
  /** A regular expression, anchored. */
  readonly corsOrigin: string
  readonly enableLifecycle: boolean
  readonly enableAdminApi: boolean
  readonly enableOtlpReceiver: boolean
  readonly userAssets: string
  /** Directories of the pages at /consoles and of what they share. */
  readonly consoleTemplates: string
  readonly consoleLibraries: string
  readonly pageTitle: string
  readonly maxNotificationsSubscribers: number
  readonly remoteRead: RemoteReadOptions
  readonly build: BuildInfo
  readonly flags: Readonly<Record<string, string>>
  readonly features: readonly string[]
  /** 0 is no limit. */
  readonly searchMaxLimit: number
  /** The file that says who may ask. */
  readonly webConfigFile?: string
  readonly uiDir?: string
}

export type ServerDeps = {
  readonly logger: Logger
  readonly registry: MetricRegistry
  readonly notifications: Notifications
  readonly reload: () => Promise<void>
  readonly quit: () => void
  readonly replay: () => { readonly min: number; readonly max: number; readonly current: number }
}

export type WebServer = {
  /** As bound. */
  readonly addresses: readonly ListenAddress[]
  readonly scheme: 'http' | 'https'
  /** For tests: requests without a socket. */
  readonly inject: FastifyInstance['inject']
  /** From here on the server is ready. */
  serve(parts: Parts): void
  /** From here on it is not: new requests get 503. Resolves when the answers under way are out, or after `graceMs`. */
  drain(graceMs: number): Promise<void>
  close(): Promise<void>
}

/** What may have arrived of all bodies that are not whole yet: 512 connections could send 32 MiB each. */
const bodiesUnderWayBytes = 256 * 1024 * 1024

/** The largest form or JSON body. */
const bodyLimitBytes = 10 * 1024 * 1024

export async function createServer(options: ServerOptions, deps: ServerDeps): Promise<WebServer> {
  const state = new ServerState()
  deps.registry.sampled('prometheus_ready', 'Whether Prometheus startup was fully completed and the server is ready for normal operation.', 'gauge', () => (state.readiness === 'ready' ? 1 : 0))
  const protection = options.webConfigFile === undefined ? undefined : await openProtection(options.webConfigFile, deps.logger)
  const fastify = Fastify({
    bodyLimit: bodyLimitBytes,
    exposeHeadRoutes: false,
    frameworkErrors: (_, request, reply) => void send(reply, badUrlAnswer(request.url)),
    routerOptions: { ignoreTrailingSlash: false, maxParamLength: 10_000, querystringParser: () => ({}) },
    // No route has a schema, so the compilers for them need not be loaded: 3 MB.
    schemaController: { compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas } },
  })
  // Query strings are read once, by the router; every body arrives as bytes. Handlers know what they take.
  fastify.removeAllContentTypeParsers()
  const bodies = new BodyReader(bodiesUnderWayBytes)
  fastify.addContentTypeParser('*', (request: FastifyRequest, payload: IncomingMessage) => bodies.read(payload, request.routeOptions.bodyLimit ?? bodyLimitBytes))
  if (protection !== undefined) addProtection(fastify, protection)
  const apiPath = `${options.routePrefix}/api/v1/`
  const cors = createCors(options.corsOrigin, apiPath)
  addCors(fastify, cors, apiPath)
  addCompression(fastify)
  fastify.addHook('onRequest', (request, reply, done) => {
    state.begin(new NodeExchange(request.raw, reply.raw))
    done()
  })
  fastify.setNotFoundHandler((request, reply) => send(reply, answerUnrouted(request, { prefix: options.routePrefix, routes: () => router.routes })))
  fastify.setErrorHandler((error, _, reply) => send(reply, frameworkAnswer(error, deps.logger)))

  const direct = new DirectRoutes({
    bodies,
    protection,
    cors,
    onRequest: (exchange) => state.begin(exchange),
    refusalOf: (error) => frameworkAnswer(error, deps.logger),
  })
  const router = new Router(fastify, direct, {
    prefix: options.routePrefix,
    bodyLimitBytes,
    readiness: () => state.readiness,
    metrics: createHttpMetrics(deps.registry),
    logger: deps.logger,
  })
  const parts = () => state.parts
  let ports: readonly number[] = []
  addQueryRoutes(router, parts)
  addExemplarRoutes(router, parts, options)
  addLabelRoutes(router, parts)
  addTargetRoutes(router, parts, { externalUrl: options.externalUrl, ports: () => ports })
  addRuleRoutes(router, parts)
  addAlertmanagerRoutes(router, parts)
  addSearchRoutes(router, parts, options)
  addStatusRoutes(router, parts, { ...options, notifications: deps.notifications, registry: deps.registry, replay: deps.replay })
  addIngestRoutes(router, parts, deps.registry)
  addAdminRoutes(router, parts, { isEnabled: options.enableAdminApi })
  addRemoteReadRoutes(router, parts, options.remoteRead, deps.registry)
  addLifecycleRoutes(router, {
    readiness: () => state.readiness,
    isEnabled: options.enableLifecycle,
    reload: deps.reload,
    quit: deps.quit,
  })
  addProfileRoutes(router)
  addConsoleRoutes(router, parts, options)
  await addPageRoutes(fastify, router, {
    prefix: options.routePrefix,
    externalPath: new URL(options.externalUrl).pathname.replace(/\/$/, ''),
    uiDir: options.uiDir ?? join(import.meta.dirname, 'ui/dist'),
    userAssets: options.userAssets,
    pageTitle: options.pageTitle,
  })
  await fastify.ready()

  const listeners: Listeners = await openListeners(
    { addresses: options.listenAddresses, readTimeoutMs: options.readTimeoutMs, maxConnections: options.maxConnections, ...tlsOf(protection) },
    {
      direct,
      answer: (request, response) => {
        const found = direct.find(request.method ?? '', request.url ?? '')
        if (found === undefined) fastify.routing(request, response)
        else direct.answer(found, new NodeExchange(request, response))
      },
    },
  )
  ports = listeners.addresses.map(({ port }) => port)
  if (protection !== undefined) protection.onTlsChange = (tls) => listeners.setTls(tls)
  return {
    addresses: listeners.addresses,
    scheme: protection?.tls === undefined ? 'http' : 'https',
    inject: fastify.inject.bind(fastify),
    serve: (given) => state.serve(given),
    drain: (graceMs) => state.drain(graceMs),
    async close() {
      await listeners.close()
      await fastify.close()
      await protection?.close()
    },
  }
}

/** Readiness, the parts once there are some, and the requests under way. */
class ServerState {
  readiness: Readiness = 'starting'
  #parts: Parts | undefined
  #underWay = 0
  #drained: (() => void) | undefined

  get parts(): Parts {
    assert(this.#parts !== undefined, 'a handler runs before the server is ready')
    return this.#parts
  }

  serve(parts: Parts): void {
    this.#parts = parts
    this.readiness = 'ready'
  }

  /** Counts the answer until it is out, or the client gone. */
  begin(exchange: Exchange): void {
    if (exchange.isOver) return
    this.#underWay += 1
    exchange.onOver(() => {
      this.#underWay -= 1
      if (this.#underWay <= 0) this.#drained?.()
    })
  }

  async drain(graceMs: number): Promise<void> {
    this.readiness = 'stopping'
    if (this.#underWay <= 0) return
    await new Promise<void>((done) => {
      const timer = setTimeout(done, graceMs)
      this.#drained = () => {
        clearTimeout(timer)
        done()
      }
    })
  }
}

function noSchemas(): never {
  throw new Error('bug: a route has a schema')
}

/** What is refused before a handler runs: a body too large or too many of them, a URL that cannot be decoded. */
function frameworkAnswer(error: unknown, logger: Logger) {
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500
  if (status >= 400 && status < 500 && error instanceof Error) return plain(status, `${error.message}\n`)
  if (status === 503 && error instanceof Error) return plain(status, `${error.message}\n`, { 'retry-after': '1' })
  return answerOf(error, logger)
}

/** For a URL whose escapes are broken, or are no UTF-8. Go reads bytes and refuses only the former; no name is made of the latter. */
function badUrlAnswer(url: string): Answer {
  if (/%(?![0-9a-fA-F]{2})/.test(url)) return plain(400, '400 Bad Request')
  const label = /\/api\/v1\/label\/([^/?]{0,10000})\/values(?:\?|$)/.exec(url)?.[1]
  if (label === undefined) return plain(404, '404 page not found\n')
  return failure('bad_data', `invalid label name: "${label.replace(/%(..)/g, (_, hex: string) => `\\x${hex.toLowerCase()}`)}"`)
}

/** Before everything else: who is not let through learns nothing. */
function addProtection(fastify: FastifyInstance, protection: Protection): void {
  fastify.addHook('onRequest', async (request, reply) => {
    const refusal = await protection.check(request.headers.authorization)
    reply.headers(protection.config.headers)
    return refusal === undefined ? undefined : send(reply, refusal)
  })
}

function tlsOf(protection: Protection | undefined) {
  const tls = protection?.tls
  if (protection === undefined || tls === undefined) return {}
  return { tls, isClientAllowed: (socket: TLSSocket) => protection.config.tls === undefined || isClientAllowed(socket, protection.config.tls) }
}

function addCors(fastify: FastifyInstance, cors: Cors, apiPath: string): void {
  fastify.addHook('onRequest', (request, reply, done) => {
    reply.headers(cors(request.url, request.headers.origin))
    done()
  })
  fastify.options(`${apiPath}*`, (_, reply) => reply.code(204).send())
}

function addCompression(fastify: FastifyInstance): void {
  fastify.addHook('onSend', (request, reply, payload, done) => {
    const encoding = encodingFor({
      acceptEncoding: request.headers['accept-encoding'],
      status: reply.statusCode,
      contentType: String(reply.getHeader('content-type') ?? ''),
      contentEncoding: reply.getHeader('content-encoding')?.toString(),
    })
    if (encoding !== undefined && (payload instanceof Readable || typeof payload === 'string' || payload instanceof Uint8Array)) {
      compress(reply, payload, encoding).then((compressed) => done(null, compressed), done)
    } else done(null, payload)
  })
  const compress = async (reply: FastifyReply, payload: string | Uint8Array | Readable, encoding: Encoding) => {
    const vary = reply.getHeader('vary')?.toString()
    const compressed = payload instanceof Readable ? compressStream(payload, encoding, vary) : await compressBody(payload, encoding, vary)
    if (compressed === undefined) return payload
    reply.headers(compressed.headers)
    reply.removeHeader('content-length')
    return compressed.body
  }
}
