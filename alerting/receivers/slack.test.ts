import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { alertData, createNotification, createReceiver, notificationMs, sendOnce } from '../../test/helpers/alerting/notification.ts'
import { startHttpReceiver, type HttpReceiver } from '../../test/helpers/httpReceiver.ts'

let endpoint: HttpReceiver
beforeAll(async () => void (endpoint = await startHttpReceiver()))
afterAll(() => endpoint.close())
beforeEach(() => {
  endpoint.posted.length = 0
  endpoint.reply({ body: 'ok' })
})

const slack = (keys = '') => createReceiver(`slack_configs: [{ api_url: '${endpoint.url}/T/B/s3cret', channel: '#c1'${keys} }]`)
const firing = [alertData({ alertname: 'HighCPU', cluster: 'c1', severity: 'critical', instance: 'a' }), alertData({ alertname: 'HighCPU', cluster: 'c1', severity: 'critical', instance: 'b' })]
const lastBody = () => JSON.parse(endpoint.posted.at(-1)?.body ?? 'null') as { attachments: Record<string, unknown>[] } & Record<string, unknown>

describe('the Slack receiver', () => {
  it('posts one attachment with the defaults', async () => {
    expect(await sendOnce(await slack(), createNotification(firing))).toMatchObject({ ok: true, answer: 'ok' })
    expect(endpoint.posted[0]?.path).toBe('/T/B/s3cret')
    const title = '[FIRING:2] HighCPU c1 (critical)'
    const link = 'http://mon:9093/#/alerts?receiver=ops'
    expect(lastBody()).toEqual({
      channel: '#c1', username: 'Alertmanager',
      attachments: [{ title, title_link: link, text: '', fallback: `${title} | ${link}`, callback_id: '', footer: '', color: 'danger', mrkdwn_in: ['fallback', 'pretext', 'text'] }],
    })
  })

  it('is good when resolved', async () => {
    await sendOnce(await slack(), createNotification([alertData({ alertname: 'HighCPU' }, { status: 'resolved', endsAtMs: notificationMs })]))
    expect(lastBody().attachments[0]?.['color']).toBe('good')
  })

  it('fills every field', async () => {
    const keys = `, username: 'u{{ .Status }}', color: '#fff', title: t, title_link: 'http://l', pretext: p, text: '{{ range .Alerts }}{{ .Labels.instance }};{{ end }}', message_text: m,
      fields: [{ title: ft, value: '{{ .GroupLabels.cluster }}', short: true }, { title: g, value: h }], short_fields: false, footer: f, fallback: fb, callback_id: cb, icon_emoji: ':fire:', icon_url: 'http://i',
      image_url: 'http://img', thumb_url: 'http://th', link_names: true, mrkdwn_in: [text],
      actions: [{ type: button, text: go, url: 'http://x/{{ .Status }}', style: primary }, { type: button, text: ack, name: n, value: v, confirm: { text: sure, title: ct, ok_text: yes, dismiss_text: no } }]`
    await sendOnce(await slack(keys), createNotification(firing))
    expect(lastBody()).toEqual({
      channel: '#c1', username: 'ufiring', icon_emoji: ':fire:', icon_url: 'http://i', link_names: true, text: 'm',
      attachments: [{
        title: 't', title_link: 'http://l', pretext: 'p', text: 'a;b;', fallback: 'fb', callback_id: 'cb', footer: 'f', color: '#fff', image_url: 'http://img', thumb_url: 'http://th', mrkdwn_in: ['text'],
        fields: [{ title: 'ft', value: 'c1', short: true }, { title: 'g', value: 'h', short: false }],
        actions: [{ type: 'button', text: 'go', url: 'http://x/firing', style: 'primary' }, { type: 'button', text: 'ack', name: 'n', value: 'v', confirm: { text: 'sure', title: 'ct', ok_text: 'yes', dismiss_text: 'no' } }],
      }],
    })
  })

  it('cuts a long title by characters', async () => {
    await sendOnce(await slack(`, title: '${'🔥'.repeat(1_030)}'`), createNotification(firing))
    const title = String(lastBody().attachments[0]?.['title'])
    expect([...title].length).toBe(1_024)
    expect(title.endsWith('🔥…')).toBe(true)
  })

  const json = { 'content-type': 'application/json; charset=utf-8' }
  const answers = (what: string, reply: { status?: number; body?: string; headers?: Record<string, string> }, expected: object) =>
    it(`takes ${what}`, async () => {
      endpoint.reply(reply)
      expect(await sendOnce(await slack(), createNotification(firing))).toMatchObject(expected)
    })
  answers('any text but ok as a refusal', { body: 'invalid_token' }, { ok: false, retry: false, reason: 'error response from Slack: invalid_token' })
  answers('ok: true as taken', { body: '{"ok":true,"ts":"1.2","channel":"C1"}', headers: json }, { ok: true, memory: { ts: '1.2', channel: 'C1' } })
  answers('ok: false as a refusal', { body: '{"ok":false,"error":"channel_not_found"}', headers: json }, { ok: false, retry: false, reason: 'error response from Slack: channel_not_found' })
  answers('broken JSON as worth another try', { body: '{', headers: json }, { ok: false, retry: true })
  answers('500 as worth another try', { status: 500 }, { ok: false, retry: true, failure: 'serverError' })
  answers('404 as a refusal', { status: 404, body: 'no_team' }, { ok: false, retry: false, reason: 'unexpected status code 404: no_team', failure: 'clientError' })
  answers('429 as a pause', { status: 429, headers: { 'retry-after': '30' } }, { ok: false, retry: true, retryAfterMs: 30_000, failure: 'rateLimited' })

  it('sends an app token to the app’s URL', async () => {
    const withToken = await createReceiver(`slack_configs: [{ app_token: xoxb-1, app_url: '${endpoint.url}/api/chat.postMessage', channel: c }]`)
    await sendOnce(withToken, createNotification(firing))
    expect(endpoint.posted[0]).toMatchObject({ path: '/api/chat.postMessage', headers: { authorization: 'Bearer xoxb-1' } })
  })

  it('fails on a bad template instead of posting half a message', async () => {
    expect(await sendOnce(await slack(`, text: '{{ .Labels.x }}'`), createNotification(firing))).toMatchObject({ ok: false, retry: false })
    expect(endpoint.posted).toEqual([])
  })
})
