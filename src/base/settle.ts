// What a thread does once when its start is over. It does not know whose thread it is.

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** By then whoever waited for the start has had his first answer. */
const settleAfterMs = 1000

/**
 * Gives back the memory that only the start of this thread needed, a second from now: code that ran once and what it left
 * behind, 2 to 4 MB each. Takes some 20 ms in the writer thread and 60 ms in the main thread, so it is for once.
 */
export function settleMemorySoon(): void {
  setTimeout(() => collectEverything({ type: 'major', flavor: 'last-resort' }), settleAfterMs).unref()
}

/** What `--expose-gc` gives. As a flag of the process it would cost more than it saves, see `solowatch`. */
function collectEverything(options: NodeJS.GCOptions): void {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as NonNullable<typeof globalThis.gc> // what the flag adds to a new context
  setFlagsFromString('--no-expose-gc')
  gc(options)
}
