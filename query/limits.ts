// What one query may use: samples in memory, wall time, and the patience of its client. The engine's loops call `check()`
// once per series and `take()` for every block of samples they allocate; both throw, and that ends the query.

import { QueryError } from './queryError.ts'

/** Values of a job's cell in the control memory that main and the worker share. */
export const runState = { running: 0, canceled: 1 } as const

export type LimitOptions = {
  readonly maxSamples: number
  /** Milliseconds since 1970. */
  readonly deadlineMs: number
  /** Cell 0 tells whether the client still waits, see `runState`. */
  readonly control?: Int32Array
}

export class Limits {
  readonly #maxSamples: number
  readonly #deadlineMs: number
  readonly #control: Int32Array | undefined
  #samples = 0
  #peakSamples = 0

  constructor(options: LimitOptions) {
    this.#maxSamples = options.maxSamples
    this.#deadlineMs = options.deadlineMs
    this.#control = options.control
  }

  /** The most samples that were in memory at one time. */
  get peakSamples(): number {
    return this.#peakSamples
  }

  /** Counts `count` samples as held in memory. */
  take(count: number): void {
    this.#samples += count
    if (this.#samples > this.#peakSamples) this.#peakSamples = this.#samples
    if (this.#samples > this.#maxSamples) {
      throw new QueryError('execution', 'query processing would load too many samples into memory in query execution')
    }
  }

  release(count: number): void {
    this.#samples -= count
  }

  /** Throws when the client is gone or the time is over. */
  check(): void {
    if (this.#control !== undefined && Atomics.load(this.#control, 0) === runState.canceled) throw canceledIn('query execution')
    if (Date.now() > this.#deadlineMs) throw timedOutIn('expression evaluation')
  }
}

export function canceledIn(stage: string): QueryError {
  return new QueryError('canceled', `query was canceled in ${stage}`)
}

export function timedOutIn(stage: string): QueryError {
  return new QueryError('timeout', `query timed out in ${stage}`)
}
