// One timer for all scrape loops. Loops that are due together are called in one turn of the event loop: a process that
// wakes for each target by itself spends more on waking, with cold caches, than on scraping.

/** setTimeout takes no more. */
const maxTimerMs = 2 ** 31 - 1

/** Is told the time by the clock of the wall; all that are called together are told the same. */
type Callback = (nowMs: number) => void

export class ScrapeClock {
  readonly #due = new Map<number, Set<Callback>>()
  #timer: NodeJS.Timeout | undefined
  /** What the timer is for. */
  #nextMs = Infinity

  /**
   * Calls back at `timeMs`, or soon when that has passed; too early when it is further away than a timer reaches, or when
   * the clock was set back meanwhile: callers look at the time. Returns the way to take that back.
   */
  at(timeMs: number, callback: Callback): () => void {
    const callbacks = this.#due.get(timeMs) ?? new Set()
    callbacks.add(callback)
    this.#due.set(timeMs, callbacks)
    if (timeMs < this.#nextMs) this.#arm(timeMs)
    return () => {
      callbacks.delete(callback)
      if (callbacks.size > 0 || this.#due.get(timeMs) !== callbacks) return
      this.#due.delete(timeMs)
      if (timeMs === this.#nextMs) this.#armNext()
    }
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
    const times = [...this.#due.keys()].filter((dueMs) => dueMs <= Math.max(timeMs, nowMs)).sort((a, b) => a - b)
    const called = times.map((dueMs) => {
      const callbacks = this.#due.get(dueMs)
      this.#due.delete(dueMs)
      return callbacks ?? []
    })
    this.#armNext()
    for (const callbacks of called) for (const callback of callbacks) callback(nowMs)
  }
}
