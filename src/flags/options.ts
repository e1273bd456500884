// What the flags say: one value per question that the server asks, checked, with defaults. Nothing after this sees text that
// needs parsing.

import { RE2JS } from 're2js'
import { remoteWriteMessages, type RemoteWriteMessage } from '../../ingest/remoteWrite/remoteWriteHeaders.ts'
import { errorText } from '../base/assert.ts'
import { parseBytes } from '../base/bytes.ts'
import { parseDurationMs } from '../base/duration.ts'
import { logLevels, type LogFormat, type LogLevel } from '../base/log.ts'
import { didYouMean } from '../base/nearest.ts'
import { parseExternalUrl, parseListenAddress, parseRoutePrefix, type ListenAddress } from './addresses.ts'
import { featureWarnings } from './features.ts'
import { allFlags, flagTable } from './flagTable.ts'
import { UsageError } from './usageError.ts'

/** Everything the command line says, checked and with defaults. */
export type Options = {
  /** Undefined when the flag is not given. */
  readonly configFile: string | undefined
  readonly alertmanagerConfigFile: string | undefined
  readonly autoReloadIntervalMs: number | undefined
  readonly listenAddresses: readonly ListenAddress[]
  readonly readTimeoutMs: number
  readonly maxConnections: number
  readonly maxNotificationsSubscribers: number
  /** Without a slash at its end. */
  readonly externalUrl: string
  /** `` or `/path`, without a slash at its end. */
  readonly routePrefix: string
  readonly userAssets: string
  readonly consoleTemplates: string
  readonly consoleLibraries: string
  /** Undefined when the flag is not given. */
  readonly webConfigFile: string | undefined
  readonly enableLifecycle: boolean
  readonly enableAdminApi: boolean
  readonly remoteWriteMessages: readonly RemoteWriteMessage[]
  readonly pageTitle: string
  readonly corsOrigin: string
  readonly storagePath: string
  /** Undefined when the flag is not given (or 0): the default then depends on the size. */
  readonly retentionTimeMs: number | undefined
  readonly retentionSizeBytes: number
  readonly lockFile: boolean
  readonly maxSeries: number
  readonly maxSeriesPerJob: number
  readonly storageSync: 'interval' | 'commit'
  readonly forOutageToleranceMs: number
  readonly forGracePeriodMs: number
  readonly resendDelayMs: number
  readonly notificationQueueCapacity: number
  readonly notificationBatchSize: number
  readonly drainNotificationQueue: boolean
  /** 0 = scrapes keep the time they happened. */
  readonly scrapeTimestampToleranceMs: number
  readonly discoveryReloadIntervalMs: number
  readonly lookbackMs: number
  readonly queryTimeoutMs: number
  readonly queryMaxConcurrency: number
  readonly queryMaxSamples: number
  /** 0 is no limit. */
  readonly queryMaxResultBytes: number
  readonly queryResultCacheBytes: number
  readonly enableOtlpReceiver: boolean
  readonly searchMaxLimit: number
  readonly remoteRead: RemoteReadLimits
  readonly alertmanager: AlertmanagerLimits
  readonly features: readonly string[]
  readonly logLevel: LogLevel
  readonly logFormat: LogFormat
  /** One text per flag or feature that was given and has no effect. */
  readonly warnings: readonly string[]
  /** Every flag with its value as text, for `/api/v1/status/flags`. */
  readonly shown: Readonly<Record<string, string>>
}

/** 0 is no limit. */
export type RemoteReadLimits = { readonly sampleLimit: number; readonly concurrentLimit: number; readonly maxFrameBytes: number }

/** What the original Alertmanager takes as flags; undefined = not given. */
export type AlertmanagerLimits = {
  readonly dataRetentionMs?: number
  readonly maintenanceIntervalMs?: number
  readonly maxSilences?: number
  readonly maxSilenceSizeBytes?: number
  readonly gcIntervalMs?: number
  readonly perAlertnameLimit?: number
  readonly dispatchStartDelayMs?: number
  readonly matcherMode?: 'utf8' | 'classic'
}

/** What was given, by the name of the flag. */
export type GivenFlags = ReadonlyMap<string, readonly string[]>

