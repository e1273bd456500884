// The description of the HTTP API in OpenAPI, at /api/v1/openapi.yaml: paths and methods are those that are routed, what each
// takes and gives is in the table here.

import { stringify } from 'yaml'
import { assert } from '../src/base/assert.ts'

export type Route = { readonly methods: readonly string[]; readonly path: string }

type Parameter = { readonly description: string; readonly schema: object; readonly isRequired?: true }

const text = { type: 'string' }
const texts = { type: 'array', items: text }
const flag = { type: 'boolean' }
const whole = { type: 'integer' }
/** Seconds since 1970, or RFC 3339. */
const time = { oneOf: [{ type: 'number' }, { type: 'string', format: 'date-time' }] }
/** Seconds, or a duration such as `5m`. */
const duration = { oneOf: [{ type: 'number' }, text] }

const optional = (schema: object, description: string): Parameter => ({ description, schema })
const required = (schema: object, description: string): Parameter => ({ description, schema, isRequired: true })

const query = required(text, 'A PromQL expression.')
const start = optional(time, 'Beginning of the time range.')
const end = optional(time, 'End of the time range, inclusive.')
const match = optional(texts, 'Series selectors; a series counts when one of them matches.')
const limit = optional(whole, 'The most entries in the answer; 0 is no limit.')
const scrapePool = optional(text, 'Name of a scrape pool.')

const evaluation = {
  query,
  timeout: optional(duration, 'Shortens the timeout of the server.'),
  limit: optional(whole, 'The most series in the answer; 0 is no limit.'),
  lookback_delta: optional(duration, 'How far back the newest sample of a series may lie.'),
  stats: optional({ type: 'string', enum: ['true', 'all'] }, 'Adds what the query took to the answer.'),
  explain: optional(flag, 'Adds the plan and what each part of it took to the answer.'),
}

const search = {
  'match[]': match,
  'search[]': optional(texts, 'Texts to look for; one is enough.'),
  fuzz_threshold: optional({ type: 'integer', minimum: 0, maximum: 100 }, 'How alike a text must be.'),
  fuzz_alg: optional({ type: 'string', enum: ['subsequence', 'jarowinkler'] }, 'How likeness is told.'),
  case_sensitive: optional(flag, 'Whether upper and lower case differ; they do by default.'),
  sort_by: optional({ type: 'string', enum: ['alpha', 'score'] }, 'Order of the answer.'),
  sort_dir: optional({ type: 'string', enum: ['asc', 'dsc'] }, 'Direction of the alphabetical order.'),
  include_score: optional(flag, 'Adds the likeness of each entry.'),
  start,
  end,
  limit: optional({ type: 'integer', minimum: 1 }, 'The most entries in the answer.'),
  batch_size: optional(whole, 'Entries per line of the answer.'),
}

/** What comes back where it is not the envelope in JSON. */
type Answers = 'json' | 'nothing' | 'lines' | 'events' | 'yaml' | 'protobuf' | 'gone'

type Endpoint = { readonly tag: string; readonly summary: string; readonly parameters?: Readonly<Record<string, Parameter>>; readonly answers?: Answers; readonly takes?: readonly string[] }

