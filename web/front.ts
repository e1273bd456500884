// The front before Node's HTTP server, which takes half of the time of a small answer. A connection begins here, and as long as
// what arrives on it are simple requests (simpleRequest.ts) for direct routes (direct.ts), one after the other, they are
// answered here. With anything else the connection goes over to Node's server for good, with what has arrived and was not
// answered, so that there is one judge of everything that HTTP allows or forbids.

import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { AnswerWriter } from './answerWriter.ts'
import type { DirectRoutes } from './direct.ts'
import type { Exchange, WholeAnswer } from './exchange.ts'
import { SimpleRequests, type SimpleRequest } from './simpleRequest.ts'

/** What a connection needs of the front. */
type House = {
  readonly direct: DirectRoutes
  readonly writer: AnswerWriter
  /** For the first request to arrive, and for the next one. */
  readonly firstRequestMs: number
  readonly nextRequestMs: number
  /** Gives the socket to Node's server. */
  readonly handOver: (socket: Socket) => void
  readonly isClosing: () => boolean
}

export class Front {
  readonly #house: House
  readonly #connections = new Set<Connection>()
  #isClosing = false

  /** Takes the place of what `server` does with connections; each one must be given to `accept`. */
  constructor(server: Server, direct: DirectRoutes) {
    // It must be the server that listens: only then does it look after timeouts of the connections that it has.
    const serve = server.listeners('connection')
    server.removeAllListeners('connection')
    this.#house = {
      direct,
      writer: new AnswerWriter(server.keepAliveTimeout),
      firstRequestMs: server.headersTimeout,
      nextRequestMs: server.keepAliveTimeout > 0 ? server.keepAliveTimeout + server.keepAliveTimeoutBuffer : 0,
      handOver: (socket) => {
        for (const listener of serve) listener.call(server, socket)
      },
      isClosing: () => this.#isClosing,
    }
  }

  accept(socket: Socket): void {
    const connection = new Connection(socket, this.#house, () => this.#connections.delete(connection))
    this.#connections.add(connection)
  }

  /** Ends connections as soon as there is no answer under way on them. */
  close(): void {
    this.#isClosing = true
    for (const connection of this.#connections) connection.closeWhenIdle()
  }

  closeAll(): void {
    for (const connection of this.#connections) connection.destroy()
  }
}

class Connection {
  readonly #socket: Socket
  readonly #house: House
  readonly #leave: () => void
  readonly #requests = new SimpleRequests()
  #underWay: FrontExchange | undefined
  #hasAnswered = false
  #client: string | undefined

  /** Calls `leave` when the connection has ended, or is with Node's server. */
  constructor(socket: Socket, house: House, leave: () => void) {
    this.#socket = socket
    this.#house = house
    this.#leave = leave
    socket.setTimeout(house.firstRequestMs)
    socket.on('data', this.#onData)
    socket.on('end', this.#onEnd)
    socket.on('close', this.#onClose)
    socket.on('error', this.#onError)
    socket.on('timeout', this.#onTimeout)
  }

  get client(): string {
    return (this.#client ??= this.#socket.remoteAddress ?? '')
  }

  send(answer: WholeAnswer): void {
    if (this.#socket.writable) this.#house.writer.write(this.#socket, answer, this.#onWritten)
  }

  destroy(): void {
    this.#socket.destroy()
  }

  closeWhenIdle(): void {
    if (this.#underWay === undefined) this.destroy()
  }

  #onData = (bytes: Buffer): void => {
    if (this.#underWay !== undefined) {
      // Who sends requests before they are answered has them read when it is their turn.
      this.#socket.pause()
      this.#socket.unshift(bytes)
      return
    }
    const { direct } = this.#house
    const request = this.#requests.read(bytes)
    const found = request && direct.find(request.method, request.url)
    if (request === undefined || found === undefined) this.#handOver(bytes)
    else direct.answer(found, (this.#underWay = new FrontExchange(request, this)))
  }

  #onWritten = (): void => {
    this.#settle(!this.#socket.destroyed)
    if (this.#socket.destroyed) return
    if (this.#house.isClosing()) {
      this.destroy()
      return
    }
    if (!this.#hasAnswered) this.#socket.setTimeout(this.#house.nextRequestMs)
    this.#hasAnswered = true
    if (this.#socket.isPaused()) this.#socket.resume()
  }

  /** As in Node's server, who says that nothing more will come does not wait for an answer either. */
  #onEnd = (): void => {
    this.#socket.end()
  }

  #onClose = (): void => {
    this.#settle(false)
    this.#leave()
  }

  /** `close` follows. */
  #onError = (): void => {}

  #onTimeout = (): void => {
    if (this.#underWay !== undefined) return
    if (!this.#hasAnswered) this.#socket.write('HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n')
    this.destroy()
  }

  #settle(isAnswered: boolean): void {
    const exchange = this.#underWay
    this.#underWay = undefined
    exchange?.settle(isAnswered)
  }

  #handOver(bytes: Buffer): void {
    const socket = this.#socket
    socket.setTimeout(0)
    socket.off('data', this.#onData)
    socket.off('end', this.#onEnd)
    socket.off('close', this.#onClose)
    socket.off('error', this.#onError)
    socket.off('timeout', this.#onTimeout)
    this.#leave()
    // Node's server reads on from where this began.
    socket.pause()
    socket.unshift(bytes)
    this.#house.handOver(socket)
    socket.resume()
  }
}

class FrontExchange implements Exchange {
  readonly #request: SimpleRequest
  readonly #connection: Connection
  readonly #listeners: ((isAnswered: boolean) => void)[] = []
  isOver = false

  constructor(request: SimpleRequest, connection: Connection) {
    this.#request = request
    this.#connection = connection
  }

  get method(): string {
    return this.#request.method
  }

  get url(): string {
    return this.#request.url
  }

  get client(): string {
    return this.#connection.client
  }

  get body(): SimpleRequest['body'] {
    return this.#request.body
  }

  header(name: string): string | undefined {
    return this.#request.headers.get(name)
  }

  onOver(listener: (isAnswered: boolean) => void): void {
    this.#listeners.push(listener)
  }

  send(answer: WholeAnswer): void {
    if (!this.isOver) this.#connection.send(answer)
  }

  destroy(): void {
    this.#connection.destroy()
  }

  /** The answer is out, or the client gone. */
  settle(isAnswered: boolean): void {
    this.isOver = true
    for (const listener of this.#listeners) listener(isAnswered)
  }
}
