// Reads one HTTP/1.x answer from bytes as they come: status, headers, and a body by length, in chunks or up to the end
// of the connection. Pure but for its own state; knows no sockets.

import { HttpRequestError } from './httpErrors.ts'

export type Http1Answer = {
  readonly status: number
  /** `404 Not Found`, or the number alone. */
  readonly statusLine: string
  /** Names in lower case; repeated headers are joined with `, `. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** More is no header of a metrics endpoint. Go's client draws the same line. */
const maxHeadBytes = 1024 * 1024

const lf = 0x0a
const cr = 0x0d

type Body = 'length' | 'chunked' | 'untilEnd'

export class Http1Parser {
  readonly #body: BodyBuffer
  #head: Buffer | undefined
  #answer: Omit<Http1Answer, 'body'> | undefined
  #kind: Body = 'length'
  /** Of the body, or of the current chunk. */
  #missingBytes = 0
  #chunkState: 'size' | 'content' | 'contentEnd' | 'trailer' = 'size'
  #line = ''
  #keepsAlive = false
  #hasSurplus = false
  /** Whether a byte of an answer has come. */
  hasBegun = false

  constructor(body: BodyBuffer) {
    this.#body = body
  }

  /** Whether another request may be sent over the connection. Of meaning once there is an answer. */
  get canKeepConnection(): boolean {
    return this.#keepsAlive && !this.#hasSurplus && this.#kind !== 'untilEnd'
  }

  /** Takes the first `length` bytes of `buffer`, which is not kept. Gives the answer when it is whole. */
  read(buffer: Buffer, length: number): Http1Answer | undefined {
    this.hasBegun = true
    let at = 0
    while (this.#answer === undefined) {
      const bodyAt = this.#readHead(buffer, at, length)
      if (bodyAt === undefined) return undefined
      at = bodyAt
    }
    const done = this.#readBody(buffer, at, length)
    if (done === undefined) return undefined
    this.#hasSurplus = done < length
    return { ...this.#answer, body: this.#body.take() }
  }

  /** The connection has ended. Gives the answer when that is how its body ends. */
  end(): Http1Answer | undefined {
    if (this.#answer === undefined || this.#kind !== 'untilEnd') return undefined
    return { ...this.#answer, body: this.#body.take() }
  }

  /** Where the bytes after the head are; `undefined` when there is more head to come. */
  #readHead(buffer: Buffer, start: number, length: number): number | undefined {
    const before = this.#head?.length ?? 0
    const all = this.#head === undefined ? buffer.subarray(start, length) : Buffer.concat([this.#head, buffer.subarray(start, length)])
    const end = headEnd(all)
    if (end < 0) {
      if (all.length > maxHeadBytes) throw new Error(`net/http: server response headers exceeded ${maxHeadBytes} bytes; aborted`)
      this.#head = Buffer.from(all)
      return undefined
    }
    this.#head = undefined
    this.#parseHead(all.toString('latin1', 0, end))
    return start + end - before
  }

  #parseHead(text: string): void {
    const [first = '', ...lines] = text.trimEnd().split(/\r?\n/)
    const match = /^HTTP\/1\.([01]) (\d{3})(?: (.*))?$/.exec(first)
    if (match === null) throw new Error(`malformed HTTP response ${JSON.stringify(first)}`)
    const status = Number(match[2])
    const headers: Record<string, string> = {}
    for (const line of lines) {
      const colon = line.indexOf(':')
      if (colon <= 0) throw new Error(`malformed MIME header line: ${line}`)
      const name = line.slice(0, colon).toLowerCase()
      const value = line.slice(colon + 1).trim()
      const known = headers[name]
      headers[name] = known === undefined ? value : `${known}, ${value}`
    }
    if (status >= 100 && status < 200) return // The answer is still to come.
    const connection = headers['connection']?.toLowerCase() ?? ''
    this.#keepsAlive = match[1] === '1' ? !connection.includes('close') : connection.includes('keep-alive')
    this.#setBody(status, headers)
    const reason = match[3]?.trim() ?? ''
    this.#answer = { status, statusLine: reason === '' ? String(status) : `${status} ${reason}`, headers }
  }

  #setBody(status: number, headers: Readonly<Record<string, string>>): void {
    const length = headers['content-length']
    this.#body.allowPacked(headers['content-encoding'] !== undefined)
    if (status === 204 || status === 304) this.#missingBytes = 0
    else if (headers['transfer-encoding'] !== undefined) {
      if (headers['transfer-encoding'].toLowerCase() !== 'chunked') throw new Error(`unsupported transfer encoding: ${JSON.stringify(headers['transfer-encoding'])}`)
      this.#kind = 'chunked'
    } else if (length !== undefined) {
      if (!/^\d{1,15}$/.test(length)) throw new Error(`bad Content-Length ${JSON.stringify(length)}`)
      this.#missingBytes = Number(length)
      this.#body.expect(this.#missingBytes)
    } else this.#kind = 'untilEnd'
  }

  /** Where the body ends; `undefined` when there is more to come. */
  #readBody(buffer: Buffer, start: number, length: number): number | undefined {
    if (this.#kind === 'chunked') return this.#readChunks(buffer, start, length)
    if (this.#kind === 'untilEnd') {
      this.#body.add(buffer, start, length)
      return undefined
    }
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
      if (this.#line.length > maxHeadBytes) throw new Error('malformed chunked encoding')
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

/** Where the empty line ends that ends a head; -1 when it is not there. */
function headEnd(bytes: Buffer): number {
  for (let at = bytes.indexOf(lf); at >= 0; at = bytes.indexOf(lf, at + 1)) {
    if (bytes[at + 1] === lf) return at + 2
    if (bytes[at + 1] === cr && bytes[at + 2] === lf) return at + 3
  }
  return -1
}

/** A body never pre-allocates more than this on somebody's word. */
const maxTrustedBytes = 16 * 1024 * 1024

/** What compression may add to a tiny body; the limit is on the unpacked one. */
export const packedSurplusBytes = 1024

const emptyBuffer = Buffer.alloc(0)

/** Collects a body in one buffer. */
export class BodyBuffer {
  readonly #expectedBytes: number
  #maxBytes: number
  #bytes: Buffer = emptyBuffer
  #length = 0

  constructor(options: { readonly maxBytes: number; readonly expectedBytes: number }) {
    this.#maxBytes = options.maxBytes
    this.#expectedBytes = options.expectedBytes
  }

  /** The limit is on the unpacked body. */
  allowPacked(isPacked: boolean): void {
    if (isPacked) this.#maxBytes += packedSurplusBytes
  }

  expect(bytes: number): void {
    this.#bytes = bytes === 0 ? emptyBuffer : Buffer.allocUnsafeSlow(Math.min(bytes, maxTrustedBytes))
  }

  /** Throws `HttpRequestError` when the body reaches its limit. */
  add(buffer: Buffer, start: number, end: number): void {
    const length = this.#length + end - start
    if (length >= this.#maxBytes) throw new HttpRequestError('bodyTooLarge', 'body size limit exceeded')
    if (length > this.#bytes.length) this.#grow(length)
    buffer.copy(this.#bytes, this.#length, start, end)
    this.#length = length
  }

  /** The body. The collector is used up. */
  take(): Buffer {
    return this.#length === this.#bytes.length ? this.#bytes : this.#bytes.subarray(0, this.#length)
  }

  #grow(length: number): void {
    const first = Math.min(this.#expectedBytes + this.#expectedBytes / 16, maxTrustedBytes)
    const grown = Buffer.allocUnsafeSlow(Math.ceil(Math.max(length, this.#length === 0 ? first : length * 2, 4096)))
    this.#bytes.copy(grown, 0, 0, this.#length)
    this.#bytes = grown
  }
}
