// Every invariant of a data directory, as code. Reads only; works on a closed directory and on a copy. Tests run it after
// each use of storage, `solowatch check DIR` prints what it finds.

import { existsSync } from 'node:fs'
import { basename } from 'node:path'
import { errorText } from '../../src/base/assert.ts'
import { createKernelMemory, createKernels, loadKernelModule } from '../../src/kernels/kernels.ts'
import { CheckpointReader, unpackPiece, type PackedChunk } from '../files/checkpointFile.ts'
import { sectionCount, splitChunk, type ChunkRow } from '../files/chunkRow.ts'
import { databaseBytes, dayMs, listCheckpoints, listLogSegments, listPartitions, seriesPath, statePath, tombstonesPath, type Partition } from '../files/dataDir.ts'
import { LogSegmentReader } from '../files/logFile.ts'
import { chunkId } from '../files/partitionFile.ts'
import { PartitionReader } from '../files/partitionReader.ts'
import { decodeSeriesPage, SeriesFileReader, seriesPerPage } from '../files/seriesFile.ts'
import { stateRowProblems } from '../files/stateFile.ts'
import { readTombstones } from '../files/tombstoneFile.ts'
import { Head } from '../head/head.ts'
import { decodeBuckets, notWorthIt, type Buckets } from '../partitions/buckets.ts'
import { ChunkCodec } from '../partitions/chunkCodec.ts'
import { readableSeries } from '../partitions/salvage.ts'
import { HeadLoader } from '../writer/headLoader.ts'

export type Problem = {
  readonly file: string
  /** Table or part of the file; empty when it is the whole file. */
  readonly table: string
  readonly row: string
  readonly problem: string
  readonly wayOut: string
}

export type CheckReport = {
  readonly problems: readonly Problem[]
  readonly seriesCount: number
  readonly partitionCount: number
  readonly chunkCount: number
  readonly sampleCount: number
  readonly logRecordCount: number
  readonly bytes: number
}

const restore = 'restore the file from a backup'
const rewrite = 'start solowatch: what can be read is served, and the first query or compaction that meets the damage has the day rewritten without it, the file kept in damaged/; or restore the file from a backup'
const setAside = 'start solowatch: it sets the file aside and serves the rest; or restore the file from a backup'

/** Checks a data directory that no process is writing to. */
export function checkDataDir(dir: string): CheckReport {
  const checker = new Checker(dir)
  checker.checkSeries()
  checker.checkLog()
  const partitions = listPartitions(dir)
  for (const partition of partitions.current) checker.checkPartition(partition)
  checker.checkState()
  checker.checkTombstones()
  return checker.report(partitions.current.length)
}

class Checker {
  readonly #dir: string
  readonly #problems: Problem[] = []
  readonly #refs = new Set<number>()
  readonly #codec: ChunkCodec
  #lifetimes: ReadonlyMap<number, Float64Array> = new Map()
  #flushedRecord = 0
  /** Whether there are checkpoints. */
  #hasUnflushed = false
  #logRecords = 0
  #chunks = 0
  #samples = 0
  #bytes = 0

  constructor(dir: string) {
    this.#dir = dir
    this.#codec = new ChunkCodec(loadKernelModule())
  }

  report(partitionCount: number): CheckReport {
    return {
      problems: this.#problems,
      seriesCount: this.#refs.size,
      partitionCount,
      chunkCount: this.#chunks,
      sampleCount: this.#samples,
      logRecordCount: this.#logRecords,
      bytes: this.#bytes,
    }
  }

