// The query log of solowatch beside that of Debian's Prometheus, under the same queries and the same rule: the same lines but
// for times and durations. Then what a reload does with the file.

import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningServer, startPrometheus, startSolowatch } from '../helpers/servers.ts'

const dir = mkdtempSync(join(tmpdir(), 'solowatch-query-log-'))
let own: RunningServer
let peer: RunningServer

const configText = (extra = 'query_log_file: queries.log') => `global: { evaluation_interval: 1s, ${extra} }
rule_files: [rules.yml]
`
const rules = `groups:
  - name: g
    rules:
      - alert: A
        expr: vector(1)
        annotations: { seen: '{{ with query "vector(7)" }}{{ . | first | value }}{{ end }}' }
`
const home = (server: 'own' | 'peer') => join(dir, server)

beforeAll(async () => {
  for (const name of ['own', 'peer'] as const) {
    mkdirSync(home(name))
    writeFileSync(join(home(name), 'prometheus.yml'), configText())
    writeFileSync(join(home(name), 'rules.yml'), rules)
  }
  const args = ['--web.enable-lifecycle']
  own = await startSolowatch(join(dir, 'own', 'data'), [`--config.file=${join(home('own'), 'prometheus.yml')}`, ...args])
  peer = await startPrometheus(join(dir, 'peer', 'data'), join(home('peer'), 'prometheus.yml'), args)
}, 60_000)

afterAll(async () => {
  await own?.stop()
  await peer?.stop()
  rmSync(dir, { recursive: true, force: true })
})

type Line = { params: { query: string; start: string; end: string; step: number }; stats: { timings: object; samples: object }; httpRequest?: object; ruleGroup?: { file: string; name: string }; error?: string }

function linesOf(server: 'own' | 'peer', file = 'queries.log'): Line[] {
  const text = readFileSync(join(home(server), file), 'utf8')
  return text.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Line)
}

/** Both servers, and the newest line of each about `query`, once it is there. */
async function linesAbout(query: string): Promise<{ ownLine: Line; peerLine: Line }> {
  const find = (server: 'own' | 'peer') => linesOf(server).findLast((line) => line.params.query === query)
  await expect.poll(() => find('own') !== undefined && find('peer') !== undefined, { timeout: 15_000 }).toBe(true)
  return { ownLine: find('own') as Line, peerLine: find('peer') as Line } // just found
}

async function askBoth(path: string, init?: RequestInit): Promise<void> {
  const statuses = await Promise.all([own, peer].map(async (server) => (await fetch(server.url + path, init)).status))
  expect(statuses[0]).toBe(statuses[1])
}

describe('the query log', () => {
  const logs = (about: string, query: string, path: string, init?: RequestInit) =>
    it(`has a line for ${about}`, async () => {
      await askBoth(path, init)
      const { ownLine, peerLine } = await linesAbout(query)
      expect([ownLine.params, ownLine.httpRequest, ownLine.error]).toEqual([peerLine.params, peerLine.httpRequest, peerLine.error])
      expect(Object.keys(ownLine.stats.timings).sort()).toEqual(Object.keys(peerLine.stats.timings).sort())
    })
  logs('an instant query', '1+1', '/api/v1/query?query=1%2B1&time=1700000000.123')
  logs('a query by POST', 'up', '/api/v1/query?stats=all', { method: 'POST', body: new URLSearchParams({ query: 'up', time: '5' }) })
  logs('a range query', 'vector(3)', '/api/v1/query_range?query=vector(3)&start=1700000000&end=1700000300.5&step=15.7')
  logs('a query that fails', 'vector(1) + on() group_left() (vector(1) or label_replace(vector(2),"a","b","",""))', `/api/v1/query?time=5&query=${encodeURIComponent('vector(1) + on() group_left() (vector(1) or label_replace(vector(2),"a","b","",""))')}`)

  it('has the queries of rules and of their templates', async () => {
    for (const query of ['vector(1)', 'vector(7)']) {
      const { ownLine, peerLine } = await linesAbout(query)
      expect(ownLine.ruleGroup).toEqual({ ...peerLine.ruleGroup, file: join(home('own'), 'rules.yml') })
      expect(ownLine.httpRequest).toBe(undefined)
    }
  })

  it('has nothing about what is refused before it is evaluated', async () => {
    await askBoth('/api/v1/query?query=sum(')
    await askBoth('/api/v1/query?query=refused%28%29')
    await askBoth('/api/v1/query_range?query=42&start=2&end=1&step=1')
    await askBoth('/api/v1/query?query=marker')
    await linesAbout('marker')
    for (const server of ['own', 'peer'] as const) {
      expect(linesOf(server).filter(({ params }) => ['sum(', 'refused()', '42'].includes(params.query))).toEqual([])
    }
  })

  it('begins each line with time and level', () => {
    expect(linesOf('own')[0]).toMatchObject({ time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/), level: 'INFO', msg: 'promql query logged' })
  })
})

describe('a reload', () => {
  const reload = async () => {
    const answer = await fetch(`${own.url}/-/reload`, { method: 'POST' })
    return { status: answer.status, text: await answer.text() }
  }
  const ask = (query: string) => fetch(`${own.url}/api/v1/query?query=${query}`)
  const hasQuery = (file: string, query: string) => () => linesOf('own', file).some(({ params }) => params.query === query)
  const setConfig = (extra: string) => writeFileSync(join(home('own'), 'prometheus.yml'), configText(extra))

  it('opens the file anew, so that it can be rotated', async () => {
    renameSync(join(home('own'), 'queries.log'), join(home('own'), 'queries.1'))
    await ask('101')
    await expect.poll(hasQuery('queries.1', '101')).toBe(true)
    expect(await reload()).toEqual({ status: 200, text: '' })
    await ask('102')
    await expect.poll(hasQuery('queries.log', '102')).toBe(true)
    expect(hasQuery('queries.1', '102')()).toBe(false)
  })

  it('fails when the file cannot be opened, and the log goes on in the one before', async () => {
    setConfig('query_log_file: nowhere/queries.log')
    const { status, text } = await reload()
    expect([status, text]).toEqual([500, expect.stringContaining("can't create json log file: ENOENT")])
    await ask('103')
    await expect.poll(hasQuery('queries.log', '103')).toBe(true)
  })

  it('without the key ends the log', async () => {
    setConfig('')
    expect((await reload()).status).toBe(200)
    await ask('104')
    expect(await (await fetch(`${own.url}/metrics`)).text()).toContain('prometheus_engine_query_log_enabled 0')
    expect(hasQuery('queries.log', '104')()).toBe(false)
  })
})
