// How targets are found: the `static_configs` and `*_sd_configs` keys that scrape jobs and the alertmanagers section share.

import { isLabelName } from '../names.ts'
import { httpClientSchema, readHttpClient } from './httpClientConfig.ts'
import type { HttpClientConfig } from './httpClientConfig.ts'
import type { YamlNode } from './yaml.ts'
import { bool, duration, fields, filePath, httpUrl, joinToFile, list, maskSecrets, oneOf, record, text, tree, unsigned } from './yamlReaders.ts'
import type { FieldsOf, Reader } from './yamlReaders.ts'

export type TargetGroupConfig = {
  readonly targets: readonly string[]
  readonly labels: Readonly<Record<string, string>>
}

export type KubernetesRole = 'pod' | 'service' | 'endpoints' | 'endpointslice' | 'node' | 'ingress'

export type DiscoveryConfig =
  /** All `static_configs` of the section; the source of a group is its index. */
  | { readonly kind: 'static'; readonly groups: readonly TargetGroupConfig[] }
  /** `files` are globs in the last path segment, already joined to the configuration's directory. */
  | { readonly kind: 'file'; readonly files: readonly string[]; readonly refreshIntervalMs: number }
  | { readonly kind: 'http'; readonly url: string; readonly refreshIntervalMs: number; readonly http: HttpClientConfig }
  | {
      readonly kind: 'dns'
      readonly names: readonly string[]
      readonly type: 'SRV' | 'A' | 'AAAA' | 'MX' | 'NS'
      readonly port: number
      readonly refreshIntervalMs: number
    }
  | KubernetesDiscoveryConfig
  /** Valid in Prometheus, not built here yet; `key` is such as `consul_sd_configs`. It finds nothing and says why. `shown` is it as written, secrets masked. */
  | { readonly kind: 'unsupported'; readonly key: string; readonly shown: unknown }

export type KubernetesDiscoveryConfig = {
  readonly kind: 'kubernetes'
  readonly role: KubernetesRole
  /** Empty when in-cluster. */
  readonly apiServer: string
  readonly kubeconfigFile: string
  readonly ownNamespace: boolean
  readonly namespaces: readonly string[]
  readonly selectors: readonly { readonly role: KubernetesRole; readonly label: string; readonly field: string }[]
  readonly attachMetadata: {
    readonly node: boolean
    readonly namespace: boolean
    readonly deployment: boolean
    readonly job: boolean
    readonly cronjob: boolean
  }
  readonly http: HttpClientConfig
}

const roles: readonly KubernetesRole[] = ['pod', 'service', 'endpoints', 'endpointslice', 'node', 'ingress']

/** Which roles a `selectors` item may have, by the role of the discovery. */
const selectorRoles: Readonly<Record<KubernetesRole, readonly KubernetesRole[]>> = {
  pod: ['pod', 'node'],
  service: ['service'],
  endpoints: ['pod', 'service', 'endpoints'],
  endpointslice: ['pod', 'service', 'endpointslice'],
  node: ['node'],
  ingress: ['ingress'],
}

/** Keys of Prometheus whose discovery is not built here yet. */
const unsupportedKeys = [
  'aws_sd_configs',
  'azure_sd_configs',
  'consul_sd_configs',
  'digitalocean_sd_configs',
  'docker_sd_configs',
  'dockerswarm_sd_configs',
  'ec2_sd_configs',
  'eureka_sd_configs',
  'gce_sd_configs',
  'hetzner_sd_configs',
  'ionos_sd_configs',
  'kuma_sd_configs',
  'lightsail_sd_configs',
  'linode_sd_configs',
  'marathon_sd_configs',
  'nerve_sd_configs',
  'nomad_sd_configs',
  'oci_sd_configs',
  'openstack_sd_configs',
  'outscale_sd_configs',
  'ovhcloud_sd_configs',
  'puppetdb_sd_configs',
  'scaleway_sd_configs',
  'serverset_sd_configs',
  'stackit_sd_configs',
  'triton_sd_configs',
  'uyuni_sd_configs',
  'vultr_sd_configs',
] as const

