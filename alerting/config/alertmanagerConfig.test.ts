import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ConfigError } from '../../src/base/config/yaml.ts'
import { parseAlertmanagerConfig } from './alertmanagerConfig.ts'
import type { AlertmanagerConfig } from './alertmanagerConfig.ts'
import type { EmailConfig, SlackConfig, WebhookConfig } from './receiverConfig.ts'

const checks = { checkMatchers: () => [] }
const base = 'route: {receiver: r}\n'
const receivers = 'receivers: [{name: r}]\n'

async function parse(text: string): Promise<AlertmanagerConfig> {
  return (await parseAlertmanagerConfig(text, 'am.yml', checks)).config
}

async function problemOf(text: string): Promise<string> {
  try {
    await parse(text)
    return ''
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
}

/** What Debian's amtool says to a configuration; empty when it is valid. */
function amtoolVerdict(yaml: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'amtool-'))
  const file = join(dir, 'alertmanager.yml')
  writeFileSync(file, yaml)
  try {
    execFileSync('amtool', ['check-config', file], { stdio: 'pipe' })
    return ''
  } catch (error) {
    return String((error as { stdout?: Buffer }).stdout ?? error)
  } finally {
    rmSync(dir, { recursive: true })
  }
}

describe('routes', () => {
  it('inherit receiver, grouping and intervals, and nothing else', async () => {
    const { route } = await parse(`${receivers}
time_intervals: [{name: night, time_intervals: [{times: [{start_time: 22:00, end_time: '24:00'}]}]}]
route:
  receiver: r
  group_by: [b, a]
  group_wait: 0s
  repeat_interval: 1h
  routes:
    - match: {severity: critical}
      mute_time_intervals: [night]
      continue: true
      routes: [{matchers: ['a="b"', c=~d]}]
    - group_by: ['...']
    - group_by: []
`)
    expect(route).toMatchObject({ groupBy: ['a', 'b'], groupWaitMs: 0, groupIntervalMs: 300_000, repeatIntervalMs: 3_600_000 })
    expect(route.routes).toMatchObject([
      {
        receiver: 'r',
        groupBy: ['a', 'b'],
        groupWaitMs: 0,
        continue: true,
        muteTimeIntervals: ['night'],
        matchers: [{ kind: 'equal', name: 'severity', value: 'critical' }],
        routes: [{ continue: false, muteTimeIntervals: [], matchers: [{ kind: 'text', text: 'a="b"' }, { kind: 'text', text: 'c=~d' }] }],
      },
      { groupByAll: true, groupBy: [] },
      { groupByAll: false, groupBy: [] },
    ])
  })

  it('merge their labels from parent to child', async () => {
    const { route } = await parse(`${receivers}route: {receiver: r, labels: {a: '1', b: '1'}, routes: [{labels: {b: '2'}}]}\n`)
    expect(route.routes[0]?.labels).toEqual({ a: '1', b: '2' })
  })

  it('keep the source text of plain scalars in deprecated matchers', async () => {
    const { route } = await parse(`${receivers}route: {receiver: r, routes: [{match: {a: true, b: 1}}]}\n`)
    expect(route.routes[0]?.matchers).toMatchObject([{ value: 'true' }, { value: '1' }])
  })
})

describe('time intervals', () => {
  it('are read into numbers', async () => {
    const { timeIntervals } = await parse(`${base}${receivers}
time_intervals:
  - name: office
    time_intervals:
      - times: [{start_time: 09:00, end_time: 17:30}]
        weekdays: ['monday:friday', Sunday]
        days_of_month: [1, '-3:-1']
        months: ['january:march', '5']
        years: [2024, '2025:2026']
        location: Europe/Berlin
      - {}
      - weekdays: []
`)
    expect(timeIntervals[0]?.specs).toEqual([
      {
        times: [{ startMinute: 540, endMinute: 1050 }],
        weekdays: [{ begin: 1, end: 5 }, { begin: 0, end: 0 }],
        daysOfMonth: [{ begin: 1, end: 1 }, { begin: -3, end: -1 }],
        months: [{ begin: 1, end: 3 }, { begin: 5, end: 5 }],
        years: [{ begin: 2024, end: 2024 }, { begin: 2025, end: 2026 }],
        location: 'Europe/Berlin',
      },
      { location: 'UTC' },
      { weekdays: [], location: 'UTC' },
    ])
  })

  const refuses = (spec: string, message: string) =>
    it(`refuse ${spec}`, async () => expect(await problemOf(`${base}${receivers}time_intervals: [{name: t, time_intervals: [${spec}]}]\n`)).toContain(message))
  refuses('{times: [{start_time: 17:00, end_time: 09:00}]}', 'start time cannot be equal or greater than end time')
  refuses('{times: [{start_time: 9:00, end_time: 10:00}]}', 'expected a time as HH:MM')
  refuses('{weekdays: ["friday:monday"]}', 'start day cannot be before end day')
  refuses('{weekdays: [mon]}', 'not a valid weekday')
  refuses('{days_of_month: ["28:-1"]}', 'end day is always before start day')
  refuses('{days_of_month: [0]}', 'out of range')
  refuses('{days_of_month: ["-5:5"]}', 'must be negative')
  refuses('{months: [jan]}', 'not a valid month')
  refuses('{location: Mars/Olympus}', 'unknown time zone')
})

