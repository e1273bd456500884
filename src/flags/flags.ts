// Command-line arguments to options, in the syntax of Prometheus (kingpin): `--name value`, `--name=value`, `--bool`,
// `--no-bool`, `@file` for more arguments. Values are checked here; nothing after this file sees text that needs parsing.

import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { RE2JS } from 're2js'
import { remoteWriteMessages, type RemoteWriteMessage } from '../../ingest/remoteWrite/remoteWriteHeaders.ts'
import { errorText } from '../base/assert.ts'
import { parseBytes } from '../base/bytes.ts'
import { parseDurationMs } from '../base/duration.ts'
import { logLevels } from '../base/log.ts'
import type { LogFormat, LogLevel } from '../base/log.ts'
import { didYouMean } from '../base/nearest.ts'
import { alertmanagerFlags, flagTable } from './flagTable.ts'
import type { Flag } from './flagTable.ts'

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

export type ListenAddress = { readonly host: string; readonly port: number }

export type Command = { readonly kind: 'run'; readonly options: Options } | { readonly kind: 'help' } | { readonly kind: 'version' }

/** The command line cannot be used. */
export class UsageError extends Error {
  /** 2; 3 for a flag of the other mode; 1 for what Prometheus would find when it is running. */
  readonly exitCode: number
  constructor(message: string, exitCode = 2) {
    super(message)
    this.exitCode = exitCode
  }
}

/** Reads the arguments (without node and script). Throws `UsageError`. */
export function parseFlags(args: readonly string[]): Command {
  const given = new Map<string, string[]>()
  const expanded = args.flatMap(expandArgumentFile)
  for (let i = 0; i < expanded.length; i++) {
    const argument = expanded[i] ?? ''
    if (argument === '-h' || argument === '--help' || argument === '--help-long' || argument === '--help-man') return { kind: 'help' }
    if (argument === '--version') return { kind: 'version' }
    if (!argument.startsWith('--')) throw new UsageError(argument.startsWith('-') ? `unknown short flag '${argument}'` : `unexpected ${argument}`)
    const [, name = '', inline] = /^--([^=]*)(?:=(.*))?$/s.exec(argument) ?? []
    const { flag, isNegated } = findFlag(name)
    const values = given.get(flag.name) ?? []
    if (values.length > 0 && flag.kind !== 'list') throw new UsageError(`flag '${flag.name}' cannot be repeated`)
    values.push(readValue(flag, { name, isNegated, inline, next: () => expanded[++i] }))
    given.set(flag.name, values)
  }
  return { kind: 'run', options: buildOptions(given) }
}

function expandArgumentFile(argument: string): string[] {
  if (!argument.startsWith('@')) return [argument]
  try {
    return readFileSync(argument.slice(1), 'utf8').split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  } catch (error) {
    throw new UsageError(`cannot read arguments from ${argument.slice(1)}: ${errorText(error)}`)
  }
}

const allFlags = [...flagTable, ...alertmanagerFlags]

const removedFlags: Readonly<Record<string, string>> = {
  'storage.tsdb.retention': 'use --storage.tsdb.retention.time',
  'alertmanager.timeout': 'use "timeout" of alerting.alertmanagers in the configuration file',
  'storage.tsdb.allow-overlapping-blocks': 'overlapping data is always allowed',
}

function findFlag(name: string): { flag: Flag; isNegated: boolean } {
  const flag = allFlags.find((one) => one.name === name)
  if (flag !== undefined) return { flag, isNegated: false }
  const negated = name.startsWith('no-') ? allFlags.find((one) => one.kind === 'bool' && one.name === name.slice(3)) : undefined
  if (negated !== undefined) return { flag: negated, isNegated: true }
  const advice = removedFlags[name]
  if (advice !== undefined) throw new UsageError(`flag '--${name}' was removed from Prometheus: ${advice}`)
  const nearest = didYouMean(name, allFlags.map((one) => one.name)).replace('"', '"--')
  throw new UsageError(`unknown long flag '--${name}'${nearest}`)
}

