import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { silentLogger } from '../../src/base/log.ts'
import { MetricRegistry } from '../../src/base/selfMetrics.ts'
import { FakeClock } from '../../test/helpers/alerting/fakeClock.ts'
import { createMemoryState } from '../../test/helpers/alerting/memoryState.ts'
import { Alertmanager, type AlertmanagerOptions } from '../alertmanager.ts'
import { checkMatchers } from '../alerts/matchers.ts'
import { parseAlertmanagerConfig } from '../config/alertmanagerConfig.ts'
import { alertmanagerV1Answer, type AlertmanagerAnswer } from './alertmanagerApi.ts'

const startMs = Date.parse('2026-03-01T10:00:00Z')

const yaml = `
route: { receiver: ops, group_by: [alertname], routes: [{ matchers: [team=db], receiver: db, labels: { tier: one }, mute_time_intervals: [always] }] }
receivers: [{ name: ops, labels: { area: all } }, { name: db }]
time_intervals: [{ name: always, time_intervals: [{}] }]
`

let clock: FakeClock
let alertmanager: Alertmanager

async function start(options: Partial<AlertmanagerOptions> = {}): Promise<void> {
  clock = new FakeClock(startMs)
  alertmanager = new Alertmanager({
    state: createMemoryState().store, logger: silentLogger, registry: new MetricRegistry(), externalUrl: 'http://mon:9093', clock, options,
    version: { version: '0.34.0', revision: '', branch: '', buildUser: '', buildDate: '', goVersion: '' },
  })
  await alertmanager.apply((await parseAlertmanagerConfig(yaml, 'alertmanager.yml', { checkMatchers })).config)
}

beforeEach(() => start())
afterEach(() => alertmanager.close())

function call(method: string, target: string, body: unknown = '', contentType = method === 'POST' ? 'application/json' : ''): Promise<AlertmanagerAnswer> {
  const [path = '', query = ''] = target.split('?')
  return alertmanager.respond({ method, path, query, contentType, body: typeof body === 'string' ? body : JSON.stringify(body) })
}

async function read(target: string): Promise<unknown> {
  const answer = await call('GET', target)
  expect(answer.status).toBe(200)
  return JSON.parse(answer.body)
}

async function names(target: string): Promise<string[]> {
  return ((await read(target)) as { labels: { alertname: string } }[]).map((alert) => alert.labels.alertname).sort()
}

const silence = { matchers: [{ name: 'alertname', value: 'A', isRegex: false }], startsAt: '2026-03-01T09:00:00Z', endsAt: '2026-03-01T11:00:00Z', createdBy: 'ann', comment: 'c' }

