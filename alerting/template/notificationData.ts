// What a notification template sees as its dot, and the same as JSON for webhooks. Plain data goes in; the template
// values with their Go types and methods are made here.

import { compareBytes, type Label } from '../../storage/model/labels.ts'
import { timeFromMs, zeroTime } from './go/goTime.ts'
import { Dict, List, parameter, Struct, type FunctionTable, type TypeInfo, type Value } from './go/value.ts'

export type AlertData = {
  readonly status: 'firing' | 'resolved'
  readonly labels: readonly Label[]
  readonly annotations: readonly Label[]
  readonly startsAtMs: number
  /** `undefined` while firing: templates and webhooks then see Go's zero time. */
  readonly endsAtMs: number | undefined
  readonly generatorUrl: string
  /** 16 hexadecimal digits. */
  readonly fingerprint: string
}

export type NotificationData = {
  /** The receiver's name, quoted for a regular expression. */
  readonly receiver: string
  readonly status: 'firing' | 'resolved'
  readonly alerts: readonly AlertData[]
  readonly notificationReason: string
  readonly groupLabels: readonly Label[]
  readonly commonLabels: readonly Label[]
  readonly commonAnnotations: readonly Label[]
  readonly routeLabels: readonly Label[]
  /** Without a slash at the end. */
  readonly externalUrl: string
}

export type NotificationInput = {
  /** The plain name. */
  readonly receiver: string
  readonly alerts: readonly AlertData[]
  readonly notificationReason: string
  readonly groupLabels: readonly Label[]
  readonly routeLabels?: readonly Label[]
  readonly externalUrl: string
}

/** Works out the status and the common labels and annotations of a batch. */
export function buildNotificationData(input: NotificationInput): NotificationData {
  return {
    receiver: input.receiver.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&'),
    status: input.alerts.some((alert) => alert.status === 'firing') ? 'firing' : 'resolved',
    alerts: input.alerts,
    notificationReason: input.notificationReason,
    groupLabels: input.groupLabels,
    commonLabels: commonPairs(input.alerts.map((alert) => alert.labels)),
    commonAnnotations: commonPairs(input.alerts.map((alert) => alert.annotations)),
    routeLabels: input.routeLabels ?? [],
    externalUrl: input.externalUrl.replace(/\/+$/, ''),
  }
}

/** The pairs all sets have; a missing pair counts as an empty value. */
function commonPairs(sets: readonly (readonly Label[])[]): Label[] {
  const [first = [], ...others] = sets
  const lookups = others.map((set) => new Map(set.map((label) => [label.name, label.value])))
  return first.filter((label) => lookups.every((lookup) => (lookup.get(label.name) ?? '') === label.value))
}

function pairsJson(pairs: readonly Label[]): Record<string, string> {
  return Object.fromEntries(pairs.map((pair) => [pair.name, pair.value]))
}

const zeroTimeText = '0001-01-01T00:00:00Z'

/** RFC 3339 without trailing zeros in the fraction, as Go writes times in JSON. */
function timeJson(timestampMs: number | undefined): string {
  return timestampMs === undefined ? zeroTimeText : new Date(timestampMs).toISOString().replace(/\.?0*Z$/, 'Z')
}

/** The data under the names it has in webhook bodies and `toJson`. */
export function notificationJson(data: NotificationData): Record<string, unknown> {
  return {
    receiver: data.receiver,
    status: data.status,
    alerts: data.alerts.map((alert) => ({
      status: alert.status,
      labels: pairsJson(alert.labels),
      annotations: pairsJson(alert.annotations),
      startsAt: timeJson(alert.startsAtMs),
      endsAt: timeJson(alert.endsAtMs),
      generatorURL: alert.generatorUrl,
      fingerprint: alert.fingerprint,
    })),
    notification_reason: data.notificationReason,
    groupLabels: pairsJson(data.groupLabels),
    commonLabels: pairsJson(data.commonLabels),
    commonAnnotations: pairsJson(data.commonAnnotations),
    routeLabels: pairsJson(data.routeLabels),
    externalURL: data.externalUrl,
  }
}

/** `alertname` first, the rest by name. */
function sortPairs(entries: ReadonlyMap<string, Value>): Struct[] {
  const rank = (name: string): number => (name === 'alertname' ? 0 : 1)
  return [...entries]
    .sort(([a], [b]) => rank(a) - rank(b) || compareBytes(a, b))
    .map(([name, value]) => new Struct(pairType, { Name: name, Value: value }))
}

function pairNames(pairs: readonly Value[], field: 'Name' | 'Value'): string[] {
  return pairs.map((pair) => String((pair as Struct).fields.get(field))) // only pair lists come here
}

