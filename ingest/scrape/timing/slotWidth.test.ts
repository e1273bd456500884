import { describe, expect, it } from 'vitest'
import { SlotWidth } from './slotWidth.ts'

const targets = (count: number, intervalMs: number) => Array.from({ length: count }, () => ({ intervalMs }))

describe('SlotWidth', () => {
  const steps = (jobs: readonly (readonly [count: number, intervalMs: number])[], intervalMs: number, expectedMs: number) =>
    it(`is ${expectedMs} ms for ${intervalMs} ms beside ${jobs.map(([count, every]) => `${count} every ${every}`).join(' and ')}`, () => {
      const width = new SlotWidth()
      for (const [count, every] of jobs) width.set({}, targets(count, every))
      expect(width.stepMs(intervalMs)).toBe(expectedMs)
    })
  steps([[1, 15_000]], 15_000, 1000)
  steps([[200, 5000]], 5000, 1000)
  steps([[700, 15_000]], 15_000, 1000)
  steps([[500, 15_000], [300, 15_000]], 15_000, 500)
  steps([[3000, 15_000]], 15_000, 250)
  steps([[100_000, 15_000]], 15_000, 125)
  steps([[1, 1000]], 1000, 125)
  steps([[1, 100]], 100, 1)

  it('forgets the targets that a job had', () => {
    const width = new SlotWidth()
    const job = {}
    width.set(job, targets(100_000, 15_000))
    width.set(job, [])
    expect(width.stepMs(15_000)).toBe(1000)
  })
})
