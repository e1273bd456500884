// When each series had its first and last sample on disk, as the last flush left it in series.db: what lets a query worker
// leave out series that ended before its time range without a look at the partitions.

import { seriesPath } from '../files/dataDir.ts'
import { SeriesFileReader, seriesPerPage } from '../files/seriesFile.ts'
import type { TimeRange } from '../model/sample.ts'

export type Lifetimes = {
  /** Whether the series may have samples on disk around the range. */
  overlaps(ref: number, range: TimeRange): boolean
  /** The file has changed: read it again when asked. */
  forget(): void
}

export function createLifetimes(dir: string): Lifetimes {
  let pages: ReadonlyMap<number, Float64Array> | undefined
  const read = () => {
    const file = new SeriesFileReader(seriesPath(dir))
    try {
      return file.lifetimes()
    } finally {
      file.close()
    }
  }
  return {
    overlaps(ref, range) {
      pages ??= read()
      const at = 2 * (ref % seriesPerPage)
      const page = pages.get(Math.floor(ref / seriesPerPage))
      const firstMs = page?.[at] ?? Infinity
      const lastMs = page?.[at + 1] ?? -Infinity
      // Neither comparison holds for an unknown (NaN) lifetime, which may be any.
      return !(firstMs > range.maxTimeMs) && !(lastMs < range.minTimeMs)
    },
    forget() {
      pages = undefined
    },
  }
}
