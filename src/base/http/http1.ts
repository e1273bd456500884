// Plain HTTP/1.1 requests over kept connections, for what is asked most: unencrypted targets, without a proxy. One read
// buffer for all connections, bodies in buffers that are used again, no streams, no promises: a fraction of the CPU time of
// a general client. Everything else goes through undici; httpClient.ts decides.

import { connect, type Socket } from 'node:net'
import { HttpRequestError } from './httpErrors.ts'
import { Http1Parser, type Http1Answer } from './http1Parser.ts'

/** A request as it goes over the wire; it can be sent again and again. */
export type Http1Request = {
  readonly place: { readonly path: string } | { readonly host: string; readonly port: number }
  /** Requests of the same key may share connections. */
  readonly key: string
  readonly message: string
  /** The body may be larger by what compression can add. */
  readonly maxBodyBytes: number
}

/** Exactly one of the two is called, once. */
export type Http1Outcome = {
  /** The memory of the body is used again as soon as this returns. */
  answered(answer: Http1Answer): void
  failed(error: Error): void
}

/** Where the bytes of all connections arrive. They are used up before the next read, because reading is synchronous. */
const commonReadBuffer = Buffer.allocUnsafeSlow(256 * 1024)

const headerName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const invalidHeaderValue = /[^\t\x20-\x7e\x80-\uffff]/

/** `url` is of scheme http, names of headers are in lower case, `host` is added. Throws for a header that cannot be sent. */
export function http1Request(request: {
  readonly url: URL
  readonly unixSocket: string | undefined
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly maxBodyBytes: number
}): Http1Request {
  const { url, unixSocket, method, headers, maxBodyBytes } = request
  let message = `${method} ${url.pathname}${url.search} HTTP/1.1\r\nhost: ${url.host}\r\n`
  for (const [name, value] of Object.entries(headers)) {
    if (!headerName.test(name)) throw new Error(`net/http: invalid header field name ${JSON.stringify(name)}`)
    if (invalidHeaderValue.test(value)) throw new Error(`net/http: invalid header field value for ${JSON.stringify(name)}`)
    message += `${name}: ${value}\r\n`
  }
  const place = unixSocket !== undefined ? { path: unixSocket } : { host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port === '' ? 80 : Number(url.port) }
  return { place, key: unixSocket ?? url.host, message: `${message}\r\n`, maxBodyBytes }
}

/** A request under way. */
export class Http1Exchange {
  readonly request: Http1Request
  #outcome: Http1Outcome | undefined
  #connection: Connection | undefined

  constructor(request: Http1Request, outcome: Http1Outcome) {
    this.request = request
    this.#outcome = outcome
  }

  get isOver(): boolean {
    return this.#outcome === undefined
  }

  /** Its deadline has come. */
  expire(): void {
    this.cancel(new HttpRequestError('timeout', 'context deadline exceeded'))
  }

  runOn(connection: Connection): void {
    this.#connection = connection
  }

  answer(answer: Http1Answer): void {
    const outcome = this.#outcome
    this.#outcome = undefined
    outcome?.answered(answer)
  }

  fail(error: Error): void {
    const outcome = this.#outcome
    this.#outcome = undefined
    outcome?.failed(error)
  }

  /** Gives up: `failed` is called with the error, unless the outcome is there already. */
  cancel(error: Error): void {
    if (this.#outcome === undefined) return
    this.#connection?.destroy()
    this.fail(error)
  }
}

export class Http1Pool {
  readonly #keepAliveMs: number
  readonly #readBuffer: Buffer
  readonly #idle = new Map<string, Connection[]>()
  #sweep: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(options: { readonly keepAliveMs: number; readonly readBuffer: Buffer | undefined }) {
    this.#keepAliveMs = options.keepAliveMs
    this.#readBuffer = options.readBuffer ?? commonReadBuffer
  }

  /** A kept connection that the server has closed meanwhile is replaced. */
  send(request: Http1Request, outcome: Http1Outcome): Http1Exchange {
    const exchange = new Http1Exchange(request, outcome)
    this.#start(exchange)
    return exchange
  }

