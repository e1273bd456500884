// A request and the way of its answer, as the short way (direct.ts) and the handlers see them. There are two: of Node's HTTP
// server, here, and of the front before it (front.ts).

import type { IncomingMessage, ServerResponse } from 'node:http'
import { giveBack } from '../src/base/giveBack.ts'
import type { Answer } from './answer.ts'
import type { RequestBody } from './body.ts'

/** An answer that does not come in pieces. */
export type WholeAnswer = Answer & { readonly body: string | Uint8Array }

export type Exchange = {
  readonly method: string
  /** Path and query string as received. */
  readonly url: string
  /** The address of who asks. */
  readonly client: string
  /** Whole already, or the stream by which it comes. */
  readonly body: RequestBody | IncomingMessage
  /** Whether the answer is out, or the client gone. */
  readonly isOver: boolean
  /** Of the request; `name` in lower case. */
  header(name: string): string | undefined
  /** Calls `listener` when the answer is out or the client gone. */
  onOver(listener: (isAnswered: boolean) => void): void
  /** To be called once. When the client is gone nothing happens. */
  send(answer: WholeAnswer): void
  /** Ends the connection. */
  destroy(): void
}

/** Below this what is given back is less than what it costs to listen for the moment. */
const worthGivingBackBytes = 16 * 1024

/** By Node's HTTP server. */
export class NodeExchange implements Exchange {
  readonly body: IncomingMessage
  readonly #response: ServerResponse

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.body = request
    this.#response = response
  }

  get method(): string {
    return this.body.method ?? ''
  }

  get url(): string {
    return this.body.url ?? '/'
  }

  get client(): string {
    return this.body.socket.remoteAddress ?? ''
  }

  get isOver(): boolean {
    return this.#response.destroyed
  }

  header(name: string): string | undefined {
    return this.body.headers[name]?.toString()
  }

  onOver(listener: (isAnswered: boolean) => void): void {
    this.#response.once('close', () => listener(this.#response.writableFinished))
  }

  send({ status, headers, body, isSpentWhenSent }: WholeAnswer): void {
    if (status === 204) {
      this.#response.writeHead(status, headers).end()
      return
    }
    // Not as text, which would have the headers encoded as it is.
    const bytes = typeof body === 'string' ? Buffer.from(body) : body
    // By the time of `close` nothing of it waits to be written.
    if (isSpentWhenSent === true && bytes.length >= worthGivingBackBytes) this.#response.once('close', () => giveBack(bytes))
    this.#response.writeHead(status, { ...headers, 'content-length': bytes.length }).end(bytes)
  }

  destroy(): void {
    this.#response.destroy()
  }
}
