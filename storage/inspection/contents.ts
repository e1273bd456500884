// What is in a data directory, as plain values for people to look at: `solowatch inspect` prints them. Reads only. A file
// that cannot be read is told and left out, as the server does.

import { errorText } from '../../src/base/assert.ts'
import { loadKernelModule } from '../../src/kernels/kernels.ts'
import { CheckpointReader, type CheckpointMeta } from '../files/checkpointFile.ts'
import { sectionCount, type ChunkRow } from '../files/chunkRow.ts'
import { databaseBytes, listCheckpoints, listLogSegments, listPartitions, seriesPath } from '../files/dataDir.ts'
import { LogSegmentReader } from '../files/logFile.ts'
import type { PartitionMeta } from '../files/partitionFile.ts'
import { PartitionReader } from '../files/partitionReader.ts'
import { decodeSeriesPage, SeriesFileReader, seriesPerPage, type SeriesMeta } from '../files/seriesFile.ts'
import { decodeLabels } from '../head/headLabels.ts'
import type { Labels } from '../model/labels.ts'
import { ChunkCodec } from '../partitions/chunkCodec.ts'

/** Called for a file that cannot be read, or not to its end. */
export type OnDamage = (file: string, reason: string) => void

function* fromEach<File extends { readonly path: string }, Reader extends { close(): void }, Found>(
  files: readonly File[],
  onDamage: OnDamage,
  { open, read }: { readonly open: (file: File) => Reader; readonly read: (reader: Reader, file: File) => Iterable<Found> },
): Generator<Found> {
  for (const file of files) {
    let reader: Reader | undefined
    try {
      reader = open(file)
      yield* read(reader, file)
    } catch (error) {
      onDamage(file.path, errorText(error))
    } finally {
      reader?.close()
    }
  }
}

const openPartition = ({ path, startMs }: { readonly path: string; readonly startMs: number }) => new PartitionReader(path, startMs)

export type PartitionContents = { readonly file: string; readonly startMs: number; readonly bytes: number; readonly meta: PartitionMeta | undefined; readonly encodings: readonly EncodingContents[] }

/** Oldest first. */
export function partitionContents(dir: string, onDamage: OnDamage): Iterable<PartitionContents> {
  return fromEach(listPartitions(dir).current, onDamage, {
    open: openPartition,
    read: (reader, { path, startMs }) => [{ file: path, startMs, bytes: databaseBytes(path), meta: reader.meta(), encodings: encodingsOf(reader) }],
  })
}

/** Chunks of one partition that are stored in the same way. */
export type EncodingContents = { readonly encoding: string; readonly chunkCount: number; readonly sampleCount: number; readonly bytes: number }

/** By bytes, largest first; damaged chunks are among them as such. The times, which chunks share, come last. */
function encodingsOf(reader: PartitionReader): EncodingContents[] {
  const found = new Map<string, { encoding: string; chunkCount: number; sampleCount: number; bytes: number }>()
  const add = (encoding: string, sampleCount: number, bytes: number) => {
    const one = found.get(encoding) ?? { encoding, chunkCount: 0, sampleCount: 0, bytes: 0 }
    found.set(encoding, { encoding, chunkCount: one.chunkCount + 1, sampleCount: one.sampleCount + sampleCount, bytes: one.bytes + bytes })
  }
  for (const row of reader.chunksFrom(0)) add(describeChunk(row), sectionCount(row.valuesSection), row.packedBytes)
  const encodings = [...found.values()].sort((a, b) => b.bytes - a.bytes)
  const { count, bytes } = reader.timesSize()
  return [...encodings, { encoding: 'times', chunkCount: count, sampleCount: 0, bytes }]
}

export type SeriesContents = { readonly ref: number; readonly labels: Labels; readonly firstMs: number; readonly lastMs: number }

