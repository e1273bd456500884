// Samples on their way into the head: staged, validated, appended and logged together. Short batches go through without a
// pause; long ones in slices between which the event loop runs.

import { takeSteps } from '../../src/base/steps.ts'
import type { Kernels, Pointer } from '../../src/kernels/kernels.ts'
import { emptyLike, type NativeHistogram } from '../model/histogram.ts'
import { writeDraft } from './histogramDraft.ts'

/** Why a sample was not stored. */
export type BadSampleKind = 'duplicate' | 'outOfOrder' | 'tooOld' | 'outOfBounds' | 'tooFarAhead'

export type BadSample = {
  readonly kind: BadSampleKind
  readonly index: number
  readonly ref: number
  readonly timestampMs: number
  readonly value: number
  /** For a duplicate: the value that is there. */
  readonly lastValue: number
}

/** What became of the samples of a batch, as counts. */
export type BatchOutcome = {
  readonly stored: number
  readonly duplicate: number
  readonly outOfOrder: number
  readonly tooOld: number
  readonly outOfBounds: number
  readonly tooFarAhead: number
  /** How many of those that were not stored are histograms. */
  readonly badHistograms: number
  /** The first sample that was not stored for one of these reasons. */
  readonly firstBad?: BadSample
}

/** A batch whose samples are in the head. */
export type StoredBatch = {
  readonly outcome: BatchOutcome
  /** Resolves once the stored samples survive a process crash. */
  readonly logged: Promise<void>
}

/** One record of the sample log. Bytes `ptr` to `ptr + length` of the shared memory stay as they are until `appendLog`'s promise settles. */
export type LogRecord = {
  readonly ptr: Pointer
  readonly length: number
  readonly sampleCount: number
  readonly newSeriesCount: number
  readonly minTimeMs: number
  readonly maxTimeMs: number
}

/** What a batch needs of its head. */
export type BatchHost = {
  readonly kernels: Kernels
  readonly nowMs: () => number
  readonly logBlocked: () => Error | undefined
  /** Called before a record is encoded: what comes before it in the log has its record first, since the first one describes a series. */
  beginLog(): void
  /** Hands the record to the log and frees it afterwards; an empty one only waits for those before it. */
  log(record: LogRecord, allocatedBytes: number): Promise<void>
  /** As `log`, but with those of other batches in one record, some time later; `undefined` when the batch must have a record of its own. */
  gather(batch: HeadBatch, sampleCount: number): Promise<void> | undefined
  /** Whether the batch, which is empty and nobody's any more, is kept for the next caller. */
  keep(batch: HeadBatch): boolean
}

/** `skipBad` stores what is good; `allOrNothing` stores nothing when a sample is bad. */
export type CommitMode = 'skipBad' | 'allOrNothing'

export type CommitOptions = {
  /** Every sample is stored, however old: one that is not in order goes out of order, and wins over one of the same time. */
  readonly anyAge?: boolean
  /** Only samples that are in order are stored, whatever the head's window is. */
  readonly discardOutOfOrder?: boolean
  /** What is late or double only beside earlier samples of the same batch is passed over and not bad. */
  readonly lenient?: boolean
  /** The outcome counts the samples before this index only. */
  readonly counted?: number
  /** Nobody is kept waiting by the commit: the log may gather others with it for a moment. */
  readonly mayWait?: boolean
}

/** A sample may be this far ahead of the clock. */
const maxAheadMs = 600_000

/** Samples validated or appended between two looks at the event loop: one to three milliseconds. */
const sliceSamples = 32_768

// Layout of a batch, as in assembly/batch/batch.ts.
const countAt = 16
const tallyAt = 24
const firstBadAt = 72
const timesAt = 4
const valuesAt = 8
const refsAt = 0
const minTimeAt = 80
const recordAt = 96
const recordBytesAt = 104
const newSeriesAt = 108
const lastValueAt = 112
const badHistogramsAt = 140
const startCountAt = 176
const startBytes = 16

const outcome = { stored: 0, storedOutOfOrder: 2, duplicate: 3, outOfOrder: 4, tooOld: 5, outOfBounds: 6, tooFarAhead: 7 } as const

const badKinds: Readonly<Record<number, BadSampleKind>> = {
  [outcome.duplicate]: 'duplicate',
  [outcome.outOfOrder]: 'outOfOrder',
  [outcome.tooOld]: 'tooOld',
  [outcome.outOfBounds]: 'outOfBounds',
  [outcome.tooFarAhead]: 'tooFarAhead',
}

export class HeadBatch {
  readonly #host: BatchHost
  /** Address of the batch, for the kernels that stage into it. */
  readonly pointer: Pointer

  constructor(host: BatchHost) {
    this.#host = host
    this.pointer = host.kernels.exports.newBatch()
  }

  /** Stages a sample. A NaN is stored as an ordinary NaN; the staleness marker has its own call. */
  append(ref: number, timestampMs: number, value: number): void {
    this.#host.kernels.exports.stageSample(this.pointer, ref, timestampMs, value)
  }

