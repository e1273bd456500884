// Sends the alerts of rules to Alertmanagers: to the built-in one by a call, to external ones through a queue each.
// Relabelling and discovery come in as functions, because they belong to ingest.

import { errorText } from '../../src/base/assert.ts'
import type { HttpClientConfig } from '../../src/base/config/httpClientConfig.ts'
import { HttpClient } from '../../src/base/http/httpClient.ts'
import type { Logger } from '../../src/base/log.ts'
import type { MetricRegistry } from '../../src/base/selfMetrics.ts'
import { labelValue, type Label, type Labels } from '../../storage/model/labels.ts'
import type { NotifiedAlert } from '../rules/alertingRule.ts'
import { overlayLabels } from '../rules/recordingRule.ts'
import { createNotifierMetrics, type NotifierMetrics } from './notifierMetrics.ts'
import { NotifierQueue } from './notifierQueue.ts'

/** New labels, or `undefined` when the alert or target is dropped. */
export type RelabelFunction = (labels: Labels) => Labels | undefined

/** One entry of `alerting.alertmanagers`. */
export type AlertmanagerSet = {
  readonly scheme: string
  readonly pathPrefix: string
  readonly timeoutMs: number
  readonly http: HttpClientConfig
  /** What discovery has found at the moment: the targets of each group, with the group's labels. */
  targetGroups(): readonly (readonly Labels[])[]
  readonly relabelTarget: RelabelFunction
  /** For this set's own copy of the alerts. */
  readonly relabelAlert: RelabelFunction
}

export type NotifierConfig = {
  readonly externalLabels: Labels
  /** `alerting.alert_relabel_configs`, after the external labels. */
  readonly relabelAlert: RelabelFunction
  readonly alertmanagers: readonly AlertmanagerSet[]
}

export type NotifierDeps = {
  readonly logger: Logger
  readonly registry: MetricRegistry
  readonly userAgent: string
  /** The built-in Alertmanager: nothing between here and there can be lost. */
  readonly builtin?: (alerts: readonly NotifiedAlert[]) => void
  /** `--alertmanager.notification-queue-capacity`, 10000. */
  readonly queueCapacity?: number
  /** `--alertmanager.notification-batch-size`, 256. */
  readonly maxBatchSize?: number
  /** `--alertmanager.drain-notification-queue-on-shutdown`, true. */
  readonly drainOnShutdown?: boolean
}

export type Notifier = {
  /** First load and every reload. What is queued under the old configuration is sent out under it, while the new one is in force. */
  apply(config: NotifierConfig): void
  /** Discovery may have found other Alertmanagers. */
  refresh(): void
  send(alerts: readonly NotifiedAlert[]): void
  /** Push URLs of external Alertmanagers, and of those that relabelling dropped. */
  alertmanagers(): { readonly active: readonly string[]; readonly dropped: readonly string[] }
  close(): Promise<void>
}

/** How the built-in Alertmanager is called in metrics. */
const builtinName = 'built-in'

const pathLabel = '__alerts_path__'

export function createNotifier(deps: NotifierDeps): Notifier {
  return new AlertNotifier(deps)
}

/** A configured set with its connections and one queue per Alertmanager. */
type RunningSet = { readonly config: AlertmanagerSet; readonly client: HttpClient; readonly queues: Map<string, NotifierQueue>; dropped: readonly string[] }

class AlertNotifier implements Notifier {
  readonly #deps: NotifierDeps
  readonly #queueCapacity: number
  readonly #metrics: NotifierMetrics
  #config: NotifierConfig = { externalLabels: [], relabelAlert: (labels) => labels, alertmanagers: [] }
  #sets: RunningSet[] = []
  readonly #ending = new Set<Promise<void>>()

  constructor(deps: NotifierDeps) {
    this.#deps = deps
    this.#queueCapacity = deps.queueCapacity ?? 10_000
    const builtinCount = deps.builtin === undefined ? 0 : 1
    this.#metrics = createNotifierMetrics(deps.registry, this.#queueCapacity, () => builtinCount + this.alertmanagers().active.length)
    if (deps.builtin !== undefined) this.#metrics.initialize(builtinName)
  }

