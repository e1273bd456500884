// The checksum of a chunk's section as docs/data-format.md defines it, for tests that damage sections and make it right again.

/** Of all bytes after the checksum itself. */
export function sectionChecksum(body: Uint8Array): number {
  const mask = 2n ** 64n - 1n
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  let hash = (BigInt(body.length) * 0x9e3779b97f4a7c15n) & mask
  let at = 0
  for (; at + 8 <= body.length; at += 8) {
    hash = ((hash ^ view.getBigUint64(at, true)) * 0xff51afd7ed558ccdn) & mask
    hash ^= hash >> 32n
  }
  let rest = 0n
  for (let shift = 0n; at < body.length; at++, shift += 8n) rest |= BigInt(body[at] ?? 0) << shift
  hash = ((hash ^ rest) * 0xc4ceb9fe1a85ec53n) & mask
  return Number((hash >> 32n) ^ (hash & 0xffffffffn))
}