const staticGroup: Reader<TargetGroupConfig> = (node) => {
  const read = fields(node, { targets: list(text), labels: record(text) })
  for (const name of Object.keys(read.labels ?? {})) {
    if (!isLabelName(name)) node.at('labels').fail(`"${name}" is not a valid label name`)
  }
  return { targets: read.targets ?? [], labels: read.labels ?? {} }
}

const fileDiscovery: Reader<DiscoveryConfig> = (node) => {
  const read = fields(node, { files: list(watchedFile), refresh_interval: duration })
  if ((read.files ?? []).length === 0) node.fail('file service discovery config must contain at least one path name')
  return { kind: 'file', files: read.files ?? [], refreshIntervalMs: read.refresh_interval ?? 300_000 }
}

const watchedFile: Reader<string> = (node) => {
  const pattern = text(node)
  if (!/^[^*]*(\*[^/]*)?\.(json|yml|yaml|JSON|YML|YAML)$/.test(pattern)) {
    node.fail(`path name "${pattern}" is not valid for file discovery; expected *.json, *.yml or *.yaml with at most one * in the last part`)
  }
  return joinToFile(node, pattern)
}

const httpDiscovery: Reader<DiscoveryConfig> = (node) => {
  const read = fields(node, { url: httpUrl, refresh_interval: duration, ...httpClientSchema })
  if (read.url === undefined) return node.fail('URL is missing')
  return { kind: 'http', url: read.url, refreshIntervalMs: read.refresh_interval || 60_000, http: readHttpClient(node, read) }
}

const dnsTypes = ['SRV', 'A', 'AAAA', 'MX', 'NS'] as const

const dnsDiscovery: Reader<DiscoveryConfig> = (node) => {
  const read = fields(node, { names: list(text), type: dnsType, port: unsigned, refresh_interval: duration })
  const type = read.type ?? 'SRV'
  if ((read.names ?? []).length === 0) node.fail('DNS-SD config must contain at least one SRV record name')
  if (type !== 'SRV' && (read.port ?? 0) === 0) node.fail('a port is required in DNS-SD configs for all record types except SRV')
  return { kind: 'dns', names: read.names ?? [], type, port: read.port ?? 0, refreshIntervalMs: read.refresh_interval || 30_000 }
}

const dnsType: Reader<(typeof dnsTypes)[number]> = (node) => {
  const found = dnsTypes.find((type) => type === node.text?.toUpperCase())
  if (found === undefined) return node.fail(`invalid DNS-SD records type ${node.describe()}; known: ${dnsTypes.join(', ')}`)
  return found
}

