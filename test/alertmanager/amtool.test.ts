// The real amtool against the built-in Alertmanager: every command that talks to a server.

import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startAlertmanagerServer, type AlertmanagerServer } from '../helpers/alerting/alertmanagerServer.ts'

const run = promisify(execFile)

const yaml = `
global: { smtp_smarthost: 'localhost:25', smtp_from: 'a@b', smtp_auth_username: u, smtp_auth_password: s3cret }
route:
  receiver: ops
  group_by: [alertname]
  routes:
    - { matchers: ['team=~"db|cache"'], receiver: db, continue: true }
    - { match: { severity: critical }, receiver: page }
receivers:
  - name: ops
    webhook_configs: [{ url: 'http://user:pw@127.0.0.1:1/hook-s3cret' }]
  - name: db
    slack_configs: [{ api_url: 'http://127.0.0.1:1/s3cret', channel: '#db' }]
  - name: page
    email_configs: [{ to: 'x@y', headers: { subject: hello } }]
inhibit_rules: [{ source_matchers: [severity=critical], target_matchers: [severity=warning], equal: [alertname] }]
`

describe('amtool', () => {
  const dir = mkdtempSync(join(tmpdir(), 'solowatch-amtool-'))
  let server: AlertmanagerServer
  const amtool = async (...args: string[]): Promise<string> => (await run('amtool', [`--alertmanager.url=${server.url}`, ...args])).stdout.trim()
  const query = async (...args: string[]): Promise<{ labels: Record<string, string>; status: { state: string } }[]> => JSON.parse(await amtool('alert', 'query', '-o', 'json', ...args))

  beforeAll(async () => {
    server = await startAlertmanagerServer(yaml)
  })
  afterAll(async () => {
    await server.close()
    rmSync(dir, { recursive: true, force: true })
  })

  it('finds no fault with the version', async () => {
    const { stderr } = await run('amtool', [`--alertmanager.url=${server.url}`, 'cluster', 'show'])
    expect(stderr).toBe('')
  })

  it('shows the cluster as disabled', async () => {
    expect(await amtool('cluster', 'show')).toContain('disabled')
  })

  it('adds and queries alerts', async () => {
    await amtool('alert', 'add', 'DiskFull', 'instance=db1', 'team=db', 'severity=warning', '--annotation=summary=95% used', '--generator-url=http://mon/graph')
    await amtool('alert', 'add', 'alertname=Latency', 'team=web')
    expect((await query()).map((alert) => alert.labels['alertname']).sort()).toEqual(['DiskFull', 'Latency'])
    expect((await query('DiskFull')).map((alert) => alert.labels['instance'])).toEqual(['db1'])
    expect((await query('team=~"d.*"')).length).toBe(1)
    expect((await query('--receiver=db')).map((alert) => alert.labels['alertname'])).toEqual(['DiskFull'])
    expect(await amtool('alert', 'query', 'DiskFull')).toContain('95% used')
  })

  it('sees inhibited alerts only when asked', async () => {
    await amtool('alert', 'add', 'DiskFull', 'severity=critical', 'instance=db2')
    expect((await query('DiskFull')).map((alert) => alert.labels['severity'])).toEqual(['critical'])
    expect((await query('-i', 'DiskFull')).map((alert) => alert.labels['severity'])).toEqual(['warning'])
  })

  it('adds, queries, updates and expires silences', async () => {
    const id = await amtool('silence', 'add', 'alertname=Latency', 'team!=db', '--comment=upgrade', '--author=ann', '--duration=1h')
    expect(id).toMatch(/^[0-9a-f-]{36}$/)
    expect(await query('Latency')).toEqual([])
    expect((await query('-s', 'Latency')).map((alert) => alert.status.state)).toEqual(['suppressed'])
    expect(await amtool('silence', 'query', 'alertname=Latency')).toContain('upgrade')
    expect(await amtool('silence', 'query', 'team!=db', '-q')).toBe(id)
    expect(await amtool('silence', 'query', 'alertname=Other', '-q')).toBe('')
    expect(await amtool('silence', 'query', '--created-by=ann', '-q')).toBe(id)
    expect(await amtool('silence', 'query', '--within=2h', '-q')).toBe(id)

    expect(await amtool('silence', 'update', id, '--comment=longer', '--duration=3h')).toContain(id)
    expect(await amtool('silence', 'query', '-o', 'extended')).toContain('longer')

    await amtool('silence', 'expire', id)
    expect((await query('Latency')).length).toBe(1)
    expect(await amtool('silence', 'query', '-q')).toBe('')
    expect(await amtool('silence', 'query', '--expired', '-q')).toBe(id)
    await expect(amtool('silence', 'expire', '00000000-0000-4000-8000-000000000000')).rejects.toThrow()
  })

  it('imports silences, also those of another server', async () => {
    const file = join(dir, 'silences.json')
    const base = { matchers: [{ name: 'alertname', value: 'Import.*', isRegex: true, isEqual: true }], startsAt: new Date().toISOString(), endsAt: new Date(Date.now() + 3_600_000).toISOString(), createdBy: 'bob', comment: 'moved', status: { state: 'active' }, updatedAt: new Date().toISOString() }
    writeFileSync(file, JSON.stringify([{ ...base, id: '11111111-1111-4111-8111-111111111111' }, { ...base, id: '22222222-2222-4222-8222-222222222222' }]))
    await amtool('silence', 'import', file)
    const ids = (await amtool('silence', 'query', '--created-by=bob', '-q')).split('\n')
    expect(ids.length).toBe(2)
    await amtool('silence', 'expire', ...ids)
  })

  it('shows the configuration without its secrets, and reads it back', async () => {
    const shown = await amtool('config', 'show')
    expect(shown).not.toContain('s3cret')
    writeFileSync(join(dir, 'shown.yml'), shown)
    await run('amtool', ['check-config', join(dir, 'shown.yml')])
  })

  it('shows and tests routes from the server’s configuration', async () => {
    expect(await amtool('config', 'routes', 'show')).toContain('receiver: page')
    expect(await amtool('config', 'routes', 'test', 'team=db', 'severity=critical')).toBe('db,page')
    expect(await amtool('config', 'routes', 'test', '--verify.receivers=ops', 'team=web')).toContain('ops')
  })

  it('accepts the founding set-up’s configuration as it is shown', async () => {
    const seed = await startAlertmanagerServer(readFileSync('test/data/seed/alertmanager/alertmanager.yml', 'utf8'))
    try {
      const { stdout } = await run('amtool', [`--alertmanager.url=${seed.url}`, 'config', 'show'])
      writeFileSync(join(dir, 'seed.yml'), stdout)
      expect((await run('amtool', ['check-config', join(dir, 'seed.yml')])).stdout).toContain('SUCCESS')
      expect((await run('amtool', [`--alertmanager.url=${seed.url}`, 'config', 'routes', 'test', 'severity=critical', 'component=api'])).stdout.trim()).toBe('critical-alerts')
    } finally {
      await seed.close()
    }
  })
})
