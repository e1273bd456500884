// All rule groups: makes them from the configuration, replaces what a reload changed and leaves the rest running. Shows
// groups and alerts to the API. It does not know where samples and alerts go.

import { errorText } from '../../src/base/assert.ts'
import type { Logger } from '../../src/base/log.ts'
import type { MetricRegistry } from '../../src/base/selfMetrics.ts'
import { maxTimerMs } from '../../src/base/timer.ts'
import { compareBytes, type Labels } from '../../storage/model/labels.ts'
import type { StateStore } from '../../storage/state.ts'
import type { TemplateSettings } from './alertingRule.ts'
import { groupKey, RuleGroup, type RuleGroupDeps } from './ruleGroup.ts'
import { createRuleMetrics } from './ruleMetrics.ts'
import { RuleStates } from './ruleState.ts'
import type { AlertStatus, RuleGroupStatus } from './ruleStatus.ts'
import type { RuleFile, RuleGroupConfig } from './rulesConfig.ts'

export type RuleManagerDeps = Pick<RuleGroupDeps, 'evaluate' | 'appender' | 'notify' | 'normalizeQuery'> & {
  readonly state: StateStore
  readonly logger: Logger
  readonly registry: MetricRegistry
  readonly externalUrl: string
  /** `--rules.alert.for-grace-period`, 10m. */
  readonly forGracePeriodMs?: number
  /** `--rules.alert.for-outage-tolerance`, 1h. */
  readonly forOutageToleranceMs?: number
  /** `--rules.alert.resend-delay`, 1m. */
  readonly resendDelayMs?: number
  readonly nowMs?: () => number
}

export type RuleManager = {
  /** The first load and every reload. Throws before anything changes when a group cannot be made. */
  apply(files: readonly RuleFile[], globals: { readonly externalLabels: Labels }): Promise<void>
  /** By file, then by name. */
  groups(): readonly RuleGroupStatus[]
  /** Pending and firing ones. */
  alerts(): readonly AlertStatus[]
  close(): Promise<void>
}

const minuteMs = 60_000

export function createRuleManager(deps: RuleManagerDeps): RuleManager {
  return new Manager(deps)
}

type Entry = { readonly group: RuleGroup; readonly text: string }

class Manager implements RuleManager {
  readonly #deps: RuleManagerDeps
  readonly #groupDeps: RuleGroupDeps
  readonly #states: RuleStates
  #entries = new Map<string, Entry>()
  #loaded = false
  #closed = false
  /** Groups that are gone and wait to mark their series stale. */
  readonly #departed = new Map<NodeJS.Timeout, RuleGroup>()

  constructor(deps: RuleManagerDeps) {
    this.#deps = deps
    this.#states = new RuleStates(deps.state)
    this.#groupDeps = {
      evaluate: deps.evaluate,
      appender: deps.appender,
      notify: deps.notify,
      normalizeQuery: deps.normalizeQuery,
      states: this.#states,
      logger: deps.logger,
      metrics: createRuleMetrics(deps.registry),
      resendDelayMs: deps.resendDelayMs ?? minuteMs,
      restore: { forGracePeriodMs: deps.forGracePeriodMs ?? 10 * minuteMs, forOutageToleranceMs: deps.forOutageToleranceMs ?? 60 * minuteMs },
      nowMs: deps.nowMs ?? Date.now,
    }
  }

  async apply(files: readonly RuleFile[], globals: { readonly externalLabels: Labels }): Promise<void> {
    const settings: TemplateSettings = { externalLabels: globals.externalLabels, externalUrl: this.#deps.externalUrl }
    const wanted = new Map(files.flatMap((file) => file.groups).map((config) => [groupKey(config), config]))
    const next = new Map<string, Entry>()
    const added: Entry[] = []
    for (const [key, config] of wanted) {
      const text = groupText(config, settings)
      const current = this.#entries.get(key)
      if (current?.text === text) {
        next.set(key, current)
        continue
      }
      const entry = { group: new RuleGroup(config, settings, this.#groupDeps), text }
      next.set(key, entry)
      added.push(entry)
    }
    const previous = this.#entries
    this.#entries = next
    await Promise.all(added.map(({ group }) => this.#start(group, previous.get(group.key)?.group)))
    await Promise.all([...previous].filter(([key]) => !next.has(key)).map(([, { group }]) => this.#remove(group)))
    this.#loaded = true
    await this.#forgetStates(new Set(next.keys()))
  }

  async #start(group: RuleGroup, replaced: RuleGroup | undefined): Promise<void> {
    if (replaced !== undefined) {
      await replaced.stop({ abort: false })
      group.markRestored()
      group.copyStateFrom(replaced)
    } else if (this.#loaded) group.markRestored()
    else group.restoreSaved()
    if (!this.#closed) group.start()
  }

  /** The group waits two intervals, so that a renamed one can write its series first and they do not go stale. */
  async #remove(group: RuleGroup): Promise<void> {
    const { nowMs, logger, metrics } = this.#groupDeps
    await group.stop({ abort: false })
    const stoppedMs = nowMs()
    metrics.remove(group.key)
    const timer = setTimeout(() => {
      this.#departed.delete(timer)
      group.markAllStale(stoppedMs).catch((error: unknown) => logger.warn('Marking the series of a removed rule group stale failed', { group: group.key, err: errorText(error) }))
    }, Math.min(2 * group.config.intervalMs, maxTimerMs))
    timer.unref()
    this.#departed.set(timer, group)
  }

  async #forgetStates(groups: ReadonlySet<string>): Promise<void> {
    try {
      await this.#states.retain(groups)
    } catch (error) {
      this.#deps.logger.error('Forgetting the state of removed rule groups failed', { err: errorText(error) })
    }
  }

  groups(): readonly RuleGroupStatus[] {
    const groups = [...this.#entries.values()].map((entry) => entry.group.status())
    return groups.sort((a, b) => compareBytes(a.file, b.file) || compareBytes(a.name, b.name))
  }

  alerts(): readonly AlertStatus[] {
    return this.groups().flatMap((group) => group.rules.flatMap((rule) => (rule.kind === 'alerting' ? rule.alerts : [])))
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const timer of this.#departed.keys()) clearTimeout(timer)
    this.#departed.clear()
    await Promise.all([...this.#entries.values()].map((entry) => entry.group.stop({ abort: true })))
  }
}

/** Everything that makes a group what it is; where its rules stand in the file does not. */
function groupText(config: RuleGroupConfig, settings: TemplateSettings): string {
  const rules = config.rules.map(({ position: _, ...rule }) => rule)
  return JSON.stringify([config.intervalMs, config.queryOffsetMs, config.limit, rules, settings])
}
