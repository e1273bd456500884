import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { RuleSchedule } from './ruleSchedule.ts'

const hourMs = 3_600_000

describe('RuleSchedule', () => {
  let slots: number[] = []
  let missed = 0
  let schedule: RuleSchedule

  beforeEach(() => {
    vi.useFakeTimers({ now: Date.UTC(2026, 0, 1) })
    slots = []
    missed = 0
    schedule = new RuleSchedule({ key: 'g', intervalMs: 15_000, nowMs: Date.now, onSlot: async (slotMs) => void slots.push(slotMs), onMissed: (count) => (missed += count) })
    schedule.start()
  })

  afterEach(async () => {
    await schedule.stop()
    vi.useRealTimers()
  })

  const isAtMostOneIntervalOld = (slotMs: number | undefined) => slotMs !== undefined && slotMs <= Date.now() && slotMs > Date.now() - 15_000

  it('runs at each slot', async () => {
    await vi.advanceTimersByTimeAsync(60_000)
    expect(slots.map((slotMs) => slotMs - (slots[0] ?? 0))).toEqual([0, 15_000, 30_000, 45_000])
  })

  it('goes on at once, with the new time, when the clock is set back', async () => {
    await vi.advanceTimersByTimeAsync(20_000)
    vi.setSystemTime(Date.now() - hourMs)
    const before = slots.length
    await vi.advanceTimersByTimeAsync(60_000)
    expect(slots.length - before).toBeGreaterThanOrEqual(3)
    expect(slots.slice(before).every((slotMs) => slotMs <= Date.now())).toBe(true)
    expect(isAtMostOneIntervalOld(slots.at(-1))).toBe(true)
    expect(missed).toBe(0)
  })

  it('runs no slot twice when the clock is set back a little', async () => {
    await vi.advanceTimersByTimeAsync(30_000)
    vi.setSystemTime(Date.now() - 2_000)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(new Set(slots).size).toBe(slots.length)
  })

  it('counts the slots that a clock set forward has passed', async () => {
    await vi.advanceTimersByTimeAsync(20_000)
    vi.setSystemTime(Date.now() + hourMs)
    await vi.advanceTimersByTimeAsync(15_000)
    expect(missed).toBe(hourMs / 15_000)
    expect(isAtMostOneIntervalOld(slots.at(-1))).toBe(true)
  })
})
