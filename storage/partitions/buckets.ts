// Downsampled samples. The design, in short:
//
// A rule says after which age the days of a series are kept at a coarser resolution, such as 5 minutes. When such a day is
// rewritten, the samples of a series are divided into *buckets*: those in one interval (k r, (k + 1) r] of the resolution r with
// no staleness marker between them. What stays is
//
//   - of the samples, the first and the last of each bucket, and all staleness markers, as ordinary chunks. So everything that
//     reads samples goes on working: a selector without a function sees a bucket's first and last value, never more than a
//     resolution apart, which is why that may be no longer than the default lookback of 5 minutes;
//   - for each bucket its least and greatest value, sum, count, and the *drops*: what a counter had reached before each reset
//     inside the bucket. They lie in the partition's table `aggregate`, one row per series, each a column (below). Columns
//     that the first and last samples already tell (a counter's least, greatest and drops) are left out.
//
// A query sees *entries*: buckets, and samples that are in none, in the order of time. Over whole buckets `min_`, `max_`,
// `sum_`, `count_`, `avg_`, `first_`, `last_` and `present_over_time` are exact, and so are `increase`, `rate` and `delta`, because
// these need no more than the first and last sample, the count, and the drops in and between buckets. Where a window begins
// or ends inside a bucket, its samples are taken to be evenly spaced and linear between first and last. All other functions see
// the samples that stayed. Raw days, downsampled ones and memory mix freely: a raw sample is an entry of its own.
//
// Nothing else remembers that a day was downsampled: buckets are told apart by the times of their first and last sample,
// so a sample that comes late joins the bucket it falls into, and a deletion that touches a bucket leaves its two samples at
// most. Downsampling again, to a coarser resolution, joins buckets.
//
// What is stored of the buckets of a series, all sections as in chunks:
//
//   shared    times of the last samples | times of the first samples | counts, each added to all before it, as times: three
//             sections that most series of a target have in common, so they are rows of the partition's table `times`
//   own       u8 version (2) | u8 columns | the sections of least, greatest, sum, drops whose bit (1, 2, 4, 8) is set in
//             `columns`, each u8 packing, u16 length, bytes
//
// A column may be stored as distances from what the first and last values make likely: the bit of the column times 16 is set
// then. No own bytes at all say that downsampling would not have paid.

import type { StoredAggregates } from '../files/partitionFile.ts'
import { packSection, unpackSection } from '../files/sharedSections.ts'
import { isStaleMarker, type SampleColumns, type TimeRange } from '../model/sample.ts'
import type { ChunkCodec } from './chunkCodec.ts'

/** Buckets of one series, ascending. The first `length` entries of each column count. */
export type Buckets = {
  length: number
  firstMs: Float64Array
  lastMs: Float64Array
  min: Float64Array
  max: Float64Array
  sum: Float64Array
  count: Float64Array
  drops: Float64Array
}

/** Buckets and single samples, with their first and last values. */
export type Entries = Buckets & {
  first: Float64Array
  last: Float64Array
  /** Which samples these are, as indexes into the columns that the entries were made of. */
  firstIndex: Uint32Array
  lastIndex: Uint32Array
}

export const noBuckets: Buckets = createBuckets(0)

function createBuckets(capacity: number): Buckets {
  const column = () => new Float64Array(capacity)
  return { length: 0, firstMs: column(), lastMs: column(), min: column(), max: column(), sum: column(), count: column(), drops: column() }
}

export function createEntries(capacity: number): Entries {
  return { ...createBuckets(capacity), first: new Float64Array(capacity), last: new Float64Array(capacity), firstIndex: new Uint32Array(capacity), lastIndex: new Uint32Array(capacity) }
}

