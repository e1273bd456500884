// Start-up as the writer thread sees it: puts the data directory in order and reads series and log into the head. Damaged
// files are set aside with a line that names file and reason; the rest is served.

import { errorText } from '../../src/base/assert.ts'
import type { LogFields } from '../../src/base/log.ts'
import { CheckpointReader } from '../files/checkpointFile.ts'
import { listCheckpoints, listLogSegments, listPartitions, removeBuildings, removeDatabase, seriesPath, setAside, type NumberedFile, type Partition } from '../files/dataDir.ts'
import { LogSegmentReader } from '../files/logFile.ts'
import { PartitionReader } from '../files/partitionReader.ts'
import { SeriesFileReader } from '../files/seriesFile.ts'
import { isDamage, isUnfinished, readingFile, rollBackInterrupted } from '../files/sqlite.ts'
import type { Checkpoints } from './checkpoints.ts'
import type { HeadLoader } from './headLoader.ts'
import type { LogWriter } from './logWriter.ts'
import type { ReplayProgress } from './writerMessages.ts'

export type RecoveryDeps = {
  readonly dir: string
  readonly log: LogWriter
  readonly warn: (message: string, fields: LogFields) => void
  /** Called for each file set aside and each record that cannot be read. */
  readonly onCorruption: () => void
}

/** What `tidyDataDir` finds is deleted or set aside; afterwards each day has one readable partition at most. */
export function tidyDataDir(deps: RecoveryDeps): void {
  removeBuildings(deps.dir)
  for (const { path } of [...listPartitions(deps.dir).current, ...listLogSegments(deps.dir)]) rollBackInterrupted(path)
  // What a compaction has replaced is still of use when its replacement is damaged.
  while (listPartitions(deps.dir).current.some((partition) => !isReadable(deps, partition)));
  for (const partition of listPartitions(deps.dir).superseded) removeDatabase(partition.path)
}

/** Moves the file out of the way when it is not. */
function isReadable(deps: RecoveryDeps, { path, startMs }: Partition): boolean {
  const reader = openOrSetAside(deps, path, () => new PartitionReader(path, startMs))
  reader?.close()
  return reader !== undefined
}

/** What `open` gives; `undefined` when the file is damaged, then it is out of the way. */
function openOrSetAside<Reader>(deps: RecoveryDeps, path: string, open: () => Reader): Reader | undefined {
  try {
    return open()
  } catch (error) {
    if (!isDamage(error)) throw error
    setAsideDamaged(deps, path, error)
    return undefined
  }
}

/** Moves a damaged file out of the way and says so. One that a kill has left before anything was in it just goes. */
export function setAsideDamaged(deps: RecoveryDeps, path: string, error: unknown): void {
  if (isUnfinished(path)) {
    removeDatabase(path)
    return
  }
  const to = setAside(deps.dir, path)
  report(deps, 'Set a damaged file aside; the rest is served', { file: path, reason: errorText(error), movedTo: to })
}

export type HeadRecoveryDeps = RecoveryDeps & {
  readonly loader: HeadLoader
  readonly checkpoints: Checkpoints
  /** First and last time on disk of each ref of a page of series, alternating. */
  readonly lifetimes: (page: number) => Float64Array | undefined
  readonly onReplay: (progress: ReplayProgress) => void
}

/**
 * Fills the head: all series, then the checkpoints and the log records after `flushedRecord`. Both stay until the next flush or
 * checkpoint. Returns the number of the last record there is.
 */
export function recoverHead(deps: HeadRecoveryDeps): number {
  const path = seriesPath(deps.dir)
  const flushedRecord = readingFile(path, () => loadSeries(deps, path))
  return replayLog(deps, loadCheckpoints(deps, flushedRecord))
}

/** Returns the number of the last record whose samples are in partitions. */
function loadSeries({ loader, ...deps }: HeadRecoveryDeps, path: string): number {
  const series = new SeriesFileReader(path)
  try {
    const { flushedRecord, maxRef, maxTimeMs } = series.meta()
    for (const { page, packed, problem } of series.pages()) {
      if (problem !== undefined) report(deps, 'A page of series is damaged; their samples cannot be found by labels', { file: path, page, reason: problem })
      loader.loadPage(packed, deps.lifetimes(page), (ref, reason) => report(deps, 'Skipped a series at start', { file: path, ref, reason }))
    }
    loader.setNextRef(maxRef + 1)
    if (Number.isFinite(maxTimeMs)) loader.raiseMaxTime(maxTimeMs)
    return flushedRecord
  } finally {
    series.close()
  }
}

