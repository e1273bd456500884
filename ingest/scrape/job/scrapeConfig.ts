// One scrape job as configured: the `scrape_configs` section of prometheus.yml, with the defaults of `global` filled in.

import { discoverySchema, readDiscovery } from '../../../src/base/config/discoveryConfig.ts'
import type { DiscoveryConfig } from '../../../src/base/config/discoveryConfig.ts'
import { httpClientSchema, readHttpClient } from '../../../src/base/config/httpClientConfig.ts'
import type { HttpClientConfig } from '../../../src/base/config/httpClientConfig.ts'
import { relabelConfig } from '../../../src/base/config/relabelConfig.ts'
import type { RelabelConfig } from '../../../src/base/config/relabelConfig.ts'
import type { YamlNode } from '../../../src/base/config/yaml.ts'
import { bool, bytes, duration, fields, filePath, float, list, oneOf, optionalBool, record, text, unsigned } from '../../../src/base/config/yamlReaders.ts'
import type { Reader } from '../../../src/base/config/yamlReaders.ts'
import { formatDurationMs } from '../../../src/base/duration.ts'
import type { NameScheme } from '../../../src/base/names.ts'

export type ScrapeProtocol =
  | 'PrometheusProto'
  | 'OpenMetricsText0.0.1'
  | 'OpenMetricsText1.0.0'
  | 'PrometheusText0.0.4'
  | 'PrometheusText1.0.0'

export type NameValidation = NameScheme
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

/** What a job inherits from `global`. */
export type ScrapeDefaults = Pick<
  ScrapeConfig,
  | 'scrapeIntervalMs'
  | 'scrapeTimeoutMs'
  | 'scrapeNativeHistograms'
  | 'alwaysScrapeClassicHistograms'
  | 'convertClassicHistogramsToNhcb'
  | 'extraScrapeMetrics'
  | 'scrapeFailureLogFile'
  | 'bodySizeLimitBytes'
  | 'sampleLimit'
  | 'targetLimit'
  | 'labelLimit'
  | 'labelNameLengthLimit'
  | 'labelValueLengthLimit'
  | 'keepDroppedTargets'
  | 'nameValidationScheme'
> & {
  /** Undefined when `global` does not say. */
  readonly scrapeProtocols: readonly ScrapeProtocol[] | undefined
  readonly nameEscapingScheme: NameEscaping | undefined
}

const protocols = [
  'PrometheusProto',
  'OpenMetricsText0.0.1',
  'OpenMetricsText1.0.0',
  'PrometheusText0.0.4',
  'PrometheusText1.0.0',
] as const satisfies readonly ScrapeProtocol[]

const defaultProtocols: readonly ScrapeProtocol[] = [
  'OpenMetricsText1.0.0',
  'OpenMetricsText0.0.1',
  'PrometheusText1.0.0',
  'PrometheusText0.0.4',
]

/** The order of preference when nothing is configured. */
export function defaultScrapeProtocols(protobufFirst: boolean): readonly ScrapeProtocol[] {
  return protobufFirst ? ['PrometheusProto', ...defaultProtocols] : defaultProtocols
}

export const scrapeProtocols: Reader<ScrapeProtocol[]> = (node) => {
  const found = list(oneOf(...protocols))(node)
  if (found.length === 0) node.fail('scrape_protocols cannot be empty')
  const twice = found.find((one, index) => found.indexOf(one) !== index)
  if (twice !== undefined) node.fail(`duplicated protocol in scrape_protocols, got ${twice} more than once`)
  return found
}

export const nameValidation: Reader<NameValidation> = oneOf('utf8', 'legacy')
const nameEscaping: Reader<NameEscaping> = oneOf('allow-utf-8', 'underscores', 'dots', 'values')

/** The keys that `global` and a job have in common. */
export const scrapeLimitSchema = {
  body_size_limit: bytes,
  sample_limit: unsigned,
  target_limit: unsigned,
  label_limit: unsigned,
  label_name_length_limit: unsigned,
  label_value_length_limit: unsigned,
  keep_dropped_targets: unsigned,
  scrape_native_histograms: optionalBool,
  always_scrape_classic_histograms: optionalBool,
  convert_classic_histograms_to_nhcb: optionalBool,
  extra_scrape_metrics: optionalBool,
  metric_name_validation_scheme: nameValidation,
  metric_name_escaping_scheme: nameEscaping,
  scrape_failure_log_file: filePath,
  scrape_protocols: scrapeProtocols,
}

