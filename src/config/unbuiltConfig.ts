// Sections of prometheus.yml that Prometheus knows and solowatch does not act on yet: remote write and read, tracing.
// They are checked like the others, so that a typo is found today, and each is named in one warning.

import { httpClientSchema, isReservedHeader, readHttpClient, tlsConfig } from '../base/config/httpClientConfig.ts'
import { relabelConfig } from '../base/config/relabelConfig.ts'
import type { NameScheme } from '../base/names.ts'
import type { YamlNode } from '../base/config/yaml.ts'
import { bool, duration, fields, float, integer, list, maskSecrets, oneOf, record, text, tree, unsigned } from '../base/config/yamlReaders.ts'
import type { Reader } from '../base/config/yamlReaders.ts'

/** The readers of the unbuilt sections. What they give is what `/api/v1/status/config` shows: the section with secrets masked. */
export function unbuiltSchema(scheme: NameScheme) {
  return {
    remote_write: endpoints('remote_write', 'nothing is sent', (node) => checkRemoteWrite(node, scheme)),
    remote_read: endpoints('remote_read', 'nothing is read', checkRemoteRead),
    tracing: section('tracing', 'no traces are sent', checkTracing),
  }
}

function section(key: string, effect: string, check: (node: YamlNode) => void): Reader<unknown> {
  return (node) => {
    check(node)
    maskSecrets(node)
    node.warn(`${key} is valid in Prometheus but not built here yet: ${effect}`)
    return tree(node)
  }
}

function endpoints(key: string, effect: string, check: (node: YamlNode) => { readonly name: string }): Reader<unknown> {
  return section(key, effect, (node) => {
    const names = list(check)(node).map(({ name }) => name)
    const repeated = names.find((name, index) => name !== '' && names.indexOf(name) < index)
    if (repeated !== undefined) node.fail(`found multiple ${key.replace('_', ' ')} configs with job name "${repeated}"`)
  })
}

/** Sections for sending to clouds: their keys are not looked into. */
const cloudAuth: Reader<true> = (node) => {
  tree(node)
  return true
}

const authKeys = ['basic_auth', 'authorization', 'oauth2', 'sigv4', 'azuread', 'google_iam'] as const

function checkRemoteWrite(node: YamlNode, scheme: NameScheme): { name: string } {
  const read = fields(node, {
    url: text,
    name: text,
    remote_timeout: duration,
    headers,
    write_relabel_configs: list(relabelConfig(scheme)),
    send_exemplars: bool,
    send_native_histograms: bool,
    round_robin_dns: bool,
    protobuf_message: oneOf('prometheus.WriteRequest', 'io.prometheus.write.v2.Request'),
    failed_request_logging: bool,
    sigv4: cloudAuth,
    azuread: cloudAuth,
    google_iam: cloudAuth,
    queue_config: queueConfig,
    metadata_config: (at: YamlNode) => fields(at, { send: bool, send_interval: duration, max_samples_per_send: integer }),
    ...httpClientSchema,
  })
  if ((read.url ?? '') === '') node.fail('url for remote_write is empty')
  if (authKeys.filter((key) => node.get(key)?.isNull === false).length > 1) node.fail(`at most one of ${authKeys.join(', ')} must be configured`)
  readHttpClient(node, read)
  return { name: read.name ?? '' }
}

const queueConfig: Reader<true> = (node) => {
  const read = fields(node, {
    capacity: integer,
    max_shards: integer,
    min_shards: integer,
    max_samples_per_send: integer,
    batch_send_deadline: duration,
    min_backoff: duration,
    max_backoff: duration,
    retry_on_http_429: bool,
    sample_age_limit: duration,
  })
  for (const key of ['capacity', 'max_shards', 'min_shards', 'max_samples_per_send'] as const) {
    if ((read[key] ?? 1) <= 0) node.at(key).fail(`${key} must be greater than 0`)
  }
  if ((read.min_shards ?? 1) > (read.max_shards ?? 50)) node.at('min_shards').fail('min_shards must not be greater than max_shards')
  if ((read.max_backoff ?? 5000) < (read.min_backoff ?? 30)) node.at('max_backoff').fail('max_backoff must not be less than min_backoff')
  return true
}

function checkRemoteRead(node: YamlNode): { name: string } {
  const read = fields(node, {
    url: text,
    name: text,
    remote_timeout: duration,
    chunked_read_limit: unsigned,
    headers,
    read_recent: bool,
    required_matchers: record(text),
    filter_external_labels: bool,
    ...httpClientSchema,
  })
  if ((read.url ?? '') === '') node.fail('url for remote_read is empty')
  readHttpClient(node, read)
  return { name: read.name ?? '' }
}

const headers: Reader<Record<string, string>> = (node) => {
  for (const { key, value } of node.entries()) {
    if (isReservedHeader(key) && key.toLowerCase() !== 'x-prometheus-scrape-timeout-seconds') {
      value.fail(`${key} is a reserved header. It must not be changed`)
    }
  }
  return record(text)(node)
}

function checkTracing(node: YamlNode): void {
  const read = fields(node, {
    client_type: oneOf('grpc', 'http'),
    endpoint: text,
    sampling_fraction: float,
    insecure: bool,
    headers,
    compression: oneOf('', 'gzip'),
    timeout: duration,
    tls_config: tlsConfig,
  })
  if ((read.endpoint ?? '') === '') node.fail('tracing endpoint must be set')
}
