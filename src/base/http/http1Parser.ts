// Reads the HTTP/1.x answers of one connection from bytes as they come: status, headers, and a body by length, in chunks
// or up to the end of the connection. Pure but for its own state; knows no sockets.

import { BodyBuffer } from './bodyBuffer.ts'
import { type Http1Head, HeadReader } from './http1Head.ts'

export type Http1Answer = Pick<Http1Head, 'status' | 'statusLine' | 'headers'> & { readonly body: Buffer }

const lf = 0x0a

/** Of a head, or of a line between chunks: more has no metrics endpoint. */
const maxLineBytes = 1024 * 1024

type Body = 'length' | 'chunked' | 'untilEnd'

export class Http1Parser {
  readonly #body = new BodyBuffer()
  readonly #heads = new HeadReader()
  #headBytes: Buffer | undefined
  #head: Http1Head | undefined
  #kind: Body = 'length'
  /** Of the body, or of the current chunk. */
  #missingBytes = 0
  #chunkState: 'size' | 'content' | 'contentEnd' | 'trailer' = 'size'
  #line = ''
  #hasSurplus = false
  /** Whether a byte of an answer has come. */
  hasBegun = false

  /** The next answer is to come. `maxBytes` limits its unpacked body: one of this size is refused. */
  begin(maxBytes: number): void {
    this.#body.begin(maxBytes)
    this.#headBytes = undefined
    this.#head = undefined
    this.#kind = 'length'
    this.#missingBytes = 0
    this.#chunkState = 'size'
    this.#line = ''
    this.#hasSurplus = false
    this.hasBegun = false
  }

  /** Whether another request may be sent over the connection. Of meaning once there is an answer. */
  get canKeepConnection(): boolean {
    return this.#head?.keepsAlive === true && !this.#hasSurplus && this.#kind !== 'untilEnd'
  }

  /**
   * Takes the first `length` bytes of `buffer`. Gives the answer when it is whole; its body may lie in `buffer`, or else
   * where `release` takes it back. Throws when the answer is malformed, `HttpRequestError` when it is too large.
   */
  read(buffer: Buffer, length: number): Http1Answer | undefined {
    this.hasBegun = true
    let at = 0
    while (this.#head === undefined) {
      const bodyAt = this.#readHead(buffer, at, length)
      if (bodyAt === undefined) return undefined
      at = bodyAt
    }
    if (this.#kind === 'length' && this.#body.isEmpty && length - at >= this.#missingBytes) {
      const end = at + this.#missingBytes
      this.#hasSurplus = end < length
      this.#body.check(this.#missingBytes)
      return this.#answer(this.#head, buffer.subarray(at, end))
    }
    const done = this.#readBody(buffer, at, length)
    if (done === undefined) return undefined
    this.#hasSurplus = done < length
    return this.#answer(this.#head, this.#body.take())
  }

  /** The connection has ended. Gives the answer when that is how its body ends. */
  end(): Http1Answer | undefined {
    if (this.#head === undefined || this.#kind !== 'untilEnd') return undefined
    return this.#answer(this.#head, this.#body.take())
  }

  /** The body of the last answer is not used any more. */
  release(): void {
    this.#body.release()
  }

  #answer({ status, statusLine, headers }: Http1Head, body: Buffer): Http1Answer {
    return { status, statusLine, headers, body }
  }

  /** Where the bytes after the head are; `undefined` when there is more head to come. */
  #readHead(buffer: Buffer, start: number, length: number): number | undefined {
    const before = this.#headBytes?.length ?? 0
    const fresh = buffer.subarray(start, length)
    const all = this.#headBytes === undefined ? fresh : Buffer.concat([this.#headBytes, fresh])
    const head = this.#heads.read(all)
    if (head === undefined) {
      if (all.length > maxLineBytes) throw new Error(`net/http: server response headers exceeded ${maxLineBytes} bytes; aborted`)
      this.#headBytes = Buffer.from(all)
      return undefined
    }
    this.#headBytes = undefined
    // After 1xx the answer is still to come.
    if (head.status >= 200) this.#begin(head)
    return start + this.#heads.endsAt - before
  }

  #begin(head: Http1Head): void {
    this.#head = head
    this.#body.allowPacked(head.isPacked)
    if (head.status === 204 || head.status === 304) this.#missingBytes = 0
    else if (head.isChunked) this.#kind = 'chunked'
    else if (head.bodyBytes !== undefined) this.#missingBytes = head.bodyBytes
    else this.#kind = 'untilEnd'
  }

  /** Where the body ends; `undefined` when there is more to come. */
  #readBody(buffer: Buffer, start: number, length: number): number | undefined {
    if (this.#kind === 'chunked') return this.#readChunks(buffer, start, length)
    if (this.#kind === 'untilEnd') {
      this.#body.add(buffer, start, length)
      return undefined
    }
    if (this.#body.isEmpty) this.#body.expect(this.#missingBytes)
    const end = Math.min(length, start + this.#missingBytes)
    this.#body.add(buffer, start, end)
    this.#missingBytes -= end - start
    return this.#missingBytes === 0 ? end : undefined
  }

  #readChunks(buffer: Buffer, start: number, length: number): number | undefined {
    let at = start
    while (at < length) {
      if (this.#chunkState === 'content') {
        const end = Math.min(length, at + this.#missingBytes)
        this.#body.add(buffer, at, end)
        this.#missingBytes -= end - at
        at = end
        if (this.#missingBytes === 0) this.#chunkState = 'contentEnd'
        continue
      }
      const lineEnd = buffer.indexOf(lf, at)
      const isWhole = lineEnd >= 0 && lineEnd < length
      this.#line += buffer.toString('latin1', at, isWhole ? lineEnd : length)
      if (this.#line.length > maxLineBytes) throw new Error('malformed chunked encoding')
      if (!isWhole) return undefined
      at = lineEnd + 1
      if (this.#endChunkLine(this.#line.replace(/\r$/, ''))) return at
      this.#line = ''
    }
    return undefined
  }

  /** Takes a line that is not content; true when it is the last of the body. */
  #endChunkLine(line: string): boolean {
    switch (this.#chunkState) {
      case 'size': {
        const size = /^([0-9a-f]{1,12})[ \t]*(?:;.*)?$/i.exec(line)?.[1]
        if (size === undefined) throw new Error('invalid byte in chunk length')
        this.#missingBytes = Number.parseInt(size, 16)
        this.#chunkState = this.#missingBytes === 0 ? 'trailer' : 'content'
        return false
      }
      case 'contentEnd':
        if (line !== '') throw new Error('malformed chunked encoding')
        this.#chunkState = 'size'
        return false
      default:
        return line === ''
    }
  }
}
