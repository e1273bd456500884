// Small durable records by kind and key (silences, alert states, the notification log) and the ledger of notifications.
// Read whole at start, written by the writer thread; a write is one transaction. It does not know what the records mean.

import type { LedgerQuery, StateRow } from './files/stateFile.ts'

export type LedgerEntry = {
  readonly timeMs: number
  readonly receiver: string
  readonly groupKey: string
  /** `sent`, `failed`, `suppressed`: the area that writes it decides. */
  readonly outcome: string
  /** JSON: what was sent to whom and why, the answer, the tries. */
  readonly detail: unknown
}

export type StateChange =
  /** `value` is JSON; `undefined` deletes the record. */
  | { readonly kind: string; readonly key: string; readonly value: unknown }
  | { readonly ledger: LedgerEntry }

export type StateStore = {
  /** The committed records of a kind, by key. */
  load(kind: string): Map<string, unknown>
  /** All changes in order in one transaction, which a crash of the process does not undo. Rejects with `StorageUnavailableError` when the disk refuses; nothing is changed then. */
  write(changes: readonly StateChange[]): Promise<void>
  /** Newest first. The ledger keeps its newest 100,000 entries of the last 90 days. */
  ledger(options: LedgerQuery): Promise<LedgerEntry[]>
}

/** How a state store reaches the writer thread. */
export type StateWriter = {
  writeRows(rows: readonly StateRow[]): Promise<void>
  readLedger(query: LedgerQuery): Promise<readonly { timeMs: number; receiver: string; groupKey: string; outcome: string; json: string }[]>
}

export function createStateStore(writer: StateWriter, records: Iterable<readonly [kind: string, key: string, json: string]>): StateStore {
  const kinds = new Map<string, Map<string, unknown>>()
  const kindOf = (kind: string) => {
    let found = kinds.get(kind)
    if (found === undefined) kinds.set(kind, (found = new Map()))
    return found
  }
  for (const [kind, key, json] of records) kindOf(kind).set(key, JSON.parse(json))
  return {
    load: (kind) => new Map(kindOf(kind)),
    async write(changes) {
      if (changes.length === 0) return
      const rows = changes.map(rowOf)
      await writer.writeRows(rows)
      for (const row of rows) {
        if ('ledger' in row) continue
        if (row.json === undefined) kindOf(row.kind).delete(row.key)
        else kindOf(row.kind).set(row.key, JSON.parse(row.json))
      }
    },
    async ledger(options) {
      const rows = await writer.readLedger(options)
      return rows.map(({ json, ...row }) => ({ ...row, detail: JSON.parse(json) as unknown }))
    },
  }
}

function rowOf(change: StateChange): StateRow {
  if ('ledger' in change) {
    const { detail, ...rest } = change.ledger
    return { ledger: { ...rest, json: JSON.stringify(detail ?? null) } }
  }
  return { kind: change.kind, key: change.key, json: change.value === undefined ? undefined : JSON.stringify(change.value) }
}
