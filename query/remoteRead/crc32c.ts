// CRC-32C (Castagnoli, RFC 3720 appendix B.4), the checksum of frames in a streamed remote read.

const reflectedPolynomial = 0x82f63b78

const table = Int32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte
  for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ reflectedPolynomial : remainder >>> 1
  return remainder
})

/** As an unsigned 32-bit number. */
export function crc32c(bytes: Uint8Array): number {
  let crc = -1
  for (let i = 0; i < bytes.length; i++) crc = (crc >>> 8) ^ (table[(crc ^ (bytes[i] ?? 0)) & 0xff] ?? 0)
  return ~crc >>> 0
}
