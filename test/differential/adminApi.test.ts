// Deletion and snapshots, asked of Debian's Prometheus and of solowatch with the same samples: the same answers, and the same
// samples afterwards, also after a kill -9. Then a backup of the running server, from the command line.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { postRemoteWrite, remoteWriteBody } from '../helpers/remoteWriteBody.ts'
import { type RunningServer, startPrometheus, startSolowatch } from '../helpers/servers.ts'

const dir = mkdtempSync(join(tmpdir(), 'solowatch-admin-'))
const config = join(dir, 'prometheus.yml')
let own: RunningServer
let peer: RunningServer

const startMs = Math.floor(Date.now() / 1000) * 1000 - 3_000_000
const at = (sample: number) => (startMs + sample * 10_000) / 1000

const startOwn = () => startSolowatch(join(dir, 'own'), [`--config.file=${config}`, '--web.enable-admin-api'])

beforeAll(async () => {
  for (const name of ['own', 'peer']) mkdirSync(join(dir, name))
  writeFileSync(config, 'global: {}\n')
  own = await startOwn()
  peer = await startPrometheus(join(dir, 'peer'), config, ['--web.enable-admin-api', '--web.enable-remote-write-receiver'])
  const body = remoteWriteBody(
    ['a', 'b', 'c'].flatMap((name) =>
      [1, 2, 3].map((host) => ({
        labels: { __name__: name, host: String(host) },
        samples: Array.from({ length: 200 }, (_, i) => ({ timestampMs: startMs + i * 10_000, value: host * i })),
      })),
    ),
  )
  for (const server of [own, peer]) expect((await postRemoteWrite(server.url, body)).status).toBe(204)
}, 60_000)

afterAll(async () => {
  await own?.stop()
  await peer?.stop()
  rmSync(dir, { recursive: true, force: true })
})

async function ask(server: RunningServer, method: string, path: string): Promise<{ status: number; body: string }> {
  const response = await fetch(server.url + path, { method })
  return { status: response.status, body: (await response.text()).replace(/"\d{8}T\d{6}Z-[0-9a-f]{16}"/, '"NAME"') }
}

async function samplesOf(server: RunningServer) {
  const response = await fetch(`${server.url}/api/v1/query?query=${encodeURIComponent('{__name__=~"a|b|c"}[2h]')}&time=${at(300)}`)
  const { data } = (await response.json()) as { data: { result: { metric: unknown }[] } }
  return data.result.sort((x, y) => (JSON.stringify(x.metric) < JSON.stringify(y.metric) ? -1 : 1))
}

describe('the admin API', () => {
  const asked = (method: string, path: string) =>
    it(`answers ${method} ${path} as Prometheus does`, async () => {
      const url = `/api/v1/admin/tsdb/${path}`
      expect(await ask(own, method, url)).toEqual(await ask(peer, method, url))
      expect(await samplesOf(own)).toEqual(await samplesOf(peer))
    })
  asked('POST', 'delete_series')
  asked('POST', 'delete_series?match[]=')
  asked('POST', 'delete_series?match[]=a{')
  asked('POST', 'delete_series?match[]=a&start=x')
  asked('POST', 'delete_series?match[]=a&end=yesterday')
  asked('GET', 'delete_series?match[]=a')
  asked('POST', `delete_series?match[]=none`)
  asked('POST', `delete_series?match[]=a{host="1"}&start=${at(20)}&end=${at(40)}`)
  asked('PUT', `delete_series?match[]=a{host="1"}&match[]={__name__=~"b|c",host!="3"}&start=${at(30)}&end=${at(60.5)}`)
  asked('POST', `delete_series?match[]=b{host="3"}&end=${at(10)}`)
  asked('POST', `delete_series?match[]=c{host="3"}&start=${at(190)}`)
  asked('POST', `delete_series?match[]=a{host="2"}`)
  asked('POST', `delete_series?match[]=a{host="3"}&start=${at(100)}&end=${at(90)}`)
  asked('POST', 'snapshot')
  asked('PUT', 'snapshot?skip_head=true')
  asked('POST', 'snapshot?skip_head=maybe')

  it('hides the same samples after a kill -9', async () => {
    await own.stop('SIGKILL')
    own = await startOwn()
    expect(await samplesOf(own)).toEqual(await samplesOf(peer))
  })

  asked('POST', 'clean_tombstones')
})

describe('solowatch backup', () => {
  const backup = (target: string, ...args: string[]) =>
    spawnSync(process.execPath, [resolve('src/main.ts'), 'backup', join(dir, target), `--storage.tsdb.path=${join(dir, 'own')}`, ...args], { encoding: 'utf8' })

  it('copies the directory of a running server, which opens with the same samples', async () => {
    const { status, stdout, stderr } = backup('copy', `--url=${own.url}`)
    expect([status, stdout, stderr]).toEqual([0, `${join(dir, 'copy')}\n`, ''])
    const copy = await startSolowatch(join(dir, 'copy'), [`--config.file=${config}`])
    try {
      expect(await samplesOf(copy)).toEqual(await samplesOf(own))
    } finally {
      await copy.stop()
    }
  })

  it('says what is in the way', () => {
    const refused = [backup('copy', `--url=${own.url}`), backup('other', '--url=http://127.0.0.1:1'), backup('other', '--nothing')]
    expect(refused.map(({ status }) => status)).toEqual([2, 1, 2])
    expect(refused[0]?.stderr).toContain('is not empty; choose a new directory')
    expect(refused[1]?.stderr).toContain('no server answers at http://127.0.0.1:1/api/v1/admin/tsdb/snapshot')
    expect(existsSync(join(dir, 'other'))).toBe(false)
  })

  it('copies a directory that no server uses', async () => {
    const before = await samplesOf(own)
    await own.stop()
    expect(backup('closed').status).toBe(0)
    expect(readdirSync(join(dir, 'closed'))).toEqual(expect.arrayContaining(['partitions', 'series.db', 'state.db', 'tombstones.db']))
    own = await startSolowatch(join(dir, 'closed'), [`--config.file=${config}`])
    expect(await samplesOf(own)).toEqual(before)
  })
})
