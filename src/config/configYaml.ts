// Prints the configuration that runs as YAML, in Prometheus's order of keys, with defaults filled in and secrets masked:
// what `/api/v1/status/config` and the scrape pool endpoint show.

import { stringify } from 'yaml'
import type { AlertingConfig, ExternalAlertmanagerConfig } from '../../alerting/notifier/notifierConfig.ts'
import type { ScrapeConfig } from '../../ingest/scrape/job/scrapeConfig.ts'
import { labelsToObject } from '../../storage/model/labels.ts'
import { unreachable } from '../base/assert.ts'
import { formatBytes } from '../base/bytes.ts'
import type { DiscoveryConfig } from '../base/config/discoveryConfig.ts'
import type { HttpClientConfig, ProxyConfig, TlsConfig } from '../base/config/httpClientConfig.ts'
import type { RelabelConfig } from '../base/config/relabelConfig.ts'
import { formatDurationMs } from '../base/duration.ts'
import { maskedSecret, maskUrlPassword } from '../base/secret.ts'
import { effectiveScrapeProtocols } from './globalConfig.ts'
import type { GlobalConfig } from './globalConfig.ts'
import { defaultStorageConfig } from './storageConfig.ts'
import type { StorageConfig } from './storageConfig.ts'

type Printed = Readonly<Record<string, unknown>>

export type PrintedConfig = {
  readonly global: GlobalConfig
  readonly alerting: AlertingConfig
  readonly storage: StorageConfig
  readonly scrapeConfigs: readonly ScrapeConfig[]
  readonly ruleGlobs: readonly string[]
  readonly unbuilt: Printed
}

/** Ends with a line feed. */
export function printConfig(config: PrintedConfig): string {
  return print({
    global: globalTree(config.global),
    alerting: alertingTree(config.alerting),
    rule_files: unlessEmpty(config.ruleGlobs),
    scrape_configs: unlessEmpty(config.scrapeConfigs.map(scrapeTree)),
    storage: storageTree(config.storage),
    ...config.unbuilt,
  })
}

/** One job, as `/api/v1/scrape_pools/config` shows it. */
export function printScrapeConfig(config: ScrapeConfig): string {
  return print(scrapeTree(config))
}

function print(tree: Printed): string {
  return stringify(withoutAbsent(tree), { lineWidth: 0, aliasDuplicateObjects: false })
}

/** Drops what is undefined, at every depth. */
function withoutAbsent(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutAbsent)
  if (typeof value !== 'object' || value === null) return value
  const present = Object.entries(value).filter(([, one]) => one !== undefined)
  return Object.fromEntries(present.map(([key, one]) => [key, withoutAbsent(one)]))
}

function unlessEmpty<T>(items: readonly T[]): readonly T[] | undefined {
  return items.length === 0 ? undefined : items
}

/** 0, '' and false are what Prometheus leaves out. */
function unlessZero<T extends number | string | boolean>(value: T): T | undefined {
  return value || undefined
}

function sizeUnlessZero(sizeBytes: number): string | undefined {
  return sizeBytes === 0 ? undefined : formatBytes(sizeBytes)
}

function globalTree(global: GlobalConfig): Printed {
  const { scrape } = global
  return {
    scrape_interval: formatDurationMs(scrape.scrapeIntervalMs),
    scrape_timeout: formatDurationMs(scrape.scrapeTimeoutMs),
    scrape_protocols: effectiveScrapeProtocols(scrape),
    evaluation_interval: formatDurationMs(global.evaluationIntervalMs),
    rule_query_offset: global.ruleQueryOffsetMs === 0 ? undefined : formatDurationMs(global.ruleQueryOffsetMs),
    query_log_file: unlessZero(global.queryLogFile),
    scrape_failure_log_file: unlessZero(scrape.scrapeFailureLogFile),
    external_labels: global.externalLabels.length === 0 ? undefined : labelsToObject(global.externalLabels),
    body_size_limit: sizeUnlessZero(scrape.bodySizeLimitBytes),
    sample_limit: unlessZero(scrape.sampleLimit),
    target_limit: unlessZero(scrape.targetLimit),
    label_limit: unlessZero(scrape.labelLimit),
    label_name_length_limit: unlessZero(scrape.labelNameLengthLimit),
    label_value_length_limit: unlessZero(scrape.labelValueLengthLimit),
    keep_dropped_targets: unlessZero(scrape.keepDroppedTargets),
    metric_name_validation_scheme: scrape.nameValidationScheme,
    metric_name_escaping_scheme: scrape.nameEscapingScheme,
    scrape_native_histograms: scrape.scrapeNativeHistograms,
    convert_classic_histograms_to_nhcb: scrape.convertClassicHistogramsToNhcb,
    always_scrape_classic_histograms: scrape.alwaysScrapeClassicHistograms,
    extra_scrape_metrics: scrape.extraScrapeMetrics,
  }
}

