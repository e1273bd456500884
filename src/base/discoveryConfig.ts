// How targets are found: the `static_configs` and `*_sd_configs` keys that scrape jobs and the alertmanagers section share.

import type { HttpClientConfig } from './httpClientConfig.ts'

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
  /** Valid in Prometheus, not built here yet; `key` is such as `consul_sd_configs`. It finds nothing and says why. */
  | { readonly kind: 'unsupported'; readonly key: string }

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
