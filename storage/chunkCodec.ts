// The sample codec for the writer thread and `check`: a kernel instance over a small memory of its own, with columns that
// chunks are decoded into, merged, and encoded from. Query workers do the same inside the shared memory (headReader.ts).

import { splitChunk } from './chunkRow.ts'
import { createKernelMemory, createKernels, type Kernels } from '../src/kernels/kernels.ts'
import { removeRanges } from './hiddenSamples.ts'
import type { TimeRange } from './sample.ts'
import { assert } from '../src/base/assert.ts'

/** The most samples of one chunk; narrow queries decode whole chunks, wide ones pay per chunk. */
export const maxChunkSamples = 8192

/** Times with more gaps than this holds are stored by themselves. */
const maxWithinBytes = 512

const pageBytes = 65_536
const scratchBytes = 64 * maxChunkSamples + 4096
const outBytes = 24 * maxChunkSamples + 256
/** The longest section that is decoded: one that any version may have written. */
const inBytes = 10 * 65_536

/** Addresses in the private memory; the first page stays unused. */
const inPtr = pageBytes
const outPtr = inPtr + inBytes
const scratchPtr = outPtr + Math.ceil(outBytes / 16) * 16
const columnsPtr = Math.ceil((scratchPtr + scratchBytes) / pageBytes) * pageBytes

export class ChunkCodec {
  readonly #kernels: Kernels
  #capacity = 0
  #count = 0
  #isAscending = true

  constructor(module: WebAssembly.Module) {
    this.#kernels = createKernels(module, createKernelMemory())
    this.#reserve(65_536)
  }

  /** Samples in the columns. */
  get count(): number {
    return this.#count
  }

