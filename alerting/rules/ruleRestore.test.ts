import { describe, expect, it } from 'vitest'
import { alertingRuleConfig } from '../../test/helpers/alerting/ruleConfigs.ts'
import { forStateSelector, restoredActiveAtMs } from './ruleRestore.ts'

const minute = 60_000

describe('restoredActiveAtMs', () => {
  // Minutes: `for` is 30, the grace period 10, the restore happens at 100.
  const restores = (downAt: number, activeAt: number, expected: number) =>
    it(`puts an alert active since ${activeAt} and last seen at ${downAt} to ${expected}`, () => {
      const downtime = { nowMs: 100 * minute, forMs: 30 * minute, gracePeriodMs: 10 * minute, downAtMs: downAt * minute, activeAtMs: activeAt * minute }
      expect(restoredActiveAtMs(downtime)).toBe(expected * minute)
    })
  restores(80, 50, 50) // 30 spent: it was firing
  restores(80, 20, 20)
  restores(80, 55, 80) // 5 left: fires 10 from now
  restores(80, 51, 80)
  restores(80, 60, 80) // 10 left: only the downtime is left out
  restores(80, 75, 95)
  restores(99, 99, 100)
})

describe('forStateSelector', () => {
  it('matches the name and the fixed labels of the rule', () => {
    const config = alertingRuleConfig({ alert: 'High "load"', expr: 'x', labels: { severity: 'page', team: '{{ $labels.team }}', 'a.b': 'c' } })
    expect(forStateSelector(config)).toBe('ALERTS_FOR_STATE{alertname="High \\"load\\"",severity="page","a.b"="c"}')
  })
})
