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
// A body of `aggregate`, all sections as in chunks; an empty one says that downsampling would not have paid:
//
//   u8 version (1) | u8 columns | u16 0 | sections, each u32 length, bytes
//   sections  times of the last samples | age of the first (last - first) | count | those of least, greatest, sum, drops whose
//             bit (1, 2, 4, 8) is set in `columns`

import type { ChunkCodec } from './chunkCodec.ts'
import { isStaleMarker, type SampleColumns, type TimeRange } from './sample.ts'

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

function push(entries: Entries, from: Entries, k: number): void {
  const at = entries.length++
  for (const name of ['firstMs', 'lastMs', 'min', 'max', 'sum', 'count', 'drops', 'first', 'last', 'firstIndex', 'lastIndex'] as const) entries[name][at] = from[name][k] as number
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

const version = 1
const headerBytes = 4
const optional = ['min', 'max', 'sum', 'drops'] as const

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

/** The values of the samples at the buckets' ends. */
export type BucketEnds = { readonly first: Float64Array; readonly last: Float64Array }

/** Encodes at least one bucket. Uses the codec's columns. */
export function encodeBuckets(buckets: Buckets, ends: BucketEnds, codec: ChunkCodec): Uint8Array {
  const { length, lastMs } = buckets
  const sections: Uint8Array[] = []
  const add = (values: Float64Array) => {
    const { timesSection, valuesSection } = codec.encodeColumns(lastMs.subarray(0, length), values.subarray(0, length))
    if (sections.length === 0) sections.push(timesSection)
    sections.push(valuesSection)
  }
  add(lastMs.map((timeMs, k) => timeMs - (buckets.firstMs[k] as number)))
  add(buckets.count)
  let columns = 0
  for (const [i, name] of optional.entries()) {
    if (impliedBy(ends, buckets, name)) continue
    columns |= 1 << i
    add(buckets[name])
  }
  const body = Buffer.alloc(headerBytes + sections.reduce((sum, { length: bytes }) => sum + 4 + bytes, 0))
  body[0] = version
  body[1] = columns
  let at = headerBytes
  for (const section of sections) {
    body.writeUInt32LE(section.length, at)
    body.set(section, at + 4)
    at += 4 + section.length
  }
  return body
}

function impliedBy({ first, last }: BucketEnds, buckets: Buckets, name: (typeof optional)[number]): boolean {
  for (let k = 0; k < buckets.length; k++) {
    if (!Object.is(impliedValue(name, first[k] as number, last[k] as number, buckets.count[k] as number), buckets[name][k])) return false
  }
  return true
}

/** Reads a body back. `valueAt` gives the value of the sample at a time, NaN when there is none. Returns what is wrong with it, if anything. */
export function decodeBuckets(body: Uint8Array, valueAt: (timeMs: number) => number, codec: ChunkCodec): Buckets | string {
  if (body.length === 0) return noBuckets
  const view = new DataView(body.buffer, body.byteOffset, body.length)
  if (body.length < headerBytes || view.getUint8(0) !== version) return 'aggregates have an unknown version'
  const columns = view.getUint8(1)
  let at = headerBytes
  const section = () => {
    if (at + 4 > body.length) return new Uint8Array()
    const length = view.getUint32(at, true)
    const start = at + 4
    at = start + length
    return body.subarray(start, at)
  }
  const times = section()
  const read = (): { readonly timestampsMs: Float64Array; readonly values: Float64Array } | string => {
    codec.clear()
    const problem = codec.add(times, section())
    return problem === undefined ? codec.columns() : `aggregates: ${problem}`
  }
  const ages = read()
  if (typeof ages === 'string') return ages
  const buckets = { ...createBuckets(0), length: ages.timestampsMs.length, lastMs: ages.timestampsMs.slice(), firstMs: ages.timestampsMs.map((timeMs, k) => timeMs - (ages.values[k] as number)) }
  const counts = read()
  if (typeof counts === 'string') return counts
  buckets.count = counts.values.slice()
  for (const [i, name] of optional.entries()) {
    if ((columns & (1 << i)) === 0) {
      buckets[name] = buckets.lastMs.map((lastMs, k) => impliedValue(name, valueAt(buckets.firstMs[k] as number), valueAt(lastMs), buckets.count[k] as number))
      continue
    }
    const column = read()
    if (typeof column === 'string') return column
    buckets[name] = column.values.slice()
  }
  return buckets
}
