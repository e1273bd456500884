// The metrics of the built-in Alertmanager under Alertmanager's own names. Every series with known labels exists from the
// start with 0, because alerts on rates need a first value.

import type { Counter, Gauge, MetricRegistry } from '../../src/base/selfMetrics.ts'
import type { SilenceState } from '../muting/silence.ts'
import { failureReasons, type FailureReason } from '../receivers/receiver.ts'

/** All integrations of Alertmanager, also those that are not built here. */
const integrationNames = [
  'discord', 'email', 'incidentio', 'jira', 'mattermost', 'msteams', 'msteamsv2', 'opsgenie', 'pagerduty',
  'pushover', 'rocketchat', 'slack', 'sns', 'telegram', 'victorops', 'webex', 'webhook', 'wechat',
]

export type SuppressionReason = 'silence' | 'inhibition' | 'mute_time_interval' | 'active_time_interval'
const suppressionReasons: readonly SuppressionReason[] = ['silence', 'inhibition', 'mute_time_interval', 'active_time_interval']

/** Values that are read when the metrics are printed. */
export type MetricSources = {
  alertCount(state: 'active' | 'suppressed'): number
  silenceCount(state: SilenceState): number
  groupCount(): number
  receiverCount(): number
  integrationCount(): number
  inhibitionRuleCount(): number
  readonly perAlertnameLimit: number
}

export type AlertmanagerMetrics = {
  received(status: 'firing' | 'resolved'): void
  invalid(): void
  limited(): void
  notification(integration: string): void
  notificationFailed(integration: string, reason: FailureReason): void
  request(integration: string, seconds: number, ok: boolean): void
  suppressed(reason: SuppressionReason, count: number): void
  logQuery(seconds: number): void
  silenceQuery(seconds: number): void
  maintenance(what: 'nflog' | 'silences', seconds: number, ok: boolean): void
  processed(seconds: number): void
  configLoaded(ok: boolean, hash: number | undefined, nowMs: number): void
}

