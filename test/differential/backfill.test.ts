// Backfill from an OpenMetrics file, beside promtool and Prometheus: the same files are taken and refused, and the same
// queries have the same answers, whether the file went into a closed directory or to a running server.

import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningServer, startPrometheus, startSolowatch } from '../helpers/servers.ts'

const dir = mkdtempSync(join(tmpdir(), 'solowatch-backfill-'))
const config = join(dir, 'prometheus.yml')
/** Six in the morning, so that three days lie in four partitions at any time of day; off whole seconds, so that no sample lies on the edge of a window. */
const start = Math.floor(Date.now() / 86_400_000 - 10) * 86_400 + 6 * 3_600 + 0.25

/** Three days: a counter with resets, gauges, a histogram; a series ends early, one appears late; more than one piece long. */
function openMetrics(): string {
  const lines = ['# HELP visits Of the shop.', '# TYPE visits counter']
  const count = 3 * 288
  for (const shop of ['north', 'south']) for (let i = 0; i < count; i++) lines.push(`visits_total{shop="${shop}"} ${(i % 200) * 3} ${start + 300 * i}`)
  lines.push('# TYPE temperature gauge')
  for (let i = 0; i < count; i++) {
    lines.push(`temperature{room="a \\"quoted\\" one"} ${20 + Math.sin(i / 20)} ${start + 300 * i}`)
    if (i < 100) lines.push(`temperature{room="cellar"} -${i / 8} ${start + 300 * i}`)
    if (i > 500) lines.push(`temperature{room="attic"} ${i % 50 === 0 ? 'NaN' : i} ${start + 300 * i}`)
  }
  lines.push('# TYPE wait_seconds histogram')
  for (let i = 0; i < count; i++) for (const [le, part] of [['1.5', 0.5], ['7.5', 0.8], ['+Inf', 1]] as const) lines.push(`wait_seconds_bucket{le="${le}"} ${Math.floor(i * part)} ${start + 300 * i}`)
  return `${lines.join('\n')}\n# EOF\n`
}

const tool = (...args: string[]) => spawnSync(process.execPath, [resolve('src/main.ts'), 'tsdb', 'create-blocks-from', 'openmetrics', ...args], { encoding: 'utf8', cwd: dir })
const promtool = (...args: string[]) => spawnSync('/usr/bin/promtool', ['tsdb', 'create-blocks-from', 'openmetrics', ...args], { encoding: 'utf8', cwd: dir })

let peer: RunningServer
const own: Record<string, RunningServer> = {}

beforeAll(async () => {
  writeFileSync(config, 'global: {}\n')
  writeFileSync(join(dir, 'history.om'), openMetrics())
  for (const name of ['peer', 'closed', 'running']) mkdirSync(join(dir, name))
  expect(promtool('history.om', 'peer')).toMatchObject({ status: 0 })
  peer = await startPrometheus(join(dir, 'peer'), config, ['--storage.tsdb.retention.time=100y'])
  const retention = '--storage.tsdb.retention.time=100y'

  const closed = tool('-r', 'history.om', 'closed')
  expect([closed.status, closed.stderr]).toEqual([0, ''])
  expect(closed.stdout).toMatch(/^PARTITION {3}MIN TIME {2}MAX TIME {2}NUM SAMPLES\n(\d{4}-\d\d-\d\d {2}\S+Z {2}\S+Z {2}\d+\n){4}$/)
  own['closed'] = await startSolowatch(join(dir, 'closed'), [`--config.file=${config}`, retention])

  own['running'] = await startSolowatch(join(dir, 'running'), [`--config.file=${config}`, retention, '--web.enable-admin-api'])
  expect(tool('-q', 'history.om', 'running', `--url=${own['running'].url}`)).toMatchObject({ status: 0, stdout: '', stderr: '' })
}, 120_000)

afterAll(async () => {
  for (const server of [peer, ...Object.values(own)]) await server?.stop()
  rmSync(dir, { recursive: true, force: true })
})

