// What runs: build, runtime, flags, configuration, storage, log replay, features and notifications.

import { hostname } from 'node:os'
import { PassThrough } from 'node:stream'
import { QueryError } from '../../query/queryError.ts'
import type { MetricRegistry } from '../../src/base/selfMetrics.ts'
import { noContent, plain, success, toJson } from '../answer.ts'
import type { Answer } from '../answer.ts'
import { formatTime } from '../answer.ts'
import type { BuildInfo } from '../../src/base/buildInfo.ts'
import type { Notifications } from '../notifications.ts'
import type { Parts } from '../parts.ts'
import type { RequestParams } from '../requestParams.ts'
import type { Router } from '../router.ts'
import { featureList, type FeatureOptions } from '../features.ts'
import { openApiYaml } from '../openApi.ts'
import { selfMetrics } from '../selfMetrics/selfMetricsJson.ts'

export type StatusOptions = FeatureOptions & {
  readonly build: BuildInfo
  readonly routePrefix: string
  readonly flags: Readonly<Record<string, string>>
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
    return parts().query.respond({ kind: 'tsdbStatus', limit }, request)
  })
  router.get('/api/v1/status/tsdb/blocks', (request) => parts().query.respond({ kind: 'tsdbBlocks' }, request))
  router.get('/api/v1/status/self_metrics', ({ params }) => success(selfMetrics(registry, params.text('metric_name_pattern'))))
  router.get('/api/v1/status/walreplay', () => success(options.replay()), { whenNotReady: true })
  router.get('/api/v1/features', () => {
    // The only answer whose operators are not escaped.
    return { status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ status: 'success', data: featureList(options) }) }
  })
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
