// The alerts of rules as durable records: what is pending, firing or just resolved survives a restart exactly, so that no
// alert starts its `for` again, is told about twice, or is never resolved. One record per alert, one per group.

import { labelsFrom, labelsKey, labelsToObject, type Label } from '../../storage/model/labels.ts'
import type { StateChange, StateStore } from '../../storage/state.ts'
import type { ActiveAlert } from './alertingRule.ts'

const alertKind = 'rules.alert'
const groupKind = 'rules.group'

type AlertRecord = {
  readonly group: string
  readonly rule: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: readonly Label[]
  readonly state: ActiveAlert['state']
  /** As text, because JSON has no NaN. */
  readonly value: string
  readonly activeAtMs: number
  readonly firedAtMs?: number
  readonly resolvedAtMs?: number
  readonly keepFiringSinceMs?: number
  readonly lastSentAtMs?: number
}

type GroupRecord = { readonly lastEvaluationMs: number }

/** What an earlier process left of a group. */
export type SavedGroup = { readonly lastEvaluationMs: number; alertsOf(ruleKey: string): readonly ActiveAlert[] }

/** Names a rule within its group: equal rules are told apart by their order. */
export function ruleKeys(rules: readonly { readonly name: string; readonly labels: Readonly<Record<string, string>> }[]): string[] {
  const counts = new Map<string, number>()
  return rules.map((rule) => {
    const key = `${rule.name}\xff${labelsKey(labelsFrom(rule.labels))}`
    const count = counts.get(key) ?? 0
    counts.set(key, count + 1)
    return `${key}${count}`
  })
}

export class RuleStates {
  readonly #state: StateStore
  /** What an earlier process left, by group; given away once. */
  readonly #saved = new Map<string, { lastEvaluationMs: number; readonly alerts: AlertRecord[] }>()
  /** Groups that have a record. */
  readonly #known = new Set<string>()
  /** The decisions last written, by record key. */
  readonly #written = new Map<string, string>()
  readonly #keysByGroup = new Map<string, Set<string>>()

  constructor(state: StateStore) {
    this.#state = state
    // Only this class writes these kinds.
    for (const [group, record] of state.load(groupKind) as Map<string, GroupRecord>) {
      this.#known.add(group)
      this.#saved.set(group, { lastEvaluationMs: record.lastEvaluationMs, alerts: [] })
    }
    for (const [key, record] of state.load(alertKind) as Map<string, AlertRecord>) {
      this.#written.set(key, decisions(record))
      this.#groupKeys(record.group).add(key)
      this.#saved.get(record.group)?.alerts.push(record)
    }
  }

  /** What an earlier process left of a group; `undefined` when it was never evaluated with this state. */
  takeSaved(group: string): SavedGroup | undefined {
    const saved = this.#saved.get(group)
    this.#saved.delete(group)
    if (saved === undefined) return undefined
    const alertsOf = (ruleKey: string): ActiveAlert[] => saved.alerts.filter((record) => record.rule === ruleKey).map(toAlert)
    return { lastEvaluationMs: saved.lastEvaluationMs, alertsOf }
  }

  /** Writes what changed in the decisions about a group's alerts. Values and annotations go along, but are no reason to write. */
  async save(group: string, timestampMs: number, rules: readonly { readonly key: string; readonly alerts: Iterable<ActiveAlert> }[]): Promise<void> {
    const keys = this.#groupKeys(group)
    const changes: StateChange[] = []
    const current = new Map<string, string>()
    let pending = false
    for (const rule of rules) {
      for (const alert of rule.alerts) {
        pending ||= alert.state === 'pending'
        const key = `${group}\xff${rule.key}\xff${labelsKey(alert.labels)}`
        const record = toRecord(group, rule.key, alert)
        const text = decisions(record)
        current.set(key, text)
        if (this.#written.get(key) !== text) changes.push({ kind: alertKind, key, value: record })
      }
    }
    for (const key of keys) if (!current.has(key)) changes.push({ kind: alertKind, key, value: undefined })
    // The time matters only to pending alerts; the record itself says that the group's state is known.
    if (pending || changes.length > 0 || !this.#known.has(group)) {
      const value: GroupRecord = { lastEvaluationMs: timestampMs }
      changes.push({ kind: groupKind, key: group, value })
    }
    if (changes.length === 0) return
    await this.#state.write(changes)
    this.#known.add(group)
    for (const key of keys) if (!current.has(key)) this.#written.delete(key)
    for (const [key, text] of current) this.#written.set(key, text)
    this.#keysByGroup.set(group, new Set(current.keys()))
  }

  /** Forgets the groups that are not among `groups`. */
  async retain(groups: ReadonlySet<string>): Promise<void> {
    const changes: StateChange[] = []
    for (const group of this.#known) {
      if (groups.has(group)) continue
      changes.push({ kind: groupKind, key: group, value: undefined })
      this.#known.delete(group)
    }
    for (const [group, keys] of this.#keysByGroup) {
      if (groups.has(group)) continue
      for (const key of keys) {
        changes.push({ kind: alertKind, key, value: undefined })
        this.#written.delete(key)
      }
      this.#keysByGroup.delete(group)
    }
    if (changes.length > 0) await this.#state.write(changes)
  }

  #groupKeys(group: string): Set<string> {
    let keys = this.#keysByGroup.get(group)
    if (keys === undefined) this.#keysByGroup.set(group, (keys = new Set()))
    return keys
  }
}

function toRecord(group: string, rule: string, alert: ActiveAlert): AlertRecord {
  const { state, annotations, activeAtMs, firedAtMs, resolvedAtMs, keepFiringSinceMs, lastSentAtMs } = alert
  return {
    group,
    rule,
    labels: labelsToObject(alert.labels),
    annotations,
    state,
    value: String(alert.value),
    activeAtMs,
    ...(firedAtMs !== undefined && { firedAtMs }),
    ...(resolvedAtMs !== undefined && { resolvedAtMs }),
    ...(keepFiringSinceMs !== undefined && { keepFiringSinceMs }),
    ...(lastSentAtMs !== undefined && { lastSentAtMs }),
  }
}

function toAlert(record: AlertRecord): ActiveAlert {
  return {
    labels: labelsFrom(record.labels),
    annotations: record.annotations,
    state: record.state,
    value: Number(record.value),
    activeAtMs: record.activeAtMs,
    firedAtMs: record.firedAtMs,
    resolvedAtMs: record.resolvedAtMs,
    keepFiringSinceMs: record.keepFiringSinceMs,
    lastSentAtMs: record.lastSentAtMs,
  }
}

/** The part of a record that decides; a change of it is worth a write. */
function decisions(record: AlertRecord): string {
  const { state, activeAtMs, firedAtMs, resolvedAtMs, keepFiringSinceMs, lastSentAtMs } = record
  return JSON.stringify([state, activeAtMs, firedAtMs, resolvedAtMs, keepFiringSinceMs, lastSentAtMs])
}
