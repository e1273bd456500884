// Random queries over random data, answered by solowatch and by Debian's Prometheus 2.42: the values must be the same and
// errors come from both or neither. `SEED` repeats a run, `PROMQL_FUZZ_SECONDS` makes it longer. What a difference teaches
// belongs into `test/promql/cases`.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createRandom } from '../../helpers/random.ts'
import { postRemoteWrite, remoteWriteBody, type WrittenSeries } from '../../helpers/remoteWriteBody.ts'
import { type RunningServer, startPrometheus, startSolowatch } from '../../helpers/servers.ts'
import { changeWhenAskedAgain, difference, smallestDifference } from './compare.ts'
import { type Arrivals, arrivalsOf, randomSeries } from './data.ts'
import { QueryGenerator } from './queries.ts'

const seconds = Number(process.env['PROMQL_FUZZ_SECONDS'] ?? 20)
/** A busy machine takes longer, so that each run asks thousands. */
const fewest = 100 * seconds
/** Queries in flight at once. */
const clients = 4
const random = createRandom()
const dir = mkdtempSync(join(tmpdir(), 'solowatch-promql-fuzz-'))
const running: RunningServer[] = []
let arrivals: Arrivals
let own: RunningServer
let peer: RunningServer

async function write(part: readonly WrittenSeries[]): Promise<void> {
  const body = remoteWriteBody(part)
  for (const server of [own, peer]) {
    const response = await postRemoteWrite(server.url, body)
    if (!response.ok) throw new Error(`${server.name} refused the data: ${response.status} ${await response.text()}`)
  }
}

beforeAll(async () => {
  const config = join(dir, 'prometheus.yml')
  writeFileSync(config, 'global:\n  evaluation_interval: 20s\nstorage:\n  tsdb:\n    out_of_order_time_window: 1d\n')
  own = await startSolowatch(join(dir, 'own'), [`--config.file=${config}`, '--storage.tsdb.retention.time=100y', '--enable-feature=promql-experimental-functions'])
  running.push(own)
  peer = await startPrometheus(join(dir, 'peer'), config, ['--storage.tsdb.retention.time=100y', '--web.enable-remote-write-receiver'])
  running.push(peer)
  arrivals = arrivalsOf(randomSeries(random), random)
  for (const part of arrivals.inOrder) await write(part)
}, 120_000)

afterAll(async () => {
  await Promise.all(running.map((server) => server.stop()))
  rmSync(dir, { recursive: true, force: true })
})

it(`answers random queries as Prometheus does (seed ${random.seed})`, { timeout: (seconds + 120) * 1000 }, async () => {
  const generator = new QueryGenerator(random, { withErrors: true })
  const problems: string[] = []
  let count = 0
  const startedMs = Date.now()
  const client = async (deadlineMs: number, fewestByThen: number) => {
    while ((Date.now() < deadlineMs || count < fewestByThen) && problems.length < 10) {
      const query = generator.next()
      count++
      const first = await difference(own.url, peer.url, query)
      if (first === undefined) {
        const change = random.below(20) === 0 ? await changeWhenAskedAgain(own.url, query) : undefined
        if (change !== undefined) problems.push(`${query.text}\nfrom ${query.startMs} to ${query.endMs} step ${query.stepMs}: ${change}`)
        continue
      }
      const { text, problem } = await smallestDifference(own.url, peer.url, query, first)
      problems.push(`${text}\nfrom ${query.startMs} to ${query.endMs} step ${query.stepMs}: ${problem}\n(found by ${query.text})`)
    }
  }
  // Between the rounds late samples arrive, which nothing that was remembered of the earlier answers may hide.
  const rounds = [[], ...arrivals.late]
  for (const [i, late] of rounds.entries()) {
    if (late.length > 0) await write(late)
    const deadlineMs = Date.now() + (seconds * 1000) / rounds.length
    const fewestByThen = (fewest * (i + 1)) / rounds.length
    await Promise.all(Array.from({ length: clients }, () => client(deadlineMs, fewestByThen)))
  }
  console.log(`seed ${random.seed}: ${count} random queries in ${Math.round((Date.now() - startedMs) / 1000)} s, ${problems.length} differences`)
  expect(problems.join('\n\n'), `SEED=${random.seed}`).toBe('')
})
