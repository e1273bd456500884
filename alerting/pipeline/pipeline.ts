// What a flush of a group goes through, stage by stage: inhibition, time intervals and silences for the whole group, then
// for each integration of the receiver on its own: dedup, send with retries, record. Decisions are in the stages' files.

import { errorText } from '../../src/base/assert.ts'
import type { Logger } from '../../src/base/log.ts'
import type { StateChange } from '../../storage/state.ts'
import type { TimeIntervalConfig } from '../config/timeIntervalConfig.ts'
import type { Clock } from '../dispatch/clock.ts'
import type { Flush } from '../dispatch/dispatcher.ts'
import type { FlushAlert } from '../dispatch/group.ts'
import type { Inhibitor } from '../muting/inhibit.ts'
import type { SilenceStore } from '../muting/silenceStore.ts'
import type { Integration, Notification } from '../receivers/receiver.ts'
import { buildNotificationData, type AlertData } from '../template/notificationData.ts'
import type { NotificationTemplates } from '../template/notificationTemplates.ts'
import type { AlertmanagerMetrics } from './alertmanagerMetrics.ts'
import { decideNotification, forgetGone } from './dedup.ts'
import type { Deliveries } from './deliveries.ts'
import { failedEntry, sentEntry, suppressedEntry, type DeliveryFacts } from './notificationLedger.ts'
import { notificationKey, type NotificationLog } from './notificationLog.ts'
import { sendWithRetries, type RetryOutcome } from './retry.ts'
import { renderRouteLabels } from './routeLabels.ts'
import { suppress } from './suppression.ts'

export type PipelineDeps = {
  readonly clock: Clock
  readonly random: () => number
  readonly inhibitor: Inhibitor
  readonly silences: SilenceStore
  readonly timeIntervals: ReadonlyMap<string, TimeIntervalConfig>
  /** By receiver name. */
  readonly integrations: ReadonlyMap<string, readonly Integration[]>
  readonly templates: NotificationTemplates
  readonly log: NotificationLog
  /** Receivers that asked not to be sent to before a time, by notification key. */
  readonly notBefore: Map<string, number>
  readonly deliveries: Deliveries
  readonly write: (changes: readonly StateChange[]) => Promise<void>
  readonly metrics: AlertmanagerMetrics
  readonly logger: Logger
  readonly externalUrl: string
  /** How long the notification log remembers at most. */
  readonly retentionMs: number
  /** No further attempts: the configuration is replaced, or the process ends. */
  readonly stop: AbortSignal
  /** Cuts off attempts under way. */
  readonly abort: AbortSignal
}

/** A notification's time is its group's interval, but not less than this. */
const minFlushMs = 10_000

/** Runs the stages; true when every integration knows what it has to, so that resolved alerts may leave the group. */
export async function runPipeline(flush: Flush, deps: PipelineDeps): Promise<boolean> {
  const { group, tickMs } = flush
  const { kept, suppressed, mutedBy } = suppress({
    alerts: flush.alerts,
    route: group.node.config,
    timeIntervals: deps.timeIntervals,
    inhibitedBy: (labels) => deps.inhibitor.inhibitedBy(labels, flush.nowMs),
    silencedBy: (labels) => silencedBy(deps, labels, flush.nowMs),
    tickMs,
  })
  for (const { reason } of suppressed) deps.metrics.suppressed(reason, 1)
  const tellSuppression = suppressedEntry(flush, suppressed, mutedBy)
  if (tellSuppression !== undefined) await deps.write([tellSuppression])

  const gone = new Set(suppressed.filter(({ alert }) => alert.status === 'resolved').map(({ alert }) => alert.alert.fingerprint))
  if (kept.length === 0 && gone.size === 0) return true
  const outcomes = await Promise.all(
    (deps.integrations.get(group.node.config.receiver) ?? []).map((integration) => {
      const key = notificationKey(group.id, group.node.config.receiver, integration)
      return deps.deliveries.run(key, () => deliver({ flush, kept, gone, integration, key }, deps))
    }),
  )
  return outcomes.every((outcome) => outcome === 'done')
}

function silencedBy(deps: PipelineDeps, labels: FlushAlert['alert']['labels'], nowMs: number): readonly string[] {
  const startedMs = performance.now()
  const ids = deps.silences.silencedBy(labels, nowMs)
  deps.metrics.silenceQuery((performance.now() - startedMs) / 1_000)
  return ids
}

type DeliveryInput = {
  readonly flush: Flush
  /** What no stage held back. */
  readonly kept: readonly FlushAlert[]
  /** Alerts that were held back and are resolved: they leave the group untold. */
  readonly gone: ReadonlySet<string>
  readonly integration: Integration
  readonly key: string
}

