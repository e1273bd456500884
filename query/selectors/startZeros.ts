// --enable-feature=use-start-timestamps: a counter was zero when it began, so `rate` and `increase` see a sample of zero at the start
// timestamp of a sample that began after the one before. A window sees it only together with the sample that says so, since
// nobody knew of it earlier.

import { emptyLike, type NativeHistogram } from '../../storage/model/histogram.ts'
import type { SampleColumns } from '../../storage/model/sample.ts'
import type { StartTimes } from '../../storage/model/startTimes.ts'

/** Samples of a series, staleness markers removed. */
export type SampledColumns = Pick<SampleColumns, 'length' | 'timestampsMs' | 'values' | 'histograms'> & {
  /** Only where some of the samples are zeros at starts: 1 for each of those. */
  readonly isStart?: Uint8Array
}

/** The samples, which are those from `fromMs` on, with zeros where counters began; in memory of their own when there are any. */
export function withStartZeros(samples: SampledColumns, starts: StartTimes, fromMs: number): SampledColumns {
  const { length, timestampsMs, values, histograms } = samples
  const found = startsAmong(samples, starts, fromMs)
  if (found.length === 0) return samples
  const total = length + found.length
  const out = { length: total, timestampsMs: new Float64Array(total), values: new Float64Array(total), isStart: new Uint8Array(total) }
  const outHistograms: (NativeHistogram | undefined)[] | undefined = histograms && []
  let next = 0
  let to = 0
  for (let i = 0; i < length; i++) {
    const histogram = histograms?.[i]
    const start = found[next]
    if (start?.index === i) {
      out.timestampsMs[to] = start.startMs
      out.values[to] = histogram === undefined ? 0 : NaN
      out.isStart[to] = 1
      if (outHistograms !== undefined) outHistograms[to] = histogram && emptyLike(histogram)
      next++
      to++
    }
    out.timestampsMs[to] = timestampsMs[i] as number // i < length
    out.values[to] = values[i] as number
    if (outHistograms !== undefined) outHistograms[to] = histogram
    to++
  }
  return outHistograms === undefined ? out : { ...out, histograms: outHistograms }
}

/** The samples whose counters began after the sample before them, or, for the first one, after what there is no look at. */
function startsAmong({ length, timestampsMs, histograms }: SampledColumns, starts: StartTimes, fromMs: number): { readonly index: number; readonly startMs: number }[] {
  const found: { index: number; startMs: number }[] = []
  let beforeMs = fromMs - 1
  let at = 0
  for (let i = 0; i < length; i++) {
    const timeMs = timestampsMs[i] as number // i < length
    while (at < starts.timestampsMs.length && (starts.timestampsMs[at] as number) < timeMs) at++
    const startMs = starts.timestampsMs[at] === timeMs ? (starts.startsMs[at] as number) : -Infinity
    if (startMs > beforeMs && histograms?.[i]?.counterReset !== 'gauge') found.push({ index: i, startMs })
    beforeMs = timeMs
  }
  return found
}

/** The windows over such samples: one that ends with a zero ends before it. */
export function windowsOfSamples({ from, to }: { readonly from: Int32Array; readonly to: Int32Array }, isStart: Uint8Array): { readonly from: Int32Array; readonly to: Int32Array } {
  const ends = to.map((end, step) => (end > (from[step] as number) && isStart[end - 1] === 1 ? end - 1 : end)) // one entry per step
  // Kernels keep what they prepare by the object; that must not be taken for the original windows, which others use.
  return { from: from.subarray(), to: ends }
}
