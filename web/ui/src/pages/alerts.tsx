// Alerting rules by state, with their pending and firing instances.

import { useApi, type AlertInstance, type Rule, type RuleGroup } from '../api.ts'
import { Badge, Labels, Notice } from '../components/notice.tsx'
import { expressionHref, follow, useSearchText } from '../router.ts'
import { formatAgo, formatDurationSeconds } from '../time.ts'

const states = ['firing', 'pending', 'inactive', 'unknown'] as const

export function AlertsPage() {
  const { answer, error } = useApi<{ groups: readonly RuleGroup[] }>('rules?type=alert', 5_000)
  const [stateText, setStateText] = useSearchText('state')
  const shownStates = new Set(stateText === '' ? states : stateText.split(','))
  const [text, setText] = useSearchText('search')
  const rules = (answer?.data.groups ?? []).flatMap((group) => group.rules.map((rule) => ({ rule, group })))
  const shown = rules
    .filter(({ rule }) => shownStates.has(rule.state ?? 'unknown') && `${rule.name} ${[rule.labels ?? {}, ...(rule.alerts ?? []).map(({ labels }) => labels)].flatMap((labels) => Object.entries(labels)).map((pair) => pair.join('=')).join(' ')}`.toLowerCase().includes(text.toLowerCase()))
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
              onChange={() => setStateText(shownAfter(shownStates, state))}
            />{' '}
            <Badge state={state} /> {rules.filter(({ rule }) => rule.state === state).length}
          </label>
        ))}
        <input class="wide" type="search" placeholder="Filter by name or label" value={text} onInput={(event) => setText(event.currentTarget.value)} aria-label="Filter" />
      </div>
      {error && <Notice kind="error">{error.message}</Notice>}
      {answer && rules.length === 0 && <p class="empty">No alerting rules are loaded.</p>}
      {shown.map(({ rule, group }) => <AlertRule key={`${group.file};${group.name};${rule.name};${rule.query}`} rule={rule} group={group} />)}
    </>
  )
}

/** The states that are shown after a click on one, as the address has them; all are none there. */
function shownAfter(shown: ReadonlySet<string>, clicked: string): string {
  const next = states.filter((state) => (state === clicked ? !shown.has(state) : shown.has(state)))
  return next.length === states.length ? '' : next.length === 0 ? 'none' : next.join(',')
}

function AlertRule({ rule, group }: { readonly rule: Rule; readonly group: RuleGroup }) {
  const alerts = rule.alerts ?? []
  return (
    <details class="panel" open={alerts.length > 0}>
      <summary>
        <Badge state={rule.state ?? 'unknown'} /> <b>{rule.name}</b> {alerts.length > 0 && `(${alerts.length})`} <small>{group.name}</small>
      </summary>
      <p>
        <a class="code" href={expressionHref(rule.query)} onClick={follow}>{rule.query}</a>
        {(rule.duration ?? 0) > 0 && <small> for {formatDurationSeconds(rule.duration ?? 0)}</small>}
      </p>
      {rule.labels && <Labels labels={rule.labels} />}
      {rule.lastError !== undefined && rule.lastError !== '' && <Notice kind="error">{rule.lastError}</Notice>}
      {alerts.length > 0 && <Instances alerts={alerts} />}
    </details>
  )
}

function Instances({ alerts }: { readonly alerts: readonly AlertInstance[] }) {
  const nowMs = Date.now()
  return (
    <table class="cards">
      <thead><tr><th>Labels</th><th>State</th><th>Active since</th><th>Value</th></tr></thead>
      <tbody>
        {alerts.map((alert) => (
          <tr key={JSON.stringify(alert.labels)}>
            <td data-title="Labels">
              <Labels labels={alert.labels} omit="alertname" />
              {Object.entries(alert.annotations).map(([name, value]) => <div key={name} class="annotation"><small>{name}</small> <WithLinks text={value} /></div>)}
            </td>
            <td data-title="State"><Badge state={alert.state} />{alert.keepFiringSince !== undefined && <div><small>kept firing</small></div>}</td>
            <td data-title="Active since" class="short" title={alert.activeAt}>{formatAgo(alert.activeAt, nowMs)}</td>
            <td data-title="Value" class="short">{formatAlertValue(alert.value)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** The API has `1.5e+01`. */
function formatAlertValue(text: string): string {
  const value = Number(text)
  return Number.isFinite(value) ? String(value) : text
}

/** Annotations name runbooks and dashboards. */
function WithLinks({ text }: { readonly text: string }) {
  return <>{text.split(/(https?:\/\/[^\s<>"]*[^\s<>".,;:!?)])/).map((part, index) => (index % 2 === 1 ? <a key={index} href={part}>{part}</a> : part))}</>
}
