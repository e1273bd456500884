// The query service over the storage of a test.

import { join } from 'node:path'
import { createQueryService, type QueryService, type QueryServiceOptions } from '../../query/service/queryService.ts'
import { silentLogger } from '../../src/base/log.ts'
import { MetricRegistry } from '../../src/base/selfMetrics.ts'
import type { Storage } from '../../storage/storage.ts'

/** With the defaults of the server, but no limit on results and no results kept; `options` win. The caller closes it. */
export function startQueryService(storage: Storage & { readonly dir: string }, options: Partial<QueryServiceOptions> = {}): QueryService {
  return createQueryService({
    querierInit: () => storage.querierInit(),
    releaseWorker: (init) => storage.releaseWorker(init),
    changes: () => storage.head.changes(),
    registry: new MetricRegistry(),
    logger: silentLogger,
    lookbackMs: 300_000,
    timeoutMs: 60_000,
    maxSamples: 50_000_000,
    maxResultBytes: 0,
    resultCacheBytes: 0,
    maxConcurrency: 20,
    evaluationIntervalMs: 60_000,
    features: [],
    activeQueryFile: join(storage.dir, 'queries.active'),
    ...options,
  })
}
