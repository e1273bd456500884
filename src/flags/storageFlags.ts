// Flags that say how the data directory is opened: all that is needed to begin with it, before any configuration is read.

import type { StorageStartOptions } from '../../storage/storageStart.ts'
import type { Logger } from '../base/log.ts'
import type { Options } from './options.ts'

/** What `startStorage` needs of them. */
export function storageStartOptions(options: Options, logger: Logger): StorageStartOptions {
  const { storagePath, lockFile, storageSync, maxSeries, maxSeriesPerJob } = options
  return { dir: storagePath, lockFile, sync: storageSync, maxSeries, maxSeriesPerJob, logger }
}
