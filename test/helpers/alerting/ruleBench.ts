// Rules on a bench: the real rule groups and the real query engine over samples in memory, with a clock that the test turns.

import type { NotifiedAlert } from '../../../alerting/rules/alertingRule.ts'
import type { RuleAppender } from '../../../alerting/rules/ruleGroup.ts'
import { createRuleManager, type RuleManager, type RuleManagerDeps } from '../../../alerting/rules/ruleManager.ts'
import { evaluateQuery } from '../../../query/engine/engine.ts'
import { parseQuery } from '../../../query/language/parse.ts'
import { Limits } from '../../../query/limits.ts'
import { shareWithNobody } from '../../../query/parallel/crew.ts'
import { QueryError } from '../../../query/queryError.ts'
import type { EvaluateOptions, EvaluationResult } from '../../../query/service/queryService.ts'
import { createColumnSpace } from '../../../query/values/columnSpace.ts'
import { silentLogger, type Logger } from '../../../src/base/log.ts'
import { MetricRegistry } from '../../../src/base/selfMetrics.ts'
import { formatLabels, labelsFrom, labelsKey, type Labels } from '../../../storage/model/labels.ts'
import { createStateStore, type StateStore } from '../../../storage/state.ts'
import { createMemoryQuerier, stale, type MemorySample } from '../memoryQuerier.ts'

const minuteMs = 60_000

const space = createColumnSpace()

/** Samples in memory, appended in order. */
export class MemorySamples {
  readonly #series = new Map<string, { labels: Labels; samples: MemorySample[] }>()

  add(labels: Labels, timestampMs: number, value: number | typeof stale): string {
    const key = labelsKey(labels)
    let series = this.#series.get(key)
    if (series === undefined) this.#series.set(key, (series = { labels, samples: [] }))
    const last = series.samples.at(-1)
    if (last !== undefined && timestampMs < last[0]) return 'outOfOrder'
    if (last !== undefined && timestampMs === last[0]) return Object.is(last[1], value) ? 'stored' : 'duplicate'
    series.samples.push([timestampMs, value])
    return 'stored'
  }

  /** Adds a sample by its text form. */
  put(labels: Readonly<Record<string, string>>, timestampMs: number, value: number | typeof stale): void {
    this.add(labelsFrom(labels), timestampMs, value)
  }

  appender(): RuleAppender {
    const staged: (readonly [Labels, number, number | typeof stale])[] = []
    // Outcomes are known at once, because nothing else appends meanwhile.
    const stage = (labels: Labels, timestampMs: number, value: number | typeof stale): string => {
      const last = this.#series.get(labelsKey(labels))?.samples.at(-1)
      if (last !== undefined && timestampMs < last[0]) return 'outOfOrder'
      staged.push([labels, timestampMs, value])
      return 'stored'
    }
    return {
      append: stage,
      appendHistogram: () => {
        throw new Error('bug: no rule here gives histograms')
      },
      appendStale: (labels, timestampMs) => stage(labels, timestampMs, stale),
      commit: async () => staged.splice(0).forEach((sample) => this.add(...sample)),
      rollback: () => void staged.splice(0),
    }
  }

  async evaluate(text: string, timeMs: number, options: EvaluateOptions = {}): Promise<EvaluationResult> {
    const limits = new Limits({ maxSamples: 1_000_000, deadlineMs: Infinity })
    const query = { text, expr: parseQuery(text, new Set()), startMs: timeMs, endMs: timeMs, stepMs: 0 }
    const querier = createMemoryQuerier([...this.#series.values()])
    const settings = { querier, space, limits, share: shareWithNobody, lookbackMs: options.lookbackMs ?? 5 * minuteMs, maxSamples: 1_000_000, evaluationIntervalMs: minuteMs, countsPerStep: false }
    const { value } = evaluateQuery(query, settings)
    const notes = { warnings: [], infos: [] }
    switch (value.kind) {
      case 'vector':
        return {
          kind: 'vector',
          samples: value.series.filter((one) => one.present[0] === 1).map((one) => ({ labels: one.labels, value: one.values[0] ?? NaN, timestampMs: timeMs })),
          ...notes,
        }
      case 'scalar':
        return { kind: 'scalar', value: value.values[0] ?? NaN, timestampMs: timeMs, ...notes }
      case 'string':
        return { kind: 'string', text: value.text, timestampMs: timeMs, ...notes }
      case 'matrix':
        throw new QueryError('execution', 'rule result is not a vector or scalar')
    }
  }

  /** `{series: value}` of an instant query. */
  async read(text: string, timeMs: number): Promise<Record<string, number>> {
    const result = await this.evaluate(text, timeMs)
    if (result.kind !== 'vector') throw new Error(`no vector: ${text}`)
    return Object.fromEntries(result.samples.map((sample) => [formatLabels(sample.labels), sample.value]))
  }
}

/** A state store whose records survive as long as the object. */
export function createMemoryState(): StateStore {
  return createStateStore({ writeRows: async () => {}, readLedger: async () => [] }, [])
}

export type RuleBench = {
  readonly manager: RuleManager
  readonly samples: MemorySamples
  readonly registry: MetricRegistry
  readonly sent: NotifiedAlert[]
}

/** A rule manager over `samples` and `state`, which may come from an earlier bench: that is a restart. */
export function createRuleBench(options: { readonly samples?: MemorySamples; readonly state?: StateStore; readonly logger?: Logger } & Partial<RuleManagerDeps> = {}): RuleBench {
  const samples = options.samples ?? new MemorySamples()
  const registry = new MetricRegistry()
  const sent: NotifiedAlert[] = []
  const manager = createRuleManager({
    evaluate: (query, timeMs, evaluateOptions) => samples.evaluate(query, timeMs, evaluateOptions),
    appender: () => samples.appender(),
    notify: (alerts) => sent.push(...alerts),
    normalizeQuery: (query) => query,
    state: options.state ?? createMemoryState(),
    logger: silentLogger,
    registry,
    externalUrl: 'http://mon.example:9090',
    ...options,
  })
  return { manager, samples, registry, sent }
}
