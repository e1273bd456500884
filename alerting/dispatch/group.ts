// An aggregation group: the alerts of one route that share their group labels, and when they are looked at next. The
// three timers of a group are all here: group_wait before the first flush, group_interval between flushes; the repeat
// interval is the dedup stage's. Pure but for the alerts it holds; the dispatcher's loop drives it.

import type { Labels } from '../../storage/model/labels.ts'
import { compareForNotification, isResolved, type Alert } from '../alerts/alert.ts'
import { groupKeyOf, type RouteNode } from './route.ts'

/** An alert as a flush sees it: whether it fires is settled for the whole flush. */
export type FlushAlert = { readonly alert: Alert; readonly status: 'firing' | 'resolved' }

/** What survives a restart of a group, besides its alerts. */
export type GroupRecord = { readonly nextFlushMs: number }

/** A tick this late is still the tick it was scheduled for; one that comes later is a tick of its own. */
const lateTickMs = 1_000

export class Group {
  /** Names the group across reloads and restarts. */
  readonly id: string
  /** What receivers get. */
  readonly key: string
  readonly node: RouteNode
  readonly labels: Labels
  readonly #alerts = new Map<string, Alert>()
  nextFlushMs: number
  /** When the flush under way was due; one that is cut off by a restart or reload is due again at once. */
  unfinishedMs: number | undefined
  /** The time intervals that muted the last flush. */
  mutedBy: readonly string[] = []
  /** What the last flush suppressed and why, so that the ledger tells it once. */
  suppression = ''

  constructor(node: RouteNode, labels: Labels, nextFlushMs: number) {
    this.node = node
    this.labels = labels
    this.key = groupKeyOf(node.key, labels)
    this.id = groupKeyOf(node.id, labels)
    this.nextFlushMs = nextFlushMs
  }

  get size(): number {
    return this.#alerts.size
  }

  get record(): GroupRecord {
    return { nextFlushMs: this.unfinishedMs ?? this.nextFlushMs }
  }

  /** Adds or updates an alert. Never touches the timer: a late arrival waits for the next tick. */
  insert(alert: Alert): void {
    this.#alerts.set(alert.fingerprint, alert)
  }

  has(fingerprint: string): boolean {
    return this.#alerts.has(fingerprint)
  }

  alerts(): Alert[] {
    return [...this.#alerts.values()].sort(compareForNotification)
  }

  /** Moves on to the next tick, in step with the first one; answers with the time that counts as this one. */
  tick(nowMs: number): number {
    const dueMs = this.nextFlushMs
    const { groupIntervalMs } = this.node.config
    this.nextFlushMs = dueMs + groupIntervalMs * (Math.floor((nowMs - dueMs) / groupIntervalMs) + 1)
    return nowMs - dueMs < lateTickMs ? dueMs : nowMs
  }

  /** All alerts in the order of a notification, their status settled at `nowMs`. */
  snapshot(nowMs: number): FlushAlert[] {
    return this.alerts().map((alert) => ({ alert, status: isResolved(alert, nowMs) ? 'resolved' : 'firing' }))
  }

  /** Drops the resolved alerts of a flush that everybody was told of, except those heard of again since. */
  dropResolved(flushed: readonly FlushAlert[]): string[] {
    const dropped: string[] = []
    for (const { alert, status } of flushed) {
      if (status !== 'resolved' || this.#alerts.get(alert.fingerprint)?.updatedAtMs !== alert.updatedAtMs) continue
      this.#alerts.delete(alert.fingerprint)
      dropped.push(alert.fingerprint)
    }
    return dropped
  }
}

/** When a group that this alert creates is flushed first: at once if the alert has waited longer than group_wait already. */
export function firstFlushMs(alert: Alert, groupWaitMs: number, nowMs: number): number {
  return alert.startsAtMs + groupWaitMs < nowMs ? nowMs : nowMs + groupWaitMs
}
