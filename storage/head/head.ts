// The head: all series, and their recent samples, in the memory that every thread shares. This is the main thread's side:
// recovery and appends (flushing is headFlushes.ts); query workers read the same memory through headReader.ts. It does not know
// the disk: what is committed goes to `appendLog`, what is flushed is a list of chunks.

import { randomFillSync } from 'node:crypto'
import { assert } from '../../src/base/assert.ts'
import type { Kernels } from '../../src/kernels/kernels.ts'
import { powersOfTen } from '../../src/kernels/powersOfTen.ts'
import { labelValue, type Labels } from '../model/labels.ts'
import { StorageUnavailableError } from '../model/storageError.ts'
import { ChangeLog, type Changes } from './changes.ts'
import { HeadBatch, type BatchHost, type LogRecord } from './headBatch.ts'
import { countEndedSeries } from './headEnded.ts'
import { HeadFlushes } from './headFlushes.ts'
import { forgetSeries } from './headForget.ts'
import { encodeLabels } from './headLabels.ts'
import type { HeadReaderInit } from './headReader.ts'
import { symbolText } from './headSymbols.ts'

export type HeadOptions = {
  readonly kernels: Kernels
  /**
   * Called once per commit, in commit order. Resolves once the record, and an empty one once all before it, survive a
   * process crash; of one that may wait, a moment later.
   */
  readonly appendLog: (record: LogRecord) => Promise<void>
  /** The error that commits are refused with while the log cannot be written; nothing enters the head then. */
  readonly logBlocked?: () => Error | undefined
  /** Most active series in all, and most with the same label `job`; 0 is no limit. */
  readonly maxSeries?: number
  readonly maxSeriesPerJob?: number
  readonly nowMs?: () => number
  /** How long flushed chunks stay in memory for queries of recent times. */
  readonly keepFlushedMs?: number
}

export type HeadStats = {
  readonly seriesCount: number
  readonly symbolCount: number
  readonly labelPairCount: number
  /** In memory. */
  readonly sampleCount: number
  readonly chunkCount: number
  readonly chunkBytes: number
  /** Of everything appended since the start; Infinity and -Infinity when there is nothing. */
  readonly minTimeMs: number
  readonly maxTimeMs: number
  readonly appendedSamples: number
  /** Series removed since the start. */
  readonly removedSeries: number
  /** In use, and claimed from the system, readers' scratch included. */
  readonly allocatedBytes: number
  readonly memoryBytes: number
}

const labelStructBytes = 16
/** More labels than this has no series; the kernels' MAX_LABELS. */
const maxLabels = 1024

/** How long the samples of commits that may wait are gathered: a record, and a wake of the writer, cost as much as appending the samples of a scrape. */
const gatherMs = 200
/** So many are logged at once. */
const maxGatheredSamples = 32_768

/** Batches that are kept for the next callers: their memory is still in the processor's cache. */
const maxSpareBatches = 2

/** Below this much memory that is left, nothing new is accepted. */
const reservedBytes = 192 * 1024 * 1024

export class Head {
  readonly kernels: Kernels
  readonly flushes: HeadFlushes
  readonly #appendLog: (record: LogRecord) => Promise<void>
  readonly #host: BatchHost
  readonly #freeSlots: number[] = []
  readonly #spareBatches: HeadBatch[] = []
  #gatherBatch: HeadBatch | undefined
  #gathered: { readonly done: PromiseWithResolvers<void>; readonly timer: NodeJS.Timeout } | undefined
  #outOfOrderWindowMs = 0
  #pendingLogBytes = 0
  #removedSeries = 0
  readonly #hasSeriesLimits: boolean
  readonly #nowMs: () => number
  readonly #labelRefs = new WeakMap<Labels, number>()
  #isClosed = false
  readonly #changes = new ChangeLog()

