// A request's body as it arrives, in pieces of up to 64 KB. Most handlers want it as one array of bytes. Remote write copies
// the pieces into the shared memory: their own memory is then given back at once, because under a steady stream of bodies
// waiting for the garbage collector costs it a mark of the whole heap every few megabytes.

import type { IncomingMessage } from 'node:http'
import { giveBack } from '../src/base/giveBack.ts'

export class RequestBody {
  readonly #pieces: readonly Uint8Array[]
  readonly length: number

  constructor(pieces: readonly Uint8Array[], length: number) {
    this.#pieces = pieces
    this.length = length
  }

  bytes(): Uint8Array {
    const [first] = this.#pieces
    return this.#pieces.length === 1 && first !== undefined ? first : Buffer.concat(this.#pieces, this.length)
  }

  /** Copies the body to `target` from `at` on. The body must not be used afterwards. */
  moveTo(target: Uint8Array, at: number): void {
    let to = at
    for (const piece of this.#pieces) {
      target.set(piece, to)
      to += piece.length
      giveBack(piece)
    }
  }
}

export const noBody = new RequestBody([], 0)

/** What is wrong with a body, with the status to answer. */
class BodyError extends Error {
  readonly statusCode: number

  constructor(statusCode: number, message: string, options?: ErrorOptions) {
    super(message, options)
    this.statusCode = statusCode
  }
}

/** Reads bodies. What has arrived of those that are not whole yet is limited for all of them together. */
export class BodyReader {
  readonly #maxBytes: number
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Resolves with the body at its end. Rejects, with the status to answer, when it is larger than `limitBytes`, breaks off or has to wait. */
  async read(request: IncomingMessage, limitBytes: number): Promise<RequestBody> {
    const { 'content-length': length, 'transfer-encoding': encoding } = request.headers
    if (encoding === undefined && (length === undefined || length === '0')) return noBody
    return new Promise((resolve, reject) => this.#read(request, limitBytes, resolve, reject))
  }

  #read(request: IncomingMessage, limitBytes: number, done: (body: RequestBody) => void, failed: (error: Error) => void): void {
    const tooLarge = () => failed(new BodyError(413, 'Request body is too large'))
    if (Number(request.headers['content-length']) > limitBytes) {
      tooLarge()
      return
    }
    const pieces: Uint8Array[] = []
    let length = 0
    const onData = (piece: Buffer) => {
      length += piece.length
      this.#bytes += piece.length
      pieces.push(piece)
      if (length <= limitBytes && this.#bytes <= this.#maxBytes) return
      const isTooLarge = length > limitBytes
      leave()
      if (isTooLarge) tooLarge()
      else failed(new BodyError(503, 'too many request bodies are under way'))
    }
    const onEnd = () => {
      leave()
      done(new RequestBody(pieces, length))
    }
    const onError = (error: Error) => {
      leave()
      failed(new BodyError(400, error.message, { cause: error }))
    }
    const leave = () => {
      this.#bytes -= length
      request.off('data', onData)
      request.off('end', onEnd)
      request.off('error', onError)
    }
    request.on('data', onData)
    request.on('end', onEnd)
    request.on('error', onError)
  }
}
