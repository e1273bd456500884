import { describe, expect, it } from 'vitest'
import { formatLabels, labelsFrom } from '../../storage/model/labels.ts'
import { alertingRuleConfig } from '../../test/helpers/alerting/ruleConfigs.ts'
import { histogram } from '../../test/helpers/histograms.ts'
import type { QuerySample } from '../template/ruleFunctions.ts'
import { Expansion } from '../template/ruleTemplates.ts'
import { AlertingRule, needsSending, type AlertingRuleConfig } from './alertingRule.ts'

const minute = 60_000

function createRule(config: Partial<AlertingRuleConfig> = {}): AlertingRule {
  const rule = new AlertingRule(alertingRuleConfig({ expr: 'x > 0', ...config }), { externalLabels: [], externalUrl: '' })
  rule.restored = true
  return rule
}

const sample = (labels: Record<string, string>, value = 1): QuerySample => ({ labels: labelsFrom(labels), value })
const one = [sample({ __name__: 'x', i: 'a' })]

/** Evaluates at `minutes`; returns `{series: value}` of what is written. */
function evaluate(rule: AlertingRule, minutes: number, samples: readonly QuerySample[], limit = 0): Record<string, number> {
  const expansion = new Expansion({ ...rule.settings, timestampMs: minutes * minute }, async () => [])
  const instances = samples.map((one) => rule.expand(one, expansion))
  return Object.fromEntries(rule.step(instances, minutes * minute, limit).map((written) => [formatLabels(written.labels), written.value]))
}

function states(rule: AlertingRule): string {
  return [...rule.alerts().values()].map((alert) => alert.state).join(' ')
}

/** What is sent at `minutes`, as `start-end` in minutes. */
function send(rule: AlertingRule, minutes: number): string[] {
  const due = rule.takeDue({ timestampMs: minutes * minute, intervalMs: minute, resendDelayMs: minute, generatorUrl: 'http://u' })
  return due.map((alert) => `${alert.startsAtMs / minute}-${alert.endsAtMs / minute}`)
}

it('takes a histogram for a result, with the value 0', () => {
  const rule = createRule({ annotations: { seen: '{{ $value }}' } })
  evaluate(rule, 10, [{ ...sample({ __name__: 'x', i: 'a' }, NaN), histogram: histogram({ positive: { 0: 2 } }) }])
  expect([...rule.alerts().values()]).toMatchObject([{ state: 'firing', value: 0, annotations: [{ name: 'seen', value: '{count:2, sum:0, (0.5,1]:2}' }] }])
})

describe('the states of an alert', () => {
  it('goes from pending to firing when `for` has passed', () => {
    const rule = createRule({ forMs: 2 * minute })
    expect(evaluate(rule, 10, one)).toEqual({ 'ALERTS{alertname="A", alertstate="pending", i="a"}': 1, 'ALERTS_FOR_STATE{alertname="A", i="a"}': 600 })
    evaluate(rule, 11, one)
    expect(states(rule)).toBe('pending')
    expect(evaluate(rule, 12, one)).toEqual({ 'ALERTS{alertname="A", alertstate="firing", i="a"}': 1, 'ALERTS_FOR_STATE{alertname="A", i="a"}': 600 })
    expect(rule.state()).toBe('firing')
  })

  it('fires at once without `for`', () => {
    const rule = createRule()
    evaluate(rule, 10, one)
    expect(states(rule)).toBe('firing')
  })

  it('is forgotten when it ends while pending', () => {
    const rule = createRule({ forMs: 5 * minute })
    evaluate(rule, 10, one)
    expect(evaluate(rule, 11, [])).toEqual({})
    expect(states(rule)).toBe('')
    expect(rule.state()).toBe('inactive')
  })

  it('stays resolved for 15 minutes and then goes', () => {
    const rule = createRule()
    evaluate(rule, 10, one)
    evaluate(rule, 11, [])
    expect(states(rule)).toBe('inactive')
    evaluate(rule, 26, [])
    expect(states(rule)).toBe('inactive')
    evaluate(rule, 27, [])
    expect(states(rule)).toBe('')
  })

  it('begins anew after it was resolved', () => {
    const rule = createRule({ forMs: minute })
    for (const minutes of [10, 11]) evaluate(rule, minutes, one)
    evaluate(rule, 12, [])
    evaluate(rule, 13, one)
    expect(states(rule)).toBe('pending')
    expect([...rule.alerts().values()][0]?.activeAtMs).toBe(13 * minute)
  })

  it('keeps firing for `keep_firing_for` after its condition is gone', () => {
    const rule = createRule({ keepFiringForMs: 3 * minute })
    evaluate(rule, 10, one)
    expect(evaluate(rule, 11, [])).toHaveProperty(['ALERTS{alertname="A", alertstate="firing", i="a"}'])
    expect([...rule.alerts().values()][0]?.keepFiringSinceMs).toBe(11 * minute)
    evaluate(rule, 13, [])
    expect(states(rule)).toBe('firing')
    evaluate(rule, 13.5, one)
    expect([...rule.alerts().values()][0]?.keepFiringSinceMs).toBeUndefined()
    evaluate(rule, 14, [])
    evaluate(rule, 17, [])
    expect(states(rule)).toBe('inactive')
    expect([...rule.alerts().values()][0]?.resolvedAtMs).toBe(17 * minute)
  })

  it('goes back to pending when its beginning moves', () => {
    const rule = createRule({ forMs: 2 * minute })
    for (const minutes of [10, 11, 12]) evaluate(rule, minutes, one)
    send(rule, 12)
    const alert = [...rule.alerts().values()][0]
    if (alert !== undefined) alert.activeAtMs = 12 * minute
    evaluate(rule, 13, one)
    expect(alert).toMatchObject({ state: 'pending', firedAtMs: undefined, lastSentAtMs: undefined })
  })

  it('writes no series before its state is restored', () => {
    const rule = createRule()
    rule.restored = false
    expect(evaluate(rule, 10, one)).toEqual({})
    expect(states(rule)).toBe('firing')
  })

  it('updates value and annotations, not the beginning', () => {
    const rule = createRule({ annotations: { summary: 'is {{ $value }}' } })
    evaluate(rule, 10, [sample({ i: 'a' }, 1)])
    evaluate(rule, 11, [sample({ i: 'a' }, 2.5)])
    expect([...rule.alerts().values()][0]).toMatchObject({ value: 2.5, activeAtMs: 10 * minute, annotations: [{ name: 'summary', value: 'is 2.5' }] })
  })
})