  constructor(options: HeadOptions) {
    const { kernels } = options
    this.kernels = kernels
    this.#appendLog = options.appendLog
    this.#nowMs = options.nowMs ?? Date.now
    this.flushes = new HeadFlushes(kernels, { keepFlushedMs: options.keepFlushedMs ?? 300_000, nowMs: this.#nowMs })
    claimFixedMemory(kernels)
    kernels.exports.initialize()
    for (let slot = kernels.exports.readerSlotCount() - 1; slot >= 0; slot--) this.#freeSlots.push(slot)
    this.#hasSeriesLimits = (options.maxSeries ?? 0) > 0 || (options.maxSeriesPerJob ?? 0) > 0
    kernels.exports.setSeriesLimits(options.maxSeries ?? 0, options.maxSeriesPerJob ?? 0)
    this.#host = {
      kernels,
      nowMs: this.#nowMs,
      logBlocked: () => options.logBlocked?.() ?? this.#memoryShortage(),
      // Also for an empty record: who is told that a sample is there already must not be told so before it is safe.
      beginLog: () => this.sendGathered(),
      log: (record, allocatedBytes) => this.#log(record, allocatedBytes),
      gather: (batch, sampleCount) => this.#gather(batch, sampleCount),
      keep: (batch) => this.#spareBatches.length < maxSpareBatches && this.#spareBatches.push(batch) > 0,
    }
  }

  /** How far behind the newest sample of the head a sample may be and still be stored; 0: only in order. */
  get outOfOrderWindowMs(): number {
    return this.#outOfOrderWindowMs
  }

  set outOfOrderWindowMs(windowMs: number) {
    this.#outOfOrderWindowMs = windowMs
    this.kernels.exports.setOutOfOrderWindow(windowMs)
  }

  // Ingest.

  /**
   * The ref of the series, new if need be, 0 when a limit forbids that; for those that go `beyondLimits` only that on memory does.
   * `labels` are sorted by name, unique and without empty values; their ref is kept per object.
   */
  findOrCreate(labels: Labels, beyondLimits = false): number {
    const known = this.#labelRefs.get(labels)
    if (known !== undefined && this.kernels.exports.useSeries(known) !== 0) return known
    const ref = this.#findSeries(labels, beyondLimits)
    if (ref !== 0) this.#labelRefs.set(labels, ref)
    return ref
  }

  /** The same for labels that nobody keeps. */
  #findSeries(labels: Labels, beyondLimits = false): number {
    assert(labels.length > 0, 'a series has labels')
    const { exports } = this.kernels
    if (labels.length > maxLabels) {
      this.#countRefusal(labelValue(labels, 'job'))
      return 0
    }
    const bytes = encodeLabels(labels)
    const scratch = exports.scratch(maxLabels * labelStructBytes + bytes.length + 16)
    const bytesAt = scratch + maxLabels * labelStructBytes
    this.kernels.bytes.set(bytes, bytesAt)
    const count = exports.parseLabelBytes(bytesAt, bytes.length, scratch)
    assert(count > 0, 'labels are not sorted, not unique or empty')
    return exports.findOrCreate(scratch, count, beyondLimits ? 1 : 0)
  }