  checkSeries(): void {
    const path = seriesPath(this.#dir)
    if (!existsSync(path)) {
      this.#problem(path, '', '', 'is missing', 'restore it from a backup; without it no sample can be found by its labels')
      return
    }
    this.#bytes += databaseBytes(path)
    this.#file(path, restore, () => {
      const reader = new SeriesFileReader(path)
      try {
        for (const text of reader.structureProblems()) this.#problem(path, 'sqlite', '', text, restore)
        const meta = reader.meta()
        this.#flushedRecord = meta.flushedRecord
        for (const { page, packed, problem } of reader.pages()) {
          if (problem !== undefined) this.#problem(path, 'series', String(page), problem, `${restore}; otherwise its series are not found`)
          for (const { ref } of decodeSeriesPage(packed)) {
            this.#refs.add(ref)
            if (ref > meta.maxRef) this.#problem(path, 'series', String(page), `series ref ${ref} is above the highest given out, ${meta.maxRef}`, restore)
          }
        }
        const missing = reader.missingPages()
        if (missing !== undefined) this.#problem(path, 'series', '', missing, `${restore}; otherwise the series of the others are not found`)
        for (const page of reader.damagedLifetimePages()) this.#problem(path, 'lifetime', String(page), 'checksum is wrong', 'harmless: its series count as living all the time')
        this.#lifetimes = reader.lifetimes()
      } finally {
        reader.close()
      }
    })
  }

  /** Reads checkpoints and log into a head of its own, as a start would. */
  checkLog(): void {
    const head = new Head({
      kernels: createKernels(loadKernelModule(), createKernelMemory()),
      appendLog: async () => {},
    })
    const loader = new HeadLoader(head.kernels)
    this.#file(seriesPath(this.#dir), restore, () => this.#loadSeries(loader))
    const covered = this.#checkCheckpoints()
    let last = covered
    for (const { path } of listLogSegments(this.#dir)) {
      this.#bytes += databaseBytes(path)
      this.#file(path, setAside, () => {
        const reader = new LogSegmentReader(path)
        try {
          const damage = reader.walDamage()
          if (damage !== undefined) {
            this.#problem(`${path}-wal`, 'frame', `offset ${damage.offset}`, `checksum is wrong; ${damage.unreadableFrames} frames from there on cannot be read`, setAside)
          }
          const numbers = reader.numbers()
          if (numbers.count > 0 && numbers.first > last + 1) this.#problem(path, 'record', String(numbers.first), `records ${last + 1} to ${numbers.first - 1} before it are missing`, restore)
          if (numbers.count > 0 && numbers.last - numbers.first + 1 !== numbers.count) this.#problem(path, 'record', '', `has ${numbers.count} records numbered ${numbers.first} to ${numbers.last}`, restore)
          for (const { number, body } of reader.after(covered)) {
            this.#logRecords++
            try {
              this.#samples += loader.replay(body).samples
            } catch (error) {
              this.#problem(path, 'record', String(number), errorText(error), 'start solowatch: it leaves the record out')
            }
          }
          last = Math.max(last, numbers.last)
        } finally {
          reader.close()
        }
      })
    }
    head.close()
  }

  /** Returns the last record that partitions and checkpoints stand for. */
  #checkCheckpoints(): number {
    let last = this.#flushedRecord
    for (const { path } of listCheckpoints(this.#dir)) {
      this.#bytes += databaseBytes(path)
      this.#file(path, setAside, () => {
        const reader = new CheckpointReader(path)
        try {
          for (const text of reader.structureProblems()) this.#problem(path, 'sqlite', '', text, setAside)
          const { meta } = reader
          if (meta.upToRecord <= this.#flushedRecord) return
          this.#hasUnflushed = true
          if (meta.afterRecord > last) this.#problem(path, 'meta', 'afterRecord', `records ${last + 1} to ${meta.afterRecord} before it are missing`, restore)
          this.#checkPieces(reader, path)
          last = Math.max(last, meta.upToRecord)
        } finally {
          reader.close()
        }
      })
    }
    return last
  }

  #checkPieces(reader: CheckpointReader, path: string): void {
    const found = { pieceCount: 0, chunkCount: 0, sampleCount: 0 }
    for (const { number, body } of reader.pieces()) {
      found.pieceCount++
      if (body === undefined) {
        this.#problem(path, 'piece', String(number), 'checksum is wrong', `${restore}; a start leaves the piece out`)
        continue
      }
      for (const chunk of unpackPiece(body)) {
        found.chunkCount++
        found.sampleCount += chunk.sampleCount
        const problem = this.#packedProblem(chunk)
        if (problem !== undefined) this.#problem(path, 'piece', String(number), `chunk of series ${chunk.ref}: ${problem}`, restore)
      }
    }
    this.#chunks += found.chunkCount
    this.#samples += found.sampleCount
    for (const name of ['pieceCount', 'chunkCount', 'sampleCount'] as const) {
      if (found[name] !== reader.meta[name]) this.#problem(path, 'meta', name, `says ${reader.meta[name]}, the pieces say ${found[name]}`, `${restore}; some chunks are gone`)
    }
  }

  #packedProblem({ ref, chunk, sampleCount, minTimeMs, maxTimeMs }: PackedChunk): string | undefined {
    if (!this.#refs.has(ref)) return 'the series is not in series.db'
    const { timesSection, valuesSection } = splitChunk(chunk)
    this.#codec.clear()
    const problem = this.#codec.add(timesSection, valuesSection)
    if (problem !== undefined) return problem
    const { timestampsMs } = this.#codec.columns()
    const first = timestampsMs[0] ?? NaN
    const last = timestampsMs.at(-1) ?? NaN
    if (timestampsMs.length === sampleCount && first === minTimeMs && last === maxTimeMs) return undefined
    return `holds ${timestampsMs.length} samples of ${first} to ${last}, not ${sampleCount} of ${minTimeMs} to ${maxTimeMs}`
  }

  #loadSeries(loader: HeadLoader): void {
    if (!existsSync(seriesPath(this.#dir))) return
    const reader = new SeriesFileReader(seriesPath(this.#dir))
    try {
      for (const { page, packed } of reader.pages()) {
        loader.loadPage(packed, undefined, (ref, reason) => this.#problem(seriesPath(this.#dir), 'series', String(page), `series ref ${ref}: ${reason}`, restore))
      }
      loader.setNextRef(reader.meta().maxRef + 1)
    } finally {
      reader.close()
    }
  }

  checkPartition(partition: Partition): void {
    this.#bytes += databaseBytes(partition.path)
    this.#file(partition.path, setAside, () => {
      const reader = new PartitionReader(partition.path, partition.startMs)
      try {
        const structure = reader.structureProblems()
        for (const text of structure) this.#problem(partition.path, 'sqlite', '', text, rewrite)
        if (structure.length === 0) this.#checkChunks(reader)
        else this.#checkReadable(reader)
        if (structure.length === 0 && reader.hasAggregates) this.#checkAggregates(reader)
      } finally {
        reader.close()
      }
    })
  }

  /** What of a file with damaged pages can be read, series by series. */
  #checkReadable(reader: PartitionReader): void {
    const { path } = reader
    const found = { chunkCount: 0, sampleCount: 0 }
    const refs = [...this.#refs].sort((a, b) => a - b)
    for (const rows of readableSeries(reader, refs, this.#codec, ({ ref, problem }) => this.#problem(path, 'chunk', `series ${ref}`, problem, rewrite))) {
      found.chunkCount += rows.length
      for (const row of rows) found.sampleCount += sectionCount(row.valuesSection)
    }
    this.#chunks += found.chunkCount
    this.#samples += found.sampleCount
    const meta = reader.meta()
    if (meta === undefined || found.chunkCount === meta.chunkCount) return
    this.#problem(path, 'meta', '', `${meta.chunkCount - found.chunkCount} chunks of ${meta.chunkCount}, ${meta.sampleCount - found.sampleCount} samples of ${meta.sampleCount} cannot be read`, rewrite)
  }

  #checkChunks(reader: PartitionReader): void {
    const { path } = reader
    const meta = reader.meta()
    const unusedTimes = new Set(reader.timesIds())
    for (const id of [...reader.timesBases(), ...reader.timesOfAggregates()]) unusedTimes.delete(id)
    let chunkCount = 0
    let sampleCount = 0
    let idSum = 0
    for (const row of reader.chunksFrom(0)) {
      chunkCount++
      sampleCount += sectionCount(row.valuesSection)
      idSum = (idSum + (chunkId(row.ref, row.slot) % 2 ** 32)) % 2 ** 32
      unusedTimes.delete(row.times)
      const problem = this.#chunkProblem(reader, row) ?? (meta !== undefined && row.slot >= meta.nextSlot ? `slot is not below the next free one, ${meta.nextSlot}` : undefined)
      if (problem !== undefined) this.#problem(path, 'chunk', `series ${row.ref}, slot ${row.slot}`, problem, `${restore}; queries leave the chunk out`)
    }
    this.#chunks += chunkCount
    this.#samples += sampleCount
    for (const id of unusedTimes) this.#problem(path, 'times', String(id), 'nothing refers to it', restore)
    if (meta === undefined) {
      if (chunkCount > 0) this.#problem(path, 'meta', '', `is empty, but there are ${chunkCount} chunks`, restore)
      return
    }
    const expect = (name: string, found: number, expected: number) => {
      if (found !== expected) this.#problem(path, 'meta', name, `says ${expected}, the chunks say ${found}`, `${restore}; some chunks are gone`)
    }
    expect('chunkCount', chunkCount, meta.chunkCount)
    expect('sampleCount', sampleCount, meta.sampleCount)
    expect('idSum', idSum, meta.idSum)
  }

  #checkAggregates(reader: PartitionReader): void {
    const wayOut = `${restore}; queries over ranges leave the day of the series out`
    const resolutions = reader.aggregateResolutions()
    const expected = reader.meta()?.aggregateCount ?? 0
    if (resolutions.size !== expected) this.#problem(reader.path, 'meta', 'aggregateCount', `says ${expected}, there are ${resolutions.size}`, wayOut)
    for (const ref of resolutions.keys()) {
      const problem = aggregatesProblem(reader, ref, this.#codec)
      if (problem !== undefined) this.#problem(reader.path, 'aggregate', `series ${ref}`, problem, wayOut)
    }
  }

  #chunkProblem(reader: PartitionReader, row: ChunkRow): string | undefined {
    if (!this.#refs.has(row.ref)) return `series ref ${row.ref} is not in series.db`
    if (row.timesSection.length === 0) return `times row ${row.times} is missing`
    if (row.valuesSection.length === 0) return 'its values are gone or the row is not what was written'
    this.#codec.clear()
    const problem = this.#codec.add(row.timesSection, row.valuesSection)
    if (problem !== undefined) return problem
    const { timestampsMs } = this.#codec.columns()
    const first = timestampsMs[0] ?? NaN
    const last = timestampsMs[timestampsMs.length - 1] ?? NaN
    if (first !== row.minTimeMs || last !== row.maxTimeMs) return `holds times ${first} to ${last}, the row says ${row.minTimeMs} to ${row.maxTimeMs}`
    if (first < reader.startMs || last >= reader.startMs + dayMs) return `holds times ${first} to ${last}, outside its day`
    return this.#lifetimeProblem(row)
  }

  /** Lifetimes are written after the chunks; with records in the log they may be behind. */
  #lifetimeProblem(row: ChunkRow): string | undefined {
    if (this.#logRecords > 0 || this.#hasUnflushed) return undefined
    const page = this.#lifetimes.get(Math.floor(row.ref / seriesPerPage))
    const at = 2 * (row.ref % seriesPerPage)
    const firstMs = page?.[at] ?? Infinity
    const lastMs = page?.[at + 1] ?? -Infinity
    if (firstMs > row.minTimeMs || lastMs < row.maxTimeMs) return `lies outside the lifetime of its series in series.db, ${firstMs} to ${lastMs}`
    return undefined
  }

  checkState(): void {
    const path = statePath(this.#dir)
    if (!existsSync(path)) return
    this.#bytes += databaseBytes(path)
    this.#file(path, setAside, () => {
      for (const { table, row, problem } of stateRowProblems(path)) this.#problem(path, table, row, problem, restore)
    })
  }

  checkTombstones(): void {
    const path = tombstonesPath(this.#dir)
    if (!existsSync(path)) return
    this.#bytes += databaseBytes(path)
    this.#file(path, setAside, () => {
      const { hidden, damaged, missing } = readTombstones(this.#dir)
      if (missing !== undefined) this.#problem(path, 'tombstone', '', missing, `${restore}; otherwise what the others hid may be seen again`)
      if (damaged > 0) this.#problem(path, 'tombstone', '', `${damaged} rows are damaged: what they hid may be seen again`, restore)
      for (const [ref, ranges] of hidden) {
        if (ranges.some(({ minTimeMs, maxTimeMs }) => !(minTimeMs <= maxTimeMs))) this.#problem(path, 'tombstone', `series ${ref}`, 'ends before it begins', restore)
      }
    })
  }

  /** What a whole file throws is a problem of the file. */
  #file(path: string, wayOut: string, work: () => void): void {
    try {
      work()
    } catch (error) {
      this.#problem(path, '', '', errorText(error), wayOut)
    }
  }

  #problem(file: string, table: string, row: string, problem: string, wayOut: string): void {
    this.#problems.push({ file, table, row, problem, wayOut })
  }
}

function aggregatesProblem(reader: PartitionReader, ref: number, codec: ChunkCodec): string | undefined {
  try {
    const buckets = decodeBuckets(reader.aggregates(ref) ?? notWorthIt, () => NaN, codec)
    return typeof buckets === 'string' ? buckets : bucketProblem(buckets, reader.startMs)
  } catch (error) {
    return errorText(error)
  }
}

function bucketProblem({ length, firstMs, lastMs, count }: Buckets, startMs: number): string | undefined {
  let beforeMs = startMs - 1
  for (let k = 0; k < length; k++) {
    const first = firstMs[k] ?? NaN
    const last = lastMs[k] ?? NaN
    if (!(first > beforeMs && last > first && last < startMs + dayMs)) return `a bucket from ${first} to ${last} is not in its place`
    if (!((count[k] ?? 0) >= 2)) return `a bucket at ${first} has ${count[k]} samples`
    beforeMs = last
  }
  return undefined
}

/** One line per problem, for people. */
export function formatProblem({ file, table, row, problem, wayOut }: Problem): string {
  const place = [basename(file), table, row].filter((part) => part !== '').join(' ')
  return `${place}: ${problem} (${wayOut})`
}
