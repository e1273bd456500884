// Native histograms sent to Debian's Prometheus and to solowatch, by remote write: both must give the same answers to what
// has not changed since Prometheus 2.42, at times that no sample lies on. And a real target's protobuf exposition, scraped
// beside its text: both must give the same series.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { histogram } from '../helpers/histograms.ts'
import { readJson } from '../helpers/json.ts'
import { createRandom } from '../helpers/random.ts'
import { postRemoteWrite, remoteWriteBody, type WrittenHistogram, type WrittenSeries } from '../helpers/remoteWriteBody.ts'
import { type RunningServer, startPrometheus, startSolowatch } from '../helpers/servers.ts'

const dir = mkdtempSync(join(tmpdir(), 'solowatch-histograms-'))
const running: RunningServer[] = []
let own: RunningServer
let peer: RunningServer

const stepMs = 15_000
const sampleCount = 80
const endMs = Math.floor(Date.now() / stepMs) * stepMs
const startMs = endMs - (sampleCount - 1) * stepMs
const random = createRandom()
const message = `seed ${random.seed}`

/**
 * A counter of observations: buckets fill up, new ones appear, and once in a while it starts again. It has many from the
 * start: Prometheus 2.42 does not ask when a histogram can have been empty, and would go back further.
 */
function counter(schema: number, resets: boolean, asFloat: boolean): WrittenHistogram[] {
  const first: Record<number, number> = { 0: 5000 }
  let positive = first
  let negative: Record<number, number> = {}
  let zeroCount = 0
  let sum = 0
  return Array.from({ length: sampleCount }, (_, i): WrittenHistogram => {
    if (resets && random.below(25) === 0) [positive, negative, zeroCount, sum] = [first, {}, 0, 0]
    for (let k = 0; k < 6; k++) {
      const index = random.below(12) - 4
      positive = { ...positive, [index]: (positive[index] ?? 0) + 1 + random.below(5) }
      if (k === 0) negative = { ...negative, [index]: (negative[index] ?? 0) + 1 }
    }
    zeroCount += random.below(2)
    sum += random.below(1000) / 8
    return { timestampMs: startMs + i * stepMs, asFloat, histogram: histogram({ schema, sum, zeroThreshold: 0.0009765625, zeroCount, positive, negative }) }
  })
}

const series: readonly WrittenSeries[] = [
  ...[0, 1, 3].flatMap((schema) =>
    ['a', 'b'].map((instance): WrittenSeries => ({ labels: { __name__: 'steady', instance, schema: String(schema) }, samples: [], histograms: counter(schema, false, instance === 'b') })),
  ),
  ...['a', 'b', 'c'].map((instance): WrittenSeries => ({ labels: { __name__: 'reset', instance }, samples: [], histograms: counter(2, true, false) })),
  // A bucket at each bound between 1 and 2.
  {
    labels: { __name__: 'fine' },
    samples: [],
    histograms: [{ timestampMs: endMs, histogram: histogram({ schema: 8, sum: 1, zeroThreshold: 0, zeroCount: 0, positive: Object.fromEntries(Array.from({ length: 256 }, (_, k) => [k + 1, 1])), negative: {} }) }],
  },
  { labels: { __name__: 'number', instance: 'a' }, samples: Array.from({ length: sampleCount }, (_, i) => ({ timestampMs: startMs + i * stepMs, value: 2 + i })) },
]

/** What Prometheus 2.42 can do with histograms: it has no multiples, differences and averages, and interpolates linearly. */
const queries = [
  'steady',
  'steady{instance="a"} + ignoring(instance) steady{instance="b"}',
  'steady{instance="a",schema="0"} + on() steady{instance="b",schema="3"}',
  'sum(steady)',
  'sum by (instance) (steady)',
  'count(steady)',
  'histogram_count(steady)',
  'histogram_sum(sum by (schema) (steady))',
  'rate(steady[2m])',
  'increase(reset[5m])',
  'delta(steady[3m])',
  'rate(reset{instance="a"}[100s])',
  'sum by (schema) (rate(steady[90s]))',
  'rate(steady[2m]) + ignoring(schema) group_left () sum by (instance) (rate(steady[3m]))',
  'sum(increase(steady[2m:20s]))',
  'resets(number[2m])',
  'sum(rate(reset[3m]))',
  'sum by (instance) (increase(steady[4m]))',
  'histogram_count(sum(rate(steady[2m]))) / 2',
  'histogram_sum(increase(reset[4m])) / histogram_count(increase(reset[4m]))',
  'histogram_quantile(0, rate(steady[2m])) > -1000',
  'histogram_quantile(1, sum(rate(reset[2m])))',
  'steady[40s]',
  'count_over_time(steady[2m])',
  'present_over_time(reset[1m])',
  'steady and on (instance) number',
  'absent(steady)',
]

