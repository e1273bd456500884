// The `alerting` section of prometheus.yml: relabelling of alerts and the external Alertmanagers they go to.

import type { DiscoveryConfig } from '../src/base/discoveryConfig.ts'
import type { HttpClientConfig } from '../src/base/httpClientConfig.ts'
import type { RelabelConfig } from '../src/base/relabelConfig.ts'

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