const endpoints: Readonly<Record<string, Endpoint>> = {
  '/query': { tag: 'query', summary: 'Evaluates an expression at one time.', parameters: { ...evaluation, time: optional(time, 'When; now by default.') } },
  '/query_range': {
    tag: 'query',
    summary: 'Evaluates an expression over a time range.',
    parameters: {
      ...evaluation,
      start: required(time, 'The first step.'),
      end: required(time, 'No step is later.'),
      step: required(duration, 'Time between two steps.'),
      nocache: optional(flag, 'Evaluates every step, whatever earlier answers there are.'),
    },
  },
  '/query_exemplars': { tag: 'query', summary: 'Exemplars of the series that an expression selects.', parameters: { query, start, end } },
  '/format_query': { tag: 'query', summary: 'Prints an expression in the usual form.', parameters: { query } },
  '/parse_query': { tag: 'query', summary: 'The syntax tree of an expression.', parameters: { query } },
  '/series': { tag: 'labels', summary: 'Label sets of series.', parameters: { 'match[]': { ...match, isRequired: true }, start, end, limit } },
  '/labels': { tag: 'labels', summary: 'Names of labels.', parameters: { 'match[]': match, start, end, limit } },
  '/label/{name}/values': { tag: 'labels', summary: 'Values of a label.', parameters: { 'match[]': match, start, end, limit } },
  '/search/metric_names': { tag: 'search', summary: 'Looks for names of metrics.', answers: 'lines', parameters: { ...search, include_metadata: optional(flag, 'Adds type and help.') } },
  '/search/label_names': { tag: 'search', summary: 'Looks for names of labels.', answers: 'lines', parameters: search },
  '/search/label_values': { tag: 'search', summary: 'Looks for values of a label.', answers: 'lines', parameters: { label: required(text, 'The label.'), ...search } },
  '/scrape_pools': { tag: 'targets', summary: 'Names of the scrape pools.' },
  '/scrape_pools/config': { tag: 'targets', summary: 'Configuration of a scrape pool.', parameters: { scrapePool: { ...scrapePool, isRequired: true } } },
  '/targets': { tag: 'targets', summary: 'Targets and how they are.', parameters: { state: optional({ type: 'string', enum: ['any', 'active', 'dropped'] }, 'Which targets.'), scrapePool } },
  '/targets/metadata': {
    tag: 'targets',
    summary: 'What targets say about their metrics.',
    parameters: { match_target: optional(text, 'Selector for labels of targets.'), metric: optional(text, 'Name of a metric.'), limit },
  },
  '/targets/relabel_steps': {
    tag: 'targets',
    summary: 'What each relabelling rule makes of labels.',
    parameters: { scrapePool: { ...scrapePool, isRequired: true }, labels: required(text, 'An object of labels in JSON.') },
  },
  '/metadata': { tag: 'targets', summary: 'Metadata of metrics over all targets.', parameters: { metric: optional(text, 'Name of a metric.'), limit, limit_per_metric: limit } },
  '/rules': {
    tag: 'rules',
    summary: 'Rule groups, their rules and alerts.',
    parameters: {
      type: optional({ type: 'string', enum: ['alert', 'record'] }, 'Which rules.'),
      'rule_name[]': optional(texts, 'Names of rules.'),
      'rule_group[]': optional(texts, 'Names of groups.'),
      'file[]': optional(texts, 'Paths of files.'),
      'match[]': optional(texts, 'Selectors for labels of rules.'),
      exclude_alerts: optional(flag, 'Leaves out active alerts.'),
      group_limit: optional({ type: 'integer', minimum: 1 }, 'Groups per page.'),
      group_next_token: optional(text, 'Where the page begins, from the answer before.'),
    },
  },
  '/alerts': { tag: 'rules', summary: 'Active alerts.' },
  '/alertmanagers': { tag: 'rules', summary: 'External Alertmanagers.' },
  '/status/config': { tag: 'status', summary: 'The configuration, secrets masked.' },
  '/status/flags': { tag: 'status', summary: 'Flags and their values.' },
  '/status/runtimeinfo': { tag: 'status', summary: 'The running process.' },
  '/status/buildinfo': { tag: 'status', summary: 'Version and build.' },
  '/status/tsdb': { tag: 'status', summary: 'What the storage holds, and what takes most.', parameters: { limit: optional({ type: 'integer', minimum: 1, maximum: 10_000 }, 'Entries per list.') } },
  '/status/tsdb/blocks': { tag: 'status', summary: 'Files of the storage, as blocks.' },
  '/status/walreplay': { tag: 'status', summary: 'How far the replay at start is.' },
  '/status/self_metrics': { tag: 'status', summary: "The server's own metrics.", parameters: { metric_name_pattern: optional(text, 'Regular expression for names, anchored.') } },
  '/features': { tag: 'status', summary: 'What this server can do.' },
  '/notifications': { tag: 'status', summary: 'What the server wants its users to know.' },
  '/notifications/live': { tag: 'status', summary: 'The same as a stream.', answers: 'events' },
  '/openapi.yaml': { tag: 'status', summary: 'This document.', answers: 'yaml', parameters: { openapi_version: optional({ type: 'string', enum: ['3.1', '3.2'] }, 'Version of OpenAPI.') } },
  '/admin/tsdb/delete_series': { tag: 'admin', summary: 'Deletes samples.', answers: 'nothing', parameters: { 'match[]': { ...match, isRequired: true }, start, end } },
  '/admin/tsdb/clean_tombstones': { tag: 'admin', summary: 'Frees the space of deleted samples.', answers: 'nothing' },
  '/admin/tsdb/import': { tag: 'admin', summary: 'Takes samples of the past.', parameters: { label: optional(texts, 'Labels as name=value, for every series.') }, takes: ['application/openmetrics-text'] },
  '/admin/tsdb/snapshot': { tag: 'admin', summary: 'Copies the data into a new directory.', parameters: { skip_head: optional(flag, 'Leaves out the newest samples.') } },
  '/write': { tag: 'remote', summary: 'Takes samples by remote write.', answers: 'nothing', takes: ['application/x-protobuf'] },
  '/read': { tag: 'remote', summary: 'Gives samples by remote read.', answers: 'protobuf', takes: ['application/x-protobuf'] },
  '/otlp/v1/metrics': { tag: 'remote', summary: 'Takes OpenTelemetry metrics.', answers: 'nothing', takes: ['application/x-protobuf', 'application/json'] },
  '/status': { tag: 'alertmanager', summary: 'Of an API that Alertmanager no longer has.', answers: 'gone' },
  '/receivers': { tag: 'alertmanager', summary: 'Of an API that Alertmanager no longer has.', answers: 'gone' },
  '/silences': { tag: 'alertmanager', summary: 'Of an API that Alertmanager no longer has.', answers: 'gone' },
  '/silence/{id}': { tag: 'alertmanager', summary: 'Of an API that Alertmanager no longer has.', answers: 'gone' },
}

