// Plain HTTP/1.1 requests over kept connections, for what is asked most: unencrypted targets, without a proxy. One read
// buffer for all connections, one buffer per body, no streams: a third of the CPU time of a general client. Everything
// else goes through undici; httpClient.ts decides.

import { connect, type Socket } from 'node:net'
import { BodyBuffer, Http1Parser, type Http1Answer } from './http1Parser.ts'

export type Http1Request = {
  /** Scheme http. */
  readonly url: URL
  readonly unixSocket: string | undefined
  readonly method: string
  /** Names in lower case. `host` is added. */
  readonly headers: Readonly<Record<string, string>>
  /** The body may be larger by what compression can add. */
  readonly maxBodyBytes: number
}

/** Tells when to give up; see `Deadline` in httpClient.ts. */
export type EndSignal = { onEnd(callback: (error: Error) => void): () => void }

/** Where every connection's bytes arrive. They are used up before the next read, because reading is synchronous. */
const readBuffer = Buffer.allocUnsafeSlow(256 * 1024)

const invalidHeaderValue = /[^\t\x20-\x7e\x80-\uffff]/

export class Http1Pool {
  readonly #keepAliveMs: number
  readonly #idle = new Map<string, Connection[]>()
  #isClosed = false

  constructor(options: { readonly keepAliveMs: number }) {
    this.#keepAliveMs = options.keepAliveMs
  }

  /** Rejects with the connection's error. A kept connection that the server has closed meanwhile is replaced once. */
  async exchange(request: Http1Request, end: EndSignal): Promise<Http1Answer> {
    const message = requestMessage(request)
    const key = request.unixSocket ?? request.url.host
    for (let idle = this.#idle.get(key)?.pop(); idle !== undefined; idle = this.#idle.get(key)?.pop()) {
      if (!idle.isUsable) continue
      try {
        return await this.#run(idle, key, message, request, end)
      } catch (error) {
        if (!(error instanceof StaleConnectionError)) throw error
      }
    }
    return this.#run(new Connection(request, this.#keepAliveMs), key, message, request, end)
  }

  /** Closes idle connections; others close when their request is done. */
  close(): void {
    this.#isClosed = true
    for (const list of this.#idle.values()) for (const connection of list) connection.destroy()
    this.#idle.clear()
  }

  async #run(connection: Connection, key: string, message: string, request: Http1Request, end: EndSignal): Promise<Http1Answer> {
    const answer = await connection.exchange(message, request.maxBodyBytes, end)
    if (!connection.isUsable) return answer
    if (this.#isClosed) connection.destroy()
    else {
      const list = this.#idle.get(key)
      if (list === undefined) this.#idle.set(key, [connection])
      else list.push(connection)
    }
    return answer
  }
}

/** A kept connection turned out to be closed before anything of the answer came. */
class StaleConnectionError extends Error {}

class Connection {
  readonly #socket: Socket
  #parser: Http1Parser | undefined
  #settle: { resolve(answer: Http1Answer): void; reject(error: Error): void } | undefined
  #exchangeCount = 0
  #lastBodyBytes = 0
  #failure: Error | undefined
  isUsable = true

  constructor({ url, unixSocket }: Http1Request, keepAliveMs: number) {
    const onread = { buffer: readBuffer, callback: (bytes: number) => this.#read(bytes) }
    this.#socket =
      unixSocket !== undefined
        ? connect({ path: unixSocket, onread })
        : connect({ host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port === '' ? 80 : Number(url.port), noDelay: true, keepAlive: true, onread })
    this.#socket.on('error', (error) => (this.#failure = error))
    this.#socket.on('end', () => this.#ended())
    this.#socket.on('close', () => this.#ended())
    this.#socket.setTimeout(keepAliveMs, () => this.#settle === undefined && this.destroy())
  }

  exchange(message: string, maxBodyBytes: number, end: EndSignal): Promise<Http1Answer> {
    this.#exchangeCount++
    this.#parser = new Http1Parser(new BodyBuffer({ maxBytes: maxBodyBytes, expectedBytes: this.#lastBodyBytes }))
    return new Promise((resolve, reject) => {
      const forget = end.onEnd((error) => this.#fail(error))
      this.#settle = {
        resolve: (answer) => (forget(), resolve(answer)),
        reject: (error) => (forget(), reject(error)),
      }
      this.#socket.write(message, 'utf8')
    })
  }

  destroy(): void {
    this.isUsable = false
    this.#socket.destroy()
  }

  #read(bytes: number): boolean {
    const parser = this.#parser
    if (parser === undefined) {
      this.destroy() // The server speaks without being asked.
      return true
    }
    try {
      const answer = parser.read(readBuffer, bytes)
      if (answer !== undefined) this.#finish(answer, parser.canKeepConnection)
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)))
    }
    return true
  }

  #finish(answer: Http1Answer, keepsConnection: boolean): void {
    const settle = this.#settle
    this.#settle = undefined
    this.#parser = undefined
    this.#lastBodyBytes = answer.body.length
    if (!keepsConnection) this.destroy()
    settle?.resolve(answer)
  }

  #ended(): void {
    this.isUsable = false
    const parser = this.#parser
    const answer = parser?.end()
    if (answer !== undefined) this.#finish(answer, false)
    else {
      const isStale = this.#exchangeCount > 1 && parser?.hasBegun === false
      this.#fail(isStale ? new StaleConnectionError() : (this.#failure ?? Object.assign(new Error('EOF'), { code: 'EOF' })))
    }
  }

  #fail(error: Error): void {
    const settle = this.#settle
    this.#settle = undefined
    this.#parser = undefined
    this.destroy()
    settle?.reject(error)
  }
}

function requestMessage({ url, method, headers }: Http1Request): string {
  let message = `${method} ${url.pathname}${url.search} HTTP/1.1\r\nhost: ${url.host}\r\n`
  for (const [name, value] of Object.entries(headers)) {
    if (invalidHeaderValue.test(value)) throw new Error(`net/http: invalid header field value for ${JSON.stringify(name)}`)
    message += `${name}: ${value}\r\n`
  }
  return `${message}\r\n`
}
