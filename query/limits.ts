// What one query may use: samples in memory, wall time, and the patience of its client. The engine's loops call `check()`
// once per series and `take()` for every block of samples they allocate; both throw, and that ends the query.

import { QueryError } from './queryError.ts'

export type LimitOptions = {
  readonly maxSamples: number
  /** Milliseconds since 1970. */
  readonly deadlineMs: number
  /** Cell 0, shared with the main thread, is the id of the job that nobody waits for any more. */
  readonly control?: Int32Array
  readonly jobId?: number
}

export class Limits {
  readonly #maxSamples: number
  readonly #deadlineMs: number
  readonly #control: Int32Array | undefined
  readonly #jobId: number | undefined
  #samples = 0
  #peakSamples = 0

  constructor(options: LimitOptions) {
    this.#maxSamples = options.maxSamples
    this.#deadlineMs = options.deadlineMs
    this.#control = options.control
    this.#jobId = options.jobId
  }

  /** The most samples that were in memory at one time. */
  get peakSamples(): number {
    return this.#peakSamples
  }

  /** How many more samples may be in memory. */
  get left(): number {
    return this.#maxSamples - this.#samples
  }

  /** Counts `count` samples as held in memory. */
  take(count: number): void {
    this.allow(count)
    this.#samples += count
    if (this.#samples > this.#peakSamples) this.#peakSamples = this.#samples
  }

  /** Throws when `count` more samples may not be held. */
  allow(count: number): void {
    if (count > this.left) throw new QueryError('execution', 'query processing would load too many samples into memory in query execution')
  }

  release(count: number): void {
    this.#samples -= count
  }

  /** Throws when the client is gone or the time is over. */
  check(): void {
    if (this.#control !== undefined && Atomics.load(this.#control, 0) === this.#jobId) throw new QueryError('canceled', 'query was canceled in query execution')
    if (Date.now() > this.#deadlineMs) throw new QueryError('timeout', 'query timed out in expression evaluation')
  }
}
