// The query page in a real browser, over samples that were written and do not change: what it shows of numbers, histograms,
// exemplars, messages and costs, how it is used with mouse and keyboard, and that its address holds all of it.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { executeExpression, launchBrowser, typeExpression } from '../helpers/browser.ts'
import { histogram } from '../helpers/histograms.ts'
import { postRemoteWrite, remoteWriteBody, remoteWriteBodyV2, type WrittenSeries } from '../helpers/remoteWriteBody.ts'
import { startSolowatch, type RunningServer } from '../helpers/servers.ts'

const endMs = Math.floor(Date.now() / 60_000) * 60_000
const minutes = Array.from({ length: 31 }, (_, index) => ({ timestampMs: endMs - (30 - index) * 60_000, index }))
const manySeries = 10_000

const dir = mkdtempSync(join(tmpdir(), 'solowatch-browser-'))
let server: RunningServer
let browser: Browser
let context: BrowserContext
let page: Page
const pageErrors: string[] = []

beforeAll(async () => {
  writeFileSync(join(dir, 'prometheus.yml'), 'storage: { exemplars: { max_exemplars: 100 } }\n')
  const [running, launched] = await Promise.all([startSolowatch(join(dir, 'data'), [`--config.file=${join(dir, 'prometheus.yml')}`, '--web.enable-remote-write-receiver']), launchBrowser()])
  server = running
  browser = launched
  // Nine hours ahead of UTC, without summer time.
  context = await browser.newContext({ viewport: { width: 1200, height: 900 }, timezoneId: 'Asia/Tokyo' })
  await fillServer()
})

afterAll(async () => {
  await browser?.close()
  await server?.stop()
  rmSync(dir, { recursive: true, force: true })
})

beforeEach(async () => {
  await page?.close()
  page = await context.newPage()
  page.setDefaultTimeout(10_000)
  page.on('pageerror', (error) => pageErrors.push(error.message))
})

async function fillServer(): Promise<void> {
  const over = (labels: Record<string, string>, valueAt: (minute: number) => number): WrittenSeries =>
    ({ labels, samples: minutes.map(({ timestampMs, index }) => ({ timestampMs, value: valueAt(index) })) })
  const latency = (timestampMs: number, minute: number) =>
    ({ timestampMs, histogram: histogram({ schema: 0, sum: 10 * minute, zeroThreshold: 0.001, positive: { 0: minute, 1: 2 * minute, 3: minute } }) })
  const many = Array.from({ length: manySeries }, (_, index) => ({ labels: { __name__: 'many', number: String(index) }, samples: [{ timestampMs: endMs, value: index }] }))
  const bodies = [
    remoteWriteBody([
      over({ __name__: 'load', instance: 'a' }, (minute) => minute),
      over({ __name__: 'load', instance: 'b' }, () => 40),
      { labels: { __name__: 'latency_seconds', job: 'api' }, samples: [], histograms: minutes.map(({ timestampMs, index }) => latency(timestampMs, index + 1)) },
      ...['0.1', '1', '+Inf'].map((le, index) => over({ __name__: 'old_seconds_bucket', le }, (minute) => minute * (index + 1))),
    ]),
    remoteWriteBody(many),
  ]
  for (const body of bodies) expect((await postRemoteWrite(server.url, body)).status).toBe(204)
  // Exemplars come with protocol 2.0; this one is at the time and value of the first sample, which is 1.
  const traced = remoteWriteBodyV2([{ labels: { __name__: 'traced_total' }, samples: minutes.slice(15).map(({ timestampMs, index }) => ({ timestampMs, value: index - 14 })) }])
  const headers = { 'content-type': 'application/x-protobuf;proto=io.prometheus.write.v2.Request', 'content-encoding': 'snappy', 'x-prometheus-remote-write-version': '2.0.0' }
  expect((await fetch(`${server.url}/api/v1/write`, { method: 'POST', headers, body: traced as Uint8Array<ArrayBuffer> })).status).toBe(204)
}

