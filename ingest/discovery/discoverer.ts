// What one running service discovery is given and gives back. Each kind is a function in its own file.

import type { Closable } from '../../src/base/closing.ts'
import type { Logger } from '../../src/base/log.ts'
import type { Counter, Distribution, Gauge, MetricRegistry } from '../../src/base/selfMetrics.ts'
import type { TargetGroup } from './targetGroup.ts'

/** Stops looking; groups found so far are nobody's business any more. */
export type Discoverer = Closable

export type DiscovererContext = {
  /** All groups of this discovery, whenever they may have changed. */
  update(groups: readonly TargetGroup[]): void
  /** Why the discovery does not work at the moment; `undefined` when it works again. */
  fail(error: string | undefined): void
  /** Runs one refresh and observes its duration and failure. */
  timed<T>(mechanism: string, refresh: () => Promise<T>): Promise<T>
  readonly metrics: DiscoveryMetrics
  readonly logger: Logger
  readonly userAgent: string
}

export type DiscoveryMetrics = {
  readonly discoveredTargets: Gauge
  readonly failedConfigs: Gauge
  readonly receivedUpdates: Counter
  readonly updates: Counter
  readonly updatesDelayed: Counter
  readonly refreshFailures: Counter
  readonly refreshDuration: Distribution
  readonly fileMtime: Gauge
  readonly fileReadErrors: Counter
  readonly fileScanDuration: Distribution
  readonly fileWatcherErrors: Counter
  readonly httpFailures: Counter
  readonly dnsLookups: Counter
  readonly dnsLookupFailures: Counter
  readonly kubernetesFailures: Counter
}

export function createDiscoveryMetrics(registry: MetricRegistry): DiscoveryMetrics {
  const metrics = {
    discoveredTargets: registry.gauge('prometheus_sd_discovered_targets', 'Current number of discovered targets.'),
    failedConfigs: registry.gauge('prometheus_sd_failed_configs', 'Current number of service discovery configurations that failed to load.'),
    receivedUpdates: registry.counter('prometheus_sd_received_updates_total', 'Total number of update events received from the SD providers.'),
    updates: registry.counter('prometheus_sd_updates_total', 'Total number of update events sent to the SD consumers.'),
    updatesDelayed: registry.counter('prometheus_sd_updates_delayed_total', "Total number of update events that couldn't be sent immediately."),
    refreshFailures: registry.counter('prometheus_sd_refresh_failures_total', 'Number of refresh failures for the given SD mechanism.'),
    refreshDuration: registry.summary('prometheus_sd_refresh_duration_seconds', 'The duration of a refresh in seconds for the given SD mechanism.', [0.5, 0.9, 0.99]),
    fileMtime: registry.gauge('prometheus_sd_file_mtime_seconds', 'Timestamp (mtime) of files read by FileSD. Timestamp is set at read time.'),
    fileReadErrors: registry.counter('prometheus_sd_file_read_errors_total', 'The number of File-SD read errors.'),
    fileScanDuration: registry.summary('prometheus_sd_file_scan_duration_seconds', 'The duration of the File-SD scan in seconds.', [0.5, 0.9, 0.99]),
    fileWatcherErrors: registry.counter('prometheus_sd_file_watcher_errors_total', 'The number of File-SD errors caused by filesystem watch failures.'),
    httpFailures: registry.counter('prometheus_sd_http_failures_total', 'Number of HTTP service discovery refresh failures.'),
    dnsLookups: registry.counter('prometheus_sd_dns_lookups_total', 'The number of DNS-SD lookups.'),
    dnsLookupFailures: registry.counter('prometheus_sd_dns_lookup_failures_total', 'The number of DNS-SD lookup failures.'),
    kubernetesFailures: registry.counter('prometheus_sd_kubernetes_failures_total', 'The number of failed WATCH/LIST requests.'),
  }
  // Counters without labels are shown as 0 from the start.
  for (const counter of [metrics.fileReadErrors, metrics.fileWatcherErrors, metrics.httpFailures, metrics.dnsLookups, metrics.dnsLookupFailures, metrics.kubernetesFailures])
    counter.inc({}, 0)
  return metrics
}
