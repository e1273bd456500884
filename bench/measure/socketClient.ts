// A client that measures servers and not itself: one kept connection, a request in one write, bytes read where they stay
// until the clock has stopped. A usual HTTP client takes longer for a small answer than the server that gives it.

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** Larger than any answer of the benches; pages that no answer reaches are never touched. */
const mostBytes = 64 * 1024 * 1024

export type Response = { readonly status: number; readonly ms: number; readonly body: string }

/** What is known of an answer once its head is there. */
type Head = { readonly status: number; readonly bodyAt: number; readonly isChunked: boolean; readonly endsAt: number; readonly isLast: boolean }

type Received = { readonly head: Head; readonly byteCount: number; readonly endedMs: number }

export class SocketClient {
  readonly #url: URL
  readonly #bytes = Buffer.allocUnsafeSlow(mostBytes)
  #socket: Socket | undefined
  /** Of the answer that is coming in. */
  #received = 0
  #head: Head | undefined
  #settle: { done(answer: Received): void; failed(error: Error): void } | undefined

  constructor(url: string) {
    this.#url = new URL(url)
  }

  /** One at a time. `ms` is the time from the request's write until the last byte of the answer is there; connecting is no part of it. */
  async get(path: string): Promise<Response> {
    const socket = (this.#socket ??= await this.#connect())
    const request = `GET ${path} HTTP/1.1\r\nhost: ${this.#url.host}\r\n\r\n`
    const startedMs = performance.now()
    const { head, byteCount, endedMs } = await new Promise<Received>((done, failed) => {
      this.#settle = { done, failed }
      socket.write(request, 'latin1')
    })
    if (head.isLast) this.close()
    const body = this.#bytes.subarray(head.bodyAt, byteCount)
    return { status: head.status, ms: endedMs - startedMs, body: head.isChunked ? joinChunks(body) : body.toString() }
  }

  async #connect(): Promise<Socket> {
    const onread = { buffer: () => this.#bytes.subarray(this.#received), callback: (byteCount: number) => this.#take(byteCount) }
    const socket = connect({ host: this.#url.hostname, port: Number(this.#url.port), noDelay: true, onread })
    await once(socket, 'connect')
    socket.on('error', (error) => this.#settle?.failed(error))
    socket.on('close', () => {
      if (this.#socket === socket) this.#socket = undefined
      this.#settle?.failed(new Error(`${this.#url.host} closed the connection`))
    })
    return socket
  }

  close(): void {
    this.#settle = undefined
    this.#socket?.destroy()
    this.#socket = undefined
  }

  #take(byteCount: number): boolean {
    this.#received += byteCount
    this.#head ??= headOf(this.#bytes.subarray(0, this.#received))
    if (this.#head === undefined) return true
    const { isChunked, endsAt } = this.#head
    // No answer of the servers has these characters within a chunk.
    const isWhole = isChunked ? this.#bytes.toString('latin1', this.#received - lastChunk.length, this.#received) === lastChunk : this.#received >= endsAt
    if (!isWhole) return true
    const answer = { head: this.#head, byteCount: this.#received, endedMs: performance.now() }
    // Node asks for the place of the next bytes before it waits for them.
    this.#received = 0
    this.#head = undefined
    const settle = this.#settle
    this.#settle = undefined
    settle?.done(answer)
    return true
  }
}

const lastChunk = '\r\n0\r\n\r\n'

function headOf(bytes: Buffer): Head | undefined {
  const end = bytes.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const text = bytes.toString('latin1', 0, end)
  const length = /^content-length: (\d+)/im.exec(text)?.[1]
  return { status: Number(text.slice(9, 12)), bodyAt: end + 4, isChunked: length === undefined, endsAt: end + 4 + Number(length ?? 0), isLast: /^connection: close/im.test(text) }
}

/** The contents of a chunked body (RFC 9112, section 7.1). */
function joinChunks(body: Buffer): string {
  const parts: Buffer[] = []
  for (let at = 0; ; ) {
    const lineEnd = body.indexOf('\r\n', at)
    const byteCount = parseInt(body.toString('latin1', at, lineEnd), 16)
    if (!(byteCount > 0)) return Buffer.concat(parts).toString()
    parts.push(body.subarray(lineEnd + 2, lineEnd + 2 + byteCount))
    at = lineEnd + 2 + byteCount + 2
  }
}
