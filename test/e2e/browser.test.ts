// The first five minutes of a new user, in a real browser: start without a configuration, see a graph, ask something,
// make a mistake, look at targets, rules and alerts.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { executeExpression, launchBrowser } from '../helpers/browser.ts'
import { freePort, startSolowatch, type RunningServer } from '../helpers/servers.ts'

let browser: Browser
let page: Page
const pageErrors: string[] = []

beforeAll(async () => {
  browser = await launchBrowser()
  page = await browser.newPage()
  page.on('pageerror', (error) => pageErrors.push(error.message))
})

afterAll(async () => {
  await browser?.close()
})

describe('a first visit', () => {
  let server: RunningServer
  const dir = mkdtempSync(join(tmpdir(), 'solowatch-browser-'))

  beforeAll(async () => {
    server = await startSolowatch(join(dir, 'data'))
  })
  afterAll(async () => {
    await server?.stop()
    rmSync(dir, { recursive: true, force: true })
  })

  it('shows a graph within 30 s of the start, without a configuration', async () => {
    await page.goto(server.url)
    await page.locator('[data-testid=graph] canvas').waitFor({ timeout: 30_000 })
    await expect.poll(() => page.locator('.legend li').first().innerText(), { timeout: 5_000 }).toContain('scrape_duration_seconds{')
  }, 40_000)

  it('completes metric names from the live server', async () => {
    await page.locator('.cm-content').click()
    await page.keyboard.press('ControlOrMeta+a')
    await page.keyboard.type('process_resident')
    await page.getByRole('option', { name: /process_resident_memory_bytes/ }).waitFor()
    await page.keyboard.press('Escape')
  })

  it('explains metrics by their help', async () => {
    await page.getByRole('button', { name: 'Metrics' }).click()
    await page.getByLabel('Search metrics').fill('resident memory')
    await page.getByRole('dialog').getByRole('listitem').filter({ hasText: 'process_resident_memory_bytes' }).filter({ hasText: 'Resident memory' }).waitFor()
    await page.keyboard.press('Escape')
    await expect.poll(() => page.getByRole('dialog').count()).toBe(0)
  })

  it('shows an instant result as a table', async () => {
    await page.getByRole('tab', { name: 'Table' }).click()
    await executeExpression(page, 'up{job=~".+"}')
    const row = page.locator('[data-testid=result-table] tr').first()
    await expect.poll(() => row.innerText()).toMatch(/up\{.*job=.*\}\s+1$/)
  })

  it('explains a query, part by part', async () => {
    await page.getByRole('tab', { name: 'Explain' }).click()
    await executeExpression(page, 'sum(up)')
    const parts = page.locator('[data-testid=explain-table] tbody td:first-child')
    await expect.poll(() => parts.allInnerTexts(), { timeout: 10_000 }).toEqual(['sum(up)', 'up'])
    await page.getByRole('tab', { name: 'Table' }).click()
  })

  it('shows the position of a mistake', async () => {
    await executeExpression(page, 'sum(up')
    await expect.poll(() => page.getByRole('alert').first().innerText()).toMatch(/1:\d+: parse error/)
  })

  it('keeps the query in the address, so that a link shows the same', async () => {
    await executeExpression(page, '1 + 1')
    await expect.poll(() => new URL(page.url()).searchParams.get('g0.expr')).toBe('1 + 1')
    await page.reload()
    await expect.poll(() => page.locator('[data-testid=result-table]').innerText()).toMatch(/scalar\s+2/)
  })

  it('lists the target it scrapes, up', async () => {
    await page.getByRole('link', { name: 'Targets' }).click()
    await expect.poll(() => page.locator('table .badge.up').count(), { timeout: 20_000 }).toBe(1)
  }, 25_000)

  it('says where rules would come from when there are none', async () => {
    await page.getByRole('link', { name: 'Rules' }).click()
    await page.getByText('No rule files are loaded').waitFor()
  })

  it('raised no error in any page', () => expect(pageErrors).toEqual([]))
})

describe('a server without samples', () => {
  let server: RunningServer
  const dir = mkdtempSync(join(tmpdir(), 'solowatch-browser-empty-'))

  beforeAll(async () => {
    writeFileSync(join(dir, 'prometheus.yml'), 'scrape_configs: []\n')
    server = await startSolowatch(join(dir, 'data'), [`--config.file=${join(dir, 'prometheus.yml')}`])
  })
  afterAll(async () => {
    await server?.stop()
    rmSync(dir, { recursive: true, force: true })
  })

  it.each([
    ['query', /Execute/],
    ['alerts', /No alerting rules/],
    ['rules', /No rule files/],
    ['targets', /no scrape jobs/],
    ['service-discovery', /Nothing was discovered/],
    ['status', /Corruptions found\s+0/],
    ['tsdb-status', /From\s+no samples[\s\S]*Series by metric name/],
  ])('has its page %s', async (path, text) => {
    await page.goto(`${server.url}/${path}`)
    await expect.poll(() => page.locator('main').innerText(), { timeout: 10_000 }).toMatch(text)
    expect(pageErrors).toEqual([])
  }, 20_000)
})

