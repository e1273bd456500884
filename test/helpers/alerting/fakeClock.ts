// A clock that a test turns by hand. Timers run in order, and after each one everything that was waiting for it gets its
// turn before the next.

import type { Clock } from '../../../alerting/dispatch/clock.ts'

export class FakeClock implements Clock {
  #nowMs: number
  #setBackMs = 0
  #timers: { readonly atMs: number; readonly callback: () => void }[] = []

  constructor(nowMs: number) {
    this.#nowMs = nowMs
  }

  nowMs(): number {
    return this.#nowMs - this.#setBackMs
  }

  /** The time as if nobody had set the clock back; that of `advanceTo`. */
  steadyMs(): number {
    return this.#nowMs
  }

  /** Timers wait as long as they were told to, as Node's do. */
  setBack(ms: number): void {
    this.#setBackMs += ms
  }

  setTimer(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + Math.max(0, delayMs), callback }
    this.#timers.push(timer)
    return () => (this.#timers = this.#timers.filter((one) => one !== timer))
  }

  /** What a killed process leaves of its timers. */
  forgetTimers(): void {
    this.#timers = []
  }

  /** Runs everything that is due up to and including `toMs`. */
  async advanceTo(toMs: number): Promise<void> {
    await settle()
    for (;;) {
      const next = this.#timers.filter((timer) => timer.atMs <= toMs).sort((a, b) => a.atMs - b.atMs)[0]
      if (next === undefined) break
      this.#timers = this.#timers.filter((timer) => timer !== next)
      this.#nowMs = Math.max(this.#nowMs, next.atMs)
      next.callback()
      await settle()
    }
    this.#nowMs = toMs
  }
}

/** Lets all promises that can go on do so. */
async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve))
}