/** Throws `UsageError`. */
export function buildOptions(given: GivenFlags): Options {
  refuseAgentMode(given)
  const last = (name: string) => given.get(name)?.at(-1) ?? defaultOf(name)
  const isOn = (name: string) => last(name) === 'true'
  const durationMs = (name: string) => parseDurationMs(last(name)) ?? 0
  const integer = (name: string) => Number(last(name))
  const addresses = given.get('web.listen-address') ?? [defaultOf('web.listen-address')]
  const listenAddresses = addresses.map(parseListenAddress)
  const givenPrefix = given.get('web.route-prefix')?.at(-1)
  const externalUrl = parseExternalUrl(last('web.external-url') || (givenPrefix ?? ''), listenAddresses[0]?.port ?? 9090)
  const routePrefix = parseRoutePrefix(givenPrefix ?? externalUrl.path)
  const features = (given.get('enable-feature') ?? []).flatMap((names) => names.split(',')).filter((name) => name !== '')
  if (features.includes('otlp-deltatocumulative') && features.includes('otlp-native-delta-ingestion')) throw new UsageError('cannot enable otlp-deltatocumulative and otlp-native-delta-ingestion features at the same time', 1)
  return {
    configFile: given.get('config.file')?.at(-1),
    webConfigFile: last('web.config.file') || undefined,
    alertmanagerConfigFile: last('alertmanager.config.file') || undefined,
    autoReloadIntervalMs: isOn('config.auto-reload') || features.includes('auto-reload-config') ? Math.max(1000, durationMs('config.auto-reload-interval')) : undefined,
    listenAddresses,
    readTimeoutMs: durationMs('web.read-timeout'),
    maxConnections: integer('web.max-connections'),
    maxNotificationsSubscribers: integer('web.max-notifications-subscribers'),
    externalUrl: externalUrl.href,
    routePrefix,
    userAssets: last('web.user-assets'),
    consoleTemplates: last('web.console.templates'),
    consoleLibraries: last('web.console.libraries'),
    enableLifecycle: isOn('web.enable-lifecycle'),
    enableAdminApi: isOn('web.enable-admin-api'),
    remoteWriteMessages: parseRemoteWriteMessages(given.get('web.remote-write-receiver.accepted-protobuf-messages') ?? []),
    pageTitle: last('web.page-title'),
    corsOrigin: parseOriginRegex(last('web.cors.origin')),
    storagePath: last('storage.tsdb.path'),
    retentionTimeMs: durationMs('storage.tsdb.retention.time') || undefined,
    retentionSizeBytes: parseBytes(last('storage.tsdb.retention.size')) ?? 0,
    lockFile: !isOn('storage.tsdb.no-lockfile'),
    maxSeries: notNegative('storage.max-series', integer),
    maxSeriesPerJob: notNegative('storage.max-series-per-job', integer),
    storageSync: oneOf('storage.sync', last('storage.sync'), ['interval', 'commit'] as const),
    forOutageToleranceMs: durationMs('rules.alert.for-outage-tolerance'),
    forGracePeriodMs: durationMs('rules.alert.for-grace-period'),
    resendDelayMs: durationMs('rules.alert.resend-delay'),
    notificationQueueCapacity: positive('alertmanager.notification-queue-capacity', integer),
    notificationBatchSize: positive('alertmanager.notification-batch-size', integer),
    drainNotificationQueue: isOn('alertmanager.drain-notification-queue-on-shutdown'),
    scrapeTimestampToleranceMs: isOn('scrape.adjust-timestamps') ? durationMs('scrape.timestamp-tolerance') : 0,
    discoveryReloadIntervalMs: durationMs('scrape.discovery-reload-interval'),
    lookbackMs: durationMs('query.lookback-delta'),
    queryTimeoutMs: durationMs('query.timeout'),
    queryMaxConcurrency: positive('query.max-concurrency', integer),
    queryMaxSamples: positive('query.max-samples', integer),
    queryResultCacheBytes: parseBytes(last('query.result-cache-size')) ?? 0,
    queryMaxResultBytes: parseBytes(last('query.max-result-size')) ?? 0,
    enableOtlpReceiver: isOn('web.enable-otlp-receiver'),
    searchMaxLimit: notNegative('web.search.max-limit', integer),
    remoteRead: {
      sampleLimit: integer('storage.remote.read-sample-limit'),
      concurrentLimit: integer('storage.remote.read-concurrent-limit'),
      maxFrameBytes: integer('storage.remote.read-max-bytes-in-frame'),
    },
    alertmanager: readAlertmanagerLimits(given, features),
    features,
    logLevel: oneOf('log.level', last('log.level'), logLevels),
    logFormat: oneOf('log.format', last('log.format'), ['logfmt', 'json'] as const),
    warnings: [...ignoredWarnings(given), ...featureWarnings(features)],
    shown: shownFlags(given, { externalUrl: externalUrl.href, routePrefix }),
  }
}