  /** Closes idle connections; others close when their request is done. */
  close(): void {
    this.#isClosed = true
    clearInterval(this.#sweep)
    for (const list of this.#idle.values()) for (const connection of list) connection.destroy()
    this.#idle.clear()
  }

  #start(exchange: Http1Exchange): void {
    const idle = this.#idle.get(exchange.request.key)
    let connection = idle?.pop()
    while (connection?.isUsable === false) connection = idle?.pop()
    connection ??= new Connection(exchange.request, this.#readBuffer, { onIdle: (one) => this.#keep(one), onStale: (stale) => this.#start(stale) })
    connection.start(exchange)
  }

  #keep(connection: Connection): void {
    if (this.#isClosed) return connection.destroy()
    const list = this.#idle.get(connection.key)
    if (list === undefined) this.#idle.set(connection.key, [connection])
    else list.push(connection)
    this.#sweep ??= setInterval(() => this.#closeOld(), this.#keepAliveMs / 4).unref()
  }

  /** A look now and then costs less than a timer for each connection. */
  #closeOld(): void {
    const idleSinceMs = performance.now() - this.#keepAliveMs
    for (const [key, list] of this.#idle) {
      for (const connection of list) if (connection.usedMs < idleSinceMs) connection.destroy()
      const left = list.filter((connection) => connection.isUsable)
      if (left.length > 0) this.#idle.set(key, left)
      else this.#idle.delete(key)
    }
    if (this.#idle.size > 0) return
    clearInterval(this.#sweep)
    this.#sweep = undefined
  }
}

type ConnectionOwner = {
  /** It has answered and can be used again. */
  onIdle(connection: Connection): void
  /** A kept connection turned out to be closed before anything of the answer came. */
  onStale(exchange: Http1Exchange): void
}

class Connection {
  readonly key: string
  readonly #owner: ConnectionOwner
  readonly #socket: Socket
  readonly #readBuffer: Buffer
  readonly #parser = new Http1Parser()
  #exchange: Http1Exchange | undefined
  #exchangeCount = 0
  #failure: Error | undefined
  isUsable = true
  /** When the last answer came. */
  usedMs = 0

  constructor({ place, key }: Http1Request, readBuffer: Buffer, owner: ConnectionOwner) {
    this.key = key
    this.#readBuffer = readBuffer
    this.#owner = owner
    const onread = { buffer: readBuffer, callback: (bytes: number) => this.#read(bytes) }
    this.#socket = 'path' in place ? connect({ ...place, onread }) : connect({ ...place, noDelay: true, keepAlive: true, onread })
    this.#socket.on('error', (error) => (this.#failure = error))
    this.#socket.on('end', () => this.#ended())
    this.#socket.on('close', () => this.#ended())
  }

  start(exchange: Http1Exchange): void {
    this.#exchangeCount++
    this.#exchange = exchange
    exchange.runOn(this)
    this.#parser.begin(exchange.request.maxBodyBytes)
    this.#socket.write(exchange.request.message, 'utf8')
  }

  destroy(): void {
    this.isUsable = false
    this.#exchange = undefined
    this.#socket.destroy()
  }

  #read(bytes: number): boolean {
    if (this.#exchange === undefined) {
      this.destroy() // The server speaks without being asked.
      return true
    }
    let answer: Http1Answer | undefined
    try {
      answer = this.#parser.read(this.#readBuffer, bytes)
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)))
      return true
    }
    if (answer !== undefined) this.#finish(answer, this.#parser.canKeepConnection)
    return true
  }

  #finish(answer: Http1Answer, keepsConnection: boolean): void {
    const exchange = this.#exchange
    this.#exchange = undefined
    if (keepsConnection) {
      this.usedMs = performance.now()
      this.#owner.onIdle(this)
    } else this.destroy()
    exchange?.answer(answer)
    this.#parser.release()
  }

  #ended(): void {
    this.isUsable = false
    const exchange = this.#exchange
    if (exchange === undefined) return
    // A connection that broke off has not ended: what came of a body without a length may not be all of it.
    const answer = this.#failure === undefined ? this.#parser.end() : undefined
    if (answer !== undefined) this.#finish(answer, false)
    else if (this.#exchangeCount > 1 && !this.#parser.hasBegun) {
      this.destroy()
      this.#owner.onStale(exchange)
    } else this.#fail(this.#failure ?? Object.assign(new Error('EOF'), { code: 'EOF' }))
  }

  #fail(error: Error): void {
    const exchange = this.#exchange
    this.destroy()
    exchange?.fail(error)
  }
}
