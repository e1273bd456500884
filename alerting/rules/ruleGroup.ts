// A rule group: evaluates its rules one after another at each of its slots, stores what they give, sends what is due, and
// keeps track of series that vanish. The slot's time, not the clock, is the time of an evaluation.

import type { EvaluateOptions, EvaluationResult } from '../../query/service/queryService.ts'
import { errorText } from '../../src/base/assert.ts'
import { Breather } from '../../src/base/breather.ts'
import type { Logger } from '../../src/base/log.ts'
import type { NativeHistogram } from '../../storage/model/histogram.ts'
import { labelsKey, type Labels } from '../../storage/model/labels.ts'
import { expressionLink, type QuerySample } from '../template/ruleFunctions.ts'
import { Expansion } from '../template/ruleTemplates.ts'
import { AlertingRule, syntheticSamples, type AlertInstance, type NotifiedAlert, type TemplateSettings } from './alertingRule.ts'
import { querySamples } from './querySamples.ts'
import { recordSamples } from './recordingRule.ts'
import type { RuleMetrics } from './ruleMetrics.ts'
import { bridgeDowntime, forStateSelector, restoreForState, restoresForState, type RestoreSettings } from './ruleRestore.ts'
import { RuleSchedule } from './ruleSchedule.ts'
import { ruleKeys, type RuleStates, type SavedGroup } from './ruleState.ts'
import { ruleName, ruleStatus, type Rule, type RuleGroupStatus } from './ruleStatus.ts'
import type { RuleGroupConfig } from './rulesConfig.ts'

/** Where rules store their samples: a part of the storage's appender. */
export type RuleAppender = {
  append(labels: Labels, timestampMs: number, value: number): string
  appendHistogram(labels: Labels, timestampMs: number, histogram: NativeHistogram): string
  appendStale(labels: Labels, timestampMs: number): string
  commit(): Promise<void>
  rollback(): void
}

export type RuleGroupDeps = {
  readonly evaluate: (query: string, timeMs: number, options?: EvaluateOptions) => Promise<EvaluationResult>
  readonly appender: () => RuleAppender
  readonly states: RuleStates
  readonly notify: (alerts: readonly NotifiedAlert[]) => void
  /** The expression as Prometheus prints it. */
  readonly normalizeQuery: (query: string) => string
  readonly logger: Logger
  readonly metrics: RuleMetrics
  readonly resendDelayMs: number
  readonly restore: RestoreSettings
  readonly nowMs: () => number
}

export class RuleGroup {
  readonly config: RuleGroupConfig
  readonly #deps: RuleGroupDeps
  readonly #rules: readonly Rule[]
  readonly #abort = new AbortController()
  readonly #schedule: RuleSchedule
  #evaluationSeconds = 0
  #lastEvaluationMs: number | undefined
  /** Series of rules that are gone, to be marked stale at the end of the next evaluation. */
  #goneSeries: Labels[] = []
  /** Set until the first evaluation after a restart has bridged the downtime. */
  #saved: SavedGroup | undefined
  /** Evaluations still to come before the state is restored from ALERTS_FOR_STATE. */
  #restoreAfter = 0

