// From what a discovery found to what is scraped: label population, relabelling, the checks on an address, the URL. Pure.
// Knows nothing of scraping itself; `promtool check config`-like checks can call it without starting anything.

import { createHash } from 'node:crypto'
import { parseDurationMs, formatDurationMs } from '../../../src/base/duration.ts'
import { type Labels, labelsFrom, labelsKey, labelValue } from '../../../storage/model/labels.ts'
import { relabel, type RelabelRules } from '../../relabel.ts'
import type { ScrapeConfig } from './scrapeConfig.ts'

export type Target = {
  /** As discovered, with the job's defaults, before relabelling. */
  readonly discoveredLabels: Labels
  /** The labels that every series of the target gets: those that do not begin with `__`. */
  readonly labels: Labels
  readonly url: string
  readonly unixSocket: string | undefined
  readonly intervalMs: number
  readonly timeoutMs: number
  readonly histograms: HistogramSettings
  /** Equal for targets that would be scraped twice: all labels after relabelling, and the URL. */
  readonly key: string
  /** Equal for targets that differ at most in interval and timeout. */
  readonly identity: string
}

/** What is taken of histograms. */
export type HistogramSettings = {
  readonly takesNative: boolean
  /** Classic series stay beside a native histogram. */
  readonly keepsClassic: boolean
  /** Classic histograms become native ones with custom buckets. */
  readonly convertsClassic: boolean
}

export type TargetOutcome =
  | { readonly kind: 'target'; readonly target: Target }
  | { readonly kind: 'dropped'; readonly discoveredLabels: Labels }
  | { readonly kind: 'error'; readonly message: string }

type JobSettings = Pick<
  ScrapeConfig,
  | 'jobName' | 'scrapeIntervalMs' | 'scrapeTimeoutMs' | 'metricsPath' | 'scheme' | 'params'
  | 'scrapeNativeHistograms' | 'alwaysScrapeClassicHistograms' | 'convertClassicHistogramsToNhcb'
>

const takesNativeLabel = '__scrape_native_histograms__'
const keepsClassicLabel = '__always_scrape_classic_histograms__'
const convertsClassicLabel = '__convert_classic_histograms_to_nhcb__'

/** The labels of one discovered target with its group's labels and the job's defaults, as shown before relabelling. */
export function populateLabels(
  target: Readonly<Record<string, string>>,
  group: Readonly<Record<string, string>>,
  job: JobSettings,
): Labels {
  const labels: Record<string, string> = { ...group, ...target }
  const fill = (name: string, value: string) => {
    if ((labels[name] ?? '') === '') labels[name] = value
  }
  fill('job', job.jobName)
  fill('__scrape_interval__', formatDurationMs(job.scrapeIntervalMs))
  fill('__scrape_timeout__', formatDurationMs(job.scrapeTimeoutMs))
  fill('__metrics_path__', job.metricsPath)
  fill('__scheme__', job.scheme)
  fill(takesNativeLabel, String(job.scrapeNativeHistograms))
  fill(keepsClassicLabel, String(job.alwaysScrapeClassicHistograms))
  fill(convertsClassicLabel, String(job.convertClassicHistogramsToNhcb))
  for (const [name, values] of Object.entries(job.params)) if (values[0] !== undefined) fill(`__param_${name}`, values[0])
  return labelsFrom(labels)
}

/** Relabels and checks one discovered target. */
export function createTarget(discoveredLabels: Labels, job: JobSettings, rules: RelabelRules): TargetOutcome {
  const relabelled = relabel(discoveredLabels, rules)
  if (relabelled === undefined || relabelled.length === 0) return { kind: 'dropped', discoveredLabels }
  const message = problemOf(relabelled)
  if (message !== undefined) return { kind: 'error', message }
  const address = labelValue(relabelled, '__address__')
  const plain = relabelled.filter(({ name }) => !name.startsWith('__meta_'))
  const all = labelValue(plain, 'instance') !== '' ? plain : labelsFrom({ ...Object.fromEntries(plain.map((l) => [l.name, l.value])), instance: address })
  const invalid = all.find(({ value }) => !value.isWellFormed())
  if (invalid !== undefined)
    return { kind: 'error', message: `invalid label value for ${JSON.stringify(invalid.name)}: ${JSON.stringify(invalid.value)}` }
  const labels = all.filter(({ name }) => !name.startsWith('__'))
  if (labels.length === 0) return { kind: 'dropped', discoveredLabels }
  const url = targetUrl(all, job.params)
  const timeless = all.filter(({ name }) => name !== '__scrape_interval__' && name !== '__scrape_timeout__')
  const unixSocket = labelValue(all, '__unix_socket__')
  const isOn = (name: string) => /^[1tT]/.test(labelValue(all, name)) // checked by problemOf
  return {
    kind: 'target',
    target: {
      discoveredLabels,
      labels,
      url,
      unixSocket: unixSocket === '' ? undefined : unixSocket,
      intervalMs: parseDurationMs(labelValue(all, '__scrape_interval__')) ?? 0, // checked by problemOf
      timeoutMs: parseDurationMs(labelValue(all, '__scrape_timeout__')) ?? 0,
      histograms: { takesNative: isOn(takesNativeLabel), keepsClassic: isOn(keepsClassicLabel), convertsClassic: isOn(convertsClassicLabel) },
      key: labelsKey(all) + url,
      identity: labelsKey(timeless) + url,
    },
  }
}

