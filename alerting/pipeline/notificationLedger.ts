// The ledger of notifications: why one was sent, to whom, what it said, what the receiver answered and after how many
// tries; or why alerts were held back. Entries for people; no decision reads them.

import { labelsToObject } from '../../storage/model/labels.ts'
import type { LedgerEntry, StateChange } from '../../storage/state.ts'
import type { Flush } from '../dispatch/dispatcher.ts'
import type { FlushAlert } from '../dispatch/group.ts'
import type { Integration } from '../receivers/receiver.ts'
import type { NotificationReason } from './dedup.ts'
import type { RetryOutcome } from './retry.ts'
import type { Suppressed } from './suppression.ts'

export type DeliveryFacts = {
  readonly flush: Flush
  readonly integration: Integration
  readonly reason: NotificationReason
  /** What the notification tells. */
  readonly alerts: readonly FlushAlert[]
}

/** Longer messages are cut in the ledger, not on their way. */
const maxRenderedCharacters = 65_536

/** `nowMs` is when it was answered. */
export function sentEntry(facts: DeliveryFacts, outcome: RetryOutcome & { readonly ok: true }, durationMs: number, nowMs: number): StateChange {
  const { answer, rendered } = outcome.result
  return entry(facts.flush, 'sent', nowMs, { ...detailOf(facts), tries: outcome.tries, durationMs, answer, rendered: rendered.slice(0, maxRenderedCharacters) })
}

/** `nowMs` is when it was given up. */
export function failedEntry(facts: DeliveryFacts, outcome: RetryOutcome & { readonly ok: false }, durationMs: number, nowMs: number): StateChange {
  return entry(facts.flush, 'failed', nowMs, { ...detailOf(facts), tries: outcome.tries, durationMs, error: outcome.reason, failure: outcome.failure })
}

/** Remembers on the group what was held back; an entry only when that has changed since the last flush. */
export function suppressedEntry(flush: Flush, suppressed: readonly Suppressed[], mutedBy: readonly string[]): StateChange | undefined {
  const { group } = flush
  const key = JSON.stringify(suppressed.map(({ alert, reason, by }) => [alert.alert.fingerprint, alert.status, reason, by]))
  const isNews = suppressed.length > 0 && key !== group.suppression
  group.suppression = key
  group.mutedBy = mutedBy
  if (!isNews) return undefined
  return entry(flush, 'suppressed', flush.nowMs, { alerts: suppressed.map(({ alert, reason, by }) => ({ ...alertDetail(alert), suppressedBy: reason, by })) })
}

function entry(flush: Flush, outcome: string, timeMs: number, detail: Readonly<Record<string, unknown>>): StateChange {
  const ledger: LedgerEntry = { timeMs, receiver: flush.group.node.config.receiver, groupKey: flush.group.key, outcome, detail }
  return { ledger }
}

function detailOf({ integration, reason, alerts }: DeliveryFacts): Record<string, unknown> {
  return { integration: `${integration.name}[${integration.index}]`, reason, alerts: alerts.map(alertDetail) }
}

function alertDetail({ alert, status }: FlushAlert): Record<string, unknown> {
  return { fingerprint: alert.fingerprint, status, labels: labelsToObject(alert.labels) }
}
