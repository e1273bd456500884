// Debian's Chromium under playwright-core, quiet enough for a machine without a network, and what tests do in it again and again.

import { chromium, type Browser, type Page } from 'playwright-core'

export async function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  })
}

/** Puts a text into the first expression editor, in the place of what is there. */
export async function typeExpression(page: Page, text: string): Promise<void> {
  await page.locator('.cm-content').first().click()
  await page.keyboard.press('ControlOrMeta+a')
  await page.keyboard.press('Delete')
  await page.keyboard.insertText(text)
  await page.keyboard.press('Escape')
}

export async function executeExpression(page: Page, text: string): Promise<void> {
  await typeExpression(page, text)
  await page.getByRole('button', { name: 'Execute' }).first().click()
}
