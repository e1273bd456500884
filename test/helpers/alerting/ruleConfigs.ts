// Rules as a configuration would give them, with defaults for what a test does not say.

import type { RuleConfig, RuleFile, RuleGroupConfig } from '../../../alerting/rules/rulesConfig.ts'

const position = { file: 'rules.yml', line: 1, column: 1 }

export function alertingRuleConfig(config: Partial<Extract<RuleConfig, { kind: 'alerting' }>> & { readonly expr: string }): Extract<RuleConfig, { kind: 'alerting' }> {
  return { kind: 'alerting', alert: 'A', forMs: 0, keepFiringForMs: 0, labels: {}, annotations: {}, position, ...config }
}

export function recordingRuleConfig(record: string, expr: string, labels: Readonly<Record<string, string>> = {}): RuleConfig {
  return { kind: 'recording', record, expr, labels, position }
}

export function ruleGroupConfig(rules: readonly RuleConfig[], config: Partial<RuleGroupConfig> = {}): RuleGroupConfig {
  return { name: 'g', file: 'rules.yml', intervalMs: 60_000, queryOffsetMs: 0, limit: 0, rules, position, ...config }
}

export function ruleFile(...groups: readonly RuleGroupConfig[]): RuleFile {
  return { path: groups[0]?.file ?? 'rules.yml', groups }
}
