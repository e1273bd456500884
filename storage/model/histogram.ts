// The native histogram as every area sees it: counts of observations in buckets, of which all populated ones are
// listed. All counts are doubles; those of a stored counter are whole.

/**
 * What is known of the counter behind a histogram: nothing, that it was reset just before, that it was not, or that there
 * is none because the histogram may also fall.
 */
export type CounterReset = 'unknown' | 'reset' | 'notReset' | 'gauge'

/** Buckets by index, ascending, no index twice. Those that are not listed count nothing; some that are may, too. */
export type Buckets = { readonly indexes: Int32Array; readonly counts: Float64Array }

/**
 * With schema s of -4 to 8, positive bucket i holds observations in (b^(i-1), b^i] where b = 2^(2^-s), negative bucket i
 * the same with the sign changed, and the zero bucket those in [-zeroThreshold, zeroThreshold]. With `customSchema` bucket
 * i holds (customBounds[i-1], customBounds[i]], the first from -Infinity on, the last, behind all bounds, up to Infinity;
 * there are no negative buckets and no zero bucket then.
 */
export type NativeHistogram = {
  readonly schema: number
  readonly counterReset: CounterReset
  readonly zeroThreshold: number
  readonly zeroCount: number
  /** All observations, those that are NaN included. */
  readonly count: number
  readonly sum: number
  readonly positive: Buckets
  readonly negative: Buckets
  /** Upper bounds, ascending, without the infinite last one; empty for other schemas. Histograms of one series share it. */
  readonly customBounds: Float64Array
}

export const customSchema = -53

export const noBuckets: Buckets = { indexes: new Int32Array(0), counts: new Float64Array(0) }

export const noBounds = new Float64Array(0)

/** The same buckets before anything was observed. */
export function emptyLike(histogram: NativeHistogram): NativeHistogram {
  return { ...histogram, zeroCount: 0, count: 0, sum: 0, positive: noBuckets, negative: noBuckets }
}
