// Checks partitions: every chunk, what downsampling made of series, and that nothing is missing.

import { errorText } from '../../src/base/assert.ts'
import { sectionCount, type ChunkRow } from '../files/chunkRow.ts'
import { databaseBytes, dayMs, type Partition } from '../files/dataDir.ts'
import { chunkId } from '../files/partitionFile.ts'
import { PartitionReader } from '../files/partitionReader.ts'
import { seriesPerPage } from '../files/seriesFile.ts'
import { decodeBuckets, notWorthIt, type Buckets } from '../partitions/buckets.ts'
import type { ChunkCodec } from '../partitions/chunkCodec.ts'
import { readableSeries } from '../partitions/salvage.ts'
import { restore, rewrite, setAside, type Findings } from './findings.ts'

export class PartitionCheck {
  readonly #codec: ChunkCodec
  readonly #findings: Findings

  /** Series and log have been looked at before. */
  constructor(codec: ChunkCodec, findings: Findings) {
    this.#codec = codec
    this.#findings = findings
  }

  check(partition: Partition): void {
    this.#findings.bytes += databaseBytes(partition.path)
    this.#findings.file(partition.path, setAside, () => {
      const reader = new PartitionReader(partition.path, partition.startMs)
      try {
        const structure = reader.structureProblems()
        for (const text of structure) this.#findings.add({ file: partition.path, table: 'sqlite' }, text, rewrite)
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
    const refs = [...this.#findings.refs].sort((a, b) => a - b)
    for (const rows of readableSeries(reader, refs, this.#codec, ({ ref, problem }) => this.#findings.add({ file: path, table: 'chunk', row: `series ${ref}` }, problem, rewrite))) {
      found.chunkCount += rows.length
      for (const row of rows) found.sampleCount += sectionCount(row.valuesSection)
    }
    this.#findings.chunks += found.chunkCount
    this.#findings.samples += found.sampleCount
    const meta = reader.meta()
    if (meta === undefined || found.chunkCount === meta.chunkCount) return
    this.#findings.add({ file: path, table: 'meta' }, `${meta.chunkCount - found.chunkCount} chunks of ${meta.chunkCount}, ${meta.sampleCount - found.sampleCount} samples of ${meta.sampleCount} cannot be read`, rewrite)
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
      if (problem !== undefined) this.#findings.add({ file: path, table: 'chunk', row: `series ${row.ref}, slot ${row.slot}` }, problem, `${restore}; queries leave the chunk out`)
    }
    this.#findings.chunks += chunkCount
    this.#findings.samples += sampleCount
    for (const id of unusedTimes) this.#findings.add({ file: path, table: 'times', row: String(id) }, 'nothing refers to it', restore)
    if (meta === undefined) {
      if (chunkCount > 0) this.#findings.add({ file: path, table: 'meta' }, `is empty, but there are ${chunkCount} chunks`, restore)
      return
    }
    const expect = (name: string, found: number, expected: number) => {
      if (found !== expected) this.#findings.add({ file: path, table: 'meta', row: name }, `says ${expected}, the chunks say ${found}`, `${restore}; some chunks are gone`)
    }
    expect('chunkCount', chunkCount, meta.chunkCount)
    expect('sampleCount', sampleCount, meta.sampleCount)
    expect('idSum', idSum, meta.idSum)
  }

  #checkAggregates(reader: PartitionReader): void {
    const wayOut = `${restore}; queries over ranges leave the day of the series out`
    const resolutions = reader.aggregateResolutions()
    const expected = reader.meta()?.aggregateCount ?? 0
    if (resolutions.size !== expected) this.#findings.add({ file: reader.path, table: 'meta', row: 'aggregateCount' }, `says ${expected}, there are ${resolutions.size}`, wayOut)
    for (const ref of resolutions.keys()) {
      const problem = aggregatesProblem(reader, ref, this.#codec)
      if (problem !== undefined) this.#findings.add({ file: reader.path, table: 'aggregate', row: `series ${ref}` }, problem, wayOut)
    }
  }

  #chunkProblem(reader: PartitionReader, row: ChunkRow): string | undefined {
    if (!this.#findings.refs.has(row.ref)) return `series ref ${row.ref} is not in series.db`
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
    if (this.#findings.logRecords > 0 || this.#findings.hasUnflushed) return undefined
    const page = this.#findings.lifetimes.get(Math.floor(row.ref / seriesPerPage))
    const at = 2 * (row.ref % seriesPerPage)
    const firstMs = page?.[at] ?? Infinity
    const lastMs = page?.[at + 1] ?? -Infinity
    if (firstMs > row.minTimeMs || lastMs < row.maxTimeMs) return `lies outside the lifetime of its series in series.db, ${firstMs} to ${lastMs}`
    return undefined
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