/** Series on disk by ref; those that are in the log only are not among them. */
export function* seriesContents(dir: string): Generator<SeriesContents> {
  const reader = new SeriesFileReader(seriesPath(dir))
  try {
    const lifetimes = reader.lifetimes()
    for (const { page, packed } of reader.pages()) {
      for (const { ref, labelBytes } of decodeSeriesPage(packed)) {
        const at = 2 * (ref % seriesPerPage)
        const lifetime = lifetimes.get(page)
        yield { ref, labels: decodeLabels(labelBytes), firstMs: lifetime?.[at] ?? Infinity, lastMs: lifetime?.[at + 1] ?? -Infinity }
      }
    }
  } finally {
    reader.close()
  }
}

/** Throws `DataFileError` when it cannot be read. */
export function seriesMeta(dir: string): SeriesMeta {
  const reader = new SeriesFileReader(seriesPath(dir))
  try {
    return reader.meta()
  } finally {
    reader.close()
  }
}

export type ChunkContents = {
  readonly file: string
  readonly slot: number
  readonly isOutOfOrder: boolean
  readonly minTimeMs: number
  readonly maxTimeMs: number
  readonly sampleCount: number
  readonly timesRow: number
  readonly timesBytes: number
  readonly valuesBytes: number
  /** How the values are stored, in words. */
  readonly encoding: string
  /** Set when the chunk cannot be decoded; then there are no samples. */
  readonly problem: string | undefined
  readonly timestampsMs: readonly number[]
  readonly values: readonly number[]
}

/** The chunks of one series, oldest day first, with their samples. */
export function chunkContents(dir: string, ref: number, onDamage: OnDamage): Iterable<ChunkContents> {
  const codec = new ChunkCodec(loadKernelModule())
  return fromEach(listPartitions(dir).current, onDamage, {
    open: openPartition,
    *read(reader, { path }) {
      for (const row of reader.chunks(ref, -Infinity, Infinity)) {
        codec.clear()
        const problem = codec.add(row.timesSection, row.valuesSection)
        const { timestampsMs, values } = codec.columns()
        yield {
          file: path,
          slot: row.slot,
          isOutOfOrder: row.isOutOfOrder,
          minTimeMs: row.minTimeMs,
          maxTimeMs: row.maxTimeMs,
          sampleCount: sectionCount(row.valuesSection),
          timesRow: row.times,
          timesBytes: row.timesSection.length,
          valuesBytes: row.packedBytes,
          encoding: describeChunk(row),
          problem,
          timestampsMs: [...timestampsMs],
          values: [...values],
        }
      }
    },
  })
}

export type LogContents = { readonly file: string; readonly bytes: number; readonly first: number; readonly last: number; readonly count: number }

/** Segments, oldest first. */
export function logContents(dir: string, onDamage: OnDamage): Iterable<LogContents> {
  return fromEach(listLogSegments(dir), onDamage, {
    open: ({ path }) => new LogSegmentReader(path),
    read: (reader, { path }) => [{ file: path, bytes: databaseBytes(path), ...reader.numbers() }],
  })
}

export type CheckpointContents = { readonly file: string; readonly bytes: number; readonly meta: CheckpointMeta }

/** Oldest first. */
export function checkpointContents(dir: string, onDamage: OnDamage): Iterable<CheckpointContents> {
  return fromEach(listCheckpoints(dir), onDamage, {
    open: ({ path }) => new CheckpointReader(path),
    read: (reader, { path }) => [{ file: path, bytes: databaseBytes(path), meta: reader.meta }],
  })
}

function describeChunk(row: ChunkRow): string {
  if (row.valuesSection.length === 0) return 'damaged'
  return `${describeValues(row.valuesSection)}${row.packing === 'plain' ? '' : `, ${row.packing}`}`
}

/** The kind byte of a values section in words; docs/data-format.md has its bits. */
function describeValues(section: Uint8Array): string {
  const kind = section[6] ?? 0
  const mapping = kind & 31
  const numbers = mapping === 31 ? '64-bit words' : mapping === 30 ? `sums of decimals with ${section[7] ?? 0} places` : mapping === 0 ? 'whole numbers' : `decimals with ${mapping} places`
  return `${numbers}${(kind & 32) !== 0 ? ' in runs' : ', packed'}${(kind & 64) !== 0 ? ', with exceptions' : ''}`
}
