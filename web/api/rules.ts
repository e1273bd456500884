// Rule groups with their state, and the alerts that are pending or firing.

import { createHash } from 'node:crypto'
import type { AlertStatus, RuleGroupStatus, RuleStatus } from '../../alerting/rules/ruleStatus.ts'
import { formatFloat } from '../../alerting/template/go/goNumber.ts'
import { invalidParameter, QueryError } from '../../query/queryError.ts'
import { labelsToObject, labelValue } from '../../storage/model/labels.ts'
import type { Matcher } from '../../storage/model/matcher.ts'
import { formatTime, success } from '../answer.ts'
import { requireBrief } from '../brief.ts'
import type { Parts } from '../parts.ts'
import type { RequestParams } from '../requestParams.ts'
import type { Router } from '../router.ts'

export function addRuleRoutes(router: Router, parts: () => Parts): void {
  router.get('/api/v1/rules', ({ params }) => {
    const filter = readFilter(params)
    const groups = parts().rules.groups().flatMap((group) => {
      if (filter.files.size > 0 && !filter.files.has(group.file)) return []
      if (filter.groups.size > 0 && !filter.groups.has(group.name)) return []
      const rules = group.rules.filter((rule) => passes(rule, filter))
      return rules.length === 0 && isFiltering(filter) ? [] : [groupJson(group, rules, filter.excludesAlerts)]
    })
    return success(page(groups, params))
  })
  router.get('/api/v1/alerts', () => success({ alerts: parts().rules.alerts().map(alertJson) }))
}

type RuleFilter = {
  readonly kind: RuleStatus['kind'] | undefined
  readonly names: ReadonlySet<string>
  readonly groups: ReadonlySet<string>
  readonly files: ReadonlySet<string>
  /** A rule passes when all matchers of any selector match its labels. */
  readonly selectors: readonly (readonly Matcher[])[]
  readonly excludesAlerts: boolean
}

function readFilter(params: RequestParams): RuleFilter {
  params.requireWellFormed()
  requireBrief(params.list('match[]'))
  const type = params.text('type').toLowerCase()
  if (type !== '' && type !== 'alert' && type !== 'record') throw invalidParameter('type', `not supported value ${JSON.stringify(type)}`)
  return {
    kind: type === '' ? undefined : type === 'alert' ? 'alerting' : 'recording',
    names: new Set(params.list('rule_name[]')),
    groups: new Set(params.list('rule_group[]')),
    files: new Set(params.list('file[]')),
    selectors: params.selectors('match[]'),
    excludesAlerts: params.bool('exclude_alerts'),
  }
}

function isFiltering(filter: RuleFilter): boolean {
  return filter.kind !== undefined || filter.names.size > 0 || filter.selectors.length > 0
}

function passes(rule: RuleStatus, { kind, names, selectors }: RuleFilter): boolean {
  if (kind !== undefined && rule.kind !== kind) return false
  if (names.size > 0 && !names.has(rule.name)) return false
  return selectors.length === 0 || selectors.some((matchers) => matchers.every((matcher) => matcher.matches(labelValue(rule.labels, matcher.name))))
}

type GroupJson = { readonly name: string; readonly file: string } & Record<string, unknown>

function groupJson(group: RuleGroupStatus, rules: readonly RuleStatus[], excludesAlerts: boolean): GroupJson {
  return {
    name: group.name,
    file: group.file,
    rules: rules.map((rule) => ruleJson(rule, excludesAlerts)),
    interval: group.intervalMs / 1000,
    limit: group.limit,
    evaluationTime: group.evaluationSeconds,
    lastEvaluation: formatTime(group.lastEvaluationMs),
  }
}

function ruleJson(rule: RuleStatus, excludesAlerts: boolean): Record<string, unknown> {
  const health = {
    health: rule.health,
    lastError: rule.lastError === '' ? undefined : rule.lastError,
    evaluationTime: rule.evaluationSeconds,
    lastEvaluation: formatTime(rule.lastEvaluationMs),
  }
  if (rule.kind === 'recording') return { name: rule.name, query: rule.query, labels: labelsToObject(rule.labels), ...health, type: 'recording' }
  return {
    state: rule.state,
    name: rule.name,
    query: rule.query,
    duration: rule.durationSeconds,
    keepFiringFor: rule.keepFiringForSeconds,
    labels: labelsToObject(rule.labels),
    annotations: rule.annotations,
    alerts: excludesAlerts ? null : rule.alerts.map(alertJson),
    ...health,
    type: 'alerting',
  }
}

function alertJson(alert: AlertStatus): Record<string, unknown> {
  return {
    labels: labelsToObject(alert.labels),
    annotations: labelsToObject(alert.annotations),
    state: alert.state,
    activeAt: formatTime(alert.activeAtMs),
    keepFiringSince: alert.keepFiringSinceMs === undefined ? undefined : formatTime(alert.keepFiringSinceMs),
    value: formatFloat(alert.value, 'e', -1),
  }
}

/** Cuts the groups into pages; the token names the first group of the next page. */
function page(groups: readonly GroupJson[], params: RequestParams): Record<string, unknown> {
  const token = params.text('group_next_token')
  const limitText = params.text('group_limit')
  if (limitText === '') {
    if (token !== '') throw invalidParameter('group_limit', 'group_limit needs to be provided in order to paginate over the groups')
    return { groups }
  }
  if (!/^\d+$/.test(limitText) || Number(limitText) === 0) throw invalidParameter('group_limit', 'group_limit needs to be a valid number greater than 0')
  const first = token === '' ? 0 : groups.findIndex((group) => tokenOf(group) === token)
  if (first < 0) throw new QueryError('bad_data', `invalid group_next_token '${token}'. were rule groups changed?`)
  const next = groups[first + Number(limitText)]
  const shown = groups.slice(first, first + Number(limitText))
  return { groups: shown, ...(next !== undefined && { groupNextToken: tokenOf(next) }) }
}

function tokenOf(group: GroupJson): string {
  return createHash('sha256').update(`${group.file};${group.name}`).digest('hex')
}
