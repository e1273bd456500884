// Whole configurations through the real readers: the founding set-up, defaults, what is not built, and what is wrong.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { ConfigError, formatProblem } from '../base/config/yaml.ts'
import { embeddedAlertmanagerConfig, embeddedPrometheusConfig, loadConfig } from './config.ts'
import type { Config, ConfigSource } from './config.ts'
import { createConfigChecks } from './configChecks.ts'
import { checksumConfig } from './configChecksum.ts'

const dir = mkdtempSync(join(tmpdir(), 'solowatch-config-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const checks = createConfigChecks([])

function load(prometheus: ConfigSource, alertmanager: ConfigSource = embeddedAlertmanagerConfig, environment: Record<string, string> = {}): Promise<Config> {
  return loadConfig({ prometheus, alertmanager, environment, features: [] }, checks)
}

const loadText = (text: string, environment?: Record<string, string>) => load({ name: 'prometheus.yml', text }, undefined, environment)

async function problemsOf(run: Promise<unknown>): Promise<string[]> {
  try {
    await run
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(formatProblem)
    throw error
  }
}

function write(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(dir, 'case-'))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), text)
  }
  return root
}

describe('the founding set-up', () => {
  const loadSeed = () => load({ file: 'test/data/seed/prometheus/prometheus.yml' }, { file: 'test/data/seed/alertmanager/alertmanager.yml' })

  it('loads unchanged', async () => {
    const config = await loadSeed()
    expect(config.scrapeConfigs.map((job) => job.jobName)).toEqual([
      'prometheus',
      'rental-ml-api',
      'postgresql',
      'redis',
      'node',
      'ml-models',
      'nginx',
      'kubernetes-apiservers',
    ])
    expect(config.scrapeConfigs.at(-1)).toMatchObject({
      scheme: 'https',
      http: { authorization: { type: 'Bearer', credentialsFile: '/var/run/secrets/kubernetes.io/serviceaccount/token' } },
      discovery: [{ kind: 'kubernetes', role: 'endpoints', apiServer: '' }],
    })
    expect(config.ruleFiles.flatMap((file) => file.groups.flatMap((group) => group.rules))).toHaveLength(15)
    expect(config.alertmanager.receivers.map((receiver) => receiver.name)).toContain('critical-alerts')
  })

  it('says what the originals would have said', async () => {
    const warnings = (await loadSeed()).warnings.map(formatProblem)
    expect(warnings).toHaveLength(4)
    for (const key of ['subject', 'body', 'subject']) expect(warnings.some((warning) => warning.includes(`field ${key} not found in type`))).toBe(true)
    expect(warnings.some((warning) => warning.includes('database_connection_pool_size'))).toBe(true)
  })

  it('means what its author wrote into the mails', async () => {
    const config = await loadSeed()
    expect(config.alertmanager.receivers[0]?.integrations[0]).toMatchObject({
      kind: 'email',
      headers: { Subject: '[{{ .Status | toUpper }}] {{ .GroupLabels.alertname }}' },
      html: '',
      htmlFromText: true,
      requireTls: true,
    })
    expect(config.alertmanager.canonicalYaml).not.toMatch(/^ *(?:- )?(?:subject|body):/m)
    expect(config.alertmanager.canonicalYaml).not.toContain('YOUR/SLACK/WEBHOOK')
    expect(config.alertmanager.canonicalYaml).not.toContain('password: password')
  })
})