const utcText = (timeMs: number) => new Date(timeMs).toISOString().slice(0, 19).replace('T', ' ')

/** Opens a panel as Prometheus's links do, half an hour that ends with the samples unless told otherwise. */
async function open(expression: string, keys: Record<string, string> = {}): Promise<void> {
  const panel = { expr: expression, tab: '1', range_input: '30m', end_input: utcText(endMs), ...keys }
  await page.goto(`${server.url}/graph?${new URLSearchParams(Object.entries(panel).map(([key, value]) => [`g0.${key}`, value]))}`)
}

const inAddress = (key: string) => new URL(page.url()).searchParams.get(`g0.${key}`)
const tableRows = () => page.locator('[data-testid=result-table] > tbody > tr')
const marked = () => page.locator('.query-mark').allInnerTexts()
const tooltip = () => page.locator('.tooltip').innerText()

/** Of a plot's own area, from its left to its right and from its top to its bottom. */
async function pointIn(plot: string, right: number, down: number): Promise<readonly [x: number, y: number]> {
  const box = await page.locator(`[data-testid=${plot}] .u-over`).boundingBox()
  if (box === null) throw new Error(`no ${plot}`)
  return [box.x + right * box.width, box.y + down * box.height]
}

describe('messages', () => {
  it('underline the place of an error, which is a link to it', async () => {
    await open('sum(load) + nosuch(load)')
    await expect.poll(marked).toEqual(['nosuch'])
    await page.getByRole('button', { name: '1:13' }).click()
    await page.keyboard.insertText('abs')
    await expect.poll(() => page.locator('.cm-content').innerText()).toBe('sum(load) + abs(load)')
    await page.keyboard.press('Enter')
    await page.getByText('Empty query result').waitFor()
    expect(await marked()).toEqual([])
  })

  it('show warnings and infos beside the result, with what they are about underlined', async () => {
    await open('rate(load[5m]) + on() group_left() histogram_quantile(2, latency_seconds)')
    await expect.poll(() => page.locator('.notice.info').allInnerTexts()).toEqual([expect.stringContaining('might not be a counter')])
    expect(await page.locator('.notice.warning').allInnerTexts()).toEqual([expect.stringContaining('between 0 and 1')])
    await expect.poll(marked).toEqual(['load', '2'])
    await expect.poll(() => tableRows().count()).toBe(2)
  })
})

describe('the table', () => {
  it('shows a native histogram as bars, and its buckets as text', async () => {
    await open('latency_seconds')
    await expect.poll(() => tableRows().allInnerTexts()).toEqual([expect.stringMatching(/latency_seconds\{job="api"\}[\s\S]*count 124 · sum 310/)])
    const bars = await page.locator('.bars i').evaluateAll((all) => all.map((bar) => bar.getAttribute('style')))
    expect(bars).toEqual([expect.stringContaining('height: 50%'), expect.stringContaining('height: 100%'), expect.stringContaining('height: 50%')])
    await page.locator('.histogram summary').click()
    await expect.poll(() => page.locator('.buckets tr').allInnerTexts()).toEqual([expect.stringMatching(/^\(0\.5, 1\]\s+31$/), expect.stringMatching(/^\(1, 2\]\s+62$/), expect.stringMatching(/^\(4, 8\]\s+31$/)])
  })

  it('shows ten thousand series a page at a time, and finds one of them', async () => {
    await open('many')
    await page.getByText(`${manySeries} series`).waitFor()
    expect(await tableRows().count()).toBe(250)
    await page.getByRole('button', { name: 'Show 250 more' }).click()
    await expect.poll(() => tableRows().count()).toBe(500)
    await page.getByLabel('Filter these series').fill('number="4321"')
    await expect.poll(() => tableRows().allInnerTexts()).toEqual([expect.stringMatching(/many\{number="4321"\}\s+4321/)])
  })
})

