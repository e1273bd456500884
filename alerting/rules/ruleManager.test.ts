import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createMemoryState, createRuleBench, MemorySamples, type RuleBench } from '../../test/helpers/alerting/ruleBench.ts'
import { alertingRuleConfig, recordingRuleConfig, ruleFile, ruleGroupConfig } from '../../test/helpers/alerting/ruleConfigs.ts'
import type { RuleManagerDeps } from './ruleManager.ts'
import type { RuleConfig, RuleGroupConfig } from './rulesConfig.ts'

const minute = 60_000
const start = Date.UTC(2026, 2, 1)
const globals = { externalLabels: [] }

beforeEach(() => vi.useFakeTimers({ now: start }))
const benches: RuleBench[] = []
afterEach(async () => {
  for (const bench of benches.splice(0)) await bench.manager.close()
  vi.useRealTimers()
})

function createBench(options: Partial<RuleManagerDeps> & { samples?: MemorySamples } = {}): RuleBench {
  const bench = createRuleBench(options)
  benches.push(bench)
  return bench
}

const minutes = (count: number): Promise<unknown> => vi.advanceTimersByTimeAsync(count * minute)

/** A sample every 15 s from `from` to `to` (minutes since the start). */
function feed(samples: MemorySamples, labels: Record<string, string>, from: number, to: number, value = 1): void {
  for (let at = from; at < to; at += 0.25) samples.put(labels, start + at * minute, value)
}

const x = (i: string): Record<string, string> => ({ __name__: 'x', i })
const rules = (...list: RuleConfig[]): RuleGroupConfig => ruleGroupConfig(list)
const alert = (config: Partial<Parameters<typeof alertingRuleConfig>[0]> = {}): RuleConfig => alertingRuleConfig({ expr: 'x > 0', ...config })

async function apply(bench: RuleBench, ...groups: RuleGroupConfig[]): Promise<void> {
  await bench.manager.apply([ruleFile(...groups)], globals)
}

