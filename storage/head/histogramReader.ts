// Native histograms as the rest of the program sees them, from what the kernels have decoded: the marks among the values of a
// series say where in an arena of rows each lies. The layout is that of assembly/codec/histogramArena.ts and histogramMark.ts.

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

/**
 * The columns of a series with the histograms that its marks stand for; what else looks like a mark is a number. Their counts
 * are views of the arena, which the next read overwrites: see `kept`.
 */
export function withHistograms(columns: SampleColumns, rows: DecodedRows): SampleColumns {
  const { length, valueWords } = columns
  const shapes = new Map<number, Shape>()
  const histograms: (NativeHistogram | undefined)[] = []
  for (let i = 0; i < length; i++) {
    const high = valueWords[2 * i + 1] as number // i < length
    histograms.push((high & ~0xff) === markHighWord ? histogramAt(rows, valueWords[2 * i] as number, high & hintMask, shapes) : undefined)
  }
  return shapes.size === 0 ? columns : { ...columns, histograms }
}

/** The same column for longer than until the next read. */
export function keptColumn(histograms: HistogramColumn): HistogramColumn {
  return histograms.map((histogram) => histogram && kept(histogram))
}

/** The same histogram for longer than until the next read. */
export function kept(histogram: NativeHistogram): NativeHistogram {
  const { positive, negative } = histogram
  return isView(positive) || isView(negative) ? { ...histogram, positive: keptBuckets(positive), negative: keptBuckets(negative) } : histogram
}

function keptBuckets(buckets: Buckets): Buckets {
  return isView(buckets) ? { indexes: buckets.indexes, counts: buckets.counts.slice() } : buckets
}

/** Arenas lie in the memory that threads share, and nothing else that a histogram is made of does. */
function isView({ counts }: Buckets): boolean {
  return counts.buffer instanceof SharedArrayBuffer
}

function histogramAt({ words, doubles, pointer, used }: DecodedRows, place: number, hint: number, shapes: Map<number, Shape>): NativeHistogram | undefined {
  if (place < firstPlace || place % 8 !== 0 || place + rowHeaderBytes > used) return undefined
  const at = (pointer + place) / 8
  if (words[2 * at + 1] !== rowWord) return undefined
  const shapePlace = words[2 * at] as number // in the memory, as all that follows
  let shape = shapes.get(shapePlace)
  if (shape === undefined) shapes.set(shapePlace, (shape = shapeOf(words, doubles, pointer + shapePlace)))
  const { schema, zeroThreshold, customBounds, positive, negative } = shape
  const buckets = at + rowHeaderBytes / 8
  return {
    schema,
    zeroThreshold,
    customBounds,
    counterReset: counterResets[hint] as CounterReset, // there are four
    zeroCount: doubles[at + 3] as number,
    count: doubles[at + 1] as number,
    sum: doubles[at + 2] as number,
    positive: bucketsOf(positive, doubles, buckets),
    negative: bucketsOf(negative, doubles, buckets + positive.length),
  }
}

function bucketsOf(indexes: Int32Array, doubles: Float64Array, from: number): Buckets {
  return indexes.length === 0 ? noBuckets : { indexes, counts: doubles.subarray(from, from + indexes.length) }
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
