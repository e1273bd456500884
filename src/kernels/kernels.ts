// The typed door to the WebAssembly module: the one memory that all threads share, and one instance of the module per
// thread over it. A pointer is a plain number, an address in that memory; who may call what is said at each group.

import { readFileSync } from 'node:fs'

/** An address in the shared memory. */
export type Pointer = number

/** What src/kernels/assembly/index.ts exports. */
export type KernelExports = {
  // Main thread: the memory and its counters.
  initialize(): void
  hashSecretAddress(): Pointer
  powersOfTenAddress(): Pointer
  fixedBytes(): number
  readerSlotCount(): number
  setOutOfOrderWindow(windowMs: number): void
  raiseMaxTime(timeMs: number): void
  raiseNextRef(ref: number): void
  maxRef(): number
  seriesCount(): number
  symbolCount(): number
  pairCount(): number
  /** The greatest id of a pair; some below may be free. */
  maxPair(): number
  nameCount(): number
  headMaxTime(): number
  headMinTime(): number
  chunkCount(): number
  chunkBytes(): number
  samplesInMemory(): number
  appendedSamples(): number
  allocatedBytes(): number
  retiredBytes(): number
  bytesLeft(): number
  alloc(bytes: number): Pointer
  free(pointer: Pointer, bytes: number): void
  scratch(bytes: number): Pointer
  reclaim(limit: number): number
  minPinnedEpoch(): number

  // Any thread: spans of its own, and the epoch it reads in.
  takeSpan(bytes: number): Pointer
  giveSpan(pointer: Pointer, bytes: number): void
  memoryPages(): number
  pinEpoch(slot: number): number
  unpinEpoch(slot: number): void

  // Any thread: hashes and the index. A vector is the word { pointer, count }.
  hash128(pointer: Pointer, length: number, out: Pointer): void
  findSymbol(pointer: Pointer, length: number): number
  symbolBlob(symbol: number): Pointer
  findPair(name: number, value: number): number
  pairName(pair: number): number
  pairValue(pair: number): number
  pairPostings(pair: number): bigint
  findName(symbol: number): number
  nameSymbol(name: number): number
  nameValues(name: number): bigint
  hasSeries(ref: number): number
  /** How many series have had native histograms in memory, and whether one has. */
  histogramSeries(): number
  hasHistograms(ref: number): number
  /** The least ref in use that is not below `ref`, 0 when there is none. */
  nextSeries(ref: number): number
  /** Has grown when there are series that readers could not find before. */
  listedCount(): number
  /** Changes when ids of symbols and pairs may have come to mean something else. */
  forgottenCount(): number
  seriesRecord(ref: number): Pointer
  seriesLabelBytes(ref: number, out: Pointer, capacity: number): number

  // Main thread: series.
  normalizeLabels(labels: Pointer, count: number): number
  findOrCreate(labels: Pointer, count: number, beyondLimits: number): number
  parseLabelBytes(pointer: Pointer, length: number, labels: Pointer): number
  /** Whether the series is still there; then its ref can be used until the next turn of the event loop. */
  useSeries(ref: number): number

  // The writer thread at start, before the main thread uses the memory: series and the log's records.
  restorePage(at: Pointer, end: Pointer, lifetimes: Pointer, refsPerPage: number, status: Pointer): Pointer
  decodeRecord(pointer: Pointer, length: number, batch: Pointer, created: Pointer): number
  restoreChunks(at: Pointer, end: Pointer, samples: Pointer): number

  // Main thread: batches and the log's records.
  newBatch(): Pointer
  freeBatch(batch: Pointer): void
  clearBatch(batch: Pointer): void
  stageSample(batch: Pointer, ref: number, timeMs: number, value: number): void
  stageStale(batch: Pointer, ref: number, timeMs: number): void
  unstageFrom(batch: Pointer, count: number): void
  takesZeroAt(ref: number, timeMs: number, sampleMs: number): number
  markZeros(batch: Pointer, from: number): void
  zeroCount(batch: Pointer): number
  validateBatch(batch: Pointer, from: number, to: number, latestMs: number, lenient: number): void
  discardOutOfOrder(batch: Pointer): void
  forgetOutcomes(batch: Pointer): void
  acceptAll(batch: Pointer): number
  appendBatch(batch: Pointer, from: number, to: number, late: number): void
  encodeRecord(batch: Pointer): number
  gatherRecord(batch: Pointer, into: Pointer): number
  freeRecord(pointer: Pointer, bytes: number): void

  // Main thread: when the counters of samples began, see assembly/batch/startTimes.ts.
  noteLastStart(batch: Pointer, startMs: number): void
  noteStartsOf(batch: Pointer, list: Pointer, count: number): void
  stageStarts(batch: Pointer, from: number): number

  // Main thread: native histograms on their way into a batch, see assembly/batch/histogramDraft.ts.
  reserveDraft(buckets: number, bounds: number): Pointer
  stageDraft(batch: Pointer, ref: number, timeMs: number): void
  stageMessages(list: Pointer, from: number, count: number, batch: Pointer, usesCreated: number): number
  forgetOwner(ref: number): void

  // Main thread: limits on series, see assembly/series/limits.ts.
  setSeriesLimits(total: number, perJob: number): void
  countEnded(from: number, to: number, beforeMs: number): number
  countEndedOf(pair: number, from: number, to: number, beforeMs: number): number
  setEnded(total: number): void
  setEndedOfJob(pair: number, ended: number): void
  countRefusal(job: Pointer, length: number): void
  refusals(): Pointer

  // Main thread: removal of series, see assembly/upkeep/forget.ts.
  newForget(from: number, count: number): Pointer
  addCandidates(refs: Pointer, count: number): void
  forgetStep(forget: Pointer, budget: number): number
  freeForget(forget: Pointer): void

  // Main thread: flushing.
  newFlush(isCheckpoint: number): Pointer
  flushStep(flush: Pointer, budget: number): number
  unlistEntries(flush: Pointer, from: number, to: number): void
  dropEntries(flush: Pointer, from: number, to: number): void
  freeFlush(flush: Pointer): void

  // Any thread: chunks of a flush that lasts, for a checkpoint.
  packEntries(list: Pointer, from: number, to: number, out: Pointer, capacity: number, length: Pointer): number

  // Any thread, in its own scratch: reading samples.
  beginRead(state: Pointer, ref: number, minTimeMs: number, maxTimeMs: number): number
  addInOrder(state: Pointer): number
  addOutOfOrder(state: Pointer, ref: number): number
  addStored(state: Pointer, entry: Pointer, outOfOrder: number, beforeMs: number): number
  firstTime(ref: number): number
  lastTime(ref: number): number

  // Main thread: remote write.
  newWrite(bytes: number, batch: Pointer, isV2: number, usesCreated: number, addsTypeAndUnit: number): Pointer
  writeStep(write: Pointer, maxBytes: number): number
  freeWrite(write: Pointer): void

  // Main thread: scrapes.
  newScrapeCache(): Pointer
  freeScrapeCache(cache: Pointer): void
  newParse(bytes: number, batch: Pointer, cache: Pointer, timeMs: number, flags: number, given: Pointer): Pointer
  keepInput(parse: Pointer): void
  parseStep(parse: Pointer): number
  resolveMiss(parse: Pointer, miss: number, ref: number): void
  settleRefs(parse: Pointer): number
  keptCount(parse: Pointer, limit: number): number
  setHardValue(parse: Pointer, index: number, value: number): void
  freeParse(parse: Pointer): void
  markGone(cache: Pointer, batch: Pointer, generation: number, timeMs: number): number
  compact(cache: Pointer, oldestGeneration: number, dropped: number): void
  liveRefs(cache: Pointer, out: Pointer): number

  // Any thread: pieces that are also tested alone.
  parseNumber(pointer: Pointer, out: Pointer): number
  snappyLength(pointer: Pointer, length: number): bigint
  snappyStart(pointer: Pointer): Pointer
  snappyDecode(cursor: Pointer, inEnd: Pointer, out: Pointer, outEnd: Pointer, budget: number): number

  // Any thread, over columns in its own scratch: what queries compute.
  windowsOver(windows: Pointer, times: Pointer, length: number): Pointer
  evaluatePart(task: Pointer, index: number, end: number, accumulator: Pointer): number
  runProgram(program: Pointer, startMs: number, stepMs: number, count: number, scratch: Pointer, end: Pointer): Pointer
  countFlags(flags: Pointer, count: number): number
  firstStale(values: Pointer, length: number): number
  takeNewest(values: Pointer, from: Pointer, to: Pointer, count: number, out: Pointer, present: Pointer): number
  prepareExtrapolation(times: Pointer, from: Pointer, to: Pointer, count: number, startMs: number, stepMs: number, rangeMs: number, divisor: number, out: Pointer): void
  extrapolationBytes(count: number): number
  extrapolate(values: Pointer, length: number, from: Pointer, to: Pointer, count: number, prepared: Pointer, isCounter: number, divisor: number, breaks: Pointer, out: Pointer, present: Pointer): number
  lastTwo(times: Pointer, values: Pointer, from: Pointer, to: Pointer, count: number, isRate: number, out: Pointer, present: Pointer): void
  sumWindows(values: Pointer, length: number, from: Pointer, to: Pointer, count: number, isMean: number, parts: Pointer, out: Pointer, present: Pointer): void
  extremeWindows(values: Pointer, length: number, from: Pointer, to: Pointer, count: number, sign: number, parts: Pointer, out: Pointer, present: Pointer): void
  heapBytes(count: number, most: number): number
  clearHeaps(heaps: Pointer, count: number, most: number): void
  offerColumn(heaps: Pointer, count: number, most: number, limits: Pointer, index: number, values: Pointer, present: Pointer, sign: number): void
  heapSize(heaps: Pointer, count: number, most: number, step: number): number
  heapIndexes(heaps: Pointer, count: number, most: number, step: number): Pointer
  combineColumns(operation: number, left: Pointer, leftPresent: Pointer, right: Pointer, rightPresent: Pointer, count: number, out: Pointer, outPresent: Pointer): number
  addColumn(operation: number, values: Pointer, present: Pointer, count: number, accumulator: Pointer): void
  accumulatorBytes(operation: number, count: number): number
  beginAccumulator(operation: number, count: number, accumulator: Pointer): void
  mergeAccumulators(operation: number, other: Pointer, count: number, accumulator: Pointer): void
  finishAccumulator(operation: number, count: number, accumulator: Pointer): Pointer
  accumulatedFlags(operation: number, count: number, accumulator: Pointer): Pointer
  printStepTexts(startMs: number, stepMs: number, count: number, texts: Pointer, ends: Pointer): Pointer
  printPoints(values: Pointer, present: Pointer, count: number, texts: Pointer, ends: Pointer, out: Pointer): Pointer
  printValue(value: number, out: Pointer): Pointer

  // Any thread: the sample codec.
  encodeChunk(timestamps: Pointer, values: Pointer, count: number, out: Pointer, outCapacity: number, scratch: Pointer): number
  decodeChunk(pointer: Pointer, length: number, timestampsOut: Pointer, valuesOut: Pointer, capacity: number): number
  encodeHistogramChunk(timestamps: Pointer, values: Pointer, count: number, arena: Pointer, out: Pointer, outCapacity: number, work: Pointer, scratch: Pointer): number
  chunkSampleCount(pointer: Pointer, length: number): number
  encodeTimesWithin(timestamps: Pointer, count: number, base: Pointer, baseCount: number, out: Pointer, capacity: number): number
  timesRoom(pointer: Pointer, length: number): number
  decodeTimes(pointer: Pointer, length: number, out: Pointer, capacity: number): number
  decodeValues(pointer: Pointer, length: number, out: Pointer, capacity: number): number
  openArena(arena: Pointer, pointer: Pointer, capacity: number): void
  decodeHistograms(section: Pointer, length: number, values: Pointer, count: number, arena: Pointer): number
  histogramWorkBytes(count: number): number
}

