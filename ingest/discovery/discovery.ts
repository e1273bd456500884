// Runs the discoveries of scrape jobs and alertmanagers and keeps what each has found. A discovery that cannot work is
// not an error of the start: its set has no targets from it and shows the reason.

import { errorText, unreachable } from '../../src/base/assert.ts'
import type { Closable } from '../../src/base/closing.ts'
import type { DiscoveryConfig } from '../../src/base/config/discoveryConfig.ts'
import type { Logger } from '../../src/base/log.ts'
import type { MetricRegistry } from '../../src/base/selfMetrics.ts'
import { createDiscoveryMetrics, type Discoverer, type DiscovererContext } from './discoverer.ts'
import { startDnsDiscovery } from './dnsDiscovery.ts'
import { startFileDiscovery } from './fileDiscovery.ts'
import { startHttpDiscovery } from './httpDiscovery.ts'
import { startKubernetesDiscovery } from './kubernetesDiscovery.ts'
import type { TargetGroup } from './targetGroup.ts'

export type DiscoveryFailure = { readonly mechanism: string; readonly error: string }

/** The discoveries of one job. */
export type DiscoverySet = Closable & {
  groups(): TargetGroup[]
  /** Discoveries that do not work at the moment, and why. */
  failures(): DiscoveryFailure[]
}

export type Discovery = {
  /** Starts the discoveries; `onChange` is called when groups may have changed, never from within this call. */
  watch(options: {
    readonly name: 'scrape' | 'notify'
    readonly set: string
    readonly configs: readonly DiscoveryConfig[]
    readonly onChange: () => void
  }): DiscoverySet
}

export type DiscoveryOptions = {
  readonly registry: MetricRegistry
  readonly logger: Logger
  readonly userAgent: string
  /** Changes of one set within this time of the last are told together; 5 s by default. */
  readonly reloadIntervalMs?: number
}

/** One per process: its metrics are registered once. */
export function createDiscovery(deps: DiscoveryOptions): Discovery {
  const metrics = createDiscoveryMetrics(deps.registry)
  const failing = { scrape: 0, notify: 0 }
  for (const name of ['scrape', 'notify'] as const) {
    metrics.failedConfigs.set(0, { name })
    for (const counter of [metrics.receivedUpdates, metrics.updates, metrics.updatesDelayed]) counter.inc({ name }, 0)
  }
  return {
    watch({ name, set, configs, onChange }) {
      const found = configs.map(() => [] as readonly TargetGroup[])
      const failures = new Map<number, DiscoveryFailure>()
      const labels = { name, config: set }
      let closed = false
      const notice = throttle(onChange, deps.reloadIntervalMs ?? 5_000, () => metrics.updatesDelayed.inc({ name }))
      const setFailure = (index: number, failure: DiscoveryFailure | undefined) => {
        if (failure !== undefined && !failures.has(index)) failing[name]++
        if (failure === undefined && failures.has(index)) failing[name]--
        if (failure === undefined) failures.delete(index)
        else failures.set(index, failure)
        metrics.failedConfigs.set(failing[name], { name })
      }
      const countTargets = () =>
        metrics.discoveredTargets.set(found.flat().reduce((sum, group) => sum + group.targets.length, 0), labels)
      const contextOf = (index: number, config: DiscoveryConfig): DiscovererContext => ({
        update: (groups) => {
          if (closed) return
          metrics.receivedUpdates.inc({ name })
          if (JSON.stringify(groups) === JSON.stringify(found[index])) return
          found[index] = groups
          countTargets()
          metrics.updates.inc({ name })
          notice.call()
        },
        fail: (error) => !closed && setFailure(index, error === undefined ? undefined : { mechanism: mechanismOf(config), error }),
        timed: async (mechanism, refresh) => {
          const startedMs = performance.now()
          try {
            return await refresh()
          } catch (error) {
            metrics.refreshFailures.inc({ mechanism, config: set })
            throw error
          } finally {
            metrics.refreshDuration.observe((performance.now() - startedMs) / 1000, { mechanism, config: set })
          }
        },
        metrics,
        logger: deps.logger.with({ discovery: mechanismOf(config), config: set }),
        userAgent: deps.userAgent,
      })
      const running: Discoverer[] = []
      configs.forEach((config, index) => {
        if (config.kind === 'static') found[index] = staticGroups(config.groups)
        else running.push(startDiscoverer(config, contextOf(index, config)))
      })
      countTargets()
      return {
        groups: () => found.flat(),
        failures: () => [...failures.values()],
        close: async () => {
          closed = true
          notice.cancel()
          for (const index of [...failures.keys()]) setFailure(index, undefined)
          metrics.discoveredTargets.remove(labels)
          await Promise.all(running.map((discoverer) => discoverer.close()))
        },
      }
    },
  }
}

/** Calls `callback` at once when the last call is long enough ago, else as soon as it is; `onDelay` hears of the latter. */
function throttle(callback: () => void, intervalMs: number, onDelay: () => void): { call(): void; cancel(): void } {
  let lastMs = -Infinity
  let timer: NodeJS.Timeout | undefined
  const run = () => {
    timer = undefined
    lastMs = performance.now()
    callback()
  }
  return {
    call: () => {
      if (timer !== undefined) return
      const waitMs = lastMs + intervalMs - performance.now()
      if (waitMs <= 0) return run()
      onDelay()
      timer = setTimeout(run, waitMs)
    },
    cancel: () => clearTimeout(timer),
  }
}

function startDiscoverer(config: Exclude<DiscoveryConfig, { kind: 'static' }>, context: DiscovererContext): Discoverer {
  try {
    switch (config.kind) {
      case 'file':
        return startFileDiscovery(config, context)
      case 'http':
        return startHttpDiscovery(config, context)
      case 'dns':
        return startDnsDiscovery(config, context)
      case 'kubernetes':
        return startKubernetesDiscovery(config, context)
      case 'unsupported': {
        const error = `${config.key} is valid Prometheus configuration, but not built yet`
        context.logger.error('Cannot create service discovery', { err: error })
        context.fail(error)
        return { close: () => {} }
      }
      default:
        return unreachable(config)
    }
  } catch (error) {
    context.logger.error('Cannot create service discovery', { err: errorText(error) })
    context.fail(errorText(error))
    return { close: () => {} }
  }
}

function staticGroups(groups: Extract<DiscoveryConfig, { kind: 'static' }>['groups']): TargetGroup[] {
  return groups.map((group, index) => ({
    source: String(index),
    targets: group.targets.map((address) => ({ __address__: address })),
    labels: group.labels,
  }))
}

/** The key in the configuration, which is what people look for. */
function mechanismOf(config: DiscoveryConfig): string {
  if (config.kind === 'unsupported') return config.key
  return config.kind === 'static' ? 'static_configs' : `${config.kind}_sd_configs`
}
