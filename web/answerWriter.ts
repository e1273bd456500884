// Writes an answer as Node's HTTP server would, byte for byte, on connections that stay open. Head and body of a small one go
// out in one piece from one buffer for all connections.

import type { Socket } from 'node:net'
import { giveBack } from '../src/base/giveBack.ts'
import type { WholeAnswer } from './exchange.ts'

const { STATUS_CODES } = process.getBuiltinModule('node:http')

/** A larger answer is not copied. */
const bufferBytes = 64 * 1024

type Headers = WholeAnswer['headers']

export class AnswerWriter {
  readonly #keepAliveLines: string
  #buffer: Buffer | undefined
  /** Of the answer before: most have the same headers. */
  #status = 0
  #headers: Headers | undefined
  #lines = ''
  #date = ''
  #dateSeconds = NaN

  /** `keepAliveMs` is what clients are told; 0 tells them nothing. */
  constructor(keepAliveMs: number) {
    this.#keepAliveLines = `Connection: keep-alive\r\n${keepAliveMs > 0 ? `Keep-Alive: timeout=${Math.floor(keepAliveMs / 1000)}\r\n` : ''}\r\n`
  }

  /** Calls `done` when the last byte is with the operating system, or cannot get there any more. */
  write(socket: Socket, { status, headers, body, isSpentWhenSent }: WholeAnswer, done: () => void): void {
    const bytes = typeof body === 'string' ? Buffer.from(body) : body
    const isSpent = isSpentWhenSent === true
    const head = this.#head(status, headers, bytes.length)
    if (status === 204) socket.write(head, 'latin1', done)
    else if (head.length + bytes.length <= bufferBytes) {
      this.#copyAndWrite(socket, head, bytes, done)
      if (isSpent) giveBack(bytes)
    } else {
      socket.cork()
      socket.write(head, 'latin1')
      socket.write(bytes, () => {
        if (isSpent) giveBack(bytes)
        done()
      })
      socket.uncork()
    }
  }

  #copyAndWrite(socket: Socket, head: string, body: Uint8Array, done: () => void): void {
    const buffer = (this.#buffer ??= Buffer.allocUnsafeSlow(bufferBytes))
    buffer.write(head, 'latin1')
    buffer.set(body, head.length)
    socket.write(buffer.subarray(0, head.length + body.length), done)
    // What the operating system has not taken at once is still to be read from it.
    if (socket.writableLength > 0) this.#buffer = undefined
  }

  #head(status: number, headers: Headers, bodyBytes: number): string {
    if (status !== this.#status || headers !== this.#headers) {
      this.#status = status
      this.#headers = headers
      this.#lines = linesOf(status, headers)
    }
    const length = status === 204 ? '' : `content-length: ${bodyBytes}\r\n`
    return `${this.#lines}${length}Date: ${this.#now()}\r\n${this.#keepAliveLines}`
  }

  #now(): string {
    const seconds = Math.floor(Date.now() / 1000)
    if (seconds !== this.#dateSeconds) {
      this.#dateSeconds = seconds
      this.#date = new Date(seconds * 1000).toUTCString()
    }
    return this.#date
  }
}

function linesOf(status: number, headers: Headers): string {
  let lines = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'unknown'}\r\n`
  for (const name in headers) lines += `${name}: ${headers[name]}\r\n`
  return lines
}