function readAlertmanagerLimits(given: GivenFlags, features: readonly string[]): AlertmanagerLimits {
  const value = (name: string, parse: (text: string) => number | undefined) => {
    const text = given.get(name)?.at(-1)
    return text === undefined ? undefined : parse(text)
  }
  const limits: { -readonly [K in keyof AlertmanagerLimits]: AlertmanagerLimits[K] | undefined } = {
    dataRetentionMs: value('data.retention', parseDurationMs),
    maintenanceIntervalMs: value('data.maintenance-interval', parseDurationMs),
    maxSilences: value('silences.max-silences', Number),
    maxSilenceSizeBytes: value('silences.max-silence-size-bytes', Number),
    gcIntervalMs: value('alerts.gc-interval', parseDurationMs),
    perAlertnameLimit: value('alerts.per-alertname-limit', Number),
    dispatchStartDelayMs: value('dispatch.start-delay', parseDurationMs),
    matcherMode: features.includes('utf8-strict-mode') ? 'utf8' : features.includes('classic-mode') ? 'classic' : undefined,
  }
  return Object.fromEntries(Object.entries(limits).filter(([, limit]) => limit !== undefined))
}

function defaultOf(name: string): string {
  return flagTable.find((flag) => flag.name === name)?.default ?? ''
}

function positive(name: string, integer: (name: string) => number): number {
  const value = integer(name)
  if (value <= 0) throw new UsageError(`flag '--${name}': expected a number greater than 0, found "${value}"`)
  return value
}

function notNegative(name: string, integer: (name: string) => number): number {
  const value = integer(name)
  if (value < 0) throw new UsageError(`flag '--${name}': must not be negative`, 1)
  return value
}

function oneOf<T extends string>(name: string, value: string, words: readonly T[]): T {
  const found = words.find((word) => word === value)
  if (found === undefined) throw new UsageError(`flag '--${name}': expected ${words.join(', ')}, found "${value}"${didYouMean(value, words)}`)
  return found
}

function refuseAgentMode(given: GivenFlags): void {
  if (given.has('agent')) throw new UsageError('agent mode is not part of solowatch; a server with remote_write does the same job')
  const agentFlags = flagTable.filter((flag) => flag.isAgentOnly === true && given.has(flag.name)).map((flag) => `--${flag.name}`)
  if (agentFlags.length > 0) throw new UsageError(`The following flag(s) can not be used in server mode: [${agentFlags.join(' ')}]`, 3)
}

function ignoredWarnings(given: GivenFlags): string[] {
  return allFlags.filter((flag) => flag.isIgnored === true && given.has(flag.name)).map((flag) => `--${flag.name} has no effect: ${flag.help}`)
}

function shownFlags(given: GivenFlags, { externalUrl, routePrefix }: { externalUrl: string; routePrefix: string }): Record<string, string> {
  const shown = flagTable.map(({ name, default: byDefault }) => [name, given.get(name)?.join(',') ?? byDefault] as const)
  const result: Record<string, string> = Object.fromEntries(shown)
  if (result['web.external-url'] === '') result['web.external-url'] = externalUrl
  result['web.route-prefix'] = routePrefix === '' ? '/' : routePrefix
  return result
}

/** Each value is one name, or several with commas; none means all. */
function parseRemoteWriteMessages(values: readonly string[]): readonly RemoteWriteMessage[] {
  const names = values.flatMap((value) => value.split(','))
  if (names.length === 0) return remoteWriteMessages
  return names.map((name) => oneOf('web.remote-write-receiver.accepted-protobuf-messages', name, remoteWriteMessages))
}

function parseOriginRegex(pattern: string): string {
  try {
    RE2JS.compile(`^(?:${pattern})$`)
  } catch (error) {
    throw new UsageError(`flag '--web.cors.origin': could not compile CORS regex string '${pattern}': ${errorText(error)}`)
  }
  return pattern
}
