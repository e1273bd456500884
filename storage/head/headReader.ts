// The head as a query worker sees it: series by label matchers, and their samples, read in place in the shared memory while
// the main thread goes on appending. The worker's scratch is memory of its own; what it reads is safe while it is pinned.

import { createKernels, type Kernels, type Pointer } from '../../src/kernels/kernels.ts'
import { Span } from '../../src/kernels/span.ts'
import type { Labels } from '../model/labels.ts'
import type { Matcher } from '../model/matcher.ts'
import type { SampleColumns, TimeRange } from '../model/sample.ts'
import { startLabel } from '../model/startTimes.ts'
import { candidateCount } from './headSelect.ts'
import { HeadSymbols, type NamedCount } from './headSymbols.ts'
import { withHistograms } from './histogramReader.ts'
import { KeptSelections } from './keptSelections.ts'

export type HeadReaderInit = {
  readonly module: WebAssembly.Module
  readonly memory: WebAssembly.Memory
  /** The worker's own epoch slot. */
  readonly slot: number
}

export type HeadReaderStats = {
  readonly seriesCount: number
  readonly labelPairCount: number
  readonly chunkCount: number
  readonly minTimeMs: number
  readonly maxTimeMs: number
  /** Each list whole and sorted by count, greatest first. */
  readonly seriesByMetricName: readonly NamedCount[]
  readonly valuesByLabelName: readonly NamedCount[]
  readonly bytesByLabelName: readonly NamedCount[]
  readonly seriesByLabelPair: readonly NamedCount[]
}

export type HeadReader = {
  readonly kernels: Kernels
  /** Comes first, before the snapshot of a partition is taken: then no sample is missed between the two. */
  pin(): void
  unpin(): void
  /**
   * Refs, ascending, of all indexed series that match, those included that only have samples on disk. Not to be changed: the same object when it is
   * the same list. `check` is called while values are matched, and may throw to end it.
   */
  select(matchers: readonly Matcher[], check?: () => void): Uint32Array
  /** How many series `select` looks at; Infinity when it has to search values for that. */
  candidates(matchers: readonly Matcher[]): number
  /** Another number whenever series come or go. */
  indexVersion(): number
  /** How many values the label has, those of series included that are about to go. */
  valueCount(name: string): number
  /** The same object for the same ref until `unpin`, and mostly longer. */
  labels(ref: number): Labels
  /** Sorted; of those among `refs`, or among all series, that `counts`, which is asked about few of them. */
  labelNames(refs: Uint32Array | undefined, counts: (ref: number) => boolean): string[]
  labelValues(name: string, refs: Uint32Array | undefined, counts: (ref: number) => boolean): string[]
  /** Days and times that the series' samples lie in, as far as this process has seen them or was told at start; `undefined` when it has none. */
  timeRange(ref: number): TimeRange | undefined
  stats(): HeadReaderStats
  /** Whether some of the series have, or had, native histograms in memory. */
  hasHistograms(refs: Uint32Array): boolean
  /** Whether any series has start timestamps. */
  hasStartTimes(): boolean
  /** The hidden series with the start timestamps of a series, 0 when it has none. */
  startSeries(ref: number): number

  /**
   * Starts collecting one series' samples: what is added later wins on the same time. In-order samples from the time on that it
   * returns will all come with `addHeadInOrder`; Infinity when none will.
   */
  begin(ref: number, range: TimeRange): number
  /** Chunks of an entry of `ChunkCache`: those out of order, or those in order that begin before `beforeMs`. False when one is damaged. */
  addStored(entry: Pointer, isOutOfOrder: boolean, beforeMs: number): boolean
  addHeadInOrder(): void
  addHeadOutOfOrder(): void
  /** Since the reader was opened. */
  chunksDecoded(): number
  /** What was collected, with marks for native histograms; valid until the next `begin`. */
  end(): SampleColumns
  /** The same columns, or some of them, with the histograms, which are copies. */
  attachHistograms(columns: SampleColumns): SampleColumns
  /** What kernels read a series into, in place of all that; layout in assembly/samples/read.ts. */
  readonly state: Pointer
  /** Room for `samples` in it, kept when it was there. */
  reserve(samples: number): void
  close(): void
}

/** Layout of the read state, as in assembly/samples/read.ts. */
const stateBytes = 80
const timesAt = 16
const countAt = 32
const capacityAt = 36
const chunksDecodedAt = 52
const arenaAt = 64
/** What is decoded first has its place in the arena behind its beginning. */
const emptyArenaBytes = 8
/** The kernels' NO_ARENA. */
const noArena = -2

const firstCapacity = 4096
/** Lengths of columns that are remembered. */
const maxEnded = 32

