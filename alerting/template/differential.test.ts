// The engine against the original: each template is printed by Debian's amtool and by us, errors included.

import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Label } from '../../storage/model/labels.ts'
import { TemplateError } from './language/templateError.ts'
import type { NotificationData } from './notificationData.ts'
import { createNotificationTemplates } from './notificationTemplates.ts'

const run = promisify(execFile)
const dataDir = join(import.meta.dirname, '../../test/data/templates')
const dataFile = join(dataDir, 'notification.json')
const sharedTemplate = '{{ define "x.y" }}hi {{ . }}{{ end }}'
/** Default templates as Debian ships them with Alertmanager 0.25. */
const defaultsFile = '/usr/share/prometheus/alertmanager/default.tmpl'

type AlertJson = { status: 'firing' | 'resolved'; labels: Record<string, string>; annotations: Record<string, string>; startsAt: string; endsAt: string; generatorURL: string; fingerprint: string }
type DataJson = {
  receiver: string
  status: 'firing' | 'resolved'
  alerts: AlertJson[]
  groupLabels: Record<string, string>
  commonLabels: Record<string, string>
  commonAnnotations: Record<string, string>
  externalURL: string
}

const original: DataJson = JSON.parse(readFileSync(dataFile, 'utf8'))

function toData(json: DataJson): NotificationData {
  const pairs = (object: Record<string, string>): Label[] => Object.entries(object).map(([name, value]) => ({ name, value }))
  return {
    receiver: json.receiver,
    status: json.status,
    alerts: json.alerts.map((alert) => ({
      status: alert.status,
      labels: pairs(alert.labels),
      annotations: pairs(alert.annotations),
      startsAtMs: Date.parse(alert.startsAt),
      endsAtMs: alert.endsAt.startsWith('0001') ? undefined : Date.parse(alert.endsAt),
      generatorUrl: alert.generatorURL,
      fingerprint: alert.fingerprint,
    })),
    notificationReason: '',
    groupLabels: pairs(json.groupLabels),
    commonLabels: pairs(json.commonLabels),
    commonAnnotations: pairs(json.commonAnnotations),
    routeLabels: [],
    externalUrl: json.externalURL,
  }
}

let dir = ''
let sharedFile = ''
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'solowatch-templates-'))
  sharedFile = join(dir, 'x.tmpl')
  writeFileSync(sharedFile, sharedTemplate)
})
afterAll(() => rmSync(dir, { recursive: true }))

/** What the original prints, or its error. */
async function amtool(text: string, options: { type: 'text' | 'html'; glob: string; data: string }): Promise<string> {
  const { type, glob, data } = options
  try {
    const args = ['template', 'render', `--template.glob=${glob}`, `--template.type=${type}`, `--template.data=${data}`, `--template.text=${text}`]
    return (await run('amtool', args)).stdout
  } catch (error) {
    return (error as { stderr: string }).stderr.replace(/^amtool: error: /, 'ERROR ').trim()
  }
}

function rendered(render: () => string): string {
  try {
    return render()
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error
    // amtool passes the data by value, a notification by pointer.
    return `ERROR ${error.message.replaceAll('*template.Data', 'template.Data')}`
  }
}

/** Runs `check` on all items, some at a time: each starts a process. */
async function forAll<T>(items: readonly T[], check: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items]
  const worker = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await check(item)
  }
  await Promise.all(Array.from({ length: 4 }, worker))
}

function cases(file: string): string[] {
  const lines = readFileSync(join(dataDir, file), 'utf8').split('\n')
  return lines.filter((line) => line !== '' && !line.startsWith('# ')).map((line) => line.replaceAll('⏎', '\n'))
}

describe('templates', () => {
  const templates = createNotificationTemplates([{ path: 'x.tmpl', text: sharedTemplate }])
  const data = toData(original)

  for (const type of ['text', 'html'] as const) {
    it(`print as amtool prints them in ${type} mode, errors included`, async () => {
      const differences: unknown[] = []
      await forAll(cases(`${type}.txt`), async (text) => {
        const theirs = await amtool(text, { type, glob: sharedFile, data: dataFile })
        const ours = rendered(() => templates[type](text, data))
        if (ours !== theirs) differences.push({ text, theirs, ours })
      })
      expect(differences).toEqual([])
    })
  }
})

describe('default templates', () => {
  const templates = createNotificationTemplates([])
  const [firing, resolved] = original.alerts as [AlertJson, AlertJson]
  const shapes: Readonly<Record<string, DataJson>> = {
    'firing and resolved alerts': original,
    'firing alerts': { ...original, alerts: [firing] },
    'resolved alerts': { ...original, status: 'resolved', alerts: [resolved] },
    'alerts without group labels': { ...original, groupLabels: {} },
    'alerts with nothing in common': {
      ...original,
      alerts: [firing, { ...firing, labels: { a: 'b' }, annotations: {} }],
      groupLabels: {},
      commonLabels: {},
      commonAnnotations: {},
    },
  }
  const names = [...readFileSync(defaultsFile, 'utf8').matchAll(/define "([^"]+)"/g)].map((match) => match[1] ?? '')

  for (const [name, json] of Object.entries(shapes)) {
    it(`print those of Alertmanager 0.25 to the byte for ${name}`, async () => {
      const file = join(dir, `${name.replaceAll(' ', '-')}.json`)
      writeFileSync(file, JSON.stringify(json))
      // All in one run, each behind a mark.
      const call = (template: string): string => (/alert_list|instances/.test(template) ? '.Alerts' : '.')
      const text = names.map((template) => `\u0001${template}\u0002{{ template "${template}" ${call(template)} }}`).join('')
      expect(names.length).toBeGreaterThan(35)
      expect(templates.text(text, toData(json))).toBe(await amtool(text, { type: 'text', glob: defaultsFile, data: file }))
    })
  }
})
