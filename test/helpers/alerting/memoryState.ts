// A state store in memory: the real store over a writer that keeps rows instead of writing them. `reopen` gives what a
// restarted process would find.

import { createStateStore, type LedgerEntry, type StateStore } from '../../../storage/state.ts'

export type MemoryState = { readonly store: StateStore; reopen(): MemoryState; readonly ledger: readonly LedgerEntry[] }

export function createMemoryState(rows = new Map<string, readonly [string, string, string]>(), ledger: LedgerEntry[] = []): MemoryState {
  const store = createStateStore(
    {
      writeRows: (changes) => {
        for (const change of changes) {
          if ('ledger' in change) {
            const { json, ...entry } = change.ledger
            ledger.push({ ...entry, detail: JSON.parse(json) as unknown })
          } else if (change.json === undefined) rows.delete(`${change.kind} ${change.key}`)
          else rows.set(`${change.kind} ${change.key}`, [change.kind, change.key, change.json])
        }
        return Promise.resolve()
      },
      readLedger: ({ limit }) => Promise.resolve([...ledger].reverse().slice(0, limit).map(({ detail, ...entry }) => ({ ...entry, json: JSON.stringify(detail) }))),
    },
    [...rows.values()],
  )
  return { store, reopen: () => createMemoryState(rows, ledger), ledger }
}
