// Reads prometheus.yml with everything it names (rule files, scrape config files) and alertmanager.yml, and hands each
// area its own section to validate. All or nothing: the result is a whole configuration or a `ConfigError` that lists
// what is wrong and where. It changes nothing that runs; app.ts applies what this gives.

import { readFile } from 'node:fs/promises'
import { parseAlertmanagerConfig } from '../../alerting/config/alertmanagerConfig.ts'
import type { AlertmanagerChecks, AlertmanagerConfig } from '../../alerting/config/alertmanagerConfig.ts'
import { alertingConfig, emptyAlertingConfig } from '../../alerting/notifier/notifierConfig.ts'
import type { AlertingConfig } from '../../alerting/notifier/notifierConfig.ts'
import { parseRuleFile } from '../../alerting/rules/rulesConfig.ts'
import type { RuleChecks, RuleFile } from '../../alerting/rules/rulesConfig.ts'
import { defaultOtlpConfig } from '../../ingest/otlp/otlpConfig.ts'
import type { OtlpConfig } from '../../ingest/otlp/otlpConfig.ts'
import { readScrapeConfig } from '../../ingest/scrape/job/scrapeConfig.ts'
import type { ScrapeConfig, ScrapeDefaults } from '../../ingest/scrape/job/scrapeConfig.ts'
import { errorText } from '../base/assert.ts'
import { ConfigError, parseYaml } from '../base/config/yaml.ts'
import type { ConfigProblem, YamlFile, YamlNode } from '../base/config/yaml.ts'
import { collect, fields, integer, joinToFile, list, text } from '../base/config/yamlReaders.ts'
import type { Reader } from '../base/config/yamlReaders.ts'
import { globFiles } from '../base/globFiles.ts'
import { printConfig } from './configYaml.ts'
import { readGlobalConfig } from './globalConfig.ts'
import type { GlobalConfig, GlobalSources } from './globalConfig.ts'
import { otlpSection } from './otlpSection.ts'
import { defaultStorageConfig, storageConfig } from './storageConfig.ts'
import type { StorageConfig } from './storageConfig.ts'
import { unbuiltSchema } from './unbuiltConfig.ts'

/** Everything the two files say. */
export type Config = {
  readonly global: GlobalConfig
  readonly scrapeConfigs: readonly ScrapeConfig[]
  readonly ruleFiles: readonly RuleFile[]
  readonly alerting: AlertingConfig
  readonly storage: StorageConfig
  readonly otlp: OtlpConfig
  readonly alertmanager: AlertmanagerConfig
  /** What loads here though the original refuses it, what has no effect yet, what is probably not meant. */
  readonly warnings: readonly ConfigProblem[]
  /** The Prometheus configuration with defaults filled in and secrets masked, for `/api/v1/status/config`. */
  readonly yaml: string
}

/** Where the configuration is. Texts are for what has no file: the embedded defaults. */
export type ConfigSource = { readonly file: string } | { readonly name: string; readonly text: string }

export type ConfigSources = GlobalSources & {
  readonly prometheus: ConfigSource
  readonly alertmanager: ConfigSource
}

export type ConfigChecks = RuleChecks & AlertmanagerChecks

/** The configuration of a start without one: the server watches itself. */
export function embeddedPrometheusConfig(selfAddress: string): ConfigSource {
  const text = `global:
  scrape_interval: 15s
  evaluation_interval: 15s
scrape_configs:
  - job_name: prometheus
    static_configs:
      - targets: ['${selfAddress}']
`
  return { name: 'embedded default configuration', text }
}

/** The Alertmanager configuration of a start without one: alerts are kept and shown, and sent to nobody. */
export const embeddedAlertmanagerConfig: ConfigSource = {
  name: 'embedded default Alertmanager configuration',
  text: 'route:\n  receiver: default\nreceivers:\n  - name: default\n',
}

/** Reads and checks everything. Throws `ConfigError`. */
export async function loadConfig(sources: ConfigSources, checks: ConfigChecks): Promise<Config> {
  const prometheus = await readSource(sources.prometheus)
  const node = parseYaml(prometheus.text, prometheus.name)
  const problems: ConfigProblem[] = []
  const own = collect(problems, () => readPrometheus(node, sources))
  const alertmanager = await collectAsync(problems, async () => {
    const source = await readSource(sources.alertmanager)
    return parseAlertmanagerConfig(source.text, source.name, checks)
  })
  if (own === undefined) throw new ConfigError(problems)
  const { global } = own
  const jobs = await collectAsync(problems, () => loadScrapeConfigs(node, own))
  const rules = await collectAsync(problems, () => loadRuleFiles(node.get('rule_files'), own, checks))
  if (problems.length > 0 || jobs === undefined || rules === undefined || alertmanager === undefined) {
    throw new ConfigError(problems)
  }
  const config = { global, alerting: own.alerting, storage: own.storage }
  return {
    ...config,
    otlp: own.otlp,
    scrapeConfigs: jobs.configs,
    ruleFiles: rules.files,
    alertmanager: alertmanager.config,
    warnings: [...node.file.warnings, ...jobs.warnings, ...rules.warnings, ...alertmanager.warnings],
    yaml: printConfig({ ...config, scrapeConfigs: jobs.configs, unbuilt: own.unbuilt, ruleGlobs: own.ruleGlobs }),
  }
}

async function readSource(source: ConfigSource): Promise<{ name: string; text: string }> {
  if ('text' in source) return source
  const content = await readFile(source.file, 'utf8').catch((error: unknown) => {
    throw new ConfigError([{ file: source.file, line: 1, column: 1, path: '', message: `cannot read the file: ${errorText(error)}` }])
  })
  return { name: source.file, text: content }
}

