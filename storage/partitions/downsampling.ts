// Downsampling of old days by rule, as compaction does it to one series at a time. What it makes and why is in buckets.ts.

import { splitChunk } from '../files/chunkRow.ts'
import { dayMs, type Partition } from '../files/dataDir.ts'
import type { StoredAggregates } from '../files/partitionFile.ts'
import { packSection } from '../files/sharedSections.ts'
import type { MatcherText } from '../model/matcher.ts'
import { removeRanges, type SampleColumns, type TimeRange } from '../model/sample.ts'
import { decodeBuckets, downsample, encodeBuckets, entriesOf, createEntries, noBuckets, notWorthIt, untouchedBuckets } from './buckets.ts'
import { maxChunkSamples, type ChunkCodec } from './chunkCodec.ts'

/** A selector sees a value of each bucket within the default lookback. */
export const maxResolutionMs = 300_000

/** Days of matching series that ended `afterMs` before the newest sample are kept at `resolutionMs`. */
export type DownsamplingRule = { readonly matchers: readonly MatcherText[]; readonly afterMs: number; readonly resolutionMs: number }

/** The rules that a day is old enough for. */
export function dueRules(partition: Partition, rules: readonly DownsamplingRule[], newestMs: number): DownsamplingRule[] {
  return rules.filter(({ afterMs }) => partition.startMs + dayMs <= newestMs - afterMs)
}

/** Tells of a series ref at which resolution the day is kept, the coarsest of all rules that match; 0: as it is. */
export function resolutionBySeries(rules: readonly DownsamplingRule[], select: (matchers: readonly MatcherText[]) => Uint32Array): (ref: number) => number {
  const resolutions = new Map<number, number>()
  for (const { matchers, resolutionMs } of rules) for (const ref of select(matchers)) resolutions.set(ref, Math.max(resolutionMs, resolutions.get(ref) ?? 0))
  return (ref) => resolutions.get(ref) ?? 0
}

/** What a row of aggregates takes besides the series' own bytes. */
const rowBytes = 16

const scratch = { entries: createEntries(0) }

/**
 * Leaves in the codec's merged columns the samples that stay, without those in `removed`, which ascend. Returns what
 * goes into the aggregate row; throws when `stored` is damaged.
 */
export function reduceSeries(codec: ChunkCodec, request: { readonly resolutionMs: number; readonly stored: StoredAggregates | undefined; readonly removed: readonly TimeRange[] }): StoredAggregates {
  const { resolutionMs, stored, removed } = request
  const samples = copyOf({ length: codec.count, ...codec.columns() })
  const before = stored === undefined ? noBuckets : decodeBuckets(stored, valueAt(samples), codec)
  if (typeof before === 'string') throw new Error(before)
  const left = { ...samples, length: removeRanges(samples, removed) }
  const entries = entriesOf(left, untouchedBuckets(before, removed), true, scratch.entries)
  scratch.entries = entries
  const { buckets, kept } = downsample(entries, resolutionMs)
  const at = valueAt(left)
  const ends = { first: buckets.firstMs.map(at), last: buckets.lastMs.map(at) }
  const isShort = buckets.length <= maxChunkSamples && (kept.length <= maxChunkSamples || before.length > 0)
  const encoded = buckets.length > 0 && isShort ? encodeBuckets(buckets, ends, codec) : notWorthIt
  codec.load(left.timestampsMs.subarray(0, left.length), left.valueWords.subarray(0, 2 * left.length))
  // Buckets that were there before have no samples to go back to.
  if (encoded === notWorthIt && before.length === 0) return { resolutionMs, ...notWorthIt }
  const bytesBefore = valuesBytes(codec)
  const words = new Uint32Array(2 * kept.length)
  kept.forEach((from, to) => {
    words[2 * to] = left.valueWords[2 * from] as number // an index of left, as are all that are kept
    words[2 * to + 1] = left.valueWords[2 * from + 1] as number
  })
  codec.load(Float64Array.from(kept, (index) => left.timestampsMs[index] as number), words)
  if (before.length > 0 || valuesBytes(codec) + encoded.own.length + rowBytes < bytesBefore) return { resolutionMs, ...encoded }
  codec.load(left.timestampsMs.subarray(0, left.length), left.valueWords.subarray(0, 2 * left.length))
  return { resolutionMs, ...notWorthIt }
}

/** What the values of the codec's samples take in a partition. */
function valuesBytes(codec: ChunkCodec): number {
  let bytes = 0
  for (let start = 0; start < codec.count; ) {
    const { count, chunk } = codec.encode(start, Math.min(maxChunkSamples, codec.count - start))
    bytes += packSection(splitChunk(chunk).valuesSection).body.length
    start += count
  }
  return bytes
}

/** Columns of their own, of the length that counts. */
export function copyOf({ length, timestampsMs, valueWords }: SampleColumns): SampleColumns {
  const words = valueWords.slice(0, 2 * length)
  return { length, timestampsMs: timestampsMs.slice(0, length), values: new Float64Array(words.buffer), valueWords: words }
}

/** Looks up the value of the sample at a time, which must be one of them to count; else NaN. */
export function valueAt({ length, timestampsMs, values }: SampleColumns): (timeMs: number) => number {
  return (timeMs) => {
    let low = 0
    let high = length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((timestampsMs[middle] as number) < timeMs) low = middle + 1
      else high = middle
    }
    return low < length && timestampsMs[low] === timeMs ? (values[low] as number) : NaN
  }
}