describe('a rule group', () => {
  it('evaluates once per interval, always at the same offset', async () => {
    const times: number[] = []
    const bench = createBench({
      evaluate: async (_query, timeMs) => {
        times.push(timeMs)
        return { kind: 'vector', samples: [], warnings: [], infos: [] }
      },
    })
    await apply(bench, rules(recordingRuleConfig('y', 'x')))
    await minutes(3)
    expect(times).toHaveLength(3)
    expect(new Set(times.map((time) => time % minute)).size).toBe(1)
    expect(times[0]).toBeGreaterThan(start)
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBe(minute)
  })

  it('skips the slots it missed and counts them', async () => {
    const times: number[] = []
    const bench = createBench({
      evaluate: async (_query, timeMs) => {
        times.push(timeMs)
        if (times.length === 1) await new Promise((resolve) => setTimeout(resolve, 3.5 * minute))
        return { kind: 'vector', samples: [], warnings: [], infos: [] }
      },
    })
    await apply(bench, rules(recordingRuleConfig('y', 'x')))
    await minutes(7)
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBe(3 * minute)
    expect(bench.registry.print()).toContain('prometheus_rule_group_iterations_missed_total{rule_group="rules.yml;g"} 2')
  })

  it('lets a rule see what the rules before it recorded in the same evaluation', async () => {
    const bench = createBench()
    feed(bench.samples, x('a'), 0, 3, 2)
    await apply(bench, rules(recordingRuleConfig('y', 'x * 10'), recordingRuleConfig('z', 'y + 1', { team: 't' })))
    await minutes(1)
    expect(await bench.samples.read('z', Date.now())).toEqual({ 'z{i="a", team="t"}': 21 })
  })

  it('asks for the past and writes to the past with a query offset', async () => {
    const bench = createBench()
    feed(bench.samples, x('a'), 0, 2, 1)
    feed(bench.samples, x('a'), 2, 9, 5)
    await apply(bench, ruleGroupConfig([recordingRuleConfig('y', 'x')], { queryOffsetMs: 2 * minute }))
    await minutes(3.5)
    const lastSlot = bench.manager.groups()[0]?.lastEvaluationMs ?? 0
    expect(await bench.samples.read('timestamp(y)', Date.now())).toEqual({ '{i="a"}': (lastSlot - 2 * minute) / 1000 })
    expect(Object.values(await bench.samples.read('y', Date.now()))[0]).toBeLessThanOrEqual(5)
  })

  it('marks series that vanish stale, but not after an error', async () => {
    const samples = new MemorySamples()
    let failing = false
    const bench = createBench({
      samples,
      evaluate: async (query, timeMs) => {
        if (failing) throw new Error('query timed out in expression evaluation')
        return await samples.evaluate(query, timeMs)
      },
    })
    feed(samples, x('a'), 0, 1.9)
    samples.put(x('a'), start + 1.95 * minute, NaN)
    feed(samples, x('b'), 0, 20)
    await apply(bench, rules(recordingRuleConfig('y', 'x == 1')))
    await minutes(1.9)
    const recorded = (): Promise<Record<string, number>> => samples.read('y', Date.now())
    expect(await recorded()).toEqual({ 'y{i="a"}': 1, 'y{i="b"}': 1 })
    failing = true
    await minutes(1.1)
    expect(await recorded()).toEqual({ 'y{i="a"}': 1, 'y{i="b"}': 1 })
    expect(bench.manager.groups()[0]?.rules[0]).toMatchObject({ health: 'err', lastError: 'query timed out in expression evaluation' })
    failing = false
    await minutes(1)
    expect(await recorded()).toEqual({ 'y{i="b"}': 1 })
  })

  it('shows health, error and state', async () => {
    const bench = createBench()
    feed(bench.samples, x('a'), 0, 9)
    feed(bench.samples, x('b'), 0, 9)
    await apply(bench, rules(recordingRuleConfig('y', 'sum(x)'), recordingRuleConfig('z', 'x', { i: '' }), alert({ forMs: minute, annotations: { s: '{{ $value }}' } })))
    const before = bench.manager.groups()[0]
    expect(before?.lastEvaluationMs).toBeUndefined()
    expect(before?.rules.map((rule) => rule.health)).toEqual(['unknown', 'unknown', 'unknown'])
    expect(before?.rules[2]).toMatchObject({ state: 'unknown' })
    await minutes(1)
    const after = bench.manager.groups()[0]?.rules ?? []
    expect(after.map((rule) => [rule.health, rule.lastError])).toEqual([
      ['ok', ''],
      ['err', 'vector contains metrics with the same labelset after applying rule labels'],
      ['ok', ''],
    ])
    expect(after[2]).toMatchObject({ state: 'pending', durationSeconds: 60, annotations: { s: '{{ $value }}' } })
    expect(bench.manager.alerts()).toHaveLength(2)
    expect(bench.manager.alerts()[0]).toMatchObject({ state: 'pending', value: 1, annotations: [{ name: 's', value: '1' }] })
    expect(bench.registry.print()).toContain('prometheus_rule_evaluation_failures_total{rule_group="rules.yml;g"} 1')
    expect(bench.registry.print()).toContain('prometheus_template_text_expansions_total 2')
  })

  it('takes a scalar as one sample and refuses a string', async () => {
    const bench = createBench()
    await apply(bench, rules(recordingRuleConfig('y', 'scalar(vector(7))'), recordingRuleConfig('z', '"text"')))
    await minutes(1)
    expect(await bench.samples.read('y', Date.now())).toEqual({ y: 7 })
    expect(bench.manager.groups()[0]?.rules[1]?.lastError).toBe('rule result is not a vector or scalar')
  })

  it('answers queries inside templates', async () => {
    const bench = createBench()
    feed(bench.samples, x('a'), 0, 9)
    bench.samples.put({ __name__: 'pool_size', i: 'a' }, start, 20)
    await apply(bench, rules(alert({ annotations: { s: '{{ with query "pool_size" }}{{ . | first | value }}{{ end }} {{ pool_size }} {{ nope }}' } })))
    await minutes(1)
    expect(bench.manager.alerts()[0]?.annotations[0]?.value).toBe('20 20 {{ nope }}')
  })
})

