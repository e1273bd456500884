// Rule files as configured: groups of recording and alerting rules, checked, with the defaults of `global` filled in.

import { errorText } from '../../src/base/assert.ts'
import { ConfigError, parseYaml } from '../../src/base/config/yaml.ts'
import type { ConfigProblem, YamlNode } from '../../src/base/config/yaml.ts'
import { collect, duration, fields, integer, list, optionalDuration, record, text } from '../../src/base/config/yamlReaders.ts'
import type { Reader } from '../../src/base/config/yamlReaders.ts'
import { isLabelName, isMetricName } from '../../src/base/names.ts'
import type { NameScheme } from '../../src/base/names.ts'

/** Where something stands in a file, 1-based. */
export type FilePosition = { readonly file: string; readonly line: number; readonly column: number }

export type RuleFile = {
  /** As found by the glob: what the API shows as `file`. */
  readonly path: string
  readonly groups: readonly RuleGroupConfig[]
}

export type RuleGroupConfig = {
  readonly name: string
  readonly file: string
  /** The group's own, else the global evaluation interval. */
  readonly intervalMs: number
  /** The group's own, else the global rule_query_offset. */
  readonly queryOffsetMs: number
  /** Most series (recording) or active alerts (alerting) of one rule; 0 = no limit. */
  readonly limit: number
  readonly rules: readonly RuleConfig[]
  readonly position: FilePosition
}

/** `labels` are those of the group overlaid with the rule's own. */
export type RuleConfig =
  | {
      readonly kind: 'recording'
      readonly record: string
      readonly expr: string
      readonly labels: Readonly<Record<string, string>>
      readonly position: FilePosition
    }
  | {
      readonly kind: 'alerting'
      readonly alert: string
      readonly expr: string
      readonly forMs: number
      readonly keepFiringForMs: number
      readonly labels: Readonly<Record<string, string>>
      readonly annotations: Readonly<Record<string, string>>
      readonly position: FilePosition
    }

/** What a group has that says nothing, and how its rules are checked. */
export type RuleFileOptions = {
  readonly evaluationIntervalMs: number
  readonly queryOffsetMs: number
  readonly nameScheme: NameScheme
  readonly checks: RuleChecks
}

export type RuleChecks = {
  /** Throws an error whose message says what is wrong with the PromQL expression. */
  readonly checkExpression: (expr: string) => void
  /** `error` refuses the rule; a warning says what the original would have refused. */
  readonly checkTemplate: (alertName: string, template: string) => { readonly error?: string; readonly warnings: readonly string[] }
}

export type ParsedRuleFile = { readonly file: RuleFile; readonly warnings: readonly ConfigProblem[] }

/** Reads the text of a rule file. Throws `ConfigError` with everything wrong in it. */
export function parseRuleFile(yaml: string, path: string, options: RuleFileOptions): ParsedRuleFile {
  const node = parseYaml(yaml, path)
  if (node.isNull) return { file: { path, groups: [] }, warnings: node.file.warnings }
  const read = fields(node, { groups: list((at: YamlNode) => readGroup(at, path, options)) })
  const groups = read.groups ?? []
  groups.forEach((group, index) => {
    if (groups.findIndex((other) => other.name === group.name) < index) {
      node.at('groups').items()[index]?.at('name').fail(`groupname: "${group.name}" is repeated in the same file`)
    }
  })
  return { file: { path, groups }, warnings: node.file.warnings }
}

function readGroup(node: YamlNode, file: string, options: RuleFileOptions): RuleGroupConfig {
  const read = fields(node, {
    name: text,
    interval: duration,
    query_offset: optionalDuration,
    limit: integer,
    labels: ruleLabels(options.nameScheme),
    rules: list((at: YamlNode) => at),
  })
  const name = read.name ?? ''
  if (name === '') node.fail('Groupname must not be empty')
  const problems: ConfigProblem[] = []
  const context: RuleContext = { group: name, groupLabels: read.labels ?? {}, options }
  const rules = (read.rules ?? []).flatMap((at, index) => collect(problems, () => readRule(at, index + 1, context)) ?? [])
  if (problems.length > 0) throw new ConfigError(problems)
  return {
    name,
    file,
    intervalMs: read.interval || options.evaluationIntervalMs,
    queryOffsetMs: read.query_offset ?? options.queryOffsetMs,
    limit: read.limit ?? 0,
    rules,
    position: node.position,
  }
}

