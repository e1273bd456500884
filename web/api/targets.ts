// Scrape pools, targets and what they say about their metrics.

import { compileRelabel, relabelSteps } from '../../ingest/relabel.ts'
import type { TargetStatus } from '../../ingest/scrape/scrapeLoop.ts'
import { QueryError } from '../../query/queryError.ts'
import { errorText } from '../../src/base/assert.ts'
import type { RelabelConfig } from '../../src/base/config/relabelConfig.ts'
import { formatDurationMs } from '../../src/base/duration.ts'
import { compareBytes, labelsToObject, labelValue, sortLabels } from '../../storage/model/labels.ts'
import type { Labels } from '../../storage/model/labels.ts'
import { formatTime, success } from '../answer.ts'
import { requireBrief } from '../brief.ts'
import type { Parts } from '../parts.ts'
import type { RequestParams } from '../requestParams.ts'
import type { Router } from '../router.ts'

/** How the server is reached, to show links to targets on this machine that work from elsewhere. */
export type OwnAddress = { readonly externalUrl: string; readonly ports: () => readonly number[] }

export function addTargetRoutes(router: Router, parts: () => Parts, own: OwnAddress): void {
  router.get('/api/v1/scrape_pools', () => success({ scrapePools: parts().scraping.scrapePools() }))

  router.get('/api/v1/scrape_pools/config', ({ params }) => {
    const { config } = findPool(parts(), params.text('scrapePool'))
    return success({ yaml: parts().scrapeConfigYaml(config) })
  })

  router.get('/api/v1/targets', ({ params }) => {
    const { scraping } = parts()
    const state = params.text('state').toLowerCase()
    const pool = params.text('scrapePool') || undefined
    const showsAll = state === '' || state === 'any'
    const showsDropped = showsAll || state === 'dropped'
    return success({
      activeTargets: showsAll || state === 'active' ? scraping.targets(pool).map((target) => targetJson(target, own)) : [],
      droppedTargets: showsDropped
        ? scraping.droppedTargets(pool).map(({ discoveredLabels, scrapePool }) => ({ discoveredLabels: labelsToObject(discoveredLabels), scrapePool }))
        : [],
      droppedTargetCounts: showsDropped ? scraping.droppedTargetCounts() : null,
    })
  })

  router.get('/api/v1/targets/metadata', ({ params }) => success(targetsMetadata(parts(), params)))

  router.get('/api/v1/targets/relabel_steps', ({ params }) => {
    const { config } = findPool(parts(), params.text('scrapePool'))
    const steps = relabelSteps(readLabels(params.text('labels')), compileRelabel(config.relabelConfigs))
    return success({ steps: steps.map(({ rule, output, keep }) => ({ rule: relabelJson(rule), output: keep ? labelsToObject(output) : {}, keep })) })
  })

  router.get('/api/v1/metadata', ({ params }) => success(metricMetadata(parts(), params)))
}

function findPool(parts: Parts, name: string) {
  if (name === '') throw new QueryError('bad_data', 'no scrapePool parameter provided')
  const pool = parts.scraping.scrapePool(name)
  if (pool === undefined) throw new QueryError('bad_data', `scrape pool ${JSON.stringify(name)} not found`)
  return pool
}

function targetJson(target: TargetStatus, own: OwnAddress): Record<string, unknown> {
  return {
    discoveredLabels: labelsToObject(target.discoveredLabels),
    labels: labelsToObject(target.labels),
    scrapePool: target.scrapePool,
    scrapeUrl: target.scrapeUrl,
    globalUrl: globalUrl(target.scrapeUrl, own),
    lastError: target.lastError,
    lastScrape: formatTime(target.lastScrapeMs === 0 ? undefined : target.lastScrapeMs),
    lastScrapeDuration: target.lastScrapeDurationSeconds,
    health: target.health,
    scrapeInterval: formatDurationMs(target.scrapeIntervalMs),
    scrapeTimeout: formatDurationMs(target.scrapeTimeoutMs),
  }
}

