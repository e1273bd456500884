// Warnings about what senders do: one that does something wrong does it with every request.

import type { LogFields, Logger } from '../../src/base/log.ts'

const everyMs = 10_000

/** Logs each message at most every ten seconds. */
export function createSparseWarner(logger: Logger): (message: string, fields: LogFields) => void {
  const nextMs = new Map<string, number>()
  return (message, fields) => {
    const nowMs = performance.now()
    if (nowMs < (nextMs.get(message) ?? 0)) return
    nextMs.set(message, nowMs + everyMs)
    logger.warn(message, fields)
  }
}
