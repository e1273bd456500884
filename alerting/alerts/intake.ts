// Alerts on their way in, from the rules and from the API: missing times filled in, empty labels dropped, everything
// checked. What comes out has an identity and may be stored.

import { isLabelName } from '../../src/base/names.ts'
import { compareBytes, sortLabels, type Label, type Labels } from '../../storage/model/labels.ts'
import { quote } from '../template/go/goQuote.ts'
import { fingerprintOf, type Alert } from './alert.ts'
import type { MatcherMode } from './matchers.ts'

/** An alert as a sender says it. */
export type PostedAlert = {
  readonly labels: Labels
  readonly annotations: readonly Label[]
  readonly startsAtMs?: number
  readonly endsAtMs?: number
  readonly generatorUrl: string
  /** As written, when milliseconds in UTC would lose something. */
  readonly startsAtText?: string
  readonly endsAtText?: string
}

export type IntakeOptions = { readonly nowMs: number; readonly resolveTimeoutMs: number; readonly mode: MatcherMode }

/** The alert, and why it cannot be taken, if so. */
export type IntakeResult = { readonly alert: Alert; readonly problem?: string }

/** Throws nothing: what is wrong with the alert is the result's `problem`, in Alertmanager's words. */
export function takeAlert(posted: PostedAlert, { nowMs, resolveTimeoutMs, mode }: IntakeOptions): IntakeResult {
  const startsAtMs = posted.startsAtMs ?? posted.endsAtMs ?? nowMs
  const startsAtText = posted.startsAtMs === undefined ? posted.endsAtText : posted.startsAtText
  const labels = sortLabels(posted.labels)
  const alert: Alert = {
    labels,
    annotations: [...posted.annotations].sort((a, b) => compareBytes(a.name, b.name)),
    startsAtMs,
    endsAtMs: posted.endsAtMs ?? nowMs + resolveTimeoutMs,
    updatedAtMs: nowMs,
    timeout: posted.endsAtMs === undefined,
    generatorUrl: posted.generatorUrl,
    fingerprint: fingerprintOf(labels),
    ...(startsAtText !== undefined && { startsAtText }),
    ...(posted.endsAtText !== undefined && { endsAtText: posted.endsAtText }),
  }
  const problem = problemOf(alert, mode)
  return { alert, ...(problem !== undefined && { problem }) }
}

function problemOf(alert: Alert, mode: MatcherMode): string | undefined {
  if (alert.endsAtMs < alert.startsAtMs) return 'start time must be before end time'
  const labelProblem = problemOfPairs(alert.labels, mode)
  if (labelProblem !== undefined) return `invalid label set: ${labelProblem}`
  if (alert.labels.length === 0) return 'at least one label pair required'
  const annotationProblem = problemOfPairs(alert.annotations, mode)
  return annotationProblem === undefined ? undefined : `invalid annotations: ${annotationProblem}`
}

function problemOfPairs(pairs: readonly Label[], mode: MatcherMode): string | undefined {
  for (const { name, value } of pairs) {
    if (!isLabelName(name, mode === 'classic' ? 'legacy' : 'utf8')) return `invalid name ${quote(name)}`
    if (!value.isWellFormed()) return `invalid value ${quote(value)}`
  }
  return undefined
}
