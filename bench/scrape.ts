// What does it cost to scrape a machine park? 200 targets with the real bodies of node_exporter, every 5 s: CPU seconds per
// million samples, and resident memory.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { startPrometheus, startSolowatch, startVictoriaMetrics, type RunningServer } from '../test/helpers/servers.ts'
import { printComparison } from './measure/comparison.ts'
import { formatBytes } from './measure/table.ts'

export type ScrapeBenchOptions = { readonly targets: number; readonly intervalSeconds: number; readonly warmUpSeconds: number; readonly seconds: number }

export const scrapeDefaults: ScrapeBenchOptions = { targets: 200, intervalSeconds: 5, warmUpSeconds: 12, seconds: 40 }

/** Runs the bench on all three servers in turn and prints the table with ratios to solowatch. */
export async function benchScrape(options: ScrapeBenchOptions): Promise<void> {
  const farm = spawn(process.execPath, [new URL('load/exporterFarm.ts', import.meta.url).pathname], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [portLine]: unknown[] = await once(farm.stdout, 'data')
  const port = Number(String(portLine))
  const servedSamples = async () => Number(await (await fetch(`http://127.0.0.1:${port}/served`)).text())
  const results: { readonly samplesPerSecond: number; readonly cpuPerMillion: number; readonly residentBytes: number }[] = []
  try {
    for (const start of [startSolowatchScraping, startPrometheusScraping, startVictoriaScraping]) {
      const dir = mkdtempSync(join(tmpdir(), 'solowatch-bench-'))
      const config = join(dir, 'scrape.yml')
      writeFileSync(config, scrapeConfig(port, options))
      const server = await start(join(dir, 'data'), config)
      try {
        await delay(options.warmUpSeconds * 1000)
        const before = { cpuSeconds: server.cpuSeconds(), samples: await servedSamples() }
        await delay(options.seconds * 1000)
        const cpuSeconds = server.cpuSeconds() - before.cpuSeconds
        // What was fetched, not what was due: a server that misses scrapes must not look cheap.
        const samples = (await servedSamples()) - before.samples
        results.push({ samplesPerSecond: samples / options.seconds, cpuPerMillion: (cpuSeconds / samples) * 1e6, residentBytes: server.residentBytes() })
      } finally {
        await server.stop()
        rmSync(dir, { recursive: true, force: true })
      }
    }
  } finally {
    farm.kill()
  }
  printComparison(`scrape: ${options.targets} targets of node_exporter's size every ${options.intervalSeconds} s`, [
    { what: 'samples fetched per second', values: results.map((result) => result.samplesPerSecond), format: (value) => value.toFixed(0) },
    {
      what: 'CPU-seconds per million samples',
      values: results.map((result) => result.cpuPerMillion),
      format: (value) => value.toFixed(2),
      goals: [{ peer: 'Prometheus', atMost: 1 / 5 }],
    },
    { what: 'resident memory', values: results.map((result) => result.residentBytes), format: formatBytes },
  ])
}

function scrapeConfig(port: number, options: ScrapeBenchOptions): string {
  const targets = Array.from({ length: options.targets }, (_, i) => `      - { targets: ['127.0.0.1:${port}'], labels: { instance: 'node-${i}', __metrics_path__: '/${i}/metrics' } }`)
  return `global: { scrape_interval: ${options.intervalSeconds}s, scrape_timeout: ${options.intervalSeconds}s }\nscrape_configs:\n  - job_name: node\n    static_configs:\n${targets.join('\n')}\n`
}

const startSolowatchScraping = (dir: string, config: string): Promise<RunningServer> => startSolowatch(dir, [`--config.file=${config}`])
const startPrometheusScraping = (dir: string, config: string): Promise<RunningServer> => startPrometheus(dir, config)
const startVictoriaScraping = (dir: string, config: string): Promise<RunningServer> => startVictoriaMetrics(dir, [`-promscrape.config=${config}`])
