// How a native histogram is stored: as samples of several hidden series, one per column of numbers, so that the head, the
// log, partitions, late samples, compaction and crashes treat it as they treat numbers, and every bucket is a column of its
// own with shared timestamps.
//
//   owner    the series itself holds the mark: a NaN whose bits tell the number of parts and whether it is a gauge
//   parts    hidden series with the labels __histogram_of__="REF of the owner" and __histogram_part__="PART":
//     count SCHEMA ZERO-THRESHOLD   the count of observations; the layout is in the label, so it is stored once
//     count -53 BOUND,BOUND...      the same of custom buckets
//     sum
//     zero                          the zero bucket, where it is populated
//     +INDEX, -INDEX                a populated positive or negative bucket

import { customSchema, noBounds, type NativeHistogram } from './histogram.ts'

/** The labels of a hidden series; no other series has them, so no selector meets one unless it asks for these. */
export const ownerLabel = '__histogram_of__'
export const partLabel = '__histogram_part__'

// The mark: a quiet NaN that no arithmetic makes, as in assembly/histogramDraft.ts. Its lowest word is the number of parts.
const markHighWord = 0x7ffc4800
const gaugeBit = 1

export type HistogramMark = { readonly partCount: number; readonly isGauge: boolean }

/** The mark at `index` of a column of values, read as words; `undefined` when there is none. */
export function markAt(valueWords: Uint32Array, index: number): HistogramMark | undefined {
  const high = valueWords[2 * index + 1] ?? 0
  if ((high & ~gaugeBit) !== markHighWord) return undefined
  return { partCount: valueWords[2 * index] ?? 0, isGauge: (high & gaugeBit) !== 0 }
}

/** The part at a place of a histogram: count, sum, zero bucket, then the positive and the negative buckets. */
export function partName(histogram: NativeHistogram, place: number): string {
  const { positive, negative } = histogram
  if (place < 3) return place === 0 ? layoutPart(histogram) : place === 1 ? 'sum' : 'zero'
  const bucket = place - 3
  const length = positive.indexes.length
  return bucket < length ? `+${positive.indexes[bucket]}` : `-${negative.indexes[bucket - length]}`
}

function layoutPart({ schema, zeroThreshold, customBounds }: NativeHistogram): string {
  return schema === customSchema ? `count ${schema} ${customBounds.join(',')}` : `count ${schema} ${zeroThreshold}`
}

export type Layout = Pick<NativeHistogram, 'schema' | 'zeroThreshold' | 'customBounds'>

/** What a hidden series holds, from its part label. */
export type PartKind =
  | { readonly kind: 'count'; readonly layout: Layout }
  | { readonly kind: 'sum' | 'zero' }
  | { readonly kind: 'positive' | 'negative'; readonly index: number }

/** `undefined` when the text is no part's. */
export function parsePart(name: string): PartKind | undefined {
  if (name === 'sum' || name === 'zero') return { kind: name }
  const bucket = /^([+-])(-?\d+)$/.exec(name)
  if (bucket !== null) return { kind: bucket[1] === '+' ? 'positive' : 'negative', index: Number(bucket[2]) }
  const [word, schemaText = '', detail = ''] = name.split(' ')
  if (word !== 'count') return undefined
  const schema = Number(schemaText)
  if (schema !== customSchema) return { kind: 'count', layout: { schema, zeroThreshold: Number(detail), customBounds: noBounds } }
  const bounds = detail === '' ? noBounds : Float64Array.from(detail.split(','), Number)
  return { kind: 'count', layout: { schema, zeroThreshold: 0, customBounds: bounds } }
}
