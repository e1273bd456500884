// The sample codec for the writer thread and `check`: a kernel instance over a small memory of its own, with columns that
// chunks are decoded into, merged, and encoded from. Query workers do the same inside the shared memory (headReader.ts).

import { assert } from '../../src/base/assert.ts'
import { createKernelMemory, createKernels, type Kernels } from '../../src/kernels/kernels.ts'
import { splitChunk } from '../files/chunkRow.ts'
import { removeRanges, type TimeRange } from '../model/sample.ts'

/** The most samples of one chunk; narrow queries decode whole chunks, wide ones pay per chunk. */
export const maxChunkSamples = 8192

/** Times with more gaps than this holds are stored by themselves. */
const maxWithinBytes = 512

const pageBytes = 65_536
const scratchBytes = 64 * maxChunkSamples + 4096
/** Also what the kernels write of histograms at most, MAX_SECTION_BYTES and the times. */
const outBytes = 768 * 1024
/** The longest section that is decoded: one that any version may have written. */
const inBytes = 10 * 65_536

/** Addresses in the private memory; the first page stays unused. */
const inPtr = pageBytes
const outPtr = inPtr + inBytes
const scratchPtr = outPtr + Math.ceil(outBytes / 16) * 16
const arenaPtr = scratchPtr + scratchBytes
const arenaBytes = 16
const columnsPtr = Math.ceil((arenaPtr + arenaBytes) / pageBytes) * pageBytes
/** Behind the header of a section: that histograms follow the values, as the kernels' KIND_HISTOGRAMS. */
const kindAt = 6
const kindHistograms = 128
/** The kernels' NO_ARENA. */
const noArena = -2
/** Rows of histograms have their places behind it. */
const emptyArenaBytes = 8

export class ChunkCodec {
  readonly #kernels: Kernels
  #capacity = 0
  #count = 0
  #isAscending = true
  #arenaCapacity = 0

  constructor(module: WebAssembly.Module) {
    this.#kernels = createKernels(module, createKernelMemory())
    this.#kernels.memory.grow(Math.ceil(columnsPtr / pageBytes))
    this.#setArenaUsed(emptyArenaBytes)
    this.#reserve(65_536)
  }

  /** Samples in the columns. */
  get count(): number {
    return this.#count
  }

  /** Whether some of what was added are native histograms, for which there are marks among the values. */
  get hasHistograms(): boolean {
    return this.#arenaUsed > emptyArenaBytes
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
    this.#setArenaUsed(emptyArenaBytes)
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
    if (valuesSection[kindAt] === kindHistograms && !this.#addHistograms(valuesSection.length, valuesCount)) return 'histograms are damaged'
    const times = new Float64Array(this.#kernels.memory.buffer, this.#timesPtr, this.#count + timesCount)
    for (let i = Math.max(1, this.#count); i < times.length; i++) {
      if ((times[i] ?? 0) > (times[i - 1] ?? 0)) continue
      if (i > this.#count) return 'times are not ascending'
      this.#isAscending = false
    }
    this.#count += timesCount
    return undefined
  }

  /** Decodes the histograms of the section that was decoded last. False when they are damaged. */
  #addHistograms(length: number, count: number): boolean {
    for (;;) {
      const used = this.#arenaUsed
      const status = this.#kernels.exports.decodeHistograms(inPtr, length, this.#valuesPtr + 8 * this.#count, count, arenaPtr)
      if (status !== noArena) return status === 0
      this.#setArenaUsed(used)
      this.#growArena(this.#kernels.word(arenaPtr + 12))
    }
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

  /** Replaces the columns by ascending times and the words of their values; histograms that were added can be among them. */
  load(timestampsMs: Float64Array, valueWords: Uint32Array): void {
    this.#isAscending = true
    this.#count = 0
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
    return splitChunk(this.encode(0, timestampsMs.length).chunk.slice())
  }

  /**
   * Encodes a chunk of the merged columns from sample `start` on, of `most` samples or, where histograms have many buckets, fewer.
   * Its bytes are a view that holds until the next call.
   */
  encode(start: number, most: number): { readonly count: number; readonly chunk: Uint8Array } {
    assert(this.#isAscending && most >= 1 && most <= maxChunkSamples && start + most <= this.#count, 'these samples are no chunk')
    for (let count = most; count >= 1; count >>= 1) {
      const length = this.#encode(start, count)
      if (length > 0) return { count, chunk: new Uint8Array(this.#kernels.memory.buffer, outPtr, length) }
    }
    throw new Error('bug: the codec refused a chunk')
  }

  #encode(start: number, count: number): number {
    const { exports } = this.#kernels
    const times = this.#timesPtr + 8 * start
    const values = this.#valuesPtr + 8 * start
    if (!this.hasHistograms) return exports.encodeChunk(times, values, count, outPtr, outBytes, scratchPtr)
    this.#reserveBehindArena(exports.histogramWorkBytes(count))
    return exports.encodeHistogramChunk(times, values, count, arenaPtr, outPtr, outBytes, this.#arenaEnd, scratchPtr)
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

  // Behind the columns of times and values lie the rows of histograms.

  get #rowsPtr(): number {
    return columnsPtr + 16 * this.#capacity
  }

  get #arenaEnd(): number {
    return this.#rowsPtr + this.#arenaCapacity
  }

  get #arenaUsed(): number {
    return this.#kernels.word(arenaPtr + 4)
  }

  #setArenaUsed(bytes: number): void {
    this.#kernels.words[arenaPtr / 4 + 1] = bytes
  }

  #growArena(needed: number): void {
    this.#arenaCapacity = Math.ceil(Math.max(needed, 2 * this.#arenaCapacity) / 16) * 16
    this.#placeArena()
  }

  #placeArena(): void {
    this.#reserveBehindArena(0)
    const used = this.#arenaUsed
    this.#kernels.exports.openArena(arenaPtr, this.#rowsPtr, this.#arenaCapacity)
    this.#setArenaUsed(used)
  }

  #reserveBehindArena(bytes: number): void {
    const { memory } = this.#kernels
    const missing = this.#arenaEnd + bytes + 16 - memory.buffer.byteLength
    if (missing > 0) memory.grow(Math.ceil(missing / pageBytes))
  }

  /** Makes room for `samples`, keeping those that are there. */
  #reserve(samples: number): void {
    if (samples <= this.#capacity) return
    const [valuesFrom, rowsFrom] = [this.#valuesPtr, this.#rowsPtr]
    this.#capacity = Math.max(samples, 2 * this.#capacity)
    this.#reserveBehindArena(0)
    const bytes = new Uint8Array(this.#kernels.memory.buffer)
    // What lies further behind first.
    bytes.copyWithin(this.#rowsPtr, rowsFrom, rowsFrom + this.#arenaUsed)
    bytes.copyWithin(this.#valuesPtr, valuesFrom, valuesFrom + 8 * this.#count)
    this.#placeArena()
  }
}