/** Why the relabelled labels make no target, in Prometheus's words. */
function problemOf(labels: Labels): string | undefined {
  const address = labelValue(labels, '__address__')
  if (address === '' && labelValue(labels, '__unix_socket__') === '') return 'no address'
  if (address.includes('/')) return `${JSON.stringify(address)} is not a valid hostname`
  const interval = labelValue(labels, '__scrape_interval__')
  const timeout = labelValue(labels, '__scrape_timeout__')
  const intervalMs = parseDurationMs(interval)
  const timeoutMs = parseDurationMs(timeout)
  const notADuration = (text: string) => (text === '' ? 'empty duration string' : `not a valid duration string: ${JSON.stringify(text)}`)
  if (intervalMs === undefined) return `error parsing scrape interval: ${notADuration(interval)}`
  if (intervalMs === 0) return 'scrape interval cannot be 0'
  if (timeoutMs === undefined) return `error parsing scrape timeout: ${notADuration(timeout)}`
  if (timeoutMs === 0) return 'scrape timeout cannot be 0'
  if (timeoutMs > intervalMs)
    return `scrape timeout cannot be greater than scrape interval (${JSON.stringify(timeout)} > ${JSON.stringify(interval)})`
  for (const name of [takesNativeLabel, keepsClassicLabel, convertsClassicLabel]) {
    const value = labelValue(labels, name)
    if (!/^(?:1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)$/.test(value))
      return `error parsing ${name}: strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`
  }
  return undefined
}

/** Parameters of the configuration, where `__param_x` replaces the first value of `x`; keys sorted. */
function targetUrl(labels: Labels, configured: Readonly<Record<string, readonly string[]>>): string {
  const params = new Map(Object.entries(configured).map(([name, values]) => [name, [...values]]))
  for (const { name, value } of labels) {
    if (!name.startsWith('__param_')) continue
    const key = name.slice('__param_'.length)
    const values = params.get(key)
    if (values === undefined || values.length === 0) params.set(key, [value])
    else values[0] = value
  }
  const query = [...params.keys()].sort().flatMap((name) => (params.get(name) ?? []).map((value) => `${queryEscape(name)}=${queryEscape(value)}`))
  const address = labelValue(labels, '__address__')
  const path = labelValue(labels, '__metrics_path__')
  const host = address === '' ? 'localhost' : address
  return `${labelValue(labels, '__scheme__')}://${host}${path === '' || path.startsWith('/') ? '' : '/'}${pathEscape(path)}${query.length > 0 ? `?${query.join('&')}` : ''}`
}

function queryEscape(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, percentEncode).replaceAll('%20', '+')
}

/** Go's path escaping: what has a meaning inside a path stays, `?` and `#` do not end it. */
function pathEscape(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, percentEncode)
    .replace(/%(?:24|26|2B|2C|2F|3A|3B|3D|40)/g, (code) => decodeURIComponent(code))
}

function percentEncode(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`
}

/**
 * When in its interval a target is scraped, from 0 to the interval, as a multiple of `stepMs`: the same after a restart, spread
 * over the targets and, by `seed`, over servers.
 */
export function scrapeOffsetMs(target: Pick<Target, 'key' | 'intervalMs'>, seed: string, stepMs: number): number {
  const hash = createHash('md5').update(seed).update('\xff').update(target.key).digest()
  const offsetMs = Number(hash.readBigUInt64BE(0) % BigInt(target.intervalMs))
  return offsetMs - (offsetMs % stepMs)
}