function alertingTree(alerting: AlertingConfig): Printed | undefined {
  if (alerting.alertRelabelConfigs.length === 0 && alerting.alertmanagers.length === 0) return undefined
  return {
    alert_relabel_configs: unlessEmpty(alerting.alertRelabelConfigs.map(relabelTree)),
    alertmanagers: unlessEmpty(alerting.alertmanagers.map(alertmanagerTree)),
  }
}

function alertmanagerTree(config: ExternalAlertmanagerConfig): Printed {
  return {
    ...httpTree(config.http),
    scheme: config.scheme,
    path_prefix: unlessZero(config.pathPrefix),
    timeout: formatDurationMs(config.timeoutMs),
    api_version: 'v2',
    relabel_configs: unlessEmpty(config.relabelConfigs.map(relabelTree)),
    alert_relabel_configs: unlessEmpty(config.alertRelabelConfigs.map(relabelTree)),
    ...discoveryTree(config.discovery),
  }
}

function scrapeTree(config: ScrapeConfig): Printed {
  return {
    job_name: config.jobName,
    honor_labels: unlessZero(config.honorLabels),
    honor_timestamps: config.honorTimestamps,
    track_timestamps_staleness: config.trackTimestampsStaleness,
    params: Object.keys(config.params).length === 0 ? undefined : config.params,
    scrape_interval: formatDurationMs(config.scrapeIntervalMs),
    scrape_timeout: formatDurationMs(config.scrapeTimeoutMs),
    scrape_protocols: config.scrapeProtocols,
    fallback_scrape_protocol: config.fallbackScrapeProtocol,
    scrape_native_histograms: config.scrapeNativeHistograms,
    always_scrape_classic_histograms: config.alwaysScrapeClassicHistograms,
    convert_classic_histograms_to_nhcb: config.convertClassicHistogramsToNhcb,
    extra_scrape_metrics: config.extraScrapeMetrics,
    scrape_failure_log_file: unlessZero(config.scrapeFailureLogFile),
    metrics_path: config.metricsPath,
    scheme: config.scheme,
    enable_compression: config.enableCompression,
    body_size_limit: sizeUnlessZero(config.bodySizeLimitBytes),
    sample_limit: unlessZero(config.sampleLimit),
    target_limit: unlessZero(config.targetLimit),
    label_limit: unlessZero(config.labelLimit),
    label_name_length_limit: unlessZero(config.labelNameLengthLimit),
    label_value_length_limit: unlessZero(config.labelValueLengthLimit),
    native_histogram_bucket_limit: unlessZero(config.nativeHistogramBucketLimit),
    native_histogram_min_bucket_factor: unlessZero(config.nativeHistogramMinBucketFactor),
    keep_dropped_targets: unlessZero(config.keepDroppedTargets),
    metric_name_validation_scheme: config.nameValidationScheme,
    metric_name_escaping_scheme: config.nameEscapingScheme,
    ...httpTree(config.http),
    relabel_configs: unlessEmpty(config.relabelConfigs.map(relabelTree)),
    metric_relabel_configs: unlessEmpty(config.metricRelabelConfigs.map(relabelTree)),
    ...discoveryTree(config.discovery),
  }
}

function relabelTree(config: RelabelConfig): Printed {
  return {
    source_labels: unlessEmpty(config.sourceLabels),
    separator: config.separator,
    regex: config.regex,
    modulus: config.modulus === 0n ? undefined : config.modulus,
    target_label: unlessZero(config.targetLabel),
    replacement: config.replacement,
    action: config.action,
  }
}

function discoveryTree(discovery: readonly DiscoveryConfig[]): Printed {
  const tree: Record<string, unknown[]> = {}
  const add = (key: string, ...items: readonly unknown[]) => void (tree[key] ??= []).push(...items)
  for (const config of discovery) {
    switch (config.kind) {
      case 'static':
        add('static_configs', ...config.groups.map(({ targets, labels }) => ({ targets, labels: Object.keys(labels).length === 0 ? undefined : labels })))
        break
      case 'file':
        add('file_sd_configs', { files: config.files, refresh_interval: formatDurationMs(config.refreshIntervalMs) })
        break
      case 'http':
        add('http_sd_configs', { ...httpTree(config.http), refresh_interval: formatDurationMs(config.refreshIntervalMs), url: maskUrlPassword(config.url) })
        break
      case 'dns': {
        const { names, type, port, refreshIntervalMs } = config
        add('dns_sd_configs', { names, refresh_interval: formatDurationMs(refreshIntervalMs), type, port: unlessZero(port) })
        break
      }
      case 'kubernetes':
        add('kubernetes_sd_configs', kubernetesTree(config))
        break
      case 'unsupported':
        add(config.key, ...(Array.isArray(config.shown) ? config.shown : []))
        break
      default:
        unreachable(config)
    }
  }
  return tree
}

