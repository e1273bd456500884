// The webhook receiver: the notification as JSON, in Alertmanager's format version 4, or the body that `payload` describes.

import { parse } from 'yaml'
import { errorText } from '../../src/base/assert.ts'
import { readSecretFile } from '../../src/base/http/httpErrors.ts'
import type { WebhookConfig } from '../config/receiverConfig.ts'
import { notificationJson, type NotificationData } from '../template/notificationData.ts'
import { failForGood, type Attempt, type Integration, type Notification, type ReceiverDeps, type SendResult } from './receiver.ts'
import { ReceiverHttp } from './receiverHttp.ts'

export function createWebhook(config: WebhookConfig, deps: ReceiverDeps): Integration {
  const http = new ReceiverHttp(config.http, deps.userAgent)
  const { templates } = deps

  async function send(notification: Notification, attempt: Attempt): Promise<SendResult> {
    const truncatedAlerts = config.maxAlerts > 0 ? Math.max(0, notification.data.alerts.length - config.maxAlerts) : 0
    // Status and common labels stay those of the whole group: a group whose firing alerts are cut off has not resolved.
    const data: NotificationData = { ...notification.data, alerts: notification.data.alerts.slice(0, notification.data.alerts.length - truncatedAlerts) }
    let url: string
    let body: string
    try {
      const template = config.urlFile === undefined ? (config.url?.reveal() ?? '') : await readSecretFile(config.urlFile)
      url = templates.text(template, data).trim()
      const render = (text: string) => templates.text(text, data)
      body = JSON.stringify(config.payload === undefined ? defaultPayload(notification, data, truncatedAlerts) : renderPayload(config.payload, render))
    } catch (error) {
      return failForGood(errorText(error))
    }
    if (url === '') return failForGood('webhook url is empty after rendering')
    const result = await http.post({ url, body, timeoutMs: config.timeoutMs }, attempt)
    return 'failure' in result ? result.failure : { ok: true, answer: `${result.answer.status} ${result.text.slice(0, 500)}`.trim(), rendered: body }
  }

  return {
    name: 'webhook',
    index: config.index,
    sendResolved: config.sendResolved,
    send,
    templateTexts: () => [
      ...(config.url === undefined ? [] : [{ place: 'url', text: config.url.reveal() }]),
      ...payloadTexts(config.payload).map((text) => ({ place: 'payload', text })),
    ],
    close: () => http.close(),
  }
}

/** Times are the senders' own texts where there are some: full precision, their offset. */
function defaultPayload({ groupKey, timeTexts }: Notification, data: NotificationData, truncatedAlerts: number): Record<string, unknown> {
  const json = notificationJson(data)
  const alerts = (json['alerts'] as Record<string, unknown>[]).map((alert, index) => { // `notificationJson` makes it so
    const { startsAt, endsAt } = timeTexts.get(data.alerts[index]?.fingerprint ?? '') ?? {}
    const isFiring = data.alerts[index]?.status === 'firing'
    return { ...alert, ...(startsAt !== undefined && { startsAt }), ...(endsAt !== undefined && !isFiring && { endsAt }) }
  })
  return { ...json, alerts, version: '4', groupKey, truncatedAlerts }
}

/** The tree with every string rendered. What then reads as YAML of another kind than text goes in as that. */
function renderPayload(tree: unknown, render: (text: string) => string): unknown {
  if (typeof tree === 'string') return structureOf(render(tree))
  if (Array.isArray(tree)) return tree.map((item) => renderPayload(item, render))
  if (typeof tree !== 'object' || tree === null) return tree
  return Object.fromEntries(Object.entries(tree).map(([key, value]) => [render(key), renderPayload(value, render)]))
}

function structureOf(rendered: string): unknown {
  let value: unknown
  try {
    value = parse(rendered, { logLevel: 'silent' })
  } catch {
    return rendered
  }
  // An empty text or a comment also reads as null; only a written null is meant as one.
  if (value === null || value === undefined) return /^\s*(null|~)\s*$/i.test(rendered) ? null : rendered
  return typeof value === 'string' ? rendered : value
}

function payloadTexts(tree: unknown): string[] {
  if (typeof tree === 'string') return [tree]
  if (typeof tree !== 'object' || tree === null) return []
  return Array.isArray(tree) ? tree.flatMap(payloadTexts) : Object.entries(tree).flatMap(([key, value]) => [key, ...payloadTexts(value)])
}
