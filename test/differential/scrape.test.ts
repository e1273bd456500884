// One set of HTTP targets, scraped by Debian's Prometheus and by solowatch: both must hold the same series with the same
// values, in every phase of what the targets show. Prometheus 2.42 differs from the 3.14 that is followed here in the
// form of `le` and `quantile`, which are compared as numbers.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readJson } from '../helpers/json.ts'
import { captureNames, readCapture } from '../helpers/scraping/scrapeCapture.ts'
import { type RunningServer, startNodeExporter, startPrometheus, startSolowatch } from '../helpers/servers.ts'

const dir = mkdtempSync(join(tmpdir(), 'solowatch-scrape-'))
const running: { stop(): Promise<unknown> }[] = []
const startMs = Date.now()
let phase = 0
let targets: Server
let own: RunningServer
let peer: RunningServer

/** Bodies by path and phase; a phase that is not listed shows the last one. */
const bodies: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(captureNames.map((name) => [`/${name}`, readCapture(name).slice(0, 4).map(({ body }) => body)])),
  '/odd': [
    [
      '# a comment', '', ' \t', '# HELP odd with \\n escapes \\\\', '# TYPE odd gauge', 'odd 1', 'odd_blank\t2', 'odd{a="x y",b="} # {",} 3', 'odd { c = "d" , } 4',
      'odd{e="\\\\ \\" \\n"} 5', 'odd{f="über"} 6', 'odd{empty=""} 7', 'odd_nan NaN', 'odd_inf +Inf', 'odd_ninf -inf', 'odd_exp 1.5e-7', 'odd_big 123456789012345678',
      'odd_dot .5', 'odd:colon{le="1"} 8', '#nospace 1', '',
    ].join('\n'),
    'odd 2\nodd{a="x y",b="} # {",} 3\nodd_new{g="h"} 1\n',
    // What Prometheus knows already and sees before the error does not become stale; what it does not know is not stored.
    'odd_other 3\nodd_bad one\nodd 1\n',
    'odd 4\n',
  ],
  '/conflict': ['c{job="mine",instance="me",exported_job="theirs"} 1\nc{job="",x="y"} 2\n'],
  '/types': ['# TYPE h histogram\nh_bucket{le="0.5"} 1\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 3\nh_sum 1.5\nh_count 3\n# TYPE s summary\ns{quantile="1"} 4\ns_sum 1\ns_count 2\n'],
  '/five': ['f{i="1"} 1\nf{i="2"} 2\nf{i="3"} 3\nf{i="4"} 4\nf{i="5"} 5\n'],
  '/times': [`t{i="past"} 1 ${startMs - 20_000}\nt{i="none"} 2\n`],
  '/twice': ['d 1\nd 2\nd 1\n'],
  '/empty': ['e 1\n', '', 'e 2\n'],
  '/openMetrics': [
    `# TYPE c counter\n# UNIT c_seconds seconds\n# HELP c text\nc_total{a="b"} 1 # {trace_id="x"} 0.5\nc_created 123.5\n# TYPE i info\ni_info{v="1"} 1\n# TYPE hh histogram\nhh_bucket{le="1.0"} 1 # {} 1 2\nhh_bucket{le="+Inf"} 2\nu 3 ${startMs / 1000 - 15}\n# EOF\n`
      .replace('# UNIT c_seconds seconds\n', ''),
    '# TYPE c counter\nc_total{a="b"} 2\n# EOF\n',
    'other 3\n\nc_total{a="b"} 3\n# EOF\n',
    '# TYPE c counter\nc_total{a="b"} 4\n# EOF',
  ],
}
const phaseCount = 4

const listener: RequestListener = (request, response) => {
  const path = request.url ?? ''
  if (path === '/slow') return // Never answers: the scrape runs into its timeout.
  const list = bodies[path]
  if (list === undefined) return response.writeHead(404).end()
  const body = list[Math.min(phase, list.length - 1)] ?? ''
  const type = path === '/openMetrics' ? 'application/openmetrics-text; version=1.0.0; charset=utf-8' : 'text/plain; version=0.0.4'
  if (path === '/node') response.writeHead(200, { 'content-type': type, 'content-encoding': 'gzip' }).end(gzipSync(body))
  else response.writeHead(200, { 'content-type': type }).end(body)
}

const config = (address: string, exporter: string) => `
global: { scrape_interval: 500ms, scrape_timeout: 400ms, evaluation_interval: 1m }
scrape_configs:
${['/node', '/prometheus', '/alertmanager', '/victoriametrics', '/odd', '/types', '/empty', '/openMetrics', '/slow', '/missing', '/twice', '/times', '/five', '/conflict']
  .map((path) => `  - { job_name: '${path}', metrics_path: '${path}', static_configs: [{ targets: ['${address}'], labels: { zone: z } }] }`)
  .join('\n')}
  - { job_name: refused, static_configs: [{ targets: ['127.0.0.1:1'] }] }
  - { job_name: exporter, static_configs: [{ targets: ['${exporter}'] }] }
  - { job_name: honor, metrics_path: /conflict, honor_labels: true, static_configs: [{ targets: ['${address}'] }] }
  - { job_name: clock, metrics_path: /times, honor_timestamps: false, static_configs: [{ targets: ['${address}'] }] }
  - { job_name: samples, metrics_path: /five, sample_limit: 4, static_configs: [{ targets: ['${address}'] }] }
  - { job_name: enough, metrics_path: /five, sample_limit: 5, static_configs: [{ targets: ['${address}'] }] }
  - { job_name: names, metrics_path: /five, label_limit: 3, static_configs: [{ targets: ['${address}'] }] }
  - { job_name: size, metrics_path: /five, body_size_limit: 40B, static_configs: [{ targets: ['${address}'] }] }
  - { job_name: pool, metrics_path: /five, target_limit: 1, static_configs: [{ targets: ['${address}', '127.0.0.1:1'] }] }
  - job_name: relabelled
    metrics_path: /five
    static_configs: [{ targets: ['${address}'], labels: { __meta_a: b, env: prod } }]
    relabel_configs:
      - { source_labels: [__address__], regex: '(.*):(.*)', target_label: host, replacement: '$1' }
      - { action: labelmap, regex: __meta_(.+), replacement: 'meta_$1' }
      - { source_labels: [__address__], action: hashmod, modulus: 97, target_label: shard }
    metric_relabel_configs:
      - { source_labels: [i], regex: '[23]', action: drop }
      - { source_labels: [__name__, i], separator: '/', regex: '(.)/(.)', target_label: both, replacement: '\${2}-\${1}' }
      - { source_labels: [i], regex: '5', target_label: __name__, replacement: renamed }
      - { action: labeldrop, regex: env }
`

