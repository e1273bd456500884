import { describe, expect, it } from 'vitest'
import { labelsFrom, type Label } from '../../storage/model/labels.ts'
import { buildNotificationData, notificationJson, type AlertData, type NotificationData } from './notificationData.ts'
import { createNotificationTemplates } from './notificationTemplates.ts'

const startsAtMs = Date.UTC(2026, 2, 1, 10)
const pairs = (object: Record<string, string>): Label[] => [...labelsFrom(object)]

const firing: AlertData = {
  status: 'firing',
  labels: pairs({ alertname: 'DiskFull', cluster: 'eu1', instance: 'db-1:9100', severity: 'critical' }),
  annotations: pairs({ runbook_url: 'https://wiki/x?a=1&b=2', summary: 'Disk <95%> used' }),
  startsAtMs,
  endsAtMs: undefined,
  generatorUrl: 'http://prom:9090/graph?g0.expr=disk',
  fingerprint: '0a1b2c3d4e5f6071',
}
const resolved: AlertData = {
  ...firing,
  status: 'resolved',
  labels: pairs({ alertname: 'DiskFull', cluster: 'eu1', instance: 'db-2:9100', severity: 'critical' }),
  annotations: pairs({ summary: 'Disk <95%> used' }),
  endsAtMs: startsAtMs + 3_723_000,
  generatorUrl: '',
}

function notification(alerts: readonly AlertData[] = [firing, resolved]): NotificationData {
  return buildNotificationData({
    receiver: 'ops team+1',
    alerts,
    notificationReason: 'first notification',
    groupLabels: pairs({ alertname: 'DiskFull', cluster: 'eu1' }),
    routeLabels: pairs({ team: 'storage' }),
    externalUrl: 'http://mon.example:9093/',
  })
}

const templates = createNotificationTemplates([], { nowMs: () => startsAtMs + 90_000 })
const text = (template: string, data = notification()): string => templates.text(template, data)
const named = (name: string, data?: NotificationData): string => text(`{{ template "${name}" . }}`, data)

describe('buildNotificationData', () => {
  it('works out the status and what the alerts have in common', () => {
    const data = notification()
    expect(data.status).toBe('firing')
    expect(notification([resolved]).status).toBe('resolved')
    expect(data.commonLabels).toEqual(pairs({ alertname: 'DiskFull', cluster: 'eu1', severity: 'critical' }))
    expect(data.commonAnnotations).toEqual(pairs({ summary: 'Disk <95%> used' }))
    expect(data.receiver).toBe('ops team\\+1')
    expect(data.externalUrl).toBe('http://mon.example:9093')
  })

  it('has the names of the webhook in JSON', () => {
    const json = notificationJson(notification([firing]))
    expect(Object.keys(json)).toEqual(['receiver', 'status', 'alerts', 'notification_reason', 'groupLabels', 'commonLabels', 'commonAnnotations', 'routeLabels', 'externalURL'])
    expect(json['alerts']).toEqual([
      {
        status: 'firing',
        labels: { alertname: 'DiskFull', cluster: 'eu1', instance: 'db-1:9100', severity: 'critical' },
        annotations: { runbook_url: 'https://wiki/x?a=1&b=2', summary: 'Disk <95%> used' },
        startsAt: '2026-03-01T10:00:00Z',
        endsAt: '0001-01-01T00:00:00Z',
        generatorURL: 'http://prom:9090/graph?g0.expr=disk',
        fingerprint: '0a1b2c3d4e5f6071',
      },
    ])
  })
})

