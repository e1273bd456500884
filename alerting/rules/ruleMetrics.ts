// solowatch's own metrics about rules, under Prometheus's names.

import type { Counter, Distribution, Gauge, MetricRegistry } from '../../src/base/selfMetrics.ts'

export type RuleMetrics = {
  readonly evaluationSeconds: (seconds: number) => void
  readonly groupSeconds: (seconds: number) => void
  readonly iterations: Counter
  readonly iterationsMissed: Counter
  readonly evaluations: Counter
  readonly evaluationFailures: Counter
  readonly groupInterval: Gauge
  readonly groupLastEvaluation: Gauge
  readonly groupLastDuration: Gauge
  readonly groupLastRuleDurationSum: Gauge
  readonly groupLastRestoreDuration: Gauge
  readonly groupRules: Gauge
  readonly groupSamples: Gauge
  readonly templateExpansions: Counter
  readonly templateFailures: Counter
  /** Drops the series of a group that is gone. */
  remove(group: string): void
}

const quantiles = [0.01, 0.05, 0.5, 0.9, 0.99]
const bounds = [0.01, 0.1, 1, 10]

export function createRuleMetrics(registry: MetricRegistry): RuleMetrics {
  const both = (summary: Distribution, histogram: Distribution) => (seconds: number) => {
    summary.observe(seconds)
    histogram.observe(seconds)
  }
  const metrics = {
    evaluationSeconds: both(
      registry.summary('prometheus_rule_evaluation_duration_seconds', 'The duration for a rule to execute.', [0.5, 0.9, 0.99]),
      registry.histogram('prometheus_rule_evaluation_duration_histogram_seconds', 'The duration for a rule to execute.', bounds),
    ),
    groupSeconds: both(
      registry.summary('prometheus_rule_group_duration_seconds', 'The duration of rule group evaluations.', quantiles),
      registry.histogram('prometheus_rule_group_duration_histogram_seconds', 'The duration of rule group evaluations.', bounds),
    ),
    iterations: registry.counter('prometheus_rule_group_iterations_total', 'The total number of scheduled rule group evaluations, whether executed or missed.'),
    iterationsMissed: registry.counter(
      'prometheus_rule_group_iterations_missed_total',
      'The total number of rule group evaluations missed due to slow rule group evaluation.',
    ),
    evaluations: registry.counter('prometheus_rule_evaluations_total', 'The total number of rule evaluations.'),
    evaluationFailures: registry.counter('prometheus_rule_evaluation_failures_total', 'The total number of rule evaluation failures.'),
    groupInterval: registry.gauge('prometheus_rule_group_interval_seconds', 'The interval of a rule group.'),
    groupLastEvaluation: registry.gauge('prometheus_rule_group_last_evaluation_timestamp_seconds', 'The timestamp of the last rule group evaluation in seconds.'),
    groupLastDuration: registry.gauge('prometheus_rule_group_last_duration_seconds', 'The duration of the last rule group evaluation.'),
    groupLastRuleDurationSum: registry.gauge(
      'prometheus_rule_group_last_rule_duration_sum_seconds',
      'The sum of time in seconds it took to evaluate each rule in the group regardless of concurrency.',
    ),
    groupLastRestoreDuration: registry.gauge(
      'prometheus_rule_group_last_restore_duration_seconds',
      "The duration of the last alert rules alerts restoration using the `ALERTS_FOR_STATE` series across restarts.",
    ),
    groupRules: registry.gauge('prometheus_rule_group_rules', 'The number of rules.'),
    groupSamples: registry.gauge('prometheus_rule_group_last_evaluation_samples', 'The number of samples returned during the last rule group evaluation.'),
    templateExpansions: registry.counter('prometheus_template_text_expansions_total', 'The total number of template text expansions.'),
    templateFailures: registry.counter('prometheus_template_text_expansion_failures_total', 'The total number of template text expansion failures.'),
  }
  const byGroup = [
    metrics.iterations,
    metrics.iterationsMissed,
    metrics.evaluations,
    metrics.evaluationFailures,
    metrics.groupInterval,
    metrics.groupLastEvaluation,
    metrics.groupLastDuration,
    metrics.groupLastRuleDurationSum,
    metrics.groupLastRestoreDuration,
    metrics.groupRules,
    metrics.groupSamples,
  ]
  return { ...metrics, remove: (group) => byGroup.forEach((metric) => metric.remove({ rule_group: group })) }
}
