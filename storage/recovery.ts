// Start-up as the writer thread sees it: puts the data directory in order and reads series and log for the head. Damaged
// files are set aside with a line that names file and reason; the rest is served.

import { errorText } from '../src/base/assert.ts'
import type { LogFields } from '../src/base/log.ts'
import { listLogSegments, listPartitions, removeBuildings, removeDatabase, seriesPath, setAside, type LogSegment, type Partition } from './dataDir.ts'
import { findWalDamage, LogSegmentReader } from './logFile.ts'
import type { LogWriter } from './logWriter.ts'
import { PartitionReader } from './partitionFile.ts'
import { encodeSeriesPage, SeriesFileReader } from './seriesFile.ts'
import { isDamage, isUnfinished, rollBackInterrupted } from './sqlite.ts'
import type { RecoveryPiece } from './writerMessages.ts'

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
function isReadable(deps: RecoveryDeps, partition: Partition): boolean {
  try {
    new PartitionReader(partition.path, partition.startMs).close()
    return true
  } catch (error) {
    if (!isDamage(error)) throw error
    setAsideDamaged(deps, partition.path, error)
    return false
  }
}

/** Moves a damaged file out of the way and says so. One that a kill has left before anything was in it just goes. */
export function setAsideDamaged(deps: RecoveryDeps, path: string, error: unknown): void {
  if (isUnfinished(path)) {
    removeDatabase(path)
    return
  }
  deps.onCorruption()
  const to = setAside(deps.dir, path)
  deps.warn('Set a damaged file aside; the rest is served', { file: path, reason: errorText(error), movedTo: to })
}

/** Records sent to main at a time. */
const bytesPerPiece = 1 << 20

/** All series, page by page, then all log records after `flushedRecord`, in order. Segments stay until the next flush. */
export function* recoverHead(deps: RecoveryDeps): Generator<RecoveryPiece, number> {
  const series = new SeriesFileReader(seriesPath(deps.dir))
  let flushedRecord: number
  try {
    flushedRecord = series.meta().flushedRecord
    const lifetimes = series.lifetimes()
    for (const { page, rows, problem } of series.pages()) {
      if (problem !== undefined) {
        deps.onCorruption()
        deps.warn('A page of series is damaged; their samples cannot be found by labels', { file: seriesPath(deps.dir), page, reason: problem })
      }
      yield { kind: 'series', packed: encodeSeriesPage(rows), lifetimes: lifetimes.get(page) }
    }
    yield { kind: 'seriesEnd' }
  } finally {
    series.close()
  }
  return yield* replayLog(deps, flushedRecord)
}

/** Returns the number of the last record there is. */
function* replayLog(deps: RecoveryDeps, flushedRecord: number): Generator<RecoveryPiece, number> {
  const segments = listLogSegments(deps.dir)
  let last = flushedRecord
  for (const [index, segment] of segments.entries()) {
    let reader: LogSegmentReader
    try {
      reader = new LogSegmentReader(segment.path)
    } catch (error) {
      if (!isDamage(error)) throw error
      setAsideDamaged(deps, segment.path, error)
      continue
    }
    try {
      reportWalDamage(deps, segment)
      const numbers = reader.numbers()
      if (numbers.count > 0 && numbers.first > last + 1) reportGap(deps, segment, last + 1, numbers.first - 1)
      yield* replaySegment(reader, last, { segment: index + 1, segments: segments.length })
      last = Math.max(last, numbers.last)
    } catch (error) {
      if (!isDamage(error)) throw error
      // What was read so far is only here until the next flush, so the file stays.
      deps.onCorruption()
      deps.warn('A log segment is damaged; what lies behind the damage is lost', { file: segment.path, reason: errorText(error) })
    } finally {
      reader.close()
    }
    deps.log.adopt(segment.path, last)
  }
  deps.log.dropUpTo(flushedRecord)
  return last
}

function* replaySegment(reader: LogSegmentReader, after: number, progress: { segment: number; segments: number }): Generator<RecoveryPiece> {
  let numbers: number[] = []
  let bodies: Uint8Array[] = []
  let bytes = 0
  for (const { number, body } of reader.after(after)) {
    numbers.push(number)
    bodies.push(new Uint8Array(body))
    bytes += body.length
    if (bytes < bytesPerPiece) continue
    yield { kind: 'records', ...progress, numbers, bodies }
    numbers = []
    bodies = []
    bytes = 0
  }
  yield { kind: 'records', ...progress, numbers, bodies }
}

function reportWalDamage(deps: RecoveryDeps, segment: LogSegment): void {
  const damage = findWalDamage(`${segment.path}-wal`)
  if (damage === undefined) return
  deps.onCorruption()
  deps.warn('A log segment is damaged; what was committed behind the damage is lost', {
    file: `${segment.path}-wal`,
    offset: damage.offset,
    unreadableFrames: damage.unreadableFrames,
  })
}

function reportGap(deps: RecoveryDeps, segment: LogSegment, first: number, last: number): void {
  deps.onCorruption()
  deps.warn('Log records are missing; a segment was deleted or damaged', { before: segment.path, firstRecord: first, lastRecord: last })
}
