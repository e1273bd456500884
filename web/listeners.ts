// The sockets: one HTTP server per listen address, all answering with the same routes, with one limit on connections over
// all of them. It knows nothing of what is served.

import type { RequestListener, Server, ServerOptions } from 'node:http'
import type { Server as TlsServer, ServerOptions as TlsServerOptions } from 'node:https'
import type { TLSSocket } from 'node:tls'
import type { Socket } from 'node:net'
import { Admission } from './admission.ts'
import type { DirectRoutes } from './direct.ts'
import { Front } from './front.ts'

// Not by `import`, which asks the module for all its exports, the WebSocket client among them: 12 MB.
const { createServer } = process.getBuiltinModule('node:http')

/** Of the line with the URL and all headers, as in Go: a query in a URL may name some thousand instances. Node's own limit is 16 KiB. */
const maxHeaderBytes = 1024 * 1024

export type ListenAddress = { readonly host: string; readonly port: number }

export type ListenOptions = {
  readonly addresses: readonly ListenAddress[]
  /** To read a whole request, and to keep an idle connection. */
  readonly readTimeoutMs: number
  /** Further ones wait. */
  readonly maxConnections: number
  /** With it all addresses speak TLS. */
  readonly tls?: TlsServerOptions
  /** Whether a client may go on after the TLS handshake. */
  readonly isClientAllowed?: (socket: TLSSocket) => boolean
}

export type Listeners = {
  /** As they are bound; the port is a real one where 0 was asked for. */
  readonly addresses: readonly ListenAddress[]
  /** For connections from now on. */
  setTls(options: TlsServerOptions): void
  close(): Promise<void>
}

/** What is served. */
export type Served = {
  /** Plain HTTP has a front that answers simple requests for these. */
  readonly direct: DirectRoutes
  /** Every other request. */
  readonly answer: RequestListener
}

/** Of one address. */
type Listener = { readonly server: Server | TlsServer; readonly front?: Front }

/** Listens on every address, or on none: rejects with the first failure, naming the address. */
export async function openListeners(options: ListenOptions, served: Served): Promise<Listeners> {
  const admission = new Admission(options.maxConnections)
  const listeners: Listener[] = []
  try {
    for (const address of options.addresses) {
      const listener = options.tls === undefined ? plainListener(options, served, admission) : await tlsListener(options, options.tls, served, admission)
      listeners.push(listener)
      await listen(listener.server, address)
    }
  } catch (error) {
    await Promise.all(listeners.filter(({ server }) => server.listening).map(close))
    throw error
  }
  return {
    addresses: listeners.map(({ server }) => boundAddress(server)),
    setTls(tls) {
      for (const { server } of listeners) if ('setSecureContext' in server) server.setSecureContext(tls)
    },
    close: async () => {
      const closed = Promise.all(listeners.map(close))
      admission.close()
      await closed
    },
  }
}

function plainListener(options: ListenOptions, { direct, answer }: Served, admission: Admission): Listener {
  const server = createServer(limitsOf(options), answer)
  const front = new Front(server, direct)
  server.on('connection', (socket: Socket) => admission.enter(socket, () => front.accept(socket)))
  return { server, front }
}

async function tlsListener(options: ListenOptions, tls: TlsServerOptions, { answer }: Served, admission: Admission): Promise<Listener> {
  const { createServer } = await import('node:https')
  const server = createServer({ ...limitsOf(options), ...tls }, answer)
  server.on('secureConnection', (socket: TLSSocket) => {
    if (options.isClientAllowed?.(socket) === false) socket.destroy()
  })
  const serve = server.listeners('connection')
  server.removeAllListeners('connection')
  server.on('connection', (socket: Socket) =>
    admission.enter(socket, () => {
      for (const listener of serve) listener.call(server, socket)
    }),
  )
  return { server }
}

function limitsOf({ readTimeoutMs }: ListenOptions): ServerOptions {
  return { requestTimeout: readTimeoutMs, keepAliveTimeout: readTimeoutMs, maxHeaderSize: maxHeaderBytes }
}

function listen(server: Server | TlsServer, { host, port }: ListenAddress): Promise<void> {
  return new Promise((done, failed) => {
    const fail = (error: Error) => failed(new Error(`cannot listen on ${host}:${port}: ${error.message}`, { cause: error }))
    server.once('error', fail)
    server.listen({ port, ...(host !== '' && { host }) }, () => {
      server.off('error', fail)
      done()
    })
  })
}

function boundAddress(server: Server | TlsServer): ListenAddress {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('bug: a listening server has no TCP address')
  return { host: address.address, port: address.port }
}

/** Waits for answers under way for a moment, then ends what is left. */
function close({ server, front }: Listener): Promise<void> {
  const graceMs = 2_000
  return new Promise((done) => {
    const timer = setTimeout(() => {
      server.closeAllConnections()
      front?.closeAll()
    }, graceMs)
    server.close(() => {
      clearTimeout(timer)
      done()
    })
    server.closeIdleConnections()
    front?.close()
  })
}
