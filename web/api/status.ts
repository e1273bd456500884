// What runs: build, runtime, flags, configuration, storage, log replay, features and notifications.

import { hostname } from 'node:os'
import { PassThrough } from 'node:stream'
import { QueryError } from '../../query/queryError.ts'
import type { MetricRegistry } from '../../src/base/selfMetrics.ts'
import { noContent, plain, success, toJson } from '../answer.ts'
import type { Answer } from '../answer.ts'
import { formatTime } from '../answer.ts'
import type { BuildInfo } from '../metrics.ts'
import type { Notifications } from '../notifications.ts'
import type { Parts } from '../parts.ts'
import type { RequestParams } from '../requestParams.ts'
import type { Router } from '../router.ts'
import { openApiYaml } from '../openApi.ts'
import { selfMetrics } from '../selfMetricsJson.ts'

export type StatusOptions = {
  readonly build: BuildInfo
  readonly routePrefix: string
  readonly flags: Readonly<Record<string, string>>
  readonly features: readonly string[]
  readonly notifications: Notifications
  readonly registry: MetricRegistry
  readonly maxNotificationsSubscribers: number
  /** Segments of the sample log: how many there are and how many are read. */
  readonly replay: () => { readonly min: number; readonly max: number; readonly current: number }
}

export function addStatusRoutes(router: Router, parts: () => Parts, options: StatusOptions): void {
  const { build, flags, notifications, registry } = options
  router.get('/api/v1/status/buildinfo', () => success(build))
  router.get('/version', () => ({ status: 200, headers: { 'content-type': 'application/json' }, body: toJson(build) }), { whenNotReady: true })
  router.get('/api/v1/status/flags', () => success(flags))
  router.get('/api/v1/status/config', () => success({ yaml: parts().configYaml() }))
  router.get('/api/v1/status/runtimeinfo', () => success(runtimeInfo(parts())))
  router.get('/api/v1/status/tsdb', (request) => {
    const limit = readTsdbLimit(request.params)
    return parts().query.respond({ kind: 'tsdbStatus', limit, client: request.client }, request)
  })
  router.get('/api/v1/status/tsdb/blocks', (request) => parts().query.respond({ kind: 'tsdbBlocks', client: request.client }, request))
  router.get('/api/v1/status/self_metrics', ({ params }) => success(selfMetrics(registry, params.text('metric_name_pattern'))))
  router.get('/api/v1/status/walreplay', () => success(options.replay()), { whenNotReady: true })
  router.get('/api/v1/features', () => success(featureList(options.features)))
  router.get('/api/v1/openapi.yaml', ({ params }) => {
    const about = { version: build.version, openApiVersion: params.text('openapi_version'), serverPath: options.routePrefix }
    return { status: 200, headers: { 'content-type': 'application/yaml; charset=utf-8' }, body: openApiYaml(router.routes, about) }
  })
  router.get('/api/v1/notifications', () => success(notifications.list()), { whenNotReady: true })
  router.get('/api/v1/notifications/live', (request) => liveNotifications(options, request.signal), { whenNotReady: true })
}

function runtimeInfo({ status }: Parts): Record<string, unknown> {
  const { corruptionCount } = status.storage()
  return {
    startTime: formatTime(performance.timeOrigin),
    CWD: process.cwd(),
    hostname: hostname(),
    serverTime: formatTime(Date.now()),
    reloadConfigSuccess: status.reloadConfigSuccess(),
    lastConfigTime: formatTime(status.lastConfigTimeMs()),
    corruptionCount,
    goroutineCount: 0,
    GOMAXPROCS: 0,
    GOMEMLIMIT: 0,
    GOGC: '',
    GODEBUG: '',
    storageRetention: status.retention(),
  }
}

function readTsdbLimit(params: RequestParams): number {
  const text = params.text('limit')
  if (text === '') return 10
  if (!/^\d+$/.test(text) || Number(text) < 1) throw new QueryError('bad_data', 'limit must be a positive number')
  if (Number(text) > 10_000) throw new QueryError('bad_data', 'limit must not exceed 10000')
  return Number(text)
}

/** Feature names by category. What is not listed is not there. */
function featureList(enabled: readonly string[]): Record<string, Record<string, boolean>> {
  const isOn = (name: string) => enabled.includes(name)
  return {
    api: { exclude_alerts: true, label_values_match: true, lifecycle: true, openapi_3_1: true, openapi_3_2: true, query_stats: true, remote_read: true, remote_write_receiver: true, search: isOn('search-api') },
    otlp_receiver: {},
    prometheus: { exemplar_storage: true, agent_mode: false, native_histograms: false },
    promql: {
      anchored: isOn('promql-extended-range-selectors'),
      at_modifier: true,
      binop_fill_modifiers: isOn('promql-binop-fill-modifiers'),
      delayed_name_removal: isOn('promql-delayed-name-removal'),
      duration_expr: true,
      experimental_functions: isOn('promql-experimental-functions'),
      negative_offset: true,
      per_step_stats: isOn('promql-per-step-stats'),
      subqueries: true,
    },
    rules: { keep_firing_for: true, query_offset: true, concurrent_rule_eval: false },
    scrape: { native_histograms: false, created_timestamp_zero_ingestion: false },
    service_discovery_providers: { dns: true, file: true, http: true, kubernetes: true, static: true },
    tsdb: { out_of_order: true, exemplars: true, snapshots: false },
    ui: { query: true, targets: true, rules: true, alerts: true },
  }
}

function liveNotifications({ notifications, maxNotificationsSubscribers }: StatusOptions, signal: AbortSignal): Answer {
  if (notifications.subscriberCount >= maxNotificationsSubscribers) return noContent
  const stream = new PassThrough()
  const unsubscribe = notifications.subscribe((notification) => stream.write(`data: ${toJson(notification)}\n\n`))
  signal.addEventListener('abort', () => {
    unsubscribe()
    stream.end()
  })
  return { ...plain(200, ''), headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' }, body: stream }
}
