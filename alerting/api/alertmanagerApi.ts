// Alertmanager's HTTP API, version 2: what amtool, Grafana, Prometheus and scripts speak. Plain functions from a request
// to an answer; the web area mounts `respond` under `/api/v2`, and knows nothing of what is inside.

import { errorText } from '../../src/base/assert.ts'
import type { BuildInfo } from '../../src/base/buildInfo.ts'
import { compareLabels, labelsFrom, labelsToObject } from '../../storage/model/labels.ts'
import type { MatcherText } from '../../storage/model/matcher.ts'
import { StorageUnavailableError } from '../../storage/storage.ts'
import type { Alert } from '../alerts/alert.ts'
import type { PostedAlert } from '../alerts/intake.ts'
import { createAlertMatcher, matchesAll, MatcherError, parseMatcher, type AlertMatcher, type MatcherMode } from '../alerts/matchers.ts'
import type { AlertmanagerConfig } from '../config/alertmanagerConfig.ts'
import type { Group } from '../dispatch/group.ts'
import type { RouteNode } from '../dispatch/route.ts'
import { SilenceError, silenceStateAt, type Silence, type SilenceState } from '../muting/silence.ts'
import type { SilenceStore } from '../muting/silenceStore.ts'
import { ApiValidationError, readAlertsBody, readSilenceBody } from './alertmanagerApiBodies.ts'
import { formatApiTime } from './alertmanagerApiTime.ts'

export type AlertmanagerRequest = {
  readonly method: string
  /** After `/api/v2`, percent-encoded as received. */
  readonly path: string
  /** Without the question mark. */
  readonly query: string
  /** `''` = none. */
  readonly contentType: string
  readonly body: Uint8Array | string
}

export type AlertmanagerAnswer = { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: string }

/** What the API reads and asks of the Alertmanager behind it. */
export type AlertmanagerView = {
  readonly version: BuildInfo
  readonly startedMs: number
  readonly config: AlertmanagerConfig | undefined
  readonly matcherMode: MatcherMode
  readonly silences: SilenceStore
  nowMs(): number
  alerts(): readonly Alert[]
  groups(): readonly Group[]
  groupsHolding(fingerprint: string): readonly Group[]
  routesOf(alert: Alert): readonly RouteNode[]
  inhibitedBy(alert: Alert): string | undefined
  /** Resolves with what was wrong with some of them when the others are durable. */
  post(alerts: readonly PostedAlert[]): Promise<readonly string[]>
}

type Call = { readonly view: AlertmanagerView; readonly query: URLSearchParams; readonly body: string; readonly parameter: string; readonly nowMs: number }
type Answer = AlertmanagerAnswer | Promise<AlertmanagerAnswer>
type Handlers = Readonly<Record<string, (call: Call) => Answer>>

const routes: readonly { readonly path: RegExp; readonly handlers: Handlers }[] = [
  { path: /^\/status$/, handlers: { GET: showStatus } },
  { path: /^\/receivers$/, handlers: { GET: listReceivers } },
  { path: /^\/alerts$/, handlers: { GET: listAlerts, POST: postAlerts } },
  { path: /^\/alerts\/groups$/, handlers: { GET: listGroups } },
  { path: /^\/silences$/, handlers: { GET: listSilences, POST: postSilence } },
  { path: /^\/silence\/([^/]+)$/, handlers: { DELETE: expireSilence, GET: showSilence } },
]

