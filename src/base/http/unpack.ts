// Undoes the compression of an answer's body.

import { promisify } from 'node:util'
import { gunzip, gunzipSync } from 'node:zlib'
import { errorText } from '../assert.ts'
import { HttpRequestError } from './httpErrors.ts'

/** A gzip body up to this size is decoded at once: handing it to another thread costs more than the 0.2 ms it takes. */
const syncGunzipBytes = 64 * 1024

/** What deflate can pack at best. */
const maxDeflateRatio = 1032

const gunzipAsync = promisify(gunzip)

type Packed = { readonly headers: Readonly<Record<string, string>>; readonly body: Uint8Array }

/**
 * The answer with its body unpacked, at once unless that takes long; then the packed body is copied. Throws or rejects with
 * `HttpRequestError`, also when the unpacked body has `maxBodyBytes` or more.
 */
export function unpack<A extends Packed>(answer: A, { maxBodyBytes }: { readonly maxBodyBytes?: number }): A | Promise<A> {
  if (answer.headers['content-encoding']?.toLowerCase() !== 'gzip' || answer.body.length === 0) return answer
  const options = { chunkSize: expectedBytes(answer.body), ...(maxBodyBytes !== undefined && { maxOutputLength: Math.max(1, maxBodyBytes - 1) }) }
  if (answer.body.length > syncGunzipBytes) {
    return gunzipAsync(Buffer.from(answer.body), options).then((body) => ({ ...answer, body }), (error: unknown) => Promise.reject(describe(error)))
  }
  try {
    return { ...answer, body: gunzipSync(answer.body, options) }
  } catch (error) {
    throw describe(error)
  }
}

function describe(error: unknown): HttpRequestError {
  if (error instanceof RangeError) return new HttpRequestError('bodyTooLarge', 'body size limit exceeded', error)
  return new HttpRequestError('decoding', `gzip: ${errorText(error)}`, error)
}

/** The size that gzip's trailer claims, in bounds: with room for it all, the output is one piece and not copied again. */
function expectedBytes(packed: Uint8Array): number {
  const trailer = packed.length < 18 ? 0 : new DataView(packed.buffer, packed.byteOffset, packed.length).getUint32(packed.length - 4, true)
  return Math.min(Math.max(trailer + 64, 1024), packed.length * maxDeflateRatio + 1024, 64 * 1024 * 1024)
}
