import { describe, expect, it } from 'vitest'
import { alignedTimeMs, followingSlot, slotAfter } from './scrapeSchedule.ts'

const grid = { intervalMs: 10_000, offsetMs: 3_000 }

describe('slotAfter', () => {
  it('is the next point of the grid', () => {
    expect(slotAfter(100_000, grid)).toBe(103_000)
    expect(slotAfter(103_000, grid)).toBe(113_000)
    expect(slotAfter(102_999, grid)).toBe(103_000)
    expect(slotAfter(1_000, { intervalMs: 10_000, offsetMs: 0 })).toBe(10_000)
  })
})

describe('followingSlot', () => {
  it('is one interval later', () => expect(followingSlot(103_000, 103_200, grid)).toBe(113_000))
  it('is at once when a slot passed during the scrape', () => expect(followingSlot(103_000, 113_001, grid)).toBe(113_000))
  it('is the last of several that passed', () => expect(followingSlot(103_000, 145_000, grid)).toBe(143_000))
  it('begins anew when the clock was set back', () => expect(followingSlot(103_000, 50_000, grid)).toBe(53_000))
})

describe('alignedTimeMs', () => {
  it('is the slot within 2 ms', () => expect([102_998, 103_000, 103_002].map((now) => alignedTimeMs(now, 103_000, 10_000, 2))).toEqual([103_000, 103_000, 103_000]))
  it('is the real time otherwise', () => expect(alignedTimeMs(103_003, 103_000, 10_000, 2)).toBe(103_003))
  it('tolerates at most a hundredth of the interval', () => expect(alignedTimeMs(1_002, 1_000, 100, 2)).toBe(1_002))
})