  apply(config: NotifierConfig): void {
    const previous = this.#sets
    this.#config = config
    this.#sets = config.alertmanagers.map((set) => ({
      config: set,
      client: new HttpClient(set.http, { userAgent: this.#deps.userAgent }),
      queues: new Map(),
      dropped: [],
    }))
    this.refresh()
    for (const set of previous) this.#retire(this.#closeSet(set, true))
  }

  refresh(): void {
    for (const set of this.#sets) this.#refreshSet(set)
  }

  #refreshSet(set: RunningSet): void {
    const { active, dropped } = this.#discovered(set.config)
    set.dropped = dropped
    for (const url of active) {
      if (!set.queues.has(url)) set.queues.set(url, this.#createQueue(set, url))
    }
    for (const [url, queue] of [...set.queues]) {
      if (active.has(url)) continue
      set.queues.delete(url)
      this.#retire(queue.close(true).then(() => this.#forgetMetrics(url)))
    }
  }

  /** Remembers what still has to end, for `close()`. */
  #retire(ending: Promise<void>): void {
    this.#ending.add(ending)
    void ending.then(() => this.#ending.delete(ending))
  }

  #forgetMetrics(url: string): void {
    if (!this.alertmanagers().active.includes(url)) this.#metrics.remove(url)
  }

  #createQueue(set: RunningSet, url: string): NotifierQueue {
    return new NotifierQueue({
      url,
      client: set.client,
      timeoutMs: set.config.timeoutMs,
      capacity: this.#queueCapacity,
      maxBatchSize: this.#deps.maxBatchSize ?? 256,
      metrics: this.#metrics,
      logger: this.#deps.logger,
    })
  }

  #discovered(config: AlertmanagerSet): { readonly active: ReadonlySet<string>; readonly dropped: readonly string[] } {
    const active = new Set<string>()
    const dropped: string[] = []
    for (const group of config.targetGroups()) {
      try {
        for (const target of group) {
          const labels = withDefaults(target, config)
          const relabelled = config.relabelTarget(labels)
          if (relabelled === undefined) dropped.push(pushUrl(labels))
          else active.add(pushUrl(checkAddress(relabelled)))
        }
      } catch (error) {
        this.#deps.logger.error('Creating discovered Alertmanagers failed', { err: errorText(error) })
      }
    }
    return { active, dropped }
  }

  send(alerts: readonly NotifiedAlert[]): void {
    const labelled = relabelAll(alerts, (labels) => this.#config.relabelAlert(addMissing(labels, this.#config.externalLabels)))
    if (labelled.length === 0) return
    if (this.#deps.builtin !== undefined) {
      this.#deps.builtin(labelled)
      this.#metrics.sent.inc({ alertmanager: builtinName }, labelled.length)
    }
    for (const set of this.#sets) {
      if (set.queues.size === 0) continue
      const own = relabelAll(labelled, set.config.relabelAlert)
      for (const queue of set.queues.values()) queue.add(own)
    }
  }

  alertmanagers(): { readonly active: readonly string[]; readonly dropped: readonly string[] } {
    return { active: this.#sets.flatMap((set) => [...set.queues.keys()]), dropped: this.#sets.flatMap((set) => set.dropped) }
  }

  async close(): Promise<void> {
    const sets = this.#sets
    this.#sets = []
    for (const set of sets) this.#retire(this.#closeSet(set, this.#deps.drainOnShutdown ?? true))
    await Promise.all(this.#ending)
  }

  async #closeSet(set: RunningSet, drain: boolean): Promise<void> {
    await Promise.all([...set.queues.values()].map((queue) => queue.close(drain)))
    for (const url of set.queues.keys()) this.#forgetMetrics(url)
    await set.client.close()
  }
}

function relabelAll(alerts: readonly NotifiedAlert[], relabel: RelabelFunction): NotifiedAlert[] {
  return alerts.flatMap((alert) => {
    const labels = relabel(alert.labels)
    return labels === undefined ? [] : [{ ...alert, labels }]
  })
}

/** `labels` with those of `extra` that they lack. */
function addMissing(labels: Labels, extra: Labels): Labels {
  const missing = extra.filter((label) => labelValue(labels, label.name) === '')
  return missing.length === 0 ? labels : overlayLabels(labels, missing)
}

/** The scheme and path that relabelling may change. */
function withDefaults(target: Labels, config: AlertmanagerSet): Labels {
  const path = `/${config.pathPrefix}/api/v2/alerts`.replace(/\/+/g, '/')
  const defaults: readonly Label[] = [
    { name: '__scheme__', value: config.scheme },
    { name: pathLabel, value: path },
  ]
  return addMissing(target, defaults)
}

function checkAddress(labels: Labels): Labels {
  const address = labelValue(labels, '__address__')
  if (address.includes('/')) throw new Error(`${JSON.stringify(address)} is not a valid hostname`)
  return labels
}

function pushUrl(labels: Labels): string {
  return `${labelValue(labels, '__scheme__')}://${labelValue(labels, '__address__')}${labelValue(labels, pathLabel)}`
}
