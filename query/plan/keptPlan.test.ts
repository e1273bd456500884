import { describe, expect, it } from 'vitest'
import { parseQuery } from '../language/parse.ts'
import { planOf } from './keptPlan.ts'
import type { PlanNode } from './plan.ts'

const features = new Set(['promql-duration-expr', 'promql-extended-range-selectors'])
const options = { startMs: 1_000, endMs: 9_000, stepMs: 1_000, evaluationIntervalMs: 60_000, lookbackMs: 300_000 }

const planned = (text: string, changed: Partial<typeof options> = {}) => planOf(parseQuery(text, features), { ...options, ...changed })
const windowsOf = (root: PlanNode) => (root.kind === 'rangeCall' ? root.operand : undefined)

describe('the plan of a query', () => {
  it('is kept for other times, its costs at the beginning again', () => {
    const first = planned('rate(x[5m])')
    first.root.cost.samplesRead = 5
    first.root.cost.workers = 2
    const second = planned('rate(x[5m])', { startMs: 2_000, endMs: 20_000, stepMs: 2_000 })
    expect(second).toBe(first)
    expect(second.root.cost).toEqual({ seriesCount: 0, samplesRead: 0, chunksDecoded: 0, elapsedMs: 0, workers: 1 })
  })

  it('is another one for another lookback or interval', () => {
    const beyond = (lookbackMs: number) => {
      const windows = windowsOf(planned('rate(x[5m] anchored)', { lookbackMs }).root)
      return windows?.kind === 'windows' ? windows.beyond.beforeMs : undefined
    }
    expect(beyond(10_000)).toBe(10_000)
    expect(beyond(20_000)).toBe(20_000)
    const stepMs = (evaluationIntervalMs: number) => {
      const windows = windowsOf(planned('rate(x[5m:])', { evaluationIntervalMs }).root)
      return windows?.kind === 'subquery' ? windows.stepMs : undefined
    }
    expect(stepMs(15_000)).toBe(15_000)
    expect(stepMs(30_000)).toBe(30_000)
  })

  it('is another one for another range, where that is in it', () => {
    const atMs = (endMs: number) => windowsOf(planned('rate(x[5m] @ end())', { endMs }).root)?.lookup.atMs
    expect(atMs(7_000)).toBe(7_000)
    expect(atMs(8_000)).toBe(8_000)
    const rangeMs = (stepMs: number) => windowsOf(planned('rate(x[2 * step()])', { stepMs }).root)?.rangeMs
    expect(rangeMs(5_000)).toBe(10_000)
    expect(rangeMs(6_000)).toBe(12_000)
  })
})
