import { describe, expect, it } from 'vitest'
import { formatDurationMs, parseDurationMs } from './duration.ts'

describe('parseDurationMs', () => {
  const reads = (text: string, expectedMs: number | undefined) =>
    it(`reads ${JSON.stringify(text)} as ${expectedMs}`, () => expect(parseDurationMs(text)).toBe(expectedMs))
  reads('1h30m', 5_400_000)
  reads('15s', 15_000)
  reads('0', 0)
  reads('1y2w3d4h5m6s7ms', 31_536_000_000 + 1_209_600_000 + 259_200_000 + 14_706_007)
  reads('', undefined)
  reads('15', undefined)
  reads('1.5h', undefined)
  reads('5m1h', undefined)
  reads('1m1m', undefined)
  reads('-5m', undefined)
  reads('1000y', undefined)
})

describe('formatDurationMs', () => {
  const prints = (durationMs: number, expected: string) =>
    it(`prints ${durationMs} as ${expected}`, () => expect(formatDurationMs(durationMs)).toBe(expected))
  prints(0, '0s')
  prints(5_400_000, '1h30m')
  prints(31_536_000_000, '1y')
  prints(604_800_000, '1w')
  prints(691_200_000, '8d')
  prints(90_061_001, '1d1h1m1s1ms')
})