/** Exports that return an address or a count of 32 bits; JavaScript would see those from 2^31 on as negative. */
const unsigned = [
  ...['alloc', 'scratch', 'takeSpan', 'symbolBlob', 'seriesRecord', 'newBatch', 'newFlush', 'newWrite', 'newScrapeCache', 'newParse', 'newForget', 'snappyStart', 'reserveDraft'],
  ...['maxRef', 'nextSeries', 'findOrCreate', 'restorePage', 'minPinnedEpoch', 'pinEpoch', 'heapIndexes', 'runProgram', 'windowsOver', 'finishAccumulator', 'accumulatedFlags'],
] as const

function withUnsignedResults(exports: KernelExports): KernelExports {
  const result: Record<string, unknown> = { ...exports }
  for (const name of unsigned) {
    const inner = exports[name] as (...values: number[]) => number // all in the list take and return numbers
    result[name] = (a: number, b: number, c: number, d: number, e: number, f: number) => inner(a, b, c, d, e, f) >>> 0
  }
  return result as KernelExports // the same names, each with the type it had
}

const modulePath = new URL('kernels.wasm', import.meta.url)
const maxPages = 65_536
const pageBytes = 65_536
const initialPages = 1

let compiled: WebAssembly.Module | undefined

/** The compiled module; compiled once per process. It can be posted to workers. */
export function loadKernelModule(): WebAssembly.Module {
  if (compiled === undefined) {
    let bytes: Uint8Array
    try {
      bytes = readFileSync(modulePath)
    } catch (cause) {
      throw new Error(`${modulePath.pathname} is missing: run \`npm run build:kernels\``, { cause })
    }
    compiled = new WebAssembly.Module(bytes)
  }
  return compiled
}

