// What rules and templates take of a query's result.

import type { EvaluationResult } from '../../query/service/queryService.ts'
import type { QuerySample } from '../template/ruleFunctions.ts'
import { RuleError } from './recordingRule.ts'

/** A scalar is a sample without labels. Throws `RuleError` for a text. */
export function querySamples(result: EvaluationResult): readonly QuerySample[] {
  switch (result.kind) {
    case 'vector':
      return result.samples
    case 'scalar':
      return [{ labels: [], value: result.value }]
    case 'string':
      throw new RuleError('rule result is not a vector or scalar')
  }
}