describe('loadConfig', () => {
  it('watches itself when there is no file', async () => {
    const config = await load(embeddedPrometheusConfig('localhost:9090'))
    expect(config.scrapeConfigs).toMatchObject([{ jobName: 'prometheus', scrapeIntervalMs: 15_000, scrapeTimeoutMs: 10_000, metricsPath: '/metrics' }])
    expect(config.alertmanager.route.receiver).toBe('default')
    expect(config.warnings).toEqual([])
  })

  it('takes an empty file as all defaults', async () => {
    expect(await loadText('')).toMatchObject({ scrapeConfigs: [], ruleFiles: [], global: { evaluationIntervalMs: 60_000 } })
    expect(await loadText('global:\nruntime:\n')).toMatchObject({ global: { scrape: { scrapeIntervalMs: 60_000 } } })
  })

  it('expands the environment in external labels only', async () => {
    const config = await loadText('global:\n  external_labels:\n    a: $HOST-${ZONE}\n    b: $$5\n    c: $NONE\n', { HOST: 'h1', ZONE: 'z' })
    expect(config.global.externalLabels).toEqual([
      { name: 'a', value: 'h1-z' },
      { name: 'b', value: '$5' },
    ])
    expect(config.warnings.map((warning) => warning.message)).toEqual(['empty environment variable "NONE" in an external label'])
  })

  it('lets a job inherit from global, and a job win', async () => {
    const config = await loadText(`
global: { scrape_interval: 5s, sample_limit: 10, scrape_protocols: [PrometheusText0.0.4] }
scrape_configs:
  - job_name: a
  - job_name: b
    scrape_interval: 30s
    scrape_timeout: 20s
    sample_limit: 20
    scrape_native_histograms: true
`)
    expect(config.scrapeConfigs).toMatchObject([
      { scrapeIntervalMs: 5000, scrapeTimeoutMs: 5000, sampleLimit: 10, scrapeProtocols: ['PrometheusText0.0.4'] },
      { scrapeIntervalMs: 30_000, scrapeTimeoutMs: 20_000, sampleLimit: 20, scrapeProtocols: ['PrometheusText0.0.4'] },
    ])
  })

  it('reads scrape config files and rule files relative to where they are named', async () => {
    const root = write({
      'prometheus.yml': 'scrape_config_files: [jobs/*.yml]\nrule_files: [rules/*.yml, missing.yml]\n',
      'jobs/a.yml': 'scrape_configs: [{job_name: a, file_sd_configs: [{files: [targets/*.json]}]}]\n',
      'rules/r.yml': 'groups: [{name: g, rules: [{record: x, expr: up}]}]\n',
    })
    const config = await load({ file: join(root, 'prometheus.yml') })
    expect(config.scrapeConfigs[0]?.discovery).toEqual([{ kind: 'file', files: [join(root, 'jobs/targets/*.json')], refreshIntervalMs: 300_000 }])
    expect(config.ruleFiles).toMatchObject([{ path: join(root, 'rules/r.yml'), groups: [{ name: 'g', intervalMs: 60_000, rules: [{ kind: 'recording' }] }] }])
  })

  it('names once each what is valid but not built', async () => {
    const config = await loadText(`
remote_write: [{url: 'http://a/', basic_auth: {username: u, password: hunter2}}, {url: 'http://b/'}]
tracing: {endpoint: 'x:1'}
scrape_configs:
  - job_name: a
    consul_sd_configs: [{server: 'consul:8500', token: hunter3}]
`)
    expect(config.warnings.map((warning) => warning.message)).toEqual([
      'remote_write is valid in Prometheus but not built here yet: nothing is sent',
      'tracing is valid in Prometheus but not built here yet: no traces are sent',
      'consul_sd_configs is valid in Prometheus but not built here yet: it finds no targets',
    ])
    expect(config.yaml).not.toContain('hunter')
    expect(config.yaml).toContain('server: consul:8500')
  })

  it('warns of nothing that is built', async () => {
    const histograms = 'scrape_native_histograms: true, always_scrape_classic_histograms: true, convert_classic_histograms_to_nhcb: true'
    const config = await loadText(`
global: {${histograms}}
scrape_configs: [{job_name: a, ${histograms}, track_timestamps_staleness: true, native_histogram_bucket_limit: 100, native_histogram_min_bucket_factor: 1.1}]
storage: {exemplars: {max_exemplars: 10}, tsdb: {out_of_order_time_window: 1h, retention: {time: 1d, rules: [{match: up, time: 1h}]}, downsampling: [{after: 1d, resolution: 5m}]}}
`)
    expect(config.warnings.map((warning) => warning.message)).toEqual([])
  })

  it('shows the whole configuration with defaults and without secrets', async () => {
    const config = await loadText("scrape_configs: [{job_name: a, basic_auth: {username: u, password: hunter2}, static_configs: [{targets: ['h:1']}]}]\n")
    expect(config.yaml).toContain('scrape_interval: 1m')
    expect(config.yaml).toContain('password: <secret>')
    expect(config.yaml).not.toContain('hunter2')
    const again = await loadText(config.yaml)
    expect(again.yaml).toBe(config.yaml)
  })

  const refuses = (what: string, text: string, ...problems: string[]) =>
    it(`refuses ${what}`, async () => {
      const found = await problemsOf(loadText(text))
      expect(found).toHaveLength(problems.length)
      problems.forEach((problem, index) => expect(found[index]).toContain(problem))
    })
  refuses('an unknown section', 'scrape_config: []\n', 'prometheus.yml:1:1: scrape_config: unknown key, did you mean "scrape_configs"?')
  refuses('a job without name', 'scrape_configs: [{}]\n', 'prometheus.yml:1:18: scrape_configs[0]: job_name is empty')
  refuses('two jobs of one name', 'scrape_configs: [{job_name: a}, {job_name: a}]\n', 'found multiple scrape configs with job name "a"')
  refuses('a timeout above the interval', 'scrape_configs: [{job_name: a, scrape_interval: 5s, scrape_timeout: 6s}]\n', 'scrape timeout greater than scrape interval')
  refuses('a URL as target', "scrape_configs: [{job_name: a, static_configs: [{targets: ['http://h:1/']}]}]\n", '"http://h:1/" is not a valid hostname')
  refuses('a bad regular expression', "scrape_configs: [{job_name: a, relabel_configs: [{regex: '(', target_label: x}]}]\n", 'not a valid RE2 regular expression')
  refuses('replace without target', 'scrape_configs: [{job_name: a, relabel_configs: [{source_labels: [x]}]}]\n', "requires 'target_label' value")
  refuses('hashmod without modulus', 'scrape_configs: [{job_name: a, relabel_configs: [{action: hashmod, target_label: x}]}]\n', 'requires non-zero modulus')
  refuses('labeldrop with more than a regex', 'scrape_configs: [{job_name: a, relabel_configs: [{action: labeldrop, source_labels: [x]}]}]\n', "requires only 'regex'")
  refuses('two ways of authentication', 'scrape_configs: [{job_name: a, bearer_token: x, basic_auth: {username: u}}]\n', 'at most one of basic_auth, authorization, oauth2')
  refuses('basic as authorization type', 'scrape_configs: [{job_name: a, authorization: {type: Basic}}]\n', 'use "basic_auth" instead')
  refuses('a reserved header', 'scrape_configs: [{job_name: a, http_headers: {Host: {values: [x]}}}]\n', 'is set by the client')
  refuses('Alertmanager API v1', 'alerting: {alertmanagers: [{api_version: v1}]}\n', 'expected Alertmanager API version v2')
  refuses('a glob in the middle', 'rule_files: ["a/*/b.yml"]\n', 'invalid rule file path')
  refuses('a retention rule without time', 'storage: {tsdb: {retention: {rules: [{match: up}]}}}\n', 'prometheus.yml:1:38: storage.tsdb.retention.rules[0]: a retention rule needs time')
  refuses('a retention rule with a bad selector', 'storage: {tsdb: {retention: {rules: [{match: "{job=}", time: 7d}]}}}\n', 'storage.tsdb.retention.rules[0].match: expected a selector such as {job="debug"}')
  refuses('a downsampling rule without age', 'storage: {tsdb: {downsampling: [{resolution: 5m}]}}\n', 'prometheus.yml:1:33: storage.tsdb.downsampling[0]: a downsampling rule needs after')
  refuses('a resolution that selectors would miss', 'storage: {tsdb: {downsampling: [{after: 30d, resolution: 1h}]}}\n', 'storage.tsdb.downsampling[0].resolution: expected a resolution of 5m or a whole part of it')
  refuses('negative retention', 'storage: {tsdb: {retention: {size: -1GB}}}\n', 'expected a size with unit')
  refuses('an unknown kubernetes role', 'scrape_configs: [{job_name: a, kubernetes_sd_configs: [{role: pods}]}]\n', 'did you mean "pod"?')
  refuses(
    'everything wrong at once',
    'global: {scrape_interval: 1}\nscrape_configs: 5\nrule_file: []\n',
    'global.scrape_interval: expected a duration',
    'scrape_configs: expected a list',
    'rule_file: unknown key',
  )

  it('names rule, group and position in a rule file', async () => {
    const root = write({
      'prometheus.yml': 'rule_files: [r.yml]\n',
      'r.yml': `groups:
  - name: g
    rules:
      - alert: A
        expr: up == 0
        for: 5 minutes
      - record: ok
        expr: sum(up
`,
    })
    const found = await problemsOf(load({ file: join(root, 'prometheus.yml') }))
    expect(found[0]).toContain(`${join(root, 'r.yml')}:6:14: groups[0].rules[0].for: expected a duration`)
    expect(found[1]).toMatch(/r\.yml:8:15: groups\[0\]\.rules\[1\]\.expr: group "g", rule 2, "ok": could not parse expression: /)
  })

  it('says when a file cannot be read', async () => {
    expect(await problemsOf(load({ file: join(dir, 'none.yml') }))).toEqual([expect.stringContaining('cannot read the file: ENOENT')])
  })
})

describe('the examples', () => {
  it('load without a warning', async () => {
    const config = await load({ file: 'examples/prometheus.yml' }, { file: 'examples/alertmanager.yml' })
    expect(config.warnings.map(formatProblem)).toEqual([])
    expect(config.ruleFiles[0]?.groups[0]?.rules).toHaveLength(3)
  })
})

describe('checksumConfig', () => {
  it('changes with a file that a glob names', async () => {
    const root = write({ 'prometheus.yml': 'rule_files: ["*.rules"]\n', 'a.rules': 'groups: []\n' })
    const sources = [{ file: join(root, 'prometheus.yml') }]
    const before = await checksumConfig(sources)
    expect(await checksumConfig(sources)).toBe(before)
    writeFileSync(join(root, 'b.rules'), 'groups: []\n')
    expect(await checksumConfig(sources)).not.toBe(before)
  })
})
