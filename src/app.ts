// Builds the parts in the order in which data flows through them, applies the configuration, and stops everything in
// reverse. The one place that knows every part; it decides nothing else. main.ts and the end-to-end tests call it.

import { join } from 'node:path'
import { createAlertmanager } from '../alerting/alertmanager.ts'
import { createNotifier } from '../alerting/notifier/notifier.ts'
import { createRuleManager } from '../alerting/rules/ruleManager.ts'
import { createDiscovery } from '../ingest/discovery/discovery.ts'
import { createRemoteWrite } from '../ingest/remoteWrite/remoteWrite.ts'
import { createScrapeManager } from '../ingest/scrape/scrapeManager.ts'
import { parseQuery } from '../query/language/parse.ts'
import { normalizedText } from '../query/language/print.ts'
import { createQueryService } from '../query/service/queryService.ts'
import { openStorage } from '../storage/storage.ts'
import { startStorage, type StorageStart } from '../storage/storageStart.ts'
import { Notifications } from '../web/notifications.ts'
import { registerProcessMetrics } from '../web/selfMetrics/metrics.ts'
import { createServer, type WebServer } from '../web/server.ts'
import { ClosingStack } from './base/closing.ts'
import type { Logger } from './base/log.ts'
import { MetricRegistry } from './base/selfMetrics.ts'
import type { Config } from './config/config.ts'
import { printScrapeConfig } from './config/configYaml.ts'
import { downsamplingRules, effectiveRetention, retentionText } from './config/retention.ts'
import { createExternalAlertmanagers } from './externalAlertmanagers.ts'
import type { Options } from './flags/options.ts'
import { storageStartOptions } from './flags/storageFlags.ts'
import { createReloader, type Reloader } from './reload.ts'
import { alertmanagerBuildInfo, buildInfo, userAgent } from './version.ts'

export type AppDeps = {
  readonly logger: Logger
  /** Reads the configuration again, for a reload. */
  readonly loadConfig: () => Promise<Config>
  readonly configChecksum: () => Promise<string>
  /** The reading of the data directory, when it has begun already. */
  readonly storageStart?: StorageStart
  /** Called when somebody asks over HTTP that the process ends. */
  readonly quit: () => void
}

export type App = {
  readonly server: WebServer
  reload(): Promise<void>
  stop(): Promise<void>
}

const startingNotification = 'Prometheus is starting and replaying the write-ahead log (WAL).'
const stoppingNotification = 'Prometheus is shutting down and gracefully stopping all operations.'

/** Resolves when the server is ready. Rejects when a part cannot start; then everything started before it is stopped. */
export async function createApp(config: Config, options: Options, deps: AppDeps): Promise<App> {
  const closing = new ClosingStack() // stop() unwinds this in reverse
  try {
    return await buildApp(config, { options, deps, closing })
  } catch (error) {
    await closing.close()
    throw error
  }
}

type Build = { readonly options: Options; readonly deps: AppDeps; readonly closing: ClosingStack }

