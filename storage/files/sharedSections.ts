// How a partition keeps sections small: what is there already is referred to, what zstd makes much smaller is compressed.
// Knows nothing of SQL; partitionFile.ts stores what comes out of here.

import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { sectionChecksum } from './chunkRow.ts'

/** How `chunk.body` holds the values section. */
export const packings = {
  plain: 0,
  zstd: 1,
  /** The id of another chunk of the file, which has the same. */
  sameAs: 2,
} as const

export const packingNames: Readonly<Record<number, string>> = { [packings.plain]: 'plain', [packings.zstd]: 'zstd', [packings.sameAs]: 'same as another chunk' }

/** Below this a frame is hardly smaller than what is in it. */
const minZstdBytes = 64

/** No section is longer, however few bytes a damaged frame says it needs. */
const maxSectionBytes = 10 * 65_536

/** The form that takes fewer bytes; zstd only where it saves a tenth, because reading then takes longer. */
export function packSection(section: Uint8Array): { packing: number; body: Uint8Array } {
  if (section.length >= minZstdBytes) {
    // Room for what is worth it. By default it is 16 KB for each frame, which a collection has to find.
    const frame = zstdCompressSync(section, { chunkSize: section.length })
    if (frame.length * 10 < section.length * 9) return { packing: packings.zstd, body: frame }
  }
  return { packing: packings.plain, body: section }
}

/** The section that `body` holds by itself; `undefined` when it holds none. */
export function unpackSection(packing: number, body: unknown): Buffer | undefined {
  if (!Buffer.isBuffer(body)) return undefined
  if (packing === packings.plain) return body
  if (packing !== packings.zstd) return undefined
  try {
    return zstdDecompressSync(body, { maxOutputLength: maxSectionBytes })
  } catch {
    return undefined
  }
}

/** Bytes of sections kept for comparing; neighbouring series are alike, so forgetting all of them now and then costs little. */
const maxKeptBytes = 16 << 20

/** A row of the file that holds a section, and in which form: times may be stored as a part of others. */
export type KnownSection = { readonly id: number; readonly stored: Uint8Array }

/** Sections that a file has. */
export class KnownSections {
  /** By the section's own checksum, which is its first word. */
  readonly #rows = new Map<number, KnownSection & { readonly section: Buffer }>()
  #keptBytes = 0

  find(section: Uint8Array): KnownSection | undefined {
    const known = this.#rows.get(sectionChecksum(section))
    return known !== undefined && known.section.equals(section) ? known : undefined
  }

  /** Both are copied. */
  add(section: Uint8Array, id: number, stored = section): void {
    if (this.#keptBytes > maxKeptBytes) {
      this.#rows.clear()
      this.#keptBytes = 0
    }
    const kept = Buffer.from(section)
    this.#rows.set(sectionChecksum(section), { id, section: kept, stored: stored === section ? kept : Buffer.from(stored) })
    this.#keptBytes += section.length + stored.length
  }
}
