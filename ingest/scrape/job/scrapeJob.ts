// A scrape job ready to run: made before a reload changes anything, so that what is wrong with it changes nothing.

import type { HttpRequest } from '../../../src/base/http/httpMessage.ts'
import type { RepeatedRequest } from '../../../src/base/http/repeatedRequest.ts'
import type { CreatedUse } from '../../exposition/metadata/createdTimes.ts'
import { compileRelabel, type RelabelRules } from '../../relabel.ts'
import type { ScrapeConfig } from './scrapeConfig.ts'
import type { FailureLogFile } from './scrapeFailureLog.ts'

export type PreparedJob = { readonly config: ScrapeConfig; readonly rules: RelabelRules; readonly metricRules: RelabelRules }

/** Throws what is wrong with the rules. */
export function prepareJob(config: ScrapeConfig): PreparedJob {
  return { config, rules: compileRelabel(config.relabelConfigs), metricRules: compileRelabel(config.metricRelabelConfigs) }
}

/** What the loops of a pool share; replaced as a whole on reload. */
export type ScrapeJob = {
  readonly config: ScrapeConfig
  readonly metricRules: RelabelRules
  readonly accept: string
  readonly repeated: (request: HttpRequest) => RepeatedRequest
  readonly failureLog: FailureLogFile | undefined
  /** See createdTimes.ts. */
  readonly created: CreatedUse
  /** See typeAndUnit.ts. */
  readonly addsTypeAndUnit: boolean
}
