// alertmanager.yml as configured: global fallbacks, the route tree, receivers, inhibition rules, time intervals, templates.
// Parsing gives the whole configuration or an error that lists what is wrong and where; it never touches what runs.

import { readFile } from 'node:fs/promises'
import { errorText } from '../../src/base/assert.ts'
import { ConfigError, parseYaml } from '../../src/base/config/yaml.ts'
import type { ConfigProblem, YamlNode } from '../../src/base/config/yaml.ts'
import { collect, duration, fields, joinToFile, list, maskSecrets, text, tree } from '../../src/base/config/yamlReaders.ts'
import type { Reader } from '../../src/base/config/yamlReaders.ts'
import { globFiles } from '../../src/base/globFiles.ts'
import { isLabelName } from '../../src/base/names.ts'
import type { FilePosition } from '../rules/rulesConfig.ts'
import type { ReceiverConfig } from './receiverConfig.ts'
import { globalReceiverSchema, readReceiverGlobals } from './receiverGlobals.ts'
import { readReceiver } from './receiverReaders.ts'
import { checkAll, matcherList, matchMap, readRootRoute } from './routeConfig.ts'
import type { RawMatcher, RouteConfig, RouteContext } from './routeConfig.ts'
import { timeInterval } from './timeIntervalConfig.ts'
import type { TimeIntervalConfig } from './timeIntervalConfig.ts'

export type AlertmanagerConfig = {
  readonly file: string
  /** How long an alert that came without endsAt lives. */
  readonly resolveTimeoutMs: number
  readonly route: RouteConfig
  readonly receivers: readonly ReceiverConfig[]
  readonly inhibitRules: readonly InhibitRuleConfig[]
  /** `time_intervals` and `mute_time_intervals` together; names are unique. */
  readonly timeIntervals: readonly TimeIntervalConfig[]
  /** The template files that the globs match, in order, with their text. */
  readonly templates: readonly TemplateFile[]
  /** The file as the API shows it: what the user set, in the keys the original knows, secrets masked. */
  readonly canonicalYaml: string
  /** The text of the file, for the config hash metric. */
  readonly text: string
}

export type TemplateFile = { readonly path: string; readonly text: string }

export type InhibitRuleConfig = {
  readonly name: string
  readonly sourceMatchers: readonly RawMatcher[]
  readonly targetMatchers: readonly RawMatcher[]
  readonly equal: readonly string[]
  readonly position: FilePosition
}

export type AlertmanagerChecks = Pick<RouteContext, 'checkMatchers'>

export type ParsedAlertmanager = { readonly config: AlertmanagerConfig; readonly warnings: readonly ConfigProblem[] }

/** Reads the text of an alertmanager.yml; `file` names it in messages and anchors relative paths. Throws `ConfigError`. */
export async function parseAlertmanagerConfig(yaml: string, file: string, checks: AlertmanagerChecks): Promise<ParsedAlertmanager> {
  const node = parseYaml(yaml, file)
  if (node.isNull) node.fail('no route provided in config')
  const read = fields(node, {
    global: (at: YamlNode) => fields(at, { resolve_timeout: duration, ...globalReceiverSchema }),
    route: (at: YamlNode) => at,
    receivers: list((at: YamlNode) => at),
    inhibit_rules: list(inhibitRule(checks)),
    time_intervals: list(timeInterval),
    mute_time_intervals: list(timeInterval),
    templates: list(text),
    tracing: notBuilt('tracing'),
    event_recorder: notBuilt('event_recorder'),
  })
  if (read.route === undefined) return node.fail('no route provided in config')
  const globals = readReceiverGlobals(node.at('global'), read.global ?? {})
  const problems: ConfigProblem[] = []
  const receivers = (read.receivers ?? []).flatMap((at) => collect(problems, () => readReceiver(at, globals)) ?? [])
  const timeIntervals = [...(read.time_intervals ?? []), ...(read.mute_time_intervals ?? [])]
  failOnRepeatedName(node.at('receivers'), receivers, (name) => `notification config name "${name}" is not unique`)
  failOnRepeatedName(node.at('time_intervals'), timeIntervals, (name) => `time interval "${name}" is not unique`)
  const route = collect(problems, () =>
    readRootRoute(node.at('route'), {
      receivers: new Set((read.receivers ?? []).map((at) => at.get('name')?.text ?? '')),
      timeIntervals: new Set(timeIntervals.map((interval) => interval.name)),
      checkMatchers: checks.checkMatchers,
    }),
  )
  if (problems.length > 0 || route === undefined) throw new ConfigError(problems)
  const templates = await readTemplates(node.get('templates'))
  return {
    config: {
      file,
      resolveTimeoutMs: read.global?.resolve_timeout ?? 300_000,
      route,
      receivers,
      inhibitRules: read.inhibit_rules ?? [],
      timeIntervals,
      templates,
      canonicalYaml: node.file.printMasked(),
      text: yaml,
    },
    warnings: node.file.warnings,
  }
}

function failOnRepeatedName(node: YamlNode, items: readonly { readonly name: string }[], message: (name: string) => string): void {
  const repeated = items.find((item, index) => items.findIndex((other) => other.name === item.name) < index)
  if (repeated !== undefined) node.fail(message(repeated.name))
}

function notBuilt(key: string): Reader<true> {
  return (node) => {
    tree(node)
    maskSecrets(node)
    node.warn(`${key} is valid in Alertmanager but not built here yet: it has no effect`)
    return true
  }
}

function inhibitRule(checks: AlertmanagerChecks): Reader<InhibitRuleConfig> {
  return (node) => {
    const read = fields(node, {
      name: text,
      source_matchers: matcherList,
      source_match: matchMap('equal'),
      source_match_re: matchMap('regex'),
      target_matchers: matcherList,
      target_match: matchMap('equal'),
      target_match_re: matchMap('regex'),
      equal: list(labelName),
    })
    const sourceMatchers = [...(read.source_match ?? []), ...(read.source_match_re ?? []), ...(read.source_matchers ?? [])]
    const targetMatchers = [...(read.target_match ?? []), ...(read.target_match_re ?? []), ...(read.target_matchers ?? [])]
    checkAll(node, [...sourceMatchers, ...targetMatchers], checks.checkMatchers)
    return { name: read.name ?? '', sourceMatchers, targetMatchers, equal: read.equal ?? [], position: node.position }
  }
}

const labelName: Reader<string> = (node) => {
  const name = text(node)
  if (!isLabelName(name)) node.fail(`invalid label name "${name}" in equal list`)
  return name
}

async function readTemplates(node: YamlNode | undefined): Promise<TemplateFile[]> {
  const templates: TemplateFile[] = []
  for (const item of node === undefined || node.isNull ? [] : node.items()) {
    for (const path of await globFiles(joinToFile(item, text(item)))) {
      const content = await readFile(path, 'utf8').catch((error: unknown) => item.fail(`cannot read the template file ${path}: ${errorText(error)}`))
      templates.push({ path, text: content })
    }
  }
  return templates
}
