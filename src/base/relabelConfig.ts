// One relabel rule as configured: for targets, scraped samples, alerts and discovered Alertmanagers. Executing the rules
// is ingest/relabel.ts; alerting gets that as a function.

export type RelabelAction =
  | 'replace'
  | 'keep'
  | 'drop'
  | 'keepequal'
  | 'dropequal'
  | 'hashmod'
  | 'labelmap'
  | 'labeldrop'
  | 'labelkeep'
  | 'lowercase'
  | 'uppercase'

/** Validated and with defaults filled in. `regex` is the source text, known to compile as `^(?s:regex)$`. */
export type RelabelConfig = {
  readonly action: RelabelAction
  readonly sourceLabels: readonly string[]
  readonly separator: string
  readonly regex: string
  /** Up to 2^64 - 1; 0 when the action is not hashmod. */
  readonly modulus: bigint
  readonly targetLabel: string
  readonly replacement: string
  /** Label names must match `[a-zA-Z_][a-zA-Z0-9_]*` when legacy; any UTF-8 text when utf8. */
  readonly nameValidation: 'utf8' | 'legacy'
}
