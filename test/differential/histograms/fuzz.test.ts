// Random queries over random native histograms, answered by solowatch and by Debian's Prometheus 2.42. `SEED` repeats a run,
// `PROMQL_FUZZ_SECONDS` makes it longer. What a difference teaches belongs into `test/promql/cases`.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readJson } from '../../helpers/json.ts'
import { createRandom } from '../../helpers/random.ts'
import { postRemoteWrite, remoteWriteBody, type WrittenSeries } from '../../helpers/remoteWriteBody.ts'
import { type RunningServer, startPrometheus, startSolowatch } from '../../helpers/servers.ts'
import { type Answer, difference, pointsOf } from './compare.ts'
import { intervalMs, randomHistogramSeries } from './data.ts'
import { HistogramQueries } from './queries.ts'

const seconds = Number(process.env['PROMQL_FUZZ_SECONDS'] ?? 10)
/** Queries in flight at once. */
const clients = 4
const random = createRandom()
const dir = mkdtempSync(join(tmpdir(), 'solowatch-histogram-fuzz-'))
const endMs = Math.floor(Date.now() / intervalMs) * intervalMs
const running: RunningServer[] = []
let own: RunningServer
let peer: RunningServer

beforeAll(async () => {
  for (const name of ['own', 'peer']) mkdirSync(join(dir, name))
  const config = join(dir, 'empty.yml')
  writeFileSync(config, 'global: {}\n')
  own = await startSolowatch(join(dir, 'own'), [`--config.file=${config}`])
  running.push(own)
  peer = await startPrometheus(join(dir, 'peer'), config, ['--enable-feature=native-histograms', '--web.enable-remote-write-receiver'])
  running.push(peer)
  for (const part of byTime(randomHistogramSeries(random, endMs))) {
    const body = remoteWriteBody(part)
    for (const server of running) {
      const answer = await postRemoteWrite(server.url, body)
      expect(answer.status, `${server.name}: ${await answer.text()}`).toBe(204)
    }
  }
}, 120_000)

afterAll(async () => {
  await Promise.all(running.map((server) => server.stop()))
  rmSync(dir, { recursive: true, force: true })
})

/** In one body 2.42 stores numbers before histograms, and whole counts before others, whatever their times. */
function byTime(series: readonly WrittenSeries[]): readonly WrittenSeries[][] {
  const times = new Set(series.flatMap(({ samples, histograms = [] }) => [...samples, ...histograms].map(({ timestampMs }) => timestampMs)))
  return [...times].sort((a, b) => a - b).map((timeMs) => {
    const isNow = ({ timestampMs }: { readonly timestampMs: number }) => timestampMs === timeMs
    return series.map(({ labels, samples, histograms = [] }) => ({ labels, samples: samples.filter(isNow), histograms: histograms.filter(isNow) }))
  })
}

/** At times that no sample lies on: windows are open on the left since 3.0. */
function randomTimes(): Record<string, string> {
  const atSeconds = (endMs - random.below(120) * intervalMs + 4321) / 1000
  if (random.below(3) > 0) return { time: String(atSeconds) }
  return { start: String(atSeconds), end: String(atSeconds + 40 + random.below(400)), step: random.pick(['7.5', '15', '45']) }
}

async function ask({ url }: RunningServer, query: string, times: Record<string, string>): Promise<Answer> {
  return readJson<Answer>(fetch(`${url}/api/v1/${'time' in times ? 'query' : 'query_range'}`, { method: 'POST', body: new URLSearchParams({ query, ...times }) }))
}

it(`answers queries over native histograms as Prometheus does (seed ${random.seed})`, { timeout: (seconds + 60) * 1000 }, async () => {
  const queries = new HistogramQueries(random)
  const problems: string[] = []
  const deadlineMs = Date.now() + seconds * 1000
  let count = 0
  let pointCount = 0
  const client = async () => {
    while (Date.now() < deadlineMs && problems.length < 5) {
      const query = queries.next()
      const times = randomTimes()
      const [ours, theirs] = await Promise.all([ask(own, query.text, times), ask(peer, query.text, times)])
      const of = query.quantile && pointsOf(await ask(own, query.quantile.of, times))
      const failed = [ours, theirs].find(({ status }) => status !== 'success')
      const problem = failed === undefined ? difference(query, pointsOf(ours), pointsOf(theirs), of) : failed.error
      if (problem !== undefined) problems.push(`${query.text} ${JSON.stringify(times)}\n${problem}`)
      count++
      pointCount += pointsOf(theirs).size
    }
  }
  await Promise.all(Array.from({ length: clients }, client))
  console.log(`seed ${random.seed}: ${count} queries over native histograms with ${pointCount} points in ${seconds} s, ${problems.length} differences`)
  expect(problems.join('\n\n'), `SEED=${random.seed}`).toBe('')
  expect(pointCount).toBeGreaterThan(count)
})