type ValueSource = {
  readonly name: string
  readonly isNegated: boolean
  readonly inline: string | undefined
  readonly next: () => string | undefined
}

function readValue(flag: Flag, { name, isNegated, inline, next }: ValueSource): string {
  if (flag.kind === 'bool') {
    if (isNegated && inline !== undefined) throw new UsageError(`flag '--${name}' takes no value`)
    const value = isNegated ? 'false' : (inline ?? 'true')
    if (!/^(?:1|t|T|true|TRUE|True|0|f|F|false|FALSE|False)$/.test(value)) throw new UsageError(`flag '--${name}': expected true or false, found "${value}"`)
    return /^[1tT]/.test(value) ? 'true' : 'false'
  }
  const value = inline ?? next()
  if (value === undefined) throw new UsageError(`expected argument for flag '--${name}'`)
  const problem = valueProblem(flag, value)
  if (problem !== undefined) throw new UsageError(`flag '--${name}': ${problem}, found "${value}"`)
  return value
}

function valueProblem(flag: Flag, value: string): string | undefined {
  switch (flag.kind) {
    case 'duration':
      return parseDurationMs(value) === undefined ? 'expected a duration such as 15s, 2h or 15d' : undefined
    case 'size':
      return parseBytes(value) === undefined ? 'expected a size with unit such as 512MB' : undefined
    case 'integer':
      return /^[+-]?\d+(?:e\d+)?$/.test(value) && Number.isSafeInteger(Number(value)) ? undefined : 'expected a whole number'
    case 'float':
      return value.trim() !== '' && Number.isFinite(Number(value)) ? undefined : 'expected a number'
    default:
      return undefined
  }
}

function buildOptions(given: ReadonlyMap<string, readonly string[]>): Options {
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

function readAlertmanagerLimits(given: ReadonlyMap<string, readonly string[]>, features: readonly string[]): AlertmanagerLimits {
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

function refuseAgentMode(given: ReadonlyMap<string, unknown>): void {
  if (given.has('agent')) throw new UsageError('agent mode is not part of solowatch; a server with remote_write does the same job')
  const agentFlags = flagTable.filter((flag) => flag.isAgentOnly === true && given.has(flag.name)).map((flag) => `--${flag.name}`)
  if (agentFlags.length > 0) throw new UsageError(`The following flag(s) can not be used in server mode: [${agentFlags.join(' ')}]`, 3)
}

function ignoredWarnings(given: ReadonlyMap<string, unknown>): string[] {
  return allFlags.filter((flag) => flag.isIgnored === true && given.has(flag.name)).map((flag) => `--${flag.name} has no effect: ${flag.help}`)
}

const alwaysOn = 'it is always on'
const ofTsdb = 'it tunes the storage engine of Prometheus, which solowatch does not have'

/** Features of Prometheus 3.14: those that have an effect here, perhaps only with another one, and why the others have none. */
const knownFeatures: Readonly<Record<string, 'used' | { readonly why: string } | { readonly needs: string }>> = {
  'promql-experimental-functions': 'used',
  'promql-delayed-name-removal': 'used',
  'promql-per-step-stats': 'used',
  'promql-extended-range-selectors': 'used',
  'promql-binop-fill-modifiers': 'used',
  'auto-reload-config': 'used',
  'extra-scrape-metrics': 'used',
  'created-timestamp-zero-ingestion': 'used',
  'type-and-unit-labels': 'used',
  'otlp-native-delta-ingestion': 'used',
  'otlp-deltatocumulative': 'used',
  'search-api': 'used',
  'utf8-strict-mode': 'used',
  'classic-mode': 'used',
  'promql-duration-expr': { why: alwaysOn },
  'native-histograms': { why: alwaysOn },
  'ooo-native-histograms': { why: alwaysOn },
  'exemplar-storage': { why: alwaysOn },
  'memory-snapshot-on-shutdown': { why: alwaysOn },
  'receiver-name-in-metrics': { why: alwaysOn },
  'metadata-wal-records': { why: 'metadata are not stored, those of running targets are in memory' },
  'concurrent-rule-eval': { why: 'the rules of a group are evaluated in their order, which gives the same results' },
  'st-storage': 'used',
  'use-start-timestamps': 'used',
  'st-synthesis': { needs: 'st-storage' },
  'histograms-st-encoding': { why: 'st-storage alone stores the start timestamps of histograms, too' },
  'xor2-encoding': { why: ofTsdb },
  'delayed-compaction': { why: ofTsdb },
  'use-uncached-io': { why: ofTsdb },
  'fast-startup': { why: ofTsdb },
  'old-ui': { why: 'there is one UI' },
}

function featureWarnings(features: readonly string[]): string[] {
  return features.flatMap((name) => {
    const state = Object.hasOwn(knownFeatures, name) ? knownFeatures[name] : undefined
    if (state === undefined) return [`Unknown option for --enable-feature: ${name}${didYouMean(name, Object.keys(knownFeatures))}`]
    if (state === 'used') return []
    if ('why' in state) return [`--enable-feature=${name} has no effect: ${state.why}`]
    return features.includes(state.needs) ? [] : [`--enable-feature=${name} has no effect without ${state.needs}`]
  })
}

function shownFlags(given: ReadonlyMap<string, readonly string[]>, { externalUrl, routePrefix }: { externalUrl: string; routePrefix: string }): Record<string, string> {
  const shown = flagTable.map(({ name, default: byDefault }) => [name, given.get(name)?.join(',') ?? byDefault] as const)
  const result: Record<string, string> = Object.fromEntries(shown)
  if (result['web.external-url'] === '') result['web.external-url'] = externalUrl
  result['web.route-prefix'] = routePrefix === '' ? '/' : routePrefix
  return result
}

/** `host:port`, `:port`, `[::1]:port`; an empty host listens on all addresses. */
function parseListenAddress(address: string): ListenAddress {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]*)):(\d+)$/.exec(address)
  const port = Number(match?.[3])
  if (match === null || port > 65_535) throw new UsageError(`flag '--web.listen-address': expected host:port, found "${address}"`)
  return { host: match[1] ?? match[2] ?? '', port }
}