/** Appends the samples of entry `k` of `from`, which come later, to entry `at`. */
function join(entries: Entries, at: number, from: Entries, k: number): void {
  const v = (column: Float64Array, i: number) => column[i] as number // both are indexes of entries
  if (v(from.first, k) < v(entries.last, at)) entries.drops[at] = v(entries.drops, at) + v(entries.last, at)
  entries.drops[at] = v(entries.drops, at) + v(from.drops, k)
  // A number beats NaN, as in min_over_time.
  const min = v(entries.min, at)
  const max = v(entries.max, at)
  if (v(from.min, k) < min || min !== min) entries.min[at] = v(from.min, k)
  if (v(from.max, k) > max || max !== max) entries.max[at] = v(from.max, k)
  entries.sum[at] = v(entries.sum, at) + v(from.sum, k)
  entries.count[at] = v(entries.count, at) + v(from.count, k)
  entries.last[at] = v(from.last, k)
  entries.lastMs[at] = v(from.lastMs, k)
  entries.lastIndex[at] = from.lastIndex[k] as number
}

/** By name: a loop over the columns takes several times as long, and each sample of a day comes here. */
function push(entries: Entries, from: Entries, k: number): void {
  const at = entries.length++
  entries.firstMs[at] = from.firstMs[k] as number
  entries.lastMs[at] = from.lastMs[k] as number
  entries.min[at] = from.min[k] as number
  entries.max[at] = from.max[k] as number
  entries.sum[at] = from.sum[k] as number
  entries.count[at] = from.count[k] as number
  entries.drops[at] = from.drops[k] as number
  entries.first[at] = from.first[k] as number
  entries.last[at] = from.last[k] as number
  entries.firstIndex[at] = from.firstIndex[k] as number
  entries.lastIndex[at] = from.lastIndex[k] as number
}

/**
 * The entries of a series, into `out`, which is replaced when it is too small. A bucket whose first or last sample is missing
 * is none. Staleness markers become entries with a count of 0 when `keepsStale` is set, else they are left out.
 */
export function entriesOf({ length, timestampsMs, values, valueWords }: SampleColumns, buckets: Buckets, keepsStale: boolean, out: Entries): Entries {
  const entries = out.first.length < length ? createEntries(Math.max(length, 2 * out.first.length)) : out
  entries.length = 0
  const single = singleEntry
  let bucket = 0
  /** The index of the sample that closes the bucket in hand; samples before it were late. */
  let closing = -1
  for (let i = 0; i < length; i++) {
    const timeMs = timestampsMs[i] as number
    const value = values[i] as number
    if (value !== value && isStaleMarker(valueWords, i)) {
      if (!keepsStale) continue
      setSingle(single, i, timeMs, value, 0)
      push(entries, single, 0)
      continue
    }
    const at = entries.length - 1
    if (i <= closing) {
      if (i === closing) {
        entries.last[at] = value
        entries.lastIndex[at] = i
      } else {
        // Late, or of a time that was there: its place among the samples that are gone is not known.
        entries.count[at] = (entries.count[at] as number) + 1
        entries.sum[at] = (entries.sum[at] as number) + value
        entries.min[at] = Math.min(entries.min[at] as number, value)
        entries.max[at] = Math.max(entries.max[at] as number, value)
      }
      continue
    }
    while (bucket < buckets.length && (buckets.firstMs[bucket] as number) < timeMs) bucket++
    setSingle(single, i, timeMs, value, 1)
    if (bucket < buckets.length && buckets.firstMs[bucket] === timeMs) {
      closing = indexOfTime(timestampsMs, i, length, buckets.lastMs[bucket] as number)
      if (closing >= i) {
        for (const name of ['lastMs', 'min', 'max', 'sum', 'count', 'drops'] as const) single[name][0] = buckets[name][bucket] as number
        single.last[0] = values[closing] as number
        single.lastIndex[0] = closing
      }
    }
    push(entries, single, 0)
  }
  return entries
}

const singleEntry = createEntries(1)

function setSingle(entry: Entries, index: number, timeMs: number, value: number, count: number): void {
  entry.firstMs[0] = entry.lastMs[0] = timeMs
  entry.first[0] = entry.last[0] = entry.min[0] = entry.max[0] = entry.sum[0] = value
  entry.count[0] = count
  entry.drops[0] = 0
  entry.firstIndex[0] = entry.lastIndex[0] = index
}

/** The index of the sample at `timeMs` from `from` on, or -1. */
function indexOfTime(timestampsMs: Float64Array, from: number, length: number, timeMs: number): number {
  for (let i = from; i < length && (timestampsMs[i] as number) <= timeMs; i++) if (timestampsMs[i] === timeMs) return i
  return -1
}

