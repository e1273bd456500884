// The Slack receiver: one attachment, posted to an incoming webhook or with an app token, or an update of the message
// posted before.

import { errorText } from '../../src/base/assert.ts'
import { readSecretFile } from '../../src/base/http/httpErrors.ts'
import type { SlackActionConfig, SlackConfig } from '../config/receiverConfig.ts'
import { failForGood, truncateCharacters, type Attempt, type Integration, type Notification, type ReceiverDeps, type SendResult } from './receiver.ts'
import { ReceiverHttp, type PostResult } from './receiverHttp.ts'

const maxTitleCharacters = 1_024
const updateUrl = 'https://slack.com/api/chat.update'

export function createSlack(config: SlackConfig, deps: ReceiverDeps): Integration {
  const http = new ReceiverHttp(config.http, deps.userAgent)
  const { templates } = deps

  async function send(notification: Notification, attempt: Attempt): Promise<SendResult> {
    const { data, memory } = notification
    const render = (text: string) => templates.text(text, data)
    const isUpdate = config.updateMessage && memory['ts'] !== undefined
    let url: string
    let token: string | undefined
    let message: Record<string, unknown>
    try {
      token = config.appTokenFile === undefined ? config.appToken?.reveal() : await readSecretFile(config.appTokenFile)
      const apiUrl = token === undefined ? await readApiUrl() : config.appUrl
      url = isUpdate ? updateUrl : apiUrl
      message = compact({
        channel: isUpdate ? memory['channel'] : render(config.channel),
        ts: isUpdate ? memory['ts'] : '',
        username: render(config.username),
        icon_emoji: render(config.iconEmoji),
        icon_url: render(config.iconUrl),
        link_names: config.linkNames,
        text: render(config.messageText),
      })
      message['attachments'] = [attachmentOf(render)]
    } catch (error) {
      return failForGood(errorText(error))
    }
    const body = JSON.stringify(message)
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
    return judge(await http.post({ url, body, headers, timeoutMs: config.timeoutMs }, attempt), body)
  }

  async function readApiUrl(): Promise<string> {
    return config.apiUrlFile === undefined ? (config.apiUrl?.reveal() ?? '') : readSecretFile(config.apiUrlFile)
  }

  function attachmentOf(render: (text: string) => string): Record<string, unknown> {
    const title = truncateCharacters(render(config.title), maxTitleCharacters)
    if (title.truncated) deps.logger.warn('Truncated title', { integration: `slack[${config.index}]`, max_runes: maxTitleCharacters })
    return {
      ...compact({ title: title.text, title_link: render(config.titleLink), pretext: render(config.pretext) }),
      text: render(config.text),
      fallback: render(config.fallback),
      callback_id: render(config.callbackId),
      ...(config.fields.length > 0 && { fields: config.fields.map((field) => ({ title: render(field.title), value: render(field.value), short: field.short ?? config.shortFields })) }),
      ...(config.actions.length > 0 && { actions: config.actions.map((action) => actionOf(action, render)) }),
      ...compact({ image_url: render(config.imageUrl), thumb_url: render(config.thumbUrl) }),
      footer: render(config.footer),
      ...compact({ color: render(config.color) }),
      mrkdwn_in: config.mrkdwnIn,
    }
  }

  return {
    name: 'slack',
    index: config.index,
    sendResolved: config.sendResolved,
    send,
    templateTexts: () => templateTexts(config),
    close: () => http.close(),
  }
}

function actionOf(action: SlackActionConfig, render: (text: string) => string): Record<string, unknown> {
  const { confirm } = action
  return {
    ...compact({ type: render(action.type), text: render(action.text), url: render(action.url), style: render(action.style), name: render(action.name), value: render(action.value) }),
    ...(confirm !== undefined && {
      confirm: compact({ text: render(confirm.text), title: render(confirm.title), ok_text: render(confirm.okText), dismiss_text: render(confirm.dismissText) }),
    }),
  }
}

/** Slack answers 200 also to what it refuses: the body decides. */
function judge(result: PostResult, rendered: string): SendResult {
  if ('failure' in result) return result.failure
  const { answer, text } = result
  if (!(answer.headers['content-type'] ?? '').toLowerCase().startsWith('application/json')) {
    return text === 'ok' ? { ok: true, answer: text, rendered } : refused(`error response from Slack: ${text.slice(0, 500)}`)
  }
  let body: { readonly ok?: unknown; readonly error?: unknown; readonly ts?: unknown; readonly channel?: unknown }
  try {
    const parsed: unknown = JSON.parse(text)
    body = typeof parsed === 'object' && parsed !== null ? parsed : {}
  } catch (error) {
    return { ok: false, retry: true, reason: `could not unmarshal JSON response ${JSON.stringify(text.slice(0, 500))}: ${errorText(error)}`, failure: 'other' }
  }
  if (body.ok !== true) return refused(`error response from Slack: ${String(body.error ?? text).slice(0, 500)}`)
  const memory: Record<string, string> = typeof body.ts === 'string' && typeof body.channel === 'string' ? { ts: body.ts, channel: body.channel } : {}
  return { ok: true, answer: text.slice(0, 500), rendered, memory }
}

function refused(reason: string): SendResult {
  return { ok: false, retry: false, reason, failure: 'clientError' }
}

/** Without the fields that say nothing. */
function compact(fields: Readonly<Record<string, string | boolean | undefined>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== '' && value !== false && value !== undefined))
}

function templateTexts(config: SlackConfig): { place: string; text: string }[] {
  const { channel, username, color, title, titleLink, pretext, text, messageText, footer, fallback, callbackId, iconEmoji, iconUrl, imageUrl, thumbUrl } = config
  const plain = { channel, username, color, title, title_link: titleLink, pretext, text, message_text: messageText, footer, fallback, callback_id: callbackId, icon_emoji: iconEmoji, icon_url: iconUrl, image_url: imageUrl, thumb_url: thumbUrl }
  return [
    ...Object.entries(plain).map(([place, one]) => ({ place, text: one })),
    ...config.fields.flatMap((field) => [{ place: 'fields.title', text: field.title }, { place: 'fields.value', text: field.value }]),
    ...config.actions.flatMap((action) => [action.type, action.text, action.url, action.style, action.name, action.value, ...Object.values(action.confirm ?? {})].map((one) => ({ place: 'actions', text: one }))),
  ]
}
