// Memory of bytes that nobody looks at any more, freed at once. Waiting for the garbage collector, some tens of megabytes of them
// cost it a mark of the whole heap, and each new buffer has to be pages that the process has not had yet.

/** Buffers that several share are smaller. */
const ownBufferBytes = 1024 * 1024

/** Frees the buffer of bytes that may share it, when they are all there is in it, or most of a large one as long answers are. */
export function giveBack(bytes: Uint8Array): void {
  const { buffer, byteLength } = bytes
  if (buffer.byteLength === byteLength || (buffer.byteLength >= ownBufferBytes && 2 * byteLength >= buffer.byteLength)) giveBackBuffer(bytes)
}

/** Frees the buffer of bytes that have it for themselves. */
export function giveBackBuffer({ buffer }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer) buffer.transfer(0)
}
