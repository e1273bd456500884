// Which partitions are too old or too many, and which series have outlived their day in those that stay. Pure decisions;
// the writer thread deletes files and rewrites them.

import { dayMs, type Partition } from '../files/dataDir.ts'
import type { MatcherText } from '../model/matcher.ts'

/** A retention time of its own for the series that match. 0: no limit. */
export type RetentionRule = { readonly matchers: readonly MatcherText[]; readonly retentionMs: number }

export type RetentionTimes = {
  /** For series that no rule matches. 0: no limit. */
  readonly retentionMs: number
  /** The first that matches a series counts. */
  readonly retentionRules: readonly RetentionRule[]
}

export type RetentionLimits = RetentionTimes & {
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
    const isTooOld = timesOf(limits).every((retentionMs) => hasOutlived(partition, retentionMs, limits.newestMs))
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

/** The time of each rule, and last that of all other series. */
function timesOf({ retentionRules, retentionMs }: RetentionTimes): number[] {
  return [...retentionRules.map((rule) => rule.retentionMs), retentionMs]
}

/** Whether all of the day is too old. */
function hasOutlived(partition: Partition, retentionMs: number, newestMs: number): boolean {
  return retentionMs > 0 && partition.startMs + dayMs <= newestMs - retentionMs
}

/** Which rules a day has outlived, the last entry being the series without a rule; empty when it has outlived none. */
export function outlivedRules(partition: Partition, limits: RetentionTimes & { readonly newestMs: number }): boolean[] {
  const outlived = timesOf(limits).map((retentionMs) => hasOutlived(partition, retentionMs, limits.newestMs))
  return outlived.includes(true) ? outlived : []
}

/** Tells of a series ref whether it has outlived its day. `select` gives the refs that match. */
export function outlivedSeries(outlived: readonly boolean[], rules: readonly RetentionRule[], select: (matchers: readonly MatcherText[]) => Uint32Array): (ref: number) => boolean {
  if (outlived.length === 0) return () => false
  const ruleOf = new Map<number, number>()
  // From last to first: the first that matches stays.
  for (const [i, rule] of [...rules.entries()].reverse()) for (const ref of select(rule.matchers)) ruleOf.set(ref, i)
  return (ref) => outlived[ruleOf.get(ref) ?? rules.length] ?? false
}
