// Exemplars over a restart: written to the state file when storage is closed, read and removed when it is opened. A crash
// loses them, as they are a help for people and not worth a write of their own each.

import type { Exemplar, ExemplarStore } from './exemplars.ts'
import { labelsFrom, labelsKey, labelsToObject } from './model/labels.ts'
import type { StateStore } from './state.ts'

const kind = 'exemplars'

/** Exemplars in one record. */
const perRecord = 1000

/** The value is text, as JSON has no form for NaN and infinity. */
type SavedExemplar = readonly [ref: number, labels: Record<string, string>, value: string, timestampMs: number, hasTimestamp: boolean]

type SavedRecord = { readonly series: readonly (readonly [ref: number, labels: Record<string, string>])[]; readonly exemplars: readonly SavedExemplar[] }

/** Resolves when they are durable. */
export async function saveExemplars(store: ExemplarStore, state: Pick<StateStore, 'write'>): Promise<void> {
  const all = store.inOrder()
  const changes = []
  for (let from = 0; from < all.length; from += perRecord) {
    const some = all.slice(from, from + perRecord)
    const series = new Map(some.map(({ ref, seriesLabels }) => [ref, labelsToObject(seriesLabels)]))
    const exemplars = some.map(({ ref, exemplar: { labels, value, timestampMs, hasTimestamp } }): SavedExemplar => [ref, labelsToObject(labels), String(value), timestampMs, hasTimestamp])
    changes.push({ kind, key: String(from / perRecord).padStart(6, '0'), value: { series: [...series], exemplars } satisfies SavedRecord })
  }
  await state.write(changes)
}

/** Brings back those whose series are the same under the same ref. */
export async function restoreExemplars(store: ExemplarStore, state: Pick<StateStore, 'load' | 'write'>): Promise<void> {
  const records = [...state.load(kind)].sort(([a], [b]) => (a < b ? -1 : 1))
  for (const [, record] of records) {
    const { series, exemplars } = record as SavedRecord // written above; nobody else writes this kind
    const same = new Set(series.filter(([ref, labels]) => labelsKey(store.seriesLabels(ref)) === labelsKey(labelsFrom(labels))).map(([ref]) => ref))
    for (const [ref, labels, value, timestampMs, hasTimestamp] of exemplars) {
      const exemplar: Exemplar = { labels: labelsFrom(labels), value: Number(value), timestampMs, hasTimestamp }
      if (same.has(ref)) store.append(ref, exemplar)
    }
  }
  await state.write(records.map(([key]) => ({ kind, key, value: undefined })))
}
