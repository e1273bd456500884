// Reads the `otlp` section of prometheus.yml for the receiver.

import { defaultOtlpConfig } from '../../ingest/otlp/otlpConfig.ts'
import type { OtlpConfig } from '../../ingest/otlp/otlpConfig.ts'
import { bool, fields, list, oneOf, text, tree } from '../base/config/yamlReaders.ts'
import type { Reader } from '../base/config/yamlReaders.ts'
import type { NameScheme } from '../base/names.ts'

export type OtlpSection = {
  readonly config: OtlpConfig
  /** As `/api/v1/status/config` shows it. */
  readonly shown: unknown
}

export function otlpSection(scheme: NameScheme): Reader<OtlpSection> {
  return (node) => {
    const read = fields(node, {
      promote_all_resource_attributes: bool,
      promote_resource_attributes: list(text),
      ignore_resource_attributes: list(text),
      translation_strategy: oneOf('', 'UnderscoreEscapingWithSuffixes', 'UnderscoreEscapingWithoutSuffixes', 'NoUTF8EscapingWithSuffixes', 'NoTranslation'),
      keep_identifying_resource_attributes: bool,
      convert_histograms_to_nhcb: bool,
      promote_scope_metadata: bool,
      label_name_underscore_sanitization: bool,
      label_name_preserve_multiple_underscores: bool,
    })
    const promoted = (read.promote_resource_attributes ?? []).map((attribute) => attribute.trim())
    const promotesAll = read.promote_all_resource_attributes ?? false
    if (promotesAll && promoted.length > 0) {
      node.at('promote_resource_attributes').fail("'promote_all_resource_attributes' and 'promote_resource_attributes' cannot be configured simultaneously")
    }
    if (!promotesAll && (read.ignore_resource_attributes ?? []).length > 0) {
      node.at('ignore_resource_attributes').fail("'ignore_resource_attributes' cannot be configured unless 'promote_all_resource_attributes' is true")
    }
    if (promoted.includes('')) node.at('promote_resource_attributes').fail('empty promoted OTel resource attribute')
    if (new Set(promoted).size < promoted.length) node.at('promote_resource_attributes').fail('duplicated promoted OTel resource attribute')
    const strategy = read.translation_strategy ?? ''
    if (scheme === 'legacy' && (strategy === 'NoUTF8EscapingWithSuffixes' || strategy === 'NoTranslation')) {
      node.at('translation_strategy').fail(`OTLP translation strategy "${strategy}" is not allowed when UTF8 is disabled`)
    }
    return {
      shown: tree(node),
      config: {
        promotesAll, promoted,
        translationStrategy: strategy === '' ? defaultOtlpConfig.translationStrategy : strategy,
        ignored: read.ignore_resource_attributes ?? [],
        keepsIdentifying: read.keep_identifying_resource_attributes ?? defaultOtlpConfig.keepsIdentifying,
        convertsHistograms: read.convert_histograms_to_nhcb ?? defaultOtlpConfig.convertsHistograms,
        promotesScope: read.promote_scope_metadata ?? defaultOtlpConfig.promotesScope,
        sanitizesUnderscore: read.label_name_underscore_sanitization ?? defaultOtlpConfig.sanitizesUnderscore,
        preservesUnderscores: read.label_name_preserve_multiple_underscores ?? defaultOtlpConfig.preservesUnderscores,
      },
    }
  }
}
