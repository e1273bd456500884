// A server whose disk takes no more: remote write is told to come again, a scrape says that it was not stored, queries go
// on, and with room again all goes on by itself. A limit on the size of files stands in for the full disk; it is lifted
// while the server runs.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readJson } from '../helpers/json.ts'
import { postRemoteWrite, remoteWriteBody } from '../helpers/remoteWriteBody.ts'
import { startSolowatch, type RunningServer } from '../helpers/servers.ts'
import { until } from '../helpers/until.ts'

const seriesPerBody = 200
const dir = mkdtempSync(join(tmpdir(), 'solowatch-full-'))
const startMs = Date.now() - 600_000
let server: RunningServer
const acknowledged: number[] = []
let next = 0

beforeAll(async () => {
  const config = join(dir, 'prometheus.yml')
  writeFileSync(config, 'global: {scrape_interval: 1s}\nscrape_configs: [{job_name: self, static_configs: [{targets: [127.0.0.1:1]}]}]\n')
  server = await startSolowatch(join(dir, 'data'), [`--config.file=${config}`, '--storage.sync=commit', '--web.enable-admin-api'])
})

afterAll(async () => {
  await server.stop()
  rmSync(dir, { recursive: true, force: true })
})

const timeOf = (number: number) => startMs + number * 100
const valueOf = (number: number, series: number) => number + series / 8

/** Sends the next body; what was refused is sent again by the next call, as a sender does. */
async function send(): Promise<Response> {
  const series = Array.from({ length: seriesPerBody }, (_, i) => ({
    labels: { __name__: 'written', series: String(i) },
    samples: [{ timestampMs: timeOf(next), value: valueOf(next, i) }],
  }))
  const response = await postRemoteWrite(server.url, remoteWriteBody(series))
  if (response.status === 204) acknowledged.push(next++)
  return response
}

async function query(text: string): Promise<readonly { readonly metric: Record<string, string>; readonly values: readonly (readonly [number, string])[] }[]> {
  const response = await fetch(`${server.url}/api/v1/query`, { method: 'POST', body: new URLSearchParams({ query: text }) })
  return (await readJson<{ data: { result: { metric: Record<string, string>; values: [number, string][] }[] } }>(response)).data.result
}

async function expectAcknowledged(): Promise<void> {
  const found = new Map<string, string>()
  for (const { metric, values } of await query('written[1h]')) {
    for (const [time, value] of values) found.set(`${metric.series} ${Math.round(time * 1000)}`, value)
  }
  const wrong = acknowledged.flatMap((number) =>
    Array.from({ length: seriesPerBody }, (_, i) => i).filter((i) => found.get(`${i} ${timeOf(number)}`) !== String(valueOf(number, i))).map((i) => `${i} ${timeOf(number)}`),
  )
  expect(wrong.slice(0, 5), `${wrong.length} of ${acknowledged.length} bodies`).toEqual([])
}

const metric = async (name: string) => Number(new RegExp(`^${name} (.+)$`, 'm').exec(await (await fetch(`${server.url}/metrics`)).text())?.[1])

describe('a full disk', () => {
  it('makes remote write answer 503 with Retry-After', async () => {
    for (let i = 0; i < 20; i++) expect((await send()).status).toBe(204)
    const limit = statSync(join(dir, 'data/log/00000001.db-wal')).size + 20_000
    execFileSync('prlimit', ['--pid', String(server.pid), `--fsize=${limit}:unlimited`])
    let refused: Response | undefined
    await until('refused', async () => {
      const response = await send()
      if (response.status !== 204) refused = response
      return refused !== undefined
    })
    expect(refused?.status).toBe(503)
    expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(await refused?.text()).toContain('free some disk space')
  })

  it('keeps serving queries of everything acknowledged', () => expectAcknowledged())

  it('makes the admin API answer 503 in the form that all errors of the API have', async () => {
    const response = await fetch(`${server.url}/api/v1/admin/tsdb/import`, { method: 'POST', body: `imported 1 ${startMs / 1000}\n# EOF\n` })
    expect([response.status, response.headers.get('content-type')]).toEqual([503, 'application/json'])
    expect(await readJson(response)).toEqual({ status: 'error', errorType: 'unavailable', error: expect.stringContaining('free some disk space') })
  })

  it('counts the scrapes that are not stored, and the target says why', async () => {
    await until('a scrape refused', async () => (await metric('prometheus_target_scrapes_storage_unavailable_total')) > 0)
    const targets = await readJson<{ data: { activeTargets: { lastError: string }[] } }>(await fetch(`${server.url}/api/v1/targets`))
    expect(targets.data.activeTargets[0]?.lastError).toContain('the scrape was not stored: samples cannot be written')
  })

  it('is over by itself when there is room, and nothing acknowledged is lost', async () => {
    execFileSync('prlimit', ['--pid', String(server.pid), '--fsize=unlimited:unlimited'])
    await until('acknowledged again', async () => (await send()).status === 204)
    for (let i = 0; i < 20; i++) expect((await send()).status).toBe(204)
    await expectAcknowledged()
    const ups = (await query('up[1m]')).flatMap(({ values }) => values).length
    await until('scrapes are stored again', async () => (await query('up[1m]')).flatMap(({ values }) => values).length > ups)
    await server.stop('SIGKILL')
    server = await startSolowatch(join(dir, 'data'), [`--config.file=${join(dir, 'prometheus.yml')}`])
    await expectAcknowledged()
  })
})
