// The `route` tree of alertmanager.yml: one node per route with everything inherited filled in. Matchers stay as written;
// alerting/alerts/matchers.ts parses them, and a reader is given that parser so that an error names the place in the file.

import { errorText } from '../../src/base/assert.ts'
import { ConfigError } from '../../src/base/config/yaml.ts'
import type { YamlNode } from '../../src/base/config/yaml.ts'
import { bool, fields, list, optionalDuration, record, text } from '../../src/base/config/yamlReaders.ts'
import type { Reader } from '../../src/base/config/yamlReaders.ts'
import { parseDurationMs } from '../../src/base/duration.ts'
import { isLabelName } from '../../src/base/names.ts'
import type { FilePosition } from '../rules/rulesConfig.ts'

/** Matchers as written. All of a list are AND-ed. */
export type RawMatcher =
  /** One entry of a `matchers` list; may hold several matchers. */
  | { readonly kind: 'text'; readonly text: string; readonly position: FilePosition }
  /** One entry of a deprecated `match` / `match_re` map; `regex` is anchored both ends. */
  | { readonly kind: 'equal' | 'regex'; readonly name: string; readonly value: string; readonly position: FilePosition }

/** A node of the routing tree. Receiver, grouping and the three intervals are inherited already. */
export type RouteConfig = {
  readonly receiver: string
  /** Sorted label names; empty when `groupByAll`. */
  readonly groupBy: readonly string[]
  /** `group_by: ['...']`. */
  readonly groupByAll: boolean
  readonly groupWaitMs: number
  readonly groupIntervalMs: number
  readonly repeatIntervalMs: number
  readonly matchers: readonly RawMatcher[]
  readonly muteTimeIntervals: readonly string[]
  readonly activeTimeIntervals: readonly string[]
  readonly continue: boolean
  /** Route labels (templates), those of the parents included. */
  readonly labels: Readonly<Record<string, string>>
  readonly routes: readonly RouteConfig[]
  readonly position: FilePosition
}

/** What the rest of the file defines, and who checks matchers and templates. */
export type RouteContext = {
  readonly receivers: ReadonlySet<string>
  readonly timeIntervals: ReadonlySet<string>
  /** Throws an error whose message says what is wrong; returns warnings. */
  readonly checkMatchers: (matcher: RawMatcher) => readonly string[]
}

type Inherited = Pick<
  RouteConfig,
  'receiver' | 'groupBy' | 'groupByAll' | 'groupWaitMs' | 'groupIntervalMs' | 'repeatIntervalMs' | 'labels'
>

const defaults: Inherited = {
  receiver: '',
  groupBy: [],
  groupByAll: false,
  groupWaitMs: 30_000,
  groupIntervalMs: 300_000,
  repeatIntervalMs: 14_400_000,
  labels: {},
}

/** How long notifications are remembered; a longer repeat interval repeats earlier than it says. */
const notificationRetentionMs = parseDurationMs('120h') ?? 0

/** Reads the whole tree from its root. */
export function readRootRoute(node: YamlNode, context: RouteContext): RouteConfig {
  if (!node.isMapping) node.fail(`expected a route, found ${node.describe()}`)
  for (const key of ['match', 'match_re', 'matchers'] as const) {
    const value = node.get(key)
    if (value !== undefined && !isEmpty(value)) value.fail('root route must not have any matchers')
  }
  for (const key of ['mute_time_intervals', 'active_time_intervals'] as const) {
    const value = node.get(key)
    if (value !== undefined && !isEmpty(value)) value.fail(`root route must not have any ${key.replaceAll('_', ' ')}`)
  }
  const route = readRoute(node, defaults, context)
  if (route.receiver === '') node.fail('root route must specify a default receiver')
  if (route.continue) node.at('continue').fail('cannot have continue in root route')
  return route
}

function isEmpty(node: YamlNode): boolean {
  return node.isNull || (node.isList && node.items().length === 0) || (node.isMapping && node.entries().length === 0)
}

