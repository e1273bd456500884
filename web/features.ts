// What this server can do, as /api/v1/features lists it: names by category, and whether each is there and switched on.

import { ruleFunctions } from '../alerting/template/ruleFunctions.ts'
import { arithmeticOps, comparisonOps, isExperimentalAggregation, parameterAggregateOps, plainAggregateOps, setOps, trimOps } from '../query/language/ast.ts'
import { functionSignatures } from '../query/language/signatures.ts'

export type FeatureOptions = {
  /** Names given to `--enable-feature`. */
  readonly features: readonly string[]
  readonly enableAdminApi: boolean
  readonly enableLifecycle: boolean
  readonly enableOtlpReceiver: boolean
}

const operators = [...comparisonOps, ...arithmeticOps, ...setOps, ...trimOps, '@', 'offset', '=~', '!~']
const aggregations = [...plainAggregateOps, ...parameterAggregateOps]

export function featureList({ features, enableAdminApi, enableLifecycle, enableOtlpReceiver }: FeatureOptions): Record<string, Record<string, boolean>> {
  const isOn = (name: string) => features.includes(name)
  const all = (names: Iterable<string>) => Object.fromEntries([...names].map((name) => [name, true]))
  const hasExperimental = isOn('promql-experimental-functions')
  return {
    api: {
      admin: enableAdminApi,
      exclude_alerts: true,
      label_values_match: true,
      lifecycle: enableLifecycle,
      openapi_3_1: true,
      openapi_3_2: true,
      otlp_write_receiver: enableOtlpReceiver,
      query_stats: true,
      query_warnings: true,
      remote_read: true,
      remote_write_receiver: true,
      search: isOn('search-api'),
      time_range_labels: true,
      time_range_series: true,
    },
    otlp_receiver: {
      convert_histograms_to_nhcb: enableOtlpReceiver,
      delta_conversion: enableOtlpReceiver && isOn('otlp-deltatocumulative'),
      native_delta_ingestion: enableOtlpReceiver && isOn('otlp-native-delta-ingestion'),
    },
    prometheus: { agent_mode: false, auto_reload_config: true, exemplar_storage: true, native_histograms: true, start_timestamps: false },
    promql: {
      anchored: isOn('promql-extended-range-selectors'),
      at_modifier: true,
      binop_fill_modifiers: isOn('promql-binop-fill-modifiers'),
      delayed_name_removal: isOn('promql-delayed-name-removal'),
      duration_expr: true,
      experimental_functions: hasExperimental,
      explain: true,
      negative_offset: true,
      per_step_stats: isOn('promql-per-step-stats'),
      smoothed: isOn('promql-extended-range-selectors'),
      subqueries: true,
    },
    promql_functions: Object.fromEntries([...functionSignatures.values()].map(({ name, experimental }) => [name, name !== 'start_timestamp' && (!experimental || hasExperimental)])),
    promql_operators: { ...all(operators), ...Object.fromEntries(aggregations.map((name) => [name, hasExperimental || !isExperimentalAggregation(name)])) },
    rules: { concurrent_rule_eval: false, keep_firing_for: true, query_offset: true },
    scrape: {
      convert_classic_histograms_to_nhcb: true,
      created_timestamp_zero_ingestion: isOn('created-timestamp-zero-ingestion'),
      extra_scrape_metrics: true,
      native_histograms: true,
      type_and_unit_labels: isOn('type-and-unit-labels'),
    },
    service_discovery_providers: { dns: true, file: true, http: true, kubernetes: false, static: true },
    templating_functions: all(Object.keys(ruleFunctions({ timestampMs: 0, externalUrl: '', answers: new Map() }))),
    tsdb: { delete_series: enableAdminApi, downsampling: true, exemplars: true, out_of_order: true, retention_rules: true, snapshots: enableAdminApi },
    ui: { alerts: true, explain: true, query: true, rules: true, targets: true },
  }
}
