// A scrape configuration with defaults that tests change in part.

import type { ScrapeConfig } from '../../../ingest/scrape/job/scrapeConfig.ts'
import { defaultHttpClientConfig } from '../../../src/base/config/httpClientConfig.ts'

export function scrapeConfig(over: Partial<ScrapeConfig> = {}): ScrapeConfig {
  return {
    jobName: 'j', scrapeIntervalMs: 500, scrapeTimeoutMs: 500, scrapeProtocols: ['OpenMetricsText1.0.0', 'PrometheusText0.0.4'],
    fallbackScrapeProtocol: undefined, scrapeNativeHistograms: false, alwaysScrapeClassicHistograms: false, convertClassicHistogramsToNhcb: false,
    extraScrapeMetrics: false, scrapeFailureLogFile: '', metricsPath: '/metrics', scheme: 'http', params: {}, honorLabels: false, honorTimestamps: true,
    trackTimestampsStaleness: false, enableCompression: true, bodySizeLimitBytes: 0, sampleLimit: 0, targetLimit: 0, labelLimit: 0, labelNameLengthLimit: 0,
    labelValueLengthLimit: 0, nativeHistogramBucketLimit: 0, nativeHistogramMinBucketFactor: 0, keepDroppedTargets: 0, nameValidationScheme: 'utf8',
    nameEscapingScheme: 'allow-utf-8', relabelConfigs: [], metricRelabelConfigs: [], http: defaultHttpClientConfig, discovery: [], ...over,
  }
}