  #countRefusal(job: string): void {
    const { exports } = this.kernels
    const bytes = Buffer.from(job)
    const at = exports.scratch(bytes.length + 16)
    this.kernels.bytes.set(bytes, at)
    exports.countRefusal(at, bytes.length)
  }

  /** A batch of its own for a caller; it can be used again after each commit or rollback. */
  batch(): HeadBatch {
    return this.#spareBatches.pop() ?? new HeadBatch(this.#host)
  }

  /** What was written up to now. */
  changes(): Changes {
    return this.#changes.snapshot()
  }

  #log(record: LogRecord, allocatedBytes: number): Promise<void> {
    if (record.length > 0) this.#changes.note(record.minTimeMs)
    return this.#send(record, allocatedBytes)
  }

  #send(record: LogRecord, allocatedBytes: number): Promise<void> {
    this.#pendingLogBytes += record.length
    const release = () => {
      this.#pendingLogBytes -= record.length
      if (!this.#isClosed && record.length > 0) this.kernels.exports.freeRecord(record.ptr, allocatedBytes)
    }
    return this.#appendLog(record).finally(release)
  }

  #gather(batch: HeadBatch, sampleCount: number): Promise<void> | undefined {
    this.#gatherBatch ??= new HeadBatch({ ...this.#host, beginLog: () => {}, log: (record, allocatedBytes) => this.#send(record, allocatedBytes) })
    if (this.kernels.exports.gatherRecord(batch.pointer, this.#gatherBatch.pointer) === 0) return undefined
    if (sampleCount > 0) this.#changes.note(batch.minTimeMs)
    this.#gathered ??= { done: Promise.withResolvers(), timer: setTimeout(() => this.sendGathered(), gatherMs) }
    const { promise } = this.#gathered.done
    if (this.#gatherBatch.count >= maxGatheredSamples) this.sendGathered()
    return promise
  }

  /** Logs what was committed by those who may wait. */
  sendGathered(): void {
    const gathered = this.#gathered
    if (gathered === undefined || this.#gatherBatch === undefined) return
    this.#gathered = undefined
    clearTimeout(gathered.timer)
    gathered.done.resolve(this.#gatherBatch.log(this.#gatherBatch.count))
  }

  #memoryShortage(): Error | undefined {
    const { exports } = this.kernels
    if (exports.bytesLeft() > reservedBytes) return undefined
    return new StorageUnavailableError('the head has reached its 4 GiB of memory: fewer series, or a flush, must make room')
  }

  /** Tells limits which series have ended by `nowMs`: those are not counted until they are active again. Called about once a minute. */
  async countEnded(nowMs: number): Promise<void> {
    if (this.#hasSeriesLimits) await countEndedSeries(this.kernels, nowMs)
  }

  /** Removes those of the series that have no samples in memory; they must have none on disk. */
  async forget(refs: Uint32Array): ReturnType<typeof forgetSeries> {
    // Those that go have ended, and ids of jobs may come to mean others.
    this.kernels.exports.setEnded(0)
    const result = await forgetSeries(this.kernels, refs)
    for (const ref of result.gone) this.kernels.exports.forgetOwner(ref)
    this.#removedSeries += result.removedCount
    return result
  }

  /** A series' labels as bytes; empty when no series has the ref. */
  seriesLabelBytes(ref: number): Uint8Array {
    const { exports } = this.kernels
    if (exports.hasSeries(ref) === 0) return new Uint8Array()
    let capacity = 4096
    for (;;) {
      const out = exports.scratch(capacity)
      const length = exports.seriesLabelBytes(ref, out, capacity)
      if (length <= capacity) return Uint8Array.from(this.kernels.bytes.subarray(out, out + length))
      capacity = length
    }
  }

  /** How often a limit has refused a new series since the start, by job; one that has no job is under ''. */
  refusals(): { readonly job: string; readonly count: number }[] {
    const { exports } = this.kernels
    const list = exports.refusals()
    const count = this.kernels.word(list + 4)
    const first = this.kernels.word(list)
    return Array.from({ length: count }, (_, i) => {
      const symbol = this.kernels.word(first + 8 * i)
      return { job: symbol === 0 ? '' : symbolText(this.kernels, symbol), count: this.kernels.word(first + 8 * i + 4) }
    })
  }

  get seriesCount(): number {
    return this.kernels.exports.seriesCount()
  }

  /** The greatest ref in use. */
  get maxRef(): number {
    return this.kernels.exports.maxRef()
  }

  /** Of records that are not committed yet. */
  get pendingLogBytes(): number {
    return this.#pendingLogBytes
  }

  stats(): HeadStats {
    const { exports, memory } = this.kernels
    return {
      seriesCount: exports.seriesCount(),
      symbolCount: exports.symbolCount(),
      labelPairCount: exports.pairCount(),
      sampleCount: exports.samplesInMemory(),
      chunkCount: exports.chunkCount(),
      chunkBytes: exports.chunkBytes(),
      minTimeMs: exports.headMinTime(),
      maxTimeMs: exports.headMaxTime(),
      appendedSamples: exports.appendedSamples(),
      removedSeries: this.#removedSeries,
      allocatedBytes: exports.allocatedBytes(),
      memoryBytes: memory.buffer.byteLength,
    }
  }

  // Readers.

  /** What a worker needs to read the head. One per worker; it can be posted. */
  readerInit(): HeadReaderInit {
    const slot = this.#freeSlots.pop()
    assert(slot !== undefined, 'more readers than epoch slots')
    return { module: this.kernels.module, memory: this.kernels.memory, slot }
  }

  /** The worker that had `init` has ended, perhaps in the middle of a read. */
  releaseReader(init: HeadReaderInit): void {
    this.kernels.exports.unpinEpoch(init.slot)
    this.#freeSlots.push(init.slot)
  }

  /** The memory itself goes when nobody refers to it any more. */
  close(): void {
    this.#isClosed = true
    clearTimeout(this.#gathered?.timer)
  }
}

/** Grows a fresh memory to its fixed part and writes what the kernels expect there. */
function claimFixedMemory(kernels: Kernels): void {
  const { exports, memory } = kernels
  const pageBytes = 65_536
  const missing = Math.ceil((exports.fixedBytes() - memory.buffer.byteLength) / pageBytes)
  if (missing > 0) memory.grow(missing)
  const secret = randomFillSync(new Uint8Array(32))
  kernels.bytes.set(secret, exports.hashSecretAddress())
  new BigUint64Array(memory.buffer, exports.powersOfTenAddress()).set(powersOfTen())
}
