// What is under way to each integration of each group. An integration is told one thing at a time; while it is busy, only
// the newest flush waits for it. So a slow receiver delays nobody else, neither in its group nor in others, and a reload
// cannot make two messages of one.

export type DeliveryOutcome = 'done' | 'failed' /** A newer flush took its place before it began. */ | 'superseded'

/** Does its work and says whether all is well. */
export type Delivery = () => Promise<boolean>

type Lane = { waiting: { readonly delivery: Delivery; readonly settle: (outcome: DeliveryOutcome) => void } | undefined }

export class Deliveries {
  readonly #lanes = new Map<string, Lane>()
  readonly #idle: (() => void)[] = []

  /** Runs the delivery when the integration named by `key` is free. */
  run(key: string, delivery: Delivery): Promise<DeliveryOutcome> {
    const busy = this.#lanes.get(key)
    if (busy !== undefined) {
      busy.waiting?.settle('superseded')
      return new Promise((settle) => (busy.waiting = { delivery, settle }))
    }
    this.#lanes.set(key, { waiting: undefined })
    return this.#begin(key, delivery)
  }

  /** Resolves when nothing is under way. */
  whenIdle(): Promise<void> {
    return this.#lanes.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve))
  }

  /** Drops what waits; what is under way goes on. */
  dropWaiting(): void {
    for (const lane of this.#lanes.values()) {
      lane.waiting?.settle('superseded')
      lane.waiting = undefined
    }
  }

  async #begin(key: string, delivery: Delivery): Promise<DeliveryOutcome> {
    try {
      return (await delivery()) ? 'done' : 'failed'
    } finally {
      this.#next(key)
    }
  }

  #next(key: string): void {
    const next = this.#lanes.get(key)?.waiting
    if (next !== undefined) {
      this.#lanes.set(key, { waiting: undefined })
      this.#begin(key, next.delivery).then(next.settle, () => next.settle('failed'))
      return
    }
    this.#lanes.delete(key)
    if (this.#lanes.size === 0) for (const resolve of this.#idle.splice(0)) resolve()
  }
}