describe('what is refused', () => {
  const refuses = (what: string, method: string, target: string, body: unknown, status: number, answer: unknown, contentType?: string) =>
    it(what, async () => {
      const { status: got, body: text } = await call(method, target, body, contentType)
      expect({ status: got, answer: text === '' ? '' : (JSON.parse(text) as unknown) }).toEqual({ status, answer })
    })
  const validation = (code: number, message: string) => ({ code, message })

  refuses('an unknown path', 'GET', '/nope', '', 404, validation(404, 'path /api/v2/nope was not found'))
  refuses('a wrong method', 'PUT', '/silences', '', 405, validation(405, 'method PUT is not allowed, but [GET,POST] are'))
  refuses('HEAD', 'HEAD', '/receivers', '', 405, validation(405, 'method HEAD is not allowed, but [GET] are'))
  refuses('another media type', 'POST', '/silences', {}, 415, validation(415, 'unsupported media type "text/plain", only [application/json] are allowed'), 'text/plain; charset=utf-8')
  refuses('an empty silence', 'POST', '/silences', '', 422, validation(602, 'silence in body is required'))
  refuses('a silence without most things', 'POST', '/silences', { startsAt: '2026-01-01T00:00:00Z', createdBy: '' }, 422, validation(602, 'comment in body is required'))
  refuses('a silence without matchers', 'POST', '/silences', { ...silence, matchers: [] }, 422, validation(612, 'matchers in body should have at least 1 items'))
  refuses('a matcher without isRegex', 'POST', '/silences', { ...silence, matchers: [{ value: 'x' }] }, 422, validation(602, 'matchers.0.isRegex in body is required'))
  refuses('matchers that are no list', 'POST', '/silences', { matchers: 'x' }, 400, validation(400, 'parsing silence body from "" failed, because json: cannot unmarshal string into Go struct field Silence.matchers of type models.Matchers'))
  refuses('matchers that every alert could pass', 'POST', '/silences', { ...silence, matchers: [{ name: 'a', value: '.*', isRegex: true }] }, 400, 'silence invalid: at least one matcher must not match the empty string')
  refuses('a bad expression', 'POST', '/silences', { ...silence, matchers: [{ name: 'a', value: '(', isRegex: true }] }, 400, expect.stringContaining('silence invalid: invalid label matcher 0: invalid regular expression "(": '))
  refuses('an end before its start', 'POST', '/silences', { ...silence, startsAt: '2031-01-01T00:00:00Z' }, 400, 'Failed to create silence: start time must be before end time')
  refuses('an end in the past', 'POST', '/silences', { ...silence, endsAt: '2026-03-01T09:30:00Z' }, 400, "Failed to create silence: end time can't be in the past")
  refuses('an unknown id', 'POST', '/silences', { ...silence, id: 'x' }, 404, 'silence not found')
  refuses('an id that is none', 'GET', '/silence/7d', '', 422, validation(601, 'silenceID in path must be of type uuid: "7d"'))
  refuses('the id of nothing', 'GET', '/silence/7d8c0000-0000-4000-8000-000000000000', '', 404, '')
  refuses('to expire nothing', 'DELETE', '/silence/7d8c0000-0000-4000-8000-000000000000', '', 404, '')
  refuses('a bad filter', 'GET', '/silences?filter=a+b', '', 400, 'bad matcher format: a b')
  refuses('a bad filter of alerts', 'GET', '/alerts?filter=a+b', '', 400, 'bad matcher format: a b')
  refuses('a bad receiver', 'GET', '/alerts?receiver=(', '', 400, expect.stringContaining('failed to parse receiver param: '))
  refuses('a bad receiver matcher', 'GET', '/receivers?receiver_matchers=x', '', 400, 'bad matcher format: x')
  refuses('an empty body of alerts', 'POST', '/alerts', '', 422, validation(602, 'alerts in body is required'))
  refuses('alerts that are no list', 'POST', '/alerts', {}, 400, validation(400, 'parsing alerts body from "" failed, because json: cannot unmarshal object into Go value of type models.PostableAlerts'))
  refuses('an alert without labels', 'POST', '/alerts', [{}], 422, validation(602, '0.labels in body is required'))
  refuses('a label that is a number', 'POST', '/alerts', [{ labels: { a: 1 } }], 400, validation(400, 'parsing alerts body from "" failed, because json: cannot unmarshal number into Go struct field Alert.labels of type string'))
  refuses('a time that is a date', 'POST', '/alerts', [{ labels: { a: '1' }, startsAt: '2026-01-01' }], 400, validation(400, expect.stringContaining('parsing time "2026-01-01" as ') as unknown as string))
  refuses('bad alerts with all their reasons', 'POST', '/alerts', [{ labels: { a: '' } }, { labels: { a: 'b' }, startsAt: '2026-01-02T00:00:00Z', endsAt: '2026-01-01T00:00:00Z' }], 400, 'at least one label pair required; start time must be before end time')
})

