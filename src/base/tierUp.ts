// How soon V8 optimises code. Between two small queries of a dashboard everything else runs, so that what they take is what
// the processor's caches have lost meanwhile, and optimised code is less to fetch. By V8's own counts some functions of their
// way would be optimised after the thousandth query.

import { setFlagsFromString } from 'node:v8'
import type { Worker } from 'node:worker_threads'

/** Calls of a function, V8's default and ours. There is one for TurboFan too, but once it was set V8 takes no earlier code, even with the default back. */
const counts = [
  { flag: 'invocation-count-for-maglev', usual: 400, sooner: 100 },
  { flag: 'minimum-invocations-after-ic-update', usual: 500, sooner: 100 },
] as const

let isWanted = false
let startingThreads = 0

/** From now on, in all threads. For a process whose start is over: code that was compiled with other counts, as Node's own was and what the compile cache keeps, is not used any more. */
export function optimizeSooner(): void {
  if (isWanted) return
  isWanted = true
  apply()
}

/** For each thread when it is made: until its first message, by when its modules are loaded, the counts are V8's, so that it need not compile them. */
export function startsWithUsualCounts(thread: Worker): void {
  startingThreads++
  let isStarting = true
  const started = () => {
    if (!isStarting) return
    isStarting = false
    startingThreads--
    apply()
  }
  apply()
  thread.once('message', started)
  thread.once('exit', started)
}

function apply(): void {
  const isSooner = isWanted && startingThreads === 0
  for (const { flag, usual, sooner } of counts) setFlagsFromString(`--${flag}=${isSooner ? sooner : usual}`)
}
