// solowatch's own metrics about sending alerts to Alertmanagers, under Prometheus's names.

import type { Counter, Gauge, MetricRegistry } from '../../src/base/selfMetrics.ts'

export type NotifierMetrics = {
  readonly errors: Counter
  readonly sent: Counter
  readonly dropped: Counter
  readonly queueLength: Gauge
  observeLatency(seconds: number, alertmanager: string): void
  /** Makes the series of an Alertmanager appear with zeros. */
  initialize(alertmanager: string): void
  remove(alertmanager: string): void
}

export function createNotifierMetrics(registry: MetricRegistry, queueCapacity: number, discovered: () => number): NotifierMetrics {
  const latency = registry.summary('prometheus_notifications_latency_seconds', 'Latency quantiles for sending alert notifications.')
  const latencyHistogram = registry.histogram(
    'prometheus_notifications_latency_histogram_seconds',
    'Latency histogram for sending alert notifications.',
    [0.01, 0.1, 1, 10],
  )
  const errors = registry.counter('prometheus_notifications_errors_total', 'Total number of sent alerts affected by errors.')
  const sent = registry.counter('prometheus_notifications_sent_total', 'Total number of alerts sent.')
  const dropped = registry.counter('prometheus_notifications_dropped_total', 'Total number of alerts dropped due to errors when sending to Alertmanager.')
  const queueLength = registry.gauge('prometheus_notifications_queue_length', 'The number of alert notifications in the queue.')
  registry.sampled('prometheus_notifications_queue_capacity', 'The capacity of the alert notifications queue.', 'gauge', () => queueCapacity)
  registry.sampled('prometheus_notifications_alertmanagers_discovered', 'The number of alertmanagers discovered and active.', 'gauge', discovered)
  return {
    errors,
    sent,
    dropped,
    queueLength,
    observeLatency: (seconds, alertmanager) => {
      latency.observe(seconds, { alertmanager })
      latencyHistogram.observe(seconds, { alertmanager })
    },
    initialize: (alertmanager) => {
      for (const counter of [errors, sent, dropped]) counter.inc({ alertmanager }, 0)
      queueLength.set(0, { alertmanager })
    },
    remove: (alertmanager) => {
      for (const metric of [errors, sent, dropped, queueLength, latency, latencyHistogram]) metric.remove({ alertmanager })
    },
  }
}
