// An alerting rule: which alerts are pending or firing, and what has to be told about them. Deterministic: the time, the
// query's result and the expanded templates are arguments, so that live evaluation, tests and a backtest are the same code.

import { unreachable } from '../../src/base/assert.ts'
import { compareBytes, labelsKey, metricNameLabel, type Label, type Labels } from '../../storage/model/labels.ts'
import type { QuerySample } from '../template/ruleFunctions.ts'
import { RuleTemplate, type Expansion } from '../template/ruleTemplates.ts'
import { overlayLabels, RuleError } from './recordingRule.ts'
import type { RuleConfig } from './rulesConfig.ts'

export type AlertingRuleConfig = Extract<RuleConfig, { kind: 'alerting' }>

/** One alert of a rule, known by its labels. `inactive` ones are resolved and are told about for a while. */
export type ActiveAlert = {
  readonly labels: Labels
  annotations: readonly Label[]
  state: 'inactive' | 'pending' | 'firing'
  value: number
  activeAtMs: number
  firedAtMs: number | undefined
  resolvedAtMs: number | undefined
  keepFiringSinceMs: number | undefined
  lastSentAtMs: number | undefined
  /** Taken over from an earlier process: until then it does not resolve, because its series may not be back yet. */
  heldUntilMs?: number
}

/** An element of the query's result as an alert: its labels and annotations are expanded. */
/** The value of one whose sample is a histogram is 0, as in Prometheus. */
export type AlertInstance = { readonly labels: Labels; readonly annotations: readonly Label[]; readonly value: number }

export type RuleState = 'inactive' | 'pending' | 'firing'

/** An alert as it is sent to an Alertmanager. A firing one ends in the future, where it expires if nothing more is heard. */
export type NotifiedAlert = {
  readonly labels: Labels
  readonly annotations: readonly Label[]
  readonly startsAtMs: number
  readonly endsAtMs: number
  readonly generatorUrl: string
}

export type TemplateSettings = { readonly externalLabels: Labels; readonly externalUrl: string }

/** How long a resolved alert is kept and told about. */
const resolvedRetentionMs = 15 * 60_000

const alertsMetric = 'ALERTS'
export const alertsForStateMetric = 'ALERTS_FOR_STATE'
const alertNameLabel = 'alertname'
const alertStateLabel = 'alertstate'

export class AlertingRule {
  readonly config: AlertingRuleConfig
  /** Whether the state of an earlier process is taken over, or is known not to exist; before that no series are written. */
  restored = false
  readonly #labels: readonly (readonly [string, RuleTemplate])[]
  readonly #annotations: readonly (readonly [string, RuleTemplate])[]
  readonly settings: TemplateSettings
  readonly #alerts = new Map<string, ActiveAlert>()

  /** Throws `TemplateError` when a label or annotation does not parse. */
  constructor(config: AlertingRuleConfig, settings: TemplateSettings) {
    this.config = config
    this.settings = settings
    const templates = (texts: Readonly<Record<string, string>>): (readonly [string, RuleTemplate])[] =>
      Object.entries(texts)
        .sort(([a], [b]) => compareBytes(a, b))
        .map(([name, text]) => [name, new RuleTemplate(config.alert, text)])
    this.#labels = templates(config.labels)
    this.#annotations = templates(config.annotations)
  }

  /** Makes an alert of an element of the query's result. Throws `NeedQuery` when a template asks for a query not yet answered. */
  expand(sample: QuerySample, expansion: Expansion): AlertInstance {
    const prepared = expansion.sample(sample)
    const expanded = (templates: readonly (readonly [string, RuleTemplate])[]): Label[] =>
      templates.map(([name, template]) => ({ name, value: template.expandOrExplain(prepared, expansion) }))
    const own = expanded(this.#labels).filter((label) => label.name !== alertNameLabel)
    const result = sample.labels.filter((label) => label.name !== metricNameLabel)
    const labels = overlayLabels(result, [...own, { name: alertNameLabel, value: this.config.alert }])
    return { labels, annotations: expanded(this.#annotations), value: sample.histogram === undefined ? sample.value : 0 }
  }

  /**
   * Takes one evaluation into the state: `instances` is what the query returned for `timestampMs`. Returns the samples of
   * `ALERTS` and `ALERTS_FOR_STATE`. Throws `RuleError` when two instances have the same labels, which changes nothing, and
   * when more than `limit` alerts are active, which makes it forget them all.
   */
  step(instances: readonly AlertInstance[], timestampMs: number, limit: number): readonly QuerySample[] {
    const present = new Map(instances.map((instance) => [labelsKey(instance.labels), instance]))
    if (present.size < instances.length) throw new RuleError('vector contains metrics with the same labelset after applying alert labels')
    for (const [key, instance] of present) {
      const known = this.#alerts.get(key)
      if (known === undefined || known.state === 'inactive') this.#alerts.set(key, pendingAlert(instance, timestampMs))
      else Object.assign(known, { value: instance.value, annotations: instance.annotations })
    }
    const samples: QuerySample[] = []
    let activeCount = 0
    for (const [key, alert] of this.#alerts) {
      if (present.has(key)) alert.keepFiringSinceMs = alert.heldUntilMs = undefined
      else if (!this.#keepsFiring(alert, timestampMs)) {
        this.#resolve(key, alert, timestampMs)
        continue
      }
      activeCount++
      this.#fireOrWait(alert, timestampMs)
      if (this.restored) samples.push(...syntheticSamples(alert))
    }
    if (limit > 0 && activeCount > limit) {
      this.#alerts.clear()
      throw new RuleError(`exceeded limit of ${limit} with ${activeCount} alerts`)
    }
    return samples
  }

  /** An alert that is gone from the result may fire on for `keep_firing_for`. */
  #keepsFiring(alert: ActiveAlert, timestampMs: number): boolean {
    if (alert.state !== 'inactive' && alert.heldUntilMs !== undefined && timestampMs < alert.heldUntilMs) return true
    if (alert.state !== 'firing' || this.config.keepFiringForMs === 0) return false
    alert.keepFiringSinceMs ??= timestampMs
    return timestampMs - alert.keepFiringSinceMs < this.config.keepFiringForMs
  }

  #resolve(key: string, alert: ActiveAlert, timestampMs: number): void {
    const expired = alert.resolvedAtMs !== undefined && timestampMs - alert.resolvedAtMs > resolvedRetentionMs
    if (alert.state === 'pending' || expired) this.#alerts.delete(key)
    if (alert.state === 'inactive') return
    alert.state = 'inactive'
    alert.resolvedAtMs = timestampMs
  }

  #fireOrWait(alert: ActiveAlert, timestampMs: number): void {
    const held = timestampMs - alert.activeAtMs >= this.config.forMs
    if (alert.state === 'pending' && held) {
      alert.state = 'firing'
      alert.firedAtMs = timestampMs
    } else if (alert.state === 'firing' && !held) {
      // `for` was raised by a reload, or restoring moved the beginning.
      Object.assign(alert, { state: 'pending', firedAtMs: undefined, lastSentAtMs: undefined, keepFiringSinceMs: undefined })
    }
  }

