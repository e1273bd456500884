// One scrape job as configured: the `scrape_configs` section of prometheus.yml, with the defaults of `global` filled in.

import type { DiscoveryConfig } from '../src/base/discoveryConfig.ts'
import type { HttpClientConfig } from '../src/base/httpClientConfig.ts'
import type { RelabelConfig } from '../src/base/relabelConfig.ts'

export type ScrapeProtocol =
  | 'PrometheusProto'
  | 'OpenMetricsText0.0.1'
  | 'OpenMetricsText1.0.0'
  | 'PrometheusText0.0.4'
  | 'PrometheusText1.0.0'

export type NameValidation = 'utf8' | 'legacy'
export type NameEscaping = 'allow-utf-8' | 'underscores' | 'dots' | 'values'

/** Validated; everything inherited from `global` is filled in. A limit of 0 means none. */
export type ScrapeConfig = {
  readonly jobName: string
  readonly scrapeIntervalMs: number
  readonly scrapeTimeoutMs: number
  /** In order of preference. */
  readonly scrapeProtocols: readonly ScrapeProtocol[]
  /** Used when Content-Type is missing, unparsable or unknown; without it such a scrape fails. */
  readonly fallbackScrapeProtocol: ScrapeProtocol | undefined
  readonly scrapeNativeHistograms: boolean
  readonly alwaysScrapeClassicHistograms: boolean
  readonly convertClassicHistogramsToNhcb: boolean
  readonly extraScrapeMetrics: boolean
  readonly scrapeFailureLogFile: string
  readonly metricsPath: string
  readonly scheme: string
  readonly params: Readonly<Record<string, readonly string[]>>
  readonly honorLabels: boolean
  readonly honorTimestamps: boolean
  readonly trackTimestampsStaleness: boolean
  readonly enableCompression: boolean
  readonly bodySizeLimitBytes: number
  readonly sampleLimit: number
  readonly targetLimit: number
  readonly labelLimit: number
  readonly labelNameLengthLimit: number
  readonly labelValueLengthLimit: number
  readonly nativeHistogramBucketLimit: number
  readonly nativeHistogramMinBucketFactor: number
  readonly keepDroppedTargets: number
  readonly nameValidationScheme: NameValidation
  readonly nameEscapingScheme: NameEscaping
  readonly relabelConfigs: readonly RelabelConfig[]
  readonly metricRelabelConfigs: readonly RelabelConfig[]
  readonly http: HttpClientConfig
  readonly discovery: readonly DiscoveryConfig[]
}
