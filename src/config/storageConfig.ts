// The `storage` section of prometheus.yml: out-of-order window and retention. Both can change on a reload. Beyond what
// Prometheus knows there are `tsdb.retention.rules`, retention times of their own for the series that a selector matches,
// and `tsdb.downsampling`, coarser resolutions for old days.

import { parseSelector } from '../../query/language/parse.ts'
import type { Matcher } from '../../storage/model/matcher.ts'
import { maxResolutionMs } from '../../storage/partitions/downsampling.ts'
import { errorText } from '../base/assert.ts'
import type { YamlNode } from '../base/config/yaml.ts'
import { bytes, duration, fields, float, integer, list, oneOf, text } from '../base/config/yamlReaders.ts'
import type { Reader } from '../base/config/yamlReaders.ts'

export type RetentionRuleConfig = {
  /** As written. */
  readonly match: string
  readonly matchers: readonly Matcher[]
  /** 0 is "no limit". */
  readonly timeMs: number
}

export type DownsamplingConfig = {
  /** As written; empty: all series. */
  readonly match: string
  readonly matchers: readonly Matcher[]
  readonly afterMs: number
  readonly resolutionMs: number
}

export type StorageConfig = {
  readonly outOfOrderWindowMs: number
  /** The most exemplars that are kept; 0 or less keeps none. */
  readonly maxExemplars: number
  /** Undefined when the file limits neither time nor size: then the flags count. A 0 is "no limit". */
  readonly retention: { readonly timeMs: number; readonly sizeBytes: number; readonly percentage: number } | undefined
  /** The first that matches a series counts. */
  readonly retentionRules: readonly RetentionRuleConfig[]
  /** The coarsest that matches a series counts. */
  readonly downsampling: readonly DownsamplingConfig[]
}

export const defaultStorageConfig: StorageConfig = { outOfOrderWindowMs: 0, maxExemplars: 100_000, retention: undefined, retentionRules: [], downsampling: [] }

export const storageConfig: Reader<StorageConfig> = (node) => {
  const read = fields(node, {
    tsdb: (at: YamlNode) =>
      fields(at, {
        out_of_order_time_window: duration,
        stale_series_compaction_threshold: shareOfOne,
        chunk_encoding: (encoding: YamlNode) => fields(encoding, { floats: oneOf('', 'xor', 'xor2') }),
        retention: (retention: YamlNode) => fields(retention, { time: duration, size: bytes, percentage, rules: list(retentionRule) }),
        downsampling: list(downsamplingRule),
      }),
    exemplars: (at: YamlNode) => fields(at, { max_exemplars: integer }),
  })
  for (const key of ['stale_series_compaction_threshold', 'chunk_encoding']) {
    node.get('tsdb')?.get(key)?.warn(`${key} tunes the storage engine of Prometheus and has no effect here`)
  }
  const retention = read.tsdb?.retention
  if (retention?.percentage) node.at('tsdb').at('retention').at('percentage').warn('retention by percentage is valid in Prometheus but not built here yet: use size')
  // A section with nothing in it is one without limits, as in Prometheus.
  const hasLimits = retention !== undefined && !(Object.keys(retention).length === 1 && retention.rules !== undefined)
  return {
    outOfOrderWindowMs: read.tsdb?.out_of_order_time_window ?? 0,
    maxExemplars: read.exemplars?.max_exemplars ?? defaultStorageConfig.maxExemplars,
    retention: hasLimits ? { timeMs: retention.time ?? 0, sizeBytes: retention.size ?? 0, percentage: retention.percentage ?? 0 } : undefined,
    retentionRules: retention?.rules ?? [],
    downsampling: read.tsdb?.downsampling ?? [],
  }
}

const retentionRule: Reader<RetentionRuleConfig> = (node) => {
  const rule = fields(node, { match: seriesSelector, time: duration })
  if (rule.match === undefined) return node.fail('a retention rule needs match, a selector such as {job="debug"}')
  if (rule.time === undefined) return node.fail('a retention rule needs time, such as 7d; 0s keeps the series without limit')
  return { ...rule.match, timeMs: rule.time }
}

const downsamplingRule: Reader<DownsamplingConfig> = (node) => {
  const rule = fields(node, { match: seriesSelector, after: duration, resolution })
  if (rule.after === undefined) return node.fail('a downsampling rule needs after, the age from which it holds, such as 30d')
  if (rule.resolution === undefined) return node.fail('a downsampling rule needs resolution, such as 5m')
  return { ...(rule.match ?? { match: '', matchers: [] }), afterMs: rule.after, resolutionMs: rule.resolution }
}

/** Whole parts of the coarsest, so that one joins into another. */
const resolution: Reader<number> = (node) => {
  const resolutionMs = duration(node)
  const isUsable = resolutionMs >= 10_000 && maxResolutionMs % resolutionMs === 0
  if (!isUsable) node.fail(`expected a resolution of 5m or a whole part of it, at least 10s, found ${node.describe()}: with a longer one selectors would miss values`)
  return resolutionMs
}

const seriesSelector: Reader<{ readonly match: string; readonly matchers: readonly Matcher[] }> = (node) => {
  const match = text(node)
  try {
    return { match, matchers: parseSelector(match) }
  } catch (error) {
    return node.fail(`expected a selector such as {job="debug"}: ${errorText(error)}`)
  }
}

const shareOfOne: Reader<number> = (node) => {
  const share = float(node)
  if (!(share >= 0 && share <= 1)) node.fail(`expected a number from 0 to 1, found ${node.describe()}`)
  return share
}

const percentage: Reader<number> = (node) => {
  const value = float(node)
  if (!(value >= 0 && value <= 100)) node.fail(`expected a percentage from 0 to 100, found ${node.describe()}`)
  return value
}