  appendStale(ref: number, timestampMs: number): void {
    this.#host.kernels.exports.stageStale(this.pointer, ref, timestampMs)
  }

  appendHistogram(ref: number, timestampMs: number, histogram: NativeHistogram): void {
    const { kernels } = this.#host
    writeDraft(kernels, histogram)
    kernels.exports.stageDraft(this.pointer, ref, timestampMs)
  }

  /**
   * Stages the zero of the counter that a sample of `timestampMs` is of, for the time at which it was created. It is stored when
   * its series has nothing from then on, and else is no bad sample. To be called before the sample is staged.
   */
  appendZero(ref: number, createdMs: number, { timestampMs, histogram }: { readonly timestampMs: number; readonly histogram?: NativeHistogram | undefined }): void {
    const { exports } = this.#host.kernels
    if (exports.takesZeroAt(ref, createdMs, timestampMs) === 0) return
    const from = this.count
    if (histogram === undefined) this.append(ref, createdMs, 0)
    else this.appendHistogram(ref, createdMs, emptyLike(histogram))
    exports.markZeros(this.pointer, from)
  }

  /** Looks at all samples that are staged; the mark of a histogram is a NaN. */
  each(visit: (ref: number, timestampMs: number, value: number) => void): void {
    const { kernels } = this.#host
    const { words, doubles } = kernels
    const refs = kernels.word(this.pointer + refsAt) / 4
    const times = kernels.word(this.pointer + timesAt) / 4
    const values = kernels.word(this.pointer + valuesAt) / 8
    const { count } = this
    for (let i = 0; i < count; i++) {
      const timestampMs = ((words[times + 2 * i + 1] as number) | 0) * 2 ** 32 + (words[times + 2 * i] as number) // the columns are in the memory
      visit(words[refs + i] as number, timestampMs, doubles[values + i] as number)
    }
  }

  /** The sample or histogram staged last belongs to a counter that began at a time before it. To be kept as its start timestamp, see startTimes.ts. */
  noteStart(startMs: number): void {
    this.#host.kernels.exports.noteLastStart(this.pointer, startMs)
  }

  /** The same of the last sample that each of these series has in the batch. */
  noteStarts(starts: readonly { readonly ref: number; readonly startMs: number }[]): void {
    if (starts.length === 0) return
    const { kernels } = this.#host
    const list = kernels.exports.scratch(startBytes * starts.length)
    const { words, doubles } = kernels
    starts.forEach(({ ref, startMs }, i) => {
      words[(list + startBytes * i) / 4] = ref
      doubles[(list + startBytes * i) / 8 + 1] = startMs
    })
    kernels.exports.noteStartsOf(this.pointer, list, starts.length)
  }

  /** How many of the samples that were staged `appendZero` or a kernel has staged as zeros of counters. */
  get zeroCount(): number {
    return this.#host.kernels.exports.zeroCount(this.pointer)
  }

  /** Samples staged. */
  get count(): number {
    return this.#host.kernels.word(this.pointer + countAt)
  }

  /** What would become of the staged samples now. */
  check(): BatchOutcome {
    return this.#validate(0)
  }

  /** What would become of the sample staged last; a bad one is taken back. */
  checkLast(): BatchOutcome {
    const last = this.count - 1
    const result = this.#validate(last)
    if (result.firstBad !== undefined) this.unstageFrom(last)
    return result
  }

  /** Takes back the samples staged from index `count` on. */
  unstageFrom(count: number): void {
    this.#host.kernels.exports.unstageFrom(this.pointer, count)
  }

