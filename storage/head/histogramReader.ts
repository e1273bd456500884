// Native histograms as the rest of the program sees them, from what the kernels have decoded: the marks among the values of a
// series say where in an arena of rows each lies. The layout is that of assembly/histogramArena.ts and histogramMark.ts.

import { noBounds, noBuckets, type Buckets, type CounterReset, type NativeHistogram } from '../model/histogram.ts'
import type { HistogramColumn, SampleColumns } from '../model/sample.ts'

/** Rows that kernels have decoded, as bytes `pointer` to `pointer + used` of a memory. */
export type DecodedRows = { readonly words: Uint32Array; readonly doubles: Float64Array; readonly pointer: number; readonly used: number }

const markHighWord = 0x7ffc4800
const hintMask = 3

/** By the bits of a mark. */
export const counterResets = ['unknown', 'reset', 'notReset', 'gauge'] as const satisfies readonly CounterReset[]

/** Marks a row among what else is in the arena, at its second word. */
const rowWord = 0x774f5221
const rowHeaderBytes = 32
const firstPlace = 8

type Shape = Pick<NativeHistogram, 'schema' | 'zeroThreshold' | 'customBounds'> & { readonly positive: Int32Array; readonly negative: Int32Array }

/** The columns of a series with the histograms that its marks stand for, as copies; what else looks like a mark is a number. */
export function withHistograms(columns: SampleColumns, rows: DecodedRows): SampleColumns {
  const { length, valueWords } = columns
  const found: (Found | undefined)[] = []
  const shapes = new Map<number, Shape>()
  let buckets = 0
  for (let i = 0; i < length; i++) {
    const high = valueWords[2 * i + 1] as number // i < length
    const row = (high & ~0xff) === markHighWord ? rowAt(rows, valueWords[2 * i] as number, shapes) : undefined
    found.push(row && { ...row, counterReset: counterResets[high & hintMask] as CounterReset })
    if (row !== undefined) buckets += row.shape.positive.length + row.shape.negative.length
  }
  if (shapes.size === 0) return columns
  const copies = { counts: new Float64Array(buckets), used: 0 }
  let before: NativeHistogram | undefined
  const histograms: HistogramColumn = found.map((one) => {
    if (one === undefined) return undefined
    const histogram = histogramOf(one, rows.doubles, copies, before)
    before = histogram
    return histogram
  })
  return { ...columns, histograms }
}

/** A row by the place of its doubles in the memory. */
type Found = { readonly at: number; readonly shape: Shape; readonly counterReset: CounterReset }

function rowAt({ words, doubles, pointer, used }: DecodedRows, place: number, shapes: Map<number, Shape>): Omit<Found, 'counterReset'> | undefined {
  if (place < firstPlace || place % 8 !== 0 || place + rowHeaderBytes > used) return undefined
  const at = (pointer + place) / 8
  if (words[2 * at + 1] !== rowWord) return undefined
  const shapePlace = words[2 * at] as number // in the memory, as all that follows
  let shape = shapes.get(shapePlace)
  if (shape === undefined) shapes.set(shapePlace, (shape = shapeOf(words, doubles, pointer + shapePlace)))
  return { at, shape }
}

/** Where the counts of the buckets of a series go, one histogram after the other. */
type Copies = { readonly counts: Float64Array; used: number }

function histogramOf({ at, shape, counterReset }: Found, doubles: Float64Array, copies: Copies, before: NativeHistogram | undefined): NativeHistogram {
  const { schema, zeroThreshold, customBounds, positive, negative } = shape
  const buckets = at + rowHeaderBytes / 8
  return {
    schema,
    zeroThreshold,
    customBounds,
    counterReset,
    zeroCount: doubles[at + 3] as number, // in the memory
    count: doubles[at + 1] as number,
    sum: doubles[at + 2] as number,
    positive: bucketsOf(positive, doubles, buckets, copies, before?.positive),
    negative: bucketsOf(negative, doubles, buckets + positive.length, copies, before?.negative),
  }
}

function shapeOf(words: Uint32Array, doubles: Float64Array, pointer: number): Shape {
  const at = pointer / 4
  const bounds = words[at + 1] as number // in the memory
  const positives = words[at + 4] as number
  const indexes = at + 6 + 2 * bounds
  const all = new Int32Array(words.slice(indexes, indexes + positives + (words[at + 5] as number)).buffer)
  return {
    schema: (words[at] as number) | 0,
    zeroThreshold: doubles[pointer / 8 + 1] as number,
    customBounds: bounds === 0 ? noBounds : doubles.slice(pointer / 8 + 3, pointer / 8 + 3 + bounds),
    positive: all.subarray(0, positives),
    negative: all.subarray(positives),
  }
}

/** The populated ones of the buckets of a row. Neighbours that have the same share the indexes. */
function bucketsOf(indexes: Int32Array, doubles: Float64Array, from: number, copies: Copies, before: Buckets | undefined): Buckets {
  const start = copies.used
  for (let k = 0; k < indexes.length; k++) {
    const count = doubles[from + k] as number // as many as there are indexes
    if (count !== 0) copies.counts[copies.used++] = count
  }
  const length = copies.used - start
  if (length === 0) return noBuckets
  const counts = copies.counts.subarray(start, copies.used)
  if (length === indexes.length) return { indexes, counts }
  const populated = indexes.filter((_, k) => doubles[from + k] !== 0)
  return { indexes: before !== undefined && isSame(before.indexes, populated) ? before.indexes : populated, counts }
}

function isSame(a: Int32Array, b: Int32Array): boolean {
  return a.length === b.length && a.every((index, k) => index === b[k])
}
