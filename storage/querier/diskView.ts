// What the main thread, which reads memory alone, has to know of the disk; query workers tell it.

/**
 * What partitions and tombstones mean for somebody who reads memory alone: as long as `generation` holds, a series has no samples
 * from `plainFromMs` on but those in memory and, where they do not reach back far enough, those in the chunks in order that the
 * partitions of the days `startsMs` have of it.
 */
export type DiskView = { readonly generation: number; readonly plainFromMs: number; readonly startsMs: readonly number[] }

/** The view that counts: workers may tell theirs in any order. */
export function newerView(known: DiskView | undefined, told: DiskView): DiskView {
  return known !== undefined && known.generation >= told.generation ? known : told
}