describe('the labels of an alert', () => {
  const labelsOf = (config: Partial<AlertingRuleConfig>, labels: Record<string, string>): string => {
    const rule = createRule(config)
    evaluate(rule, 10, [sample(labels)])
    return formatLabels([...rule.alerts().values()][0]?.labels ?? [])
  }
  it('are those of the result without its name, overlaid with the rule\'s', () =>
    expect(labelsOf({ labels: { i: 'own', severity: 'page' } }, { __name__: 'x', i: 'a', job: 'j' })).toBe('{alertname="A", i="own", job="j", severity="page"}'))
  it('are templates, whose empty result removes the label', () =>
    expect(labelsOf({ labels: { i: '{{ $labels.nope }}', name: '{{ $labels.__name__ }}/{{ $value }}' } }, { __name__: 'x', i: 'a' })).toBe('{alertname="A", name="x/1"}'))
  it('always name the rule', () => expect(labelsOf({ labels: { alertname: 'other' } }, { alertname: 'B' })).toBe('{alertname="A"}'))
  it('must tell alerts apart', () => {
    const rule = createRule({ labels: { i: 'same' } })
    expect(() => evaluate(rule, 10, [sample({ i: 'a' }), sample({ i: 'b' })])).toThrow('vector contains metrics with the same labelset after applying alert labels')
  })
  it('hold the error of a template that fails', () =>
    expect(labelsOf({ labels: { bad: '{{ .Foo }}' } }, {})).toContain("bad=\"<error expanding template: error executing template __alert_A: template: __alert_A:1:115: executing"))
})

describe('limit', () => {
  it('forgets all alerts when more are active', () => {
    const rule = createRule()
    const two = [sample({ i: 'a' }), sample({ i: 'b' })]
    expect(() => evaluate(rule, 10, two, 1)).toThrow('exceeded limit of 1 with 2 alerts')
    expect(states(rule)).toBe('')
    evaluate(rule, 11, two, 2)
    expect(states(rule)).toBe('firing firing')
  })
})

describe('sending', () => {
  it('tells about an alert when it fires, every resend delay, when it resolves, and then for 15 minutes', () => {
    const rule = createRule({ forMs: minute })
    evaluate(rule, 10, one)
    expect(send(rule, 10)).toEqual([])
    evaluate(rule, 11, one)
    expect(send(rule, 11)).toEqual(['11-15'])
    evaluate(rule, 11.5, one)
    expect(send(rule, 11.5)).toEqual([])
    expect(send(rule, 12)).toEqual([])
    expect(send(rule, 12.01)).toEqual(['11-16.01'])
    evaluate(rule, 12.5, [])
    expect(send(rule, 12.5)).toEqual(['11-12.5'])
    expect(send(rule, 13)).toEqual([])
    expect(send(rule, 14)).toEqual(['11-12.5'])
  })

  const due = (state: 'pending' | 'firing' | 'inactive', resolvedAtMs: number | undefined, lastSentAtMs: number | undefined, expected: boolean) =>
    it(`${expected ? 'is' : 'is not'} due at 100 s when ${state}, resolved ${resolvedAtMs}, sent ${lastSentAtMs}`, () =>
      expect(needsSending({ state, resolvedAtMs, lastSentAtMs }, 100_000, 60_000)).toBe(expected))
  due('pending', undefined, undefined, false)
  due('firing', undefined, undefined, true)
  due('firing', undefined, 40_000, false)
  due('firing', undefined, 39_999, true)
  due('inactive', 90_000, 80_000, true)
  due('inactive', 80_000, 80_000, false)
})