/** Answers any request under `/api/v2`, also those for paths and methods there are none of. */
export async function answerAlertmanagerRequest(request: AlertmanagerRequest, view: AlertmanagerView): Promise<AlertmanagerAnswer> {
  const path = request.path.replace(/\/+$/, '')
  const route = routes.find((one) => one.path.test(path))
  if (route === undefined) return invalid(404, 404, `path /api/v2${request.path} was not found`)
  const methods = Object.keys(route.handlers)
  if (request.method === 'OPTIONS') return preflight(methods)
  const handler = route.handlers[request.method]
  if (handler === undefined) {
    return { ...invalid(405, 405, `method ${request.method} is not allowed, but [${methods.join(',')}] are`), headers: { ...jsonHeaders, allow: methods.join(',') } }
  }
  const mediaType = (request.contentType.split(';')[0] ?? '').trim().toLowerCase()
  if (request.method === 'POST' && mediaType !== 'application/json') {
    return invalid(415, 415, `unsupported media type ${JSON.stringify(mediaType)}, only [application/json] are allowed`)
  }
  const parameter = decodePart(route.path.exec(path)?.[1] ?? '')
  const body = typeof request.body === 'string' ? request.body : new TextDecoder().decode(request.body)
  try {
    return await handler({ view, query: new URLSearchParams(request.query), body, parameter, nowMs: view.nowMs() })
  } catch (error) {
    return answerOfError(error)
  }
}

/** What Alertmanager answers since its version 1 API is gone. */
export function alertmanagerV1Answer(): AlertmanagerAnswer {
  const error = 'The Alertmanager v1 API was deprecated in version 0.16.0 and is removed as of version 0.27.0 - please use the equivalent route in the v2 API'
  return { status: 410, headers: jsonHeaders, body: JSON.stringify({ status: 'deprecated', error }) }
}

const jsonHeaders = { 'content-type': 'application/json', 'cache-control': 'no-store', 'access-control-allow-origin': '*', vary: 'Origin' }

function ok(value: unknown): AlertmanagerAnswer {
  return { status: 200, headers: jsonHeaders, body: JSON.stringify(value) }
}

function empty(status: number): AlertmanagerAnswer {
  const { 'content-type': _type, ...headers } = jsonHeaders
  return { status, headers, body: '' }
}

/** What a handler refuses: the reason as a JSON string. */
function refuse(status: number, reason: string): AlertmanagerAnswer {
  return { status, headers: jsonHeaders, body: JSON.stringify(reason) }
}

/** What routing or validation refuses. */
function invalid(status: number, code: number, message: string): AlertmanagerAnswer {
  return { status, headers: jsonHeaders, body: JSON.stringify({ code, message }) }
}

/** Browsers on other sites may read and post, but not delete. */
function preflight(methods: readonly string[]): AlertmanagerAnswer {
  const allowed = methods.filter((method) => method === 'GET' || method === 'POST')
  return { ...empty(200), headers: { ...empty(200).headers, 'access-control-allow-methods': allowed.join(', '), 'access-control-allow-headers': 'Accept, Authorization, Content-Type, Origin' } }
}

