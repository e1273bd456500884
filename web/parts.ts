// What the HTTP server shows and does, as the handlers in api/ need it. app.ts fills it in when everything runs; until
// then the routes answer 503.

import type { Alertmanager } from '../alerting/alertmanager.ts'
import type { Notifier } from '../alerting/notifier/notifier.ts'
import type { RuleManager } from '../alerting/rules/ruleManager.ts'
import type { OtlpReceiver } from '../ingest/otlp/otlpReceiver.ts'
import type { RemoteWrite } from '../ingest/remoteWrite/remoteWrite.ts'
import type { ScrapeConfig } from '../ingest/scrape/job/scrapeConfig.ts'
import type { ScrapeManager } from '../ingest/scrape/scrapeManager.ts'
import type { QueryService } from '../query/service/queryService.ts'
import type { Labels } from '../storage/model/labels.ts'
import type { Storage } from '../storage/storage.ts'
import type { StorageStats } from '../storage/storageMetrics.ts'

export type Parts = {
  readonly query: Pick<QueryService, 'respond' | 'remoteRead' | 'evaluate'>
  readonly scraping: Pick<
    ScrapeManager,
    'targets' | 'droppedTargets' | 'droppedTargetCounts' | 'scrapePools' | 'scrapePool' | 'metadata'
  >
  readonly rules: Pick<RuleManager, 'groups' | 'alerts'>
  readonly notifier: Pick<Notifier, 'alertmanagers'>
  readonly alertmanager: Pick<Alertmanager, 'respond'>
  readonly remoteWrite: Pick<RemoteWrite, 'receive'>
  readonly storage: Pick<Storage, 'exemplars' | 'backfillAppender' | 'deleteSeries' | 'cleanTombstones' | 'snapshot'>
  /** Undefined when the receiver is off. */
  readonly otlp: OtlpReceiver | undefined
  readonly status: StatusSource
  /** Of the configuration that runs. */
  readonly externalLabels: () => Labels
  readonly configYaml: () => string
  readonly scrapeConfigYaml: (config: ScrapeConfig) => string
}

export type StatusSource = {
  readonly storage: () => StorageStats
  /** Such as `15d` or `15d or 10GiB`. */
  readonly retention: () => string
  readonly reloadConfigSuccess: () => boolean
  readonly lastConfigTimeMs: () => number
}