describe('the graph', () => {
  it('reads values under the cursor and from the keyboard', async () => {
    await open('load', { tab: '0', res_type: 'custom', res_step: '60' })
    await page.locator('[data-testid=graph] canvas').waitFor()
    await page.mouse.move(...(await pointIn('graph', 1, 0.02)))
    await page.mouse.move(...(await pointIn('graph', 0.5, 0.02)))
    await expect.poll(tooltip).toMatch(/:00[\s\S]*40\s+load\{instance="b"\}/)
    expect(await page.locator('.legend b').allInnerTexts()).toEqual(['15', '40'])
    await page.mouse.move(5, 5)
    await page.getByRole('img', { name: 'Graph of 2 series' }).focus()
    await page.keyboard.press('ArrowLeft')
    await expect.poll(tooltip).toMatch(/30\s+load\{instance="a"\}/)
    await page.keyboard.press('ArrowLeft')
    await expect.poll(tooltip).toMatch(/29\s+load\{instance="a"\}/)
    await page.keyboard.press('ArrowDown')
    await expect.poll(tooltip).toMatch(/40\s+load\{instance="b"\}/)
  })

  it('zooms by drag, and Back leads to the range before', async () => {
    await open('load', { tab: '0' })
    await page.locator('[data-testid=graph] canvas').waitFor()
    await page.mouse.move(...(await pointIn('graph', 1 / 3, 0.5)))
    await page.mouse.down()
    await page.mouse.move(...(await pointIn('graph', 2 / 3, 0.5)), { steps: 4 })
    await page.mouse.up()
    await expect.poll(() => inAddress('range_input')).toMatch(/^(9m5\ds|10m\d?s?)$/)
    await page.goBack()
    await expect.poll(() => inAddress('range_input')).toBe('30m')
  })

  it('singles out a series with a click and hides one with Ctrl+click', async () => {
    await open('load', { tab: '0' })
    const entries = page.locator('.legend button')
    const shown = () => entries.evaluateAll((all) => all.map((entry) => entry.getAttribute('aria-pressed')))
    await entries.first().click()
    await expect.poll(shown).toEqual(['true', 'false'])
    await entries.first().click()
    await expect.poll(shown).toEqual(['true', 'true'])
    await entries.first().click({ modifiers: ['Control'] })
    await expect.poll(shown).toEqual(['false', 'true'])
  })

  it('shows exemplars and what they are labelled with', async () => {
    await open('traced_total', { tab: '0', show_exemplars: '1' })
    await page.locator('[data-testid=graph] canvas').waitFor()
    // It lies in the middle, near the bottom of an axis of values from 1 to 16.
    const texts: string[] = []
    for (let down = 0.98; down > 0.8; down -= 0.02) {
      await page.mouse.move(...(await pointIn('graph', 0.5, down)))
      texts.push(await tooltip())
    }
    expect(texts).toContainEqual(expect.stringMatching(/Exemplar 1\s[\s\S]*trace_id="abc"/))
  })

  it('shows native histograms as a heat map, and classic ones when asked to', async () => {
    await open('rate(latency_seconds[5m])', { tab: '0', res_type: 'custom', res_step: '60' })
    await page.locator('[data-testid=heatmap] canvas').waitFor()
    // Of the rows (0.5, 1], (1, 2], (2, 4] and (4, 8] the second from below.
    await page.mouse.move(...(await pointIn('heatmap', 0.5, 0.6)))
    await page.mouse.move(...(await pointIn('heatmap', 0.5, 0.65)))
    await expect.poll(tooltip).toContain('between 1 and 2')
    await executeExpression(page, 'old_seconds_bucket')
    await page.getByRole('button', { name: 'Heat map' }).click()
    await page.getByRole('img', { name: 'Heat map of old_seconds_bucket' }).waitFor()
    expect(await page.locator('[data-testid=graph]').count()).toBe(0)
  })

  it('draws the first series of a result with too many', async () => {
    await open('many', { tab: '0' })
    await page.getByText('The first 500 series of more').waitFor()
    await expect.poll(() => page.locator('.legend li').count()).toBe(500)
  })
})

