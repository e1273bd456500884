// A receiver built from configuration as a user writes it, and a notification to send with it.

import { fingerprintOf } from '../../../alerting/alerts/alert.ts'
import { checkMatchers } from '../../../alerting/alerts/matchers.ts'
import { parseAlertmanagerConfig } from '../../../alerting/config/alertmanagerConfig.ts'
import type { Integration, Notification, SendResult } from '../../../alerting/receivers/receiver.ts'
import { createIntegrations } from '../../../alerting/receivers/receivers.ts'
import { buildNotificationData, type AlertData } from '../../../alerting/template/notificationData.ts'
import { createNotificationTemplates } from '../../../alerting/template/notificationTemplates.ts'
import { silentLogger } from '../../../src/base/log.ts'
import { labelsFrom } from '../../../storage/model/labels.ts'

export const notificationMs = Date.parse('2026-03-01T10:00:00.123Z')

/** The first integration of a receiver written in YAML flow style, with `global` keys before it. */
export async function createReceiver(integration: string, globals = '{}'): Promise<Integration> {
  const yaml = `global: ${globals}\nroute: { receiver: ops }\nreceivers: [{ name: ops, ${integration} }]\n`
  const { config } = await parseAlertmanagerConfig(yaml, 'alertmanager.yml', { checkMatchers })
  const [receiver] = config.receivers
  const [made] = receiver === undefined ? [] : createIntegrations(receiver, { templates: createNotificationTemplates([], { nowMs: () => notificationMs }), userAgent: 'Alertmanager/0.34.0', logger: silentLogger })
  if (made === undefined) throw new Error('no integration configured')
  return made
}

export function alertData(set: Record<string, string>, over: Partial<AlertData> = {}): AlertData {
  const labels = labelsFrom(set)
  return { status: 'firing', labels, annotations: labelsFrom({ summary: '95% <used>' }), startsAtMs: notificationMs, endsAtMs: undefined, generatorUrl: 'http://mon:9090/graph?g0.expr=x', fingerprint: fingerprintOf(labels), ...over }
}

const groupLabels = labelsFrom({ alertname: 'HighCPU', cluster: 'c1' })

export function createNotification(alerts: readonly AlertData[], over: Partial<Notification> = {}): Notification {
  const data = buildNotificationData({ receiver: 'ops', alerts, notificationReason: 'first notification', groupLabels, externalUrl: 'http://mon:9093' })
  return { data, groupKey: '{}:{alertname="HighCPU", cluster="c1"}', timeTexts: new Map(), memory: {}, nowMs: notificationMs, ...over }
}

export async function sendOnce(integration: Integration, notification: Notification, timeoutMs = 5_000): Promise<SendResult> {
  return integration.send(notification, { timeoutMs, signal: new AbortController().signal })
}
