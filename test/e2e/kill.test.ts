// kill -9 in the middle of remote write at 50,000 samples a second: after the restart every acknowledged sample is there,
// once, with its value, and the store's own check finds nothing.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { readJson } from '../helpers/json.ts'
import { postRemoteWrite, remoteWriteBody } from '../helpers/remoteWriteBody.ts'
import { startSolowatch } from '../helpers/servers.ts'

const seriesPerBody = 500
const bodyEveryMs = 10
const dir = mkdtempSync(join(tmpdir(), 'solowatch-kill-'))

afterAll(() => rmSync(dir, { recursive: true, force: true }))

describe('kill -9 during ingest', () => {
  it('loses no acknowledged sample', async () => {
    const config = join(dir, 'prometheus.yml')
    writeFileSync(config, 'global: {}\n')
    const data = join(dir, 'data')
    const server = await startSolowatch(data, [`--config.file=${config}`])
    const startMs = Date.now()
    const killAfterBodies = 150 + Math.floor(Math.random() * 100)
    const bodies = Array.from({ length: killAfterBodies + 100 }, (_, number) => makeBody(number, startMs))

    const acknowledged: number[] = []
    const sending: Promise<void>[] = []
    const firstSentMs = Date.now()
    for (let number = 0; number < bodies.length && acknowledged.length < killAfterBodies; number++) {
      await delay(Math.max(0, firstSentMs + number * bodyEveryMs - Date.now()))
      sending.push(postRemoteWrite(server.url, bodies[number] ?? new Uint8Array()).then((response) => {
        if (response.status === 204) acknowledged.push(number)
      }, () => {}))
    }
    await server.stop('SIGKILL')
    await Promise.all(sending)
    expect(acknowledged.length).toBeGreaterThan(0)

    const restarted = await startSolowatch(data, [`--config.file=${config}`])
    try {
      const values = await readBack(restarted.url)
      const missing: string[] = []
      for (const number of acknowledged) {
        for (let series = 0; series < seriesPerBody; series++) {
          const key = `${series} ${timeOf(number, startMs)}`
          if (values.get(key) !== valueOf(number, series)) missing.push(`${key}: ${values.get(key)}`)
        }
      }
      expect(missing.slice(0, 5), `${acknowledged.length} bodies acknowledged; ${missing.length} samples missing or wrong`).toEqual([])
    } finally {
      await restarted.stop()
    }
    const check = spawnSync(process.execPath, ['src/main.ts', 'check', data], { encoding: 'utf8' })
    expect(check.stdout + check.stderr).toMatch(/^ok: /)
  }, 60_000)
})

const timeOf = (number: number, startMs: number) => startMs + number * bodyEveryMs
const valueOf = (number: number, series: number) => number * 1000 + series + 0.5

function makeBody(number: number, startMs: number): Uint8Array {
  return remoteWriteBody(Array.from({ length: seriesPerBody }, (_, series) => ({
    labels: { __name__: 'written', series: String(series) },
    samples: [{ timestampMs: timeOf(number, startMs), value: valueOf(number, series) }],
  })))
}

/** Every sample of the metric, keyed by series and time; fails when a time comes twice. */
async function readBack(url: string): Promise<Map<string, number>> {
  const response = await fetch(`${url}/api/v1/query`, { method: 'POST', body: new URLSearchParams({ query: 'written[10m]' }) })
  const answer = await readJson<{ data: { result: { metric: { series: string }; values: [number, string][] }[] } }>(response)
  const values = new Map<string, number>()
  for (const series of answer.data.result) {
    for (const [time, value] of series.values) {
      const key = `${series.metric.series} ${Math.round(time * 1000)}`
      expect(values.has(key)).toBe(false)
      values.set(key, Number(value))
    }
  }
  return values
}
