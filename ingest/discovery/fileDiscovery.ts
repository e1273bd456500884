// file_sd_configs: target groups in JSON and YAML files, read again when their directory changes and after each refresh
// interval. A file that cannot be read or parsed keeps its former groups; one that disappears loses them.

import { type FSWatcher, watch } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { dirname, extname } from 'node:path'
import { errorText } from '../../src/base/assert.ts'
import type { DiscoveryConfig } from '../../src/base/config/discoveryConfig.ts'
import { globFiles } from '../../src/base/globFiles.ts'
import type { Discoverer, DiscovererContext } from './discoverer.ts'
import { startPoller } from './poller.ts'
import { parseTargetGroups, type TargetGroup } from './targetGroup.ts'

type FileDiscoveryConfig = Extract<DiscoveryConfig, { kind: 'file' }>

/** An editor writes a file in several steps; they are read as one. */
const settleMs = 50

export function startFileDiscovery(config: FileDiscoveryConfig, context: DiscovererContext): Discoverer {
  const groups = new Map<string, readonly TargetGroup[]>()
  const refresh = async () => {
    const startedMs = performance.now()
    const files = new Set((await Promise.all(config.files.map(globFiles))).flat())
    for (const file of groups.keys()) {
      if (files.has(file)) continue
      groups.delete(file)
      context.metrics.fileMtime.remove({ filename: file })
    }
    const failures: string[] = []
    for (const file of files) {
      try {
        groups.set(file, await readGroups(file))
        context.metrics.fileMtime.set((await stat(file)).mtimeMs / 1000, { filename: file })
      } catch (error) {
        context.metrics.fileReadErrors.inc()
        failures.push(`${file}: ${errorText(error)}`)
      }
    }
    context.update([...groups.values()].flat())
    context.metrics.fileScanDuration.observe((performance.now() - startedMs) / 1000)
    if (failures.length > 0) throw new Error(`error reading file ${failures.join('; ')}`)
  }
  const poller = startPoller({ intervalMs: config.refreshIntervalMs, refresh, onFailure: context.fail, logger: context.logger })

  let settle: NodeJS.Timeout | undefined
  const watchers: FSWatcher[] = []
  for (const directory of new Set(config.files.map((file) => dirname(file)))) {
    try {
      const watcher = watch(directory, { persistent: false }, () => {
        clearTimeout(settle)
        settle = setTimeout(poller.poll, settleMs)
      })
      // The directory itself went away: the refresh interval goes on without the watcher.
      watcher.on('error', () => context.metrics.fileWatcherErrors.inc())
      watchers.push(watcher)
    } catch {
      context.metrics.fileWatcherErrors.inc()
    }
  }
  return {
    close: async () => {
      clearTimeout(settle)
      for (const watcher of watchers) watcher.close()
      await poller.close()
      for (const file of groups.keys()) context.metrics.fileMtime.remove({ filename: file })
    },
  }
}

async function readGroups(file: string): Promise<TargetGroup[]> {
  const format = extname(file).toLowerCase() === '.json' ? 'json' : 'yaml'
  return parseTargetGroups(await readFile(file, 'utf8'), format, file, { __meta_filepath: file })
}
