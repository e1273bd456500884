// What an alerting rule takes over from before a restart. Its own records give the exact state; where there are none (data
// that came from a Prometheus, a lost state file) the series ALERTS_FOR_STATE give when an alert became active.

import { labelsKey, labelValue, metricNameLabel, type Labels } from '../../storage/model/labels.ts'
import { quote } from '../template/go/goQuote.ts'
import type { QuerySample } from '../template/ruleFunctions.ts'
import { alertsForStateMetric, type AlertingRule, type AlertingRuleConfig } from './alertingRule.ts'

/** `--rules.alert.for-grace-period` and `--rules.alert.for-outage-tolerance`. */
export type RestoreSettings = { readonly forGracePeriodMs: number; readonly forOutageToleranceMs: number }

/** Evaluations this far apart see the same series: gaps up to the default lookback say nothing about a condition. */
const bridgedGapMs = 5 * 60_000

/** At least this long after a restart an absent alert is not taken for resolved: scrapes need their time. */
const minHoldMs = 60_000

/**
 * Fits alerts of an earlier process to the first evaluation after a gap of `gapMs` without evaluations. Firing alerts fire
 * on. A long gap does not count as time in which a pending alert's condition held, and a very long one ends it.
 */
export function bridgeDowntime(rule: AlertingRule, restart: { readonly timestampMs: number; readonly gapMs: number; readonly intervalMs: number }, settings: RestoreSettings): void {
  for (const alert of [...rule.alerts().values()]) {
    if (alert.state === 'inactive') continue
    alert.heldUntilMs = restart.timestampMs + 2 * Math.max(restart.intervalMs, minHoldMs)
    if (alert.state !== 'pending' || restart.gapMs <= bridgedGapMs) continue
    if (restart.gapMs > settings.forOutageToleranceMs) rule.forget(alert)
    else alert.activeAtMs += restart.gapMs
  }
}

/** Whether Prometheus's rules restore anything: a shorter `for` simply starts again. */
export function restoresForState(config: AlertingRuleConfig, settings: RestoreSettings): boolean {
  return config.forMs >= settings.forGracePeriodMs
}

/** A selector for the rule's ALERTS_FOR_STATE series; labels that hold a template are left out. */
export function forStateSelector(config: AlertingRuleConfig): string {
  const fixed = Object.entries(config.labels).filter(([name, value]) => !value.includes('{{') && name !== 'alertname')
  const matchers = [['alertname', config.alert] as const, ...fixed].map(([name, value]) => `${/^[a-zA-Z_]\w*$/.test(name) ? name : quote(name)}=${quote(value)}`)
  return `${alertsForStateMetric}{${matchers.join(',')}}`
}

/** The newest samples of ALERTS_FOR_STATE within the outage tolerance; `writtenAt` holds their times in seconds as values. */
export type ForStateSeries = { readonly activeAt: readonly QuerySample[]; readonly writtenAt: readonly QuerySample[] }

/** Moves each active alert's beginning back to where the series say it was. */
export function restoreForState(rule: AlertingRule, series: ForStateSeries, nowMs: number, settings: RestoreSettings): void {
  const byLabels = (samples: readonly QuerySample[]): Map<string, number> => new Map(samples.map((sample) => [withoutName(sample.labels), sample.value]))
  const activeAt = byLabels(series.activeAt)
  const writtenAt = byLabels(series.writtenAt)
  for (const [key, alert] of rule.alerts()) {
    const activeAtSeconds = activeAt.get(key)
    const downAtSeconds = writtenAt.get(key)
    if (alert.state === 'inactive' || activeAtSeconds === undefined || downAtSeconds === undefined) continue
    alert.activeAtMs = restoredActiveAtMs({
      nowMs,
      forMs: rule.config.forMs,
      gracePeriodMs: settings.forGracePeriodMs,
      downAtMs: Math.floor(downAtSeconds) * 1000,
      activeAtMs: Math.trunc(activeAtSeconds) * 1000,
    })
  }
}

function withoutName(labels: Labels): string {
  return labelValue(labels, metricNameLabel) === '' ? labelsKey(labels) : labelsKey(labels.filter((label) => label.name !== metricNameLabel))
}

export type Downtime = {
  readonly nowMs: number
  readonly forMs: number
  readonly gracePeriodMs: number
  /** When the last sample was written. */
  readonly downAtMs: number
  /** When the alert became active, by that sample. */
  readonly activeAtMs: number
}

/** Where the beginning of an alert is put after a downtime. */
export function restoredActiveAtMs(downtime: Downtime): number {
  const { nowMs, forMs, gracePeriodMs, downAtMs, activeAtMs } = downtime
  const remainingMs = forMs - (downAtMs - activeAtMs)
  // It was firing: it is again at the next evaluation.
  if (remainingMs <= 0) return activeAtMs
  // It was about to fire: it does so one grace period from now.
  if (remainingMs < gracePeriodMs) return nowMs + gracePeriodMs - forMs
  // The downtime does not count.
  return activeAtMs + (nowMs - downAtMs)
}

