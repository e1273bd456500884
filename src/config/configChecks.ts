// How the texts inside a configuration are checked while it is read: expressions, templates and matchers, each by the
// parser that runs them later.

import { checkMatchers } from '../../alerting/alerts/matchers.ts'
import { checkRuleTemplate } from '../../alerting/template/ruleTemplates.ts'
import { parseQuery } from '../../query/language/parse.ts'
import type { ConfigChecks } from './config.ts'

/** `features` are names of `--enable-feature`: some make more expressions valid. */
export function createConfigChecks(features: readonly string[]): ConfigChecks {
  const featureSet = new Set(features)
  return {
    checkExpression: (expr) => void parseQuery(expr, featureSet),
    checkTemplate: checkRuleTemplate,
    checkMatchers,
  }
}