describe('sending', () => {
  it('names the page of the expression and sends before the next evaluation again', async () => {
    const bench = createBench()
    feed(bench.samples, x('a'), 0, 3)
    await apply(bench, rules(alert({ labels: { severity: 'page' } })))
    await minutes(1)
    expect(bench.sent).toHaveLength(1)
    expect(bench.sent[0]).toMatchObject({ generatorUrl: 'http://mon.example:9090/graph?g0.expr=x+%3E+0&g0.tab=1' })
    const firing = bench.sent[0]
    expect((firing?.endsAtMs ?? 0) - (firing?.startsAtMs ?? 0)).toBe(4 * minute)
    await minutes(9)
    const last = bench.sent.at(-1)
    expect(last?.endsAtMs).toBeLessThan(Date.now())
    expect(last?.startsAtMs).toBe(firing?.startsAtMs)
  })
})

describe('a reload', () => {
  it('leaves an unchanged group running', async () => {
    const bench = createBench()
    feed(bench.samples, x('a'), 0, 9)
    await apply(bench, rules(alert()))
    await minutes(1)
    const before = bench.manager.groups()[0]
    await apply(bench, rules(alert()))
    expect(bench.manager.groups()[0]).toEqual(before)
  })

  it('keeps the alerts of a rule whose name and labels stay', async () => {
    const bench = createBench()
    feed(bench.samples, x('a'), 0, 9)
    await apply(bench, rules(alert({ forMs: 5 * minute, labels: { severity: 'page' } })))
    await minutes(2)
    const active = bench.manager.alerts()[0]?.activeAtMs
    expect(active).toBeDefined()
    await apply(bench, rules(alert({ expr: 'x > 0.5', forMs: 2 * minute, labels: { severity: 'page' } })))
    expect(bench.manager.groups()[0]?.rules[0]).toMatchObject({ state: 'unknown', health: 'unknown' })
    await minutes(1)
    expect(bench.manager.alerts()[0]).toMatchObject({ state: 'firing', activeAtMs: active })
    await apply(bench, rules(alert({ alert: 'Renamed', labels: { severity: 'page' } })))
    expect(bench.manager.alerts()).toEqual([])
  })

  it('marks the series of a removed rule stale with the next evaluation', async () => {
    const bench = createBench()
    feed(bench.samples, x('a'), 0, 9)
    await apply(bench, rules(recordingRuleConfig('y', 'x'), recordingRuleConfig('z', 'x')))
    await minutes(1)
    await apply(bench, rules(recordingRuleConfig('z', 'x')))
    expect(await bench.samples.read('y', Date.now())).not.toEqual({})
    await minutes(1)
    expect(await bench.samples.read('y', Date.now())).toEqual({})
    expect(await bench.samples.read('z', Date.now())).not.toEqual({})
  })

  it('marks the series of a removed group stale two intervals later, unless another group goes on with them', async () => {
    const bench = createBench()
    feed(bench.samples, x('a'), 0, 9)
    await apply(bench, rules(recordingRuleConfig('y', 'x'), recordingRuleConfig('z', 'x')))
    await minutes(1.2)
    await apply(bench, ruleGroupConfig([recordingRuleConfig('z', 'x')], { name: 'renamed' }))
    await minutes(1.5)
    expect(await bench.samples.read('y', Date.now())).not.toEqual({})
    await minutes(1)
    expect(await bench.samples.read('y', Date.now())).toEqual({})
    expect(await bench.samples.read('z', Date.now())).not.toEqual({})
  })

  it('changes nothing when a template does not parse', async () => {
    const bench = createBench()
    await apply(bench, rules(alert()))
    await expect(apply(bench, rules(alert({ annotations: { s: '{{ .Foo' } })))).rejects.toThrow('template: __alert_A:1: unclosed action')
    expect(bench.manager.groups()).toHaveLength(1)
    expect(bench.manager.groups()[0]?.rules[0]).toMatchObject({ annotations: {} })
  })
})

