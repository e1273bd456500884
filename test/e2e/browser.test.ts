// The first five minutes of a new user, in a real browser: start without a configuration, see a graph, ask something,
// make a mistake, look at targets, rules and alerts.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchBrowser } from '../helpers/browser.ts'
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

async function enterExpression(text: string): Promise<void> {
  await page.locator('.cm-content').click()
  await page.keyboard.press('ControlOrMeta+a')
  await page.keyboard.insertText(text)
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Execute' }).click()
}

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

  it('shows an instant result as a table', async () => {
    await page.getByRole('tab', { name: 'Table' }).click()
    await enterExpression('up{job=~".+"}')
    const row = page.locator('[data-testid=result-table] tr').first()
    await expect.poll(() => row.innerText()).toMatch(/up\{.*job=.*\}\s+1$/)
  })

  it('explains a query, part by part', async () => {
    await page.getByRole('tab', { name: 'Explain' }).click()
    await enterExpression('sum(up)')
    const rows = page.locator('[data-testid=explain-table] tbody tr')
    await expect.poll(() => rows.allInnerTexts(), { timeout: 10_000 }).toEqual([expect.stringMatching(/^sum\(up\)\s+1\s/), expect.stringMatching(/^up\s+1\s/)])
    await page.getByRole('tab', { name: 'Table' }).click()
  })

  it('shows the position of a mistake', async () => {
    await enterExpression('sum(up')
    await expect.poll(() => page.getByRole('alert').first().innerText()).toMatch(/1:\d+: parse error/)
  })

  it('keeps the query in the address, so that a link shows the same', async () => {
    await enterExpression('1 + 1')
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

describe('a server with rules', () => {
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
    writeFileSync(join(dir, 'prometheus.yml'), `rule_files: [rules.yml]\nscrape_configs:\n  - { job_name: gone, scrape_interval: 1s, static_configs: [{ targets: ['127.0.0.1:${port}'] }] }\n`)
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

  it('shows every rule with its health', async () => {
    await page.goto(`${server.url}/rules`)
    await expect.poll(() => page.locator('tr', { hasText: 'seven:value' }).locator('.badge').innerText(), { timeout: 15_000 }).toBe('ok')
  }, 20_000)

  it('says why a target is down', async () => {
    await page.goto(`${server.url}/targets`)
    await expect.poll(() => page.locator('table .badge.down').count(), { timeout: 15_000 }).toBe(1)
    await expect.poll(() => page.getByRole('alert').first().innerText()).toMatch(/refused/)
  }, 20_000)
})
