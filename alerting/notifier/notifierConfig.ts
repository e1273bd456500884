// The `alerting` section of prometheus.yml: relabelling of alerts and the external Alertmanagers they go to.

import { discoverySchema, readDiscovery } from '../../src/base/config/discoveryConfig.ts'
import type { DiscoveryConfig } from '../../src/base/config/discoveryConfig.ts'
import { httpClientSchema, readHttpClient } from '../../src/base/config/httpClientConfig.ts'
import type { HttpClientConfig } from '../../src/base/config/httpClientConfig.ts'
import { relabelConfig } from '../../src/base/config/relabelConfig.ts'
import type { RelabelConfig } from '../../src/base/config/relabelConfig.ts'
import type { YamlNode } from '../../src/base/config/yaml.ts'
import { duration, fields, list, maskSecrets, text } from '../../src/base/config/yamlReaders.ts'
import type { Reader } from '../../src/base/config/yamlReaders.ts'
import type { NameScheme } from '../../src/base/names.ts'

export type AlertingConfig = {
  /** Applied once to every alert, after the external labels. */
  readonly alertRelabelConfigs: readonly RelabelConfig[]
  readonly alertmanagers: readonly ExternalAlertmanagerConfig[]
}

export type ExternalAlertmanagerConfig = {
  readonly scheme: string
  /** Push path = prefix + `/api/v2/alerts`. */
  readonly pathPrefix: string
  readonly timeoutMs: number
  /** On the discovered Alertmanagers; `__alerts_path__` holds the push path. */
  readonly relabelConfigs: readonly RelabelConfig[]
  /** On this Alertmanager's own copy of the alerts. */
  readonly alertRelabelConfigs: readonly RelabelConfig[]
  readonly http: HttpClientConfig
  readonly discovery: readonly DiscoveryConfig[]
}

export const emptyAlertingConfig: AlertingConfig = { alertRelabelConfigs: [], alertmanagers: [] }

/** Reads the `alerting` section. */
export function alertingConfig(scheme: NameScheme): Reader<AlertingConfig> {
  return (node) => {
    const read = fields(node, {
      alert_relabel_configs: list(relabelConfig(scheme)),
      alertmanagers: list((at: YamlNode) => readAlertmanager(at, scheme)),
    })
    return { alertRelabelConfigs: read.alert_relabel_configs ?? [], alertmanagers: read.alertmanagers ?? [] }
  }
}

function readAlertmanager(node: YamlNode, scheme: NameScheme): ExternalAlertmanagerConfig {
  const read = fields(node, {
    scheme: text,
    path_prefix: text,
    timeout: duration,
    api_version: apiVersion,
    relabel_configs: list(relabelConfig(scheme)),
    alert_relabel_configs: list(relabelConfig(scheme)),
    sigv4: unsupportedSigv4,
    ...discoverySchema,
    ...httpClientSchema,
  })
  const relabelConfigs = read.relabel_configs ?? []
  return {
    scheme: read.scheme ?? 'http',
    pathPrefix: read.path_prefix ?? '',
    timeoutMs: read.timeout || 10_000,
    relabelConfigs,
    alertRelabelConfigs: read.alert_relabel_configs ?? [],
    http: readHttpClient(node, read),
    discovery: readDiscovery(node, read, relabelConfigs.length > 0),
  }
}

const apiVersion: Reader<string> = (node) => {
  if (node.text !== 'v2') node.fail(`expected Alertmanager API version v2, found ${node.describe()}`)
  return 'v2'
}

const unsupportedSigv4: Reader<true> = (node) => {
  maskSecrets(node)
  node.warn('sigv4 is valid in Prometheus but not built here yet: alerts go out unsigned')
  return true
}
