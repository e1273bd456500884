// The founding set-up as its author runs it. First exactly as written: it starts, warns, and works. Then with its
// addresses turned to loopback and its waits cut short: an alert of its rules fires, is grouped, arrives in Slack and in a
// mailbox rendered as its templates say, is silenced with the real amtool, and resolves.

import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { SMTPServer } from 'smtp-server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { readJson } from '../helpers/json.ts'
import { postRemoteWrite, remoteWriteBody } from '../helpers/remoteWriteBody.ts'
import { freePort, startSolowatch, type RunningServer } from '../helpers/servers.ts'

const seed = resolve('test/data/seed')

/** The flags of the set-up's compose file, without the paths and addresses that the test chooses. */
function composeFlags(): string[] {
  const compose: { services: { prometheus: { command: string[] } } } = parse(readFileSync(join(seed, 'docker-compose.monitoring.yml'), 'utf8'))
  return compose.services.prometheus.command.filter((flag) => !/^--(config\.file|storage\.tsdb\.path)=/.test(flag))
}

type Rule = { readonly name: string; readonly state?: string; readonly health: string; readonly alerts: readonly { readonly state: string }[] }

async function readRules(server: RunningServer): Promise<Rule[]> {
  const answer = await readJson<{ data: { groups: { rules: Rule[] }[] } }>(fetch(`${server.url}/api/v1/rules`))
  return answer.data.groups.flatMap((group) => group.rules)
}

describe('the founding set-up, as written', () => {
  const dir = mkdtempSync(join(tmpdir(), 'solowatch-seed-'))
  let server: RunningServer
  let alertmanagerPort: number

  beforeAll(async () => {
    alertmanagerPort = await freePort()
    server = await startSolowatch(join(dir, 'data'), [
      `--config.file=${join(seed, 'prometheus/prometheus.yml')}`,
      `--alertmanager.config.file=${join(seed, 'alertmanager/alertmanager.yml')}`,
      `--web.listen-address=127.0.0.1:${alertmanagerPort}`,
      ...composeFlags(),
    ])
  })
  afterAll(async () => {
    await server?.stop()
    rmSync(dir, { recursive: true, force: true })
  })

  it('says what the originals would have refused', () => {
    const output = server.output()
    for (const word of ['subject', 'body', 'database_connection_pool_size']) expect(output).toContain(word)
  })

  it('loads every rule of its file', async () => {
    const names = (await readRules(server)).map((rule) => rule.name)
    const written: { groups: { rules: { alert: string }[] }[] } = parse(readFileSync(join(seed, 'prometheus/alerts/rental-ml-alerts.yml'), 'utf8'))
    expect(names).toEqual(written.groups.flatMap((group) => group.rules.map((rule) => rule.alert)))
  })

  it('has a pool for each of its jobs, the Kubernetes one without targets', async () => {
    const pools = await readJson<{ data: { scrapePools: string[] } }>(fetch(`${server.url}/api/v1/scrape_pools`))
    expect(pools.data.scrapePools).toEqual(['kubernetes-apiservers', 'ml-models', 'nginx', 'node', 'postgresql', 'prometheus', 'redis', 'rental-ml-api'])
    const targets = await readJson<{ data: { activeTargets: { scrapePool: string }[] } }>(fetch(`${server.url}/api/v1/targets`))
    expect(targets.data.activeTargets.filter((target) => target.scrapePool === 'kubernetes-apiservers')).toEqual([])
    expect(targets.data.activeTargets.filter((target) => target.scrapePool === 'rental-ml-api')).toHaveLength(3)
  })

  it('answers Alertmanager’s API on its own port', async () => {
    const status = await readJson<{ config: { original: string } }>(fetch(`http://127.0.0.1:${alertmanagerPort}/api/v2/status`))
    expect(status.config.original).toContain('critical-alerts')
    expect(status.config.original).not.toContain('password: password')
  })

  it('reloads as its compose file allows', async () => {
    expect((await fetch(`${server.url}/-/reload`, { method: 'POST' })).status).toBe(200)
  })

  it('ends cleanly on SIGTERM', async () => {
    expect(await server.stop()).toEqual({ code: 0, signal: null })
  })
})

type Mail = { readonly to: readonly string[]; readonly text: string }

