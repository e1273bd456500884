// Configuration to one pool per job: applies a reload, keeps what stays, and answers what targets there are. Everything
// about one job is scrapePool.ts, everything about one target scrapeLoop.ts.

import { hostname } from 'node:os'
import type { Closable } from '../../src/base/closing.ts'
import type { Logger } from '../../src/base/log.ts'
import type { MetricRegistry } from '../../src/base/selfMetrics.ts'
import { type Labels, labelsKey } from '../../storage/model/labels.ts'
import type { Storage } from '../../storage/storage.ts'
import type { Discovery, DiscoveryFailure } from '../discovery/discovery.ts'
import type { CreatedUse } from '../exposition/metadata/createdTimes.ts'
import { KnownMetadata, type TargetMetadata } from '../exposition/metadata/targetMetadata.ts'
import type { RelabelRules } from '../relabel.ts'
import type { ScrapeConfig } from './job/scrapeConfig.ts'
import { prepareJob } from './job/scrapeJob.ts'
import { createScrapeMetrics } from './job/scrapeMetrics.ts'
import { LoggedScrapes } from './loggedScrapes.ts'
import { createReadBuffer, createScrapeCache } from './reading/scrapeCache.ts'
import type { ScrapeSink } from './reading/scrapeSink.ts'
import type { TargetStatus } from './scrapeLoop.ts'
import { type DroppedTarget, ScrapePool } from './scrapePool.ts'
import { EventTurn } from './timing/eventTurn.ts'
import { ScrapeClock } from './timing/scrapeClock.ts'
import { SlotWidth } from './timing/slotWidth.ts'

export type ScrapeManagerOptions = {
  readonly storage: Pick<Storage, 'appender' | 'head' | 'exemplars'>
  readonly discovery: Discovery
  readonly logger: Logger
  readonly registry: MetricRegistry
  readonly userAgent: string
  /** A scrape this much off its slot still gets the slot's time; 2 ms by default, 0 for never. */
  readonly timestampToleranceMs?: number
  /** See createdTimes.ts; off by default. */
  readonly created?: CreatedUse
  /** See typeAndUnit.ts; off by default. */
  readonly addsTypeAndUnit?: boolean
}

export type ScrapePoolStatus = {
  readonly config: ScrapeConfig
  readonly rules: RelabelRules
  /** Why discoveries of the job find nothing at the moment. */
  readonly discoveryFailures: readonly DiscoveryFailure[]
}

/** What one target says about one of its metrics. */
export type MetadataEntry = {
  readonly target: TargetStatus
  readonly metric: string
  readonly type: string
  readonly help: string
  readonly unit: string
}

export type ScrapeManager = Closable & {
  /** First start and every reload. Throws before anything changes, or applies all. */
  apply(configs: readonly ScrapeConfig[], externalLabels: Labels): void
  /** Of one pool or, sorted by pool, of all. */
  targets(pool?: string): TargetStatus[]
  droppedTargets(pool?: string): DroppedTarget[]
  droppedTargetCounts(): Record<string, number>
  /** Sorted. */
  scrapePools(): string[]
  scrapePool(name: string): ScrapePoolStatus | undefined
  metadata(): Generator<MetadataEntry>
}

export function createScrapeManager(options: ScrapeManagerOptions): ScrapeManager {
  const { storage, registry, discovery, logger, userAgent } = options
  const metrics = createScrapeMetrics(registry)
  const readBuffer = createReadBuffer(storage.head)
  const known = new KnownMetadata()
  const sink: ScrapeSink = {
    readBuffer,
    createCache: () => createScrapeCache(storage.head, { readBuffer, known }),
    refOf: (labels, beyondLimits) => storage.head.findOrCreate(labels, beyondLimits),
    appendExemplar: (ref, exemplar) => storage.exemplars.append(ref, exemplar),
    appendZeros: (zeros) => {
      const appender = storage.appender()
      for (const { labels, timestampMs, histogram } of zeros) {
        // One that is not newer than the samples of its series was stored by an earlier process, or tells nothing.
        if (histogram === undefined) appender.append(labels, timestampMs, 0)
        else appender.appendHistogram(labels, timestampMs, histogram)
      }
      return appender.commit()
    },
  }
  const { timestampToleranceMs = 2, created = {}, addsTypeAndUnit = false } = options
  const deps = { sink, clock: new ScrapeClock(), turn: new EventTurn(), slots: new SlotWidth(), logged: new LoggedScrapes(), discovery, metrics, logger, userAgent, timestampToleranceMs, created, addsTypeAndUnit }
  const pools = new Map<string, ScrapePool>()
  const leaving = new Map<ScrapePool, Promise<void>>()
  const sorted = () => [...pools].sort(([a], [b]) => (a < b ? -1 : 1))
  const loops = function* (only?: string) {
    for (const [name, pool] of sorted()) if (only === undefined || only === name) yield* pool.loops()
  }
  registry.sampled('prometheus_target_scrape_pool_targets', 'Current number of targets in this scrape pool.', 'gauge', () =>
    sorted().map(([name, pool]) => ({ labels: { scrape_job: name }, value: [...pool.loops()].length })),
  )
  const metadataGauge = (name: string, help: string, measure: (metadata: TargetMetadata) => number) =>
    registry.sampled(name, help, 'gauge', () =>
      sorted().map(([job, pool]) => ({
        labels: { scrape_job: job },
        value: Array.from(pool.loops(), (loop) => measure(loop.memory.metadata)).reduce((sum, one) => sum + one, 0),
      })),
    )
  metadataGauge('prometheus_target_metadata_cache_entries', 'Total number of metric metadata entries in the cache', (metadata) => metadata.entries().size)
  metadataGauge('prometheus_target_metadata_cache_bytes', 'The number of bytes that are currently used for storing metric metadata in the cache', (metadata) => metadata.bytes())

  return {
    apply(configs, externalLabels) {
      const prepared = configs.map(prepareJob)
      const seed = `${hostname()}\xff${labelsKey(externalLabels)}`
      const names = new Set(configs.map((config) => config.jobName))
      for (const [name, pool] of pools) {
        if (names.has(name)) continue
        pools.delete(name)
        leaving.set(pool, pool.stop(false).finally(() => leaving.delete(pool)))
      }
      for (const job of prepared) {
        const pool = pools.get(job.config.jobName)
        if (pool !== undefined) {
          pool.reload(job, seed)
          continue
        }
        metrics.pools.inc()
        pools.set(job.config.jobName, new ScrapePool(job, seed, deps))
      }
    },
    targets: (pool) => Array.from(loops(pool), (loop) => loop.status()),
    droppedTargets: (only) => sorted().flatMap(([name, pool]) => (only === undefined || only === name ? pool.dropped() : [])),
    droppedTargetCounts: () => Object.fromEntries(sorted().map(([name, pool]) => [name, pool.droppedCount()])),
    scrapePools: () => sorted().map(([name]) => name),
    scrapePool: (name) => {
      const pool = pools.get(name)
      return pool && { config: pool.config, rules: pool.rules, discoveryFailures: pool.discoveryFailures() }
    },
    *metadata() {
      for (const loop of loops()) {
        const target = loop.status()
        for (const [metric, { type, help, unit }] of loop.memory.metadata.entries()) yield { target, metric, type, help, unit }
      }
    },
    async close() {
      for (const pool of leaving.keys()) pool.cancelRetired()
      await Promise.all([...[...pools.values()].map((pool) => pool.stop(true)), ...leaving.values()])
      pools.clear()
    },
  }
}
