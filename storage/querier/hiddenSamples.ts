// What delete_series has hidden, as a query worker sees it: read again when the writer says that something changed, and
// taken out of the columns of the few series that it concerns.

import { readTombstones, type HiddenRanges } from '../files/tombstoneFile.ts'
import { removeRanges, type SampleColumns, type TimeRange } from '../model/sample.ts'

export type HiddenSamples = {
  /** The columns without the hidden samples of the series; moves samples within the columns. */
  without(ref: number, columns: SampleColumns): SampleColumns
  /** Ranges of the series that are hidden, ascending. */
  rangesOf(ref: number): readonly TimeRange[]
  /** Whether nothing is hidden. */
  isEmpty(): boolean
  /** The last time that anything is hidden at; -Infinity when nothing is. */
  newestMs(): number
  /** The file has changed: read it again when asked. */
  forget(): void
}

export function createHiddenSamples(dir: string): HiddenSamples {
  let hidden: HiddenRanges | undefined
  const all = () => (hidden ??= readTombstones(dir).hidden)
  const rangesOf = (ref: number) => all().get(ref) ?? []
  return {
    rangesOf,
    without(ref, columns) {
      const ranges = rangesOf(ref)
      return ranges.length === 0 ? columns : cutColumns(columns, removeRanges(columns, ranges))
    },
    isEmpty: () => all().size === 0,
    newestMs() {
      let newestMs = -Infinity
      for (const ranges of all().values()) newestMs = Math.max(newestMs, ranges.at(-1)?.maxTimeMs ?? -Infinity)
      return newestMs
    },
    forget() {
      hidden = undefined
    },
  }
}

function cutColumns({ timestampsMs, values, valueWords }: SampleColumns, length: number): SampleColumns {
  return { length, timestampsMs: timestampsMs.subarray(0, length), values: values.subarray(0, length), valueWords: valueWords.subarray(0, 2 * length) }
}
