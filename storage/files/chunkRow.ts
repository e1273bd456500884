// A chunk as a row of a partition. Both its sections have checksums of their own; the seal ties them to the series, the
// time range and the order that the row states, so that a damaged page can hide samples but never turn them into others.

import { assert } from '../../src/base/assert.ts'

export type ChunkRow = {
  readonly ref: number
  readonly slot: number
  readonly minTimeMs: number
  readonly maxTimeMs: number
  readonly isOutOfOrder: boolean
  /** Row of the times, which series share. */
  readonly times: number
  /** How the file holds the values, and in how many bytes. */
  readonly packing: string
  readonly packedBytes: number
  /** Empty when the file does not hold them any more, or when the row is not what was written. */
  readonly timesSection: Buffer
  readonly valuesSection: Buffer
}

export type SealedFields = {
  readonly id: number
  readonly firstMs: number
  readonly lastMs: number
  readonly isOutOfOrder: boolean
  readonly timesSection: Uint8Array
  readonly valuesSection: Uint8Array
}

/** 32 bits over what the row states and over the checksums of its sections. */
export function sealOf({ id, firstMs, lastMs, isOutOfOrder, timesSection, valuesSection }: SealedFields): number {
  let seal = mix(0x501077a7, id % 2 ** 32)
  seal = mix(seal, Math.floor(id / 2 ** 32))
  seal = mix(seal, firstMs)
  seal = mix(seal, lastMs)
  seal = mix(seal, isOutOfOrder ? 1 : 0)
  seal = mix(seal, sectionChecksum(timesSection))
  return mix(seal, sectionChecksum(valuesSection)) >>> 0
}

function mix(seal: number, word: number): number {
  const mixed = Math.imul(seal ^ word, 0x9e3779b1)
  return mixed ^ (mixed >>> 15)
}

/** The checksum that a section begins with, little-endian; 0 when there is none. */
export function sectionChecksum(section: Uint8Array): number {
  return ((section[0] ?? 0) | ((section[1] ?? 0) << 8) | ((section[2] ?? 0) << 16) | ((section[3] ?? 0) << 24)) >>> 0
}

/** Of the chunk as the codec makes it: `u8 version | u8 0 | u16 count | u32 timesLength`, then both sections. */
const chunkHeaderBytes = 8
export const chunkVersion = 1

/** Count of the samples in a section, from its header. */
export function sectionCount(section: Uint8Array): number {
  return (section[4] ?? 0) | ((section[5] ?? 0) << 8)
}

/** Splits an encoded chunk into its two sections, as views. */
export function splitChunk(chunk: Uint8Array): { timesSection: Uint8Array; valuesSection: Uint8Array } {
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  assert(chunk.length > chunkHeaderBytes && view.getUint8(0) === chunkVersion, 'a chunk of the head has an unknown version')
  const split = chunkHeaderBytes + view.getUint32(4, true)
  assert(split < chunk.length, 'a chunk of the head has no values')
  return { timesSection: chunk.subarray(chunkHeaderBytes, split), valuesSection: chunk.subarray(split) }
}
