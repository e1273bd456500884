// Alerting rules by state, with their pending and firing instances.

import { useState } from 'preact/hooks'
import { useApi, type AlertInstance, type Rule, type RuleGroup } from '../api.ts'
import { Badge, Labels, Notice } from '../components/notice.tsx'
import { expressionHref, follow } from '../router.ts'
import { formatAgo } from '../time.ts'

const states = ['firing', 'pending', 'inactive', 'unknown'] as const

export function AlertsPage() {
  const { answer, error } = useApi<{ groups: readonly RuleGroup[] }>('rules?type=alert', 5_000)
  const [shownStates, setShownStates] = useState<ReadonlySet<string>>(new Set(states))
  const [text, setText] = useState('')
  const rules = (answer?.data.groups ?? []).flatMap((group) => group.rules.map((rule) => ({ rule, group })))
  const shown = rules
    .filter(({ rule }) => shownStates.has(rule.state ?? 'unknown') && `${rule.name} ${JSON.stringify(rule.labels)}`.toLowerCase().includes(text.toLowerCase()))
    .sort((a, b) => states.indexOf(a.rule.state ?? 'unknown') - states.indexOf(b.rule.state ?? 'unknown'))
  return (
    <>
      <h1>Alerts</h1>
      <div class="controls">
        {states.map((state) => (
          <label key={state}>
            <input
              type="checkbox"
              checked={shownStates.has(state)}
              onChange={() => setShownStates(shownStates.has(state) ? new Set([...shownStates].filter((other) => other !== state)) : new Set([...shownStates, state]))}
            />{' '}
            <Badge state={state} /> {rules.filter(({ rule }) => rule.state === state).length}
          </label>
        ))}
        <input class="wide" placeholder="Filter by name or label" value={text} onInput={(event) => setText(event.currentTarget.value)} aria-label="Filter" />
      </div>
      {error && <Notice kind="error">{error.message}</Notice>}
      {answer && rules.length === 0 && <p class="empty">No alerting rules are loaded.</p>}
      {shown.map(({ rule, group }) => <AlertRule key={`${group.file};${group.name};${rule.name};${rule.query}`} rule={rule} group={group} />)}
    </>
  )
}

function AlertRule({ rule, group }: { readonly rule: Rule; readonly group: RuleGroup }) {
  const alerts = rule.alerts ?? []
  return (
    <details class="panel" open={alerts.length > 0}>
      <summary>
        <Badge state={rule.state ?? 'unknown'} /> <b>{rule.name}</b> {alerts.length > 0 && `(${alerts.length})`} <small>{group.name}</small>
      </summary>
      <p><a class="code" href={expressionHref(rule.query)} onClick={follow}>{rule.query}</a></p>
      {rule.labels && <Labels labels={rule.labels} />}
      {rule.lastError !== undefined && rule.lastError !== '' && <Notice kind="error">{rule.lastError}</Notice>}
      {alerts.length > 0 && <Instances alerts={alerts} />}
    </details>
  )
}

function Instances({ alerts }: { readonly alerts: readonly AlertInstance[] }) {
  const nowMs = Date.now()
  return (
    <table>
      <thead><tr><th>Labels</th><th>State</th><th>Active since</th><th>Value</th></tr></thead>
      <tbody>
        {alerts.map((alert) => (
          <tr key={JSON.stringify(alert.labels)}>
            <td>
              <Labels labels={alert.labels} omit="alertname" />
              {Object.entries(alert.annotations).map(([name, value]) => <div key={name}><small>{name}</small> {value}</div>)}
            </td>
            <td><Badge state={alert.state} />{alert.keepFiringSince !== undefined && <div><small>kept firing</small></div>}</td>
            <td title={alert.activeAt}>{formatAgo(alert.activeAt, nowMs)}</td>
            <td>{alert.value}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
