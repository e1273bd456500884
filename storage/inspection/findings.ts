// What a check finds, and what one part of it has to know of another.

import { errorText } from '../../src/base/assert.ts'

export type Problem = {
  readonly file: string
  /** Table or part of the file; empty when it is the whole file. */
  readonly table: string
  readonly row: string
  readonly problem: string
  readonly wayOut: string
}

/** Where in a data directory: a file, a table or part of it, a row. */
type Place = { readonly file: string; readonly table?: string; readonly row?: string }

// Ways out, for whoever runs the server.
export const restore = 'restore the file from a backup'
export const rewrite = 'start solowatch: what can be read is served, and the first query or compaction that meets the damage has the day rewritten without it, the file kept in damaged/; or restore the file from a backup'
export const setAside = 'start solowatch: it sets the file aside and serves the rest; or restore the file from a backup'

export class Findings {
  readonly problems: Problem[] = []
  /** Series that can be found by their labels. */
  readonly refs = new Set<number>()
  /** By page of series, as `SeriesFileReader.lifetimes` gives them. */
  lifetimes: ReadonlyMap<number, Float64Array> = new Map()
  /** Records of the log up to this one are in partitions. */
  flushedRecord = 0
  /** Whether there are checkpoints of later ones. */
  hasUnflushed = false
  logRecords = 0
  chunks = 0
  samples = 0
  bytes = 0

  /** What `work` throws is a problem of the whole file. */
  file(path: string, wayOut: string, work: () => void): void {
    try {
      work()
    } catch (error) {
      this.add({ file: path }, errorText(error), wayOut)
    }
  }

  add({ file, table = '', row = '' }: Place, problem: string, wayOut: string): void {
    this.problems.push({ file, table, row, problem, wayOut })
  }
}
