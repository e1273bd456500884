// The hash of a label set by which `limit_ratio` chooses, the same as in Prometheus's default build, so that the same series
// are chosen: XXH64 with seed 0 (https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md) over all names and values in
// order, each after its length in one byte, or in three after a byte of 255.

import type { Labels } from '../../storage/model/labels.ts'

const mask = 0xffffffffffffffffn
const prime1 = 0x9e3779b185ebca87n
const prime2 = 0xc2b2ae3d27d4eb4fn
const prime3 = 0x165667b19e3779f9n
const prime4 = 0x85ebca77c2b2ae63n
const prime5 = 0x27d4eb2f165667c5n

const rotate = (x: bigint, bits: bigint) => ((x << bits) | (x >> (64n - bits))) & mask
const round = (accumulator: bigint, input: bigint) => (rotate((accumulator + input * prime2) & mask, 31n) * prime1) & mask
const merge = (hash: bigint, accumulator: bigint) => ((hash ^ round(0n, accumulator)) * prime1 + prime4) & mask

/** A number in [0, 1), evenly spread over label sets. */
export function labelsHashFraction(labels: Labels): number {
  return Number(xxh64(encodeLabels(labels))) / Number(mask)
}

function encodeLabels(labels: Labels): Buffer {
  return Buffer.concat(
    labels.flatMap(({ name, value }) => [name, value]).flatMap((text) => {
      const bytes = Buffer.from(text)
      const { length } = bytes
      return [Buffer.from(length < 255 ? [length] : [255, length & 255, (length >> 8) & 255, length >> 16]), bytes]
    }),
  )
}

/** With the seed 0. */
export function xxh64(bytes: Buffer): bigint {
  const { length } = bytes
  let at = 0
  let hash = prime5
  if (length >= 32) {
    const lanes = [(prime1 + prime2) & mask, prime2, 0n, -prime1 & mask]
    for (; at + 32 <= length; at += 32) for (let lane = 0; lane < 4; lane++) lanes[lane] = round(lanes[lane] as bigint, bytes.readBigUInt64LE(at + 8 * lane))
    const [a, b, c, d] = lanes as [bigint, bigint, bigint, bigint]
    hash = [a, b, c, d].reduce(merge, (rotate(a, 1n) + rotate(b, 7n) + rotate(c, 12n) + rotate(d, 18n)) & mask)
  }
  hash = (hash + BigInt(length)) & mask
  for (; at + 8 <= length; at += 8) hash = (rotate(hash ^ round(0n, bytes.readBigUInt64LE(at)), 27n) * prime1 + prime4) & mask
  if (at + 4 <= length) {
    hash = (rotate(hash ^ ((BigInt(bytes.readUInt32LE(at)) * prime1) & mask), 23n) * prime2 + prime3) & mask
    at += 4
  }
  for (; at < length; at++) hash = (rotate(hash ^ ((BigInt(bytes.readUInt8(at)) * prime5) & mask), 11n) * prime1) & mask
  hash = ((hash ^ (hash >> 33n)) * prime2) & mask
  hash = ((hash ^ (hash >> 29n)) * prime3) & mask
  return hash ^ (hash >> 32n)
}