beforeAll(async () => {
  for (const name of ['own', 'peer']) mkdirSync(join(dir, name))
  writeFileSync(join(dir, 'peer.yml'), 'global: { scrape_interval: 15s }\n')
  peer = await startPrometheus(join(dir, 'peer'), join(dir, 'peer.yml'), ['--enable-feature=native-histograms', '--web.enable-remote-write-receiver'])
  running.push(peer)
  writeFileSync(join(dir, 'own.yml'), `
global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }
rule_files: ['${join(dir, 'rules.yml')}']
scrape_configs:
  - { job_name: text, static_configs: [{ targets: ['127.0.0.1:${peer.port}'] }] }
  - { job_name: proto, scrape_protocols: [PrometheusProto], static_configs: [{ targets: ['127.0.0.1:${peer.port}'] }] }
`)
  writeFileSync(join(dir, 'rules.yml'), "groups: [{ name: g, rules: [{ record: 'recorded', expr: 'sum by (instance) (rate(reset[4m]))', labels: { by: rule } }] }]\n")
  own = await startSolowatch(join(dir, 'own'), [`--config.file=${join(dir, 'own.yml')}`])
  running.push(own)
  const body = remoteWriteBody(series)
  for (const server of [own, peer]) {
    const answer = await postRemoteWrite(server.url, body)
    expect(answer.status, await answer.text()).toBe(204)
  }
}, 120_000)

afterAll(async () => {
  for (const server of running.reverse()) await server.stop()
  rmSync(dir, { recursive: true, force: true })
})

type Point = readonly [number, string | { readonly count: string; readonly sum: string; readonly buckets?: readonly (readonly [number, string, string, string])[] }]
type Series = { readonly metric: Record<string, string>; readonly value?: Point; readonly histogram?: Point; readonly values?: readonly Point[]; readonly histograms?: readonly Point[] }

/** Per series, every number of the answer in order. */
async function ask(server: RunningServer, path: string): Promise<Map<string, readonly number[]>> {
  const answer = await readJson<{ data: { result: readonly Series[] } }>(fetch(`${server.url}/api/v1/${path}`))
  return new Map(
    answer.data.result.map(({ metric, value, histogram: one, values = [], histograms = [] }) => {
      const points = [...(value === undefined ? [] : [value]), ...(one === undefined ? [] : [one]), ...values, ...histograms]
      return [JSON.stringify(Object.entries(metric).sort()), points.flatMap(numbersOf)]
    }),
  )
}

function numbersOf([time, value]: Point): number[] {
  if (typeof value === 'string') return [time, Number(value)]
  // An empty bucket may be shown by one and left out by the other.
  const buckets = (value.buckets ?? []).filter(([, , , count]) => Number(count) !== 0)
  return [time, Number(value.count), Number(value.sum), ...buckets.flatMap((bucket) => bucket.map(Number))]
}

function expectSame(ours: ReadonlyMap<string, readonly number[]>, theirs: ReadonlyMap<string, readonly number[]>, what: string): void {
  expect([...ours.keys()].sort(), what).toEqual([...theirs.keys()].sort())
  for (const [key, numbers] of theirs) {
    const found = ours.get(key) ?? []
    expect(found.length, `${what} ${key}: ${found.join()} against ${numbers.join()}`).toBe(numbers.length)
    numbers.forEach((number, i) => {
      const other = found[i] ?? NaN
      const isClose = Object.is(other, number) || Math.abs(other - number) <= 1e-9 * Math.max(Math.abs(other), Math.abs(number), 1e-6)
      if (!isClose) expect(other, `${what} ${key} number ${i}`).toBe(number)
    })
  }
}

describe('native histograms in solowatch and in Prometheus', () => {
  for (const query of queries) {
    it(`are the same for ${query}`, async () => {
      const text = encodeURIComponent(query)
      for (const at of [0.4, 0.7, 0.95]) {
        const time = (startMs + Math.floor(at * sampleCount) * stepMs + 4321) / 1000
        const path = `query?query=${text}&time=${time}`
        expectSame(await ask(own, path), await ask(peer, path), `${message} at ${time}`)
      }
      if (query.endsWith('s]')) return
      const path = `query_range?query=${text}&start=${(startMs + 301_234) / 1000}&end=${endMs / 1000}&step=37`
      expectSame(await ask(own, path), await ask(peer, path), `${message} as a range`)
    })
  }
})

it('the bounds of buckets are those of Prometheus to the bit', async () => {
  const path = `query?query=fine&time=${endMs / 1000}`
  const ours = await ask(own, path)
  expect(ours).toEqual(await ask(peer, path))
  expect([...ours.values()].flat()).toHaveLength(3 + 4 * 256)
})

describe('a recording rule', () => {
  it('stores the histograms that it gives', async () => {
    const recorded = async () => [...(await ask(own, `query?query=${encodeURIComponent('histogram_count(recorded{by="rule"}) > 0')}`)).keys()].length
    await expect.poll(recorded, { timeout: 20_000, interval: 300 }).toBe(3)
  })
})

describe('a real protobuf exposition', () => {
  it('gives the series that its text gives', async () => {
    const names = async (job: string) => {
      const answer = await readJson<{ data: { result: readonly Series[] } }>(fetch(`${own.url}/api/v1/query?query=${encodeURIComponent(`{job="${job}",__name__!~"scrape_.*"}`)}`))
      return answer.data.result.map(({ metric }) => JSON.stringify(Object.entries({ ...metric, job: '' }).sort())).sort()
    }
    await expect.poll(async () => [(await names('text')).length > 200, JSON.stringify(await names('proto')) === JSON.stringify(await names('text'))], { timeout: 20_000, interval: 500 }).toEqual([true, true])
  })
})

