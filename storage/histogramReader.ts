// Native histograms put together again in a query worker: the marks of a series say where there are some, the columns of its
// hidden series what they count. A histogram with a part missing, because it is damaged or only just being written, is left
// out.

import type { HeadReader } from './headReader.ts'
import { noBuckets, type Buckets, type NativeHistogram } from './histogram.ts'
import { markAt, ownerLabel, parsePart, partLabel, type HistogramMark, type Layout, type PartKind } from './histogramParts.ts'
import { labelValue } from './labels.ts'
import { createMatcher } from './matcher.ts'
import type { SampleColumns } from './sample.ts'

export type HistogramReader = {
  /** Looks up which series have histograms; at the start of a query. */
  refresh(): void
  /** Whether any series has histograms, and whether this one has. */
  readonly hasOwners: boolean
  isOwner(ref: number): boolean
  /** The columns of a series with the histograms that its marks stand for. */
  attach(ref: number, columns: SampleColumns, source: PartSource): SampleColumns
}

/** The hidden series, for the time range of the columns. */
export type PartSource = {
  livesInRange(ref: number): boolean
  /** May overwrite what was read before. */
  read(ref: number): SampleColumns
}

type Part = { readonly ref: number; readonly kind: PartKind }

/** The histograms of a series while their parts come in, one row per sample. */
type Rows = {
  /** Undefined for a sample that is a number. */
  readonly marks: readonly (HistogramMark | undefined)[]
  readonly partCounts: Int32Array
  readonly layouts: (Layout | undefined)[]
  readonly counts: Float64Array
  readonly sums: Float64Array
  readonly zeroCounts: Float64Array
  readonly positive: BucketRows
  readonly negative: BucketRows
}

/** Room for `width` buckets in each row, of which the first `used` are there; they come in the order of their indexes. */
type BucketRows = { readonly width: number; readonly used: Int32Array; readonly indexes: Int32Array; readonly counts: Float64Array }

/** The hidden series of a series' histograms. */
export function partRefs(head: HeadReader, owner: number): Uint32Array {
  return head.select([createMatcher(ownerLabel, '=', String(owner))])
}

export function createHistogramReader(head: HeadReader): HistogramReader {
  const partsOfRef = (ref: number): readonly Part[] => {
    const parts: Part[] = []
    for (const part of partRefs(head, ref)) {
      const kind = parsePart(labelValue(head.labels(part), partLabel))
      if (kind !== undefined) parts.push({ ref: part, kind })
    }
    return parts.sort((a, b) => bucketIndex(a) - bucketIndex(b))
  }
  let owners: ReadonlySet<number> = new Set()
  return {
    refresh() {
      owners = head.histogramOwners()
    },
    get hasOwners() {
      return owners.size > 0
    },
    isOwner: (ref) => owners.has(ref),
    attach(ref, columns, source) {
      if (!mayHoldMarks(columns, owners.has(ref))) return columns
      const { length } = columns
      const timestampsMs = columns.timestampsMs.slice(0, length)
      const valueWords = columns.valueWords.slice(0, 2 * length)
      const marks = Array.from({ length }, (_, i) => markAt(valueWords, i))
      if (marks.every((mark) => mark === undefined)) return columns
      const parts = partsOfRef(ref).filter((part) => source.livesInRange(part.ref))
      const rows = newRows(marks, parts)
      for (const part of parts) fill(rows, timestampsMs, part.kind, source.read(part.ref))
      return finished(timestampsMs, valueWords, rows)
    },
  }
}

/** A series that is not known yet to have histograms has got its first ones a moment ago: at the end. */
function mayHoldMarks({ length, values, valueWords }: SampleColumns, isOwner: boolean): boolean {
  if (length === 0) return false
  const last = values[length - 1] as number // length > 0
  return isOwner || (last !== last && markAt(valueWords, length - 1) !== undefined)
}

function bucketIndex({ kind }: Part): number {
  return kind.kind === 'positive' || kind.kind === 'negative' ? kind.index : Number.MIN_SAFE_INTEGER
}

