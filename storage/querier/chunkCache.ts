// Compressed chunks that a thread has read from partitions, or was lent, kept in its own scratch memory: a dashboard asks for the
// same series every few seconds, and a row of SQLite costs more than decoding what is in it. An entry is all chunks of one
// series in one partition; it is good until the writer says that partitions have changed, because whatever leaves the
// head's memory is in partitions, and said to be, before. Layouts are in src/kernels/assembly/query/stored.ts.

import { Arena } from '../../src/kernels/arena.ts'
import type { Kernels, Pointer } from '../../src/kernels/kernels.ts'
import { Span } from '../../src/kernels/span.ts'
import { sectionCount, type ChunkRow } from '../files/chunkRow.ts'
import type { StoredPartition } from './openPartitions.ts'

const blockBytes = 1024 * 1024
const chunkBytes = 32
const entryHeaderBytes = 8
/** Decoders read up to 8 bytes past a section. */
const padding = 8

type Times = { readonly pointer: Pointer; readonly count: number }
type Entry = { readonly pointer: Pointer; readonly hasOutOfOrder: boolean }
type Cached = { readonly entries: Map<number, Entry>; readonly times: Map<number, Times>; readonly lists: Map<string, Pointer> }

/** In a list, in place of the entry of a series that nobody has asked for. */
const unknown = 1
/** Of one partition, before all are made anew; what they took is given back with all chunks. */
const maxLists = 256

export type ChunkProblem = (row: ChunkRow, reason: string) => void

export class ChunkCache {
  readonly #kernels: Kernels
  readonly #limitBytes: number
  readonly #arena: Arena
  readonly #partitions = new Map<StoredPartition, Cached>()
  readonly #scratch: Span
  #version = 0

  constructor(kernels: Kernels, limitBytes: number) {
    this.#kernels = kernels
    this.#limitBytes = limitBytes
    this.#arena = new Arena(kernels, blockBytes)
    this.#scratch = new Span(kernels)
  }

  /** Another number whenever entries and lists of before are not good any more. */
  get version(): number {
    return this.#version
  }

  /** Partitions have changed: nothing that is kept is good any more. */
  clear(): void {
    this.#version++
    this.#partitions.clear()
    this.#arena.reset()
  }

  /** The series' chunks in the partition; `undefined` when it has none. May throw what SQLite throws. Good until the next call. */
  entry(partition: StoredPartition, ref: number, onProblem: ChunkProblem): Entry | undefined {
    const known = this.#cached(partition).entries.get(ref)
    if (known !== undefined) return known.pointer === 0 ? undefined : known
    partition.begin()
    const rows = partition.reader.chunks(ref, -Infinity, Infinity)
    if (this.#arena.usedBytes + this.#bytesOf(rows) > this.#limitBytes) this.clear()
    const entry = this.#load(partition, rows, onProblem)
    this.#cached(partition).entries.set(ref, entry)
    return entry.pointer === 0 ? undefined : entry
  }

  /** A name for a list of series, the same for the same refs. */
  listKey(refs: Pointer, count: number): string {
    this.#scratch.reserve(16)
    this.#kernels.exports.hash128(refs, 4 * count, this.#scratch.pointer)
    return this.#kernels.bytes.toString('latin1', this.#scratch.pointer, this.#scratch.pointer + 16)
  }

  /** A u32 for each of the series at `refs`: its entry in the partition, 0 when it has none, 1 when it is not known yet. Good until an entry is loaded. */
  list(partition: StoredPartition, key: string, refs: Pointer, count: number): Pointer {
    const { lists, entries } = this.#cached(partition)
    const known = lists.get(key)
    if (known !== undefined) return known
    if (lists.size >= maxLists) lists.clear()
    const pointer = this.#arena.allocate(4 * count)
    const { words } = this.#kernels
    for (let i = 0; i < count; i++) words[pointer / 4 + i] = entries.get(words[refs / 4 + i] as number)?.pointer ?? unknown // inside the memory
    lists.set(key, pointer)
    return pointer
  }

  close(): void {
    this.#arena.close()
    this.#scratch.close()
  }

  #cached(partition: StoredPartition): Cached {
    let cached = this.#partitions.get(partition)
    if (cached === undefined) this.#partitions.set(partition, (cached = { entries: new Map(), times: new Map(), lists: new Map() }))
    return cached
  }

