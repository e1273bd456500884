// Rule evaluation against the original: random series through the same rules in promtool's rule tests and in our groups.
// What is recorded, the ALERTS series and the firing alerts must agree at every minute.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { silentLogger } from '../../src/base/log.ts'
import { MetricRegistry } from '../../src/base/selfMetrics.ts'
import { labelsFrom, type Label } from '../../storage/model/labels.ts'
import { promtoolReport } from '../../test/helpers/alerting/promtool.ts'
import { createMemoryState, MemorySamples } from '../../test/helpers/alerting/ruleBench.ts'
import { alertingRuleConfig, recordingRuleConfig, ruleGroupConfig } from '../../test/helpers/alerting/ruleConfigs.ts'
import { stale } from '../../test/helpers/memoryQuerier.ts'
import { formatFloat } from '../template/go/goNumber.ts'
import { quote } from '../template/go/goQuote.ts'
import { RuleGroup } from './ruleGroup.ts'
import { createRuleMetrics } from './ruleMetrics.ts'
import { RuleStates } from './ruleState.ts'
import type { RuleConfig } from './rulesConfig.ts'

const minuteMs = 60_000
const durationMinutes = 40
const queries = ['y', 'ALERTS', 'ALERTS_FOR_STATE']

const rules: readonly RuleConfig[] = [
  recordingRuleConfig('y', 'x > 0', { team: 't', j: '' }),
  alertingRuleConfig({ alert: 'AtOnce', expr: 'x > 0', annotations: { s: 'is {{ $value }} on {{ $labels.i }}' } }),
  alertingRuleConfig({ alert: 'Later', expr: 'x > 0', forMs: 3 * minuteMs, labels: { severity: '{{ if gt $value 1.5 }}high{{ else }}low{{ end }}' } }),
  alertingRuleConfig({ alert: 'Kept', expr: 'x > 1', forMs: minuteMs, keepFiringForMs: 3 * minuteMs, annotations: { s: '{{ query "y" | len }}' } }),
  alertingRuleConfig({ alert: 'Recorded', expr: 'sum by (team) (y) > 2', keepFiringForMs: 2 * minuteMs, labels: { team: 'other' } }),
  alertingRuleConfig({ alert: 'Absent', expr: 'x{i="a"} == 1 unless x{i="b"}', forMs: 2 * minuteMs }),
]

/** The next pseudo-random number below `count`; the same seed gives the same run. */
function createRandom(seed: number): (count: number) => number {
  let state = seed >>> 0
  return (count) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * count)
  }
}

type Series = { readonly labels: Readonly<Record<string, string>>; readonly values: readonly (number | 'stale')[] }

/** Values stay for some minutes, so that `for` has something to wait for. */
function randomSeries(random: (count: number) => number): Series[] {
  return ['a', 'b', 'c'].map((i) => {
    const values: (number | 'stale')[] = []
    while (values.length <= durationMinutes) {
      const value = ([0, 1, 2, 3, 'stale'] as const)[random(5)] ?? 0
      for (let count = random(6) + 1; count > 0; count--) values.push(value)
    }
    return { labels: { __name__: 'x', i, j: '1' }, values: values.slice(0, durationMinutes + 1) }
  })
}

/** Findings by minute and question, as text. */
type Findings = Record<string, string>

