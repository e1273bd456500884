// The `storage` section of prometheus.yml: out-of-order window and retention. Both can change on a reload.

import { bytes, duration, fields, float, integer, oneOf } from './base/yamlReaders.ts'
import type { Reader } from './base/yamlReaders.ts'
import type { YamlNode } from './base/yaml.ts'

export type StorageConfig = {
  readonly outOfOrderWindowMs: number
  /** Undefined when the file has no retention section: then the flags count. A 0 is "no limit". */
  readonly retention: { readonly timeMs: number; readonly sizeBytes: number; readonly percentage: number } | undefined
}

export const defaultStorageConfig: StorageConfig = { outOfOrderWindowMs: 0, retention: undefined }

export const storageConfig: Reader<StorageConfig> = (node) => {
  const read = fields(node, {
    tsdb: (at: YamlNode) =>
      fields(at, {
        out_of_order_time_window: duration,
        stale_series_compaction_threshold: shareOfOne,
        chunk_encoding: (encoding: YamlNode) => fields(encoding, { floats: oneOf('', 'xor', 'xor2') }),
        retention: (retention: YamlNode) => fields(retention, { time: duration, size: bytes, percentage }),
      }),
    exemplars: (at: YamlNode) => fields(at, { max_exemplars: integer }),
  })
  for (const key of ['stale_series_compaction_threshold', 'chunk_encoding']) {
    node.get('tsdb')?.get(key)?.warn(`${key} tunes the storage engine of Prometheus and has no effect here`)
  }
  node.get('exemplars')?.warn('exemplars are valid in Prometheus but not built here yet: none are kept')
  const retention = read.tsdb?.retention
  if (retention?.percentage) node.at('tsdb').at('retention').at('percentage').warn('retention by percentage is valid in Prometheus but not built here yet: use size')
  return {
    outOfOrderWindowMs: read.tsdb?.out_of_order_time_window ?? 0,
    retention: retention && { timeMs: retention.time ?? 0, sizeBytes: retention.size ?? 0, percentage: retention.percentage ?? 0 },
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
