import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { silentLogger } from '../../src/base/log.ts'
import { startPoller } from './poller.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const start = (intervalMs: number) => {
  let refreshed = 0
  const poller = startPoller({ intervalMs, refresh: async () => void refreshed++, onFailure: () => {}, logger: silentLogger })
  return { refreshed: () => refreshed, close: () => poller.close() }
}

it('looks at once and then after each interval', async () => {
  const poller = start(30_000)
  await vi.advanceTimersByTimeAsync(95_000)
  expect(poller.refreshed()).toBe(4)
  await poller.close()
})

it('does not look all the time when the interval is longer than timers can wait', async () => {
  const poller = start(60 * 86_400_000)
  await vi.advanceTimersByTimeAsync(95_000)
  expect(poller.refreshed()).toBe(1)
  await poller.close()
})
