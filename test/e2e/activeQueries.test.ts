// kill -9 while queries are being evaluated, as the kernel does it to a process that takes too much memory: the next start
// names them in its log, in the words of Debian's Prometheus, which is treated the same way.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { type RunningServer, startPrometheus, startSolowatch } from '../helpers/servers.ts'

const dir = mkdtempSync(join(tmpdir(), 'solowatch-active-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

/** Minutes of work for either server. */
const endless = 'sum(sum_over_time(quantile_over_time(0.5, vector(1)[10m:5ms])[1d:1s]))'

/** The words of the start after the kill, and the queries it names. */
async function afterKill(name: string, start: (data: string, config: string) => Promise<RunningServer>): Promise<{ message: string; queries: string[] }> {
  const data = join(dir, name)
  const config = join(dir, `${name}.yml`)
  mkdirSync(data)
  writeFileSync(config, 'global: {}\n')
  const killed = await start(data, config)
  const gone = fetch(`${killed.url}/api/v1/query?query=${encodeURIComponent(endless)}`).catch(() => undefined)
  await fetch(`${killed.url}/api/v1/query?query=vector(5)`)
  // The one that has its answer leaves a moment after it.
  const active = () => ['quantile_over_time', 'vector(5)'].filter((text) => readFileSync(join(data, 'queries.active'), 'latin1').includes(text))
  await expect.poll(active, { interval: 20 }).toEqual(['quantile_over_time'])
  await killed.stop('SIGKILL')
  await gone

  const restarted = await start(data, config)
  await restarted.stop()
  const line = restarted.output().split('\n').find((one) => one.includes('component=activeQueryTracker')) ?? ''
  const queries = JSON.parse(JSON.parse(/ queries=("(?:[^"\\]|\\.)*")/.exec(line)?.[1] ?? '"[]"') as string) as { query: string; timestamp_sec: number }[]
  for (const { timestamp_sec } of queries) expect(Math.abs(Date.now() / 1000 - timestamp_sec)).toBeLessThan(60)

  const again = await start(data, config)
  await again.stop()
  expect(again.output()).not.toContain('activeQueryTracker')
  return { message: /msg="([^"]*)"/.exec(line)?.[1] ?? '', queries: queries.map(({ query }) => query) }
}

describe('kill -9 during a query', () => {
  it('leaves its text for the next start', async () => {
    const peer = await afterKill('peer', startPrometheus)
    expect(peer.queries).toEqual([endless])
    expect(await afterKill('own', (data, config) => startSolowatch(data, [`--config.file=${config}`]))).toEqual(peer)
  }, 60_000)
})
