// Every rule of every group, with its health and last evaluation.

import { useApi, type RuleGroup } from '../api.ts'
import { Badge, Labels, Notice } from '../components/notice.tsx'
import { expressionHref, follow } from '../router.ts'
import { formatAgo, formatDurationSeconds, formatSeconds } from '../time.ts'

export function RulesPage() {
  const { answer, error } = useApi<{ groups: readonly RuleGroup[] }>('rules', 10_000)
  const nowMs = Date.now()
  return (
    <>
      <h1>Rules</h1>
      {error && <Notice kind="error">{error.message}</Notice>}
      {answer?.data.groups.length === 0 && <p class="empty">No rule files are loaded. Name them under rule_files in the configuration.</p>}
      {answer?.data.groups.map((group) => (
        <section class="panel" key={`${group.file};${group.name}`}>
          <h2>{group.name} <small>{group.file} · every {formatDurationSeconds(group.interval)} · evaluated {formatAgo(group.lastEvaluation, nowMs)} in {formatSeconds(group.evaluationTime)}</small></h2>
          <table>
            <thead><tr><th>Rule</th><th>State</th><th>Last evaluation</th><th>Took</th></tr></thead>
            <tbody>
              {group.rules.map((rule) => (
                <tr key={`${rule.type} ${rule.name} ${rule.query} ${JSON.stringify(rule.labels)}`}>
                  <td>
                    <div><small>{rule.type === 'alerting' ? 'alert' : 'record'}</small> <b>{rule.name}</b> {rule.labels && <Labels labels={rule.labels} />}</div>
                    <a class="code" href={expressionHref(rule.query)} onClick={follow}>{rule.query}</a>
                    {rule.duration !== undefined && rule.duration > 0 && <div><small>for {formatDurationSeconds(rule.duration)}</small></div>}
                    {rule.lastError !== undefined && rule.lastError !== '' && <Notice kind="error">{rule.lastError}</Notice>}
                  </td>
                  <td><Badge state={rule.health} /></td>
                  <td>{formatAgo(rule.lastEvaluation, nowMs)}</td>
                  <td>{formatSeconds(rule.evaluationTime)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      ))}
    </>
  )
}
