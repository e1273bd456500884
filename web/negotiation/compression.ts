// Compresses answers with the first encoding of the request's list that is known here, as Prometheus does. The work runs
// on Node's own threads, so a large answer does not hold up the event loop.

import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { constants, createDeflate, createGzip, createZstdCompress, deflate, gzip, zstdCompress } from 'node:zlib'
import { headerClauses } from './headerClauses.ts'

export type Encoding = 'gzip' | 'deflate' | 'zstd'

/** Below this the headers cost more than the body saves. */
const minBytes = 256

/** Large pieces: each one that comes out is a turn of the event loop. */
const chunkSize = 256 * 1024
const zlibOptions = { level: 4, chunkSize }
const zstdOptions = { chunkSize, params: { [constants.ZSTD_c_compressionLevel]: 3 } }

const gzipAsync = promisify<Uint8Array, typeof zlibOptions, Buffer>(gzip)
const deflateAsync = promisify<Uint8Array, typeof zlibOptions, Buffer>(deflate)
const zstdAsync = promisify<Uint8Array, typeof zstdOptions, Buffer>(zstdCompress)

/** What decides whether a body is compressed. */
export type BodyKind = {
  /** Of the request. */
  readonly acceptEncoding: string | undefined
  readonly status: number
  readonly contentType: string
  /** Of the answer, so far. */
  readonly contentEncoding: string | undefined
}

const compressible = /^(?:text\/(?!event-stream)|application\/(?:json|yaml|javascript|openmetrics-text|vnd\.google\.protobuf)|image\/svg\+xml)/

/** How a body is to be compressed; `undefined`: it goes as it is. */
export function encodingFor({ acceptEncoding, status, contentType, contentEncoding }: BodyKind): Encoding | undefined {
  const encoding = chooseEncoding(acceptEncoding)
  return encoding === undefined || contentEncoding !== undefined || status === 206 || !compressible.test(contentType) ? undefined : encoding
}

/** With the headers that change with the body. */
export type Compressed<Body> = { readonly body: Body; readonly headers: Readonly<Record<string, string>> }

/** `vary` is the Vary that there is already; `undefined` when the body is too small to bother. */
export async function compressBody(body: string | Uint8Array, encoding: Encoding, vary: string | undefined): Promise<Compressed<Buffer> | undefined> {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  return bytes.length < minBytes ? undefined : { body: await compressBytes(bytes, encoding), headers: headersWith(encoding, vary) }
}

/** Piece by piece. */
export function compressStream(stream: Readable, encoding: Encoding, vary: string | undefined): Compressed<Readable> {
  const compressor = encoding === 'gzip' ? createGzip(zlibOptions) : encoding === 'deflate' ? createDeflate(zlibOptions) : createZstdCompress(zstdOptions)
  stream.on('error', (error) => compressor.destroy(error))
  return { body: stream.pipe(compressor), headers: headersWith(encoding, vary) }
}

function headersWith(encoding: Encoding, vary: string | undefined): Readonly<Record<string, string>> {
  return { 'content-encoding': encoding, vary: vary === undefined ? 'Accept-Encoding' : `${vary}, Accept-Encoding` }
}

/** The first known encoding in an Accept-Encoding header; one with `q=0` does not count. */
function chooseEncoding(header: string | undefined): Encoding | undefined {
  if (header === undefined) return undefined
  for (const { name, parameters } of headerClauses(header)) {
    if (parameters.some((parameter) => /^q=0(?:\.0*)?$/i.test(parameter))) continue
    if (name === 'gzip' || name === 'deflate' || name === 'zstd') return name
  }
  return undefined
}

function compressBytes(bytes: Uint8Array, encoding: Encoding): Promise<Buffer> {
  switch (encoding) {
    case 'gzip':
      return gzipAsync(bytes, zlibOptions)
    case 'deflate':
      return deflateAsync(bytes, zlibOptions)
    case 'zstd':
      return zstdAsync(bytes, zstdOptions)
  }
}
