import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ScrapeClock } from './scrapeClock.ts'

const startMs = 1_700_000_000_000

describe('ScrapeClock', () => {
  let clock: ScrapeClock
  let calls: string[]
  const note = (name: string) => (nowMs: number) => void calls.push(`${name}@${nowMs - startMs}`)

  beforeEach(() => {
    vi.useFakeTimers({ now: startMs })
    clock = new ScrapeClock()
    calls = []
  })
  afterEach(() => void vi.useRealTimers())

  it('calls each when it is due, those of one time together', () => {
    clock.call(startMs + 400, note('c'))
    clock.call(startMs + 200, note('a'))
    clock.call(startMs + 200, note('b'))
    vi.advanceTimersByTime(199)
    expect(calls).toEqual([])
    vi.advanceTimersToNextTimer()
    expect(calls).toEqual(['a@200', 'b@200'])
    vi.advanceTimersToNextTimer()
    expect(calls).toEqual(['a@200', 'b@200', 'c@400'])
    expect(vi.getTimerCount()).toBe(0)
  })

  it('has one timer, which moves when an earlier time comes', () => {
    clock.call(startMs + 300, note('late'))
    clock.call(startMs + 100, note('early'))
    expect(vi.getTimerCount()).toBe(1)
    vi.advanceTimersByTime(100)
    expect(calls).toEqual(['early@100'])
  })

  it('calls at once what is past', () => {
    clock.call(startMs - 5000, note('past'))
    vi.advanceTimersByTime(1)
    expect(calls).toEqual(['past@0'])
  })

  it('takes a call back, also one of those that are being called', () => {
    const first = note('first')
    clock.call(startMs + 100, first)
    clock.takeBack(startMs + 100, first)
    expect(vi.getTimerCount()).toBe(0)
    const second = note('second')
    clock.call(startMs + 200, () => clock.takeBack(startMs + 200, second))
    clock.call(startMs + 200, second)
    clock.call(startMs + 200, note('third'))
    vi.advanceTimersByTime(1000)
    expect(calls).toEqual(['third@200'])
  })

  it('takes a call for the same time from one that is called', () => {
    clock.call(startMs + 100, () => void clock.call(startMs + 100, note('again')))
    vi.advanceTimersByTime(102)
    expect(calls).toEqual(['again@101'])
  })

  it('calls too early when the clock was set back', () => {
    clock.call(startMs + 100, note('a'))
    vi.setSystemTime(startMs - 1000)
    vi.advanceTimersByTime(100)
    expect(calls).toEqual(['a@-900'])
  })

  it('waits for a time beyond the reach of a timer', () => {
    const farMs = 2 ** 31 + 5000
    clock.call(startMs + farMs, (nowMs) => void (nowMs < startMs + farMs ? clock.call(startMs + farMs, note('far')) : note('far')(nowMs)))
    vi.advanceTimersByTime(2 ** 31)
    expect(calls).toEqual([])
    vi.advanceTimersByTime(5000)
    expect(calls).toEqual([`far@${farMs}`])
  })
})