export type Downsampled = {
  readonly buckets: Buckets
  /** Indexes of the samples that stay, ascending. */
  readonly kept: Uint32Array
}

/** Joins what lies in the same interval of the resolution. `entries` have the staleness markers. */
export function downsample(entries: Entries, resolutionMs: number): Downsampled {
  const joined = createEntries(entries.length)
  let interval = NaN
  for (let k = 0; k < entries.length; k++) {
    const next = entries.count[k] === 0 ? NaN : Math.ceil((entries.lastMs[k] as number) / resolutionMs)
    if (next === interval) join(joined, joined.length - 1, entries, k)
    else push(joined, entries, k)
    interval = next
  }
  const kept: number[] = []
  const buckets = createBuckets(joined.length)
  for (let k = 0; k < joined.length; k++) {
    kept.push(joined.firstIndex[k] as number)
    if (joined.lastIndex[k] !== joined.firstIndex[k]) kept.push(joined.lastIndex[k] as number)
    if ((joined.count[k] as number) < 2) continue
    for (const name of ['firstMs', 'lastMs', 'min', 'max', 'sum', 'count', 'drops'] as const) buckets[name][buckets.length] = joined[name][k] as number
    buckets.length++
  }
  return { buckets, kept: Uint32Array.from(kept) }
}

/** The buckets that no range touches; ranges ascend. */
export function untouchedBuckets(buckets: Buckets, ranges: readonly TimeRange[]): Buckets {
  const kept = createBuckets(buckets.length)
  for (let k = 0; k < buckets.length; k++) {
    if (ranges.some(({ minTimeMs, maxTimeMs }) => minTimeMs <= (buckets.lastMs[k] as number) && maxTimeMs >= (buckets.firstMs[k] as number))) continue
    for (const name of ['firstMs', 'lastMs', 'min', 'max', 'sum', 'count', 'drops'] as const) kept[name][kept.length] = buckets[name][k] as number
    kept.length++
  }
  return kept
}

/** One after the other; the buckets of later ones come later. */
export function concatBuckets(all: readonly Buckets[]): Buckets {
  const [only] = all
  if (all.length === 1 && only !== undefined) return only
  const joined = createBuckets(all.reduce((sum, { length }) => sum + length, 0))
  for (const buckets of all) {
    for (const name of ['firstMs', 'lastMs', 'min', 'max', 'sum', 'count', 'drops'] as const) joined[name].set(buckets[name].subarray(0, buckets.length), joined.length)
    joined.length += buckets.length
  }
  return joined
}

const version = 2
const optional = ['min', 'max', 'sum', 'drops'] as const
/** A column's bit, moved by this, says that it holds distances. */
const distanceShift = 4

/** Buckets as they are stored. */
export type StoredBuckets = Omit<StoredAggregates, 'resolutionMs'>

const nothing = new Uint8Array()

/** No buckets, because they would take more bytes than the samples. */
export const notWorthIt: StoredBuckets = { lastTimes: nothing, firstTimes: nothing, counts: nothing, own: nothing }

/** What a column is when it is left out, from the first and last values. */
function impliedValue(name: (typeof optional)[number], first: number, last: number, count: number): number {
  switch (name) {
    case 'min':
      return first <= last ? first : last
    case 'max':
      return first >= last ? first : last
    case 'sum':
      return first * count
    case 'drops':
      return 0
  }
}

/** What a column is likely to be near: the sum is that of values that grow evenly from the first to the last. */
function likelyValue(name: (typeof optional)[number], first: number, last: number, count: number): number {
  return name === 'sum' ? (count * (first + last)) / 2 : impliedValue(name, first, last, count)
}

/** The values of the samples at the buckets' ends. */
export type BucketEnds = { readonly first: Float64Array; readonly last: Float64Array }

