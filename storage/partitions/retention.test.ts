import { describe, expect, it } from 'vitest'
import { dayMs } from '../files/dataDir.ts'
import { expiredPartitions, outlivedRules, outlivedSeries, type RetentionRule } from './retention.ts'

const day = (number: number, bytes = 100) => ({ partition: { path: `day ${number}`, startMs: number * dayMs, generation: 1 }, bytes })
const days = [day(0), day(1), day(2), day(3)]

describe('expiredPartitions', () => {
  const expires = (what: string, limits: { retentionMs?: number; retentionRules?: readonly RetentionRule[]; retentionBytes?: number; newestMs?: number }, expected: readonly string[], logBytes = 0) =>
    it(what, () => {
      const found = expiredPartitions(days, logBytes, { retentionMs: 0, retentionRules: [], retentionBytes: 0, newestMs: 3.5 * dayMs, ...limits })
      expect(found.map(({ partition, reason }) => `${partition.path} by ${reason}`)).toEqual(expected)
    })
  expires('keeps everything without limits', {}, [])
  expires('lets a day go when all of it is too old', { retentionMs: dayMs }, ['day 0 by time', 'day 1 by time'])
  expires('keeps a day of which a part is young enough', { retentionMs: 1.5 * dayMs + 1 }, ['day 0 by time'])
  expires('counts age from the newest sample, not from the clock', { retentionMs: dayMs, newestMs: 0.5 * dayMs }, [])
  expires('lets the oldest days go when the size is too large', { retentionBytes: 250 }, ['day 0 by size', 'day 1 by size'])
  expires('counts the log', { retentionBytes: 400 }, ['day 0 by size'], 50)
  expires('never lets the newest day go by size', { retentionBytes: 1 }, ['day 0 by size', 'day 1 by size', 'day 2 by size'])
  const debugRule = (retentionMs: number): RetentionRule => ({ matchers: [{ name: 'job', op: '=', value: 'debug' }], retentionMs })
  expires('keeps a day that one rule keeps', { retentionMs: dayMs, retentionRules: [debugRule(2 * dayMs)] }, ['day 0 by time'])
  expires('lets a day go that no rule keeps', { retentionMs: 2 * dayMs, retentionRules: [debugRule(dayMs)] }, ['day 0 by time'])
  expires('keeps all days when one rule has no limit', { retentionMs: dayMs, retentionRules: [debugRule(0)] }, [])
  expires('takes time first and then size', { retentionMs: 2 * dayMs, retentionBytes: 250 }, ['day 0 by time', 'day 1 by size'])
})

describe('outlivedSeries', () => {
  const rules: readonly RetentionRule[] = [
    { matchers: [{ name: 'job', op: '=', value: 'debug' }], retentionMs: dayMs },
    { matchers: [{ name: 'job', op: '=~', value: 'd.*' }], retentionMs: 0 },
  ]
  const select = ([matcher]: RetentionRule['matchers']) => Uint32Array.from(matcher?.op === '=' ? [1] : [1, 2])

  it('goes by the first rule that matches, or by the time of all others', () => {
    const outlived = outlivedRules(day(0).partition, { retentionMs: 2 * dayMs, retentionRules: rules, newestMs: 4 * dayMs })
    expect(outlived).toEqual([true, false, true])
    expect([1, 2, 3].map(outlivedSeries(outlived, rules, select))).toEqual([true, false, true])
  })

  it('concerns nobody on a young day', () => {
    const outlived = outlivedRules(day(3).partition, { retentionMs: 2 * dayMs, retentionRules: rules, newestMs: 4 * dayMs })
    expect(outlived).toEqual([])
    expect([1, 2, 3].map(outlivedSeries(outlived, rules, select))).toEqual([false, false, false])
  })
})
