// The `otlp` section of prometheus.yml: how names and attributes of OpenTelemetry become names and labels.

export type TranslationStrategy = 'UnderscoreEscapingWithSuffixes' | 'UnderscoreEscapingWithoutSuffixes' | 'NoUTF8EscapingWithSuffixes' | 'NoTranslation'

export type OtlpConfig = {
  readonly translationStrategy: TranslationStrategy
  /** Resource attributes that become labels of every series: these, or all but the ignored ones. */
  readonly promotesAll: boolean
  readonly promoted: readonly string[]
  readonly ignored: readonly string[]
  /** Whether `target_info` has the attributes that `job` and `instance` are made of. */
  readonly keepsIdentifying: boolean
  readonly convertsHistograms: boolean
  readonly promotesScope: boolean
  readonly sanitizesUnderscore: boolean
  readonly preservesUnderscores: boolean
}

export const defaultOtlpConfig: OtlpConfig = {
  translationStrategy: 'UnderscoreEscapingWithSuffixes',
  promotesAll: false,
  promoted: [],
  ignored: [],
  keepsIdentifying: false,
  convertsHistograms: false,
  promotesScope: false,
  sanitizesUnderscore: true,
  preservesUnderscores: true,
}