const apiPrefix = '/api/v1'

export function openApiYaml(routes: readonly Route[], { version, openApiVersion, serverPath }: { readonly version: string; readonly openApiVersion: string; readonly serverPath: string }): string {
  const paths = Object.fromEntries(
    pathsOf(routes).map(({ path, methods }) => {
      const endpoint = endpoints[path]
      assert(endpoint !== undefined, `the API description does not know ${path}`)
      return [path, Object.fromEntries(methods.map((method) => [method.toLowerCase(), operation(endpoint, { path, method })]))]
    }),
  )
  const document = {
    openapi: openApiVersion === '3.2' ? '3.2.0' : '3.1.0',
    info: { title: 'solowatch', description: 'The HTTP API of Prometheus, answered by solowatch.', version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    servers: [{ url: `${serverPath}${apiPrefix}` }],
    tags: [...new Set(Object.values(endpoints).map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: { schemas, responses: { error: { description: 'What is wrong.', content: { 'application/json': { schema: reference('error') } } } } },
  }
  return stringify(document, { aliasDuplicateObjects: false, lineWidth: 0 })
}

/** Sorted; parts of a path in the form of OpenAPI. */
function pathsOf(routes: readonly Route[]): Route[] {
  return routes
    .filter(({ path }) => path.startsWith(`${apiPrefix}/`))
    .map(({ path, methods }) => ({ path: path.slice(apiPrefix.length).replace(/:(\w+)/g, '{$1}'), methods }))
    .sort((a, b) => (a.path < b.path ? -1 : 1))
}

function operation({ tag, summary, parameters = {}, answers = 'json', takes }: Endpoint, { path, method }: { readonly path: string; readonly method: string }): object {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({ name, in: 'path', required: true, schema: text }))
  // A form of a body may say the same as the query string.
  const byForm = method === 'POST' && takes === undefined && Object.keys(parameters).length > 0
  const inQuery = byForm ? [] : Object.entries(parameters).map(([name, { description, schema, isRequired }]) => ({ name, in: 'query', required: isRequired === true, description, schema }))
  const all = [...inPath, ...inQuery]
  const content = byForm ? { 'application/x-www-form-urlencoded': { schema: formSchema(parameters) } } : takes && Object.fromEntries(takes.map((type) => [type, {}]))
  return {
    operationId: `${method.toLowerCase()}${path.replace(/[^a-zA-Z0-9]+(\w)?/g, (_, next: string | undefined) => (next ?? '').toUpperCase())}`,
    tags: [tag],
    summary,
    ...(all.length > 0 && { parameters: all }),
    ...(content && { requestBody: { required: true, content } }),
    responses: { ...answersOf[answers], default: { $ref: '#/components/responses/error' } },
  }
}

function formSchema(parameters: Readonly<Record<string, Parameter>>): object {
  const isRequired = Object.entries(parameters).filter(([, one]) => one.isRequired === true).map(([name]) => name)
  const properties = Object.fromEntries(Object.entries(parameters).map(([name, { description, schema }]) => [name, { ...schema, description }]))
  return { type: 'object', properties, ...(isRequired.length > 0 && { required: isRequired }) }
}

const reference = (schema: string) => ({ $ref: `#/components/schemas/${schema}` })

const answersOf: Readonly<Record<Answers, object>> = {
  json: { 200: { description: 'The answer.', content: { 'application/json': { schema: reference('success') } } } },
  nothing: { 204: { description: 'Done.' } },
  lines: { 200: { description: 'Lines of JSON, the last with the status.', content: { 'application/x-ndjson': {} } } },
  events: { 200: { description: 'Server-sent events.', content: { 'text/event-stream': {} } } },
  yaml: { 200: { description: 'The document.', content: { 'application/yaml': {} } } },
  protobuf: { 200: { description: 'Samples.', content: { 'application/x-protobuf': {}, 'application/x-streamed-protobuf': {} } } },
  gone: { 410: { description: 'Use /api/v2.' } },
}

const notes = { warnings: texts, infos: texts }

const schemas = {
  success: { type: 'object', required: ['status'], properties: { status: { const: 'success' }, data: {}, ...notes } },
  error: {
    type: 'object',
    required: ['status', 'errorType', 'error'],
    properties: {
      status: { const: 'error' },
      errorType: { type: 'string', enum: ['bad_data', 'execution', 'canceled', 'timeout', 'internal', 'unavailable', 'not_found', 'not_acceptable'] },
      error: text,
      ...notes,
    },
  },
}
