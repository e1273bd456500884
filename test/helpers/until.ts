// Waiting for a server to get somewhere before the tests of it begin. In a test itself there is `expect.poll`.

import { setTimeout as delay } from 'node:timers/promises'

const patienceMs = 40_000

/** Asks again and again until it is so; throws with `what` when it never is. */
export async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + patienceMs
  while (!(await isSo())) {
    if (performance.now() > deadlineMs) throw new Error(`still not: ${what}`)
    await delay(50)
  }
}