function newRows(marks: Rows['marks'], parts: readonly Part[]): Rows {
  const { length } = marks
  const buckets = (kind: 'positive' | 'negative'): BucketRows => {
    const width = parts.filter((part) => part.kind.kind === kind).length
    return { width, used: new Int32Array(length), indexes: new Int32Array(length * width), counts: new Float64Array(length * width) }
  }
  const doubles = () => new Float64Array(length)
  return {
    marks, partCounts: new Int32Array(length), layouts: new Array<Layout | undefined>(length), counts: doubles(), sums: doubles(), zeroCounts: doubles(),
    positive: buckets('positive'), negative: buckets('negative'),
  }
}

/** Puts the numbers of one part where they belong; both times ascend. */
function fill(rows: Rows, timestampsMs: Float64Array, part: PartKind, { length, timestampsMs: timesMs, values }: SampleColumns): void {
  const { marks, partCounts } = rows
  let row = 0
  for (let i = 0; i < length; i++) {
    const timeMs = timesMs[i] as number // i < length
    while (row < marks.length && (timestampsMs[row] as number) < timeMs) row++
    if (marks[row] === undefined || timestampsMs[row] !== timeMs) continue
    const value = values[i] as number
    partCounts[row] = (partCounts[row] as number) + 1
    switch (part.kind) {
      case 'count':
        rows.layouts[row] = part.layout
        rows.counts[row] = value
        break
      case 'sum':
        rows.sums[row] = value
        break
      case 'zero':
        rows.zeroCounts[row] = value
        break
      case 'positive':
      case 'negative': {
        const { width, used, indexes, counts } = rows[part.kind]
        const at = row * width + (used[row] as number)
        indexes[at] = part.index
        counts[at] = value
        used[row] = (used[row] as number) + 1
      }
    }
  }
}

function finished(timestampsMs: Float64Array, valueWords: Uint32Array, rows: Rows): SampleColumns {
  const histograms: (NativeHistogram | undefined)[] = []
  let before: NativeHistogram | undefined
  let kept = 0
  rows.marks.forEach((mark, i) => {
    const histogram = mark && histogramOf(rows, i, mark, before)
    if (mark !== undefined && histogram === undefined) return
    before = histogram ?? before
    histograms.push(histogram)
    timestampsMs[kept] = timestampsMs[i] as number // i is below the length of both
    valueWords[2 * kept] = valueWords[2 * i] as number
    valueWords[2 * kept + 1] = valueWords[2 * i + 1] as number
    kept++
  })
  return { length: kept, timestampsMs, values: new Float64Array(valueWords.buffer), valueWords, histograms }
}

function histogramOf(rows: Rows, row: number, mark: HistogramMark, before: NativeHistogram | undefined): NativeHistogram | undefined {
  const layout = rows.layouts[row]
  if (layout === undefined || rows.partCounts[row] !== mark.partCount) return undefined
  return {
    schema: layout.schema,
    zeroThreshold: layout.zeroThreshold,
    customBounds: layout.customBounds,
    counterReset: mark.isGauge ? 'gauge' : 'unknown',
    zeroCount: rows.zeroCounts[row] as number, // one entry per row
    count: rows.counts[row] as number,
    sum: rows.sums[row] as number,
    positive: bucketsOf(rows.positive, row, before?.positive),
    negative: bucketsOf(rows.negative, row, before?.negative),
  }
}

/** Neighbours mostly have the same buckets: then they share the indexes. Counts are shared with the rows where those are mostly full. */
function bucketsOf({ width, used, indexes, counts }: BucketRows, row: number, before: Buckets | undefined): Buckets {
  const length = used[row] as number // one entry per row
  if (length === 0) return noBuckets
  const from = row * width
  return {
    indexes: before !== undefined && hasIndexes(before.indexes, indexes, from, length) ? before.indexes : indexes.slice(from, from + length),
    counts: 2 * length < width ? counts.slice(from, from + length) : counts.subarray(from, from + length),
  }
}

function hasIndexes(known: Int32Array, indexes: Int32Array, from: number, length: number): boolean {
  if (known.length !== length) return false
  for (let k = 0; k < length; k++) if (known[k] !== indexes[from + k]) return false
  return true
}
