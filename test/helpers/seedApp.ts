// An instrumented application with the metrics that the founding set-up's dashboards and rules ask for, moving a little
// at every scrape. Counters start high, as those of an application that has run for a while.

import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export type SeedApp = { readonly address: string; close(): Promise<void> }

const buckets = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

export async function startSeedApp(): Promise<SeedApp> {
  let scrapes = 0
  const server: Server = createServer((_request, response) => {
    scrapes += 1
    response.setHeader('content-type', 'text/plain; version=0.0.4; charset=utf-8')
    response.end(exposition(scrapes))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo // a TCP server that listens has one
  return { address: `127.0.0.1:${port}`, close: () => new Promise((done) => (server.closeAllConnections(), server.close(() => done()))) }
}

function exposition(scrapes: number): string {
  const counted = (perScrape: number) => 1_000_000 + Math.floor(scrapes * perScrape)
  const lines: string[] = []
  const histogram = (name: string, labels: string, perScrape: number) => {
    lines.push(`# TYPE ${name} histogram`)
    buckets.forEach((bound, i) => lines.push(`${name}_bucket{${labels},le="${bound}"} ${counted(perScrape * ((i + 1) / (buckets.length + 1)))}`))
    lines.push(`${name}_bucket{${labels},le="+Inf"} ${counted(perScrape)}`, `${name}_sum{${labels}} ${counted(perScrape * 0.4)}`, `${name}_count{${labels}} ${counted(perScrape)}`)
  }
  histogram('http_request_duration_seconds', 'endpoint="/search"', 90)
  histogram('ml_inference_duration_seconds', 'model_name="ranker"', 40)
  histogram('recommendation_generation_duration_seconds', 'kind="home"', 12)
  for (const [status, perScrape] of [['200', 80], ['201', 7], ['404', 3], ['500', 6.5]] as const) lines.push(`http_requests_total{status="${status}",method="GET"} ${counted(perScrape)}`)
  for (const name of ['pg_stat_database_tup_fetched', 'pg_stat_database_tup_returned', 'redis_keyspace_hits_total', 'redis_keyspace_misses_total', 'ml_inference_total', 'ml_inference_errors_total']) {
    lines.push(`${name}{db="main"} ${counted(name.length)}`)
  }
  for (const [name, value] of [
    ['pg_stat_activity_count', 70 + (scrapes % 20)], ['database_connection_pool_active', 91 + (scrapes % 5)], ['database_connection_pool_size', 100],
    ['redis_memory_used_bytes', 5e8 + scrapes * 1024], ['redis_memory_max_bytes', 1e9], ['search_index_lag_seconds', 250 + (scrapes % 100)],
  ] as const) lines.push(`${name} ${value}`)
  return `${lines.join('\n')}\n`
}
