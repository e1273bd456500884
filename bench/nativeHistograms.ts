// What do native histograms cost to take in, to keep and to ask? Request durations of 200 series in about 60 buckets, two
// hours at 15 s, by remote write, to solowatch and to Prometheus; then two queries over all of it, and the bytes on disk.

import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { histogram } from '../test/helpers/histograms.ts'
import { createRandom } from '../test/helpers/random.ts'
import { postRemoteWrite, remoteWriteBody, type WrittenSeries } from '../test/helpers/remoteWriteBody.ts'
import { type RunningServer, startPrometheus, startSolowatch } from '../test/helpers/servers.ts'
import { printTable } from './measure/table.ts'

const seriesCount = 200
const stepMs = 15_000
const samplesPerSeries = 480
const seriesPerBody = 100
const queryRuns = 5
/** After the queries: what is kept for nothing but the next one has gone by then, in all servers. */
const restMs = 75_000

const queries = ['sum(rate(request_seconds[5m]))', 'histogram_quantile(0.99, sum by (job) (rate(request_seconds[5m])))']

type Memory = { readonly residentBytes: number; readonly anonymousBytes: number }
type Measured = { readonly ingestCpuSeconds: number; readonly queryCpuSeconds: number; readonly full: Memory; readonly queried: Memory; readonly rested: Memory; readonly diskBytes: number }

export async function benchNativeHistograms(): Promise<void> {
  const endMs = Math.floor(Date.now() / stepMs) * stepMs
  const { bodies, bucketSamples } = makeBodies(endMs)
  const dir = mkdtempSync(join(tmpdir(), 'solowatch-bench-'))
  try {
    // Scraping nobody, themselves included: then two hours back is in bounds.
    const config = join(dir, 'empty.yml')
    writeFileSync(config, 'global: {}\n')
    const own = await measure(await startSolowatch(dirOf(dir, 'own'), [`--config.file=${config}`]), bodies, endMs, join(dir, 'own'))
    const args = ['--enable-feature=native-histograms', '--web.enable-remote-write-receiver', '--web.enable-admin-api']
    const peer = await measure(await startPrometheus(dirOf(dir, 'peer'), config, args), bodies, endMs, join(dir, 'peer'))
    const histograms = seriesCount * samplesPerSeries
    const row = (what: string, pick: (measured: Measured) => number, digits: number) => [what, pick(own).toFixed(digits), pick(peer).toFixed(digits), `${(pick(peer) / pick(own)).toFixed(2)} x`]
    const memoryRows = (when: string, pick: (measured: Measured) => Memory) => [
      row(`resident MB, ${when}`, (r) => pick(r).residentBytes / 2 ** 20, 0),
      row('  without pages of programs and libraries', (r) => pick(r).anonymousBytes / 2 ** 20, 0),
    ]
    printTable(`native histograms: ${seriesCount} series, ${samplesPerSeries} samples, ${(bucketSamples / histograms).toFixed(0)} buckets each`, ['', 'solowatch', 'Prometheus', 'ratio'], [
      row('CPU ms per 1000 histograms taken in', (r) => (r.ingestCpuSeconds / histograms) * 1e6, 1),
      row(`CPU-seconds, ${queries.length} range queries, 2 h at 60 s`, (r) => r.queryCpuSeconds / queryRuns, 2),
      ...memoryRows('all taken in', (r) => r.full),
      ...memoryRows('after the queries', (r) => r.queried),
      ...memoryRows(`${restMs / 1000} s later`, (r) => r.rested),
      row('bytes on disk per histogram', (r) => r.diskBytes / histograms, 1),
      row('bytes on disk per bucket', (r) => r.diskBytes / bucketSamples, 3),
    ])
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

function dirOf(dir: string, name: string): string {
  mkdirSync(join(dir, name))
  return join(dir, name)
}

/** Each body has some series at one time. Durations spread around a tenth of a second; each series is slower than the one before. */
function makeBodies(endMs: number): { readonly bodies: readonly Uint8Array[]; readonly bucketSamples: number } {
  const random = createRandom(4)
  const states = Array.from({ length: seriesCount }, () => ({ positive: {} as Record<number, number>, sum: 0 }))
  const bodies: Uint8Array[] = []
  let bucketSamples = 0
  for (let i = 0; i < samplesPerSeries; i++) {
    const timestampMs = endMs - (samplesPerSeries - 1 - i) * stepMs
    const series = states.map((state, n): WrittenSeries => {
      for (let k = 0; k < 150; k++) {
        // A sum of uniform numbers is nearly normal; schema 3 has 8 buckets for each doubling.
        const index = (random.below(16) + random.below(16) + random.below(16) + random.below(16)) - 57 + (n % 8)
        state.positive[index] = (state.positive[index] ?? 0) + 1
        state.sum += 2 ** (index / 8)
      }
      bucketSamples += Object.keys(state.positive).length
      const labels = { __name__: 'request_seconds', job: `job-${n % 10}`, instance: `host-${n}`, method: 'GET', path: '/api/v1/things' }
      return { labels, samples: [], histograms: [{ timestampMs, histogram: histogram({ schema: 3, sum: state.sum, zeroThreshold: 2 ** -128, positive: state.positive }) }] }
    })
    for (let from = 0; from < series.length; from += seriesPerBody) bodies.push(remoteWriteBody(series.slice(from, from + seriesPerBody)))
  }
  return { bodies, bucketSamples }
}

async function measure(server: RunningServer, bodies: readonly Uint8Array[], endMs: number, dir: string): Promise<Measured> {
  try {
    const before = server.cpuSeconds()
    for (const body of bodies) {
      const answer = await postRemoteWrite(server.url, body)
      if (answer.status !== 204) throw new Error(`${server.name}: ${answer.status} ${await answer.text()}`)
      await answer.arrayBuffer()
    }
    const ingested = server.cpuSeconds()
    const full = memoryOf(server)
    const range = `start=${endMs / 1000 - 7200}&end=${endMs / 1000}&step=60`
    for (let run = 0; run < queryRuns; run++) {
      for (const query of queries) {
        const answer = await fetch(`${server.url}/api/v1/query_range?query=${encodeURIComponent(query)}&${range}`)
        if (!answer.ok || (await answer.text()).length < 1000) throw new Error(`${server.name} does not answer ${query}`)
      }
    }
    const queried = server.cpuSeconds()
    const afterQueries = memoryOf(server)
    await delay(restMs)
    const rested = memoryOf(server)
    if (server.name === 'Prometheus') await (await fetch(`${server.url}/api/v1/admin/tsdb/snapshot`, { method: 'POST' })).text()
    await server.stop()
    const diskBytes = bytesBelow(server.name === 'Prometheus' ? join(dir, 'snapshots') : join(dir, 'partitions'))
    return { ingestCpuSeconds: ingested - before, queryCpuSeconds: queried - ingested, full, queried: afterQueries, rested, diskBytes }
  } finally {
    await server.stop()
  }
}

function memoryOf(server: RunningServer): Memory {
  return { residentBytes: server.residentBytes(), anonymousBytes: server.anonymousBytes() }
}

function bytesBelow(path: string): number {
  return readdirSync(path, { withFileTypes: true }).reduce((sum, entry) => sum + (entry.isDirectory() ? bytesBelow(join(path, entry.name)) : statSync(join(path, entry.name)).size), 0)
}