/** A target on this machine under the name by which the machine is known outside. */
export function globalUrl(scrapeUrl: string, own: OwnAddress): string {
  if (!URL.canParse(scrapeUrl)) return scrapeUrl
  const url = new URL(scrapeUrl)
  if (!['localhost', '127.0.0.1', '[::1]'].includes(url.hostname)) return scrapeUrl
  const external = new URL(own.externalUrl)
  if (own.ports().includes(Number(url.port))) {
    // The target is this very server.
    url.protocol = external.protocol
    url.host = external.host
    if (external.port === '') url.port = ''
    return url.href
  }
  url.hostname = external.hostname
  return url.href
}

function readLabels(text: string): Labels {
  const labels = parseJson(text)
  const entries = typeof labels === 'object' && labels !== null && !Array.isArray(labels) ? Object.entries(labels) : []
  if (entries.length === 0 || !entries.every(([, value]) => typeof value === 'string')) throw new QueryError('bad_data', 'labels must be a JSON object of label names to values')
  return sortLabels(entries.map(([name, value]) => ({ name, value: String(value) })))
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new QueryError('bad_data', `failed to parse labels: ${errorText(error)}`, { cause: error })
  }
}

function relabelJson(rule: RelabelConfig): Record<string, unknown> {
  return {
    source_labels: rule.sourceLabels.length === 0 ? undefined : rule.sourceLabels,
    separator: rule.separator,
    regex: rule.regex,
    modulus: rule.modulus === 0n ? undefined : Number(rule.modulus),
    target_label: rule.targetLabel || undefined,
    replacement: rule.replacement,
    action: rule.action,
  }
}

/** -1 = no limit, as in Prometheus's older endpoints. */
function readOldLimit(params: RequestParams, name = 'limit'): number {
  const text = params.text(name)
  if (text === '') return -1
  if (!/^[+-]?\d+$/.test(text)) throw new QueryError('bad_data', `${name} must be a number`)
  return Number(text)
}

function targetsMetadata(parts: Parts, params: RequestParams): Record<string, unknown>[] {
  const limit = readOldLimit(params)
  const metric = params.text('metric')
  requireBrief([params.text('match_target')])
  const matchers = params.selector('match_target')
  const result: Record<string, unknown>[] = []
  let targetBefore: TargetStatus | undefined
  for (const entry of parts.scraping.metadata()) {
    // The limit is looked at between targets: what one target says comes whole.
    if (limit >= 0 && result.length >= limit && entry.target !== targetBefore) break
    targetBefore = entry.target
    if (metric !== '' && entry.metric !== metric) continue
    if (!matchers.every((matcher) => matcher.matches(labelValue(entry.target.labels, matcher.name)))) continue
    const target = labelsToObject(entry.target.labels)
    const { type, help, unit } = entry
    result.push(metric === '' ? { target, metric: entry.metric, type: typeName(type), help, unit } : { target, type: typeName(type), help, unit })
  }
  return result
}

function metricMetadata(parts: Parts, params: RequestParams): Record<string, unknown[]> {
  const limit = readOldLimit(params)
  const limitPerMetric = readOldLimit(params, 'limit_per_metric')
  const metric = params.text('metric')
  const byMetric = new Map<string, Map<string, unknown>>()
  for (const entry of parts.scraping.metadata()) {
    if (metric !== '' && entry.metric !== metric) continue
    let known = byMetric.get(entry.metric)
    if (known === undefined) {
      if (limit >= 0 && byMetric.size >= limit) continue
      byMetric.set(entry.metric, (known = new Map()))
    }
    if (limitPerMetric > 0 && known.size >= limitPerMetric) continue
    const { type, unit, help } = entry
    known.set(JSON.stringify([type, unit, help]), { type: typeName(type), unit, help })
  }
  const sorted = [...byMetric].sort(([a], [b]) => compareBytes(a, b))
  return Object.fromEntries(sorted.map(([name, known]) => [name, [...known.values()]]))
}

/** What the text format calls untyped is called unknown in the API. */
function typeName(type: string): string {
  return type === '' || type === 'untyped' ? 'unknown' : type
}