describe('a restart', () => {
  it('goes on with the alerts exactly where they were', async () => {
    const state = createMemoryState()
    const first = createBench({ state })
    feed(first.samples, x('a'), 0, 20)
    feed(first.samples, x('b'), 2, 20)
    const group = rules(alert({ forMs: 3 * minute, annotations: { s: '{{ $labels.i }}' } }))
    await apply(first, group)
    await minutes(4.5)
    const before = first.manager.alerts()
    expect(before.map((one) => one.state)).toEqual(['firing', 'pending'])
    await first.manager.close()

    const second = createBench({ state, samples: first.samples })
    await apply(second, group)
    expect(second.manager.alerts()).toEqual(before)
    await minutes(1)
    expect(second.manager.alerts().map((one) => [one.state, one.activeAtMs])).toEqual(before.map((one) => [one.state, one.activeAtMs]))
    // It was told about less than a minute ago by the slots' time, so it is not told again as a new one.
    expect(second.sent.every((one) => one.startsAtMs === first.sent[0]?.startsAtMs)).toBe(true)
    expect(await second.samples.read('ALERTS{alertstate="firing"}', Date.now())).toEqual({ 'ALERTS{alertname="A", alertstate="firing", i="a"}': 1 })
  })

  it('resolves what ended meanwhile, but gives the scrapes some time', async () => {
    const state = createMemoryState()
    const first = createBench({ state })
    feed(first.samples, x('a'), 0, 3)
    const group = rules(alert())
    await apply(first, group)
    await minutes(2)
    await first.manager.close()
    await minutes(10)
    const second = createBench({ state, samples: first.samples })
    await apply(second, group)
    await minutes(2)
    expect(second.manager.alerts().map((one) => one.state)).toEqual(['firing'])
    await minutes(2)
    expect(second.manager.alerts()).toEqual([])
    expect(second.sent.at(-1)?.endsAtMs).toBeLessThan(Date.now())
  })

  it('does not count a long downtime as time in which a condition held', async () => {
    const state = createMemoryState()
    const first = createBench({ state })
    feed(first.samples, x('a'), 0, 60)
    const group = rules(alert({ forMs: 20 * minute }))
    await apply(first, group)
    await minutes(2)
    const active = first.manager.alerts()[0]?.activeAtMs ?? 0
    await first.manager.close()
    await minutes(30)
    const second = createBench({ state, samples: first.samples })
    await apply(second, group)
    await minutes(1)
    expect(second.manager.alerts()[0]).toMatchObject({ state: 'pending', activeAtMs: active + 30 * minute })
  })

  it('without a state reads the beginning from ALERTS_FOR_STATE at the second evaluation', async () => {
    const first = createBench()
    feed(first.samples, x('a'), 0, 90)
    const group = rules(alert({ forMs: 30 * minute, labels: { team: '{{ $labels.i }}' } }))
    await apply(first, group)
    await minutes(10)
    const active = first.manager.alerts()[0]?.activeAtMs ?? 0
    await first.manager.close()
    await minutes(20)
    const second = createBench({ samples: first.samples })
    await apply(second, group)
    await minutes(1)
    expect(second.manager.alerts()[0]?.activeAtMs).toBeGreaterThan(active + 25 * minute)
    expect(await second.samples.read('ALERTS', Date.now())).toEqual({})
    await minutes(1)
    const moved = (second.manager.alerts()[0]?.activeAtMs ?? 0) - active
    expect(Math.abs(moved - 22 * minute)).toBeLessThanOrEqual(minute)
    await minutes(1)
    expect(Object.keys(await second.samples.read('ALERTS', Date.now()))).toEqual(['ALERTS{alertname="A", alertstate="pending", i="a", team="a"}'])
  })

  it('forgets the state of groups that are gone', async () => {
    const state = createMemoryState()
    const first = createBench({ state })
    feed(first.samples, x('a'), 0, 9)
    await apply(first, rules(alert()))
    await minutes(1)
    expect(state.load('rules.alert').size).toBe(1)
    await first.manager.close()
    const second = createBench({ state, samples: first.samples })
    await apply(second, ruleGroupConfig([alert()], { name: 'other' }))
    expect(state.load('rules.alert').size).toBe(0)
    expect(state.load('rules.group').size).toBe(0)
  })
})