/** Reads one item of `scrape_configs`. */
export function readScrapeConfig(node: YamlNode, defaults: ScrapeDefaults): ScrapeConfig {
  const ownScheme = node.get('metric_name_validation_scheme')
  const nameScheme = ownScheme === undefined || ownScheme.isNull ? defaults.nameValidationScheme : nameValidation(ownScheme)
  const relabelling = list(relabelConfig(nameScheme))
  const read = fields(node, {
    job_name: text,
    scrape_interval: duration,
    scrape_timeout: duration,
    fallback_scrape_protocol: oneOf<ScrapeProtocol | ''>(...protocols, ''),
    metrics_path: text,
    scheme: text,
    params: record(list(text)),
    honor_labels: bool,
    honor_timestamps: bool,
    track_timestamps_staleness: bool,
    enable_compression: bool,
    native_histogram_bucket_limit: unsigned,
    native_histogram_min_bucket_factor: float,
    relabel_configs: relabelling,
    metric_relabel_configs: relabelling,
    ...scrapeLimitSchema,
    ...discoverySchema,
    ...httpClientSchema,
  })
  const jobName = read.job_name ?? ''
  if (jobName === '') node.fail('job_name is empty')
  const { scrapeIntervalMs, scrapeTimeoutMs } = readTimes(node, read.scrape_interval, read.scrape_timeout, defaults)
  const nativeHistograms = read.scrape_native_histograms ?? defaults.scrapeNativeHistograms
  return {
    jobName,
    scrapeIntervalMs,
    scrapeTimeoutMs,
    scrapeProtocols: read.scrape_protocols ?? defaults.scrapeProtocols ?? defaultScrapeProtocols(nativeHistograms),
    fallbackScrapeProtocol: read.fallback_scrape_protocol || undefined,
    scrapeNativeHistograms: nativeHistograms,
    alwaysScrapeClassicHistograms: read.always_scrape_classic_histograms ?? defaults.alwaysScrapeClassicHistograms,
    convertClassicHistogramsToNhcb: read.convert_classic_histograms_to_nhcb ?? defaults.convertClassicHistogramsToNhcb,
    extraScrapeMetrics: read.extra_scrape_metrics ?? defaults.extraScrapeMetrics,
    scrapeFailureLogFile: read.scrape_failure_log_file || defaults.scrapeFailureLogFile,
    metricsPath: read.metrics_path ?? '/metrics',
    scheme: read.scheme ?? 'http',
    params: read.params ?? {},
    honorLabels: read.honor_labels ?? false,
    honorTimestamps: read.honor_timestamps ?? true,
    trackTimestampsStaleness: read.track_timestamps_staleness ?? false,
    enableCompression: read.enable_compression ?? true,
    bodySizeLimitBytes: read.body_size_limit || defaults.bodySizeLimitBytes,
    sampleLimit: read.sample_limit || defaults.sampleLimit,
    targetLimit: read.target_limit || defaults.targetLimit,
    labelLimit: read.label_limit || defaults.labelLimit,
    labelNameLengthLimit: read.label_name_length_limit || defaults.labelNameLengthLimit,
    labelValueLengthLimit: read.label_value_length_limit || defaults.labelValueLengthLimit,
    nativeHistogramBucketLimit: read.native_histogram_bucket_limit ?? 0,
    nativeHistogramMinBucketFactor: read.native_histogram_min_bucket_factor ?? 0,
    keepDroppedTargets: read.keep_dropped_targets || defaults.keepDroppedTargets,
    nameValidationScheme: nameScheme,
    nameEscapingScheme: readEscaping(node, { own: read.metric_name_escaping_scheme, hasOwnValidation: ownScheme?.isNull === false, nameScheme, defaults }),
    relabelConfigs: read.relabel_configs ?? [],
    metricRelabelConfigs: read.metric_relabel_configs ?? [],
    http: readHttpClient(node, read),
    discovery: readDiscovery(node, read, (read.relabel_configs ?? []).length > 0),
  }
}

/** An interval of 0 counts as not given, as in Prometheus; a timeout longer than the interval is an error only when it is the job's own. */
function readTimes(node: YamlNode, ownIntervalMs: number | undefined, ownTimeoutMs: number | undefined, defaults: ScrapeDefaults) {
  const scrapeIntervalMs = ownIntervalMs || defaults.scrapeIntervalMs
  if (ownTimeoutMs !== undefined && ownTimeoutMs > scrapeIntervalMs) {
    node
      .at('scrape_timeout')
      .fail(`scrape timeout greater than scrape interval (${formatDurationMs(ownTimeoutMs)} > ${formatDurationMs(scrapeIntervalMs)})`)
  }
  return { scrapeIntervalMs, scrapeTimeoutMs: ownTimeoutMs || Math.min(defaults.scrapeTimeoutMs, scrapeIntervalMs) }
}

type EscapingInput = {
  readonly own: NameEscaping | undefined
  readonly hasOwnValidation: boolean
  readonly nameScheme: NameValidation
  readonly defaults: ScrapeDefaults
}

function readEscaping(node: YamlNode, { own, hasOwnValidation, nameScheme, defaults }: EscapingInput): NameEscaping {
  const inferred = nameScheme === 'legacy' ? 'underscores' : 'allow-utf-8'
  const escaping = own ?? (hasOwnValidation ? inferred : (defaults.nameEscapingScheme ?? inferred))
  if (escaping === 'allow-utf-8' && nameScheme === 'legacy') {
    node.at('metric_name_escaping_scheme').fail('metric_name_escaping_scheme "allow-utf-8" requires metric_name_validation_scheme "utf8", not "legacy"')
  }
  return escaping
}