describe('receivers', () => {
  const integrationsOf = async (yaml: string) => (await parse(`${base}${yaml}`)).receivers[0]?.integrations ?? []

  it('fall back to the global mail server and Slack URL', async () => {
    const [email, slack] = await integrationsOf(`
global: {smtp_smarthost: 'mail:25', smtp_from: a@x, smtp_require_tls: false, slack_api_url: 'https://hooks.example/s'}
receivers: [{name: r, slack_configs: [{channel: '#c'}], email_configs: [{to: b@x, headers: {subject: S}}]}]
`)
    expect(email).toMatchObject({ kind: 'email', from: 'a@x', smarthost: { host: 'mail', port: 25 }, requireTls: false, headers: { Subject: 'S', To: 'b@x', From: 'a@x' } } satisfies Partial<EmailConfig>)
    expect((slack as SlackConfig).apiUrl?.reveal()).toBe('https://hooks.example/s')
    expect(slack).toMatchObject({ sendResolved: false, title: '{{ template "slack.default.title" . }}', mrkdwnIn: ['fallback', 'pretext', 'text'] })
  })

  it('read a webhook whose URL is a secret', async () => {
    const config = await parse(`${base}receivers: [{name: r, webhook_configs: [{url: 'http://h:1/token', timeout: 1.5s, max_alerts: 3}]}]\n`)
    const webhook = config.receivers[0]?.integrations[0] as WebhookConfig
    expect(webhook).toMatchObject({ sendResolved: true, timeoutMs: 1500, maxAlerts: 3 })
    expect(webhook.url?.reveal()).toBe('http://h:1/token')
    expect(config.canonicalYaml).toContain('http://h:1/%3Csecret%3E')
  })

  it('let copies of a mail reach their addresses', async () => {
    const [email] = await integrationsOf("global: {smtp_smarthost: 'm:25', smtp_from: a@x}\nreceivers: [{name: r, email_configs: [{to: b@x, cc: c@x, bcc: d@x, reply_to: e@x}]}]\n")
    expect(email).toMatchObject({ to: 'b@x, c@x, d@x', headers: { To: 'b@x', Cc: 'c@x', 'Reply-To': 'e@x' } })
  })

  it('name a kind that is not built, and still check its keys', async () => {
    const text = `${base}receivers: [{name: r, pagerduty_configs: [{routing_key: k}]}]\n`
    const { config, warnings } = await parseAlertmanagerConfig(text, 'am.yml', checks)
    expect(config.receivers[0]?.integrations).toEqual([{ kind: 'unbuilt', type: 'pagerduty', index: 0, sendResolved: true }])
    expect(warnings.map((warning) => warning.message)).toEqual([expect.stringContaining('pagerduty is a valid receiver in Alertmanager but not built here yet')])
    expect(config.canonicalYaml).toContain('routing_key: <secret>')
    expect(await problemOf(text.replace('routing_key', 'routing_kye'))).toContain('did you mean "routing_key"?')
  })
})

describe('parseAlertmanagerConfig', () => {
  const refuses = (what: string, text: string, message: string) => it(`refuses ${what}`, async () => expect(await problemOf(text)).toContain(message))
  refuses('an empty file', '', 'no route provided')
  refuses('a root without receiver', `${receivers}route: {}\n`, 'root route must specify a default receiver')
  refuses('a root with matchers', `${receivers}route: {receiver: r, match: {a: b}}\n`, 'root route must not have any matchers')
  refuses('an undefined receiver', `${receivers}route: {receiver: x}\n`, 'am.yml:2:19: route.receiver: undefined receiver "x" used in route')
  refuses('an undefined time interval', `${receivers}route: {receiver: r, routes: [{mute_time_intervals: [t]}]}\n`, 'undefined time interval "t"')
  refuses('a receiver twice', `${base}receivers: [{name: r}, {name: r}]\n`, 'notification config name "r" is not unique')
  refuses('a zero group interval', `${receivers}route: {receiver: r, group_interval: 0s}\n`, 'group_interval cannot be zero')
  refuses('a wildcard beside labels', `${receivers}route: {receiver: r, group_by: ['...', a]}\n`, 'wildcard group_by')
  refuses('Slack without URL', `${base}receivers: [{name: r, slack_configs: [{channel: c}]}]\n`, 'no Slack API URL')
  refuses('mail without server', `${base}receivers: [{name: r, email_configs: [{to: a@x}]}]\n`, 'no SMTP smarthost')
  refuses('a smarthost without port', `global: {smtp_smarthost: mail}\n${base}${receivers}`, 'expected host:port')
  refuses('two forms of one secret', `global: {slack_api_url: 'http://x/', slack_api_url_file: f}\n${base}${receivers}`, 'at most one of slack_api_url')
  refuses('an empty receiver item', `${base}receivers: [{name: r, slack_configs: [null]}]\n`, 'empty list item')
  refuses('text and body', `${base}global: {smtp_smarthost: 'm:25', smtp_from: a@x}\nreceivers: [{name: r, email_configs: [{to: a@x, text: t, body: b}]}]\n`, 'body and text mean the same')
})

describe('the canonical form', () => {
  it('of the founding file passes the original check, which refuses the file itself', async () => {
    const text = readFileSync('test/data/seed/alertmanager/alertmanager.yml', 'utf8')
    expect(amtoolVerdict(text)).toContain('field subject not found')
    expect(amtoolVerdict((await parse(text)).canonicalYaml)).toBe('')
  })

  it('of a webhook and of copied mails passes it too', async () => {
    const { canonicalYaml } = await parse(`${base}
global: {smtp_smarthost: 'm:25', smtp_from: a@x, http_config: {basic_auth: {username: u, password: p}}}
receivers: [{name: r, webhook_configs: [{url: 'http://h/x'}], email_configs: [{to: b@x, bcc: d@x, subject: 'a: b', headers: }]}]
`)
    expect(amtoolVerdict(canonicalYaml)).toBe('')
  })
})
