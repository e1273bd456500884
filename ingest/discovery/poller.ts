// Looks again and again: the loop under every discovery that has a refresh interval. Keeps failures from filling the
// log and never throws out of its timer.

import { errorText } from '../../src/base/assert.ts'
import type { Closable } from '../../src/base/closing.ts'
import type { Logger } from '../../src/base/log.ts'
import { maxTimerMs } from '../../src/base/timer.ts'

export type PollerOptions = {
  readonly intervalMs: number
  /** Runs at once and then after each interval, never twice at a time. */
  readonly refresh: (signal: AbortSignal) => Promise<void>
  /** `undefined` when a refresh has worked again. */
  readonly onFailure: (error: string | undefined) => void
  readonly logger: Logger
}

/** Starts polling. `close()` stops it and waits for what is in flight. */
export function startPoller({ intervalMs, refresh, onFailure, logger }: PollerOptions): Closable & { poll(): void } {
  const stop = new AbortController()
  const failures = new FailureLog(logger)
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined
  let again = false

  const run = async () => {
    try {
      await refresh(stop.signal)
      failures.succeeded()
      onFailure(undefined)
    } catch (error) {
      if (stop.signal.aborted) return
      failures.failed(errorText(error))
      onFailure(errorText(error))
    }
  }
  const poll = () => {
    if (stop.signal.aborted) return
    if (running !== undefined) {
      again = true
      return
    }
    clearTimeout(timer)
    running = run().finally(() => {
      running = undefined
      if (stop.signal.aborted) return
      timer = setTimeout(poll, again ? 0 : Math.min(intervalMs, maxTimerMs))
      again = false
    })
  }
  poll()
  return {
    poll,
    close: async () => {
      stop.abort()
      clearTimeout(timer)
      await running
    },
  }
}

/** Logs the first failure in a row, the second, the fourth, the eighth: an outage of days is a handful of lines. */
class FailureLog {
  readonly #logger: Logger
  #count = 0
  #lastText = ''

  constructor(logger: Logger) {
    this.#logger = logger
  }

  failed(text: string): void {
    if (text !== this.#lastText) this.#count = 0
    this.#lastText = text
    this.#count++
    if (Number.isInteger(Math.log2(this.#count))) this.#logger.warn('Service discovery failed', { err: text, failures: this.#count })
  }

  succeeded(): void {
    this.#count = 0
    this.#lastText = ''
  }
}