/** A fresh memory that grows on demand up to 4 GiB. Only what is used takes up real memory. */
export function createKernelMemory(): WebAssembly.Memory {
  return new WebAssembly.Memory({ initial: initialPages, maximum: maxPages, shared: true })
}

/** The module in this thread, over `memory`. Views of the memory are taken anew whenever it has grown. */
export class Kernels {
  readonly module: WebAssembly.Module
  readonly memory: WebAssembly.Memory
  readonly exports: KernelExports
  #buffer: SharedArrayBuffer
  #pages = 0
  #bytes!: Buffer
  #words!: Uint32Array
  #doubles!: Float64Array

  constructor(module: WebAssembly.Module, memory: WebAssembly.Memory) {
    this.module = module
    this.memory = memory
    // The cast holds because the module is built from assembly/index.ts, which KernelExports describes.
    this.exports = withUnsignedResults(new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as KernelExports)
    this.#buffer = memory.buffer
    this.#view()
  }

  #view(): void {
    this.#buffer = this.memory.buffer
    this.#pages = this.#buffer.byteLength / pageBytes
    this.#bytes = Buffer.from(this.#buffer)
    this.#words = new Uint32Array(this.#buffer)
    this.#doubles = new Float64Array(this.#buffer)
  }

  #refresh(): void {
    if (this.exports.memoryPages() !== this.#pages) this.#view()
  }

  /** The memory's bytes as they are now. It is another object when the memory has grown. */
  get buffer(): SharedArrayBuffer {
    this.#refresh()
    return this.#buffer
  }

  /** All of the memory; take it anew after any call that may have grown it. */
  get bytes(): Buffer {
    this.#refresh()
    return this.#bytes
  }

  get words(): Uint32Array {
    this.#refresh()
    return this.#words
  }

  get doubles(): Float64Array {
    this.#refresh()
    return this.#doubles
  }

  /** The u32 at an address. */
  word(pointer: Pointer): number {
    return this.words[pointer >>> 2] ?? 0
  }

  /** The f64 at an address that is a multiple of 8. */
  double(pointer: Pointer): number {
    return this.doubles[pointer / 8] ?? 0
  }
}

/** The module in this thread, over `memory`. */
export function createKernels(module: WebAssembly.Module, memory: WebAssembly.Memory): Kernels {
  return new Kernels(module, memory)
}
