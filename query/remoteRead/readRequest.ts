// The request of a remote read: snappy around a `prometheus.ReadRequest`. Read by field number with protobufjs; what is not
// needed (hints) is passed over.

import protobuf from 'protobufjs/minimal.js'
import snappy from 'snappyjs'
import { errorText } from '../../src/base/assert.ts'
import { createMatcher, type Matcher, type MatcherOp } from '../../storage/model/matcher.ts'
import type { TimeRange } from '../../storage/model/sample.ts'
import { QueryError } from '../queryError.ts'

export type ReadQuery = { readonly range: TimeRange; readonly matchers: readonly Matcher[] }

export type ResponseType = 'samples' | 'streamedChunks'

export type ReadRequest = { readonly queries: readonly ReadQuery[]; readonly responseType: ResponseType }

/** The most that a request may decompress to. */
const maxBytes = 32 * 1024 * 1024

const responseTypes: Readonly<Record<number, ResponseType>> = { 0: 'samples', 1: 'streamedChunks' }
const matcherOps: Readonly<Record<number, MatcherOp>> = { 0: '=', 1: '!=', 2: '=~', 3: '!~' }

/** Throws a `QueryError` of type bad_data. */
export function decodeReadRequest(body: Uint8Array): ReadRequest {
  const message = decompress(body)
  try {
    return readRequest(protobuf.Reader.create(message))
  } catch (error) {
    if (error instanceof QueryError) throw error
    throw new QueryError('bad_data', 'proto: the message is not a valid prometheus.ReadRequest', { cause: error })
  }
}

function decompress(body: Uint8Array): Uint8Array {
  try {
    return snappy.uncompress(body, maxBytes)
  } catch (error) {
    throw new QueryError('bad_data', 'snappy: corrupt input', { cause: error })
  }
}

type Reader = protobuf.Reader

/** Calls `field` for each field of the message that ends at `end`; what it does not read, answering false, is skipped. */
function eachField(reader: Reader, end: number, field: (number: number, wireType: number) => boolean): void {
  while (reader.pos < end) {
    const tag = reader.uint32()
    if (!field(tag >>> 3, tag & 7)) reader.skipType(tag & 7)
  }
  if (reader.pos !== end) throw new Error('a field goes beyond its message')
}

function inner<T>(reader: Reader, read: (end: number) => T): T {
  const length = reader.uint32()
  return read(reader.pos + length)
}

function readRequest(reader: Reader): ReadRequest {
  const queries: ReadQuery[] = []
  const accepted: number[] = []
  eachField(reader, reader.len, (number, wireType) => {
    if (number === 1) queries.push(inner(reader, (end) => readQuery(reader, end)))
    else if (number !== 2) return false
    else if (wireType === 0) accepted.push(reader.int32())
    else inner(reader, (end) => { while (reader.pos < end) accepted.push(reader.int32()) })
    return true
  })
  const known = accepted.length === 0 ? 'samples' : accepted.map((type) => responseTypes[type]).find((type) => type !== undefined)
  if (known === undefined) {
    throw new QueryError('bad_data', `server does not support any of the requested response types: [${accepted.join(' ')}]; supported: SAMPLES, STREAMED_XOR_CHUNKS`)
  }
  return { queries, responseType: known }
}

function readQuery(reader: Reader, end: number): ReadQuery {
  let minTimeMs = 0
  let maxTimeMs = 0
  const matchers: Matcher[] = []
  eachField(reader, end, (number) => {
    if (number === 1) minTimeMs = int64(reader)
    else if (number === 2) maxTimeMs = int64(reader)
    else if (number === 3) matchers.push(inner(reader, (matcherEnd) => readMatcher(reader, matcherEnd)))
    else return false
    return true
  })
  return { range: { minTimeMs, maxTimeMs }, matchers }
}

function readMatcher(reader: Reader, end: number): Matcher {
  let type = 0
  let name = ''
  let value = ''
  eachField(reader, end, (number) => {
    if (number === 1) type = reader.int32()
    else if (number === 2) name = reader.string()
    else if (number === 3) value = reader.string()
    else return false
    return true
  })
  const op = matcherOps[type]
  if (op === undefined) throw new QueryError('bad_data', 'invalid matcher type')
  try {
    return createMatcher(name, op, value)
  } catch (error) {
    throw new QueryError('bad_data', errorText(error), { cause: error })
  }
}

/** The ends of time that Go clients send lie beyond what a number holds exactly, and beyond every sample. */
function int64(reader: Reader): number {
  return Number(reader.int64())
}