export function openHeadReader(init: HeadReaderInit): HeadReader {
  const kernels = createKernels(init.module, init.memory)
  const { exports } = kernels
  const symbols = new HeadSymbols(kernels)
  const state = new Span(kernels)
  state.reserve(stateBytes)
  kernels.bytes.fill(0, state.pointer, state.pointer + stateBytes)
  let columns = new Span(kernels)
  let arena = new Span(kernels)
  let capacity = 0
  const selections = new KeptSelections(kernels, symbols)
  /** The series that is being read. */
  let begunRef = 0
  /** What `end` gave before, by length, while the columns are where they were: most series of a query have as many samples as another. */
  const ended = new Map<number, SampleColumns>()
  let endedTimes = 0

  // Both only grow.
  const indexVersion = () => exports.listedCount() + exports.forgottenCount()
  const valueCount = (name: string) => {
    const symbol = symbols.find(name)
    return symbol === 0 ? 0 : symbols.valueCount(symbol)
  }
  const count = () => kernels.word(state.pointer + countAt)
  const reserve = (needed: number) => {
    const kept = count()
    const grown = Math.max(needed, capacity * 2, firstCapacity)
    const fresh = new Span(kernels)
    fresh.reserve(32 * grown)
    const from = kernels.word(state.pointer + timesAt)
    const bytes = kernels.bytes
    if (kept > 0) {
      bytes.copy(bytes, fresh.pointer, from, from + 8 * kept)
      const valuesFrom = kernels.word(state.pointer + timesAt + 4)
      bytes.copy(bytes, fresh.pointer + 8 * grown, valuesFrom, valuesFrom + 8 * kept)
    }
    columns.close()
    columns = fresh
    capacity = grown
    const words = kernels.words
    for (let i = 0; i < 4; i++) words[(state.pointer + timesAt) / 4 + i] = fresh.pointer + 8 * grown * i
    words[(state.pointer + capacityAt) / 4] = grown
    ended.clear()
  }
  reserve(firstCapacity)
  const arenaWord = (at: number) => kernels.word(state.pointer + arenaAt + at)
  /** Makes room for what the arena of histograms needs, keeping what is used. */
  const growArena = (used: number) => {
    const bytes = Math.max(arenaWord(12), 2 * arenaWord(8))
    const fresh = new Span(kernels)
    fresh.reserve(bytes)
    kernels.bytes.copy(kernels.bytes, fresh.pointer, arena.pointer, arena.pointer + used)
    arena.close()
    arena = fresh
    exports.openArena(state.pointer + arenaAt, arena.pointer, bytes)
  }
  /** Makes the room that a kernel says it needs; `used` is what of the arena was before its call. Returns whether it is to be called again. */
  const makesRoom = (status: number, used: number) => {
    if (status > 0) reserve(status)
    else if (status === noArena) growArena(used)
    else return false
    // What it has decoded comes once more.
    kernels.words[(state.pointer + arenaAt) / 4 + 1] = used
    return true
  }
  return {
    kernels,
    pin() {
      exports.pinEpoch(init.slot)
      symbols.refresh()
    },
    unpin: () => exports.unpinEpoch(init.slot),
    select: (matchers, check = () => {}) => selections.select(matchers, check),
    candidates: (matchers) => candidateCount(symbols, matchers),
    indexVersion,
    valueCount,
    labels: (ref) => symbols.labels(ref),
    labelNames: (refs, counts) => symbols.labelNames(refs, counts),
    labelValues: (name, refs, counts) => symbols.labelValues(name, refs, counts),
    timeRange(ref) {
      const maxTimeMs = exports.lastTime(ref)
      const minTimeMs = exports.hasSeries(ref) === 0 ? Infinity : exports.firstTime(ref)
      if (minTimeMs === Infinity) return undefined
      // A series may have out-of-order samples only.
      return { minTimeMs, maxTimeMs: maxTimeMs === -Infinity ? exports.headMaxTime() : maxTimeMs }
    },
    stats: () => ({
      seriesCount: exports.seriesCount(),
      labelPairCount: exports.pairCount(),
      chunkCount: exports.chunkCount(),
      minTimeMs: exports.headMinTime(),
      maxTimeMs: exports.headMaxTime(),
      ...symbols.counts(),
    }),

    hasHistograms: (refs) => exports.histogramSeries() > 0 && refs.some((ref) => exports.hasHistograms(ref) !== 0),
    hasStartTimes: () => symbols.find(startLabel) !== 0,
    startSeries(ref) {
      const name = symbols.find(startLabel)
      const pair = name === 0 ? 0 : symbols.findPair(name, String(ref))
      return pair === 0 ? 0 : (symbols.postings(pair)[0] ?? 0)
    },

    begin(ref, { minTimeMs, maxTimeMs }) {
      begunRef = ref
      return exports.beginRead(state.pointer, ref, minTimeMs, maxTimeMs)
    },
    addStored(entry, isOutOfOrder, beforeMs) {
      const used = arenaWord(4)
      let status = exports.addStored(state.pointer, entry, isOutOfOrder ? 1 : 0, beforeMs)
      while (makesRoom(status, used)) status = exports.addStored(state.pointer, entry, isOutOfOrder ? 1 : 0, beforeMs)
      return status === 0
    },
    addHeadInOrder() {
      const used = arenaWord(4)
      while (makesRoom(exports.addInOrder(state.pointer), used));
    },
    addHeadOutOfOrder() {
      const used = arenaWord(4)
      while (makesRoom(exports.addOutOfOrder(state.pointer, begunRef), used));
    },
    state: state.pointer,
    reserve(samples) {
      if (samples > capacity) reserve(samples)
    },
    chunksDecoded: () => kernels.word(state.pointer + chunksDecodedAt),
    end() {
      const { words, doubles } = kernels
      const length = count()
      const times = words[(state.pointer + timesAt) / 4] as number // in the memory
      const values = words[(state.pointer + timesAt) / 4 + 1] as number
      const known = ended.get(length)
      if (known?.timestampsMs.buffer === doubles.buffer && times === endedTimes) return known
      if (known !== undefined || times !== endedTimes || ended.size >= maxEnded) ended.clear()
      endedTimes = times
      const columns = {
        length,
        timestampsMs: doubles.subarray(times / 8, times / 8 + length),
        values: doubles.subarray(values / 8, values / 8 + length),
        valueWords: words.subarray(values / 4, values / 4 + 2 * length),
      }
      ended.set(length, columns)
      return columns
    },
    attachHistograms(read) {
      const used = arenaWord(4)
      return used <= emptyArenaBytes ? read : withHistograms(read, { words: kernels.words, doubles: kernels.doubles, pointer: arenaWord(0), used })
    },
    close() {
      exports.unpinEpoch(init.slot)
      columns.close()
      arena.close()
      state.close()
      symbols.close()
    },
  }
}