const kubernetesDiscovery: Reader<DiscoveryConfig> = (node) => {
  const read = fields(node, {
    role: oneOf(...roles),
    api_server: text,
    kubeconfig_file: filePath,
    namespaces: (at: YamlNode) => fields(at, { own_namespace: bool, names: list(text) }),
    selectors: list((at: YamlNode) => fields(at, { role: oneOf(...roles), label: text, field: text })),
    attach_metadata: (at: YamlNode) => fields(at, { node: bool, namespace: bool, deployment: bool, job: bool, cronjob: bool }),
    ...httpClientSchema,
  })
  const { role } = read
  if (role === undefined) return node.fail(`role missing (one of: ${roles.join(', ')})`)
  const apiServer = read.api_server ?? ''
  const kubeconfigFile = read.kubeconfig_file ?? ''
  const hasHttpClient = Object.keys(httpClientSchema).some((key) => node.get(key)?.isNull === false)
  if (kubeconfigFile !== '' && apiServer !== '') node.fail("cannot use 'kubeconfig_file' and 'api_server' simultaneously")
  if (kubeconfigFile !== '' && hasHttpClient) node.fail('cannot use a custom HTTP client configuration together with "kubeconfig_file"')
  if (apiServer === '' && kubeconfigFile === '' && hasHttpClient) {
    node.fail('to use custom HTTP client configuration please provide the "api_server" URL explicitly')
  }
  const ownNamespace = read.namespaces?.own_namespace ?? false
  if (ownNamespace && apiServer !== '') node.fail("cannot use 'api_server' and 'namespaces.own_namespace' simultaneously")
  if (ownNamespace && kubeconfigFile !== '') node.fail("cannot use 'kubeconfig_file' and 'namespaces.own_namespace' simultaneously")
  const selectors = (read.selectors ?? []).map((selector, index) => {
    const at = node.at('selectors').items()[index] ?? node
    if (selector.role === undefined) return at.fail('role missing')
    if (!selectorRoles[role].includes(selector.role)) at.fail(`${role} role supports only ${selectorRoles[role].join(', ')} selectors`)
    return { role: selector.role, label: selector.label ?? '', field: selector.field ?? '' }
  })
  if (new Set(selectors.map((selector) => selector.role)).size < selectors.length) node.at('selectors').fail('duplicated selector role')
  const attach = read.attach_metadata ?? {}
  return {
    kind: 'kubernetes',
    role,
    apiServer,
    kubeconfigFile,
    ownNamespace,
    namespaces: read.namespaces?.names ?? [],
    selectors,
    attachMetadata: {
      node: attach.node ?? false,
      namespace: attach.namespace ?? false,
      deployment: attach.deployment ?? false,
      job: attach.job ?? false,
      cronjob: attach.cronjob ?? false,
    },
    http: readHttpClient(node, read),
  }
}

/** Accepts any list of mappings, hides what looks like a secret, and says once that it is not built. */
function unsupported(key: string): Reader<DiscoveryConfig[]> {
  return (node) => {
    for (const item of node.items()) {
      if (!item.isMapping) item.fail(`expected a mapping, found ${item.describe()}`)
      maskSecrets(item)
    }
    node.warn(`${key} is valid in Prometheus but not built here yet: it finds no targets`)
    return [{ kind: 'unsupported', key, shown: tree(node) }]
  }
}

type UnsupportedSchema = Record<(typeof unsupportedKeys)[number], Reader<DiscoveryConfig[]>>

/** The keys for a section that has them inline; `readDiscovery` makes the configs of what was read. */
export const discoverySchema = {
  static_configs: list(staticGroup),
  file_sd_configs: list(fileDiscovery),
  http_sd_configs: list(httpDiscovery),
  dns_sd_configs: list(dnsDiscovery),
  kubernetes_sd_configs: list(kubernetesDiscovery),
  // The keys are those of the list above, all of them.
  ...(Object.fromEntries(unsupportedKeys.map((key) => [key, unsupported(key)])) as UnsupportedSchema),
}

/** All discoveries of a section. Without relabelling, a static target that cannot be an address is an error. */
export function readDiscovery(node: YamlNode, read: FieldsOf<typeof discoverySchema>, hasRelabelling: boolean): DiscoveryConfig[] {
  if (!hasRelabelling) checkStaticTargets(node)
  return [
    ...(read.static_configs !== undefined && read.static_configs.length > 0 ? [{ kind: 'static' as const, groups: read.static_configs }] : []),
    ...(read.file_sd_configs ?? []),
    ...(read.http_sd_configs ?? []),
    ...(read.dns_sd_configs ?? []),
    ...(read.kubernetes_sd_configs ?? []),
    ...unsupportedKeys.flatMap((key) => read[key] ?? []),
  ]
}

function checkStaticTargets(node: YamlNode): void {
  const groups = node.get('static_configs')
  if (groups === undefined || groups.isNull) return
  for (const group of groups.items()) {
    const targets = group.get('targets')
    for (const target of targets === undefined || targets.isNull ? [] : targets.items()) {
      if (target.text?.includes('/') === true) {
        target.fail(`"${target.text}" is not a valid hostname; write host:port, and the rest into scheme and metrics_path`)
      }
    }
  }
}
