// One job: its discoveries, its targets, one loop per target. Starts and stops loops when targets come and go or the job
// is reloaded; a loop whose target stays keeps its cache, and so the knowledge of which series to mark stale.

import { formatDurationMs } from '../../src/base/duration.ts'
import { HttpClient } from '../../src/base/http/httpClient.ts'
import type { Logger } from '../../src/base/log.ts'
import type { Labels } from '../../storage/model/labels.ts'
import type { Discovery, DiscoveryFailure, DiscoverySet } from '../discovery/discovery.ts'
import type { TargetGroup } from '../discovery/targetGroup.ts'
import type { CreatedUse } from '../exposition/metadata/createdTimes.ts'
import type { RelabelRules } from '../relabel.ts'
import { sameConfig } from './job/sameConfig.ts'
import type { ScrapeConfig } from './job/scrapeConfig.ts'
import { createFailureLogFile } from './job/scrapeFailureLog.ts'
import type { PreparedJob, ScrapeJob } from './job/scrapeJob.ts'
import type { ScrapeMetrics } from './job/scrapeMetrics.ts'
import { acceptHeader } from './job/scrapeProtocol.ts'
import { createTarget, populateLabels, scrapeOffsetMs, type Target } from './job/target.ts'
import type { LoggedScrapes } from './loggedScrapes.ts'
import type { ScrapeSink } from './reading/scrapeSink.ts'
import { createTargetMemory } from './reading/targetMemory.ts'
import { ScrapeLoop } from './scrapeLoop.ts'
import type { EventTurn } from './timing/eventTurn.ts'
import type { ScrapeClock } from './timing/scrapeClock.ts'
import type { SlotWidth } from './timing/slotWidth.ts'

export type ScrapePoolDeps = {
  readonly sink: ScrapeSink
  readonly clock: ScrapeClock
  readonly turn: EventTurn
  readonly slots: SlotWidth
  readonly logged: LoggedScrapes
  readonly discovery: Discovery
  readonly metrics: ScrapeMetrics
  readonly logger: Logger
  readonly userAgent: string
  readonly timestampToleranceMs: number
  readonly created: CreatedUse
  readonly addsTypeAndUnit: boolean
}

export type DroppedTarget = { readonly discoveredLabels: Labels; readonly scrapePool: string }

/** A loop whose target is gone, waiting to write its staleness markers. */
type Retired = {
  readonly loop: ScrapeLoop
  /** The configuration it ran under. */
  readonly config: ScrapeConfig
  readonly cancel: AbortController
  /** A new loop of the same target goes on with its memory. */
  isTakenOver: boolean
  readonly done: Promise<void>
}

export class ScrapePool {
  readonly #deps: ScrapePoolDeps
  readonly #loops = new Map<string, ScrapeLoop>()
  readonly #retired = new Set<Retired>()
  /** What must end before the process does: loops that stop, clients that close. */
  readonly #leaving = new Set<Promise<void>>()
  #prepared: PreparedJob
  #job: ScrapeJob
  #client: HttpClient
  #discovery: DiscoverySet
  #seed: string
  #dropped: DroppedTarget[] = []
  #droppedCount = 0

  constructor(prepared: PreparedJob, seed: string, deps: ScrapePoolDeps) {
    this.#deps = deps
    this.#seed = seed
    this.#prepared = prepared
    this.#client = createClient(prepared.config, deps)
    this.#job = this.#createJob()
    this.#discovery = this.#watch()
    void this.#sync(undefined)
  }

  get config(): ScrapeConfig {
    return this.#prepared.config
  }

  get rules(): RelabelRules {
    return this.#prepared.rules
  }

  loops(): Iterable<ScrapeLoop> {
    return this.#loops.values()
  }

  dropped(): readonly DroppedTarget[] {
    return this.#dropped
  }

  droppedCount(): number {
    return this.#droppedCount
  }

  discoveryFailures(): DiscoveryFailure[] {
    return this.#discovery.failures()
  }