/** Encodes at least one bucket. Uses the codec's columns. */
export function encodeBuckets(buckets: Buckets, ends: BucketEnds, codec: ChunkCodec): StoredBuckets {
  const { length } = buckets
  const column = (values: Float64Array) => values.subarray(0, length)
  const times = (values: Float64Array) => codec.encodeColumns(column(values), new Float64Array(length)).timesSection
  const values = (one: Float64Array) => packSection(codec.encodeColumns(column(buckets.lastMs), column(one)).valuesSection)
  const own: Uint8Array[] = []
  let columns = 0
  for (const [i, name] of optional.entries()) {
    if (impliedBy(ends, buckets, name)) continue
    columns |= 1 << i
    let packed = values(buckets[name])
    const distances = distancesOf(name, buckets, ends)
    const packedDistances = distances && values(distances)
    if (packedDistances !== undefined && packedDistances.body.length < packed.body.length) {
      packed = packedDistances
      columns |= 1 << (i + distanceShift)
    }
    own.push(Uint8Array.of(packed.packing, packed.body.length & 0xff, packed.body.length >> 8), packed.body)
  }
  let total = 0
  const counts = buckets.count.map((count) => (total += count))
  return { lastTimes: times(buckets.lastMs), firstTimes: times(buckets.firstMs), counts: times(counts), own: Buffer.concat([Uint8Array.of(version, columns), ...own]) }
}

/** `undefined` when the values could not be had back to the bit. */
function distancesOf(name: (typeof optional)[number], buckets: Buckets, { first, last }: BucketEnds): Float64Array | undefined {
  const distances = new Float64Array(buckets.length)
  for (let k = 0; k < buckets.length; k++) {
    const value = buckets[name][k] as number
    const likely = likelyValue(name, first[k] as number, last[k] as number, buckets.count[k] as number)
    distances[k] = value - likely
    if (!Object.is(likely + (distances[k] as number), value)) return undefined
  }
  return distances
}

function impliedBy({ first, last }: BucketEnds, buckets: Buckets, name: (typeof optional)[number]): boolean {
  for (let k = 0; k < buckets.length; k++) {
    if (!Object.is(impliedValue(name, first[k] as number, last[k] as number, buckets.count[k] as number), buckets[name][k])) return false
  }
  return true
}

/** Reads buckets back. `valueAt` gives the value of the sample at a time, NaN when there is none. Returns what is wrong with them, if anything. */
export function decodeBuckets(stored: StoredBuckets, valueAt: (timeMs: number) => number, codec: ChunkCodec): Buckets | string {
  const { own } = stored
  if (own.length === 0) return noBuckets
  if (own[0] !== version) return 'aggregates have an unknown version'
  const lastMs = codec.decodeTimes(stored.lastTimes)
  const firstMs = codec.decodeTimes(stored.firstTimes)
  const counted = codec.decodeTimes(stored.counts)
  if (lastMs === undefined || lastMs.length !== firstMs?.length || lastMs.length !== counted?.length) return 'aggregates: times are damaged'
  const count = counted.map((total, k) => total - (k === 0 ? 0 : (counted[k - 1] as number)))
  const buckets = { ...createBuckets(0), length: lastMs.length, lastMs, firstMs, count }
  const ends = { first: firstMs.map(valueAt), last: lastMs.map(valueAt) }
  const columns = own[1] ?? 0
  let at = 2
  for (const [i, name] of optional.entries()) {
    if ((columns & (1 << i)) === 0) {
      buckets[name] = count.map((one, k) => impliedValue(name, ends.first[k] as number, ends.last[k] as number, one))
      continue
    }
    const length = (own[at + 1] ?? 0) | ((own[at + 2] ?? 0) << 8)
    const section = unpackSection(own[at] ?? 0, Buffer.from(own.subarray(at + 3, at + 3 + length)))
    at += 3 + length
    codec.clear()
    const problem = section === undefined ? 'a column is damaged' : codec.add(stored.lastTimes, section)
    if (problem !== undefined) return `aggregates: ${problem}`
    const isDistance = (columns & (1 << (i + distanceShift))) !== 0
    buckets[name] = codec.columns().values.map((value, k) => (isDistance ? likelyValue(name, ends.first[k] as number, ends.last[k] as number, count[k] as number) + value : value))
  }
  return buckets
}