  constructor(config: RuleGroupConfig, settings: TemplateSettings, deps: RuleGroupDeps) {
    this.config = config
    this.#deps = deps
    const named = config.rules.map((rule) => ({ name: rule.kind === 'alerting' ? rule.alert : rule.record, labels: rule.labels }))
    const keys = ruleKeys(named)
    this.#rules = config.rules.map((rule, i) => ({
      config: rule,
      key: keys[i] ?? '',
      query: deps.normalizeQuery(rule.expr),
      alerting: rule.kind === 'alerting' ? new AlertingRule(rule, settings) : undefined,
      health: 'unknown',
      lastError: '',
      evaluationSeconds: 0,
      lastEvaluationMs: undefined,
      previousSeries: new Map(),
    }))
    this.#initializeMetrics()
    this.#schedule = this.#createSchedule()
  }

  /** `file;name`, which tells groups apart. */
  get key(): string {
    return groupKey(this.config)
  }

  /** A group of the first load takes over what an earlier process left; `false` when that is to be looked for in ALERTS_FOR_STATE. */
  restoreSaved(): boolean {
    const saved = this.#deps.states.takeSaved(this.key)
    if (saved === undefined) {
      this.#restoreAfter = 2
      return false
    }
    this.#saved = saved
    for (const rule of this.#rules) {
      if (rule.alerting === undefined) continue
      rule.alerting.adopt(saved.alertsOf(rule.key))
      rule.alerting.restored = true
      const active = [...rule.alerting.alerts().values()].filter((alert) => alert.state !== 'inactive')
      rule.previousSeries = new Map(active.flatMap((alert) => syntheticSamples(alert).map((sample) => [labelsKey(sample.labels), sample.labels])))
    }
    return true
  }

  /** A group that a reload brought has nothing to restore. */
  markRestored(): void {
    for (const rule of this.#rules) if (rule.alerting !== undefined) rule.alerting.restored = true
  }

  /** Takes over the state of the stopped group it replaces, rule by rule of the same name and labels. */
  copyStateFrom(old: RuleGroup): void {
    this.#evaluationSeconds = old.#evaluationSeconds
    this.#lastEvaluationMs = old.#lastEvaluationMs
    this.#goneSeries = [...old.#goneSeries]
    this.#restoreAfter = old.#restoreAfter
    this.#saved = old.#saved
    const mine = new Map(this.#rules.map((rule) => [rule.key, rule]))
    for (const rule of old.#rules) {
      const heir = mine.get(rule.key)
      if (heir === undefined || (heir.alerting === undefined) !== (rule.alerting === undefined)) {
        this.#goneSeries.push(...rule.previousSeries.values())
        continue
      }
      heir.previousSeries = rule.previousSeries
      if (heir.alerting === undefined || rule.alerting === undefined) continue
      heir.alerting.adopt(rule.alerting.alerts().values())
      heir.alerting.restored = rule.alerting.restored
    }
  }

  /** Begins to evaluate at the group's slots, the next one first. */
  start(): void {
    this.#schedule.start()
  }

  /** Waits for an evaluation that is going on; `abort` cancels its queries. */
  async stop(options: { readonly abort: boolean }): Promise<void> {
    if (options.abort) this.#abort.abort()
    await this.#schedule.stop()
  }

  /** For a stopped group that is gone: marks all its series stale as of `stoppedMs`. */
  async markAllStale(stoppedMs: number): Promise<void> {
    for (const rule of this.#rules) this.#goneSeries.push(...rule.previousSeries.values())
    await this.#markGoneSeries(stoppedMs)
  }

  status(): RuleGroupStatus {
    return {
      name: this.config.name,
      file: this.config.file,
      intervalMs: this.config.intervalMs,
      limit: this.config.limit,
      evaluationSeconds: this.#evaluationSeconds,
      lastEvaluationMs: this.#lastEvaluationMs,
      rules: this.#rules.map(ruleStatus),
    }
  }

  /** One evaluation of all rules as of `timestampMs`. Failures become the health of the rule. */
  async evaluate(timestampMs: number): Promise<void> {
    const { metrics, nowMs } = this.#deps
    const label = { rule_group: this.key }
    const startMs = nowMs()
    const seconds = stopwatch()
    this.#bridgeDowntime(timestampMs)
    let sampleCount = 0
    let ruleSeconds = 0
    for (const rule of this.#rules) {
      if (this.#abort.signal.aborted) return
      sampleCount += await this.#evaluateRule(rule, timestampMs)
      ruleSeconds += rule.evaluationSeconds
    }
    await this.#markGoneSeries(timestampMs)
    await this.#saveState(timestampMs)
    this.#lastEvaluationMs = startMs
    this.#evaluationSeconds = seconds()
    metrics.groupSeconds(this.#evaluationSeconds)
    metrics.groupSamples.set(sampleCount, label)
    metrics.groupLastDuration.set(this.#evaluationSeconds, label)
    metrics.groupLastRuleDurationSum.set(ruleSeconds, label)
    metrics.groupLastEvaluation.set(startMs / 1000, label)
    if (this.#restoreAfter > 0 && --this.#restoreAfter === 0) await this.#restoreForState()
  }

  #initializeMetrics(): void {
    const { metrics } = this.#deps
    const label = { rule_group: this.key }
    for (const counter of [metrics.iterations, metrics.iterationsMissed, metrics.evaluations, metrics.evaluationFailures]) counter.inc(label, 0)
    metrics.groupInterval.set(this.config.intervalMs / 1000, label)
    metrics.groupRules.set(this.#rules.length, label)
  }

  #createSchedule(): RuleSchedule {
    const { metrics, logger, nowMs } = this.#deps
    const label = { rule_group: this.key }
    return new RuleSchedule({
      key: this.key,
      intervalMs: this.config.intervalMs,
      nowMs,
      onSlot: async (slotMs) => {
        metrics.iterations.inc(label)
        try {
          await this.evaluate(slotMs)
        } catch (error) {
          logger.error('Evaluating rule group failed', { file: this.config.file, group: this.config.name, err: errorText(error) })
        }
      },
      onMissed: (count) => {
        metrics.iterationsMissed.inc(label, count)
        metrics.iterations.inc(label, count)
      },
    })
  }

  #bridgeDowntime(timestampMs: number): void {
    if (this.#saved === undefined) return
    const { intervalMs } = this.config
    const gapMs = timestampMs - this.#saved.lastEvaluationMs - intervalMs
    this.#saved = undefined
    for (const rule of this.#rules) if (rule.alerting !== undefined) bridgeDowntime(rule.alerting, { timestampMs, gapMs, intervalMs }, this.#deps.restore)
  }

  /** Returns how many samples the rule gave. */
  async #evaluateRule(rule: Rule, timestampMs: number): Promise<number> {
    const { metrics, nowMs } = this.#deps
    const startMs = nowMs()
    const seconds = stopwatch()
    metrics.evaluations.inc({ rule_group: this.key })
    try {
      const samples = await this.#ruleSamples(rule, timestampMs)
      rule.health = 'ok'
      rule.lastError = ''
      if (rule.alerting !== undefined) this.#send(rule, rule.alerting, timestampMs)
      await this.#store(rule, samples, timestampMs - this.config.queryOffsetMs)
      return samples.length
    } catch (error) {
      if (!this.#abort.signal.aborted) this.#fail(rule, error, 'Evaluating rule failed')
      return 0
    } finally {
      rule.evaluationSeconds = seconds()
      rule.lastEvaluationMs = startMs
      metrics.evaluationSeconds(rule.evaluationSeconds)
    }
  }

  #fail(rule: Rule, error: unknown, message: string): void {
    rule.health = 'err'
    rule.lastError = errorText(error)
    this.#deps.metrics.evaluationFailures.inc({ rule_group: this.key })
    this.#deps.logger.warn(message, { file: this.config.file, group: this.config.name, name: ruleName(rule), err: rule.lastError })
  }

  async #ruleSamples(rule: Rule, timestampMs: number): Promise<readonly QuerySample[]> {
    const { config, alerting } = rule
    const { limit, queryOffsetMs } = this.config
    const result = await this.#query(config.expr, timestampMs - queryOffsetMs)
    if (config.kind === 'recording') return recordSamples(config, result, limit)
    if (alerting === undefined) throw new Error('bug: an alerting rule without its state')
    return alerting.step(await this.#instances(alerting, result, timestampMs), timestampMs, limit)
  }

  /** Expands the templates of each alert; lets other work in between when there are many. */
  async #instances(rule: AlertingRule, result: readonly QuerySample[], timestampMs: number): Promise<AlertInstance[]> {
    const { metrics, logger } = this.#deps
    const { alert: name, labels, annotations } = rule.config
    const expansion = new Expansion({ ...rule.settings, timestampMs }, (expr) => this.#query(expr, timestampMs))
    const instances: AlertInstance[] = []
    const breather = new Breather()
    for (const sample of result) {
      instances.push(await expansion.run(() => rule.expand(sample, expansion)))
      if (breather.isDue()) await breather.take()
    }
    metrics.templateExpansions.inc({}, instances.length * (Object.keys(labels).length + Object.keys(annotations).length))
    for (const error of expansion.failures) {
      metrics.templateFailures.inc()
      logger.warn('Expanding alert template failed', { file: this.config.file, group: this.config.name, name, err: error.message })
    }
    return instances
  }

  async #query(expr: string, timeMs: number): Promise<readonly QuerySample[]> {
    const { file, name } = this.config
    return querySamples(await this.#deps.evaluate(expr, timeMs, { signal: this.#abort.signal, origin: { ruleGroup: { file, name } } }))
  }

  #send(rule: Rule, alerting: AlertingRule, timestampMs: number): void {
    const { intervalMs } = this.config
    const generatorUrl = alerting.settings.externalUrl + expressionLink(rule.query, 'table')
    const due = alerting.takeDue({ timestampMs, intervalMs, resendDelayMs: this.#deps.resendDelayMs, generatorUrl })
    if (due.length > 0) this.#deps.notify(due)
  }

  async #store(rule: Rule, samples: readonly QuerySample[], timestampMs: number): Promise<void> {
    const appender = this.#deps.appender()
    const stored = new Map<string, Labels>()
    const dropped = new Map<string, number>()
    const breather = new Breather()
    try {
      for (const sample of samples) {
        const { labels, value, histogram } = sample
        const outcome = histogram === undefined ? appender.append(labels, timestampMs, value) : appender.appendHistogram(labels, timestampMs, histogram)
        if (outcome === 'stored') stored.set(labelsKey(sample.labels), sample.labels)
        else dropped.set(outcome, (dropped.get(outcome) ?? 0) + 1)
        if (breather.isDue()) await breather.take()
      }
      for (const [key, labels] of rule.previousSeries) if (!stored.has(key)) appender.appendStale(labels, timestampMs)
      for (const [outcome, count] of dropped) this.#reportDropped(rule, outcome, count)
      await appender.commit()
      rule.previousSeries = stored
    } catch (error) {
      appender.rollback()
      this.#fail(rule, error, 'Rule sample appending failed')
    }
  }

  #reportDropped(rule: Rule, outcome: string, count: number): void {
    rule.health = 'err'
    rule.lastError = droppedText(outcome)
    const fields = { file: this.config.file, group: this.config.name, name: ruleName(rule), num_dropped: count }
    this.#deps.logger.warn(`Error on ingesting rule evaluation result: ${droppedText(outcome)}`, fields)
  }

  async #markGoneSeries(timestampMs: number): Promise<void> {
    if (this.#goneSeries.length === 0) return
    const appender = this.#deps.appender()
    try {
      for (const labels of this.#goneSeries) appender.appendStale(labels, timestampMs - this.config.queryOffsetMs)
      await appender.commit()
      this.#goneSeries = []
    } catch (error) {
      appender.rollback()
      this.#deps.logger.warn('Stale sample appending for previous configuration failed', { file: this.config.file, group: this.config.name, err: errorText(error) })
    }
  }

  async #saveState(timestampMs: number): Promise<void> {
    const rules = this.#rules.map((rule) => ({ key: rule.key, alerts: rule.alerting?.alerts().values() ?? [] }))
    try {
      await this.#deps.states.save(this.key, timestampMs, rules)
    } catch (error) {
      this.#deps.logger.error('Saving alert state failed', { file: this.config.file, group: this.config.name, err: errorText(error) })
    }
  }

  async #restoreForState(): Promise<void> {
    const { nowMs, restore, logger, metrics } = this.#deps
    const startMs = nowMs()
    const seconds = stopwatch()
    for (const rule of this.#rules) {
      if (rule.alerting === undefined) continue
      try {
        if (restoresForState(rule.alerting.config, restore)) {
          const selector = forStateSelector(rule.alerting.config)
          const options = { lookbackMs: restore.forOutageToleranceMs, signal: this.#abort.signal }
          const read = async (query: string): Promise<readonly QuerySample[]> => {
            const result = await this.#deps.evaluate(query, startMs, options)
            return result.kind === 'vector' ? result.samples : []
          }
          const [activeAt, writtenAt] = await Promise.all([read(selector), read(`timestamp(${selector})`)])
          restoreForState(rule.alerting, { activeAt, writtenAt }, startMs, restore)
        }
      } catch (error) {
        logger.error("Failed to restore 'for' state", { file: this.config.file, group: this.config.name, labels: ruleName(rule), stage: 'Select', err: errorText(error) })
      }
      rule.alerting.restored = true
    }
    metrics.groupLastRestoreDuration.set(seconds(), { rule_group: this.key })
  }
}

/** `file;name`, which tells groups apart. */
export function groupKey(group: Pick<RuleGroupConfig, 'file' | 'name'>): string {
  return `${group.file};${group.name}`
}

function droppedText(outcome: string): string {
  switch (outcome) {
    case 'duplicate':
      return 'duplicate sample for timestamp'
    case 'outOfOrder':
      return 'out of order sample'
    case 'tooOld':
      return 'too old sample'
    case 'tooFarAhead':
      return 'sample too far in the future'
    default:
      return `sample not stored: ${outcome}`
  }
}

/** Tells the seconds since it was made. */
function stopwatch(): () => number {
  const startMs = performance.now()
  return () => (performance.now() - startMs) / 1000
}
