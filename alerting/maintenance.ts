// What the built-in Alertmanager does at intervals beside its work: it forgets what nobody needs any more.

import { errorText } from '../src/base/assert.ts'
import type { Logger } from '../src/base/log.ts'
import type { Clock } from './dispatch/clock.ts'
import type { AlertmanagerMetrics } from './pipeline/alertmanagerMetrics.ts'

type MaintenanceDeps = { readonly clock: Clock; readonly logger: Logger; readonly metrics: AlertmanagerMetrics }

export class Maintenance {
  readonly #deps: MaintenanceDeps
  readonly #stopTimers: (() => void)[] = []

  constructor(deps: MaintenanceDeps) {
    this.#deps = deps
  }

  /** Does it after each interval until `stop`; `work` does not reject. */
  every(intervalMs: number, work: () => Promise<void>): void {
    let stopTimer = () => {}
    const arm = () => {
      stopTimer = this.#deps.clock.setTimer(intervalMs, () => {
        arm()
        void work()
      })
    }
    arm()
    this.#stopTimers.push(() => stopTimer())
  }

  /** Does it now, under Alertmanager's metrics of maintenance. A failure is logged; the next time may do. */
  async run(what: 'nflog' | 'silences', work: () => Promise<void>): Promise<void> {
    const startedMs = performance.now()
    let ok = true
    try {
      await work()
    } catch (error) {
      ok = false
      this.#deps.logger.error(`Maintenance of ${what} failed`, { err: errorText(error) })
    }
    this.#deps.metrics.maintenance(what, (performance.now() - startedMs) / 1_000, ok)
  }

  stop(): void {
    for (const stop of this.#stopTimers) stop()
  }
}