  /** Takes a new configuration. Does nothing when it is the old one. */
  reload(prepared: PreparedJob, seed: string): void {
    this.#seed = seed
    const before = this.#prepared.config
    const after = prepared.config
    if (sameConfig(before, after)) return
    const { metrics } = this.#deps
    const startedMs = performance.now()
    metrics.poolReloads.inc()
    this.#prepared = prepared
    const oldClient = this.#client
    const oldLog = this.#job.failureLog
    if (!sameConfig(before.http, after.http)) this.#client = createClient(after, this.#deps)
    this.#job = this.#createJob()
    const oldDiscovery = this.#discovery
    const keepsDiscovery = sameConfig(before.discovery, after.discovery)
    if (!keepsDiscovery) this.#discovery = this.#watch()
    const stopped = this.#sync(before)
    this.#leave(
      (async () => {
        await stopped
        if (!keepsDiscovery) await oldDiscovery.close()
        if (oldClient !== this.#client) await oldClient.close()
        await oldLog?.close()
      })(),
    )
    metrics.reloadLength.observe((performance.now() - startedMs) / 1000, { interval: formatDurationMs(after.scrapeIntervalMs) })
  }

  /**
   * The job is gone: its loops stop, and write their staleness markers when it is time. At the end of the process they
   * write none: after a restart the targets are scraped on.
   */
  async stop(isShutdown: boolean): Promise<void> {
    await this.#discovery.close()
    this.#deps.slots.set(this, [])
    const loops = [...this.#loops.values()]
    this.#loops.clear()
    if (isShutdown) this.cancelRetired()
    await Promise.all(loops.map((loop) => (isShutdown ? loop.abort() : this.#retire(loop))))
    await Promise.all(this.#leaving)
    if (isShutdown) for (const loop of loops) loop.memory.cache.close()
    this.#deps.metrics.poolTargetLimit.remove({ scrape_job: this.config.jobName })
    await this.#client.close()
    await this.#job.failureLog?.close()
  }

  /** Gives up waiting to write staleness markers. */
  cancelRetired(): void {
    for (const { cancel } of this.#retired) cancel.abort()
  }

  #createJob(): ScrapeJob {
    const { config, metricRules } = this.#prepared
    const client = this.#client
    return {
      config,
      metricRules,
      accept: acceptHeader(config.scrapeProtocols, config.nameEscapingScheme),
      repeated: (request) => client.repeated(request),
      failureLog: config.scrapeFailureLogFile === '' ? undefined : createFailureLogFile(config.scrapeFailureLogFile, this.#deps.logger),
      created: this.#deps.created,
      addsTypeAndUnit: this.#deps.addsTypeAndUnit,
    }
  }

  #watch(): DiscoverySet {
    const { jobName, discovery } = this.#prepared.config
    return this.#deps.discovery.watch({ name: 'scrape', set: jobName, configs: discovery, onChange: () => void this.#sync(undefined) })
  }

  /**
   * Brings the loops in line with the discovered targets; resolves when those that had to stop have. `before` is the
   * former configuration on a reload: then every loop is replaced, and one with the same target goes on with its memory
   * when series are labelled as they were.
   */
  async #sync(before: ScrapeConfig | undefined): Promise<void> {
    const { metrics } = this.#deps
    const { config } = this.#prepared
    const startedMs = performance.now()
    const targets = this.#targetsOf(this.#discovery.groups())
    this.#deps.slots.set(this, targets.values())
    for (const [key, loop] of this.#loops) {
      if (before === undefined && targets.has(key)) continue
      this.#loops.delete(key)
      this.#retire(loop, before)
    }
    const starts = [...targets.values()].filter((target) => !this.#loops.has(target.key)).map((target) => this.#start(target))
    this.#applyTargetLimit(targets.size)
    metrics.poolSyncs.inc({ scrape_job: config.jobName })
    metrics.syncLength.observe((performance.now() - startedMs) / 1000, { scrape_job: config.jobName })
    await Promise.all([...starts, ...[...this.#retired].map(({ loop }) => loop.stop())])
  }

  #targetsOf(groups: readonly TargetGroup[]): Map<string, Target> {
    const { metrics, logger } = this.#deps
    const { config, rules } = this.#prepared
    const targets = new Map<string, Target>()
    this.#dropped = []
    this.#droppedCount = 0
    for (const group of groups) {
      group.targets.forEach((labels, index) => {
        const outcome = createTarget(populateLabels(labels, group.labels, config), config, rules)
        if (outcome.kind === 'target') targets.set(outcome.target.key, outcome.target)
        else if (outcome.kind === 'dropped') {
          this.#droppedCount++
          const isListed = config.keepDroppedTargets === 0 || this.#dropped.length < config.keepDroppedTargets
          if (isListed) this.#dropped.push({ discoveredLabels: outcome.discoveredLabels, scrapePool: config.jobName })
        } else {
          metrics.syncFailed.inc({ scrape_job: config.jobName })
          logger.error('Creating target failed', { scrape_pool: config.jobName, err: `instance ${index} in group ${group.source}: ${outcome.message}` })
        }
      })
    }
    return targets
  }

  /** Starts the loop of `target`, once a former one that leaves it its memory has stopped. */
  async #start(target: Target): Promise<void> {
    const { sink, clock, turn, slots, logged, metrics, logger, timestampToleranceMs } = this.#deps
    const former = [...this.#retired].find(
      (retired) => retired.loop.target.identity === target.identity && !retired.isTakenOver && labelsSeriesAlike(retired.config, this.config),
    )
    const loop = new ScrapeLoop({
      target,
      job: this.#job,
      sink,
      clock,
      turn,
      logged,
      // Another step of slots would move it, and a reload between the old slot and the new one would miss a scrape or make two.
      offsetMs: former?.loop.target.intervalMs === target.intervalMs ? former.loop.offsetMs : scrapeOffsetMs(target, this.#seed, slots.stepMs(target.intervalMs)),
      timestampToleranceMs,
      metrics,
      logger: logger.with({ scrape_pool: this.config.jobName }),
      memory: former?.loop.memory ?? createTargetMemory(sink),
    })
    this.#loops.set(target.key, loop)
    if (former !== undefined) {
      former.isTakenOver = true
      former.cancel.abort()
      await former.done
    }
    loop.start()
  }

  /** Stops a loop and has it write its staleness markers when it is time. Resolves when it has stopped. */
  #retire(loop: ScrapeLoop, config = this.config): Promise<void> {
    const cancel = new AbortController()
    const stopped = loop.stop()
    const finish = async () => {
      await stopped
      await loop.retire(cancel.signal)
      this.#retired.delete(retired)
      if (!retired.isTakenOver) loop.memory.cache.close()
    }
    const retired: Retired = { loop, config, cancel, isTakenOver: false, done: finish() }
    this.#retired.add(retired)
    this.#leave(retired.done)
    return stopped
  }

  /** Too many targets: none is scraped, and each says why. */
  #applyTargetLimit(targetCount: number): void {
    const { config } = this.#prepared
    const { metrics } = this.#deps
    metrics.poolTargetLimit.set(config.targetLimit, { scrape_job: config.jobName })
    const isExceeded = config.targetLimit > 0 && targetCount > config.targetLimit
    if (isExceeded) metrics.exceededTargetLimit.inc()
    const error = isExceeded ? new Error(`target_limit exceeded (number of targets: ${targetCount}, limit: ${config.targetLimit})`) : undefined
    for (const loop of this.#loops.values()) loop.setForcedError(error)
  }

  #leave(done: Promise<void>): void {
    this.#leaving.add(done)
    void done.finally(() => this.#leaving.delete(done))
  }
}

function createClient({ http }: ScrapeConfig, { userAgent, sink }: ScrapePoolDeps): HttpClient {
  return new HttpClient(http, { userAgent, readBuffer: sink.readBuffer })
}

/** Whether the same exposition leads to the same series under both configurations. */
function labelsSeriesAlike(a: ScrapeConfig, b: ScrapeConfig): boolean {
  const withoutRest = (config: ScrapeConfig) => ({
    ...config,
    scrapeIntervalMs: 0,
    scrapeTimeoutMs: 0,
    sampleLimit: 0,
    targetLimit: 0,
    keepDroppedTargets: 0,
    scrapeFailureLogFile: '',
    http: undefined,
    discovery: [],
    relabelConfigs: [],
  })
  return sameConfig(withoutRest(a), withoutRest(b))
}