type Sample = { readonly metric: Record<string, string>; readonly value: readonly [number, string] }

/** Value by series, of what is there now. */
async function held(server: RunningServer, selector: string): Promise<Map<string, string>> {
  const answer = await readJson<{ data: { result: Sample[] } }>(fetch(`${server.url}/api/v1/query?query=${encodeURIComponent(selector)}`))
  return new Map(answer.data.result.map(({ metric, value }) => [seriesKey(metric), value[1]]))
}

function seriesKey(metric: Record<string, string>): string {
  const bound = (name: string, value: string) => ((name === 'le' || name === 'quantile') && value !== '+Inf' ? String(Number(value)) : value)
  return JSON.stringify(Object.entries(metric).map(([name, value]) => [name, bound(name, value)]).sort())
}

/** Durations differ, and so does what an exporter shows at another moment. */
const comparable = '{job!="",job!="exporter",__name__!="scrape_duration_seconds"}'

beforeAll(async () => {
  targets = createServer(listener)
  await new Promise<void>((resolve) => targets.listen(0, '127.0.0.1', resolve))
  const { port } = targets.address() as AddressInfo // it listens on a port
  const exporter = await startNodeExporter()
  running.push(exporter)
  const file = join(dir, 'prometheus.yml')
  writeFileSync(file, config(`127.0.0.1:${port}`, `127.0.0.1:${exporter.port}`))
  const started = await Promise.all([startSolowatch(join(dir, 'own'), [`--config.file=${file}`]), startPrometheus(join(dir, 'peer'), file)])
  running.push(...started)
  ;[own, peer] = started
}, 60_000)

afterAll(async () => {
  for (const server of running.reverse()) await server.stop()
  targets.closeAllConnections()
  targets.close()
  rmSync(dir, { recursive: true, force: true })
})

describe('solowatch and Prometheus, scraping the same', () => {
  for (let i = 0; i < phaseCount; i++) {
    it(`hold the same in phase ${i + 1}`, { timeout: 40_000 }, async () => {
      phase = i
      let differences: string[] = ['not compared yet']
      // Both scrape twice a second, at different moments: soon after the change they have both seen the new phase.
      await expect
        .poll(
          async () => {
            const [ours, theirs] = await Promise.all([held(own, comparable), held(peer, comparable)])
            expect(theirs.size).toBeGreaterThan(100)
            differences = differencesOf(ours, theirs)
            return differences.slice(0, 20)
          },
          { interval: 250, timeout: 30_000 },
        )
        .toEqual([])
    })
  }

  it('hold the same series of a real exporter', async () => {
    const selector = '{job="exporter",__name__!~"node_(cooling|netstat|softnet|schedstat|cpu_frequency).*"}'
    const [ours, theirs] = await Promise.all([held(own, selector), held(peer, selector)])
    expect(ours.size).toBeGreaterThan(200)
    expect([...ours.keys()].sort()).toEqual([...theirs.keys()].sort())
  })

  it('find the same targets up and down', async () => {
    const health = async (server: RunningServer) => {
      const answer = await readJson<{ data: { activeTargets: { scrapePool: string; scrapeUrl: string; health: string }[] } }>(fetch(`${server.url}/api/v1/targets?state=active`))
      return answer.data.activeTargets.map((target) => `${target.scrapePool} ${target.scrapeUrl} ${target.health}`).sort()
    }
    // At once, as a slow moment makes a target of one of them run into its short timeout.
    const differing = async () => {
      const [ours, theirs] = await Promise.all([health(own), health(peer)])
      return { ours: ours.filter((line) => !theirs.includes(line)), theirs: theirs.filter((line) => !ours.includes(line)) }
    }
    await expect.poll(differing, { timeout: 10_000 }).toEqual({ ours: [], theirs: [] })
  })
})

function differencesOf(ours: ReadonlyMap<string, string>, theirs: ReadonlyMap<string, string>): string[] {
  const differences: string[] = []
  for (const [series, value] of theirs) {
    const own = ours.get(series)
    if (own === undefined) differences.push(`missing: ${series} ${value}`)
    else if (own !== value && Number(own) !== Number(value)) differences.push(`other: ${series} ${own} instead of ${value}`)
  }
  for (const [series, value] of ours) if (!theirs.has(series)) differences.push(`too many: ${series} ${value}`)
  return differences
}
