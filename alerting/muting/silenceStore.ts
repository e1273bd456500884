// All silences: creating, changing, expiring, forgetting them, and which of them mute an alert. A change is answered when
// it is committed, so a silence that somebody was told of survives a crash.

import { randomUUID } from 'node:crypto'
import type { Labels } from '../../storage/model/labels.ts'
import type { StateChange, StateStore } from '../../storage/state.ts'
import type { MatcherMode } from '../alerts/matchers.ts'
import { canUpdateInPlace, compileSilence, silenceMatches, SilenceError, silenceStateAt, type Silence, type SilenceInput, type SilenceRecord, type SilenceState } from './silence.ts'

const recordKind = 'alertmanager.silence'

export type SilenceLimits = {
  /** Expired ones count too; 0 = no limit. */
  readonly maxSilences: number
  /** Of one silence; 0 = no limit. */
  readonly maxSilenceSizeBytes: number
}

export type SilenceStoreOptions = SilenceLimits & { readonly mode: MatcherMode; readonly retentionMs: number }

export class SilenceStore {
  readonly #silences = new Map<string, Silence>()
  readonly #state: StateStore
  readonly #options: SilenceStoreOptions

  constructor(state: StateStore, options: SilenceStoreOptions) {
    this.#state = state
    this.#options = options
    for (const [id, value] of state.load(recordKind)) {
      this.#silences.set(id, compileSilence(value as SilenceRecord, 'fallback')) // what `#write` wrote, checked when it was made
    }
  }

  get(id: string): Silence | undefined {
    return this.#silences.get(id)
  }

  all(): Silence[] {
    return [...this.#silences.values()]
  }

  count(state: SilenceState, nowMs: number): number {
    return this.all().filter((silence) => silenceStateAt(silence, nowMs) === state).length
  }

  /** The ids of all active silences that match. */
  silencedBy(labels: Labels, nowMs: number): string[] {
    const ids: string[] = []
    for (const silence of this.#silences.values()) {
      if (silenceStateAt(silence, nowMs) === 'active' && silenceMatches(silence, labels)) ids.push(silence.id)
    }
    return ids.sort()
  }

  /**
   * Creates a silence, or changes the one with `id`: in place when only its times, comment or author differ in an allowed
   * way, else by a new silence that replaces it. Returns the id. Throws `SilenceError`.
   */
  async set(input: SilenceInput, id: string | undefined, nowMs: number): Promise<string> {
    const old = id === undefined ? undefined : this.#silences.get(id)
    if (id !== undefined && old === undefined) throw new SilenceError('notFound', 'silence not found')
    if (old !== undefined && canUpdateInPlace(old, input, nowMs)) {
      const next = this.#compile({ ...input, id: old.id, updatedAtMs: nowMs })
      await this.#write([next])
      return next.id
    }
    const next = this.#compile({ ...input, startsAtMs: Math.max(input.startsAtMs, nowMs), id: randomUUID(), updatedAtMs: nowMs })
    const { maxSilences } = this.#options
    if (maxSilences > 0 && this.#silences.size >= maxSilences) {
      throw new SilenceError('invalid', `exceeded maximum number of silences: ${this.#silences.size} (limit: ${maxSilences})`)
    }
    const expired = old === undefined ? undefined : expire(old, nowMs)
    await this.#write(expired === undefined ? [next] : [expired, next])
    return next.id
  }

  /** Ends the silence now; one that is over stays as it is. False when there is none with this id. */
  async expire(id: string, nowMs: number): Promise<boolean> {
    const silence = this.#silences.get(id)
    if (silence === undefined) return false
    const expired = expire(silence, nowMs)
    if (expired !== undefined) await this.#write([expired])
    return true
  }

  /** Forgets what has been over for the retention. */
  async collectGarbage(nowMs: number): Promise<void> {
    const gone: StateChange[] = []
    for (const silence of this.#silences.values()) {
      if (silence.endsAtMs + this.#options.retentionMs > nowMs) continue
      this.#silences.delete(silence.id)
      gone.push({ kind: recordKind, key: silence.id, value: undefined })
    }
    if (gone.length > 0) await this.#state.write(gone)
  }

  #compile(record: SilenceRecord): Silence {
    const silence = compileSilence(record, this.#options.mode)
    const { maxSilenceSizeBytes } = this.#options
    const bytes = Buffer.byteLength(JSON.stringify(record))
    if (maxSilenceSizeBytes > 0 && bytes > maxSilenceSizeBytes) {
      throw new SilenceError('invalid', `silence exceeded maximum size: ${bytes} bytes (limit: ${maxSilenceSizeBytes} bytes)`)
    }
    return silence
  }

  /** In memory at once, so that two requests see each other; taken back when the disk refuses. */
  async #write(silences: readonly Silence[]): Promise<void> {
    const before = silences.map((silence) => this.#silences.get(silence.id))
    for (const silence of silences) this.#silences.set(silence.id, silence)
    try {
      await this.#state.write(silences.map(({ compiled: _compiled, ...record }) => ({ kind: recordKind, key: record.id, value: record })))
    } catch (error) {
      silences.forEach((silence, index) => {
        const old = before[index]
        if (this.#silences.get(silence.id) !== silence) return
        if (old === undefined) this.#silences.delete(silence.id)
        else this.#silences.set(silence.id, old)
      })
      throw error
    }
  }
}

/** The silence ended at `nowMs`; `undefined` when it is over already. */
function expire(silence: Silence, nowMs: number): Silence | undefined {
  switch (silenceStateAt(silence, nowMs)) {
    case 'active':
      // An active silence includes its end; one millisecond earlier makes it over from now on.
      return { ...silence, endsAtMs: Math.max(nowMs - 1, silence.startsAtMs - 1), updatedAtMs: nowMs }
    case 'pending':
      return { ...silence, startsAtMs: nowMs - 1, endsAtMs: nowMs - 1, updatedAtMs: nowMs }
    case 'expired':
      return undefined
  }
}
