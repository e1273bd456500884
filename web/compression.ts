// Compresses answers with the first encoding of the request's list that is known here, as Prometheus does. The work runs
// on Node's own threads, so a large answer does not hold up the event loop.

import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { constants, createDeflate, createGzip, createZstdCompress, deflate, gzip, zstdCompress } from 'node:zlib'

export type Encoding = 'gzip' | 'deflate' | 'zstd'

/** Below this the headers cost more than the body saves. */
const minBytes = 256

const zlibOptions = { level: 4 }
const zstdOptions = { params: { [constants.ZSTD_c_compressionLevel]: 3 } }

const gzipAsync = promisify<Uint8Array, typeof zlibOptions, Buffer>(gzip)
const deflateAsync = promisify<Uint8Array, typeof zlibOptions, Buffer>(deflate)
const zstdAsync = promisify<Uint8Array, typeof zstdOptions, Buffer>(zstdCompress)

/** The first known encoding in an Accept-Encoding header; one with `q=0` does not count. */
export function chooseEncoding(header: string | undefined): Encoding | undefined {
  for (const item of (header ?? '').split(',')) {
    const [name = '', ...parameters] = item.split(';').map((part) => part.trim().toLowerCase())
    if (parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter))) continue
    if (name === 'gzip' || name === 'deflate' || name === 'zstd') return name
  }
  return undefined
}

/** The compressed body, `undefined` when it is too small to bother. */
export async function compressBody(body: string | Uint8Array, encoding: Encoding): Promise<Buffer | undefined> {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  if (bytes.length < minBytes) return undefined
  switch (encoding) {
    case 'gzip':
      return gzipAsync(bytes, zlibOptions)
    case 'deflate':
      return deflateAsync(bytes, zlibOptions)
    case 'zstd':
      return zstdAsync(bytes, zstdOptions)
  }
}

/** The same for a file that is being sent. */
export function compressStream(stream: Readable, encoding: Encoding): Readable {
  const compressor = encoding === 'gzip' ? createGzip(zlibOptions) : encoding === 'deflate' ? createDeflate(zlibOptions) : createZstdCompress(zstdOptions)
  stream.on('error', (error) => compressor.destroy(error))
  return stream.pipe(compressor)
}
