// The door of the built-in Alertmanager: takes alerts from the rules and the API, owns what outlives a reload (alerts,
// silences, the notification log), and builds the rest anew for each configuration. Everything it decides is written to
// the state store, so that a restart goes on where it was.
//
// A crash between a delivery and the commit of its record repeats that one notification; nothing else is ever repeated.

import { createHash } from 'node:crypto'
import { errorText } from '../src/base/assert.ts'
import type { BuildInfo } from '../src/base/buildInfo.ts'
import type { Logger } from '../src/base/log.ts'
import type { MetricRegistry } from '../src/base/selfMetrics.ts'
import type { LedgerEntry, StateChange, StateStore } from '../storage/state.ts'
import { isResolved, type Alert } from './alerts/alert.ts'
import { AlertStore } from './alerts/alertStore.ts'
import { takeAlert, type PostedAlert } from './alerts/intake.ts'
import type { MatcherMode } from './alerts/matchers.ts'
import { answerAlertmanagerRequest, type AlertmanagerAnswer, type AlertmanagerRequest } from './api/alertmanagerApi.ts'
import type { AlertmanagerConfig } from './config/alertmanagerConfig.ts'
import type { ReceiverConfig } from './config/receiverConfig.ts'
import { systemClock, type Clock } from './dispatch/clock.ts'
import { Dispatcher, readGroupRecords } from './dispatch/dispatcher.ts'
import type { Group, GroupRecord } from './dispatch/group.ts'
import { allRoutes, createRouteTree, matchRoutes, type RouteNode } from './dispatch/route.ts'
import { Maintenance } from './maintenance.ts'
import { Inhibitor } from './muting/inhibit.ts'
import { SilenceStore } from './muting/silenceStore.ts'
import { createAlertmanagerMetrics, type AlertmanagerMetrics } from './pipeline/alertmanagerMetrics.ts'
import { Deliveries } from './pipeline/deliveries.ts'
import { NotificationLog } from './pipeline/notificationLog.ts'
import { runPipeline } from './pipeline/pipeline.ts'
import type { Integration, ReceiverDeps } from './receivers/receiver.ts'
import { createIntegrations } from './receivers/receivers.ts'
import { createNotificationTemplates } from './template/notificationTemplates.ts'

/** Alertmanager's flags of the same names. */
export type AlertmanagerOptions = {
  readonly dataRetentionMs: number
  readonly maintenanceIntervalMs: number
  readonly maxSilences: number
  readonly maxSilenceSizeBytes: number
  readonly gcIntervalMs: number
  readonly perAlertnameLimit: number
  readonly dispatchStartDelayMs: number
  readonly matcherMode: MatcherMode
}

const defaultOptions: AlertmanagerOptions = {
  dataRetentionMs: 120 * 3_600_000,
  maintenanceIntervalMs: 15 * 60_000,
  maxSilences: 0,
  maxSilenceSizeBytes: 0,
  gcIntervalMs: 30 * 60_000,
  perAlertnameLimit: 0,
  dispatchStartDelayMs: 0,
  matcherMode: 'fallback',
}

export type AlertmanagerDeps = {
  readonly state: StateStore
  readonly logger: Logger
  readonly registry: MetricRegistry
  /** Where people find this Alertmanager; stands in every notification. */
  readonly externalUrl: string
  readonly version: BuildInfo
  readonly options?: Partial<AlertmanagerOptions>
  /** The machine's clock by default. */
  readonly clock?: Clock
  /** 0 to 1, for the pauses between attempts. */
  readonly random?: () => number
  /** What sends; a backtest puts something here that only takes notes. The table of receivers by default. */
  readonly createIntegrations?: (config: ReceiverConfig, deps: ReceiverDeps) => readonly Integration[]
}

/** How long `close` waits for sends that are under way before it cuts them off. */
const closePatienceMs = 5_000

/** What is built anew for each configuration. */
type Running = {
  readonly config: AlertmanagerConfig
  readonly tree: RouteNode
  readonly inhibitor: Inhibitor
  readonly dispatcher: Dispatcher
  readonly integrations: ReadonlyMap<string, readonly Integration[]>
  /** Ends retries of this configuration. */
  readonly stop: AbortController
}