async function rangeOf(server: RunningServer | undefined, query: string) {
  const params = new URLSearchParams({ query, start: String(Math.floor(start)), end: String(Math.floor(start) + 3 * 86_400), step: '937' })
  const response = await fetch(`${server?.url}/api/v1/query_range?${params.toString()}`)
  return response.json()
}

describe('backfilled samples', () => {
  for (const where of ['closed', 'running']) {
    for (const query of ['visits_total', 'temperature', 'rate(visits_total[23m])', 'increase(visits_total[5h])', 'max_over_time(temperature[59m])', 'sum by (le) (wait_seconds_bucket)', 'histogram_quantile(0.9, rate(wait_seconds_bucket[1h]))']) {
      it(`answer ${query} as Prometheus does, ${where} directory`, async () => {
        const answer = await rangeOf(own[where], query)
        expect((answer as { data: { result: unknown[] } }).data.result.length).toBeGreaterThan(0)
        expect(answer).toEqual(await rangeOf(peer, query))
      })
    }
  }

  it('survive a kill -9 right after the command, and can be added once more without a change', async () => {
    const before = await rangeOf(own['running'], 'temperature')
    await own['running']?.stop('SIGKILL')
    expect(tool('-q', 'history.om', 'running')).toMatchObject({ status: 0, stderr: '' })
    own['running'] = await startSolowatch(join(dir, 'running'), [`--config.file=${config}`, '--storage.tsdb.retention.time=100y', '--web.enable-admin-api'])
    expect(await rangeOf(own['running'], 'temperature')).toEqual(before)
  })

  it('are there although they were deleted before', async () => {
    const server = own['running']
    const deleted = await fetch(`${server?.url}/api/v1/admin/tsdb/delete_series?match[]=again`, { method: 'POST' })
    expect(deleted.status).toBe(204)
    writeFileSync(join(dir, 'again.om'), `again 1 ${start}\nagain 2 ${start + 60}\n# EOF\n`)
    const params = `query=${encodeURIComponent('again{site="lab"}[1d]')}&time=${start + 3600}`
    const values = async () => ((await (await fetch(`${server?.url}/api/v1/query?${params}`)).json()) as { data: { result: { values: unknown[] }[] } }).data.result.map((one) => one.values)
    expect(tool('-q', 'again.om', 'running', '--label=site=lab', `--url=${server?.url}`)).toMatchObject({ status: 0, stderr: '' })
    expect(await values()).toEqual([[[start, '1'], [start + 60, '2']]])
  })
})

describe('a file that cannot be stored', () => {
  const refused = (what: string, text: string, message: string) =>
    it(`is refused: ${what}`, () => {
      writeFileSync(join(dir, 'bad.om'), text)
      const theirs = promtool('bad.om', 'nowhere-peer')
      const ours = tool('bad.om', 'nowhere')
      expect([ours.status, theirs.status]).toEqual([1, 1])
      expect(ours.stderr).toContain(message)
    })
  refused('no end marker', `a 1 ${start}\n`, 'bad.om: data does not end with # EOF (line 2)')
  refused('a sample without timestamp', `a 1 ${start}\na 2\n# EOF\n`, 'bad.om: expected timestamp for series a, got none (line 2)')
  refused('a malformed line', `a 1 ${start}\n# TYPE b gauge\nb{x=1} 2 ${start}\n# EOF\n`, '(line 3)')

  it('is refused when it reaches into the future, where it would keep current samples out', () => {
    writeFileSync(join(dir, 'bad.om'), `a 1 ${Math.floor(Date.now() / 1000) + 3600}\n# EOF\n`)
    expect(tool('bad.om', 'nowhere').stderr).toContain('the sample of a lies in the future (line 1)')
  })

  it('is refused when it lies before the first day that a file can have', () => {
    writeFileSync(join(dir, 'bad.om'), 'a 1 -8640000000001\n# EOF\n')
    expect(tool('bad.om', 'nowhere').stderr).toContain('the sample of a lies before the first day there is (line 1)')
  })
})
