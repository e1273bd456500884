// The `global` section of prometheus.yml: what jobs and rule groups inherit, and the labels that identify this server
// to others.

import { defaultScrapeProtocols, scrapeLimitSchema } from '../../ingest/scrape/job/scrapeConfig.ts'
import type { ScrapeDefaults } from '../../ingest/scrape/job/scrapeConfig.ts'
import { sortLabels } from '../../storage/model/labels.ts'
import type { Labels } from '../../storage/model/labels.ts'
import type { YamlNode } from '../base/config/yaml.ts'
import { duration, fields, filePath, record, text } from '../base/config/yamlReaders.ts'
import { isLabelName } from '../base/names.ts'
import type { NameScheme } from '../base/names.ts'

export type GlobalConfig = {
  readonly scrape: ScrapeDefaults
  readonly evaluationIntervalMs: number
  readonly ruleQueryOffsetMs: number
  readonly queryLogFile: string
  readonly externalLabels: Labels
}

type Environment = Readonly<Record<string, string | undefined>>

export type GlobalSources = {
  /** What external labels are expanded with. */
  readonly environment: Environment
  /** Names of `--enable-feature`; some are defaults of keys here. */
  readonly features: readonly string[]
}

/** Reads `global`; without a node, or with an empty one, everything has its default. */
export function readGlobalConfig(node: YamlNode | undefined, { environment, features }: GlobalSources): GlobalConfig {
  const isSet = node !== undefined && !node.isNull
  const read = isSet
    ? fields(node, {
        scrape_interval: duration,
        scrape_timeout: duration,
        evaluation_interval: duration,
        rule_query_offset: duration,
        query_log_file: filePath,
        external_labels: record(text),
        ...scrapeLimitSchema,
      })
    : {}
  const scrapeIntervalMs = read.scrape_interval || 60_000
  if (isSet && read.scrape_timeout !== undefined && read.scrape_timeout > scrapeIntervalMs) {
    node.at('scrape_timeout').fail('global scrape timeout greater than scrape interval')
  }
  const nameScheme = read.metric_name_validation_scheme ?? 'utf8'
  return {
    scrape: {
      scrapeIntervalMs,
      scrapeTimeoutMs: read.scrape_timeout || Math.min(10_000, scrapeIntervalMs),
      // Of the times at which counters were created, protobuf has more than the others.
      scrapeProtocols: read.scrape_protocols ?? (features.some((name) => name === 'created-timestamp-zero-ingestion' || name === 'st-storage') ? defaultScrapeProtocols(true) : undefined),
      scrapeNativeHistograms: read.scrape_native_histograms ?? false,
      alwaysScrapeClassicHistograms: read.always_scrape_classic_histograms ?? false,
      convertClassicHistogramsToNhcb: read.convert_classic_histograms_to_nhcb ?? false,
      extraScrapeMetrics: read.extra_scrape_metrics ?? features.includes('extra-scrape-metrics'),
      scrapeFailureLogFile: read.scrape_failure_log_file ?? '',
      bodySizeLimitBytes: read.body_size_limit ?? 0,
      sampleLimit: read.sample_limit ?? 0,
      targetLimit: read.target_limit ?? 0,
      labelLimit: read.label_limit ?? 0,
      labelNameLengthLimit: read.label_name_length_limit ?? 0,
      labelValueLengthLimit: read.label_value_length_limit ?? 0,
      keepDroppedTargets: read.keep_dropped_targets ?? 0,
      nameValidationScheme: nameScheme,
      nameEscapingScheme: read.metric_name_escaping_scheme,
    },
    evaluationIntervalMs: read.evaluation_interval || 60_000,
    ruleQueryOffsetMs: read.rule_query_offset ?? 0,
    queryLogFile: read.query_log_file ?? '',
    externalLabels: isSet ? readExternalLabels(node, read.external_labels ?? {}, nameScheme, environment) : [],
  }
}

function readExternalLabels(node: YamlNode, raw: Readonly<Record<string, string>>, scheme: NameScheme, environment: Environment): Labels {
  const labels = Object.entries(raw).map(([name, value]) => {
    const at = node.at('external_labels').at(name)
    if (!isLabelName(name, scheme)) at.fail(`"${name}" is not a valid label name`)
    const expanded = expandEnvironment(value, (variable) => {
      const found = environment[variable]
      if (!found) at.warn(`empty environment variable "${variable}" in an external label`)
      return found ?? ''
    })
    if (!expanded.isWellFormed()) at.fail('label values must be valid UTF-8')
    return { name, value: expanded }
  })
  return sortLabels(labels)
}

/** `$NAME`, `${NAME}` and `$$`, as Go's os.Expand with `$` standing for itself. */
function expandEnvironment(value: string, lookUp: (name: string) => string): string {
  return value.replace(/\$(?:\{([^}]*)\}|([A-Za-z_]\w*|[*#$@!?0-9-]))/g, (_, braced: string | undefined, plain: string | undefined) => {
    const name = braced ?? plain ?? ''
    return name === '$' ? '$' : name === '' ? '' : lookUp(name)
  })
}

/** What `/api/v1/status/config` shows when the file does not say. */
export function effectiveScrapeProtocols(scrape: ScrapeDefaults): ScrapeDefaults['scrapeProtocols'] {
  return scrape.scrapeProtocols ?? defaultScrapeProtocols(scrape.scrapeNativeHistograms)
}
