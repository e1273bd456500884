// From the samples of one series to what a query sees of them at its steps: the newest sample within the lookback, or the
// window of a range selector. Times and samples both ascend, so each is one pass with two pointers.

import { isStaleMarker, type SampleColumns } from '../storage/sample.ts'

/** The times at which a selector looks, already shifted by `offset` and `@`. */
export type LookupTimes = { readonly startMs: number; readonly stepMs: number; readonly count: number }

/**
 * For each time the newest sample in (time - lookback, time], unless that is a staleness marker. Sets `present[i]`, and
 * `values[i]` where present; `sampleTimes`, when given, gets the sample's own time. Returns how many are present.
 */
export function lookBack(
  samples: SampleColumns,
  times: LookupTimes,
  lookbackMs: number,
  out: { readonly values: Float64Array; readonly present: Uint8Array; readonly sampleTimesMs?: Float64Array },
): number {
  const { length, timestampsMs, values, valueWords } = samples
  const { startMs, stepMs, count } = times
  const { values: outValues, present, sampleTimesMs } = out
  let next = 0
  let found = 0
  for (let step = 0; step < count; step++) {
    const timeMs = startMs + step * stepMs
    while (next < length && (timestampsMs[next] as number) <= timeMs) next++
    if (next === 0) continue
    const sampleTimeMs = timestampsMs[next - 1] as number // next <= length
    if (sampleTimeMs <= timeMs - lookbackMs) continue
    const value = values[next - 1] as number
    if (value !== value && isStaleMarker(valueWords, next - 1)) continue
    outValues[step] = value
    present[step] = 1
    if (sampleTimesMs !== undefined) sampleTimesMs[step] = sampleTimeMs
    found++
  }
  return found
}

/** Samples without staleness markers: the same columns when there are none, else copies in `scratch`. */
export function withoutStaleMarkers(samples: SampleColumns, scratch: ColumnScratch): SampleColumns {
  const { length, timestampsMs, values, valueWords } = samples
  let read = 0
  while (read < length && !(values[read] !== values[read] && isStaleMarker(valueWords, read))) read++
  if (read === length) return samples
  const copy = scratch.reserve(length)
  copy.timestampsMs.set(timestampsMs.subarray(0, read))
  copy.valueWords.set(valueWords.subarray(0, 2 * read))
  let written = read
  for (; read < length; read++) {
    if (isStaleMarker(valueWords, read)) continue
    copy.timestampsMs[written] = timestampsMs[read] as number
    copy.valueWords[2 * written] = valueWords[2 * read] as number
    copy.valueWords[2 * written + 1] = valueWords[2 * read + 1] as number
    written++
  }
  return { ...copy, length: written }
}

/** Columns that are reused from one series to the next. */
export class ColumnScratch {
  #timestampsMs = new Float64Array(0)
  #values = new Float64Array(0)
  #valueWords = new Uint32Array(0)

  reserve(length: number): { timestampsMs: Float64Array; values: Float64Array; valueWords: Uint32Array } {
    if (this.#values.length < length) {
      const capacity = Math.max(length, 2 * this.#values.length)
      this.#timestampsMs = new Float64Array(capacity)
      this.#values = new Float64Array(capacity)
      this.#valueWords = new Uint32Array(this.#values.buffer)
    }
    return { timestampsMs: this.#timestampsMs, values: this.#values, valueWords: this.#valueWords }
  }
}

/**
 * For each time the window (time - range, time] as sample indexes [from, to). Returns the number of samples over all windows,
 * each sample counted once per window.
 */
export function slideWindows(
  samples: { readonly length: number; readonly timestampsMs: Float64Array },
  times: LookupTimes,
  rangeMs: number,
  from: Int32Array,
  to: Int32Array,
): number {
  const { length, timestampsMs } = samples
  const { startMs, stepMs, count } = times
  let first = 0
  let next = 0
  let total = 0
  for (let step = 0; step < count; step++) {
    const timeMs = startMs + step * stepMs
    while (next < length && (timestampsMs[next] as number) <= timeMs) next++
    const afterMs = timeMs - rangeMs
    while (first < next && (timestampsMs[first] as number) <= afterMs) first++
    from[step] = first
    to[step] = next
    total += next - first
  }
  return total
}
