// The writer thread's half of a flush: the head's chunks into the partitions of their days, in bounded steps between two
// group commits. The chunks of one series and day in one flush become one chunk.

import { assert, errorText } from '../../src/base/assert.ts'
import { chunkVersion, splitChunk } from '../files/chunkRow.ts'
import { dayMs, dayStartMs, listPartitions, partitionPath, partitionsDir, syncDirectory } from '../files/dataDir.ts'
import { PartitionWriter } from '../files/partitionWriter.ts'
import { isDamage } from '../files/sqlite.ts'
import type { FlushTable } from '../head/headFlush.ts'
import { DataFileError } from '../model/storageError.ts'
import { maxChunkSamples, type ChunkCodec } from './chunkCodec.ts'

/** Chunks handled between two looks at the queue: a few milliseconds. */
const chunksPerStep = 512

export type FlushTaskOptions = {
  readonly dir: string
  readonly memory: WebAssembly.Memory
  readonly codec: ChunkCodec
  readonly table: FlushTable
  /** Called before chunks go to the partition of a day. */
  readonly onPartition: (startMs: number) => void
  /** Called for each series with what of it goes to disk. */
  readonly onSeries: (ref: number, minTimeMs: number, maxTimeMs: number) => void
}

type Entry = {
  readonly ref: number
  readonly isOutOfOrder: boolean
  readonly minTimeMs: number
  readonly maxTimeMs: number
  readonly dataPtr: number
  readonly dataLength: number
  readonly sampleCount: number
}

/** Each `next()` is one step. When it is done, all chunks are durable in their partitions. */
export function* flushSteps(options: FlushTaskOptions): Generator<void, void> {
  const { table, dir } = options
  const order = orderByDay(options.memory, table)
  const paths = new Map(listPartitions(dir).current.map(({ startMs, path }) => [startMs, path]))
  let writer: PartitionWriter | undefined
  let group: Entry[] = []
  try {
    for (let k = 0; k < order.length; k++) {
      const entry = readEntry(options.memory, table, order[k] ?? 0)
      const startMs = dayStartMs(entry.minTimeMs)
      const first = group[0]
      if (first !== undefined && (first.ref !== entry.ref || writer?.startMs !== startMs)) {
        writeGroup(options, writer, group)
        group = []
      }
      if (writer?.startMs !== startMs) {
        writer?.commit()
        options.onPartition(startMs)
        writer = new PartitionWriter({ path: paths.get(startMs) ?? partitionPath(dir, startMs, 1), startMs })
      }
      group.push(entry)
      if (k % chunksPerStep === chunksPerStep - 1) yield
    }
    if (group.length > 0) writeGroup(options, writer, group)
    writer?.commit()
    writer = undefined
    syncDirectory(partitionsDir(dir))
  } catch (error) {
    if (writer === undefined || error instanceof DataFileError || !isDamage(error)) throw error
    throw new DataFileError(writer.path, errorText(error), { cause: error })
  } finally {
    writer?.rollback()
  }
}

/** Entries by day, within a day as they are in the table: by series, in-order before out-of-order. */
function orderByDay(memory: WebAssembly.Memory, table: FlushTable): Uint32Array {
  const view = new DataView(memory.buffer, table.ptr, table.chunkCount * table.entryBytes)
  const order = new Uint32Array(table.chunkCount)
  const days = new Float64Array(table.chunkCount)
  let isSorted = true
  for (let i = 0; i < order.length; i++) {
    order[i] = i
    days[i] = dayStartMs(view.getFloat64(i * table.entryBytes + 8, true)) / dayMs
    if (i > 0 && (days[i] ?? 0) < (days[i - 1] ?? 0)) isSorted = false
  }
  return isSorted ? order : order.sort((a, b) => (days[a] ?? 0) - (days[b] ?? 0) || a - b)
}

function readEntry(memory: WebAssembly.Memory, table: FlushTable, index: number): Entry {
  const view = new DataView(memory.buffer, table.ptr + index * table.entryBytes, table.entryBytes)
  return {
    ref: view.getUint32(0, true),
    isOutOfOrder: (view.getUint32(4, true) & 1) === 1,
    minTimeMs: view.getFloat64(8, true),
    maxTimeMs: view.getFloat64(16, true),
    dataPtr: view.getUint32(24, true),
    dataLength: view.getUint32(28, true),
    sampleCount: view.getUint32(32, true),
  }
}

/** All chunks of one series in one day: the in-order ones joined, the out-of-order ones joined. */
function writeGroup(options: FlushTaskOptions, writer: PartitionWriter | undefined, group: readonly Entry[]): void {
  assert(writer !== undefined, 'no partition is open for a flushed chunk')
  for (const isOutOfOrder of [false, true]) {
    const entries = group.filter((entry) => entry.isOutOfOrder === isOutOfOrder)
    const only = entries[0]
    if (only === undefined) continue
    if (entries.length === 1) addChunk(options, writer, only.ref, isOutOfOrder, chunkBytes(options.memory, only), only.minTimeMs, only.maxTimeMs, only.sampleCount)
    else joinChunks(options, writer, entries)
  }
}

function joinChunks(options: FlushTaskOptions, writer: PartitionWriter, entries: readonly Entry[]): void {
  const { codec, memory } = options
  codec.clear()
  for (const entry of entries) {
    const { timesSection, valuesSection } = splitChunk(chunkBytes(memory, entry))
    const problem = codec.add(timesSection, valuesSection)
    assert(problem === undefined, `a chunk of the head, series ${entry.ref}: ${problem}`)
  }
  codec.merge()
  const ref = entries[0]?.ref ?? 0
  const isOutOfOrder = entries[0]?.isOutOfOrder ?? false
  for (let start = 0; start < codec.count; ) {
    const { count, chunk } = codec.encode(start, Math.min(maxChunkSamples, codec.count - start))
    const times = codec.columns().timestampsMs
    addChunk(options, writer, ref, isOutOfOrder, chunk, times[start] ?? NaN, times[start + count - 1] ?? NaN, count)
    start += count
  }
}

function addChunk(
  options: FlushTaskOptions,
  writer: PartitionWriter,
  ref: number,
  isOutOfOrder: boolean,
  chunk: Uint8Array,
  minTimeMs: number,
  maxTimeMs: number,
  sampleCount: number,
): void {
  writer.add({ ref, minTimeMs, maxTimeMs, isOutOfOrder, sampleCount, ...splitChunk(chunk) })
  options.onSeries(ref, minTimeMs, maxTimeMs)
}

/** The chunk where it lies in the shared memory. */
function chunkBytes(memory: WebAssembly.Memory, entry: Entry): Uint8Array {
  const chunk = new Uint8Array(memory.buffer, entry.dataPtr, entry.dataLength)
  assert(chunk[0] === chunkVersion && ((chunk[2] ?? 0) | ((chunk[3] ?? 0) << 8)) === entry.sampleCount, `the flush table is wrong about a chunk of series ${entry.ref}`)
  return chunk
}
