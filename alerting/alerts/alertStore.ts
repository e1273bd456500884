// Every alert the built-in Alertmanager knows, by fingerprint: merging of what arrives, the limit per alert name, garbage
// collection, and how an alert is written as a state record. It does not know who is told of what.

import type { Label, Labels } from '../../storage/model/labels.ts'
import { labelValue } from '../../storage/model/labels.ts'
import type { StateChange, StateStore } from '../../storage/state.ts'
import { isResolved, mergeAlerts, type Alert } from './alert.ts'

const recordKind = 'alertmanager.alert'

/** An alert and whether all its groups are done with its resolution: a restart then has nothing left to tell. */
type Known = { readonly alert: Alert; readonly settled: boolean }

export type PutResult =
  /** `unchanged`: a resolved alert said again, after everybody has been told; nobody needs to look at it. */
  | { readonly kind: 'stored'; readonly alert: Alert; readonly unchanged: boolean }
  /** The alert's name has as many unresolved alerts as it may have. */
  | { readonly kind: 'limited' }

export class AlertStore {
  readonly #known = new Map<string, Known>()
  readonly #perAlertnameLimit: number

  constructor(perAlertnameLimit: number) {
    this.#perAlertnameLimit = perAlertnameLimit
  }

  /** Reads the records of an earlier run; answers with those that somebody may still have to be told of. */
  load(state: StateStore): Alert[] {
    for (const [fingerprint, value] of state.load(recordKind)) {
      const { settled, ...record } = value as AlertRecord // what `recordOf` wrote
      this.#known.set(fingerprint, { alert: alertOf(fingerprint, record), settled })
    }
    return this.unsettled()
  }

  put(next: Alert, nowMs: number): PutResult {
    const old = this.#known.get(next.fingerprint)
    if ((old === undefined || isResolved(old.alert, nowMs)) && !this.#hasRoom(next, nowMs)) return { kind: 'limited' }
    const alert = old === undefined ? next : mergeAlerts(old.alert, next)
    const unchanged = old !== undefined && old.settled && isResolved(alert, nowMs) && alert.endsAtMs === old.alert.endsAtMs && alert.startsAtMs === old.alert.startsAtMs
    this.#known.set(alert.fingerprint, { alert, settled: unchanged })
    return { kind: 'stored', alert, unchanged }
  }

  get(fingerprint: string): Alert | undefined {
    return this.#known.get(fingerprint)?.alert
  }

  all(): Alert[] {
    return [...this.#known.values()].map((known) => known.alert)
  }

  /** Those whose resolution somebody may still have to be told of, and those that hold. */
  unsettled(): Alert[] {
    return [...this.#known.values()].filter((known) => !known.settled).map((known) => known.alert)
  }

  /** The alert has left all its groups. */
  settle(fingerprint: string): void {
    const known = this.#known.get(fingerprint)
    if (known !== undefined) this.#known.set(fingerprint, { ...known, settled: true })
  }

  /** The alert's record as it is now. */
  change(fingerprint: string): StateChange {
    const known = this.#known.get(fingerprint)
    return { kind: recordKind, key: fingerprint, value: known && recordOf(known) }
  }

  /** Drops alerts that are resolved and settled; answers with the records to delete. */
  collectGarbage(nowMs: number): StateChange[] {
    const gone: StateChange[] = []
    for (const [fingerprint, { alert, settled }] of this.#known) {
      if (!settled || !isResolved(alert, nowMs)) continue
      this.#known.delete(fingerprint)
      gone.push({ kind: recordKind, key: fingerprint, value: undefined })
    }
    return gone
  }

  #hasRoom(next: Alert, nowMs: number): boolean {
    if (this.#perAlertnameLimit === 0 || isResolved(next, nowMs)) return true
    const name = labelValue(next.labels, 'alertname')
    let count = 0
    for (const { alert } of this.#known.values()) if (!isResolved(alert, nowMs) && labelValue(alert.labels, 'alertname') === name) count++
    return count < this.#perAlertnameLimit
  }
}

type Pairs = readonly (readonly [string, string])[]
type AlertRecord = Omit<Alert, 'labels' | 'annotations' | 'fingerprint'> & { readonly labels: Pairs; readonly annotations: Pairs; readonly settled: boolean }

/** Pairs instead of an object, so that any label name is safe as one. */
function recordOf({ alert, settled }: Known): AlertRecord {
  const { fingerprint: _key, labels, annotations, ...rest } = alert
  return { ...rest, labels: pairsOf(labels), annotations: pairsOf(annotations), settled }
}

function alertOf(fingerprint: string, record: Omit<AlertRecord, 'settled'>): Alert {
  return { ...record, fingerprint, labels: labelsOf(record.labels), annotations: labelsOf(record.annotations) }
}

function pairsOf(labels: Labels): Pairs {
  return labels.map(({ name, value }) => [name, value])
}

function labelsOf(pairs: Pairs): Label[] {
  return pairs.map(([name, value]) => ({ name, value }))
}
