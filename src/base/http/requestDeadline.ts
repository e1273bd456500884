// The end of a request's time, or of its caller's interest.

import { maxTimerMs } from '../timer.ts'
import { HttpRequestError } from './httpErrors.ts'

export type Deadline = {
  expired(): boolean
  leftMs(): number
  /** Calls back when the time is over or the caller gives up; answers with the way to take that back. */
  onEnd(callback: (error: Error) => void): () => void
  error(): Error
  clear(): void
}

/** Its timer runs until `clear`. */
export function createDeadline(timeoutMs: number, signal: AbortSignal | undefined): Deadline {
  const endsAt = performance.now() + timeoutMs
  let ended: Error | undefined
  let callback: ((error: Error) => void) | undefined
  const end = (error: Error) => {
    ended ??= error
    callback?.(error)
  }
  const cancel = () => end(new HttpRequestError('canceled', 'context canceled'))
  const timer = setTimeout(() => end(new HttpRequestError('timeout', 'context deadline exceeded')), Math.min(timeoutMs, maxTimerMs))
  if (signal?.aborted) cancel()
  else signal?.addEventListener('abort', cancel, { once: true })
  return {
    expired: () => ended !== undefined,
    leftMs: () => Math.max(1, endsAt - performance.now()),
    onEnd: (next) => {
      callback = next
      if (ended !== undefined) next(ended)
      return () => (callback = undefined)
    },
    error: () => ended ?? new HttpRequestError('canceled', 'context canceled'),
    clear: () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', cancel)
    },
  }
}