/** One integration's share of a flush. */
async function deliver(input: DeliveryInput, deps: PipelineDeps): Promise<boolean> {
  const { flush, kept, integration, key } = input
  const { clock, log, metrics } = deps
  if (deps.stop.aborted) return false
  const route = flush.group.node.config
  const changes: StateChange[] = []
  const queriedMs = performance.now()
  let entry = log.get(key)
  metrics.logQuery((performance.now() - queriedMs) / 1_000)
  const forgetting = forgetGone(entry, input.gone)
  if (forgetting !== undefined) {
    entry = forgetting
    changes.push(log.put(key, forgetting))
  }

  const firing = fingerprintsOf(kept, 'firing')
  const resolved = fingerprintsOf(kept, 'resolved')
  const decision = { firing, resolved, entry, sendResolved: integration.sendResolved, repeatIntervalMs: route.repeatIntervalMs, tickMs: flush.tickMs }
  const reason = kept.length === 0 ? undefined : decideNotification(decision)
  if (reason === undefined) {
    await deps.write(changes)
    return true
  }

  metrics.notification(integration.name)
  const told = integration.sendResolved ? kept : kept.filter((alert) => alert.status === 'firing')
  let memory = reason === 'first notification' ? {} : (entry?.memory ?? {})
  const facts: DeliveryFacts = { flush, integration, reason, alerts: told }
  if (told.length > 0) {
    const startedMs = clock.nowMs()
    const outcome = await sendWithin(facts, memory, key, deps)
    const durationMs = clock.nowMs() - startedMs
    if (!outcome.ok) {
      metrics.notificationFailed(integration.name, outcome.failure)
      deps.logger.warn('Notify for alerts failed', { receiver: route.receiver, integration: `${integration.name}[${integration.index}]`, aggrGroup: flush.group.key, num_alerts: told.length, err: outcome.reason })
      await deps.write([...changes, failedEntry(facts, outcome, durationMs, clock.nowMs())])
      return false
    }
    memory = { ...memory, ...outcome.result.memory }
    changes.push(sentEntry(facts, outcome, durationMs, clock.nowMs()))
  }
  const nowMs = clock.nowMs()
  changes.push(log.put(key, { tickMs: flush.tickMs, deliveredMs: nowMs, firing, resolved, memory, expiresAtMs: nowMs + Math.min(deps.retentionMs, 2 * route.repeatIntervalMs) }))
  await deps.write(changes)
  return true
}

/** The retry stage for one notification; what the configuration makes impossible fails at once. */
async function sendWithin(facts: DeliveryFacts, memory: Notification['memory'], key: string, deps: PipelineDeps): Promise<RetryOutcome> {
  const { clock, metrics } = deps
  const { integration } = facts
  const notBeforeMs = deps.notBefore.get(key) ?? 0
  if (notBeforeMs > clock.nowMs()) {
    return { ok: false, tries: 0, reason: `the receiver asked not to be sent to before ${new Date(notBeforeMs).toISOString()}`, failure: 'rateLimited' }
  }
  let notification: Notification
  try {
    notification = notificationOf(facts, memory, deps)
  } catch (error) {
    return { ok: false, tries: 0, reason: errorText(error), failure: 'other' }
  }
  const attempt = async (timeoutMs: number, signal: AbortSignal) => {
    const startedMs = clock.nowMs()
    const result = await integration.send(notification, { timeoutMs, signal })
    metrics.request(integration.name, (clock.nowMs() - startedMs) / 1_000, result.ok)
    if (!result.ok) deps.logger.debug('Notify attempt failed', { integration: `${integration.name}[${integration.index}]`, aggrGroup: notification.groupKey, err: result.reason })
    return result
  }
  const deadlineMs = clock.nowMs() + Math.max(facts.flush.group.node.config.groupIntervalMs, minFlushMs)
  const outcome = await sendWithRetries(attempt, { clock, deadlineMs, stop: deps.stop, abort: deps.abort, random: deps.random })
  if (!outcome.ok && outcome.notBeforeMs !== undefined) deps.notBefore.set(key, outcome.notBeforeMs)
  else deps.notBefore.delete(key)
  return outcome
}

/** Throws `TemplateError` for a bad route label. */
function notificationOf({ flush, alerts, reason }: DeliveryFacts, memory: Notification['memory'], deps: PipelineDeps): Notification {
  const { node, labels, key } = flush.group
  const plain = buildNotificationData({
    receiver: node.config.receiver,
    alerts: alerts.map(alertDataOf),
    notificationReason: reason,
    groupLabels: labels,
    externalUrl: deps.externalUrl,
  })
  const data = { ...plain, routeLabels: renderRouteLabels(node.config, deps.templates, plain) }
  const timeTexts = new Map(alerts.map(({ alert }) => [alert.fingerprint, { ...(alert.startsAtText !== undefined && { startsAt: alert.startsAtText }), ...(alert.endsAtText !== undefined && { endsAt: alert.endsAtText }) }]))
  return { data, groupKey: key, timeTexts, memory, nowMs: flush.nowMs }
}

function alertDataOf({ alert, status }: FlushAlert): AlertData {
  return {
    status,
    labels: alert.labels,
    annotations: alert.annotations,
    startsAtMs: alert.startsAtMs,
    endsAtMs: status === 'resolved' ? alert.endsAtMs : undefined,
    generatorUrl: alert.generatorUrl,
    fingerprint: alert.fingerprint,
  }
}

function fingerprintsOf(alerts: readonly FlushAlert[], status: FlushAlert['status']): string[] {
  return alerts.filter((alert) => alert.status === status).map(({ alert }) => alert.fingerprint).sort()
}

