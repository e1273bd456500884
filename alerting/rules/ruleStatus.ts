// A rule within its group, and rules and alerts as the API shows them.

import { labelsFrom, type Labels } from '../../storage/model/labels.ts'
import type { AlertingRule, RuleState } from './alertingRule.ts'
import type { RuleConfig } from './rulesConfig.ts'

/** A rule with what its last evaluation left behind. */
export type Rule = {
  readonly config: RuleConfig
  readonly key: string
  readonly query: string
  readonly alerting: AlertingRule | undefined
  health: RuleStatus['health']
  lastError: string
  evaluationSeconds: number
  lastEvaluationMs: number | undefined
  /** What the last successful evaluation stored, by labels. */
  previousSeries: Map<string, Labels>
}

export type AlertStatus = {
  readonly labels: Labels
  readonly annotations: readonly { readonly name: string; readonly value: string }[]
  readonly state: 'pending' | 'firing'
  readonly activeAtMs: number
  readonly value: number
  /** While the alert is kept firing although its condition is gone. */
  readonly keepFiringSinceMs?: number
}

export type RuleStatus = {
  readonly name: string
  /** Normalized. */
  readonly query: string
  readonly labels: Labels
  readonly health: 'unknown' | 'ok' | 'err'
  /** `''` when the last evaluation went well. */
  readonly lastError: string
  readonly evaluationSeconds: number
  /** By the clock; `undefined` before the first evaluation. */
  readonly lastEvaluationMs: number | undefined
} & (
  | { readonly kind: 'recording' }
  | {
      readonly kind: 'alerting'
      readonly state: RuleState | 'unknown'
      readonly durationSeconds: number
      readonly keepFiringForSeconds: number
      /** As templates. */
      readonly annotations: Readonly<Record<string, string>>
      readonly alerts: readonly AlertStatus[]
    }
)

export type RuleGroupStatus = {
  readonly name: string
  readonly file: string
  readonly intervalMs: number
  readonly limit: number
  readonly evaluationSeconds: number
  readonly lastEvaluationMs: number | undefined
  readonly rules: readonly RuleStatus[]
}

export function ruleName(rule: Rule): string {
  return rule.config.kind === 'alerting' ? rule.config.alert : rule.config.record
}

/** The rule as the API shows it. */
export function ruleStatus(rule: Rule): RuleStatus {
  const common = {
    name: ruleName(rule),
    query: rule.query,
    labels: labelsFrom(rule.config.labels),
    health: rule.health,
    lastError: rule.lastError,
    evaluationSeconds: rule.evaluationSeconds,
    lastEvaluationMs: rule.lastEvaluationMs,
  }
  if (rule.config.kind === 'recording' || rule.alerting === undefined) return { ...common, kind: 'recording' }
  return {
    ...common,
    kind: 'alerting',
    state: rule.lastEvaluationMs === undefined ? 'unknown' : rule.alerting.state(),
    durationSeconds: rule.config.forMs / 1000,
    keepFiringForSeconds: rule.config.keepFiringForMs / 1000,
    annotations: rule.config.annotations,
    alerts: activeAlerts(rule.alerting),
  }
}

function activeAlerts(rule: AlertingRule): AlertStatus[] {
  const active: AlertStatus[] = []
  for (const alert of rule.alerts().values()) {
    const { state, labels, annotations, activeAtMs, value, keepFiringSinceMs } = alert
    if (state !== 'inactive') active.push({ labels, annotations, state, activeAtMs, value, ...(keepFiringSinceMs !== undefined && { keepFiringSinceMs }) })
  }
  return active
}
