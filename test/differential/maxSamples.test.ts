// `--query.max-samples` beside Debian's Prometheus: which queries are refused, in which words, and what both say was the most that
// was held. Prometheus counts the input of one step a second time, and of windows the samples of one and not those of the series, so
// that the numbers are near each other and not equal.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { postRemoteWrite, remoteWriteBody } from '../helpers/remoteWriteBody.ts'
import { type RunningServer, startPrometheus, startSolowatch } from '../helpers/servers.ts'

const dir = mkdtempSync(join(tmpdir(), 'solowatch-max-samples-'))
let own: RunningServer
let peer: RunningServer

const startMs = Math.floor(Date.now() / 1000) * 1000 - 3_600_000
/** 20 series of 300 samples in 50 minutes. */
const written = Array.from({ length: 20 }, (_, i) => ({
  labels: { __name__: 'r', i: String(i), job: i % 4 === 0 ? 'a' : 'b' },
  samples: Array.from({ length: 300 }, (__, k) => ({ timestampMs: startMs + k * 10_000 + i * 37, value: k * i })),
}))
const maxSamples = 1_000

beforeAll(async () => {
  const configFile = join(dir, 'prometheus.yml')
  writeFileSync(configFile, 'global: {}\n')
  const limit = `--query.max-samples=${maxSamples}`
  own = await startSolowatch(join(dir, 'own'), [`--config.file=${configFile}`, limit])
  peer = await startPrometheus(join(dir, 'peer'), configFile, ['--web.enable-remote-write-receiver', limit])
  const body = remoteWriteBody(written)
  for (const server of [own, peer]) expect((await postRemoteWrite(server.url, body)).status).toBeLessThan(300)
}, 60_000)

afterAll(async () => {
  for (const server of [peer, own]) await server?.stop()
  rmSync(dir, { recursive: true, force: true })
})

type Answer = { readonly status: string; readonly errorType?: string; readonly error?: string; readonly data?: { readonly stats: { readonly samples: { readonly peakSamples: number } } } }
type Params = Readonly<Record<string, string>>

async function ask({ url }: RunningServer, path: string, params: Params): Promise<Answer> {
  return (await (await fetch(`${url}/api/v1/${path}`, { method: 'POST', body: new URLSearchParams({ ...params, stats: 'all' }) })).json()) as Answer
}

const seconds = (afterStart: number) => String(startMs / 1000 + afterStart + 0.777)
/** 21 steps. */
const short: Params = { start: seconds(300), end: seconds(1_500), step: '60' }
/** 89 steps. */
const long: Params = { start: seconds(300), end: seconds(2_940), step: '30' }

describe('the limit on samples', () => {
  const refuses = (query: string, path = 'query_range', params: Params = long) =>
    it(`refuses ${query}`, async () => {
      const error = 'query processing would load too many samples into memory in query execution'
      for (const server of [peer, own]) expect(await ask(server, path, { query, ...params })).toEqual({ status: 'error', errorType: 'execution', error })
    })
  refuses('r')
  refuses('sum(r)')
  refuses('sum by (i) (r)')
  refuses('topk(1, r)')
  refuses('stddev(r)')
  refuses('count_values("v", r)')
  refuses('sum(rate(r[1m]))')
  refuses('quantile(0.5, rate(r[1m]))')
  refuses('max(quantile_over_time(0.5, r[1m]))')
  refuses('rate(r[1m])')
  refuses('sum(r) + 1')
  refuses('sum(max_over_time(rate(r[1m])[2m:30s]))')
  refuses('r[15m]', 'query', { time: seconds(1_500) })
  refuses('max_over_time(r[15m:10s])', 'query', { time: seconds(1_500) })

  const answers = (query: string, path = 'query_range', params: Params = short) =>
    it(`answers ${query}, and says what it held`, async () => {
      const [theirs = NaN, ours = NaN] = await Promise.all([peer, own].map(async (server) => (await ask(server, path, { query, ...params })).data?.stats.samples.peakSamples))
      expect(ours).toBeGreaterThan(theirs * 0.9)
      expect(ours).toBeLessThan(theirs * 1.4)
    })
  answers('r')
  answers('sum(r)')
  answers('sum by (i) (r)')
  answers('sum(rate(r[5m]))')
  answers('topk(3, rate(r[5m]))')
  answers('sum(rate(r[5m])) / sum(rate(r[5m]))')
  answers('-r')
  answers('abs(r)')
  answers('r{job="a"} + r{job="a"}')
  answers('sum(max_over_time(rate(r{job="a"}[1m])[2m:1m])) + sum(max_over_time(rate(r{job="a"}[1m])[2m:1m]))')
  answers('r[5m]', 'query', { time: seconds(1_500) })
  answers('r[10m:1m]', 'query', { time: seconds(1_500) })
})
