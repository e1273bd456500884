// alertmanager.yml as configured: the route tree with inheritance filled in, receivers with the global fallbacks filled
// in, inhibition rules, time intervals and template globs.

import type { FilePosition } from './rulesConfig.ts'
import type { ReceiverConfig } from './receiverConfig.ts'

export type AlertmanagerConfig = {
  readonly file: string
  /** How long an alert that came without endsAt lives. */
  readonly resolveTimeoutMs: number
  readonly route: RouteConfig
  readonly receivers: readonly ReceiverConfig[]
  readonly inhibitRules: readonly InhibitRuleConfig[]
  /** `time_intervals` and `mute_time_intervals` together; names are unique. */
  readonly timeIntervals: readonly TimeIntervalConfig[]
  /** Template files the globs matched, as absolute paths, in order, with their text. */
  readonly templates: readonly TemplateFile[]
  /** The file as the API shows it: what the user set, in the keys the original knows, secrets masked. */
  readonly canonicalYaml: string
  /** The text of the file, for the config hash metric. */
  readonly text: string
}

export type TemplateFile = { readonly path: string; readonly text: string }

/** Matchers as written; alerting/matchers.ts turns them into matchers. All of a list are AND-ed. */
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

export type InhibitRuleConfig = {
  readonly name: string
  readonly sourceMatchers: readonly RawMatcher[]
  readonly targetMatchers: readonly RawMatcher[]
  readonly equal: readonly string[]
  readonly position: FilePosition
}

/** Matches when any spec matches. */
export type TimeIntervalConfig = { readonly name: string; readonly specs: readonly TimeIntervalSpec[] }

/** An absent field matches always, an empty list never; within a field any item may match, all fields must. */
export type TimeIntervalSpec = {
  /** Minutes of the day; start inclusive, end exclusive (1440 = 24:00). */
  readonly times?: readonly { readonly startMinute: number; readonly endMinute: number }[]
  /** Sunday = 0 ... Saturday = 6, inclusive. */
  readonly weekdays?: readonly NumberRange[]
  /** 1...31 or -31...-1 (-1 = last day of the month), inclusive. */
  readonly daysOfMonth?: readonly NumberRange[]
  /** January = 1, inclusive. */
  readonly months?: readonly NumberRange[]
  readonly years?: readonly NumberRange[]
  /** IANA name, `UTC` or `Local`. */
  readonly location: string
}

export type NumberRange = { readonly begin: number; readonly end: number }
