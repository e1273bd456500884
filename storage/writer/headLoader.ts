// Start-up as the head's memory sees it: series of series.db, chunks of checkpoints and records of the log go in, in this order,
// before anybody appends or reads. One thread at a time writes to that memory, so this is for whoever has it alone: the writer
// thread until it has answered `recover`, and `check` over a memory of its own.

import { giveBackBuffer } from '../../src/base/giveBack.ts'
import type { Kernels, Pointer } from '../../src/kernels/kernels.ts'
import { seriesPerPage } from '../files/seriesFile.ts'

/** A record of the sample log cannot be read back. */
class HeadRecordError extends Error {}

const reclaimStep = 20_000
/** Decoders may read this far past their input. */
const padding = 16

/** What `restorePage` says about a series that it does not take, see assembly/series/restoreSeries.ts. */
const seriesProblems: Readonly<Record<number, string>> = {
  [-1]: 'its labels are damaged',
  [-2]: 'another series has its ref',
  [-3]: 'its labels have another ref',
}

/** Bytes that it takes have a buffer for themselves, and are gone afterwards. */
export class HeadLoader {
  readonly #kernels: Kernels
  readonly #batch: Pointer
  /** Input of the kernels, behind a word for what they answer. */
  #space: Pointer = 0
  #spaceBytes = 0

  constructor(kernels: Kernels) {
    this.#kernels = kernels
    this.#batch = kernels.exports.newBatch()
  }

  /**
   * Adds the series of a page of series.db. `lifetimes` has first and last time on disk of each ref of the page, if there
   * are any: older samples are then out of order. What cannot be added is told to `onProblem` and left out.
   */
  loadPage(packed: Uint8Array, lifetimes: Float64Array | undefined, onProblem: (ref: number, reason: string) => void): void {
    const { exports } = this.#kernels
    const lifetimeBytes = lifetimes === undefined ? new Uint8Array() : new Uint8Array(lifetimes.buffer, lifetimes.byteOffset, lifetimes.byteLength)
    const status = this.#reserve(lifetimeBytes.length + packed.length)
    const lifetimesAt = status + 8
    const end = lifetimesAt + lifetimeBytes.length + packed.length
    this.#kernels.bytes.set(lifetimeBytes, lifetimesAt)
    let at = end - packed.length
    this.#kernels.bytes.set(packed, at)
    giveBackBuffer(packed)
    for (;;) {
      at = exports.restorePage(at, end, lifetimes === undefined ? 0 : lifetimesAt, seriesPerPage, status)
      if (at === end) return
      onProblem(this.#kernels.bytes.readUInt32LE(at), seriesProblems[this.#kernels.word(status) | 0] ?? 'unknown')
      at += 8 + this.#kernels.bytes.readUInt32LE(at + 4)
    }
  }

  /** No series gets a ref below `ref` from now on. */
  setNextRef(ref: number): void {
    this.#kernels.exports.raiseNextRef(ref)
  }

  /** Tells the time of the newest persisted sample, from which the bounds for new samples count. */
  raiseMaxTime(timeMs: number): void {
    this.#kernels.exports.raiseMaxTime(timeMs)
  }

  /** Takes in a piece of a checkpoint. Returns how many samples it has. Throws when it is cut short; what is whole is taken. */
  loadChunks(piece: Uint8Array): number {
    const status = this.#reserve(piece.length)
    const end = status + 8 + piece.length
    this.#kernels.bytes.set(piece, status + 8)
    giveBackBuffer(piece)
    if (this.#kernels.exports.restoreChunks(status + 8, end, status) === 0) throw new Error('a piece of a checkpoint ends within a chunk')
    return this.#kernels.word(status)
  }

  /**
   * Takes in a record of the log. Returns how many samples it has, and how many of these are left out because their series
   * is gone. Throws when it is damaged; then none of them is taken.
   */
  replay(record: Uint8Array): { readonly samples: number; readonly unknown: number } {
    const { exports } = this.#kernels
    const batch = this.#batch
    const { length } = record
    const status = this.#reserve(length)
    this.#kernels.bytes.set(record, status + 8)
    giveBackBuffer(record)
    exports.clearBatch(batch)
    const result = exports.decodeRecord(status + 8, length, batch, status)
    if (result === -2) throw new HeadRecordError('it was written by a newer version')
    if (result !== 0) throw new HeadRecordError('its checksum or content is wrong')
    const samples = this.#kernels.word(batch + 16)
    const unknown = exports.acceptAll(batch)
    exports.appendBatch(batch, 0, samples, 1)
    // Nobody reads yet, so what sealing leaves behind goes at once.
    exports.reclaim(reclaimStep)
    return { samples, unknown }
  }

  close(): void {
    if (this.#spaceBytes > 0) this.#kernels.exports.free(this.#space, this.#spaceBytes)
    this.#spaceBytes = 0
    this.#kernels.exports.freeBatch(this.#batch)
  }

  /** The address of the word for answers; `bytes` of input have room eight bytes behind it. */
  #reserve(bytes: number): Pointer {
    const needed = 8 + bytes + padding
    if (needed <= this.#spaceBytes) return this.#space
    const { exports } = this.#kernels
    if (this.#spaceBytes > 0) exports.free(this.#space, this.#spaceBytes)
    this.#spaceBytes = Math.max(needed, 1 << 20)
    this.#space = exports.alloc(this.#spaceBytes)
    return this.#space
  }
}