export class Alertmanager {
  readonly #deps: AlertmanagerDeps
  readonly #options: AlertmanagerOptions
  readonly #clock: Clock
  readonly #metrics: AlertmanagerMetrics
  readonly #alerts: AlertStore
  readonly #silences: SilenceStore
  readonly #log = new NotificationLog()
  readonly #deliveries = new Deliveries()
  readonly #notBefore = new Map<string, number>()
  readonly #abort = new AbortController()
  readonly #startedMs: number
  /** Writes, and connections that end. */
  readonly #unfinished = new Set<Promise<void>>()
  readonly #maintenance: Maintenance
  #earlierGroups: ReadonlyMap<string, GroupRecord>
  #running: Running | undefined

  constructor(deps: AlertmanagerDeps) {
    this.#deps = deps
    this.#options = { ...defaultOptions, ...deps.options }
    this.#clock = deps.clock ?? systemClock
    this.#startedMs = this.#clock.nowMs()
    const { perAlertnameLimit, maxSilences, maxSilenceSizeBytes, matcherMode: mode, dataRetentionMs: retentionMs } = this.#options
    this.#alerts = new AlertStore(perAlertnameLimit)
    this.#alerts.load(deps.state)
    this.#silences = new SilenceStore(deps.state, { maxSilences, maxSilenceSizeBytes, mode, retentionMs })
    this.#log.load(deps.state)
    this.#earlierGroups = readGroupRecords(deps.state.load('alertmanager.group'))
    this.#metrics = createAlertmanagerMetrics(deps.registry, {
      alertCount: (state) => this.#countAlerts(state),
      silenceCount: (state) => this.#silences.count(state, this.#clock.nowMs()),
      groupCount: () => this.groups().length,
      receiverCount: () => this.#running?.config.receivers.length ?? 0,
      integrationCount: () => (this.#running?.config.receivers ?? []).reduce((count, receiver) => count + receiver.integrations.length, 0),
      inhibitionRuleCount: () => this.#running?.inhibitor.ruleCount ?? 0,
      perAlertnameLimit,
    })
    this.#maintenance = new Maintenance({ clock: this.#clock, logger: deps.logger, metrics: this.#metrics })
  }

  /** Puts a configuration into force, at the start and on each reload. Throws before anything changes. */
  async apply(config: AlertmanagerConfig): Promise<void> {
    const before = this.#running
    try {
      this.#running = this.#build(config, before)
    } catch (error) {
      this.#metrics.configLoaded(false, undefined, this.#clock.nowMs())
      throw error
    }
    const nowMs = this.#clock.nowMs()
    this.#metrics.configLoaded(true, configHash(config.text), nowMs)
    if (before === undefined) this.#beginMaintenance()
    else void this.#track(closeAll(before.integrations)) // waits for sends under way, which nobody has to wait for here
    await this.#write(this.#startGroups(this.#running, nowMs))
  }

  /** Takes alerts from the rules. They count at once, and are durable with the next commit. */
  receive(alerts: readonly PostedAlert[]): void {
    void this.post(alerts)
  }

  /** Takes alerts; resolves with what was wrong with some of them when the others are durable. */
  async post(posted: readonly PostedAlert[]): Promise<readonly string[]> {
    const startedMs = performance.now()
    const nowMs = this.#clock.nowMs()
    const problems: string[] = []
    const changes: StateChange[] = []
    const resolveTimeoutMs = this.#running?.config.resolveTimeoutMs ?? 300_000
    for (const one of posted) {
      const { alert, problem } = takeAlert(one, { nowMs, resolveTimeoutMs, mode: this.#options.matcherMode })
      this.#metrics.received(isResolved(alert, nowMs) ? 'resolved' : 'firing')
      if (problem === undefined) changes.push(...this.#store(alert, nowMs))
      else {
        this.#metrics.invalid()
        problems.push(problem)
      }
    }
    this.#metrics.processed((performance.now() - startedMs) / 1_000)
    await this.#write(changes)
    return problems
  }

  /** Answers everything under `/api/v2`. */
  respond(request: AlertmanagerRequest): Promise<AlertmanagerAnswer> {
    return answerAlertmanagerRequest(request, this)
  }

  /** What was sent, held back or failed, newest first. */
  ledger(options: { readonly limit: number; readonly receiver?: string; readonly groupKey?: string; readonly sinceMs?: number }): Promise<LedgerEntry[]> {
    return this.#deps.state.ledger(options)
  }

  /** Stops the timers, waits a little for sends under way, and writes what is left. */
  async close(): Promise<void> {
    this.#maintenance.stop()
    const running = this.#running
    if (running !== undefined) {
      running.dispatcher.stop()
      running.stop.abort()
      this.#deliveries.dropWaiting()
      await this.#whenDelivered()
      await this.#write([...running.dispatcher.records()].map(([key, value]) => ({ kind: 'alertmanager.group', key, value })))
      await closeAll(running.integrations)
    }
    await Promise.all(this.#unfinished)
  }

  // What the API reads.

  get silences(): SilenceStore {
    return this.#silences
  }

  get version(): BuildInfo {
    return this.#deps.version
  }

  get startedMs(): number {
    return this.#startedMs
  }

  get config(): AlertmanagerConfig | undefined {
    return this.#running?.config
  }

  get matcherMode(): MatcherMode {
    return this.#options.matcherMode
  }

  nowMs(): number {
    return this.#clock.nowMs()
  }

  /** Every alert that is not forgotten. */
  alerts(): Alert[] {
    return this.#alerts.all()
  }

  groups(): Group[] {
    return this.#running?.dispatcher.groups() ?? []
  }

  groupsHolding(fingerprint: string): readonly Group[] {
    return this.#running?.dispatcher.holdersOf(fingerprint) ?? []
  }

  routesOf(alert: Alert): readonly RouteNode[] {
    return this.#running === undefined ? [] : matchRoutes(this.#running.tree, alert.labels)
  }

  inhibitedBy(alert: Alert): string | undefined {
    return this.#running?.inhibitor.inhibitedBy(alert.labels, this.#clock.nowMs())
  }

  #countAlerts(state: 'active' | 'suppressed'): number {
    const nowMs = this.#clock.nowMs()
    let count = 0
    for (const alert of this.#alerts.all()) {
      if (isResolved(alert, nowMs)) continue
      const isSuppressed = this.inhibitedBy(alert) !== undefined || this.#silences.silencedBy(alert.labels, nowMs).length > 0
      if (isSuppressed === (state === 'suppressed')) count++
    }
    return count
  }

  #store(alert: Alert, nowMs: number): StateChange[] {
    const stored = this.#alerts.put(alert, nowMs)
    if (stored.kind === 'limited') {
      this.#metrics.limited()
      return []
    }
    this.#running?.inhibitor.add(stored.alert)
    const changes = stored.unchanged ? [] : (this.#running?.dispatcher.insert(stored.alert, nowMs) ?? [])
    return [...changes, this.#alerts.change(alert.fingerprint)]
  }

  /** Everything that can fail happens here, before the old configuration is touched; then the old one stops. */
  #build(config: AlertmanagerConfig, before: Running | undefined): Running {
    const { deps, mode } = { deps: this.#deps, mode: this.#options.matcherMode }
    const templates = createNotificationTemplates(config.templates, { nowMs: () => this.#clock.nowMs() })
    const tree = createRouteTree(config.route, mode)
    const inhibitor = new Inhibitor(config.inhibitRules, mode)
    const used = new Set(allRoutes(tree).map((node) => node.config.receiver))
    const receiverDeps = { templates, userAgent: `Alertmanager/${deps.version.version}`, logger: deps.logger }
    const create = deps.createIntegrations ?? createIntegrations
    const integrations = new Map(config.receivers.filter((receiver) => used.has(receiver.name)).map((receiver) => [receiver.name, create(receiver, receiverDeps)]))
    for (const [receiver, all] of integrations) {
      for (const integration of all) {
        for (const { place, text } of integration.templateTexts()) {
          const problem = templates.check(text)
          if (problem !== undefined) deps.logger.warn('A template of a receiver does not parse: its notifications will fail', { receiver, integration: `${integration.name}[${integration.index}]`, key: place, err: problem })
        }
      }
    }
    const stop = new AbortController()
    before?.dispatcher.stop()
    before?.stop.abort()
    this.#deliveries.dropWaiting()
    if (before !== undefined) this.#earlierGroups = before.dispatcher.records()
    const dispatcher = new Dispatcher({
      clock: this.#clock,
      tree,
      notBeforeMs: this.#startedMs + this.#options.dispatchStartDelayMs,
      settle: (fingerprint) => {
        this.#alerts.settle(fingerprint)
        return this.#alerts.change(fingerprint)
      },
      write: (changes) => this.#write(changes),
      earlier: this.#earlierGroups,
      runPipeline: (flush) =>
        runPipeline(flush, {
          clock: this.#clock,
          random: deps.random ?? Math.random,
          inhibitor,
          silences: this.#silences,
          timeIntervals: new Map(config.timeIntervals.map((interval) => [interval.name, interval])),
          integrations,
          templates,
          log: this.#log,
          notBefore: this.#notBefore,
          deliveries: this.#deliveries,
          write: (changes) => this.#write(changes),
          metrics: this.#metrics,
          logger: deps.logger,
          externalUrl: deps.externalUrl,
          retentionMs: this.#options.dataRetentionMs,
          stop: stop.signal,
          abort: this.#abort.signal,
        }),
    })
    return { config, tree, inhibitor, dispatcher, integrations, stop }
  }

  /** Puts the known alerts into the groups of a new configuration, inhibition first; answers with the changes to write. */
  #startGroups({ inhibitor, dispatcher }: Running, nowMs: number): StateChange[] {
    for (const alert of this.#alerts.all()) inhibitor.add(alert)
    for (const alert of this.#alerts.unsettled()) dispatcher.insert(alert, nowMs)
    const records = dispatcher.records()
    const changes: StateChange[] = [...records].map(([key, value]) => ({ kind: 'alertmanager.group', key, value }))
    for (const key of this.#earlierGroups.keys()) if (!records.has(key)) changes.push({ kind: 'alertmanager.group', key, value: undefined })
    return changes
  }

  #beginMaintenance(): void {
    this.#maintenance.every(this.#options.gcIntervalMs, async () => {
      const nowMs = this.#clock.nowMs()
      this.#running?.inhibitor.collectGarbage(nowMs)
      await this.#write(this.#alerts.collectGarbage(nowMs))
    })
    this.#maintenance.every(this.#options.maintenanceIntervalMs, async () => {
      const nowMs = this.#clock.nowMs()
      await this.#maintenance.run('silences', () => this.#silences.collectGarbage(nowMs))
      await this.#maintenance.run('nflog', () => this.#deps.state.write(this.#log.collectGarbage(nowMs)))
      for (const [key, notBeforeMs] of this.#notBefore) if (notBeforeMs <= nowMs) this.#notBefore.delete(key)
    })
  }

  async #whenDelivered(): Promise<void> {
    let stopTimer = () => {}
    const patience = new Promise<void>((resolve) => (stopTimer = this.#clock.setTimer(closePatienceMs, resolve)))
    await Promise.race([this.#deliveries.whenIdle(), patience])
    stopTimer()
    this.#abort.abort()
    await this.#deliveries.whenIdle()
  }

  /** Never rejects: what cannot be written now is in memory, and its next change is written again. */
  #write(changes: readonly StateChange[]): Promise<void> {
    if (changes.length === 0) return Promise.resolve()
    const write = this.#deps.state.write(changes).catch((error: unknown) => {
      this.#deps.logger.error('Alerts or notifications could not be saved; they are kept in memory and would be lost in a crash', { err: errorText(error) })
    })
    return this.#track(write)
  }

  /** `close` waits for it. */
  #track(work: Promise<void>): Promise<void> {
    this.#unfinished.add(work)
    return work.finally(() => this.#unfinished.delete(work))
  }
}

export function createAlertmanager(deps: AlertmanagerDeps): Alertmanager {
  return new Alertmanager(deps)
}

async function closeAll(integrations: Running['integrations']): Promise<void> {
  await Promise.all([...integrations.values()].flat().map((integration) => integration.close()))
}

/** The first 6 bytes of the MD5 of the file, as a little-endian integer. */
function configHash(text: string): number {
  return createHash('md5').update(text).digest().readUIntLE(0, 6)
}
