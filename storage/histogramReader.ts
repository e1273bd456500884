// Native histograms put together again in a query worker: the marks of a series say where there are some, the columns of its
// hidden series what they count. A histogram with a part missing, because it is damaged or only just being written, is left
// out.

import type { HeadReader } from './headReader.ts'
import { noBuckets, type Buckets, type NativeHistogram } from './histogram.ts'
import { markAt, ownerLabel, parsePart, partLabel, type HistogramMark, type PartKind } from './histogramParts.ts'
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

/** One histogram while its parts come in; buckets come in the order of their indexes. */
type Draft = {
  readonly mark: HistogramMark
  layout: (PartKind & { kind: 'count' })['layout'] | undefined
  count: number
  sum: number
  zeroCount: number
  partCount: number
  readonly positive: BucketDraft
  readonly negative: BucketDraft
}

type BucketDraft = { readonly indexes: number[]; readonly counts: number[] }

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
      const drafts = Array.from({ length }, (_, i) => newDraft(markAt(valueWords, i)))
      if (drafts.every((draft) => draft === undefined)) return columns
      for (const part of partsOfRef(ref)) if (source.livesInRange(part.ref)) fill(drafts, timestampsMs, part.kind, source.read(part.ref))
      return finished(timestampsMs, valueWords, drafts)
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

function newDraft(mark: HistogramMark | undefined): Draft | undefined {
  if (mark === undefined) return undefined
  const buckets = (): BucketDraft => ({ indexes: [], counts: [] })
  return { mark, layout: undefined, count: 0, sum: 0, zeroCount: 0, partCount: 0, positive: buckets(), negative: buckets() }
}

/** Puts the numbers of one part where they belong; both times ascend. */
function fill(drafts: readonly (Draft | undefined)[], timestampsMs: Float64Array, part: PartKind, { length, timestampsMs: timesMs, values }: SampleColumns): void {
  let at = 0
  for (let i = 0; i < length; i++) {
    const timeMs = timesMs[i] as number // i < length
    while (at < drafts.length && (timestampsMs[at] as number) < timeMs) at++
    const draft = drafts[at]
    if (draft === undefined || timestampsMs[at] !== timeMs) continue
    const value = values[i] as number
    draft.partCount++
    switch (part.kind) {
      case 'count':
        draft.layout = part.layout
        draft.count = value
        break
      case 'sum':
        draft.sum = value
        break
      case 'zero':
        draft.zeroCount = value
        break
      case 'positive':
      case 'negative':
        draft[part.kind].indexes.push(part.index)
        draft[part.kind].counts.push(value)
    }
  }
}

function finished(timestampsMs: Float64Array, valueWords: Uint32Array, drafts: readonly (Draft | undefined)[]): SampleColumns {
  const histograms: (NativeHistogram | undefined)[] = []
  let before: NativeHistogram | undefined
  let kept = 0
  drafts.forEach((draft, i) => {
    const histogram = draft && histogramOf(draft, before)
    if (draft !== undefined && histogram === undefined) return
    before = histogram ?? before
    histograms.push(histogram)
    timestampsMs[kept] = timestampsMs[i] as number // i is below the length of both
    valueWords[2 * kept] = valueWords[2 * i] as number
    valueWords[2 * kept + 1] = valueWords[2 * i + 1] as number
    kept++
  })
  return { length: kept, timestampsMs, values: new Float64Array(valueWords.buffer), valueWords, histograms }
}

function histogramOf({ mark, layout, count, sum, zeroCount, partCount, positive, negative }: Draft, before: NativeHistogram | undefined): NativeHistogram | undefined {
  if (layout === undefined || partCount !== mark.partCount) return undefined
  return {
    ...layout,
    counterReset: mark.isGauge ? 'gauge' : 'unknown',
    zeroCount,
    count,
    sum,
    positive: bucketsOf(positive, before?.positive),
    negative: bucketsOf(negative, before?.negative),
  }
}

/** Neighbours mostly have the same buckets: then they share the indexes. */
function bucketsOf({ indexes, counts }: BucketDraft, before: Buckets | undefined): Buckets {
  if (indexes.length === 0) return noBuckets
  const isSame = before !== undefined && before.indexes.length === indexes.length && indexes.every((index, k) => index === before.indexes[k])
  return { indexes: isSame ? before.indexes : Int32Array.from(indexes), counts: Float64Array.from(counts) }
}
