// The retry stage: attempts with growing pauses until the receiver takes the notification, refuses it for good, or the
// flush's time is over. A receiver that asks for a pause (Retry-After) gets it.

import type { Clock } from '../dispatch/clock.ts'
import type { FailureReason, SendResult } from '../receivers/receiver.ts'

const firstPauseMs = 500
const pauseFactor = 1.5
const pauseSpread = 0.5
const maxPauseMs = 60_000

export type RetryOptions = {
  readonly clock: Clock
  /** No attempt begins after this, and the last one is cut off. */
  readonly deadlineMs: number
  /** No further attempt is made once this says so; the one under way goes on. A reload or shutdown. */
  readonly stop: AbortSignal
  /** Cuts off the attempt under way. The end of a shutdown's patience. */
  readonly abort: AbortSignal
  /** 0 to 1. */
  readonly random: () => number
}

export type RetryOutcome =
  | { readonly ok: true; readonly tries: number; readonly result: SendResult & { readonly ok: true } }
  | { readonly ok: false; readonly tries: number; readonly reason: string; readonly failure: FailureReason; /** The receiver does not want to be asked before. */ readonly notBeforeMs?: number }

/** Calls `attempt` until it succeeds or there is no point or no time left. */
export async function sendWithRetries(attempt: (timeoutMs: number, signal: AbortSignal) => Promise<SendResult>, options: RetryOptions): Promise<RetryOutcome> {
  const { clock, deadlineMs, stop } = options
  let lastReason: string | undefined
  for (let tries = 1, pauseMs = firstPauseMs; ; tries++, pauseMs = Math.min(pauseMs * pauseFactor, maxPauseMs)) {
    if (stop.aborted) return canceled(tries - 1, lastReason)
    const leftMs = deadlineMs - clock.nowMs()
    const result = await attemptWithin(attempt, leftMs, options)
    if (result.ok) return { ok: true, tries, result }
    if (options.abort.aborted) return canceled(tries, lastReason)
    const nowMs = clock.nowMs()
    const notBeforeMs = result.retryAfterMs === undefined ? undefined : nowMs + result.retryAfterMs
    const later = notBeforeMs !== undefined && { notBeforeMs }
    if (!result.retry) return { ok: false, tries, reason: `notify retry canceled due to unrecoverable error after ${tries} attempts: ${result.reason}`, failure: result.failure, ...later }
    lastReason = result.reason
    const nextMs = Math.max(nowMs + spread(pauseMs, options.random()), notBeforeMs ?? 0)
    if (nextMs >= deadlineMs) {
      const failure = result.failure === 'other' ? 'contextDeadlineExceeded' : result.failure
      return { ok: false, tries, reason: `notify retry canceled after ${tries} attempts: ${result.reason}`, failure, ...later }
    }
    await pause(clock, nextMs - nowMs, stop)
  }
}

/** One attempt, which ends at the deadline whether the receiver is done or not. */
async function attemptWithin(attempt: (timeoutMs: number, signal: AbortSignal) => Promise<SendResult>, leftMs: number, { clock, abort: cutOff }: RetryOptions): Promise<SendResult> {
  const abort = new AbortController()
  const onAbort = () => abort.abort()
  cutOff.addEventListener('abort', onAbort, { once: true })
  const stopTimer = clock.setTimer(leftMs, () => abort.abort())
  try {
    return await attempt(Math.max(leftMs, 1), abort.signal)
  } finally {
    stopTimer()
    cutOff.removeEventListener('abort', onAbort)
  }
}

function canceled(tries: number, lastReason: string | undefined): RetryOutcome {
  return { ok: false, tries, reason: `notify retry canceled after ${tries} attempts: ${lastReason ?? 'context canceled'}`, failure: 'contextCanceled' }
}

function spread(pauseMs: number, random: number): number {
  return pauseMs * (1 - pauseSpread + 2 * pauseSpread * random)
}

/** Resolves after the time or as soon as the signal says so. */
function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const end = () => {
      stop()
      signal.removeEventListener('abort', end)
      resolve()
    }
    const stop = clock.setTimer(delayMs, end)
    signal.addEventListener('abort', end, { once: true })
  })
}