  /** Times and values so far, as views that hold until the next call that adds samples. */
  columns(): { timestampsMs: Float64Array; values: Float64Array; valueWords: Uint32Array } {
    const buffer = this.#kernels.memory.buffer
    return {
      timestampsMs: new Float64Array(buffer, this.#timesPtr, this.#count),
      values: new Float64Array(buffer, this.#valuesPtr, this.#count),
      valueWords: new Uint32Array(buffer, this.#valuesPtr, 2 * this.#count),
    }
  }

  /** Empties the columns. */
  clear(): void {
    this.#count = 0
    this.#isAscending = true
  }

  /** Decodes the two sections of a chunk behind what is there. Returns what is wrong with them, if anything; then nothing was added. */
  add(timesSection: Uint8Array, valuesSection: Uint8Array): string | undefined {
    if (timesSection.length > inBytes - 8) return `times section has ${timesSection.length} bytes`
    if (valuesSection.length > inBytes - 8) return `values section has ${valuesSection.length} bytes`
    this.#reserve(this.#count + 65_536)
    const { exports } = this.#kernels
    const room = this.#capacity - this.#count
    this.#input(timesSection)
    const timesCount = exports.decodeTimes(inPtr, timesSection.length, this.#timesPtr + 8 * this.#count, room)
    if (timesCount < 0) return 'times section is damaged'
    this.#input(valuesSection)
    const valuesCount = exports.decodeValues(inPtr, valuesSection.length, this.#valuesPtr + 8 * this.#count, room)
    if (valuesCount < 0) return 'values section is damaged'
    if (timesCount !== valuesCount) return `has ${timesCount} times and ${valuesCount} values`
    const times = new Float64Array(this.#kernels.memory.buffer, this.#timesPtr, this.#count + timesCount)
    for (let i = Math.max(1, this.#count); i < times.length; i++) {
      if ((times[i] ?? 0) > (times[i - 1] ?? 0)) continue
      if (i > this.#count) return 'times are not ascending'
      this.#isAscending = false
    }
    this.#count += timesCount
    return undefined
  }

  /** The times of a section by itself, as a copy; `undefined` when it is damaged. The columns stay as they are. */
  decodeTimes(section: Uint8Array): Float64Array | undefined {
    if (section.length > inBytes - 8) return undefined
    this.#reserve(this.#count + 65_536)
    this.#input(section)
    const at = this.#timesPtr + 8 * this.#count
    const count = this.#kernels.exports.decodeTimes(inPtr, section.length, at, this.#capacity - this.#count)
    return count < 0 ? undefined : new Float64Array(this.#kernels.memory.buffer, at, count).slice()
  }

  /** Orders the columns by time; of samples with the same time the one added last stays. */
  merge(): void {
    if (this.#isAscending) return
    const { timestampsMs, valueWords } = this.columns()
    const order = new Uint32Array(this.#count)
    for (let i = 0; i < order.length; i++) order[i] = i
    order.sort((a, b) => (timestampsMs[a] ?? 0) - (timestampsMs[b] ?? 0) || a - b)
    const times = new Float64Array(this.#count)
    // Values move as words: a NaN keeps its bits.
    const words = new Uint32Array(2 * this.#count)
    let kept = 0
    for (let k = 0; k < order.length; k++) {
      const from = order[k] ?? 0
      const time = timestampsMs[from] ?? 0
      if (kept > 0 && times[kept - 1] === time) kept--
      times[kept] = time
      words[2 * kept] = valueWords[2 * from] ?? 0
      words[2 * kept + 1] = valueWords[2 * from + 1] ?? 0
      kept++
    }
    timestampsMs.set(times.subarray(0, kept))
    valueWords.set(words.subarray(0, 2 * kept))
    this.#count = kept
    this.#isAscending = true
  }

  /** Takes samples out of the merged columns; `ranges` ascend. */
  remove(ranges: readonly TimeRange[]): void {
    assert(this.#isAscending, 'samples are removed before they are merged')
    this.#count = removeRanges({ length: this.#count, ...this.columns() }, ranges)
  }

  /** Replaces the columns by ascending times and the words of their values. */
  load(timestampsMs: Float64Array, valueWords: Uint32Array): void {
    this.clear()
    this.#reserve(timestampsMs.length)
    this.#count = timestampsMs.length
    const columns = this.columns()
    columns.timestampsMs.set(timestampsMs)
    columns.valueWords.set(valueWords)
  }

  /** Both sections of a chunk of these samples, as copies. Uses the columns. */
  encodeColumns(timestampsMs: Float64Array, values: Float64Array): { timesSection: Uint8Array; valuesSection: Uint8Array } {
    const own = values.slice()
    this.load(timestampsMs, new Uint32Array(own.buffer))
    return splitChunk(this.encode(0, timestampsMs.length).slice())
  }

  /** Encodes samples `start .. start + count` of the merged columns. The view holds until the next call. */
  encode(start: number, count: number): Uint8Array {
    assert(this.#isAscending && count >= 1 && count <= maxChunkSamples && start + count <= this.#count, 'these samples are no chunk')
    const length = this.#kernels.exports.encodeChunk(this.#timesPtr + 8 * start, this.#valuesPtr + 8 * start, count, outPtr, outBytes, scratchPtr)
    assert(length > 0, 'the codec refused a chunk')
    return new Uint8Array(this.#kernels.memory.buffer, outPtr, length)
  }

  /** The times of samples `start .. start + count` as a part of others; `undefined` when they are none or it is not worth it. A copy. */
  encodeTimesWithin(start: number, count: number, others: Float64Array): Uint8Array | undefined {
    const { exports, memory } = this.#kernels
    assert(8 * others.length <= inBytes, 'too many times to be within')
    new Float64Array(memory.buffer, inPtr, others.length).set(others)
    const length = exports.encodeTimesWithin(this.#timesPtr + 8 * start, count, inPtr, others.length, scratchPtr, maxWithinBytes)
    return length === 0 ? undefined : new Uint8Array(memory.buffer, scratchPtr, length).slice()
  }

  get #timesPtr(): number {
    return columnsPtr
  }

  get #valuesPtr(): number {
    return columnsPtr + 8 * this.#capacity
  }

  #input(section: Uint8Array): void {
    new Uint8Array(this.#kernels.memory.buffer, inPtr, section.length).set(section)
  }

  /** Makes room for `samples`, keeping those that are there. */
  #reserve(samples: number): void {
    if (samples <= this.#capacity) return
    const capacity = Math.max(samples, 2 * this.#capacity)
    const { memory } = this.#kernels
    const missing = columnsPtr + 16 * capacity + 16 - memory.buffer.byteLength
    if (missing > 0) memory.grow(Math.ceil(missing / pageBytes))
    const from = this.#valuesPtr
    this.#capacity = capacity
    const bytes = new Uint8Array(memory.buffer)
    bytes.copyWithin(this.#valuesPtr, from, from + 8 * this.#count)
  }
}