describe('explain', () => {
  it('says which part costs most, and what each has read', async () => {
    await open('sum(rate(traced_total[5m])) / max(load)', { tab: 'explain', res_type: 'custom', res_step: '60' })
    await expect.poll(() => page.locator('[data-testid=explain-summary]').innerText()).toMatch(/\d+ % of the time goes into .+\.[\s\S]*Evaluating/)
    const rows = await page.locator('[data-testid=explain-table] tbody tr').allInnerTexts()
    expect(rows.map((row) => row.split('\t')[0])).toEqual(['sum(rate(traced_total[5m])) / max(load)', 'sum(rate(traced_total[5m]))', 'rate(traced_total[5m])', 'traced_total[5m]', 'max(load)', 'load'])
    // 31 steps of 2 series; the range selector's time is that of its function.
    expect(rows[5]).toMatch(/\t2\t62 /)
    expect(rows[3]).toContain('in the function above')
    expect(await page.locator('[data-testid=explain-table] tr.costliest').count()).toBe(1)
  })
})

describe('the address', () => {
  it('holds all of the panels, as a link shows again', async () => {
    await open('load', { tab: 'graph', display_mode: 'stacked', res_type: 'custom', res_step: '30' })
    await page.getByRole('button', { name: 'Exemplars' }).or(page.getByLabel('Exemplars')).check()
    await page.getByRole('button', { name: 'Duplicate' }).click()
    await page.getByRole('tab', { name: 'Explain' }).nth(1).click()
    await expect.poll(() => new URL(page.url()).searchParams.get('g1.tab')).toBe('explain')
    await page.reload()
    await page.locator('[data-testid=explain-table]').waitFor()
    expect(await page.getByRole('button', { name: 'Stacked' }).getAttribute('aria-pressed')).toBe('true')
    expect(await page.getByLabel('Exemplars').isChecked()).toBe(true)
    expect(await page.getByLabel('Step', { exact: true }).first().inputValue()).toBe('30s')
    await page.getByRole('button', { name: 'Remove' }).first().click()
    await expect.poll(() => page.getByRole('tabpanel').count()).toBe(1)
    expect(inAddress('tab')).toBe('explain')
  })

  it('has times in UTC, whatever the page shows', async () => {
    await open('load')
    const end = page.getByLabel('Evaluation time')
    await expect.poll(() => end.inputValue()).toBe(utcText(endMs + 9 * 3_600_000))
    await page.getByLabel('UTC').check()
    await expect.poll(() => end.inputValue()).toBe(utcText(endMs))
    await end.fill(utcText(endMs - 60_000))
    await end.press('Enter')
    await expect.poll(() => inAddress('end_input')).toBe(utcText(endMs - 60_000))
    await expect.poll(() => tableRows().first().innerText()).toMatch(/29$/)
    await page.getByLabel('UTC').uncheck()
  })
})

