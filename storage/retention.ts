// Which partitions are too old or too many. A pure decision; the writer thread deletes the files.

import { dayMs, type Partition } from './dataDir.ts'

export type RetentionLimits = {
  readonly retentionMs: number
  /** 0: no limit. */
  readonly retentionBytes: number
  /** The newest sample; age is counted from here, so that a store of old data is not emptied by the clock. */
  readonly newestMs: number
}

export type Expired = { readonly partition: Partition; readonly reason: 'time' | 'size' }

/** `partitions` are oldest first; `logBytes` count against the size limit too. The newest partition never goes by size. */
export function expiredPartitions(
  partitions: readonly { readonly partition: Partition; readonly bytes: number }[],
  logBytes: number,
  limits: RetentionLimits,
): Expired[] {
  const expired: Expired[] = []
  const kept = partitions.filter(({ partition }) => {
    const isTooOld = limits.retentionMs > 0 && partition.startMs + dayMs <= limits.newestMs - limits.retentionMs
    if (isTooOld) expired.push({ partition, reason: 'time' })
    return !isTooOld
  })
  if (limits.retentionBytes <= 0) return expired
  let total = logBytes + kept.reduce((sum, { bytes }) => sum + bytes, 0)
  for (const { partition, bytes } of kept.slice(0, -1)) {
    if (total <= limits.retentionBytes) break
    expired.push({ partition, reason: 'size' })
    total -= bytes
  }
  return expired
}