describe('a server with rules and targets', () => {
  let server: RunningServer
  const dir = mkdtempSync(join(tmpdir(), 'solowatch-browser-'))

  beforeAll(async () => {
    writeFileSync(join(dir, 'rules.yml'), `
groups:
  - name: example
    interval: 1s
    rules:
      - { alert: AlwaysOn, expr: 'vector(7) > 5', labels: { severity: page }, annotations: { summary: 'it is {{ $value }}' } }
      - { alert: NeverOn, expr: 'vector(1) > 5' }
      - { record: 'seven:value', expr: 'vector(7)' }
`)
    const port = await freePort()
    writeFileSync(join(dir, 'prometheus.yml'), `
rule_files: [rules.yml]
alerting: { alertmanagers: [{ static_configs: [{ targets: ['127.0.0.1:${port}'] }] }] }
scrape_configs:
  - job_name: gone
    scrape_interval: 1s
    static_configs: [{ targets: ['127.0.0.1:${port}', 'elsewhere.example:80'], labels: { __meta_zone: eu-1 } }]
    relabel_configs:
      - { source_labels: [__address__], regex: 'elsewhere.*', action: drop }
      - { source_labels: [__meta_zone], target_label: zone }
`)
    server = await startSolowatch(join(dir, 'data'), [`--config.file=${join(dir, 'prometheus.yml')}`])
  })
  afterAll(async () => {
    await server?.stop()
    rmSync(dir, { recursive: true, force: true })
  })

  it('shows which alerts fire and why', async () => {
    await page.goto(`${server.url}/alerts`)
    await expect.poll(() => page.locator('details', { hasText: 'AlwaysOn' }).innerText(), { timeout: 10_000 }).toMatch(/firing[\s\S]*it is 7/)
    await expect.poll(() => page.locator('details', { hasText: 'NeverOn' }).locator('.badge').first().innerText(), { timeout: 10_000 }).toBe('inactive')
  }, 25_000)

  it('shows the alerts of the states that are chosen, which the address keeps', async () => {
    await page.getByRole('checkbox', { name: /inactive/ }).uncheck()
    await expect.poll(() => page.locator('details').allInnerTexts()).toEqual([expect.stringContaining('AlwaysOn')])
    await page.reload()
    await expect.poll(() => page.locator('details').allInnerTexts()).toEqual([expect.stringContaining('AlwaysOn')])
  })

  it('shows every rule with its health', async () => {
    await page.goto(`${server.url}/rules`)
    await expect.poll(() => page.locator('tr', { hasText: 'seven:value' }).locator('.badge').innerText(), { timeout: 15_000 }).toBe('ok')
  }, 20_000)

  it('says why a target is down', async () => {
    await page.goto(`${server.url}/targets`)
    await expect.poll(() => page.locator('table .badge.down').count(), { timeout: 15_000 }).toBe(1)
    await expect.poll(() => page.getByRole('alert').first().innerText()).toMatch(/refused/)
  }, 20_000)

  it('shows what discovery found and what became of it', async () => {
    await page.goto(`${server.url}/service-discovery`)
    const rows = page.locator('details', { hasText: 'gone' }).locator('tbody tr')
    await expect.poll(() => rows.allInnerTexts(), { timeout: 10_000 }).toEqual([
      expect.stringMatching(/__meta_zone="eu-1"[\s\S]*zone="eu-1"/),
      expect.stringMatching(/__address__="elsewhere\.example:80"[\s\S]*dropped/),
    ])
    await page.getByLabel('Filter by label').fill('elsewhere')
    await expect.poll(() => rows.count()).toBe(1)
    expect(page.url()).toContain('search=elsewhere')
  }, 20_000)

  it('filters rules by what they are called and how they are', async () => {
    await page.goto(`${server.url}/rules?search=seven`)
    await expect.poll(() => page.locator('tbody tr').allInnerTexts(), { timeout: 10_000 }).toEqual([expect.stringContaining('seven:value')])
    await page.getByLabel('Health').selectOption('err')
    await page.getByText('No rule is like that.').waitFor()
  }, 20_000)

  it('shows runtime, storage, flags, configuration and Alertmanagers on pages with the addresses of Prometheus', async () => {
    const shows = async (path: string, text: RegExp) => {
      await page.goto(`${server.url}/${path}`)
      await expect.poll(() => page.locator('main').innerText(), { timeout: 10_000 }).toMatch(text)
    }
    await shows('status', /Last configuration reload\s+successful[\s\S]*version\s+\d/)
    await shows('tsdb-status', /Series by metric name[\s\S]*up\s+1/)
    await shows('config', /job_name: gone/)
    await shows('alertmanager-discovery', /127\.0\.0\.1:\d+\/api\/v2\/alerts/)
    await shows('flags', /--storage\.tsdb\.path/)
    await page.getByLabel('Filter flags').fill('tsdb.path')
    await expect.poll(() => page.locator('tbody tr').count()).toBe(1)
  }, 30_000)

  it('says on every page that the configuration could not be reloaded', async () => {
    writeFileSync(join(dir, 'rules.yml'), 'groups: nonsense\n')
    process.kill(server.pid, 'SIGHUP')
    await expect.poll(async () => (await fetch(`${server.url}/api/v1/notifications`)).text(), { timeout: 10_000 }).toContain('"active":true')
    await page.goto(`${server.url}/alerts`)
    await expect.poll(() => page.locator('.notice.warning').allInnerTexts()).toEqual([expect.stringMatching(/reload/)])
  }, 20_000)
})