describe('the editor', () => {
  it('completes functions with what they do, labels and their values', async () => {
    await open('')
    const type = async (text: string, option: RegExp) => {
      await page.keyboard.type(text)
      await page.getByRole('option', { name: option }).first().waitFor()
    }
    await page.locator('.cm-content').click()
    await type('histogram_qua', /^histogram_quantile/)
    await page.locator('.cm-completionInfo', { hasText: 'quantile' }).waitFor()
    await typeExpression(page, '')
    await type('load{inst', /^instance/)
    await type('ance="', /^b/)
  })

  it('offers what was executed before, also as a completion', async () => {
    await open('load > 35')
    await expect.poll(() => tableRows().count()).toBe(1)
    await executeExpression(page, 'load < 35')
    await expect.poll(() => tableRows().first().innerText()).toMatch(/30$/)
    await page.getByRole('button', { name: 'History' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'load > 35' }).click()
    await expect.poll(() => inAddress('expr')).toBe('load > 35')
    await typeExpression(page, '')
    await page.keyboard.type('load')
    await page.getByRole('option', { name: /load < 35/ }).waitFor()
  })

  it('formats an expression, and says where it cannot', async () => {
    await open('')
    await typeExpression(page, 'sum  (load)by(instance)')
    await page.getByRole('button', { name: 'Format' }).click()
    await expect.poll(() => page.locator('.cm-content').innerText()).toBe('sum by (instance) (load)')
    await typeExpression(page, 'sum(load')
    await page.getByRole('button', { name: 'Format' }).click()
    await page.getByRole('alert').filter({ hasText: '1:9: parse error' }).waitFor()
  })

  it('takes metrics and labels from the explorer', async () => {
    await open('')
    await page.getByRole('button', { name: 'Metrics' }).click()
    const dialog = page.getByRole('dialog', { name: 'Metrics' })
    await dialog.getByRole('button', { name: 'load', exact: true }).waitFor()
    await page.keyboard.type('LOA')
    await dialog.getByRole('button', { name: 'load', exact: true }).click()
    await dialog.getByRole('button', { name: 'b', exact: true }).click()
    await expect.poll(() => page.locator('.cm-content').innerText()).toBe('load{instance="b"}')
  })
})

describe('a query that takes long', () => {
  it('is cancelled by a button, and can be asked again', async () => {
    let failure: string | undefined
    page.on('requestfailed', (request) => (failure = request.failure()?.errorText))
    await page.route('**/api/v1/query', () => {}, { times: 1 })
    await open('load')
    await page.getByRole('button', { name: 'Cancel' }).click()
    await expect.poll(() => failure).toBe('net::ERR_ABORTED')
    expect(await page.getByText('Loading…').count()).toBe(0)
    await page.getByRole('button', { name: 'Execute' }).click()
    await expect.poll(() => tableRows().count()).toBe(2)
  })

  it('is not asked again for a refresh before it has answered', async () => {
    await page.clock.install()
    await open('load')
    await expect.poll(() => tableRows().count()).toBe(2)
    let asked = 0
    await page.route('**/api/v1/query', () => void asked++)
    await page.getByLabel('Refresh').selectOption('5s')
    await page.clock.runFor(5_000)
    await expect.poll(() => asked).toBe(1)
    await page.clock.runFor(60_000)
    await page.getByRole('button', { name: 'Cancel' }).click()
    await page.clock.runFor(5_000)
    await expect.poll(() => asked).toBe(2)
  })
})

describe('a server that is starting', () => {
  it('is asked again until it answers', async () => {
    let isStarting = true
    await page.route('**/api/v1/query', (route) => (isStarting ? route.fulfill({ status: 503, contentType: 'text/plain', body: 'Service Unavailable' }) : route.continue()))
    await open('load')
    await page.getByText('The server is starting').waitFor()
    isStarting = false
    await expect.poll(() => tableRows().count()).toBe(2)
    expect(await page.getByText('The server is starting').count()).toBe(0)
  })
})

describe('use without a mouse', () => {
  it('goes from tab to tab with the arrow keys', async () => {
    await open('load')
    await page.getByRole('tab', { name: 'Table' }).focus()
    await page.keyboard.press('ArrowRight')
    await expect.poll(() => inAddress('tab')).toBe('0')
    await expect.poll(() => page.locator('[role=tab]:focus').allInnerTexts()).toEqual(['Graph'])
  })
})

describe('the colours', () => {
  it('are dark when chosen, and after a reload', async () => {
    await open('load')
    const background = () => page.evaluate<string>('getComputedStyle(document.body).backgroundColor')
    const light = await background()
    await page.getByLabel('Colours').selectOption('dark')
    await expect.poll(background).not.toBe(light)
    const dark = await background()
    await page.reload()
    await expect.poll(background).toBe(dark)
    await page.getByLabel('Colours').selectOption('auto')
  })
})

it('raised no error in any page', () => expect(pageErrors).toEqual([]))