async function collectAsync<T>(problems: ConfigProblem[], read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read()
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    problems.push(...error.problems)
    return undefined
  }
}

type OwnSections = {
  readonly global: GlobalConfig
  readonly alerting: AlertingConfig
  readonly storage: StorageConfig
  readonly otlp: OtlpConfig
  readonly scrapeNodes: readonly YamlNode[]
  /** As absolute or working-directory paths. */
  readonly ruleGlobs: readonly string[]
  /** Sections that are shown as they were written, by key: those without effect yet, and `otlp`. */
  readonly unbuilt: Readonly<Record<string, unknown>>
}

function readPrometheus(node: YamlNode, sources: GlobalSources): OwnSections {
  if (node.isNull) {
    return {
      global: readGlobalConfig(undefined, sources),
      alerting: emptyAlertingConfig,
      storage: defaultStorageConfig,
      otlp: defaultOtlpConfig,
      scrapeNodes: [],
      ruleGlobs: [],
      unbuilt: {},
    }
  }
  const globalNode = node.get('global')
  const problems: ConfigProblem[] = []
  const global = collect(problems, () => readGlobalConfig(globalNode, sources))
  const scheme = global?.scrape.nameValidationScheme ?? 'utf8'
  const read = collect(problems, () =>
    fields(node, {
      global: anyNode,
      runtime: runtimeSection,
      alerting: alertingConfig(scheme),
      rule_files: list(ruleGlob),
      scrape_config_files: list(scrapeConfigGlob),
      scrape_configs: list(anyNode),
      storage: storageConfig,
      otlp: otlpSection(scheme),
      ...unbuiltSchema(scheme),
    }),
  )
  if (global === undefined || read === undefined) throw new ConfigError(problems)
  return {
    global,
    alerting: read.alerting ?? emptyAlertingConfig,
    storage: read.storage ?? defaultStorageConfig,
    otlp: read.otlp?.config ?? defaultOtlpConfig,
    scrapeNodes: read.scrape_configs ?? [],
    ruleGlobs: (read.rule_files ?? []).map((pattern) => joinToFile(node, pattern)),
    unbuilt: { tracing: read.tracing, remote_write: read.remote_write, remote_read: read.remote_read, otlp: read.otlp?.shown },
  }
}

const anyNode: Reader<YamlNode> = (node) => node

const runtimeSection: Reader<true> = (node) => {
  fields(node, { gogc: integer })
  node.warn('runtime tunes the Go runtime and has no effect here')
  return true
}

const globPattern = /^[^*]*(\*[^/]*)?$/

const ruleGlob: Reader<string> = (node) => {
  const pattern = text(node)
  if (!globPattern.test(pattern)) node.fail(`invalid rule file path "${pattern}": only the last part may have a *`)
  return pattern
}

const scrapeConfigGlob: Reader<string> = (node) => {
  const pattern = text(node)
  if (!globPattern.test(pattern)) node.fail(`invalid scrape config file path "${pattern}": only the last part may have a *`)
  return pattern
}

/** The jobs of the file itself and of its scrape config files. The warnings are those of the latter. */
async function loadScrapeConfigs(node: YamlNode, own: OwnSections): Promise<{ configs: ScrapeConfig[]; warnings: ConfigProblem[] }> {
  const nodes = [...own.scrapeNodes]
  const files: YamlFile[] = []
  for (const path of await expandGlobs(node.get('scrape_config_files'))) {
    const source = await readSource({ file: path })
    const top = parseYaml(source.text, path)
    files.push(top.file)
    if (!top.isNull) nodes.push(...(fields(top, { scrape_configs: list(anyNode) }).scrape_configs ?? []))
  }
  const configs = readJobs(nodes, own.global.scrape)
  return { configs, warnings: files.flatMap((file) => file.warnings) }
}

function readJobs(nodes: readonly YamlNode[], defaults: ScrapeDefaults): ScrapeConfig[] {
  const problems: ConfigProblem[] = []
  const jobs = new Map<string, ScrapeConfig>()
  for (const node of nodes) {
    const job = collect(problems, () => readScrapeConfig(node, defaults))
    if (job === undefined) continue
    if (jobs.has(job.jobName)) problems.push(node.at('job_name').problem(`found multiple scrape configs with job name "${job.jobName}"`))
    jobs.set(job.jobName, job)
  }
  if (problems.length > 0) throw new ConfigError(problems)
  return [...jobs.values()]
}

async function loadRuleFiles(node: YamlNode | undefined, own: OwnSections, checks: RuleChecks): Promise<{ files: RuleFile[]; warnings: ConfigProblem[] }> {
  const files: RuleFile[] = []
  const warnings: ConfigProblem[] = []
  const problems: ConfigProblem[] = []
  for (const path of await expandGlobs(node)) {
    const parsed = await collectAsync(problems, async () => {
      const source = await readSource({ file: path })
      return parseRuleFile(source.text, path, {
        evaluationIntervalMs: own.global.evaluationIntervalMs,
        queryOffsetMs: own.global.ruleQueryOffsetMs,
        nameScheme: own.global.scrape.nameValidationScheme,
        checks,
      })
    })
    if (parsed === undefined) continue
    files.push(parsed.file)
    warnings.push(...parsed.warnings)
  }
  if (problems.length > 0) throw new ConfigError(problems)
  return { files, warnings }
}

/** Files that the globs of a list match, each once. */
async function expandGlobs(node: YamlNode | undefined): Promise<string[]> {
  const found = new Set<string>()
  for (const item of node === undefined || node.isNull ? [] : node.items()) {
    for (const path of await globFiles(joinToFile(item, text(item)))) found.add(path)
  }
  return [...found]
}
