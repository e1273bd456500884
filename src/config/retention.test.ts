import { describe, expect, it } from 'vitest'
import { effectiveRetention } from './retention.ts'
import { defaultStorageConfig } from './storageConfig.ts'

describe('effectiveRetention', () => {
  const day = 86_400_000
  const gives = (file: { timeMs: number; sizeBytes: number; percentage: number } | undefined, flags: { retentionTimeMs: number | undefined; retentionSizeBytes: number }, expected: [number, number]) =>
    it(`gives ${expected.join(' and ')}`, () =>
      expect(effectiveRetention({ ...defaultStorageConfig, retention: file }, flags)).toEqual({ retentionMs: expected[0], retentionBytes: expected[1], retentionRules: [] }))
  gives(undefined, { retentionTimeMs: undefined, retentionSizeBytes: 0 }, [15 * day, 0])
  gives(undefined, { retentionTimeMs: 90 * day, retentionSizeBytes: 0 }, [90 * day, 0])
  gives(undefined, { retentionTimeMs: undefined, retentionSizeBytes: 5 }, [0, 5])
  gives({ timeMs: 0, sizeBytes: 7, percentage: 0 }, { retentionTimeMs: 90 * day, retentionSizeBytes: 5 }, [0, 7])
})
