// A recording rule: the samples of a query under a new name. Pure: the query's result comes in, the samples to store go out.

import { labelsKey, metricNameLabel, sortLabels, type Label, type Labels } from '../../storage/model/labels.ts'
import type { QuerySample } from '../template/ruleFunctions.ts'
import type { RuleConfig } from './rulesConfig.ts'

/** What a rule found wrong with its result; shown as the rule's last error. */
export class RuleError extends Error {}

export type RecordingRuleConfig = Extract<RuleConfig, { kind: 'recording' }>

/** Names the result and sets the rule's labels (an empty value removes one). Throws `RuleError`. */
export function recordSamples(config: Pick<RecordingRuleConfig, 'record' | 'labels'>, samples: readonly QuerySample[], limit: number): readonly QuerySample[] {
  const set: readonly Label[] = [{ name: metricNameLabel, value: config.record }, ...Object.entries(config.labels).map(([name, value]) => ({ name, value }))]
  const recorded = samples.map((sample) => ({ ...sample, labels: overlayLabels(sample.labels, set) }))
  const keys = new Set(recorded.map((sample) => labelsKey(sample.labels)))
  if (keys.size < recorded.length) throw new RuleError('vector contains metrics with the same labelset after applying rule labels')
  if (limit > 0 && recorded.length > limit) throw new RuleError(`exceeded limit of ${limit} with ${recorded.length} series`)
  return recorded
}

/** `labels` with those of `set` put over them. */
export function overlayLabels(labels: Labels, set: readonly Label[]): Labels {
  const names = new Set(set.map((label) => label.name))
  return sortLabels([...labels.filter((label) => !names.has(label.name)), ...set])
}
