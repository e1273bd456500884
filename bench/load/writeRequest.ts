// Remote-write bodies, encoded by hand because the stock libraries would take longer than the servers that are measured.

import snappy from 'snappyjs'
import type { Pool } from 'undici'
import { remoteWriteHeaders } from '../../test/helpers/remoteWriteBody.ts'

/** A series of a body and its samples. */
export type SampleRun = {
  /** By `encodeLabels`. */
  readonly labelBytes: Buffer
  readonly count: number
  /** Of sample `index`, below `count`; asked once for each, in order. */
  timeMs(index: number): number
  value(index: number): number
}

/** Times of this century take six bytes, so each sample takes as many: a header of two, a tagged double, a tagged time. */
const sampleBytes = 18

/** One snappy-compressed WriteRequest. */
export function encodeWriteRequest(runs: readonly SampleRun[]): Uint8Array {
  const out = Buffer.allocUnsafe(runs.reduce((sum, { labelBytes, count }) => sum + labelBytes.length + count * sampleBytes + 8, 0))
  let at = 0
  for (const run of runs) {
    out[at] = 0x0a
    at = writeVarint(out, at + 1, run.labelBytes.length + run.count * sampleBytes)
    at += run.labelBytes.copy(out, at)
    for (let i = 0; i < run.count; i++) {
      out[at] = 0x12
      out[at + 1] = sampleBytes - 2
      out[at + 2] = 0x09
      out.writeDoubleLE(run.value(i), at + 3)
      out[at + 11] = 0x10
      at = writeVarint(out, at + 12, run.timeMs(i))
    }
  }
  return snappy.compress(out.subarray(0, at))
}

/** The labels of a series as protobuf fields, by name as senders have them. */
export function encodeLabels(labels: Readonly<Record<string, string>>): Buffer {
  const pairs = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))
  return Buffer.concat(pairs.map(([name, value]) => field(0x0a, Buffer.concat([field(0x0a, Buffer.from(name)), field(0x12, Buffer.from(value))]))))
}

function field(tag: number, bytes: Buffer): Buffer {
  const header = Buffer.alloc(6)
  header[0] = tag
  return Buffer.concat([header.subarray(0, writeVarint(header, 1, bytes.length)), bytes])
}

/** Returns where it ends. */
function writeVarint(out: Buffer, at: number, value: number): number {
  let rest = value
  while (rest >= 128) {
    out[at++] = (rest % 128) | 128
    rest = Math.floor(rest / 128)
  }
  out[at++] = rest
  return at
}

/** Each connection sends its share of the bodies one after the other, as a sender's shards do. */
export async function sendBodies(pool: Pool, bodies: readonly Uint8Array[], connections: number): Promise<void> {
  await Promise.all(
    Array.from({ length: connections }, async (_, connection) => {
      for (let i = connection; i < bodies.length; i += connections) await sendBody(pool, bodies[i] ?? new Uint8Array())
    }),
  )
}

/** Throws when the server does not take it. */
export async function sendBody(pool: Pool, body: Uint8Array): Promise<void> {
  const response = await pool.request({ path: '/api/v1/write', method: 'POST', headers: remoteWriteHeaders, body })
  const text = await response.body.text()
  if (response.statusCode >= 300) throw new Error(`a body was answered with ${response.statusCode}: ${text}`)
}