  #bytesOf(rows: readonly ChunkRow[]): number {
    return rows.reduce((sum, row) => sum + row.valuesSection.length + chunkBytes + padding, entryHeaderBytes)
  }

  #load(partition: StoredPartition, rows: readonly ChunkRow[], onProblem: ChunkProblem): Entry {
    const good = rows.flatMap((row) => {
      const isWhole = row.valuesSection.length > 0 && row.timesSection.length > 0
      const times = isWhole ? this.#times(partition, row) : undefined
      if (times !== undefined && this.#canDecode(row, times)) return [{ row, times }]
      onProblem(row, isWhole ? 'cannot be decoded' : 'is not what was written')
      return []
    })
    if (good.length === 0) return { pointer: 0, hasOutOfOrder: false }
    const pointer = this.#arena.allocate(entryHeaderBytes + chunkBytes * good.length)
    this.#kernels.words[pointer / 4] = good.length
    good.forEach(({ row, times }, i) => {
      const body = this.#store(row.valuesSection)
      const at = pointer + entryHeaderBytes + chunkBytes * i
      const { doubles, words } = this.#kernels
      doubles[at / 8] = row.minTimeMs
      doubles[at / 8 + 1] = row.maxTimeMs
      words[at / 4 + 4] = times.pointer
      words[at / 4 + 5] = body
      words[at / 4 + 6] = row.valuesSection.length
      words[at / 4 + 7] = row.isOutOfOrder ? 1 : 0
    })
    return { pointer, hasOutOfOrder: good.some(({ row }) => row.isOutOfOrder) }
  }

  #canDecode({ valuesSection }: ChunkRow, times: Times): boolean {
    if (sectionCount(valuesSection) !== times.count) return false
    this.#scratch.reserve(8 * times.count + valuesSection.length + 2 * padding)
    const section = this.#scratch.pointer + 8 * times.count
    this.#kernels.bytes.set(valuesSection, section)
    return this.#kernels.exports.decodeValues(section, valuesSection.length, this.#scratch.pointer, times.count) === times.count
  }

  /** The record of a times row. The column is decoded when a second series uses it; one of its own is smaller as it is. */
  #times(partition: StoredPartition, { times: id, timesSection: section }: ChunkRow): Times | undefined {
    const known = this.#cached(partition).times.get(id)
    if (known !== undefined) {
      this.#decodeTimes(known)
      return known
    }
    const count = sectionCount(section)
    const bytes = this.#store(section)
    const room = this.#kernels.exports.timesRoom(bytes, section.length)
    this.#scratch.reserve(8 * Math.max(count, room) + padding)
    if (this.#kernels.exports.decodeTimes(bytes, section.length, this.#scratch.pointer, room) !== count) return undefined
    const pointer = this.#arena.allocate(24)
    this.#kernels.words.set([0, count, bytes, section.length, room, 0], pointer / 4)
    const times = { pointer, count }
    this.#cached(partition).times.set(id, times)
    return times
  }

  #decodeTimes({ pointer, count }: Times): void {
    const { exports } = this.#kernels
    if (this.#kernels.word(pointer) !== 0) return
    const room = this.#kernels.word(pointer + 16)
    this.#scratch.reserve(8 * room + padding)
    exports.decodeTimes(this.#kernels.word(pointer + 8), this.#kernels.word(pointer + 12), this.#scratch.pointer, room)
    const column = this.#arena.allocate(8 * count)
    const bytes = this.#kernels.bytes
    bytes.copy(bytes, column, this.#scratch.pointer, this.#scratch.pointer + 8 * count)
    this.#kernels.words[pointer / 4] = column
  }

  #store(section: Uint8Array): Pointer {
    const pointer = this.#arena.allocate(section.length + padding)
    this.#kernels.bytes.set(section, pointer)
    return pointer
  }
}