function printPairs(pairs: readonly Value[]): string {
  const values = pairNames(pairs, 'Value')
  return pairNames(pairs, 'Name')
    .map((name, i) => `${name}=${values[i]}`)
    .join(', ')
}

const pairType: TypeInfo = { name: 'template.Pair' }

const listOf = (value: Value | undefined): readonly Value[] => (value as List).items // receivers of the list methods
const entriesOf = (value: Value | undefined): ReadonlyMap<string, Value> => (value as Dict).entries // receivers of the map methods

/** A list of names or values. */
const stringsType: TypeInfo = {
  name: 'template.Strings',
  methods: { Join: { parameters: [parameter.string], call: ([self, separator]) => listOf(self).join(String(separator)) } },
}
const strings = (items: readonly string[]): List => new List(stringsType, items)

const pairsType: TypeInfo = {
  name: 'template.Pairs',
  toText: (value) => printPairs(listOf(value)),
  methods: {
    Names: { parameters: [], call: ([self]) => strings(pairNames(listOf(self), 'Name')) },
    Values: { parameters: [], call: ([self]) => strings(pairNames(listOf(self), 'Value')) },
    String: { parameters: [], call: ([self]) => printPairs(listOf(self)) },
  },
}

const kvMethods: FunctionTable = {
  SortedPairs: { parameters: [], call: ([self]) => new List(pairsType, sortPairs(entriesOf(self))) },
  Names: { parameters: [], call: ([self]) => strings(pairNames(sortPairs(entriesOf(self)), 'Name')) },
  Values: { parameters: [], call: ([self]) => strings(pairNames(sortPairs(entriesOf(self)), 'Value')) },
  Remove: {
    parameters: [parameter.stringList],
    call: ([self, names]) => {
      const removed = new Set(listOf(names))
      return new Dict(kvType, '', new Map([...entriesOf(self)].filter(([name]) => !removed.has(name))))
    },
  },
  String: { parameters: [], call: ([self]) => printPairs(sortPairs(entriesOf(self))) },
}
const kvType: TypeInfo = { name: 'template.KV', toText: (value) => printPairs(sortPairs(entriesOf(value))), methods: kvMethods }

function kv(pairs: readonly Label[]): Dict {
  return new Dict(kvType, '', new Map(pairs.map((pair) => [pair.name, pair.value])))
}

const alertType: TypeInfo = {
  name: 'template.Alert',
  jsonNames: {
    Status: 'status',
    Labels: 'labels',
    Annotations: 'annotations',
    StartsAt: 'startsAt',
    EndsAt: 'endsAt',
    GeneratorURL: 'generatorURL',
    Fingerprint: 'fingerprint',
  },
}

const someAlertsType: TypeInfo = { name: '[]template.Alert' }
const withStatus = (status: string) => ([self]: readonly Value[]): List =>
  new List(someAlertsType, listOf(self).filter((alert) => (alert as Struct).fields.get('Status') === status)) // a list of alerts
const alertsType: TypeInfo = {
  name: 'template.Alerts',
  methods: { Firing: { parameters: [], call: withStatus('firing') }, Resolved: { parameters: [], call: withStatus('resolved') } },
}

const dataType: TypeInfo = {
  name: '*template.Data',
  jsonNames: {
    Receiver: 'receiver',
    Status: 'status',
    Alerts: 'alerts',
    NotificationReason: 'notification_reason',
    GroupLabels: 'groupLabels',
    CommonLabels: 'commonLabels',
    CommonAnnotations: 'commonAnnotations',
    RouteLabels: 'routeLabels',
    ExternalURL: 'externalURL',
  },
}

/** The dot of a notification template. */
export function notificationValue(data: NotificationData): Struct {
  const alerts = data.alerts.map(
    (alert) =>
      new Struct(alertType, {
        Status: alert.status,
        Labels: kv(alert.labels),
        Annotations: kv(alert.annotations),
        StartsAt: timeFromMs(alert.startsAtMs),
        EndsAt: alert.endsAtMs === undefined ? zeroTime : timeFromMs(alert.endsAtMs),
        GeneratorURL: alert.generatorUrl,
        Fingerprint: alert.fingerprint,
      }),
  )
  return new Struct(dataType, {
    Receiver: data.receiver,
    Status: data.status,
    Alerts: new List(alertsType, alerts),
    NotificationReason: data.notificationReason,
    GroupLabels: kv(data.groupLabels),
    CommonLabels: kv(data.commonLabels),
    CommonAnnotations: kv(data.commonAnnotations),
    RouteLabels: kv(data.routeLabels),
    ExternalURL: data.externalUrl,
  })
}
