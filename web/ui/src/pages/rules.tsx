// Every rule of every group, with its health and last evaluation.

import type { Rule, RuleGroup } from '../api/shapes.ts'
import { useApi } from '../api/useApi.ts'
import { expressionHref, follow, useSearchText } from '../browser/router.ts'
import { CardTable, type CardColumn } from '../components/cardTable.tsx'
import { Badge, Labels, Notice } from '../components/notice.tsx'
import { contains, SearchField } from '../components/searchField.tsx'
import { formatAgo, formatDurationSeconds, formatSeconds } from '../format/time.ts'

const healths = ['all', 'ok', 'err', 'unknown']

export function RulesPage() {
  const { answer, error } = useApi<{ groups: readonly RuleGroup[] }>('rules?exclude_alerts=true', 10_000)
  const [text, setText] = useSearchText('search')
  const [health, setHealth] = useSearchText('health')
  const groups = answer?.data.groups ?? []
  const matches = (group: RuleGroup) => (rule: Rule) =>
    (health === '' || rule.health === health) && contains(`${group.name} ${rule.name} ${rule.query} ${Object.entries(rule.labels ?? {}).map((pair) => pair.join('=')).join(' ')}`, text)
  const shown = groups.map((group) => ({ group, rules: group.rules.filter(matches(group)) })).filter(({ rules }) => rules.length > 0)
  return (
    <>
      <h1>Rules</h1>
      <div class="controls">
        <SearchField label="Filter by name, expression or label" value={text} onChange={setText} />
        <select value={health === '' ? 'all' : health} onChange={(event) => setHealth(event.currentTarget.value === 'all' ? '' : event.currentTarget.value)} aria-label="Health">
          {healths.map((name) => <option key={name}>{name}</option>)}
        </select>
      </div>
      {error && <Notice kind="error">{error.message}</Notice>}
      {answer && groups.length === 0 && <p class="empty">No rule files are loaded. Name them under rule_files in the configuration.</p>}
      {groups.length > 0 && shown.length === 0 && <p class="empty">No rule is like that.</p>}
      {shown.map(({ group, rules }) => <Group key={`${group.file};${group.name}`} group={group} rules={rules} />)}
    </>
  )
}

function Group({ group, rules }: { readonly group: RuleGroup; readonly rules: readonly Rule[] }) {
  const nowMs = Date.now()
  return (
    <section class="panel">
      <h2>{group.name} <small>{group.file} · every {formatDurationSeconds(group.interval)} · evaluated {formatAgo(group.lastEvaluation, nowMs)} in {formatSeconds(group.evaluationTime)}</small></h2>
      <CardTable rows={rules} columns={columnsAt(nowMs)} keyOf={(rule) => `${rule.type} ${rule.name} ${rule.query} ${JSON.stringify(rule.labels)}`} />
    </section>
  )
}

function columnsAt(nowMs: number): readonly CardColumn<Rule>[] {
  return [
    { title: 'Rule', cell: (rule) => <WhatRule rule={rule} /> },
    { title: 'Health', cell: ({ health }) => <Badge state={health} /> },
    { title: 'Last evaluation', isShort: true, cell: ({ lastEvaluation }) => formatAgo(lastEvaluation, nowMs) },
    { title: 'Took', isShort: true, cell: ({ evaluationTime }) => formatSeconds(evaluationTime) },
  ]
}

function WhatRule({ rule }: { readonly rule: Rule }) {
  return (
    <>
      <div><small>{rule.type === 'alerting' ? 'alert' : 'record'}</small> <b>{rule.name}</b> {rule.labels && <Labels labels={rule.labels} />}</div>
      <a class="code" href={expressionHref(rule.query)} onClick={follow}>{rule.query}</a>
      <Waits rule={rule} />
      {rule.lastError !== undefined && rule.lastError !== '' && <Notice kind="error">{rule.lastError}</Notice>}
    </>
  )
}

function Waits({ rule: { duration = 0, keepFiringFor = 0 } }: { readonly rule: Rule }) {
  const texts = [...(duration > 0 ? [`for ${formatDurationSeconds(duration)}`] : []), ...(keepFiringFor > 0 ? [`keep firing for ${formatDurationSeconds(keepFiringFor)}`] : [])]
  return texts.length === 0 ? null : <div><small>{texts.join(', ')}</small></div>
}
