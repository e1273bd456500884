// The muting stages of the pipeline: inhibition, active and mute time intervals, silences, in this order. Each takes the
// alerts the one before it left and says which it holds back and why. Pure over what it is given.

import type { Labels } from '../../storage/model/labels.ts'
import type { RouteConfig } from '../config/routeConfig.ts'
import type { TimeIntervalConfig } from '../config/timeIntervalConfig.ts'
import type { FlushAlert } from '../dispatch/group.ts'
import { isInTimeInterval } from '../muting/timeInterval.ts'
import type { SuppressionReason } from './alertmanagerMetrics.ts'

export type Suppressed = { readonly alert: FlushAlert; readonly reason: SuppressionReason; /** A fingerprint, silence ids, or interval names. */ readonly by: readonly string[] }

export type SuppressionInput = {
  readonly alerts: readonly FlushAlert[]
  readonly route: Pick<RouteConfig, 'activeTimeIntervals' | 'muteTimeIntervals'>
  readonly timeIntervals: ReadonlyMap<string, TimeIntervalConfig>
  readonly inhibitedBy: (labels: Labels) => string | undefined
  readonly silencedBy: (labels: Labels) => readonly string[]
  readonly tickMs: number
}

export type SuppressionResult = {
  readonly kept: readonly FlushAlert[]
  readonly suppressed: readonly Suppressed[]
  /** The time intervals that mute the whole group now. */
  readonly mutedBy: readonly string[]
}

/** What of a flush may be told: inhibition, then active and mute time intervals, then silences, each over what the one before has left. */
export function suppress(input: SuppressionInput): SuppressionResult {
  const suppressed: Suppressed[] = []
  const holdBack = (alerts: readonly FlushAlert[], reason: SuppressionReason, byOf: (alert: FlushAlert) => readonly string[]): FlushAlert[] =>
    alerts.filter((alert) => {
      const by = byOf(alert)
      if (by.length > 0) suppressed.push({ alert, reason, by })
      return by.length === 0
    })

  const uninhibited = holdBack(input.alerts, 'inhibition', ({ alert }) => {
    const by = input.inhibitedBy(alert.labels)
    return by === undefined ? [] : [by]
  })
  const inactive = outsideActive(input)
  const inActiveTime = holdBack(uninhibited, 'active_time_interval', () => inactive)
  const muted = namesThatHold(input.route.muteTimeIntervals, input)
  const unmuted = holdBack(inActiveTime, 'mute_time_interval', () => muted)
  const kept = holdBack(unmuted, 'silence', ({ alert }) => input.silencedBy(alert.labels))
  return { kept, suppressed, mutedBy: inactive.length > 0 ? inactive : muted }
}

/** The route's active intervals when now is in none of them. */
function outsideActive(input: SuppressionInput): readonly string[] {
  const { activeTimeIntervals } = input.route
  return activeTimeIntervals.length > 0 && namesThatHold(activeTimeIntervals, input).length === 0 ? activeTimeIntervals : []
}

function namesThatHold(names: readonly string[], { timeIntervals, tickMs }: SuppressionInput): string[] {
  return names.filter((name) => {
    const interval = timeIntervals.get(name)
    return interval !== undefined && isInTimeInterval(interval, tickMs)
  })
}
