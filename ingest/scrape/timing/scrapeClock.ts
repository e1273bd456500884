// One timer for all scrape loops. Loops that are due together are called in one turn of the event loop: a process that
// wakes for each target by itself spends more on waking, with cold caches, than on scraping.

import { maxTimerMs } from '../../../src/base/timer.ts'

/** Is told the time by the clock of the wall; all that are called together are told the same. */
type Callback = (nowMs: number) => void

export class ScrapeClock {
  readonly #due = new Map<number, Set<Callback>>()
  /** Those that are being called. */
  #calling: ReadonlyMap<number, Set<Callback>> = new Map()
  #timer: NodeJS.Timeout | undefined
  /** What the timer is for. */
  #nextMs = Infinity

  /**
   * Calls back at `timeMs`, or soon when that has passed; too early when it is further away than a timer reaches, or when
   * the clock was set back meanwhile: callers look at the time. Once per time and callback.
   */
  call(timeMs: number, callback: Callback): void {
    const callbacks = this.#due.get(timeMs)
    if (callbacks !== undefined) callbacks.add(callback)
    else this.#due.set(timeMs, new Set([callback]))
    if (timeMs < this.#nextMs) this.#arm(timeMs)
  }

  /** Also for one that is due in this very turn. */
  takeBack(timeMs: number, callback: Callback): void {
    this.#calling.get(timeMs)?.delete(callback)
    const callbacks = this.#due.get(timeMs)
    if (callbacks === undefined || !callbacks.delete(callback) || callbacks.size > 0) return
    this.#due.delete(timeMs)
    if (timeMs === this.#nextMs) this.#armNext()
  }

  #arm(timeMs: number): void {
    clearTimeout(this.#timer)
    this.#nextMs = timeMs
    this.#timer = setTimeout(() => this.#fire(timeMs), Math.min(Math.max(0, timeMs - Date.now()), maxTimerMs))
  }

  #armNext(): void {
    clearTimeout(this.#timer)
    this.#nextMs = Infinity
    let next = Infinity
    for (const timeMs of this.#due.keys()) next = Math.min(next, timeMs)
    if (next < Infinity) this.#arm(next)
  }

  #fire(timeMs: number): void {
    const nowMs = Date.now()
    const calling = new Map<number, Set<Callback>>()
    for (const dueMs of [...this.#due.keys()].filter((one) => one <= Math.max(timeMs, nowMs)).sort((a, b) => a - b)) {
      calling.set(dueMs, this.#due.get(dueMs) ?? new Set())
      this.#due.delete(dueMs)
    }
    this.#calling = calling
    this.#armNext()
    for (const callbacks of calling.values()) for (const callback of callbacks) callback(nowMs)
    this.#calling = new Map()
  }
}