async function buildApp(config: Config, { options, deps, closing }: Build): Promise<App> {
  const { logger } = deps
  const features = new Set(options.features)
  const registry = new MetricRegistry()
  const notifications = new Notifications()
  closing.add(registerProcessMetrics(registry, buildInfo))
  notifications.add(startingNotification)

  // The server listens first, so that health, metrics and the progress of the replay can be asked.
  let reloader: Reloader | undefined
  let replay = { min: 0, max: 0, current: 0 }
  const server = closing.add(
    await createServer(
      { ...options, build: buildInfo, flags: options.shown },
      {
        logger: logger.with({ component: 'web' }),
        registry,
        notifications,
        reload: async () => reloader?.reload(),
        quit: deps.quit,
        replay: () => replay,
      },
    ),
  )

  const start = deps.storageStart ?? startStorage(storageStartOptions(options, logger))
  const { hasSamples } = await start.begun
  const query = createQueryService({
    querierInit: start.querierInit,
    releaseWorker: (init) => start.head.releaseReader(init.head),
    registry,
    logger: logger.with({ component: 'query' }),
    lookbackMs: options.lookbackMs,
    timeoutMs: options.queryTimeoutMs,
    maxSamples: options.queryMaxSamples,
    maxResultBytes: options.queryMaxResultBytes,
    resultCacheBytes: options.queryResultCacheBytes,
    changes: () => start.head.changes(),
    maxConcurrency: options.queryMaxConcurrency,
    evaluationIntervalMs: config.global.evaluationIntervalMs,
    features: options.features,
    activeQueryFile: join(options.storagePath, 'queries.active'),
  })
  // Where there are samples they will be asked for, so a query thread loads while the head is filled; where there are none,
  // its memory is saved.
  if (hasSamples) query.prepare()
  const opening = openStorage({
    start,
    ...storageStartOptions(options, logger),
    ...effectiveRetention(config.storage, options),
    downsamplingRules: downsamplingRules(config.storage),
    outOfOrderWindowMs: config.storage.outOfOrderWindowMs,
    maxExemplars: config.storage.maxExemplars,
    registry,
    onReplay: ({ segment, segments }) => (replay = { min: 0, max: segments, current: segment }),
  })
  opening.catch(() => query.close())
  const storage = closing.add(await opening)
  closing.add(query) // so that it ends before storage does
  const alertmanager = closing.add(
    createAlertmanager({
      state: storage.state,
      logger: logger.with({ component: 'alertmanager' }),
      registry,
      externalUrl: options.externalUrl,
      version: alertmanagerBuildInfo,
      options: options.alertmanager,
    }),
  )
  const notifier = closing.add(
    createNotifier({
      logger: logger.with({ component: 'notifier' }),
      registry,
      userAgent,
      builtin: (alerts) => alertmanager.receive(alerts),
      queueCapacity: options.notificationQueueCapacity,
      maxBatchSize: options.notificationBatchSize,
      drainOnShutdown: options.drainNotificationQueue,
    }),
  )
  const discovery = createDiscovery({
    registry,
    logger: logger.with({ component: 'discovery' }),
    userAgent,
    reloadIntervalMs: options.discoveryReloadIntervalMs,
  })
  const externalAlertmanagers = closing.add(createExternalAlertmanagers({ notifier, discovery }))
  const rules = closing.add(
    createRuleManager({
      evaluate: query.evaluate,
      normalizeQuery: (text) => normalizedText(parseQuery(text, features)),
      appender: () => storage.appender(),
      state: storage.state,
      notify: (alerts) => notifier.send(alerts),
      logger: logger.with({ component: 'rules' }),
      registry,
      externalUrl: options.externalUrl,
      forGracePeriodMs: options.forGracePeriodMs,
      forOutageToleranceMs: options.forOutageToleranceMs,
      resendDelayMs: options.resendDelayMs,
    }),
  )
  const created = { becomesZero: features.has('created-timestamp-zero-ingestion'), becomesStart: features.has('st-storage'), isSynthesized: features.has('st-synthesis') && features.has('st-storage') }
  const addsTypeAndUnit = features.has('type-and-unit-labels')
  const scraping = closing.add(
    createScrapeManager({
      storage,
      discovery,
      logger: logger.with({ component: 'scrape' }),
      registry,
      userAgent,
      timestampToleranceMs: options.scrapeTimestampToleranceMs,
      created,
      addsTypeAndUnit,
    }),
  )
  const remoteWrite = createRemoteWrite({ storage, registry, logger: logger.with({ component: 'remoteWrite' }), created, addsTypeAndUnit, acceptedMessages: options.remoteWriteMessages })

  // Loaded when it is asked for: its message library is large.
  const otlp = !options.enableOtlpReceiver
    ? undefined
    : (await import('../ingest/otlp/otlpReceiver.ts')).createOtlpReceiver({
        storage,
        config: () => reloader?.config.otlp ?? config.otlp,
        lookbackMs: options.lookbackMs,
        created,
        addsTypeAndUnit,
        deltas: features.has('otlp-deltatocumulative') ? 'addedUp' : features.has('otlp-native-delta-ingestion') ? 'asGiven' : 'refused',
        logger: logger.with({ component: 'otlp' }),
      })

  reloader = closing.add(
    await createReloader(config, {
      // What can refuse a configuration comes first.
      steps: [
        { name: 'query log', apply: (next) => query.setLogFile(next.global.queryLogFile) },
        { name: 'alertmanager', apply: (next) => alertmanager.apply(next.alertmanager) },
        { name: 'scrape', apply: (next) => scraping.apply(next.scrapeConfigs, next.global.externalLabels) },
        { name: 'notify', apply: (next) => externalAlertmanagers.apply(next.alerting, next.global.externalLabels) },
        { name: 'rules', apply: (next) => rules.apply(next.ruleFiles, { externalLabels: next.global.externalLabels }) },
        {
          name: 'storage',
          apply: (next) => {
            storage.setRetention(effectiveRetention(next.storage, options))
            storage.setDownsampling(downsamplingRules(next.storage))
            storage.setOutOfOrderWindow(next.storage.outOfOrderWindowMs)
            storage.exemplars.resize(next.storage.maxExemplars)
            query.setEvaluationInterval(next.global.evaluationIntervalMs)
          },
        },
      ],
      load: deps.loadConfig,
      checksum: deps.configChecksum,
      autoReloadIntervalMs: options.autoReloadIntervalMs,
      logger,
      registry,
      notifications,
    }),
  )
  const running = reloader
  server.serve({
    query,
    scraping,
    rules,
    notifier,
    alertmanager,
    remoteWrite,
    otlp,
    storage,
    externalLabels: () => running.config.global.externalLabels,
    configYaml: () => running.config.yaml,
    scrapeConfigYaml: printScrapeConfig,
    status: {
      storage: () => storage.stats(),
      retention: () => retentionText(effectiveRetention(running.config.storage, options)),
      reloadConfigSuccess: () => running.isLastSuccessful,
      lastConfigTimeMs: () => running.lastSuccessMs,
    },
  })
  notifications.remove(startingNotification)
  return {
    server,
    reload: () => running.reload(),
    async stop() {
      const graceMs = 5_000
      notifications.add(stoppingNotification)
      await server.drain(graceMs)
      await closing.close()
    },
  }
}
