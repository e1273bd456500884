// How long samples are kept, and from when on at a coarser resolution, by configuration and flags together.

import { matcherTexts } from '../../storage/model/matcher.ts'
import type { DownsamplingRule } from '../../storage/partitions/downsampling.ts'
import type { RetentionTimes } from '../../storage/partitions/retention.ts'
import { defaultRetentionMs } from '../../storage/storage.ts'
import { formatBytes } from '../base/bytes.ts'
import { formatDurationMs } from '../base/duration.ts'
import type { Options } from '../flags/options.ts'
import type { StorageConfig } from './storageConfig.ts'

export type Retention = RetentionTimes & { readonly retentionBytes: number }

/** The file's retention section counts alone when there is one; else the flags; else 15 days. 0 is no limit. */
export function effectiveRetention(storage: StorageConfig, options: Pick<Options, 'retentionTimeMs' | 'retentionSizeBytes'>): Retention {
  const retentionRules = storage.retentionRules.map(({ matchers, timeMs }) => ({ matchers: matcherTexts(matchers), retentionMs: timeMs }))
  if (storage.retention !== undefined) return { retentionMs: storage.retention.timeMs, retentionBytes: storage.retention.sizeBytes, retentionRules }
  const { retentionTimeMs, retentionSizeBytes } = options
  const byDefault = retentionSizeBytes > 0 ? 0 : defaultRetentionMs
  return { retentionMs: retentionTimeMs ?? byDefault, retentionBytes: retentionSizeBytes, retentionRules }
}

/** Those of the file, in the form that storage takes them. */
export function downsamplingRules({ downsampling }: StorageConfig): DownsamplingRule[] {
  return downsampling.map(({ matchers, afterMs, resolutionMs }) => ({ matchers: matcherTexts(matchers), afterMs, resolutionMs }))
}

/** `15d`, `10GiB` or `15d or 10GiB`. */
export function retentionText({ retentionMs, retentionBytes }: Retention): string {
  const time = retentionMs > 0 ? formatDurationMs(retentionMs) : ''
  const size = retentionBytes > 0 ? formatBytes(retentionBytes) : ''
  return time !== '' && size !== '' ? `${time} or ${size}` : time + size
}