function answerOfError(error: unknown): AlertmanagerAnswer {
  if (error instanceof ApiValidationError) return invalid(error.status, error.code, error.message)
  if (error instanceof MatcherError) return refuse(400, error.message)
  if (error instanceof SilenceError) return refuse(error.code === 'notFound' ? 404 : 400, error.message)
  if (error instanceof StorageUnavailableError) return refuse(503, error.message)
  throw error
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

// Status and receivers.

function showStatus({ view }: Call): AlertmanagerAnswer {
  return ok({
    cluster: { peers: [], status: 'disabled' },
    config: { original: view.config?.canonicalYaml ?? '' },
    uptime: formatApiTime(view.startedMs),
    versionInfo: view.version,
  })
}

function listReceivers({ view, query }: Call): AlertmanagerAnswer {
  const matchers = matchersOf(query.getAll('receiver_matchers'), view)
  const receivers = (view.config?.receivers ?? []).filter((receiver) => matchesAll(matchers, labelsFrom(receiver.labels)))
  return ok(receivers.map(({ name, labels }) => ({ labels, name })))
}

// Alerts and groups.

async function postAlerts({ view, body }: Call): Promise<AlertmanagerAnswer> {
  const problems = await view.post(readAlertsBody(body))
  return problems.length === 0 ? empty(200) : refuse(400, problems.join('; '))
}

type Status = { readonly inhibitedBy: readonly string[]; readonly silencedBy: readonly string[] }

function statusOf(alert: Alert, { view, nowMs }: Call): Status {
  const by = view.inhibitedBy(alert)
  return { inhibitedBy: by === undefined ? [] : [by], silencedBy: view.silences.silencedBy(alert.labels, nowMs) }
}

/** Whether the alert is asked for, and its status. The flags say what to include; none says "only these". */
function createAlertFilter(call: Call): (alert: Alert) => Status | undefined {
  const { query, view, nowMs } = call
  const matchers = matchersOf(query.getAll('filter'), view)
  const [withActive, withSilenced, withInhibited] = ['active', 'silenced', 'inhibited'].map((name) => flag(query, name))
  return (alert) => {
    if (alert.endsAtMs < nowMs || !matchesAll(matchers, alert.labels)) return undefined
    const status = statusOf(alert, call)
    const isActive = status.inhibitedBy.length === 0 && status.silencedBy.length === 0
    if ((isActive && !withActive) || (status.silencedBy.length > 0 && !withSilenced) || (status.inhibitedBy.length > 0 && !withInhibited)) return undefined
    return status
  }
}

/** Whether a receiver is asked for by name or labels. */
function createReceiverFilter({ query, view }: Call): (name: string) => boolean {
  const pattern = query.get('receiver') ?? ''
  let matchesName = (_name: string) => true
  if (pattern !== '') {
    try {
      const matcher = createAlertMatcher({ name: '', op: '=~', value: pattern })
      matchesName = (name) => matcher.matches(name)
    } catch (error) {
      throw new MatcherError(`failed to parse receiver param: ${errorText(error)}`)
    }
  }
  const matchers = matchersOf(query.getAll('receiver_matchers'), view)
  const labels = new Map((view.config?.receivers ?? []).map((receiver) => [receiver.name, labelsFrom(receiver.labels)]))
  return (name) => matchesName(name) && matchesAll(matchers, labels.get(name) ?? [])
}

function listAlerts(call: Call): AlertmanagerAnswer {
  const { view } = call
  const statusIfAsked = createAlertFilter(call)
  const isReceiverAsked = createReceiverFilter(call)
  const found = view.alerts().flatMap((alert) => {
    const receivers = view.routesOf(alert).map((node) => node.config.receiver)
    if (!receivers.some(isReceiverAsked)) return []
    const status = statusIfAsked(alert)
    return status === undefined ? [] : [alertJson(alert, { status, receivers, mutedBy: [] })]
  })
  return ok(found.sort((a, b) => (a.fingerprint < b.fingerprint ? -1 : 1)))
}

function listGroups(call: Call): AlertmanagerAnswer {
  const { view, query } = call
  const statusIfAsked = createAlertFilter(call)
  const isReceiverAsked = createReceiverFilter(call)
  const withMuted = flag(query, 'muted')
  const groups = view
    .groups()
    .filter((group) => isReceiverAsked(group.node.config.receiver) && (withMuted || group.mutedBy.length === 0))
    .sort((a, b) => compareLabels(a.labels, b.labels) || (a.node.config.receiver < b.node.config.receiver ? -1 : 1))
  const listed = groups.flatMap((group) => {
    const alerts = group.alerts().flatMap((alert) => {
      const status = statusIfAsked(alert)
      if (status === undefined) return []
      const receivers = [...new Set(view.groupsHolding(alert.fingerprint).map((holder) => holder.node.config.receiver))].sort()
      return [alertJson(alert, { status, receivers, mutedBy: group.mutedBy })]
    })
    if (alerts.length === 0) return []
    return [{ alerts, labels: labelsToObject(group.labels), receiver: { name: group.node.config.receiver }, routeLabels: group.node.config.labels }]
  })
  return ok(listed)
}

function alertJson(alert: Alert, context: { readonly status: Status; readonly receivers: readonly string[]; readonly mutedBy: readonly string[] }) {
  const { status, receivers, mutedBy } = context
  const isSuppressed = status.inhibitedBy.length > 0 || status.silencedBy.length > 0 || mutedBy.length > 0
  return {
    annotations: labelsToObject(alert.annotations),
    endsAt: formatApiTime(alert.endsAtMs, alert.endsAtText),
    fingerprint: alert.fingerprint,
    receivers: receivers.map((name) => ({ name })),
    startsAt: formatApiTime(alert.startsAtMs, alert.startsAtText),
    status: { inhibitedBy: status.inhibitedBy, mutedBy, silencedBy: status.silencedBy, state: isSuppressed ? 'suppressed' : 'active' },
    updatedAt: formatApiTime(alert.updatedAtMs),
    ...(alert.generatorUrl !== '' && { generatorURL: alert.generatorUrl }),
    labels: labelsToObject(alert.labels),
  }
}

// Silences.

const stateOrder: readonly SilenceState[] = ['active', 'pending', 'expired']

function listSilences(call: Call): AlertmanagerAnswer {
  const { view, query, nowMs } = call
  const filters = query.getAll('filter').flatMap((text) => parseMatcher(text, view.matcherMode).matchers)
  const asked = new Set(stateOrder.filter((state) => flag(query, state)))
  const found = view.silences
    .all()
    .map((silence) => ({ silence, state: silenceStateAt(silence, nowMs) }))
    .filter(({ silence, state }) => asked.has(state) && filters.every((filter) => hasMatcher(silence, filter)))
  const rank = ({ silence, state }: (typeof found)[number]) => (state === 'active' ? silence.endsAtMs : state === 'pending' ? silence.startsAtMs : -silence.endsAtMs)
  found.sort((a, b) => stateOrder.indexOf(a.state) - stateOrder.indexOf(b.state) || rank(a) - rank(b))
  return ok(found.map(({ silence }) => silenceJson(silence, nowMs)))
}

/** By its text, not by what it would match. */
function hasMatcher(silence: Silence, filter: MatcherText): boolean {
  return silence.compiled.some(({ name, op, value }) => name === filter.name && op === filter.op && value === filter.value)
}

async function postSilence({ view, body, nowMs }: Call): Promise<AlertmanagerAnswer> {
  const { input, id } = readSilenceBody(body)
  if (input.startsAtMs >= input.endsAtMs) return refuse(400, 'Failed to create silence: start time must be before end time')
  if (input.endsAtMs < nowMs) return refuse(400, "Failed to create silence: end time can't be in the past")
  return ok({ silenceID: await view.silences.set(input, id, nowMs) })
}

const uuidPattern = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i

function notUuid(id: string): AlertmanagerAnswer | undefined {
  return uuidPattern.test(id) ? undefined : invalid(422, 601, `silenceID in path must be of type uuid: ${JSON.stringify(id)}`)
}

function showSilence({ view, parameter: id, nowMs }: Call): AlertmanagerAnswer {
  const silence = view.silences.get(id)
  return notUuid(id) ?? (silence === undefined ? empty(404) : ok(silenceJson(silence, nowMs)))
}

async function expireSilence({ view, parameter: id, nowMs }: Call): Promise<AlertmanagerAnswer> {
  return notUuid(id) ?? empty((await view.silences.expire(id, nowMs)) ? 200 : 404)
}

function silenceJson(silence: Silence, nowMs: number): Record<string, unknown> {
  return {
    id: silence.id,
    status: { state: silenceStateAt(silence, nowMs) },
    updatedAt: formatApiTime(silence.updatedAtMs),
    annotations: silence.annotations,
    comment: silence.comment,
    createdBy: silence.createdBy,
    endsAt: formatApiTime(silence.endsAtMs),
    matchers: silence.matchers.map(({ isEqual, isRegex, name, value }) => ({ isEqual, isRegex, name, value })),
    startsAt: formatApiTime(silence.startsAtMs),
  }
}

// Parameters.

const trueWords: ReadonlySet<string> = new Set(['true', '1', 'yes', 'ok', 'y', 'on', 'selected', 'checked', 't', 'enabled'])

/** True when absent; anything that is no word for true is false. */
function flag(query: URLSearchParams, name: string): boolean {
  const value = query.get(name)
  return value === null || trueWords.has(value.toLowerCase())
}

function matchersOf(texts: readonly string[], view: AlertmanagerView): AlertMatcher[] {
  return texts.flatMap((text) => parseMatcher(text, view.matcherMode).matchers.map(createAlertMatcher))
}
