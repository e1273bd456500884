import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { alertData, createNotification, createReceiver, notificationMs, sendOnce } from '../../test/helpers/alerting/notification.ts'
import { startHttpReceiver, type HttpReceiver } from '../../test/helpers/httpReceiver.ts'

let endpoint: HttpReceiver
const dir = mkdtempSync(join(tmpdir(), 'solowatch-webhook-'))
beforeAll(async () => void (endpoint = await startHttpReceiver()))
afterAll(async () => {
  await endpoint.close()
  rmSync(dir, { recursive: true })
})
beforeEach(() => {
  endpoint.posted.length = 0
  endpoint.reply({})
})

const webhook = (keys = '') => createReceiver(`webhook_configs: [{ url: '${endpoint.url}/hook?key=s3cret'${keys} }]`)
const firing = alertData({ alertname: 'HighCPU', cluster: 'c1', instance: 'i1' })
const resolved = alertData({ alertname: 'HighCPU', cluster: 'c1', instance: 'i2' }, { status: 'resolved', endsAtMs: notificationMs + 60_000, generatorUrl: '' })
const lastBody = (): unknown => JSON.parse(endpoint.posted.at(-1)?.body ?? 'null')

describe('the webhook receiver', () => {
  it('posts version 4', async () => {
    const timeTexts = new Map([[firing.fingerprint, { startsAt: '2026-03-01T12:00:00.123456789+02:00', endsAt: 'never used while it fires' }]])
    expect(await sendOnce(await webhook(), createNotification([firing, resolved], { timeTexts }))).toMatchObject({ ok: true, answer: '200' })
    expect(endpoint.posted[0]).toMatchObject({ method: 'POST', path: '/hook?key=s3cret', headers: { 'content-type': 'application/json', 'user-agent': 'Alertmanager/0.34.0' } })
    expect(lastBody()).toEqual({
      receiver: 'ops', status: 'firing',
      alerts: [
        { status: 'firing', labels: { alertname: 'HighCPU', cluster: 'c1', instance: 'i1' }, annotations: { summary: '95% <used>' }, startsAt: '2026-03-01T12:00:00.123456789+02:00', endsAt: '0001-01-01T00:00:00Z', generatorURL: 'http://mon:9090/graph?g0.expr=x', fingerprint: firing.fingerprint },
        { status: 'resolved', labels: { alertname: 'HighCPU', cluster: 'c1', instance: 'i2' }, annotations: { summary: '95% <used>' }, startsAt: '2026-03-01T10:00:00.123Z', endsAt: '2026-03-01T10:01:00.123Z', generatorURL: '', fingerprint: resolved.fingerprint },
      ],
      notification_reason: 'first notification', groupLabels: { alertname: 'HighCPU', cluster: 'c1' }, commonLabels: { alertname: 'HighCPU', cluster: 'c1' }, commonAnnotations: { summary: '95% <used>' }, routeLabels: {},
      externalURL: 'http://mon:9093', version: '4', groupKey: '{}:{alertname="HighCPU", cluster="c1"}', truncatedAlerts: 0,
    })
  })

  it('cuts the alerts, but not the truth about the group', async () => {
    await sendOnce(await webhook(', max_alerts: 1'), createNotification([resolved, firing]))
    expect(lastBody()).toMatchObject({ status: 'firing', truncatedAlerts: 1, alerts: [{ status: 'resolved' }], commonLabels: { alertname: 'HighCPU', cluster: 'c1' } })
  })

  it('posts the payload of the configuration, with what reads as YAML as structure', async () => {
    const payload = `{ '{{ .Status }}-key': ['{{ len .Alerts }}', '{{ .GroupLabels.alertname }}', '{{ toJson .GroupLabels }}', 'true', '', '# no comment', 'null', 7], n: { deep: '[1, two]' } }`
    await sendOnce(await webhook(`, payload: ${payload}`), createNotification([firing]))
    expect(lastBody()).toEqual({ 'firing-key': [1, 'HighCPU', { alertname: 'HighCPU', cluster: 'c1' }, true, '', '# no comment', null, 7], n: { deep: [1, 'two'] } })
  })

  it('reads its URL from a file and as a template', async () => {
    writeFileSync(join(dir, 'url'), ` ${endpoint.url}/{{ .GroupLabels.cluster }}\n`)
    expect(await sendOnce(await createReceiver(`webhook_configs: [{ url_file: '${join(dir, 'url')}' }]`), createNotification([firing]))).toMatchObject({ ok: true })
    expect(endpoint.posted[0]?.path).toBe('/c1')
  })

  const answers = (status: number, expected: object, headers: Record<string, string> = {}) =>
    it(`takes ${status} for ${JSON.stringify(expected)}`, async () => {
      endpoint.reply({ status, headers, body: 'why' })
      expect(await sendOnce(await webhook(), createNotification([firing]))).toMatchObject(expected)
    })
  answers(204, { ok: true })
  answers(500, { ok: false, retry: true, failure: 'serverError', reason: 'unexpected status code 500: why' })
  answers(503, { ok: false, retry: true, failure: 'serverError', retryAfterMs: 7_000 }, { 'retry-after': '7' })
  answers(429, { ok: false, retry: true, failure: 'rateLimited', retryAfterMs: 2_000 }, { 'retry-after': '2' })
  answers(400, { ok: false, retry: false, failure: 'clientError' })
  answers(401, { ok: false, retry: false, failure: 'authError' })
  answers(302, { ok: false, retry: false, failure: 'other', reason: expect.stringContaining('redirects elsewhere') }, { location: '/other' })

  it('follows a redirect that keeps the POST', async () => {
    endpoint.reply({ status: 307, headers: { location: '/moved' } }, { status: 200 })
    expect(await sendOnce(await webhook(), createNotification([firing]))).toMatchObject({ ok: true })
    expect(endpoint.posted.map(({ method, path }) => `${method} ${path}`)).toEqual(['POST /hook?key=s3cret', 'POST /moved'])
    expect(endpoint.posted[1]?.body).toBe(endpoint.posted[0]?.body)
  })

  it('shows no secret when it cannot connect, and would try again', async () => {
    const lost = await createReceiver(`webhook_configs: [{ url: 'http://127.0.0.1:1/s3cret' }]`)
    const result = await sendOnce(lost, createNotification([firing]))
    expect(result).toEqual({ ok: false, retry: true, reason: 'Post "<redacted>": dial tcp 127.0.0.1:1: connect: connection refused', failure: 'other' })
  })

  it('gives up after its own timeout', async () => {
    endpoint.reply({ silent: true })
    expect(await sendOnce(await webhook(', timeout: 50ms'), createNotification([firing]))).toMatchObject({ ok: false, retry: true, failure: 'contextDeadlineExceeded' })
  })

  it('fails for good on a bad template', async () => {
    expect(await sendOnce(await webhook(`, payload: '{{ .Nope }}'`), createNotification([firing]))).toMatchObject({ ok: false, retry: false, reason: expect.stringContaining('Nope') as unknown })
    expect(endpoint.posted).toEqual([])
  })
})

describe('a receiver that is not built yet', () => {
  it('says so at every send', async () => {
    const pagerduty = await createReceiver(`pagerduty_configs: [{ routing_key: x }]`)
    expect(await sendOnce(pagerduty, createNotification([firing]))).toMatchObject({ ok: false, retry: false, reason: expect.stringContaining('pagerduty is not built yet') as unknown })
  })
})
