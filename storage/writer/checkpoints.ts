// The checkpoints of a data directory as the writer thread sees them: written from the head's list of chunks in steps, named
// when they are complete and on the disk, deleted when their samples are in partitions.

import { renameSync, statSync } from 'node:fs'
import type { Kernels } from '../../src/kernels/kernels.ts'
import { Span } from '../../src/kernels/span.ts'
import { CheckpointWriter } from '../files/checkpointFile.ts'
import { buildingPath, checkpointPath, checkpointsDir, listCheckpoints, removeDatabase, syncDirectory, syncFile } from '../files/dataDir.ts'
import type { FlushTable } from '../head/headFlush.ts'

/** Bytes of a piece at most, and written between two looks at the queue: a millisecond or two. */
const pieceBytes = 1 << 20

type Checkpoint = { readonly path: string; readonly upToRecord: number; readonly bytes: number }

export class Checkpoints {
  readonly #dir: string
  #nextNumber: number
  #all: Checkpoint[] = []

  constructor(dir: string) {
    this.#dir = dir
    this.#nextNumber = (listCheckpoints(dir).at(-1)?.number ?? 0) + 1
  }

  /** One that an earlier run left and that recovery has read. */
  adopt(path: string, upToRecord: number): void {
    this.#all.push({ path, upToRecord, bytes: statSync(path).size })
  }

  /** Each `next()` is one step. When it is done, the chunks of the table are durable. */
  *write(kernels: Kernels, table: FlushTable, records: { readonly afterRecord: number; readonly upToRecord: number }): Generator<void, void> {
    const path = checkpointPath(this.#dir, this.#nextNumber)
    const building = buildingPath(path)
    removeDatabase(building)
    const span = new Span(kernels)
    span.reserve(pieceBytes + 8)
    const out = span.pointer
    let writer: CheckpointWriter | undefined
    try {
      writer = new CheckpointWriter(building)
      let pieceCount = 0
      for (let from = 0; from < table.chunkCount; pieceCount++) {
        from = kernels.exports.packEntries(table.ptr, from, table.chunkCount, out + 8, pieceBytes, out)
        writer.add(pieceCount, new Uint8Array(kernels.buffer, out + 8, kernels.word(out)))
        yield
      }
      writer.seal({ ...records, pieceCount, chunkCount: table.chunkCount, sampleCount: table.sampleCount })
      writer = undefined
      syncFile(building)
      renameSync(building, path)
      syncDirectory(checkpointsDir(this.#dir))
    } finally {
      writer?.close()
      removeDatabase(building)
      span.close()
    }
    this.#nextNumber++
    this.adopt(path, records.upToRecord)
  }

  /** Deletes those that stand for no record after `number`. */
  dropUpTo(number: number): void {
    const dropped = this.#all.filter(({ upToRecord }) => upToRecord <= number)
    if (dropped.length === 0) return
    this.#all = this.#all.filter(({ upToRecord }) => upToRecord > number)
    for (const { path } of dropped) removeDatabase(path)
    syncDirectory(checkpointsDir(this.#dir))
  }

  /** The last record that one stands for, 0 when there is none. */
  get lastRecord(): number {
    return this.#all.at(-1)?.upToRecord ?? 0
  }

  get bytes(): number {
    return this.#all.reduce((sum, { bytes }) => sum + bytes, 0)
  }
}
