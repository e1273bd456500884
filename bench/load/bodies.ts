// What the write benches send: synthetic series as a cluster's pods expose them.

import { encodeLabels, encodeWriteRequest } from './writeRequest.ts'

/** The labels of synthetic series `index`, ten beside its name. */
function benchLabels(index: number): Readonly<Record<string, string>> {
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
function benchValue(index: number, round: number): number {
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
export function benchBody({ firstSeries, seriesCount, firstRound, roundCount, timeOf }: BodyShape): Uint8Array {
  const indexes = Array.from({ length: seriesCount }, (_, i) => firstSeries + i)
  return encodeWriteRequest(indexes.map((index) => ({
    labelBytes: encodedLabels(index),
    count: roundCount,
    timeMs: (i) => timeOf(firstRound + i),
    value: (i) => benchValue(index, firstRound + i),
  })))
}

const labelCache = new Map<number, Buffer>()

function encodedLabels(index: number): Buffer {
  const bytes = labelCache.get(index) ?? encodeLabels(benchLabels(index))
  labelCache.set(index, bytes)
  return bytes
}
