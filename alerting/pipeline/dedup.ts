// The dedup stage: whether an integration has to be told what a flush holds, and why. A pure decision over the flush, the
// last entry of the notification log, and the time.

import type { NotificationEntry } from './notificationLog.ts'

export type NotificationReason = 'first notification' | 'new alerts added' | 'some alerts resolved' | 'all alerts resolved' | 'repeat interval elapsed'

export type DedupInput = {
  /** Fingerprints of the flush after muting. */
  readonly firing: readonly string[]
  readonly resolved: readonly string[]
  readonly entry: NotificationEntry | undefined
  readonly sendResolved: boolean
  readonly repeatIntervalMs: number
  /** The tick of the flush. */
  readonly tickMs: number
}

/** A tick may come this much early or late and still count as the one on which a repeat is due. */
const repeatToleranceMs = 1_000

/** The reason to send; `undefined` when there is none. */
export function decideNotification(input: DedupInput): NotificationReason | undefined {
  const { firing, resolved, entry } = input
  if (entry === undefined) return firing.length > 0 ? 'first notification' : undefined
  if (!isSubset(firing, entry.firing)) return entry.firing.length === 0 ? 'first notification' : 'new alerts added'
  if (firing.length === 0) {
    // Also without send_resolved: nothing goes out then, but the log has to forget what fired.
    return entry.firing.length > 0 ? 'all alerts resolved' : undefined
  }
  if (input.sendResolved && !isSubset(resolved, entry.resolved)) return 'some alerts resolved'
  const toleranceMs = Math.min(repeatToleranceMs, input.repeatIntervalMs / 20)
  return input.tickMs >= entry.tickMs + input.repeatIntervalMs - toleranceMs ? 'repeat interval elapsed' : undefined
}

/**
 * The entry without the alerts that are gone although their end was never told, because they were muted when they
 * resolved. Without this they would count as told when they fire again, and nobody would be. `undefined` = no change.
 */
export function forgetGone(entry: NotificationEntry | undefined, gone: ReadonlySet<string>): NotificationEntry | undefined {
  if (entry === undefined || !entry.firing.some((fingerprint) => gone.has(fingerprint))) return undefined
  return { ...entry, firing: entry.firing.filter((fingerprint) => !gone.has(fingerprint)) }
}

function isSubset(part: readonly string[], whole: readonly string[]): boolean {
  const all = new Set(whole)
  return part.every((one) => all.has(one))
}
