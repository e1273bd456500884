// Storage's own metrics, under Prometheus's names where they mean the same.

import type { MetricRegistry } from '../src/base/selfMetrics.ts'
import type { Head } from './head/head.ts'
import type { DiskStats } from './writer/writerMessages.ts'

export type StorageStats = {
  readonly seriesCount: number
  /** Of the samples in memory; NaN when there is none. */
  readonly headMinTimeMs: number
  readonly headMaxTimeMs: number
  /** Of all samples, partitions included; NaN when there is none. */
  readonly lowestTimeMs: number
  readonly partitionCount: number
  readonly partitionBytes: number
  readonly logSegmentCount: number
  /** With the checkpoints. */
  readonly logBytes: number
  /** Damaged files and records met since start. */
  readonly corruptionCount: number
}

export type MetricSources = {
  readonly storage: { stats(): StorageStats }
  readonly head: Head
  readonly disk: () => DiskStats
  readonly limits: () => { readonly retentionMs: number; readonly retentionBytes: number }
  readonly waitingBytes: () => number
}

/** Registers what is observed as it happens; `connect` adds what is read when metrics are printed, once there is storage. */
export function registerStorageMetrics(registry: MetricRegistry) {
  const replaySeconds = registry.gauge('prometheus_tsdb_data_replay_duration_seconds', 'Time taken to replay the data on disk.')
  const commitSeconds = registry.summary('prometheus_tsdb_wal_fsync_duration_seconds', 'Duration of a group commit of the sample log.')
  const flushSeconds = registry.summary('solowatch_storage_flush_duration_seconds', 'Duration of a flush of the head to partitions.')
  const checkpointSeconds = registry.summary('solowatch_storage_checkpoint_duration_seconds', 'Duration of a checkpoint of the head.')
  return {
    replaySeconds,
    commitSeconds,
    flushSeconds,
    checkpointSeconds,
    connect({ storage, head, disk, limits, waitingBytes }: MetricSources): void {
      const gauge = (name: string, help: string, sample: () => number) => registry.sampled(name, help, 'gauge', sample)
      const counter = (name: string, help: string, sample: () => number) => registry.sampled(name, help, 'counter', sample)
      const orZero = (value: number) => (Number.isFinite(value) ? value : 0)

      gauge('prometheus_tsdb_head_series', 'Total number of series in the head block.', () => head.stats().seriesCount)
      counter('prometheus_tsdb_head_series_created_total', 'Total number of series created in the head, those read at start included.', () => {
        const { seriesCount, removedSeries } = head.stats()
        return seriesCount + removedSeries
      })
      counter('prometheus_tsdb_head_series_removed_total', 'Total number of series removed in the head.', () => head.stats().removedSeries)
      gauge('prometheus_tsdb_head_chunks', 'Total number of chunks in the head block.', () => head.stats().chunkCount)
      gauge('prometheus_tsdb_head_min_time', 'Minimum time bound of the head block in milliseconds.', () => orZero(storage.stats().headMinTimeMs))
      gauge('prometheus_tsdb_head_max_time', 'Maximum timestamp of the head block in milliseconds.', () => orZero(storage.stats().headMaxTimeMs))
      gauge('prometheus_tsdb_head_min_time_seconds', 'Minimum time bound of the head block in seconds.', () => orZero(storage.stats().headMinTimeMs) / 1000)
      gauge('prometheus_tsdb_head_max_time_seconds', 'Maximum timestamp of the head block in seconds.', () => orZero(storage.stats().headMaxTimeMs) / 1000)
      registry.sampled('prometheus_tsdb_head_samples_appended_total', 'Total number of appended samples.', 'counter', () => [
        { labels: { type: 'float' }, value: head.stats().appendedSamples },
      ])
      gauge('prometheus_tsdb_symbol_table_size_bytes', 'Size of the shared memory in use for series, labels and samples.', () => head.stats().allocatedBytes)
      gauge('solowatch_storage_memory_bytes', 'Size of the shared memory, used or not.', () => head.stats().memoryBytes)

      gauge('prometheus_tsdb_lowest_timestamp', 'Lowest timestamp value stored in the database, in milliseconds.', () => orZero(storage.stats().lowestTimeMs))
      gauge('prometheus_tsdb_lowest_timestamp_seconds', 'Lowest timestamp value stored in the database.', () => orZero(storage.stats().lowestTimeMs) / 1000)
      gauge('prometheus_tsdb_blocks_loaded', 'Number of currently loaded partitions.', () => disk().partitionCount)
      gauge('prometheus_tsdb_storage_blocks_bytes', 'The number of bytes that are currently used for local storage by all partitions.', () => disk().partitionBytes)
      gauge('prometheus_tsdb_retention_limit_bytes', 'Max number of bytes to be retained in the data directory, 0: no limit.', () => limits().retentionBytes)
      gauge('prometheus_tsdb_retention_limit_seconds', 'How long to retain samples in storage, 0: no limit.', () => limits().retentionMs / 1000)
      counter('prometheus_tsdb_time_retentions_total', 'The number of partitions deleted because the maximum time limit was exceeded.', () => disk().timeRetentionCount)
      counter('prometheus_tsdb_size_retentions_total', 'The number of partitions deleted because the maximum number of bytes was exceeded.', () => disk().sizeRetentionCount)
      counter('prometheus_tsdb_compactions_total', 'Total number of compactions that were executed for partitions.', () => disk().compactionCount)
      counter('prometheus_tsdb_compactions_failed_total', 'Total number of compactions that failed for partitions.', () => disk().compactionFailureCount)

      gauge('prometheus_tsdb_wal_storage_size_bytes', 'Size of the sample log and its checkpoints.', () => storage.stats().logBytes)
      gauge('prometheus_tsdb_wal_segment_current', 'Number of segments of the sample log.', () => storage.stats().logSegmentCount)
      counter('prometheus_tsdb_wal_truncations_total', 'Total number of sample log segments deleted.', () => disk().truncationCount)
      counter('prometheus_tsdb_checkpoint_creations_total', 'Total number of checkpoints written.', () => disk().checkpointCount)
      counter('prometheus_tsdb_wal_corruptions_total', 'Total number of damaged files, chunks and log records met.', () => storage.stats().corruptionCount)
      gauge('solowatch_storage_log_waiting_bytes', 'Bytes of samples that wait to be committed.', waitingBytes)
    },
  }
}