function kubernetesTree(config: Extract<DiscoveryConfig, { kind: 'kubernetes' }>): Printed {
  const attached = Object.entries(config.attachMetadata).filter(([, isOn]) => isOn)
  return {
    api_server: config.apiServer === '' ? undefined : maskUrlPassword(config.apiServer),
    role: config.role,
    kubeconfig_file: config.kubeconfigFile,
    ...httpTree(config.http),
    namespaces:
      config.ownNamespace || config.namespaces.length > 0
        ? { own_namespace: config.ownNamespace, names: unlessEmpty(config.namespaces) }
        : undefined,
    selectors: unlessEmpty(config.selectors),
    attach_metadata: attached.length === 0 ? undefined : Object.fromEntries(attached),
  }
}

function httpTree(http: HttpClientConfig): Printed {
  const { basicAuth, authorization, oauth2 } = http
  return {
    basic_auth: basicAuth && {
      username: unlessZero(basicAuth.username),
      username_file: basicAuth.usernameFile,
      password: basicAuth.password && maskedSecret,
      password_file: basicAuth.passwordFile,
    },
    authorization: authorization && {
      type: authorization.type,
      credentials: authorization.credentials && maskedSecret,
      credentials_file: authorization.credentialsFile,
    },
    oauth2: oauth2 && {
      client_id: oauth2.clientId,
      client_secret: oauth2.clientSecret && maskedSecret,
      client_secret_file: oauth2.clientSecretFile,
      scopes: unlessEmpty(oauth2.scopes),
      token_url: maskUrlPassword(oauth2.tokenUrl),
      endpoint_params: Object.keys(oauth2.endpointParams).length === 0 ? undefined : oauth2.endpointParams,
      tls_config: tlsTree(oauth2.tls),
      ...proxyTree(oauth2.proxy),
    },
    tls_config: tlsTree(http.tls),
    follow_redirects: http.followRedirects,
    enable_http2: http.enableHttp2,
    ...proxyTree(http.proxy),
    http_headers:
      http.httpHeaders.length === 0
        ? undefined
        : Object.fromEntries(
            http.httpHeaders.map(({ name, values, secrets, files }) => [
              name,
              { values: unlessEmpty(values), secrets: unlessEmpty(secrets.map(() => maskedSecret)), files: unlessEmpty(files) },
            ]),
          ),
  }
}

function proxyTree(proxy: ProxyConfig): Printed {
  const connectHeaders = Object.entries(proxy.proxyConnectHeader)
  return {
    proxy_url: proxy.proxyUrl && maskUrlPassword(proxy.proxyUrl.reveal()),
    no_proxy: unlessZero(proxy.noProxy),
    proxy_from_environment: unlessZero(proxy.proxyFromEnvironment),
    proxy_connect_header:
      connectHeaders.length === 0
        ? undefined
        : Object.fromEntries(connectHeaders.map(([name, values]) => [name, values.map(() => maskedSecret)])),
  }
}

function tlsTree(tls: TlsConfig): Printed | undefined {
  const { ca, caFile, cert, certFile, key, keyFile, serverName, minVersion, maxVersion, insecureSkipVerify } = tls
  if (Object.keys(tls).length === 1 && !insecureSkipVerify) return undefined
  return {
    ca,
    ca_file: caFile,
    cert,
    cert_file: certFile,
    key: key && maskedSecret,
    key_file: keyFile,
    server_name: serverName,
    insecure_skip_verify: insecureSkipVerify,
    min_version: minVersion,
    max_version: maxVersion,
  }
}

function storageTree(storage: StorageConfig): Printed | undefined {
  const { outOfOrderWindowMs, maxExemplars, retention, retentionRules, downsampling } = storage
  const hasRetention = retention !== undefined || retentionRules.length > 0
  const hasTsdb = outOfOrderWindowMs !== 0 || hasRetention || downsampling.length > 0
  const exemplars = maxExemplars === defaultStorageConfig.maxExemplars ? undefined : { max_exemplars: maxExemplars }
  if (!hasTsdb && exemplars === undefined) return undefined
  return {
    exemplars,
    tsdb: !hasTsdb ? undefined : {
      out_of_order_time_window: outOfOrderWindowMs === 0 ? undefined : formatDurationMs(outOfOrderWindowMs),
      retention: hasRetention
        ? {
            time: retention === undefined || retention.timeMs === 0 ? undefined : formatDurationMs(retention.timeMs),
            size: sizeUnlessZero(retention?.sizeBytes ?? 0),
            percentage: unlessZero(retention?.percentage ?? 0),
            rules: retentionRules.length === 0 ? undefined : retentionRules.map(({ match, timeMs }) => ({ match, time: formatDurationMs(timeMs) })),
          }
        : undefined,
      downsampling:
        downsampling.length === 0
          ? undefined
          : downsampling.map(({ match, afterMs, resolutionMs }) => ({ match: match === '' ? undefined : match, after: formatDurationMs(afterMs), resolution: formatDurationMs(resolutionMs) })),
    },
  }
}