/** A URL; or its path alone, then of this host. */
function parseExternalUrl(value: string, port: number): { href: string; path: string } {
  if (/^["']|["']$/.test(value)) throw new UsageError("flag '--web.external-url': URL must not begin or end with quotes")
  const isPath = /^(?:\/(?!\/).*|[\w-]*)$/.test(value)
  const text = isPath ? `http://${hostname()}:${port}/${value.replace(/^\//, '')}` : /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value : `http://${value}`
  if (!URL.canParse(text)) throw new UsageError(`flag '--web.external-url': expected a URL, found "${value}"`)
  const url = new URL(text)
  const path = url.pathname.replace(/\/+$/, '')
  return { href: `${url.origin}${path}`, path }
}

function parseRoutePrefix(prefix: string): string {
  const trimmed = prefix.replace(/^\/+|\/+$/g, '')
  return trimmed === '' ? '' : `/${trimmed}`
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

/** The text of `--help`. */
export function helpText(): string {
  const lines = flagTable
    .filter((flag) => flag.isIgnored !== true)
    .map(({ name, kind, default: byDefault, help }) => {
      const form = kind === 'bool' ? `--[no-]${name}` : `--${name}=${byDefault === '' ? '...' : JSON.stringify(byDefault)}`
      return `  ${form}\n      ${help}`
    })
  return [
    'usage: solowatch [<flags>]',
    '',
    'Prometheus and Alertmanager for a small team, in one process on one machine.',
    '',
    'Flags:',
    '  -h, --help\n      Show this text.',
    '  --version\n      Show the version.',
    ...lines,
    '',
    'Commands: check DIR, inspect DIR, backup DIR, tsdb create-blocks-from openmetrics FILE (each with --help).',
    '',
    'The other flags of Prometheus and Alertmanager are accepted; one that has no effect is named in a warning.',
    '',
  ].join('\n')
}
