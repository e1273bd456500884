// Checks the checkpoints and the sample log: every piece and record, and that none is missing between them.

import { existsSync } from 'node:fs'
import { errorText } from '../../src/base/assert.ts'
import { createKernelMemory, createKernels, loadKernelModule } from '../../src/kernels/kernels.ts'
import { CheckpointReader, unpackPiece, type PackedChunk } from '../files/checkpointFile.ts'
import { splitChunk } from '../files/chunkRow.ts'
import { databaseBytes, listCheckpoints, listLogSegments, seriesPath } from '../files/dataDir.ts'
import { LogSegmentReader } from '../files/logFile.ts'
import { SeriesFileReader } from '../files/seriesFile.ts'
import { Head } from '../head/head.ts'
import type { ChunkCodec } from '../partitions/chunkCodec.ts'
import { HeadLoader } from '../writer/headLoader.ts'
import { restore, setAside, type Findings } from './findings.ts'

export class LogCheck {
  readonly #dir: string
  readonly #codec: ChunkCodec
  readonly #findings: Findings

  constructor(dir: string, codec: ChunkCodec, findings: Findings) {
    this.#dir = dir
    this.#codec = codec
    this.#findings = findings
  }

  /** Reads checkpoints and log into a head of its own, as a start would. */
  check(): void {
    const head = new Head({
      kernels: createKernels(loadKernelModule(), createKernelMemory()),
      appendLog: async () => {},
    })
    const loader = new HeadLoader(head.kernels)
    this.#findings.file(seriesPath(this.#dir), restore, () => this.#loadSeries(loader))
    const covered = this.#checkCheckpoints()
    let last = covered
    for (const { path } of listLogSegments(this.#dir)) {
      this.#findings.bytes += databaseBytes(path)
      this.#findings.file(path, setAside, () => {
        const reader = new LogSegmentReader(path)
        try {
          const damage = reader.walDamage()
          if (damage !== undefined) {
            this.#findings.add({ file: `${path}-wal`, table: 'frame', row: `offset ${damage.offset}` }, `checksum is wrong; ${damage.unreadableFrames} frames from there on cannot be read`, setAside)
          }
          const numbers = reader.numbers()
          if (numbers.count > 0 && numbers.first > last + 1) this.#findings.add({ file: path, table: 'record', row: String(numbers.first) }, `records ${last + 1} to ${numbers.first - 1} before it are missing`, restore)
          if (numbers.count > 0 && numbers.last - numbers.first + 1 !== numbers.count) this.#findings.add({ file: path, table: 'record' }, `has ${numbers.count} records numbered ${numbers.first} to ${numbers.last}`, restore)
          for (const { number, body } of reader.after(covered)) {
            this.#findings.logRecords++
            try {
              this.#findings.samples += loader.replay(body).samples
            } catch (error) {
              this.#findings.add({ file: path, table: 'record', row: String(number) }, errorText(error), 'start solowatch: it leaves the record out')
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
    let last = this.#findings.flushedRecord
    for (const { path } of listCheckpoints(this.#dir)) {
      this.#findings.bytes += databaseBytes(path)
      this.#findings.file(path, setAside, () => {
        const reader = new CheckpointReader(path)
        try {
          for (const text of reader.structureProblems()) this.#findings.add({ file: path, table: 'sqlite' }, text, setAside)
          const { meta } = reader
          if (meta.upToRecord <= this.#findings.flushedRecord) return
          this.#findings.hasUnflushed = true
          if (meta.afterRecord > last) this.#findings.add({ file: path, table: 'meta', row: 'afterRecord' }, `records ${last + 1} to ${meta.afterRecord} before it are missing`, restore)
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
        this.#findings.add({ file: path, table: 'piece', row: String(number) }, 'checksum is wrong', `${restore}; a start leaves the piece out`)
        continue
      }
      for (const chunk of unpackPiece(body)) {
        found.chunkCount++
        found.sampleCount += chunk.sampleCount
        const problem = this.#packedProblem(chunk)
        if (problem !== undefined) this.#findings.add({ file: path, table: 'piece', row: String(number) }, `chunk of series ${chunk.ref}: ${problem}`, restore)
      }
    }
    this.#findings.chunks += found.chunkCount
    this.#findings.samples += found.sampleCount
    for (const name of ['pieceCount', 'chunkCount', 'sampleCount'] as const) {
      if (found[name] !== reader.meta[name]) this.#findings.add({ file: path, table: 'meta', row: name }, `says ${reader.meta[name]}, the pieces say ${found[name]}`, `${restore}; some chunks are gone`)
    }
  }

  #packedProblem({ ref, chunk, sampleCount, minTimeMs, maxTimeMs }: PackedChunk): string | undefined {
    if (!this.#findings.refs.has(ref)) return 'the series is not in series.db'
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
        loader.loadPage(packed, undefined, (ref, reason) => this.#findings.add({ file: seriesPath(this.#dir), table: 'series', row: String(page) }, `series ref ${ref}: ${reason}`, restore))
      }
      loader.setNextRef(reader.meta().maxRef + 1)
    } finally {
      reader.close()
    }
  }
}
