// The file of a partition, the chunks of one UTC day: its schema, and what reading (partitionReader.ts) and writing
// (partitionWriter.ts) have in common. Rows lie by series, so that a query reads neighbouring pages; timestamps that several
// series share are stored once. Nothing outside of the three knows its SQL.

import { crc32 } from 'node:zlib'
import { DataFileError } from '../model/storageError.ts'
import type { Db, FileKind } from './sqlite.ts'

export const partitionKind: FileKind = {
  name: 'partition',
  version: 1,
  schema: `
    CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE times (id INTEGER PRIMARY KEY, base INTEGER NOT NULL, body BLOB NOT NULL);
    CREATE TABLE chunk (
      id INTEGER PRIMARY KEY,
      first_ms INTEGER NOT NULL,
      last_ms INTEGER NOT NULL,
      out_of_order INTEGER NOT NULL,
      times INTEGER NOT NULL,
      packing INTEGER NOT NULL,
      seal INTEGER NOT NULL,
      body BLOB NOT NULL
    );
    CREATE TABLE aggregate (ref INTEGER PRIMARY KEY, resolution_ms INTEGER NOT NULL, crc INTEGER NOT NULL, body BLOB NOT NULL);
  `,
  // Each chunk that does not fit its page ends in one of its own, half empty on average.
  pageBytes: 1024,
}

/** `chunk.id` is `ref * slotsPerSeries + slot`; a chunk written later has a higher slot. The product stays below 2^53. */
export const slotsPerSeries = 2 ** 21

export function chunkId(ref: number, slot: number): number {
  return ref * slotsPerSeries + slot
}

/** What a partition has of a downsampled series besides its chunks, see buckets.ts: sections of times that series have in common, and what is the series' own. */
export type StoredAggregates = {
  readonly resolutionMs: number
  readonly lastTimes: Uint8Array
  readonly firstTimes: Uint8Array
  readonly counts: Uint8Array
  readonly own: Uint8Array
}

export type PartitionMeta = {
  readonly startMs: number
  readonly nextSlot: number
  readonly chunkCount: number
  readonly sampleCount: number
  /** Sum of all chunk ids modulo 2^32: together with the count it tells that no row went missing. */
  readonly idSum: number
  /** Of all samples; Infinity and -Infinity when there is none. */
  readonly minTimeMs: number
  readonly maxTimeMs: number
  /** Of the chunks, those that are out of order. Missing in files from before it was counted. */
  readonly outOfOrderCount: number | undefined
  /** Chunks written since compaction last rewrote the file; all of them when it never did. */
  readonly looseChunkCount: number
  /** Rows of aggregates, those of series included that are kept as they are. */
  readonly aggregateCount: number
}

/** The rows of times that the body of an aggregate begins with: three, or none when there is nothing else in it. */
export function timesOfAggregate(body: Buffer): number[] {
  return body.length < 12 ? [] : [body.readUInt32LE(0), body.readUInt32LE(4), body.readUInt32LE(8)]
}

/** Of the row and, by their own checksums, of the sections it refers to. */
export function aggregateCrc(ref: number, resolutionMs: number, body: Uint8Array, shared: readonly Uint8Array[]): number {
  return shared.reduce((crc, section) => crc32(section.subarray(0, 4), crc), crc32(body, (ref ^ resolutionMs) >>> 0))
}

export function readPartitionMeta(db: Db, path: string): PartitionMeta | undefined {
  const values = new Map(db.prepare('SELECT name, value FROM meta').raw().all() as [string, number][])
  if (values.size === 0) return undefined
  const read = (name: string): number => {
    const value = values.get(name)
    if (typeof value !== 'number') throw new DataFileError(path, `meta row ${name} is missing`)
    return value
  }
  return {
    startMs: read('startMs'),
    nextSlot: read('nextSlot'),
    chunkCount: read('chunkCount'),
    sampleCount: read('sampleCount'),
    idSum: read('idSum'),
    minTimeMs: values.get('minTimeMs') ?? Infinity,
    maxTimeMs: values.get('maxTimeMs') ?? -Infinity,
    outOfOrderCount: values.get('outOfOrderCount'),
    looseChunkCount: read('looseChunkCount'),
    aggregateCount: values.get('aggregateCount') ?? 0,
  }
}
