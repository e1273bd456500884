// Applying a configuration to what runs, at start and again on every reload: all parts take the new one or all keep the
// old one. Reloads come from SIGHUP, HTTP and the watch for changed files, and run one after the other.

import type { Notifications } from '../web/notifications.ts'
import { errorText } from './base/assert.ts'
import type { Closable } from './base/closing.ts'
import { formatProblem } from './base/config/yaml.ts'
import type { Logger } from './base/log.ts'
import type { MetricRegistry } from './base/selfMetrics.ts'
import { maxTimerMs } from './base/timer.ts'
import type { Config } from './config/config.ts'

/** One part that a configuration is applied to. It throws before it changes anything, or does not throw. */
export type ApplyStep = { readonly name: string; readonly apply: (config: Config) => void | Promise<void> }

export type ReloaderOptions = {
  readonly steps: readonly ApplyStep[]
  /** Reads and checks everything; rejects with what is wrong. */
  readonly load: () => Promise<Config>
  /** Something that changes when the content of any configuration file does. */
  readonly checksum: () => Promise<string>
  /** How often to look at the checksum; undefined = never. */
  readonly autoReloadIntervalMs: number | undefined
  readonly logger: Logger
  readonly registry: MetricRegistry
  readonly notifications: Notifications
}

export type Reloader = Closable & {
  /** The configuration that runs. */
  readonly config: Config
  readonly isLastSuccessful: boolean
  readonly lastSuccessMs: number
  /** Loads and applies. Rejects when that fails; then the old configuration runs on. */
  reload(): Promise<void>
}

const failedNotification = 'Configuration reload has failed.'

/** Applies the first configuration; rejects when a part refuses it. */
export async function createReloader(first: Config, options: ReloaderOptions): Promise<Reloader> {
  const { steps, logger, notifications } = options
  let config = first
  let isLastSuccessful = true
  let lastSuccessMs = Date.now()
  let queue: Promise<void> = Promise.resolve()
  await applyAll(steps, first, undefined)
  logWarnings(first, logger)
  options.registry.sampled('prometheus_config_last_reload_successful', 'Whether the last configuration reload attempt was successful.', 'gauge', () =>
    isLastSuccessful ? 1 : 0,
  )
  options.registry.sampled(
    'prometheus_config_last_reload_success_timestamp_seconds',
    'Timestamp of the last successful configuration reload.',
    'gauge',
    () => lastSuccessMs / 1000,
  )

  const reloadOnce = async () => {
    try {
      const next = await options.load()
      await applyAll(steps, next, config)
      config = next
      isLastSuccessful = true
      lastSuccessMs = Date.now()
      notifications.remove(failedNotification)
      logWarnings(next, logger)
      logger.info('Completed loading of configuration file')
    } catch (error) {
      isLastSuccessful = false
      notifications.add(failedNotification)
      throw error
    }
  }
  const reload = () => {
    const run = queue.then(reloadOnce)
    queue = run.catch(() => {}) // whoever asked is told; the next one starts in any case
    return run
  }
  const watch = await watchFiles(options, reload)
  return {
    get config() {
      return config
    },
    get isLastSuccessful() {
      return isLastSuccessful
    },
    get lastSuccessMs() {
      return lastSuccessMs
    },
    reload,
    async close() {
      watch.close()
      await queue
    },
  }
}

/** All or nothing: when a part refuses, the parts before it get the previous configuration back. */
async function applyAll(steps: readonly ApplyStep[], next: Config, previous: Config | undefined): Promise<void> {
  const applied: ApplyStep[] = []
  for (const step of steps) {
    try {
      await step.apply(next)
      applied.push(step)
    } catch (error) {
      if (previous !== undefined) for (const one of applied.reverse()) await one.apply(previous)
      throw new Error(`${step.name}: ${errorText(error)}`, { cause: error })
    }
  }
}

function logWarnings(config: Config, logger: Logger): void {
  for (const warning of config.warnings) logger.warn(formatProblem(warning), { component: 'config' })
}

async function watchFiles(options: ReloaderOptions, reload: () => Promise<void>): Promise<Closable> {
  const { autoReloadIntervalMs, logger } = options
  if (autoReloadIntervalMs === undefined) return { close() {} }
  let seen = await options.checksum()
  let isBusy = false
  const look = async () => {
    if (isBusy) return
    isBusy = true
    try {
      const now = await options.checksum()
      if (now !== seen) {
        logger.info('Configuration file change detected, reloading the configuration.')
        await reload()
        seen = now
      }
    } catch (error) {
      logger.error('Error reloading config', { err: errorText(error) })
    } finally {
      isBusy = false
    }
  }
  const timer = setInterval(() => void look(), Math.min(autoReloadIntervalMs, maxTimerMs))
  timer.unref()
  return { close: () => clearInterval(timer) }
}
