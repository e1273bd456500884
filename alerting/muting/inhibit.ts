// Inhibition: an alert is muted while another one holds that a rule names as its cause. Sources come from the raw stream
// of alerts, so a silenced or inhibited source still inhibits. One index per rule, by the values of its `equal` labels.

import { labelsKey, labelValue, type Labels } from '../../storage/model/labels.ts'
import { isResolved, type Alert } from '../alerts/alert.ts'
import { compileRawMatchers, matchesAll, type AlertMatcher, type MatcherMode } from '../alerts/matchers.ts'
import type { InhibitRuleConfig } from '../config/alertmanagerConfig.ts'

type Rule = {
  readonly source: readonly AlertMatcher[]
  readonly target: readonly AlertMatcher[]
  readonly equal: readonly string[]
  /** All known alerts that match the source side: equal values to fingerprint to alert. */
  readonly sources: Map<string, Map<string, Alert>>
}

export class Inhibitor {
  readonly #rules: readonly Rule[]

  /** Throws `MatcherError`. */
  constructor(configs: readonly InhibitRuleConfig[], mode: MatcherMode) {
    this.#rules = configs.map((config) => ({
      source: compileRawMatchers(config.sourceMatchers, mode),
      target: compileRawMatchers(config.targetMatchers, mode),
      equal: [...new Set(config.equal)],
      sources: new Map(),
    }))
  }

  get ruleCount(): number {
    return this.#rules.length
  }

  /** Learns of an alert, new or changed. */
  add(alert: Alert): void {
    for (const rule of this.#rules) {
      if (!matchesAll(rule.source, alert.labels)) continue
      const key = equalKey(rule, alert.labels)
      let bucket = rule.sources.get(key)
      if (bucket === undefined) rule.sources.set(key, (bucket = new Map()))
      bucket.set(alert.fingerprint, alert)
    }
  }

  /** The fingerprint of an alert that inhibits this one at `nowMs`. Rules are tried in order, the first hit ends it. */
  inhibitedBy(labels: Labels, nowMs: number): string | undefined {
    for (const rule of this.#rules) {
      if (!matchesAll(rule.target, labels)) continue
      const isSourceToo = matchesAll(rule.source, labels)
      for (const source of rule.sources.get(equalKey(rule, labels))?.values() ?? []) {
        // Two alerts that both match both sides do not inhibit each other, nor does an alert itself.
        if (!isResolved(source, nowMs) && !(isSourceToo && matchesAll(rule.target, source.labels))) return source.fingerprint
      }
    }
    return undefined
  }

  /** Forgets resolved sources. */
  collectGarbage(nowMs: number): void {
    for (const { sources } of this.#rules) {
      for (const [key, bucket] of sources) {
        for (const alert of bucket.values()) if (isResolved(alert, nowMs)) bucket.delete(alert.fingerprint)
        if (bucket.size === 0) sources.delete(key)
      }
    }
  }
}

/** A missing label equals an empty one. */
function equalKey(rule: Rule, labels: Labels): string {
  return labelsKey(rule.equal.map((name) => ({ name, value: labelValue(labels, name) })))
}