  #validate(from: number): BatchOutcome {
    const { kernels, nowMs } = this.#host
    kernels.exports.forgetOutcomes(this.pointer)
    kernels.exports.validateBatch(this.pointer, from, this.count, nowMs() + maxAheadMs, 0)
    return this.#outcome()
  }

  /**
   * Validates, appends and logs. Resolves once the stored samples survive a process crash; then the batch is empty again.
   * What is stored can be queried earlier: before this returns its promise, unless the batch is long.
   */
  async commit(mode: CommitMode, options: CommitOptions = {}): Promise<BatchOutcome> {
    const { outcome, logged } = await this.store(mode, options)
    await logged
    return outcome
  }

  /** As `commit`, but does not wait for the log; a batch that is not long is stored, and empty again, when this returns. */
  store(mode: CommitMode, options: CommitOptions = {}): StoredBatch | Promise<StoredBatch> {
    const blocked = this.#host.logBlocked()
    if (blocked !== undefined) {
      this.rollback()
      throw blocked
    }
    return takeSteps(options.anyAge === true ? this.#storeAll() : this.#store(mode, options))
  }

  *#store(mode: CommitMode, options: CommitOptions): Generator<void, StoredBatch> {
    const { kernels, nowMs } = this.#host
    const { exports } = kernels
    const count = this.count
    const latestMs = nowMs() + maxAheadMs
    exports.forgetOutcomes(this.pointer)
    const counted = options.counted ?? count
    for (let from = 0; from < counted; from += sliceSamples) {
      if (from > 0) yield
      exports.validateBatch(this.pointer, from, Math.min(counted, from + sliceSamples), latestMs, options.lenient === true ? 1 : 0)
    }
    const outcome = this.#outcome()
    if (counted < count) exports.validateBatch(this.pointer, counted, count, latestMs, 0)
    if (options.discardOutOfOrder === true) exports.discardOutOfOrder(this.pointer)
    if (mode === 'allOrNothing' && outcome.firstBad !== undefined) {
      this.rollback()
      return { outcome: { ...outcome, stored: 0 }, logged: Promise.resolve() }
    }
    yield* this.#append(0)
    return { outcome, logged: (options.mayWait === true ? this.#gather(outcome.stored) : undefined) ?? this.log(outcome.stored) }
  }

  *#storeAll(): Generator<void, StoredBatch> {
    const { exports } = this.#host.kernels
    const count = this.count
    exports.forgetOutcomes(this.pointer)
    const unknown = exports.acceptAll(this.pointer)
    yield* this.#append(1)
    return { outcome: { ...this.#outcome(), stored: count - unknown }, logged: this.log(count) }
  }

  /** Appends what was found good, and beside it the starts that were noted. */
  *#append(late: 0 | 1): Generator<void> {
    const { kernels } = this.#host
    const { exports } = kernels
    const starts = kernels.word(this.pointer + startCountAt)
    for (let from = 0; from < starts; ) {
      if (from > 0) yield
      from = exports.stageStarts(this.pointer, from)
    }
    const { count } = this
    for (let from = 0; from < count; from += sliceSamples) {
      if (from > 0) yield
      exports.appendBatch(this.pointer, from, Math.min(count, from + sliceSamples), late)
    }
  }

  /** Forgets what is staged. */
  rollback(): void {
    this.#host.kernels.exports.clearBatch(this.pointer)
  }

  /** Nobody may use the batch any more. */
  close(): void {
    this.rollback()
    if (!this.#host.keep(this)) this.#host.kernels.exports.freeBatch(this.pointer)
  }

  #gather(sampleCount: number): Promise<void> | undefined {
    const logged = this.#host.gather(this, sampleCount)
    if (logged !== undefined) this.rollback()
    return logged
  }

  /** Encodes the record of the appended samples and empties the batch at once; the promise is that of the log. */
  log(sampleCount: number): Promise<void> {
    const { kernels } = this.#host
    this.#host.beginLog()
    const length = kernels.exports.encodeRecord(this.pointer)
    const record: LogRecord = {
      ptr: kernels.word(this.pointer + recordAt),
      length,
      sampleCount,
      newSeriesCount: kernels.word(this.pointer + newSeriesAt),
      minTimeMs: this.minTimeMs,
      maxTimeMs: this.#time(minTimeAt + 8),
    }
    const allocatedBytes = kernels.word(this.pointer + recordBytesAt)
    kernels.exports.clearBatch(this.pointer)
    // With nothing to log the samples are those of earlier commits, which may still be on their way to the disk.
    return this.#host.log(record, allocatedBytes)
  }

  /** Of the samples that were appended; only when there are any. */
  get minTimeMs(): number {
    return this.#time(minTimeAt)
  }

  #time(offset: number): number {
    const { kernels } = this.#host
    return (kernels.word(this.pointer + offset + 4) | 0) * 2 ** 32 + kernels.word(this.pointer + offset)
  }

  #tally(kind: number): number {
    return this.#host.kernels.word(this.pointer + tallyAt + 4 * kind)
  }

  #outcome(): BatchOutcome {
    const { kernels } = this.#host
    const index = kernels.word(this.pointer + firstBadAt)
    const kind = badKinds[kernels.word(this.pointer + firstBadAt + 4)]
    const timeAt = kernels.word(this.pointer + timesAt) + 8 * index
    return {
      stored: this.#tally(outcome.stored) + this.#tally(outcome.storedOutOfOrder),
      duplicate: this.#tally(outcome.duplicate),
      outOfOrder: this.#tally(outcome.outOfOrder),
      tooOld: this.#tally(outcome.tooOld),
      outOfBounds: this.#tally(outcome.outOfBounds),
      tooFarAhead: this.#tally(outcome.tooFarAhead),
      badHistograms: kernels.word(this.pointer + badHistogramsAt),
      ...(kind !== undefined && {
        firstBad: {
          kind,
          index,
          ref: kernels.word(kernels.word(this.pointer + refsAt) + 4 * index),
          timestampMs: (kernels.word(timeAt + 4) | 0) * 2 ** 32 + kernels.word(timeAt),
          value: kernels.double(kernels.word(this.pointer + valuesAt) + 8 * index),
          lastValue: kernels.double(this.pointer + lastValueAt),
        },
      }),
    }
  }
}