describe('alerts', () => {
  it('are stored although others of the batch are bad', async () => {
    expect((await call('POST', '/alerts', [{ labels: { alertname: '' } }, { labels: { alertname: 'A' } }])).status).toBe(400)
    expect(await names('/alerts')).toEqual(['A'])
  })

  it('are shown with everything clients read', async () => {
    expect((await call('POST', '/alerts', [{ labels: { alertname: 'A', gone: '' }, annotations: { e: '' }, generatorURL: 'not a url', startsAt: '2026-03-01T10:30:00.1234567+02:00', endsAt: '2026-03-02 10:30:00' }])).body).toBe('')
    expect(await read('/alerts')).toEqual([
      {
        annotations: { e: '' }, endsAt: '2026-03-02T10:30:00.000Z', fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/) as unknown, receivers: [{ name: 'ops' }], startsAt: '2026-03-01T10:30:00.123+02:00',
        status: { inhibitedBy: [], mutedBy: [], silencedBy: [], state: 'active' }, updatedAt: '2026-03-01T10:00:00.000Z', generatorURL: 'not a url', labels: { alertname: 'A' },
      },
    ])
  })

  it('take missing times from now and from each other', async () => {
    await call('POST', '/alerts', [{ labels: { alertname: 'A' }, startsAt: '0001-01-01T00:00:00.000Z' }, { labels: { alertname: 'B' }, endsAt: '2026-03-01T12:00:00Z' }])
    const times = ((await read('/alerts')) as { labels: { alertname: string }; startsAt: string; endsAt: string }[]).map((alert) => [alert.labels.alertname, alert.startsAt, alert.endsAt])
    expect(times.sort()).toEqual([['A', '2026-03-01T10:00:00.000Z', '2026-03-01T10:05:00.000Z'], ['B', '2026-03-01T12:00:00.000Z', '2026-03-01T12:00:00.000Z']])
  })

  it('disappear when their end is over', async () => {
    await call('POST', '/alerts', [{ labels: { alertname: 'A' } }])
    await clock.advanceTo(startMs + 300_001)
    expect(await names('/alerts')).toEqual([])
  })

  it('are left out by flags, whose other words are false', async () => {
    await call('POST', '/alerts', [{ labels: { alertname: 'A' } }, { labels: { alertname: 'B' } }])
    await call('POST', '/silences', silence)
    expect(await names('/alerts')).toEqual(['A', 'B'])
    expect(await names('/alerts?silenced=false')).toEqual(['B'])
    expect(await names('/alerts?active=FALSE&silenced=On')).toEqual(['A'])
    expect(await names('/alerts?active=whatever')).toEqual(['A'])
    expect(await names('/alerts?filter=alertname%3D~%22A%7CB%22&filter=alertname!%3DA')).toEqual(['B'])
    expect(await names('/alerts?receiver=o.*')).toEqual(['A', 'B'])
    expect(await names('/alerts?receiver=o')).toEqual([])
    expect(await names('/alerts?receiver_matchers=area%3Dall')).toEqual(['A', 'B'])
  })

  it('null and [] are nothing, and fine', async () => {
    expect((await call('POST', '/alerts', 'null')).status).toBe(200)
    expect((await call('POST', '/alerts', '[]')).status).toBe(200)
  })
})

describe('groups', () => {
  it('show their alerts, route labels and what mutes them', async () => {
    await call('POST', '/alerts', [{ labels: { alertname: 'B', team: 'db' } }, { labels: { alertname: 'A' } }])
    await clock.advanceTo(startMs + 31_000)
    expect(await read('/alerts/groups')).toMatchObject([
      { labels: { alertname: 'A' }, receiver: { name: 'ops' }, routeLabels: {}, alerts: [{ receivers: [{ name: 'ops' }], status: { state: 'active', mutedBy: [] } }] },
      { labels: { alertname: 'B' }, receiver: { name: 'db' }, routeLabels: { tier: 'one' }, alerts: [{ status: { state: 'suppressed', mutedBy: ['always'] } }] },
    ])
    expect(await read('/alerts/groups?muted=false')).toMatchObject([{ labels: { alertname: 'A' } }])
    expect(await read('/alerts/groups?receiver=db')).toMatchObject([{ labels: { alertname: 'B' } }])
  })
})