function readRoute(node: YamlNode, inherited: Inherited, context: RouteContext): RouteConfig {
  const read = fields(node, {
    receiver: text,
    group_by: groupBy,
    group_wait: optionalDuration,
    group_interval: nonZeroDuration('group_interval'),
    repeat_interval: nonZeroDuration('repeat_interval'),
    matchers: matcherList,
    match: matchMap('equal'),
    match_re: matchMap('regex'),
    mute_time_intervals: list(text),
    active_time_intervals: list(text),
    continue: bool,
    labels: routeLabels,
    routes: list((child: YamlNode) => child),
  })
  if (read.receiver !== undefined && read.receiver !== '' && !context.receivers.has(read.receiver)) {
    node.at('receiver').fail(`undefined receiver "${read.receiver}" used in route`)
  }
  const muteTimeIntervals = read.mute_time_intervals ?? []
  const activeTimeIntervals = read.active_time_intervals ?? []
  for (const name of [...muteTimeIntervals, ...activeTimeIntervals]) {
    if (!context.timeIntervals.has(name)) {
      node.at(muteTimeIntervals.includes(name) ? 'mute_time_intervals' : 'active_time_intervals').fail(`undefined time interval "${name}" used in route`)
    }
  }
  const matchers = [...(read.match ?? []), ...(read.match_re ?? []), ...(read.matchers ?? [])]
  checkAll(node, matchers, context.checkMatchers)
  const own: Inherited = {
    receiver: read.receiver || inherited.receiver,
    groupBy: read.group_by?.names ?? inherited.groupBy,
    groupByAll: read.group_by?.all ?? inherited.groupByAll,
    groupWaitMs: read.group_wait ?? inherited.groupWaitMs,
    groupIntervalMs: read.group_interval ?? inherited.groupIntervalMs,
    repeatIntervalMs: read.repeat_interval ?? inherited.repeatIntervalMs,
    labels: { ...inherited.labels, ...read.labels },
  }
  warnOfIntervals(node, own)
  return {
    ...own,
    matchers,
    muteTimeIntervals,
    activeTimeIntervals,
    continue: read.continue ?? false,
    routes: (read.routes ?? []).map((child) => readRoute(child, own, context)),
    position: node.position,
  }
}

function warnOfIntervals(node: YamlNode, route: Inherited): void {
  const ownRepeat = node.get('repeat_interval')
  const ownGroup = node.get('group_interval')
  if (ownRepeat === undefined && ownGroup === undefined) return
  const at = ownRepeat ?? node
  if (route.repeatIntervalMs > notificationRetentionMs) {
    at.warn('repeat_interval is greater than the notification retention of 120h: notifications repeat earlier than it says')
  }
  if (route.repeatIntervalMs < route.groupIntervalMs) {
    at.warn('repeat_interval is less than group_interval: notifications do not repeat until the next group_interval')
  }
}

const groupBy: Reader<{ readonly names: readonly string[]; readonly all: boolean }> = (node) => {
  const names = list(text)(node)
  if (names.includes('...')) {
    if (names.length > 1) node.fail('cannot have wildcard group_by (`...`) and other labels at the same time')
    return { names: [], all: true }
  }
  node.items().forEach((item, index) => {
    const name = names[index] ?? ''
    if (!isLabelName(name)) item.fail(`invalid label name "${name}" in group_by list`)
    if (names.indexOf(name) < index) item.fail(`duplicated label "${name}" in group_by`)
  })
  return { names: [...names].sort(), all: false }
}

function nonZeroDuration(key: string): Reader<number> {
  return (node) => {
    const durationMs = optionalDuration(node)
    if (durationMs === 0) node.fail(`${key} cannot be zero`)
    return durationMs
  }
}

const routeLabels: Reader<Record<string, string>> = (node) => {
  const labels = record(text)(node)
  for (const { key, value } of node.entries()) if (!isLabelName(key)) value.fail(`invalid label name "${key}"`)
  return labels
}

/** A `matchers` list; each item may hold several matchers. */
export const matcherList: Reader<RawMatcher[]> = list((node) => ({ kind: 'text', text: text(node), position: node.position }))

/** A deprecated `match` or `match_re` map. Its label names are classic ones. */
export function matchMap(kind: 'equal' | 'regex'): Reader<RawMatcher[]> {
  return (node) =>
    node.entries().map(({ key, value }) => {
      if (!isLabelName(key, 'legacy')) value.fail(`invalid label name "${key}"`)
      if (value.isNull && kind === 'regex') value.fail('expected a regular expression, found nothing')
      return { kind, name: key, value: value.isNull ? '' : text(value), position: value.position }
    })
}

/** Runs the check on each matcher and reports at its place. */
export function checkAll(node: YamlNode, matchers: readonly RawMatcher[], check: RouteContext['checkMatchers']): void {
  for (const matcher of matchers) {
    const { line, column } = matcher.position
    const path = node.path
    try {
      for (const message of check(matcher)) node.file.warnings.push({ file: node.file.file, line, column, path, message })
    } catch (error) {
      throw new ConfigError([{ file: node.file.file, line, column, path, message: errorText(error) }])
    }
  }
}