export function createAlertmanagerMetrics(registry: MetricRegistry, sources: MetricSources): AlertmanagerMetrics {
  const counter = (name: string, help: string, all: readonly Readonly<Record<string, string>>[] = [{}]): Counter => {
    const made = registry.counter(`alertmanager_${name}`, help)
    for (const labels of all) made.inc(labels, 0)
    return made
  }
  const gauge = (name: string, help: string, value = 0): Gauge => {
    const made = registry.gauge(`alertmanager_${name}`, help)
    made.set(value)
    return made
  }
  const integrations = integrationNames.map((integration) => ({ integration }))

  const received = counter('alerts_received_total', 'The total number of received alerts.', [{ status: 'firing', version: 'v2' }, { status: 'resolved', version: 'v2' }])
  const invalid = counter('alerts_invalid_total', 'The total number of received alerts that were invalid.', [{ version: 'v2' }])
  const limited = counter('alerts_limited_total', 'The total number of alerts that were dropped due to per alert name limit.')
  gauge('alerts_per_alert_limit', 'Current limit on number of alerts per alert name.', sources.perAlertnameLimit)
  const notifications = counter('notifications_total', 'The total number of attempted notifications.', integrations)
  const failed = counter('notifications_failed_total', 'The total number of failed notifications.', integrations.flatMap((labels) => failureReasons.map((reason) => ({ ...labels, reason }))))
  const requests = counter('notification_requests_total', 'The total number of attempted notification requests.', integrations)
  const requestsFailed = counter('notification_requests_failed_total', 'The total number of failed notification requests.', integrations)
  const latency = registry.histogram('alertmanager_notification_latency_seconds', 'The latency of notifications in seconds.', [1, 5, 10, 15, 20])
  for (const labels of integrations) latency.create(labels)
  const suppressed = counter(
    'notifications_suppressed_total',
    'The total number of notifications suppressed for being silenced, inhibited, outside of active time intervals or within muted time intervals.',
    suppressionReasons.map((reason) => ({ reason })),
  )

  registry.sampled('alertmanager_alerts', 'How many alerts by state.', 'gauge', () => [
    { labels: { state: 'active' }, value: sources.alertCount('active') },
    { labels: { state: 'suppressed' }, value: sources.alertCount('suppressed') },
    { labels: { state: 'unprocessed' }, value: 0 },
  ])
  registry.sampled('alertmanager_silences', 'How many silences by state.', 'gauge', () => (['active', 'pending', 'expired'] as const).map((state) => ({ labels: { state }, value: sources.silenceCount(state) })))
  registry.sampled('alertmanager_dispatcher_aggregation_groups', 'Number of active aggregation groups', 'gauge', sources.groupCount)
  registry.sampled('alertmanager_receivers', 'Number of configured receivers.', 'gauge', sources.receiverCount)
  registry.sampled('alertmanager_integrations', 'Number of configured integrations.', 'gauge', sources.integrationCount)
  registry.sampled('alertmanager_inhibition_rules', 'Number of configured inhibition rules.', 'gauge', sources.inhibitionRuleCount)

  const summaries = {
    processing: registry.summary('alertmanager_dispatcher_alert_processing_duration_seconds', 'Summary of latencies for the processing of alerts.', []),
    nflogGc: registry.summary('alertmanager_nflog_gc_duration_seconds', 'Duration of the last notification log garbage collection cycle.', []),
    silencesGc: registry.summary('alertmanager_silences_gc_duration_seconds', 'Duration of the last silence garbage collection cycle.', []),
  }
  for (const summary of Object.values(summaries)) summary.create()
  const queries = (what: 'nflog' | 'silences', noun: string) => {
    const total = counter(`${what}_queries_total`, `Number of ${noun} queries were received.`)
    counter(`${what}_query_errors_total`, `Number ${noun} received queries that failed.`)
    const duration = registry.histogram(`alertmanager_${what}_query_duration_seconds`, `Duration of ${noun} query evaluation.`, [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10])
    duration.create()
    return (seconds: number) => {
      total.inc()
      duration.observe(seconds)
    }
  }
  const maintenance = (what: 'nflog' | 'silences') => ({
    total: counter(`${what}_maintenance_total`, 'How many maintenances were executed.'),
    errors: counter(`${what}_maintenance_errors_total`, 'How many maintenances were executed that failed.'),
  })
  const maintained = { nflog: maintenance('nflog'), silences: maintenance('silences') }

  const configHash = gauge('config_hash', 'Hash of the currently loaded alertmanager configuration. Note that this is not a cryptographically strong hash.')
  const configOk = gauge('config_last_reload_successful', 'Whether the last configuration reload attempt was successful.')
  const configTime = gauge('config_last_reload_success_timestamp_seconds', 'Timestamp of the last successful configuration reload.')
  gauge('cluster_enabled', 'Indicates whether the clustering is enabled or not.')
  gauge('cluster_members', 'Number indicating current number of members in cluster.', 1)
  gauge('cluster_failed_peers', 'Number indicating the current number of failed peers in the cluster.')

  return {
    received: (status) => received.inc({ status, version: 'v2' }),
    invalid: () => invalid.inc({ version: 'v2' }),
    limited: () => limited.inc(),
    notification: (integration) => notifications.inc({ integration }),
    notificationFailed: (integration, reason) => failed.inc({ integration, reason }),
    request(integration, seconds, ok) {
      requests.inc({ integration })
      if (!ok) requestsFailed.inc({ integration })
      latency.observe(seconds, { integration })
    },
    suppressed: (reason, count) => suppressed.inc({ reason }, count),
    logQuery: queries('nflog', 'notification log'),
    silenceQuery: queries('silences', 'silence'),
    maintenance(what, seconds, ok) {
      maintained[what].total.inc()
      if (!ok) maintained[what].errors.inc()
      const summary = what === 'nflog' ? summaries.nflogGc : summaries.silencesGc
      summary.observe(seconds)
    },
    processed: (seconds) => summaries.processing.observe(seconds),
    configLoaded(ok, hash, nowMs) {
      configOk.set(ok ? 1 : 0)
      if (!ok) return
      configTime.set(nowMs / 1_000)
      if (hash !== undefined) configHash.set(hash)
    },
  }
}
