// The HTTP server: every listen address, the routes of api/ and the pages, and what is the same for all answers: CORS,
// compression, 404s. It listens before the data is there, so that health, metrics and replay can be asked; `serve` gives
// it the parts, and from then on it is ready.

import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import Fastify from 'fastify'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { RE2JS } from 're2js'
import { assert } from '../src/base/assert.ts'
import type { Logger } from '../src/base/log.ts'
import type { MetricRegistry } from '../src/base/selfMetrics.ts'
import { failure, plain } from './answer.ts'
import type { Answer } from './answer.ts'
import { addAdminRoutes } from './api/admin.ts'
import { addAlertmanagerRoutes } from './api/alertmanager.ts'
import { addExemplarRoutes } from './api/exemplars.ts'
import { addIngestRoutes } from './api/ingest.ts'
import { addLabelRoutes } from './api/labels.ts'
import { addLifecycleRoutes } from './api/lifecycle.ts'
import { addQueryRoutes } from './api/query.ts'
import { addRemoteReadRoutes } from './api/remoteRead.ts'
import type { RemoteReadOptions } from './api/remoteRead.ts'
import { addRuleRoutes } from './api/rules.ts'
import { addSearchRoutes } from './api/search.ts'
import { addStatusRoutes } from './api/status.ts'
import { addTargetRoutes } from './api/targets.ts'
import { BodyReader } from './body.ts'
import { chooseEncoding, compressBody, compressStream, type Encoding } from './compression.ts'
import { openListeners } from './listeners.ts'
import type { ListenAddress, Listeners } from './listeners.ts'
import { createHttpMetrics } from './metrics.ts'
import type { BuildInfo } from './metrics.ts'
import type { Notifications } from './notifications.ts'
import { addPageRoutes } from './pages.ts'
import type { Parts } from './parts.ts'
import { openProtection } from './protection/protection.ts'
import type { Protection } from './protection/protection.ts'
import { isClientAllowed } from './protection/tls.ts'
import { answerOf, Router, send } from './router.ts'
import type { Readiness } from './router.ts'

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
  const protection = options.webConfigFile === undefined ? undefined : await openProtection(options.webConfigFile, deps.logger)
  const fastify = Fastify({ bodyLimit: bodyLimitBytes, exposeHeadRoutes: false, frameworkErrors: (_, request, reply) => void send(reply, badUrlAnswer(request.url)), routerOptions: { ignoreTrailingSlash: false, maxParamLength: 10_000, querystringParser: () => ({}) } })
  // Query strings are read once, by the router; every body arrives as bytes. Handlers know what they take.
  fastify.removeAllContentTypeParsers()
  const bodies = new BodyReader(bodiesUnderWayBytes)
  fastify.addContentTypeParser('*', (request, payload, done) => bodies.read(payload, request.routeOptions.bodyLimit, done))
  if (protection !== undefined) addProtection(fastify, protection)
  addCors(fastify, options)
  addCompression(fastify)
  fastify.addHook('onRequest', (_, reply, done) => {
    state.begin()
    reply.raw.once('close', () => state.end())
    done()
  })
  fastify.setNotFoundHandler((_, reply) => send(reply, plain(404, '404 page not found\n')))
  fastify.setErrorHandler((error, _, reply) => send(reply, frameworkAnswer(error, deps.logger)))

  const router = new Router(fastify, {
    prefix: options.routePrefix,
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
  await addPageRoutes(fastify, router, {
    prefix: options.routePrefix,
    uiDir: options.uiDir ?? join(import.meta.dirname, 'ui/dist'),
    userAssets: options.userAssets,
    pageTitle: options.pageTitle,
  })
  await fastify.ready()

  const listeners: Listeners = await openListeners(
    { addresses: options.listenAddresses, readTimeoutMs: options.readTimeoutMs, maxConnections: options.maxConnections, ...tlsOf(protection) },
    (request, response) => fastify.routing(request, response),
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

  begin(): void {
    this.#underWay += 1
  }

  end(): void {
    this.#underWay -= 1
    if (this.#underWay <= 0) this.#drained?.()
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
  const label = /\/api\/v1\/label\/([^/?]*)\/values(?:\?|$)/.exec(url)?.[1]
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

function addCors(fastify: FastifyInstance, options: ServerOptions): void {
  const allowsAll = options.corsOrigin === '.*'
  const allowed = RE2JS.compile(`^(?:${options.corsOrigin})$`)
  const apiPath = `${options.routePrefix}/api/v1/`
  fastify.addHook('onRequest', (request, reply, done) => {
    allow(request, reply)
    done()
  })
  const allow = (request: FastifyRequest, reply: FastifyReply) => {
    if (!request.url.startsWith(apiPath)) return
    reply.header('vary', 'Origin')
    const { origin } = request.headers
    if (origin === undefined) return
    reply.headers({
      'access-control-allow-headers': 'Accept, Authorization, Content-Type, Origin',
      'access-control-allow-methods': 'GET, POST, OPTIONS',
      'access-control-expose-headers': 'Date',
    })
    if (allowsAll) reply.header('access-control-allow-origin', '*')
    else if (allowed.matches(origin)) reply.header('access-control-allow-origin', origin)
  }
  fastify.options(`${apiPath}*`, (_, reply) => reply.code(204).send())
}

const compressible = /^(?:text\/(?!event-stream)|application\/(?:json|yaml|javascript|openmetrics-text|vnd\.google\.protobuf)|image\/svg\+xml)/

function addCompression(fastify: FastifyInstance): void {
  fastify.addHook('onSend', (request, reply, payload, done) => {
    const encoding = chooseEncoding(request.headers['accept-encoding'])
    const type = String(reply.getHeader('content-type') ?? '')
    if (encoding === undefined || reply.hasHeader('content-encoding') || reply.statusCode === 206 || !compressible.test(type)) done(null, payload)
    else compress(reply, payload, encoding).then((compressed) => done(null, compressed), done)
  })
  const compress = async (reply: FastifyReply, payload: unknown, encoding: Encoding): Promise<unknown> => {
    if (payload instanceof Readable) {
      announce(reply, encoding)
      return compressStream(payload, encoding)
    }
    if (typeof payload !== 'string' && !(payload instanceof Uint8Array)) return payload
    const compressed = await compressBody(payload, encoding)
    if (compressed === undefined) return payload
    announce(reply, encoding)
    return compressed
  }
}

function announce(reply: FastifyReply, encoding: string): void {
  const vary = reply.getHeader('vary')
  reply.header('content-encoding', encoding)
  reply.header('vary', vary === undefined ? 'Accept-Encoding' : `${String(vary)}, Accept-Encoding`)
  reply.removeHeader('content-length')
}
