// A silence: which alerts it mutes, when, and what about it may be changed in place. Pure; alerting/muting/silenceStore.ts keeps
// them.

import { errorText } from '../../src/base/assert.ts'
import { isLabelName } from '../../src/base/names.ts'
import type { Labels } from '../../storage/model/labels.ts'
import { createAlertMatcher, matchesAll, type AlertMatcher, type MatcherMode } from '../alerts/matchers.ts'

export type SilenceMatcher = { readonly name: string; readonly value: string; readonly isRegex: boolean; readonly isEqual: boolean }

export type SilenceInput = {
  readonly matchers: readonly SilenceMatcher[]
  readonly startsAtMs: number
  readonly endsAtMs: number
  readonly createdBy: string
  readonly comment: string
  readonly annotations: Readonly<Record<string, string>>
}

/** As it is written to the state store. */
export type SilenceRecord = SilenceInput & { readonly id: string; readonly updatedAtMs: number }

export type Silence = SilenceRecord & { readonly compiled: readonly AlertMatcher[] }

export type SilenceState = 'active' | 'pending' | 'expired'

/** The silence asked for cannot be. The message is Alertmanager's. */
export class SilenceError extends Error {
  readonly code: 'invalid' | 'notFound'

  constructor(code: 'invalid' | 'notFound', message: string) {
    super(message)
    this.code = code
  }
}

/** Both ends are inclusive. */
export function silenceStateAt(silence: Pick<SilenceRecord, 'startsAtMs' | 'endsAtMs'>, nowMs: number): SilenceState {
  if (nowMs < silence.startsAtMs) return 'pending'
  return nowMs > silence.endsAtMs ? 'expired' : 'active'
}

/** On labels alone, whether the alert fires or is resolved. */
export function silenceMatches(silence: Silence, labels: Labels): boolean {
  return matchesAll(silence.compiled, labels)
}

/** Throws `SilenceError` when the record has no matchers, bad ones, or only ones that every alert could pass. */
export function compileSilence(record: SilenceRecord, mode: MatcherMode): Silence {
  const refuse = (reason: string): never => {
    throw new SilenceError('invalid', `silence invalid: ${reason}`)
  }
  if (record.matchers.length === 0) refuse('at least one matcher required')
  const compiled = record.matchers.map((matcher, index) => {
    if (!isLabelName(matcher.name, mode === 'classic' ? 'legacy' : 'utf8')) refuse(`invalid label matcher ${index}: invalid label name ${JSON.stringify(matcher.name)}`)
    if (!matcher.value.isWellFormed()) refuse(`invalid label matcher ${index}: invalid label value ${JSON.stringify(matcher.value)}`)
    const op = matcher.isRegex ? (matcher.isEqual ? '=~' : '!~') : matcher.isEqual ? '=' : '!='
    try {
      return createAlertMatcher({ name: matcher.name, op, value: matcher.value })
    } catch (error) {
      return refuse(`invalid label matcher ${index}: invalid regular expression ${JSON.stringify(matcher.value)}: ${errorText(error)}`)
    }
  })
  // A negative matcher counts as one that says something, although alerts without the label pass it.
  if (compiled.every((matcher) => (matcher.op === '=' || matcher.op === '=~') && matcher.matches(''))) refuse('at least one matcher must not match the empty string')
  return { ...record, compiled }
}

/** Whether `next` may replace `old` under the same id; otherwise `old` expires and `next` gets an id of its own. */
export function canUpdateInPlace(old: SilenceRecord, next: SilenceInput, nowMs: number): boolean {
  if (!sameMatchers(old.matchers, next.matchers)) return false
  switch (silenceStateAt(old, nowMs)) {
    case 'active':
      return Math.floor(old.startsAtMs / 1_000) === Math.floor(next.startsAtMs / 1_000) && next.endsAtMs >= nowMs
    case 'pending':
      return next.startsAtMs >= nowMs
    case 'expired':
      return false
  }
}

/** The order counts. */
function sameMatchers(a: readonly SilenceMatcher[], b: readonly SilenceMatcher[]): boolean {
  const key = (matchers: readonly SilenceMatcher[]) => JSON.stringify(matchers.map(({ name, value, isRegex, isEqual }) => [name, value, isRegex, isEqual]))
  return key(a) === key(b)
}
