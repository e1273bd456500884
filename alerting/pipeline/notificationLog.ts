// What each integration of each group was last told. The dedup stage decides by it; it is written in one transaction with
// the ledger entry of the delivery, so a restart repeats nothing that was delivered and recorded.

import type { StateChange, StateStore } from '../../storage/state.ts'

const recordKind = 'alertmanager.notification'

export type NotificationEntry = {
  /** The flush that told it: repeats are counted from here, so that they come exactly on schedule. */
  readonly tickMs: number
  /** When the receiver had taken it. */
  readonly deliveredMs: number
  /** Fingerprints, sorted. */
  readonly firing: readonly string[]
  readonly resolved: readonly string[]
  /** What the receiver wants to remember until the group is resolved, such as the message it may update. */
  readonly memory: Readonly<Record<string, string>>
  readonly expiresAtMs: number
}

export class NotificationLog {
  readonly #entries = new Map<string, NotificationEntry>()

  load(state: StateStore): void {
    for (const [key, value] of state.load(recordKind)) this.#entries.set(key, value as NotificationEntry) // what `put` wrote
  }

  get(key: string): NotificationEntry | undefined {
    return this.#entries.get(key)
  }

  /** Remembers the entry and answers with the change to write. */
  put(key: string, entry: NotificationEntry): StateChange {
    this.#entries.set(key, entry)
    return { kind: recordKind, key, value: entry }
  }

  /** Drops expired entries; answers with the records to delete. */
  collectGarbage(nowMs: number): StateChange[] {
    const gone: StateChange[] = []
    for (const [key, entry] of this.#entries) {
      if (entry.expiresAtMs > nowMs) continue
      this.#entries.delete(key)
      gone.push({ kind: recordKind, key, value: undefined })
    }
    return gone
  }
}

/** One per integration of a group: receivers are told independently of each other. */
export function notificationKey(groupId: string, receiver: string, integration: { readonly name: string; readonly index: number }): string {
  return `${groupId}:${receiver}/${integration.name}/${integration.index}`
}
