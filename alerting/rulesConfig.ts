// Rule files as configured: groups of recording and alerting rules, checked, with the defaults of `global` filled in.

/** Where something stands in a file, 1-based. */
export type FilePosition = { readonly file: string; readonly line: number; readonly column: number }

export type RuleFile = {
  /** As found by the glob: what the API shows as `file`. */
  readonly path: string
  readonly groups: readonly RuleGroupConfig[]
}

export type RuleGroupConfig = {
  readonly name: string
  readonly file: string
  /** The group's own, else the global evaluation interval. */
  readonly intervalMs: number
  /** The group's own, else the global rule_query_offset. */
  readonly queryOffsetMs: number
  /** Most series (recording) or active alerts (alerting) of one rule; 0 = no limit. */
  readonly limit: number
  readonly rules: readonly RuleConfig[]
  readonly position: FilePosition
}

/** `labels` are those of the group overlaid with the rule's own. */
export type RuleConfig =
  | {
      readonly kind: 'recording'
      readonly record: string
      readonly expr: string
      readonly labels: Readonly<Record<string, string>>
      readonly position: FilePosition
    }
  | {
      readonly kind: 'alerting'
      readonly alert: string
      readonly expr: string
      readonly forMs: number
      readonly keepFiringForMs: number
      readonly labels: Readonly<Record<string, string>>
      readonly annotations: Readonly<Record<string, string>>
      readonly position: FilePosition
    }