describe('silences', () => {
  const create = async (over: object = {}): Promise<string> => (JSON.parse((await call('POST', '/silences', { ...silence, ...over })).body) as { silenceID: string }).silenceID
  const show = async (id: string) => (await read(`/silence/${id}`)) as { status: { state: string }; startsAt: string; endsAt: string; comment: string; annotations: unknown; matchers: unknown }

  it('begin now at the earliest', async () => {
    expect(await show(await create())).toMatchObject({
      startsAt: '2026-03-01T10:00:00.000Z', status: { state: 'active' }, annotations: {}, matchers: [{ isEqual: true, isRegex: false, name: 'alertname', value: 'A' }],
    })
  })

  it('are changed in place while that is no other silence', async () => {
    const id = await create()
    const { startsAt } = await show(id)
    expect(await create({ id, startsAt, endsAt: '2026-03-01T15:00:00Z', comment: 'd' })).toBe(id)
    expect(await show(id)).toMatchObject({ endsAt: '2026-03-01T15:00:00.000Z', comment: 'd' })
  })

  it('are replaced when they become another', async () => {
    const id = await create()
    const next = await create({ id, matchers: [{ name: 'alertname', value: 'B', isRegex: false }] })
    expect(next).not.toBe(id)
    expect((await show(id)).status.state).toBe('expired')
    expect((await show(next)).status.state).toBe('active')
    const moved = await create({ id: next, startsAt: '2026-03-01T10:00:05Z', matchers: [{ name: 'alertname', value: 'B', isRegex: false }] })
    expect(moved).not.toBe(next)
    expect((await show(moved)).status.state).toBe('pending')
  })

  it('stay expired', async () => {
    const id = await create()
    expect((await call('DELETE', `/silence/${id}`)).status).toBe(200)
    const { endsAt } = await show(id)
    await clock.advanceTo(startMs + 60_000)
    expect((await call('DELETE', `/silence/${id}`)).status).toBe(200)
    expect(await show(id)).toMatchObject({ endsAt, status: { state: 'expired' } })
    expect(await create({ id })).not.toBe(id)
  })

  it('are listed active, pending, expired, and filtered by their text', async () => {
    const expired = await create()
    await call('DELETE', `/silence/${expired}`)
    const pending = await create({ startsAt: '2026-03-01T10:30:00Z' })
    const late = await create({ endsAt: '2026-03-01T14:00:00Z' })
    const early = await create()
    const ids = async (query: string) => ((await read(`/silences${query}`)) as { id: string }[]).map(({ id }) => id)
    expect(await ids('')).toEqual([early, late, pending, expired])
    expect(await ids('?expired=false&pending=no')).toEqual([early, late])
    expect(await ids('?filter=alertname%3DA&active=false&pending=false')).toEqual([expired])
    expect(await ids('?filter=alertname%3D~A')).toEqual([])
  })

  it('are forgotten after the retention', async () => {
    const id = await create()
    await clock.advanceTo(startMs + 120 * 3_600_000 + 2 * 3_600_000)
    expect((await call('GET', `/silence/${id}`)).status).toBe(404)
  })

  it('keep to their limits', async () => {
    await start({ maxSilences: 1, maxSilenceSizeBytes: 1_000 })
    expect((await call('POST', '/silences', { ...silence, comment: 'x'.repeat(1_000) })).body).toMatch(/^"silence exceeded maximum size: \d+ bytes \(limit: 1000 bytes\)"$/)
    const id = await create()
    expect((await call('POST', '/silences', silence)).body).toBe('"exceeded maximum number of silences: 1 (limit: 1)"')
    expect(await create({ id, startsAt: '2026-03-01T10:00:00Z', comment: 'still possible' })).toBe(id)
  })
})

describe('the rest', () => {
  it('shows receivers with labels', async () => {
    expect(await read('/receivers')).toEqual([{ labels: { area: 'all', name: 'ops' }, name: 'ops' }, { labels: { name: 'db' }, name: 'db' }])
    expect(await read('/receivers?receiver_matchers=area%3D~a.*')).toMatchObject([{ name: 'ops' }])
  })

  it('shows the status of a single node', async () => {
    expect(await read('/status')).toMatchObject({ cluster: { peers: [], status: 'disabled' }, uptime: '2026-03-01T10:00:00.000Z', versionInfo: { version: '0.34.0' }, config: { original: expect.stringContaining('receiver: ops') as unknown } })
  })

  it('lets pages of other sites read and post, and tells nobody to keep answers', async () => {
    const { headers } = await call('GET', '/receivers')
    expect(headers).toMatchObject({ 'content-type': 'application/json', 'cache-control': 'no-store', 'access-control-allow-origin': '*' })
    const preflight = await call('OPTIONS', '/silence/x')
    expect(preflight).toMatchObject({ status: 200, headers: { 'access-control-allow-methods': 'GET' } })
  })

  it('says that version 1 is gone', () => expect(alertmanagerV1Answer()).toMatchObject({ status: 410, body: expect.stringContaining('"status":"deprecated"') as unknown }))

  it('limits the alerts of one name', async () => {
    await start({ perAlertnameLimit: 2 })
    await call('POST', '/alerts', ['1', '2', '3'].map((i) => ({ labels: { alertname: 'A', i } })))
    expect(await names('/alerts')).toEqual(['A', 'A'])
    await call('POST', '/alerts', [{ labels: { alertname: 'A', i: '1' }, annotations: { again: 'yes' } }])
    expect(await names('/alerts')).toEqual(['A', 'A'])
  })
})