describe('an alert of the founding set-up', () => {
  const dir = mkdtempSync(join(tmpdir(), 'solowatch-seed-'))
  const slackPosts: { channel: string; attachments: { title: string; text: string; color: string }[] }[] = []
  const mails: Mail[] = []
  let slack: Server
  let smtp: SMTPServer
  let server: RunningServer

  beforeAll(async () => {
    slack = createServer((request, response) => {
      let body = ''
      request.on('data', (bytes: Buffer) => (body += bytes.toString()))
      request.on('end', () => {
        slackPosts.push(JSON.parse(body))
        response.end('ok')
      })
    })
    await new Promise<void>((done) => slack.listen(0, '127.0.0.1', done))
    const slackPort = (slack.address() as AddressInfo).port // it listens on TCP
    smtp = new SMTPServer({
      key: readFileSync('test/data/tls/localhost.key'),
      cert: readFileSync('test/data/tls/localhost.crt'),
      onAuth: (auth, _session, done) => done(auth.password === 'password' ? null : new Error('wrong password'), { user: auth.username }),
      onData: (stream, session, done) => {
        let text = ''
        stream.on('data', (bytes: Buffer) => (text += bytes.toString()))
        stream.on('end', () => {
          mails.push({ to: session.envelope.rcptTo.map((recipient) => recipient.address), text })
          done()
        })
      },
    })
    const smtpPort = await freePort()
    await new Promise<void>((done) => smtp.listen(smtpPort, '127.0.0.1', done))

    cpSync(seed, dir, { recursive: true })
    rewrite('alertmanager/alertmanager.yml', (text) =>
      text
        .replaceAll('https://hooks.slack.com/services/YOUR/SLACK/WEBHOOK', `http://127.0.0.1:${slackPort}/slack`)
        .replace("'localhost:587'", `'localhost:${smtpPort}'\n  smtp_tls_config: { ca_file: '${resolve('test/data/tls/localhost.crt')}' }`)
        .replace('group_wait: 10s', 'group_wait: 1s').replace('group_interval: 10s', 'group_interval: 1s').replace('group_wait: 10s', 'group_wait: 1s').replace('repeat_interval: 5m', 'repeat_interval: 4s'))
    rewrite('prometheus/prometheus.yml', (text) => text.replace('evaluation_interval: 15s', 'evaluation_interval: 1s').replace(/alerting:[\s\S]*?(?=scrape_configs)/, ''))
    rewrite('prometheus/alerts/rental-ml-alerts.yml', (text) => text.replaceAll(/for: \d+m/g, 'for: 2s'))
    server = await startSolowatch(join(dir, 'data'), [`--config.file=${join(dir, 'prometheus/prometheus.yml')}`, `--alertmanager.config.file=${join(dir, 'alertmanager/alertmanager.yml')}`, ...composeFlags()])
  })
  afterAll(async () => {
    await server?.stop()
    slack?.closeAllConnections()
    slack?.close()
    await new Promise<void>((done) => (smtp === undefined ? done() : smtp.close(done)))
    rmSync(dir, { recursive: true, force: true })
  })

  function rewrite(path: string, change: (text: string) => string): void {
    writeFileSync(join(dir, path), change(readFileSync(join(dir, path), 'utf8')), { mode: 0o644 })
  }

  async function writePool(active: number): Promise<void> {
    const samples = (value: number) => [{ timestampMs: Date.now(), value }]
    const response = await postRemoteWrite(server.url, remoteWriteBody([
      ...['db-1', 'db-2'].map((instance) => ({ labels: { __name__: 'database_connection_pool_active', instance }, samples: samples(active) })),
      ...['db-1', 'db-2'].map((instance) => ({ labels: { __name__: 'database_connection_pool_size', instance }, samples: samples(100) })),
    ]))
    expect(response.status).toBe(204)
  }

  const stateOf = async () => (await readRules(server)).find((rule) => rule.name === 'DatabaseConnectionPoolExhaustion')?.state

  it('fires and arrives in Slack and in the mailbox, one group for both instances', async () => {
    await writePool(95)
    await expect.poll(stateOf, { timeout: 15_000 }).toBe('firing')
    await expect.poll(() => slackPosts.length, { timeout: 15_000 }).toBeGreaterThan(0)
    await expect.poll(() => mails.length, { timeout: 15_000 }).toBeGreaterThan(0)
    const post = slackPosts[0]
    expect(post?.channel).toBe('#critical-alerts')
    expect(post?.attachments[0]?.title).toBe('CRITICAL: DatabaseConnectionPoolExhaustion')
    expect(post?.attachments[0]?.color).toBe('danger')
    const text = post?.attachments[0]?.text ?? ''
    for (const instance of ['db-1', 'db-2']) expect(text).toContain(`*Instance:* ${instance}`)
    expect(text).toContain('*Alert:* Database connection pool near exhaustion')
    expect(text).toContain('*Description:* 95 active connections out of 100 total')
    expect(mails[0]?.to).toEqual(['oncall@rental-ml.com'])
    expect(mails[0]?.text).toMatch(/^Subject: CRITICAL: DatabaseConnectionPoolExhaustion\r?$/m)
  }, 45_000)

  it('is repeated while it fires', async () => {
    const before = slackPosts.length
    await expect.poll(() => slackPosts.length, { timeout: 12_000 }).toBeGreaterThan(before)
  }, 15_000)

  it('is muted by a silence made with amtool', async () => {
    execFileSync('amtool', [`--alertmanager.url=http://localhost:${server.port}`, 'silence', 'add', 'alertname=DatabaseConnectionPoolExhaustion', '--comment=upgrade', '--author=test', '--duration=1h'])
    await expect.poll(async () => {
      const alerts = await readJson<{ labels: { alertname: string }; status: { state: string } }[]>(fetch(`${server.url}/api/v2/alerts`))
      return alerts.filter((alert) => alert.labels.alertname === 'DatabaseConnectionPoolExhaustion').map((alert) => alert.status.state)
    }, { timeout: 5_000 }).toEqual(['suppressed', 'suppressed'])
    await untilTicks(2)
    const quiet = slackPosts.length
    await untilTicks(7)
    expect(slackPosts.length).toBe(quiet)
  }, 30_000)

  it('resolves when its cause is gone', async () => {
    await writePool(10)
    await expect.poll(stateOf, { timeout: 10_000 }).toBe('inactive')
  }, 15_000)

  /** Waits until the rule has been evaluated `count` more times, once a second. */
  async function untilTicks(count: number): Promise<void> {
    const evaluations = async () => Number(/^prometheus_rule_group_iterations_total\{[^}]*\} (\d+)$/m.exec(await (await fetch(`${server.url}/metrics`)).text())?.[1] ?? 0)
    const target = (await evaluations()) + count
    await expect.poll(evaluations, { timeout: (count + 5) * 1000, interval: 200 }).toBeGreaterThanOrEqual(target)
  }
})
