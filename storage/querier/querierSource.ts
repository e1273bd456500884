// The way to the samples for one query worker: opens what reads the head and the disk, and gives queriers over both. What a
// worker keeps from query to query lies here.

import { BroadcastChannel } from 'node:worker_threads'
import { openHeadReader, type HeadReaderInit } from '../head/headReader.ts'
import { createBucketReader } from './bucketReader.ts'
import { ChunkCache } from './chunkCache.ts'
import type { DiskView } from './diskView.ts'
import { createHiddenSamples } from './hiddenSamples.ts'
import { ChunkLender, type LentChunks } from './lentChunks.ts'
import { createLifetimes } from './lifetimes.ts'
import { OpenPartitions } from './openPartitions.ts'
import { createQuerier, type Querier, type QuerierDeps } from './querier.ts'
import type { DamageReport } from './seriesReads.ts'

/** Everything a query worker needs to read; survives structured cloning. Each worker has its own. */
export type QuerierInit = {
  readonly dir: string
  readonly head: HeadReaderInit
  /** One Int32 that grows whenever partitions change. */
  readonly partitionsGeneration: SharedArrayBuffer
  /** Name of the channel on which damage is reported to the main thread. */
  readonly damageChannel: string
}

export type QuerierSource = {
  /** One at a time: close a querier before the next. `check` is called while series are looked for, and may throw to end it. */
  querier(options?: { readonly lends?: boolean; readonly check?: () => void }): Querier
  /** The chunks that the querier, which lends and is still open, has read. */
  lent(): LentChunks
  /** Of the partitions, as of the last querier. */
  readonly generation: number
  /** Reads the disk when something changed there. */
  diskView(): DiskView
  close(): void
}

/** Partitions that are looked at to find out; memory holds hours. */
const viewedPartitions = 3

/** Chunks kept by one worker. 10,000 series x 6 h at 15 s take 20 to 30 MB. */
const keptChunkBytes = 64 * 1024 * 1024

/** Opens the way to the samples, once per worker. */
export function openQuerierSource(init: QuerierInit): QuerierSource {
  const head = openHeadReader(init.head)
  const channel = new BroadcastChannel(init.damageChannel)
  channel.unref()
  const reported = new Set<string>()
  const onDamage = (report: DamageReport) => {
    const key = `${report.file} ${report.reason}`
    if (reported.has(key)) return
    reported.add(key)
    channel.postMessage(report)
  }
  const partitions = new OpenPartitions({ dir: init.dir, generation: init.partitionsGeneration, onDamage })
  const chunks = new ChunkCache(head.kernels, keptChunkBytes)
  let lender: ChunkLender | undefined
  const lentChunks: QuerierDeps['chunks'] = {
    entry(partition, ref, onProblem) {
      lender?.note(partition, ref)
      return chunks.entry(partition, ref, onProblem)
    },
  }
  const lifetimes = createLifetimes(init.dir)
  const hidden = createHiddenSamples(init.dir)
  const buckets = createBucketReader(init.head.module, onDamage)
  return {
    querier({ lends = false, check } = {}) {
      head.pin()
      lender = lends ? new ChunkLender() : undefined
      if (partitions.refresh()) {
        lifetimes.forget()
        hidden.forget()
        chunks.clear()
      }
      return createQuerier({ head, partitions, ...(lends ? { chunks: lentChunks } : { chunks, lists: chunks }), lifetimes, hidden, buckets, onDamage, ...(check && { check }) })
    },
    lent: () => lender?.lend(partitions.generation) ?? { generation: partitions.generation, series: [] },
    get generation() {
      return partitions.generation
    },
    diskView() {
      const { generation } = partitions
      try {
        return { generation, plainFromMs: Math.max(partitions.plainFromMs(viewedPartitions), hidden.newestMs() + 1), startsMs: partitions.startsMs(viewedPartitions) }
      } catch {
        return { generation, plainFromMs: Infinity, startsMs: [] } // damaged: queries of the disk say so
      }
    },
    close() {
      partitions.close()
      chunks.close()
      head.close()
      channel.close()
    },
  }
}