type RuleContext = {
  readonly group: string
  readonly groupLabels: Readonly<Record<string, string>>
  readonly options: RuleFileOptions
}

function readRule(node: YamlNode, ruleNumber: number, context: RuleContext): RuleConfig {
  const { nameScheme, checks } = context.options
  const read = fields(node, {
    record: text,
    alert: text,
    expr: text,
    for: duration,
    keep_firing_for: duration,
    labels: ruleLabels(nameScheme),
    annotations: ruleAnnotations(nameScheme),
  })
  const { record: recordName = '', alert = '', expr = '' } = read
  const title = `group "${context.group}", rule ${ruleNumber}, "${recordName || alert}": `
  const fail = (key: string, message: string): never => node.at(key).fail(title + message)
  if (recordName !== '' && alert !== '') fail('alert', "only one of 'record' and 'alert' must be set")
  if (recordName === '' && alert === '') fail('record', "one of 'record' or 'alert' must be set")
  if (expr === '') fail('expr', "field 'expr' must be set in rule")
  try {
    checks.checkExpression(expr)
  } catch (error) {
    fail('expr', `could not parse expression: ${errorText(error)}`)
  }
  const labels = { ...context.groupLabels, ...read.labels }
  const { position } = node
  if (recordName !== '') {
    if (Object.keys(read.annotations ?? {}).length > 0) fail('annotations', "invalid field 'annotations' in recording rule")
    if ((read.for ?? 0) !== 0) fail('for', "invalid field 'for' in recording rule")
    if ((read.keep_firing_for ?? 0) !== 0) fail('keep_firing_for', "invalid field 'keep_firing_for' in recording rule")
    if (!isMetricName(recordName, nameScheme)) fail('record', `invalid recording rule name: ${recordName}`)
    if (/[{}]/.test(recordName)) fail('record', `braces present in the recording rule name; should it be in expr?: ${recordName}`)
    return { kind: 'recording', record: recordName, expr, labels, position }
  }
  for (const key of ['labels', 'annotations'] as const) checkTemplates(node, { key, alert, title, checks })
  return {
    kind: 'alerting',
    alert,
    expr,
    forMs: read.for ?? 0,
    keepFiringForMs: read.keep_firing_for ?? 0,
    labels,
    annotations: read.annotations ?? {},
    position,
  }
}

type TemplateCheck = { readonly key: 'labels' | 'annotations'; readonly alert: string; readonly title: string; readonly checks: RuleChecks }

function checkTemplates(node: YamlNode, { key, alert, title, checks }: TemplateCheck): void {
  const at = node.get(key)
  if (at === undefined || at.isNull) return
  for (const entry of at.entries()) {
    const { error, warnings } = checks.checkTemplate(alert, entry.value.text ?? '')
    if (error !== undefined) entry.value.fail(`${title}${error}`)
    for (const warning of warnings) entry.value.warn(`${title}${warning}`)
  }
}

function ruleLabels(scheme: NameScheme): Reader<Record<string, string>> {
  return (node) => {
    const labels = record(text)(node)
    for (const { key, value } of node.entries()) {
      if (!isLabelName(key, scheme) || key === '__name__') value.fail(`invalid label name: ${key}`)
      if (labels[key]?.isWellFormed() === false) value.fail(`invalid label value: ${key}`)
    }
    return labels
  }
}

function ruleAnnotations(scheme: NameScheme): Reader<Record<string, string>> {
  return (node) => {
    const annotations = record(text)(node)
    for (const { key, value } of node.entries()) if (!isLabelName(key, scheme)) value.fail(`invalid annotation name: ${key}`)
    return annotations
  }
}