  /** The alerts that are due to be sent at `timestampMs`, which are marked as sent. */
  takeDue(due: { readonly timestampMs: number; readonly intervalMs: number; readonly resendDelayMs: number; readonly generatorUrl: string }): NotifiedAlert[] {
    const { timestampMs, resendDelayMs } = due
    const notified: NotifiedAlert[] = []
    for (const alert of this.#alerts.values()) {
      if (!needsSending(alert, timestampMs, resendDelayMs)) continue
      alert.lastSentAtMs = timestampMs
      // Two evaluations or deliveries may fail before the alert expires.
      const validUntilMs = timestampMs + 4 * Math.max(due.intervalMs, resendDelayMs)
      notified.push({
        labels: alert.labels,
        annotations: alert.annotations,
        startsAtMs: alert.firedAtMs ?? alert.activeAtMs,
        endsAtMs: alert.resolvedAtMs ?? validUntilMs,
        generatorUrl: due.generatorUrl,
      })
    }
    return notified
  }

  /** All alerts, resolved ones included, by the key of their labels. */
  alerts(): ReadonlyMap<string, ActiveAlert> {
    return this.#alerts
  }

  /** The highest state of its alerts. */
  state(): RuleState {
    let state: RuleState = 'inactive'
    for (const alert of this.#alerts.values()) {
      if (alert.state === 'firing') return 'firing'
      if (alert.state === 'pending') state = 'pending'
    }
    return state
  }

  /** Gives up an alert without a word. */
  forget(alert: ActiveAlert): void {
    this.#alerts.delete(labelsKey(alert.labels))
  }

  /** Takes over the alerts of the rule this one replaces, or of an earlier process. */
  adopt(alerts: Iterable<ActiveAlert>): void {
    for (const alert of alerts) this.#alerts.set(labelsKey(alert.labels), alert)
  }
}

function pendingAlert(instance: AlertInstance, timestampMs: number): ActiveAlert {
  return {
    ...instance,
    state: 'pending',
    activeAtMs: timestampMs,
    firedAtMs: undefined,
    resolvedAtMs: undefined,
    keepFiringSinceMs: undefined,
    lastSentAtMs: undefined,
  }
}

/** Pending alerts are never sent; a resolved one at once, and everything again after the resend delay. */
export function needsSending(alert: Pick<ActiveAlert, 'state' | 'resolvedAtMs' | 'lastSentAtMs'>, timestampMs: number, resendDelayMs: number): boolean {
  const lastSentAtMs = alert.lastSentAtMs ?? -Infinity
  switch (alert.state) {
    case 'pending':
      return false
    case 'inactive':
    case 'firing':
      return (alert.resolvedAtMs ?? -Infinity) > lastSentAtMs || lastSentAtMs + resendDelayMs < timestampMs
    default:
      unreachable(alert.state)
  }
}

/** The series that show an alert in storage, with their values. A label whose template expanded to nothing is absent, as in the alert itself. */
export function syntheticSamples(alert: ActiveAlert): QuerySample[] {
  const named = (name: string, extra: readonly Label[] = []): Labels => overlayLabels(alert.labels, [...extra, { name: metricNameLabel, value: name }])
  return [
    { labels: named(alertsMetric, [{ name: alertStateLabel, value: alert.state }]), value: 1 },
    { labels: named(alertsForStateMetric), value: Math.floor(alert.activeAtMs / 1000) },
  ]
}
