// Native histograms as Prometheus's chunks of float histograms. All of a chunk have the same buckets, which are written once;
// then every count is a column of its own.
//
//   u16 samples | u8 counter reset | zero threshold | schema | positive spans | negative spans | custom bounds
//   then per sample: time, count, zero count, sum, positive buckets, negative buckets
//
// Whole numbers have prefixes for their width: 0 = none | 10 + 3 bits | 110 + 6 | 1110 + 9 | 11110 + 12 | 111110 + 18 |
// 1111110 + 25 | 11111110 + 56 | 11111111 + 64. Counts and sums are doubles, the first whole, later ones as in XOR chunks.

import { customSchema, type NativeHistogram } from '../../storage/model/histogram.ts'
import { spansOf } from '../histograms/spans.ts'
import { BitWriter, fitsBits, XorValues } from './bitWriter.ts'

/** Whether both can be in one chunk, `b` after `a`. */
export function shareChunk(a: NativeHistogram, b: NativeHistogram): boolean {
  if (a.schema !== b.schema || a.zeroThreshold !== b.zeroThreshold || b.counterReset === 'reset') return false
  if ((a.counterReset === 'gauge') !== (b.counterReset === 'gauge')) return false
  return sameNumbers(a.positive.indexes, b.positive.indexes) && sameNumbers(a.negative.indexes, b.negative.indexes) && sameNumbers(a.customBounds, b.customBounds)
}

function sameNumbers(a: Int32Array | Float64Array, b: Int32Array | Float64Array): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i])
}

const resetBits = { unknown: 0b00, reset: 0b10, notReset: 0b01, gauge: 0b11 } as const
const headerBytes = 3
/** Widths of whole numbers; the prefix of the one at index i is i + 1 ones and, but for the last, a zero. */
const widths = [3, 6, 9, 12, 18, 25, 56, 64]

const double = new Float64Array(1)
const words = new Uint32Array(double.buffer)

export type TimedHistogram = { readonly timeMs: number; readonly histogram: NativeHistogram }

/** The list is not empty, ascending by time, and any two neighbours share a chunk. */
export function encodeHistogramChunk(samples: readonly TimedHistogram[]): Uint8Array {
  const [first] = samples
  if (first === undefined) throw new Error('bug: a histogram chunk without samples')
  const out = new BitWriter(headerBytes)
  writeLayout(out, first.histogram)
  const columns = Array.from({ length: 3 + first.histogram.positive.counts.length + first.histogram.negative.counts.length }, () => new XorValues(out))
  let timeMs = 0
  let deltaMs = 0
  samples.forEach((sample, index) => {
    const nextDeltaMs = sample.timeMs - timeMs
    writeInt(out, index === 0 ? sample.timeMs : nextDeltaMs - deltaMs)
    deltaMs = index === 0 ? 0 : nextDeltaMs
    timeMs = sample.timeMs
    const { count, zeroCount, sum, positive, negative } = sample.histogram
    let column = 0
    const write = (value: number) => {
      double[0] = value
      const values = columns[column++]
      if (index === 0) values?.first(words[0] ?? 0, words[1] ?? 0)
      else values?.next(words[0] ?? 0, words[1] ?? 0)
    }
    for (const value of [count, zeroCount, sum]) write(value)
    positive.counts.forEach(write)
    negative.counts.forEach(write)
  })
  const chunk = out.finish(headerBytes)
  new DataView(chunk.buffer).setUint16(0, samples.length)
  chunk[2] = resetBits[first.histogram.counterReset] << 6
  return chunk
}

function writeLayout(out: BitWriter, { schema, zeroThreshold, positive, negative, customBounds }: NativeHistogram): void {
  writeZeroThreshold(out, zeroThreshold)
  writeInt(out, schema)
  for (const spans of [spansOf(positive), spansOf(negative)]) {
    writeUint(out, spans.length)
    for (const { offset, length } of spans) {
      writeUint(out, length)
      writeInt(out, offset)
    }
  }
  if (schema !== customSchema) return
  writeUint(out, customBounds.length)
  customBounds.forEach((bound) => writeBound(out, bound))
}

/** One byte for the powers of two that thresholds are, else the double. */
function writeZeroThreshold(out: BitWriter, threshold: number): void {
  if (threshold === 0) return out.bits(0, 8)
  const exponent = Math.round(Math.log2(threshold))
  const byte = exponent + 244
  if (2 ** exponent === threshold && byte >= 1 && byte <= 254) return out.bits(byte, 8)
  out.bits(255, 8)
  writeDouble(out, threshold)
}

/** Bounds that are whole thousandths are small numbers, others doubles behind a 0. */
function writeBound(out: BitWriter, bound: number): void {
  const thousandths = Math.round(bound * 1000)
  if (thousandths >= 0 && thousandths < 2 ** 24 && thousandths / 1000 === bound) return writeUint(out, thousandths + 1)
  writeUint(out, 0)
  writeDouble(out, bound)
}

function writeDouble(out: BitWriter, value: number): void {
  double[0] = value
  out.bits(words[1] ?? 0, 32)
  out.bits(words[0] ?? 0, 32)
}

function writeInt(out: BitWriter, value: number): void {
  writeWide(out, value, (width) => fitsBits(value, width))
}

function writeUint(out: BitWriter, value: number): void {
  writeWide(out, value, (width) => value < 2 ** width)
}

function writeWide(out: BitWriter, value: number, fits: (width: number) => boolean): void {
  if (value === 0) return out.bits(0, 1)
  const found = widths.findIndex((width) => width === 64 || fits(width))
  const width = widths[found] ?? 64
  if (width === 64) out.bits(0xff, 8)
  else out.bits(2 ** (found + 2) - 2, found + 2)
  if (width === 64) return out.int64(value)
  if (width > 32) out.bits(Math.floor(value / 2 ** 32), width - 32)
  out.bits(value, Math.min(width, 32))
}
