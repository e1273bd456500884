// Alerting rules by state, with their pending and firing instances.

import type { AlertInstance, Rule, RuleGroup } from '../api/shapes.ts'
import { useApi } from '../api/useApi.ts'
import { expressionHref, follow, useSearchText } from '../browser/router.ts'
import { CardTable } from '../components/cardTable.tsx'
import { Badge, Labels, Notice } from '../components/notice.tsx'
import { contains, SearchField } from '../components/searchField.tsx'
import { formatAgo, formatDurationSeconds } from '../format/time.ts'

const states = ['firing', 'pending', 'inactive', 'unknown'] as const

export function AlertsPage() {
  const { answer, error } = useApi<{ groups: readonly RuleGroup[] }>('rules?type=alert', 5_000)
  const [stateText, setStateText] = useSearchText('state')
  const shownStates = new Set(stateText === '' ? states : stateText.split(','))
  const [text, setText] = useSearchText('search')
  const rules = (answer?.data.groups ?? []).flatMap((group) => group.rules.map((rule) => ({ rule, group })))
  const shown = rules
    .filter(({ rule }) => shownStates.has(rule.state ?? 'unknown') && contains(searchedText(rule), text))
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
        <SearchField label="Filter by name or label" value={text} onChange={setText} />
      </div>
      {error && <Notice kind="error">{error.message}</Notice>}
      {answer && rules.length === 0 && <p class="empty">No alerting rules are loaded.</p>}
      {shown.map(({ rule, group }) => <AlertRule key={`${group.file};${group.name};${rule.name};${rule.query}`} rule={rule} group={group} />)}
    </>
  )
}

/** The name, and the labels of the rule and of its alerts. */
function searchedText({ name, labels = {}, alerts }: Rule): string {
  const sets = [labels, ...(alerts ?? []).map((alert) => alert.labels)]
  return [name, ...sets.flatMap((set) => Object.entries(set).map((pair) => pair.join('=')))].join(' ')
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
    <CardTable rows={alerts} keyOf={({ labels }) => JSON.stringify(labels)} columns={[
      { title: 'Labels', cell: (alert) => <LabelsAndAnnotations alert={alert} /> },
      { title: 'State', cell: ({ state, keepFiringSince }) => <><Badge state={state} />{keepFiringSince !== undefined && <div><small>kept firing</small></div>}</> },
      { title: 'Active since', isShort: true, cell: ({ activeAt }) => formatAgo(activeAt, nowMs), hint: ({ activeAt }) => activeAt },
      { title: 'Value', isShort: true, cell: ({ value }) => formatAlertValue(value) },
    ]} />
  )
}

function LabelsAndAnnotations({ alert: { labels, annotations } }: { readonly alert: AlertInstance }) {
  return (
    <>
      <Labels labels={labels} omit="alertname" />
      {Object.entries(annotations).map(([name, value]) => <div key={name} class="annotation"><small>{name}</small> <WithLinks text={value} /></div>)}
    </>
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