function promtool(series: readonly Series[], dir: string): Findings {
  const toText = (rule: RuleConfig): object =>
    rule.kind === 'recording'
      ? { record: rule.record, expr: rule.expr, labels: rule.labels }
      : { alert: rule.alert, expr: rule.expr, for: `${rule.forMs}ms`, keep_firing_for: `${rule.keepFiringForMs}ms`, labels: rule.labels, annotations: rule.annotations }
  const times = Array.from({ length: durationMinutes + 1 }, (_, at) => `${at}m`)
  const alerts = rules.flatMap((rule) => (rule.kind === 'alerting' ? [rule.alert] : []))
  const output = promtoolReport(dir, rules.map(toText), {
    input_series: series.map((one) => ({ series: `x{i="${one.labels['i']}",j="1"}`, values: one.values.join(' ') })),
    alert_rule_test: times.flatMap((time) => alerts.map((alertname) => ({ eval_time: time, alertname, exp_alerts: [] }))),
    promql_expr_test: times.flatMap((time) => queries.map((expr) => ({ eval_time: time, expr, exp_samples: [] }))),
  })
  const findings: Findings = {}
  for (const [, expr = '', time = '', got = ''] of output.matchAll(/expr: "(\w+)", time: (\w+),\n +exp: nil\n +got: (.*)/g)) {
    findings[`${time} ${expr}`] = got.split(/, (?=\{)/).sort().join('\n')
  }
  for (const [, name = '', time = '', got = ''] of output.matchAll(/alertname: (\w+), time: (\w+), \n +exp:\[\], \n +got:\[\n([^]*?)\n +\]/g)) {
    const found = [...got.matchAll(/Labels:(.*)\n +Annotations:(.*)/g)].map(([, labels, annotations]) => `${labels} ${annotations?.replace(/,$/, '')}`)
    findings[`${time} alert ${name}`] = found.sort().join('\n')
  }
  return findings
}

function braces(labels: readonly Label[]): string {
  const sorted = [...labels].sort((a, b) => (a.name < b.name ? -1 : 1))
  return `{${sorted.map((label) => `${label.name}=${quote(label.value)}`).join(', ')}}`
}

async function ours(series: readonly Series[]): Promise<Findings> {
  const samples = new MemorySamples()
  const group = new RuleGroup(ruleGroupConfig(rules), { externalLabels: [], externalUrl: '' }, {
    evaluate: (query, timeMs) => samples.evaluate(query, timeMs),
    appender: () => samples.appender(),
    states: new RuleStates(createMemoryState()),
    notify: () => {},
    normalizeQuery: (query) => query,
    logger: silentLogger,
    metrics: createRuleMetrics(new MetricRegistry()),
    resendDelayMs: minuteMs,
    restore: { forGracePeriodMs: 0, forOutageToleranceMs: 0 },
    nowMs: () => 0,
  })
  group.markRestored()
  const findings: Findings = {}
  for (let at = 0; at <= durationMinutes; at++) {
    const timeMs = at * minuteMs
    const time = at === 0 ? '0s' : `${at}m`
    for (const one of series) {
      const value = one.values[at] ?? 0
      samples.add(labelsFrom(one.labels), timeMs, value === 'stale' ? stale : value)
    }
    await group.evaluate(timeMs)
    for (const expr of queries) {
      const result = await samples.evaluate(expr, timeMs)
      const found = result.kind === 'vector' ? result.samples.map((sample) => `${braces(sample.labels)} ${formatFloat(sample.value, 'E', -1)}`) : []
      if (found.length > 0) findings[`${time} ${expr}`] = found.sort().join('\n')
    }
    for (const rule of group.status().rules) {
      if (rule.kind !== 'alerting') continue
      const found = rule.alerts.filter((alert) => alert.state === 'firing').map((alert) => `${braces(alert.labels)} ${braces(alert.annotations)}`)
      if (found.length > 0) findings[`${time} alert ${rule.name}`] = found.sort().join('\n')
    }
  }
  return findings
}

for (const seed of [1, 20260301, Date.now() % 1_000_000]) {
  it(`rules give what promtool gives for random series (seed ${seed})`, async () => {
    const series = randomSeries(createRandom(seed))
    const dir = mkdtempSync(join(tmpdir(), 'solowatch-promtool-'))
    try {
      const theirs = promtool(series, dir)
      expect(Object.keys(theirs).length).toBeGreaterThan(50)
      expect(await ours(series)).toEqual(theirs)
    } finally {
      rmSync(dir, { recursive: true })
    }
  })
}
