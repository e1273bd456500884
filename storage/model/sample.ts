// The sample and the staleness marker. A sample is a time in milliseconds and a double, or a native histogram; columns of
// doubles are typed arrays.

import type { NativeHistogram } from './histogram.ts'

/** Both ends inclusive, milliseconds since 1970. */
export type TimeRange = { readonly minTimeMs: number; readonly maxTimeMs: number }

export type Sample = { readonly timestampMs: number; readonly value: number }

/**
 * The bits of the staleness marker, a NaN. Whether a NaN is this one is only seen in its bits: JavaScript may change the
 * bits of a NaN that passes through a number, so copy and test it as two 32-bit words.
 */
export const staleMarkerHighWord = 0x7ff00000
export const staleMarkerLowWord = 0x00000002

/** Whether the double at `index` is the staleness marker; `words` is a view of the same (little-endian) memory. */
export function isStaleMarker(words: Uint32Array, index: number): boolean {
  return words[2 * index] === staleMarkerLowWord && words[2 * index + 1] === staleMarkerHighWord
}

/** One entry per sample or step; undefined where the value is a double or there is none. */
export type HistogramColumn = readonly (NativeHistogram | undefined)[]

/** Samples of one series, ascending by time, no time twice. */
export type SampleColumns = {
  readonly length: number
  /** Milliseconds; the first `length` entries count. */
  readonly timestampsMs: Float64Array
  readonly values: Float64Array
  /** `values` again as 32-bit words, two per value, for `isStaleMarker`. */
  readonly valueWords: Uint32Array
  /** Only when the series has any in the range; the value beside one is NaN. Valid as long as the numbers are. */
  readonly histograms?: HistogramColumn
}

/**
 * Moves the samples outside `ranges`, which ascend, to the front of the columns and returns how many there are. Values
 * move as words: a NaN keeps its bits.
 */
export function removeRanges({ length, timestampsMs, valueWords }: Omit<SampleColumns, 'values'>, ranges: readonly TimeRange[]): number {
  let kept = 0
  let next = 0
  for (let i = 0; i < length; i++) {
    const timeMs = timestampsMs[i] as number // i < length
    while (next < ranges.length && (ranges[next]?.maxTimeMs ?? 0) < timeMs) next++
    if (timeMs >= (ranges[next]?.minTimeMs ?? Infinity)) continue
    if (kept !== i) {
      timestampsMs[kept] = timeMs
      valueWords[2 * kept] = valueWords[2 * i] as number
      valueWords[2 * kept + 1] = valueWords[2 * i + 1] as number
    }
    kept++
  }
  return kept
}