/** Returns the number of the last record that a checkpoint stands for. */
function loadCheckpoints(deps: HeadRecoveryDeps, flushedRecord: number): number {
  let last = flushedRecord
  for (const checkpoint of listCheckpoints(deps.dir)) {
    const reader = openOrSetAside(deps, checkpoint.path, () => new CheckpointReader(checkpoint.path))
    if (reader === undefined) continue
    const { afterRecord, upToRecord } = reader.meta
    try {
      if (upToRecord > flushedRecord) {
        if (afterRecord > last) reportGap(deps, checkpoint, last + 1, afterRecord)
        loadPieces(deps, reader, checkpoint.path)
        last = Math.max(last, upToRecord)
      }
    } catch (error) {
      if (!isDamage(error)) throw error
      report(deps, 'A checkpoint is damaged; what lies behind the damage is lost', { file: checkpoint.path, reason: errorText(error) })
    } finally {
      reader.close()
    }
    deps.checkpoints.adopt(checkpoint.path, upToRecord)
  }
  deps.checkpoints.dropUpTo(flushedRecord)
  return last
}

function loadPieces(deps: HeadRecoveryDeps, reader: CheckpointReader, file: string): void {
  let pieces = 0
  for (const { number, body } of reader.pieces()) {
    pieces++
    if (body === undefined) report(deps, 'A piece of a checkpoint is damaged; its samples are lost', { file, piece: number })
    else deps.loader.loadChunks(body)
  }
  if (pieces < reader.meta.pieceCount) report(deps, 'Pieces of a checkpoint are missing; their samples are lost', { file, missing: reader.meta.pieceCount - pieces })
}

function replayLog(deps: HeadRecoveryDeps, coveredRecord: number): number {
  const segments = listLogSegments(deps.dir)
  let last = coveredRecord
  let samples = 0
  for (const [index, segment] of segments.entries()) {
    const reader = openOrSetAside(deps, segment.path, () => new LogSegmentReader(segment.path))
    if (reader === undefined) continue
    try {
      reportWalDamage(deps, segment, reader)
      const numbers = reader.numbers()
      if (numbers.count > 0 && numbers.first > last + 1) reportGap(deps, segment, last + 1, numbers.first - 1)
      samples += replaySegment(deps, reader, last)
      last = Math.max(last, numbers.last)
    } catch (error) {
      if (!isDamage(error)) throw error
      // What was read so far is only here until the next flush, so the file stays.
      report(deps, 'A log segment is damaged; what lies behind the damage is lost', { file: segment.path, reason: errorText(error) })
    } finally {
      reader.close()
    }
    deps.log.adopt(segment.path, last)
    deps.onReplay({ segment: index + 1, segments: segments.length, samples })
  }
  deps.log.dropUpTo(coveredRecord)
  return last
}

/** Returns how many samples the records after `number` have. */
function replaySegment(deps: HeadRecoveryDeps, reader: LogSegmentReader, after: number): number {
  let samples = 0
  let unknown = 0
  for (const { number, body } of reader.after(after)) {
    try {
      const replayed = deps.loader.replay(body)
      samples += replayed.samples
      unknown += replayed.unknown
    } catch (error) {
      report(deps, 'Skipped a log record at start', { record: number, reason: errorText(error) })
    }
  }
  // Retention has dropped the series before a crash, or the part of series.db that tells its labels is damaged.
  if (unknown > 0) deps.warn('Left out samples of the log whose series is not known', { samples: unknown })
  return samples
}

function reportWalDamage(deps: RecoveryDeps, segment: NumberedFile, reader: LogSegmentReader): void {
  const damage = reader.walDamage()
  if (damage === undefined) return
  report(deps, 'A log segment is damaged; what was committed behind the damage is lost', {
    file: `${segment.path}-wal`,
    offset: damage.offset,
    unreadableFrames: damage.unreadableFrames,
  })
}

function reportGap(deps: RecoveryDeps, file: NumberedFile, first: number, last: number): void {
  report(deps, 'Log records are missing; a file was deleted or damaged', { before: file.path, firstRecord: first, lastRecord: last })
}

function report(deps: RecoveryDeps, message: string, fields: LogFields): void {
  deps.onCorruption()
  deps.warn(message, fields)
}
