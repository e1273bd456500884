// A checkpoint, the only file that knows its SQL: the head's chunks that are in no partition yet, as the head packs them, so
// that the log's records up to some number can go and a start has little left to read. Written under another name, never
// changed, deleted as a whole.

import { crc32 } from 'node:zlib'
import { DataFileError } from '../model/storageError.ts'
import { openForReading, openForWriting, structureProblems, type Db, type FileKind } from './sqlite.ts'

const checkpointKind: FileKind = {
  name: 'checkpoint',
  version: 1,
  // Pieces of a megabyte: with pages of 4 KiB reading them takes three times as long.
  pageBytes: 32_768,
  schema: `
    CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE piece (number INTEGER PRIMARY KEY, crc INTEGER NOT NULL, body BLOB NOT NULL);
  `,
}

export type CheckpointMeta = {
  /** Stands for the log's records behind `afterRecord` up to `upToRecord`; of later ones it may have some samples. */
  readonly afterRecord: number
  readonly upToRecord: number
  readonly pieceCount: number
  readonly chunkCount: number
  readonly sampleCount: number
}

/** Pieces go in one by one; it is complete after `seal`. */
export class CheckpointWriter {
  readonly #db: Db

  constructor(path: string) {
    this.#db = openForWriting(path, checkpointKind, { synchronous: 'off', journal: 'off' })
    this.#db.exec('BEGIN IMMEDIATE')
  }

  add(number: number, body: Uint8Array): void {
    this.#db.prepare('INSERT INTO piece (number, crc, body) VALUES (?, ?, ?)').run(number, crc32(body, number), body)
  }

  seal(meta: CheckpointMeta): void {
    const insert = this.#db.prepare('INSERT INTO meta (name, value) VALUES (?, ?)')
    for (const [name, value] of Object.entries({ ...meta, seal: sealOf(meta) })) insert.run(name, value)
    this.#db.exec('COMMIT')
    this.#db.close()
  }

  close(): void {
    this.#db.close()
  }
}

export class CheckpointReader {
  readonly meta: CheckpointMeta
  readonly #db: Db

  /** Throws `DataFileError` when it is not what was written. */
  constructor(path: string) {
    this.#db = openForReading(path, checkpointKind)
    try {
      this.meta = readMeta(this.#db, path)
    } catch (error) {
      this.#db.close()
      throw error
    }
  }

  /** In order. A piece whose body is not what was written comes without it. */
  *pieces(): Generator<{ readonly number: number; readonly body: Buffer | undefined }> {
    for (const row of this.#db.prepare('SELECT number, crc, body FROM piece ORDER BY number').raw().iterate()) {
      const [number, crc, body] = row as [number, unknown, unknown] // the key; the others may be anything in a damaged file
      const isWritten = Buffer.isBuffer(body) && number >= 0 && number < 2 ** 32 && crc32(body, number) === crc
      yield { number, body: isWritten ? body : undefined }
    }
  }

  structureProblems(): string[] {
    return structureProblems(this.#db)
  }

  close(): void {
    this.#db.close()
  }
}

function readMeta(db: Db, path: string): CheckpointMeta {
  const values = new Map(db.prepare('SELECT name, value FROM meta').raw().all() as [string, number][])
  const meta = {
    afterRecord: values.get('afterRecord') ?? NaN,
    upToRecord: values.get('upToRecord') ?? NaN,
    pieceCount: values.get('pieceCount') ?? NaN,
    chunkCount: values.get('chunkCount') ?? NaN,
    sampleCount: values.get('sampleCount') ?? NaN,
  }
  if (values.get('seal') !== sealOf(meta)) throw new DataFileError(path, 'the rows of meta are not what was written')
  return meta
}

function sealOf({ afterRecord, upToRecord, pieceCount, chunkCount, sampleCount }: CheckpointMeta): number {
  return crc32(`${afterRecord} ${upToRecord} ${pieceCount} ${chunkCount} ${sampleCount}`)
}

export type PackedChunk = {
  readonly ref: number
  readonly isOutOfOrder: boolean
  readonly minTimeMs: number
  readonly maxTimeMs: number
  readonly sampleCount: number
  readonly chunk: Uint8Array
}

const packedHeaderBytes = 36

/** The chunks of a piece; the layout is in src/kernels/assembly/upkeep/checkpoint.ts. Throws where it ends within one. */
export function* unpackPiece(body: Buffer): Generator<PackedChunk> {
  for (let at = 0; at < body.length; ) {
    const length = at + packedHeaderBytes > body.length ? Infinity : body.readUInt32LE(at + 4)
    const end = at + packedHeaderBytes + length
    if (end > body.length) throw new Error(`ends within a chunk at byte ${at}`)
    yield {
      ref: body.readUInt32LE(at),
      isOutOfOrder: (body.readUInt16LE(at + 26) & 1) === 1,
      minTimeMs: Number(body.readBigInt64LE(at + 8)),
      maxTimeMs: Number(body.readBigInt64LE(at + 16)),
      sampleCount: body.readUInt16LE(at + 24),
      chunk: body.subarray(at + packedHeaderBytes, end),
    }
    at = end
  }
}
