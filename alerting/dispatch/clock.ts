// The clock of the notification side: what time it is, and one way to be called later. Everything that decides takes the
// time as an argument; only the dispatcher's loop and the retry stage hold one of these, so that a test or a backtest can
// turn the hands itself.

import { maxTimerMs } from '../../src/base/timer.ts'

export type Clock = {
  nowMs(): number
  /** Calls back once, `delayMs` or more from now; answers with the way to take that back. */
  setTimer(delayMs: number, callback: () => void): () => void
}

/** The machine's clock. Callers whose time has not come yet when called back ask again. */
export const systemClock: Clock = {
  nowMs: Date.now,
  setTimer(delayMs, callback) {
    const timer = setTimeout(callback, Math.min(Math.max(delayMs, 0), maxTimerMs))
    return () => clearTimeout(timer)
  },
}
