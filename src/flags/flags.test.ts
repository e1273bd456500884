import { mkdtempSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { helpText, parseFlags } from './flags.ts'
import type { Options } from './options.ts'
import { UsageError } from './usageError.ts'

function optionsOf(...args: string[]): Options {
  const command = parseFlags(args)
  if (command.kind !== 'run') throw new Error(`expected run, got ${command.kind}`)
  return command.options
}

describe('parseFlags', () => {
  it('has the defaults of Prometheus', () => {
    const options = optionsOf()
    expect(options).toMatchObject({
      configFile: undefined,
      listenAddresses: [{ host: '0.0.0.0', port: 9090 }],
      storagePath: 'data/',
      retentionTimeMs: undefined,
      retentionSizeBytes: 0,
      storageSync: 'interval',
      lookbackMs: 300_000,
      queryTimeoutMs: 120_000,
      queryMaxSamples: 50_000_000,
      queryMaxResultBytes: 512 * 1024 * 1024,
      queryResultCacheBytes: 64 * 1024 * 1024,
      queryMaxConcurrency: 20,
      enableLifecycle: false,
      routePrefix: '',
      externalUrl: `http://${hostname()}:9090`,
      logLevel: 'info',
      warnings: [],
    })
    expect(options.shown['query.max-samples']).toBe('50000000')
  })

  it('reads the flags of the founding set-up and warns only of those without effect', () => {
    const options = optionsOf(
      '--config.file=/etc/prometheus/prometheus.yml',
      '--storage.tsdb.path=/prometheus',
      '--web.console.libraries=/etc/prometheus/console_libraries',
      '--web.console.templates=/etc/prometheus/consoles',
      '--storage.tsdb.retention.time=90d',
      '--web.enable-lifecycle',
      '--web.enable-admin-api',
      '--storage.path=/alertmanager',
    )
    expect(options).toMatchObject({ configFile: '/etc/prometheus/prometheus.yml', storagePath: '/prometheus', retentionTimeMs: 90 * 86_400_000, enableLifecycle: true, enableAdminApi: true })
    expect(options.warnings.map((warning) => warning.split(' ')[0])).toEqual(['--storage.path'])
  })

  it('takes the value from the next argument, and negated booleans', () => {
    const options = optionsOf('--query.timeout', '30s', '--web.enable-lifecycle', '--no-alertmanager.drain-notification-queue-on-shutdown')
    expect(options).toMatchObject({ queryTimeoutMs: 30_000, enableLifecycle: true, drainNotificationQueue: false })
  })

  it('reads more arguments from a file', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'flags-')), 'args')
    writeFileSync(file, '# comment\n--log.level=debug\n--query.timeout\n1m\n')
    expect(optionsOf(`@${file}`)).toMatchObject({ logLevel: 'debug', queryTimeoutMs: 60_000 })
  })

  it('listens on every given address', () => {
    const options = optionsOf('--web.listen-address=:9090', '--web.listen-address=127.0.0.1:9093', '--web.listen-address=[::1]:0')
    expect(options.listenAddresses).toEqual([
      { host: '', port: 9090 },
      { host: '127.0.0.1', port: 9093 },
      { host: '::1', port: 0 },
    ])
  })

  it('takes the route prefix from the external URL unless told otherwise', () => {
    expect(optionsOf('--web.external-url=https://mon.example.org/prom/')).toMatchObject({ externalUrl: 'https://mon.example.org/prom', routePrefix: '/prom' })
    expect(optionsOf('--web.external-url=https://mon.example.org/prom', '--web.route-prefix=/')).toMatchObject({ externalUrl: 'https://mon.example.org/prom', routePrefix: '' })
  })

  it('takes an external URL that is a path alone as one of this host', () => {
    const externalUrl = `http://${hostname()}:9090/prom`
    for (const path of ['/prom', '/prom/', 'prom']) expect(optionsOf(`--web.external-url=${path}`)).toMatchObject({ externalUrl, routePrefix: '/prom' })
    expect(optionsOf('--web.route-prefix=/prom')).toMatchObject({ externalUrl, routePrefix: '/prom' })
    expect(optionsOf('--web.external-url=//mon.example.org/prom')).toMatchObject({ externalUrl: 'http://mon.example.org/prom', routePrefix: '/prom' })
  })

  it('shows the route prefix that holds', () => {
    expect(optionsOf().shown['web.route-prefix']).toBe('/')
    expect(optionsOf('--web.external-url=https://mon.example.org/prom/').shown['web.route-prefix']).toBe('/prom')
  })

  it('warns of unknown features and does not refuse them', () => {
    const options = optionsOf('--enable-feature=promql-experimental-functions,exemplar-storge', '--enable-feature=native-histograms')
    expect(options.features).toEqual(['promql-experimental-functions', 'exemplar-storge', 'native-histograms'])
    expect(options.warnings).toEqual([
      'Unknown option for --enable-feature: exemplar-storge, did you mean "exemplar-storage"?',
      '--enable-feature=native-histograms has no effect: it is always on',
    ])
  })

  it('says what a feature needs', () => {
    expect(optionsOf('--enable-feature=st-synthesis').warnings).toEqual(['--enable-feature=st-synthesis has no effect without st-storage'])
    expect(optionsOf('--enable-feature=st-synthesis,st-storage').warnings).toEqual([])
  })

  const refuses = (args: readonly string[], message: string | RegExp, exitCode = 2) =>
    it(`refuses ${args.join(' ')}`, () => {
      const run = () => parseFlags(args)
      expect(run).toThrow(UsageError)
      expect(run).toThrow(message)
      try {
        run()
      } catch (error) {
        expect((error as UsageError).exitCode).toBe(exitCode)
      }
    })
  refuses(['--confg.file=x'], `unknown long flag '--confg.file', did you mean "--config.file"?`)
  refuses(['--query.timeout=2'], 'expected a duration')
  refuses(['--storage.tsdb.retention.size=100'], 'expected a size with unit')
  refuses(['--query.timeout=2m', '--query.timeout=3m'], "flag 'query.timeout' cannot be repeated")
  refuses(['--query.timeout'], "expected argument for flag '--query.timeout'")
  refuses(['--storage.tsdb.retention=15d'], '--storage.tsdb.retention.time')
  refuses(['--log.level=verbose'], 'expected debug, info, warn, error')
  refuses(['--storage.max-series=-1'], 'must not be negative', 1)
  refuses(['--storage.sync=always'], 'expected interval, commit')
  refuses(['--storage.agent.path=x'], 'can not be used in server mode', 3)
  refuses(['--web.external-url="http://x/"'], 'quotes')
  refuses(['--web.cors.origin=('], 'CORS regex')
  refuses(['serve'], 'unexpected serve')

  it('knows help and version', () => {
    expect(parseFlags(['--version']).kind).toBe('version')
    expect(parseFlags(['-h']).kind).toBe('help')
    expect(helpText()).toContain('--config.file="prometheus.yml"')
  })
})
