// Deadlines of what nearly always ends before: one timer for all that have the same time to live, and nothing to do at an end.
// Whatever has a deadline keeps the process running by itself.

import { maxTimerMs } from './timer.ts'

export type Expiring = {
  /** Then it is not called any more. */
  readonly isOver: boolean
  expire(): void
}

export class Deadlines {
  readonly #queues = new Map<number, DeadlineQueue>()

  /** Calls `one.expire()` after `timeoutMs`, unless it is over then. Until that time it is kept in memory. */
  add(timeoutMs: number, one: Expiring): void {
    let queue = this.#queues.get(timeoutMs)
    if (queue === undefined) this.#queues.set(timeoutMs, (queue = new DeadlineQueue(timeoutMs)))
    queue.add(one)
  }
}

/** All have the same time, so that the first that came is the first that ends. */
class DeadlineQueue {
  readonly #timeoutMs: number
  #waiting: { readonly one: Expiring; readonly endMs: number }[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
  }

  add(one: Expiring): void {
    this.#waiting.push({ one, endMs: performance.now() + this.#timeoutMs })
    this.#timer ??= setTimeout(() => this.#look(), Math.min(this.#timeoutMs, maxTimerMs)).unref()
  }

  #look(): void {
    this.#timer = undefined
    const nowMs = performance.now()
    // A timer may be early by the part of a millisecond.
    const isDue = (endMs: number) => endMs <= nowMs + 1
    const due = this.#waiting.filter(({ one, endMs }) => !one.isOver && isDue(endMs))
    this.#waiting = this.#waiting.filter(({ one, endMs }) => !one.isOver && !isDue(endMs))
    const next = this.#waiting[0]
    if (next !== undefined) this.#timer = setTimeout(() => this.#look(), Math.min(next.endMs - nowMs, maxTimerMs)).unref()
    for (const { one } of due) one.expire()
  }
}
