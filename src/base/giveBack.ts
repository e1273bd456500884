// Memory of bytes that nobody looks at any more, used again or freed at once. Waiting for the garbage collector, some tens of
// megabytes of them cost it a mark of the whole heap, and each new buffer has to be pages that the process has not had yet.

/** Buffers that several share are smaller. */
const ownBufferBytes = 1024 * 1024

const reusedBytes = 64 * 1024
const maxSpares = 16
const spares: ArrayBuffer[] = []
/** Given out and not back yet. */
const taken = new WeakSet<ArrayBufferLike>()

/** Bytes with anything in them, for a moment: a small buffer is used again once it was given back. */
export function takeBytes(length: number): Uint8Array<ArrayBuffer> {
  if (length > reusedBytes) return new Uint8Array(new ArrayBuffer(length))
  const buffer = spares.pop() ?? new ArrayBuffer(reusedBytes)
  taken.add(buffer)
  return new Uint8Array(buffer, 0, length)
}

/** Takes bytes back, or frees the buffer of bytes that may share it, when they are all there is in it, or most of a large one as long answers are. */
export function giveBack(bytes: Uint8Array): void {
  const { buffer, byteLength } = bytes
  if (buffer instanceof ArrayBuffer && taken.delete(buffer)) {
    if (spares.length < maxSpares) spares.push(buffer)
    return
  }
  if (buffer.byteLength === byteLength || (buffer.byteLength >= ownBufferBytes && 2 * byteLength >= buffer.byteLength)) giveBackBuffer(bytes)
}

/** Frees the buffer of bytes that have it for themselves. */
export function giveBackBuffer({ buffer }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer) buffer.transfer(0)
}
