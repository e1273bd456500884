// Lets other work of a thread have its turn during long loops.

import { setImmediate } from 'node:timers/promises'

/** Milliseconds that a loop may go on for. */
const turnMs = 5

export class Breather {
  #lastMs = performance.now()

  isDue(): boolean {
    return performance.now() - this.#lastMs >= turnMs
  }

  async take(): Promise<void> {
    await setImmediate()
    this.#lastMs = performance.now()
  }
}
