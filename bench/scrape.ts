// What does it cost to scrape a machine park? 200 targets with the real bodies of node_exporter, every 5 s: CPU seconds per
// million samples, and resident memory.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { startPrometheus, startSolowatch, startVictoriaMetrics, type RunningServer } from '../test/helpers/servers.ts'
import { readCapture } from '../test/helpers/scrapeCapture.ts'
import { printComparison } from './comparison.ts'
import { formatBytes } from './table.ts'

export type ScrapeBenchOptions = { readonly targets: number; readonly intervalSeconds: number; readonly warmUpSeconds: number; readonly seconds: number }

export const scrapeDefaults: ScrapeBenchOptions = { targets: 200, intervalSeconds: 5, warmUpSeconds: 12, seconds: 40 }

/** Runs the bench on all three servers in turn and prints the table with ratios to solowatch. */
export async function benchScrape(options: ScrapeBenchOptions): Promise<void> {
  const samplesPerBody = (readCapture('node')[0]?.body ?? '').split('\n').filter((line) => line !== '' && !line.startsWith('#')).length
  const farm = spawn(process.execPath, [new URL('exporterFarm.ts', import.meta.url).pathname], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [portLine]: unknown[] = await once(farm.stdout, 'data')
  const results: { readonly cpuPerMillion: number; readonly residentBytes: number }[] = []
  try {
    for (const start of [startSolowatchScraping, startPrometheusScraping, startVictoriaScraping]) {
      const dir = mkdtempSync(join(tmpdir(), 'solowatch-bench-'))
      const config = join(dir, 'scrape.yml')
      writeFileSync(config, scrapeConfig(Number(String(portLine)), options))
      const server = await start(join(dir, 'data'), config)
      try {
        await delay(options.warmUpSeconds * 1000)
        const before = server.cpuSeconds()
        await delay(options.seconds * 1000)
        const cpuSeconds = server.cpuSeconds() - before
        const samples = (options.targets * samplesPerBody * options.seconds) / options.intervalSeconds
        results.push({ cpuPerMillion: (cpuSeconds / samples) * 1e6, residentBytes: server.residentBytes() })
      } finally {
        await server.stop()
        rmSync(dir, { recursive: true, force: true })
      }
    }
  } finally {
    farm.kill()
  }
  printComparison(`scrape: ${options.targets} targets x ${samplesPerBody} samples every ${options.intervalSeconds} s`, [
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
