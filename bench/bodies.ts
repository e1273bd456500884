// Remote-write bodies for the benches: synthetic series as a cluster's pods expose them, encoded by hand because the stock
// libraries would take longer than the servers that are measured.

import snappy from 'snappyjs'
import type { Pool } from 'undici'
import { remoteWriteHeaders } from '../test/helpers/remoteWriteBody.ts'

/** The labels of synthetic series `index`, ten beside its name. */
export function benchLabels(index: number): Readonly<Record<string, string>> {
  return {
    __name__: `bench_http_requests_${index % 200}_total`,
    cluster: 'production-eu-west-1',
    container: 'main',
    instance: `node-${Math.floor(index / 500)}.example.internal:9100`,
    job: `service-${index % 40}`,
    method: ['GET', 'POST', 'PUT', 'DELETE'][index % 4] ?? 'GET',
    namespace: `team-${index % 25}`,
    path: `/api/v1/resource/${index % 97}`,
    pod: `service-${index % 40}-7d9f8b6c5-${index.toString(36).padStart(5, '0')}`,
    status: String(200 + (index % 5) * 100),
    version: 'v1.24.3',
  }
}

/** Its value in round `round`: a counter, every tenth one with fractions. */
export function benchValue(index: number, round: number): number {
  return index * 3 + round * (1 + (index % 17)) + (index % 10 === 0 ? round * 0.125 : 0)
}

export type BodyShape = {
  readonly firstSeries: number
  readonly seriesCount: number
  /** Samples of each series, one interval apart, are those of rounds `firstRound` and on. */
  readonly firstRound: number
  readonly roundCount: number
  readonly timeOf: (round: number) => number
}

/** One snappy-compressed WriteRequest. */
export function benchBody(shape: BodyShape): Uint8Array {
  const labels = Array.from({ length: shape.seriesCount }, (_, i) => encodedLabels(shape.firstSeries + i))
  const sampleBytes = 18 * shape.roundCount
  const out = Buffer.allocUnsafe(labels.reduce((sum, one) => sum + one.length + sampleBytes + 8, 0))
  let at = 0
  labels.forEach((one, i) => {
    out[at] = 0x0a
    at = writeVarint(out, at + 1, one.length + sampleBytes)
    at += one.copy(out, at)
    for (let round = shape.firstRound; round < shape.firstRound + shape.roundCount; round++) {
      out[at] = 0x12
      out[at + 1] = 16
      out[at + 2] = 0x09
      out.writeDoubleLE(benchValue(shape.firstSeries + i, round), at + 3)
      out[at + 11] = 0x10
      at = writeVarint(out, at + 12, shape.timeOf(round))
    }
  })
  return snappy.compress(out.subarray(0, at))
}

const labelCache = new Map<number, Buffer>()

function encodedLabels(index: number): Buffer {
  let bytes = labelCache.get(index)
  if (bytes === undefined) {
    bytes = Buffer.concat(Object.entries(benchLabels(index)).map(([name, value]) => field(Buffer.concat([field(Buffer.from(name), 0x0a), field(Buffer.from(value), 0x12)]), 0x0a)))
    labelCache.set(index, bytes)
  }
  return bytes
}

function field(bytes: Buffer, tag: number): Buffer {
  const head = Buffer.alloc(6)
  head[0] = tag
  return Buffer.concat([head.subarray(0, writeVarint(head, 1, bytes.length)), bytes])
}

/** Times of this century take six bytes, so that all samples have the same length. */
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

export async function sendBody(pool: Pool, body: Uint8Array): Promise<void> {
  const response = await pool.request({ path: '/api/v1/write', method: 'POST', headers: remoteWriteHeaders, body })
  const text = await response.body.text()
  if (response.statusCode >= 300) throw new Error(`a body was answered with ${response.statusCode}: ${text}`)
}
