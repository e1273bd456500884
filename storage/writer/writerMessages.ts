// What the main thread and the writer thread say to each other. Everything here survives structured cloning.

import type { LogFields, LogLevel } from '../../src/base/log.ts'
import type { SyncMode } from '../files/logFile.ts'
import type { LedgerQuery, LedgerRow, StateRow } from '../files/stateFile.ts'
import type { FlushTable } from '../head/headFlush.ts'
import type { HeadReaderInit } from '../head/headReader.ts'
import type { MatcherText } from '../model/matcher.ts'
import type { TimeRange } from '../model/sample.ts'
import type { Maintenance } from '../partitions/partitionKeeper.ts'

export type WriterInit = {
  readonly dir: string
  readonly memory: WebAssembly.Memory
  readonly module: WebAssembly.Module
  /** One Int32: grows by one whenever a partition file appears, changes or goes, so that queriers look again. */
  readonly partitionsGeneration: SharedArrayBuffer
  readonly sync: SyncMode
  readonly segmentBytes: number
  /** Whether a second process on the same directory is refused. */
  readonly lockFile: boolean
}

/** A record of the log in the shared memory, or, when an earlier try failed and the memory is gone, its bytes. */
export type AppendEntry = { readonly number: number; readonly ptr: number; readonly length: number } | { readonly number: number; readonly bytes: Uint8Array }

export type FlushRequest = {
  readonly to: 'partitions' | 'checkpoint'
  readonly table: FlushTable
  /** Records of the log up to this one are in the table. */
  readonly upToRecord: number
  readonly maxRef: number
  readonly maxTimeMs: number
}

export type ToWriter =
  /** `epoch` grows when main has heard of a failure; messages of an older epoch are dropped, their records come again. */
  | { readonly kind: 'append'; readonly epoch: number; readonly entries: readonly AppendEntry[] }
  /** Records from here on go to a new segment. */
  | { readonly kind: 'rotate' }
  | { readonly kind: 'request'; readonly id: number; readonly request: WriterRequest }

export type WriterRequest =
  /** Answered at once: by then the directory is ours and in order. */
  | { readonly kind: 'begin' }
  /** Fills the head. Until it is answered, nobody else uses the shared memory. */
  | { readonly kind: 'recover' }
  | { readonly kind: 'state'; readonly rows: readonly StateRow[] }
  | { readonly kind: 'ledger'; readonly query: LedgerQuery }
  /** New series of the flush or checkpoint that follows, packed as in a series page. */
  | { readonly kind: 'series'; readonly packed: Uint8Array }
  | { readonly kind: 'flush'; readonly flush: FlushRequest }
  /** `reader` is the writer's own way into the head, the same each time. */
  | { readonly kind: 'maintain'; readonly reader: HeadReaderInit; readonly maintenance: Maintenance }
  | { readonly kind: 'delete'; readonly reader: HeadReaderInit; readonly sets: readonly (readonly MatcherText[])[]; readonly range: TimeRange }
  /** Takes what tombstones hide out of the partitions; everything was flushed before. */
  | { readonly kind: 'clean' }
  /** Copies the data directory to `snapshots/NAME` below it. */
  | { readonly kind: 'snapshot'; readonly name: string; readonly withLog: boolean }
  /** Memory has dropped what it held at the last cleaning. */
  | { readonly kind: 'forgetCleaned' }
  /** Which series have no samples on disk from this time on. */
  | { readonly kind: 'ended'; readonly beforeMs: number }
  /** Series of which there is nothing on disk and in memory. */
  | { readonly kind: 'dropSeries'; readonly refs: Uint32Array }
  /** A reader took this partition for damaged: look, and set it aside if it is. */
  | { readonly kind: 'suspect'; readonly path: string }
  | { readonly kind: 'close' }

/** What was found on disk at start; series and samples are in the head by then. */
export type Recovered = {
  /** Rows of the state file. */
  readonly state: readonly (readonly [kind: string, key: string, json: string])[]
  /** Series up to this ref are on disk. */
  readonly maxRef: number
  /** Of the samples in partitions; -Infinity when there are none. */
  readonly maxTimeMs: number
  /** The number that the next record of the log gets. */
  readonly nextRecord: number
  readonly stats: DiskStats
}

export type ReplayProgress = { readonly segment: number; readonly segments: number; readonly samples: number }

export type DiskStats = {
  readonly partitionCount: number
  readonly partitionBytes: number
  /** Of the oldest partition; NaN when there is none. */
  readonly minTimeMs: number
  /** Where the day of the oldest partition begins; NaN when there is none. */
  readonly oldestDayMs: number
  readonly logSegmentCount: number
  readonly logBytes: number
  readonly checkpointBytes: number
  readonly checkpointCount: number
  /** Files set aside and records skipped since start. */
  readonly corruptionCount: number
  readonly compactionCount: number
  readonly compactionFailureCount: number
  readonly timeRetentionCount: number
  readonly sizeRetentionCount: number
  readonly truncationCount: number
}

export type WriterAnswer =
  | { readonly kind: 'none' }
  | { readonly kind: 'begun'; readonly hasSamples: boolean }
  | { readonly kind: 'recovered'; readonly recovered: Recovered }
  | { readonly kind: 'ledger'; readonly rows: readonly LedgerRow[] }
  | { readonly kind: 'stats'; readonly stats: DiskStats }
  /** Ascending. */
  | { readonly kind: 'refs'; readonly refs: Uint32Array }

export type FromWriter =
  | { readonly kind: 'appended'; readonly lastNumber: number; readonly logBytes: number; readonly logSegmentCount: number; readonly commitSeconds: number }
  | { readonly kind: 'appendFailed'; readonly epoch: number; readonly firstNumber: number; readonly message: string }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: WriterAnswer }
  | { readonly kind: 'failed'; readonly id: number; readonly message: string; readonly isRefusal: boolean }
  | { readonly kind: 'replay'; readonly progress: ReplayProgress }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly message: string; readonly fields: LogFields }
