// The prometheus_target_* metrics, under Prometheus's names so that its dashboards and alerts work.

import type { Counter, Distribution, Gauge, MetricRegistry } from '../../../src/base/selfMetrics.ts'

export type ScrapeMetrics = {
  readonly intervalLength: Distribution
  readonly reloadLength: Distribution
  readonly syncLength: Distribution
  readonly pools: Counter
  readonly poolsFailed: Counter
  readonly poolReloads: Counter
  readonly poolReloadsFailed: Counter
  readonly poolSyncs: Counter
  readonly poolTargetLimit: Gauge
  readonly exceededTargetLimit: Counter
  readonly exceededLabelLimits: Counter
  readonly syncFailed: Counter
  readonly exceededSampleLimit: Counter
  readonly exceededBodySizeLimit: Counter
  readonly duplicateTimestamp: Counter
  readonly outOfOrder: Counter
  readonly outOfBounds: Counter
  readonly exemplarOutOfOrder: Counter
  readonly exceededBucketLimit: Counter
  readonly unavailable: Counter
}

export function createScrapeMetrics(registry: MetricRegistry): ScrapeMetrics {
  const counter = (name: string, help: string) => {
    const made = registry.counter(`prometheus_target_${name}`, help)
    made.inc({}, 0) // Shown as 0 from the start.
    return made
  }
  const quantiles = [0.01, 0.05, 0.5, 0.9, 0.99]
  return {
    intervalLength: registry.summary('prometheus_target_interval_length_seconds', 'Actual intervals between scrapes.', quantiles),
    reloadLength: registry.summary('prometheus_target_reload_length_seconds', 'Actual interval to reload the scrape pool with a given configuration.', quantiles),
    syncLength: registry.summary('prometheus_target_sync_length_seconds', 'Actual interval to sync the scrape pool.', quantiles),
    pools: counter('scrape_pools_total', 'Total number of scrape pool creation attempts.'),
    poolsFailed: counter('scrape_pools_failed_total', 'Total number of scrape pool creations that failed.'),
    poolReloads: counter('scrape_pool_reloads_total', 'Total number of scrape pool reloads.'),
    poolReloadsFailed: counter('scrape_pool_reloads_failed_total', 'Total number of failed scrape pool reloads.'),
    poolSyncs: registry.counter('prometheus_target_scrape_pool_sync_total', 'Total number of syncs that were executed on a scrape pool.'),
    poolTargetLimit: registry.gauge('prometheus_target_scrape_pool_target_limit', 'Maximum number of targets allowed in this scrape pool.'),
    exceededTargetLimit: counter('scrape_pool_exceeded_target_limit_total', 'Total number of times scrape pools hit the target limit, during sync or config reload.'),
    exceededLabelLimits: counter('scrape_pool_exceeded_label_limits_total', 'Total number of times scrape pools hit the label limits, during sync or config reload.'),
    syncFailed: registry.counter('prometheus_target_sync_failed_total', 'Total number of target sync failures.'),
    exceededSampleLimit: counter('scrapes_exceeded_sample_limit_total', 'Total number of scrapes that hit the sample limit and were rejected.'),
    exceededBodySizeLimit: counter('scrapes_exceeded_body_size_limit_total', 'Total number of scrapes that hit the body size limit.'),
    duplicateTimestamp: counter('scrapes_sample_duplicate_timestamp_total', 'Total number of samples rejected due to duplicate timestamps but different values.'),
    outOfOrder: counter('scrapes_sample_out_of_order_total', 'Total number of samples rejected due to not being out of the expected order.'),
    outOfBounds: counter('scrapes_sample_out_of_bounds_total', 'Total number of samples rejected due to timestamp falling outside of the time bounds.'),
    exemplarOutOfOrder: counter('scrapes_exemplar_out_of_order_total', 'Total number of exemplar rejected due to not being out of the expected order.'),
    exceededBucketLimit: counter('scrapes_exceeded_native_histogram_bucket_limit_total', 'Total number of scrapes that hit the native histogram bucket limit and were rejected.'),
    unavailable: counter('scrapes_storage_unavailable_total', 'Total number of scrapes that were not stored because the disk took no more.'),
  }
}