describe('default templates', () => {
  it('name the notification', () => {
    expect(named('__subject')).toBe('[FIRING:1] DiskFull eu1 (critical)')
    expect(named('__subject', notification([resolved]))).toBe('[RESOLVED] DiskFull eu1 (db-2:9100 critical)')
    expect(named('slack.default.fallback')).toBe(
      '[FIRING:1] DiskFull eu1 (critical) | http://mon.example:9093/#/alerts?receiver=ops+team%5C%2B1',
    )
    expect(named('slack.default.color')).toBe('danger')
    expect(named('mattermost.default.color', notification([resolved]))).toBe('good')
  })

  it('list alerts in markdown with blank lines between the parts', () => {
    expect(named('msteamsv2.default.text', notification([firing]))).toBe(`

# Alerts Firing:

Labels:
  - alertname = DiskFull
  - cluster = eu1
  - instance = db-1:9100
  - severity = critical

Annotations:
  - runbook_url = https://wiki/x?a=1&b=2
  - summary = Disk <95%> used

Source: http://prom:9090/graph?g0.expr=disk




`)
  })

  it('take the priority of a ticket from the highest severity that fires, else from the resolved ones', () => {
    const withSeverity = (alert: AlertData, severity: string): AlertData => ({ ...alert, labels: pairs({ severity }) })
    const priority = (...alerts: AlertData[]): string => named('jira.default.priority', notification(alerts))
    expect(priority(withSeverity(firing, 'info'), withSeverity(firing, 'warning'), withSeverity(resolved, 'critical'))).toBe('Medium')
    expect(priority(withSeverity(resolved, 'critical'), withSeverity(firing, 'odd'))).toBe('High')
    expect(priority(withSeverity(firing, 'odd'))).toBe('')
  })

  it('make a page for e-mail whose data is escaped', () => {
    const page = templates.html('{{ template "email.default.html" . }}', notification())
    expect(page).toContain('<title>[FIRING:1] DiskFull eu1 (critical)</title>')
    expect(page).toContain('2 alerts for alertname=DiskFull cluster=eu1')
    expect(page).toContain('background-color: #E6522C')
    expect(page).toContain('href="http://mon.example:9093/#/alerts?receiver=ops&#43;team%5C%2B1"')
    expect(page).toContain('summary = Disk &lt;95%&gt; used')
    expect(page).toContain('href="http://prom:9090/graph?g0.expr=disk"')
    expect(page.indexOf('[1] Firing')).toBeLessThan(page.indexOf('<hr />'))
    expect(page.indexOf('<hr />')).toBeLessThan(page.indexOf('[1] Resolved'))
    const green = templates.html('{{ template "email.default.html" . }}', notification([resolved]))
    expect(green).toContain('1 alert for')
    expect(green).toContain('background-color: #68B90F')
    expect(green).not.toContain('<hr />')
  })

  it('can be redefined by files, and by an inline define', () => {
    const own = createNotificationTemplates([
      { path: '/etc/a.tmpl', text: '{{ define "slack.default.title" }}one{{ end }}' },
      { path: '/etc/b.tmpl', text: '{{ define "slack.default.title" }}two {{ template "__subject" . }}{{ end }}' },
    ])
    expect(own.text('{{ template "slack.default.title" . }}', notification())).toBe('two [FIRING:1] DiskFull eu1 (critical)')
    expect(own.text('{{ define "t" }}inline{{ end }}{{ template "t" }}', notification())).toBe('inline')
  })
})

describe('functions newer than the amtool at hand', () => {
  const prints = (template: string, expected: string) => it(`prints ${template}`, () => expect(text(template)).toBe(expected))
  prints('{{ .CommonLabels }}', 'alertname=DiskFull, cluster=eu1, severity=critical')
  prints('{{ .GroupLabels.Values.Join "/" }}', 'DiskFull/eu1')
  prints('{{ (index .Alerts 0).StartsAt | tz "Europe/Berlin" | date "2006-01-02 15:04 MST" }}', '2026-03-01 11:00 CET')
  prints('{{ since (index .Alerts 0).StartsAt }} {{ since (index .Alerts 0).StartsAt | humanizeDuration }}', '1m30s 1m 30s')
  prints('{{ now.Unix }}', String(startsAtMs / 1000 + 90))
  prints('{{ humanizeDuration 0.015 }} {{ humanizeDuration "93784" }} {{ humanizeDuration 12.345 }}', '15ms 1d 2h 3m 4s 12.35s')
  prints('{{ trimSpace " a " }}|{{ urlUnescape "a%20b+c" }}|{{ list 1 "a" }}|{{ append (list 1) 2 }}|{{ (dict "a" 1).a }}|{{ (dict "a" 1).b }}', 'a|a b c|[1 a]|[1 2]|1|<no value>')
  prints('{{ toJson .GroupLabels }} {{ toJson (list "<&>" 1 1.5 nil true) }}', '{"alertname":"DiskFull","cluster":"eu1"} ["\\u003c\\u0026\\u003e",1,1.5,null,true]')
  prints('{{ (toDate "2006-01-02" "2026-03-04").Weekday }} {{ (toDate "2006-01-02" "x").IsZero }}', 'Wednesday true')
  prints('{{ base64encode "a?>~" }} {{ base64decode "YT8-fg==" }}', 'YT8-fg== a?>~')
  prints('{{ routeLabels "team" }}{{ routeLabels "nope" }} {{ .RouteLabels.team }} {{ .NotificationReason }}', 'storage storage first notification')

  const fails = (template: string, reason: string) => it(`refuses ${template}`, () => expect(() => text(template)).toThrow(reason))
  fails('{{ dict "a" }}', 'error calling dict: dict expects even number of arguments')
  fails('{{ tz "Mars/Base" now }}', 'unknown time zone Mars/Base')
  fails('{{ urlUnescape "%zz" }}', 'invalid URL escape "%zz"')
  fails('{{ mustToDate "2006-01-02" "2026-13-01" }}', 'month out of range')
  fails('{{ base64decode "a" }}', 'illegal base64 data')
})

describe('createNotificationTemplates', () => {
  it('names the file that does not parse', () => {
    expect(() => createNotificationTemplates([{ path: '/etc/a.tmpl', text: 'x\n{{ nope }}' }])).toThrow('/etc/a.tmpl: template: a.tmpl:2: function "nope" not defined')
  })

  it('says what is wrong with a field', () => {
    expect(templates.check('{{ .Status }}')).toBeUndefined()
    expect(templates.check('{{ .Status | humanize }}')).toBe('template: :1: function "humanize" not defined')
  })

  it('lets nothing partial out of a failing field', () => expect(() => text('a{{ .Labels }}')).toThrow('can\'t evaluate field Labels in type *template.Data'))
})
